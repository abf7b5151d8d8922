"""What was last known of each node: for showing it while it does not answer."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from neronet.store.db import Database, plain, to_json


class NodeRow(NamedTuple):
    id: str
    place: str | None  # id of this entry of nodes.yaml, made at the first contact
    reachable: bool | None  # None: not tried yet
    last_seen: float | None  # seconds since 1970, our clock
    reason: str  # why it is not reachable
    facts: dict[str, Any] | None  # of its hello
    load: dict[str, Any] | None


class NodeStore:
    def __init__(self, db: Database) -> None:
        self._db = db

    def update(
        self,
        id: str,  # noqa: A002
        *,
        place: str | None = None,
        reachable: bool | None = None,
        last_seen: float | None = None,
        reason: str | None = None,
        facts: dict[str, Any] | None = None,
        load: dict[str, Any] | None = None,
    ) -> None:
        """Stores what is given; what is None stays as it was."""
        news = {
            "place": place,
            "reachable": reachable,
            "last_seen": last_seen,
            "reason": None if reason is None else plain(reason),
            "facts": None if facts is None else to_json(facts),
            "load": None if load is None else to_json(load),
        }
        given = [(column, value) for column, value in news.items() if value is not None]
        with self._db.transaction() as sql:
            sql.execute("INSERT OR IGNORE INTO nodes (id) VALUES (?)", (id,))
            for column, value in given:
                sql.execute(f"UPDATE nodes SET {column} = ? WHERE id = ?", (value, id))  # noqa: S608

    def get(self, id: str) -> NodeRow | None:  # noqa: A002
        row = self._db.row("SELECT * FROM nodes WHERE id = ?", (id,))
        return None if row is None else _node(row)

    def all(self) -> list[NodeRow]:
        return [_node(row) for row in self._db.rows("SELECT * FROM nodes ORDER BY id")]

    def delete(self, id: str) -> None:  # noqa: A002
        with self._db.transaction() as sql:
            sql.execute("DELETE FROM nodes WHERE id = ?", (id,))


def _node(row: Any) -> NodeRow:
    id, place, reachable, last_seen, reason, facts, load = row  # noqa: A001
    return NodeRow(
        id, place, None if reachable is None else bool(reachable), last_seen, reason,
        None if facts is None else json.loads(facts), None if load is None else json.loads(load),
    )  # fmt: skip
