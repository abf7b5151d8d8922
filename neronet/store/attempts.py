"""Attempts: what became of each start of a run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from neronet.store.db import Database, listed, plain, to_json
from neronet.store.points import PointStore
from neronet.wire.states import ENDED, HELD, QUEUED, SUBMITTING, advance


class Attempt(NamedTuple):
    """`state` is shown; `reported` is what the node says: ahead of it from the end of the program until all
    that it left has arrived (`complete`).  Times are seconds since 1970 by the node's clock."""

    run: int
    attempt: int  # from 1
    token: str  # of its batch
    idx: int  # place of the run in that batch, from 0
    start: int  # how often the node started that index until then, from 1
    node: str
    state: str
    reported: str
    reason: str  # of `reported`
    complete: bool
    exit_status: int | None
    claimed: float | None
    started: float | None
    ended: float | None
    host: str | None
    gpus: Any
    sizes: Any  # final sizes of the three streams
    outputs: Any  # [[path, size, executable], ...]


class AttemptStore:
    def __init__(self, db: Database, points: PointStore) -> None:
        self._db = db
        self._points = points

    # -- writing

    def add(self, run: int, token: str, idx: int, node: str, attempt: int | None = None) -> int:
        """A new attempt of a run, `submitting` in another batch; its number: `attempt`, else one more than
        that of the last one."""
        with self._db.transaction() as sql:
            last = sql.execute("SELECT attempt FROM runs WHERE number = ?", (run,)).fetchone()[0]
            number = int(last) + 1 if attempt is None else attempt
            self.insert(run, number, token, idx, 1, node, SUBMITTING)
            sql.execute("UPDATE runs SET attempt = max(attempt, ?) WHERE number = ?", (number, run))
        return number

    def locate(self, token: str, idx: int, start: int = 1) -> tuple[int, int] | None:
        """(run, attempt) of what a node calls this start of this index of a batch.

        A start that is new (the node's scheduler began the run once more) becomes a new attempt.  None for
        what is not ours, and for a start whose number a rerun has taken: its records are to be ignored.
        """
        known = "SELECT run, attempt, node FROM attempts WHERE token = ? AND idx = ? AND start = ?"
        found = self._db.row(known, (token, idx, start))
        if found is not None:
            return found[0], found[1]
        first = self._db.row(known, (token, idx, 1))
        if first is None:
            return None
        run, attempt, node = first[0], first[1] + start - 1, first[2]
        with self._db.transaction() as sql:
            if sql.execute("SELECT 1 FROM attempts WHERE run = ? AND attempt = ?", (run, attempt)).fetchone():
                return None
            self.insert(run, attempt, token, idx, start, node, QUEUED)
            sql.execute("UPDATE runs SET attempt = max(attempt, ?) WHERE number = ?", (attempt, run))
        return run, attempt

    def insert(self, run: int, attempt: int, token: str, idx: int, start: int, node: str, state: str) -> None:
        """For this package only: the row of the run must be given the number, too."""
        with self._db.transaction() as sql:
            sql.execute(
                "INSERT INTO attempts (run, attempt, token, idx, start, node, state, reported)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (run, attempt, token, idx, start, node, state, state),
            )
            self._db.touch(run)

    def report(
        self,
        run: int,
        attempt: int,
        state: str,
        reason: str = "",
        *,
        exit_status: int | None = None,
        claimed: float | None = None,
        started: float | None = None,
        ended: float | None = None,
        host: str | None = None,
        gpus: Sequence[object] | None = None,
        sizes: Sequence[int] | None = None,
        outputs: Sequence[object] | None = None,
    ) -> bool:
        """Stores what a node says of an attempt; True when its reported state moved on.

        A state never goes backwards: what comes late only fills in what was not known.  The end is shown once
        `complete` says so.
        """
        facts = (
            exit_status, claimed, started, ended, None if host is None else plain(host),
            *(None if value is None else to_json(value) for value in (gpus, sizes, outputs)),
        )  # fmt: skip
        with self._db.transaction() as sql:
            known = "SELECT state, reported, reason, complete FROM attempts WHERE run = ? AND attempt = ?"
            shown, before, known_reason, complete = sql.execute(known, (run, attempt)).fetchone()
            after: str = advance(before, state)
            moved: bool = after != before
            if moved:
                complete = False  # a run that was believed lost has ended otherwise: that is to arrive, too
            if after not in ENDED:
                shown = advance(shown, after)
            late = after != state
            reason = known_reason if late else plain(reason)
            values = (shown, after, reason, complete, *facts, run, attempt)
            sql.execute(_FILL_IN if late else _REPLACE, values)
            self._db.touch(run)
        return moved

    def describe(self, run: int, attempt: int, environment: dict[str, Any]) -> None:
        """Stores what an attempt runs on."""
        with self._db.transaction() as sql:
            said = "UPDATE attempts SET environment = ? WHERE run = ? AND attempt = ?"
            sql.execute(said, (plain(to_json(environment)), run, attempt))
            self._db.touch(run)

    def environments(self, numbers: Iterable[int]) -> dict[int, dict[str, Any]]:
        """Run -> what its last attempt runs on, of those of which that is known."""
        rows = self._db.rows(
            "SELECT r.number, a.environment FROM runs r JOIN attempts a ON a.run = r.number AND a.attempt = r.attempt"
            " WHERE a.environment IS NOT NULL AND r.number IN (SELECT value FROM json_each(?))",
            (listed(numbers),),
        )
        return {run: json.loads(text) for run, text in rows}

    def report_batch(self, token: str, state: str, reason: str = "") -> None:
        """Reports the same of the first start of every run of a batch."""
        with self._db.transaction() as sql:
            every = "SELECT run, attempt, state, reported FROM attempts WHERE token = ? AND start = 1"
            steps = []  # of the many that nothing was heard of before
            for run, attempt, shown, before in sql.execute(every, (token,)).fetchall():
                if shown == before == SUBMITTING and state not in ENDED:
                    steps.append((state, state, plain(reason), run, attempt))
                    self._db.touch(run)
                else:
                    self.report(run, attempt, state, reason)
            sql.executemany(_SHOW, steps)

    def move(self, run: int, attempt: int, token: str, idx: int, node: str) -> None:
        """Makes an attempt that no node will begin a part of another batch."""
        with self._db.transaction() as sql:
            moved = "UPDATE attempts SET token = ?, idx = ?, node = ? WHERE run = ? AND attempt = ?"
            sql.execute(moved, (token, idx, node, run, attempt))
            self._db.touch(run)

    def complete(self, run: int, attempt: int) -> None:
        """All that an ended attempt left has arrived: from now on its end is shown.  ValueError before that
        end was reported."""
        key = (run, attempt)
        with self._db.transaction() as sql:
            known = "SELECT state, reported FROM attempts WHERE run = ? AND attempt = ?"
            shown, reported = sql.execute(known, key).fetchone()
            if reported not in ENDED:
                raise ValueError(f"attempt {attempt} of run {run} is {reported}")
            shown = advance(shown, reported)
            done = "UPDATE attempts SET state = ?, complete = 1 WHERE run = ? AND attempt = ?"
            sql.execute(done, (shown, *key))
            self._points.compact(run, attempt)
            self._db.touch(run)

    # -- reading

    def get(self, run: int, attempt: int) -> Attempt | None:
        row = self._db.row(f"{_ATTEMPTS} WHERE run = ? AND attempt = ?", (run, attempt))
        return None if row is None else _attempt(row)

    def of_run(self, run: int) -> list[Attempt]:
        """In order."""
        return list(map(_attempt, self._db.rows(f"{_ATTEMPTS} WHERE run = ? ORDER BY attempt", (run,))))

    def of_batch(self, token: str) -> list[Attempt]:
        """By their place in the batch."""
        rows = self._db.rows(f"{_ATTEMPTS} WHERE token = ? ORDER BY idx, start", (token,))
        return list(map(_attempt, rows))

    def loads(self) -> list[tuple[str, str, int, int]]:
        """(node, token, how many of its runs wait unclaimed and are not held, how many have been claimed) of all
        batches that have something open."""
        return self._db.rows(_LOADS, (HELD, SUBMITTING, QUEUED))

    def spans(self, since: float) -> list[tuple[str, float, float | None]]:
        """(node, start, end) of those that have begun and are not complete, or ended after `since`."""
        begun = "SELECT node, started, ended FROM attempts WHERE started IS NOT NULL"
        return self._db.rows(f"{begun} AND (complete = 0 OR ended > ?)", (since,))

    def unfinished(self, node: str | None = None) -> list[Attempt]:
        """Those (of a node) that are not complete, whatever their state, by run."""
        where = "complete = 0 AND (? IS NULL OR node = ?)"
        return list(
            map(_attempt, self._db.rows(f"{_ATTEMPTS} WHERE {where} ORDER BY run, attempt", (node, node)))
        )


_FACTS = ("exit_status", "claimed", "started", "ended", "host", "gpus", "sizes", "outputs")
_SET = "UPDATE attempts SET state = ?, reported = ?, reason = ?, complete = ?, "
_OF = " WHERE run = ? AND attempt = ?"
_SHOW = "UPDATE attempts SET state = ?, reported = ?, reason = ? WHERE run = ? AND attempt = ?"
_REPLACE = _SET + ", ".join(f"{fact} = coalesce(?, {fact})" for fact in _FACTS) + _OF
_FILL_IN = _SET + ", ".join(f"{fact} = coalesce({fact}, ?)" for fact in _FACTS) + _OF
_LOADS = (
    "SELECT node, token, sum(waits AND reason != ?), sum(NOT waits) FROM"
    " (SELECT node, token, reason, claimed IS NULL AND started IS NULL AND reported IN (?, ?) AS waits"
    " FROM attempts WHERE complete = 0) GROUP BY node, token"
)
_ATTEMPTS = (
    "SELECT run, attempt, token, idx, start, node, state, reported, reason, complete, exit_status, claimed,"
    " started, ended, host, gpus, sizes, outputs FROM attempts"
)


def _attempt(row: tuple[Any, ...]) -> Attempt:
    known = Attempt._make(row)
    gpus, sizes, outputs = (None if text is None else json.loads(text) for text in row[-3:])
    return known._replace(complete=bool(known.complete), gpus=gpus, sizes=sizes, outputs=outputs)
