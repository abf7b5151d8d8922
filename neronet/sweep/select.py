"""Which runs a user means: `17`, `124-186`, `3, 5-8`, a name, alias, glob, experiment, collection or `tag:good`."""

from __future__ import annotations

import fnmatch
import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from neronet.errors import InputError
from neronet.spec.problems import nearest, quoted

_SPAN = r"#?\d{1,15}(?:\s*-\s*#?\d{1,15})?"
_NUMBERS = re.compile(rf"{_SPAN}(?:\s*,\s*{_SPAN})*")
_PATTERN = re.compile(r"[*?\[]")
TAG = "tag:"


class Row(NamedTuple):
    """A run as far as a selector sees it; `aliases` as `neronet.sweep.aliases` gives them."""

    number: int
    name: str
    experiment: str
    collections: Sequence[str] = ()
    aliases: Sequence[str] = ()
    tags: Sequence[str] = ()


def select(selectors: str | Iterable[str], rows: Iterable[Row]) -> list[int]:
    """The numbers of all runs that the selectors name, ascending.

    Raises InputError for the first selector that names none; its hint is the nearest known word.
    """
    given = [selectors] if isinstance(selectors, str) else list(selectors)
    finder = Finder(rows)
    found: set[int] = set()
    for selector in given:
        numbers = finder.find(selector)
        if not numbers:
            raise InputError(f"{quoted(selector)} names no run", finder.hint(selector))
        found.update(numbers)
    return sorted(found)


class Finder:
    """Finds runs by selectors, one after the other, among the same rows."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._words: defaultdict[str, set[int]] = defaultdict(set)
        self._tags: defaultdict[str, set[int]] = defaultdict(set)
        numbers = set()
        for row in rows:
            numbers.add(row.number)
            for word in (row.name, row.experiment, *row.collections, *row.aliases):
                self._words[word].add(row.number)
            for tag in row.tags:
                self._tags[f"{TAG}{tag}"].add(row.number)
        self._numbers = sorted(numbers)

    def find(self, selector: str) -> set[int]:
        """The numbers of the runs it names; empty when it names none."""
        selector = selector.strip()
        if selector in self._words:  # also a name that looks like a glob: lang/x=[1, 2]
            return set(self._words[selector])
        if _NUMBERS.fullmatch(selector):
            return self._by_number(selector)
        words = self._tags if selector.startswith(TAG) else self._words
        if selector in words:
            return set(words[selector])
        if _PATTERN.search(selector):
            matches = re.compile(fnmatch.translate(selector)).match
            return set().union(*(numbers for word, numbers in words.items() if matches(word)))
        return set()

    def hint(self, selector: str) -> str:
        """What the user may have meant."""
        if not self._numbers:
            return "nothing was submitted yet"
        if _NUMBERS.fullmatch(selector.strip()):
            return f"the runs have the numbers {self._numbers[0]} to {self._numbers[-1]}"
        near = nearest(
            selector, [*sorted(self._words, key=len), *self._tags]
        )  # ids before the names of thousands of runs
        return f"did you mean {near}?" if near else "a run's number or name, an experiment or a collection"

    def _by_number(self, selector: str) -> set[int]:
        found: set[int] = set()
        for part in selector.replace("#", "").split(","):
            ends = sorted(int(end) for end in part.split("-"))
            found.update(
                self._numbers[bisect_left(self._numbers, ends[0]) : bisect_right(self._numbers, ends[-1])]
            )
        return found
