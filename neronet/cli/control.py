"""`terminate`, `hold`, `release` and `rerun`: what to do with runs that exist."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from neronet.cli import describe
from neronet.cli.session import Session
from neronet.wire import states

if TYPE_CHECKING:
    from neronet.api import Run


def terminate(arguments: Namespace, session: Session) -> None:
    runs = session.neroman.runs(arguments.id)
    still = [row.number for row in runs.rows() if row.state in states.OPEN]
    notes = runs.terminate().notes if still else []
    told = [run for run in runs if run.number in still]
    _tell(told, "asked to end", "All of these had ended before; nothing to do.", notes, session)
    if told:
        session.console.print(*describe.counts(Counter(run.state for run in told), session.console.unicode))


def hold(arguments: Namespace, session: Session) -> None:
    runs = session.neroman.hold(arguments.id)
    waiting = [run for run in runs if run.state in describe.WAITING]
    _tell(
        waiting,
        "held; nerocli release lets them start",
        "None of these waits; nothing to hold.",
        runs.notes,
        session,
    )


def release(arguments: Namespace, session: Session) -> None:
    runs = session.neroman.release(arguments.id)
    waiting = [run for run in runs if run.state in describe.WAITING]
    _tell(waiting, "may start", "None of these waits; nothing to release.", runs.notes, session)


def rerun(arguments: Namespace, session: Session) -> None:
    runs = session.neroman.runs(arguments.id).rerun(failed=arguments.failed)
    done = "will run again, with the code and values of then"
    _tell(list(runs), done, "Nothing to run again.", runs.notes, session)
    if runs:
        session.console.then("nerocli watch")


def _tell(runs: Sequence[Run], done: str, nothing: str, notes: Sequence[str], session: Session) -> None:
    session.console.print(f"{describe.told(runs)}: {done}." if runs else nothing)
    for note in notes:
        session.console.note(note)
