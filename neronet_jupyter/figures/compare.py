"""Which settings are good: parallel coordinates with brushes, a scatter or heat map, importance, the best.

Not in bqplot: a figure of it has one interaction and its brushes run along x, so several parallel axes with a brush
each cannot be had; the page draws this part itself, the lines on a canvas, and 2,000 runs follow a brush at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from traitlets import Tuple, Unicode

from neronet import Neroman
from neronet.api import RunSet, plots
from neronet.errors import InputError
from neronet.spec.experiment import Experiment
from neronet.spec.problems import did_you_mean
from neronet.store.points import Last
from neronet.store.runs import RunRow
from neronet.wire import states
from neronet_jupyter.figures import columns, importance
from neronet_jupyter.figures import runs as about
from neronet_jupyter.figures.chosen import Runs, find
from neronet_jupyter.figures.columns import Column
from neronet_jupyter.figures.importance import Importance
from neronet_jupyter.figures.resample import Array
from neronet_jupyter.metrics import by_interest, default
from neronet_jupyter.plots import Plotting, listed
from neronet_jupyter.widget import slow

PERIOD = 1.0  # seconds between two refreshes: thousands of runs are a lot to send
LEFT_OUT = (states.FAILED, states.LOST)  # their last value says nothing of their parameters
MINUTES = "minutes"


class Compare(Plotting):
    """The parameters that vary among some runs, how long these took, and the last value of a metric.

    `selected` are the numbers of the runs within all brushes: observe it, or give `on_select` a callback. `brush`
    sets one from Python. InputError for a metric that these runs do not have.
    """

    _view_name = Unicode("CompareView").tag(sync=True)
    selected = Tuple()

    def __init__(
        self,
        runs: Runs = None,
        metric: str | None = None,
        *,
        largest: bool = False,
        neroman: Neroman | None = None,
    ) -> None:
        self._runs, self._metric, self._largest = runs, metric, largest
        self._brushes: dict[str, tuple[float, float]] = {}
        self._x, self._shape = "", ""
        self._over_repeats = True
        self._method = "rank"
        self._told: tuple[Any, list[Importance]] = (None, [])
        self._lock = threading.Lock()
        self._changed: set[int] | None = None  # None: all
        self._numbers: tuple[int, ...] = ()
        self._rows: dict[int, RunRow] = {}
        self._last: dict[int, Last] = {}
        self._columns: list[Column] = []
        self._shown: list[RunRow] = []
        super().__init__(runs._neroman if isinstance(runs, RunSet) and neroman is None else neroman)
        self.render()
        if metric is not None and self._last and metric not in self._metrics():
            raise InputError(f"these runs have no metric {metric}", did_you_mean(metric, self._metrics()))

    def on_select(self, callback: Callable[[tuple[int, ...]], object]) -> None:
        """Calls `callback` with the numbers of the runs within the brushes, whenever these change."""
        self.observe(lambda change: callback(change["new"]), "selected")

    def brush(self, axis: str, low: float | str, high: float | str) -> None:
        """Keeps the runs whose value on `axis` is from `low` to `high`, both included."""
        found = {column.name: column for column in self._columns}.get(axis)
        if found is None:
            raise InputError(
                f"there is no axis {axis}", did_you_mean(axis, [column.name for column in self._columns])
            )
        if not found.texts:
            self.act_brush(axis, columns.place(found, float(low)), columns.place(found, float(high)))
            return
        known = columns.places_of(found)
        for end in (str(low), str(high)):
            if end not in known:
                raise InputError(f"no run has {axis} {end}", did_you_mean(end, list(known)))
        self.act_brush(axis, known[str(low)], known[str(high)])

    # -- what pages ask for

    def plot_runs(self, _: str) -> RunSet:
        """Those within the brushes."""
        return RunSet(self.neroman, self.selected)

    def act_brush(self, axis: str, low: float, high: float) -> None:
        """A brush from place `low` to `high` (0 to 1) of an axis; a whole axis removes it."""
        if low <= 0 and high >= 1:
            self._brushes.pop(axis, None)
        else:
            self._brushes[axis] = min(low, high), max(low, high)
        self._select()
        self.changed()

    def act_metric(self, value: str) -> None:
        self._brushes.pop(self._name(), None)
        self._metric = value

    def act_largest(self, value: bool) -> None:
        self._largest = bool(value)

    def act_x(self, value: str) -> None:
        self._x = value

    def act_shape(self, value: str) -> None:
        self._shape = value

    def act_repeats(self, value: bool) -> None:
        """Whether runs that differ only in repeats are one among the best."""
        self._over_repeats = bool(value)

    @slow
    def act_importance(self, value: str) -> None:
        """`rank` or `forest`; the forest takes seconds."""
        self._method = value if value == "forest" and importance.has_forest() else "rank"
        self._importance(self._parameters(), self._values())

    # -- live

    def stale(self) -> None:
        """Only its own runs count, see `runs_changed`."""

    def runs_changed(self, numbers: set[int]) -> None:
        mine = numbers if self._runs is None else numbers & set(self._numbers)
        if mine:
            with self._lock:
                self._changed = None if self._changed is None else self._changed | mine
            self._due = True

    def changed(self) -> None:
        self._pause = 0.0  # who asked must not wait
        super().changed()

    def refresh(self, now: float) -> None:
        super().refresh(now)
        if not self._due:
            self._pause = max(self._pause, PERIOD)

    def render(self) -> dict[str, Any]:
        self._look()
        values, parameters = self._values(), self._parameters()
        texts = [columns.of_texts(name, of) for name, of in parameters.items()]
        metric = columns.of_numbers(self._name(), values)
        minutes = self._minutes()
        spans = (
            [columns.of_numbers(MINUTES, minutes)]
            if len(set(minutes[~np.isnan(minutes)].tolist())) > 1
            else []
        )
        self._columns = [*texts, *spans, metric]
        within = self._select()
        numbers = [row.number for row in self._shown]
        told = self._importance(parameters, values)
        x = (
            self._x
            if self._x in parameters
            else next((each.name for each in told), next(iter(parameters), ""))
        )
        repeats = self._pooled() if self._over_repeats else ()
        return {
            "title": " ".join(sorted({row.experiment for row in self._rows.values()})[:3]),
            "about": self._about(),
            "metric": self._name(),
            "metrics": self._metrics(),
            "largest": self._largest,
            "numbers": numbers,
            "states": [row.state for row in self._shown],
            "axes": [{**column._asdict(), "separate": column.separate} for column in self._columns],
            "values": [float(f"{value:.6g}") if np.isfinite(value) else None for value in values.tolist()],
            "brushes": [
                {
                    "axis": column.name,
                    "low": self._brushes[column.name][0],
                    "high": self._brushes[column.name][1],
                    "text": columns.brush_text(column, *self._brushes[column.name]),
                }
                for column in self._columns
                if column.name in self._brushes
            ],
            "within": len(within),
            "parameters": list(parameters),
            "x": x,
            "shape": self._shape if self._shape in parameters and self._shape != x else "",
            "heat": self._heat(x, values),
            "importance": [each._asdict() | {"matters": each.matters} for each in told],
            "method": self._method,
            "forest": importance.has_forest(),
            "repeats": list(self._pooled()),
            "overRepeats": self._over_repeats,
            "plots": listed(self._plots),
            "best": [
                one._asdict() for one in columns.best(numbers, parameters, values, repeats, self._largest)
            ],
        }

    # -- inside

    def _look(self) -> None:
        with self._lock:
            changed, self._changed = self._changed, set()
        try:
            self._read(changed)
        except Exception:
            self._changed = None  # the next look must not miss what this one was told
            raise
        name = self._name()
        self._shown = [
            row
            for row in self._rows.values()
            if row.state not in LEFT_OUT and name in self._last.get(row.number, Last({}, {})).values
        ]

    def _read(self, changed: set[int] | None) -> None:
        store = self.neroman.store
        if changed is None or (self._runs is None and changed - set(self._numbers)):
            self._numbers = find(self.neroman, self._runs)
            changed = set(self._numbers)
        mine = changed & set(self._numbers)
        if mine:
            with store.snapshot():
                self._rows.update((row.number, row) for row in store.runs.find(mine))
                self._last.update(store.points.last(mine))
        self._rows = {number: self._rows[number] for number in self._numbers if number in self._rows}
        self._last = {number: self._last[number] for number in self._numbers if number in self._last}

    def _metrics(self) -> list[str]:
        counts: dict[str, int] = {}
        for last in self._last.values():
            for name in last.values:
                counts[name] = counts.get(name, 0) + 1
        return by_interest(counts)

    def _name(self) -> str:
        return self._metric if self._metric is not None else default(self._metrics()) or ""

    def _values(self) -> Array:
        name = self._name()
        return np.array([self._last[row.number].values[name] for row in self._shown], dtype=np.float64)

    def _parameters(self) -> dict[str, list[str | None]]:
        return {
            name: [row.parameters.get(name) for row in self._shown] for name in about.varying(self._shown)
        }

    def _minutes(self) -> Array:
        spans = [
            (row.ended - row.started) / 60 if row.ended is not None and row.started is not None else np.nan
            for row in self._shown
        ]
        return np.array(spans, dtype=np.float64)

    def _plots(self) -> list[str]:
        return plots.names(self.neroman.store, self.neroman.home, self._shown)

    def _pooled(self) -> tuple[str, ...]:
        """The parameters that are mere repeats."""
        found = {"seed", "repeat"}
        for name in {row.experiment for row in self._shown}:
            known = self.neroman.store.experiments.get(name)
            found.update(Experiment.from_json(known.spec).pooled if known else ())
        return tuple(name for name in self._parameters() if name in found)

    def _importance(self, parameters: Mapping[str, Sequence[str | None]], values: Array) -> list[Importance]:
        key = (self._method, self._name(), tuple(row.number for row in self._shown), values.tobytes())
        if key != self._told[0]:
            texts = {name: [text or "" for text in of] for name, of in parameters.items()}
            how = importance.forest if self._method == "forest" else importance.rank
            self._told = key, how(texts, values)
        return self._told[1]

    def _heat(self, x: str, values: Array) -> list[tuple[float, float, float, int]]:
        by_name = {column.name: column for column in self._columns}
        if not (x and self._shape and self._shape != x and x in by_name and self._shape in by_name):
            return []
        return columns.heat(by_name[x], by_name[self._shape], values)

    def _select(self) -> list[int]:
        self._brushes = {
            name: of
            for name, of in self._brushes.items()
            if any(column.name == name for column in self._columns)
        }
        within = columns.kept(self._columns, self._brushes, len(self._shown))
        self.selected = tuple(self._shown[i].number for i in within)
        return within

    def _about(self) -> str:
        count = len(self._rows)
        if not count:
            return "no runs yet"
        still = sum(row.state not in states.ENDED for row in self._rows.values())
        out = [row for row in self._rows.values() if row.state in LEFT_OUT]
        silent = count - len(out) - len(self._shown)
        words = [f"{count:,} runs", f"{still:,} of them not ended" if still else "all ended"]
        text = ", ".join(words)
        if out:
            names = ", ".join(f"#{row.number}" for row in out) if len(out) <= 3 else f"{len(out):,}"
            text += f"; {names} left out (failed)"
        return text + (f"; {silent:,} without a value yet" if silent else "")
