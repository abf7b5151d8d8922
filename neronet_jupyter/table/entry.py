"""What the table knows of one run: its row of the store, and what is known of its series without their points."""

from __future__ import annotations

from array import array
from typing import ClassVar, NamedTuple

from neronet.store.heads import Head
from neronet.store.runs import RunRow
from neronet.wire import states
from neronet_jupyter.table import text as texts

RUNNING, WAITING, ENDED = "running", "waiting", "ended"
_STAGES = dict.fromkeys(states.ENDED, ENDED) | {states.RUNNING: RUNNING}
_SIZE = len(Head._fields)
_N, _VALUE, _LO, _HI = (Head._fields.index(name) for name in ("n", "value", "lo", "hi"))


class Series(NamedTuple):
    """Of one metric of a run: number of points, last value, least and greatest value (nan: none but nan)."""

    n: int
    value: float
    lo: float
    hi: float


class Entry:
    """One run. `row` is replaced when the run changed; what is derived from it is made when it is asked for."""

    __slots__ = ("_heads", "_places", "_whole", "_words", "row", "stage")

    # Runs of an experiment have the same metrics in the same order.
    _layouts: ClassVar[dict[bytes, dict[int, int]]] = {}

    def __init__(self, row: RunRow, heads: bytes = b"") -> None:
        self.put_row(row)
        self.put_heads(heads)

    def put_row(self, row: RunRow) -> None:
        self.row = row
        self.stage = _STAGES.get(row.state, WAITING)  # RUNNING, WAITING or ENDED
        self._words: str | None = None

    def put_heads(self, data: bytes) -> None:
        """Takes what the store has of its series, packed; see `neronet.store.heads`."""
        self._whole, self._heads = array("q", data), array("d", data)
        metrics = self._whole[0::_SIZE]
        key = metrics.tobytes()
        if key not in self._layouts:
            self._layouts[key] = {metric: place * _SIZE for place, metric in enumerate(metrics)}
        self._places = self._layouts[key]

    @property
    def metrics(self) -> dict[int, int]:
        """The ids of its metrics, as keys."""
        return self._places

    def series(self, metric: int) -> Series | None:
        place = self._places.get(metric)
        if place is None:
            return None
        real = self._heads
        return Series(self._whole[place + _N], real[place + _VALUE], real[place + _LO], real[place + _HI])

    def value(self, metric: int) -> float | None:
        """The last value of a metric."""
        place = self._places.get(metric)
        return None if place is None else self._heads[place + _VALUE]

    @property
    def kind(self) -> str:
        """The state that it is counted under: all that wait are one."""
        return self.row.state if self.stage == ENDED else self.stage

    @property
    def words(self) -> str:
        """All that a word of the filter may be part of, in small letters."""
        if self._words is None:
            row = self.row
            parts = (
                f"#{row.number}",
                row.name,
                *row.parameters.values(),
                row.note,
                *row.tags,
                row.reason,
                row.node,
                row.state,
            )
            self._words = "\n".join((*parts, self.stage)).casefold()
        return self._words

    def age(self, now: float) -> float | None:
        """Seconds since it started, or since it ended; since it was submitted while it waits."""
        row = self.row
        since = row.started if self.stage == RUNNING else row.ended if self.stage == ENDED else row.submitted
        return None if since is None else max(0.0, now - since)

    def parameter_key(self, name: str) -> texts.Key:
        return texts.sort_key(self.row.parameters.get(name))
