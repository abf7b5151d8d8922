"""The process that runs the user's plotting code: its limits, what it gets, and what is taken from it.

It runs as the user and can do whatever she can; it is kept from doing so by mistake: a folder of its own that is
removed, an end after a minute, little of our environment, no terminal.
"""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import neronet
from neronet.api import plot_child
from neronet.errors import NeronetError

SECONDS = 60.0
MEMORY = 4 * 1024**3  # bytes of address space
FILE = 256 * 1024**2  # bytes of one file that it writes
IMAGE = 64 * 1024**2  # bytes of an image that is kept
PRINTED = 4096  # bytes of the end of what it prints
REPLY = 1024**2

# What a program of the user's needs to find its things; tokens and keys of ours and of others have other names.
PASSED = (
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV",
    "CONDA_PREFIX", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "MPLCONFIGDIR", "MATPLOTLIBRC", "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME", "SYSTEMROOT", "WINDIR", "COMSPEC", "PATHEXT", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA",
    "USERPROFILE", "HOMEDRIVE", "HOMEPATH", "NUMBER_OF_PROCESSORS",
)  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """The images (name, content), and the end of what the user's code printed."""

    images: list[tuple[str, bytes]]
    printed: str


@dataclass(frozen=True)
class Workplace:
    """A temporary folder: `folder` for what the user's code needs, `work` where it runs."""

    folder: Path

    @property
    def work(self) -> Path:
        return self.folder / "work"


@contextmanager
def workplace() -> Iterator[Workplace]:
    with tempfile.TemporaryDirectory(prefix="neronet-plot-", ignore_cleanup_errors=True) as folder:
        place = Workplace(Path(folder).resolve())
        place.work.mkdir()
        yield place


def draw(place: Workplace, request: Mapping[str, Any], python: str) -> Drawn:
    """Runs plot_child.py with this request (see there); raises NeronetError for all that goes wrong in it."""
    request_file, reply_file = place.folder / "request.json", place.folder / "reply.json"
    package = Path(neronet.__file__).parent
    whole = {"memory": MEMORY, "file": FILE, "neronet": str(package), **request}
    request_file.write_text(json.dumps(whole), encoding="utf-8")
    command = [python or sys.executable, plot_child.__file__, str(request_file), str(reply_file)]
    code, printed = _run(command, place)
    if code is None:
        raise NeronetError(
            f"it was ended after {SECONDS:g} seconds", "draw fewer points, or let it run outside of Neronet"
        )
    reply = _reply(reply_file)
    if "problem" in reply:
        raise NeronetError(str(reply["problem"]), str(reply.get("hint", "")))
    if not isinstance(reply.get("files"), list):
        raise NeronetError(f"its Python {_end(code)}", _last_line(printed))
    return Drawn([(str(name), _image(place.work, str(name))) for name in reply["files"]], printed)


def _run(command: list[str], place: Workplace) -> tuple[int | None, str]:
    """(exit code, None when it took too long; the end of what it printed)."""
    options: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        options = {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS}
    try:
        process = subprocess.Popen(
            command, cwd=place.work, env=_environment(place), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, **options,
        )  # fmt: skip
    except OSError as error:
        raise NeronetError(
            f"{command[0]} cannot be started: {error.strerror}", "correct plot_python in preferences.yaml"
        ) from error
    tail = bytearray()
    assert process.stdout is not None
    reader = threading.Thread(target=_drain, args=(process.stdout.fileno(), tail), daemon=True)
    reader.start()
    try:
        code = process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        code = None
    finally:
        _end_all(process)
        process.wait()
        reader.join(1.0)  # whoever left the group may hold the pipe for ever
    if not reader.is_alive():
        process.stdout.close()
    return code, bytes(tail).decode("utf-8", "replace")


def _end_all(process: subprocess.Popen[bytes]) -> None:
    """Ends it and, but on Windows, what it has started and has not left its process group."""
    try:
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def _drain(pipe: int, tail: bytearray) -> None:
    """Reads all that is printed, and keeps the end."""
    try:
        while block := os.read(pipe, 65536):
            tail += block
            del tail[:-PRINTED]
    except OSError:
        pass


def _environment(place: Workplace) -> dict[str, str]:
    passed = {name: value for name, value in os.environ.items() if name in PASSED or name.startswith("LC_")}
    folder = str(place.folder)
    return {
        **passed, "TMPDIR": folder, "TEMP": folder, "TMP": folder, "MPLBACKEND": "Agg", "PYTHONIOENCODING": "utf-8",
        # A thread for each core takes address space, and nothing here is worth it.
        "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
    }  # fmt: skip


def _reply(path: Path) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            reply = json.loads(file.read(REPLY))
    except (OSError, ValueError):
        return {}
    return reply if isinstance(reply, dict) else {}


def _image(folder: Path, name: str) -> bytes:
    """A file that the user's code has left; NeronetError where it is none, or too large."""
    if Path(name).name != name or Path(name).suffix.lower() not in plot_child.IMAGES:
        raise NeronetError(f"{name!r:.100} is not the name of an image")
    try:
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        with open(os.open(folder / name, flags | getattr(os, "O_BINARY", 0)), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > IMAGE:
                raise NeronetError(f"{name} is not a file of at most {IMAGE >> 20} MiB")
            return file.read(IMAGE)
    except OSError as error:
        raise NeronetError(f"{name} cannot be read: {error.strerror}") from error


def _end(code: int) -> str:
    if code >= 0:
        return f"ended by itself, with exit code {code}"
    try:
        return f"was ended by the signal {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def _last_line(printed: str) -> str:
    lines = printed.strip().splitlines()
    return lines[-1][:300] if lines else ""
