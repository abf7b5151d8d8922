"""What a draft stands for: how many runs, which, with which commands, and what is wrong with it."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from neronet.errors import InputError
from neronet.spec.config import parse_config
from neronet.spec.editing import FILE
from neronet.spec.experiment import Experiment, Parameter
from neronet.spec.problems import Problem, Unfit
from neronet.spec.ranges import Range, make_range
from neronet.spec.sweepfile import Said, Tree, chain, ids, tree, where
from neronet.sweep import Point, count, expand
from neronet_jupyter.sweeping.draft import Draft

MOST = 20_000  # points that are looked at one by one
ROWS = 100  # that a page gets
VALUES = 6  # of a range that are shown
_MARK = "\0"


@dataclass(frozen=True)
class Fault:
    """Something to mend; `word` and `name` say at which field it is shown, `line` where it is in config.yaml."""

    word: str
    name: str
    text: str
    hint: str
    severity: str
    line: int

    def to_json(self) -> dict[str, Any]:
        return dict(self.__dict__)


@dataclass(frozen=True)
class Preview:
    """`points` are all of the sweep, with those that are left out; `is_left` says which these are."""

    experiment: Experiment | None = None
    points: tuple[Point, ...] = ()
    is_left: tuple[bool, ...] = ()
    total: int = 0  # without those that are left out
    left: int = 0
    faults: tuple[Fault, ...] = ()
    text: str = ""
    inheriting: tuple[str, ...] = ()  # experiments that are nested in this one

    @property
    def errors(self) -> tuple[Fault, ...]:
        return tuple(fault for fault in self.faults if fault.severity == "error")


def look(draft: Draft, file: str) -> Preview:
    """The preview of a draft of the config.yaml whose text is `file`."""
    try:
        text = draft.text(file)
    except InputError as error:
        found = _faults(parse_config(file, FILE, Path(draft.folder)).problems, tree(file), draft.experiment)
        wrong = [fault for fault in found if fault.severity == "error"]
        return Preview(faults=tuple(wrong) or (Fault("", "", str(error), error.hint, "error", 0),))
    config = parse_config(text, FILE, Path(draft.folder), look=True)
    at = tree(text)
    faults = _faults(config.problems, at, draft.experiment)
    experiment = next((each for each in config.experiments if each.id == draft.experiment), None)
    inner = _inheriting(at, draft.experiment)
    if experiment is None:
        return Preview(faults=faults, text=text, inheriting=inner)
    total = count(experiment)
    if total > MOST:
        return Preview(experiment, _some(experiment), (), total, 0, faults, text, inner)
    points = expand(replace(experiment, exclude=()))
    rules = experiment.exclude
    is_left = tuple(any(rule.holds(point.parameters) for rule in rules) for point in points)
    left = sum(is_left)
    return Preview(experiment, tuple(points), is_left, total - left, left, faults, text, inner)


def _some(experiment: Experiment) -> tuple[Point, ...]:
    """The first point of a sweep that is too big to be gone through."""
    first = tuple(Parameter(each.name, (each.values[0],)) for each in experiment.parameters)
    return tuple(expand(replace(experiment, parameters=first, exclude=(), repeat=1)))


def _faults(problems: Sequence[Problem], at: Tree, id: str) -> tuple[Fault, ...]:  # noqa: A002
    found = []
    for problem in problems:
        word, name = where(at, id, problem.line, problem.column)
        if word == "zip":
            name = next((part for part in problem.text.split("'")[3:4] if part), "")
        if word or problem.severity == "error":
            found.append(Fault(word, name, problem.text, problem.hint, problem.severity, problem.line))
    return tuple(found)


def _inheriting(at: Tree, id: str) -> tuple[str, ...]:  # noqa: A002
    blocks = chain(at.root, id)
    return tuple(name for name, _ in ids(blocks[-1][1])) if blocks else ()


def size(said: Said) -> int | None:
    """How many values are meant; None where that cannot be said."""
    if isinstance(said, dict):
        try:
            return len(make_range(said))
        except Unfit:
            return None
    return len(set(said)) if isinstance(said, list) else 1


def shown(said: Said) -> str:
    """The values of a range: `0.1, 0.01, 0.001`, of a long one the first and the last."""
    if not isinstance(said, dict):
        return ""
    try:
        values = make_range(said)
    except Unfit:
        return ""
    if len(values) <= VALUES:
        return ", ".join(values)
    return ", ".join(values[: VALUES - 2]) + f", … {values[-1]}"


def product(preview: Preview) -> str:
    """`4 × 2 × 3 − 6`; "" where one number says it."""
    if preview.experiment is None:
        return ""
    seen: set[str] = set()
    sizes = []
    groups = {name: group for group in preview.experiment.zips for name in group}
    by_name = {each.name: each.values for each in preview.experiment.all_parameters}
    for name, values in by_name.items():
        if name in seen:
            continue
        group = groups.get(name, (name,))
        seen.update(group)
        columns = [by_name[each] for each in group]
        size_of = len(values) if isinstance(values, Range) else len(set(zip(*columns, strict=True)))
        if size_of > 1:
            sizes.append(size_of)
    text = " × ".join(f"{each:,}" for each in sizes)
    if preview.left:
        return f"{text} − {preview.left:,}"
    return text if len(sizes) > 1 else ""


def varying(preview: Preview) -> list[str]:
    """The parameters whose values differ between runs."""
    if preview.experiment is None:
        return []
    parameters = preview.experiment.all_parameters
    return [each.name for each in parameters if _differs(each.values)]


def _differs(values: Sequence[str]) -> bool:
    # The values of a range differ, and it may be long.
    return len(values) > 1 and (isinstance(values, Range) or len(set(values)) > 1)


def rows(preview: Preview, chosen: int) -> list[dict[str, Any]]:
    """At most ROWS rows around the run `chosen` (from 1): {"n", "values"}; of runs that are left out, side by side,
    one row {"left": how many, "values": those that they share at the front}."""
    columns = varying(preview)
    found: list[dict[str, Any]] = []
    number = 0
    first = max(1, chosen - ROWS // 2)
    pairs = zip(preview.points, preview.is_left, strict=False)
    for gone, group in itertools.groupby(pairs, lambda pair: pair[1]):
        if gone:
            together = [point for point, _ in group]
            if number + 1 >= first:
                found.append({"left": len(together), "values": _shared(together, columns)})
        else:
            for point, _ in group:
                number += 1
                if number >= first:
                    found.append({"n": number, "values": [point.parameters[name] for name in columns]})
                if len(found) >= ROWS:
                    return found
        if len(found) >= ROWS:
            break
    return found


def _shared(points: Sequence[Point], columns: Sequence[str]) -> list[str]:
    shared = []
    for name in columns:
        values = {point.parameters[name] for point in points}
        if len(values) > 1:
            break
        shared.append(values.pop())
    return shared or [""]


def command(preview: Preview, chosen: int) -> list[list[Any]]:
    """The command of the run `chosen` (from 1) in pieces: [text, whether it differs between runs]."""
    experiment = preview.experiment
    point = point_of(preview, chosen)
    if experiment is None or point is None:
        return []
    differing = set(varying(preview))
    pieces: list[list[Any]] = []
    for word, value in zip(_marked(experiment), point.argv, strict=True):
        parts = word.split(_MARK)
        whole = shlex.quote(value)
        if pieces:
            pieces.append([" ", False])
        if whole != value or len(parts) == 1:
            pieces.append([whole, any(part in differing for part in parts[1::2])])
            continue
        for position, part in enumerate(parts):
            if position % 2:
                pieces.append([point.parameters.get(part, ""), part in differing])
            elif part:
                pieces.append([part, False])
    return pieces


def _marked(experiment: Experiment) -> tuple[str, ...]:
    """The argv with the name of each parameter, between marks, where its value goes."""
    names = [each.name for each in experiment.all_parameters]
    if experiment.repeat_parameter == "repeat":
        names.remove("repeat")  # it tells runs apart, but is not passed
    marked = tuple(Parameter(name, (f"{_MARK}{name}{_MARK}",)) for name in names)
    return expand(replace(experiment, parameters=marked, zips=(), exclude=(), repeat=1))[0].argv


def point_of(preview: Preview, chosen: int) -> Point | None:
    """The run with this number, from 1."""
    if not preview.is_left:
        return preview.points[0] if preview.points else None
    kept = (point for point, gone in zip(preview.points, preview.is_left, strict=True) if not gone)
    return next(itertools.islice(kept, max(0, chosen - 1), None), None)
