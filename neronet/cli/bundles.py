"""`bundle` and `replay`: runs that go elsewhere, and come back."""

from __future__ import annotations

import re
import shlex
from argparse import Namespace

from neronet import words
from neronet.cli import describe
from neronet.cli.session import Session
from neronet.errors import InputError

SHOWN = 1000  # commands


def bundle(arguments: Namespace, session: Session) -> None:
    console = session.console
    file = arguments.output or "runs.zip"
    runs = session.neroman.runs(arguments.runs)
    notes = session.neroman.bundle(runs, file)
    console.print(f"{describe.told(runs.rows())}: written to {file}.")
    for note in notes:
        console.warn(f"not in it: {note}")
    console.then(f"nerocli replay {shlex.quote(file)} --check")


def replay(arguments: Namespace, session: Session) -> None:
    neroman, console = session.neroman, session.console
    found = neroman.open_bundle(arguments.file)
    only = None if arguments.only is None else numbers(arguments.only)
    chosen = found.chosen(only)
    if arguments.check:
        for line in found.preparations(chosen):
            console.print(("before  ", "quiet"), line)
        for run in chosen[:SHOWN]:
            console.print((f"{run.number}  ", "quiet"), shlex.join(run.command))
        more = f", {len(chosen) - SHOWN:,} more" if len(chosen) > SHOWN else ""
        console.say(
            (f"{words.count(len(chosen), 'run')}{more}; their files: {words.size(found.size())}", "quiet")
        )
        return
    runs = neroman.replay(arguments.file, arguments.node, only=only, folder=arguments.folder)
    console.print(f"{describe.told(runs.rows())}: submitted.")
    for note in runs.notes:
        console.note(note)
    console.then("nerocli watch")


def numbers(said: str) -> list[int]:
    """`3,5-8` as 3, 5, 6, 7, 8."""
    found: list[int] = []
    for part in said.split(","):
        ends = re.fullmatch(r"\s*(\d{1,9})(?:\s*-\s*(\d{1,9}))?\s*", part)
        if not ends or int(ends[2] or ends[1]) - int(ends[1]) > 100_000:
            raise InputError(f"{said!r} names no runs of a bundle", "say numbers: 3,5-8")
        found += range(int(ends[1]), int(ends[2] or ends[1]) + 1)
    return found
