"""Runs on their way out: as text for the clipboard, and as a file beside the results."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from neronet.api.runset import RunSet
from neronet.errors import InputError, NeronetError
from neronet.store.sheetfile import as_csv
from neronet.wire.samples import is_sample
from neronet_jupyter.table.arrange import METRIC, PARAMETER
from neronet_jupyter.table.entry import Entry
from neronet_jupyter.table.model import Table

FOLDER = "exports"  # in the home, beside results


def tab_separated(table: Table, entries: Sequence[Entry]) -> str:
    """A table as spreadsheets take it: values in full, a row for each run, the names in the first."""
    known = table.known()
    parameters = [*known.varying, *known.zipped, *known.others]
    metrics = [
        name
        for name in known.metrics
        if not is_sample(name) and any(table.ids[name] in entry.metrics for entry in entries)
    ]
    tags = ["tags"] if any(entry.row.tags for entry in entries) else []
    rows = [["number", "name", "experiment", "state", "reason", "node", *parameters, *metrics, "note", *tags]]
    for entry in entries:
        row = entry.row
        values = [entry.value(table.ids[name]) for name in metrics]
        rows.append(
            [
                str(row.number), row.name, row.experiment, row.state, row.reason, row.node,
                *(row.parameters.get(name, "") for name in parameters),
                *("" if value is None else repr(value) for value in values), row.note,
                *(", ".join(row.tags) for _ in tags),
            ]
        )  # fmt: skip
    return "\n".join("\t".join(" ".join(cell.split()) for cell in row) for row in rows) + "\n"


def export(runs: RunSet, home: Path, name: str) -> Path:
    """Writes them as NAME.csv or NAME.json, the rows of `nerocli results --csv` or what `nerocli status --json` prints.
    Raises InputError for a name that is no plain file name, or is taken."""
    path = home / FOLDER / name
    if not name or name != path.name or name.startswith(".") or "\\" in name or not name.isprintable():
        raise InputError(f"{name!r} is not a plain file name", "write one such as runs.csv")
    if path.suffix not in (".csv", ".json"):
        raise InputError("the name must end in .csv or .json", f"write {name}.csv")
    if path.suffix == ".csv":
        text = as_csv(runs.sheet())
    else:
        text = json.dumps([run.to_json() for run in runs], indent=1)
    try:
        path.parent.mkdir(exist_ok=True)
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InputError(f"there is {path} already", "choose another name") from None
    except OSError as error:
        raise NeronetError(
            f"{path} cannot be written: {error.strerror}", "make some room, or choose another name"
        ) from None
    return path


def key_title(key: str) -> str:
    """What a menu calls a column."""
    if key.startswith((PARAMETER, METRIC)):
        return key[2:]
    return {"spark": "sparkline"}.get(key, key)
