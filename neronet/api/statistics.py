"""Which runs are best, and what groups of runs come to."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from neronet.errors import InputError
from neronet.spec.experiment import Experiment
from neronet.spec.problems import did_you_mean
from neronet.spec.values import number
from neronet.store.points import Last
from neronet.store.runs import RunRow
from neronet.store.store import Store
from neronet.wire import states
from neronet.wire.samples import is_sample

if TYPE_CHECKING:
    import pandas as pd

    from neronet.api.runset import RunSet

GOALS = ("minimize", "maximize")
LEFT_OUT = (states.FAILED, states.LOST)  # their last value says nothing of their parameters
SEEDS = ("seed", "repeat")  # repeats, also of an experiment that is known no longer


class Value(NamedTuple):
    run: int
    value: float


@dataclass(frozen=True)
class Groups:
    """Runs by the values of `parameters`; `members` has each combination of values in order, with its runs."""

    store: Store
    parameters: tuple[str, ...]
    members: dict[tuple[str | None, ...], list[RunRow]]

    def agg(self, metric: str, goal: str = "minimize") -> pd.DataFrame:
        """A row per group, in the order of the parameters' values, which are its index: count, mean, std (of a
        sample; nan for one run), min, max of the last values of the metric, and the number of the best run.

        nan counts as a value: a group in which a run diverged has no mean. Runs without the metric, failed and lost
        ones are left out, and groups that have no other.
        """
        import pandas as pd

        from neronet.store.frames import numeric

        names = ["count", "mean", "std", "min", "max", "best"]
        told = [(key, summary(values, goal)) for key, values in self.values(metric, goal)]
        columns = {name: [row[place] for _, row in told] for place, name in enumerate(names)}
        texts: list[Any] = [numeric([key[place] for key, _ in told]) for place in range(len(self.parameters))]
        index: pd.Index | None = None
        if len(texts) == 1:
            index = pd.Index(texts[0], name=self.parameters[0])
        elif texts:
            index = pd.MultiIndex.from_arrays(texts, names=list(self.parameters))
        frame: pd.DataFrame = pd.DataFrame(columns, index=index)
        return frame

    def values(self, metric: str, goal: str = "minimize") -> list[tuple[tuple[str | None, ...], list[Value]]]:
        """Each group with the last values of its runs, the best first; groups without any are left out."""
        rows = [row for group in self.members.values() for row in group]
        found = _values(self.store, rows, metric, goal)
        groups = [
            (key, [found[row.number] for row in group if row.number in found])
            for key, group in self.members.items()
        ]
        return [(key, sorted(values, key=_rank(goal))) for key, values in groups if values]


def summary(values: Sequence[Value], goal: str) -> tuple[int, float, float, float, float, int]:
    """(count, mean, sample standard deviation, min, max, the best run)."""
    numbers = [each.value for each in values]
    count = len(numbers)
    best = min(values, key=_rank(goal)).run
    if any(math.isnan(value) for value in numbers):
        return count, math.nan, math.nan, math.nan, math.nan, best
    try:
        mean = math.fsum(numbers) / count if all(map(math.isfinite, numbers)) else sum(numbers) / count
    except OverflowError:  # of values that have nearly gone to infinity
        mean = sum(value / count for value in numbers)
    squares = sum((value - mean) * (value - mean) for value in numbers) if math.isfinite(mean) else math.nan
    deviation = math.sqrt(squares / (count - 1)) if count > 1 else math.nan
    return count, mean, deviation, min(numbers), max(numbers), best


def best(runs: RunSet, metric: str, k: int, goal: str) -> list[int]:
    """The numbers of the best runs, the best first. Raises InputError for what these runs do not have."""
    found = _values(runs._neroman.store, runs.rows(), metric, goal)
    return [each.run for each in sorted(found.values(), key=_rank(goal))[: max(0, k)]]


def group(store: Store, runs: RunSet, parameters: Sequence[str]) -> Groups:
    """The runs by these parameters, or by all that vary and are no repeats; InputError for one that none has."""
    rows = runs.rows()
    known = list(dict.fromkeys(name for row in rows for name in row.parameters))
    for name in parameters:
        if name not in known:
            raise InputError(f"these runs have no parameter {name}", did_you_mean(name, known))
    pooled = repeats(store, rows)
    names = tuple(parameters) or tuple(
        name for name in known if name not in pooled and len({row.parameters.get(name) for row in rows}) > 1
    )
    groups: dict[tuple[str | None, ...], list[RunRow]] = {}
    for row in rows:
        groups.setdefault(tuple(row.parameters.get(name) for name in names), []).append(row)
    ordered = sorted(groups, key=lambda key: [_by_value(text) for text in key])
    return Groups(store, names, {key: groups[key] for key in ordered})


def repeats(store: Store, rows: Iterable[RunRow]) -> set[str]:
    """The parameters in which runs may differ and still be repeats of each other."""
    found = set(SEEDS)
    for name in {row.experiment for row in rows}:
        known = store.experiments.get(name)
        found.update(Experiment.from_json(known.spec).pooled if known else ())
    return found


def _values(store: Store, rows: Sequence[RunRow], metric: str, goal: str) -> dict[int, Value]:
    if goal not in GOALS:
        raise InputError(f"{goal!r} is no goal", f"say {' or '.join(GOALS)}")
    last: dict[int, Last] = store.points.last([row.number for row in rows])
    names = dict.fromkeys(name for one in last.values() for name in one.values)
    if rows and metric not in names:
        printed = [name for name in names if not is_sample(name)]
        raise InputError(f"these runs have no metric {metric}", did_you_mean(metric, printed))
    return {
        row.number: Value(row.number, last[row.number].values[metric])
        for row in rows
        if row.state not in LEFT_OUT and row.number in last and metric in last[row.number].values
    }


def _rank(goal: str) -> Callable[[Value], tuple[bool, float, int]]:
    sign = -1.0 if goal == "maximize" else 1.0

    def rank(each: Value) -> tuple[bool, float, int]:
        return math.isnan(each.value), 0.0 if math.isnan(each.value) else sign * each.value, each.run

    return rank


def _by_value(text: str | None) -> tuple[int, float, str]:
    """Numbers by what they are worth, then other texts by the alphabet, then those that have none."""
    if text is None:
        return 2, 0.0, ""
    value = number(text)
    return (1, 0.0, text) if value is None or math.isnan(value) else (0, value, text)
