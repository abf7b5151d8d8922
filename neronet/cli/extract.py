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
    line, column = _place(arguments.line)
    extraction = session.neroman.extract(
        arguments.run,
        arguments.number,
        arguments.name or "",
        line=line,
        column=column,
        stream=arguments.stream,
    )
    write = not arguments.no_write
    if arguments.json:
        if arguments.yes and not arguments.dry_run:
            extraction.apply(write)
        outcome = {"stored": extraction.stored, "written": extraction.config and str(extraction.config)}
        console.raw(dumps({**extraction.to_json(), **outcome}))
        return
    if not arguments.dry_run and extraction.is_known(write):
        _tell_known(extraction.apply(write), session)
        return
    for note in extraction.notes:
        console.note(note)
    console.print(
        (extraction.proposal.name, "strong"),
        extraction.proposal.description.removeprefix(extraction.proposal.name),
    )
    for text in extraction.text.split("\n"):
        console.print("  ", text)
    if arguments.dry_run or not arguments.yes:
        _show(extraction, session)
    if arguments.dry_run:
        return
    if not arguments.yes and not console.confirm("Take it?", "--yes"):
        console.print("Nothing was changed.")
        return
    extraction.apply(write)
    _tell(extraction, session)


def _place(text: str | None) -> tuple[int | None, int | None]:
    """(line, column) of LINE or LINE:COLUMN."""
    if text is None:
        return None, None
    line, colon, column = text.partition(":")
    if not line.isdecimal() or (colon and not column.isdecimal()):
        raise InputError(
            f"--line {text} is no number of a line", "as --line 12, or --line 12:30 with a column"
        )
    return int(line), int(column) if colon else None


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


def _tell_known(extraction: Extraction, session: Session) -> None:
    new = words.count(extraction.stored, "new point") if extraction.stored else "nothing new"
    session.console.print(
        (extraction.proposal.name, "strong"),
        f" is read like this already, in the runs of {extraction.run.experiment}: {new} in their logs.",
    )


def _tell(extraction: Extraction, session: Session) -> None:
    console = session.console
    console.print(
        f"{extraction.proposal.name}: {words.count(extraction.stored, 'new point')} in the runs of "
        f"{extraction.run.experiment}; those that run go on."
    )
    if extraction.config is not None:
        console.print(f"Written into {describe.path(extraction.config)}, for runs to come.")
    console.then(f"nerocli points {extraction.run.number} {extraction.proposal.name}")
