"""The last lines of a log, without reading the rest of it."""

from __future__ import annotations

from pathlib import Path

from neronet.cli.text import last_shown

_READ = 16 * 1024  # bytes from the end: lines beyond are not worth a look at a gigabyte


def last_lines(log: Path, lines: int) -> list[str]:
    """At most `lines` of the last lines, whole or begun, harmless; [] when there is none."""
    try:
        with open(log, "rb") as file:
            start = max(0, file.seek(0, 2) - _READ)
            file.seek(start)
            text = file.read(_READ).decode("utf-8", "replace")
    except OSError:
        return []
    found = text.rstrip("\r\n").split("\n")
    if start and len(found) > 1:
        found = found[1:]  # its beginning is missing
    return [last_shown(line) for line in found[-lines:]] if text.strip() else []
