"""A proposal, and the trial that it must pass: what a reader finds in the lines around a number.  Pure."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from neronet.wire import printed, readers

WINDOW = 2000  # lines before the one pointed at, and behind it, that are looked at
HEAD = 20  # lines at the beginning of the log, which may tell the columns of a table


@dataclass(frozen=True)
class Proposal:
    """`arguments` are a processor's of config.yaml: ("neronet", "regex", "loss: (?P<loss>{number})").  `step` names
    what counts, "" where points are numbered by themselves; `value` is the number that was pointed at."""

    name: str
    arguments: tuple[str, ...]
    step: str
    description: str
    value: float

    @property
    def text(self) -> str:
        """As config.yaml has it."""
        return joined(self.arguments)


def joined(arguments: Sequence[str]) -> str:
    """The words of a processor as config.yaml has them, in double quotes where they need some: YAML's are single."""
    return " ".join(map(_quoted, arguments))


def _quoted(word: str) -> str:
    if re.fullmatch(r"[\w./%=+,:@-]+", word, re.ASCII):
        return word
    return '"' + re.sub(r'\\(?=[\\"]|$)|"', r"\\\g<0>", word) + '"'


@dataclass(frozen=True)
class Place:
    """The number in its line, and all lines of the window; what is said of columns is said of `lines`."""

    raw: Sequence[str]  # as they are in the log
    lines: Sequence[str]  # the same without their colours
    index: int
    start: int
    end: int
    name: str  # the user's, "" for none

    @cached_property
    def encoded(self) -> Sequence[bytes]:
        """As readers are fed."""
        return [line.encode("utf-8", "replace") for line in self.raw]

    @property
    def line(self) -> str:
        return self.lines[self.index]

    @property
    def text(self) -> str:
        return self.line[self.start : self.end]

    @property
    def value(self) -> float:
        return printed.number(self.text, self.line)  # type: ignore[no-any-return]


class Trial:
    """What a reader finds in the window."""

    def __init__(self, place: Place, name: str, arguments: Sequence[str]) -> None:
        self.name, self.arguments = name, tuple(arguments)
        self.matches: list[tuple[int, float, float | None]] = []  # line, value, step
        reader = readers.make(self.arguments)
        for index, line in enumerate(place.encoded):
            for found, value, step in reader.feed(line):
                if found == name:
                    self.matches.append((index, value, step))
        self.matches += [
            (len(place.encoded) - 1, value, step) for found, value, step in reader.finish() if found == name
        ]
        at = [value for index, value, _ in self.matches if index == place.index]
        self.hits = any(value == place.value or value != value != place.value for value in at)
        self.lines = [index for index, _, _ in self.matches]

    def counts(self, strictly: bool = False) -> bool:
        """Whether its steps are ones: they are there, and grow; but for a few restarts and repeats unless `strictly`."""
        steps = [step for _, _, step in self.matches]
        if not steps or None in steps:
            return False
        pairs = list(itertools.pairwise(steps))
        if strictly:
            return all(after > before for before, after in pairs)  # type: ignore[operator]
        back = sum(after < before for before, after in pairs)  # type: ignore[operator]
        different = len(set(steps))
        return not pairs or (back <= 0.1 * len(pairs) and different > 1 and 3 * different > len(steps))

    def grows(self, redrawn: bool = False) -> bool:
        """Whether its steps never fall, and seldom stay: the last one may be printed twice, each one of `redrawn` bars."""
        steps = [step for _, _, step in self.matches]
        if not steps or None in steps:
            return False
        falls = any(after < before for before, after in itertools.pairwise(steps))  # type: ignore[operator]
        return not falls and (len(set(steps)) > 1 if redrawn else 2 * len(set(steps)) > len(steps))


def trial_of(place: Place, name: str, arguments: Sequence[str], hits: bool = True) -> Trial | None:
    """The trial, if the reader can be made (a pattern may be too long) and, for `hits`, finds the number."""
    try:
        trial = Trial(place, name, arguments)
    except ValueError:
        return None
    return trial if trial.hits or not hits else None


def proposal_of(place: Place, trial: Trial, step: str, what: str, where: str = "") -> Proposal:
    text = f"{trial.name}: {what}"
    text += f", its step is {step!r} {where}".rstrip() if step else ", numbered from 0"
    return Proposal(trial.name, ("neronet", *trial.arguments), step, text, place.value)
