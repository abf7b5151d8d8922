"""One connection to neronet.db: opening, transactions, and errors in words.

A `Database` may be used by several threads of a process, one at a time: whoever is inside of a transaction
keeps the others waiting.  Processes do not wait for each other's reads (WAL), only for each other's writes.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from neronet.errors import StoreError
from neronet.store import schema
from neronet.store.filesystem import network_file_system

BUSY = 10.0  # seconds that a write waits for another process's write
_WRITABLE = "make the file and its folder writable, or set NERONET_HOME to another folder"
_RECOVER = "move it away, then `nerocli recover NODE` brings the runs of each node back"

_SETTINGS = (
    "synchronous = FULL",
    "fullfsync = ON",  # macOS: without it the disk may keep what it says it has written
    "cache_size = -16000",  # KiB
    "journal_size_limit = 67108864",  # else one large transaction would leave its log for good
)

# What SQLite says -> what we say, and what helps.
_TROUBLES = (
    ("readonly", "cannot be written", _WRITABLE),
    ("unable to open", "cannot be opened", _WRITABLE),
    ("full", "finds no room on its disk", "free some space; what runs on the nodes goes on meanwhile"),
    ("disk I/O", "cannot be read or written", "look whether its disk is full or failing"),
    ("malformed", "is damaged", _RECOVER),
    ("not a database", "is damaged: it is no database", _RECOVER),
    ("locked", "is kept busy by another process", "try again; `nerocli engine status` says by whom"),
    ("closed database", "was closed", "make a new Neroman"),
)


class Database:
    """`home`/neronet.db, made when it is absent (0600, in a folder 0700).  Raises StoreError."""

    def __init__(self, home: Path) -> None:
        self.path = home / "neronet.db"
        try:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.network = network_file_system(home)
            _make_private(self.path)
        except OSError as error:
            raise StoreError(f"{self.path} cannot be opened: {error.strerror or error}", _WRITABLE) from error
        self._lock = threading.RLock()
        self._inside = ""  # "snapshot", "write", "durable write": the transaction that is open
        self._durable: bool | None = (
            True  # the setting of the connection, FULL when it is new; None: not known
        )
        self._touched: set[int] = set()
        self.on_rollback: list[Callable[[], None]] = []  # forgets what was learnt inside of a transaction
        self._writer = False
        with self._explained():
            self._sql = sqlite3.connect(
                self.path, timeout=BUSY, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare()
            except BaseException:
                self._sql.close()
                raise

    def close(self) -> None:
        """Nothing happens when it is closed already."""
        with self._lock:
            if self._writer:
                self._writer = False
                try:
                    with self.transaction() as sql:
                        sql.execute("UPDATE meta SET value = 1 WHERE key = 'clean'")
                except StoreError:
                    pass  # then the next writer looks for damage, which costs only time
            self._sql.close()

    # -- reading

    def rows(self, question: str, values: Sequence[object] = ()) -> list[Any]:
        with self._lock, self._explained():
            self._drop_left_over()
            return self._sql.execute(question, values).fetchall()

    def row(self, question: str, values: Sequence[object] = ()) -> Any:
        """The first row, None when there is none."""
        with self._lock, self._explained():
            self._drop_left_over()
            return self._sql.execute(question, values).fetchone()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """All reads inside see one moment.  Keep it short: elsewhere the log of changes grows meanwhile."""
        with self._lock:
            if self._inside:
                yield
                return
            try:
                with self._explained():
                    self._drop_left_over()
                    self._sql.execute("BEGIN")
                self._inside = "snapshot"
                yield
            finally:
                self._inside = ""
                self._sql.rollback()

    def data_version(self) -> int:
        """Another number whenever another connection has committed something (a look takes microseconds)."""
        return int(self.row("PRAGMA data_version")[0])

    # -- writing

    @contextmanager
    def transaction(self, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """Everything inside is committed together, or nothing when an exception leaves it.  Inside of another
        transaction it becomes a part of that one.

        `durable`: it outlives a loss of power from the moment this returns.  Without it a loss of power may
        take the last transactions, whole and in order; a killed process loses nothing either way.
        """
        with self._lock:
            if self._inside:
                if self._inside == "snapshot" or (durable and self._inside != "durable write"):
                    wanted = "a durable write" if durable else "a write"
                    raise RuntimeError(f"{wanted} cannot begin inside of a {self._inside}")
                yield self._sql
                return
            with self._explained():
                try:
                    self._begin(durable)
                    yield self._sql
                    self._bump()
                    self._sql.execute("COMMIT")
                except BaseException:
                    self._sql.rollback()
                    for forget in self.on_rollback:
                        forget()
                    raise
                finally:
                    self._inside = ""
                    self._touched.clear()

    def touch(self, run: int) -> None:
        """Says, inside of a transaction, that what is shown of this run changed."""
        self._touched.add(run)

    def _begin(self, durable: bool) -> None:
        self._drop_left_over()
        # On a network file system everything is durable: a rollback journal is not safe otherwise.
        if durable != self._durable and not self.network:
            self._durable = None
            self._sql.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable
        self._sql.execute("BEGIN IMMEDIATE")
        self._inside = "durable write" if durable else "write"

    def _drop_left_over(self) -> None:
        """Ctrl-C, or a kernel's interrupt, may come between any two steps, also of those that end a transaction."""
        if self._sql.in_transaction and not self._inside:
            self._sql.rollback()

    def _bump(self) -> None:
        if self._touched:
            self._sql.execute("UPDATE meta SET value = value + 1 WHERE key = 'change'")
            self._sql.executemany(
                "UPDATE runs SET changed = (SELECT value FROM meta WHERE key = 'change') WHERE number = ?",
                [(run,) for run in self._touched],
            )

    # -- opening

    def start_writing(self) -> None:
        """For the one process that holds the engine: looks for damage when the last one did not close."""
        if self.row("SELECT value FROM meta WHERE key = 'clean'") != (1,):
            found = self.row("PRAGMA quick_check(1)")[0]
            if found != "ok":
                raise StoreError(f"{self.path} is damaged: {found}", _RECOVER)
        with self.transaction(durable=True) as sql:
            sql.execute("UPDATE meta SET value = 0 WHERE key = 'clean'")
        self._writer = True

    def _prepare(self) -> None:
        sql = self._sql
        found = self._version()
        if found > schema.VERSION:
            raise StoreError(
                f"{self.path} was written by a newer Neronet (format {found}, known here: {schema.VERSION})",
                "upgrade Neronet here too, or set NERONET_HOME to another folder",
            )
        self._set_journal()
        for setting in _SETTINGS:
            sql.execute(f"PRAGMA {setting}")
        if found < schema.VERSION:
            with self.transaction(durable=True):
                found = self._version()  # another process may have been faster
                if found == 0:
                    _run(sql, schema.TABLES)
                elif found < schema.VERSION:
                    self._back_up(found)
                    for version in range(found, schema.VERSION):
                        _run(sql, schema.MIGRATIONS[version])
                sql.execute(f"PRAGMA application_id = {schema.APPLICATION}")
                sql.execute(f"PRAGMA user_version = {schema.VERSION}")

    def _version(self) -> int:
        """The version of the tables that are in the file, 0 for none."""
        if self.row("SELECT 1 FROM sqlite_master LIMIT 1") is None:
            return 0
        if self.row("PRAGMA application_id")[0] != schema.APPLICATION:
            raise StoreError(f"{self.path} is a database, but not one of Neronet", "move it away")
        return int(self.row("PRAGMA user_version")[0])

    def _set_journal(self) -> None:
        deadline = time.monotonic() + BUSY
        while True:
            # SQLite does not wait here by itself when two processes make the file at once.
            try:
                self._sql.execute(f"PRAGMA journal_mode = {'TRUNCATE' if self.network else 'WAL'}")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
            time.sleep(0.01)

    def _back_up(self, version: int) -> None:
        """A copy of the database as it was, beside it: neronet.db.v1."""
        path = self.path.with_name(f"{self.path.name}.v{version}")
        path.unlink(missing_ok=True)
        _make_private(path)
        with closing(sqlite3.connect(self.path)) as source, closing(sqlite3.connect(path)) as target:
            source.backup(target)

    # -- errors

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            for word, text, hint in _TROUBLES:
                if word in str(error):
                    raise StoreError(f"{self.path} {text}", hint) from error
            raise


def _make_private(path: Path) -> None:
    # Only a file that is new may be opened here: closing any descriptor of a database drops all locks that
    # SQLite holds on it in this process.
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)


def _run(sql: sqlite3.Connection, script: str) -> None:
    # `executescript` would commit first.
    for statement in script.split(";\n"):
        sql.execute(statement)


to_json = json.JSONEncoder(separators=(",", ":")).encode


def plain(text: str) -> str:
    """`text` without the halves of characters that JSON from a node may hold and a database cannot."""
    return text.encode("utf-8", "replace").decode("utf-8")


def listed(values: Iterable[object]) -> str:
    """The one value for `IN (SELECT value FROM json_each(?))`, however many there are."""
    return to_json(list(values))
