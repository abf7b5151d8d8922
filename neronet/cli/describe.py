"""How nodes, experiments and runs are told in a terminal.  Pure: the time is an argument."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from neronet import words
from neronet.cli import text
from neronet.cli.table import Column, Line, Piece, Table, state_piece
from neronet.wire import states

if TYPE_CHECKING:
    from neronet.api import Run, RunSet
    from neronet.api.nodestatus import NodeStatus
    from neronet.api.targets import ExperimentStatus
    from neronet.cli.progress import Done
    from neronet.store.runs import RunRow

WAITING = (states.SUBMITTING, states.QUEUED, states.PENDING, states.DEFINED)
# In the order in which they are told.
ORDER = (
    states.RUNNING,
    *WAITING,
    states.FAILED,
    states.LOST,
    states.TIMEOUT,
    states.TERMINATED,
    states.FINISHED,
)
TROUBLED = (states.FAILED, states.LOST, states.TIMEOUT, states.TERMINATED)
JUST_ENDED = 3  # runs that stay on a screen of open ones
LONG = 100  # signs of a reason that a table shows where nothing else cuts it


def path(place: Path) -> str:
    """The path with `~` for the user's own folder."""
    try:
        return str(Path("~") / place.relative_to(Path.home()))
    except ValueError:
        return str(place)


def results_folder(runs: RunSet, home: Path) -> str:
    """The deepest folder that holds the results of all of them."""
    if len(runs) == 1:
        return path(runs[0].results)
    return path(Path(os.path.commonpath([home / "results" / row.results for row in runs.rows()])))


def told(runs: Sequence[Run | RunRow]) -> str:
    """`3 runs (17-19)`; one run by its name."""
    if len(runs) == 1:
        return f"{runs[0].name} (run {runs[0].number})"
    return f"{words.count(len(runs), 'run')} ({text.number_ranges([run.number for run in runs])})"


def next_step(run: Run) -> str:
    """What one would probably ask nerocli after having seen this run."""
    if run.state == states.RUNNING:
        return f"logs {run.number} -f"
    if run.state in WAITING:
        return f"watch {run.number}"
    return f"rerun {run.number}" if run.state in TROUBLED else f"points {run.number}"


def counts(amounts: Mapping[str, int], unicode: bool) -> Line:
    """`▶ 2 running  ✓ 8 finished`, open states first."""
    line: Line = []
    for state in ORDER:
        if amounts.get(state):
            shape, letter = text.SHAPES[state]
            style = text.STATE_STYLES.get(state, "quiet")
            line += [
                "  " if line else "",
                (f"{shape if unicode else letter} {amounts[state]:,} {state}", style),
            ]
    return line


def state(run: Run, unicode: bool) -> Line:
    """The state, with its reason in words; all of a long reason is in `nerocli status RUN`."""
    reason = f": {text.shorten(run.reason, LONG)}" if run.reason else ""
    return [state_piece(run.state, unicode), reason]


def bar(part: float, unicode: bool, width: int = 10) -> Line:
    """`━━━━━━────  62 %`."""
    full = round(part * width)
    done, open_ = ("━", "─") if unicode else ("=", "-")
    return [(done * full, "live"), (open_ * (width - full), "quiet"), f" {part * 100:3.0f} %"]


def time_of(run: Run, left: float | None, now: float, unicode: bool) -> str:
    """How long it will still run, runs or waits, or how long ago it ended."""
    if run.ended is not None:
        old = now - run.ended >= 30 * words.DAY
        return text.age(run.ended, now) + ("" if old else " ago")
    if run.started is None:
        return f"waits {text.age(run.submitted, now)}"
    if left is not None:
        return f"{'≈' if unicode else 'about'} {words.span(left)} left"
    return words.span(now - run.started)


def metric_names(runs: Iterable[Run], limit: int = 3) -> list[str]:
    """The metrics that most of these runs have."""
    return [name for name, _ in Counter(name for run in runs for name in run.metrics).most_common(limit)]


def run_rows(runs: Sequence[Run], done: Mapping[int, Done], now: float, unicode: bool) -> Table:
    """A row per run; `done` tells of those that run how far they are."""
    names = metric_names(runs)
    running = (f"{text.SHAPES[states.RUNNING][not unicode]} ", "live")
    nodes = len({run.node for run in runs}) > 1  # one node for all is no news
    table = Table(
        [
            Column("#", right=True),
            Column("run", shrink=18, tail=True),
            Column("state", shrink=18),
            *([Column("node", shrink=6, drop=9)] if nodes else []),
            *(Column(name, right=True, shrink=8, drop=place + 1) for place, name in enumerate(names)),
            Column("time", right=True, drop=1),
        ]
    )
    for run in runs:
        part = done[run.number].part if run.number in done else None
        table.add(
            (str(run.number), "quiet"),
            run.name,
            state(run, unicode) if part is None else [running, *bar(part, unicode)],
            *([run.node] if nodes else []),
            *(words.number(run.metrics.get(name)) for name in names),
            (time_of(run, done[run.number].left if run.number in done else None, now, unicode), "quiet"),
        )
    return table


def node_rows(nodes: Iterable[NodeStatus], now: float, unicode: bool) -> Table:
    table = Table(
        [
            Column("node"),
            Column("type", drop=3),
            Column("slots"),
            Column("load", right=True, drop=2),
            Column("free memory", right=True, drop=1),
            Column("", shrink=12),
        ]
    )
    for node in nodes:
        table.add(
            [link_mark(node, unicode), f" {node.id}"],
            node.type,
            slots(node),
            "" if node.load is None else f"{node.load:.2f}",
            "" if node.memory_free is None else words.memory(node.memory_free),
            link(node, now),
        )
    return table


def slots(node: NodeStatus) -> str:
    if node.slots is None or not node.reachable:
        return ""
    return f"{node.used or 0} of {node.slots} busy"


def link_mark(node: NodeStatus, unicode: bool) -> Piece:
    """Ready, unreachable, or not asked yet."""
    if node.reachable is None:
        return ("◌" if unicode else ".", "quiet")
    if node.reachable:
        return ("●" if unicode else "*", "good")
    return ("⊘" if unicode else "!", "warn")


def link(node: NodeStatus, now: float) -> Piece:
    if node.reachable is None:
        return ("not asked yet", "quiet")
    if node.reachable:
        return ("ready" if not node.reason else node.reason, "quiet")
    seen = "never seen" if node.last_seen is None else f"last seen {text.age(node.last_seen, now)} ago"
    return f"{seen}: {text.shorten(node.reason, LONG)}" if node.reason else seen


def experiment_rows(experiments: Iterable[ExperimentStatus], unicode: bool) -> Table:
    table = Table([Column("experiment", shrink=16), Column("runs", right=True), Column("", shrink=20)])
    for experiment in experiments:
        line = counts(experiment.states, unicode) or ("not submitted yet", "quiet")
        table.add(experiment.id, f"{experiment.count:,}", line)
    return table


def pick(runs: RunSet, rows: int, open_first: bool = False) -> list[Run]:
    """At most `rows` runs, those worth seeing first.

    Those that run, then one that waits, then the ended ones, the newest first, then as many
    that wait as there is room for: five hundred waiting runs do not hide the one that just failed.
    `open_first`: all that wait come before the ended ones, of which the newest few stay.
    """
    known = runs.briefs()
    running = [run for run in known if run.state == states.RUNNING][:rows]
    waiting = [run for run in known if run.state in WAITING]
    ended = [run for run in known if run.state in states.ENDED]
    ended.sort(key=lambda run: run.ended or 0.0, reverse=True)
    rows -= len(running)
    kept = min(len(ended), JUST_ENDED) if open_first else len(ended)
    waiting = waiting[: max(min(1, rows), rows - kept)]
    return runs.load([run.number for run in (*running, *waiting, *ended[: rows - len(waiting)])])


def share(wanted: Sequence[int], rows: int) -> list[int]:
    """How many of `rows` each part of the screen gets: the small ones all, the large ones the rest alike."""
    given = [0] * len(wanted)
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    for place, index in enumerate(order):
        given[index] = min(wanted[index], max(1, rows // (len(order) - place)))
        rows -= given[index]
    return given
