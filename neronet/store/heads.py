"""What is known of the series of an attempt without reading their points (pure).

All series of an attempt are one blob of records of equal size: the last values of ten thousand runs are ten
thousand rows of the database, not a row for each of their metrics, and points of a run rewrite one row.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from typing import NamedTuple

RECORD = struct.Struct("=5q5d")


class Head(NamedTuple):
    metric: int  # id of its name
    series: int  # its points have the keys (series << 32) + number
    n: int  # points in all
    tail: int  # number of the first point of the last chunk
    folded: int  # number of the first point that is not in one of the large chunks
    step: float  # of the last point, as the following two
    time: float
    value: float
    lo: float  # least and greatest value, nan when there is none but nan
    hi: float


class Heads:
    """The heads of an attempt, to be looked up, changed and packed again."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = bytearray(data)
        # Not one Python object per record: a run may have a thousand metrics and print one of them.
        self._metrics = array("q", data)[:: len(Head._fields)]

    def __iter__(self) -> Iterator[Head]:
        return map(Head._make, RECORD.iter_unpack(self.data))

    def get(self, metric: int) -> Head | None:
        if metric not in self._metrics:
            return None
        return Head._make(RECORD.unpack_from(self.data, self._metrics.index(metric) * RECORD.size))

    def put(self, head: Head) -> None:
        if head.metric in self._metrics:
            RECORD.pack_into(self.data, self._metrics.index(head.metric) * RECORD.size, *head)
        else:
            self._metrics.append(head.metric)
            self.data += RECORD.pack(*head)


def summary(data: bytes) -> tuple[array[int], array[int], array[float]]:
    """(metrics, numbers of points, last values) of packed heads: much faster than one by one."""
    whole, real, size = array("q", data), array("d", data), len(Head._fields)
    return whole[0::size], whole[2::size], real[7::size]


def bounds(values: list[float], lo: float, hi: float) -> tuple[float, float]:
    """The least and the greatest of `values`, `lo` and `hi`, where nan counts as nothing."""
    if values[0] != values[0]:  # behind the first one min and max step over nan: comparing with it is false
        values = [value for value in values if value == value]
        if not values:
            return lo, hi
    low, high = min(values), max(values)
    return low if lo != lo else min(lo, low), high if hi != hi else max(hi, high)
