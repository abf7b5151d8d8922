"""A rule that is tried on recorded runs: its words, the sliders of these, and how it is written (pure)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from neronet.api.backtest import Backtest, parse_condition
from neronet.errors import InputError
from neronet.spec.experiment import StopLosers
from neronet.wire.losers import GOALS, KEEP, MIN_POINTS, REDUCTION
from neronet.wire.losers import RULES as ACROSS

THRESHOLD = "threshold"
RULES = (*ACROSS, THRESHOLD)
SIGNS = {">": "gt", "<": "lt"}
NAME = "from_backtest"  # of the condition that is written
_GREAT = ("acc", "score", "auc", "f1", "rew", "return", "r2", "iou", "bleu")  # names of what shall be great
_SAMPLE = 100_000  # values that the limits of a slider are taken from
BEGINNING = 0.2  # of a run: until then a threshold says little
_STEPS = 200  # of a slider of thresholds, about


@dataclass(frozen=True)
class Trial:
    """A rule across runs, or a threshold: `metric sign limit` after some minutes. None and "": not chosen yet."""

    metric: str = ""
    goal: str = ""
    rule: str = ACROSS[0]
    min_points: int | None = None
    reduction: int = REDUCTION
    keep: int = KEEP
    sign: str = ""
    limit: float | None = None
    minutes: float | None = None

    def rule_of(self) -> StopLosers | dict[str, Any]:
        """For Backtest.evaluate."""
        if self.rule != THRESHOLD:
            points = MIN_POINTS if self.min_points is None else self.min_points
            return StopLosers(self.metric, self.goal, self.rule, points, self.reduction, self.keep)
        after = f" after {self.minutes:.12g}" if self.minutes else ""
        return parse_condition(f"{self.metric} {self.sign} {self.limit:.12g}{after}")

    def written(self) -> tuple[dict[str, str], str]:
        """As config.yaml has it: the words of `stop_losers` with "", or those of a condition with its name."""
        if self.rule != THRESHOLD:
            told = {"metric": self.metric, "goal": self.goal}
            usual = {
                "rule": (self.rule, ACROSS[0]), "min_points": (self.min_points, MIN_POINTS),
                "reduction": (self.reduction, REDUCTION), "keep": (self.keep, KEEP),
            }  # fmt: skip
            if self.rule != "halving":
                del usual["reduction"]
            return told | {word: str(now) for word, (now, else_) in usual.items() if now != else_}, ""
        return {
            "variablename": self.metric, "comparator": SIGNS[self.sign], "killvalue": f"{self.limit:.12g}",
            **({"when": f"time {self.minutes:.12g}"} if self.minutes else {}), "action": "kill",
        }, NAME  # fmt: skip


class Bounds(NamedTuple):
    """What the sliders go over."""

    points: int  # of the longest run
    minutes: float  # that the longest run took
    runs: int
    low: float
    high: float
    step: float
    quarters: tuple[
        float, float
    ]  # below the first and above the second is a quarter of the values after BEGINNING


class Slider(NamedTuple):
    name: str
    label: str
    low: float
    high: float
    step: float
    value: float


def changed(trial: Trial, words: Mapping[str, Any]) -> Trial:
    """With these words instead. Raises InputError for one that it does not have, or a value that does not fit."""
    if unknown := sorted(set(words) - {field.name for field in fields(Trial)}):
        raise InputError(f"a rule has no {unknown[0]}", ", ".join(field.name for field in fields(Trial)))
    for word, allowed in (("goal", GOALS), ("rule", RULES), ("sign", tuple(SIGNS))):
        if word in words and words[word] not in allowed:
            raise InputError(f"{words[word]!r} is no {word}", f"it is {' or '.join(allowed)}")
    found = dict(words)
    for word, least in (("min_points", 1), ("reduction", 2), ("keep", 1)):
        if word in words:
            found[word] = int(_number(word, words[word], least))
    for word, lowest in (("limit", -math.inf), ("minutes", 0.0)):
        if word in words:
            found[word] = _number(word, words[word], lowest)
    if found.get("metric", trial.metric) != trial.metric and trial.metric:
        trial = replace(trial, goal="", sign="", limit=None)  # they say nothing of another metric
    return replace(trial, **found)


def _number(word: str, value: Any, least: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"{word} {value!r} is no number", "move the slider, or type a number")
    if value < least:
        raise InputError(f"{word} is {value:.12g}", f"it is {least:.12g} at least")
    return value


def fitted(trial: Trial, bounds: Bounds) -> Trial:
    """With what was not chosen yet."""
    goal = trial.goal or (
        "maximize" if any(word in trial.metric.casefold() for word in _GREAT) else "minimize"
    )
    sign = trial.sign or (">" if goal == "minimize" else "<")
    points = trial.min_points or max(1, min(MIN_POINTS, bounds.points // 2))
    limit = trial.limit
    if limit is None:
        limit = on_step(bounds.quarters[sign == ">"], bounds.step)
    minutes = trial.minutes
    if minutes is None:
        minutes = on_step(BEGINNING * bounds.minutes, minute_step(bounds))
    return replace(trial, goal=goal, sign=sign, min_points=points, limit=limit, minutes=minutes)


def bounds(tested: Backtest) -> Bounds:
    """From the recorded points."""
    curves = [tested.values(place) for place in range(len(tested.rows))]
    low, high = _quantiles(curves, (0.01, 0.99))
    first, last = _quantiles([curve[int(BEGINNING * len(curve)) :] for curve in curves], (0.25, 0.75))
    step = nice(max((high - low) / _STEPS, abs(high) * 1e-6, 1e-12))
    return Bounds(
        tested.points(), tested.seconds() / 60, len(tested.rows),
        on_step(low - step, step), on_step(high + step, step), step, (first, last),
    )  # fmt: skip


def _quantiles(curves: Sequence[npt.NDArray[np.float64]], parts: tuple[float, float]) -> tuple[float, float]:
    values = np.concatenate(curves)
    values = values[:: max(1, len(values) // _SAMPLE)]
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    below, above = np.quantile(values, parts).tolist()
    return below, above


def minute_step(bounds: Bounds) -> float:
    return nice(max(bounds.minutes / _STEPS, 1e-3))


def nice(step: float) -> float:
    """The next of ..., 0.1, 0.2, 0.5, 1, 2, 5, ..."""
    power = 10.0 ** math.floor(math.log10(step))
    return float(f"{power * next(n for n in (1, 2, 5, 10) if n * power >= step * (1 - 1e-9)):.1g}")


def on_step(value: float, step: float) -> float:
    return float(f"{round(value / step) * step:.12g}")


def sliders(trial: Trial, bounds: Bounds) -> list[Slider]:
    """Those of the rule that is tried. A value beyond their ends was typed, or comes from config.yaml."""
    if trial.rule == THRESHOLD:
        step = minute_step(bounds)
        longest = on_step(bounds.minutes + step, step)
        found = [
            Slider("limit", "threshold", bounds.low, bounds.high, bounds.step, trial.limit or 0.0),
            Slider("minutes", "after minutes", 0, longest, step, trial.minutes or 0.0),
        ]
    else:
        found = [
            Slider("min_points", "first comparison after points", 1, bounds.points, 1, trial.min_points or 1),
            Slider("keep", "keep at least", 1, min(bounds.runs, 20), 1, trial.keep),
        ]
        if trial.rule == "halving":
            found.insert(1, Slider("reduction", "one in so many goes on", 2, 10, 1, trial.reduction))
    return [one._replace(low=min(one.low, one.value), high=max(one.high, one.value)) for one in found]
