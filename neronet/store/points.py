"""Points: the values of metrics over time, kept in chunks; and what is known of each series without them."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from neronet.store import chunks
from neronet.store.chunks import Chunk, Points
from neronet.store.columns import Columns
from neronet.store.db import Database, listed, plain
from neronet.store.heads import Head, Heads, bounds, summary

Record = tuple[float, Sequence[Sequence[Any]]]  # time, [(name, value, offset, step or None), ...]

_NAN = float("nan")
_SPAN = 1 << 32  # keys of chunks per series


class Last(NamedTuple):
    values: dict[str, float]  # metric -> its last value
    counts: dict[str, int]  # metric -> number of points


class RawChunk(NamedTuple):
    run: int
    metric: str
    chunk: Chunk


class PointStore:
    def __init__(self, db: Database) -> None:
        self._db = db
        self._metrics: dict[str, int] = {}  # ids of names: they never change
        db.on_rollback.append(self._metrics.clear)

    # -- writing

    def add(self, run: int, attempt: int, stream: int, records: Iterable[Record]) -> int:
        """Stores the points of one stream of an attempt; how many of them were new.

        A record is a time and the points that were read then: (name, value, offset, step or None), `offset`
        being where the point's line begins in all that the stream ever held.  Points whose line is not behind
        everything stored before are dropped, so reading again never doubles.  The points of one line must
        follow each other in one record.
        """
        key = (run << 16) + attempt
        with self._db.transaction() as sql:
            known = sql.execute("SELECT marks, data FROM heads WHERE id = ?", (key,)).fetchone()
            marks = [int(mark) for mark in known[0].split()] if known else []
            data = known[1] if known else b""
            marks += [-1] * (stream + 1 - len(marks))
            marks[stream], new = select_new(records, marks[stream])
            if not new:
                return 0
            heads = Heads(data)
            for name, points in new.items():
                heads.put(self._append(sql, heads, name, points))
            sql.execute("REPLACE INTO heads VALUES (?, ?, ?)", (key, " ".join(map(str, marks)), heads.data))
            self._db.touch(run)
        return sum(len(points.flat) for points in new.values()) // 2

    def mark(self, run: int, attempt: int, stream: int) -> int:
        """The offset of the last line of this stream of which points were stored, -1 for none."""
        row = self._db.row("SELECT marks FROM heads WHERE id = ?", ((run << 16) + attempt,))
        marks = row[0].split() if row else []
        return int(marks[stream]) if stream < len(marks) else -1

    def add_columns(self, run: int, attempt: int, stream: int, columns: Mapping[str, Columns]) -> int:
        """Stores what `add` would store, for very many points at once."""
        key = (run << 16) + attempt
        with self._db.transaction() as sql:
            known = sql.execute("SELECT marks, data FROM heads WHERE id = ?", (key,)).fetchone()
            marks = [int(mark) for mark in known[0].split()] if known else []
            marks += [-1] * (stream + 1 - len(marks))
            new = {
                name: part
                for name, each in columns.items()
                if len((part := each.after(marks[stream])).offsets)
            }
            if not new:
                return 0
            heads = Heads(known[1] if known else b"")
            for name, part in new.items():
                metric = self._metrics.get(name) or self._new_metric(sql, name)
                head = heads.get(metric) or Head(metric, _new_series(sql), 0, 0, 0, *5 * [_NAN])
                heads.put(self._put(sql, head, *part.chunk(head.n)))
            marks[stream] = max(int(part.offsets[-1]) for part in new.values())
            sql.execute("REPLACE INTO heads VALUES (?, ?, ?)", (key, " ".join(map(str, marks)), heads.data))
            self._db.touch(run)
        return sum(len(part.offsets) for part in new.values())

    def compact(self, run: int, attempt: int) -> None:
        """Puts the small chunks of an attempt together, where that is worth it: for when it has ended."""
        with self._db.transaction() as sql:
            heads = self._heads(run, attempt)
            apart = [head for head in heads if head.n - head.folded > chunks.SMALL]
            for head in apart:
                _fold(sql, head.series, head.folded, head.n)
                heads.put(head._replace(tail=head.n, folded=head.n))
            if apart:
                sql.execute("UPDATE heads SET data = ? WHERE id = ?", (heads.data, (run << 16) + attempt))

    def delete(self, numbers: Iterable[int]) -> None:
        """Forgets all points of all attempts of these runs."""
        with self._db.transaction() as sql:
            for run in numbers:
                keys = (run << 16, (run << 16) + 0xFFFF)
                for (data,) in sql.execute(
                    "SELECT data FROM heads WHERE id BETWEEN ? AND ?", keys
                ).fetchall():
                    for head in Heads(data):
                        first = head.series * _SPAN
                        sql.execute("DELETE FROM chunks WHERE id BETWEEN ? AND ?", (first, first + _SPAN - 1))
                sql.execute("DELETE FROM heads WHERE id BETWEEN ? AND ?", keys)

    def _append(self, sql: sqlite3.Connection, heads: Heads, name: str, points: New) -> Head:
        """Stores new points of a series; its new head."""
        metric = self._metrics.get(name) or self._new_metric(sql, name)
        head = heads.get(metric) or Head(metric, _new_series(sql), 0, 0, 0, *5 * [_NAN])
        chunk = chunks.encode(head.n, points.flat, points.steps)
        time, value = points.flat[-2:]
        step = points.steps.get(len(points.flat) // 2 - 1, head.n + chunk.n - 1)
        return self._put(sql, head, chunk, (step, time, value), points.flat[1::2])

    def _put(
        self,
        sql: sqlite3.Connection,
        head: Head,
        chunk: Chunk,
        last: tuple[float, float, float],
        values: list[float],
    ) -> Head:
        """Stores a chunk behind what a series has; its new head.  `last` is the step, time and value of its end;
        `values` has at least its least and greatest."""
        series, tail, folded = head.series, head.tail, head.folded
        n = head.n + chunk.n
        if tail < head.n and n - tail <= chunks.TAIL:
            data = sql.execute("SELECT data FROM chunks WHERE id = ?", (series * _SPAN + tail,)).fetchone()[0]
            before = Chunk(tail, head.n - tail, data)
            if chunks.width(before) == chunks.width(chunk):
                chunk = Chunk(tail, n - tail, data + chunk.data)
        tail = chunk.first
        sql.execute("REPLACE INTO chunks VALUES (?, ?, ?)", (series * _SPAN + tail, chunk.n, chunk.data))
        if tail - folded >= chunks.BLOB:
            _fold(sql, series, folded, tail)
            folded = tail
        return Head(head.metric, series, n, tail, folded, *last, *bounds(values, head.lo, head.hi))

    def _new_metric(self, sql: sqlite3.Connection, name: str) -> int:
        text = plain(name)
        sql.execute("INSERT OR IGNORE INTO metrics (name) VALUES (?)", (text,))
        number = int(sql.execute("SELECT id FROM metrics WHERE name = ?", (text,)).fetchone()[0])
        self._metrics[name] = number
        return number

    # -- reading

    def last(self, numbers: Iterable[int] | None = None) -> dict[int, Last]:
        """Run -> last values and counts of all its metrics, of the last attempt of each run (all runs without
        `numbers`).  Runs without points are left out."""
        with self._db.snapshot():
            names = self.names()
            packed = self.packed_heads(numbers)
        found = {}
        for run, data in packed:
            metrics, counts, values = summary(data)
            of_run = [names[metric] for metric in metrics]
            found[run] = Last(dict(zip(of_run, values, strict=True)), dict(zip(of_run, counts, strict=True)))
        return found

    def heads(self, run: int, attempt: int | None = None) -> dict[str, Head]:
        """Metric -> all that is known of its series: `n`, `lo`, `hi`, and `step`, `time`, `value` of the last
        point; of the last attempt without `attempt`."""
        with self._db.snapshot():
            names = self.names()
            return {names[head.metric]: head for head in self._heads(run, attempt)}

    def read(self, run: int, metric: str, attempt: int | None = None, start: int = 0) -> Points:
        """The points of a series in order, those before the point number `start` left out; of the last
        attempt without `attempt`.  Empty for what is not known."""
        with self._db.snapshot():
            found = self._db.row("SELECT id FROM metrics WHERE name = ?", (metric,))
            head = self._heads(run, attempt).get(found[0]) if found else None
            if head is None:
                return chunks.decode(())
            first = head.series * _SPAN
            within = "SELECT max(id) FROM chunks WHERE id BETWEEN ? AND ?"
            begin = self._db.row(within, (first, first + start))[0]
            rows = self._db.rows(_CHUNKS, (begin, first + _SPAN - 1))
        return chunks.decode(map(Chunk._make, rows), start)

    def read_all(self, metric: str, numbers: Iterable[int] | None = None) -> dict[int, Points]:
        """Run -> the points of this metric, of the last attempt of each run that has some."""
        parts: dict[int, list[Chunk]] = defaultdict(list)
        for run, _, chunk in self.raw(numbers, metric):
            parts[run].append(chunk)
        return {run: chunks.decode(parts[run]) for run in parts}

    def raw(self, numbers: Iterable[int] | None = None, metric: str | None = None) -> list[RawChunk]:
        """All chunks of the last attempts, by run, metric (as they first appeared in it) and number."""
        found = []
        with self._db.snapshot():
            names = self.names()
            for run, data in self.packed_heads(numbers):
                for head in Heads(data):
                    name = names[head.metric]
                    if metric in (None, name):
                        rows = self._db.rows(_CHUNKS, (head.series * _SPAN, (head.series + 1) * _SPAN - 1))
                        found += [RawChunk(run, name, Chunk._make(row)) for row in rows]
        return found

    def names(self) -> dict[int, str]:
        """The names of the metrics by their ids, in the order in which they first appeared."""
        return dict(self._db.rows("SELECT id, name FROM metrics ORDER BY id"))

    def packed_heads(self, numbers: Iterable[int] | None = None) -> list[tuple[int, bytes]]:
        """(run, the heads of its last attempt as `Heads` takes them) of each run that has points, by run."""
        if numbers is None:
            return self._db.rows(f"{_HEADS} ORDER BY r.number")
        some = "r.number IN (SELECT value FROM json_each(?))"
        return self._db.rows(f"{_HEADS} WHERE {some} ORDER BY r.number", (listed(numbers),))

    def _heads(self, run: int, attempt: int | None) -> Heads:
        if attempt is None:
            attempt = (self._db.row("SELECT attempt FROM runs WHERE number = ?", (run,)) or (0,))[0]
        row = self._db.row("SELECT data FROM heads WHERE id = ?", ((run << 16) + attempt,))
        return Heads(b"" if row is None else row[0])


class New(NamedTuple):
    flat: list[float]  # time, value, time, value, ...
    steps: dict[int, float]  # those that the program gave, by place


def select_new(records: Iterable[Record], mark: int) -> tuple[int, dict[str, New]]:
    """(new mark, the points behind the offset `mark` by their names)."""
    new: dict[str, New] = {}
    for time, points in records:
        kept = -1  # offset of the last point when that was kept: others of its line follow it
        for name, value, offset, step in points:
            if offset > mark:
                kept = mark = offset
            elif offset != kept:
                kept = -1
                continue
            if name not in new:
                new[name] = New([], {})
            flat, steps = new[name]
            if step is not None:
                steps[len(flat) // 2] = step
            flat += (time, value)
    return mark, new


# CROSS keeps SQLite from beginning with all heads when only some runs are asked for.
_HEADS = "SELECT r.number, h.data FROM runs r CROSS JOIN heads h ON h.id = (r.number << 16) + r.attempt"
_CHUNKS = "SELECT id & 0xffffffff, n, data FROM chunks WHERE id BETWEEN ? AND ? ORDER BY id"


def _fold(sql: sqlite3.Connection, series: int, start: int, end: int) -> None:
    """Makes one chunk of all that begin at the points `start` to `end` - 1."""
    keys = (series * _SPAN + start, series * _SPAN + end - 1)
    rows = sql.execute(_CHUNKS, keys).fetchall()
    if len(rows) > 1:
        whole = chunks.join([Chunk._make(row) for row in rows])
        sql.execute("DELETE FROM chunks WHERE id BETWEEN ? AND ?", keys)
        sql.execute("INSERT INTO chunks VALUES (?, ?, ?)", (keys[0], whole.n, whole.data))


def _new_series(sql: sqlite3.Connection) -> int:
    """The next free number: every series has a chunk."""
    return int(sql.execute("SELECT (coalesce(max(id), 0) >> 32) + 1 FROM chunks").fetchone()[0])
