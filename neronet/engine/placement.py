"""Where runs go: dividing a submission among the members of a group, and what a node knows us by; pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PROBE = 4  # runs that a cluster is taken to have at a time at least
SOON, LATE = 0.5, 1.5  # rounds within which a node will be idle, and within which another one will not


@dataclass(frozen=True)
class Member:
    """What is known of a node when runs are divided: `free` slots now, `slots` in all, `load` per core."""

    id: str
    free: int
    slots: int
    load: float


def divide(count: int, members: Sequence[Member]) -> list[str]:
    """The node of each of `count` runs, in order.

    Runs fill free slots first, least loaded nodes before others, one slot of each in turn; what is more than
    there are free slots is shared out by the number of slots, as if each place would be free equally soon.
    """
    # The n-th run of a node begins when its slots have been through n / slots rounds: the earliest is taken next.
    given = {member.id: 0 for member in members}
    order = {member.id: position for position, member in enumerate(members)}

    def start(member: Member) -> tuple[float, float, int]:
        taken = max(0, member.slots - member.free) + given[member.id]
        return taken // max(1, member.slots), taken / max(1, member.slots) + member.load, order[member.id]

    nodes = []
    for _ in range(count):
        best = min(members, key=start)
        given[best.id] += 1
        nodes.append(best.id)
    return nodes


@dataclass(frozen=True)
class Load:
    """What a node has of ours: `waiting` and `running` runs; `free` places, None where a scheduler decides.

    can_give: it answers, and nothing is on the way from it; can_take: the same, to it.
    """

    id: str
    waiting: int
    running: int
    free: int | None
    can_give: bool = True
    can_take: bool = True

    @property
    def capacity(self) -> int:
        """How many runs it has at a time, as far as is known: of a cluster, as many as it has begun."""
        return max(PROBE, self.running) if self.free is None else max(1, self.running + self.free)

    @property
    def rounds(self) -> float:
        """How long its queue is, in runs that follow each other."""
        return self.waiting / self.capacity

    def wants(self, giver: Load) -> int:
        """How many of the runs that wait on another node it should have instead: its share of all that wait on both.

        Not all of them, which would only make the other one idle.
        """
        idle = self.waiting == 0 and bool(self.free)
        # Before it is idle, where the other one is far from it: so that nothing is moved back.  A cluster is asked to
        # begin more only when it has begun all that it had.
        soon = self.waiting == 0 if self.free is None else self.rounds < SOON
        share = giver.waiting * self.capacity / (self.capacity + giver.capacity) - self.waiting
        return max(1, round(share)) if idle or (soon and giver.rounds > LATE) else 0


def moves(loads: Sequence[Load], movable: Mapping[tuple[str, str], int]) -> list[tuple[str, str, int]]:
    """[(from, to, how many runs), ...]: what idle nodes should get of what waits elsewhere.

    movable: {(from, to): runs that wait there and may go there}. A node takes from the one with the longest queue.
    """
    found = []
    # What a machine has free places for it begins itself.
    givers = {load.id: load for load in loads if load.can_give and load.waiting > (load.free or 0)}
    for taker in sorted(loads, key=lambda load: load.free is None):  # a plain machine begins a run at once
        sources = [giver for giver in givers.values() if movable.get((giver.id, taker.id))]
        if taker.can_take and sources:
            giver = max(sources, key=lambda load: load.rounds)
            count = min(taker.wants(giver), giver.waiting - (giver.free or 0), movable[giver.id, taker.id])
            if count:
                found.append((giver.id, taker.id, count))
                del givers[giver.id]  # what it gave is not known before it is confirmed
    return found


def place_of(home_id: str, node: str) -> str:
    """The id of an entry of nodes.yaml on the node's side: the same for this home and name, also after a loss of the database."""
    return hashlib.sha256(f"{home_id}\0{node}".encode()).hexdigest()[:12]
