"""Nodes: where runs can run. Shows them, adds, tests, edits and deletes them, and asks what they ask."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from traitlets import Unicode

from neronet.errors import InputError
from neronet.spec.nodes import Nodes
from neronet.spec.preferences import load_preferences
from neronet_jupyter import format as say
from neronet_jupyter import nodestate
from neronet_jupyter.changes import OpenRuns
from neronet_jupyter.contacts import QUIET
from neronet_jupyter.nodeacts import NodeActs, SshHosts, describe, silent
from neronet_jupyter.widget import slow

if TYPE_CHECKING:
    from neronet import Neroman

EDITED = ("ssh_address", "slots", "gpus", "memory", "root", "python")
NUMBERS = ("slots", "gpus")


class NodePicker(NodeActs):
    """The nodes of nodes.yaml. `chosen` is the node or group that new sweeps go to, None for the default one."""

    _view_name = Unicode("NodePickerView").tag(sync=True)
    chosen = Unicode(None, allow_none=True)
    tick = 2.0  # nodes.yaml may be edited by others, and what was seen grows old

    def __init__(self, neroman: Neroman | None = None) -> None:
        self._open, self._hosts = OpenRuns(), SshHosts()
        self._adding = 0
        self._shown: tuple[int, str] = (0, "")
        self._looked, self._asked = float("-inf"), set[str]()  # when nodes were looked at last, and which
        self._callbacks: list[Callable[[str | None], object]] = []
        super().__init__(neroman)
        self.observe(self._choice, "chosen")

    def on_choice(self, callback: Callable[[str | None], object]) -> None:
        """`callback(chosen)` is called whenever another node or group is chosen."""
        self._callbacks.append(callback)

    def add(self) -> None:
        """Opens the form for a new node in all pages."""
        self._adding += 1
        self.changed()

    def show(self, node: str = "") -> None:
        """Opens the section, and the details of a node."""
        self._shown = self._shown[0] + 1, node
        self.changed()

    # -- what is seen

    def render(self) -> dict[str, Any]:
        now, neroman = time.time(), self.neroman
        nodes = self._nodes.read(neroman.home)
        self._look_at(nodes)
        self._contacts.settle()
        self._open.update(neroman.store)
        shown = describe(neroman, self.live, nodes, list(self._open.rows.values()), now)
        if not nodes.problems and self.chosen not in {None, *(node["id"] for node in shown), *nodes.groups}:
            self.chosen = None
        preferences = load_preferences(neroman.home / "preferences.yaml")
        return {
            "summary": nodestate.summary(shown),
            "nodes": shown,
            "groups": [{"id": name, "members": list(members)} for name, members in nodes.groups.items()],
            "chosen": self.chosen,
            "default": preferences.default_node or nodes.default_node or None,
            "hosts": self._hosts.free(neroman, nodes),
            "problems": [
                {"line": problem.line, "text": problem.text, "hint": problem.hint}
                for problem in nodes.problems
                if problem.severity == "error"
            ],
            "file": str(neroman.home / "nodes.yaml"),
            "adding": self._adding,
            "shown": list(self._shown),
        }

    def _look_at(self, nodes: Nodes) -> None:
        """Contacts what was not heard of lately, when somebody begins to look or it is new; never waits for it."""
        names, now = {node.id for node in nodes.nodes}, time.monotonic()
        if now - self._looked > QUIET:
            self._asked.clear()
        wanted = names - self._asked
        self._looked, self._asked = now, names
        if wanted:
            self.live.soon(lambda: self._contacts.contact(wanted & set(silent(self.neroman))))

    # -- what pages ask for

    def act_choose(self, name: str) -> None:
        """Chooses a node or group; the chosen one again, and none is."""
        nodes = self._nodes.read(self.neroman.home)
        if name not in nodes.groups and name not in {node.id for node in nodes.nodes}:
            raise InputError(f"there is no node or group {name}", "it may just have been deleted")
        self.chosen = None if self.chosen == name else name

    def act_fields(self, node: str) -> dict[str, str]:
        """The fields of a node as the form for editing shows them."""
        spec = self._known(node)
        memory = "" if spec.memory is None else say.memory(spec.memory)
        return {
            "ssh_address": spec.ssh_address, "slots": _text(spec.slots), "gpus": _text(spec.gpus), "memory": memory,
            "root": spec.root, "python": spec.python,
        }  # fmt: skip

    def act_edit(self, node: str, fields: dict[str, str]) -> None:
        """Gives fields other values; an empty one is taken away. The node is tested then."""
        given: dict[str, object] = {}
        for name, text in fields.items():
            if name not in EDITED:
                raise InputError(f"{name} cannot be changed here", "open nodes.yaml")
            text = text.strip()
            given[name] = None if not text else int(text) if name in NUMBERS and text.isdecimal() else text
        if given:
            self.neroman.edit_node(node, **given)
        self._contacts.test(node)

    def act_delete(self, node: str, force: bool = False) -> None:
        """Forgets a node; `force`: runs that are open there are given up."""
        self.neroman.remove_node(node, force)
        self._contacts.forget(node)
        if self.chosen == node:
            self.chosen = None

    @slow
    def act_hold(self, node: str, key: str) -> list[str]:
        """Keeps what waits from beginning; sentences for the user."""
        return self.neroman.hold(self._waiting(node, key)).notes

    @slow
    def act_release(self, node: str, key: str) -> list[str]:
        return self.neroman.release(self._waiting(node, key)).notes

    @slow
    def act_priority(self, node: str, key: str, priority: int) -> list[str]:
        """Higher ones begin first."""
        return self.neroman.set_priority(self._waiting(node, key), priority).notes

    # -- inside

    def _waiting(self, node: str, key: str) -> list[str | int]:
        found: list[str | int] = [
            row.number
            for row in list(self._open.rows.values())
            if row.node == node and row.state in nodestate.WAITING and nodestate.key_of(row) == key
        ]
        if not found:
            raise InputError("these do not wait any more", "they may just have begun")
        return found

    def _choice(self, _: object) -> None:
        self.changed()
        for callback in self._callbacks:
            callback(self.chosen)


def _text(value: int | None) -> str:
    return "" if value is None else str(value)
