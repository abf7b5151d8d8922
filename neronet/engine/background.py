"""`neroman`: the process that runs the engine when no notebook and no panel does.

It takes the lease, runs an engine and leaves after half an hour without work or clients.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Protocol

from neronet.engine.bell import Link
from neronet.engine.holder import RANKS, Holder, Lease, default_home, holder, read_only
from neronet.errors import EngineError, NeronetError

IDLE = 1800.0  # seconds; NERONET_IDLE in the environment sets another
LOG = "neroman.log"
_LOG_LIMIT = 1024 * 1024  # bytes
_LOOK = 0.5  # seconds between two looks at the engine and at signals
_WAIT = 30.0  # seconds that a start or an end may take
if sys.platform == "win32":
    _DETACHED = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
else:
    _DETACHED = 0

log = logging.getLogger(__name__)


class EngineLike(Protocol):
    """What `main` needs of an engine. One that ends by itself (it was asked to stop) releases the lease."""

    def start(self) -> None: ...  # returns when its bell listens; after an error nothing of it is left
    def stop(self) -> None: ...  # returns when it has ended, also if that was before
    def busy(self) -> bool: ...  # there is work, or somebody is connected
    def wait(self, timeout: float) -> None: ...  # until it has ended, `timeout` seconds at most


EngineFactory = Callable[[Path, Lease], EngineLike]


def main(argv: Sequence[str] | None = None, factory: EngineFactory | None = None) -> int:
    """Runs the engine of a home until it is no longer needed; the exit code. 0 also when another process runs
    it already. `factory` makes the engine: `neronet.engine.loop.Engine` unless told otherwise."""
    parser = argparse.ArgumentParser(
        prog="neroman", description="Runs the engine of Neronet in the background."
    )
    parser.add_argument("home", nargs="?", type=Path, default=default_home(), help="instead of NERONET_HOME")
    home = parser.parse_args(argv).home.absolute()
    try:
        _start_log(home)
        return _run(home, factory)
    except NeronetError as error:
        log.error("%s%s", error, f" ({error.hint})" if error.hint else "")
        print(f"neroman: {error}", file=sys.stderr)
    except Exception as error:
        log.exception("neroman ended by an error of its own")
        print(f"neroman: {error!r}; see {home / LOG}", file=sys.stderr)
    return 1


def _run(home: Path, factory: EngineFactory | None) -> int:
    lease = Lease(home)
    if not lease.take("background", _WAIT / 2):
        now = holder(home)
        if now is not None and now.here and now.rank >= RANKS["background"]:
            log.info("%s runs the engine already", now)
            return 0
        raise EngineError(read_only(home) or f"{now or 'another process'} did not hand the engine over")
    try:
        if factory is None:
            from neronet.engine import ssh_agent
            from neronet.engine.loop import Engine

            ssh_agent.use(home)
            factory = Engine
        _serve(factory(home, lease), lease)
    finally:
        lease.release()
    return 0


def _serve(engine: EngineLike, lease: Lease) -> None:
    caught: list[int] = []  # a handler may do no more than this: it runs between any two steps of ours
    for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda number, _: caught.append(number))
    idle = float(os.environ.get("NERONET_IDLE") or IDLE)
    log.info("process %d runs the engine of %s", os.getpid(), lease.home)
    engine.start()
    try:
        used = time.monotonic()
        while lease.held and not caught and time.monotonic() - used < idle:
            engine.wait(min(_LOOK, idle))
            if engine.busy():
                used = time.monotonic()
        reason = f"signal {caught[0]}" if caught else f"idle for {idle:g} s" if lease.held else "asked to"
    finally:
        engine.stop()
    log.info("ended: %s", reason)


def spawn(home: Path, command: Sequence[str] | None = None) -> int:
    """The pid of the background process of `home`, which is started unless it runs already; it holds the
    lease and listens. `command` starts it: `neroman` unless told otherwise. Raises EngineError."""
    home = home.absolute()
    if reason := read_only(home):
        raise EngineError(reason, "use Neronet there, or end it there with `nerocli engine stop`")
    deadline = time.monotonic() + _WAIT
    seen = _size(home / LOG)
    process = None
    while True:
        now = holder(home)
        if now is not None and now.here and now.rank >= RANKS["background"] and now.address:
            if process is not None and process.pid != now.pid:
                _wait_for_second(process)
            return now.pid
        if process is None:
            process = _start(home, command or _command(home))
        elif process.poll() is not None:
            # It ends at once with 0 when another one was quicker, which then needs a moment to listen.
            if process.returncode:
                raise _failed(home, f"ended with exit code {process.returncode}", seen)
            deadline = min(deadline, time.monotonic() + 5)
        if time.monotonic() > deadline:
            raise _failed(home, f"did not hold the engine within {_WAIT:g} s", seen)
        time.sleep(0.005)


def _wait_for_second(process: subprocess.Popen[bytes]) -> None:
    """Ours was not the first: it must not take the engine over if the first one is stopped in a moment."""
    if sys.platform != "win32":  # there a venv's python is a launcher, which has another pid than the program
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            pass  # it leaves later, when it is idle


def stop(home: Path) -> bool:
    """Ends the engine of `home`, whoever runs it; False when nobody does. Raises EngineError."""
    first = holder(home)
    deadline = time.monotonic() + _WAIT
    while (now := holder(home)) is not None and first is not None and now.pid == first.pid:
        if not now.here:
            raise EngineError(f"the engine runs on {now.host}", "run `nerocli engine stop` there")
        if time.monotonic() > deadline:
            raise EngineError(f"{now} did not end within {_WAIT:g} s", f"end process {now.pid} yourself")
        _send_stop(now, deadline)
        time.sleep(0.01)
    return first is not None


def _send_stop(now: Holder, deadline: float) -> None:
    """Asks, and listens until the holder goes: what it told us and we did not read would cut the wish off."""
    try:
        with Link(now, "stop", max(0.1, deadline - time.monotonic())) as link:
            link.send({"type": "stop"})
            while time.monotonic() < deadline:
                link.receive()
    except OSError:
        pass  # it went, it does not listen yet, or it is about to go


def _command(home: Path) -> list[str]:
    # Not `-m`: this process may have found the package where the new one would not look, and the current
    # folder must not come before the standard library. The word neroman is what users see in `ps`.
    root = str(Path(__file__).resolve().parents[2])
    code = (
        "import sys; sys.path.append(sys.argv.pop(1)); sys.argv.pop(1); "
        "from neronet.engine.background import main; sys.exit(main())"
    )
    safe = ["-P"] if sys.version_info >= (3, 11) else []
    return [sys.executable, *safe, "-c", code, root, "neroman", str(home)]


def _start(home: Path, command: Sequence[str]) -> subprocess.Popen[bytes]:
    null = subprocess.DEVNULL
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        process = subprocess.Popen(
            command,
            cwd=home,
            stdin=null,
            stdout=null,
            stderr=null,
            start_new_session=True,
            creationflags=_DETACHED,
        )
    except OSError as error:
        raise EngineError(f"the background process cannot be started: {error}") from error
    # So that it is no zombie when it ends before a notebook that started it does.
    threading.Thread(target=process.wait, name="neronet-reaper", daemon=True).start()
    return process


def _failed(home: Path, what: str, seen: int) -> EngineError:
    """What went wrong, with the last lines that the log got after its first `seen` bytes."""
    try:
        with open(home / LOG, encoding="utf-8", errors="replace") as file:
            file.seek(seen if seen <= _size(home / LOG) else 0)
            lines = file.read().splitlines()[-8:]
    except OSError:
        lines = []
    quoted = "\n  ".join([":", *lines]) if lines else " and wrote nothing to its log"
    return EngineError(f"the background process {what}{quoted}", f"its log is {home / LOG}")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


class _PrivateLog(RotatingFileHandler):
    def _open(self) -> TextIOWrapper:
        return open(
            self.baseFilename,
            "a",
            encoding=self.encoding,
            opener=lambda path, flags: os.open(path, flags, 0o600),
        )


def _start_log(home: Path) -> None:
    """Everything that is logged goes to a file of the user's alone, warnings of other libraries included."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        handler = _PrivateLog(home / LOG, maxBytes=_LOG_LIMIT, backupCount=1, encoding="utf-8")
    except OSError as error:
        sys.exit(f"neroman: {home / LOG} cannot be written: {error.strerror or error}")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    logging.getLogger("neronet").setLevel(logging.INFO)
    # A thread that dies would say so on stderr, which nobody reads.
    threading.excepthook = lambda died: log.error("%s died", died.thread, exc_info=died.exc_value)
