"""Rules across the runs of a sweep that is on several nodes: decided here, where the points of all of them come.

What one node can see is decided there (node/rungs.py), also while no engine is anywhere.  Here the runs of one
submission are compared across its nodes, by the same evaluator, and ended by the same wish as if the user had asked.
Its node obeys only while the run has not got beyond the checkpoint at which it lost: what is known here of a node
that cannot be reached may be old.  So a decision counts, and is told, once the node has obeyed.

Nothing is kept but what the store says: the values at checkpoints are those of the points there, what was decided
stands in its intents, and who was stopped in its events; so an engine that takes over goes on with the same knowledge.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from neronet.engine.submission import SWEEP
from neronet.errors import StoreError
from neronet.store.batches import LOCAL
from neronet.store.runs import RunRow
from neronet.store.store import Store
from neronet.wire import states
from neronet.wire.losers import Course, Losers, explain

EVERY = 0.25  # seconds between two looks
SHARE = 20  # between two looks is so many times as long as the first one took
RULE = "rule"  # kind of the event that a decision leaves


@dataclass
class Sweep:
    losers: Losers
    read: dict[tuple[int, int], tuple[Course, int]] = field(
        default_factory=dict
    )  # (run, attempt) -> points read


class LosersAcross:
    """Of all open sweeps whose runs are divided among nodes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._of_batch: dict[str, tuple[int, int] | None] = {}  # token -> its sweep, where nodes share one
        self._sweeps: dict[tuple[int, int], Sweep] = {}
        self._change = 0
        self._next = 0.0

    def look(self) -> bool:
        """Takes in what is new in the store; whether wishes to end runs were put there."""
        begun = time.monotonic()
        if begun < self._next:
            return False
        try:
            return self._look()
        except StoreError:
            self._sweeps.clear()  # what was decided is not stored: it is decided anew
            raise
        finally:
            self._next = begun + max(EVERY, SHARE * (time.monotonic() - begun))

    def _look(self) -> bool:
        fresh = self._follow_batches()
        if not self._sweeps:
            return False
        self._change, changed = self._store.runs.changed_since(0 if fresh else self._change)
        wished = False
        for (first, last), sweep in self._sweeps.items():
            numbers = [number for number in changed if first <= number <= last]
            if numbers:
                wished |= self._judge(sweep, self._store.runs.find(numbers))
        return wished

    def _follow_batches(self) -> bool:
        """Whether there is a sweep of which nothing was read yet; forgets those that are done."""
        opened = [batch.token for batch in self._store.batches.find(states=("sending", "accepted"))]
        self._of_batch = {
            token: self._of_batch[token] if token in self._of_batch else self._sweep_of(token)
            for token in opened
        }
        there = {sweep for sweep in self._of_batch.values() if sweep is not None}
        fresh = there - set(self._sweeps)
        self._sweeps = {sweep: known for sweep, known in self._sweeps.items() if sweep in there}
        for token, sweep in self._of_batch.items():
            if sweep in fresh and sweep not in self._sweeps:
                self._sweeps[sweep] = Sweep(Losers(self._store.batches.content(token)["stop_losers"]))
        return bool(fresh)

    def _sweep_of(self, token: str) -> tuple[int, int] | None:
        content = self._store.batches.content(token)
        if not content.get("stop_losers"):
            return None
        local = content[LOCAL]
        if SWEEP not in local or "pool" not in local:
            return None
        first, last = local[SWEEP]
        return first, last

    def _judge(self, sweep: Sweep, rows: list[RunRow]) -> bool:
        """Feeds what is new of these runs; whether some of them are to end."""
        values: list[tuple[int, int, float | None]] = []
        out = {event.run for event in self._store.events.find([row.number for row in rows], kinds=[RULE])}
        for row in rows:
            new = self._new_values(sweep, row)
            values += [(row.number, point, value) for point, value in new]
            ended = row.reported_state in states.ENDED and row.reported_state != states.FINISHED
            if ended or row.number in out:
                sweep.losers.leave(row.number)
            elif new:
                sweep.losers.back(row.number)  # a wish that its node has not obeyed by now comes too late
        stopped = {loser: evidence for loser, _, evidence in sweep.losers.feed(values)}
        wished = False
        for row in self._store.runs.find(stopped):
            if row.reported_state not in states.ENDED:
                wished |= self._stop(row, stopped[row.number])
        return wished

    def _new_values(self, sweep: Sweep, row: RunRow) -> list[tuple[int, float | None]]:
        """(number of points, best value) of the checkpoints that are new in the store, of all attempts."""
        found: list[tuple[int, float | None]] = []
        for attempt in range(1, row.attempt + 1):
            course, read = sweep.read.get((row.number, attempt), (None, 0))
            if course is None:
                course = Course(sweep.losers.rule)
            elif attempt < row.attempt:
                continue  # nothing more is written of it that matters
            points = self._store.points.read(row.number, sweep.losers.rule["metric"], attempt, read)
            reached = [course.feed(value) for value in points.value]
            found += [each for each in reached if each is not None]
            sweep.read[row.number, attempt] = course, read + len(points.value)
        return found

    def _stop(self, row: RunRow, evidence: dict[str, Any]) -> bool:
        """Asks its node to end it; whether nobody has asked that before."""
        name = f"stop-losers-{row.number}-{row.attempt}-{evidence['point']}"
        if self._store.intents.get(name) is not None:
            return False
        why = explain(evidence)
        act = {
            "do": "terminate", "token": row.token, "runs": [[row.idx, row.idx]], "who": "stop_losers", "why": why,
            "priority": 0, "point": evidence["point"],
        }  # fmt: skip
        rule = {"run": row.number, "attempt": row.attempt, "evidence": evidence}
        self._store.intents.put(name, "act", {"node": row.node, "act": act, "rule": rule})
        return True


def add_rule(
    store: Store, when: float, text: str, run: int, attempt: int, node: str, evidence: dict[str, Any]
) -> None:
    """Says why a rule across runs stops an attempt: once, whether its node or the engine was first."""
    said = any(event.attempt == attempt for event in store.events.find([run], kinds=[RULE]))
    if not said:
        store.events.add(when, RULE, text, run=run, attempt=attempt, node=node, data=evidence)
