"""Which lines the table has, and in which order (pure).

A line is a run's number, or the key of something else: `g:GROUP` the head of a group, `w:GROUP` the one line for all
in it that wait, `y:NUMBER` why that run failed, under its row.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from neronet.wire import states
from neronet_jupyter.table import text as texts
from neronet_jupyter.table.entry import ENDED, RUNNING, WAITING, Entry

Line = int | str
EXPERIMENT = "experiment"
PARAMETER, METRIC = "p:", "m:"  # what the keys of columns begin with

_GOOD = (states.RUNNING, states.FINISHED)


@dataclass(frozen=True)
class Order:
    """`group`: EXPERIMENT, `p:NAME` or "" for none; `sort`: the key of a column, or "" for what runs first."""

    group: str = EXPERIMENT
    sort: str = ""
    down: bool = False


@dataclass
class Group:
    """Runs under one head. What is said of them is computed when a page shows it."""

    key: str
    title: str
    numbers: list[int]
    waiting: list[int] = field(default_factory=list)


@dataclass
class Arrangement:
    lines: list[Line] = field(default_factory=list)
    groups: dict[str, Group] = field(default_factory=dict)
    shown: list[int] = field(
        default_factory=list
    )  # all runs that the filter lets through, also in closed groups

    def __post_init__(self) -> None:
        self.places = {line: place for place, line in enumerate(self.lines)}
        self._tall = [
            place for place, line in enumerate(self.lines) if isinstance(line, str) and line[0] == "y"
        ]

    def top(self, place: int, tall: int) -> int:
        """Where a line begins, in rows from the top; `tall`: how many rows a reason takes."""
        return place + (tall - 1) * bisect_left(self._tall, place)

    def height(self, tall: int) -> int:
        return self.top(len(self.lines), tall)

    def within(self, top: int, rows: int, tall: int) -> range:
        """The places of the lines of which something lies in `rows` rows from `top`."""
        first = bisect_left(range(len(self.lines)), top + 1, key=lambda place: self.top(place + 1, tall))
        last = bisect_left(range(len(self.lines)), top + rows, key=lambda place: self.top(place, tall))
        return range(first, max(first, last))


def group_of(entry: Entry, by: str) -> str:
    """The key of the group of a run."""
    if by == EXPERIMENT:
        return entry.row.experiment
    return entry.row.parameters.get(by[len(PARAMETER) :], "") if by else ""


def title_of(key: str, by: str) -> str:
    name = by[len(PARAMETER) :]
    return key if by == EXPERIMENT else f"{name} = {key}" if key else f"without {name}"


def sorting(order: Order, metrics: Mapping[str, int]) -> Callable[[Entry], texts.Key]:
    """The key by which the runs of a group are ordered when a column is chosen."""
    by = order.sort
    if by.startswith(PARAMETER):
        name = by[len(PARAMETER) :]
        return lambda entry: entry.parameter_key(name)
    if by.startswith(METRIC):
        metric = metrics.get(by[len(METRIC) :], -1)
        return lambda entry: texts.number_key(entry.value(metric))
    others: dict[str, Callable[[Entry], texts.Key]] = {
        "number": lambda entry: (0, float(entry.row.number), ""),
        "age": lambda entry: texts.number_key(entry.age(0.0) if entry.stage == WAITING else _since(entry)),
        "state": lambda entry: (0, float(states.STATES.index(entry.row.state)), ""),
        "node": lambda entry: (1, 0.0, entry.row.node) if entry.row.node else (3, 0.0, ""),
        "name": lambda entry: texts.sort_key(entry.row.name),
        "experiment": lambda entry: texts.sort_key(entry.row.experiment),
        "note": lambda entry: texts.sort_key(entry.row.note or entry.row.reason),
        "tags": lambda entry: texts.sort_key(" ".join(entry.row.tags)),
    }
    return others.get(by, others["number"])


def _since(entry: Entry) -> float | None:
    since = entry.row.started if entry.stage == RUNNING else entry.row.ended
    return None if since is None else -since


def placement(entry: Entry, order: Order, key: Callable[[Entry], texts.Key]) -> tuple[object, ...]:
    """What decides on the place of a run: nothing moves while it stays the same."""
    stage = entry.stage
    if stage == WAITING:
        return group_of(entry, order.group), stage, entry.row.priority
    return group_of(entry, order.group), stage, key(entry) if order.sort else entry.row.ended


def arrange(
    entries: Iterable[Entry],
    order: Order,
    metrics: Mapping[str, int],
    opened: Callable[[str, bool], bool],
    explained: Collection[int] = (),
) -> Arrangement:
    """The lines of these runs. `opened(line, default)` says whether a head, or the line of those that wait, is open;
    under the rows of `explained` is why they failed. `metrics`: name -> id."""
    of: dict[str, list[Entry]] = {}
    for entry in entries:
        of.setdefault(group_of(entry, order.group), []).append(entry)
    lines: list[Line] = []
    groups: dict[str, Group] = {}
    key = sorting(order, metrics)
    for name in group_order(of, order.group):
        members = of[name]
        live = any(entry.stage != ENDED for entry in members)
        wait = [entry for entry in members if entry.stage == WAITING]
        wait.sort(key=lambda entry: (-entry.row.priority, entry.row.number))
        waiting = [entry.row.number for entry in wait]
        groups[name] = Group(name, title_of(name, order.group), [one.row.number for one in members], waiting)
        if order.group:
            lines.append(f"g:{name}")
            if not opened(f"g:{name}", live or len(groups) == 1):
                continue
        for number in _ordered(members, order, key):
            if number is not None:
                lines.append(number)
                if number in explained:
                    lines.append(f"y:{number}")
            elif waiting:
                lines.append(f"w:{name}")
                if opened(f"w:{name}", False):
                    lines += waiting
    return Arrangement(lines, groups, [number for group in groups.values() for number in group.numbers])


def group_order(of: Mapping[str, Sequence[Entry]], by: str) -> list[str]:
    """Experiments by their newest run, newest first; values of a parameter by size."""
    if by == EXPERIMENT:
        return sorted(of, key=lambda name: -max(entry.row.number for entry in of[name]))
    return sorted(of, key=texts.sort_key)


def _ordered(
    members: Sequence[Entry], order: Order, key: Callable[[Entry], texts.Key]
) -> Iterable[int | None]:
    """Their numbers in order, None in the place of those that wait."""
    if order.sort:
        keyed = [(key(entry), entry.row.number) for entry in members if entry.stage != WAITING]
        there = sorted((one for one in keyed if one[0][0] < 2), reverse=order.down)
        missing = sorted(one for one in keyed if one[0][0] >= 2)
        return (*(number for _, number in there), *(number for _, number in missing), None)
    running = sorted(entry.row.number for entry in members if entry.stage == RUNNING)
    ended = [(entry.row.ended or 0.0, entry.row.number) for entry in members if entry.stage == ENDED]
    return (*running, None, *(number for _, number in sorted(ended, reverse=True)))


@dataclass(frozen=True)
class Summary:
    """What a head says: runs by kind, the best run and its value, the bounds of the sparklines."""

    kinds: dict[str, int]
    best: int | None
    value: float | None
    low: float
    high: float
    median: float | None


def summarize(entries: Iterable[Entry], metric: int, small: bool) -> Summary:
    """`metric`: the id of the one that is shown; `small`: less of it is better."""
    kinds: Counter[str] = Counter()
    values: list[tuple[float, int]] = []
    lows: list[float] = []
    highs: list[float] = []
    for entry in entries:
        kinds[entry.kind] += 1
        series = entry.series(metric)
        if series is None:
            continue
        if entry.row.state in _GOOD and finite(series.value):
            values.append((series.value, entry.row.number))
        if finite(series.lo):
            lows.append(series.lo)
        if finite(series.hi):
            highs.append(series.hi)
    values.sort(key=lambda one: (one[0] if small else -one[0], one[1]))
    value, best = values[0] if values else (None, None)
    median = sorted(value for value, _ in values)[(len(values) - 1) // 2] if values else None
    # Few that went astray must not flatten all the others.
    low, high = part(sorted(lows), 0.02), part(sorted(highs), 0.9)
    ordered = {name: kinds[name] for name in KINDS if kinds[name]}
    return Summary(ordered, best, value, low, max(low, high), median)


KINDS = (RUNNING, WAITING, "finished", "failed", "terminated", "timeout", "lost")


def finite(value: float) -> bool:
    return value - value == 0.0


def part(ordered: Sequence[float], share: float) -> float:
    """The value that `share` of them do not exceed; all of few. nan for none."""
    if not ordered:
        return float("nan")
    if len(ordered) < 5:
        return ordered[-1] if share > 0.5 else ordered[0]
    return ordered[int((len(ordered) - 1) * share)]


def spans(numbers: Iterable[int]) -> str:
    """`3-7,9`: numbers as the command line and `neroman.runs` take them."""
    ordered = sorted(set(numbers))
    if not ordered:
        return ""
    starts = [ordered[0], *(after for before, after in pairwise(ordered) if after != before + 1)]
    ends = [*(before for before, after in pairwise(ordered) if after != before + 1), ordered[-1]]
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True))
