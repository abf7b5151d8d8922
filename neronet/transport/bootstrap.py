"""From a fresh command on a node to a running agent, in one round trip when the agent is there.

    we      sh: find a python3 that is new enough, run landing.py in it
    node    MARKER have            and is the agent from then on
            MARKER need            we send the agent's bytes
            MARKER ready           and is the agent from then on
            MARKER fail {...}      landing.Unfit as JSON
            MARKER nopython ...    what was tried

Whatever a login shell prints of its own comes before the marker, which is random.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import sys
import zlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from neronet.errors import NodeError, NodeUnfit, ProtocolError
from neronet.transport.agent import Agent
from neronet.transport.base import Channel, Transport, harmless
from neronet.wire.frames import Malformed, load_json

if TYPE_CHECKING:
    from neronet.spec.nodes import NodeSpec

PYTHONS = (
    "python3", "/usr/bin/python3", *(f"python3.{minor}" for minor in range(13, 5, -1)),
    "/usr/libexec/platform-python",
)  # fmt: skip
ANSWER_SECONDS = 20.0  # for start-up files and python
UPLOAD_SECONDS = 120.0  # for the agent, over a slow line
MAX_NOISE = 1024 * 1024

# The arguments are code and order in hexadecimal, then the names to try.  `exec` replaces each
# program by the next, so that in the end nothing runs on the node but the agent.
_SCRIPT = (
    'c=$1; o=$2; m=$3; shift 3; t=; for p in "$@"; do command -v "$p" >/dev/null 2>&1 || continue; '
    'v=$("$p" -I -S -c "import sys;print(sys.version_info >= (3, 6) and 1 or sys.version[:6])" '
    "2>&1 </dev/null); "
    'if [ "$v" = 1 ]; then exec "$p" -I -S -c "import sys,zlib;'
    'exec(zlib.decompress(bytes.fromhex(sys.argv.pop(1))))" "$c" "$o"; fi; t="$t $p ($v)"; done; '
    'echo; echo "neronet-$m nopython $t"; echo'
)


class Attached:
    """The channel of a running agent; what was read behind the marker's line comes first."""

    def __init__(self, channel: Channel, first: bytes) -> None:
        self._channel = channel
        self._first = first

    async def read(self, size: int = 65536) -> bytes:
        if self._first:
            data, self._first = self._first[:size], self._first[size:]
            return data
        return await self._channel.read(size)

    async def write(self, data: bytes) -> None:
        await self._channel.write(data)

    async def close(self) -> None:
        await self._channel.close()

    def stderr_tail(self) -> str:
        return self._channel.stderr_tail()


async def land(
    transport: Transport, node: NodeSpec, home: Path, agent: Agent, env: Mapping[str, str]
) -> Attached:
    """Starts `agent` on the node; its first frame is next on the channel.

    `env` is merged over the environment there; it can be seen by other users of the node for a moment.
    NodeUnfit says why the node cannot be used; whatever the transport raises comes through.
    """
    marker = secrets.token_hex(16)
    order = {
        "marker": f"neronet-{marker}",
        "root": root_of(node, home),
        "sha256": agent.sha256,
        "size": len(agent.data),
        "env": dict(env),
    }
    channel = await transport.start(command_line(pythons_of(node), marker, order))
    try:
        answers = _Answers(node.id, channel, f"neronet-{marker}")
        if await answers.next(("have", "need"), ANSWER_SECONDS) == "need":
            await answers.send(agent.data)
    except BaseException:
        await channel.close()
        raise
    return Attached(channel, answers.rest)


def root_of(node: NodeSpec, home: Path) -> str:
    """Where the node keeps Neronet's files, as the node is to resolve it."""
    return node.root or (str(home.resolve() / "node") if node.type == "local" else "~/.neronet")


def pythons_of(node: NodeSpec) -> list[str]:
    """The names under which a usable python3 may be found, the likeliest first."""
    own = [sys.executable] if node.type == "local" and _can_quote(sys.executable) else []
    if node.python and not _can_quote(node.python):
        raise NodeUnfit(
            f"{node.id}: python: {node.python!r} holds a character that some login shell would take apart",
            "write the path of a python3 without quotes, backslashes, exclamation marks and line ends",
        )
    return list(dict.fromkeys([*([node.python] if node.python else []), *own, *PYTHONS]))


def command_line(pythons: list[str], marker: str, order: dict[str, object]) -> str:
    """One line that means the same to sh, bash, csh, tcsh, zsh and fish."""
    arguments = [_code(), json.dumps(order).encode().hex(), marker]
    return " ".join(["exec /bin/sh -c", *map(_quote, [_SCRIPT, "neronet", *arguments, *pythons])])


@cache
def _code() -> str:
    return zlib.compress(Path(__file__).with_name("landing.py").read_bytes(), 9).hex()


def _can_quote(text: str) -> bool:
    """csh reads `!`, fish a backslash, also between single quotes."""
    return text.isprintable() and not set("'!\\") & set(text)


def _quote(text: str) -> str:
    """`text` as one word; a leading `~/` stays what it means."""
    return '"$HOME"\'' + text[1:] + "'" if text.startswith("~/") else f"'{text}'"


class _Answers:
    """The lines that begin with the marker."""

    def __init__(self, node: str, channel: Channel, marker: str) -> None:
        self._node = node
        self._channel = channel
        self._pattern = re.compile(rb"(?:^|\n)" + marker.encode() + rb" (\w+) ?([^\n]*)\n")
        self._data = b""
        self.rest = b""  # read already, but not ours

    async def next(self, expected: tuple[str, ...], seconds: float) -> str:
        """The word of the next answer; NodeUnfit when none comes, or it is that the node cannot be used."""
        try:
            word, detail = await asyncio.wait_for(self._find(), seconds)
        except asyncio.TimeoutError:
            raise self._silent(f"did not start Python within {seconds:g} s") from None
        if word == "fail":
            raise unfit(self._node, detail)
        if word == "nopython":
            raise no_python(self._node, detail)
        if word not in expected:
            raise ProtocolError(f"{self._node}: the bootstrap answered {word[:40]!r}, which makes no sense")
        return word

    async def send(self, data: bytes) -> None:
        """Sends what was needed and waits until it is in place."""
        sending = asyncio.ensure_future(self._channel.write(data))
        try:
            await self.next(("ready",), UPLOAD_SECONDS)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def _find(self) -> tuple[str, str]:
        while True:
            found = self._pattern.search(self._data)
            if found:
                self.rest = self._data[found.end() :]
                self._data = self.rest
                return found[1].decode("ascii", "replace"), found[2].decode("utf-8", "replace")
            part = await self._channel.read()
            if not part:
                raise self._silent("ended the command before Python could start")
            self._data += part
            if len(self._data) > MAX_NOISE:
                raise self._silent("printed a megabyte before Python could start")

    def _silent(self, what: str) -> NodeUnfit:
        said = harmless(self._data[-2000:].decode("utf-8", "replace")) + self._channel.stderr_tail()
        lines = [line.strip() for line in said.splitlines() if line.strip()][-3:]
        printed = f"; it printed: {' | '.join(lines)}" if lines else " and printed nothing"
        return NodeUnfit(
            f"{self._node}: the login shell {what}{printed}",
            "Neronet needs an account that may run commands; try `ssh` with the command `echo hello`",
        )


def no_python(node: str, tried: str) -> NodeUnfit:
    """`tried`: names with the versions (or complaints) that they printed; '' when none was there."""
    found = f"only {harmless(tried).strip()[:300]}" if tried.strip() else f"none of {', '.join(PYTHONS)}"
    return NodeUnfit(
        f"{node}: no python3 of version 3.6 or newer, {found}",
        f"set `python:` of {node} in nodes.yaml to the path of one",
    )


def unfit(node: str, facts: str) -> NodeError:
    """The error for what landing.py could not do; `facts`: its kind, root and detail as JSON."""
    try:
        told = load_json(facts.encode())
        kind, root, detail = (harmless(str(told[name]))[:500] for name in ("kind", "root", "detail"))
    except (Malformed, KeyError) as error:
        return ProtocolError(f"{node}: the bootstrap's answer makes no sense: {error}")
    elsewhere = f"set `root:` of {node} in nodes.yaml to a folder of yours, such as one on a scratch disk"
    text, hint = {
        "variable": (
            f"root: {root} holds a variable that is not set for commands over ssh",
            f"write the path itself as `root:` of {node} in nodes.yaml",
        ),
        "owner": (f"{root} belongs to another user (uid {detail}), so nothing is put there", elsewhere),
        "file": (f"{root} is a file, but should be a folder for Neronet's files", elsewhere),
        "shared": (
            f"{root} holds other files and is open to others, so it is not made Neronet's own",
            f"set `root:` of {node} in nodes.yaml to a new folder, such as {root}/neronet",
        ),
        "closed": (f"the folder {root} for Neronet's files cannot be written: {detail}", elsewhere),
        "full": (
            f"there is no room for Neronet's files in {root}: {detail}",
            f"free some space (or quota) there, or {elsewhere}",
        ),
        "damaged": ("the agent arrived damaged", "try again; if that does not help, its disk may be broken"),
    }.get(kind, (f"the folder {root} for Neronet's files cannot be used: {detail}", elsewhere))
    return NodeUnfit(f"{node}: {text}", hint)
