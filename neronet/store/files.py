"""Hashes of files that were read before, so that an unchanged folder is not read again."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple

from neronet.store.db import Database


class FileKey(NamedTuple):
    """A file as `os.stat` tells it; when all of this is equal, so is its content."""

    path: str
    size: int
    mtime_ns: int
    inode: int


class FileStore:
    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, files: Iterable[FileKey]) -> dict[str, str]:
        """Path -> sha256 of those files that are known as they are now."""
        found = {}
        with self._db.snapshot():
            for file in files:
                row = self._db.row(
                    "SELECT sha256, size, mtime_ns, inode FROM files WHERE path = ?",
                    (os.fsencode(file.path),),
                )
                if row is not None and row[1:] == _numbers(file):
                    found[file.path] = row[0]
        return found

    def put(self, hashes: Iterable[tuple[FileKey, str]]) -> None:
        with self._db.transaction() as sql:
            sql.executemany(
                "REPLACE INTO files VALUES (?, ?, ?, ?, ?)",
                [(os.fsencode(file.path), *_numbers(file), sha256) for file, sha256 in hashes],
            )


def _numbers(file: FileKey) -> tuple[int, int, int]:
    # An inode number may have more bits than a number of SQLite.
    return file.size, file.mtime_ns, file.inode & 0x7FFFFFFFFFFFFFFF
