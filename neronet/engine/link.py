"""The connection to one node: one login that carries everything, while there is something to carry.

A session connects, starts Neromum, says who is there, and then does two things
at once: it takes in what the node sends, and it works off what the store says
is to be done.  Whatever ends it, the next session begins from the store.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

from neronet import wire
from neronet.engine.tasks import end, first_to_end, happens, to_its_end, within
from neronet.engine.told import REPLIES, Refused
from neronet.errors import (
    AuthRefused,
    HostKeyChanged,
    HostKeyUnknown,
    NeronetError,
    NodeError,
    ProtocolError,
    Unreachable,
)
from neronet.spec.nodes import NodeSpec
from neronet.transport import attach, connect
from neronet.transport.base import Ask, Channel, Question, Transport
from neronet.wire import frames, messages

Message = dict[str, Any]
Take = Callable[[list[tuple[Message, bytes | None]]], list[Message]]

PING = 20.0  # seconds between two signs of life; the node waits for four of them
HELLO = 20.0  # seconds that a started agent may take to say hello
REPLY = 60.0  # seconds that a node may take to answer one message
LOAD = 5.0  # seconds between two reports of the node's load
SILENCE = 90.0  # seconds without a byte after which a session is taken for dead
LINGER = 60.0  # seconds that a login is kept when nothing is to be done
MAX_CONTENT = 256 * 1024 * 1024  # bytes of one file of the agent: a list of a million runs has fewer
PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)  # seconds until the next try, by failures in a row

BY_HAND = (AuthRefused, HostKeyChanged, HostKeyUnknown)  # only the user can mend these

# Replies, and the fields by which they are told apart.
KEYS: dict[str, tuple[str, ...]] = {
    "missing": (), "stored": ("sha",), "accepted": ("token",), "done": ("id",), "synced": ("id",), "batches": (),
    "tidied": ("token",), "load": (), "cluster": (), "content": ("what", "key"),
}  # fmt: skip

log = logging.getLogger(__name__)


class Session:
    """One life of a connection. `take` stores what the node sent and gives what to ask it for next."""

    def __init__(self, channel: Channel, node: str, take: Take) -> None:
        self._channel, self._node, self._take = channel, node, take
        self._decoder = frames.Decoder()
        self._waiting: dict[tuple[str, str], asyncio.Future[Message]] = {}
        self._writing = asyncio.Lock()
        self._reading = asyncio.Lock()
        self._parts: dict[tuple[str, str], bytearray] = {}
        self._syncs = 0
        self._closed = ""  # why it ended
        self._heard = time.monotonic()

    async def hello(self) -> Message:
        """The node's first message. Raises ProtocolError when it is none, or of a version that we do not speak."""
        try:
            message = (await within(HELLO, self._first()))[0]
        except asyncio.TimeoutError:
            raise Unreachable(
                f"{self._node} started the agent, but it said nothing for {HELLO:g} s"
            ) from None
        if message["m"] != "hello" or not wire.OLDEST_PROTOCOL <= message["protocol"] <= wire.PROTOCOL:
            raise ProtocolError(
                f"{self._node} speaks another version of Neronet's protocol",
                "update Neronet on this computer",
            )
        return message

    async def _first(self) -> tuple[Message, bytes | None]:
        while not (received := await self._receive()):
            pass
        return received[0]

    async def read(self) -> None:
        """Takes in what comes until the connection ends, which raises Unreachable."""
        while True:
            received = await self._receive()
            for message in self._take(received):
                await self.say(message)
            for message, payload in received:
                self._answer(message, payload or b"")

    async def say(self, message: Message, payload: bytes | None = None) -> None:
        async with self._writing:
            await self._channel.write(frames.encode(message, payload))

    async def ask(self, message: Message, reply: str, key: str, payload: bytes | None = None) -> Message:
        """Sends `message` and waits for the answer of kind `reply` about `key`. Raises NodeError."""
        answer = self.expect(reply, key)
        await self.say(message, payload)
        return await self.wait(answer)

    def expect(self, reply: str, key: str) -> asyncio.Future[Message]:
        """The answer of kind `reply` about `key`, once it comes."""
        if self._closed:
            raise Unreachable(self._closed)
        future = self._waiting.get((reply, key))
        if future is None or future.done():
            future = self._waiting[reply, key] = asyncio.get_running_loop().create_future()
        return future

    async def wait(self, answer: asyncio.Future[Message]) -> Message:
        try:
            # Shielded: somebody else may wait for the same answer, and longer.
            return await within(REPLY, asyncio.shield(answer))
        except asyncio.TimeoutError:
            raise Unreachable(f"{self._node} does not answer") from None

    async def sync(self) -> None:
        """Returns when everything that the node had at the call has been taken in."""
        self._syncs += 1
        number = self._syncs
        await self.ask({"m": "sync", "id": number}, "synced", str(number))

    async def content(self, what: str, key: str) -> bytes:
        """A file that the node's agent keeps: a `batch`, its `runs`, a `content`; b"" when it has none."""
        async with self._reading:  # two that read the same would share its parts
            self._parts[what, key] = bytearray()
            try:
                await self.ask(
                    {"m": "read", "what": what, "key": key, "offset": 0}, "content", f"{what} {key}"
                )
                return bytes(self._parts[what, key])
            finally:
                del self._parts[what, key]

    async def _receive(self) -> list[tuple[Message, bytes | None]]:
        data = await self._channel.read(256 * 1024)
        self._heard = time.monotonic()
        if not data:
            said = self._channel.stderr_tail().strip()
            raise Unreachable(f"the connection to {self._node} ended" + (f": {said[-300:]}" if said else ""))
        try:
            received: list[tuple[Message, bytes | None]] = self._decoder.feed(data)
            for message, _ in received:
                messages.check(message, messages.TO_USER)
        except frames.Malformed as error:
            raise ProtocolError(f"{self._node} sent what is not Neronet's protocol: {error}") from error
        return received

    def _answer(self, message: Message, payload: bytes) -> None:
        kind = message["m"]
        if kind == "content" and (parts := self._parts.get((message["what"], message["key"]))) is not None:
            parts += payload
            if len(parts) > MAX_CONTENT:
                raise ProtocolError(
                    f"{self._node} sent more than {MAX_CONTENT} bytes of one file of its agent"
                )
            if not message["end"]:
                return
        if kind in KEYS:
            key = " ".join(str(message[field]) for field in KEYS[kind])
            future = self._waiting.pop((kind, key), None)
            if future is not None and not future.done():
                future.set_result(message)
        elif kind == "error":
            word, _, key = message["about"].partition(" ")
            if word == "act":  # one at a time; the error names the batch instead
                key = next((key for reply, key in self._waiting if reply == "done"), "")
            future = self._waiting.pop((REPLIES.get(word, ""), key), None)
            if future is not None and not future.done():
                future.set_exception(Refused(f"{self._node}: {message['text']}", message["hint"]))
                future.exception()  # it counts also when nobody waits for it yet

    async def keep_alive(self) -> None:
        """Says now and then that we are there. Raises Unreachable when nothing was heard for too long."""
        number = 0
        while True:
            await asyncio.sleep(PING)
            if time.monotonic() - self._heard > SILENCE:
                raise Unreachable(f"{self._node} has said nothing for {SILENCE:g} s")
            number += 1
            if not self._writing.locked():  # else something is on its way already, and may be stuck
                await self.say({"m": "ping", "id": number})

    def close(self, reason: str) -> None:
        """Whoever waits for an answer gets Unreachable with this reason."""
        self._closed = reason
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(Unreachable(reason))
                future.exception()  # nobody may be waiting


class Link:
    """Keeps a session to one node while `needed()`, and tries again when it ends.

    work(session): sends what waits in the store for this node; called at the
    begin, each time `wake` was, and after the seconds that it returned (None:
    not).  seen(facts or None, reason): tells whether the node can be reached.
    """

    def __init__(
        self, node: NodeSpec, *, hello: Message, place: Message, ask: Ask, home: Any, environment: dict[str, str] | None,
        needed: Callable[[], bool], begin: Callable[[], Take], work: Callable[[Session], Awaitable[float | None]],
        seen: Callable[[Message | None, str], None],
    ) -> None:  # fmt: skip
        self.node = node
        self.session: Session | None = None
        self.failures = 0  # in a row
        self.problem: NeronetError | None = None
        self._hello, self._place, self._home, self._environment = hello, place, home, environment
        self._ask_user, self._asked = ask, False
        self._transport: Transport | None = None  # a login outlives the sessions that it carries, for a while
        self._needed, self._begin, self._work, self._seen = needed, begin, work, seen
        self._wake = asyncio.Event()
        self._again = asyncio.Event()
        self._tried = asyncio.Event()  # set whenever a try to connect has ended, well or not
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"link {node.id}")

    def wake(self) -> None:
        """Something is to be done on this node."""
        self._wake.set()

    def retry(self) -> None:
        """Somebody waits for this node: a pause between two tries ends."""
        self._wake.set()
        self._again.set()

    async def connected(self) -> Session:
        """The session, connecting now if need be. Raises the NeronetError of the try that failed."""
        if self.session is None:
            self._tried.clear()
            self.retry()
            await self._tried.wait()
        if self.session is None:
            raise self.problem or Unreachable(f"{self.node.id} does not answer")
        return self.session

    async def close(self, reason: str) -> None:
        """Ends it for good; who waits for a connection gets Unreachable with this reason."""
        self.session, self.problem = None, Unreachable(reason)
        self._tried.set()
        await end(self._task)
        await self._hang_up()

    async def _run(self) -> None:
        while True:
            began = time.monotonic()
            try:
                self._wake.clear()
                if not self._needed():
                    await self._rest()
                    continue
                self._again.clear()
                await self._live()
                self.failures, self.problem = 0, None
                continue
            except NeronetError as error:
                self.problem = error
            except Exception as error:  # ours: the engine must go on with the other nodes
                log.exception("the session with %s failed", self.node.id)
                self.problem = NodeError(
                    f"an error in Neronet ended the connection to {self.node.id}: {error!r}"
                )
            log.info("%s: %s", self.node.id, self.problem)
            self.failures = self.failures + 1 if time.monotonic() - began < PAUSES[-1] else 1
            hint = (
                f" ({self.problem.hint})" if isinstance(self.problem, BY_HAND) and self.problem.hint else ""
            )
            self._seen(None, f"{self.problem}{hint}")
            self._tried.set()
            await self._pause()

    async def _pause(self) -> None:
        """Until the next try; what only the user can mend is not tried again by itself."""
        seconds = PAUSES[min(self.failures, len(PAUSES)) - 1] * random.uniform(0.8, 1.2)
        await happens(self._again, None if isinstance(self.problem, BY_HAND) else seconds)

    async def _rest(self) -> None:
        """Until there is something to do. The login is kept for a while, one that the user had to help with to the end."""
        kept = None if self._transport is None or self._asked else LINGER
        if not await happens(self._wake, kept):
            await self._hang_up()

    async def _hang_up(self) -> None:
        transport, self._transport, self._asked = self._transport, None, False
        if transport is not None:
            await to_its_end(transport.close())

    async def _ask(self, question: Question) -> str | None:
        self._asked = True
        return await self._ask_user(question)

    async def _attach(self) -> Channel:
        """The agent's channel, by the login that there is if it still works."""
        if self._transport is not None:
            try:
                return await self._agent(self._transport)
            except Unreachable:
                await self._hang_up()
        self._transport = await connect(self.node, self._home, self._ask)
        return await self._agent(self._transport)

    async def _agent(self, transport: Transport) -> Channel:
        return await attach(transport, self.node, self._home, self._place["place"], self._environment)

    async def _live(self) -> None:
        channel: Channel | None = None
        session: Session | None = None
        whole = False
        try:
            channel = await self._attach()
            session = Session(channel, self.node.id, self._taker())
            facts = (await session.hello())["facts"]
            await session.say(self._hello)
            await session.say(self._place)
            await session.say({"m": "load", "interval": LOAD})
            self._seen(facts, "")
            self.session = session
            self._tried.set()
            await first_to_end(session.read(), self._serve(session), session.keep_alive())
            whole = True
        finally:
            self.session = None
            if session is not None:
                session.close(f"the connection to {self.node.id} ended")
            if channel is not None:
                await to_its_end(channel.close())
            if not whole:
                await self._hang_up()

    def _taker(self) -> Take:
        take = self._begin()

        def taken(received: list[tuple[Message, bytes | None]]) -> list[Message]:
            wishes = take(received)
            if any(wish["m"] == "unfollow" for wish in wishes):
                self.wake()  # a submission has come to its end: perhaps nothing needs this session any more
            return wishes

        return taken

    async def _serve(self, session: Session) -> None:
        while True:
            self._wake.clear()
            again = await self._work(session)
            if not self._needed():
                self.session = None  # nobody may begin anything in it from now on
                return
            await happens(self._wake, again)
