"""What a figure of runs shows (pure): which runs are lines, which a band, on which axes, with how many points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from neronet_jupyter.figures import axes, band, resample
from neronet_jupyter.figures.axes import Scale
from neronet_jupyter.figures.resample import Array, Drawn
from neronet_jupyter.figures.runs import by_value

COLOURS = ("l1", "l2", "l3", "l4", "l5")  # the tokens --nn-l1 ..., as many as one can tell apart
GREY = "band"
PLACES = 240  # at which a band is computed
MARKS = 40  # of clipped points per line: more would be a bar
QUARTILES, RANGE = (0.25, 0.5, 0.75), (0.0, 0.5, 1.0)
NARROW = 360  # pixels; below it a line is named by its number alone
FEW = 4  # of so few runs a band shows the range

Together = Literal["band", "runs", "selected"]
Kind = Literal["count", "seconds", "number"]


class Curve(NamedTuple):
    """One run's line: its points as the figure's axes have them."""

    number: int
    label: str
    title: str
    state: str
    group: str  # its value of the parameter that the figure is grouped by
    x: Array
    y: Array
    expected: float | None  # the x at which it will end, for one that runs


@dataclass(frozen=True)
class Look:
    """How it is to be shown. `window`: x and y from, to, where the user zoomed; `width` and `height` in pixels."""

    kind: Kind = "count"
    x_log: bool = False
    y_log: bool = False
    together: Together = "band"
    by: str = ""
    selected: tuple[int, ...] = ()
    width: int = 700
    height: int = 260
    window: tuple[float, float, float, float] | None = None
    growing: bool = False  # some of the runs have not ended
    words: tuple[str, ...] = ()  # what else stands where lines are named


class Line(NamedTuple):
    curve: Curve
    colour: str
    x: Drawn
    y: Drawn


class Band(NamedTuple):
    label: str
    title: str
    colour: str
    runs: int
    x: Drawn
    edges: Drawn  # two rows: the lower and the upper one
    middle: Drawn


class Thin(NamedTuple):
    """Many runs as one path with gaps between them: `parts` are (number, label, first point, end)."""

    x: Drawn
    y: Drawn
    parts: list[tuple[int, str, int, int]]


@dataclass(frozen=True)
class Scene:
    x: Scale
    y: Scale
    lines: list[Line] = field(default_factory=list)
    bands: list[Band] = field(default_factory=list)
    thin: Thin | None = None
    clipped: list[tuple[float, int, str]] = field(default_factory=list)  # x, 1 above or -1 below, colour
    margin: tuple[int, int, int, int] = (8, 12, 34, 36)  # top, right, bottom, left
    meaning: str = ""  # what the bands are
    note: str = ""  # why something is not shown


def build(curves: Sequence[Curve], look: Look, limits: Sequence[float] = ()) -> Scene:
    """The scene of these runs; `limits` are values that are shown where they are near the data."""
    some = [curve for curve in curves if len(curve.y)]
    lines, groups, thin, note = _divide(some, look)
    names = [curve.label for curve, _ in lines] + [f"{name}, {len(of)} runs" for name, of, _ in groups]
    right = _room(look.width, [*names, *look.words]) if names else 12
    inner = max(40, look.width - right - 44)
    x = _x_scale(some, look, inner)
    x_low, x_high = look.window[:2] if look.window else (x.low, x.high)
    total = resample.LIVE if look.growing else resample.TOTAL
    budget = resample.share(len(lines) + 3 * len(groups) + len(thin), inner, total)

    places = band.grid(x_low, x_high, min(PLACES, budget), look.kind == "count" and not look.x_log)
    if look.x_log:
        places = np.geomspace(max(x_low, axes.SMALLEST), max(x_high, 2 * axes.SMALLEST), min(PLACES, budget))
    largest = max((len(of) for _, of, _ in groups), default=0)
    parts = RANGE if largest <= FEW else QUARTILES
    spread = [_spread(of, places, parts, look.x_log) for _, of, _ in groups]

    shown = [curve.y for curve, _ in lines] + [curve.y for curve in thin]
    y = _y_scale([*shown, *(row for rows in spread for row in rows)], look, limits)
    if look.y_log and some and axes.extent([curve.y for curve in some], log=True) is None:
        note = "Nothing is above 0, so a logarithmic axis cannot show it."
    elif some and all(np.isnan(curve.y).all() for curve in some):
        note = "All values are nan."
    left = 14 + max((round(6.7 * len(label)) for label in y.labels), default=20)

    clipped: list[tuple[float, int, str]] = []

    def thinned(curve: Curve, points: int) -> tuple[Array, Array]:
        return _thinned(curve, points, look, x_low, x_high)

    drawn = [_line(curve, colour, thinned(curve, budget), y, look, clipped) for curve, colour in lines]
    return Scene(
        x=x,
        y=y,
        lines=drawn,
        bands=[
            _band(name, of, colour, places, rows, y, look)
            for (name, of, colour), rows in zip(groups, spread, strict=True)
        ],
        thin=_thin(thin, thinned, budget, y, look) if thin else None,
        clipped=clipped,
        margin=(8, right, 34, max(36, left)),
        meaning=("median and range" if parts is RANGE else "median, 25–75 %") if groups else "",
        note=note,
    )


Group = tuple[str, list[Curve], str]  # label, runs, colour


def _divide(
    some: Sequence[Curve], look: Look
) -> tuple[list[tuple[Curve, str]], list[Group], list[Curve], str]:
    """Which runs are lines in a colour, which are groups, which are thin, and what is to be said about it."""
    by_number = {curve.number: curve for curve in some}
    chosen = [by_number[number] for number in look.selected if number in by_number][: len(COLOURS)]
    if look.by:
        names = by_value({curve.group for curve in some})
        note = ""
        if len(names) > len(COLOURS):
            places = np.linspace(0, len(names) - 1, len(COLOURS)).round().astype(int)
            note = f"{len(COLOURS)} of {len(names)} values of {look.by} are shown."
            names = [names[place] for place in places]
        groups = [
            (name, [curve for curve in some if curve.group == name], colour)
            for name, colour in zip(names, COLOURS, strict=False)
        ]
        labelled = [(f"{look.by} {name}", of, colour) for name, of, colour in groups]
        return [(curve, GREY) for curve in chosen], labelled, [], note
    if len(some) <= len(COLOURS):
        return list(zip(some, COLOURS, strict=False)), [], [], ""
    lines = list(zip(chosen, COLOURS, strict=False))
    others = [curve for curve in some if curve not in chosen]
    if look.together == "runs":
        return lines, [], others, ""
    if look.together == "selected" and lines:
        return lines, [], [], ""
    return lines, [(f"{len(some)} runs", list(some), GREY)], [], ""


def _room(width: int, names: Sequence[str]) -> int:
    """Pixels to the right of the axes for the names of lines."""
    if width < NARROW:
        return 66
    return min(round(0.3 * width), 20 + round(7.2 * max(map(len, names))))


def _x_scale(some: Sequence[Curve], look: Look, inner: int) -> Scale:
    found = axes.extent([curve.x for curve in some], look.x_log)
    count = max(2, inner // 84)
    make = axes.logarithmic if look.x_log else axes.seconds if look.kind == "seconds" else axes.linear
    if look.window:
        return make(look.window[0], look.window[1], count, exact=True)
    if found is None:
        return axes.logarithmic(1.0, 10.0, count) if look.x_log else axes.linear(0.0, 10.0, count)
    low, high = found
    expected = max((curve.expected for curve in some if curve.expected is not None), default=None)
    whole = high if expected is None else max(high, expected)
    scale = make(low, whole, count)
    if (look.growing and expected is None) or look.x_log or whole <= low:
        return scale
    # It will not grow any further: no empty piece at the right.
    kept = [place for place, tick in enumerate(scale.ticks) if tick <= whole]
    return Scale(scale.low, whole, tuple(scale.ticks[i] for i in kept), tuple(scale.labels[i] for i in kept))


def _y_scale(shown: list[Array], look: Look, limits: Sequence[float]) -> Scale:
    count = max(2, (look.height - 42) // 38)
    if look.window:
        low, high = look.window[2:]
        return (axes.logarithmic if look.y_log else axes.linear)(low, high, count, exact=True)
    found = axes.extent(shown, look.y_log)
    if found is None:
        return axes.logarithmic(0.1, 10.0, count) if look.y_log else axes.linear(0.0, 1.0, count)
    low, high = found
    span = high - low
    for limit in limits:
        near = low / 4 <= limit <= high * 4 if look.y_log else low - span <= limit <= high + span
        if near:
            low, high = min(low, limit), max(high, limit)
    return axes.logarithmic(low, high, count) if look.y_log else axes.linear(low, high, count)


def _spread(of: list[Curve], places: Array, parts: Sequence[float], log: bool) -> Array:
    return band.quantiles([band.on_grid(curve.x, curve.y, places, log) for curve in of], parts)


def _thinned(curve: Curve, points: int, look: Look, low: float, high: float) -> tuple[Array, Array]:
    x, y = curve.x, curve.y
    if look.x_log:
        above = x > 0
        x, y = x[above], y[above]
    if look.window:
        x, y = resample.window(x, y, low, high)
    if look.x_log and len(x):
        logarithm, y = resample.reduce(np.log(x), y, points)
        return np.exp(logarithm), y
    return resample.reduce(x, y, points)


def _line(
    curve: Curve,
    colour: str,
    points: tuple[Array, Array],
    y: Scale,
    look: Look,
    clipped: list[tuple[float, int, str]],
) -> Line:
    found = resample.clip(points[1], y.low, y.high, look.y_log)
    for side, mask in ((1, found.above), (-1, found.below)):
        places = points[0][mask]
        clipped += [(float(place), side, colour) for place in places[:: max(1, len(places) // MARKS)]]
    return Line(curve, colour, *resample.drawable(points[0], found.y))


def _band(name: str, of: list[Curve], colour: str, places: Array, rows: Array, y: Scale, look: Look) -> Band:
    low, middle, high = (resample.clip(row, y.low, y.high, look.y_log).y for row in rows)
    known = ~np.isnan(middle)
    title = f"{name}: median of {len(of)} {'run' if len(of) == 1 else 'runs'}"
    # Places before the first and behind the last run say nothing.
    begin, end = (int(known.argmax()), len(known) - int(known[::-1].argmax())) if known.any() else (0, 0)
    at = slice(begin, end)
    return Band(
        f"{name}, {len(of)} runs" if look.by else name,
        title,
        colour,
        len(of),
        resample.compact(places[at]),
        _two_rows(resample.compact(low[at]), resample.compact(high[at])),
        resample.compact(middle[at]),
    )


def _two_rows(low: Drawn, high: Drawn) -> Drawn:
    return np.array([low, high])


def _thin(
    curves: list[Curve],
    thinned: Callable[[Curve, int], tuple[Array, Array]],
    budget: int,
    y: Scale,
    look: Look,
) -> Thin:
    xs, ys = [np.empty(0)], [np.empty(0)]
    parts = []
    place = 0
    for curve in curves:
        x, values = thinned(curve, max(2, budget - 1))
        if len(x) == 0:
            continue
        parts.append((curve.number, curve.label, place, place + len(x)))
        # The gap between two runs: a point that is not drawn, at a place that is.
        xs += [x, x[-1:]]
        ys += [resample.clip(values, y.low, y.high, look.y_log).y, np.array([np.nan])]
        place += len(x) + 1
    return Thin(*resample.drawable(np.concatenate(xs), np.concatenate(ys)), parts)
