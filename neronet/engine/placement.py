"""Where runs go: dividing a submission among the members of a group, and what a node knows us by; pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass


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


def place_of(home_id: str, node: str) -> str:
    """The id of an entry of nodes.yaml on the node's side: the same for this home and name, also after a loss of the database."""
    return hashlib.sha256(f"{home_id}\0{node}".encode()).hexdigest()[:12]
