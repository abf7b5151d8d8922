"""A run in a tab of its own: what it is, its figure, its log, what happened to it."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipywidgets import HBox, VBox
from traitlets import Unicode

from neronet.api import Run, RunSet
from neronet.errors import InputError
from neronet.store.events import Event
from neronet.sync import manifest
from neronet.wire import states
from neronet.wire.conditions import SILENT, SLOPES, STALLED
from neronet_jupyter import format as say
from neronet_jupyter.log import LogView
from neronet_jupyter.plots import Plots
from neronet_jupyter.tags import Tagging
from neronet_jupyter.widget import View

if TYPE_CHECKING:
    from neronet_jupyter.figures import LiveFigure

FILES = 200  # that are listed of what was sent, and of what came back
EVENTS = 200
SIGNS = {"gt": ">", "lt": "<", "geq": "≥", "leq": "≤", "eq": "=", "nan": "is nan", "inf": "is infinite"}
NUMBERS, LONGEST = 8, 20  # of an event; characters of the name of one
SECONDS = ("elapsed", "since")  # words of an event's data
LATER = 0.25  # seconds after which a figure that is not waited for is made: the log is to be there first
OWN = ("stdout.log", "stderr.log")


class RunHead(Tagging):
    """Name, state and the acts on one run."""

    _view_name = Unicode("RunHeadView").tag(sync=True)
    tick = 1.0

    def __init__(self, runs: RunSet, neroman: Any = None) -> None:
        self._runs = runs
        super().__init__(neroman)

    def render(self) -> dict[str, Any]:
        run = self._runs[0]
        return {
            "number": run.number, "name": run.name, "state": run.state, "ended": run.state in states.ENDED,
            "what": headline(run, time.time()), "reason": run.reason, "note": run.note, "results": str(run.results),
            "python": f'neroman.runs("{run.number}")', "tags": list(run.tags),
        }  # fmt: skip

    def act_terminate(self) -> list[str]:
        return self._runs.terminate().notes

    def act_rerun(self) -> list[str]:
        return self._runs.rerun().notes

    def tagged_runs(self) -> RunSet:
        return self._runs

    def act_note(self, text: str) -> None:
        self.neroman.set_note(str(self._runs[0].number), text)


class RunSide(View):
    """Events, conditions, parameters, command, node and files of one run."""

    _view_name = Unicode("RunSideView").tag(sync=True)
    tick = 5.0

    def __init__(self, runs: RunSet, neroman: Any = None) -> None:
        self._runs = runs
        super().__init__(neroman)

    def render(self) -> dict[str, Any]:
        run = self._runs[0]
        row = self._runs.rows()[0]
        store = self.neroman.store
        node = next((node for node in self.neroman.nodes() if node.id == run.node), None)
        found = [event_line(event) for event in store.events.find([run.number])]
        return {
            "events": found[-EVENTS:],
            "conditions": [
                condition_line(one, {**run.metrics, **run.usage})
                for one in store.batches.content(row.token).get("conditions", [])
            ],
            "parameters": run.parameters,
            "command": list(run.command),
            "attempt": run.attempt,
            "node": {} if node is None else node_facts(node.to_json()),
            "sent": sent_files(self.neroman.home, row.snapshot),
            "results": result_files(run.results),
            "folder": str(run.results),
        }


class RunView(VBox):  # type: ignore[misc]
    """Everything about one run; live. `run`: a number, a name, or a set with one run.

    `figure_later`: the rest does not wait for the figure, which takes longest (half a second more the first time).
    """

    def __init__(self, run: int | str | RunSet, neroman: Any = None, *, figure_later: bool = False) -> None:
        from neronet_jupyter.live import live

        made = live(neroman)
        runs = run if isinstance(run, RunSet) else made.neroman.runs(str(run))
        if len(runs) != 1:
            raise InputError(f"this shows one run, these are {len(runs)}", "name one run by its number")
        self.head = RunHead(runs, neroman)
        self.figure: LiveFigure | None = None
        self.output = LogView(runs, neroman)
        self.side = RunSide(runs, neroman)
        self.plots = Plots(runs, neroman)
        self._top = VBox()  # stays when the figure comes: a box makes anew what stands behind a new child
        self._top.add_class("nn-runfigure")
        left = VBox([self._top, self.plots, self.output])
        left.add_class("nn-runleft")
        columns = HBox([left, self.side])
        columns.add_class("nn-cols")
        super().__init__([self.head, columns])
        self.add_class("nn-runview")
        if figure_later:
            later = threading.Timer(LATER, self._draw, [runs])
            later.daemon = True
            later.start()
        else:
            self._draw(runs)

    def _draw(self, runs: RunSet) -> None:
        from neronet_jupyter.figures import LiveFigure

        self.figure = LiveFigure(runs)
        self._top.children = [self.figure]


def headline(run: Run, now: float) -> str:
    """`Running on gpu1, 45 %, for 52 min, about 1 h 2 min left`."""
    parts = [f"{run.state.capitalize()} on {run.node}"]
    if run.attempt > 1:
        parts.append(f"attempt {run.attempt}")
    if run.state in states.ENDED:
        if run.started is not None:
            parts.append(f"after {say.duration(run.duration or 0.0)}")
        if run.ended is not None:
            parts.append(f"{say.age(now - run.ended)} ago")
    elif run.started is not None:
        running = max(0.0, now - run.started)
        if run.progress is not None:
            parts.append(f"{run.progress:.0%}")
        parts.append(f"for {say.duration(running)}")
        if run.progress is not None and 0.02 < run.progress < 1:
            parts.append(f"about {say.duration(running / run.progress - running)} left")
    else:
        parts.append(f"since {say.age(now - run.submitted)}")
    return ", ".join(parts)


# What a kind of event says, with its node and its text; kinds that are not here say their text.
SAID = {
    "submitted": "You submitted it",
    "running": "Started on {node}",
    "finished": "Finished",
    "failed": "Failed: {text}",
    "terminated": "Terminated: {text}",
    "timeout": "Ended at its time limit: {text}",
    "lost": "Lost: {text}",
    "withdrawn": "Withdrawn from {node}: {text}",
}


def event_line(event: Event) -> dict[str, Any]:
    """An event as a sentence, with its time in seconds since 1970."""
    if event.kind == "submitted" and event.text == "rerun":
        text = "You started it again"
    elif event.kind in SAID:
        text = SAID[event.kind].format(node=event.node or "its node", text=event.text or "no reason given")
    else:
        text = event.text[:1].upper() + event.text[1:]
    return {
        "time": event.time, "kind": event.kind, "text": text, "attempt": event.attempt or 1,
        "numbers": numbers_line(event.data or {}),
    }  # fmt: skip


def numbers_line(data: dict[str, Any]) -> str:
    """The numbers behind an event, as `value 67.01, limit 50, elapsed 11 min 42 s`; few and short ones."""
    found = [
        f"{name} {_said(name, value)}"
        for name, value in data.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and len(name) <= LONGEST
    ]
    return ", ".join(found[:NUMBERS])


def _said(name: str, value: float) -> str:
    if name in SECONDS and 0 <= value < 1e9:
        return say.duration(value)
    if abs(value) > 1e300:  # more than a float may hold
        return "inf" if value > 0 else "-inf"
    return say.number(float(value))


def condition_line(condition: dict[str, Any], metrics: dict[str, float]) -> dict[str, str]:
    """`error_rate > 50 after 10 min`, what it does, and what the metric is now."""
    comparator, name = condition["comparator"], condition["variablename"]
    limit = "" if comparator in ("nan", "inf") else f" {say.number(float(condition['killvalue']))}"
    if comparator == SILENT:
        what = f"no output for {say.duration(condition['quiet'])}"
    elif comparator == STALLED:
        what = f"{name} without a new best for {say.count(condition['points'], 'point')}"
    elif comparator in SLOPES:
        what = f"slope of {name} over {condition['points']} points {SIGNS[SLOPES[comparator]]}{limit}"
    else:
        what = f"{name} {SIGNS.get(comparator, comparator)}{limit}"
    times, after = condition.get("times"), condition.get("after")
    what += f", {times} times in a row" if times else ""
    value = metrics.get(name)
    return {
        "id": condition["id"],
        "text": what + (f" after {say.duration(after)}" if after else ""),
        "action": condition["action"],
        "now": ""
        if comparator == SILENT
        else "no value yet"
        if value is None
        else f"now {say.number(value)}",
    }


def node_facts(node: dict[str, Any]) -> dict[str, Any]:
    """What is worth knowing of the machine, as pairs of words."""
    pairs = []
    if node.get("load") is not None:
        pairs.append(["load", say.number(node["load"])])
    if node.get("memory_total"):
        free = node.get("memory_free")
        total = say.memory(node["memory_total"])
        pairs.append(["memory", f"{say.memory(free)} of {total} free" if free is not None else total])
    if node.get("disk_free") is not None:
        pairs.append(["disk", f"{say.size(node['disk_free'])} free"])
    pairs += [
        ["GPU", str(gpu.get("name", gpu)) if isinstance(gpu, dict) else str(gpu)]
        for gpu in node.get("gpus") or ()
    ]
    return {
        "id": node["id"],
        "reachable": node.get("reachable"),
        "reason": node.get("reason") or "",
        "facts": pairs,
    }


def sent_files(home: Path, sha: str) -> dict[str, Any]:
    """The files of the snapshot that it ran: {"count", "files": [[path, size]]}."""
    try:
        entries = manifest.parse((home / "files" / sha).read_bytes())
    except (OSError, ValueError):
        return {"count": 0, "files": []}
    files = [[entry.path, say.size(entry.size)] for entry in entries if entry.kind == "f"]
    return {"count": len(files), "files": files[:FILES]}


def result_files(folder: Path) -> dict[str, Any]:
    """What is in the results folder of this computer: {"count", "files": [[path, size]]}."""
    files = []
    for place in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if place.is_file() and not place.is_symlink() and place.name not in OWN:
            files.append([place.relative_to(folder).as_posix(), say.size(place.stat().st_size)])
    return {"count": len(files), "files": files[:FILES]}
