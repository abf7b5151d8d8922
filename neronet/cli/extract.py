"""`extract`: a number in a log becomes a metric of all runs of its experiment."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from neronet import words
from neronet.cli import describe
from neronet.cli.jsonout import dumps
from neronet.cli.session import Session
from neronet.cli.table import Column, Table
from neronet.errors import InputError

if TYPE_CHECKING:
    from neronet.api.extracting import Extraction, Match

SHOWN = 20  # runs of the table


def extract(arguments: Namespace, session: Session) -> None:
    console = session.console
    session.neroman.refresh()
    extraction = session.neroman.extract(
        arguments.run,
        arguments.number,
        arguments.name or "",
        line=_line(arguments.line),
        stream=arguments.stream,
    )
    if arguments.json:
        if arguments.yes and not arguments.dry_run:
            extraction.apply(write=not arguments.no_write)
        outcome = {"stored": extraction.stored, "written": extraction.config and str(extraction.config)}
        console.raw(dumps({**extraction.to_json(), **outcome}))
        return
    for note in extraction.notes:
        console.note(note)
    console.print(
        (extraction.proposal.name, "strong"),
        extraction.proposal.description.removeprefix(extraction.proposal.name),
    )
    for line in extraction.text.split("\n"):
        console.print("  ", line)
    if arguments.dry_run or not arguments.yes:
        _show(extraction, session)
    if arguments.dry_run:
        return
    if not arguments.yes and not console.confirm("Take it?", "--yes"):
        console.print("Nothing was changed.")
        return
    extraction.apply(write=not arguments.no_write)
    _tell(extraction, session)


def _line(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdecimal():
        raise InputError(f"--line {text} is no number of a line", "as --line 12")
    return int(text)


def _show(extraction: Extraction, session: Session) -> None:
    found = extraction.found()
    table = Table(
        [
            Column("run"),
            Column("metric"),
            *(Column(title, right=True) for title in ("points", "first", "last")),
            Column(""),
        ]
    )
    for match in found[:SHOWN]:
        table.add(match.name, match.metric, *_values(match), match.note)
    session.console.table(table)
    if len(found) > SHOWN:
        session.console.note(f"and {len(found) - SHOWN:,} more")


def _values(match: Match) -> list[str]:
    if not match.points:
        return ["0", "", ""]
    return [f"{match.points:,}", words.number(match.first), words.number(match.last)]


def _tell(extraction: Extraction, session: Session) -> None:
    console = session.console
    console.print(
        f"{extraction.proposal.name}: {words.count(extraction.stored, 'new point')} in the runs of "
        f"{extraction.run.experiment}; those that run go on."
    )
    if extraction.config is not None:
        console.print(f"Written into {describe.path(extraction.config)}, for runs to come.")
    console.then(f"nerocli points {extraction.run.number} {extraction.proposal.name}")
