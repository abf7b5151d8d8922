"""The table of results as people keep it: a row for each run, from when it was submitted to its exact command.

Made of plain values, without pandas: the engine keeps such a file up to date.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from neronet.store.frames import column_names, numeric
from neronet.store.points import Last
from neronet.store.store import Store
from neronet.wire.samples import is_sample

BEFORE = (
    "number", "name", "experiment", "state", "reason", "node", "submitted", "started", "ended", "duration",
)  # fmt: skip
AFTER = ("note", "tags", "code", "commit", "command")
TIMES = ("submitted", "started", "ended")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_NOTHING = Last({}, {})


@dataclass(frozen=True)
class Sheet:
    """Titles of columns, and rows of texts, numbers, times in UTC, and None where there is nothing."""

    columns: list[str]
    rows: list[list[Any]]

    def records(self) -> list[dict[str, Any]]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def sheet(store: Store, numbers: Iterable[int] | None = None) -> Sheet:
    """The table of these runs, or of all: number, name, experiment, state, reason, node, submitted, started, ended,
    duration (seconds), then the parameters, then the metrics (last values, without those of `node.`), then note, tags,
    code (the beginning of the snapshot's hash), commit (of git, with `-dirty`) and command.

    A parameter is a column of numbers when every text in it is one; a name that is used twice is written as
    `param.x` and `metric.x`.
    """
    wanted = None if numbers is None else list(numbers)
    with store.snapshot():
        runs = store.runs.find(wanted)
        last = store.points.last([run.number for run in runs])
        commits = store.batches.git({run.token for run in runs})
    parameters = list(dict.fromkeys(name for run in runs for name in run.parameters))
    found = dict.fromkeys(name for run in runs for name in last.get(run.number, _NOTHING).values)
    # What Neronet measured itself would bury the others.
    metrics = [name for name in found if not is_sample(name)]
    names = column_names(parameters, metrics, (*BEFORE, *AFTER))
    texts = [numeric([run.parameters.get(name) for run in runs]) for name in parameters]
    rows: list[list[Any]] = []
    for place, run in enumerate(runs):
        values = last.get(run.number, _NOTHING).values
        commit = commits.get(run.token)
        duration = None if run.started is None or run.ended is None else round(run.ended - run.started, 3)
        rows.append(
            [
                run.number, run.name, run.experiment, run.state, run.reason, run.node, _time(run.submitted),
                _time(run.started), _time(run.ended), duration,
                *(column[place] if name in run.parameters else None
                  for name, column in zip(parameters, texts, strict=True)),
                *(values.get(name) for name in metrics), run.note, ", ".join(run.tags), run.snapshot[:12],
                f"{commit['commit']}{'-dirty' * commit['dirty']}" if commit else None, shlex.join(run.argv),
            ]
        )  # fmt: skip
    columns = [
        *BEFORE,
        *(names["param", name] for name in parameters),
        *(names["metric", name] for name in metrics),
        *AFTER,
    ]
    return Sheet(columns, rows)


def _time(seconds: float | None) -> datetime | None:
    """To the millisecond; None also for what no calendar has."""
    if seconds is None or not math.isfinite(seconds):
        return None
    try:
        return _EPOCH + timedelta(milliseconds=round(seconds * 1000))
    except OverflowError:
        return None


def ordered(of: Sheet, numbers: Sequence[int]) -> Sheet:
    """The same with its rows in this order."""
    rows = {row[0]: row for row in of.rows}
    return Sheet(of.columns, [rows[number] for number in numbers if number in rows])
