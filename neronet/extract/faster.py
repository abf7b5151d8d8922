"""A pattern that finds the same, more quickly: Python's `re` goes from sign to sign, but finds letters fast.  Pure."""

from __future__ import annotations

import re

from neronet.extract.words import BEFORE, BEHIND
from neronet.wire import readers

_SETS = (BEFORE, BEHIND, r"[ \t]", "[A-Za-z%]", r"[\d:.]")  # what proposals have of them
_STRANGE = re.compile(r"\[|\(\?(?!:|P)")  # within sets, comments and the like signs mean something else
_WORD = r"([A-Za-z_])([A-Za-z_]+(?![?*+{]))"
_FIRST = re.compile("^" + re.escape(BEFORE) + _WORD)
_NEXT = re.compile(r"(?<!\\)\.\*\?(" + re.escape(BEFORE) + ")?" + _WORD)


def faster(pattern: str) -> str:
    """A pattern with the same matches; the same pattern, where it may not be changed.

    A word is searched for first, and what must not stand in front of it is looked at behind it.  `.*?loss` goes from
    one `l` to the next, not from sign to sign.
    """
    rest = pattern
    for known in _SETS:
        rest = rest.replace(known, "")
    if _STRANGE.search(re.sub(r"\\.", "", rest)):
        return pattern
    changed = _NEXT.sub(_next, _FIRST.sub(_first, pattern))
    return changed if len(changed) <= readers.MAX_PATTERN else pattern


def _first(match: re.Match[str]) -> str:
    word = match[1] + match[2]
    return f"{word}{BEFORE[:-1]}{word})"


def _next(match: re.Match[str]) -> str:
    before, letter, others = match.groups()
    behind = f"{BEFORE[:-1]}{letter}{others})" if before else ""
    return f"(?:[^{letter}\\n]*{letter})+?{others}{behind}"
