"""Channels carry bytes as they are, and a link that fails is told in one sentence."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from asyncssh.packet import String, UInt32

from neronet.errors import InputError, NeronetError, NodeUnfit, Unreachable
from neronet.spec.nodes import NodeSpec
from neronet.transport import asyncssh_, connect, openssh, processes
from neronet.transport.base import MAX_SESSIONS, Channel, Transport
from neronet.transport.local import LocalTransport
from tests.testbed.fixtures import NodeFactory
from tests.testbed.nodes import Node
from tests.transport.conftest import User, make_spec

TRANSPORTS = (
    "local",
    pytest.param("asyncssh", marks=pytest.mark.real),
    pytest.param("openssh", marks=pytest.mark.real),
)
SSH = ("asyncssh", "openssh")
HOME = Path("/nonexistent")


def spec_of(node: Node, transport: str = "asyncssh") -> NodeSpec:
    return make_spec(
        node.name, ssh_address=node.ssh_address(), ssh_options=node.ssh_options(), transport=transport
    )


@pytest.fixture
def spec(request: pytest.FixtureRequest, transport: str) -> NodeSpec:
    """A node that is reached by `transport`."""
    if transport == "local":
        return make_spec("local", type="local")
    return spec_of(request.getfixturevalue("node"), transport)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of this computer that does not end is made to a tenth of a second later."""
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.1)


@asynccontextmanager
async def connected(spec: NodeSpec) -> AsyncIterator[Transport]:
    transport = await connect(spec, HOME, User())
    try:
        yield transport
    finally:
        await transport.close()


async def read_all(channel: Channel) -> bytes:
    parts = []
    while part := await channel.read():
        parts.append(part)
    return b"".join(parts)


async def write_on(channel: Channel) -> None:
    for _ in range(100):
        await channel.write(b"x" * 100_000)


def failure(spec: NodeSpec) -> NeronetError:
    """What the first command on a new connection ends with."""

    async def run() -> None:
        async with connected(spec) as way:
            channel = await way.start("echo hello")
            await read_all(channel)

    with pytest.raises(NeronetError) as failed:
        asyncio.run(run())
    assert str(failed.value).startswith(f"{spec.id}: ")
    assert "\n" not in str(failed.value)
    return failed.value


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_ten_megabytes_of_any_bytes_pass_both_ways(spec: NodeSpec) -> None:
    data = random.Random(1).randbytes(10_000_000)

    async def run() -> bytes:
        async with connected(spec) as way:
            channel = await way.start("cat")
            reading = asyncio.ensure_future(read_exactly(channel, len(data)))
            for start in range(0, len(data), 1_000_000):
                await channel.write(data[start : start + 1_000_000])
            return await reading

    async def read_exactly(channel: Channel, size: int) -> bytes:
        received = b"".join([part async for part in parts(channel, size)])
        assert len(received) == size
        return received

    async def parts(channel: Channel, size: int) -> AsyncIterator[bytes]:
        while size:
            part = await channel.read(min(size, 65536))
            assert part
            size -= len(part)
            yield part

    assert hashlib.sha256(asyncio.run(run())).digest() == hashlib.sha256(data).digest()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_command_that_ends_ends_its_channel(spec: NodeSpec) -> None:
    async def run() -> None:
        async with connected(spec) as way:
            channel = await way.start("printf '\\0\\377'; echo oops >&2; exit 3")
            assert await read_all(channel) == b"\0\xff"
            assert await channel.read() == b""
            assert channel.stderr_tail() == "oops\n"
            with pytest.raises(Unreachable, match=spec.id):
                await write_on(channel)
            await channel.close()
            await channel.close()

    asyncio.run(run())


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_reader_that_waits_holds_the_writer_back(spec: NodeSpec, impatient: None) -> None:
    async def run() -> None:
        async with connected(spec) as way:
            channel = await way.start("sleep 30")
            written = 0

            async def write() -> None:
                nonlocal written
                while True:
                    await channel.write(b"x" * 100_000)
                    written += 100_000

            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(write(), 0.5)
            assert written < 8_000_000

    asyncio.run(run())


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_more_commands_than_sessions_wait_for_their_turn(spec: NodeSpec) -> None:
    async def run() -> tuple[list[bytes], int]:
        open_now = most = 0

        async def one(way: Transport, number: int) -> bytes:
            nonlocal open_now, most
            channel = await way.start(f"echo {number}; sleep 0.1")
            open_now += 1
            most = max(most, open_now)
            answer = await read_all(channel)
            open_now -= 1
            await channel.close()
            return answer

        async with connected(spec) as way:
            return await asyncio.gather(*(one(way, number) for number in range(20))), most

    answers, most = asyncio.run(run())
    assert answers == [b"%d\n" % number for number in range(20)]
    assert most == MAX_SESSIONS


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_closing_ends_what_still_runs(spec: NodeSpec) -> None:
    async def run() -> None:
        async with connected(spec) as way:
            channel = await way.start("echo on; while read -r line; do :; done")
            assert await channel.read() == b"on\n"
            start = time.monotonic()
        assert time.monotonic() - start < 12

    asyncio.run(run())


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_closing_ends_a_read_that_waits(spec: NodeSpec) -> None:
    async def run() -> bytes:
        async with connected(spec) as way:
            channel = await way.start("cat")
            reading = asyncio.ensure_future(channel.read())
            await asyncio.sleep(0.05)
            await channel.close()
            return await asyncio.wait_for(reading, 3)

    assert asyncio.run(run()) == b""


def test_a_local_command_is_out_of_reach_of_the_terminal() -> None:
    async def run() -> None:
        async with connected(make_spec("local", type="local")) as way:
            channel = await way.start("echo $$; read -r line")
            assert os.getsid(int(await channel.read())) != os.getsid(0)

    asyncio.run(run())


def test_a_local_command_that_does_not_listen_is_ended_by_force(impatient: None) -> None:
    async def run() -> None:
        async with connected(make_spec("local", type="local")) as way:
            channel = await way.start("trap '' TERM; echo $$; while :; do sleep 0.1; done")
            pid = int(await channel.read())
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    asyncio.run(run())


def test_a_laptop_without_unix_has_no_local_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neronet.transport.local.os.name", "nt")
    with pytest.raises(NodeUnfit, match="need Linux, macOS or another Unix"):
        LocalTransport("local")


# -- links that fail ---------------------------------------------------------------------------


def test_an_address_that_is_none_is_the_users_mistake() -> None:
    error = failure(make_spec("gpu1", ssh_address="gpu1:port"))
    assert isinstance(error, InputError)
    assert "gpu1:port" in str(error)


@pytest.mark.parametrize("transport", SSH)
def test_a_name_that_nobody_knows(transport: str) -> None:
    error = failure(make_spec("gpu1", ssh_address="alice@gpu1.invalid", transport=transport))
    assert isinstance(error, Unreachable)
    assert "no machine of the name gpu1.invalid is known here" in str(error)
    assert "nodes.yaml" in error.hint


@pytest.mark.parametrize("transport", SSH)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_port_where_nobody_listens(transport: str, host: str) -> None:
    error = failure(make_spec("gpu1", ssh_address=f"alice@{host}:1", transport=transport))
    assert isinstance(error, Unreachable)
    assert f"alice@{host}:1 refused the connection" in str(error)
    assert "port" in error.hint


@pytest.mark.parametrize("transport", SSH)
def test_a_machine_that_says_nothing(transport: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncssh_, "CONNECT_SECONDS", 0.2)
    monkeypatch.setattr(openssh, "CONNECT_SECONDS", 1.0)  # the least that ssh knows

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def run() -> NeronetError:
        server = await asyncio.start_server(listen, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            return await asyncio.to_thread(
                failure, make_spec("gpu1", ssh_address=f"alice@127.0.0.1:{port}", transport=transport)
            )

    start = time.monotonic()
    error = asyncio.run(run())
    assert time.monotonic() - start < 20
    assert isinstance(error, Unreachable)
    assert "did not answer within" in str(error)
    assert "VPN" in error.hint


@pytest.mark.parametrize("transport", SSH)
@pytest.mark.parametrize("words", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"Not allowed at this time\r\n"])
def test_something_that_is_no_ssh_server(
    transport: str, words: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.uniform", lambda a, b: 0.01)  # the pauses between the tries
    greeted = 0

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal greeted
        greeted += 1
        writer.write(words)
        await writer.drain()
        writer.close()

    async def run() -> NeronetError:
        server = await asyncio.start_server(greet, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            return await asyncio.to_thread(
                failure, make_spec("gpu1", ssh_address=f"alice@127.0.0.1:{port}", transport=transport)
            )

    error = asyncio.run(run())
    assert isinstance(error, Unreachable)
    assert "closed the connection before the login began" in str(error)
    if transport == "asyncssh":
        assert greeted == 5


@pytest.mark.real
@pytest.mark.parametrize("transport", SSH)
def test_a_link_that_is_cut_ends_the_channel(node: Node, transport: str) -> None:
    async def run() -> None:
        async with connected(spec_of(node, transport)) as way:
            channel = await way.start("echo on; sleep 60")
            assert await channel.read() == b"on\n"
            await asyncio.to_thread(node.hang_up)
            with pytest.raises(Unreachable, match="node1: the connection was lost"):
                await channel.read()
            with pytest.raises(Unreachable):
                await write_on(channel)
            await channel.close()
            if transport == "asyncssh":
                with pytest.raises(Unreachable):
                    await way.start("true")

    asyncio.run(run())


@pytest.mark.real
@pytest.mark.parametrize("transport", SSH)
def test_a_dead_link_is_noticed(node: Node, transport: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (asyncssh_, openssh):
        monkeypatch.setattr(module, "ALIVE_SECONDS", 1)

    async def run() -> float:
        async with connected(spec_of(node, transport)) as way:
            channel = await way.start("echo on; sleep 60")
            assert await channel.read() == b"on\n"
            await asyncio.to_thread(node.freeze)
            start = time.monotonic()
            try:
                with pytest.raises(Unreachable, match="the connection was lost"):
                    await asyncio.wait_for(channel.read(), 20)
            finally:
                node.thaw()
            return time.monotonic() - start

    assert 2.5 < asyncio.run(run()) < 8


@pytest.mark.real
def test_a_busy_server_that_drops_connections_is_tried_again(node_factory: NodeFactory) -> None:
    node = node_factory("busy", sshd=("MaxStartups 2:50:4",))

    async def run() -> list[bytes]:
        async def one() -> bytes:
            async with connected(spec_of(node)) as way:
                return await read_all(await way.start("echo hello"))

        return await asyncio.gather(*(one() for _ in range(8)))

    assert asyncio.run(run()) == [b"hello\n"] * 8
    assert "MaxStartups" in node.log()  # some were dropped


@pytest.mark.real
def test_a_session_that_is_refused_for_the_moment_is_tried_again(node_factory: NodeFactory) -> None:
    node = node_factory("narrow", sshd=("MaxSessions 1",))

    async def run() -> bytes:
        async with connected(spec_of(node)) as way:
            first = await way.start("echo on; read -r line")
            assert await first.read() == b"on\n"
            second = asyncio.ensure_future(way.start("echo hello"))
            await asyncio.sleep(0.1)
            await first.close()
            return await (await second).read()

    assert asyncio.run(run()) == b"hello\n"


@pytest.mark.real
def test_a_server_without_sessions_is_told(
    node_factory: NodeFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.uniform", lambda a, b: 0.01)  # the pauses between the tries
    error = failure(spec_of(node_factory("closed", sshd=("MaxSessions 0",))))
    assert isinstance(error, Unreachable)
    assert "the server opens no session" in str(error)


# -- a hostile server --------------------------------------------------------------------------


class Greedy(asyncssh.SSHServer):
    """Lets anybody in, then asks for everything that a client might grant."""

    def __init__(self) -> None:
        self.granted: list[str] = []
        self.refused: list[str] = []

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn

    def begin_auth(self, username: str) -> bool:
        return False

    async def demand(self) -> None:
        address = String("127.0.0.1") + UInt32(22)
        for kind, words in {
            "session": b"",
            "x11": address,
            "auth-agent@openssh.com": b"",
            "direct-tcpip": address * 2,
            "forwarded-tcpip": address * 2,
            "forwarded-streamlocal@openssh.com": String("/run/x") + String(""),
            "tun@openssh.com": UInt32(1) + UInt32(0),
        }.items():
            # By hand: asyncssh's own server does not ask for what it was not promised.
            channel = self._connection.create_tcp_channel()
            try:
                await channel._open(kind.encode(), words)
                self.granted.append(kind)
            except asyncssh.ChannelOpenError as error:
                self.refused.append(f"{kind}: {error.reason}")


@pytest.mark.real
def test_a_server_is_granted_no_channel_of_its_own(
    tmp_path: Path, client_home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    key = asyncssh.generate_private_key("ssh-ed25519")
    server = Greedy()

    asked: list[object] = []

    async def serve(process: asyncssh.SSHServerProcess[str]) -> None:
        asked.extend(
            [process.command, process.term_type, dict(process.env), process.channel.get_agent_path()]
        )
        await server.demand()
        process.exit(0)

    async def run() -> None:
        listener = await asyncssh.create_server(
            lambda: server, "127.0.0.1", 0, server_host_keys=[key], process_factory=serve
        )
        port = listener.get_port()
        (tmp_path / "known").write_text(f"[127.0.0.1]:{port} {key.export_public_key().decode()}")
        client_home(
            f"Host greedy\n HostName 127.0.0.1\n Port {port}\n UserKnownHostsFile {tmp_path}/known\n"
            " ForwardAgent yes\n ForwardX11 yes\n ForwardX11Trusted yes\n RemoteForward 7777 127.0.0.1:22\n"
            " RemoteCommand echo no\n RequestTTY force\n"
        )
        async with connected(make_spec("greedy", ssh_address="greedy")) as way:
            await read_all(await way.start("true"))
        listener.close()

    asyncio.run(run())
    assert asked == ["true", None, {}, None]
    assert server.granted == []
    assert len(server.refused) == 7
