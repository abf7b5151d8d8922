"""The history: what happened to runs and nodes, in words."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from neronet.store.db import Database, listed, plain, to_json


class Event(NamedTuple):
    id: int  # ascending
    time: float  # seconds since 1970
    run: int | None
    attempt: int | None
    node: str | None
    kind: str
    text: str
    data: dict[str, Any] | None  # the numbers behind the text
    name: str | None  # of the run


class EventStore:
    def __init__(self, db: Database) -> None:
        self._db = db

    def add(
        self,
        time: float,
        kind: str,
        text: str,
        *,
        run: int | None = None,
        attempt: int | None = None,
        node: str | None = None,
        data: dict[str, Any] | None = None,
    ) -> None:
        with self._db.transaction() as sql:
            sql.execute(
                "INSERT INTO events (time, run, attempt, node, kind, text, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (time, run, attempt, node, kind, plain(text), None if data is None else to_json(data)),
            )

    def find(
        self,
        runs: Iterable[int] | None = None,
        since: float | None = None,
        after: int = 0,
        *,
        kinds: Iterable[str] | None = None,
        node: str | None = None,
        last: int = -1,
    ) -> list[Event]:
        """In the order they were stored: of these runs, not before the time `since`, with an id above `after`, of
        these kinds, on this node; only the `last` of them."""
        some = None if runs is None else listed(runs)
        wanted = None if kinds is None else to_json(list(kinds))
        rows = self._db.rows(
            "SELECT e.id, e.time, e.run, e.attempt, e.node, e.kind, e.text, e.data, r.name"
            " FROM events e LEFT JOIN runs r ON r.number = e.run"
            " WHERE e.id > ? AND (? IS NULL OR e.time >= ?) AND (? IS NULL OR e.node = ?)"
            " AND (? IS NULL OR e.kind IN (SELECT value FROM json_each(?)))"
            " AND (? IS NULL OR e.run IN (SELECT value FROM json_each(?))) ORDER BY e.id DESC LIMIT ?",
            (after, since, since, node, node, wanted, wanted, some, some, last),
        )
        return [Event._make((*row[:7], json.loads(row[7]) if row[7] else None, row[8])) for row in rows[::-1]]
