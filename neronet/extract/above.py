"""Steps that stand on lines of their own above the numbers: `Epoch 3/10`, `Time = 0.5`.  Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from neronet.extract import words
from neronet.extract.trial import WINDOW, Place, Trial, trial_of

TRIES = 6  # forms of such lines, the nearest first
_SECONDS = re.compile(r"(?<=\d)s$")  # `Time = 0.5s`


def with_step_above(place: Place, trial: Trial) -> tuple[str, Trial] | None:
    """What the nearest line with a count says, and the same trial with it as the step; None where none counts."""
    if len(trial.matches) < 2:
        return None
    kind, pattern, *names = trial.arguments
    tried: set[str] = set()
    for said, form in _forms(place):
        if form in tried:
            continue
        if len(tried) == TRIES:
            break
        tried.add(form)
        found = trial_of(place, trial.name, [kind, f"{form}|{pattern}", *names])
        if found and found.lines == trial.lines and found.counts():
            return said, found
    return None


def _forms(place: Place) -> Iterator[tuple[str, str]]:
    """(what it says, its pattern) of each count in the lines above that a word names."""
    for index in range(place.index - 1, max(-1, place.index - WINDOW), -1):
        line = place.lines[index]
        for piece in words.counters(_SECONDS.sub(" ", line)):
            said = line[piece.start : piece.end]
            if said[:1].isalpha() and not words.numbers(line[: piece.start].rpartition("  ")[2]):
                yield said, f"^[ \\t]*{words.template(line[: piece.start].lstrip())}{piece.pattern}"
