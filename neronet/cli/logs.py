"""`logs` and `points`: what one run has said."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from neronet import words
from neronet.cli import describe, text
from neronet.cli.jsonout import dumps
from neronet.cli.results import as_csv, records
from neronet.cli.session import Session
from neronet.cli.table import Column, Table
from neronet.errors import InputError
from neronet.wire.states import OPEN

if TYPE_CHECKING:
    import pandas as pd

    from neronet.api import RunSet

TIMES = ("time",)  # the columns of points that are times
NONE = "no metrics yet; a metric is what it prints as a line of its own: NAME VALUE"


def logs(arguments: Namespace, session: Session) -> None:
    """The log as it is where it is piped, harmless line by line in a terminal."""
    console = session.console
    runs = _one(arguments.run, session)
    stream = "stderr" if arguments.stderr else "stdout"
    run = runs[0]
    printed = False
    if arguments.follow:
        for piece in runs.follow(stream):
            printed = True
            _print(piece, session)
    else:
        log = runs.log(stream)
        printed = bool(log)
        _print(log, session)
    if not printed and runs.log_deleted(stream):
        console.say(
            (f"the results of {run.name} were deleted: {describe.path(run.results)} is not whole", "quiet")
        )
    elif not printed:
        still = f" yet: it is {run.state}" if run.state in OPEN else ""
        there = f"; nerocli logs {run.number} --stderr shows the other stream" if stream == "stdout" else ""
        console.say((f"{run.name} has printed nothing to {stream}{still}{there}", "quiet"))


def points(arguments: Namespace, session: Session) -> None:
    console = session.console
    runs = _one(arguments.run, session)
    run = runs[0]
    metric: str | None = arguments.metric
    if metric is not None and metric not in run.metrics and metric not in run.usage:
        known = f"it has: {', '.join(run.metrics)}" if run.metrics else NONE
        raise InputError(f"{run.name} has no metric {metric!r}", known)
    frame = runs.points(metric)
    if arguments.json:
        console.raw(dumps(records(frame, TIMES)))
    elif arguments.csv:
        console.raw(as_csv(frame, TIMES, index=False))
    elif not run.metrics:
        console.print(f"{run.name}: {NONE}")
    else:
        console.table(_values(frame, metric) if metric is not None else _summary(frame))


def _summary(frame: pd.DataFrame) -> Table:
    titles = ("points", "first", "last", "least", "most")
    table = Table([Column("metric"), *(Column(title, right=True) for title in titles)])
    for name, values in frame.groupby("metric", sort=False)["value"]:
        shown = (values.iloc[0], values.iloc[-1], values.min(), values.max())
        table.add(str(name), f"{len(values):,}", *(words.number(float(value)) for value in shown))
    return table


def _values(frame: pd.DataFrame, metric: str) -> Table:
    table = Table([Column("index", right=True), Column("time"), Column(metric, right=True)])
    for index, time, value in zip(frame["index"], frame["time"], frame["value"], strict=True):
        table.add(f"{index:g}", text.moment(time), words.number(value))
    return table


def _one(selector: str, session: Session) -> RunSet:
    """The run set of exactly one run, as it is now."""
    session.neroman.refresh()
    runs = session.neroman.runs(selector)
    if len(runs) != 1:
        some = ", ".join(f"{run.number} ({run.name})" for run in runs[:3])
        raise InputError(
            f"{selector!r} names {words.count(len(runs), 'run')}, not one",
            f"as {some}" if runs else "nerocli status lists them",
        )
    return runs


def _print(piece: str, session: Session) -> None:
    session.console.raw(text.harmless_log(piece) if session.console.terminal else piece)
