"""Callbacks after changes of runs, on one thread, never on the engine's."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from neronet.engine.client import EngineClient
from neronet.store.store import Store

PAUSE = 0.02  # seconds that calls rest after one, at most
SHARE = 4  # rests are so many times as long as the calls before: light callbacks hardly wait, heavy ones leave room
LOOK = 0.25  # seconds between two looks while nobody rings

log = logging.getLogger(__name__)


class Watching:
    """Begins its thread with the first callback."""

    def __init__(self, client: EngineClient, home: Path) -> None:
        self._client, self._home = client, home
        self._watchers: dict[int, tuple[set[int], Callable[[], object]]] = {}
        self._last: dict[int, Callable[[], object]] = {}  # what some want to do before the end
        self._ids = itertools.count()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def add(
        self, numbers: set[int], callback: Callable[[], object], closing: Callable[[], object] | None = None
    ) -> Callable[[], None]:
        """Calls `callback` after changes of these runs until what is returned is called, and `closing` when the
        Neroman is closed before that."""
        key = next(self._ids)
        with self._lock:
            self._watchers[key] = numbers, callback
            if closing is not None:
                self._last[key] = closing
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="neronet-callbacks", daemon=True)
                begun = threading.Event()
                self._begun = begun
                self._thread.start()
        self._begun.wait(5.0)  # what changes from now on is seen

        def end() -> None:
            with self._lock:
                self._watchers.pop(key, None)
                self._last.pop(key, None)

        return end

    def close(self) -> None:
        with self._lock:
            last = list(self._last.values())
        for closing in last:
            closing()
        self._closed.set()
        with self._lock:
            thread = self._thread  # one that was made has begun when the lock is free
        if thread is not None and threading.current_thread() is not thread:
            thread.join(5.0)

    def _run(self) -> None:
        # A connection of its own: the main thread may be inside of a transaction of its.
        with Store(self._home) as store:
            version, (change, _) = store.data_version(), store.runs.changed_since(0)
            self._begun.set()
            while not self._closed.is_set():
                now = store.data_version()
                if now == version:
                    self._client.sleep(LOOK)
                    continue
                version = now
                change, numbers = store.runs.changed_since(change)
                began = time.monotonic()
                if numbers and self._call(set(numbers)):
                    time.sleep(min(PAUSE, SHARE * (time.monotonic() - began)))

    def _call(self, changed: set[int]) -> bool:
        """Whether somebody was called."""
        with self._lock:
            due = [
                callback for numbers, callback in self._watchers.values() if not changed.isdisjoint(numbers)
            ]
        for callback in due:
            try:
                callback()
            except Exception:  # the caller's mistake must not end everybody's callbacks
                log.exception("a callback for changed runs failed")
        return bool(due)
