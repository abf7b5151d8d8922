"""The points of a sweep: the product of all values, zipped ones together, excluded ones left out."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from neronet.errors import InputError
from neronet.spec.experiment import Experiment, Parameter
from neronet.spec.placeholders import Slot, pieces
from neronet.spec.ranges import Range
from neronet.sweep.names import value_in_name

LIMIT = 1_000_000

Group: TypeAlias = Sequence[Parameter]  # parameters that vary together: one, or those of a zip


@dataclass(frozen=True, slots=True)
class Point:
    """One run to be: its name, the text of each parameter, and exactly what is started."""

    name: str
    parameters: dict[str, str]
    argv: tuple[str, ...]


def count(experiment: Experiment) -> int:
    """How many points the sweep has before `exclude`, without making them."""
    return math.prod(_size(group) for group in _groups(experiment))


def count_exactly(experiment: Experiment, limit: int) -> int:
    """The same, less what `exclude` leaves out where at most `limit` points are to be looked at for that."""
    total = count(experiment)
    if not experiment.exclude or total > limit:
        return total
    groups = _groups(experiment)
    names = [parameter.name for group in groups for parameter in group]
    rows = itertools.product(*map(_rows, groups))
    points = (dict(zip(names, itertools.chain.from_iterable(values), strict=True)) for values in rows)
    return sum(not any(condition.holds(point) for condition in experiment.exclude) for point in points)


def expand(experiment: Experiment, limit: int = LIMIT) -> list[Point]:
    """The points in sweep order: the last parameter varies fastest; equal ones are there once.

    Raises InputError, before anything is made, when there are more than `limit`.
    """
    total = count(experiment)
    if total > limit:
        raise InputError(
            f"{experiment.id} stands for {total:,} runs, more than {limit:,}",
            "let fewer parameters vary, or zip them",
        )
    groups = _groups(experiment)
    rows = [_rows(group) for group in groups]
    labels = [_labels(group, each) for group, each in zip(groups, rows, strict=True)]
    names = [parameter.name for group in groups for parameter in group]
    in_order = [parameter.name for parameter in experiment.all_parameters]
    command = _command(experiment)
    points = []
    for values, parts in zip(itertools.product(*rows), itertools.product(*labels), strict=True):
        given = dict(zip(names, itertools.chain.from_iterable(values), strict=True))
        if any(condition.holds(given) for condition in experiment.exclude):
            continue
        label = ",".join(part for part in parts if part)
        name = f"{experiment.id}/{label}" if label else experiment.id
        points.append(Point(name, {each: given[each] for each in in_order}, command(given)))
    return points


def _groups(experiment: Experiment) -> list[Group]:
    parameters = {parameter.name: parameter for parameter in experiment.all_parameters}
    zipped = {name: zips for zips in experiment.zips for name in zips}
    groups: dict[tuple[str, ...], Group] = {}
    for name in parameters:
        names = zipped.get(name, (name,))
        groups.setdefault(names, [parameters[each] for each in names])
    return list(groups.values())


def _size(group: Group) -> int:
    # The values of a range differ, so its rows do; it may be long, so it is not gone through.
    if any(isinstance(parameter.values, Range) for parameter in group):
        return len(group[0].values)
    return len(set(zip(*(parameter.values for parameter in group), strict=True)))


def _rows(group: Group) -> list[tuple[str, ...]]:
    return list(dict.fromkeys(zip(*(parameter.values for parameter in group), strict=True)))


def _labels(group: Group, rows: list[tuple[str, ...]]) -> list[str]:
    """What each row adds to a run's name: nothing but values that differ."""
    varying = [column for column in range(len(group)) if len({row[column] for row in rows}) > 1]
    return [
        ",".join(f"{group[column].name}={value_in_name(row[column])}" for column in varying) for row in rows
    ]


def _command(experiment: Experiment) -> Callable[[Mapping[str, str]], tuple[str, ...]]:
    """What makes the argv of a point from its values."""
    main, prefix = experiment.main_code_file, experiment.run_command_prefix
    if not any(prefix) and "/" not in main:
        main = f"./{main}"  # else it would be looked for on PATH
    head: tuple[str, ...] = (*prefix, main)
    if experiment.shell:
        # The shell sees the user's prefix only; file and values reach the program as "$@", unparsed.
        head = ("/bin/sh", "-c", f'{" ".join(prefix)} "$@"', "sh", main)
    words = [pieces(word) for word in _format(experiment)]

    def command(values: Mapping[str, str]) -> tuple[str, ...]:
        filled = [
            "".join([values[each.name] if isinstance(each, Slot) else each for each in word])
            for word in words
        ]
        return (*head, *filled)

    return command


def _format(experiment: Experiment) -> Sequence[str]:
    if experiment.parameter_format is not None:
        return experiment.parameter_format
    # `repeat` alone is no value of the user's: it only tells runs apart.
    names = [each.name for each in experiment.all_parameters]
    if experiment.repeat_parameter == "repeat":
        names.remove("repeat")
    return [word for name in names for word in (f"--{name}", f"{{{name}}}")]
