"""Runs as places on parallel axes (pure): where each value is, what a brush keeps, which settings are best."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from neronet.spec.values import number
from neronet_jupyter.figures import axes
from neronet_jupyter.figures.resample import Array
from neronet_jupyter.figures.runs import by_value

FEW = 8  # so many different values stand at their axis each; of more only round numbers
LOG = 8.0  # positive values that differ by such a factor are shown in decades
TICKS = 5
DIGITS = 4  # of a place from 0 to 1: finer than a pixel
NOWHERE = -1.0
BEST = 6


class Column(NamedTuple):
    """One axis: `places` of the runs from 0 (below) to 1, -1 for those without a value, and its ticks."""

    name: str
    places: list[float]
    ticks: list[tuple[float, str]]
    low: float  # the values at 0 and 1; of texts their places
    high: float
    log: bool
    texts: list[str]  # the values, when they are not numbers or so few that each has its tick

    @property
    def separate(self) -> bool:
        """Few values, on which many runs lie."""
        return bool(self.texts)


def of_texts(name: str, texts: Sequence[str | None]) -> Column:
    """The axis of a parameter: numbers where they are, other texts in equal distances."""
    known = by_value({text for text in texts if text is not None})
    numbers = [number(text) for text in known]
    if known and all(value is not None and math.isfinite(value) for value in numbers):
        values = np.array([math.nan if text is None else number(text) for text in texts], dtype=np.float64)
        column = of_numbers(name, values)
        if len(known) > FEW:
            return column
        column = column._replace(texts=known)
        return column._replace(ticks=[(at, text) for text, at in places_of(column).items()])
    column = Column(name, [], [], 0.0, 1.0, False, known)
    found = places_of(column)
    every = max(1, len(known) // (2 * FEW))
    return column._replace(
        places=[NOWHERE if text is None else found[text] for text in texts],
        ticks=[(at, text) for text, at in found.items()][::every],
    )


def of_numbers(name: str, values: Array) -> Column:
    """The axis of a metric; infinite values are at its ends, nan nowhere."""
    found = axes.extent([values])
    low, high = found or (0.0, 1.0)
    log = low > 0 and high / low >= LOG
    scale = (axes.logarithmic if log else axes.linear)(low, high, TICKS, exact=True)
    column = Column(name, [], [], scale.low, scale.high, log, [])
    ticks = [(place(column, tick), label) for tick, label in zip(scale.ticks, scale.labels, strict=True)]
    return column._replace(places=[place(column, value) for value in values.tolist()], ticks=ticks)


def place(column: Column, value: float) -> float:
    """Where a number is on a numeric axis, 0 to 1; -1 for nan."""
    if math.isnan(value):
        return NOWHERE
    low, high = column.low, column.high
    if column.log:
        part = math.log(max(value, low) / low) / math.log(high / low) if value < math.inf else 1.0
    else:
        part = (min(max(value, low), high) - low) / (high - low)
    return round(min(1.0, max(0.0, part)), DIGITS)


def value_at(column: Column, place: float) -> float:
    """The number at a place of a numeric axis."""
    if column.log:
        return float(column.low * (column.high / column.low) ** place)
    return column.low + place * (column.high - column.low)


def places_of(column: Column) -> dict[str, float]:
    """Where each value of an axis with few or with texts is."""
    numbers = [number(text) for text in column.texts]
    if all(value is not None and math.isfinite(value) for value in numbers):
        return {
            text: place(column, float(value or 0)) for text, value in zip(column.texts, numbers, strict=True)
        }
    count = len(column.texts)
    return {text: round((i + 0.5) / count, DIGITS) for i, text in enumerate(column.texts)}


Brushes = Mapping[str, tuple[float, float]]  # name of an axis -> places from, to


def kept(columns: Sequence[Column], brushes: Brushes, runs: int) -> list[int]:
    """Which of the `runs` (their places in the list) lie within all brushes."""
    within = np.ones(runs, dtype=bool)
    for column in columns:
        if column.name in brushes:
            low, high = brushes[column.name]
            places = np.array(column.places)
            within &= (places >= low) & (places <= high) & (places != NOWHERE)
    return [int(i) for i in np.flatnonzero(within)]


def brush_text(column: Column, low: float, high: float) -> str:
    """A brush in words: `lr 0.01 to 0.1`, `opt sgd`, `val_error ≤ 8`."""
    if column.texts:
        within = [text for text, at in places_of(column).items() if low <= at <= high]
        if len(within) == 1:
            return f"{column.name} {within[0]}"
        return f"{column.name} {within[0]} to {within[-1]}" if within else f"{column.name}: none"
    first, last = (_short(value_at(column, end), column) for end in (low, high))
    if low <= 0:
        return f"{column.name} ≤ {last}"
    if high >= 1:
        return f"{column.name} ≥ {first}"
    return f"{column.name} {first} to {last}"


def _short(value: float, column: Column) -> str:
    """As many digits as a hand on a screen can mean."""
    if column.log:
        return f"{value:.3g}"
    return axes.plain(value, 10.0 ** math.floor(math.log10((column.high - column.low) / 50)))


class Setting(NamedTuple):
    """Runs that differ in nothing but repeats: the mean of their values, and half of their range."""

    text: str
    numbers: list[int]
    values: list[float]
    mean: float
    half: float


def best(
    numbers: Sequence[int],
    parameters: Mapping[str, Sequence[str | None]],
    values: Array,
    pooled: Sequence[str],
    largest: bool,
) -> list[Setting]:
    """The settings with the best means, the best first; runs that differ only in a `pooled` parameter are one.

    Runs without a finite value are left out.
    """
    names = [name for name in parameters if name not in pooled]
    groups: dict[tuple[str | None, ...], list[int]] = {}
    for i in range(len(numbers)):
        if math.isfinite(values[i]):
            groups.setdefault(tuple(parameters[name][i] for name in names), []).append(i)
    found = []
    for key, places in groups.items():
        of = [float(values[i]) for i in places]
        text = " ".join(text for text in key if text is not None) or f"#{numbers[places[0]]}"
        found.append(
            Setting(text, [numbers[i] for i in places], of, sum(of) / len(of), (max(of) - min(of)) / 2)
        )
    return sorted(found, key=lambda one: -one.mean if largest else one.mean)[:BEST]


def heat(x: Column, y: Column, values: Array) -> list[tuple[float, float, float, int]]:
    """The cells of two parameters with few values each: (place on x, place on y, median, number of runs)."""
    cells: dict[tuple[float, float], list[float]] = {}
    for at_x, at_y, value in zip(x.places, y.places, values.tolist(), strict=True):
        if NOWHERE not in (at_x, at_y) and math.isfinite(value):
            cells.setdefault((at_x, at_y), []).append(value)
    return [(*at, float(np.median(of)), len(of)) for at, of in sorted(cells.items())]
