"""The points of runs, kept in the kernel and read only once: what comes later is appended."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from neronet.store.chunks import Points
from neronet.store.runs import RunRow
from neronet.store.store import Store
from neronet_jupyter.figures.resample import Array
from neronet_jupyter.figures.smooth import START, smooth

MANY = 8  # so many series at once are read in one go


class Growing:
    """An array that is appended to; `array` is all of it."""

    def __init__(self) -> None:
        self._room = np.empty(64)
        self._n = 0

    @property
    def array(self) -> Array:
        return self._room[: self._n]

    def extend(self, values: Array) -> None:
        n = self._n + len(values)
        if n > len(self._room):
            # A new array, never the old one resized: what was given out of it stays as it was.
            room = np.empty(max(n, 2 * len(self._room)))
            room[: self._n] = self._room[: self._n]
            self._room = room
        self._room[self._n : n] = values
        self._n = n


class Series:
    """One metric of one attempt: `step`, `time` (seconds since 1970) and `value`."""

    def __init__(self, attempt: int) -> None:
        self.attempt = attempt
        self._step, self._time, self._value = Growing(), Growing(), Growing()
        self._smoothed, self._weight, self._carry = Growing(), 0.0, START

    def __len__(self) -> int:
        return len(self._value.array)

    @property
    def step(self) -> Array:
        return self._step.array

    @property
    def time(self) -> Array:
        return self._time.array

    @property
    def value(self) -> Array:
        return self._value.array

    def append(self, points: Points) -> None:
        self._step.extend(np.frombuffer(points.step))
        self._time.extend(np.frombuffer(points.time))
        self._value.extend(np.frombuffer(points.value))

    def smoothed(self, weight: float) -> Array:
        """The values, smoothed; only what is new is computed."""
        if weight <= 0:
            return self.value
        if weight != self._weight:
            self._smoothed, self._weight, self._carry = Growing(), weight, START
        more, self._carry = smooth(self.value[len(self._smoothed.array) :], weight, self._carry)
        self._smoothed.extend(more)
        return self._smoothed.array


class Cache:
    """The series that a figure has asked for, by run and metric."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._series: dict[tuple[int, str], Series] = {}

    def get(self, run: int, metric: str) -> Series | None:
        return self._series.get((run, metric))

    def update(self, rows: Iterable[RunRow], metric: str, stale: set[int]) -> None:
        """Makes the series of these runs as long as they are in the store; those known and not `stale` are."""
        new = []
        for row in rows:
            known = self._series.get((row.number, metric))
            if known is None or known.attempt != row.attempt:
                new.append(row)
            elif row.number in stale:
                self._append(row, metric, known)
        if len(new) < MANY:
            for row in new:
                self._append(row, metric, self._begin(row, metric))
            return
        found = self._store.points.read_all(metric, [row.number for row in new])
        for row in new:
            series = self._begin(row, metric)
            if row.number in found:
                series.append(found[row.number])

    def keep(self, numbers: set[int], metrics: set[str]) -> None:
        """Forgets the series of other runs and metrics."""
        self._series = {
            key: one for key, one in self._series.items() if key[0] in numbers and key[1] in metrics
        }

    def _begin(self, row: RunRow, metric: str) -> Series:
        series = self._series[row.number, metric] = Series(row.attempt)
        return series

    def _append(self, row: RunRow, metric: str, series: Series) -> None:
        # Of this attempt by name: a newer one may have begun since the row was read.
        series.append(self._store.points.read(row.number, metric, row.attempt, start=len(series)))
