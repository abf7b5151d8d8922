"""Values as JSON for programs: nan and infinities are null, times ISO 8601 UTC with milliseconds.  Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import PurePath

# Whatever stands under these names as a number is seconds since 1970.
TIMES = frozenset(("time", "submitted", "started", "ended", "last_seen", "since"))


def iso(seconds: float) -> str:
    """`2026-03-14T15:09:26.535Z`."""
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clean(value: object, key: str = "") -> object:
    """`value` made of what JSON knows."""
    if isinstance(value, Mapping):
        return {str(name): clean(item, str(name)) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(item) for item in value]
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not math.isfinite(value):
            return None
        return iso(value) if key in TIMES else value
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
