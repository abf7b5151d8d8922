"""The figure of a metric over runs, as they go on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from traitlets import Unicode

from neronet import Neroman
from neronet.api import RunSet
from neronet.errors import InputError
from neronet.spec.problems import did_you_mean
from neronet.store.points import Last
from neronet.store.runs import RunRow
from neronet.wire import states
from neronet_jupyter.figures import runs as about
from neronet_jupyter.figures.canvas import Canvas, RunFigure, Window
from neronet_jupyter.figures.chosen import Runs, find
from neronet_jupyter.figures.scene import Curve, Kind, Look, Scene, Together, build
from neronet_jupyter.figures.series import Cache, Series
from neronet_jupyter.metrics import by_interest, default
from neronet_jupyter.widget import View

HEIGHT = 260  # pixels
WIDTH = 700  # until a page has said how wide it is
LOOSE = 1.0  # seconds between two refreshes of a figure that is shown without its controls: nobody says when it is seen
AXES = ("index", "time")
SMOOTH = 0.99  # the strongest smoothing


class LiveFigure(View):
    """A metric of some runs against `x`: "index" (the step, where the program gives one, else the number of the
    point), "time" (since the run began) or another metric.

    Up to five runs are lines; more are a band (median, 25 to 75 %) with the `selected` ones (their numbers) on top,
    or, by `show="runs"`, thin lines, or, by `show="selected"`, only those. `by` makes a band for each value of a
    parameter. `smooth`: 0 (off) to 0.99. Without `runs` it shows the newest experiment, without `metric` the one
    that most runs have. `figure` is the bqplot figure. InputError for what there is not.
    """

    _view_name = Unicode("FigureView").tag(sync=True)

    def __init__(
        self,
        runs: Runs = None,
        metric: str | None = None,
        x: str = "index",
        by: str | None = None,
        *,
        show: Together = "band",
        selected: Sequence[int] = (),
        log: bool = False,
        log_x: bool = False,
        smooth: float = 0.0,
        height: int = HEIGHT,
        neroman: Neroman | None = None,
    ) -> None:
        self._runs = runs
        self._metric, self._x, self._by = metric, x, by or ""
        self._show, self._selected, self._smooth = show, tuple(selected), smooth
        self._log, self._log_x = log, log_x
        self._sizes: dict[str, tuple[int, int]] = {}
        self._height = height
        self._window: Window | None = None
        self._canvas = Canvas(height, self._zoomed)
        self._canvas.figure.live = self
        self._loose = False
        self._stale: set[int] = set()
        self._last: dict[int, Last] = {}
        self._rows: dict[int, RunRow] = {}
        self._numbers: tuple[int, ...] = ()
        super().__init__(runs._neroman if isinstance(runs, RunSet) and neroman is None else neroman)
        self._check(show, smooth)
        self._cache = Cache(self.neroman.store)
        self._find()
        if by is not None:
            self._check_known("parameter", by, self._parameters())
        for name in (metric, None if x in AXES else x):
            if name is not None and self._last:  # before the first point no name can be wrong
                self._check_known("metric", name, self._metrics())
        self._redraw()

    @property
    def figure(self) -> RunFigure:
        return self._canvas.figure

    @property
    def runs(self) -> RunSet:
        """The runs that it shows."""
        return RunSet(self.neroman, self._numbers)

    # -- what may be changed

    def update(self, **options: Any) -> None:
        """Changes any of metric, x, by, show, selected, log, log_x, smooth, runs."""
        for name, value in options.items():
            act = getattr(self, f"act_{name}", None)
            if name == "runs":
                self.show_runs(value)
            elif act is None or name in ("window", "reset", "size"):
                raise InputError(
                    f"a figure has no {name}", "metric, x, by, show, selected, log, log_x, smooth, runs"
                )
            else:
                act(value)
        self.changed()

    def show_runs(self, runs: Runs) -> None:
        """Shows other runs, on the same axes."""
        self._runs, self._rows, self._last = runs, {}, {}
        self._window = None
        self._find()
        self.changed()

    def act_metric(self, value: str) -> None:
        self._metric = value
        self._forget_window()

    def act_x(self, value: str) -> None:
        self._x = value
        self._forget_window()

    def act_by(self, value: str | None) -> None:
        self._by = value or ""
        self._forget_window()

    def act_show(self, value: Together) -> None:
        self._check(value, self._smooth)
        self._show = value

    def act_log(self, value: bool) -> None:
        self._log = bool(value)
        self._forget_window()

    def act_log_x(self, value: bool) -> None:
        self._log_x = bool(value)
        self._forget_window()

    def act_smooth(self, value: float) -> None:
        self._check(self._show, value)
        self._smooth = float(value)

    def act_selected(self, value: Sequence[int]) -> None:
        """The runs on top, by their numbers; at most five are shown."""
        self._selected = tuple(int(number) for number in value)

    def act_window(self, value: Window) -> None:
        """The page has moved or stretched the axes: x from, to, y from, to."""
        x0, x1, y0, y1 = (float(each) for each in value)
        if x0 < x1 and y0 < y1:
            self._window = (x0, x1, y0, y1)

    def act_reset(self) -> None:
        self._forget_window()

    def act_size(self, page: str, width: int, height: int) -> None:
        if page not in self._sizes:  # what was sent while it made its figure has not reached it
            self._canvas.send_whole()
        self._sizes[page] = int(width), int(height)

    # -- live

    def stale(self) -> None:
        """Only its own runs count, see `runs_changed`."""

    def runs_changed(self, numbers: set[int]) -> None:
        mine = numbers if self._runs is None else numbers & set(self._numbers)
        self._stale |= mine
        if mine:
            self._due = True

    def refresh(self, now: float) -> None:
        super().refresh(now)
        if self._loose and not self.pages and self._due and now - self._rendered >= max(LOOSE, self._pause):
            self._renew(now)

    def render(self) -> dict[str, Any]:
        if self._stale:
            self._find(self._stale)
        state = self._redraw(self._stale)
        self._stale = set()  # only now: what failed is tried again
        return state

    def _redraw(self, stale: set[int] | None = None) -> dict[str, Any]:
        rows = list(self._rows.values())
        metrics = self._metrics()
        metric = self._metric if self._metric is not None else default(metrics)
        specs = {row.id: row.spec for row in self.neroman.store.experiments.all()}
        limits = about.limits(
            [specs[name] for name in {row.experiment for row in rows} if name in specs], metric or ""
        )
        curves = self._curves(rows, metric, specs, stale or set()) if metric is not None else []
        look = self._look(rows, tuple(limit.text for limit in limits))
        scene = build(curves, look, [limit.value for limit in limits])
        self._canvas.draw(scene, (self._log_x, self._log), self._x_label(), look.window is not None)
        return {
            "figure": self.figure.model_id,
            "metric": metric or "",
            "metrics": metrics,
            "x": self._x,
            "by": self._by,
            "parameters": self._parameters(),
            "show": self._show,
            "selected": list(self._selected),
            "log": self._log,
            "logX": self._log_x,
            "smooth": self._smooth,
            "height": self._height,
            "zoomed": look.window is not None,
            "runs": len(rows),
            "open": sum(row.state not in states.ENDED for row in rows),
            "note": scene.note or self._nothing(rows, curves, metric),
            **self._shown(scene),
            "limits": [limit._asdict() for limit in limits if scene.y.low <= limit.value <= scene.y.high],
        }

    # -- inside

    def _shown(self, scene: Scene) -> dict[str, Any]:
        """What the page draws around the marks: names at their ends, states, the rest of a run, clipped points."""
        lines = [
            {
                "mark": self._canvas.model_id(f"line{i}"),
                "number": line.curve.number,
                "label": line.curve.label,
                "title": line.curve.title,
                "colour": line.colour,
                "state": line.curve.state,
                "rest": line.curve.expected,
            }
            for i, line in enumerate(scene.lines)
            if self._canvas.model_id(f"line{i}")
        ]
        bands = [
            {
                "mark": self._canvas.model_id(f"band{i}"),
                "label": of.label,
                "title": of.title,
                "colour": of.colour,
            }
            for i, of in enumerate(scene.bands)
            if self._canvas.model_id(f"band{i}")
        ]
        many = self._canvas.model_id("thin")
        thin = {"mark": many, "parts": scene.thin.parts} if scene.thin is not None and many else None
        return {
            "lines": lines,
            "bands": bands,
            "thin": thin,
            "clipped": scene.clipped,
            "meaning": scene.meaning,
        }

    def _curves(
        self, rows: list[RunRow], metric: str, specs: dict[str, dict[str, Any]], stale: set[int]
    ) -> list[Curve]:
        wanted = {metric} if self._x in AXES else {metric, self._x}
        having = [row for row in rows if row.number in self._last]
        for name in wanted:
            self._cache.update([row for row in having if name in self._last[row.number].counts], name, stale)
        self._cache.keep({row.number for row in rows}, wanted)
        parameters = self._parameters()
        curves = []
        for row in having:
            series = self._cache.get(row.number, metric)
            if series is None:
                continue
            x, y = self._axes(row, series)
            expected = None
            if row.state not in states.ENDED:
                expected = about.expected_end(x, about.steps(specs.get(row.experiment, {}), row.parameters))
            title = f"{row.name} {row.state}" + (f": {row.reason}" if row.reason else "")
            group = row.parameters.get(self._by, "")
            curves.append(
                Curve(row.number, about.called(row, parameters), title, row.state, group, x, y, expected)
            )
        return curves

    def _axes(self, row: RunRow, series: Series) -> tuple[Any, Any]:
        y = series.smoothed(self._smooth)
        if self._x == "index":
            return series.step, y
        if self._x == "time":
            began = row.started if row.started is not None else (series.time[0] if len(series) else 0.0)
            return series.time - began, y
        other = self._cache.get(row.number, self._x)
        if other is None:
            return y[:0], y[:0]
        return about.matched(other.step, other.value, series.step, y)

    def _look(self, rows: list[RunRow], words: tuple[str, ...]) -> Look:
        shown = [size for page, size in self._sizes.items() if page in self.pages] or [(WIDTH, self._height)]
        kind: Kind = "count" if self._x == "index" else "seconds" if self._x == "time" else "number"
        window = self._window
        if window and ((self._log_x and window[0] <= 0) or (self._log and window[2] <= 0)):
            window = None
        return Look(
            kind=kind,
            x_log=self._log_x,
            y_log=self._log,
            together=self._show,
            by=self._by,
            selected=self._selected,
            width=max(width for width, _ in shown),
            height=max(height for _, height in shown),
            window=window,
            words=words,
            growing=any(row.state not in states.ENDED for row in rows),
        )

    def _find(self, changed: set[int] | None = None) -> None:
        """Looks up the runs again, those that `changed`, or all."""
        store = self.neroman.store
        if changed is None or (self._runs is None and changed - set(self._numbers)):
            self._numbers = find(self.neroman, self._runs)
        mine = set(self._numbers)
        new = mine if changed is None else (changed & mine) | (mine - self._rows.keys())
        with store.snapshot():
            self._rows.update((row.number, row) for row in store.runs.find(new))
            self._last.update(store.points.last(new))
        self._rows = {number: self._rows[number] for number in self._numbers if number in self._rows}
        self._last = {number: last for number, last in self._last.items() if number in mine}

    def _metrics(self) -> list[str]:
        """Those of these runs, the most interesting first."""
        counts: dict[str, int] = {}
        for last in self._last.values():
            for name in last.counts:
                counts[name] = counts.get(name, 0) + 1
        return by_interest(counts)

    def _parameters(self) -> list[str]:
        return about.varying(list(self._rows.values()))

    def _x_label(self) -> str:
        return {"index": "index", "time": "since its start"}.get(self._x, self._x)

    def _nothing(self, rows: list[RunRow], curves: list[Curve], metric: str | None) -> str:
        if any(len(curve.y) for curve in curves):
            return ""
        if not rows:
            return "No runs yet. Submit a sweep, and its curves are drawn here as they come."
        if metric is None:
            return "No numbers yet. A line that a run prints, such as val_error 12.4, becomes a curve."
        return f"No values of {metric} yet."

    def _zoomed(self, window: Window) -> None:
        self._window = window
        self.changed()

    def _forget_window(self) -> None:
        self._window = None
        self._canvas.force()

    def _check(self, show: str, smooth: float) -> None:
        if show not in get_args(Together):
            raise InputError(
                f"{show!r} is nothing that a figure can show", did_you_mean(show, get_args(Together))
            )
        if not 0 <= smooth <= SMOOTH:
            raise InputError(f"{smooth:g} cannot be a smoothing", f"0 (off) to {SMOOTH}")

    def _check_known(self, what: str, name: str, known: Sequence[str]) -> None:
        if name not in known:
            raise InputError(f"these runs have no {what} {name}", did_you_mean(name, known))


def plot(
    runs: Runs = None, metric: str | None = None, by: str | None = None, x: str = "index", **options: Any
) -> RunFigure:
    """The bqplot figure of a LiveFigure, to build on: `figure.marks`, `figure.axes`; it goes on by itself.

    A notebook shows it with its controls; inside another widget it is refreshed once a second.
    """
    made = LiveFigure(runs, metric, x, by, **options)
    made._loose = True
    return made.figure
