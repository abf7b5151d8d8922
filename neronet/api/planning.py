"""What a submission would do, without doing it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from neronet.api import changed_files, targets
from neronet.api.submitting import MANY
from neronet.api.targets import Folder, Planned
from neronet.engine import capacity
from neronet.engine.submission import Job, missing, nothing_before
from neronet.errors import ConfigError, NeronetError
from neronet.spec.config import load_config
from neronet.spec.experiment import Experiment
from neronet.spec.nodes import NodeSpec
from neronet.spec.problems import Problem
from neronet.store.store import Store
from neronet.sweep import count
from neronet.sync.snapshot import Content, Snapshot, survey

MOST = 100_000  # points that are made to be looked at: a tenth of what a sweep may have
LATEST = 8  # folders that a node got last, which are taken to be still there

T = TypeVar("T")


@dataclass(frozen=True)
class Place:
    """A node that would get runs: `free` of its `slots` as far as is known, whether it answered last (None: not
    tried yet), and what it lacks of the files, in `files` and `bytes`."""

    node: str
    free: int
    slots: int
    reachable: bool | None
    files: int
    bytes: int


@dataclass(frozen=True)
class Plan:
    """What a submission would do.

    `total` runs are meant; `runs` are those that would be submitted, `before` those of them that were run before.
    Of more than 10,000 `runs` is empty and `before` None: that takes too long. `files` and `bytes` are those of
    the folders, each content once. `problems`: all that speaks against it (errors: it would be refused), with the
    line 0 where no line of a file is to blame. `notes` are what `submit` would say of the folders.
    """

    total: int
    runs: tuple[Planned, ...]
    before: int | None
    files: int
    bytes: int
    places: tuple[Place, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]

    @property
    def ready(self) -> bool:
        """Whether it would be accepted."""
        return not any(problem.severity == "error" for problem in self.problems)


def plan(
    store: Store, home: Path, target: str | Path, members: Callable[[], Sequence[NodeSpec]], again: bool
) -> Plan:
    """See Neroman.plan_submission; `members` gives the nodes, or raises what is wrong with them."""
    look = _Look(store, home, again)
    for folder in look.tell(str(target), lambda: targets.collect(store, [target])) or ():
        look.folder(folder)
    look.before_them()
    specs = look.tell("node", members) or ()
    contents = look.contents.values()
    return Plan(
        total=look.total, runs=tuple(look.runs), before=look.before, files=len(contents),
        bytes=sum(each.size for each in contents),
        places=tuple(_place(store, home, spec, look.contents) for spec in specs),
        problems=tuple(dict.fromkeys(look.problems)), notes=tuple(dict.fromkeys(look.notes)),
    )  # fmt: skip


class _Look:
    """What is found, folder by folder."""

    def __init__(self, store: Store, home: Path, again: bool) -> None:
        self._store, self._home, self._again = store, home, again
        self.total = 0
        self.before: int | None = 0
        self.runs: list[Planned] = []
        self.contents: dict[str, Content] = {}
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        self._meant: list[Experiment] = []

    def tell(self, about: str, find: Callable[[], T]) -> T | None:
        """What `find` gives; None, and what is wrong is among the problems, when it raises."""
        try:
            return find()
        except ConfigError as error:
            self.problems += error.problems
        except NeronetError as error:
            self.problems.append(Problem(about, 0, 0, str(error), error.hint))
        return None

    def folder(self, folder: Folder) -> None:
        """Adds what would become of a folder."""
        config = load_config(folder.path)
        self.problems += [problem for problem in config.problems if problem.severity != "error"]
        meant = [each for each in config.experiments if folder.everything or each.id in folder.experiments]
        most = sum(map(count, meant))
        if most > MOST:
            self.total, self.before = self.total + most, None
            return
        points = self.tell(str(folder.path), lambda: targets.resolve_in(self._store, folder, config))
        if points is None:
            return
        self.notes += targets.changed(self._store, config)
        for experiment in config.experiments:
            if experiment.id in points:
                look = partial(survey, experiment.folder, experiment, self._home, self._store.files)
                snapshot = self.tell(str(folder.path), look)
                self._job(Job(experiment, points[experiment.id], snapshot or NOTHING), snapshot is not None)

    def _job(self, job: Job, whole: bool) -> None:
        """Adds the runs of an experiment, and what they get of its folder when that is `whole`."""
        self.total += len(job.points)
        self._meant += [job.experiment] if job.points else []
        self.notes += job.snapshot.notes
        self.contents.update((content.sha, content) for content in job.snapshot.files)
        if self.before is None or self.total > MANY:
            self.runs, self.before = [], None
            return
        fresh, known = missing(self._store, job) if whole else (job.points, [])
        self.before += len(known)
        if whole and not self._again:
            self.notes += changed_files.said(self._store, self._home, job, fresh)
        chosen = job.points if self._again else fresh
        self.runs += targets.plan({job.experiment.id: list(chosen)})

    def before_them(self) -> None:
        """Adds the experiments without runs that these come after."""
        for name in targets.awaited(self._store, self._meant):
            error = nothing_before(name)
            self.problems.append(Problem(name, 0, 0, str(error), error.hint))


NOTHING = Snapshot(Content("", 0, Path(), ""), b"", (), 0)


def _place(store: Store, home: Path, spec: NodeSpec, contents: Mapping[str, Content]) -> Place:
    member = capacity.members([spec], store)[0]
    row = store.nodes.get(spec.id)
    there: set[str] = set()
    batches = store.batches.find(spec.id, ("accepted", "final"))
    for manifest in list(dict.fromkeys(batch.manifest for batch in reversed(batches)))[:LATEST]:
        there.update(entry.sha for entry in changed_files.entries(home / "files" / manifest))
    lacking = [content.size for sha, content in contents.items() if sha not in there]
    return Place(
        spec.id, member.free, member.slots, None if row is None else row.reachable, len(lacking), sum(lacking)
    )
