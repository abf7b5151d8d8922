"""An engine with a bell, and who listens to it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from queue import SimpleQueue

from small_engine import SmallEngine

from neronet.engine.bell import Client, Message
from neronet.engine.holder import Holder, Lease, holder


def start_engine(home: Path, tcp: bool = False) -> SmallEngine:
    lease = Lease(home)
    assert lease.acquire("script")
    engine = SmallEngine(home, lease, tcp)
    engine.start()
    return engine


def who(home: Path) -> Holder:
    now = holder(home)
    assert now is not None
    return now


class Heard:
    """A client, and what it heard."""

    def __init__(self, home: Path, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self.messages: SimpleQueue[Message] = SimpleQueue()
        kinds = ("changed", "question", "answered", "progress", "bye", "lost")
        self.client = Client(home, "panel", dict.fromkeys(kinds, self.messages.put), loop)
        self.client.start()
        assert self.next()["type"] == "changed"  # the connection began

    def next(self) -> Message:
        return self.messages.get(timeout=10)
