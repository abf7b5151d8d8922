"""How long runs are, how far they are, and how long they will take."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from neronet.api import environment
from neronet.wire import states

if TYPE_CHECKING:
    from neronet.api.run import Run
    from neronet.store.runs import RunRow
    from neronet.store.store import Store

TAIL = 10  # lines at the end of a log that are searched for `n/N`
ENOUGH = 0.02  # of a run must be done before the rest is estimated
ALMOST = 0.99  # what is shown at most where a sibling's length is all that is known: this run may be longer
_READ = 16 * 1024  # bytes from the end: lines beyond are not worth a look at a gigabyte
_OF = re.compile(r"(?<![\w./])(\d{1,9})\s*/\s*(\d{1,9})(?![\w./])")


class Length(NamedTuple):
    """How many points of a metric a whole run has; `guessed` from a sibling that has finished."""

    steps: float | None = None
    guessed: bool = False


UNKNOWN = Length()


def lengths(store: Store, rows: Iterable[RunRow]) -> dict[int, Length]:
    """Run -> its length, where its experiment says it or, of one that runs, where a sibling tells it."""
    said = {row.id: str(row.spec.get("steps") or "") for row in store.experiments.all()}
    found: dict[int, Length] = {}
    asking: list[RunRow] = []
    for row in rows:
        steps = steps_of(row, said)
        if steps is not None:
            found[row.number] = Length(float(steps))
        elif row.state == states.RUNNING:
            asking.append(row)
    longest = _longest(store, {row.experiment for row in asking}) if asking else {}
    for row in asking:
        if row.experiment in longest:
            found[row.number] = Length(float(longest[row.experiment]), guessed=True)
    return found


def _longest(store: Store, experiments: set[str]) -> dict[str, int]:
    """Experiment -> how many points of a metric its last finished run has, where it has some."""
    last = store.runs.last_finished(experiments)
    counts = store.points.last(last.values())
    printed = {name: environment.own(counts[run].counts) for name, run in last.items() if run in counts}
    return {name: max(points.values()) for name, points in printed.items() if points}


def steps_of(run: Run | RunRow, steps: Mapping[str, str]) -> int | None:
    """How many steps the run has, where its experiment says so: `steps: 40`, or the name of a parameter.

    `steps` is what each experiment says.
    """
    said = steps.get(run.experiment, "")
    text = run.parameters.get(said, said)
    return int(text) if text.isascii() and text.isdigit() else None


def part_done(run: Run, lines: Sequence[str]) -> float | None:
    """The part of a run that runs which is done, 0 to 1; `lines` are the last of its log."""
    known, guess = (None, run.steps) if run.steps_guessed else (run.steps, None)
    return fraction(run, known, lines, guess or 0)


def fraction(run: Run, steps: float | None, lines: Sequence[str], longest: float) -> float | None:
    """The part of the run that is done, 0 to 1; None when nothing tells.

    `steps`: how many points of a metric a whole run has, where that is known; else the last `n/N`
    in `lines` of its log; else `longest`, the points of the longest ended sibling, which never makes it whole.
    """
    done = max(run.points.values(), default=0)
    if steps:
        return min(1.0, done / steps)
    for line in reversed(lines):
        found = [(int(n), int(total)) for n, total in _OF.findall(line)]
        for n, total in reversed(found):
            if total > 1 and n <= total:
                return n / total
    return min(ALMOST, done / longest) if longest else None


def remaining(part: float | None, elapsed: float | None) -> float | None:
    """Seconds still to go when it goes on as it went so far; None when that cannot be said yet."""
    if part is None or elapsed is None or part < ENOUGH:
        return None
    return elapsed * (1 - part) / part


def tail(log: Path, lines: int = TAIL) -> list[str]:
    """At most `lines` of the last lines of a log, whole or begun, as they are in it; [] when there is none."""
    try:
        with open(log, "rb") as file:
            start = max(0, file.seek(0, 2) - _READ)
            file.seek(start)
            text = file.read(_READ).decode("utf-8", "replace")
    except OSError:
        return []
    found = text.rstrip("\r\n").split("\n")
    if start and len(found) > 1:
        found = found[1:]  # its beginning is missing
    return found[-lines:] if text.strip() else []
