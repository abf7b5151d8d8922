"""The top of the panel: the toolbar, what needs the user, and the first steps while there is nothing yet."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traitlets import Unicode

import neronet
from neronet.errors import InputError, NeronetError
from neronet.spec.template import propose
from neronet.store.runs import RunRow
from neronet_jupyter import needs
from neronet_jupyter.changes import Changes
from neronet_jupyter.memory import recall, remember
from neronet_jupyter.needs import Need
from neronet_jupyter.nodeacts import NodeActs, SshHosts, describe, silent
from neronet_jupyter.widget import slow

if TYPE_CHECKING:
    from neronet import Neroman

PART = "head"  # in memory.py
EXAMPLE = Path(neronet.__file__).parent / "cli" / "demo"
EXAMPLE_FILES = ("config.yaml", "train.py")


class Head(NodeActs):
    """Toolbar, strip and first steps. What concerns other parts is passed on to callbacks."""

    _view_name = Unicode("HeadView").tag(sync=True)
    tick = 2.0  # whether the engine runs is nothing that the store tells

    def __init__(self, neroman: Neroman | None = None) -> None:
        self._changes, self._hosts = Changes(), SshHosts()
        self._bad: dict[int, RunRow] = {}
        self._begun = self._contacted = False
        self._callbacks: dict[str, list[Callable[..., object]]] = {}
        self._unheard: set[str] = set()  # engine problems that the user does not want to hear of
        super().__init__(neroman)
        self._dismissed: dict[str, float] = recall(self.neroman.home, PART).get("dismissed", {})

    def on_sweep(self, callback: Callable[[], object]) -> None:
        """Called when the user wants to make a new sweep."""
        self._callbacks.setdefault("sweep", []).append(callback)

    def on_command(self, callback: Callable[[str], object]) -> None:
        """Called with the command line from which a sweep is to be made."""
        self._callbacks.setdefault("command", []).append(callback)

    def on_add_node(self, callback: Callable[[], object]) -> None:
        """Called when the user wants to add a node."""
        self._callbacks.setdefault("add_node", []).append(callback)

    def on_node(self, callback: Callable[[str], object]) -> None:
        """Called with a node that the user wants to see, such as one that asks something."""
        self._callbacks.setdefault("node", []).append(callback)

    def begin(self) -> None:
        """Leaves the first steps: the user has found another way in."""
        self._begun = True
        self.changed()

    # -- what is seen

    def render(self) -> dict[str, Any]:
        now, neroman = time.time(), self.neroman
        for row in self._changes.take(neroman.store):
            self._begun = True
            if needs.is_bad(row):
                self._bad[row.number] = row
            else:
                self._bad.pop(row.number, None)
        there = neroman.store.runs.existing(self._bad) if self._bad else set()
        self._bad = {number: row for number, row in self._bad.items() if number in there}
        first = not self._begun and not neroman.store.experiments.all()
        return {
            "needs": [need.to_json() for need in self._needs(now)],
            "preferences": str(neroman.home / "preferences.yaml"),
            "start": self._start(now) if first else None,
        }

    def _needs(self, now: float) -> list[Need]:
        found = needs.of_runs(self._bad.values(), now)
        found += needs.of_questions(self._contacts.questions.open())
        problem = self.live.problem
        self._unheard &= {problem}
        if problem and problem not in self._unheard:
            text = f"does not run, so nothing is live: {problem}."
            found.append(Need("engine", "bad", "failed", "Neronet's engine", text, now))
        return needs.wanted(found, self._dismissed)

    def _start(self, now: float) -> dict[str, Any]:
        if not self._contacted:
            self._contacted = True
            self.live.soon(lambda: self._contacts.contact(silent(self.neroman)))
        self._contacts.settle()
        nodes = self._nodes.read(self.neroman.home)
        return {
            "nodes": describe(self.neroman, self.live, nodes, [], now),
            "hosts": self._hosts.free(self.neroman, nodes),
        }

    # -- what pages ask for

    def act_sweep(self) -> None:
        self._begun = True
        self._call("sweep")

    def act_command(self, text: str) -> None:
        """Makes a sweep of a command line as it is typed in a terminal. Raises InputError."""
        propose(text)
        self._begun = True
        self._call("command", text)

    def act_found(self, text: str) -> dict[str, Any]:
        """What a command line that is being typed says: {"parameters": [[name, value], ...], "problem", "hint"}."""
        if not text.strip():
            return {"parameters": [], "problem": "", "hint": ""}
        try:
            found = propose(text)
        except InputError as error:
            return {"parameters": [], "problem": str(error), "hint": error.hint}
        parameters = [[name, value or ""] for name, value in found.parameters.items()]
        return {"parameters": parameters, "problem": "", "hint": ""}

    def act_add_node(self) -> None:
        self._begun = True
        self._call("add_node")

    def act_node(self, node: str) -> None:
        self._call("node", node)

    def act_dismiss(self, keys: list[str]) -> None:
        """These are not shown any more, until there is news of them."""
        now = time.time()
        for key in keys:
            if key == "engine":
                self._unheard.add(self.live.problem)
            else:
                self._dismissed[key] = now
        self._dismissed = {key: at for key, at in self._dismissed.items() if now - at < needs.RECENT}
        kept = {key: at for key, at in self._dismissed.items() if not key.startswith("question ")}
        remember(self.neroman.home, PART, {"dismissed": kept})

    @slow
    def act_example(self) -> int:
        """Submits twelve short runs on this computer; how many there are."""
        folder = self.neroman.home / "examples" / "moons"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name in EXAMPLE_FILES:
                if not (folder / name).exists():
                    shutil.copyfile(EXAMPLE / name, folder / name)
        except OSError as error:
            raise NeronetError(
                f"{error.filename} cannot be written: {error.strerror}", "make room, or set NERONET_HOME"
            ) from error
        return len(self.neroman.submit(folder, "local", again=True))

    @slow
    def act_restart(self) -> None:
        """Ends the engine and begins a new one; runs go on meanwhile."""
        self.neroman.stop_engine()
        self.neroman.engine_client.ensure()

    def _call(self, word: str, *given: str) -> None:
        for callback in self._callbacks.get(word, ()):
            callback(*given)
        self.changed()
