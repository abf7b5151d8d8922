"""What a notebook, a command or the panel has of the engine: somebody runs it, wishes reach it, changes come back."""

from __future__ import annotations

import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neronet.engine import ssh_agent
from neronet.engine.bell import Client, Message
from neronet.engine.holder import Holder, Kind, Lease, holder, read_only
from neronet.engine.questions import Answers
from neronet.errors import EngineError
from neronet.store.intents import Intent
from neronet.store.store import Store

if TYPE_CHECKING:
    from neronet.engine.loop import Engine
    from neronet.transport.base import Question

PICKED_UP = 10.0  # seconds after which it is said who holds the engine and does not pick up
LOOK = 0.02  # seconds between two looks at the store while nobody rings
CHECK = 1.0  # seconds between two looks whether the engine still has a holder


class EngineClient:
    """For one process. `background`: the engine runs in a process of its own; else here, when nobody has it."""

    def __init__(self, home: Path, store: Store, background: bool) -> None:
        self._home, self._store, self._background = home, store, background
        self._engine: Engine | None = None
        self._lease = Lease(home)
        self._lock = threading.Lock()
        self._rung = threading.Condition()
        self._rings = 0
        self._uploads: Callable[[Message], None] | None = None
        self._client = Client(home, self._kind(), {"changed": self._changed, "progress": self._progress})
        self._answers = Answers(self._client)
        self._answers.show(lambda _: None)  # nobody is here, until `on_question` says who
        self._started = self._closed = False

    def ensure(self) -> None:
        """Makes sure that somebody runs the engine. Raises EngineError."""
        with self._lock:
            if self._closed:
                raise EngineError("this Neroman was closed", "make a new one")
            if not self._started:
                self._started = True
                ssh_agent.offer(self._home)
                self._client.start()
            if self._lease.held or holder(self._home) is not None:
                return
            if self._background:
                from neronet.engine.background import spawn

                spawn(self._home)
            elif self._lease.acquire(self._kind()):
                from neronet.engine.loop import Engine

                self._engine = Engine(self._home, self._lease)
                self._engine.start()
            elif reason := read_only(self._home):
                raise EngineError(reason, "work on that host, or set NERONET_HOME to a folder of this one")

    def ring(self) -> None:
        """Something was written for the engine."""
        self.ensure()
        if self._engine is not None and self._lease.held:
            self._engine.ring()
        else:
            self._client.ring()

    def ask(self, kind: str, payload: dict[str, Any], timeout: float) -> Intent:
        """Puts an intent and waits for it; as it is after `timeout` seconds when it is not done.

        Raises EngineError when nobody picks it up.
        """
        return self.ask_all(kind, [payload], timeout)[0]

    def ask_all(self, kind: str, payloads: Sequence[dict[str, Any]], timeout: float) -> list[Intent]:
        """The same for several, which are done side by side."""
        names = [self.put(kind, payload) for payload in payloads]
        begun = time.monotonic()
        return [self._await(name, begun, begun + timeout) for name in names]

    def put(self, kind: str, payload: dict[str, Any]) -> str:
        """Puts an intent; its id."""
        name = secrets.token_hex(8)
        self._store.intents.put(name, kind, payload)
        self.ring()
        return name

    def gone(self, nodes: Iterable[str]) -> Callable[[], set[str]]:
        """Contacts nodes now; what is given back tells which of them have turned out not to answer."""
        asked = self.put("probe", {"nodes": sorted(nodes)})

        def found() -> set[str]:
            intent = self._store.intents.get(asked)
            told = (intent.result or {}).get("nodes", {}) if intent is not None else {}
            return {node for node, problem in told.items() if problem}

        return found

    def _await(self, name: str, begun: float, deadline: float) -> Intent:
        while True:
            left = deadline - time.monotonic()
            intent = self._store.intents.wait(name, max(0.0, min(left, CHECK)))
            if intent.done is not None:
                return intent
            if intent.taken is None and time.monotonic() - begun > PICKED_UP:
                now = holder(self._home)
                who = f"{now} holds the engine and" if now else "nobody holds the engine, it"
                raise EngineError(
                    f"{who} did not pick this up in {PICKED_UP:g} s", "`nerocli engine stop` ends it"
                )
            if left <= 0:
                return intent
            self.ensure()  # a holder that died meanwhile is replaced

    def wait(self, true: Callable[[], bool], timeout: float | None = None) -> bool:
        """Waits until `true()`, which is looked at after each change of the store; False after `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        checked = time.monotonic()
        version = -1
        while True:
            now = self._store.data_version()
            if now != version:
                version, began = now, time.monotonic()
                if true():
                    return True
                # Many runs take longer to look at: never more than a fifth of the time.
                time.sleep(min(LOOK, 4 * (time.monotonic() - began)))
            left = LOOK if deadline is None else min(LOOK, deadline - time.monotonic())
            if left <= 0:
                return true()
            self.sleep(left)
            if time.monotonic() - checked > CHECK:
                checked = time.monotonic()
                self.ensure()
                version = -1  # what another thread writes over our own connection has no version of its own

    def sleep(self, seconds: float) -> None:
        """Until the bell rings, `seconds` at most."""
        with self._rung:
            rings = self._rings
            self._rung.wait_for(lambda: self._rings != rings, seconds)

    def on_question(
        self,
        answer: Callable[[Question], str | None],
        withdrawn: Callable[[Question], None] | None = None,
    ) -> None:
        """See `Answers.show`."""
        self._answers.show(answer, withdrawn)

    def on_upload(self, show: Callable[[Message], None] | None) -> None:
        """`show` is told how far uploads are: {"token", "node", "done", "total", "files"} in bytes and files."""
        self._uploads = show

    def holder(self) -> Holder | None:
        return holder(self._home)

    def close(self) -> None:
        """Ends the engine if it runs here; another process takes over when it has something to do."""
        with self._lock:
            self._closed = True  # another thread that still waits must not begin a new engine
        if self._started:
            self._client.close()
        if self._engine is not None:
            self._engine.stop()

    def _kind(self) -> Kind:
        if "ipykernel" in sys.modules:
            return "notebook"
        return "cli" if self._background else "script"

    def _changed(self, _: Message) -> None:
        with self._rung:
            self._rings += 1
            self._rung.notify_all()

    def _progress(self, message: Message) -> None:
        if self._uploads is not None:
            self._uploads(message)
