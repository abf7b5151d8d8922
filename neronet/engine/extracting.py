"""The metrics that the user side itself reads from mirrored logs: see neronet/store/extractors.py.

Of an ended run they are read once, from its whole log, by whoever applies an extractor; of a running one by the engine
as its log grows.  Both may do so at once: points carry the offset of their line, and none is stored twice.
A log does not tell when its lines were printed: what was read from one that was there already gets times that grow
evenly with the offset, from the start of the run to its end or to now.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from neronet.extract.reading import Found, read_log
from neronet.extract.trial import joined
from neronet.store.columns import Columns
from neronet.store.extractors import Extractor
from neronet.store.runs import RunRow, results_folder
from neronet.store.store import Store
from neronet.wire import readers, states
from neronet.wire.messages import STREAM_FILES, STREAMS
from neronet.wire.points import MAX_NAMES, Lines

HEAD = 64 * 1024  # bytes at the beginning of a log that may tell the columns of its table
SLOW = 5.0  # seconds that one piece of a log may take: patterns can be slow on lines that are made to be so
BACK = 1024 * 1024  # bytes before the last stored line where the columns of a later table may be


def log_of(home: Path, run: RunRow, stream: int) -> Path:
    """The mirrored log of a run's last attempt."""
    return results_folder(home, run.results, run.attempt) / STREAM_FILES[stream]


def reads_itself(store: Store, token: str, extractor: Extractor) -> bool:
    """Whether the runs of a batch were submitted with the same processor, so that their node reads the log."""
    files = (STREAMS[extractor.stream], STREAM_FILES[extractor.stream])
    return any(
        one.get("file") in files and tuple(one.get("call", ())) == extractor.arguments
        for one in store.batches.content(token).get("processors", ())
    )


def read_run(home: Path, run: RunRow, stream: int, arguments: tuple[str, ...]) -> dict[str, Columns]:
    """What a reader finds in the log of a run as far as it is here; {} when there is none."""
    try:
        data = log_of(home, run, stream).read_bytes()
    except OSError:
        return {}
    found = read_log(data, arguments, run.state in states.ENDED)
    return {name: _timed(each, run, len(data)) for name, each in list(found.items())[:MAX_NAMES]}


def _timed(found: Found, run: RunRow, size: int) -> Columns:
    begin = run.started if run.started is not None else run.submitted
    end = run.ended if run.ended is not None else time.time()
    times = begin + (found.offsets + 1) * (max(0.0, end - begin) / max(1, size))
    return Columns(found.offsets, times, found.values, found.steps)


def extract_run(store: Store, home: Path, extractor: Extractor, number: int) -> int:
    """Stores what is new of a run's log, in one transaction; how many points that are."""
    run = store.runs.get(number)
    if run is None or not extractor.covers(number) or reads_itself(store, run.token, extractor):
        return 0
    columns = read_run(home, run, extractor.stream, extractor.arguments)
    with store.transaction():
        for name in _taken(store, run.number, run.attempt, extractor) & columns.keys():
            del columns[name]
        return store.points.add_columns(run.number, run.attempt, extractor.points, columns) if columns else 0


def _taken(store: Store, run: int, attempt: int, extractor: Extractor) -> set[str]:
    """The metrics that an attempt has from elsewhere, when nothing was extracted from its log before."""
    before = store.points.mark(run, attempt, extractor.points)
    return set() if before >= 0 else set(store.points.heads(run, attempt))


class _Growing:
    """A log that is being read by one extractor."""

    def __init__(self, extractor: Extractor, position: int, names: set[str]) -> None:
        self.extractor, self.position = extractor, position
        self.reader: Any = readers.make(extractor.arguments[1:])
        self.lines = Lines(position)
        self._not = names  # metrics that come from elsewhere
        self._names: set[str] = set()
        self.slow = False  # it is read no more

    def feed(self, data: bytes) -> list[list[Any]]:
        self.position += len(data)
        return self.points(self.lines.feed(data))

    def finish(self) -> list[list[Any]]:
        return [] if self.slow else self._taken(max(self.position - 1, 0), self.reader.finish())

    def points(self, lines: Iterable[tuple[int, bytes]]) -> list[list[Any]]:
        found: list[list[Any]] = []
        until = time.monotonic() + SLOW
        for offset, line in lines:
            found += self._taken(offset, self.reader.feed(line))
            if self.slow or time.monotonic() > until:
                self.slow = True
                break
        return found

    def _taken(self, offset: int, points: Iterable[tuple[str, float, float | None]]) -> list[list[Any]]:
        found: list[list[Any]] = []
        for name, value, step in points:
            if name not in self._not and (name in self._names or len(self._names) < MAX_NAMES):
                self._names.add(name)
                found.append([name, value, offset, step])
        return found


class Extracting:
    """For the engine: reads what arrives of the logs of running runs; every call is a part of the transaction that
    stores what arrived."""

    def __init__(self, store: Store, home: Path) -> None:
        self._store, self._home = store, home
        self._growing: dict[tuple[int, int, int], _Growing] = {}  # by (run, attempt, number of the extractor)
        self._runs: dict[tuple[int, int], RunRow] = {}
        self._there: dict[tuple[int, int, int], bool] = {}  # by the same: whether its node reads it

    def feed(self, run: int, attempt: int, stream: int, offset: int, data: bytes) -> None:
        """`data` stands at `offset` of the mirrored log."""
        for extractor in self._of(run, attempt):
            if extractor.stream != stream:
                continue
            growing = self._opened(extractor, run, attempt, offset)
            slow = growing.slow
            self._add(run, attempt, extractor, growing.feed(data))
            if growing.slow and not slow:
                text = f"`{joined(extractor.arguments)}` takes too long on this log: it is read no more here"
                self._store.events.add(time.time(), "warning", text, run=run, attempt=attempt)

    def finish(self, run: int, attempt: int) -> None:
        """The logs are whole: a last line without an end counts, too."""
        for extractor in self._of(run, attempt):
            row = self._runs[run, attempt]
            size = _size(log_of(self._home, row._replace(attempt=attempt), extractor.stream))
            growing = self._opened(extractor, run, attempt, size)
            last = growing.points(growing.lines.finish()) + growing.finish()
            self._add(run, attempt, extractor, last)
            del self._growing[run, attempt, extractor.number]
        self._runs.pop((run, attempt), None)

    def reads(self, run: int) -> bool:
        """Whether some metrics of a run come from here."""
        return bool(self._store.extractors.of_run(run))

    def _of(self, run: int, attempt: int) -> list[Extractor]:
        found = self._store.extractors.of_run(run)
        row = self._runs.get((run, attempt)) or (self._store.runs.get(run) if found else None)
        if row is None:
            return []
        self._runs[run, attempt] = row
        return [each for each in found if not self._read_there(row, attempt, each)]

    def _read_there(self, row: RunRow, attempt: int, extractor: Extractor) -> bool:
        key = (row.number, attempt, extractor.number)
        if key not in self._there:
            known = self._store.attempts.get(row.number, attempt)
            self._there[key] = known is None or reads_itself(self._store, known.token, extractor)
        return self._there[key]

    def _opened(self, extractor: Extractor, run: int, attempt: int, offset: int) -> _Growing:
        """Its reader at `offset`: the one from before, or a new one that has read what is there."""
        key = (run, attempt, extractor.number)
        growing = self._growing.get(key)
        if growing is None or growing.position != offset:
            taken = _taken(self._store, run, attempt, extractor)
            growing = self._growing[key] = _Growing(extractor, 0, taken)
            self._catch_up(growing, run, attempt, offset)
        return growing

    def _catch_up(self, growing: _Growing, run: int, attempt: int, offset: int) -> None:
        """Reads the log up to `offset`; of what was stored before only what tells the columns of a table or its steps."""
        extractor = growing.extractor
        mark = self._store.points.mark(run, attempt, extractor.points)
        begin = mark - BACK
        path = log_of(self._home, self._runs[run, attempt]._replace(attempt=attempt), extractor.stream)
        try:
            with open(path, "rb") as file:
                if begin > HEAD and not growing.reader.carries:
                    growing.points(Lines().feed(file.read(HEAD)))
                    file.seek(begin)
                    begin += len(file.readline())
                    growing.lines, growing.position = Lines(begin), begin
                while growing.position < offset:
                    data = file.read(min(BACK, offset - growing.position))
                    if not data:
                        break
                    self._add(run, attempt, extractor, growing.feed(data))
        except OSError:  # somebody deleted it: what comes from now on is read
            pass
        if growing.position != offset:
            growing.lines, growing.position = Lines(offset), offset

    def _add(self, run: int, attempt: int, extractor: Extractor, points: list[list[Any]]) -> None:
        if points:
            self._store.points.add(run, attempt, extractor.points, [(time.time(), points)])


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
