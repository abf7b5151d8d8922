"""Keeps the widgets of a kernel up to date: one thread that looks at the store and renders what is seen.

All writing to pages happens here, at most five times a second for each part: jupyter_server drops messages of
widgets above 1,000 a second with no more than a warning, and a page that missed one stays wrong.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from neronet import Neroman
from neronet.engine.holder import default_home
from neronet.errors import NeronetError
from neronet.store.store import Store

if TYPE_CHECKING:
    from neronet_jupyter.widget import View

PERIOD = 0.2  # seconds between two renderings of a part, at least
LOOK = 0.04  # seconds between two looks at the store
ENGINE = 5.0  # seconds between two looks whether somebody runs the engine
QUIET = 15.0  # seconds after which a page that says nothing is gone, where nobody runs cells
BUSY = 600.0  # the same where a cell may keep the kernel from hearing it
AGAIN = 1.0  # seconds until the store is opened again after a failure
WORKERS = 8

log = logging.getLogger(__name__)

_lives: dict[Path, Live] = {}
_lock = threading.Lock()


def live(neroman: Neroman | None = None) -> Live:
    """The one of this process and of a home: that of `neroman`, else the default one."""
    home = default_home() if neroman is None else neroman.home
    with _lock:
        if home not in _lives:
            _lives[home] = Live(neroman or Neroman(home, background=True))
        return _lives[home]


def forget(home: Path) -> None:
    """Ends what this process does for the widgets of a home: as long as they live, they start its engine again."""
    with _lock:
        known = _lives.pop(home, None)
    if known is not None:
        known.close()
        known.neroman.close()


class Live:
    """Runs from its first part until the process ends. `problem` says why nothing is live now, "" if it is."""

    def __init__(self, neroman: Neroman) -> None:
        self.neroman = neroman
        self.period, self.silence = PERIOD, BUSY
        self.problem = ""
        # From before the first part reads the store: what changes after that reading is news.
        self._change, _ = neroman.store.runs.changed_since(0)
        self._views: weakref.WeakSet[View] = weakref.WeakSet()
        self._lock = threading.RLock()  # a part that is thrown away takes itself out, wherever we are
        self._woken, self._closed = threading.Event(), threading.Event()
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="neronet-act")
        self._thread = threading.Thread(target=self._run, name="neronet-live", daemon=True)
        atexit.register(self.close)

    def add(self, view: View) -> None:
        with self._lock:
            self._views.add(view)
            if not self._thread.is_alive() and not self._closed.is_set():
                self._thread.start()

    def remove(self, view: View) -> None:
        with self._lock:
            self._views.discard(view)

    def wake(self) -> None:
        """A part has something new to show."""
        self._woken.set()

    def soon(self, work: Callable[[], object]) -> None:
        """Runs `work` on another thread; whoever answers a click must return at once."""
        self._workers.submit(work)

    def close(self) -> None:
        self._closed.set()
        self._woken.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(2.0)
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                # A connection of its own: `data_version` does not tell what the same connection has written.
                with Store(self.neroman.home) as store:
                    self._follow(store)
            except NeronetError as error:  # a full disk; there will be room again
                log.error("%s", error)
                self.problem = str(error)
            except Exception:  # ours; whoever looks must not see a standstill
                log.exception("the look at the store failed")
            self._closed.wait(AGAIN)

    def _follow(self, store: Store) -> None:
        version, checked = -1, 0.0
        while not self._closed.is_set():
            now = time.monotonic()
            if now - checked > ENGINE:
                checked = now
                self.soon(self._ensure)
            changed = None
            if (found := store.data_version()) != version:
                changed, version = store.runs.changed_since(self._change), found
            with self._lock:
                views = list(self._views)  # a part that is added later reads what has changed by itself
            if changed is not None:
                for view in views:
                    view.runs_changed(set(changed[1]))
                    view.stale()
                self._change = changed[0]  # all know it: it need not be told again
            for view in views:
                view.refresh(time.monotonic())
            self._woken.wait(LOOK)
            self._woken.clear()

    def _ensure(self) -> None:
        """Somebody must run the engine while somebody looks."""
        with self._lock:
            seen = any(view.pages for view in self._views)
        try:
            if seen:
                self.neroman.engine_client.ensure()
            self.problem = ""
        except NeronetError as error:
            self.problem = f"{error}" + (f" ({error.hint})" if error.hint else "")
