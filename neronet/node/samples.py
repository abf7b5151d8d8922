"""What the processes of a run use, and what they run on: read seldom, and only of runs that last."""

import fcntl
import os
import re
import subprocess
import threading
import time

from neronet.node import facts, procs
from neronet.node.files import make_private, read_json, write_json
from neronet.wire import samples

GPUS_EVERY = 30.0  # seconds between two calls of nvidia-smi on a host, however many runs there are
GPUS_OLD = 90.0  # seconds after which an answer says nothing of now
PYTHON_TIMEOUT = 20.0  # seconds; on a network file system the first start takes long
PEAKS = 64  # processes at most of which the own peak is looked up
_TICKS = float(os.sysconf("SC_CLK_TCK"))
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PYTHON = re.compile(
    r"python[0-9.]*\Z"
)  # not a program of the user's own, which is not to be started for this


class Tree(object):
    """The processes of a run: those of the wrapper's session, and those with the run's mark in their environment."""

    def __init__(self, wrapper, mark):
        self._wrapper, self._mark = str(wrapper).encode("ascii"), mark.encode("ascii")
        self._strangers = {}  # pid -> start time, so that an environment is read once

    def look(self):
        """{pid: fields of its stat from the state on}, the wrapper among them; one walk over /proc."""
        found, strangers = {}, {}
        me, own = os.getuid(), str(os.getpid())
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or entry == own:
                continue
            try:
                if os.stat("/proc/" + entry).st_uid != me:
                    continue
                fields = _read("/proc/%s/stat" % entry).rpartition(b")")[2].split()
                if len(fields) < 22:
                    continue
                if fields[3] == self._wrapper or self._is_new_and_marked(entry, fields[19]):
                    found[entry] = fields
                else:
                    strangers[entry] = fields[19]
            except OSError:
                continue  # it ended while we looked
        self._strangers = strangers
        return found

    def program(self, tree):
        """The environment (name -> value) of the program itself and its pid, once its setup lines are done, or None."""
        for pid, fields in tree.items():
            if fields[1] == self._wrapper:
                try:
                    items = procs.read_bytes("/proc/%s/environ" % pid).split(b"\0")
                except OSError:
                    continue
                variables = dict(item.split(b"=", 1) for item in items if b"=" in item)
                if variables and b"NERONET_SETUP_FAILED" not in variables:
                    return {os.fsdecode(name): os.fsdecode(value) for name, value in variables.items()}, int(
                        pid
                    )
        return None

    def _is_new_and_marked(self, entry, start):
        return self._strangers.get(entry) != start and self._mark in procs.read_bytes(
            "/proc/%s/environ" % entry
        ).split(b"\0")


def _read(path):
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 4096)
    finally:
        os.close(fd)


def cpu_seconds(tree):
    """Of all processes, those among them that have ended and were waited for."""
    return sum(sum(map(int, fields[11:15])) for fields in tree.values()) / _TICKS


def peak_of(pid):
    """Bytes that a process once had resident at most, 0 where it is not told."""
    match = re.search(rb"VmHWM:\s+(\d+) kB", _read("/proc/%s/status" % pid))
    return int(match.group(1)) * 1024 if match else 0


class Sampler(object):
    """Takes the samples of one attempt. `number`, `base` and `to` are those of a stream: its offsets are milliseconds
    since the start, and rise, whoever watches."""

    number, base = samples.STREAM, 0

    def __init__(self, kid, attempt, wrapper, to, last):
        """to: up to where an earlier watcher took samples; last: name -> value of its last ones."""
        self._kid, self._attempt, self.to = kid, attempt, to
        self._wrapper = str(wrapper)
        self._tree = Tree(wrapper, "NERONET_RUN=" + attempt.mark)
        self._cpu = None if to else (0.0, 0.0)  # seconds since the start, and those of a core used until then
        self._peak = last.get(samples.PEAK, 0.0)
        self._facts = None  # being asked for
        self._gpus = None
        self._mine = None  # indices of the GPUs of this run; None: all

    def take(self, elapsed):
        """[[name, value, offset, None], ...] of now."""
        tree = self._tree.look()
        if self._facts is None:
            self._ask(tree)
        used = cpu_seconds(tree)
        values = {samples.LOAD: round(os.getloadavg()[0], 2), samples.CPU_MEAN: round(used / elapsed, 3)}
        if self._cpu is not None and elapsed > self._cpu[0]:
            values[samples.CPU] = round(max(0.0, used - self._cpu[1]) / (elapsed - self._cpu[0]), 3)
        self._cpu = elapsed, used
        tree.pop(self._wrapper, None)  # which is ours
        memory = float(sum(int(fields[21]) for fields in tree.values()) * _PAGE)
        self._peak = max([self._peak, memory] + [_peak(pid) for pid in list(tree)[:PEAKS]])
        values[samples.MEMORY], values[samples.PEAK] = memory, self._peak
        values.update(self._gpu_values())
        offset = self.to = max(self.to + 1, int(elapsed * 1000))
        return [[name, values[name], offset, None] for name in samples.NAMES if name in values]

    def state_at(self, to):
        """As of a Stream: nothing."""

    def environment(self):
        """The facts of this run, once they are known, else None."""
        return None if self._facts is None else self._facts.result

    def _ask(self, tree):
        found = self._tree.program(tree)
        if found is None:
            return
        variables, pid = found
        claim = self._attempt.read_claim() or {}
        if claim.get("counts_gpus"):
            self._mine = list(claim["gpus"])
        else:
            words = variables.get("CUDA_VISIBLE_DEVICES", "").split(",")
            self._mine = [int(word) for word in words] if all(word.isdigit() for word in words) else None
        argv = self._attempt.batch.run(self._attempt.index)["argv"]
        self._facts = Background(lambda: environment(self._kid, variables, pid, argv, self._mine))

    def _gpu_values(self):
        """Of the run's GPUs, by the last answer of nvidia-smi; asked in the background, since it takes long."""
        known = None if self._facts is None else self._facts.result
        if not known or not known["gpus"]:
            return {}
        if self._gpus is None or self._gpus.done:
            gpus = None if self._gpus is None else self._gpus.result
            self._gpus = Background(lambda: shared_gpus(self._kid.root.host(self._kid.here.host)))
        else:
            gpus = None
        if gpus is None:
            return {}
        mine = [gpu for gpu in gpus if self._mine is None or gpu["index"] in self._mine]
        return {
            samples.GPU: sum(gpu["load"] for gpu in mine) / 100.0,
            samples.GPU_MEMORY: float(sum(gpu["used"] for gpu in mine)),
        }


def _peak(pid):
    try:
        return float(peak_of(pid))
    except OSError:
        return 0.0


class Background(object):
    """Something slow, done by a thread of its own; `result` is None until then, and where it failed."""

    def __init__(self, work):
        self.result, self.done = None, False
        self._work = work
        threading.Thread(target=self._do, daemon=True).start()

    def _do(self):
        try:
            self.result = self._work()
        except (OSError, ValueError):
            pass  # what is only told must not end a watcher
        self.done = True


def shared_gpus(folder):
    """What nvidia-smi says, asked by one kid of the host for all of them; None where the last answer is too old."""
    path = os.path.join(folder, "gpus.json")
    with open(os.path.join(folder, "gpus.lock"), "w") as lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _age(path) >= GPUS_EVERY:
                write_json(path, {"gpus": facts.query_gpus()}, sync=False)
        except BlockingIOError:
            pass  # somebody asks just now
    return read_json(path, {}).get("gpus") if _age(path) < GPUS_OLD else None


def _age(path):
    try:
        return abs(time.time() - os.stat(path).st_mtime)
    except OSError:
        return float("inf")


# -- facts


def environment(kid, variables, pid, argv, mine):
    """What a run runs on, and in; `variables` are its own."""
    make_private(kid.root.host(kid.here.host))  # a task of a scheduler has none yet
    known = facts.lasting(kid.root, kid.here)
    gpus = [gpu for gpu in known["gpus"] if mine is None or gpu["index"] in mine]
    found = {
        "host": kid.here.host,
        "system": os.uname().sysname + " " + os.uname().release,
        "cores": len(os.sched_getaffinity(pid)),
        "cpu": cpu_model(procs.read_text("/proc/cpuinfo")),
        "memory": known["memory"],
        "gpus": [gpu["name"] for gpu in gpus],
        "driver": next((gpu["driver"] for gpu in gpus if gpu.get("driver")), ""),
        "python": python_version(python_of(argv, variables), variables),
        "modules": [word for word in variables.get("LOADEDMODULES", "").split(":") if word],
        "conda": variables.get("CONDA_DEFAULT_ENV", ""),
        "load": round(os.getloadavg()[0], 2),
    }
    return {word: value for word, value in found.items() if value is not None and value != ""}


def cpu_model(cpuinfo):
    """The processor's name in the text of /proc/cpuinfo, "" where it is not told."""
    for line in cpuinfo.splitlines():
        word, _, value = line.partition(":")
        if word.strip() in ("model name", "Model", "cpu model", "cpu"):
            return " ".join(value.split())
    return ""


def python_of(argv, variables):
    """The Python that a run is most likely about: its own command, else the first one on its PATH; or None."""
    names = [argv[0]] if _PYTHON.match(os.path.basename(argv[0])) else []
    for name in names + ["python3", "python"]:
        path = name if "/" in name else procs.which(name, variables.get("PATH"))
        if path:
            return path
    return None


def python_version(path, variables):
    """`3.11.2`, "" where it cannot be told."""
    if path is None:
        return ""
    try:
        said = subprocess.check_output(
            [path, "--version"],
            env=variables,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,  # where Python 2 says it
            timeout=PYTHON_TIMEOUT,
            cwd="/",
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return ""
    match = re.match(rb"Python (\S+)", said)
    return match.group(1).decode("ascii", "replace") if match else ""
