"""What the user is to be told: messages on their way, and how far each channel has looked at what happened.

A message gathers news (`gathering`), is tried (`due`, again after a failure), and is `sending` from just before it
can no longer be taken back.  Then it is `sent`; `failed` when it was given up; `unsure` when the engine died, or the
connection broke, before an answer came: it is not sent again, because it may have arrived.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from neronet.store.db import Database, listed, plain, to_json
from neronet.wire.states import HELD, PENDING, QUEUED, RUNNING

KEPT = 30 * 86400.0  # seconds that a message is kept after its end
OPEN = ("gathering", "due", "sending")


class Mark(NamedTuple):
    event: int  # the last one that was looked at
    time: float  # seconds since 1970: until when clocks were looked at
    points: dict[str, int]  # "run metric" -> points of it when progress was told last


class Message(NamedTuple):
    id: int
    channel: str
    state: str
    gathered: Any  # the news in it, as rules.py folds them
    made: float  # seconds since 1970: its first news, then its first try
    due: float  # when it is tried next
    tries: int
    changed: float  # when it got into this state
    subject: str
    problem: str  # of the last try


class Active(NamedTuple):
    """A run that waits or runs, with the last start of waiting or running."""

    run: int
    attempt: int
    state: str
    since: float


class OutboxStore:
    def __init__(self, db: Database) -> None:
        self._db = db

    # -- marks

    def marks(self) -> dict[str, Mark]:
        """Channel -> its mark."""
        rows = self._db.rows("SELECT channel, event, time, points FROM notify_marks")
        return {channel: Mark(event, time, json.loads(points)) for channel, event, time, points in rows}

    def set_mark(self, channel: str, mark: Mark) -> None:
        with self._db.transaction() as sql:
            values = (channel, mark.event, mark.time, to_json(mark.points))
            sql.execute("REPLACE INTO notify_marks VALUES (?, ?, ?, ?)", values)

    def keep(self, channels: Iterable[str]) -> None:
        """Forgets the marks and the open messages of all other channels."""
        some = listed(channels)
        with self._db.transaction() as sql:
            sql.execute(
                "DELETE FROM notify_marks WHERE channel NOT IN (SELECT value FROM json_each(?))", (some,)
            )
            sql.execute(
                "DELETE FROM outbox WHERE state IN ('gathering', 'due')"
                " AND channel NOT IN (SELECT value FROM json_each(?))",
                (some,),
            )

    # -- messages

    def gather(self, channel: str, gathered: object, now: float) -> None:
        """Puts what was gathered in the place of what the channel's message in the making held."""
        with self._db.transaction() as sql:
            held = to_json(gathered)
            known = "UPDATE outbox SET gathered = ? WHERE channel = ? AND state = 'gathering'"
            if not sql.execute(known, (held, channel)).rowcount:
                sql.execute(
                    "INSERT INTO outbox (channel, state, gathered, made, due, changed)"
                    " VALUES (?, 'gathering', ?, ?, ?, ?)",
                    (channel, held, now, now, now),
                )

    def seal(self, id: int, now: float) -> None:  # noqa: A002
        """Nothing more is gathered in it: it is tried from now on."""
        with self._db.transaction() as sql:
            sealed = "UPDATE outbox SET state = 'due', made = ?, due = ?, changed = ? WHERE id = ?"
            sql.execute(sealed, (now, now, now, id))

    def set_state(
        self,
        id: int,  # noqa: A002
        state: str,
        now: float,
        *,
        due: float | None = None,
        tried: bool = False,
        subject: str | None = None,
        problem: str = "",
    ) -> None:
        """`sending` is stored for good before this returns: what it forbids must outlive a loss of power."""
        with self._db.transaction(durable=state == "sending") as sql:
            sql.execute(
                "UPDATE outbox SET state = ?, changed = ?, due = coalesce(?, due), tries = tries + ?,"
                " subject = coalesce(?, subject), problem = ? WHERE id = ?",
                (state, now, due, tried, None if subject is None else plain(subject), plain(problem), id),
            )
            over = "DELETE FROM outbox WHERE state IN ('sent', 'failed', 'unsure') AND changed < ?"
            sql.execute(over, (now - KEPT,))

    def hurry(self, now: float) -> None:
        """What waits for another try is due now."""
        with self._db.transaction() as sql:
            sql.execute("UPDATE outbox SET due = ? WHERE state = 'due' AND due > ?", (now, now))

    def messages(self, states: Iterable[str] = OPEN) -> list[Message]:
        """Those in these states, the oldest first."""
        some = "state IN (SELECT value FROM json_each(?))"
        rows = self._db.rows(f"{_MESSAGES} WHERE {some} ORDER BY id", (listed(states),))
        return [Message._make((*row[:3], json.loads(row[3]), *row[4:])) for row in rows]

    def sent_since(self, channel: str, since: float) -> list[float]:
        """When messages of a channel went, or may have gone, after `since`; ascending."""
        gone = "SELECT changed FROM outbox WHERE channel = ? AND state IN ('sent', 'unsure') AND changed > ?"
        return [time for (time,) in self._db.rows(f"{gone} ORDER BY changed", (channel, since))]

    # -- what rules ask of the runs

    def last_event(self) -> int:
        return int(self._db.row("SELECT coalesce(max(id), 0) FROM events")[0])

    def sweeps(self, keys: Iterable[tuple[str, float]]) -> dict[tuple[str, float], dict[str, int]]:
        """(experiment, when it was submitted) -> state that nodes report -> how many of its runs are in it."""
        found: dict[tuple[str, float], dict[str, int]] = {}
        for key in keys:
            found[key] = dict(self._db.rows(_SWEEP, key))
        return found

    def active(self) -> list[Active]:
        """The runs that wait (and that nobody holds) or run."""
        return list(map(Active._make, self._db.rows(_ACTIVE, (QUEUED, PENDING, HELD, RUNNING))))

    def explained(self, runs: Iterable[int]) -> set[tuple[int, int]]:
        """Those of the attempts of these runs of which an event tells that a condition fired."""
        return set(self._db.rows(_FIRED, (listed(runs),)))


_MESSAGES = "SELECT id, channel, state, gathered, made, due, tries, changed, subject, problem FROM outbox"
_SWEEP = (
    "SELECT a.reported, count(*) FROM runs r JOIN attempts a ON a.run = r.number AND a.attempt = r.attempt"
    " WHERE r.experiment = ? AND r.submitted = ? GROUP BY 1"
)
_FIRED = (
    "SELECT DISTINCT run, attempt FROM events"
    " WHERE kind = 'condition' AND run IN (SELECT value FROM json_each(?))"
)
_ACTIVE = """
SELECT a.run, a.attempt, a.state, CASE WHEN a.state = 'running' THEN coalesce(a.started, r.submitted)
    ELSE max(r.submitted, coalesce(
        (SELECT max(time) FROM events e WHERE e.run = r.number AND e.kind = 'submitted'), 0)) END
FROM attempts a JOIN runs r ON r.number = a.run AND r.attempt = a.attempt
WHERE a.complete = 0 AND (a.state IN (?, ?) AND a.reason != ? OR a.reported = ?)
"""
