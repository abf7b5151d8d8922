"""Sparklines: a series in at most 48 columns, one sign each, whose x axis is the whole run (pure but for reading)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from neronet.store.chunks import Points

COLUMNS = 48
KEPT = 256  # means that are kept of a series, however long it is: five for each column
SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"  # heights 0 to 63
NONE = " "


class Reader(Protocol):
    def read(self, run: int, metric: str, attempt: int | None = None, start: int = 0) -> Points: ...


class Curve:
    """A series in little room: the mean of every `stride` points; grows with it, without reading again."""

    __slots__ = ("_count", "_sum", "means", "n", "steps", "stride")

    def __init__(self) -> None:
        self.n = 0  # points that it has taken
        self.stride = 1  # a power of two
        self.means: list[float] = []  # nan where there was none but nan and inf
        self.steps: list[float] = []  # the step of the last point of each
        self._sum, self._count = 0.0, 0  # of the finite values after the last whole stride

    def add(self, steps: Sequence[float], values: Sequence[float]) -> None:
        """Takes the points that follow."""
        while not self.n and len(values) > KEPT * self.stride:
            self.stride *= 2
        place = 0
        while place < len(values):
            some = values[place : place + self.stride - self.n % self.stride]
            total, count = add_up(some)
            self._sum += total
            self._count += count
            self.n += len(some)
            place += len(some)
            if self.n % self.stride == 0:
                self.means.append(self._sum / self._count if self._count else math.nan)
                self.steps.append(steps[place - 1])
                self._sum, self._count = 0.0, 0
                if len(self.means) >= 2 * KEPT:
                    self._halve()

    def _halve(self) -> None:
        pairs = zip(self.means[0::2], self.means[1::2], strict=True)
        self.means = [b if a != a else a if b != b else (a + b) / 2 for a, b in pairs]
        self.steps = self.steps[1::2]
        self.stride *= 2

    def extend(self, store: Reader, run: int, attempt: int, metric: str) -> None:
        """Takes what the store has more than it."""
        points = store.read(run, metric, attempt, self.n)
        self.add(points.step, points.value)


def add_up(values: Sequence[float]) -> tuple[float, int]:
    """(sum, count) of those that are finite."""
    try:
        total = math.fsum(values)
    except (OverflowError, ValueError):  # inf - inf, or beyond all numbers
        total = math.nan
    if total - total == 0.0:
        return total, len(values)
    kept = [value for value in values if value - value == 0.0]
    return sum(kept), len(kept)


def draw(curve: Curve, low: float, high: float, length: float | None, steps: float | None) -> str:
    """A sign for each column from the left to where the run is: SIGNS by height between the bounds, which a
    logarithm divides when they are far apart; NONE where there is no number.

    `length`: how many points the longest sibling has; `steps`: which step is the last, where that is known.
    """
    if not curve.n or not math.isfinite(low) or not math.isfinite(high):
        return ""
    logarithm = low > 0 and high / low > 8
    bottom, top = (math.log(low), math.log(high)) if logarithm else (low, high)
    size = top - bottom
    found: list[list[float]] = [[] for _ in range(COLUMNS)]
    last = 0
    for place, value in enumerate(curve.means):
        done = curve.steps[place] + 1 if steps else (place + 1) * curve.stride
        part = COLUMNS * done / (steps or length or curve.n)
        column = math.ceil(min(COLUMNS, max(1.0, part))) - 1
        last = max(last, column)
        if value == value:
            found[column].append(value)
    signs = []
    for values in found[: last + 1]:
        if not values:
            signs.append(NONE)
            continue
        value = sum(values) / len(values)
        at = (math.log(max(value, low)) if logarithm else value) - bottom
        share = min(1.0, max(0.0, at / size)) if 0 < size < math.inf else 0.5
        signs.append(SIGNS[round(63 * share)])
    return "".join(signs)
