"""`results`: the table of runs with their parameters and metrics."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neronet import words
from neronet.cli.jsonout import iso
from neronet.cli.session import Session
from neronet.cli.table import Column, Table, state_piece
from neronet.store import sheetfile

if TYPE_CHECKING:
    import pandas as pd

    from neronet.api import Run


def results(arguments: Namespace, session: Session) -> None:
    console = session.console
    file: str | None = arguments.output
    if file is not None:
        sheetfile.writer(Path(file))  # before anything is asked
    session.neroman.refresh()
    runs = session.neroman.runs(arguments.experiment)
    if not (runs or file or arguments.json or arguments.csv):
        console.print("No runs yet.")
        console.then("nerocli submit FOLDER NODE")
    elif file is not None:
        runs.save(file)
        console.print(f"{words.count(len(runs), 'run')} written to {file}.")
    elif arguments.json:
        console.raw(sheetfile.as_json(runs.sheet()))
    elif arguments.csv:
        console.raw(sheetfile.as_csv(runs.sheet()))
    else:
        hidden = console.table(as_table(list(runs), console.unicode))
        if hidden:
            console.say(
                (f"Too narrow for {', '.join(hidden)}; all columns: nerocli results -o results.csv", "quiet")
            )


def records(frame: pd.DataFrame, times: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The rows as plain values; those of the columns `times` are seconds since 1970."""
    rows = frame.to_dict("records")
    return [
        {str(name): iso(value) if name in times else _plain(value) for name, value in row.items()}
        for row in rows
    ]


def as_csv(frame: pd.DataFrame, times: Sequence[str] = (), index: bool = True) -> str:
    """A line for each row; times as in JSON."""
    import pandas as pd

    shown = frame.copy()
    for name in frame.columns:
        if name in times or frame[name].dtype.kind == "M":
            said = iso if name in times else lambda moment: iso(moment.timestamp())
            shown[name] = [None if pd.isna(moment) else said(moment) for moment in frame[name]]
    return str(shown.to_csv(index=index))


def _plain(value: object) -> object:
    import pandas as pd

    if isinstance(value, pd.Timestamp):
        return iso(value.timestamp())
    if isinstance(value, pd.Timedelta):
        return value.total_seconds()
    if value is pd.NaT or value is pd.NA:
        return None
    return value.item() if hasattr(value, "item") else value


def as_table(runs: Sequence[Run], unicode: bool) -> Table:
    """Number, metrics, state, and the parameters that vary: a column that is the same in all says nothing."""
    parameters = [name for name in _union(run.parameters for run in runs) if _varies(runs, name)]
    metrics = _union(run.metrics for run in runs)
    several = len({run.experiment for run in runs}) > 1
    nodes = len({run.node for run in runs}) > 1
    table = Table([Column("#", right=True)])
    if several or not parameters:
        table.columns.append(Column("run", shrink=18, tail=True))
    for place, name in enumerate((*parameters, *metrics)):
        clash = name in parameters and name in metrics
        title = f"{'param' if place < len(parameters) else 'metric'}.{name}" if clash else name
        table.columns.append(Column(title, right=True, shrink=8, drop=place + 9 if place > 3 else 0))
    table.columns.append(Column("state"))
    table.columns += [Column("node", drop=2)] if nodes else []
    table.columns.append(Column("time", right=True, drop=1))
    for run in runs:
        table.add(
            (str(run.number), "quiet"),
            *([run.name] if several or not parameters else []),
            *(run.parameters.get(name, "") for name in parameters),
            *(words.number(run.metrics.get(name)) for name in metrics),
            state_piece(run.state, unicode),
            *([run.node] if nodes else []),
            ("" if run.duration is None else words.duration(run.duration), "quiet"),
        )
    return table


def _union(names: Iterable[Iterable[str]]) -> list[str]:
    return list(dict.fromkeys(name for some in names for name in some))


def _varies(runs: Sequence[Run], parameter: str) -> bool:
    return len(runs) == 1 or len({run.parameters.get(parameter) for run in runs}) > 1
