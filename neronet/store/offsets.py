"""How far the journals and streams of the nodes have been read: stored together with what was read."""

from __future__ import annotations

from typing import NamedTuple

from neronet.store.db import Database


class StreamOffset(NamedTuple):
    """How far stdout (0), stderr (1) or points (2) of an attempt is mirrored."""

    generation: int = 0  # grows when the program truncates the file
    physical: int = 0  # bytes of the present generation that are here
    mirrored: int = 0  # bytes of our copy, all generations
    final: int | None = None  # size at the end, once that was told
    done: bool = False  # nothing more will come, or is wanted


class OffsetStore:
    def __init__(self, db: Database) -> None:
        self._db = db

    def journals(self, token: str) -> dict[str, int]:
        """Name of a journal of this batch -> bytes of it that were read."""
        return dict(self._db.rows("SELECT name, position FROM journals WHERE token = ?", (token,)))

    def set_journal(self, token: str, name: str, offset: int) -> None:
        with self._db.transaction() as sql:
            sql.execute("REPLACE INTO journals VALUES (?, ?, ?)", (token, name, offset))

    def streams(self, run: int, attempt: int) -> dict[int, StreamOffset]:
        """Stream -> how far it is here; streams of which nothing is known are left out."""
        known = "SELECT stream, generation, physical, mirrored, final, done FROM streams"
        rows = self._db.rows(f"{known} WHERE run = ? AND attempt = ?", (run, attempt))
        return {row[0]: StreamOffset._make((*row[1:5], bool(row[5]))) for row in rows}

    def set_stream(self, run: int, attempt: int, stream: int, offset: StreamOffset) -> None:
        with self._db.transaction() as sql:
            sql.execute(
                "REPLACE INTO streams VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (run, attempt, stream, *offset)
            )
            self._db.touch(run)
