"""The points that a reader finds in a whole log: as fast as its pattern can be matched.

    read_log(data, ("neronet", "regex", "loss: (?P<loss>{number})"))
    ->  {"loss": Found(offsets of its lines, values, steps)}

A pattern is matched against the whole log at once where that must give what line after line gives; every other
reader is fed line by line.
"""

from __future__ import annotations

import itertools
import math
import re
from array import array
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from neronet.extract import words
from neronet.extract.faster import faster
from neronet.wire import named, printed, readers
from neronet.wire.points import Lines

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[Any, np.dtype[np.float64]]
    Whole = np.ndarray[Any, np.dtype[np.int64]]

# What may look beyond the ends of its line without the match doing so, or does not try again with less.
_LOOKS = re.compile(r"\(\?(?:=|!|<=|<!|-|>|\w*s\w*[:)])|\\[AZ]|[*+?}]\+")
# Which letters and signs may be escaped, so that the end of a line is not matched; and what else may match it.
_CROSSES = re.compile(r"\\[^dwbBt.,:;\[\](){}|+*?^$/-]|\[\^|\(\?\w*[sx]|[\0-\x1f]|\\t-")
_SET = re.compile(r"(?<!\\)\[[^\[\]\\]+\]")  # all that one has in it is meant as it is written
_SEPARATORS = "\x1c\x1d\x1e\x1f"  # blanks, but not of ASCII
_HEAD = 64 * 1024  # bytes at the beginning of a log that tell its colours
_BATCH = 256  # matches that are taken up together


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
        ends_alike = data.replace(b"\r", b"\n") if b"\r" in data else data
        found = _matched(ends_alike, reader, arguments[2], ended)
        if found is not None:
            return found
    return read_lines(data, reader, ended)


def read_lines(data: bytes, reader: Any, ended: bool = True) -> dict[str, Found]:
    """The same by feeding every line to `reader`."""
    import numpy as np

    lists: dict[str, tuple[list[int], list[float], list[float]]] = {}
    lines = Lines()
    whole = [*lines.feed(data), *lines.finish()]
    fed: Iterable[tuple[int, Any]] = ((offset, reader.feed(line)) for offset, line in whole)
    if ended:
        fed = itertools.chain(fed, ((len(data) - 1, reader.finish()) for _ in whole[-1:]))
    for offset, points in fed:
        for name, value, step in points:
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
    if _LOOKS.search(_SET.sub("", own)):
        return False
    half = named.MAX_TEXT // 2
    return all(
        data.find(b"\n", at, at + half) >= 0 or data.find(b"\r", at, at + half) >= 0
        for at in range(0, len(data) - half, half)
    )


def _matched(data: bytes, reader: Any, written: str, ended: bool) -> dict[str, Found] | None:
    """What the pattern of a Regex finds in all lines; None when a match goes beyond the end of its line, or when it has
    more than a metric and a step."""
    import numpy as np

    if len(reader._names) > 1 or len(reader._steps) > 1:
        return None
    begins = np.append(0, np.flatnonzero(np.frombuffer(data, np.uint8) == 10) + 1)
    seen = data if reader._as_it_is else without_colours(data)
    try:
        text = seen.decode("utf-8")
    except UnicodeDecodeError:  # what a line is told by itself
        return None
    if seen is data and len(text) == len(data):
        ends = begins[1:] - 1
    else:  # places in the text are not places in the log
        ends = np.fromiter(map(len, text.split("\n")), np.int64).cumsum() + np.arange(len(begins))
    ((metric, name),) = reader._names.items()
    plain = text.isascii() and not any(each in text for each in _SEPARATORS)
    matches = _fast(written, plain).finditer(text)
    crosses = _CROSSES.search(written.replace("{number}", "").replace("{int}", "")) is not None
    taken = _Taken(metric, next(iter(reader._steps), None))
    while batch := [*itertools.islice(matches, _BATCH)]:
        if crosses and any("\n" in match.group() for match in batch):
            return None
        taken.add(batch)
    if not taken.values:
        return {}
    lines = ends.searchsorted(np.frombuffer(taken.starts, np.int64))
    most = named.MAX_COLUMNS - (2 if reader._keeps else 0)  # one of a line before may come first
    if (lines[most:] == lines[:-most]).any():  # a reader takes no more of one line
        return None
    values = np.frombuffer(taken.values)
    steps = np.frombuffer(taken.steps) if taken.steps else np.full(len(values), np.nan)
    steps = np.where(np.abs(steps) < 1e300, steps, np.nan)
    found = Found(begins[lines], values, steps)
    if reader._keeps:
        told = begins[ends.searchsorted(np.fromiter(taken.released.values(), np.int64))]
        found = _last_ones(found, [*taken.released], told, len(data), ended)
    return {name: found} if len(found.values) else {}


def _last_ones(found: Found, early: list[int], lines: Whole, size: int, ended: bool) -> Found:
    """Of points in a row that have the same step the last, at the line that tells that it is the last.

    early: points of which a line without a value told it; lines: these; size: of the log, whose end tells it, too.
    """
    import numpy as np

    told = np.append(found.offsets[1:], size - 1)
    last = np.append(found.steps[1:] != found.steps[:-1], ended)
    told[early], last[early] = lines, True
    alone = np.isnan(found.steps)  # without a step nothing is kept back
    told[alone], last[alone] = found.offsets[alone], True
    return Found(told[last], found.values[last], found.steps[last])


def without_colours(data: bytes) -> bytes:
    """`printed.plain` of a whole log, sooner where it has few colours, many times: each is taken out of all lines."""
    known = set(printed._ESCAPE.findall(data, 0, _HEAD))
    # Only if the log has no other ones, not even broken ones, one taken out cannot make another whole.
    if any(each[:2] == b"\x1b]" for each in known) or data.count(b"\x1b") != sum(map(data.count, known)):
        return bytes(printed.plain(data))
    for each in known:
        data = data.replace(each, b"")
    return data


class _Taken:
    """The numbers of matches, and where these begin: loops of C, into memory without an object for each."""

    def __init__(self, metric: int, step: int | None) -> None:
        self.starts, self.values, self.steps = array("q"), array("d"), array("d")
        self._metric = itemgetter(metric)
        self._step = None if step is None else itemgetter(step)
        self._last: float | None = None
        self.released: dict[int, int] = {}  # values whose step ended before the next value, and where

    def add(self, batch: Sequence[re.Match[str]]) -> None:
        there = len(self.values)
        try:
            self.values.extend(map(float, map(self._metric, batch)))
            if self._step is not None:
                self.steps.extend(map(float, map(self._step, batch)))
            self.starts.extend(map(re.Match.start, batch))
        except (TypeError, ValueError):  # not as Python writes them, or not there
            del self.values[there:], self.steps[there:]
            for match in batch:
                self._add(match)

    def _add(self, match: re.Match[str]) -> None:
        text = self._metric(match)
        said = None if self._step is None else self._step(match)
        step = self._last if said is None else named.finite(_number(said, match))
        value = None if text is None else _number(text, match)
        if text is None:
            self._last = step
        if value is None:
            if self.steps and self.steps[-1] != step:
                self.released.setdefault(len(self.steps) - 1, match.start())
        else:
            self.starts.append(match.start())
            self.values.append(value)
            if self._step is not None:
                self.steps.append(math.nan if step is None else step)


def _number(text: str | None, match: re.Match[str]) -> float | None:
    if text is None:
        return None
    line = ""
    if "," in text:  # whose meaning others may tell
        begin, end = match.string.rfind("\n", 0, match.start()) + 1, match.string.find("\n", match.start())
        line = match.string[begin : end if end >= 0 else None]
    found: float | None = printed.number(text, line)
    return found


def _fast(written: str, plain: bool) -> re.Pattern[str]:
    """The pattern for a whole log, quickly searched for; `plain`: for letters, digits and blanks of ASCII."""
    compiled = readers._compiled(faster(written))
    flags = re.MULTILINE | (re.ASCII if plain else 0)  # which means the same there, and is faster
    return re.compile(compiled.pattern, compiled.flags & ~re.UNICODE | flags)
