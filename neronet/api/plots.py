"""The plots that a config.yaml defines, drawn by the user's own functions (docs/plots.md).

Nothing here imports or runs anything of the user's: that is done by plot_child.py in a process of its own, and only
for folders that she trusts.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from neronet.api import plot_process
from neronet.api.plot_image import FORMATS, PlotImage
from neronet.api.plot_process import Workplace
from neronet.api.targets import CONFIG
from neronet.api.trusted import Trusted
from neronet.errors import InputError, NeronetError, StoreError, UnsafePath
from neronet.spec.config import Config, load_config, parse_config
from neronet.spec.experiment import STREAMS, Experiment
from neronet.spec.preferences import load_preferences
from neronet.spec.problems import did_you_mean
from neronet.store.batches import LOCAL
from neronet.store.runs import RunRow, results_folder
from neronet.store.store import Store
from neronet.sweep import folder_name
from neronet.sync.manifest import Entry, parse
from neronet.sync.names import safe_parts
from neronet.sync.snapshot import WHOLE
from neronet.sync.writer import ResultsWriter
from neronet.wire.frames import Malformed

MOST = 1000  # runs in one plot
FOLDER = "plots"  # in the results of a run, or of an experiment
LIMIT = 4 * plot_process.IMAGE  # bytes of the images of one plot
RANGES = 60  # characters of run numbers in the name of a file


class Source(NamedTuple):
    """Whose code draws the plots of a run: an experiment as its config.yaml has it, and the folder of its modules."""

    experiment: Experiment
    folder: Path
    submitted: bool  # the code is that of the snapshot of the run


def names(store: Store, home: Path, rows: Iterable[RunRow], submitted: bool = False) -> list[str]:
    """The plots that all of these runs have, in the order of the configuration. Runs nothing; raises as `source`."""
    common: dict[str, None] | None = None
    seen: set[tuple[str, str]] = set()
    for row in rows:
        key = row.experiment, row.snapshot if submitted else ""
        if key not in seen:
            seen.add(key)
            theirs = source(store, home, row, submitted).experiment.plot
            common = dict.fromkeys(theirs if common is None else (name for name in common if name in theirs))
    return list(common or ())


def defined(folder: Path, id: str) -> list[str]:  # noqa: A002
    """The plots of an experiment, as the config.yaml of its folder has it now; InputError where there is none."""
    return list(_now(folder, id).plot)


def source(store: Store, home: Path, row: RunRow, submitted: bool) -> Source:
    """Where the code that draws the plots of a run is: its folder as it is now, or as it was submitted."""
    known = store.experiments.get(row.experiment)
    folder = _sent_from(store, row) if known is None else known.folder
    if submitted:
        sent_from = _sent_from(store, row)
        # A run that was rebuilt from a node has its files from there: nobody here has ever seen them.
        if os.path.realpath(sent_from) != os.path.realpath(folder) or sent_from == Path.home():
            raise InputError(
                f"the code of {row.name} was not submitted from {folder}", "leave --submitted out"
            )
        return Source(_as_submitted(home, row, folder, known and known.spec), folder, True)
    return Source(_now(folder, row.experiment, whole=True), folder, False)


def _sent_from(store: Store, row: RunRow) -> Path:
    content = store.batches.content(row.token)
    if LOCAL not in content:
        raise InputError(f"the folder of {row.name} is not known", "nerocli addexp FOLDER")
    return Path(content[LOCAL]["folder"])


def _now(folder: Path, id: str, whole: bool = False) -> Experiment:  # noqa: A002
    """As config.yaml has it; `whole`: raises ConfigError where that has errors."""
    try:
        status = (folder / CONFIG).stat()
    except OSError as error:
        raise InputError(
            f"{folder / CONFIG} cannot be read: {error.strerror}",
            "--submitted draws with the code as it was submitted",
        ) from error
    config = _config(folder, (status.st_mtime_ns, status.st_size, status.st_ino))
    if whole:
        config.check()
    return _experiment(config, id, str(folder / CONFIG))


@lru_cache(maxsize=64)
def _config(folder: Path, _: object) -> Config:
    return load_config(folder)


def _experiment(config: Config, id: str, file: str) -> Experiment:  # noqa: A002
    for experiment in config.experiments:
        if experiment.id == id:
            return experiment
    config.check()
    raise InputError(f"{file} no longer has the experiment {id}", "--submitted draws as it was submitted")


def _as_submitted(home: Path, row: RunRow, folder: Path, added: dict[str, Any] | None) -> Experiment:
    """The configuration in the snapshot; without one (`required_files`), as it was added."""
    entry = next((entry for entry in _entries(home, row.snapshot) if entry.path == CONFIG), None)
    if entry is not None:
        config = parse_config(_content(home, entry), CONFIG, folder)
        return _experiment(config, row.experiment, f"{CONFIG} of {row.name}")
    if added is None:
        raise InputError(f"the configuration of {row.name} is not known any more", "add its folder again")
    return Experiment.from_json(added)


def draw(
    store: Store,
    home: Path,
    rows: Sequence[RunRow],
    name: str,
    submitted: bool = False,
    to: Path | None = None,
) -> PlotImage:
    """Draws a plot of one run, or one plot of several runs together, and saves it: in the results, or as `to`.

    Raises NotTrusted before anything of an untrusted folder runs, InputError, and NeronetError for what the user's
    code did.
    """
    if not rows:
        raise InputError("there are no runs to plot", "nerocli submit FOLDER NODE")
    if len(rows) > MOST:
        raise InputError(
            f"these are {len(rows):,} runs; a plot may show {MOST:,}", "name some of them: 124-186"
        )
    if to is not None and to.suffix.lower() not in FORMATS:
        raise InputError(f"{to}: the ending says what to write", f"end it in {', '.join(FORMATS)}")
    sources = [source(store, home, row, submitted) for row in rows]
    _check_name(name, sources, rows)
    Trusted(home).check(dict.fromkeys(each.folder for each in sources))
    python = load_preferences(home / "preferences.yaml").plot_python
    with plot_process.workplace() as place:
        request = {
            "plot": name,
            "formats": [Path(name).suffix.lower()]
            if Path(name).suffix.lower() in FORMATS
            else [".svg", ".png"],
            "runs": [
                _request(store, home, row, each, name, place) for row, each in zip(rows, sources, strict=True)
            ],
        }
        if to is not None:
            request["formats"] = [to.suffix.lower()]
        try:
            drawn = plot_process.draw(place, request, os.path.expanduser(python))
        except NeronetError as error:
            what = rows[0].name if len(rows) == 1 else f"{len(rows)} runs"
            raise type(error)(f"plot {name} of {what}: {error}", error.hint) from error
    paths = [_save_as(to, drawn.images)] if to is not None else _save(store, home, rows, name, drawn.images)
    return PlotImage(name, tuple(paths), drawn.printed)


def _check_name(name: str, sources: Sequence[Source], rows: Sequence[RunRow]) -> None:
    for each, row in zip(sources, rows, strict=True):
        if name not in each.experiment.plot:
            known = list(each.experiment.plot)
            hint = did_you_mean(name, known) if known else "plot: in config.yaml defines some (docs/plots.md)"
            raise InputError(f"{row.experiment} has no plot {name}", hint)
    try:
        if len(safe_parts(name)) > 1:
            raise UnsafePath("it holds a slash")
    except UnsafePath as error:
        raise InputError(
            f"a plot cannot be called {name!r:.80}: {error}", "its name becomes that of a file"
        ) from error


# -- what the user's code gets


def _request(
    store: Store, home: Path, row: RunRow, source: Source, name: str, place: Workplace
) -> dict[str, Any]:
    """A run, as plot_child.py takes it."""
    experiment = source.experiment
    module, function, *words = experiment.plot[name]
    results = results_folder(home, row.results, row.attempt)
    if not words:
        raise InputError(
            f"plot {name} names no output file", f"plot: {{{name}: {module} {function} stdout VARIABLES...}}"
        )
    processed = {*experiment.output_file_processor, *experiment.output_line_processor, *STREAMS}
    outputs = [words.pop(0)]
    while words and words[0] in processed:
        outputs.append(words.pop(0))
    return {
        "name": row.name,
        "folder": str(_code(home, row, place)) if source.submitted else str(source.folder),
        "module": module,
        "function": function,
        "arguments": words,
        "outputs": [
            made
            for output in outputs
            if (made := _output(experiment, row, results, output, name)) is not None
        ],
        "metrics": _metrics(store, row, words, place),
        "known": list(store.points.heads(row.number)),
    }


def _output(
    experiment: Experiment, row: RunRow, results: Path, output: str, name: str
) -> dict[str, Any] | None:
    """An output file with what reads it; None for one of which Neronet's own metrics are all that is known."""
    kind = "file" if output in experiment.output_file_processor else "line"
    table = experiment.output_file_processor if kind == "file" else experiment.output_line_processor
    if output not in table:
        stream = output.removesuffix(".log") in STREAMS
        if not stream and not any(_declares(each, output) for each in experiment.outputs):
            raise InputError(
                f"plot {name} names {output}, which is not among the outputs of {experiment.id}",
                "plot: takes MODULE FUNCTION OUTPUT_FILE ARGUMENTS...; stdout is what the program prints",
            )
        return None
    path = results.joinpath(*safe_parts(f"{output}.log" if output in STREAMS else output))
    if not path.is_file():
        raise InputError(
            f"{output} of {row.name} is not here",
            "outputs come when a run has ended; logs while it goes on",
        )
    return {"name": output, "path": str(path), "kind": kind, "call": list(table[output])}


def _declares(declared: str, output: str) -> bool:
    return fnmatch.fnmatchcase(output, declared) or output.startswith(declared.rstrip("/") + "/")


def _metrics(store: Store, row: RunRow, words: Iterable[str], place: Workplace) -> dict[str, str]:
    """Files with the values of those metrics of a run that are among these words."""
    known = store.points.heads(row.number)
    files: dict[str, str] = {}
    for word in words:
        if word in known and word not in files:
            path = place.folder / f"values-{row.number}-{len(files)}"
            path.write_bytes(store.points.read(row.number, word).value.tobytes())
            files[word] = str(path)
    return files


def _code(home: Path, row: RunRow, place: Workplace) -> Path:
    """The files of the snapshot of a run, those that are kept whole, in a folder of their own."""
    folder = place.folder / f"code-{row.snapshot[:16]}"
    if folder.is_dir():
        return folder
    folder.mkdir()
    for entry in _entries(home, row.snapshot):
        path = folder / entry.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if entry.kind == "f" and entry.size <= WHOLE:
            path.write_bytes(_content(home, entry))
        elif entry.kind == "l" and os.name != "nt":  # where making a link needs a right that few have
            path.symlink_to(entry.target)
    return folder


def _entries(home: Path, sha: str) -> tuple[Entry, ...]:
    try:
        return parse(_checked(home, sha))
    except Malformed as error:
        raise StoreError(f"the snapshot {sha[:12]} is damaged: {error}") from error


def _content(home: Path, entry: Entry) -> bytes:
    return _checked(home, entry.sha)


def _checked(home: Path, sha: str) -> bytes:
    """A kept content; it runs only when it is what was submitted."""
    try:
        data = (home / "files" / sha).read_bytes()
    except OSError as error:
        raise StoreError(f"the code as it was submitted is gone: {error}", "leave --submitted out") from error
    if hashlib.sha256(data).hexdigest() != sha:
        raise StoreError(f"{home / 'files' / sha} was changed", "leave --submitted out")
    return data


# -- where images go


def _save(
    store: Store, home: Path, rows: Sequence[RunRow], name: str, images: list[tuple[str, bytes]]
) -> list[Path]:
    """Puts images into the folder plots of the results: of the run, or of the experiment for several runs."""
    row = rows[0]
    if len(rows) == 1:
        root, mark = results_folder(home, row.results, row.attempt), ""
    else:
        root, mark = home / "results" / folder_name(row.experiment), f".runs-{_numbers(rows)}"
    attempt = store.attempts.get(row.number, row.attempt)
    theirs = {path for path, *_ in (attempt.outputs or ())} if attempt and len(rows) == 1 else set()
    writer = ResultsWriter(root, LIMIT)
    paths = []
    for image, data in images:
        stem, ending = os.path.splitext(image)
        path = f"{FOLDER}/{stem}{mark}{ending}"
        if path in theirs:
            raise InputError(
                f"plot {name} would replace {path}, which the run has made itself",
                "rename the plot, or use -o",
            )
        writer.output(path, 0, data, end=True)
        paths.append(root / path)
    return paths


def _save_as(to: Path, images: list[tuple[str, bytes]]) -> Path:
    for image, data in images:
        if Path(image).suffix.lower() == to.suffix.lower():
            try:
                to.write_bytes(data)
            except OSError as error:
                hint = "is there such a folder, and room?"
                raise NeronetError(f"{to} cannot be written: {error.strerror}", hint) from error
            return to
    made = Path(images[0][0]).suffix
    raise InputError(f"the function has saved {images[0][0]} itself", f"end the name of the file in {made}")


def _numbers(rows: Sequence[RunRow]) -> str:
    """`17-22+30`, short enough for a name of a file."""
    parts: list[list[int]] = []
    for number in sorted(row.number for row in rows):
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    text = "+".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)
    return text if len(text) <= RANGES else f"{len(rows)}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
