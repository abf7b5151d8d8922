"""What the panel remembers of how the user left it: columns, filters. A file of the home, shared by all kernels."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

NAME = "panel.json"


def recall(home: Path, part: str) -> dict[str, Any]:
    """What a part remembered; {} when that is nothing, or cannot be read."""
    found = _read(home).get(part)
    return found if isinstance(found, dict) else {}


def remember(home: Path, part: str, value: dict[str, Any]) -> None:
    """Keeps `value` (JSON) for a part. A home that cannot be written forgets: it is no more than comfort."""
    whole = {**_read(home), part: value}
    try:
        descriptor, name = tempfile.mkstemp(prefix=".panel-", dir=home)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(whole, file)
        os.replace(name, home / NAME)
    except OSError:
        pass


def _read(home: Path) -> dict[str, Any]:
    try:
        found = json.loads((home / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
