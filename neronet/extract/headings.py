"""The names of a table's columns, as a line above its rows has them.  Pure."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from neronet.extract import words
from neronet.extract.trial import WINDOW

_PHRASE = re.compile(r"[^\s|]+(?: [^\s|]+)*")  # a heading may have single blanks
_LETTER = re.compile(r"\w")  # a line without is empty, or a rule
_WORD = re.compile(r"\S+")


def heading_of(lines: Sequence[str], index: int, column: int, tagged: bool = False) -> str:
    """The name of a column by the line above its table, whose headings may have blanks; "" when there is none.
    `tagged`: its rows begin with a word, which may have a heading, too, and lines of others may stand between them.
    """
    row = lines[index]
    spans = words.numbers(row)
    separator = _separator(row, spans)
    separator = "" if f"{separator} " in row else separator
    far = False  # other lines stand between: only a heading with a tag of its own is one, as `ETITLE:  TS  BOND`
    for above in range(index - 1, max(-1, index - WINDOW), -1):
        head = lines[above]
        if not _LETTER.search(head) or (separator and head.count(separator) != row.count(separator)):
            continue
        if there := len(words.numbers(head)):
            if there == len(spans) or (not tagged and 2 * there >= len(spans) > 2):
                continue  # another row of the table, perhaps with an empty cell or a mark
            if not tagged:
                return ""
            far = True
            continue
        cells = _cells(head, row, spans)
        if tagged and len(cells) == len(spans) + 1 and (not far or cells[0].endswith(":")):
            return words.name_of(cells[column + 1])
        if not far and len(cells) == len(spans) > 1 and all(cells):
            return words.name_of(cells[column])
        if not tagged:
            return words.name_of(_standing_above(head, spans, column))
        far = True
    return ""


def _cells(head: str, row: str, spans: Sequence[tuple[int, int]]) -> list[str]:
    """The headings, one after the other, by what is between them or between the numbers."""
    if separator := _separator(row, spans):
        return [cell.strip(' "#') for cell in head.split(separator)]
    if len(head.rstrip()) in (len(row.rstrip()), len(row.rstrip()) - 1):  # aligned at the right
        ends = [0, *(end + len(words.unit(row, end)) for _, end in spans)]
        if not any(head[end - 1 : end + 1].strip() == head[end - 1 : end + 1] != "" for end in ends[1:-1]):
            cells = [head[start:end].strip() for start, end in itertools.pairwise(ends)]
            if not any("|" in cell.strip("|") for cell in cells):
                return cells
    return [cell for cell in re.split(r"\s{2,}|\t|\|", head.strip()) if cell]


def _separator(row: str, spans: Sequence[tuple[int, int]]) -> str:
    """What is between the numbers of a row of CSV; "" for other rows."""
    return next((sign for sign in ",;" if row.count(sign) == len(spans) - 1 > 0), "")


def _standing_above(head: str, spans: Sequence[tuple[int, int]], column: int) -> str:
    """The heading that stands right above a number, where most numbers have one; "" where several share it."""
    phrases = [match.span() for match in _PHRASE.finditer(head)]
    nearest = [_over(phrases, span) for span in spans]
    mine = nearest[column]
    if mine is None or len(phrases) < 2 or 2 * len({*nearest} - {None}) < len(spans):
        return ""
    sharing = [place for place, phrase in enumerate(nearest) if phrase == mine]
    text = head[slice(*mine)]
    if len(sharing) > 1:  # of headings that one blank parts
        parts = _WORD.findall(text)
        return parts[sharing.index(column)] if len(parts) == len(sharing) else ""
    return text


def _over(phrases: Sequence[tuple[int, int]], span: tuple[int, int]) -> tuple[int, int] | None:
    """The phrase that has most of its signs above those of a number."""
    shared = [(min(end, span[1]) - max(start, span[0]), (start, end)) for start, end in phrases]
    most = max(shared, default=(0, None))
    return most[1] if most[0] > 0 else None
