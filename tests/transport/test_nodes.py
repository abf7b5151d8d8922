"""The agent comes up on real nodes of every kind, over both ways of ssh, and nothing else stays there."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from neronet.errors import NeronetError, NodeUnfit
from neronet.spec.nodes import NodeSpec
from neronet.transport import attach, bootstrap, connect
from neronet.transport.agent import Agent
from tests.testbed.fixtures import NodeFactory
from tests.testbed.image import NOISY
from tests.testbed.nodes import Node
from tests.transport.conftest import User, facts_of, make_spec, read_line

pytestmark = pytest.mark.real

TRANSPORTS = ("asyncssh", "openssh")
HOME = Path("/nonexistent")


def spec_of(node: Node, transport: str = "asyncssh", **fields: Any) -> NodeSpec:
    return make_spec(
        node.name,
        ssh_address=node.ssh_address(),
        ssh_options=node.ssh_options(),
        transport=transport,
        **fields,
    )


def visit(spec: NodeSpec, agent: Agent, node: Node, user: User | None = None) -> dict[str, Any]:
    """The facts of the agent, after a talk with it; checks that it is all that runs there."""

    async def run() -> dict[str, Any]:
        transport = await connect(spec, HOME, user or User())
        try:
            channel = await bootstrap.land(transport, spec, HOME, agent, {"NERONET_TEST": "é"})
            facts = await facts_of(channel)
            (process,) = node.processes()
            assert " neromum serve " in process.command
            assert process.pid == facts["pid"]
            await channel.write(b"ping\n")
            assert await read_line(channel) == b"ping\n"
            await channel.close()
        finally:
            await transport.close()
        return facts

    facts = asyncio.run(run())
    assert facts["env"]["NERONET_TEST"].encode("utf-8", "surrogateescape") == "é".encode()
    assert node.processes() == []
    return facts


def failure(spec: NodeSpec, agent: Agent, node: Node, user: User | None = None) -> NeronetError:
    with pytest.raises(NeronetError) as failed:
        visit(spec, agent, node, user)
    assert node.processes() == []
    return failed.value


KINDS: dict[str, dict[str, str]] = {
    "plain": {},
    "noisy": {"rc": NOISY},
    "tcsh": {"shell": "/bin/tcsh", "rc": "echo Welcome; echo again >/dev/stderr\n"},
    "zsh": {"shell": "/bin/zsh", "rc": NOISY},
    "fish": {"shell": "/usr/bin/fish", "rc": "echo Welcome\n"},
    "python36": {"python": "3.6"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_agent_comes_up_twice(node_factory: NodeFactory, echo_agent: Agent, kind: str) -> None:
    node = node_factory(kind, **KINDS[kind])
    for transport in TRANSPORTS:
        facts = visit(spec_of(node, transport), echo_agent, node)
        assert facts["arguments"] == ["neromum", "serve", "/home/alice/.neronet"]
    if kind == "python36":
        assert facts["version"][:2] == [3, 6]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_read_only_home_needs_a_root_elsewhere(
    node_factory: NodeFactory, echo_agent: Agent, transport: str
) -> None:
    node = node_factory("readonly", read_only_home=True)
    error = failure(spec_of(node, transport), echo_agent, node)
    assert isinstance(error, NodeUnfit)
    assert "/home/alice/.neronet" in str(error)
    assert "Read-only" in str(error)
    assert "root:" in error.hint
    facts = visit(spec_of(node, transport, root="/srv/alice/neronet"), echo_agent, node)
    assert facts["arguments"][2] == "/srv/alice/neronet"


def test_a_folder_of_somebody_else_is_no_root(node: Node, echo_agent: Agent) -> None:
    node.run("mkdir -m 777 /tmp/theirs && ln -s /home/alice /tmp/link", user="bob")
    error = failure(spec_of(node, root="/home/bob/x"), echo_agent, node)
    assert "cannot be written: Permission denied" in str(error)
    for root in ("/tmp/theirs", "/tmp/link"):
        error = failure(spec_of(node, root=root), echo_agent, node)
        assert f"belongs to another user (uid {node.lab.uid('bob')})" in str(error)
        assert "root:" in error.hint
    node.run("mkdir -m 500 ~/mine")
    assert "cannot be written: Permission denied" in str(
        failure(spec_of(node, root="mine"), echo_agent, node)
    )


def test_a_full_disk_is_told_and_leaves_nothing_behind(node_factory: NodeFactory, echo_agent: Agent) -> None:
    node = node_factory("full", disk="1m")
    spec = spec_of(node, root="/srv/alice/neronet")
    node.run("mkdir -p /srv/alice/neronet/agent; cat /dev/zero >/srv/alice/fill || true")
    error = failure(spec, echo_agent, node)
    assert "no room" in str(error)
    assert "No space left" in str(error)
    assert "free some space" in error.hint
    assert node.run("ls /srv/alice/neronet/agent") == ""
    node.run("rm /srv/alice/fill")
    visit(spec, echo_agent, node)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_account_without_a_shell_is_told(
    node_factory: NodeFactory, echo_agent: Agent, transport: str
) -> None:
    node = node_factory("nologin", shell="/usr/sbin/nologin")
    error = failure(spec_of(node, transport), echo_agent, node)
    assert isinstance(error, NodeUnfit)
    assert "This account is currently not available" in str(error)


def test_a_node_without_python_is_told(node_factory: NodeFactory, echo_agent: Agent) -> None:
    node = node_factory("bare", python="none")
    error = failure(spec_of(node), echo_agent, node)
    assert "none of python3, /usr/bin/python3, python3.13" in str(error)
    assert "python:" in error.hint


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_alias_and_a_gateway_come_from_the_ssh_configuration(
    node_factory: NodeFactory, client_home: Any, echo_agent: Agent, transport: str
) -> None:
    node_factory("gw")
    inner = node_factory("inner", jump="gw")
    client_home()
    spec = make_spec("inner", ssh_address="inner", transport=transport)
    assert visit(spec, echo_agent, inner)["env"]["HOME"] == "/home/alice"


def test_a_jump_over_two_gateways_checks_each(
    node_factory: NodeFactory, client_home: Any, echo_agent: Agent
) -> None:
    first, second = node_factory("gw"), node_factory("gw2", jump="gw")
    inner = node_factory("inner2", jump="gw2")
    config = first.ssh_config() + second.ssh_config() + inner.ssh_config().replace("Jump gw2", "Jump gw,gw2")
    home = client_home(
        config.replace(f"UserKnownHostsFile {first.lab.known_hosts}", "UserKnownHostsFile ~/known")
    )
    (home / ".ssh/config").write_text(
        (home / ".ssh/config").read_text().replace("Checking yes", "Checking ask")
    )
    user = User(host_key="yes")
    spec = make_spec("inner2", ssh_address="inner2")
    visit(spec, echo_agent, inner, user)
    assert user.kinds() == ["host_key"] * 3
    for question, node in zip(user.asked, (first, second, inner), strict=True):
        assert f"alice@{node.host_name()}:{node.port}" in question.text
    visit(spec, echo_agent, inner)


def test_a_gateway_that_needs_itself_is_told(client_home: Any, echo_agent: Agent, node: Node) -> None:
    client_home("Host *\n ProxyJump gw\n")
    error = failure(make_spec("gw", ssh_address="gw"), echo_agent, node)
    assert "circle" in str(error)
    assert "ProxyJump none" in error.hint


def test_a_gateway_that_cannot_reach_the_node_is_told(
    node_factory: NodeFactory, client_home: Any, echo_agent: Agent
) -> None:
    gateway = node_factory("gw")
    client_home(gateway.ssh_config() + "Host lost\n HostName lost.inside\n ProxyJump gw\n")
    error = failure(make_spec("lost", ssh_address="lost"), echo_agent, gateway)
    assert "the gateway could not reach" in str(error)
    assert "lost.inside" in str(error)


PROXY = """
import os, socket, sys, threading

link = socket.create_connection(sys.argv[1:])

def back():
    while True:
        data = link.recv(65536)
        if not data:
            os._exit(0)
        os.write(1, data)

threading.Thread(target=back).start()
while True:
    data = os.read(0, 65536)
    if not data:
        os._exit(0)
    link.sendall(data)
"""


def test_a_proxy_command_may_complain(node: Node, client_home: Any, echo_agent: Agent) -> None:
    home = client_home()
    (home / "proxy.py").write_text(PROXY)
    command = f"echo Warning: old proxy >&2; exec {sys.executable} {home}/proxy.py %h %p"
    (home / ".ssh/config").write_text(node.ssh_config() + f"  ProxyCommand sh -c '{command}'\n")
    for transport in TRANSPORTS:
        visit(make_spec("node1", ssh_address="node1", transport=transport), echo_agent, node)


def test_ssh_itself_may_be_the_proxy_command(
    node_factory: NodeFactory, client_home: Any, echo_agent: Agent
) -> None:
    gateway, inner = node_factory("gw"), node_factory("inner", jump="gw")
    config = gateway.ssh_config() + inner.ssh_config().replace("ProxyJump gw", "ProxyCommand ssh -W %h:%p gw")
    client_home(config)
    visit(make_spec("inner", ssh_address="inner"), echo_agent, inner)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_neronets_own_agent_says_hello(node: Node, transport: str) -> None:
    async def run() -> bytes:
        spec = spec_of(node, transport)
        way = await connect(spec, HOME, User())
        try:
            channel = await attach(way, spec, HOME, "place")
            hello = await asyncio.wait_for(read_line(channel), 10)
            await channel.close()
        finally:
            await way.close()
        return hello

    assert b'"m":"hello"' in asyncio.run(run())
