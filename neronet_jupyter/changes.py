"""Runs as they change: a part keeps what it has read of them and reads only what is new."""

from __future__ import annotations

from neronet.store.runs import RunRow
from neronet.store.store import Store
from neronet.wire import states


class Changes:
    """For one part; not for several threads at once."""

    def __init__(self) -> None:
        self._seen = 0

    def take(self, store: Store) -> list[RunRow]:
        """All runs the first time, then those of which anything changed since."""
        self._seen, numbers = store.runs.changed_since(self._seen)
        return store.runs.find(numbers) if numbers else []


class OpenRuns:
    """The runs that have not ended, by number."""

    def __init__(self) -> None:
        self._changes = Changes()
        self.rows: dict[int, RunRow] = {}

    def update(self, store: Store) -> None:
        for row in self._changes.take(store):
            if row.state in states.OPEN:
                self.rows[row.number] = row
            else:
                self.rows.pop(row.number, None)
