"""What figures ask about runs (pure): which parameters vary, how a run is called, how long it will be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from neronet.spec.values import number
from neronet.store.runs import RunRow
from neronet.wire.conditions import KILL, STOP
from neronet_jupyter.figures.resample import Array

PRECISE = 3  # so many parameters at most are in a line's name


def by_value(texts: Iterable[str]) -> list[str]:
    """Numbers by what they are worth, then other texts by the alphabet."""

    def rank(text: str) -> tuple[bool, float, str]:
        value = number(text)
        return (True, 0.0, text) if value is None or value != value else (False, value, text)

    return sorted(texts, key=rank)


def varying(rows: Sequence[RunRow]) -> list[str]:
    """The parameters in which these runs differ, in the order in which they were defined."""
    names = dict.fromkeys(name for row in rows for name in row.parameters)
    return [name for name in names if len({row.parameters.get(name) for row in rows}) > 1]


def called(row: RunRow, parameters: Sequence[str]) -> str:
    """`#122 lr 0.1`; with several parameters that vary only their values, `#122 0.1 sgd 3`."""
    values = [(name, row.parameters[name]) for name in parameters[:PRECISE] if name in row.parameters]
    words = (
        [f"{name} {value}" for name, value in values] if len(values) == 1 else [value for _, value in values]
    )
    return " ".join([f"#{row.number}", *words])


class Limit(NamedTuple):
    """A value of a metric at which a condition acts."""

    value: float
    text: str  # `terminate above 50`
    action: str  # kill (it ends the run) or warn


_SIDES = {"gt": "above", "geq": "from", "lt": "below", "leq": "up to", "eq": "at"}
_DEEDS = {"kill": "terminate", "stop": "stop", "warn": "warn", "notify": "notify"}


def limits(specs: Iterable[Mapping[str, Any]], metric: str) -> list[Limit]:
    """The limits that these experiments (as stored) set on a metric, each once."""
    found = {}
    for spec in specs:
        for condition in spec.get("conditions", ()):
            side = _SIDES.get(condition["comparator"])
            if condition["variablename"] == metric and side:
                value = float(condition["killvalue"])
                action = condition["action"]
                text = f"{_DEEDS.get(action, 'warn')} {side} {value:.6g}"
                found[text] = Limit(value, text, "kill" if action in (KILL, STOP) else "warn")
    return list(found.values())


def steps(spec: Mapping[str, Any], parameters: Mapping[str, str]) -> int | None:
    """How many points a run of this experiment will have, where that is said: `steps: 40`, or a parameter's name."""
    said = str(spec.get("steps") or "")
    text = parameters.get(said, said)
    return int(text) if text.isdigit() and int(text) > 0 else None


def expected_end(x: Array, count: int | None) -> float | None:
    """The x of the last of `count` points, when they go on as they went so far; None when nothing tells."""
    if count is None or len(x) < 2 or count <= len(x):
        return None
    pace = (x[-1] - x[0]) / (len(x) - 1)
    end = float(x[0] + pace * (count - 1))
    return end if pace > 0 and np.isfinite(end) else None


def matched(steps_x: Array, x: Array, steps_y: Array, y: Array) -> tuple[Array, Array]:
    """Two metrics of a run as points (x, y): those that belong to the same step, in the order of the steps."""
    _, at_x, at_y = np.intersect1d(steps_x, steps_y, return_indices=True)
    return x[at_x], y[at_y]
