"""The points that a reader finds in a whole log: as fast as its pattern can be matched.

    read_log(data, ("neronet", "regex", "loss: (?P<loss>{number})"))
    ->  {"loss": Found(offsets of its lines, values, steps)}

A pattern is matched against the whole log at once where that must give what line after line gives; every other
reader is fed line by line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from neronet.extract import words
from neronet.wire import readers
from neronet.wire.points import Lines

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[Any, np.dtype[np.float64]]
    Whole = np.ndarray[Any, np.dtype[np.int64]]

# What may look beyond the ends of its line without the match doing so.
_LOOKS = re.compile(r"\(\?(?:=|!|<=|<!|-|\w*s\w*[:)])|\\[AZ]")
_CROSSES = re.compile(r"\\[sSDWnrx]|\[\^|\(\?\w*[sx]")  # what may match the end of a line
_FIRST = re.compile("^" + re.escape(words.BEFORE) + r"([A-Za-z_]{2,}(?![?*+{|]))")


class Found(NamedTuple):
    """The points of one metric in the order of the log: offsets of the lines (bytes), values, steps (nan: none)."""

    offsets: Whole
    values: Floats
    steps: Floats

    def tail(self, mark: int) -> Found:
        """Those whose lines begin behind the offset `mark`."""
        first = int(self.offsets.searchsorted(mark, "right"))
        return Found(self.offsets[first:], self.values[first:], self.steps[first:])


def read_log(data: bytes, arguments: Sequence[str], ended: bool = True) -> dict[str, Found]:
    """The points of a log by their metrics.  `ended`: nothing follows, so that a last line without an end counts."""
    if not ended:
        data = data[: max(data.rfind(b"\n"), data.rfind(b"\r")) + 1]
    reader = readers.make(tuple(arguments[1:]))
    if isinstance(reader, readers.Regex) and can_match_whole(data, arguments[2]):
        found = _matched(data.replace(b"\r", b"\n") if b"\r" in data else data, reader, arguments[2])
        if found is not None:
            return found
    return read_lines(data, reader)


def read_lines(data: bytes, reader: Any) -> dict[str, Found]:
    """The same by feeding every line to `reader`."""
    import numpy as np

    lists: dict[str, tuple[list[int], list[float], list[float]]] = {}
    lines = Lines()
    for offset, line in [*lines.feed(data), *lines.finish()]:
        for name, value, step in reader.feed(line):
            offsets, values, steps = lists.setdefault(name, ([], [], []))
            offsets.append(offset)
            values.append(value)
            steps.append(float("nan") if step is None else step)
    return {
        name: Found(np.array(offsets, np.int64), np.array(values, float), np.array(steps, float))
        for name, (offsets, values, steps) in lists.items()
    }


def can_match_whole(data: bytes, pattern: str) -> bool:
    """Whether a match within a line of the whole is one of the line alone: no line is cut, and the pattern does not
    look around itself, but for what all proposals have."""
    own = pattern.replace(words.BEFORE, "").replace(words.BEHIND, "")
    if _LOOKS.search(own):
        return False
    half = readers.MAX_TEXT // 2
    return all(
        data.find(b"\n", at, at + half) >= 0 or data.find(b"\r", at, at + half) >= 0
        for at in range(0, len(data) - half, half)
    )


def _matched(data: bytes, reader: Any, written: str) -> dict[str, Found] | None:
    """What the pattern of a Regex finds in all lines; None when a match goes beyond the end of its line, or when it has
    more than a metric and a step."""
    import numpy as np

    if len(reader._names) > 1 or len(reader._steps) > 1:
        return None
    text = data.decode("utf-8", "replace")
    plain = len(text) == len(data) and data.isascii()
    flags = re.MULTILINE | (re.ASCII if plain else 0)  # which means the same there, and is faster
    compiled = readers._compiled(_FIRST.sub(_literal_first, written))
    pattern = re.compile(compiled.pattern, compiled.flags & ~re.UNICODE | flags)
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == 10)
    begins = np.concatenate(([0], ends + 1))
    if len(text) != len(data):  # places in the text are not places in the log
        ends = np.flatnonzero(np.frombuffer(text.encode("utf-32-le"), "<u4") == 10)
    (metric,), step = reader._names, next(iter(reader._steps), None)
    starts: list[int] = []
    values: list[float] = []
    steps: list[float] = []
    crosses = _CROSSES.search(written.replace("{number}", "").replace("{int}", ""))
    for match in pattern.finditer(text):
        if crosses and "\n" in match.group():
            return None
        try:
            value = float(match[metric])
        except (TypeError, ValueError):
            value = _number(match[metric])
            if value != value:
                continue
        values.append(value)
        starts.append(match.start())
        if step is not None:
            try:
                steps.append(float(match[step]))
            except (TypeError, ValueError):
                steps.append(_number(match[step]))
    if not values:
        return {}
    lines = ends.searchsorted(np.array(starts))
    counted = np.array(steps) if steps else np.full(len(values), np.nan)
    return {reader._names[metric]: Found(begins[lines], np.array(values), counted)}


def _number(text: str | None) -> float:
    """nan for what is no number."""
    value = None if text is None else readers.number(text)
    return float("nan") if value is None else float(value)


def _literal_first(match: re.Match[str]) -> str:
    """The same with the word before what must not stand in front of it: a word is searched for much faster."""
    word = match.group(1)
    return f"{word}{words.BEFORE[:-1]}{word})"
