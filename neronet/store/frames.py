"""Tables for pandas.  pandas and numpy are imported when a table is made: they cost more than the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from neronet.store.heads import RECORD, Head
from neronet.store.store import Store
from neronet.wire.samples import is_sample

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

_LAST_MOMENT = 250e9  # seconds since 1970: datetimes end with the year 9999
_FIXED = ("number", "name", "experiment", "node", "state", "reason", "started", "ended", "duration")


def runs_frame(store: Store, numbers: Iterable[int] | None = None) -> pd.DataFrame:
    """One row per run, by ascending number, which is the index; all runs without `numbers`.

    Columns: name, experiment, node, state, reason, started, ended (UTC, NaT when not known), duration
    (seconds from start to end, nan before the end), tags where any run has some, then one per parameter, then one
    per metric that a program printed (its last value in the last attempt, nan where there is none).
    A parameter is a column of numbers when every text
    in it is one.  A name that is used twice is written as `param.x` and `metric.x`.
    """
    import pandas as pd

    numbers = None if numbers is None else list(numbers)
    with store.snapshot():
        runs = store.runs.find(numbers)
        metrics = _last_values(store, numbers, [run.number for run in runs])
    started, ended = _floats(run.started for run in runs), _floats(run.ended for run in runs)
    columns: dict[str, object] = {
        "name": [run.name for run in runs],
        "experiment": [run.experiment for run in runs],
        "node": [run.node for run in runs],
        "state": [run.state for run in runs],
        "reason": [run.reason for run in runs],
        "started": _utc(started),
        "ended": _utc(ended),
        "duration": ended - started,
    }
    parameters = list(dict.fromkeys(name for run in runs for name in run.parameters))
    if any(run.tags for run in runs):
        columns["tags"] = [", ".join(run.tags) for run in runs]
    names = column_names(parameters, list(metrics), tuple(columns))
    for name in parameters:
        columns[names["param", name]] = numeric([run.parameters.get(name) for run in runs])
    for name, values in metrics.items():
        columns[names["metric", name]] = values
    index = pd.Index([run.number for run in runs], dtype="int64", name="number")
    frame: pd.DataFrame = pd.DataFrame(columns, index=index)
    return frame


def points_frame(
    store: Store, numbers: Iterable[int] | None = None, metric: str | None = None
) -> pd.DataFrame:
    """One row per point of the last attempt of each run (all runs without `numbers`, without `metric` all that
    programs printed), by run, metric (as they first appeared) and number of the point.

    Columns: run, metric, index (the step that the program gave, else the number of the point from 0), time
    (seconds since 1970 by the node's clock), value.
    """
    import numpy as np
    import pandas as pd

    raw = [part for part in store.points.raw(numbers, metric) if metric or not is_sample(part.metric)]
    counts = [chunk.n for _, _, chunk in raw]
    whole = np.empty((sum(counts), 3))
    begin = 0
    for _, _, chunk in raw:
        part = np.frombuffer(chunk.data).reshape(chunk.n, -1)
        rows = whole[begin : begin + chunk.n]
        rows[:, -part.shape[1] :] = part
        if part.shape[1] == 2:
            rows[:, 0] = np.arange(chunk.first, chunk.first + chunk.n)
        begin += chunk.n
    frame: pd.DataFrame = pd.DataFrame(
        {
            "run": np.repeat(np.array([run for run, _, _ in raw], dtype="int64"), counts),
            "metric": pd.Index([name for _, name, _ in raw], dtype=str).repeat(counts),
            "index": whole[:, 0],
            "time": whole[:, 1],
            "value": whole[:, 2],
        }
    )
    return frame


def column_names(
    parameters: Sequence[str], metrics: Sequence[str], fixed: Sequence[str] = ()
) -> dict[tuple[str, str], str]:
    """("param" or "metric", name) -> name of its column: the bare one unless that is used twice; `fixed` are the
    columns beside them."""
    others = {*_FIXED, *fixed}
    uses = Counter([*others, *parameters, *metrics])
    twice = {name for name, count in uses.items() if count > 1}
    taken = set(uses) - twice | others
    names = {}
    for kind, group in (("param", parameters), ("metric", metrics)):
        for name in group:
            column = name
            if name in twice:
                column = f"{kind}.{name}"
                while column in taken:
                    column = f"{kind}.{column}"
                taken.add(column)
            names[kind, name] = column
    return names


def numeric(texts: Sequence[str | None]) -> Sequence[int | float | str | None]:
    """The texts as whole numbers, else as floats, when each of them is a number; else as they are.  None (no
    such parameter) stays None among texts and becomes nan among numbers."""
    known: dict[str | None, Any] = {}
    for kind in (int, float):
        try:
            for text in set(texts) - {None}:
                known[text] = _number(kind, str(text))
        except ValueError:
            continue
        known[None] = float("nan")
        return [known[text] for text in texts]
    return texts


def _number(kind: type[int] | type[float], text: str) -> int | float:
    if "_" in text:  # Python would read 1_000 as a number
        raise ValueError(text)
    number = kind(text)
    if kind is int and not -(2**63) <= number < 2**63:
        raise ValueError(text)
    return number


def _last_values(
    store: Store, numbers: list[int] | None, rows: list[int]
) -> dict[str, npt.NDArray[np.float64]]:
    """Metric, in the order of first appearance -> its last value in each of the runs `rows`."""
    import numpy as np

    names, packed = store.points.names(), store.points.packed_heads(numbers)
    heads = np.frombuffer(b"".join(data for _, data in packed), dtype="int64").reshape(-1, len(Head._fields))
    metric = heads[:, Head._fields.index("metric")]
    value = heads.view("float64")[:, Head._fields.index("value")]
    run = np.repeat([run for run, _ in packed], [len(data) // RECORD.size for _, data in packed])
    metrics, column = np.unique(metric, return_inverse=True)
    table = np.full((len(metrics), len(rows)), np.nan)
    table[column, np.searchsorted(rows, run)] = value
    named = ((names[number], values) for number, values in zip(metrics.tolist(), table, strict=True))
    return {name: values for name, values in named if not is_sample(name)}


def _floats(values: Iterable[float | None]) -> npt.NDArray[np.float64]:
    import numpy as np

    return np.array(list(values), dtype="float64")


def _utc(seconds: npt.NDArray[np.float64]) -> pd.DatetimeIndex:
    import numpy as np
    import pandas as pd

    known = np.abs(seconds) < _LAST_MOMENT  # not so for nan
    moments = np.full(len(seconds), np.datetime64("NaT", "us"))
    moments[known] = np.round(seconds[known] * 1e6).astype("int64").astype("datetime64[us]")
    utc: pd.DatetimeIndex = pd.DatetimeIndex(moments, tz="UTC")
    return utc
