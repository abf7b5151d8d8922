"""A session over a real stream: each answer, and each error, reaches the one who waits for it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from neronet.engine import link
from neronet.engine.link import Message, Session
from neronet.engine.told import Refused
from neronet.errors import NodeError, ProtocolError, Unreachable
from neronet.wire import frames

HELLO = {"m": "hello", "protocol": 1, "version": "x", "facts": {}}


class Wire:
    """One end of a socket as a Channel."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._end = end

    async def read(self, size: int = 65536) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self._end, size)

    async def write(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._end, data)

    async def close(self) -> None:
        self._end.close()

    def stderr_tail(self) -> str:
        return "said on stderr"


class Node:
    """What stands at the other end."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self.end = end
        self._decoder = frames.Decoder()
        self._heard: list[Message] = []

    async def say(self, message: Message, payload: bytes | None = None) -> None:
        await self.raw(frames.encode(message, payload))

    async def raw(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.end, data)

    async def hear(self) -> Message:
        while not self._heard:
            data = await asyncio.get_running_loop().sock_recv(self.end, 65536)
            self._heard += [message for message, _ in self._decoder.feed(data)]
        return self._heard.pop(0)


@contextmanager
def wires() -> Iterator[tuple[Wire, Node]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Wire(ours), Node(theirs)


def talk(
    conversation: Callable[[Session, Node], Awaitable[Any]], wishes: dict[str, list[Message]] | None = None
) -> Any:
    """Runs a conversation with a session that reads; `wishes`: what it asks for after a message of a kind."""

    async def run() -> Any:
        with wires() as (wire, node):
            session = Session(wire, "gpu1", lambda received: (wishes or {}).get(received[0][0]["m"], []))
            reading = asyncio.ensure_future(session.read())
            try:
                return await conversation(session, node)
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)

    return asyncio.run(asyncio.wait_for(run(), 20))


def test_each_answer_reaches_the_one_who_asked() -> None:
    async def conversation(session: Session, node: Node) -> None:
        one = asyncio.ensure_future(session.ask({"m": "tidy", "token": "a" * 16}, "tidied", "a" * 16))
        two = asyncio.ensure_future(session.ask({"m": "tidy", "token": "b" * 16}, "tidied", "b" * 16))
        assert [await node.hear(), await node.hear()]
        await node.say({"m": "tidied", "token": "b" * 16})
        assert (await two)["token"] == "b" * 16
        assert not one.done()
        await node.say({"m": "tidied", "token": "a" * 16})
        assert (await one)["token"] == "a" * 16

    talk(conversation)


@pytest.mark.parametrize(
    ("message", "reply", "key", "about"),
    [
        ({"m": "have", "shas": []}, "missing", "", "have "),
        ({"m": "batch", "token": "a" * 16, "batch": {}}, "accepted", "a" * 16, "batch " + "a" * 16),
        ({"m": "file", "sha": "c" * 64}, "stored", "c" * 64, "file " + "c" * 64),
        ({"m": "tidy", "token": "a" * 16}, "tidied", "a" * 16, "tidy " + "a" * 16),
        ({"m": "list"}, "batches", "", "list "),
        ({"m": "act", "id": "wish1", "token": "a" * 16}, "done", "wish1", "act " + "a" * 16),
    ],
)
def test_an_error_reaches_the_one_who_asked(message: Message, reply: str, key: str, about: str) -> None:
    async def conversation(session: Session, node: Node) -> None:
        asked = asyncio.ensure_future(session.ask(message, reply, key))
        await node.hear()
        await node.say({"m": "error", "about": "tidy " + "9" * 16, "text": "another one", "hint": ""})
        await node.say({"m": "error", "about": about, "text": "the disk is full", "hint": "make room"})
        with pytest.raises(Refused, match="gpu1: the disk is full") as raised:
            await asked
        assert raised.value.hint == "make room"

    talk(conversation)


def test_answers_that_nobody_asked_for_change_nothing() -> None:
    async def conversation(session: Session, node: Node) -> None:
        for message in (
            {"m": "stored", "sha": "c" * 64}, {"m": "synced", "id": 7}, {"m": "done", "id": "x", "result": {}},
            {"m": "error", "about": "", "text": "", "hint": ""}, {"m": "pong", "id": 1},
            {"m": "content", "what": "batch", "key": "x", "offset": 0, "end": True, "size": 0},
        ):  # fmt: skip
            await node.say(message, b"" if "size" in message else None)
        syncing = asyncio.ensure_future(session.sync())
        assert (await node.hear())["id"] == 1
        await node.say({"m": "synced", "id": 1})
        await syncing

    talk(conversation)


def test_a_file_of_the_agent_comes_in_parts() -> None:
    async def conversation(session: Session, node: Node) -> bytes:
        reading = asyncio.ensure_future(session.content("runs", "a" * 16))
        await node.hear()
        head = {"m": "content", "what": "runs", "key": "a" * 16}
        await node.say({**head, "offset": 0, "end": False}, b"one ")
        await node.say({**head, "offset": 4, "end": True}, b"two")
        return await reading

    assert talk(conversation) == b"one two"


def test_two_who_read_the_same_file_get_it_both() -> None:
    async def conversation(session: Session, node: Node) -> list[bytes]:
        reading = [asyncio.ensure_future(session.content("runs", "a" * 16)) for _ in range(2)]
        for _ in reading:
            await node.hear()
            await node.say(
                {"m": "content", "what": "runs", "key": "a" * 16, "offset": 0, "end": True}, b"one two"
            )
        return await asyncio.gather(*reading)

    assert talk(conversation) == [b"one two"] * 2


def test_a_file_of_the_agent_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "MAX_CONTENT", 1000)

    async def run() -> None:
        with wires() as (wire, node):
            session = Session(wire, "gpu1", lambda received: [])
            asked = asyncio.ensure_future(session.content("runs", "a" * 16))
            await node.hear()
            for _ in range(3):
                await node.say(
                    {"m": "content", "what": "runs", "key": "a" * 16, "offset": 0, "end": False}, b"x" * 400
                )
            with pytest.raises(ProtocolError, match="more than 1000 bytes"):
                await session.read()
            session.close("it ended")
            with pytest.raises(Unreachable):
                await asked

    asyncio.run(asyncio.wait_for(run(), 20))


def test_whoever_waits_when_a_session_ends_learns_it_and_nobody_can_ask_any_more() -> None:
    async def conversation(session: Session, node: Node) -> None:
        waiting = [asyncio.ensure_future(session.sync()) for _ in range(3)]
        await node.hear()
        session.close("the connection to gpu1 ended")
        for one in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(one, Unreachable)
            assert str(one) == "the connection to gpu1 ended"
        with pytest.raises(Unreachable, match="ended"):
            await session.sync()

    talk(conversation)


def test_one_who_gives_up_does_not_take_the_answer_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    async def conversation(session: Session, node: Node) -> None:
        monkeypatch.setattr(link, "REPLY", 0.05)
        first = asyncio.ensure_future(session.wait(session.expect("load", "")))
        await asyncio.sleep(0)
        monkeypatch.setattr(link, "REPLY", 20.0)
        second = asyncio.ensure_future(session.wait(session.expect("load", "")))
        with pytest.raises(Unreachable, match="does not answer"):
            await first
        await node.say({"m": "load", "load": {}})
        assert (await second)["m"] == "load"

    talk(conversation)


def test_the_end_of_the_stream_tells_what_was_said_on_stderr() -> None:
    async def run() -> None:
        with wires() as (wire, node):
            node.end.close()
            with pytest.raises(Unreachable, match="the connection to gpu1 ended: said on stderr"):
                await Session(wire, "gpu1", lambda received: []).read()

    asyncio.run(asyncio.wait_for(run(), 20))


@pytest.mark.parametrize("protocol", [0, 2, 99])
def test_another_version_of_the_protocol_is_told_in_words(protocol: int) -> None:
    async def run() -> None:
        with wires() as (wire, node):
            await node.say({**HELLO, "protocol": protocol})
            with pytest.raises(ProtocolError, match="another version"):
                await Session(wire, "gpu1", lambda received: []).hello()

    asyncio.run(asyncio.wait_for(run(), 20))


def test_an_agent_that_says_nothing_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "HELLO", 0.05)

    async def run() -> None:
        with wires() as (wire, _), pytest.raises(Unreachable, match="said nothing"):
            await Session(wire, "gpu1", lambda received: []).hello()

    asyncio.run(asyncio.wait_for(run(), 20))


def test_a_node_that_falls_silent_is_noticed_also_when_it_takes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link, "PING", 0.02)
    monkeypatch.setattr(link, "SILENCE", 0.2)

    async def run() -> None:
        with wires() as (wire, node):
            session = Session(wire, "gpu1", lambda received: [])
            stuck = asyncio.ensure_future(session.say({"m": "ping", "id": 1}, b"x" * 10_000_000))
            with pytest.raises(Unreachable, match="has said nothing for"):
                await session.keep_alive()
            stuck.cancel()
            await asyncio.gather(stuck, return_exceptions=True)

    asyncio.run(asyncio.wait_for(run(), 20))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"Welcome to the cluster\n", "not JSON"),
        (b'{"m":"stored"}\n', "no usable sha"),
        (b'{"m":"wonderful"}\n', "unknown message"),
        (b'{"m":"synced","id":1.5}\n', "no usable id"),
        (
            b'{"m":"journal","token":"'
            + b"a" * 16
            + b'","name":"n.log","offset":0,"reset":false,"size":99999999}\n',
            "announces",
        ),
        (
            b'{"m":"journal","token":"'
            + b"a" * 16
            + b'","name":"n.log","offset":-1,"reset":false,"size":0}\n',
            "no usable offset",
        ),
        (b'{"m":"load","load":' + b"[" * 5000 + b"\n", "nested"),
        (b'{"m":"synced","id":' + b"9" * 5000 + b"}\n", "not JSON"),
        (b"x" * (frames.MAX_LINE + 2), "longer than"),
    ],
)
def test_what_is_not_the_protocol_ends_the_session_with_a_sentence(data: bytes, text: str) -> None:
    async def run() -> None:
        with wires() as (wire, node):
            sending = asyncio.ensure_future(node.raw(data))
            with pytest.raises(ProtocolError, match="gpu1 sent what is not Neronet's protocol") as raised:
                await Session(wire, "gpu1", lambda received: []).read()
            assert text in str(raised.value)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    asyncio.run(asyncio.wait_for(run(), 20))


def test_what_a_piece_makes_us_ask_for_is_sent() -> None:
    async def conversation(session: Session, node: Node) -> None:
        await node.say({"m": "note", "text": "x"})
        assert await node.hear() == {"m": "log"}

    talk(conversation, {"note": [{"m": "log"}]})


def test_refused_is_an_error_of_the_node() -> None:
    assert issubclass(Refused, NodeError)
    assert not issubclass(Refused, Unreachable)
