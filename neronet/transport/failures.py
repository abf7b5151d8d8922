"""What went wrong on the way to a node, in words that say what to do."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Sequence
from pathlib import Path

from neronet.errors import AuthRefused, HostKeyChanged, HostKeyUnknown, NodeError, NodeUnfit, Unreachable
from neronet.transport.base import CONNECT_SECONDS, Busy
from neronet.transport.hostkeys import changed, parse_line

_NO_WAY = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN)
BY_HAND = "try `ssh` to it in a terminal, which may say more"
_VPN = "is this computer online, and in the right network (VPN)?"


def silent(node: str, where: str, seconds: float = CONNECT_SECONDS) -> Unreachable:
    """`where`: user, host and port, as a person would write them."""
    return Unreachable(f"{node}: {where} did not answer within {seconds:g} s", f"is the machine on? {_VPN}")


def no_name(node: str, host: str) -> Unreachable:
    return Unreachable(
        f"{node}: no machine of the name {host} is known here",
        f"check the address of {node} in nodes.yaml, or the alias in ~/.ssh/config; {_VPN}",
    )


def no_connection(node: str, where: str, error: OSError) -> Unreachable:
    """For an OSError of connecting."""
    if isinstance(error, socket.gaierror):
        return no_name(node, where.rpartition("@")[2])
    # asyncio tells the failures of several addresses of a host in one text without a number.
    found = re.search(r"\[Errno (\d+)\]", str(error))
    number = error.errno or (int(found[1]) if found else 0)
    if isinstance(error, TimeoutError) or number == errno.ETIMEDOUT:
        return silent(node, where)
    if number == errno.ECONNREFUSED:
        return Unreachable(
            f"{node}: {where} refused the connection", "does an ssh server run there, and is the port right?"
        )
    if number in _NO_WAY:
        return Unreachable(f"{node}: there is no way to {where} from here", _VPN)
    if isinstance(error, ConnectionError):
        return hung_up(node, where)
    return Unreachable(f"{node}: {where} cannot be reached: {error}", _VPN)


def hung_up(node: str, where: str) -> Busy:
    return Busy(
        f"{node}: {where} closed the connection before the login began",
        "it is overloaded, or it refuses this computer's address; try again later",
    )


def cut(node: str, detail: str = "") -> Unreachable:
    """`detail`: what asyncssh or ssh say of it, if that is more than the same."""
    more = f" ({detail})" if detail.lower() not in ("", "connection lost") else ""
    return Unreachable(f"{node}: the connection was lost{more}", _VPN)


def refused(node: str, where: str, tried: str, said: str = "", notes: Sequence[str] = ()) -> AuthRefused:
    """`tried`: what was shown to the server; `said`: its own words; `notes`: what may be the cause."""
    return AuthRefused(
        f"{node}: {where} does not let us in with {tried or 'what we have: no key was found'}"
        + (f"; it says: {said}" if said else "")
        + "".join(f"; {note}" for note in notes),
        "check the user name and the key: ssh_options (user, identity_file) in nodes.yaml, ~/.ssh/config, "
        "or the ssh-agent (ssh-add -l)",
    )


def too_many_keys(node: str, where: str) -> AuthRefused:
    return AuthRefused(
        f"{node}: {where} hung up after too many keys that it does not know",
        f"name the one key for it: ssh_options: identity_file of {node} in nodes.yaml",
    )


def of_ssh(node: str, where: str, status: int, stderr: str, heard: bool) -> NodeError | None:
    """What the messages of the ssh program mean; None when it was the command that ended."""
    if status != 255:  # ssh's own failures have this status
        return None
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    if "REMOTE HOST IDENTIFICATION HAS CHANGED" in stderr:
        return _changed_key(node, stderr)
    if "REVOKED HOST KEY" in stderr or "is marked as revoked" in stderr:
        return HostKeyChanged(
            f"{node}: the host key of {where} is marked as revoked in known_hosts", "do not connect"
        )
    if "Host key verification failed" in stderr:
        return HostKeyUnknown(
            f"{node}: the host key of {where} is not known, and nobody said that it is the right one",
            f"connect by hand once: nerocli doctor {node}",
        )
    if "Too many authentication failures" in stderr:
        return too_many_keys(node, where)
    denied = next((line for line in lines if "Permission denied" in line), "")
    if denied and not heard:
        return refused(node, where, "the keys and answers that ssh has", denied)
    if "Could not resolve hostname" in stderr:
        found = re.search(r"Could not resolve hostname ([^:\s]+)", stderr)
        return no_name(node, found[1] if found else where)
    for text, number in (
        ("Connection refused", errno.ECONNREFUSED), ("Network is unreachable", errno.ENETUNREACH),
        ("No route to host", errno.EHOSTUNREACH), ("timed out", errno.ETIMEDOUT),
    ):  # fmt: skip
        if text in stderr and not heard:
            return no_connection(node, where, OSError(number, text))
    if "configuration option" in stderr or "terminating" in stderr:
        return NodeUnfit(
            f"{node}: ssh does not understand its configuration: {lines[0]}",
            f"correct it, or use transport: asyncssh for {node}, which leaves out what it does not know",
        )
    if heard:
        return cut(node, last)
    if re.search(r"Connection (closed|reset) by|kex_exchange_identification|banner exchange", stderr):
        return hung_up(node, where)
    return Unreachable(f"{node}: ssh could not connect to {where}: {last or 'it gave no reason'}")


def _changed_key(node: str, stderr: str) -> HostKeyChanged:
    """Finds both keys: ssh tells the new one's fingerprint and the line of the old one."""
    new = re.search(r"fingerprint for the (\S+) key.*\n\s*(SHA256:\S+?)\.?\s", stderr)
    place = re.search(r"Offending \S+ key in (.+):(\d+)", stderr)
    old = []
    if place:
        try:
            lines = Path(place[1]).read_text(encoding="utf-8", errors="replace").splitlines()
            entry = parse_line(lines[int(place[2]) - 1])
        except (OSError, IndexError):
            entry = None
        old = [f"{entry.key} ({place[1]}:{place[2]})"] if entry else []
    return changed(node, old, f"{new[1]} {new[2]}" if new else "another one")
