"""Intents: what a client wants the engine to do.  They outlive both."""

from __future__ import annotations

import json
import time
from typing import Any, NamedTuple

from neronet.store.db import Database, to_json

KEPT = 30 * 86400.0  # seconds that a finished intent is kept
_LOOK = 0.005  # seconds between two looks of `wait`


class Intent(NamedTuple):
    id: str
    kind: str
    payload: dict[str, Any]
    created: float  # seconds since 1970
    taken: str | None  # by which engine
    done: float | None  # seconds since 1970
    ok: bool | None
    result: dict[str, Any] | None


class IntentStore:
    def __init__(self, db: Database) -> None:
        self._db = db

    def put(self, id: str, kind: str, payload: dict[str, Any]) -> None:  # noqa: A002
        """Stores an intent, safe from a loss of power when this returns.  The second one with the same id is
        the first one: nothing happens."""
        now = time.time()
        with self._db.transaction(durable=True) as sql:
            sql.execute("DELETE FROM intents WHERE done < ?", (now - KEPT,))
            sql.execute(
                "INSERT OR IGNORE INTO intents (id, kind, payload, created) VALUES (?, ?, ?, ?)",
                (id, kind, to_json(payload), now),
            )

    def take(self, engine: str) -> Intent | None:
        """The oldest intent that is not finished and that this engine has not taken yet; None when there is
        none.

        Only the holder of the lease may call this: what another engine took and did not finish is taken over.
        `engine` must be another text for each holder.
        """
        which = "done IS NULL AND taken IS NOT ? ORDER BY number LIMIT 1"
        row = self._db.row(f"{_INTENTS} WHERE {which}", (engine,))
        if row is None:
            return None
        with self._db.transaction() as sql:
            sql.execute("UPDATE intents SET taken = ? WHERE id = ?", (engine, row[0]))
        return _intent(row)._replace(taken=engine)

    def finish(self, id: str, ok: bool, result: dict[str, Any]) -> None:  # noqa: A002
        """Stores the outcome; the first one counts."""
        with self._db.transaction() as sql:
            sql.execute(
                "UPDATE intents SET done = ?, ok = ?, result = ? WHERE id = ? AND done IS NULL",
                (time.time(), ok, to_json(result), id),
            )

    def get(self, id: str) -> Intent | None:  # noqa: A002
        row = self._db.row(f"{_INTENTS} WHERE id = ?", (id,))
        return None if row is None else _intent(row)

    def open(self) -> list[Intent]:
        """Those that are not finished, the oldest first."""
        return [_intent(row) for row in self._db.rows(f"{_INTENTS} WHERE done IS NULL ORDER BY number")]

    def wait(self, id: str, timeout: float) -> Intent:  # noqa: A002
        """The intent as soon as it is finished, else as it is after `timeout` seconds (`taken` says whether
        an engine has picked it up).  KeyError when there is no such intent."""
        deadline = time.monotonic() + timeout
        seen = None
        while True:
            left = deadline - time.monotonic()
            version = self._db.data_version()
            if version != seen or left <= 0:
                seen = version
                intent = self.get(id)
                if intent is None:
                    raise KeyError(id)
                if intent.done is not None or left <= 0:
                    return intent
            time.sleep(max(0.0, min(_LOOK, left)))


_INTENTS = "SELECT id, kind, payload, created, taken, done, ok, result FROM intents"


def _intent(row: Any) -> Intent:
    id, kind, payload, created, taken, done, ok, result = row  # noqa: A001
    return Intent(
        id, kind, json.loads(payload), created, taken, done,
        None if ok is None else bool(ok), None if result is None else json.loads(result),
    )  # fmt: skip
