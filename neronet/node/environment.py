"""The environment that a program gets: the user's login shell's, then the node's, the experiment's, and ours."""

import os
import pwd
import select
import signal
import subprocess
import sys
import time

# Printed by our own python, started by the user's login shell: no word of it needs quoting in any shell.
_DUMP = (
    "import os,sys;sys.stdout.buffer.write("
    "bytes([10,1])+bytes([0]).join(k+bytes([61])+v for k,v in os.environb.items())+bytes([1,10]))"
)
_STDBUF = ("LD_PRELOAD", "_STDBUF_O", "_STDBUF_E")
TIMEOUT = 20.0  # seconds a login shell's start-up files may take


def login_shell():
    try:
        return pwd.getpwuid(os.getuid()).pw_shell or "/bin/sh"
    except KeyError:
        return "/bin/sh"


class Capture(object):
    """Asks the user's login shell for its environment, from the moment that this is made."""

    def __init__(self):
        home, shell = os.path.expanduser("~"), login_shell()
        command = "exec '%s' -I -S -c '%s'" % (sys.executable, _DUMP)
        try:
            # A dash before the name makes every shell a login shell, csh included.
            self._process = subprocess.Popen(
                ["-" + os.path.basename(shell), "-c", command],
                executable=shell,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=original(),
                cwd=home if os.path.isdir(home) else "/",
                start_new_session=True,
            )
        except OSError:
            self._process = None

    def result(self, timeout=TIMEOUT):
        """The environment as a dict, or our own one when the shell gives none in time."""
        text = b""
        if self._process is not None:
            text = self._read(time.monotonic() + timeout)
            self._process.stdout.close()
            if not text:
                self._end()
            self._process.wait()
        pairs = (item.partition(b"=") for item in text.split(b"\0")) if text else ()
        found = {os.fsdecode(key): os.fsdecode(value) for key, _, value in pairs}
        return found or original()

    def _read(self, end):
        # Not to the end of the stream: what a start-up file left running in the background may hold it open.
        output, descriptor = b"", self._process.stdout.fileno()
        while select.select([descriptor], [], [], max(0.0, end - time.monotonic()))[0]:
            data = os.read(descriptor, 65536)
            output += data
            text, mark, _ = output.rpartition(b"\n\x01")[2].partition(b"\x01\n")
            if mark or not data:
                return text if mark else b""
        return b""

    def _end(self):
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def original():
    """The environment that this process was given, before it asked itself for a UTF-8 locale."""
    environment = dict(os.environ)
    locale = environment.pop("NERONET_LOCALE", None)
    if locale is not None:
        environment.pop("LC_ALL", None)
        if locale:
            environment["LC_ALL"] = locale
    return environment


def line_buffering(environment):
    """What makes C programs flush each line (the variables that `stdbuf -oL -eL` sets), {} where there is no stdbuf."""
    try:
        output = subprocess.check_output(
            ["stdbuf", "-oL", "-eL", sys.executable, "-I", "-S", "-c", _DUMP],
            env=environment,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=5,
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    pairs = (item.partition(b"=") for item in output.strip(b"\n\x01").split(b"\0"))
    found = {os.fsdecode(key): os.fsdecode(value) for key, _, value in pairs}
    return {name: found[name] for name in _STDBUF if name in found}


def for_program(base, line, spec, attempt, gpus):
    """The environment of one attempt's program, a new dict.

    base: the login environment; line: see `line_buffering`; spec: the batch's;
    gpus: indices it may use, None where the node's GPUs are not counted.
    """
    environment = {name: value for name, value in base.items() if not name.startswith("NERONET_")}
    if spec.get("buffering", "line") == "line":
        environment.update(line)
        environment["PYTHONUNBUFFERED"] = "1"
    if spec.get("cpus"):
        environment["OMP_NUM_THREADS"] = str(spec["cpus"])
    if gpus is not None:
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, gpus))
    environment.update(spec.get("env") or {})
    environment["NERONET_RUN"] = attempt.mark
    environment["NERONET_POINTS"] = attempt.file("points.log")
    return environment
