"""An experiment as a stranger's file describes it: every part is of the type that it must be, or none is taken."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from neronet.spec.experiment import Experiment
from neronet.wire.conditions import ACTIONS, COMPARATORS
from neronet.wire.frames import Malformed


def experiment(spec: Mapping[str, Any], name: str, folder: Path) -> Experiment:
    """The experiment that `Experiment.to_json` described, in another folder. Raises Malformed."""
    try:
        found = Experiment.from_json({**spec, "folder": str(folder), "id": name})
        again = Experiment.from_json(found.to_json())
    except Exception as error:  # whatever a stranger's values make of it
        raise Malformed(f"the configuration of {name} cannot be read: {error!s:.200}") from error
    if again != found or not is_a(found, Experiment):
        raise Malformed(f"the configuration of {name} has values of another kind than it must have")
    if any(each.comparator not in COMPARATORS or each.action not in ACTIONS for each in found.conditions):
        raise Malformed(f"the configuration of {name} has a condition that is not known")
    return found


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
