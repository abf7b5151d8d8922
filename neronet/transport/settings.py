"""How one host is reached: the node's own fields, then the ssh configuration, then OpenSSH's defaults."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from neronet.errors import HostKeyUnknown
from neronet.transport.ssh_config import Address, Facts, Options, expand, parse_address, read_options, tokens

DEFAULT_KEYS = ("id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk")
ALGORITHMS = ("kexalgorithms", "ciphers", "macs", "hostkeyalgorithms", "pubkeyacceptedalgorithms")
KNOWN_HOSTS = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
GLOBAL_KNOWN_HOSTS = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")

# What the built-in client cannot do; said, because the login may fail for want of it.
BEYOND_US = ("pkcs11provider", "knownhostscommand")


@dataclass(frozen=True)
class Settings:
    """All that is needed to reach one host, with nothing left to expand."""

    host: str
    port: int
    user: str
    identity_files: tuple[Path, ...]
    identities_only: bool
    certificate_files: tuple[Path, ...]
    agent: str | None  # its socket; "": the system's own way; None: no agent
    jumps: tuple[Address, ...]
    proxy_command: str
    known_hosts: tuple[Path, ...]  # new keys go into the first
    global_known_hosts: tuple[Path, ...]
    strict: Literal["yes", "ask", "accept-new"]
    host_key_alias: str
    hash_known_hosts: bool | None
    algorithms: dict[str, str]  # of ALGORITHMS, as written
    preferred: tuple[str, ...]  # ways to log in
    methods: dict[str, bool]  # publickey, password, keyboard-interactive, gssapi: may be used
    delegate_credentials: bool
    family: str  # any, inet or inet6
    bind_address: str
    notes: tuple[str, ...]

    @property
    def where(self) -> str:
        """The host as a person would write it."""
        return str(Address(self.host, self.user, self.port if self.port != 22 else None))


@dataclass(frozen=True)
class Own:
    """What the node's entry in nodes.yaml says itself; it comes before every file."""

    address: Address
    identity_file: str = ""
    known_hosts: str = ""


def read_settings(own: Own, files: Sequence[Path], facts: Facts) -> Settings:
    """HostKeyUnknown when the files turn the check of host keys off; ValueError for a bad port or jump."""
    options = read_options(own.address, files, facts)
    return settle(own, options, facts)


def settle(own: Own, options: Options, facts: Facts) -> Settings:
    """The Settings of what was read; only looks whether files are there."""
    meanings = tokens(own.address, options, facts)
    notes = list(options.notes)
    beyond = [word for word in BEYOND_US if options.first(word, "none").lower() != "none"]
    if options.first("canonicalizehostname", "no").lower() != "no":
        beyond.append("canonicalizehostname")
    notes += [
        f"{own.address.host}: the ssh configuration has {word}, which transport: asyncssh leaves out "
        "(transport: openssh uses your own ssh)"
        for word in beyond
    ]

    def paths(values: Sequence[str]) -> list[Path]:
        return [_path(value, meanings, facts) for value in values if value.lower() != "none"]

    named = [own.identity_file] if own.identity_file else options.values.get("identityfile")
    keys = paths(named) if named else [facts.home / ".ssh" / name for name in DEFAULT_KEYS]
    if named:
        notes += [f"the key {key} is not there" for key in keys if not key.exists()]
    of_user = [own.known_hosts] if own.known_hosts else options.values.get("userknownhostsfile", KNOWN_HOSTS)
    known_hosts = paths(of_user)
    if not known_hosts or known_hosts[0] == Path(os.devnull):
        raise HostKeyUnknown(
            f"{own.address.host}: the ssh configuration turns the check of host keys off",
            "name a file there as UserKnownHostsFile, or in nodes.yaml as ssh_options: known_hosts",
        )
    strict = options.first("stricthostkeychecking", "ask").lower()
    jump = options.first("proxyjump", "none")
    command = options.first("proxycommand", "none")
    hashed = options.first("hashknownhosts")
    return Settings(
        host=meanings["h"],
        port=int(meanings["p"]),
        user=meanings["r"],
        identity_files=tuple(key for key in keys if key.exists()),
        identities_only=bool(own.identity_file) or options.flag("identitiesonly", False),
        certificate_files=tuple(p for p in paths(options.values.get("certificatefile", [])) if p.exists()),
        agent=_agent(options.first("identityagent"), meanings, facts),
        jumps=() if jump.lower() == "none" else tuple(map(parse_address, expand(jump, meanings).split(","))),
        proxy_command="" if command.lower() == "none" else expand(command, meanings),
        known_hosts=tuple(known_hosts),
        global_known_hosts=tuple(paths(options.values.get("globalknownhostsfile", GLOBAL_KNOWN_HOSTS))),
        # `no` takes also changed keys: that is never done, so it means what accept-new means.
        strict="yes" if strict == "yes" else "ask" if strict == "ask" else "accept-new",
        host_key_alias=options.first("hostkeyalias"),
        hash_known_hosts=None if not hashed else options.flag("hashknownhosts", False),
        algorithms={word: options.first(word) for word in ALGORITHMS if options.first(word)},
        preferred=tuple(filter(None, options.first("preferredauthentications").split(","))),
        methods={
            "publickey": options.first("pubkeyauthentication", "yes").lower() != "no",
            "password": options.flag("passwordauthentication", True),
            "keyboard-interactive": options.flag("kbdinteractiveauthentication", True),
            "gssapi": options.flag("gssapiauthentication", False),
        },
        delegate_credentials=options.flag("gssapidelegatecredentials", False),
        family=options.first("addressfamily", "any").lower(),
        bind_address=options.first("bindaddress"),
        notes=tuple(notes),
    )


def _path(text: str, meanings: dict[str, str], facts: Facts) -> Path:
    text = re.sub(r"\$\{(\w+)}", lambda found: os.environ.get(found[1], found[0]), expand(text, meanings))
    return facts.home / text[2:] if text.startswith("~/") else Path(os.path.expanduser(text))


def _agent(named: str, meanings: dict[str, str], facts: Facts) -> str | None:
    if named.lower() == "none":
        return None
    if named and named != "SSH_AUTH_SOCK":
        return os.environ.get(named[1:]) if named.startswith("$") else str(_path(named, meanings, facts))
    # Windows has a fixed place for it.
    return os.environ.get("SSH_AUTH_SOCK") or ("" if os.name == "nt" else None)
