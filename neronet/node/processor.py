"""The process beside a run in which a user's own output processors are called.

Run as `PYTHON -c SOURCE PARENT` in the run's work/, by whatever Python the run has: nothing of ours is imported, and the
grammar is that of Python 3.4.  It speaks lines of JSON.  In: first {"calls": [[module, function, [argument, ...]],
...], "agent": path of the agent's zip}, then requests, each answered by one line:

    {"k": n, "lines": [text, ...]}        ->  {"done": how many were read, "v": [[which, name, value], ...]}
    {"k": n, "path": p, "seen": {name: [count, last value]}}  ->  {"v": [[0, name, value], ...], "more": true or false}

An answer may have "bad": how many calls failed, "error": what the first of them said, and "off": true when the
function cannot be called at all.  A line `ready` comes before the first answer of a function, once its module is
there.  It ends when its input does, or with its parent.
"""

import ctypes
import importlib
import json
import os
import re
import resource
import signal
import sys
import time

MEMORY = 1 << 30  # bytes of data
ADDRESSES = 8 << 30  # bytes of address space: libraries reserve more than they use
NICENESS = 10
AT_ONCE = 0.5  # seconds after which lines that are left go back
MAX_VALUES = 10000  # in one answer
MAX_NAMES = 1000
MAX_ERROR = 300  # characters


def confine():
    """Limits, and an end with the parent even while a user's function loops."""
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
    except (OSError, AttributeError):
        pass
    if os.getppid() != int(sys.argv[1]):
        os._exit(0)  # it died before it could be bound to us
    for limit, most in (
        (resource.RLIMIT_DATA, MEMORY),
        (resource.RLIMIT_AS, ADDRESSES),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(limit)[1]
        resource.setrlimit(limit, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    os.setpriority(os.PRIO_PROCESS, 0, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))


def find(module, function, agent):
    """The user's function; modules beside the experiment come first, our examples come with the agent."""
    if module.split(".")[0] == "neronet":
        sys.path.insert(0, agent)
        try:
            found = importlib.import_module(module)
        finally:
            sys.path.remove(agent)
    else:
        found = importlib.import_module(module)
    for name in function.split("."):
        found = getattr(found, name)
    if not callable(found):
        raise TypeError("%s of %s is not a function" % (function, module))
    return found


def describe(error):
    """`ZeroDivisionError: division by zero (line 12 of reader.py)`: the last line of a traceback, and where."""
    said = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = type(error).__name__ + (": " + said[-1] if said else "")
    trace, place = error.__traceback__, ""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file != "<string>" and not file.startswith("<frozen"):
            place = " (line %d of %s)" % (trace.tb_lineno, os.path.basename(file))
        trace = trace.tb_next
    return text[: MAX_ERROR - len(place)] + place


def numeric(value):
    """A float for anything that is a number, numpy's own and tensors of one element too; else None."""
    if isinstance(value, (str, bytes, bool)) or not hasattr(value, "__float__"):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def pairs(result):
    """[(name of a metric, value), ...] of what a function gave; names as `wire.printed.metric_name` makes them."""
    if result is None:
        return []
    if not hasattr(result, "items"):
        raise TypeError("it gave a %s instead of a dict" % type(result).__name__)
    found = []
    for key, value in list(result.items())[:MAX_NAMES]:
        name = re.sub(r"[^A-Za-z0-9_./%-]+", "_", str(key)).strip("_") or "_"
        found.append(((name if name[0].isalpha() else "_" + name)[:200], value))
    return found


def read_lines(function, arguments, request):
    values, bad, error, done = [], 0, None, 0
    end = time.time() + AT_ONCE
    for text in request["lines"]:
        try:
            for name, value in pairs(function(text, *arguments)):
                number = numeric(value)
                if number is not None:
                    values.append([done, name, number])
        except (Exception, SystemExit) as problem:
            bad, error = bad + 1, error or describe(problem)
        done += 1
        if time.time() > end or len(values) > MAX_VALUES:
            break
    return {"done": done, "v": values, "bad": bad, "error": error}


def read_file(function, arguments, request):
    try:
        with open(request["path"], errors="replace") as file:
            found = pairs(function(file, *arguments))
        values = []
        for name, value in found:
            values += new_of(name, value, request["seen"].get(name))
    except (Exception, SystemExit) as problem:
        return {"v": [], "bad": 1, "error": describe(problem)}
    return {"v": values[:MAX_VALUES], "more": len(values) > MAX_VALUES}


def new_of(name, value, seen):
    """[[0, name, number], ...] that are new in a value of which `seen` (count, last number) was taken before."""
    number = numeric(value)
    if number is not None and not getattr(value, "shape", None):
        same = seen is not None and (number == seen[1] or (number != number and seen[1] != seen[1]))
        return [] if same else [[0, name, number]]
    if hasattr(value, "tolist"):
        value = value.tolist()
    if not isinstance(value, (list, tuple)):
        return []
    rest = value[seen[0] if seen is not None else 0 :][: MAX_VALUES + 1]
    numbers = [numeric(item) for item in rest]
    # What is no number keeps its place: the next call counts from there.
    return [[0, name, float("nan") if item is None else item] for item in numbers]


def main():
    if sys.version_info < (3, 4):
        error = (
            "the Python of this run is %d.%d, and these functions need 3.6 or newer" % sys.version_info[:2]
        )
        sys.stdout.write(json.dumps({"off": True, "error": error}) + "\n")
        return
    confine()
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)  # what users' functions print goes nowhere
    sys.path.insert(0, os.getcwd())
    head = json.loads(requests.readline().decode("utf-8"))
    functions = {}
    for line in iter(requests.readline, b""):
        request = json.loads(line.decode("utf-8"))
        k = request["k"]
        module, name, arguments = head["calls"][k]
        try:
            if k not in functions:
                functions[k] = find(module, name, head["agent"])
                answers.write(b"ready\n")
                answers.flush()
        except (Exception, SystemExit) as problem:
            answer = {"v": [], "bad": 1, "error": describe(problem), "off": True}
        else:
            read = read_lines if "lines" in request else read_file
            answer = read(functions[k], arguments, request)
        answers.write(json.dumps(answer).encode("ascii") + b"\n")
        answers.flush()


if __name__ == "__main__":
    main()
