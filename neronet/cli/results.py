"""`results`: the table of runs with their parameters and metrics."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from neronet.cli import text
from neronet.cli.jsonout import dumps
from neronet.cli.session import Session
from neronet.cli.table import Column, Table, state_piece
from neronet.errors import InputError, NeronetError

if TYPE_CHECKING:
    import pandas as pd

    from neronet.api import RunSet

# Columns of the frame that say how a run went; the others are its parameters and metrics.
ABOUT = ("name", "experiment", "node", "state", "reason", "started", "ended", "duration")
WRITERS = (".csv", ".json")


def results(arguments: Namespace, session: Session) -> None:
    console = session.console
    file: str | None = arguments.output
    if file is not None and Path(file).suffix.lower() not in WRITERS:
        raise InputError(f"{file}: the ending says what to write", f"end it in {' or '.join(WRITERS)}")
    runs = session.neroman.runs(arguments.experiment)
    if not (runs or file or arguments.json or arguments.csv):
        console.print("No runs yet.")
        console.then("nerocli submit FOLDER NODE")
    elif file is not None:
        frame = runs.frame()
        content = as_json(frame) if Path(file).suffix.lower() == ".json" else frame.to_csv()
        try:
            Path(file).write_text(content, encoding="utf-8")
        except OSError as error:
            raise NeronetError(f"{file} cannot be written: {error.strerror or error}") from error
        console.print(f"{text.count(len(frame), 'run')} written to {file}.")
    elif arguments.json:
        console.raw(as_json(runs.frame()))
    elif arguments.csv:
        console.raw(runs.frame().to_csv())
    else:
        hidden = console.table(as_table(runs, console.unicode))
        if hidden:
            console.say(
                (f"Too narrow for {', '.join(hidden)}; all columns: nerocli results -o results.csv", "quiet")
            )


def as_json(frame: pd.DataFrame) -> str:
    """A list of objects, one per run."""
    return dumps(records(frame.reset_index(names="number")))


def records(frame: pd.DataFrame) -> list[dict[str, object]]:
    """The rows as plain values, times as seconds since 1970."""
    rows = frame.to_dict("records")
    return [{str(name): _plain(value) for name, value in row.items()} for row in rows]


def _plain(value: object) -> object:
    import pandas as pd

    if isinstance(value, pd.Timestamp):
        return value.timestamp()
    if isinstance(value, pd.Timedelta):
        return value.total_seconds()
    if value is pd.NaT or value is pd.NA:
        return None
    return value.item() if hasattr(value, "item") else value


def as_table(runs: RunSet, unicode: bool) -> Table:
    """Number, state and what differs between the runs: a column in which all are the same says nothing."""
    frame = runs.frame()
    texts = {run.number: run.parameters for run in runs}
    told = [name for name in frame.columns if name not in ABOUT and _varies(frame, name)]
    table = Table([Column("#", right=True)])
    names = [
        name for name in ("experiment", "name") if frame[name].nunique() > 1 and (name != "name" or not told)
    ]
    table.columns += [Column("run" if name == "name" else name, shrink=12) for name in names]
    table.columns += [
        Column(str(name), right=True, shrink=8, drop=place + 1 if place > 3 else 0)
        for place, name in enumerate(told)
    ]
    table.columns += [Column("state"), Column("node", drop=2), Column("time", right=True, drop=1)]
    for number, row in zip(frame.index, records(frame), strict=True):
        values = [
            texts[number].get(str(name).removeprefix("param.")) or _value(row[str(name)]) for name in told
        ]
        took = row["duration"]
        table.add(
            (str(number), "quiet"),
            *(str(row[name]) for name in names),
            *values,
            state_piece(str(row["state"]), unicode),
            str(row["node"] or ""),
            (text.duration(took) if isinstance(took, float) and took == took else "", "quiet"),
        )
    return table


def _varies(frame: pd.DataFrame, name: str) -> bool:
    return len(frame) == 1 or frame[name].astype(str).nunique() > 1


def _value(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "" if value is None else str(value)
    return text.number(value)
