"""How far the runs are that run, and how long they will take."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from neronet.cli.tails import last_lines
from neronet.wire import states

if TYPE_CHECKING:
    from neronet.api import Neroman, Run, RunSet

TAIL = 10  # lines at the end of a log that are searched for `n/N`
_OF = re.compile(r"(?<![\w./])(\d{1,9})\s*/\s*(\d{1,9})(?![\w./])")
ENOUGH = 0.02  # of a run must be done before the rest is estimated


class Done(NamedTuple):
    part: float | None  # 0 to 1
    left: float | None  # seconds
    line: str  # the last that it printed


def look(shown: Iterable[Run], runs: RunSet, steps: Mapping[str, str], now: float) -> dict[int, Done]:
    """Of each of the `shown` that runs how far it is, by its number; its siblings are among `runs`.

    `steps` is what the experiments say of how long their runs are.
    """
    running = [run for run in shown if run.state == states.RUNNING]
    longest = _longest({run.experiment for run in running}, runs)
    found = {}
    for run in running:
        lines = last_lines(run.results / "stdout.log", TAIL)
        part = fraction(run, steps_of(run, steps), lines, longest.get(run.experiment, 0))
        elapsed = None if run.started is None else now - run.started
        found[run.number] = Done(part, remaining(part, elapsed), lines[-1] if lines else "")
    return found


def _longest(experiments: set[str], runs: RunSet) -> dict[str, int]:
    """Experiment -> how many points of a metric its last finished run has."""
    rows = enumerate(runs.rows()) if experiments else ()
    last = {row.experiment: place for place, row in rows if row.state == states.FINISHED}
    return {
        name: max(runs[place].points.values(), default=0)
        for name, place in last.items()
        if name in experiments
    }


def steps_said(neroman: Neroman) -> dict[str, str]:
    """Experiment -> its `steps:`."""
    return {row.id: str(row.spec.get("steps") or "") for row in neroman.store.experiments.all()}


def fraction(run: Run, steps: int | None, lines: Sequence[str], longest: int) -> float | None:
    """The part of the run that is done, 0 to 1; None when nothing tells.

    `steps`: how many points of a metric a whole run has, where that is known; else the last `n/N`
    in `lines` of its log; else `longest`, the points of the longest ended sibling.
    """
    done = max(run.points.values(), default=0)
    if steps:
        return min(1.0, done / steps)
    for line in reversed(lines):
        found = [(int(n), int(total)) for n, total in _OF.findall(line)]
        for n, total in reversed(found):
            if total > 1 and n <= total:
                return n / total
    return min(1.0, done / longest) if longest else None


def remaining(part: float | None, elapsed: float | None) -> float | None:
    """Seconds still to go when it goes on as it went so far; None when that cannot be said yet."""
    if part is None or elapsed is None or part < ENOUGH:
        return None
    return elapsed * (1 - part) / part


def steps_of(run: Run, steps: Mapping[str, str]) -> int | None:
    """How many steps the run has, where its experiment says so: `steps: 40`, or the name of a parameter."""
    said = steps.get(run.experiment, "")
    text = run.parameters.get(said, said)
    return int(text) if text.isdigit() else None
