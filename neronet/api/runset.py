"""Runs as a value to work with: what a notebook, the widgets and the command line share."""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar, overload

from neronet.api.progress import lengths
from neronet.api.run import Run
from neronet.errors import InputError
from neronet.store.runs import Brief, RunRow, RunStore, results_folder
from neronet.wire import states
from neronet.wire.messages import STREAM_FILES

if TYPE_CHECKING:
    import pandas as pd

    from neronet.api import Neroman
    from neronet.api.plot_image import PlotImage
    from neronet.api.statistics import Groups
    from neronet.store.sheet import Sheet
    from neronet_jupyter.figures.canvas import RunFigure as Figure
    from neronet_jupyter.liveframe import LiveFrame

LATER = 2**62  # a change that has not come yet
FOLLOW = 0.05  # seconds between two looks at a growing log


class _Numbered(Protocol):
    @property
    def number(self) -> int: ...


T = TypeVar("T", bound=_Numbered)


class _Latest(Generic[T]):
    """What is known of some runs, as it is now. Other threads may look at the same time: what is known is replaced as
    a whole, never changed."""

    def __init__(self, numbers: Sequence[int], read: Callable[[RunStore, Iterable[int]], list[T]]) -> None:
        self._numbers, self._read = numbers, read
        self._known: tuple[int, dict[int, T]] = (-1, {})  # up to which change, the runs by number

    def now(self, runs: RunStore) -> Collection[T]:
        seen, rows = self._known
        now, changed = runs.changed_since(seen if seen >= 0 else LATER)
        # Only what changed is read again: this is asked for after every change while the set is waited for.
        if seen < 0 or runs.last_deletion() > seen:
            rows = {row.number: row for row in self._read(runs, self._numbers)}
        elif stale := rows.keys() & changed:
            rows = {**rows, **{row.number: row for row in self._read(runs, stale)}}
        self._known = now, rows
        return rows.values()


class RunSet(Sequence[Run]):
    """Some runs, by ascending number unless `ordered`; what they are is looked up anew whenever it changed. May be
    used by several threads at once. Runs that were deleted are not among those that it gives, but `numbers` keeps
    them.

    `notes` are sentences for the user about how the set came to be.
    """

    def __init__(
        self, neroman: Neroman, numbers: Sequence[int], notes: Sequence[str] = (), ordered: bool = False
    ) -> None:
        self._neroman = neroman
        self.numbers = tuple(dict.fromkeys(numbers) if ordered else sorted(set(numbers)))
        self.notes = list(notes)
        self._rows = _Latest(self.numbers, RunStore.find)
        self._briefs = _Latest(self.numbers, RunStore.briefs)

    # -- a sequence of runs

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> Run: ...
    @overload
    def __getitem__(self, index: slice) -> RunSet: ...
    def __getitem__(self, index: int | slice) -> Run | RunSet:
        if isinstance(index, slice):
            return RunSet(self._neroman, self.numbers[index], ordered=True)
        number = self.numbers[index]
        for run in self._load([number]):
            return run
        raise InputError(f"run {number} was deleted", "make a new set of runs")

    def __iter__(self) -> Iterator[Run]:
        return iter(self.load(self.numbers))

    def __repr__(self) -> str:
        if not self.numbers:
            return "; ".join(["no runs", *self.notes])
        counts = ", ".join(f"{count} {state}" for state, count in self.states.items())
        names = sorted({row.experiment for row in self.briefs()})
        what = names[0] if len(names) == 1 else f"{len(names)} experiments"
        return f"{len(self)} run{'s' * (len(self) > 1)} of {what}: {counts}"

    @property
    def states(self) -> dict[str, int]:
        """How many runs are in each state, those that there are, in the order of a run's life."""
        counts = Counter(row.state for row in self.briefs())
        return {state: counts[state] for state in states.STATES if counts[state]}

    # -- waiting

    def wait(self, timeout: float | None = None) -> RunSet:
        """This set, once every run has ended, or after `timeout` seconds."""
        self._neroman.engine_client.ensure()
        self._neroman.engine_client.wait(
            lambda: all(row.state in states.ENDED for row in self.briefs()), timeout
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
        import inspect  # only who watches needs it

        try:
            takes_one = bool(inspect.signature(callback).parameters)
        except (TypeError, ValueError):  # some built-in functions have no signature
            takes_one = True
        return self._neroman.watch(set(self.numbers), (lambda: callback(self)) if takes_one else callback)

    # -- results

    @overload
    def frame(self, live: Literal[False] = False) -> pd.DataFrame: ...
    @overload
    def frame(self, live: Literal[True]) -> LiveFrame: ...
    def frame(self, live: bool = False) -> pd.DataFrame | LiveFrame:
        """One row per run: number as index, name, experiment, node, state, reason, started, ended (UTC), duration
        (seconds), tags where any run has some, a column per parameter and per metric that was printed (last value); on
        a clash `param.x` and `metric.x`.

        `live`, for a notebook: not a DataFrame but a display that follows the runs until all have ended.
        """
        if live:
            from neronet_jupyter.liveframe import LiveFrame

            return LiveFrame(self)
        from neronet.store.frames import runs_frame

        frame = runs_frame(self._neroman.store, self.numbers)
        ordered: pd.DataFrame = frame.reindex([number for number in self.numbers if number in frame.index])
        return ordered

    def sheet(self) -> Sheet:
        """The table that `save` writes, as plain values: see `neronet.store.sheet.sheet`."""
        from neronet.store.sheet import ordered, sheet

        return ordered(sheet(self._neroman.store, self.numbers), self.numbers)

    def save(self, path: str | Path) -> None:
        """Writes a row per run, from its state to its command, into a .csv, .json, .xlsx or .parquet: what a file of
        this name held is replaced as a whole. Raises NeronetError."""
        from neronet.store.sheetfile import write

        write(self.sheet(), Path(path).expanduser())

    def best(self, metric: str, k: int = 5, goal: str = "minimize") -> RunSet:
        """Those `k` of these runs whose last value of `metric` is best, the best first; nan comes last, failed and
        lost runs are left out. `goal`: "minimize" or "maximize"."""
        from neronet.api import statistics

        return RunSet(self._neroman, statistics.best(self, metric, k, goal), ordered=True)

    def group(self, *parameters: str) -> Groups:
        """These runs by the values of parameters; without any, by all that vary but for mere repeats (seeds):
        `runs.group("lr").agg("error")` is a DataFrame with count, mean, std, min, max and the best run of each."""
        from neronet.api import statistics

        return statistics.group(self._neroman.store, self, parameters)

    def points(self, metric: str | None = None) -> pd.DataFrame:
        """One row per point of the last attempts: run, metric, index (the step where the program gave one), time
        (seconds since 1970 by the node's clock), value. Without `metric` all that were printed; what Neronet measured
        is there by name, as node.memory."""
        from neronet.store.frames import points_frame

        return points_frame(self._neroman.store, self.numbers, metric)

    def plot(self, metric: str | None = None, **options: Any) -> Figure:
        """The bqplot figure of a metric of these runs, which goes on as they do; a notebook shows it with controls.

        `by`: a parameter, for each value of which there is a band; `x`: "index", "time" or another metric; `log`,
        `smooth`, `selected`, `show`: see `neronet_jupyter.LiveFigure`. InputError for what these runs do not have, and
        where Jupyter's parts are not installed.
        """
        try:
            from neronet_jupyter.figures import plot
        except ImportError as error:
            raise InputError(
                f"figures need Jupyter's parts, and {error.name} is not installed here",
                "pip install neronet in the environment of this notebook",
            ) from error
        return plot(self, metric, **options)

    def draw(
        self, name: str | None = None, *, submitted: bool = False, to: str | Path | None = None
    ) -> PlotImage:
        """The plot `name` of their config.yaml, drawn by the user's own function: of this run, or of all together.

        `name` may be left out where there is one. `submitted`: with the code as it was submitted, else with that of
        the folder now. `to`: a file to save it as. Raises NotTrusted until `neroman.trusted.add(folder)`.
        """
        from neronet.api import plots as drawing

        known = self.plots(submitted=submitted) if name is None else [name]
        if len(known) != 1:
            several = f"name one of: {', '.join(known)}" if known else ""
            raise InputError(f"these runs have {len(known)} plots in common", several)
        place = None if to is None else Path(to).expanduser()
        neroman = self._neroman
        return drawing.draw(neroman.store, neroman.home, self.rows(), known[0], submitted, place)

    def plots(self, *, submitted: bool = False) -> list[str]:
        """The plots that the configurations of all of these runs define, now or as they were `submitted`."""
        from neronet.api import plots as drawing

        return drawing.names(self._neroman.store, self._neroman.home, self.rows(), submitted)

    def log(self, stream: str = "stdout") -> str:
        """What the program printed so far to `stdout` or `stderr`; of several runs one after the other, with their
        names between."""
        texts = [(run.name, _read(log_file(run, stream))) for run in self]
        if len(texts) == 1:
            return texts[0][1]
        return "\n".join(f"==> {name} <==\n{text}" for name, text in texts)

    def log_deleted(self, stream: str = "stdout") -> bool:
        """Whether a log of one of these runs was here and is gone: somebody deleted it, or the whole results."""
        number = STREAM_FILES.index(log_file(self[0], stream).name) if self else 0
        offsets = self._neroman.store.offsets
        return any(
            (known := offsets.streams(run.number, run.attempt).get(number)) is not None
            and known.mirrored > 0
            and not log_file(run, stream).exists()
            for run in self
        )

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

    def rows(self) -> list[RunRow]:
        """The runs as the store has them, without metrics; those that were deleted are left out."""
        return list(self._rows.now(self._neroman.store.runs))

    def briefs(self) -> list[Brief]:
        """The same in brief: for counting and choosing among many."""
        return list(self._briefs.now(self._neroman.store.runs))

    def load(self, numbers: Sequence[int]) -> list[Run]:
        """Those of its runs that have these numbers, in this order."""
        found = {run.number: run for run in self._load(numbers)}
        return [found[number] for number in numbers if number in found]

    def _load(self, numbers: Sequence[int]) -> list[Run]:
        store = self._neroman.store
        with store.snapshot():
            rows = store.runs.find(numbers)
            last = store.points.last(numbers)
            known = lengths(store, rows)
            environments = store.attempts.environments(numbers)
        return self._neroman.as_runs(rows, last, known, environments)


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
