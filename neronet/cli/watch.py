"""`watch`: runs as they go, until all have ended."""

from __future__ import annotations

import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from neronet import words
from neronet.cli import describe, text
from neronet.cli.progress import look
from neronet.cli.session import Session
from neronet.wire import states

if TYPE_CHECKING:
    from neronet.api import Run, RunSet
    from neronet.cli.console import Console
    from neronet.cli.table import Line

EVERY = 0.2  # seconds between two pictures at least
TICK = 1.0  # and at most: times go on when nothing happens


def watch(arguments: Namespace, session: Session) -> None:
    neroman, console = session.neroman, session.console
    runs = neroman.runs(arguments.id)
    if not states.OPEN & set(runs.states):
        console.print("No run is open." if runs else "No runs yet.")
        console.then("nerocli results" if runs else "nerocli submit FOLDER NODE")
        return
    try:
        # Without an ID also what is submitted from now on.
        follow(neroman.runs if arguments.id is None else lambda: runs, console)
    except KeyboardInterrupt:
        console.say("The runs go on: nerocli watch shows them again, nerocli terminate ends them.")
        raise
    finally:  # the last picture stays, also after Ctrl-C
        if console.terminal:
            for line in picture(neroman.runs(arguments.id), time.time(), console):
                console.print(*line)
    console.then("nerocli results")


def follow(current: Callable[[], RunSet], console: Console) -> None:
    """Show the runs until all have ended: in a terminal a live picture, which vanishes, else lines."""
    if not console.terminal:
        told = {run.number: run.state for run in current().briefs() if run.state in states.ENDED}
        for runs in _changes(current):
            now = {run.number: run.state for run in runs.briefs() if run.state != told.get(run.number)}
            told |= now
            for line in changes(runs.load(list(now)), console.unicode):
                console.print(*line)
        return
    with console.live() as live:
        for runs in _changes(current):
            lines = picture(runs, time.time(), console)
            live.update(console.picture(lines), refresh=True)


def _changes(current: Callable[[], RunSet]) -> Iterator[RunSet]:
    """The runs, whenever something changed and at least each second, until all have ended."""
    changed = threading.Event()
    end = current().on_change(changed.set)
    try:
        while True:
            changed.clear()
            began = time.monotonic()
            runs = current()
            yield runs
            if not states.OPEN & set(runs.states):
                return
            # Ten thousand runs take longer to draw: never more than a fifth of the time.
            time.sleep(max(EVERY, 4 * (time.monotonic() - began)))
            changed.wait(TICK)
    finally:
        end()


def changes(runs: Sequence[Run], unicode: bool) -> Iterator[Line]:
    """What became of these runs: a line for each that has ended, one for those of the same open state."""
    for state, reason in dict.fromkeys((run.state, run.reason) for run in runs if run.state in states.OPEN):
        numbers = [run.number for run in runs if (run.state, run.reason) == (state, reason)]
        line = [
            *describe.counts({state: len(numbers)}, unicode),
            (f"  {text.number_ranges(numbers)}", "quiet"),
        ]
        yield [*line, f"  {reason}" if reason else ""]
    for run in runs:
        if run.state in states.ENDED:
            metrics = "  ".join(f"{name} {words.number(value)}" for name, value in run.metrics.items())
            yield [(f"{run.number} ", "quiet"), run.name, "  ", *describe.state(run, unicode), "  ", metrics]


def picture(runs: RunSet, now: float, console: Console) -> list[Line]:
    """The lines of the screen: counts, a row per run worth seeing, its last line where there is room."""
    # What is not a row: counts, blank, titles, the line of those left out, the cursor's line.
    shown = describe.pick(runs, console.height - 5, open_first=True)
    shown.sort(key=lambda run: (describe.ORDER.index(run.state), run.number))
    done = look(shown, now)
    (title, *rows), _ = console.lay_out(describe.run_rows(shown, done, now, console.unicode))
    lines: list[Line] = [describe.counts(runs.states, console.unicode), [], title]
    with_last_lines = len(rows) + len(done) <= console.height - 5
    for run, row in zip(shown, rows, strict=True):
        lines.append(row)
        if with_last_lines and run.number in done:
            lines.append([(f"      {done[run.number].line}", "quiet")])
    if len(shown) < len(runs):
        lines.append([(f"and {words.count(len(runs) - len(shown), 'more run')}", "quiet")])
    return lines
