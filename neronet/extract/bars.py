"""Progress bars: which of their many drawings are points.  Pure."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from neronet.extract import words
from neronet.extract.trial import Place, Trial, trial_of
from neronet.extract.words import Piece
from neronet.wire import printed, readers

_EPOCHS = re.compile(r"(?i)\bepoch\b")
_LABEL = re.compile(r"(?<![\w./-])[^\W\d][\w/]*(?=[:=])")
_STEP = "(?P<step>{int})"


def complete(place: Place) -> Piece | None:
    """The sign of a complete bar, where there is a bar for each step: the updates before are left out."""
    bar = words.full_bar(place.raw[place.index])
    if bar is None:
        return None
    pattern = re.compile(bar.pattern)
    lines = place.raw if printed.asks_for_escapes(bar.pattern) else place.lines
    full = [i for i, line in enumerate(lines) if pattern.search(line)]
    starts = sum(after - before > 1 for before, after in itertools.pairwise(full))
    return bar if starts or any(_EPOCHS.search(line) for line in place.lines[: place.index + 1]) else None


def once(place: Place, trial: Trial, above: bool) -> Trial:
    """The same with one point a step where a complete bar is drawn again, or a last line is like those of the steps: the
    ones with all that the one pointed at has behind the number, else the last drawing.

    above: whether the step stands on another line.
    """
    steps = {step for _, _, step in trial.matches}
    if len(steps) == len(trial.matches):
        return trial
    kind, pattern, *more = trial.arguments
    for label in _labels_behind(place):
        found = trial_of(place, trial.name, [kind, f"{pattern}.*?{words.BEFORE}{label}", *more])
        if found and found.counts(strictly=True) and {each[2] for each in found.matches} == steps:
            return found
    head, step, tail = pattern.partition(_STEP)
    if above or f"(?P<{trial.name}>" not in tail:
        return trial
    # The one pointed at may be drawn again.
    last = [kind, f"{head}{step}(?:{tail})?", *more, readers.KEEP]
    found = trial_of(place, trial.name, last, hits=False)
    return found if found and found.counts(strictly=True) else trial


def _labels_behind(place: Place) -> Iterator[str]:
    for match in reversed([*_LABEL.finditer(place.line, place.end)]):
        yield words.escaped(match[0])
