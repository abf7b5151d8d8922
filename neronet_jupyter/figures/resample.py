"""Fewer points than pixels (pure): the least and the greatest value of each pixel column.

A page draws 20,000 points five times a second and chokes on 200,000.  What a line shows is kept: every extreme
is in, gaps stay gaps, and order is the order of x.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

TOTAL = 20_000  # points that a page draws smoothly, of all lines together
LIVE = 8_000  # of lines that are drawn again five times a second: a third of the page's time is for others
HUGE = 1e300  # beyond it differences overflow: as good as infinite
_EXACT = 1 << 24  # whole numbers up to here are exact in float32

Array = npt.NDArray[np.float64]
Drawn = npt.NDArray[np.float32] | npt.NDArray[np.float64]


def share(lines: int, columns: int, total: int = TOTAL) -> int:
    """Points that each of `lines` lines may have in a figure that is `columns` pixels wide."""
    return max(2, min(2 * columns, total // max(1, lines)))


def reduce(x: Array, y: Array, points: int) -> tuple[Array, Array]:
    """At most `points` points (2 at least) that look as the line through all of them does.

    `x` is finite.  Where it ascends, each column gives its least and greatest value; a column of nan alone
    stays a gap.  Where it does not, as when one metric is drawn against another, the columns are pieces of the way.
    """
    if len(x) <= points:
        return x, y
    columns = max(1, points // 2)
    if np.any(x[1:] < x[:-1]):
        return _along(x, y, columns)
    # By the columns' edges, not by the points: a million points cost little more than a thousand.
    edges = np.linspace(x[0], x[-1], columns + 1)[1:-1]
    first = np.unique(np.concatenate(([0], np.searchsorted(x, edges))))
    first = first[first < len(x)]
    last = np.append(first[1:], len(x)) - 1
    least, most = np.fmin.reduceat(y, first), np.fmax.reduceat(y, first)  # they step over nan
    rises = ~(y[first] > y[last])
    found = np.empty((2, 2 * len(first)))
    found[0, 0::2], found[0, 1::2] = x[first], x[last]
    found[1, 0::2] = np.where(rises, least, most)
    found[1, 1::2] = np.where(rises, most, least)
    return found[0], found[1]


def _along(x: Array, y: Array, pieces: int) -> tuple[Array, Array]:
    bounds = np.linspace(0, len(x), pieces + 1).astype(np.int64)
    low, high = np.where(np.isnan(y), np.inf, y), np.where(np.isnan(y), -np.inf, y)
    kept: list[int] = []
    for begin, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        places = {begin + int(low[begin:end].argmin()), begin + int(high[begin:end].argmax())}
        kept += sorted(places)
    return x[kept], y[kept]


def window(x: Array, y: Array, low: float, high: float) -> tuple[Array, Array]:
    """The points with `low` <= x <= `high`, and one more on either side, so that lines go on to the edge; all
    of them where x does not ascend."""
    if len(x) == 0 or np.any(x[1:] < x[:-1]):
        return x, y
    begin = max(0, int(np.searchsorted(x, low, "left")) - 1)
    end = int(np.searchsorted(x, high, "right")) + 1
    return x[begin:end], y[begin:end]


class Clipped(NamedTuple):
    """A line within a domain; `above` and `below` tell the points that had to be moved to its edge."""

    y: Array
    above: npt.NDArray[np.bool_]
    below: npt.NDArray[np.bool_]


def clip(y: Array, low: float, high: float, log: bool = False) -> Clipped:
    """Infinite values at the edges `low` and `high`; on a log axis also what is not above 0.  nan stays: a gap."""
    above, below = y > HUGE, y < -HUGE
    if log:
        below = y <= 0
    return Clipped(np.where(above, high, np.where(below, low, y)), above, below)


def finite(y: Array, log: bool = False) -> Array:
    """The values that an axis can show: neither nan nor infinite, on a log axis above 0."""
    fits = np.abs(y) <= HUGE  # not so for nan
    return y[fits & (y > 0) if log else fits]


def compact(values: Array) -> Drawn:
    """As float32, which is half as much to send, unless that would be seen: numbers far from 0 and close together,
    very large or very small ones."""
    known = finite(values)
    if len(known) == 0 or len(known) < np.sum(~np.isnan(values)):
        return values
    low, high = float(known.min()), float(known.max())
    most = max(abs(low), abs(high))
    least = float(np.min(np.abs(known), where=known != 0, initial=np.inf))
    if most > 1e38 or least < 1e-37 or (high - low) * _EXACT < most * 4096:
        return values
    return values.astype(np.float32)


def drawable(x: Array, y: Array) -> tuple[Drawn, Drawn]:
    """The line without a gap at its end, as it is sent; empty when all of it is a gap.

    bqplot puts an invisible label at the last point of a line, and writes "null" for a line without any: either is
    an error on the page's console.
    """
    known = np.flatnonzero(~np.isnan(y))
    end = int(known[-1]) + 1 if len(known) else 0
    return compact(x[:end]), compact(y[:end])
