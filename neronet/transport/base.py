"""What every way to a node offers: run a command there, and read and write its streams."""

from __future__ import annotations

import asyncio
import random
import unicodedata
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from neronet.errors import Unreachable

CONNECT_SECONDS = 10.0  # until the other side has proven who it is
ALIVE_SECONDS = 15  # between two signs of life; a link is dead after ALIVE_COUNT unanswered ones
ALIVE_COUNT = 3
MAX_SESSIONS = 8  # on one connection: OpenSSH's default limit is 10, and others may hold some
TAIL_BYTES = 4096
TAIL_SECONDS = 0.2  # that the end of stderr may come behind the end of stdout

Kind = Literal["code", "host_key", "passphrase", "password"]
T = TypeVar("T")


@dataclass(frozen=True)
class Question:
    """Something that only the user can answer; a `host_key` is trusted if the answer is `yes`."""

    kind: Kind
    node: str
    text: str
    echo: bool  # may the answer be seen while it is typed?


Ask = Callable[[Question], Awaitable[str | None]]  # None: nobody answers, or the user said no


class Channel(Protocol):
    """One command that runs on a node."""

    async def read(self, size: int = 65536) -> bytes:
        """At most `size` bytes of what it prints; b"" at the end. Unreachable when the link is lost."""

    async def write(self, data: bytes) -> None:
        """Gives `data` to its stdin; waits while the other side does not take it."""

    async def close(self) -> None:
        """Ends it, or leaves it to end by itself where it outlives its streams; never raises."""

    def stderr_tail(self) -> str:
        """The last 4 KiB of what it wrote to stderr, harmless for a terminal."""


class Transport(Protocol):
    """A way to one node."""

    notes: list[str]  # what the user should know of how the connection was made

    async def start(self, command: str) -> Channel:
        """Runs `command` by the login shell of the node, which may be sh, bash, csh, tcsh, zsh or fish."""

    async def close(self) -> None:
        """Ends the connection and all its channels; never raises."""


class Busy(Unreachable):
    """The server refuses for the moment: a connection (MaxStartups) or a session (MaxSessions)."""


async def retried(attempt: Callable[[], Awaitable[T]], tries: int = 5) -> T:
    """What `attempt()` returns, tried again after Busy with growing, random pauses (5 s in all)."""
    for number in range(tries - 1):
        try:
            return await attempt()
        except Busy:
            await asyncio.sleep(random.uniform(0.5, 1.5) * 0.3 * 2**number)
    return await attempt()


def kind_of_prompt(text: str) -> Literal["code", "password"]:
    """What a server wants that asks with this text; a one-time password is a code."""
    words = text.lower()
    once = any(word in words for word in ("one-time", "one time", "otp", "oath", "token", "verification"))
    return "password" if "password" in words and not once else "code"


def harmless(text: str) -> str:
    """`text` without anything that moves a cursor, sets a title or reorders what is read."""
    return "".join(
        sign if sign in "\n\t" or unicodedata.category(sign)[0] != "C" else "\ufffd"
        for sign in text.replace("\r\n", "\n")
    )


class Tail:
    """The last bytes of a stream."""

    def __init__(self) -> None:
        self._data = b""

    def add(self, data: bytes) -> None:
        self._data = (self._data + data)[-TAIL_BYTES:]

    def text(self) -> str:
        return harmless(self._data.decode("utf-8", "replace"))
