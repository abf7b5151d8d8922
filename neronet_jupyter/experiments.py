"""Experiments: what is defined, to submit, copy, edit and forget."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traitlets import Unicode

from neronet.api import plots
from neronet.api.runset import RunSet
from neronet.api.targets import CONFIG, folder_path
from neronet.errors import ConfigError, InputError
from neronet.spec.config import load_config
from neronet.spec.nodes import LOCAL
from neronet.spec.preferences import load_preferences
from neronet.spec.problems import Problem
from neronet_jupyter import format as say
from neronet_jupyter.changes import Changes
from neronet_jupyter.nodeacts import NodesFile
from neronet_jupyter.plots import Plotting, listed
from neronet_jupyter.widget import slow

if TYPE_CHECKING:
    from neronet import Neroman

AGAIN = "were run before"  # in what is said of points that have runs already


class ExperimentList(Plotting):
    """The experiments that were added. `node` is where they go unless the user says something else, None
    for the default node."""

    _view_name = Unicode("ExperimentListView").tag(sync=True)
    node = Unicode(None, allow_none=True)
    tick = 2.0  # a config.yaml may be edited, and ages grow

    def __init__(self, neroman: Neroman | None = None) -> None:
        self._changes, self._files, self._nodes = Changes(), Configs(), NodesFile()
        self._active: dict[str, float] = {}  # experiment -> when one of its runs did something last
        self._refused: dict[Path, list[Problem]] = {}  # folders that were given and have errors
        self._callbacks: list[Callable[[str], object]] = []
        super().__init__(neroman)
        self.observe(lambda _: self.changed(), "node")

    def on_edit(self, callback: Callable[[str], object]) -> None:
        """`callback(id)` edits an experiment; without one its config.yaml is opened."""
        self._callbacks.append(callback)

    # -- what is seen

    def render(self) -> dict[str, Any]:
        now = time.time()
        for row in self._changes.take(self.neroman.store):
            latest = max(row.submitted, row.started or 0.0, row.ended or 0.0)
            self._active[row.experiment] = max(latest, self._active.get(row.experiment, 0.0))
        found = self.neroman.experiments()
        folders = {item.folder: self._files.problems(item.folder) for item in found}
        return {
            "experiments": [
                {
                    "id": item.id,
                    "collection": ", ".join(item.collection),
                    "folder": str(item.folder),
                    "config": str(item.folder / CONFIG),
                    "count": item.count,
                    "states": item.states,
                    "runs": sum(item.states.values()),
                    "active": say.age(now - self._active[item.id], now) if item.id in self._active else "",
                    "note": item.note,
                    "plots": listed(partial(plots.defined, item.folder, item.id)),
                }
                for item in found
            ],
            "problems": [
                *(problems_of(folder, problems, True) for folder, problems in folders.items() if problems),
                *(problems_of(folder, problems, False) for folder, problems in self._refused.items()),
            ],
            **self._targets(),
            "edits": bool(self._callbacks),
        }

    def _targets(self) -> dict[str, Any]:
        nodes = self._nodes.read(self.neroman.home)
        names = [*(node.id for node in nodes.nodes), *nodes.groups]
        default = load_preferences(self.neroman.home / "preferences.yaml").default_node or nodes.default_node
        target = self.node if self.node in names else default if default in names else LOCAL
        return {"targets": names, "target": target}

    # -- what pages ask for

    def act_add(self, path: str) -> list[str]:
        """Adds the experiments of a folder; their ids, none when its config.yaml has errors, which are shown then."""
        if not path.strip():
            raise InputError("there is no folder yet", "type its path, or drag it here from the file browser")
        folder = folder_path(path.strip())
        try:
            ids = self.neroman.add_experiment(folder)
        except ConfigError as error:
            self._refused[folder] = [problem for problem in error.problems if problem.severity == "error"]
            return []
        self._refused.pop(folder, None)
        return ids

    def act_dismiss(self, folder: str) -> None:
        """The problems of a folder that could not be added are not shown any more."""
        self._refused.pop(Path(folder), None)

    def plot_runs(self, of: str) -> RunSet:
        """All runs of an experiment."""
        rows = self.neroman.store.runs.find()
        return RunSet(self.neroman, [row.number for row in rows if row.experiment == of])

    @slow
    def act_submit(self, ids: Sequence[str], node: str, again: bool = False) -> dict[str, Any]:
        """Submits these experiments to a node or group: {"runs", "notes", "again"}; `again`: some were run before
        and can be run again."""
        runs = self.neroman.submit(list(ids), node, again=again, confirmed=True)
        before = [note for note in runs.notes if AGAIN in note]
        notes = [note.partition(";")[0] + "." if AGAIN in note else note for note in runs.notes]
        return {"runs": len(runs), "notes": notes, "again": bool(before)}

    def act_duplicate(self, id: str, new: str) -> None:  # noqa: A002
        """The same experiment under another id, in the same config.yaml."""
        self.neroman.copy_experiment(id, new.strip())

    def act_edit(self, id: str) -> None:  # noqa: A002
        for callback in self._callbacks:
            callback(id)

    def act_delete(self, ids: Sequence[str]) -> None:
        """Forgets experiments; their runs, results and folders stay."""
        for id in ids:  # noqa: A001
            self.neroman.remove_experiment(id)


class Configs:
    """What is wrong in the config.yaml of folders; a file is read again when it has changed."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[object, list[Problem]]] = {}

    def problems(self, folder: Path) -> list[Problem]:
        """Its errors."""
        path = folder / CONFIG
        try:
            found = path.stat()
        except OSError as error:
            text = f"{path} cannot be read: {error.strerror}"
            return [
                Problem(
                    CONFIG, 1, 1, text, "its runs and results stay; delete the experiment, or bring it back"
                )
            ]
        stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
        if folder not in self._known or self._known[folder][0] != stamp:
            errors = [problem for problem in load_config(folder).problems if problem.severity == "error"]
            self._known[folder] = stamp, errors
        return self._known[folder][1]


def problems_of(folder: Path, problems: Sequence[Problem], added: bool) -> dict[str, Any]:
    """The errors of a folder as pages show them; `added`: its experiments are known from before."""
    return {
        "folder": str(folder),
        "file": str(folder / CONFIG),
        "added": added,
        "lines": [{"line": problem.line, "text": problem.text, "hint": problem.hint} for problem in problems],
    }
