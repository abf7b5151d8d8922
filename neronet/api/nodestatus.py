"""Nodes as users see them: the entry in nodes.yaml and what was last heard."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from neronet.api.run import utc
from neronet.engine.capacity import slots, unknown, used
from neronet.errors import InputError
from neronet.spec.nodes import Nodes, NodeSpec
from neronet.spec.problems import nearest
from neronet.store.nodes import NodeRow
from neronet.store.store import Store

STALE = 10.0  # seconds after which what is known of a busy node is looked up anew


@dataclass(frozen=True)
class NodeStatus:
    """A node as it was last seen. Memory and disk in bytes, `load` is that of the last minute, `last_seen` seconds
    since 1970; None for what is not known yet."""

    id: str
    type: str
    address: str
    groups: tuple[str, ...]
    reachable: bool | None
    last_seen: float | None
    reason: str
    slots: int | None
    used: int | None
    load: float | None
    cores: int | None
    memory_total: int | None
    memory_free: int | None
    disk_total: int | None
    disk_free: int | None
    gpus: tuple[dict[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        lists = {"groups": list(self.groups), "gpus": list(self.gpus)}
        return {**self.__dict__, **lists, "last_seen": utc(self.last_seen)}


def of(nodes: Nodes, store: Store) -> list[NodeStatus]:
    rows = {row.id: row for row in store.nodes.all()}
    taken = used(store, rows.values())
    return [
        _status(spec, nodes, rows.get(spec.id) or unknown(spec.id), taken.get(spec.id))
        for spec in nodes.nodes
    ]


def _status(spec: NodeSpec, nodes: Nodes, row: NodeRow, taken: int | None) -> NodeStatus:
    facts, load = row.facts or {}, row.load or {}
    return NodeStatus(
        id=spec.id, type=spec.type, address=spec.ssh_address,
        groups=tuple(name for name, members in nodes.groups.items() if spec.id in members),
        reachable=row.reachable, last_seen=row.last_seen, reason=row.reason, slots=slots(spec, facts),
        used=taken, load=load.get("load1"), cores=facts.get("cores"),
        memory_total=load.get("memory_total", facts.get("memory")), memory_free=load.get("memory_free"),
        disk_total=load.get("disk_total", facts.get("disk_total")),
        disk_free=load.get("disk_free", facts.get("disk_free")), gpus=tuple(facts.get("gpus") or ()),
    )  # fmt: skip


def silent(specs: Sequence[NodeSpec], store: Store, now: float) -> list[str]:
    """Those of these nodes of which nothing was heard lately."""
    rows = {row.id: row for row in store.nodes.all()}
    heard = {node for node, row in rows.items() if row.reachable and now - (row.last_seen or 0.0) < STALE}
    return [spec.id for spec in specs if spec.id not in heard]


def choose(nodes: Nodes, name: str | None) -> list[NodeSpec]:
    """The members of a group, or the one node, of this name; raises InputError for what nodes.yaml does not know."""
    by_id = {spec.id: spec for spec in nodes.nodes}
    if name is None:
        raise InputError(
            "no node is named, and there is no default node",
            "name one, or set `default_node:` in preferences.yaml; nodes are: " + ", ".join(by_id),
        )
    if name in nodes.groups:
        chosen = [by_id[member] for member in nodes.groups[name]]
    elif name in by_id:
        chosen = [by_id[name]]
    else:
        near = nearest(name, [*by_id, *nodes.groups])
        raise InputError(
            f"there is no node or group {name}",
            f"did you mean {near}?" if near else "`nerocli addnode` adds one",
        )
    return chosen


def submitting(row: NodeRow | None, node: str) -> str:
    return f"submitting: {waiting(row, node) or f'{node} has not accepted all runs yet'}"


def waiting(row: NodeRow | None, node: str) -> str:
    """Why runs were not sent yet; "" when nothing is known against it."""
    if row is None or (row.reachable is not False and not row.reason):
        return ""
    if row.reachable is not False:
        return f"{row.reason}; sent when that is done"
    seen = "" if row.last_seen is None else f", last seen {ago(time.time() - row.last_seen)} ago"
    return f"{node} does not answer{seen}; sent at the next contact ({row.reason})"


def told_to_wait(row: NodeRow | None, token: str) -> str:
    """What the node says of why runs of this batch wait there, or ""."""
    return str(((row and row.load) or {}).get("waits", {}).get(token, ""))


def ago(seconds: float) -> str:
    """`3 min`, `2 h`, `5 days`."""
    for size, word in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {word}"
    return f"{int(max(0, seconds))} s"
