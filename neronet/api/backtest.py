"""What a rule would have done to runs that are recorded: which it would have stopped, when, and what that saves.

Everything is decided by the evaluators that decide on nodes, in the order of the points' times. What was read is kept
as arrays, so that a rule can be tried again and again, as by a slider.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neronet.errors import InputError
from neronet.spec.experiment import Experiment, StopLosers
from neronet.spec.problems import did_you_mean
from neronet.store.runs import RunRow
from neronet.store.store import Store
from neronet.wire import conditions, losers, states
from neronet.wire.samples import is_sample

if TYPE_CHECKING:
    import pandas as pd

TOP = 5
COMPARE: dict[str, Any] = {
    "gt": np.greater, "lt": np.less, "eq": np.equal, "geq": np.greater_equal, "leq": np.less_equal,
    "nan": lambda values, _: np.isnan(values), "inf": lambda values, _: np.isinf(values),
}  # fmt: skip
_SIMPLE = {"id", "variablename", "killvalue", "comparator", "after", "action"}  # what a threshold is made of
_SIGNS = {sign: word for word, sign in conditions.SIGNS.items() if sign != "is"}
_CONDITION = re.compile(r"\s*(\S+)\s+(>=|<=|==|>|<|is)\s+(\S+)(?:\s+after\s+(\S+))?\s*")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Stop:
    """A run that the rule would have stopped. Times are seconds; `time` is since 1970 by the node's clock."""

    number: int
    name: str
    point: int  # how many points of the metric it had
    time: float
    value: float
    why: str
    saved: float

    def to_json(self) -> dict[str, Any]:
        return dict(self.__dict__)


@dataclass(frozen=True)
class Verdict:
    """What a rule would have done."""

    stopped: tuple[Stop, ...]  # in the order of time
    runs: int  # that have points of the metric
    hours: float  # that all runs took
    best: tuple[int, ...]  # numbers of the best runs by their best value, the best first
    lost: tuple[int, ...]  # those of them that it would have stopped
    cut: tuple[int, ...] = ()  # runs that a rule or a condition ended when they were recorded

    @property
    def saved_hours(self) -> float:
        return sum(stop.saved for stop in self.stopped) / 3600

    @property
    def percent(self) -> float:
        """Of the run time."""
        return 100 * self.saved_hours / self.hours if self.hours else 0.0

    def frame(self) -> pd.DataFrame:
        """One row per stopped run, by number: name, point, time (seconds since 1970), value, why, saved (seconds)."""
        import pandas as pd

        columns = list(Stop.__dataclass_fields__)
        rows = [stop.to_json() for stop in self.stopped]
        frame: pd.DataFrame = pd.DataFrame(rows, columns=columns).set_index("number").sort_index()
        return frame

    def to_json(self) -> dict[str, Any]:
        return {
            "runs": self.runs, "hours": self.hours, "saved_hours": self.saved_hours, "percent": self.percent,
            "best": list(self.best), "lost": list(self.lost), "cut": list(self.cut),
            "stopped": [stop.to_json() for stop in self.stopped],
        }  # fmt: skip


class Backtest:
    """The points of one metric of some runs, with what is computed of them once."""

    def __init__(
        self, metric: str, rows: Sequence[RunRow], times: Floats, values: Floats, counts: Sequence[int]
    ):
        """rows: the runs that have points, `counts` many each; times and values: these, one run behind the other."""
        self.metric, self._rows, self._times, self._values = metric, rows, times, values
        self._starts = np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))
        self._began = np.array(
            [row.started or times[begin] for row, begin in zip(rows, self._starts, strict=False)]
        )
        last = times[self._starts[1:] - 1] if len(rows) else np.empty(0)
        self._ended = np.array(
            [max(row.ended or 0.0, moment) for row, moment in zip(rows, last, strict=True)]
        )
        self._best: dict[str, Floats] = {}

    @classmethod
    def load(cls, store: Store, numbers: Iterable[int], metric: str) -> Backtest:
        """The last attempts of these runs. Raises InputError when none of them has the metric."""
        chosen = sorted(numbers)
        with store.snapshot():
            rows = {row.number: row for row in store.runs.find(chosen)}
            raw = store.points.raw(chosen, metric)
            names = (
                []
                if raw
                else sorted(
                    name
                    for name in set().union(*(last.values for last in store.points.last(chosen).values()))
                    if not is_sample(name)
                )
            )
        if not raw:
            raise InputError(
                f"none of these runs has printed a metric {metric}",
                did_you_mean(metric, names)
                or "a metric is a line NAME VALUE; `nerocli extract RUN NUMBER` makes one of any number in a log",
            )
        parts = [np.frombuffer(chunk.data).reshape(chunk.n, -1)[:, -2:] for _, _, chunk in raw]
        whole = np.concatenate(parts)
        counts = [
            (run, sum(part.chunk.n for part in of)) for run, of in groupby(raw, key=lambda part: part.run)
        ]
        return cls(
            metric, [rows[run] for run, _ in counts], np.ascontiguousarray(whole[:, 0]),
            np.ascontiguousarray(whole[:, 1]), [count for _, count in counts],
        )  # fmt: skip

    @property
    def rows(self) -> Sequence[RunRow]:
        """The runs that have points of the metric."""
        return self._rows

    def values(self, place: int) -> Floats:
        """All values of the run at this place of `rows`."""
        begin, end = self._starts[place : place + 2]
        return self._values[begin:end]

    def points(self) -> int:
        """Of the run that has most."""
        return int(np.diff(self._starts).max(initial=0))

    def seconds(self) -> float:
        """That the longest run took."""
        return float(np.max(self._ended - self._began, initial=0.0))

    def evaluate(self, rule: StopLosers | Mapping[str, Any], top: int = TOP, goal: str = "") -> Verdict:
        """What this rule would have done: a StopLosers, or a condition as a batch has it. goal: says which runs are
        the best ones, where a condition does not."""
        if isinstance(rule, StopLosers):
            stops, goal = self._losers(rule), rule.goal
        else:
            fold = bool({word for word, value in rule.items() if value is not None} - _SIMPLE)
            stops = self._fold(rule) if fold or rule["comparator"] not in COMPARE else self._threshold(rule)
            goal = (
                goal
                or rule.get("goal")
                or ("maximize" if rule["comparator"] in ("lt", "leq") else "minimize")
            )
        found = {stop.number for stop in stops}
        best = self._top(goal, top)
        return Verdict(
            tuple(sorted(stops, key=lambda stop: (stop.time, stop.number))), len(self._rows),
            float(np.sum(np.maximum(0.0, self._ended - self._began))) / 3600,
            best, tuple(number for number in best if number in found),
            tuple(row.number for row in self._rows if _was_cut(row)),
        )  # fmt: skip

    # -- rules across runs

    def _bests(self, goal: str) -> Floats:
        """The best finite value of each run so far, at each of its points; infinite before the first."""
        if goal not in self._best:
            sign = 1.0 if goal == "minimize" else -1.0
            keys = np.where(np.isfinite(self._values), sign * self._values, np.inf)
            for begin, end in zip(self._starts, self._starts[1:], strict=False):
                np.minimum.accumulate(keys[begin:end], out=keys[begin:end])
            self._best[goal] = sign * keys
        return self._best[goal]

    def entries(self, rule: StopLosers) -> list[tuple[float, int, int, float | None]]:
        """(time, place of the run, number of points, best value or None) of all checkpoints, in the order of time."""
        bests, plain = self._bests(rule.goal), rule.to_json()
        counts = np.diff(self._starts)
        points = [losers.following(plain, 0)]
        while len(counts) and points[-1] <= counts.max():
            points.append(losers.following(plain, points[-1]))
        found = []
        for point in points:
            runs = np.flatnonzero(counts >= point)
            at = self._starts[runs] + point - 1
            known = np.isfinite(self._values[at])
            values = [
                value if finite else None for value, finite in zip(bests[at].tolist(), known, strict=True)
            ]
            found += list(
                zip(self._times[at].tolist(), runs.tolist(), [point] * len(runs), values, strict=True)
            )
        return sorted(found, key=lambda entry: entry[:3])

    def _losers(self, rule: StopLosers) -> list[Stop]:
        judge = losers.Losers(rule.to_json(), most=0)
        gone = [
            (float(self._ended[place]), place)
            for place, row in enumerate(self._rows)
            if row.state in states.ENDED and row.state != states.FINISHED
        ]
        gone.sort(reverse=True)
        stopped: dict[int, Stop] = {}
        for time, place, point, value in self.entries(rule):
            while gone and gone[-1][0] < time:
                judge.leave(gone.pop()[1])
            if place in stopped:
                continue
            for loser, checkpoint, evidence in judge.feed([(place, point, value)]):
                known = evidence["value"]
                why = losers.explain(evidence)
                stopped[loser] = self._stop(loser, max(checkpoint, self._seen(loser, time)), time, known, why)
        return list(stopped.values())

    def _seen(self, place: int, time: float) -> int:
        """How many points the run had at that time."""
        begin, end = self._starts[place : place + 2]
        return int(np.searchsorted(self._times[begin:end], time, side="right"))

    # -- conditions of single runs

    def _threshold(self, condition: Mapping[str, Any]) -> list[Stop]:
        """The first point that a threshold holds for: as the fold finds it, for all runs at once."""
        hits = np.flatnonzero(COMPARE[condition["comparator"]](self._values, condition["killvalue"]))
        begin, after = self._starts[:-1].copy(), condition.get("after") or 0.0
        for place in range(len(begin)) if after else ():
            # The last value before that time counts once it has come, if the run lives until then.
            times = self._times[self._starts[place] : self._starts[place + 1]]
            late = int(np.searchsorted(times - self._began[place], after, side="left"))
            lives = bool(late < len(times) or self._ended[place] - self._began[place] >= after)
            begin[place] += late - (late > 0 and lives)
        first = np.searchsorted(hits, begin)
        found = []
        for place in np.flatnonzero(first < len(hits)).tolist():
            at = int(hits[first[place]])
            if at < self._starts[place + 1]:
                time = max(float(self._times[at]), float(self._began[place]) + after)
                number, value = at - int(self._starts[place]) + 1, float(self._values[at])
                found.append(self._stop(place, number, time, value, _explain(condition, value)))
        return found

    def _fold(self, condition: Mapping[str, Any]) -> list[Stop]:
        """The same by the evaluator of the nodes, point by point: for every other condition."""
        found = []
        for place in range(len(self._rows)):
            begin, end = (int(bound) for bound in self._starts[place : place + 2])
            judge, started = conditions.Conditions([dict(condition)]), float(self._began[place])
            firings: Sequence[Any] = ()
            for number, (time, value) in enumerate(
                zip(self._times[begin:end], self._values[begin:end], strict=True)
            ):
                firings = judge.feed(self.metric, float(value), number, float(time) - started)
                if firings:
                    break
            else:
                firings = judge.tick(float(self._ended[place]) - started)
            if firings:
                firing = firings[0]
                after = started + (condition.get("after") or 0.0)
                time = max(float(self._times[begin + firing[2]]), after)
                found.append(
                    self._stop(place, firing[2] + 1, time, firing[1], _explain(condition, firing[1]))
                )
        return found

    # -- what it comes to

    def _stop(self, place: int, point: int, time: float, value: float | None, why: str) -> Stop:
        row, value = self._rows[place], math.nan if value is None else value
        return Stop(row.number, row.name, point, time, value, why, max(0.0, float(self._ended[place]) - time))

    @cached_property
    def _ends(self) -> npt.NDArray[np.int64]:
        return self._starts[1:] - 1

    def _top(self, goal: str, count: int) -> tuple[int, ...]:
        sign = 1.0 if goal == "minimize" else -1.0
        keys = sign * self._bests(goal)[self._ends]
        order = [place for place in np.argsort(keys, kind="stable")[:count] if np.isfinite(keys[place])]
        return tuple(self._rows[place].number for place in order)


def _was_cut(row: RunRow) -> bool:
    return row.state == states.TERMINATED and row.reason.startswith(("stop_losers, ", "condition "))


def _explain(condition: Mapping[str, Any], value: float) -> str:
    said = f"condition {condition['id']}, {value:.12g}"
    sign = conditions.SIGNS.get(condition["comparator"])
    if sign is None:
        return f"{said}: {condition['comparator']}"
    limit = condition["comparator"] if sign == "is" else f"{condition['killvalue']:.12g}"
    return f"{said} {sign} {limit}"


def parse_condition(text: str) -> dict[str, Any]:
    """`error_rate > 50 after 10` (minutes; also >= < <= ==, `loss is nan`) as a condition. Raises InputError."""
    hint = "write it as 'error_rate > 50', 'error_rate > 50 after 10' (minutes) or 'loss is nan'"
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise InputError(f"{text!r} is no condition", hint)
    metric, sign, limit, after = found.groups()
    comparator = limit if sign == "is" else _SIGNS[sign]
    try:
        killvalue, seconds = (
            0.0 if sign == "is" else float(limit),
            None if after is None else float(after) * 60,
        )
    except ValueError:
        raise InputError(f"{text!r} is no condition", hint) from None
    if comparator not in COMPARE or math.isnan(killvalue) or not 0 <= (seconds or 0.0) < math.inf:
        raise InputError(f"{text!r} is no condition", hint)
    return {
        "id": text, "variablename": metric, "killvalue": killvalue, "comparator": comparator,
        "after": seconds or None, "action": "kill",
    }  # fmt: skip


def own_rule(store: Store, rows: Iterable[RunRow]) -> dict[str, Any]:
    """What `stop_losers` says now of the experiment that these runs belong to; {} without one, or with several."""
    names = {row.experiment for row in rows}
    known = store.experiments.get(names.pop()) if len(names) == 1 else None
    rule = None if known is None else Experiment.from_json(known.spec).stop_losers
    return {} if rule is None else rule.to_json()


def make_rule(store: Store, rows: Iterable[RunRow], given: Mapping[str, Any]) -> StopLosers:
    """The rule of the experiment with what is `given` in its place. Raises InputError when something is missing."""
    words = {**own_rule(store, rows), **{word: value for word, value in given.items() if value is not None}}
    missing = [word for word in ("metric", "goal") if word not in words]
    if missing:
        raise InputError(
            f"no {missing[0]} is given, and the experiment has no stop_losers",
            "add --metric error --goal minimize, or --condition 'error > 50'",
        )
    for word, allowed in (("goal", losers.GOALS), ("rule", losers.RULES)):
        if words.get(word, allowed[0]) not in allowed:
            raise InputError(f"{words[word]!r} is no {word}", f"it is {' or '.join(allowed)}")
    for word, least in (("min_points", 1), ("reduction", 2), ("keep", 1)):
        if words.get(word, least) < least:
            raise InputError(f"{word} is {words[word]}", f"it is {least} at least")
    return StopLosers(**words)


def of(
    store: Store, numbers: Sequence[int], condition: str | None, top: int, given: Mapping[str, Any]
) -> Verdict:
    """For Neroman.backtest."""
    if top < 0:
        raise InputError(f"top is {top}", "it is 0 at least")
    if condition is None:
        rule = make_rule(store, store.runs.find(numbers), given)
        return Backtest.load(store, numbers, rule.metric).evaluate(rule, top)
    words = set(given) - {"goal"} - {word for word, value in given.items() if value is None}
    if words:
        raise InputError(f"a condition has no {min(words)}", "give the condition, or a rule across runs")
    parsed = parse_condition(condition)
    goal = given.get("goal") or ""
    if goal and goal not in losers.GOALS:
        raise InputError(f"{goal!r} is no goal", f"it is {' or '.join(losers.GOALS)}")
    return Backtest.load(store, numbers, parsed["variablename"]).evaluate(parsed, top, goal)
