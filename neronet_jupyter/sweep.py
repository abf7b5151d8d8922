"""The sweep builder: from a folder or a command line to a sweep, its preview, and its submission."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traitlets import Unicode

from neronet.api.submitting import MANY
from neronet.errors import InputError
from neronet.spec.editing import FILE
from neronet.spec.nodes import load_nodes
from neronet.spec.preferences import load_preferences
from neronet.spec.sweepfile import WORDS
from neronet_jupyter.memory import recall, remember
from neronet_jupyter.sweeping import draft as edit
from neronet_jupyter.sweeping import folders, state
from neronet_jupyter.sweeping.desk import Desk
from neronet_jupyter.sweeping.draft import Draft
from neronet_jupyter.widget import View, slow

if TYPE_CHECKING:
    from neronet import Neroman
    from neronet.api.planning import Plan

PART = "sweep"
AGE = 5.0  # seconds after which a plan is made anew while somebody looks


class SweepBuilder(View):
    """Makes and changes the sweeps of a folder. `target` is the node or group that they go to, None the default one.

    What is edited is kept in the home, so a page that is loaded again and a kernel that is restarted show it too.
    """

    _view_name = Unicode("SweepBuilderView").tag(sync=True)
    target = Unicode(None, allow_none=True)
    tick = 2.0  # config.yaml may be edited by others, and nodes come and go

    def __init__(
        self, neroman: Neroman | None = None, *, folder: str | Path = "", experiment: str = ""
    ) -> None:
        self._desk = Desk(self._keep)
        self._opened, self._busy = 0, ""
        self._result: dict[str, Any] = {}
        self._plan: tuple[object, Plan | None, float] = (None, None, 0.0)
        self._planning = False
        super().__init__(neroman)
        stored = recall(self.neroman.home, PART)
        self.target = stored.get("target") or None
        for each in map(edit.from_json, stored.get("aside") or ()):
            self._desk.aside[each.folder, each.experiment] = each
        self.observe(lambda _: self._keep(self._desk.shown.draft), "target")
        if folder:
            self.choose(folder, experiment)
        else:
            self._desk.put(edit.from_json(stored.get("draft") or {}))
            self.live.soon(self._desk.follow)

    # -- for Python and for the other parts

    def choose(self, folder: str | Path, experiment: str = "") -> None:
        """Shows an experiment of a folder, its first one by default, or how to begin one. Raises InputError."""
        self._desk.open(folders.resolve(str(folder), Path.cwd()), experiment)
        self._begin_anew()

    def propose(self, command: str, folder: str | Path = "") -> None:
        """Begins a new experiment from the command of one run, as it is typed in a terminal. Raises InputError."""
        place = str(folder or self._desk.shown.draft.folder or Path.cwd())
        self._desk.propose(command, folders.resolve(place, Path.cwd()))
        self._begin_anew()

    def new(self, folder: str | Path = "") -> None:
        """Shows how to begin a new experiment, in `folder` or in the one that is chosen."""
        place = str(folder or self._desk.shown.draft.folder)
        self._desk.begin(folders.resolve(place, Path.cwd()) if place else None)
        self._begin_anew()

    def show(self) -> None:
        """Opens the section in all pages."""
        self._opened += 1
        self.changed()

    @property
    def python(self) -> str:
        """The line of Python that submits what is shown; "" when there is nothing."""
        draft = self._desk.shown.draft
        if not draft.experiment:
            return ""
        is_known = self._is_known(draft.folder, draft.experiment)
        alone = len(self._desk.shown.known) < 2
        what = draft.folder if alone and not is_known else draft.experiment
        return f"neroman.submit({what!r}{f', {self.target!r}' if self.target else ''})"

    # -- what is seen

    def render(self) -> dict[str, Any]:
        if self._desk.looks_changed():
            self.live.soon(self._desk.follow)
        shown = self._desk.shown
        draft, home = shown.draft, self.neroman.home
        nodes, target = load_nodes(home / "nodes.yaml"), self._where()
        folder = Path(draft.folder)
        return {
            "revision": shown.revision,
            "open": self._opened,
            "folder": folders.short(folder) if draft.folder else "",
            "config": str(folder / FILE) if draft.folder and draft.sha256 else "",
            "experiments": [
                *({"id": name, "line": line} for name, line in shown.known),
                *({"id": name, "line": 0} for name in self._desk.unsaved(draft.folder)),
            ],
            "recent": [] if draft.folder else self._recent(),
            "programs": folders.programs(folder) if draft.folder and not draft.experiment else [],
            "conflict": shown.conflict,
            "busy": self._busy,
            "result": dict(self._result),
            "python": self.python,
            **state.of_draft(draft),
            **state.of_preview(draft, shown.preview, shown.chosen),
            **state.of_target(
                draft, shown.preview, self._planned(target), target, self.neroman.nodes(), nodes.groups,
                self._duration(draft.experiment),
            ),
        }  # fmt: skip

    def _keep(self, draft: Draft) -> None:
        aside = [each.to_json() for each in self._desk.aside.values()]
        remember(self.neroman.home, PART, {"draft": draft.to_json(), "aside": aside, "target": self.target})
        self.changed()

    def _begin_anew(self) -> None:
        self._result = {}
        self.show()

    def _where(self) -> str:
        """The node or group that the runs go to: the chosen one, the default one, the only one; else ""."""
        home = self.neroman.home
        nodes, preferences = load_nodes(home / "nodes.yaml"), load_preferences(home / "preferences.yaml")
        only = nodes.nodes[0].id if len(nodes.nodes) == 1 else ""
        return self.target or preferences.default_node or nodes.default_node or only

    def _recent(self) -> list[str]:
        paths = dict.fromkeys(each.folder for each in reversed(self.neroman.experiments()))
        return [folders.short(path) for path in list(paths)[:5]]

    def _is_known(self, folder: str, experiment: str) -> bool:
        row = self.neroman.store.experiments.get(experiment)
        return row is not None and str(row.folder) == folder

    def _duration(self, experiment: str) -> float | None:
        """Seconds that the last finished run of the experiment took."""
        runs = self.neroman.store.runs
        number = runs.last_finished([experiment]).get(experiment)
        row = runs.get(number) if number else None
        return row.ended - row.started if row and row.ended and row.started else None

    def _planned(self, target: str) -> Plan | None:
        """What is known of the submission; made anew, on another thread, when it is old."""
        draft = self._desk.shown.draft
        key = (draft.folder, draft.experiment, draft.sha256, target)
        made_for, plan, until = self._plan
        is_old = made_for != key or time.monotonic() > until
        if is_old and not self._planning and draft.experiment and draft.sha256 and target:
            self._planning = True
            self.live.soon(lambda: self._make_plan(*key))
        return plan if made_for == key else None

    def _make_plan(self, folder: str, experiment: str, sha256: str, target: str) -> None:
        try:
            began = time.monotonic()
            what = experiment if self._is_known(folder, experiment) else Path(folder)
            plan = self.neroman.plan_submission(what, target or None)
            now = time.monotonic()
            self._plan = (folder, experiment, sha256, target), plan, now + max(AGE, 20 * (now - began))
        finally:
            self._planning = False
            self.changed()

    # -- what pages ask for: folders and experiments

    def act_complete(self, typed: str, root: str = "") -> list[dict[str, object]]:
        """Folders that what is typed may become."""
        known = dict.fromkeys(each.folder for each in self.neroman.experiments())
        return folders.complete(typed, _root(root), known)

    def act_open_folder(self, path: str, root: str = "") -> None:
        """Chooses a folder, as it was typed or by its path."""
        if path.strip():
            self.choose(folders.resolve(path, _root(root)))

    def act_open_experiment(self, id: str) -> None:  # noqa: A002
        """Chooses another experiment of the folder."""
        self.choose(self._desk.shown.draft.folder, id)

    def act_new(self) -> None:
        """Begins another experiment in the folder."""
        self.new()

    def act_propose(self, command: str, root: str = "") -> None:
        """Begins an experiment from the command of one run."""
        self.propose(command, self._desk.shown.draft.folder or _root(root))

    def act_name(self, id: str) -> int:  # noqa: A002
        """Names the new experiment."""
        shown = self._desk.shown
        taken = [*(known for known, _ in shown.known), *self._desk.unsaved(shown.draft.folder)]
        return self._desk.change(lambda draft: edit.named(draft, id, taken))

    def act_keep(self) -> int:
        """Goes on with what is edited here, although the file says something else by now."""
        return self._desk.keep()

    def act_take(self) -> None:
        """Gives up what is edited here for what the file says."""
        self._desk.take()

    def act_discard(self) -> None:
        """Gives up what is not saved."""
        self._desk.discard()

    # -- parameters; each answers with the revision of the state that shows it

    def act_value(self, key: int, said: Any) -> int:
        return self._change(edit.valued, key, _said(said))

    def act_kind(self, key: int, kind: str) -> int:
        return self._change(edit.kinded, key, kind)

    def act_pass(self) -> int:
        """Names all parameters in the format of the command."""
        return self._change(edit.passed)

    def act_add(self, name: str) -> int:
        return self._change(edit.added, name)

    def act_remove(self, key: int) -> int:
        return self._change(edit.removed, key)

    def act_rename(self, key: int, name: str) -> int:
        return self._change(edit.renamed, key, name)

    def act_move(self, key: int, by: int) -> int:
        return self._change(edit.moved, key, by)

    def act_tie(self, key: int, other: int) -> int:
        return self._change(edit.tied, key, other)

    def act_untie(self, key: int) -> int:
        return self._change(edit.untied, key)

    def act_rule(self, position: int, text: str | None) -> int:
        return self._change(edit.ruled, position, text)

    def act_word(self, word: str, text: str | None) -> int:
        if word not in WORDS:
            raise InputError(f"{word} cannot be changed here", f"open {FILE}")
        return self._change(edit.worded, word, text)

    def act_choose(self, run: int) -> int:
        """Shows the command of another run, by its number in the preview."""
        return self._desk.choose(run)

    def _change(self, how: Callable[..., Draft], *args: Any) -> int:
        return self._desk.change(lambda draft: how(draft, *args))

    # -- saving and submitting

    def act_save(self) -> None:
        self._desk.save()

    def act_target(self, name: str) -> None:
        """Chooses where the runs go; the default one by ""."""
        self.target = name or None

    @slow
    def act_submit(self, again: bool = False, confirmed: bool = False) -> dict[str, Any]:
        """Submits the experiment as it is shown, saving it first; {"ask": N} when N runs are so many that the user
        is to say it twice."""
        found = self._desk.shown.preview
        if self._busy:
            raise InputError("these runs are being submitted", "wait a moment")
        if found.errors or not found.total:
            raise InputError("there is something to mend first", "see beside the field")
        if found.total > MANY and not confirmed:
            return {"ask": found.total}
        where = self._where()
        if not where:
            raise InputError("no node is chosen", "choose one under Run on")
        self._busy, self._result = "Submitting", {}
        self.changed()
        try:
            self._desk.save()
            draft = self._desk.shown.draft
            self.neroman.add_experiment(draft.folder)
            runs = self.neroman.submit(
                draft.experiment, where, again=again, confirmed=confirmed, progress=self._progress
            )
            self._result = state.result(list(runs.numbers), runs.notes)
        finally:
            self._busy = ""
            self._plan = (None, None, 0.0)
            self.changed()
        return {}

    def act_dismiss(self) -> None:
        """Takes away what was said about the last submission."""
        self._result = {}

    def _progress(self, message: dict[str, Any]) -> None:
        self._busy = state.progress(message)
        self.changed()


def _root(path: str) -> Path:
    return Path(os.path.expanduser(path)).absolute() if path else Path.cwd()


def _said(value: Any) -> Any:
    """What a page sent as a value, with texts only."""
    if isinstance(value, dict):
        return {str(key): str(text) for key, text in value.items()}
    return [str(text) for text in value] if isinstance(value, list) else str(value)
