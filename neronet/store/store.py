"""The store of a NERONET_HOME as a whole."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

from neronet.store.attempts import AttemptStore
from neronet.store.batches import BatchStore
from neronet.store.db import Database
from neronet.store.events import EventStore
from neronet.store.experiments import ExperimentStore
from neronet.store.extractors import ExtractorStore
from neronet.store.files import FileStore
from neronet.store.intents import IntentStore
from neronet.store.nodes import NodeStore
from neronet.store.offsets import OffsetStore
from neronet.store.outbox import OutboxStore
from neronet.store.points import PointStore
from neronet.store.runs import RunStore


class Store:
    """One connection to `home`/neronet.db, which is made when it is absent; a context manager.

    May be used by several threads, one at a time.  Any number of processes read; they may also put intents,
    experiments, file hashes, extractors and the points of these.  Everything else is written by the one process that
    holds the engine, after `start_writing`.  Every method raises StoreError when the file cannot be read or written.
    """

    def __init__(self, home: Path) -> None:
        self._db = Database(home)
        self.path = self._db.path
        self.network_file_system = self._db.network  # "nfs4", ...; "" on a local disk.  Commit seldom there
        self.experiments = ExperimentStore(self._db)
        self.batches = BatchStore(self._db)
        self.points = PointStore(self._db)
        self.attempts = AttemptStore(self._db, self.points)
        self.runs = RunStore(self._db, self.attempts, self.points)
        self.offsets = OffsetStore(self._db)
        self.events = EventStore(self._db)
        self.intents = IntentStore(self._db)
        self.nodes = NodeStore(self._db)
        self.files = FileStore(self._db)
        self.outbox = OutboxStore(self._db)
        self.extractors = ExtractorStore(self._db)

    def start_writing(self) -> None:
        """For the holder of the engine, once: checks the file when the last holder did not `close`.  Raises
        StoreError when it is damaged."""
        self._db.start_writing()

    def transaction(self, durable: bool = False) -> AbstractContextManager[sqlite3.Connection]:
        """Everything that is written inside is stored together, or nothing when an exception leaves it.

        `durable`: safe from a loss of power when it returns; without it a loss of power may take the last
        transactions back, whole and in order.  A killed process loses nothing that was committed.
        """
        return self._db.transaction(durable)

    def snapshot(self) -> AbstractContextManager[None]:
        """Everything that is read inside is of one moment."""
        return self._db.snapshot()

    def data_version(self) -> int:
        """Another number whenever another connection (also one of this process) has stored something: a look
        costs microseconds.  `runs.changed_since` then tells what."""
        return self._db.data_version()

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
