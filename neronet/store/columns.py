"""Very many points of a series at once, as arrays (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from neronet.store.chunks import Chunk

if TYPE_CHECKING:
    import numpy as np


class Columns(NamedTuple):
    """Points in the order of their lines: offsets of these (int64), seconds since 1970, values, and steps, nan where
    the program gave none (float64)."""

    offsets: np.ndarray[Any, Any]
    times: np.ndarray[Any, Any]
    values: np.ndarray[Any, Any]
    steps: np.ndarray[Any, Any]

    def after(self, mark: int) -> Columns:
        """Those whose lines begin behind the offset `mark`."""
        first = int(self.offsets.searchsorted(mark, "right"))
        return Columns(*(column[first:] for column in self)) if first else self

    def chunk(self, first: int) -> tuple[Chunk, tuple[float, float, float], list[float]]:
        """(all of them as one chunk that begins with the point number `first`; step, time and value of the last
        one; least and greatest value)."""
        import numpy as np

        n = len(self.values)
        numbers = np.arange(first, first + n, dtype=float)
        steps = np.where(np.isnan(self.steps), numbers, self.steps)
        counted = [] if np.array_equal(steps, numbers) else [steps]
        data = np.column_stack([*counted, self.times, self.values]).tobytes()
        there = self.values[~np.isnan(self.values)]
        bounds = [float(there.min()), float(there.max())] if len(there) else [float("nan")]
        return (
            Chunk(first, n, data),
            (float(steps[-1]), float(self.times[-1]), float(self.values[-1])),
            bounds,
        )
