"""Runs in one zip: what pandas alone can read, and all that is needed to run the same again.

    README.txt               what is in it, and how to read it
    bundle.json              runs and experiments, for `nerocli replay`
    runs.csv  points.csv     the tables
    runs/<number>/           run.json, the logs, the outputs, as they were fetched
    diffs/<sha256>.diff      what a folder differed in from its commit
    snapshots/<sha256>.json  a list of files that runs had: names, modes, hashes (see sync/manifest.py)
    files/<sha256>           each content of these once

Nothing in it is named by a text that a node or a program has chosen but the outputs, which lie where
`ResultsWriter` has put them.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import os
import struct
import time
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from neronet.api.run import Run, utc
from neronet.api.runset import RunSet
from neronet.errors import InputError, NeronetError
from neronet.spec.config import parse_config
from neronet.store.batches import LOCAL
from neronet.store.runs import results_folder
from neronet.store.sheetfile import as_csv
from neronet.store.store import Store
from neronet.sync.manifest import Entry, parse
from neronet.sync.snapshot import WHOLE
from neronet.wire.frames import Malformed

FORMAT = 1
CONFIG = "config.yaml"
REPLAYED = (
    "number",
    "name",
    "experiment",
    "parameters",
    "command",
    "snapshot",
)  # what `replay` needs of a run
_BLOCK = 1024 * 1024
_FIRST = (1980, 1, 1, 0, 0, 0)  # the first date that a zip knows

README = """\
Runs of Neronet, with all that is known of them.

runs.csv      a row for each run: parameters, last values of metrics, command, hash of its files, commit
points.csv    a row for each point: run, metric, index, time (seconds since 1970), value
runs/NUMBER   run.json (all of runs.csv, and more), stdout.log, stderr.log, outputs
              (an output that has such a name itself ends in .output)
diffs         what folders differed in from their git commits; a run's is named by "git" in its run.json
snapshots     the files that runs had, as lists of names and hashes; a run's is its "snapshot"
files         the contents of these files, by their SHA-256

In Python:

    import zipfile, pandas
    bundle = zipfile.ZipFile("{name}")
    runs = pandas.read_csv(bundle.open("runs.csv"), index_col="number")
    points = pandas.read_csv(bundle.open("points.csv"))

The same runs again:  nerocli replay {name} NODE    (--check shows the commands first)
"""


def write(runs: RunSet, home: Path, store: Store, path: Path) -> list[str]:
    """Writes the bundle; sentences about what could not be had."""
    if path.suffix.lower() != ".zip":
        raise InputError(f"{path} is no name for a bundle", f"end it in .zip: {path}.zip")
    if not runs:
        raise InputError("there are no runs to bundle")
    if path.exists():
        raise InputError(f"there is {path} already", "remove it, or choose another name")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            with zipfile.ZipFile(part, "x", zipfile.ZIP_DEFLATED, strict_timestamps=False) as made:
                notes = _Writer(made, home, store).write(runs, path.name)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise NeronetError(
            f"{path} cannot be written: {error.strerror or error}", "is there such a folder, and room?"
        ) from error
    return notes


class _Writer:
    def __init__(self, bundle: zipfile.ZipFile, home: Path, store: Store) -> None:
        self._zip, self._home, self._store = bundle, home, store
        self._there: set[str] = set()  # names of contents
        self._notes: list[str] = []
        self._results = {
            results_folder(home, results, attempt)
            for _, results, last in store.runs.results()
            for attempt in range(1, last + 1)
        }

    def write(self, runs: RunSet, name: str) -> list[str]:
        known = list(runs)
        folders = self._folders(known)
        missing: list[dict[str, Any]] = []
        specs: dict[str, dict[str, Any]] = {}
        for snapshot in dict.fromkeys(run.snapshot for run in known):
            missing += self._snapshot(snapshot, folders.get(snapshot))
        without: dict[str, list[str]] = {}
        for run in known:
            without.setdefault(self._lacking(run), []).append(str(run.number))
        for note, of in without.items():
            numbers = ", ".join(of[:20]) + (f" and {len(of) - 20:,} more" if len(of) > 20 else "")
            self._notes += [note.format(numbers)] if note else []
        for run in known:
            self._run(run)
            key = f"{run.experiment} {run.snapshot}"
            if key not in specs:
                spec = self._spec(run)
                specs |= {key: spec} if spec else {}
        said = {
            "format": FORMAT,
            "created": utc(time.time()),
            "runs": [
                {word: value for word, value in _described(run).items() if word in REPLAYED} for run in known
            ],
            "experiments": specs,
            "missing": missing,
        }
        self._text("bundle.json", json.dumps(said, indent=1))
        self._text("runs.csv", as_csv(runs.sheet()))
        self._points(known)
        lacking = "".join(f"\nNot in it: {note}\n" for note in self._notes)
        self._text("README.txt", README.format(name=name) + lacking)
        return self._notes

    def _text(self, name: str, text: str) -> None:
        info = zipfile.ZipInfo(name, _FIRST)
        info.compress_type = zipfile.ZIP_DEFLATED
        self._zip.writestr(info, text.encode("utf-8", "surrogateescape"))

    def _folders(self, runs: Iterable[Run]) -> dict[str, Path]:
        """Snapshot -> the folder that it was taken of."""
        tokens = {row.number: row.token for row in self._store.runs.find(run.number for run in runs)}
        found: dict[str, Path] = {}
        for run in runs:
            token = tokens.get(run.number, "")
            if run.snapshot not in found and self._store.batches.get(token) is not None:
                folder = self._store.batches.content(token).get(LOCAL, {}).get("folder")
                found |= {run.snapshot: Path(folder)} if folder else {}
        return found

    def _snapshot(self, sha: str, folder: Path | None) -> Iterator[dict[str, Any]]:
        """Adds a snapshot and its contents; what could not be had."""
        try:
            data = (self._home / "files" / sha).read_bytes()
            entries = parse(data)
        except (OSError, Malformed):
            self._notes.append(f"the files of snapshot {sha[:12]}, which is no longer kept here")
            return
        self._text(f"snapshots/{sha}.json", data.decode("ascii"))
        for entry in entries:
            if entry.kind == "f" and entry.sha not in self._there and not self._content(entry, folder):
                self._notes.append(f"{entry.path} ({entry.size:,} bytes), which has changed or gone since")
                yield {"snapshot": sha, "path": entry.path, "sha256": entry.sha, "size": entry.size}

    def _content(self, entry: Entry, folder: Path | None) -> bool:
        """Adds a content, from what is kept, or a large one from the folder if it is still the same."""
        kept = self._home / "files" / entry.sha
        source = kept if entry.size <= WHOLE else folder and folder / entry.path
        if source is None or not _is(source, entry):
            return False
        self._there.add(entry.sha)
        self._zip.write(source, f"files/{entry.sha}")
        return True

    def _lacking(self, run: Run) -> str:
        """What of its results is not here, {} being for its number; "" for nothing."""
        streams = self._store.offsets.streams(run.number, run.attempt).values()
        if not run.results.is_dir() and any(known.mirrored > 0 for known in streams):
            return "logs and outputs of run {}: somebody has deleted the results"
        if any(known.mirrored < known.physical for known in streams):
            return "the rest of the logs of run {}, which is on the node (mirror_limit)"
        return ""

    def _run(self, run: Run) -> None:
        here = f"runs/{run.number}"
        own = Path(str(self._zip.filename)).name  # may lie here, too: it would grow by itself for ever
        self._text(
            f"{here}/run.json", json.dumps({**run.to_json(), **_described(run)}, indent=1, default=str)
        )
        if run.git and (diff := _diff(run)) and diff not in self._zip.NameToInfo:
            self._text(diff, run.git.diff)
        for folder, names, files in os.walk(run.results):
            # A run without parameters has the folder in which those of its later sweeps have theirs.
            names[:] = sorted(name for name in names if Path(folder, name) not in self._results)
            for file in sorted(files):
                place = Path(folder, file)
                theirs = file != own and not file.startswith(".part-")
                if theirs and place.is_file() and not place.is_symlink():
                    inside = os.fsencode(place.relative_to(run.results)).decode("utf-8", "replace")
                    while f"{here}/{inside}" in self._zip.NameToInfo:  # an output that is called run.json
                        inside += ".output"
                    self._zip.write(place, f"{here}/{inside}")

    def _spec(self, run: Run) -> dict[str, Any] | None:
        """The experiment as the configuration among the run's files says it, else as it is known now."""
        try:
            entries = parse((self._home / "files" / run.snapshot).read_bytes())
            config = next(entry for entry in entries if entry.path == CONFIG and entry.kind == "f")
            data = (self._home / "files" / config.sha).read_bytes()
            found = parse_config(data, CONFIG, Path("/"))
            return next(each for each in found.experiments if each.id == run.experiment).to_json()
        except (OSError, Malformed, StopIteration):
            row = self._store.experiments.get(run.experiment)
            if row is None:
                self._notes.append(f"the configuration of {run.experiment}, which was deleted")
            return row and {**row.spec, "folder": "/"}

    def _points(self, runs: Iterable[Run]) -> None:
        """All points, a run at a time: there may be more than memory has room for."""
        info = zipfile.ZipInfo("points.csv", _FIRST)
        info.compress_type = zipfile.ZIP_DEFLATED
        with (
            self._zip.open(info, "w", force_zip64=True) as raw,
            io.TextIOWrapper(raw, "utf-8", newline="") as text,
        ):
            lines = csv.writer(text, lineterminator="\n")
            lines.writerow(["run", "metric", "index", "time", "value"])
            for run in runs:
                for number, metric, chunk in self._store.points.raw([run.number]):
                    values = struct.unpack(f"={len(chunk.data) // 8}d", chunk.data)
                    wide = len(values) // chunk.n
                    for place in range(chunk.n):
                        point = values[place * wide : (place + 1) * wide]
                        index = (chunk.first + place,) if wide == 2 else ()
                        lines.writerow([number, metric, *index, *point])


def _diff(run: Run) -> str:
    """Where what its folder differed in from its commit lies in the bundle; "" when there is nothing."""
    file = run.git and run.git.file
    return f"diffs/{file.name}.diff" if file and file.is_file() else ""


def _described(run: Run) -> dict[str, Any]:
    """What `replay` and people need of a run."""
    environment = getattr(run, "environment", None)
    return {
        "number": run.number, "name": run.name, "experiment": run.experiment,
        "collections": list(run.collections), "parameters": run.parameters, "command": list(run.command),
        "snapshot": run.snapshot, "state": run.state, "reason": run.reason, "note": run.note,
        "tags": list(run.tags), "metrics": {name: _number(value) for name, value in run.metrics.items()},
        "git": run.git and {**run.git.to_json(), "diff": _diff(run)}, "environment": environment,
    }  # fmt: skip


def _number(value: float) -> float | str:
    return value if math.isfinite(value) else repr(value)  # JSON has no nan


def _is(place: Path, entry: Entry) -> bool:
    """Whether a file still has this content."""
    try:
        if place.stat().st_size != entry.size:
            return False
        digest = hashlib.sha256()
        with open(place, "rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError:
        return False
    return digest.hexdigest() == entry.sha
