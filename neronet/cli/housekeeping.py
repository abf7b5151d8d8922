"""`engine`, `tidy` and `clean`: what Neronet keeps and runs on this machine."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path

from neronet import words
from neronet.cli import describe, text
from neronet.cli.session import Session
from neronet.errors import InputError
from neronet.wire import states

ACTIONS = ("start", "stop", "status")


def engine(arguments: Namespace, session: Session) -> None:
    neroman, console = session.neroman, session.console
    action = arguments.action or "status"
    if action not in ACTIONS:
        raise InputError(f"engine {action}: not something the engine can do", f"one of: {', '.join(ACTIONS)}")
    if action == "start":
        neroman.start_engine()
    elif action == "stop":
        neroman.stop_engine()
    holder = neroman.engine()
    if holder is None:
        console.print("The engine does not run. It starts when it is needed; runs go on without it.")
    else:
        console.print(f"The engine runs in {holder}.")


def tidy(_: Namespace, session: Session) -> None:
    done = session.neroman.tidy()
    for line in done:
        session.console.print(line)
    if not done:
        session.console.print("Nothing to remove: no submission has ended and arrived here.")


def clean(arguments: Namespace, session: Session) -> None:
    """Says exactly what goes, asks, removes."""
    neroman, console = session.neroman, session.console
    runs = neroman.runs()
    nodes = [node.id for node in neroman.nodes() if node.id != "local"]
    experiments = [experiment.id for experiment in neroman.experiments()]
    home = neroman.home
    console.say(f"This removes from {describe.path(home)}, for good:")
    results = home / "results"
    for line in (
        _listed("node", nodes),
        _listed("experiment", experiments),
        f"{words.count(len(runs), 'run')} with their results, logs and metrics in {describe.path(results)}",
        f"{words.size(folder_size(home))} in all",
    ):
        console.say("  ", line)
    still = [row.number for row in runs.rows() if row.state in states.OPEN]
    if still:
        console.warn(
            f"{words.count(len(still), 'run')} not ended yet will go on, and none of it will come back here",
            "end them first: nerocli terminate " + text.number_ranges(still).replace(",", ""),
        )
    console.say("Your experiment folders stay as they are.")
    if not arguments.yes and not console.confirm("Remove all of it?", "nerocli clean --yes"):
        console.say("Nothing was removed.")
        return
    neroman.clean()
    console.print(f"{describe.path(home)} is empty again.")


def _listed(noun: str, names: list[str]) -> str:
    some = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    return words.count(len(names), noun) + (f": {some}" if names else "")


def folder_size(folder: Path) -> int:
    """Bytes of all files below, links not followed."""
    total = 0
    for place, _, files in os.walk(folder):
        for file in files:
            try:
                total += os.lstat(os.path.join(place, file)).st_size
            except FileNotFoundError:
                continue  # the engine has just replaced it
    return total
