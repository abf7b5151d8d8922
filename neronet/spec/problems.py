"""What is wrong in a file, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, Protocol

from neronet.errors import ConfigError

MAX_SHOWN = 16  # words of a hint that lists those there are: all that any word of ours takes
MAX_PROBLEMS = 100  # nobody reads more at once, and each costs the search for a likely word

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Problem:
    """One problem; lines and columns count from 1. Only an `error` keeps a file from being used."""

    file: str
    line: int
    column: int
    text: str
    hint: str = ""
    severity: Severity = "error"

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.file}:{self.line}:{self.column}: {self.text}{hint}"


class Located(Protocol):
    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


class Unfit(ValueError):
    """A text is not what its place asks for; `hint` says what would be."""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.hint = hint


class TooManyError(Exception):
    """MAX_PROBLEMS errors were found: going on would help nobody."""


class Problems:
    """Collects the problems of one file. What several blocks inherit is reported once."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: dict[Problem, None] = {}
        self._room = MAX_PROBLEMS
        self.errors = 0  # how often one was reported, also again by a block that inherits it

    def error(self, at: Located, text: str, hint: str = "") -> None:
        self.errors += 1
        if self._add(at, text, hint, "error"):
            self._room -= 1
            if not self._room:
                raise TooManyError

    def warn(self, at: Located, text: str, hint: str = "") -> None:
        self._add(at, text, hint, "warning")

    def note(self, at: Located, text: str, hint: str = "") -> None:
        self._add(at, text, hint, "note")

    def give_up(self) -> None:
        """Says in the place of the last problem that there may be more."""
        last = next(reversed(self._found))
        text = "nothing after this was looked at: there are too many problems"
        self._found[Problem(self.file, last.line, last.column, text, "mend the others first", "note")] = None

    def all(self) -> tuple[Problem, ...]:
        """What was found, in the order of the file."""
        return tuple(sorted(self._found, key=lambda problem: (problem.line, problem.column)))

    def _add(self, at: Located, text: str, hint: str, severity: Severity) -> bool:
        problem = Problem(self.file, at.line, at.column, text, hint, severity)
        if problem in self._found or (severity != "error" and len(self._found) >= 2 * MAX_PROBLEMS):
            return False
        self._found[problem] = None
        return True


def check(problems: Sequence[Problem]) -> None:
    """Raises ConfigError, which shows all problems, when one of them is an error."""
    if any(problem.severity == "error" for problem in problems):
        raise ConfigError(list(problems))


def harmless(text: str, width: int = 40) -> str:
    """`text` for a message: of one line, cut to `width`, nothing in it that a terminal would obey."""
    shown = text if len(text) <= width else text[: width - 3] + "..."
    return "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in shown)


def quoted(text: str) -> str:
    return f"'{harmless(text)}'"


def nearest(word: str, words: Iterable[str], cutoff: float = 0.6) -> str:
    """The one of `words` that was probably meant, or ''."""
    import difflib  # only a mistake needs it

    # Its cost grows with the square of the length; of thousands of words the first few hundred must do.
    some = list(islice(words, 300))
    matches = difflib.get_close_matches(word[:60].lower(), some, n=1, cutoff=cutoff)
    return harmless(matches[0]) if matches else ""


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """A hint that names the nearest of `words`, else the first of them."""
    known = list(islice(words, 300))
    near = nearest(word, known)
    if near:
        return f"did you mean {near}?"
    shown = [*map(harmless, known[:MAX_SHOWN]), *(["..."] if len(known) > MAX_SHOWN else [])]
    return f"known: {', '.join(shown)}" if shown else ""
