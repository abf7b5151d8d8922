"""The runs that a table has, read once and then only where they changed, and what is asked of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from neronet.api.progress import steps_of
from neronet.store.store import Store
from neronet_jupyter.table import query
from neronet_jupyter.table.arrange import (
    KINDS,
    METRIC,
    PARAMETER,
    Arrangement,
    Order,
    Summary,
    arrange,
    group_of,
    placement,
    sorting,
    summarize,
)
from neronet_jupyter.table.columns import Known, tags_width, text_width
from neronet_jupyter.table.entry import ENDED, WAITING, Entry
from neronet_jupyter.table.parameters import Parameters, default_metric, measure
from neronet_jupyter.table.spark import Curve, draw
from neronet_jupyter.table.text import small_is_good
from neronet_jupyter.table.why import EXPLAINED, explained

CURVES = 3000  # that are kept; each takes 4 kB
SLOW = 0.0002  # seconds for each of its runs that the summary of a group may be old
PATIENCE = 0.03  # seconds that reading the points of one window may take; the rest comes with the next one


@dataclass
class Wish:
    """What the user wants to see: all that is remembered."""

    order: Order = field(default_factory=Order)
    filter: str = ""
    kinds: frozenset[str] = frozenset()  # empty: all
    metric: str = ""  # "": the one that seems to matter
    small: bool | None = None  # less of it is better; None: as its name has it
    asked: dict[str, dict[str, bool]] = field(default_factory=lambda: {"panel": {}, "main": {}})
    opened: dict[str, bool] = field(default_factory=dict)  # heads and lines of those that wait

    def to_json(self) -> dict[str, Any]:
        return {
            "group": self.order.group, "sort": self.order.sort, "down": self.order.down, "filter": self.filter,
            "kinds": sorted(self.kinds), "metric": self.metric, "small": self.small, "asked": self.asked,
        }  # fmt: skip

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Wish:
        """Whatever is not as it should be is left at its default: the file may be of another version."""

        def text(name: str, default: str = "") -> str:
            value = found.get(name)
            return value if isinstance(value, str) else default

        kinds, small, asked = found.get("kinds"), found.get("small"), found.get("asked")
        wish = cls(
            Order(text("group", Order.group), text("sort"), found.get("down") is True),
            text("filter"),
            frozenset(kind for kind in kinds if isinstance(kind, str))
            if isinstance(kinds, list)
            else frozenset(),
            text("metric"),
            small if isinstance(small, bool) else None,
        )
        for place in wish.asked:
            some = asked.get(place) if isinstance(asked, dict) else None
            if isinstance(some, dict):
                wish.asked[place] = {key: value for key, value in some.items() if isinstance(value, bool)}
        return wish


class Table:
    """All runs, or some. Not for two threads at a time."""

    def __init__(self, store: Store, wish: Wish, numbers: Collection[int] | None = None) -> None:
        self._store = store
        self.wish = wish
        self.numbers = None if numbers is None else frozenset(numbers)
        self.only: frozenset[int] | None = None  # a filter from outside
        self.entries: dict[int, Entry] = {}
        self.names: dict[int, str] = {}  # metric id -> name
        self.ids: dict[str, int] = {}  # the other way round
        self.parameters = Parameters()
        self.why_opened: set[int] = set()
        self.why_closed: set[int] = set()
        self.arrangement = Arrangement()
        self.version = 0  # of the arrangement
        self.pending = True  # it is no longer in order
        self.urgent = False  # and has lines of runs that are no more
        self.curves_left = False  # there was no time to read all points that are in view
        self._ordered = 0  # runs that there were when they were put in order
        self._opened: dict[str, bool] = {}
        self._kinds: Counter[str] = Counter()
        self._tagged: Counter[tuple[str, ...]] = Counter()  # how many runs have just these tags
        self._tags_width: int | None = 0  # pixels; None: not known any more
        self._summaries: dict[str, tuple[float, Summary]] = {}  # with the time
        self._dirty: set[str] = set()  # groups that are others than their summaries say
        self._curves: dict[tuple[int, int], Curve] = {}
        self._longest: dict[str, int] = {}
        self._metric: tuple[str, bool] | None = None
        self._steps: dict[str, str] = {}
        self.widths: dict[str, int] = {}
        self._deleted = -1
        self._until = 0.0
        self.take(None)

    # -- what there is

    def take(self, changed: Collection[int] | None) -> list[Entry]:
        """Reads these runs anew (None: all); those whose state is another than before, or that are new."""
        if self.numbers is not None:
            changed = self.numbers if changed is None else self.numbers.intersection(changed)
        with self._store.snapshot():
            rows = self._store.runs.find(changed)
            heads = dict(self._store.points.packed_heads(changed))
            deleted = self._store.runs.last_deletion()
            if deleted != self._deleted:
                self._deleted = deleted
                self._forget(set(self.entries) - self._store.runs.existing(self.entries))
            names = self._store.points.names() if heads else self.names
        if len(names) != len(self.names):
            self.names, self.ids = names, {name: metric for metric, name in names.items()}
            self._metric = None
        moved = []
        for row in rows:
            entry = self.entries.get(row.number)
            data = heads.get(row.number, b"")
            if entry is None:
                entry = Entry(row, data)
                self.pending = True
                self.parameters.add(row)
                moved.append(entry)
            else:
                if entry.row.state != row.state:
                    moved.append(entry)
                self._count(entry, -1)
                before = None if self.pending else self._place(entry)
                entry.put_row(row)
                entry.put_heads(data)
                self.pending = self.pending or before != self._place(entry)
            self.entries[row.number] = entry
            self._count(entry, 1)
            self._dirty.add(self.group(entry))
            self._lengthen(entry)
        if moved:
            again = {entry.row.number for entry in moved if entry.row.state not in EXPLAINED}
            self.why_opened -= again
            self.why_closed -= again
            self._metric = None
            specs = {one.id: one.spec for one in self._store.experiments.all()}
            self.parameters.zips = {name: spec.get("zips") or [] for name, spec in specs.items()}
            self._steps = {name: str(spec.get("steps") or "") for name, spec in specs.items()}
        return moved

    def _count(self, entry: Entry, by: int) -> None:
        self._kinds[entry.kind] += by
        if tags := entry.row.tags:
            self._tagged[tags] += by
            self._tags_width = None

    def _place(self, entry: Entry) -> tuple[object, ...]:
        """Nothing moves while it stays the same."""
        key = sorting(self.wish.order, self.ids)
        return placement(entry, self.wish.order, key), bool(self._filtered([entry]))

    def _lengthen(self, entry: Entry) -> None:
        """The longest run of an experiment tells how long the others will be."""
        series = entry.series(self.metric_id) if self._metric else None
        if series is not None and series.n > self._longest.get(entry.row.experiment, 0):
            self._longest[entry.row.experiment] = series.n

    def _forget(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self._count(self.entries.pop(number), -1)
            self.pending = self.urgent = True
            self._ordered -= 1
        self._summaries.clear()
        self.parameters = Parameters.of(entry.row for entry in self.entries.values())
        self._metric = None

    # -- what is asked

    @property
    def metric(self) -> str:
        """The metric that is shown, "" while there is none."""
        return self._chosen()[0]

    @property
    def small(self) -> bool:
        """Less of the metric is better."""
        return self._chosen()[1]

    def _chosen(self) -> tuple[str, bool]:
        if self._metric is None:
            wish = self.wish.metric
            name = wish if wish in self.names.values() else default_metric(self.entries.values(), self.names)
            small = self.wish.small
            self._metric = name, small_is_good(name) if small is None else small
            self._longest.clear()
            for entry in self.entries.values():
                self._lengthen(entry)
        return self._metric

    @property
    def metric_id(self) -> int:
        return self.ids.get(self.metric, -1)

    def wished_metric(self) -> None:
        """Another metric, or another opinion of what is best, is wished."""
        self.pending = True
        self._metric = None
        self._curves.clear()
        self._summaries.clear()

    def order(self) -> None:
        """Puts everything in order as it is wished."""
        found = self._filtered(self.entries.values())
        why = explained(found, self.why_opened, self.why_closed)
        self.arrangement = arrange(found, self.wish.order, self.ids, self.opened, why)
        self._ordered = len(self.entries)
        self.pending = self.urgent = False
        self.version += 1
        self._summaries.clear()

    def _filtered(self, entries: Iterable[Entry]) -> list[Entry]:
        found = list(entries)
        if self.only is not None:
            found = [entry for entry in found if entry.row.number in self.only]
        if self.wish.kinds:
            found = [entry for entry in found if entry.kind in self.wish.kinds]
        if self.wish.filter.strip():
            found = query.select(found, query.parse(self.wish.filter), self.ids)
        return found

    def opened(self, line: str, default: bool) -> bool:
        """Whether a head is open. What was open by itself stays so until the user closes it."""
        if line in self.wish.opened:
            return self.wish.opened[line]
        return self._opened.setdefault(line, default) if default else self._opened.get(line, False)

    def numbers_waiting(self, group: str) -> list[int]:
        found = self.arrangement.groups[group].waiting
        return [n for n in found if n in self.entries and self.entries[n].stage == WAITING]

    def new(self) -> int:
        """How many runs have come since it was put in order."""
        return max(0, len(self.entries) - self._ordered)

    # -- what is shown

    def kinds(self) -> dict[str, int]:
        """How many runs there are of each kind, without regard to any filter."""
        return {kind: self._kinds[kind] for kind in KINDS if self._kinds[kind]}

    def summary(self, group: str) -> Summary:
        """Of the runs of a group; of one with many runs it may be some seconds old."""
        numbers = self.arrangement.groups[group].numbers
        now = time.monotonic()
        when, found = self._summaries.get(group, (0.0, None))
        if found is None or (group in self._dirty and now - when > len(numbers) * SLOW):
            self._dirty.discard(group)
            some = (self.entries[number] for number in numbers if number in self.entries)
            found = summarize(some, self.metric_id, self.small)
            self._summaries[group] = now, found
        return found

    def known(self) -> Known:
        """What the columns are chosen from."""
        groups = self.arrangement.groups
        opened = [
            name
            for name in groups
            if f"g:{name}" not in self.arrangement.places or self.opened(f"g:{name}", True)
        ]
        if self.wish.order.group != "experiment":
            numbers = [number for name in opened for number in groups[name].numbers]
            experiments = {
                self.entries[number].row.experiment for number in numbers if number in self.entries
            }
        else:
            experiments = set(opened)
        varying, zipped, others = self.parameters.names(experiments)
        metrics = list(self.names.values())
        widths = self._measured(varying + zipped + others, metrics)
        return Known(varying, others, zipped, metrics, self.metric, widths, widths["tags"] > 0)

    def _measured(self, parameters: list[str], metrics: list[str]) -> dict[str, int]:
        for name in parameters:
            self.widths[PARAMETER + name] = self.parameters.width(name)
        self.widths["number"] = text_width(f"#{max(self.entries, default=0)}")
        if self._tags_width is None:
            self._tagged = +self._tagged  # without those that no run has now
            self._tags_width = max(map(tags_width, self._tagged), default=0)
        self.widths["tags"] = self._tags_width
        missing = [name for name in metrics if METRIC + name not in self.widths]
        if missing:
            entries = list(self.entries.values())
            some = entries[:: max(1, len(entries) // 40)]
            for name in missing:
                self.widths[METRIC + name] = measure(some, self.ids[name])
        return self.widths

    def group(self, entry: Entry) -> str:
        return group_of(entry, self.wish.order.group)

    def own_values(self, entry: Entry) -> list[str]:
        """The values of the parameters that differ in its experiment, of a zip only the first."""
        names = self.parameters.names([entry.row.experiment])[0]
        return [entry.row.parameters[name] for name in names if name in entry.row.parameters]

    def widen(self, key: str, width: int) -> None:
        """A cell is wider than its column."""
        self.widths[key] = max(width, self.widths.get(key, 0))

    def begin_window(self) -> None:
        self._until = time.monotonic() + PATIENCE
        self.curves_left = False

    def spark(self, entry: Entry, group: str) -> str:
        """The sparkline of a run; "" while there was no time to read it."""
        row, name = entry.row, self.metric
        series = entry.series(self.metric_id)
        if series is None:
            return ""
        key = (row.number, row.attempt)
        curve = self._curves.get(key)
        if curve is None or curve.n < series.n:
            if time.monotonic() > self._until:
                self.curves_left = True
                if curve is None:
                    return ""
            else:
                if curve is None:
                    curve = self._curves[key] = Curve()
                    if len(self._curves) > CURVES:
                        del self._curves[next(iter(self._curves))]
                curve.extend(self._store.points, row.number, row.attempt, name)
        bounds = self.summary(group)
        steps = steps_of(row, self._steps)
        ended = entry.stage == ENDED and row.state == "finished"
        length = curve.n if ended else max(self._longest.get(row.experiment, 0), curve.n)
        return draw(curve, bounds.low, bounds.high, length, None if ended else steps)
