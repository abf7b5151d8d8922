"""known_hosts files, and what a host's key is held against.

A changed key is never a question: somebody may be between us and the node.
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from neronet.errors import HostKeyChanged, HostKeyUnknown
from neronet.transport.base import Ask, Question

SSH_PORT = 22
Verdict = Literal["trusted", "unknown", "changed", "revoked"]


@dataclass(frozen=True)
class HostKey:
    """`str(key)` is its type and SHA256 fingerprint, as ssh-keygen shows them."""

    type: str
    blob: bytes

    @property
    def line(self) -> str:
        return f"{self.type} {base64.b64encode(self.blob).decode()}"

    def __str__(self) -> str:
        digest = base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")
        name = self.type.removeprefix("ssh-").removeprefix("ecdsa-sha2-")
        return f"{'ECDSA' if name.startswith('nistp') else name.upper()} SHA256:{digest}"


@dataclass(frozen=True)
class Entry:
    marker: str  # "", "@cert-authority" or "@revoked"
    hosts: str
    key: HostKey


@dataclass
class Known:
    """What known_hosts files say of one host; `places`: "FILE:LINE" of each trusted key.

    `exact` is False when the lines are of the same host at another port: these may vouch for
    a key, but another one is no change.
    """

    trusted: list[HostKey] = field(default_factory=list)
    authorities: list[HostKey] = field(default_factory=list)
    revoked: list[HostKey] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    exact: bool = True

    def with_places(self) -> list[str]:
        """Each trusted key with where it stands."""
        return [f"{key} ({place})" for key, place in zip(self.trusted, self.places, strict=True)]

    def judge(self, key: HostKey) -> Verdict:
        """Also a key of another type is a change: the types that we know were asked for first."""
        if key in self.revoked:
            return "revoked"
        if key in self.trusted:
            return "trusted"
        return "changed" if self.trusted and self.exact else "unknown"


def parse_line(line: str) -> Entry | None:
    """The entry of one line; None for comments and whatever cannot be understood."""
    words = line.split()
    marker = words.pop(0) if words and words[0].startswith("@") else ""
    if len(words) < 3 or words[0].startswith("#") or marker not in ("", "@cert-authority", "@revoked"):
        return None
    try:
        blob = base64.b64decode(words[2], validate=True)
    except binascii.Error:
        return None
    return Entry(marker, words[0], HostKey(words[1], blob))


def host_name(host: str, port: int) -> str:
    """The name under which a host stands in known_hosts."""
    return host.lower() if port == SSH_PORT else f"[{host.lower()}]:{port}"


def is_meant(hosts: str, name: str) -> bool:
    """Does the first field of a known_hosts line (patterns or one hashed name) mean `name`?"""
    if hosts.startswith("|1|"):
        try:
            salt, digest = (base64.b64decode(part, validate=True) for part in hosts[3:].split("|"))
        except (ValueError, binascii.Error):
            return False
        return hmac.compare_digest(hmac.digest(salt, name.encode(), "sha1"), digest)
    found = False
    for pattern in hosts.lower().split(","):
        # Only * and ? are wildcards; the brackets of [host]:port are not.
        if fnmatch.fnmatchcase(name, pattern.lstrip("!").replace("[", "[[]")):
            if pattern.startswith("!"):
                return False
            found = True
    return found


def look_up(files: Iterable[tuple[Path, str]], name: str) -> Known:
    """What `files` (path and text each) say of the host that is called `name` there."""
    known = Known()
    for path, text in files:
        for number, line in enumerate(text.splitlines(), 1):
            entry = parse_line(line)
            if entry is None or not is_meant(entry.hosts, name):
                continue
            if entry.marker == "@revoked":
                known.revoked.append(entry.key)
            elif entry.marker:
                known.authorities.append(entry.key)
            else:
                known.trusted.append(entry.key)
                known.places.append(f"{path}:{number}")
    return known


def look_up_host(paths: Sequence[Path], host: str, port: int, alias: str) -> Known:
    """As OpenSSH does: by alias where there is one; an entry without the port counts when none has it.

    Files that are not there, or cannot be read, say nothing.
    """
    files = []
    for path in paths:
        try:
            files.append((path, path.read_text(encoding="utf-8", errors="replace")))
        except OSError:
            continue
    known = look_up(files, alias.lower() or host_name(host, port))
    if not alias and port != SSH_PORT:
        plain = look_up(files, host.lower())
        if not known.trusted and not known.authorities:
            plain.revoked += known.revoked
            plain.exact = False
            return plain
        known.revoked += plain.revoked
    return known


def changed(node: str, old: Sequence[str], new: str) -> HostKeyChanged:
    """`old`: the known keys with their places."""
    return HostKeyChanged(
        f"{node}: the host key has changed: known is {', '.join(old) or 'another one'}, now it shows {new}; "
        "somebody may be between this computer and the node",
        "ask the machine's administrator for its fingerprint; if the new one is right, remove the old line "
        "from known_hosts and connect again",
    )


def remember(path: Path, name: str, key: HostKey, hashed: bool | None) -> None:
    """Adds a line to a known_hosts file; `hashed` None: as the lines that are there. OSError as it comes."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("a+b") as known:
        known.seek(0)
        before = known.read()
        if hashed if hashed is not None else b"|1|" in before:
            salt = secrets.token_bytes(20)
            parts = (salt, hmac.digest(salt, name.encode(), "sha1"))
            name = "|1|" + "|".join(base64.b64encode(part).decode() for part in parts)
        start = "" if before.endswith(b"\n") or not before else "\n"
        known.write(f"{start}{name} {key.line}\n".encode())


async def approve(
    ask: Ask, node: str, where: str, key: HostKey, strict: Literal["yes", "ask", "accept-new"]
) -> None:
    """Returns when an unknown key may be trusted from now on; raises HostKeyUnknown otherwise."""
    if strict == "accept-new":
        return
    text = f"{node}: the host key of {where} is not known: {key}"
    if strict == "yes":
        raise HostKeyUnknown(text, "StrictHostKeyChecking is yes: add the key to known_hosts yourself")
    answer = await ask(
        Question(
            "host_key", node,
            f"The host key of {where} is not known yet. Its fingerprint is\n{key}\n"
            "Is this what the machine's administrator gives? If it is, it is remembered (yes/no).",
            echo=True,
        )
    )  # fmt: skip
    if (answer or "").strip().lower() not in ("yes", "y"):
        raise HostKeyUnknown(
            text, f"connect again and answer yes once you have compared it: nerocli doctor {node}"
        )
