"""How far the runs are that run, for tables: see neronet.api.progress."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from neronet.api.progress import TAIL, part_done, remaining
from neronet.cli.tails import last_lines
from neronet.wire import states

if TYPE_CHECKING:
    from neronet.api import Run


class Done(NamedTuple):
    part: float | None  # 0 to 1
    left: float | None  # seconds
    line: str  # the last that it printed


def look(shown: Iterable[Run], now: float) -> dict[int, Done]:
    """Of each of the `shown` that runs how far it is, by its number."""
    found = {}
    for run in shown:
        if run.state == states.RUNNING:
            lines = last_lines(run.results / "stdout.log", TAIL)
            part = part_done(run, lines)
            elapsed = None if run.started is None else now - run.started
            found[run.number] = Done(part, remaining(part, elapsed), lines[-1] if lines else "")
    return found
