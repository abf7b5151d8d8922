"""`backtest`: what a rule would have done."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from neronet import words
from neronet.cli import text
from neronet.cli.jsonout import dumps, iso
from neronet.cli.session import Session
from neronet.cli.table import Column, Table

if TYPE_CHECKING:
    from neronet.api.backtest import Verdict

RULE = ("metric", "goal", "rule", "min_points", "reduction", "keep")


def backtest(arguments: Namespace, session: Session) -> None:
    rule = {word: getattr(arguments, word) for word in RULE}
    found = session.neroman.backtest(arguments.experiment, arguments.condition, top=arguments.top, **rule)
    if arguments.json:
        told = found.to_json()
        told["stopped"] = [{**stop, "time": iso(stop["time"])} for stop in told["stopped"]]
        session.console.raw(dumps(told))
        return
    hidden = session.console.table(_table(found)) if found.stopped else []
    if hidden:
        session.console.say((f"Too narrow for {', '.join(hidden)}; all columns: --json", "quiet"))
    for line in summary(found):
        session.console.note(line)


def _table(found: Verdict) -> Table:
    table = Table(
        [
            Column("#", right=True), Column("run", shrink=12, tail=True, drop=1), Column("stopped", drop=2),
            Column("point", right=True), Column("saved", right=True), Column("why", shrink=30, wrap=True),
        ]
    )  # fmt: skip
    for stop in found.stopped:
        number, saved = (str(stop.number), "quiet"), words.duration(stop.saved)
        table.add(number, stop.name, (text.moment(stop.time), "quiet"), str(stop.point), saved, stop.why)
    return table


def summary(found: Verdict) -> list[str]:
    """What it comes to, in sentences."""
    stopped = f"{len(found.stopped)} of {words.count(found.runs, 'run')} would have been stopped"
    hours = words.duration(found.saved_hours * 3600)
    lines = [f"{stopped}: {hours} or {found.percent:.0f} % of {words.duration(found.hours * 3600)} saved."]
    if found.lost:
        places = ", ".join(f"run {number} (place {found.best.index(number) + 1})" for number in found.lost)
        lines.append(f"Of the best {len(found.best)} it would have lost {places}.")
    elif found.best:
        lines.append(f"Of the best {len(found.best)} it would have lost none.")
    if found.cut:
        were = "run was" if len(found.cut) == 1 else "runs were"
        lines.append(
            f"{len(found.cut)} {were} ended by stop_losers or a condition when recorded, so the curves are cut: more may "
            "have been saved than this says, and what would have been decided after that cannot be known."
        )
    return lines
