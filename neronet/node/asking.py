"""The kid's side of the process in which a run's own output processors are called; processor.py is the other.

One process per run, started when there is something to read and ended with the run.  Nothing here waits: a request is
written, its answer is looked for whenever the watcher looks at its streams.  Whatever the functions do, the run is
not touched: a process that dies, says too much or takes too long is killed, and the processor that was at work is
not called again.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time

from neronet.node import procs
from neronet.wire import printed

ANSWER = 30.0  # seconds that one line or one file may take
IMPORT = 120.0  # seconds that the import of a module may take: network file systems are slow
MAX_ANSWER = 4 << 20  # bytes
READY = b"ready"  # said instead of an answer, once: the module is there
_PYTHON = re.compile(r"(python|pypy)(3[0-9.]*)?\Z")


class Child(object):
    """calls: [[module, function, [argument, ...]], ...]; prepare() gives (argv, environment) of the run, None: later.

    Who asks has `request()` (a dict or None), `answered(answer)` and `failed(why, for good)`.
    """

    def __init__(self, calls, work, prepare):
        self._calls, self._work, self._prepare = calls, work, prepare
        self._process = self._prepared = None
        self._wanting = []  # who has something to ask, in turn
        self._asking = None  # who waits for an answer
        self._imported = set()  # the calls whose modules this process has
        self._limit, self._due = 0.0, 0.0  # seconds that it may take, and when it must be there
        self._answer, self._unsent = b"", b""

    def want(self, asker):
        if asker not in self._wanting:
            self._wanting.append(asker)

    @property
    def idle(self):
        return self._asking is None and not self._wanting

    def fileno(self):
        """What is readable once there is an answer; None while nothing is asked."""
        return self._process.stdout.fileno() if self._asking is not None else None

    def step(self):
        """Takes an answer that is there, then asks the next question."""
        if self._asking is not None:
            self._listen()
        if self._wanting and self._process is None:
            try:
                self._prepared = self._prepare()
            except OSError:
                return  # the folder of the run is gone: the watcher is about to find that
            if self._prepared is None:
                return
        while self._asking is None and self._wanting:
            asker = self._wanting.pop(0)
            request = asker.request()
            if request is not None:
                self._ask(asker, request)

    def close(self):
        """Ends the process."""
        if self._process is None:
            return
        for pipe in (self._process.stdin, self._process.stdout):
            try:
                pipe.close()
            except OSError:
                pass
        try:
            os.killpg(self._process.pid, signal.SIGKILL)  # with what its functions started
        except (ProcessLookupError, PermissionError):
            pass
        self._process.wait()
        self._process = None
        self._answer = self._unsent = b""

    def _ask(self, asker, request):
        self._asking = asker
        try:
            if self._process is None:
                self._start()
        except (OSError, ValueError) as error:
            self._give_up("its Python could not be started: %s" % error)
            return
        self._allow(ANSWER if request["k"] in self._imported else IMPORT)
        self._imported.add(request["k"])
        self._unsent += _line(request)
        self._write()

    def _allow(self, seconds):
        self._limit, self._due = seconds, time.monotonic() + seconds

    def _start(self):
        self._imported.clear()
        argv, variables = self._prepared
        source = sys.modules[__name__].__loader__.get_data(
            os.path.join(os.path.dirname(__file__), "processor.py")
        )
        python = interpreter(argv, variables.get("PATH"), self._work)
        self._process = subprocess.Popen(
            [python, "-c", source.decode("ascii"), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd=self._work,
            env=for_child(variables),
            close_fds=True,
            start_new_session=True,
        )
        for pipe in (self._process.stdin, self._process.stdout):
            os.set_blocking(pipe.fileno(), False)
        self._unsent = _line({"calls": self._calls, "agent": os.path.abspath(sys.argv[0])})

    def _write(self):
        try:
            while self._unsent:
                self._unsent = self._unsent[os.write(self._process.stdin.fileno(), self._unsent) :]
        except BlockingIOError:
            pass  # the rest at the next look
        except BrokenPipeError:
            self._unsent = b""  # its end is seen where its answer should be

    def _listen(self):
        self._write()
        while b"\n" not in self._answer:
            try:
                data = os.read(self._process.stdout.fileno(), 1 << 16)
            except BlockingIOError:
                if time.monotonic() > self._due:
                    self._give_up("it took longer than %d seconds" % self._limit)
                return
            self._answer += data
            if not data:
                self._give_up(self._end())
                return
            if len(self._answer) > MAX_ANSWER:
                self._give_up("its answer was too long")
                return
        line, _, self._answer = self._answer.partition(b"\n")
        if line == READY:
            self._allow(ANSWER)
            self._listen()
            return
        asker, self._asking = self._asking, None
        try:
            answer = json.loads(line.decode("ascii"))
            if not all(printed.is_metric(name) for _, name, _ in answer.get("v", ())):
                raise ValueError("a name that no metric can have")
            asker.answered(answer)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            asker.failed("what its process answered makes no sense", True)

    def _end(self):
        """What became of a process that has closed its side: it is over, or about to be."""
        try:
            return "its process ended by itself (%s)" % _status(self._process.wait(1.0))
        except subprocess.TimeoutExpired:
            return "it closed what its process answers through"

    def _give_up(self, why):
        asker, self._asking = self._asking, None
        self.close()
        asker.failed(why, True)


def interpreter(argv, path, work):
    """The Python of the run's command if it is one, else `python3` on its PATH, else our own."""
    for word in argv[:2]:  # `/usr/bin/env python` is one, too
        if _PYTHON.match(os.path.basename(word)):
            found = procs.which(os.path.join(work, word) if "/" in word else word, path)
            if found is not None:
                return found
        if os.path.basename(word) != "env":
            break
    return procs.which("python3", path) or sys.executable


def for_child(variables):
    """The environment of a run as its processors get it: no part of the run, no threads, no GPU."""
    own = {name: value for name, value in variables.items() if not name.startswith("NERONET_")}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return dict(own, CUDA_VISIBLE_DEVICES="", PYTHONDONTWRITEBYTECODE="1", **threads)


def _line(message):
    return json.dumps(message).encode("ascii") + b"\n"


def _status(status):
    return "signal %d" % -status if status < 0 else "exit code %d" % status
