"""Values as JSON for programs: nan and infinities are null.  Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import PurePath

from neronet.api.run import utc


def iso(seconds: float) -> str:
    """A time as programs get it everywhere: `2026-03-14T15:09:26.535Z`."""
    return str(utc(seconds))


def clean(value: object) -> object:
    """`value` made of what JSON knows."""
    if isinstance(value, Mapping):
        return {str(name): clean(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(item) for item in value]
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value if math.isfinite(value) else None
    return value


def dumps(value: object) -> str:
    """JSON with an item of a list, or of a list in an object, on each line: for people and grep, too."""
    value = clean(value)
    if isinstance(value, dict) and any(isinstance(item, list) for item in value.values()):
        return "{" + ",\n ".join(f"{_line(key)}: {_rows(item)}" for key, item in value.items()) + "}\n"
    return _rows(value) + "\n"


def _rows(value: object) -> str:
    if not isinstance(value, list) or not value:
        return _line(value)
    return "[" + ",\n ".join(map(_line, value)) + "]"


def _line(value: object) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=False)
