"""The built-in ssh client: one connection per node, made with asyncssh, host keys always checked.

Importing this module imports asyncssh (0.65 s), so only `connect` does, when it is needed.
asyncssh gets every setting as an argument and reads no file of its own: see ssh_config.py.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import asyncssh

from neronet.errors import HostKeyChanged, NodeError, Unreachable
from neronet.transport import failures, hostkeys
from neronet.transport.base import (
    ALIVE_COUNT,
    ALIVE_SECONDS,
    CONNECT_SECONDS,
    MAX_SESSIONS,
    TAIL_SECONDS,
    Ask,
    Busy,
    Tail,
    retried,
)
from neronet.transport.hostkeys import Known
from neronet.transport.login import Keys, Login, Questions, load_keys
from neronet.transport.settings import Own, Settings, read_settings
from neronet.transport.ssh_config import Facts, config_files

LOGIN_SECONDS = 30.0  # for the whole login, without the time that answers take: directories may be slow
CLOSE_SECONDS = 2.0
MAX_JUMPS = 8

_HOST_KEYS = (
    "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
    "rsa-sha2-512", "rsa-sha2-256",
)  # fmt: skip
_ARGUMENTS = {
    "kexalgorithms": "kex_algs",
    "ciphers": "encryption_algs",
    "macs": "mac_algs",
    "hostkeyalgorithms": "server_host_key_algs",
    "pubkeyacceptedalgorithms": "signature_algs",
}
_FAMILIES = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}


class AsyncsshChannel:
    """One session of a connection."""

    def __init__(
        self, node: str, process: asyncssh.SSHClientProcess[bytes], slots: asyncio.Semaphore
    ) -> None:
        self._node, self._process, self._slots = node, process, slots
        self._tail = Tail()
        self._closed = False
        self._listening = asyncio.ensure_future(self._listen())

    async def read(self, size: int = 65536) -> bytes:
        try:
            data = await self._process.stdout.read(size)
        except (asyncssh.Error, OSError) as error:
            raise failures.cut(self._node, str(error)) from None
        if not data:
            await asyncio.wait([self._listening], timeout=TAIL_SECONDS)
        return data

    async def write(self, data: bytes) -> None:
        try:
            self._process.stdin.write(data)
            await self._process.stdin.drain()
        except (asyncssh.Error, OSError) as error:
            raise failures.cut(self._node, str(error)) from None

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._listening.cancel()
        self._process.close()
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._process.wait_closed(), CLOSE_SECONDS)
        self._slots.release()

    def stderr_tail(self) -> str:
        return self._tail.text()

    async def _listen(self) -> None:
        with suppress(asyncssh.Error, OSError):
            while data := await self._process.stderr.read(4096):
                self._tail.add(data)


class AsyncsshTransport:
    """A connection, with those to the gateways that it goes through."""

    def __init__(
        self, node: str, connections: Sequence[asyncssh.SSHClientConnection], notes: list[str]
    ) -> None:
        self.notes = notes
        self._node, self._connections = node, connections
        self._slots = asyncio.Semaphore(MAX_SESSIONS)

    async def start(self, command: str) -> AsyncsshChannel:
        await self._slots.acquire()
        try:
            process = await retried(lambda: self._open(command))
        except BaseException:
            self._slots.release()
            raise
        return AsyncsshChannel(self._node, process, self._slots)

    async def _open(self, command: str) -> asyncssh.SSHClientProcess[bytes]:
        connection = self._connections[-1]
        try:
            return await connection.create_process(command, encoding=None)
        except (asyncssh.Error, OSError) as error:
            # Sessions that have ended for us may still count for the server.
            if isinstance(error, asyncssh.ChannelOpenError) and not connection.is_closed():
                raise Busy(f"{self._node}: the server opens no session: {error.reason}") from None
            raise failures.cut(self._node, str(error)) from None

    async def close(self) -> None:
        await _close(self._connections)


async def _close(connections: Sequence[asyncssh.SSHClientConnection]) -> None:
    for connection in reversed(connections):
        connection.close()
        try:
            await asyncio.wait_for(connection.wait_closed(), CLOSE_SECONDS)
        except asyncio.TimeoutError:
            connection.abort()


async def connect(node: str, own: Own, ask: Ask) -> AsyncsshTransport:
    """A connection to the host that `own` names, for the node of the id `node`; NodeError says why not."""
    way = _Way(node, ask)
    try:
        await way.go(await way.settings(own))
    except BaseException:
        await _close(way.connections)
        raise
    return AsyncsshTransport(node, way.connections, list(dict.fromkeys(way.notes)))


class _Way:
    """Gateways first, then the node."""

    def __init__(self, node: str, ask: Ask) -> None:
        self.connections: list[asyncssh.SSHClientConnection] = []
        self.notes: list[str] = []
        self._node = node
        self._ask = Questions(ask)
        self._login: Login  # of the latest attempt

    async def settings(self, own: Own) -> Settings:
        """In a thread, because `Match exec` runs programs."""
        facts = Facts.here()
        try:
            return await asyncio.to_thread(read_settings, own, config_files(facts.home), facts)
        except ValueError as error:
            raise Unreachable(f"{self._node}: the ssh configuration cannot be used: {error}") from None

    async def go(self, settings: Settings, depth: int = 0) -> None:
        """Connects to `settings`, after the gateways before it."""
        if depth > MAX_JUMPS:
            raise Unreachable(
                f"{self._node}: ProxyJump of {settings.host} leads in a circle",
                "give the gateway a Host block with `ProxyJump none` in ~/.ssh/config",
            )
        for jump in settings.jumps:
            gateway = await self.settings(Own(jump))
            # Only the first gateway may have gateways of its own; the others are reached through it.
            if self.connections:
                gateway = replace(gateway, jumps=(), proxy_command="")
            await self.go(gateway, depth + 1)
        self.notes += settings.notes
        keys = await load_keys(self._node, settings, self._ask)
        self.notes += keys.notes
        try:
            self.connections.append(await self._trusting(settings, keys))
        finally:
            keys.close()

    async def _trusting(self, settings: Settings, keys: Keys) -> asyncssh.SSHClientConnection:
        """Connects; when the host key is unknown and the user says yes, connects again with it."""
        paths = [*settings.known_hosts, *settings.global_known_hosts]
        known = hostkeys.look_up_host(paths, settings.host, settings.port, settings.host_key_alias)
        while True:
            try:
                return await retried(lambda: self._attempt(settings, keys, known))
            except asyncssh.HostKeyNotVerifiable as error:
                await self._consider(settings, known, error.reason)

    async def _consider(self, settings: Settings, known: Known, reason: str) -> None:
        """Returns when the key that was offered is now among the known ones; raises otherwise."""
        key, where = self._login.offered, settings.where
        verdict = known.judge(key) if key else "revoked"
        if key is None or verdict in ("revoked", "trusted"):
            raise HostKeyChanged(
                f"{self._node}: the host key of {where} must not be trusted: {reason}",
                "known_hosts marks it as @revoked, or its certificate is not valid; ask its administrator",
            )
        if verdict == "changed":
            raise hostkeys.changed(self._node, known.with_places(), str(key))
        await hostkeys.approve(self._ask, self._node, where, key, settings.strict)
        name = settings.host_key_alias.lower() or hostkeys.host_name(settings.host, settings.port)
        try:
            hostkeys.remember(settings.known_hosts[0], name, key, settings.hash_known_hosts)
        except OSError as failure:
            self.notes.append(f"the host key of {where} could not be remembered: {failure}")
        known.trusted.append(key)
        known.places.append(str(settings.known_hosts[0]))

    async def _attempt(self, settings: Settings, keys: Keys, known: Known) -> asyncssh.SSHClientConnection:
        """One try; HostKeyNotVerifiable comes through, everything else as a NodeError."""
        self._login = login = Login(self._node, settings, keys, self._ask)
        through = self.connections[-1] if self.connections else ()
        arguments = _arguments(settings, known)
        task = asyncio.ensure_future(
            asyncssh.connect(
                settings.host, settings.port, tunnel=through, client_factory=lambda: login, **arguments
            )
        )
        start = time.monotonic() - self._ask.seconds
        try:
            while not task.done():
                limit = LOGIN_SECONDS if login.begun else CONNECT_SECONDS
                left = start + limit + self._ask.seconds - time.monotonic()
                if left <= 0:
                    raise failures.silent(self._node, settings.where, limit)
                await asyncio.wait({task}, timeout=max(left, 0.05))
            return task.result()
        except asyncssh.HostKeyNotVerifiable:
            raise
        except (asyncssh.Error, OSError, ValueError) as error:
            raise self._explain(settings, login, error) from None
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _explain(self, settings: Settings, login: Login, error: Exception) -> NodeError:
        node, where = self._node, settings.where
        reason = getattr(error, "reason", str(error))
        if isinstance(error, OSError):
            return failures.no_connection(node, where, error)
        if isinstance(error, asyncssh.ChannelOpenError):
            return Unreachable(
                f"{node}: the gateway could not reach {where}: {reason}",
                f"try `ssh {settings.host}` on the gateway; it must also allow TCP forwarding",
            )
        if isinstance(error, asyncssh.PermissionDenied):
            return failures.refused(node, where, ", ".join(login.tried), login.said, self.notes)
        if "Too many authentication failures" in reason:
            return failures.too_many_keys(node, where)
        if isinstance(error, asyncssh.ConnectionLost) and not login.begun:
            return failures.hung_up(node, where)
        return Unreachable(f"{node}: {where} ended the login: {reason}", failures.BY_HAND)


def _arguments(settings: Settings, known: Known) -> dict[str, Any]:
    """Everything that asyncssh would otherwise look up by itself."""
    algorithms = {
        _ARGUMENTS[word]: _usable(_ARGUMENTS[word], text) for word, text in settings.algorithms.items()
    }
    # asyncssh takes what the command says on stderr for the server's words, and the end of stderr for
    # the end of the connection: so the shell stays, and holds it open.
    command = f"exec 3>&2 2>/dev/null\n{settings.proxy_command}\nexit"
    proxy = ["/bin/sh", "-c", command] if os.name == "posix" else settings.proxy_command
    return {
        "config": None,
        "username": settings.user,
        "client_keys": None,  # Login hands them out
        "known_hosts": (
            _importable(known.trusted),
            _importable(known.authorities),
            _importable(known.revoked),
        ),
        "host_key_alias": settings.host_key_alias or None,
        "server_host_key_algs": _host_key_algorithms(known),
        "x509_trusted_certs": None,
        "compression_algs": None,
        "agent_forwarding": False,
        "x11_forwarding": False,
        "gss_kex": False,
        "gss_auth": settings.methods["gssapi"],
        "gss_delegate_creds": settings.delegate_credentials,
        "host_based_auth": False,
        "password_auth": settings.methods["password"],
        "kbdint_auth": settings.methods["keyboard-interactive"],
        "public_key_auth": settings.methods["publickey"],
        "preferred_auth": settings.preferred,
        "family": _FAMILIES.get(settings.family, socket.AF_UNSPEC),
        "local_addr": (settings.bind_address, 0) if settings.bind_address else None,
        "proxy_command": proxy if settings.proxy_command else None,
        "keepalive_interval": ALIVE_SECONDS,
        "keepalive_count_max": ALIVE_COUNT,
        **{name: text for name, text in algorithms.items() if text},
    }


def _host_key_algorithms(known: Known) -> list[str]:
    """The known types first, so that a host with several keys shows the one that we know."""
    names = [f"{name}-cert-v01@openssh.com" for name in _HOST_KEYS] if known.authorities else []
    for key in known.trusted:
        names += ["rsa-sha2-512", "rsa-sha2-256"] if key.type == "ssh-rsa" else [key.type]
    return [name for name in dict.fromkeys([*names, *_HOST_KEYS]) if _usable("server_host_key_algs", name)]


def _importable(keys: Sequence[hostkeys.HostKey]) -> list[asyncssh.SSHKey]:
    found = []
    for key in keys:
        with suppress(asyncssh.KeyImportError):
            found.append(asyncssh.import_public_key(key.line))
    return found


def _usable(argument: str, text: str) -> str:
    """Of a list of algorithms as ssh_config has it, what asyncssh knows; '' when that is nothing."""
    sign = text[0] if text[0] in "+-^" else ""
    names = []
    for name in text[len(sign) :].split(","):
        with suppress(ValueError):
            asyncssh.SSHClientConnectionOptions(config=None, client_keys=None, **{argument: sign + name})
            names.append(name)
    return sign + ",".join(names) if names else ""
