"""`plot` and `trust`: the user's own plotting functions, run on this machine for folders that she trusts."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from neronet import words
from neronet.cli import describe, errors
from neronet.cli.jsonout import dumps, iso
from neronet.cli.session import Session
from neronet.cli.table import Column, Table
from neronet.errors import InputError, NeronetError, NotTrusted

if TYPE_CHECKING:
    from neronet.api import RunSet
    from neronet.api.plot_image import PlotImage


def plot(arguments: Namespace, session: Session) -> int:
    """One image for each plot; a plot that fails does not keep the others from being drawn."""
    session.neroman.refresh()
    runs = session.neroman.runs(arguments.id)
    names = [arguments.plot] if arguments.plot else runs.plots(submitted=arguments.submitted)
    to = None if arguments.output is None else Path(arguments.output)
    if not names:
        raise InputError(
            f"no plot is defined for {describe.told(runs.rows())}",
            "plot: in config.yaml defines some (docs/plots.md)",
        )
    if to is not None and len(names) > 1:
        raise InputError(f"-o takes one plot, these are {', '.join(names)}", "choose one with --plot NAME")
    drawn: list[PlotImage] = []
    failed = 0
    for name in names:
        try:
            image = _draw(session, runs, name, arguments.submitted, to)
        except NotTrusted:
            raise
        except NeronetError as error:
            errors.show(error, session.console)
            failed = error.exit_code
            continue
        drawn.append(image)
        for line in image.printed.splitlines()[-20:]:
            session.console.say((line, "quiet"))
        for path in () if arguments.json else image.paths:
            session.console.print(str(path))
    if arguments.json:
        plots = [{"plot": image.name, "files": list(image.paths)} for image in drawn]
        session.console.raw(dumps({"runs": list(runs.numbers), "plots": plots}))
    return failed


def _draw(session: Session, runs: RunSet, name: str, submitted: bool, to: Path | None) -> PlotImage:
    """The plot; asks for each folder that is not trusted yet."""
    while True:
        try:
            return runs.draw(name, submitted=submitted, to=to)
        except NotTrusted as error:
            if not session.console.person:
                raise
            session.console.say(
                f"Plots are drawn by Python code of {error.folder}: it can do all that you can."
            )
            if not session.console.confirm("Do you trust this folder?", f"nerocli trust {error.folder}"):
                raise
            session.neroman.trusted.add(error.folder)


def trust(arguments: Namespace, session: Session) -> None:
    trusted, console = session.neroman.trusted, session.console
    folder = arguments.folder
    if folder is None and arguments.revoke:
        raise InputError("trust --revoke takes a folder", "`nerocli trust` lists those that are trusted")
    if folder is not None:
        if arguments.revoke:
            console.print(f"{trusted.revoke(folder)} is trusted no more.")
        else:
            console.print(
                f"{trusted.add(folder)} is trusted: its plotting functions may run on this machine."
            )
        return
    known = trusted.folders()
    if arguments.json:
        console.raw(dumps([{"folder": path, "since": iso(since)} for path, since in known.items()]))
    elif not known:
        console.print("No folder is trusted.")
    else:
        table = Table([Column("trusted folder"), Column("since")])
        for path, since in known.items():
            table.add(path, (iso(since)[:10], "quiet"))
        console.table(table)
        console.say(
            (f"{words.count(len(known), 'folder')}; nerocli trust --revoke FOLDER takes one back", "quiet")
        )
