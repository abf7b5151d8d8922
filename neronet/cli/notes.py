"""`note` and `tag`: what a user writes down about runs."""

from __future__ import annotations

from argparse import Namespace

from neronet.cli import describe
from neronet.cli.session import Session
from neronet.errors import InputError


def note(arguments: Namespace, session: Session) -> None:
    neroman, console = session.neroman, session.console
    if not arguments.text:
        for run in neroman.runs(arguments.runs).rows():
            console.print((f"{run.number}  ", "quiet"), f"{run.name}  ", run.note or ("no note", "quiet"))
        return
    runs = neroman.set_note(arguments.runs, " ".join(arguments.text))
    console.print(f"{describe.told(runs.rows())}: noted.")


def tag(arguments: Namespace, session: Session) -> None:
    neroman, console = session.neroman, session.console
    if arguments.tags:
        if numbers := [word for word in arguments.tags if word.isdecimal()]:
            every = ",".join([arguments.runs, *numbers])
            raise InputError(
                f"{numbers[0]} could be a run or a tag", f"several runs are {every}, a tag is +{numbers[0]}"
            )
        add = [word.removeprefix("+") for word in arguments.tags if not word.startswith("-")]
        remove = [word[1:] for word in arguments.tags if word.startswith("-")]
        runs = neroman.tag(arguments.runs, add, remove)
    else:
        runs = neroman.runs(arguments.runs)
    for row in runs.rows():
        console.print(
            (f"{row.number}  ", "quiet"), f"{row.name}  ", ", ".join(row.tags) or ("no tags", "quiet")
        )
