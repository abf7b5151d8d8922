"""The last lines of a log, harmless for a terminal."""

from __future__ import annotations

from pathlib import Path

from neronet.api.progress import tail
from neronet.cli.text import last_shown


def last_lines(log: Path, lines: int) -> list[str]:
    """At most `lines` of the last lines, whole or begun, harmless; [] when there is none."""
    return [last_shown(line) for line in tail(log, lines)]
