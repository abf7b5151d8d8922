"""What a user means: folders, experiments, collections, runs; and what that stands for."""

from __future__ import annotations

import fnmatch
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neronet.errors import InputError
from neronet.spec.config import Config, load_config, parse_config
from neronet.spec.document import load
from neronet.spec.edit import copy_block
from neronet.spec.experiment import Experiment
from neronet.spec.files import write_text
from neronet.spec.problems import Problems, nearest
from neronet.store.batches import ranges
from neronet.store.db import to_json
from neronet.store.experiments import ExperimentRow
from neronet.store.runs import RunRow
from neronet.store.store import Store
from neronet.sweep import Point, aliases, count_exactly, expand
from neronet.sweep.expand import LIMIT
from neronet.sweep.select import Finder, Row
from neronet.wire import states

if TYPE_CHECKING:
    from neronet.engine.submission import Job

CONFIG = "config.yaml"
COUNTED = 10_000  # combinations up to which `exclude` is taken into account where runs are only counted
Points = dict[str, list[Point]]  # experiment -> its points
Selector = str | int | Sequence[str | int]  # of runs: names, numbers, ranges, globs
Values = frozenset[tuple[str, str]]  # the parameters of a point


@dataclass(frozen=True)
class Planned:
    """A run that could be submitted."""

    experiment: str
    name: str
    parameters: dict[str, str]
    command: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {**self.__dict__, "command": list(self.command)}


@dataclass(frozen=True)
class ExperimentStatus:
    """An experiment and how many of its runs are in which state; `count` is what one submission of all would be."""

    id: str
    collection: tuple[str, ...]
    folder: Path
    count: int
    states: dict[str, int]
    note: str

    def to_json(self) -> dict[str, Any]:
        return {**self.__dict__, "collection": list(self.collection), "folder": str(self.folder)}


@dataclass
class Folder:
    """What is meant of an experiment folder: all of it, or experiments, or points of them."""

    path: Path
    everything: bool = False
    experiments: set[str] = field(default_factory=set)
    points: dict[str, set[Values]] = field(default_factory=dict)


def folder_path(folder: str | Path) -> Path:
    """The absolute path of an experiment folder (its config.yaml may be named too). Raises InputError."""
    path = Path(os.path.abspath(Path(folder).expanduser()))
    if path.name == CONFIG and path.is_file():
        path = path.parent
    if not path.is_dir():
        raise InputError(f"{path} is not a folder", "name the folder that holds a config.yaml")
    if not (path / CONFIG).is_file():
        raise InputError(f"{path} has no {CONFIG}", "`nerocli template` writes one to fill in")
    return path


def collect(store: Store, given: Sequence[str | Path]) -> list[Folder]:
    """The folders that the targets lead to, and what of each is meant. Raises InputError."""
    rows = store.experiments.all()
    folders: dict[Path, Folder] = {}
    for target in given:
        for found in _one(store, rows, target):
            folder = folders.setdefault(found.path, Folder(found.path))
            folder.everything |= found.everything
            folder.experiments |= found.experiments
            for experiment, points in found.points.items():
                folder.points.setdefault(experiment, set()).update(points)
    return list(folders.values())


def _one(store: Store, rows: list[ExperimentRow], target: str | Path) -> list[Folder]:
    text = str(target)
    named = [row for row in rows if text == row.id or text in row.collections]
    if not named and not isinstance(target, Path):
        named = [row for row in rows if fnmatch.fnmatchcase(row.id, text)]
    if named and not isinstance(target, Path):
        return [Folder(row.folder, experiments={row.id}) for row in named]
    if isinstance(target, Path) or text.startswith(("~", ".", os.sep)) or Path(text, CONFIG).is_file():
        return [Folder(folder_path(text), everything=True)]
    numbers = finder(store).find(text)  # before folders: the name of a run of a sweep holds a slash
    if not numbers and (os.sep in text or Path(text).exists()):
        return [Folder(folder_path(text), everything=True)]
    if not numbers:
        near = nearest(text, [row.id for row in rows])
        raise InputError(
            f"{text} is no experiment, collection, folder or run",
            f"did you mean {near}?" if near else "`nerocli addexp FOLDER` adds experiments",
        )
    folders = {row.id: row.folder for row in rows}
    found = []
    for run in store.runs.find(sorted(numbers)):
        if run.experiment not in folders:
            raise InputError(
                f"the experiment {run.experiment} of {run.name} was deleted",
                "add its folder again, or `nerocli rerun`",
            )
        found.append(Folder(folders[run.experiment], points={run.experiment: {_values(run)}}))
    return found


def resolve(store: Store, folder: Folder) -> tuple[Config, Points]:
    """The configuration of a folder as it is now, and the points that are meant. Raises ConfigError, InputError."""
    config = load_config(folder.path)
    return config, resolve_in(store, folder, config)


def resolve_in(store: Store, folder: Folder, config: Config, limit: int = LIMIT) -> Points:
    """The points of a configuration that are meant; raises InputError, also for a sweep of more than `limit` runs."""
    config.check()
    known = {experiment.id: experiment for experiment in config.experiments}
    for name in sorted((folder.experiments | set(folder.points)) - set(known)):
        raise InputError(
            f"{folder.path / CONFIG} no longer has the experiment {name}", f"it has {', '.join(known)}"
        )
    for experiment in known.values():
        _not_elsewhere(store, experiment)
    points: Points = {}
    for name, experiment in known.items():
        if folder.everything or name in folder.experiments:
            points[name] = expand(experiment, limit)
        elif name in folder.points:
            chosen = [point for point in expand(experiment, limit) if _values(point) in folder.points[name]]
            if len(chosen) < len(folder.points[name]):
                raise InputError(
                    f"some of these runs of {name} are no longer in its configuration",
                    "`nerocli rerun` repeats a run as it was",
                )
            points[name] = chosen
    return points


def _values(of: Point | RunRow) -> Values:
    return frozenset(of.parameters.items())


def _not_elsewhere(store: Store, experiment: Experiment) -> None:
    row = store.experiments.get(experiment.id)
    if row is not None and row.folder != experiment.folder and (row.folder / CONFIG).is_file():
        raise InputError(
            f"there is another experiment {experiment.id}, in {row.folder}",
            f"give one of them another id, or `nerocli delexp {experiment.id}` first",
        )


def plan(points: Points) -> list[Planned]:
    """The runs of a preview, in sweep order."""
    return [
        Planned(name, point.name, point.parameters, point.argv)
        for name, found in points.items()
        for point in found
    ]


def preview(store: Store, target: str | Path) -> list[Planned]:
    """The runs that a target stands for. Raises ConfigError, InputError."""
    return [found for folder in collect(store, [target]) for found in plan(resolve(store, folder)[1])]


def awaited_by(store: Store, target: str | Path) -> list[str]:
    """`awaited` of the experiments that a target stands for."""
    return awaited(
        store,
        [
            experiment
            for folder in collect(store, [target])
            for experiment in load_config(folder.path).experiments
            if folder.everything or experiment.id in (*folder.experiments, *folder.points)
        ],
    )


def awaited(store: Store, experiments: Sequence[Experiment]) -> list[str]:
    """The experiments without runs that these come after, and that are not among them."""
    together = {experiment.id for experiment in experiments}
    names = dict.fromkeys(
        name for experiment in experiments for name in experiment.after if name not in together
    )
    return [name for name in names if not store.runs.of_experiment(name)]


def news(store: Store, config: Config) -> list[str]:
    """What the user should know about a folder that is submitted: warnings, and whether it was changed."""
    return [
        *(str(problem) for problem in config.problems if problem.severity != "error"),
        *changed(store, config),
    ]


def changed(store: Store, config: Config) -> list[str]:
    """Says so when a configuration is not what it was when it was added."""
    for experiment in config.experiments:
        row = store.experiments.get(experiment.id)
        if row is not None and row.config_sha256 != config.sha256:
            return [f"{experiment.folder / CONFIG} has changed since it was added; it is used as it is now"]
    return []


def ran_before(job: Job, rows: Sequence[RunRow]) -> str:
    """What is said of points that have runs already."""
    total = len(job.points)
    text = f"{len(rows)} of {total} were run before; --again runs them again"
    failed = sum(row.state in states.ENDED and row.state != states.FINISHED for row in rows)
    return (
        f"{text}, `nerocli rerun --failed {job.experiment.id}` the {failed} that did not finish"
        if failed
        else text
    )


def known(store: Store, id: str) -> ExperimentRow:  # noqa: A002
    row = store.experiments.get(id)
    if row is None:
        near = nearest(id, [item.id for item in store.experiments.all()])
        raise InputError(
            f"there is no experiment {id}",
            f"did you mean {near}?" if near else "`nerocli addexp FOLDER` adds some",
        )
    return row


def copy(store: Store, id: str, new: str) -> None:  # noqa: A002
    """Writes the block of an experiment once more into its config.yaml, as `+new`, and adds it."""
    row = known(store, id)
    path = row.folder / CONFIG
    problems = Problems(CONFIG)
    before, root = load(path.read_bytes(), problems)
    text = copy_block(before, root, id, new)
    config = parse_config(text, CONFIG, row.folder)
    config.check()  # before anything is written
    write_text(path, text)
    found = next(experiment for experiment in config.experiments if experiment.id == new)
    store.experiments.put(
        [ExperimentRow(new, found.folder, found.collection, config.sha256, found.to_json(), row.added)]
    )


def statuses(store: Store) -> list[ExperimentStatus]:
    counts = store.runs.counts()
    return [
        ExperimentStatus(
            row.id, row.collections, row.folder, _count(to_json(row.spec)),
            _in_order(counts.get(row.id, {})), str(row.spec.get("custom_msg") or ""),
        )
        for row in store.experiments.all()
    ]  # fmt: skip


@lru_cache(maxsize=1000)
def _count(spec: str) -> int:
    return count_exactly(Experiment.from_json(json.loads(spec)), COUNTED)


def _in_order(counts: dict[str, int]) -> dict[str, int]:
    return {state: counts[state] for state in states.STATES if state in counts}


def finder(store: Store) -> Finder:
    return Finder(
        Row(
            run.number,
            run.name,
            run.experiment,
            run.collections,
            aliases(run.experiment, run.name, run.parameters),
            run.tags,
        )
        for run in store.runs.find()
    )


def select_runs(store: Store, selectors: Selector, without_runs: Iterable[str] = ()) -> list[int]:
    """The numbers of the runs that selectors name; words in `without_runs` may name none. Raises InputError."""
    found = finder(store)
    numbers: set[int] = set()
    for selector in map(str, [selectors] if isinstance(selectors, str | int) else selectors):
        chosen = found.find(selector)
        if not chosen and selector not in without_runs:
            raise InputError(f"{selector} names no run", found.hint(selector))
        numbers |= chosen
    return sorted(numbers)


def wishes(rows: Iterable[RunRow], do: str, why: str, priority: int) -> list[tuple[str, dict[str, Any]]]:
    """(node, payload of an `act` intent) for each submission that these runs belong to."""
    groups: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        groups.setdefault((row.node, row.token), []).append(row.idx)
    return [
        (
            node,
            {
                "node": node,
                "act": {
                    "do": do,
                    "token": token,
                    "runs": ranges(indices),
                    "who": "user",
                    "why": why,
                    "priority": priority,
                },
            },
        )
        for (node, token), indices in groups.items()
    ]
