"""The user's own ssh program, for what the built-in client cannot do: shared connections
(ControlMaster), hardware keys that want a touch, smart cards, site-specific patches.

Each channel is an ssh process of its own and, without a ControlMaster of the user's, a login
of its own.  A connection fails when the first channel is read, not before.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from functools import partial

from neronet.errors import NodeUnfit
from neronet.transport import failures
from neronet.transport.askpass import Askpass
from neronet.transport.base import ALIVE_COUNT, ALIVE_SECONDS, CONNECT_SECONDS, Ask
from neronet.transport.processes import ProcessChannel, Programs
from neronet.transport.settings import Own


class OpensshTransport:
    """Starts ssh processes that ask their questions through `askpass`."""

    def __init__(self, node: str, own: Own, askpass: Askpass | None, env: dict[str, str]) -> None:
        self.notes: list[str] = []
        self._argv = argv(own, interactive=askpass is not None)
        self._askpass, self._env = askpass, {**os.environ, **env}
        self._programs = Programs(node, partial(failures.of_ssh, node, str(own.address)))

    async def start(self, command: str) -> ProcessChannel:
        return await self._programs.start([*self._argv, command], self._env)

    async def close(self) -> None:
        await self._programs.close()
        if self._askpass:
            self._askpass.close()


async def connect(node: str, own: Own, ask: Ask) -> OpensshTransport:
    """A transport that has not connected yet; NodeUnfit when this computer has no ssh program."""
    if not shutil.which("ssh"):
        raise NodeUnfit(
            f"{node}: transport: openssh needs the ssh program, which this computer does not have",
            f"install OpenSSH's client, or remove `transport: openssh` from {node} in nodes.yaml",
        )
    if not hasattr(asyncio, "start_unix_server"):
        return OpensshTransport(node, own, None, {})
    askpass = Askpass(node, ask)
    return OpensshTransport(node, own, askpass, await askpass.start())


def argv(own: Own, interactive: bool) -> list[str]:
    """The ssh command up to the remote one; not `interactive`: it fails where it would have to ask."""
    options = {
        "BatchMode": "no" if interactive else "yes",
        "StrictHostKeyChecking": "ask" if interactive else "yes",
        "ConnectTimeout": f"{CONNECT_SECONDS:.0f}",
        "ServerAliveInterval": str(ALIVE_SECONDS),
        "ServerAliveCountMax": str(ALIVE_COUNT),
        "ClearAllForwardings": "yes",
        "ForwardAgent": "no",
        "ForwardX11": "no",
        "PermitLocalCommand": "no",
        "RemoteCommand": "none",
        "Compression": "no",
        "LogLevel": "ERROR",
    }
    if own.known_hosts:
        options["UserKnownHostsFile"] = f'"{own.known_hosts}"'
    if own.identity_file:
        options |= {"IdentityFile": f'"{own.identity_file}"', "IdentitiesOnly": "yes"}
    if own.address.port:
        options["Port"] = str(own.address.port)
    if own.address.user:
        options["User"] = own.address.user
    words = [f"-o{name}={value}" for name, value in options.items()]
    return ["ssh", "-T", *words, "--", own.address.host]
