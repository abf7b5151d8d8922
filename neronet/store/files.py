"""Hashes of files that were read before, so that an unchanged folder is not read again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from neronet.store.db import Database, listed


class FileStore:
    """Keys name a file in one state (see neronet.sync.snapshot), so what is stored never becomes wrong."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get_many(self, keys: Iterable[str]) -> dict[str, str]:
        """Key -> sha256 of those that are known."""
        rows = self._db.rows(
            "SELECT key, sha256 FROM files WHERE key IN (SELECT value FROM json_each(?))", (listed(keys),)
        )
        return dict(rows)

    def put_many(self, hashes: Mapping[str, str]) -> None:
        with self._db.transaction() as sql:
            sql.executemany("REPLACE INTO files VALUES (?, ?)", list(hashes.items()))
