"""What pages do with nodes, whichever part shows them: add, test, answer."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neronet.api import nodestatus
from neronet.engine import capacity
from neronet.errors import InputError
from neronet.spec.nodes import LOCAL, Nodes, NodeSpec, load_nodes, split_address
from neronet.spec.problems import Unfit
from neronet.store.runs import RunRow
from neronet.wire import states
from neronet_jupyter import nodestate
from neronet_jupyter.contacts import QUIET, contacts
from neronet_jupyter.widget import View

if TYPE_CHECKING:
    from neronet import Neroman
    from neronet_jupyter.live import Live

HOSTS = 5.0  # seconds between two looks into ~/.ssh/config


class NodeActs(View):
    """A part that shows nodes."""

    def __init__(self, neroman: Neroman | None = None) -> None:
        self._nodes = NodesFile()
        super().__init__(neroman)
        self._contacts = contacts(self.live)
        self._contacts.show_in(self)

    def act_propose(self, address: str) -> dict[str, str]:
        """A name for an address that is being typed, and what is wrong with it."""
        return propose(address, self._nodes.read(self.neroman.home))

    def act_add(self, address: str, name: str = "") -> str:
        """Stores a node, whether it answers or not, and begins to test it; its name."""
        address = address.strip()
        if not address:
            raise InputError("there is no address yet", "type user@host, or choose a host of ~/.ssh/config")
        found = propose(address, self._nodes.read(self.neroman.home))
        if found["problem"]:
            raise InputError(found["problem"], found["hint"])
        name = name.strip() or found["name"]
        self.neroman.add_node(name, address)
        self._contacts.test(name)
        return name

    def act_test(self, node: str) -> None:
        """Begins to look what is right and wrong with a node."""
        self._known(node)
        self._contacts.test(node)

    def act_read(self, node: str) -> None:
        """The outcome of a test has been read."""
        self._contacts.forget(node)

    def act_answer(self, number: int, text: str | None) -> None:
        """What the user says to a question of a node; None to decline."""
        self._contacts.questions.answer(number, text)

    def _known(self, node: str) -> NodeSpec:
        for spec in self._nodes.read(self.neroman.home).nodes:
            if spec.id == node:
                return spec
        raise InputError(f"there is no node {node}", "it may just have been deleted")


class NodesFile:
    """nodes.yaml, read again when it has changed."""

    def __init__(self) -> None:
        self._known: tuple[object, Nodes] | None = None

    def read(self, home: Path) -> Nodes:
        path = home / "nodes.yaml"
        try:
            found = path.stat()
            stamp: object = (found.st_ino, found.st_mtime_ns, found.st_size)
        except OSError:
            stamp = None
        if self._known is None or self._known[0] != stamp:
            self._known = stamp, load_nodes(path)
        return self._known[1]


class SshHosts:
    """The hosts of ~/.ssh/config, looked up now and then."""

    def __init__(self) -> None:
        self._at, self._names = float("-inf"), list[str]()

    def free(self, neroman: Neroman, nodes: Nodes) -> list[str]:
        """Those that are no node yet."""
        if time.monotonic() - self._at > HOSTS:
            self._at, self._names = time.monotonic(), neroman.ssh_hosts()
        used = {node.ssh_address.rpartition("@")[2] for node in nodes.nodes}
        return [name for name in self._names if name not in used]


def describe(
    neroman: Neroman, live: Live, nodes: Nodes, opened: list[RunRow], now: float
) -> list[dict[str, Any]]:
    """All nodes as pages show them; `opened` are the runs that have not ended."""
    contact = contacts(live)
    rows = {row.id: row for row in neroman.store.nodes.all()}
    running = Counter(row.node for row in opened if row.state == states.RUNNING)
    shown = []
    for status in nodestatus.of(nodes, neroman.store):
        row = rows.get(status.id) or capacity.unknown(status.id)
        here = [run for run in opened if run.node == status.id]
        asked = contact.questions.of(status.id)
        word = nodestate.link(status, contact.busy(status.id) is not None, asked)
        boxes = nodestate.slots(status, running[status.id])
        full = boxes is not None and boxes["ours"] + boxes["others"] >= boxes["all"]
        shown.append(
            {
                "id": status.id,
                "local": status.type == LOCAL,
                "link": word,
                "note": nodestate.note(status, word, asked, now),
                "aside": nodestate.aside(status, now),
                "slots": boxes,
                "facts": nodestate.facts(status, row, now),
                "reason": status.reason if word == nodestate.UNREACHABLE else "",
                "means": nodestate.unreachable(len(here)) if word == nodestate.UNREACHABLE else "",
                "open": len(here),
                "waits": nodestate.waits(here, row, full),
                "checks": [nodestate.check(one) for one in contact.checks.get(status.id, ())],
                "question": asked.to_json() if asked else None,
            }
        )
    return shown


def silent(neroman: Neroman) -> list[str]:
    """The nodes of which nothing was heard lately."""
    now = time.time()
    rows = {row.id: row for row in neroman.store.nodes.all()}
    found = []
    for spec in load_nodes(neroman.home / "nodes.yaml").nodes:
        row = rows.get(spec.id)
        if row is None or now - (row.last_seen or 0.0) > QUIET:
            found.append(spec.id)
    return found


def propose(address: str, nodes: Nodes) -> dict[str, str]:
    """{"name", "problem", "hint"} for an address that is being typed."""
    try:
        if address:
            split_address(address.strip())
    except Unfit as error:
        return {"name": "", "problem": str(error), "hint": error.hint}
    taken = {*(node.id for node in nodes.nodes), *nodes.groups}
    return {"name": nodestate.proposed_name(address.strip(), taken), "problem": "", "hint": ""}
