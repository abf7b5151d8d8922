"""The panel: where it can run, what shall run, what came of it, from top to bottom; and what JupyterLab asks of it.

JupyterLab renders the widget that `model_id` names, in a kernel that nobody runs cells in; tabs of the main area
show what the other functions name.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ipywidgets import VBox, Widget

import neronet_jupyter as parts  # what tabs show is loaded by the first of them
from neronet.api import RunSet, targets
from neronet_jupyter.experiments import ExperimentList
from neronet_jupyter.head import Head
from neronet_jupyter.live import QUIET, live
from neronet_jupyter.nodes import NodePicker
from neronet_jupyter.runs import RunsTable
from neronet_jupyter.station import Station
from neronet_jupyter.sweep import SweepBuilder

if TYPE_CHECKING:
    from neronet import Neroman

TABS = ("LiveFigure", "RunView", "Compare", "Backtest")
AFTER = 1.0  # seconds after which what tabs show is loaded: the panel is to be there first

_lock = threading.Lock()
_made: dict[str, Widget] = {}


class PanelStation(Station):
    """The station of a panel: what commands and menus of JupyterLab ask for, it passes on to the parts."""

    def __init__(self, panel: Panel, neroman: Neroman | None) -> None:
        self._panel = panel
        super().__init__(neroman)

    def act_new_sweep(self) -> None:
        self._panel.new_sweep()

    def act_add_folder(self, path: str) -> list[str]:
        return self._panel.experiments.act_add(path)

    def act_submit_folder(self, path: str) -> None:
        self._panel.head.begin()
        self._panel.sweep.choose(path)
        self._panel.sweep.show()


class Panel(VBox):  # type: ignore[misc]
    """All parts in one column: `head`, `nodes`, `sweep`, `experiments`, `runs`, each a widget of its own."""

    def __init__(self, neroman: Neroman | None = None) -> None:
        self.head = Head(neroman)
        self.nodes = NodePicker(neroman)
        self.sweep = SweepBuilder(neroman=neroman)
        self.experiments = ExperimentList(neroman)
        self.runs = RunsTable(neroman=neroman)
        self.station = PanelStation(self, neroman)
        super().__init__([self.head, self.nodes, self.sweep, self.experiments, self.runs])
        self.add_class("nn")
        self.add_class("nn-panel")
        self.head.on_sweep(self.new_sweep)
        self.head.on_command(self._propose)
        self.head.on_add_node(self.nodes.add)
        self.head.on_node(self.nodes.show)
        self.nodes.on_choice(self._choose)
        self.experiments.on_edit(self._edit)
        self.runs.on_duplicate = self._duplicate

    def new_sweep(self) -> None:
        """Opens the sweep builder at its beginning."""
        self.head.begin()
        self.sweep.new()
        self.sweep.show()

    def _propose(self, command: str) -> None:
        self.sweep.propose(command)
        self.sweep.show()

    def _choose(self, node: str | None) -> None:
        self.sweep.target = node
        self.experiments.node = node

    def _edit(self, experiment: str) -> None:
        found = targets.known(self.head.neroman.store, experiment)
        self.sweep.choose(found.folder, experiment)
        self.sweep.show()

    def _duplicate(self, number: int) -> None:
        self._edit(self.head.neroman.runs(str(number))[0].experiment)


def model_id() -> str:
    """The id of the panel's widget in this kernel, which is made once."""
    live().silence = QUIET  # nothing keeps this kernel from hearing its pages
    return _once("panel", _panel)


def _panel() -> Panel:
    threading.Thread(target=_load_tabs, daemon=True).start()
    return Panel()


def _load_tabs() -> None:
    time.sleep(AFTER)
    for name in TABS:
        getattr(parts, name)


def run_model_id(number: int) -> str:
    """The id of the widget of a run's tab. InputError when there is no such run."""
    return _once(f"run {number}", lambda: parts.RunView(number, figure_later=True))


def runs_model_id() -> str:
    """The id of the widget of the tab with all runs."""
    return _once("runs", lambda: RunsTable(wide=True))


def compare_model_id() -> str:
    """The id of the widget of the tab that compares runs: those that are selected in the panel, else all."""
    panel = _made.get("panel")
    numbers = panel.runs.selected if isinstance(panel, Panel) else ()
    runs = live().neroman.runs([str(number) for number in numbers] if numbers else None)
    return _once(f"compare {numbers}", lambda: compared(runs))


def compared(runs: RunSet) -> VBox:
    """What the tab that compares runs shows."""
    made = VBox([parts.Compare(runs), parts.Backtest(runs, opened=False)])
    made.add_class("nn-comparetab")
    return made


def figure_model_id(numbers: list[int], metric: str | None = None) -> str:
    """The id of the widget of the figure under a cell: of these runs."""
    runs = live().neroman.runs([str(number) for number in numbers])
    return _once(f"figure {numbers} {metric}", lambda: parts.LiveFigure(runs, metric))


def _once(name: str, make: Callable[[], Any]) -> str:
    with _lock:
        if name not in _made:
            _made[name] = make()
        return str(_made[name].model_id)
