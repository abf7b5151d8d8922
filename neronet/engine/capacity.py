"""How much of each node is taken, as far as is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from neronet.engine.placement import Member
from neronet.spec.nodes import NodeSpec
from neronet.store.nodes import NodeRow
from neronet.store.store import Store

CLUSTER = 16  # slots that a cluster is taken to have when runs are divided and nothing is known


def unknown(id: str) -> NodeRow:  # noqa: A002
    """What is known of a node that was never contacted."""
    return NodeRow(id, None, None, None, "", None, None)


Span = tuple[float, float | None]  # start and end of a run by the clock of its node; None: it runs


def used(store: Store, rows: Iterable[NodeRow]) -> dict[str, int | None]:
    """Node -> how many of its slots are taken, as far as is known."""
    loads = {row.id: row.load or {} for row in rows}
    spans: dict[str, list[Span]] = {}
    for node, started, ended in store.attempts.spans(min((at(load) for load in loads.values()), default=0.0)):
        spans.setdefault(node, []).append((started, ended))
    return {
        node: used_now(loads.get(node, {}).get("used"), at(loads.get(node, {})), spans.get(node, ()))
        for node in {*loads, *spans}
    }


def at(load: dict[str, Any]) -> float:
    """When a report of a node's load was made, by its clock."""
    return float(load.get("time", 0.0))


def used_now(reported: int | None, at: float, runs: Iterable[Span]) -> int | None:
    """How many slots are taken: what the node reported at the time `at`, brought up to date by what is known of our
    own `runs` there; None when nothing is known."""
    runs = list(runs)
    running = sum(ended is None for _, ended in runs)
    if reported is None:
        return running or None
    begun = sum(ended is None and started > at for started, ended in runs)
    over = sum(ended is not None and started <= at < ended for started, ended in runs)
    return max(running, reported + begun - over)


def slots(spec: NodeSpec, facts: dict[str, Any]) -> int | None:
    """How many runs the node takes at once: as nodes.yaml says, else its GPUs, else its cores; of a cluster, where the
    scheduler decides, only the first is known."""
    if spec.is_cluster:
        return spec.slots
    return spec.slots or spec.gpus or len(facts.get("gpus") or ()) or facts.get("cores")


def members(specs: Sequence[NodeSpec], store: Store) -> list[Member]:
    """What placing runs needs to know of these nodes."""
    found = []
    rows = [store.nodes.get(spec.id) or unknown(spec.id) for spec in specs]
    taken = used(store, rows)
    for spec, row in zip(specs, rows, strict=True):
        facts, load = row.facts or {}, row.load or {}
        count = slots(spec, facts) or (CLUSTER if spec.is_cluster else 1)
        per_core = load.get("load15", 0.0) / facts.get("cores", 1)
        found.append(Member(spec.id, max(0, count - (taken[spec.id] or 0)), count, per_core))
    return found
