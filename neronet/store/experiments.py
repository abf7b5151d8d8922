"""Experiments that were added: what their config.yaml said then."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from neronet.store.db import Database, listed, to_json


class ExperimentRow(NamedTuple):
    id: str
    folder: Path
    collections: tuple[str, ...]
    config_sha256: str
    spec: dict[str, Any]  # Experiment.to_json()
    added: float  # seconds since 1970


class ExperimentStore:
    def __init__(self, db: Database) -> None:
        self._db = db

    def put(self, experiments: Iterable[ExperimentRow]) -> None:
        """Adds them, all or none; those with a known id replace what was known."""
        with self._db.transaction(durable=True) as sql:
            sql.executemany(
                "REPLACE INTO experiments VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (
                        row.id,
                        os.fsencode(row.folder),
                        to_json(row.collections),
                        row.config_sha256,
                        to_json(row.spec),
                        row.added,
                    )
                    for row in experiments
                ],
            )

    def get(self, id: str) -> ExperimentRow | None:  # noqa: A002
        row = self._db.row("SELECT * FROM experiments WHERE id = ?", (id,))
        return None if row is None else _experiment(row)

    def all(self) -> list[ExperimentRow]:
        """All, in the order they were added."""
        return [_experiment(row) for row in self._db.rows("SELECT * FROM experiments ORDER BY added, id")]

    def delete(self, ids: Iterable[str]) -> None:
        """Forgets them, all at once; their runs stay."""
        with self._db.transaction(durable=True) as sql:
            sql.execute(
                "DELETE FROM experiments WHERE id IN (SELECT value FROM json_each(?))", (listed(ids),)
            )


def _experiment(row: Any) -> ExperimentRow:
    id, folder, collections, sha256, spec, added = row  # noqa: A001
    return ExperimentRow(
        id, Path(os.fsdecode(folder)), tuple(json.loads(collections)), sha256, json.loads(spec), added
    )
