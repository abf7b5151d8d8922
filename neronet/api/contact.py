"""Asking nodes: whether they answer, what is right and wrong with them, to give up what they have."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from neronet.engine import capacity
from neronet.engine.client import EngineClient
from neronet.engine.doctor import Check, check
from neronet.errors import EngineError, InputError
from neronet.spec.nodes import NodeSpec
from neronet.store.attempts import Attempt
from neronet.store.batches import BatchState, ranges
from neronet.store.store import Store
from neronet.wire import states

OPEN: tuple[BatchState, ...] = ("sending", "accepted")
PROBE = 20.0  # seconds that a node may take to answer at all


def probe(
    client: EngineClient, ids: Sequence[str], timeout: float, clusters: bool = False
) -> dict[str, dict[str, Any]]:
    """Contacts nodes: id -> {"problem", "hint"} of one that does not answer, {} of others; of clusters that do,
    {"cluster": what is known of it} where `clusters` says so."""
    if not ids:
        return {}
    intent = client.ask("probe", {"nodes": list(ids), "clusters": clusters}, timeout)
    if intent.done is not None and not intent.ok:
        raise EngineError((intent.result or {}).get("problem", ""), (intent.result or {}).get("hint", ""))
    told = (intent.result or {}).get("nodes", {})
    nothing = {"problem": f"it did not answer within {timeout:g} s", "hint": "it may be slow; ask again"}
    return {id: told.get(id, nothing) for id in ids}  # noqa: A001


def doctor(client: EngineClient, store: Store, specs: Sequence[NodeSpec]) -> list[Check]:
    """What is right and wrong with these nodes."""
    began = time.time()
    found = probe(client, [spec.id for spec in specs], PROBE, clusters=True)
    checks = []
    for spec in specs:
        one = found[spec.id]
        row = store.nodes.get(spec.id) or capacity.unknown(spec.id)
        problem, hint = one.get("problem", ""), one.get("hint", "")
        # What a cluster is may have taken many seconds, in which the node told its time again.
        checks += check(row, spec.type, problem, hint, row.last_seen or began, one.get("cluster") or {})
    return checks


def give_up(store: Store, node: str, force: bool) -> None:
    """Forgets what is known of a node, within a transaction; raises InputError when runs on it are open, unless
    `force`: they are lost then."""
    opened = store.attempts.unfinished(node)
    if opened and not force:
        runs = "1 run" if len(opened) == 1 else f"{len(opened)} runs"
        raise InputError(
            f"{runs} on {node} {'is' if len(opened) == 1 else 'are'} not at {'its' if len(opened) == 1 else 'their'} end",
            _way_out(store, node, opened),
        )
    now = time.time()
    for row in opened:
        reason = f"node {node} was removed"
        store.attempts.report(row.run, row.attempt, states.LOST, reason, ended=now)
        store.attempts.complete(row.run, row.attempt)
    for batch in store.batches.find(node, OPEN):
        store.batches.set_state(batch.token, "final", now)
    store.nodes.delete(node)


def _way_out(store: Store, node: str, opened: Sequence[Attempt]) -> str:
    """What the user can do about runs that keep a node from being removed."""
    force = f"`nerocli delnode {node} --force` gives them up"
    if all(row.reported in states.ENDED for row in opened):
        return f"`nerocli fetch` brings what they left; {force}"
    known = store.nodes.get(node)
    away = known is not None and known.reachable is False
    if away and not all(store.batches.unsent(token) for token in {row.token for row in opened}):
        return f"{node} does not answer, so they cannot be ended now; {force}"
    found = ranges({row.run for row in opened})
    numbers = " ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in found)
    return f"`nerocli terminate {numbers}` ends them; {force}"


def tidy(client: EngineClient, store: Store) -> list[str]:
    """Deletes on the nodes what has ended and arrived here; a sentence for each node."""
    said = []
    for node in sorted({batch.node for batch in store.batches.find(states=("final",))}):
        count = len(store.batches.find(node, ("final",)))
        intent = client.ask("tidy", {"node": node}, 60.0)
        problem = "it does not answer" if intent.done is None else (intent.result or {}).get("problem")
        said.append(f"{node}: {problem}" if problem else f"{node}: {count} submissions removed")
    return said
