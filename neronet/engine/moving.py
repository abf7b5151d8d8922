"""Moves runs that wait on one node of a group to another one that is idle, while an engine is there to see it.

The node that has a run gives it back first, by a claim that nobody can have both won and lost; only then it is bound
to the other one.  Between the two it is a wish in the store: whoever holds the engine next carries it out.
"""

from __future__ import annotations

import secrets
import time
from collections import defaultdict
from collections.abc import Mapping

from neronet.engine import capacity
from neronet.engine.placement import Load, moves
from neronet.spec.nodes import NodeSpec
from neronet.store.batches import LOCAL
from neronet.store.store import Store
from neronet.wire import states

EVERY = 1.0  # seconds between two looks
PATIENCE = 10.0  # seconds after which a node that is promised runs may be promised others
ENGINE = {"who": "engine", "why": "", "priority": 0}


class Moving:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._pools: dict[str, frozenset[str]] = {}  # token of a batch -> the nodes that its runs may go to
        self._next = 0.0

    def look(self, nodes: Mapping[str, NodeSpec]) -> bool:
        """Puts the wishes that idle nodes of groups give rise to into the store; whether there are any."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + EVERY
        accepted = [batch.token for batch in self._store.batches.find(states=("accepted",))]
        self._pools = {
            token: self._pools[token] if token in self._pools else self._pool(token) for token in accepted
        }
        shared = set().union(*self._pools.values()) & set(nodes)
        if not shared:
            return False
        rows = self._store.attempts.loads()
        movable: dict[tuple[str, str], int] = defaultdict(int)
        for node, token, waiting, _ in rows:
            for other in self._pools.get(token, frozenset()) - {node}:
                movable[node, other] += waiting
        wished = False
        for giver, taker, count in moves(self._loads(nodes, shared, rows), movable):
            for token, runs in self._choose(giver, taker, count):
                act = {"do": "withdraw", "token": token, "runs": runs, **ENGINE}
                self._store.intents.put(secrets.token_hex(8), "act", {"node": giver, "to": taker, "act": act})
                wished = True
        return wished

    def _pool(self, token: str) -> frozenset[str]:
        local = self._store.batches.content(token)[LOCAL]
        # What comes after others does not wait for a place.
        waits = local.get("after") and self._store.intents.get(f"after-{token}") is None
        return frozenset(() if waits else local.get("pool", ()))

    def _loads(
        self, nodes: Mapping[str, NodeSpec], shared: set[str], rows: list[tuple[str, str, int, int]]
    ) -> list[Load]:
        giving, taking = set(), set()
        for intent in self._store.intents.open():
            if "to" in intent.payload:
                giving.add(intent.payload["node"])
                if time.time() < intent.created + PATIENCE:
                    taking.add(intent.payload["to"])
        members = {
            member.id: member for member in capacity.members([nodes[name] for name in shared], self._store)
        }
        waiting: dict[str, int] = defaultdict(int)
        running: dict[str, int] = defaultdict(int)
        for node, _, waits, runs in rows:
            waiting[node] += waits
            running[node] += runs
        there = {row.id for row in self._store.nodes.all() if row.reachable}
        loads = []
        for name in sorted(shared):
            free = min(members[name].free, members[name].slots - running[name])
            unknown = nodes[name].is_cluster and nodes[name].slots is None
            loads.append(
                Load(
                    name, waiting[name], running[name], None if unknown else free,
                    can_give=name in there - giving, can_take=name in there - taking,
                )
            )  # fmt: skip
        return loads

    def _choose(self, giver: str, taker: str, count: int) -> list[tuple[str, list[list[int]]]]:
        """[(token, ranges of indices), ...]: of the runs that wait, those that would begin last."""
        found = []
        for token in reversed([each for each, pool in self._pools.items() if taker in pool]):
            waiting = [
                row.idx
                for row in self._store.attempts.of_batch(token)
                if row.node == giver and row.reported == states.QUEUED
                and row.claimed is None and row.start == 1 and row.reason != states.HELD
            ]  # fmt: skip
            chosen = waiting[-count:] if count else []
            if chosen:
                found.append((token, [[index, index] for index in chosen]))
                count -= len(chosen)
        return found
