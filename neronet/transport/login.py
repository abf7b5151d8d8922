"""One login through asyncssh: keys in OpenSSH's order, and every question put to the user.

Imports asyncssh, which takes long: only `asyncssh_` imports this module.
"""

from __future__ import annotations

import asyncio
import base64
import struct
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import asyncssh

from neronet.transport.base import Ask, Kind, Question, harmless, kind_of_prompt
from neronet.transport.hostkeys import HostKey
from neronet.transport.settings import Settings

TRIES = 3  # of a password, a code, a passphrase; as OpenSSH has it
_CONTAINER = b"openssh-key-v1\0"


class Questions:
    """Asks the user, and knows how long the answers took: that time is not the node's fault."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._seconds = 0.0
        self._since = 0.0
        self._pending = 0

    async def __call__(self, question: Question) -> str | None:
        if not self._pending:
            self._since = time.monotonic()
        self._pending += 1
        try:
            return await self._ask(question)
        finally:
            self._pending -= 1
            if not self._pending:
                self._seconds += time.monotonic() - self._since

    @property
    def seconds(self) -> float:
        """Spent waiting for answers so far."""
        return self._seconds + (time.monotonic() - self._since if self._pending else 0.0)


class Login(asyncssh.SSHClient):
    """What asyncssh asks during one login; `tried` and `said` are for the message if it fails."""

    def __init__(self, node: str, settings: Settings, keys: Keys, ask: Ask) -> None:
        self.offered: HostKey | None = None  # a host key that is not among the trusted ones
        self.begun = False  # the server has proven who it is
        self.tried: list[str] = []
        self.said = ""
        self._node, self._where, self._ask = node, settings.where, ask
        self._keys: Keys | None = keys
        self._passwords = self._codes = 0

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        del host, addr, port
        self.offered = HostKey(key.get_algorithm(), key.public_data)
        return False

    def begin_auth(self, username: str) -> None:
        del username
        self.begun = True

    def auth_banner_received(self, msg: str, lang: str) -> None:
        del lang
        self.said = " ".join(harmless(msg).split())[:300]

    def public_key_auth_requested(self) -> list[asyncssh.SSHKeyPair] | None:
        keys, self._keys = self._keys, None
        if keys is None:
            return None
        self.tried += keys.labels
        return keys.pairs

    async def password_auth_requested(self) -> str | None:
        self._passwords += 1
        if self._passwords > TRIES:
            return None
        return await self._question("password", f"Password of {self._where}:", echo=False)

    def kbdint_auth_requested(self) -> str | None:
        self._codes += 1
        return "" if self._codes <= TRIES else None

    async def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> list[str] | None:
        del lang
        answers = []
        for prompt, echo in prompts:
            text = "\n".join(filter(None, (name, instructions, f"{self._where}: {prompt}")))
            answer = await self._question(kind_of_prompt(prompt), harmless(text).strip(), echo)
            if answer is None:
                return None
            answers.append(answer)
        return answers

    async def _question(self, kind: Kind, text: str, echo: bool) -> str | None:
        answer = await self._ask(Question(kind, self._node, text, echo))
        self.tried.append(f"a {kind}" if answer is not None else f"no {kind} (nobody gave one)")
        return answer


@dataclass
class Keys:
    """The user's keys for one host in the order to try; `labels` name them for messages."""

    pairs: list[asyncssh.SSHKeyPair] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    agent: asyncssh.SSHAgentClient | None = None

    def close(self) -> None:
        if self.agent:
            self.agent.close()


async def load_keys(node: str, settings: Settings, ask: Ask) -> Keys:
    """First what the agent has, the named ones before others, then files that the agent does not have.

    The passphrase of a file is asked only when the server would take the key, where its
    public half can be read.
    """
    keys = Keys()
    if not settings.methods["publickey"]:
        return keys
    publics = {path: public_half(path) for path in settings.identity_files}
    held = await _from_agent(keys, settings, [_blob(line) for line in publics.values() if line])
    passphrase = _Passphrase(node, ask)
    loop = asyncio.get_running_loop()
    for path, public in publics.items():
        if public and _blob(public) in held:
            continue
        try:
            text = path.read_bytes()
            if public and b"PRIVATE KEY" not in text:
                continue  # it only says which of the agent's keys to use
            secret = passphrase if public else await passphrase(str(path)) if b"ENCRYPTED" in text else None
            beside = path.with_name(path.name + ".pub").exists()
            source = str(path) if beside or not public else (str(path), public)
            keys.pairs += await asyncio.to_thread(
                asyncssh.load_keypairs, source, cast(Any, secret), list(settings.certificate_files), loop=loop
            )
            keys.labels.append(f"the key {path}")
        except (OSError, ValueError) as error:
            keys.notes.append(f"the key {path} is left out: {error}")
    return keys


async def _from_agent(keys: Keys, settings: Settings, named: Sequence[bytes]) -> set[bytes]:
    """Adds the agent's keys and returns their public halves; no agent is no error."""
    if settings.agent is None:
        return set()
    with suppress(OSError, ValueError):
        keys.agent = await asyncssh.connect_agent(settings.agent)
        pairs = [
            pair for pair in await keys.agent.get_keys()
            if pair.key_public_data in named or not settings.identities_only
        ]  # fmt: skip
        keys.pairs += sorted(pairs, key=lambda pair: pair.key_public_data not in named)
        if pairs:
            keys.labels.append(f"{len(pairs)} key{'s' * (len(pairs) > 1)} of the ssh-agent")
    return {pair.key_public_data for pair in keys.pairs}


class _Passphrase:
    """Asks for the passphrase of a file until it is right; None when nobody knows it."""

    def __init__(self, node: str, ask: Ask) -> None:
        self._node, self._ask = node, ask

    async def __call__(self, file: str) -> str | None:
        text = f"Passphrase of the key {file}:"
        for _ in range(TRIES):
            answer = await self._ask(Question("passphrase", self._node, text, echo=False))
            if answer is None:
                return None
            try:
                await asyncio.to_thread(asyncssh.read_private_key, file, answer)
            except asyncssh.KeyEncryptionError:
                text = f"That does not open the key {file}. Its passphrase:"
                continue
            return answer
        return None


def _blob(public: bytes) -> bytes:
    return base64.b64decode(public.split()[1])


def public_half(path: Path) -> bytes | None:
    """`TYPE BASE64`, the public half of a key file, from beside it or from within; None if neither has it."""
    for file in (path.with_name(path.name + ".pub"), path):
        with suppress(OSError, ValueError, IndexError, struct.error):
            text = file.read_bytes()
            words = text.split()
            if words and words[0] != b"-----BEGIN" and base64.b64decode(words[1], validate=True):
                return b" ".join(words[:2])
            if b"OPENSSH PRIVATE KEY" in text:
                return _from_container(base64.b64decode(b"".join(text.split(b"-----")[2].split())))
    return None


def _from_container(data: bytes) -> bytes:
    """The first public key in OpenSSH's own format, where it stands in the clear (PROTOCOL.key)."""
    if not data.startswith(_CONTAINER):
        raise ValueError("not a key of OpenSSH's format")
    position = len(_CONTAINER)
    strings: list[bytes] = []
    while len(strings) < 4:  # cipher, kdf, its options, then behind a count the first key
        (size,) = struct.unpack_from(">I", data, position)
        strings.append(data[position + 4 : position + 4 + size])
        position += 4 + size + (4 if len(strings) == 3 else 0)
    (size,) = struct.unpack_from(">I", strings[3])
    return strings[3][4 : 4 + size] + b" " + base64.b64encode(strings[3])
