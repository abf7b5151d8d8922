"""Runs: what was submitted.  What became of it is in its attempts; a run shows its last one."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from neronet.store.attempts import AttemptStore
from neronet.store.db import Database, listed, plain, to_json
from neronet.store.points import PointStore
from neronet.wire.states import SUBMITTING

# A run with its last attempt.  What belongs to the reported state is not shown before that state is.
SHOWN = """
SELECT r.number, r.name, r.experiment, r.collections, r.parameters, r.argv, r.snapshot, r.submitted, r.note,
       r.priority, r.results, r.point_key, r.attempt, r.changed, a.node, a.token, a.idx, a.state, a.reported,
       CASE WHEN a.state = a.reported THEN a.reason ELSE '' END,
       CASE WHEN a.state = a.reported THEN a.exit_status END,
       a.started,
       CASE WHEN a.state = a.reported THEN a.ended END,
       r.tags
FROM runs r JOIN attempts a ON a.run = r.number AND a.attempt = r.attempt
"""

_BRIEFS = """
SELECT r.number, r.experiment, a.state, a.reported, CASE WHEN a.state = a.reported THEN a.ended END
FROM runs r JOIN attempts a ON a.run = r.number AND a.attempt = r.attempt
WHERE r.number IN (SELECT value FROM json_each(?)) ORDER BY r.number
"""

_COUNTS = """
SELECT r.experiment, a.state, count(*)
FROM runs r JOIN attempts a ON a.run = r.number AND a.attempt = r.attempt GROUP BY 1, 2
"""

_LAST_FINISHED = """
SELECT r.experiment, max(r.number) FROM runs r JOIN attempts a ON a.run = r.number AND a.attempt = r.attempt
WHERE a.state = 'finished' AND r.experiment IN (SELECT value FROM json_each(?)) GROUP BY 1
"""

# A number that was given once is never given again, also when its run was deleted.
_FOLLOWING = """
SELECT 1 + max(coalesce((SELECT max(number) FROM runs), 0),
               coalesce((SELECT value FROM meta WHERE key = 'number'), 0))
"""

_NEWEST = """
SELECT max(number) FROM runs WHERE point_key IN (SELECT value FROM json_each(?)) GROUP BY point_key
"""


_OF_RUNS = (("streams", "run"), ("attempts", "run"), ("events", "run"), ("runs", "number"))


class NewRun(NamedTuple):
    """A run to be stored.  Its name gets `@2`, `@3`, ... when it is taken.  `number` and `attempt` are for
    rebuilding a lost store: the number is given unless another run has it."""

    name: str
    experiment: str
    collections: tuple[str, ...]
    parameters: dict[str, str]
    argv: tuple[str, ...]
    snapshot: str  # sha256 of the manifest
    token: str  # of its batch
    idx: int  # its place in that batch, from 0
    node: str
    submitted: float  # seconds since 1970
    note: str = ""
    priority: int = 0
    number: int | None = None
    attempt: int = 1  # number of its first attempt
    files: str = ""  # what tells runs of one command apart, where that is not the whole snapshot


class RunRow(NamedTuple):
    """A run with what is to be shown of its last attempt: `reason`, `exit_status` and `ended` belong to
    `state`.  Times are seconds since 1970, those of the attempt by the node's clock."""

    number: int
    name: str
    experiment: str
    collections: tuple[str, ...]
    parameters: dict[str, str]
    argv: tuple[str, ...]
    snapshot: str
    submitted: float
    note: str
    priority: int
    results: str  # folder below NERONET_HOME/results, with "/"
    point_key: str
    attempt: int  # from 1
    changed: int  # see Store.change
    node: str
    token: str
    idx: int
    state: str
    reported_state: str  # what the node says; ahead of `state` until logs, points and outputs are here
    reason: str
    exit_status: int | None
    started: float | None
    ended: float | None
    tags: tuple[str, ...] = ()


class Brief(NamedTuple):
    """What is needed of a run to count it and to choose it from many; as in RunRow."""

    number: int
    experiment: str
    state: str
    reported_state: str
    ended: float | None


class RunStore:
    def __init__(self, db: Database, attempts: AttemptStore, points: PointStore) -> None:
        self._db = db
        self._attempts, self._points = attempts, points

    def add(self, runs: Iterable[NewRun], folder: Callable[[str], str]) -> list[int]:
        """Stores them in the state `submitting`, all or none; their numbers, ascending.

        `folder` makes the relative results folder of a run from its final name.  Call it in a durable
        transaction with the batches of the runs.
        """
        numbers = []
        with self._db.transaction() as sql:
            following = sql.execute(_FOLLOWING).fetchone()[0]
            for run in runs:
                number = run.number or following
                if run.number and sql.execute("SELECT 1 FROM runs WHERE number = ?", (number,)).fetchone():
                    number = following
                following = max(following, number + 1)
                name = _free_name(sql, plain(run.name))
                key = point_key(run.experiment, run.parameters, run.argv, run.files or run.snapshot)
                sql.execute(
                    "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, '[]')",
                    (
                        number, name, run.experiment, to_json(run.collections), to_json(run.parameters),
                        to_json(run.argv), run.snapshot, run.submitted, plain(run.note), run.priority,
                        folder(name), key, run.attempt,
                    ),
                )  # fmt: skip
                self._attempts.insert(number, run.attempt, run.token, run.idx, 1, run.node, SUBMITTING)
                numbers.append(number)
        return numbers

    def find(self, numbers: Iterable[int] | None = None) -> list[RunRow]:
        """These runs, or all, by ascending number."""
        some = "r.number IN (SELECT value FROM json_each(?))"
        if numbers is None:
            rows = self._db.rows(f"{SHOWN} ORDER BY r.number")
        else:
            rows = self._db.rows(f"{SHOWN} WHERE {some} ORDER BY r.number", (listed(numbers),))
        parameters, argvs = _all_json(row[4] for row in rows), _all_json(row[5] for row in rows)
        return [
            RunRow._make((*row[:3], _texts(row[3]), known, tuple(argv), *row[6:-1], _texts(row[-1])))
            for row, known, argv in zip(rows, parameters, argvs, strict=True)
        ]

    def numbers(self) -> list[int]:
        """Of all runs, ascending."""
        return [number for (number,) in self._db.rows("SELECT number FROM runs ORDER BY number")]

    def briefs(self, numbers: Iterable[int]) -> list[Brief]:
        """These runs in brief, by ascending number: a fraction of what `find` costs."""
        return list(map(Brief._make, self._db.rows(_BRIEFS, (listed(numbers),))))

    def get(self, number: int) -> RunRow | None:
        found = self.find([number])
        return found[0] if found else None

    def of_experiment(self, experiment: str) -> list[int]:
        """The numbers of its runs, ascending."""
        sql = "SELECT number FROM runs WHERE experiment = ? ORDER BY number"
        return [number for (number,) in self._db.rows(sql, (experiment,))]

    def ran_before(self, keys: Iterable[str]) -> dict[str, RunRow]:
        """Those of these point keys that runs have, each with the newest of these runs."""
        rows = self._db.rows(_NEWEST, (listed(keys),))
        return {row.point_key: row for row in self.find(number for (number,) in rows)}

    def last_finished(self, experiments: Iterable[str]) -> dict[str, int]:
        """Experiment -> its run of the highest number that has finished, where there is one."""
        return dict(self._db.rows(_LAST_FINISHED, (listed(experiments),)))

    def set_note(self, numbers: Iterable[int], note: str) -> None:
        with self._db.transaction() as sql:
            for number in numbers:
                sql.execute("UPDATE runs SET note = ? WHERE number = ?", (plain(note), number))
                self._db.touch(number)

    def set_tags(self, numbers: Iterable[int], add: Sequence[str] = (), remove: Iterable[str] = ()) -> None:
        """Gives these runs the tags `add`, behind those that they have, and takes `remove` away."""
        gone = set(remove)
        with self._db.transaction() as sql:
            for number in numbers:
                for (known,) in sql.execute("SELECT tags FROM runs WHERE number = ?", (number,)).fetchall():
                    tags = [tag for tag in dict.fromkeys((*_texts(known), *add)) if tag not in gone]
                    sql.execute("UPDATE runs SET tags = ? WHERE number = ?", (to_json(tags), number))
                    self._db.touch(number)

    def tags(self) -> list[str]:
        """The tags that runs have, those of most runs first."""
        sql = "SELECT value FROM runs, json_each(runs.tags) GROUP BY value ORDER BY COUNT(*) DESC, value"
        return [tag for (tag,) in self._db.rows(sql)]

    def delete(self, numbers: Iterable[int]) -> None:
        """Forgets these runs: their attempts, points and events, too. What a node still says of them is nothing
        that we know of: see Collector."""
        gone = list(numbers)
        some = "IN (SELECT value FROM json_each(?))"
        with self._db.transaction(durable=True) as sql:
            highest = sql.execute(_FOLLOWING).fetchone()[0] - 1
            sql.execute("REPLACE INTO meta VALUES ('number', ?)", (highest,))
            self._points.delete(gone)
            for table, column in _OF_RUNS:
                sql.execute(f"DELETE FROM {table} WHERE {column} {some}", (listed(gone),))  # noqa: S608
            sql.execute("UPDATE meta SET value = value + 1 WHERE key = 'change'")
            sql.execute("REPLACE INTO meta SELECT 'deleted', value FROM meta WHERE key = 'change'")

    def last_deletion(self) -> int:
        """The change number (see `changed_since`) with which runs were deleted last; 0 when none ever was."""
        row = self._db.row("SELECT value FROM meta WHERE key = 'deleted'")
        return 0 if row is None else int(row[0])

    def existing(self, numbers: Iterable[int]) -> set[int]:
        """Those of these that there are."""
        rows = self._db.rows(
            "SELECT number FROM runs WHERE number IN (SELECT value FROM json_each(?))", (listed(numbers),)
        )
        return {number for (number,) in rows}

    def results(self) -> list[tuple[int, str, int]]:
        """(number, results folder, number of its last attempt) of each run."""
        return self._db.rows("SELECT number, results, attempt FROM runs")

    def set_priority(self, numbers: Iterable[int], priority: int) -> None:
        with self._db.transaction() as sql:
            for number in numbers:
                sql.execute("UPDATE runs SET priority = ? WHERE number = ?", (priority, number))
                self._db.touch(number)

    def counts(self) -> dict[str, dict[str, int]]:
        """Experiment -> state -> how many of its runs are in it."""
        found: dict[str, dict[str, int]] = {}
        for experiment, state, count in self._db.rows(_COUNTS):
            found.setdefault(experiment, {})[state] = count
        return found

    def change(self) -> int:
        """The number of the last change of any run."""
        return int(self._db.row("SELECT value FROM meta WHERE key = 'change'")[0])

    def changed_since(self, change: int) -> tuple[int, list[int]]:
        """(change number now, runs of which anything changed after `change`); begin with 0 for all."""
        with self._db.snapshot():
            now = self._db.row("SELECT value FROM meta WHERE key = 'change'")[0]
            # In order of change: to have them by number, SQLite would look at all runs.
            rows = self._db.rows("SELECT number FROM runs WHERE changed > ? ORDER BY changed", (change,))
        return now, sorted(number for (number,) in rows)


def _free_name(sql: sqlite3.Connection, name: str) -> str:
    if sql.execute("SELECT 1 FROM runs WHERE name = ?", (name,)).fetchone() is None:
        return name
    # All names that begin with `name@`: "A" follows "@".
    copies = "SELECT name FROM runs WHERE name > ? AND name < ?"
    taken = {taken for (taken,) in sql.execute(copies, (f"{name}@", f"{name}A"))}
    copy = 2
    while f"{name}@{copy}" in taken:
        copy += 1
    return f"{name}@{copy}"


def point_key(experiment: str, parameters: Mapping[str, str], argv: Sequence[str], files: str) -> str:
    """Equal for runs of an experiment that would do the same: same parameters, command and files.

    Plain repeats have the same command, and differ in a parameter that it does not take.
    """
    what = to_json([files, experiment, sorted(parameters.items()), argv])
    return hashlib.sha256(what.encode("ascii")).hexdigest()


@lru_cache(maxsize=1000)
def _texts(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


def _all_json(texts: Iterable[str]) -> list[Any]:
    # One call for ten thousand texts: half the time, and equal keys become one object.
    values: list[Any] = json.loads(f"[{','.join(texts)}]")
    return values


def results_folder(home: Path, results: str, attempt: int) -> Path:
    """Where the files of an attempt are: a rerun has a folder of its own beside the first."""
    return home / "results" / (results if attempt == 1 else f"{results}.attempt-{attempt}")
