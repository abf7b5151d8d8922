"""Runs as a value to work with: what a notebook, the widgets and the command line share."""

from __future__ import annotations

import codecs
import inspect
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from neronet.engine.collect import results_folder
from neronet.errors import InputError
from neronet.store.points import Last
from neronet.store.runs import RunRow
from neronet.wire import states

if TYPE_CHECKING:
    import pandas as pd

    from neronet.api import Neroman

NO_POINTS = Last({}, {})
FOLLOW = 0.05  # seconds between two looks at a growing log


@dataclass(frozen=True)
class Run:
    """One run as it is now. Times are seconds since 1970, metrics and points those of its last attempt."""

    number: int
    name: str
    experiment: str
    collections: tuple[str, ...]
    parameters: dict[str, str]
    command: tuple[str, ...]
    state: str
    reason: str
    node: str
    attempt: int  # from 1
    exit_status: int | None
    submitted: float
    started: float | None
    ended: float | None
    metrics: dict[str, float]  # last values
    points: dict[str, int]  # how many of each
    results: Path  # the folder with its logs and outputs
    note: str
    priority: int

    @property
    def duration(self) -> float | None:
        """Seconds from its start to its end, or to now."""
        if self.started is None:
            return None
        return max(0.0, (self.ended if self.ended is not None else time.time()) - self.started)

    def to_json(self) -> dict[str, Any]:
        """As `nerocli status --json` shows it."""
        return {
            "number": self.number, "name": self.name, "experiment": self.experiment, "parameters": self.parameters,
            "command": list(self.command), "state": self.state, "reason": self.reason, "node": self.node,
            "attempt": self.attempt, "exit_status": self.exit_status, "submitted": utc(self.submitted),
            "started": utc(self.started), "ended": utc(self.ended), "metrics": self.metrics, "points": self.points,
            "results": str(self.results), "note": self.note,
        }  # fmt: skip


class RunSet(Sequence[Run]):
    """Some runs, by ascending number; what they are is looked up anew whenever it changed.

    `notes` are sentences for the user about how the set came to be.
    """

    def __init__(self, neroman: Neroman, numbers: Sequence[int], notes: Sequence[str] = ()) -> None:
        self._neroman = neroman
        self.numbers = tuple(sorted(set(numbers)))
        self.notes = list(notes)
        self._seen = -1
        self._rows: dict[int, RunRow] = {}

    # -- a sequence of runs

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> Run: ...
    @overload
    def __getitem__(self, index: slice) -> RunSet: ...
    def __getitem__(self, index: int | slice) -> Run | RunSet:
        if isinstance(index, slice):
            return RunSet(self._neroman, self.numbers[index])
        return self._load([self.numbers[index]])[0]

    def __iter__(self) -> Iterator[Run]:
        return iter(self._load(self.numbers))

    def __repr__(self) -> str:
        if not self.numbers:
            return "; ".join(["no runs", *self.notes])
        counts = ", ".join(f"{count} {state}" for state, count in self.states.items())
        names = sorted({row.experiment for row in self._current()})
        what = names[0] if len(names) == 1 else f"{len(names)} experiments"
        return f"{len(self)} run{'s' * (len(self) > 1)} of {what}: {counts}"

    @property
    def states(self) -> dict[str, int]:
        """How many runs are in each state, those that there are, in the order of a run's life."""
        counts = Counter(row.state for row in self._current())
        return {state: counts[state] for state in states.STATES if counts[state]}

    # -- waiting

    def wait(self, timeout: float | None = None) -> RunSet:
        """This set, once every run has ended, or after `timeout` seconds."""
        self._neroman.engine_client.ensure()
        self._neroman.engine_client.wait(
            lambda: all(row.state in states.ENDED for row in self._current()), timeout
        )
        return self

    async def wait_async(self, timeout: float | None = None) -> RunSet:
        """`wait` for code that runs in an event loop."""
        import asyncio

        return await asyncio.to_thread(self.wait, timeout)

    def on_change(self, callback: Callable[..., object]) -> Callable[[], None]:
        """Calls `callback` on a thread of its own after anything of these runs changed: at once, or up to 20 ms later
        and for all changes until then, while callbacks take long.

        It is called with this set, or without arguments if it takes none. What is returned ends it.
        """
        try:
            takes_one = bool(inspect.signature(callback).parameters)
        except (TypeError, ValueError):  # some built-in functions have no signature
            takes_one = True
        return self._neroman.watch(set(self.numbers), (lambda: callback(self)) if takes_one else callback)

    # -- results

    def frame(self) -> pd.DataFrame:
        """One row per run: number as index, name, experiment, node, state, reason, started, ended (UTC), duration
        (seconds), a column per parameter and per metric (last value); on a clash `param.x` and `metric.x`."""
        from neronet.store.frames import runs_frame

        return runs_frame(self._neroman.store, self.numbers)

    def points(self, metric: str | None = None) -> pd.DataFrame:
        """One row per point of the last attempts: run, metric, index (the step where the program gave one), time
        (UTC), value."""
        from neronet.store.frames import points_frame

        return points_frame(self._neroman.store, self.numbers, metric)

    def log(self, stream: str = "stdout") -> str:
        """What the program printed so far to `stdout` or `stderr`; of several runs one after the other, with their
        names between."""
        texts = [(run.name, _read(log_file(run, stream))) for run in self]
        if len(texts) == 1:
            return texts[0][1]
        return "\n".join(f"==> {name} <==\n{text}" for name, text in texts)

    def follow(self, stream: str = "stdout") -> Iterator[str]:
        """The log of the one run in this set as it grows, in pieces, until the run has ended."""
        if len(self) != 1:
            raise InputError(f"one log can be followed at a time, these are {len(self)} runs", "name one run")
        self._neroman.engine_client.ensure()
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode  # a piece may end within a sign
        position = 0
        while True:
            run = self[0]
            ended = run.state in states.ENDED
            try:
                with open(log_file(run, stream), "rb") as file:
                    file.seek(position)
                    data = file.read()
            except FileNotFoundError:
                data = b""
            position += len(data)
            if data:
                yield decode(data)
            elif ended:
                if rest := decode(b"", final=True):
                    yield rest
                return
            else:
                self._neroman.engine_client.sleep(FOLLOW)

    # -- wishes

    def terminate(self) -> RunSet:
        """Ends them, whatever they do now; notes say what could not be reached yet."""
        return self._neroman.terminate(self)

    def rerun(self, failed: bool = False) -> RunSet:
        """New attempts of these runs (only of those that did not finish when `failed`), from the same snapshots."""
        return self._neroman.rerun(self, failed=failed)

    # -- looking up

    def _current(self) -> Collection[RunRow]:
        runs = self._neroman.store.runs
        now, changed = runs.changed_since(self._seen)
        # Only what changed is read again: this is asked for after every change while the set is waited for.
        stale = self.numbers if self._seen < 0 else self._rows.keys() & changed
        if stale:
            self._rows.update((row.number, row) for row in runs.find(stale))
        self._seen = now
        return self._rows.values()

    def rows(self) -> list[RunRow]:
        """The runs as the store has them, without metrics."""
        return list(self._current())

    def _load(self, numbers: Sequence[int]) -> list[Run]:
        store = self._neroman.store
        with store.snapshot():
            rows = store.runs.find(numbers)
            last = store.points.last(numbers)
        return [self._neroman.as_run(row, last.get(row.number, NO_POINTS)) for row in rows]


def log_file(run: Run, stream: str) -> Path:
    if stream not in ("stdout", "stderr"):
        raise InputError(f"there is no stream {stream!r}", "stdout or stderr")
    return run.results / f"{stream}.log"


def folder_of(home: Path, row: RunRow) -> Path:
    return results_folder(home, row.results, row.attempt)


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


def utc(seconds: float | None) -> str | None:
    """ISO 8601 with milliseconds, UTC; None for None."""
    if seconds is None:
        return None
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{milliseconds:03d}Z"
