"""An experiment as a stranger's file describes it: every part is of the type that it must be, or none is taken."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from neronet.spec.conditions import MAX_POINTS
from neronet.spec.experiment import Condition, Experiment, StopLosers
from neronet.wire.conditions import ACTIONS, SILENT, SLOPES, STALLED, WORDS
from neronet.wire.frames import Malformed
from neronet.wire.losers import GOALS, RULES


def experiment(spec: Mapping[str, Any], name: str, folder: Path) -> Experiment:
    """The experiment that `Experiment.to_json` described, in another folder. Raises Malformed."""
    try:
        found = Experiment.from_json({**spec, "folder": str(folder), "id": name})
        again = Experiment.from_json(found.to_json())
    except Exception as error:  # whatever a stranger's values make of it
        raise Malformed(f"the configuration of {name} cannot be read: {error!s:.200}") from error
    if again != found or not is_a(found, Experiment):
        raise Malformed(f"the configuration of {name} has values of another kind than it must have")
    if not all(map(_can_be_judged, found.conditions)):
        raise Malformed(f"the configuration of {name} has a condition that is not known")
    if found.stop_losers is not None and not _can_compare(found.stop_losers):
        raise Malformed(f"the configuration of {name} has a stop_losers that is not known")
    return found


def _can_be_judged(condition: Condition) -> bool:
    """Whether it has what its comparator needs, as one of a config.yaml has."""
    if condition.comparator not in WORDS or condition.action not in ACTIONS:
        return False
    if condition.comparator == SILENT:
        return condition.quiet is not None
    if condition.comparator == STALLED:
        return condition.points is not None
    return condition.comparator not in SLOPES or 2 <= (condition.points or 0) <= MAX_POINTS


def _can_compare(rule: StopLosers) -> bool:
    known = rule.rule in RULES and rule.goal in GOALS
    return known and rule.min_points > 0 and rule.reduction > 1 and rule.keep > 0


def is_a(value: object, kind: Any) -> bool:
    """Whether a value is of an annotated type, with all that is in it."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind is Any or kind is object:
        return True
    if kind is float:
        return isinstance(value, float | int) and not isinstance(value, bool)
    if kind is int:
        return type(value) is int
    if origin in (Union, types.UnionType):
        return any(is_a(value, part) for part in parts)
    if origin is Literal:
        return value in parts
    if origin is tuple:
        return isinstance(value, tuple) and all(is_a(item, parts[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(
            is_a(key, parts[0]) and is_a(item, parts[1]) for key, item in value.items()
        )
    if isinstance(kind, type) and is_dataclass(kind):
        hints = get_type_hints(kind)
        return isinstance(value, kind) and all(
            is_a(getattr(value, each.name), hints[each.name]) for each in fields(kind)
        )
    if origin is not None:  # a sequence of the values of a parameter: a tuple of texts, or a range
        return not isinstance(value, tuple) or all(isinstance(item, str) for item in value)
    return isinstance(value, kind)
