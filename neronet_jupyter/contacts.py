"""Contacting nodes for all parts of a process: which are being tested, what was found, what they ask."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING

from neronet.engine.doctor import Check
from neronet.errors import NeronetError
from neronet_jupyter.questions import Questions

if TYPE_CHECKING:
    from neronet_jupyter.live import Live
    from neronet_jupyter.widget import View

QUIET = 60.0  # seconds without a word after which a node that is looked at is contacted
TESTS = 3  # in a row, at most, while the node asks something: a wrong code is asked for again

_all: weakref.WeakKeyDictionary[Live, Contacts] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def contacts(live: Live) -> Contacts:
    """The one of this process and home. From now on questions are shown in pages."""
    with _lock:
        if live not in _all:
            _all[live] = Contacts(live)
        return _all[live]


class Contacts:
    """`checks`: node -> what its last test found, until somebody has read it."""

    def __init__(self, live: Live) -> None:
        # The Live owns this: a reference back would keep both for ever.
        self._live = weakref.ref(live)
        self._views: weakref.WeakSet[View] = weakref.WeakSet()
        self._busy: dict[str, float] = {}  # node -> since when, monotonic seconds
        self._probes: dict[str, list[str]] = {}  # intent -> nodes
        self.checks: dict[str, list[Check]] = {}
        self.questions = Questions(self._changed)
        live.neroman.on_question(self.questions.ask, self.questions.withdraw)

    def show_in(self, view: View) -> None:
        """`view` is rendered anew whenever something changes here."""
        self._views.add(view)

    def test(self, node: str) -> None:
        """Begins to look what is right and wrong with a node; one test of it at a time."""
        with _lock:
            if node in self._busy:
                return
            self._busy[node] = time.monotonic()
        self.checks.pop(node, None)
        threading.Thread(target=self._test, args=[node], name="neronet-test", daemon=True).start()
        self._changed()

    def contact(self, nodes: Iterable[str]) -> None:
        """Asks the engine to contact nodes; what it finds is in the store then."""
        wanted = [node for node in nodes if self.busy(node) is None]
        live = self._live()
        if not wanted or live is None:
            return
        try:
            intent = live.neroman.engine_client.put("probe", {"nodes": wanted})
        except NeronetError:
            return  # `live.problem` says it
        with _lock:
            self._probes[intent] = wanted
            self._busy.update(dict.fromkeys(wanted, time.monotonic()))
        self._changed()

    def settle(self) -> None:
        """Takes note of contacts that have come to their end."""
        live = self._live()
        for intent, nodes in list(self._probes.items()):
            found = None if live is None else live.neroman.store.intents.get(intent)
            if found is None or found.done is not None:
                with _lock:
                    self._probes.pop(intent, None)
                    for node in nodes:
                        self._busy.pop(node, None)

    def busy(self, node: str) -> float | None:
        """The seconds for which a node is being contacted now; None when it is not."""
        since = self._busy.get(node)
        return None if since is None else time.monotonic() - since

    def forget(self, node: str) -> None:
        """What was found has been read, or the node is gone."""
        self.checks.pop(node, None)
        self._changed()

    def _test(self, node: str) -> None:
        try:
            checks: list[Check] = []
            for _ in range(TESTS):
                checks = self._look(node)
                asked = self.questions.of(node)
                if asked is None or all(check.ok is not False for check in checks):
                    break
                asked.done.wait()  # it did not answer in time because it waits for the user
            self.checks[node] = checks
        finally:
            with _lock:
                self._busy.pop(node, None)
            self._changed()

    def _look(self, node: str) -> list[Check]:
        live = self._live()
        if live is None:
            return []
        try:
            return live.neroman.doctor(node)
        except NeronetError as error:
            return [Check(node, "connection", False, str(error), error.hint)]

    def _changed(self) -> None:
        for view in list(self._views):
            view.changed()
