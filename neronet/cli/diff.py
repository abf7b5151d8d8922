"""`diff`: what tells one run from another."""

from __future__ import annotations

import shlex
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from neronet import words
from neronet.cli.jsonout import dumps
from neronet.cli.session import Session
from neronet.cli.table import Column, Table

if TYPE_CHECKING:
    from neronet.api.diff import File, Pair

MARKS = {"added": ("+", "good"), "removed": ("-", "bad"), "changed": ("~", "warn")}


def diff(arguments: Namespace, session: Session) -> None:
    console = session.console
    found = session.neroman.diff(arguments.run, arguments.other)
    if arguments.json:
        console.raw(dumps(found.to_json()))
        return
    if not found:
        console.print(f"Runs {found.a} and {found.b} are alike in all that is known of them.")
    _values("parameters", found.parameters, found.a, found.b, session)
    if found.command:
        console.print(("command", "strong"))
        for sign, style, argv in zip("-+", ("bad", "good"), found.command, strict=True):
            console.print("  ", (f"{sign} {shlex.join(argv)}", style))
    if found.commits:
        _values("git", {"commit": found.commits}, found.a, found.b, session)
    _values("environment", found.environment, found.a, found.b, session)
    if not found.files_known:
        console.print(("files", "strong"), "  differ; what they were is no longer kept here")
    elif found.files:
        console.print(("files", "strong"))
        for file in found.files:
            _file(file, session)
    _values("metrics", found.metrics, found.a, found.b, session, gaps=True)


def _values(title: str, pairs: dict[str, Pair], a: int, b: int, session: Session, gaps: bool = False) -> None:
    if not pairs:
        return
    from neronet.api.diff import gap

    shown = words.number if gaps else _text
    table = Table([Column(title), Column(f"run {a}", right=gaps), Column(f"run {b}", right=gaps), Column("")])
    for name, (of_a, of_b) in pairs.items():
        more = gap(of_a, of_b) if gaps else None
        told = "" if more is None else f"{'+' * (more > 0)}{words.number(more)}"
        table.add((name, "quiet"), (shown(of_a), "bad"), (shown(of_b), "good"), told)
    session.console.table(table)


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _file(file: File, session: Session) -> None:
    sign, style = MARKS[file.what]
    why = f"   {file.why}" if file.why else ""
    session.console.print("  ", (f"{sign} ", style), file.path, (why, "quiet"))
    for line in file.diff.split("\n")[2:-1]:  # without the names, which stand above
        style = {"+": "good", "-": "bad", "@": "live"}.get(line[:1], "")
        session.console.print("    ", (line, style))
