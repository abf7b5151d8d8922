"""How points are kept in blobs (pure).

A chunk holds the points first, first + 1, ... of a series as float64 in the order of bytes of this machine:
time, value, time, value, ... when the step of each point is its number, else step, time, value, ...  Bytes of
equal form can be put behind each other.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

TAIL = 120  # a chunk grows up to so many points: two of 1,920 bytes fit a page of 4 KiB
SMALL = 4 * TAIL  # up to so many points stay in their small chunks when a run ends: nothing would be won
BLOB = 4096  # as soon as so many points are in small chunks, these become one


class Points(NamedTuple):
    """A series, or the end of one: three arrays of float64 of equal length.  `step` is what the program gave,
    else the number of the point from 0; `time` is in seconds since 1970 by the node's clock."""

    step: array[float]
    time: array[float]
    value: array[float]


class Chunk(NamedTuple):
    first: int  # number of its first point in the series
    n: int
    data: bytes


def encode(first: int, flat: Sequence[float], steps: Mapping[int, float]) -> Chunk:
    """One chunk of points (time, value, time, value, ...), the first of which has the number `first`.
    `steps` holds the steps that the program gave, by place in this chunk."""
    n = len(flat) // 2
    if all(step == first + place for place, step in steps.items()):
        return Chunk(first, n, array("d", flat).tobytes())
    return Chunk(first, n, _with_steps([steps.get(i, first + i) for i in range(n)], flat[0::2], flat[1::2]))


def decode(chunks: Iterable[Chunk], start: int = 0) -> Points:
    """The points of chunks that follow each other, those with a number below `start` left out."""
    points = Points(array("d"), array("d"), array("d"))
    for chunk in chunks:
        skip = max(0, start - chunk.first)
        for whole, part in zip(points, _columns(chunk), strict=True):
            whole.extend(part[skip:] if skip else part)
    return points


def join(chunks: Sequence[Chunk]) -> Chunk:
    """One chunk in the place of several that follow each other."""
    n = sum(chunk.n for chunk in chunks)
    if len({width(chunk) for chunk in chunks}) == 1:
        return Chunk(chunks[0].first, n, b"".join([chunk.data for chunk in chunks]))
    return Chunk(chunks[0].first, n, _with_steps(*decode(chunks)))


def width(chunk: Chunk) -> int:
    """Numbers per point: 2 (time, value) or 3 (step, time, value)."""
    return len(chunk.data) // (8 * chunk.n)


def _with_steps(*columns: Sequence[float]) -> bytes:
    flat = array("d", bytes(8 * 3 * len(columns[0])))
    for place, column in enumerate(columns):
        flat[place::3] = array("d", column)
    return flat.tobytes()


def _columns(chunk: Chunk) -> tuple[array[float], ...]:
    flat = array("d", chunk.data)
    if width(chunk) == 2:
        return array("d", range(chunk.first, chunk.first + chunk.n)), flat[0::2], flat[1::2]
    return flat[0::3], flat[1::3], flat[2::3]
