"""`results_file` of preferences.yaml: a table of all runs that the holder of the engine keeps up to date.

The file is written anew as a whole.  What somebody else has written into it is never lost: it is moved aside first,
under a name with the time.  Where the file cannot be written, that is told once, and tried again.
"""

from __future__ import annotations

import glob
import json
import logging
import os
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neronet.errors import NeronetError, StoreError
from neronet.spec.files import stamp_of
from neronet.spec.preferences import load_preferences
from neronet.store.sheet import sheet
from neronet.store.sheetfile import write, writer
from neronet.store.store import Store

EVERY = 2.0  # seconds between two files at least,
SHARE = 20  # and so many times as long as the last one took: a table of 10,000 runs takes a while
AGAIN = 10.0  # seconds until a file that could not be written is tried again
ASIDE = 10  # files of others that are kept at most before it gives up
STATE = "results_file.json"  # what was written last: path, size, time

log = logging.getLogger(__name__)


class ResultsFile:
    """`look` costs the engine's loop microseconds; the file is written on a thread of its own."""

    def __init__(self, home: Path, store: Store, now: Callable[[], float] = time.monotonic) -> None:
        self._home, self._store, self._now = home, store, now
        self._preferences: tuple[object, str] = (None, "")
        self._mine: object = None  # the file as it was written last, where that cannot be noted in STATE
        self._written: tuple[str, int] | None = None  # the file, and the change of the store that is in it
        self._next = 0.0
        self._problem = ""
        self._thread: threading.Thread | None = None

    def look(self) -> None:
        """Begins to write where there is something to write now."""
        if (self._thread is None or not self._thread.is_alive()) and self.due():
            self._thread = threading.Thread(target=self.write, name="neronet-results-file", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Returns when also what changed last is in the file."""
        if self._thread is not None:
            self._thread.join()
        self.write()

    def due(self) -> bool:
        """Whether there is something to write now; a look costs microseconds."""
        if self._now() < self._next:
            return False
        self._next = self._now() + EVERY
        return self._behind()

    def _behind(self) -> bool:
        said = self._said()
        return bool(said) and self._written != (said, self._change())

    def write(self) -> None:
        """Writes the file if anything has changed. Raises nothing: what goes wrong is an event."""
        begun = self._now()
        try:
            if not self._behind():
                return
            said, change = self._said(), self._change()
            self._put(self._home / Path(said).expanduser())
            self._written, self._problem = (said, change), ""
            self._next = self._now() + max(EVERY, SHARE * (self._now() - begun))
        except (NeronetError, OSError) as error:
            self._next = self._now() + AGAIN
            self._tell(f"results_file: {error}")
        except Exception as error:
            log.exception("results_file")
            self._next = self._now() + AGAIN
            self._tell(f"results_file: an error in Neronet: {error!r}")

    def _put(self, path: Path) -> None:
        writer(path)
        path = Path(os.path.realpath(path))
        with Store(self._home) as store:  # a connection of its own: reading takes a while
            content = sheet(store)
        self._set_aside(path)
        write(content, path)
        self._mine = _identity(path)
        state = self._home / f"{STATE}.new"
        state.write_text(json.dumps(self._mine), encoding="utf-8")
        os.replace(state, self._home / STATE)

    def _set_aside(self, path: Path) -> None:
        """Moves away what was not written here."""
        there = _identity(path)
        if there is None or there in (self._mine, self._last()):
            return
        before = list(path.parent.glob(f"{glob.escape(path.stem)}.edited-*"))
        if len(before) >= ASIDE:
            raise NeronetError(
                f"{path} was changed by somebody else again, and {len(before)} such files are kept: it is left alone",
                f"remove {before[0].name} and the like; does another program write that file?",
            )
        moment = f"{path.stem}.edited-{time.strftime('%Y%m%d-%H%M%S')}"
        names = (f"{moment}{more}{path.suffix}" for more in ("", *(f"-{n}" for n in range(2, ASIDE + 2))))
        aside = next(place for place in map(path.with_name, names) if not place.exists())
        os.rename(path, aside)
        text = f"results_file: {path} was changed by somebody else; what it was is kept as {aside.name}"
        self._store.events.add(time.time(), "note", text)

    def _last(self) -> Any:
        try:
            return json.loads((self._home / STATE).read_bytes())
        except (OSError, ValueError):
            return None

    def _said(self) -> str:
        """The file that the preferences name; "" for none."""
        path = self._home / "preferences.yaml"
        stamp = stamp_of(path)
        if self._preferences[0] != stamp or stamp is None:
            self._preferences = stamp, load_preferences(path).results_file
        return self._preferences[1]

    def _change(self) -> int:
        return self._store.runs.change()

    def _tell(self, problem: str) -> None:
        if problem == self._problem:
            return
        self._problem = problem
        log.error("%s", problem)
        try:
            self._store.events.add(time.time(), "problem", problem)
        except StoreError:
            pass  # that disk is full, too


def _identity(path: Path) -> list[Any] | None:
    """What tells this file from one that somebody else has written; None when there is none."""
    try:
        known = path.stat()
    except OSError:
        return None
    return [str(path), known.st_size, known.st_mtime_ns] if stat.S_ISREG(known.st_mode) else None
