"""From one number in a log to the reader that gives it and all its likes a name and a step.  Pure.

A line is text without its end; progress bars end their lines by carriage returns.  Its columns count all signs, but
what a terminal obeys (colours) is no part of what is read.  What is decided here is decided by trying: a pattern counts
only if the reader that it makes finds the very number that was pointed at, and a count is a step only if it grows from
match to match.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence

from neronet.errors import InputError
from neronet.extract import words
from neronet.extract.columns import marked, positional
from neronet.extract.patterns import labelled
from neronet.extract.quick import is_quick
from neronet.extract.tables import in_csv, in_object, in_table
from neronet.extract.trial import HEAD, WINDOW, Place, Proposal
from neronet.wire import printed

__all__ = ["Proposal", "propose", "value_columns"]

LEGAL = re.compile(r"[A-Za-z_][A-Za-z0-9_./%-]{0,199}\Z")


def propose(
    lines: Sequence[str], index: int, number: str | None = None, *, column: int | None = None, name: str = ""
) -> Proposal:
    """What reads the number in line `index` of `lines`, given by its text or by the column of one of its signs.

    `name`: the metric's, if not the words next to the number.  Raises InputError when there is no such number, or
    nothing tells it from others.
    """
    if name and not LEGAL.match(name):
        raise InputError(
            f"{name[:60]!r} cannot be the name of a metric", "letters, digits, _ . / % - after a letter"
        )
    if name == "step":
        raise InputError("step is what counts the points of metrics, not a metric", "choose another name")
    start, end = _find(lines[index], number, column)
    first = max(HEAD, index - WINDOW)
    window = [*lines[:HEAD], *lines[first : index + WINDOW]]
    lines = [*map(words.plain, window)]
    place = Place(window, lines, min(index, index - first + HEAD), start, end, name)
    for way in (in_object, in_csv, in_table, marked, labelled, positional):
        found = way(place)
        if found is not None and is_quick(place, found.arguments):
            return found
    raise InputError(
        f"nothing in the line tells {place.text} from other numbers", "print it as a line NAME VALUE"
    )


def _find(raw: str, number: str | None, column: int | None) -> tuple[int, int]:
    line = words.plain(raw)
    spans = _all_numbers(line)
    if column is not None:
        at = bisect_left(words.plain_columns(raw), column)
        for start, end in spans:
            if start <= at <= end and 0 <= column <= len(raw):
                return start, end
        raise InputError(f"there is no number at column {column + 1} of the line", "point at a digit of it")
    wanted = printed.number(number or "")
    if wanted is None:
        raise InputError(f"{number!r:.60} is no number", "as it stands in the log, for example 0.31")
    texts = {line[start:end]: (start, end) for start, end in reversed(spans)}
    same = [span for text, span in texts.items() if printed.number(text) == wanted]
    if number in texts:
        return texts[number]
    if not same:
        raise InputError(f"there is no number {number} in the line", "as it stands in the log")
    return same[-1]


def _all_numbers(line: str) -> list[tuple[int, int]]:
    """The numbers of a line; between the commas of a table `1,2` are two of them."""
    spans = words.numbers(line)
    if re.match(r"[^,]*(?:,[^,\s]*){2,}$", line.strip()):
        cells = [
            match.span()
            for match in re.finditer(r"[^,\s]+", line)
            if printed.number(match.group()) is not None
        ]
        if 2 * len(cells) > line.count(","):  # else commas are between other things, as in an object
            return cells
    return spans


def value_columns(line: str) -> list[tuple[int, int]]:
    """(first column, column behind the last) of each number in a line that may be pointed at."""
    columns = words.plain_columns(line)
    return [(columns[start], columns[end - 1] + 1) for start, end in _all_numbers(words.plain(line))]
