"""Ways to a node: the built-in ssh client, the user's ssh program, or this computer itself.

`connect` gives a Transport, `attach` the channel of an agent that runs behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from neronet.errors import InputError
from neronet.transport.agent import build_agent
from neronet.transport.base import Ask, Channel, Question, Transport, retried
from neronet.transport.bootstrap import land
from neronet.transport.settings import Own
from neronet.transport.ssh_config import parse_address

if TYPE_CHECKING:
    from neronet.spec.nodes import NodeSpec

__all__ = ["Ask", "Channel", "Question", "Transport", "attach", "connect"]

PACKAGE = Path(__file__).parent.parent


async def connect(node: NodeSpec, home: Path, ask: Ask) -> Transport:  # noqa: ARG001
    """A way to `node`; what only the user knows goes through `ask`.

    Raises Unreachable, AuthRefused, HostKeyUnknown, HostKeyChanged or NodeUnfit; InputError for an
    address that is none.  With `transport: openssh` they come from the first channel instead.
    """
    if node.type == "local":
        from neronet.transport.local import LocalTransport

        return LocalTransport(node.id)
    own = _own(node)
    if node.transport == "openssh":
        from neronet.transport import openssh

        return await openssh.connect(node.id, own, ask)
    from neronet.transport import asyncssh_

    return await asyncssh_.connect(node.id, own, ask)


async def attach(
    transport: Transport,
    node: NodeSpec,
    home: Path,
    place: str,  # noqa: ARG001
    env: Mapping[str, str] | None = None,
) -> Channel:
    """The channel of the node's agent, brought there if it is missing; its first frame is next.

    `env` is merged over the environment there.  Raises NodeUnfit and what `connect` may raise.
    """
    agent = build_agent(PACKAGE)
    return await retried(lambda: land(transport, node, home, agent, env or {}))


def _own(node: NodeSpec) -> Own:
    options = node.ssh_options
    try:
        address = parse_address(node.ssh_address)
    except ValueError as error:
        hint = "write it as host, user@host, user@host:port or an alias of ~/.ssh/config"
        raise InputError(f"{node.id}: ssh_address: {error}", hint) from None
    address = replace(address, user=options.user or address.user, port=options.port or address.port)
    return Own(address, options.identity_file or "", options.known_hosts or "")
