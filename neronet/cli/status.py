"""`status` and `fetch`: how things stand."""

from __future__ import annotations

import shlex
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from neronet import words
from neronet.api import environment, notifying
from neronet.api.neroman import QUICK
from neronet.api.nodestatus import STALE
from neronet.cli import describe, text
from neronet.cli.jsonout import dumps
from neronet.cli.progress import look
from neronet.cli.session import Session
from neronet.cli.table import Cell, Column, Table, state_piece
from neronet.cli.tails import last_lines
from neronet.wire import states

if TYPE_CHECKING:
    from neronet.api import Run, RunSet
    from neronet.api.nodestatus import NodeStatus

LAST_LINES = 10
LAST_WARNINGS = 3


def status(arguments: Namespace, session: Session) -> None:
    name: str | None = arguments.id
    neroman, console = session.neroman, session.console
    known = neroman.nodes() if name is not None else []
    named = [node for node in known if name in ("nodes", node.id, *node.groups)]
    old = [node.id for node in named if node.last_seen is None or time.time() - node.last_seen > STALE]
    if old:
        neroman.fetch(QUICK, old)
        named = [node for node in neroman.nodes() if node.id in {each.id for each in named}]
    if arguments.json:
        told = {"nodes": [node.to_json() for node in named]} if name == "nodes" else neroman.status(name)
        console.raw(dumps(told))
        return
    neroman.refresh()
    if name is None:
        broken = notifying.broken(neroman.home, neroman.store)
        _overview(session, arguments, spare=4 if broken else 0)
        if broken:
            console.warn(*broken)
    elif named:
        _show_nodes(named, session)
        ids = {node.id for node in named}
        runs = neroman.runs()
        numbers = [row.number for row in runs.rows() if row.node in ids]
        if name != "nodes" and numbers:
            _show_runs(neroman.runs([str(number) for number in numbers]), session, arguments)
    else:
        _show(name, session, arguments)


def fetch(_: Namespace, session: Session) -> int:
    """0 unless no node that has something to send could be reached."""
    neroman, console = session.neroman, session.console
    before = {row.number: row.state for row in neroman.runs().rows()}
    busy = {row.node for row in neroman.runs().rows() if row.state in states.OPEN}
    silent = [node for node in neroman.fetch() if node.id in busy and not node.reachable]
    for node in silent:
        why = f": {node.reason}" if node.reason else ""
        console.warn(
            f"{node.id} does not answer{why}",
            f"its runs go on without us; nerocli doctor {node.id} tells more",
        )
    changed = Counter(row.state for row in neroman.runs().rows() if before.get(row.number) != row.state)
    if busy and len(silent) == len(busy):
        return 1
    news = describe.counts(changed, console.unicode)
    whom = " from the nodes that answer" if silent else ""
    console.print(f"Everything is here{whom}.", "  New: " if news else "", *news)
    return 0


def _overview(session: Session, arguments: Namespace, spare: int) -> None:
    """spare: rows of the screen that are kept free."""
    neroman, console, now = session.neroman, session.console, time.time()
    nodes, experiments, runs = neroman.nodes(), neroman.experiments(), neroman.runs()
    if not experiments and not runs:
        console.table(describe.node_rows(nodes, now, console.unicode))
        console.print()
        console.print("No experiments yet.")
        console.then("nerocli demo, or nerocli submit FOLDER NODE")
        return
    console.print(
        (words.count(len(runs), "run"), "strong"), "   ", *describe.counts(runs.states, console.unicode)
    )
    wanted = [len(nodes), len(experiments), len(runs)]
    # What is not a row: the counts, a blank line and titles for each part, "more" lines, the prompt.
    rows = wanted if arguments.all else describe.share(wanted, console.height - 11 - spare)
    console.print()
    console.table(describe.node_rows(nodes[: rows[0]], now, console.unicode))
    _more(session, len(nodes) - rows[0], "node", "nerocli status nodes")
    console.print()
    open_first = sorted(experiments, key=lambda each: not states.OPEN & set(each.states))
    console.table(describe.experiment_rows(open_first[: rows[1]], console.unicode))
    _more(session, len(experiments) - rows[1], "experiment", "nerocli status --all")
    if runs:
        console.print()
        _show_runs(runs, session, arguments, rows[2])


def _show_runs(runs: RunSet, session: Session, arguments: Namespace, rows: int | None = None) -> None:
    console, now = session.console, time.time()
    room = console.height - 10 if rows is None else rows
    shown = describe.pick(runs, len(runs) if arguments.all else room)
    done = look(shown, now)
    console.table(describe.run_rows(shown, done, now, console.unicode))
    words = ["nerocli", "status", *([arguments.id] if arguments.id else []), "--all"]
    _more(session, len(runs) - len(shown), "run", shlex.join(words))


def _more(session: Session, amount: int, noun: str, command: str) -> None:
    if amount > 0:
        session.console.print((f"and {words.count(amount, f'more {noun}')}: {command}", "quiet"))


def _show_nodes(nodes: Sequence[NodeStatus], session: Session) -> None:
    console, now = session.console, time.time()
    if len(nodes) > 1:
        console.table(describe.node_rows(nodes, now, console.unicode))
        console.print()
        console.print(("load: how many processes want a core, mean of a minute", "quiet"))
        return
    for node in nodes:
        console.print(
            describe.link_mark(node, console.unicode),
            " ",
            (node.id, "strong"),
            "   ",
            describe.link(node, now),
        )
        facts = Table([Column(""), Column("")])
        rows = {
            "address": node.address,
            "type": node.type,
            "groups": ", ".join(node.groups),
            "slots": describe.slots(node),
            "load": "" if node.load is None else f"{node.load:.2f} processes want a core, mean of a minute",
            "memory": _of(node.memory_free, node.memory_total),
            "disk": "" if node.disk_free is None else f"{words.size(node.disk_free)} free",
            "GPUs": ", ".join(f"{gpu['index']}: {gpu['name']}" for gpu in node.gpus),
        }
        for word, value in rows.items():
            if value:
                facts.add((word, "quiet"), value)
        console.table(facts, indent=2)
        console.print()


def _of(free: float | None, total: float | None) -> str:
    if free is None:
        return ""
    return f"{words.memory(free)} free" + (f" of {words.memory(total)}" if total is not None else "")


def _show(name: str, session: Session, arguments: Namespace) -> None:
    """An experiment, a collection, a run, or whatever else names runs."""
    neroman, console = session.neroman, session.console
    experiments = [each for each in neroman.experiments() if name in (each.id, *each.collection)]
    if not experiments:
        runs = neroman.runs(name)
        if len(runs) == 1:
            _show_run(runs, session)
            return
    for experiment in experiments:
        count, folder = words.count(experiment.count, "run"), describe.path(experiment.folder)
        console.print((experiment.id, "strong"), f"   {count}   ", (folder, "quiet"))
        if experiment.note:
            console.print("  ", experiment.note)
    if experiments and not any(experiment.states for experiment in experiments):
        console.print("Not submitted yet.")
        console.then(f"nerocli submit {name} NODE")
        return
    runs = neroman.runs(name)
    console.print(*describe.counts(runs.states, console.unicode))
    console.print()
    _show_runs(runs, session, arguments)
    console.print()
    console.print(("results are in ", "quiet"), describe.results_folder(runs, neroman.home))


def _show_run(runs: RunSet, session: Session) -> None:
    console, now, run = session.console, time.time(), runs[0]
    console.print((run.name, "strong"), (f"   run {run.number}", "quiet"))
    rows: dict[str, Cell] = {
        "state": [state_piece(run.state, console.unicode), f": {run.reason}" if run.reason else ""],
        "node": run.node + (f", attempt {run.attempt}" if run.attempt > 1 else ""),
        "command": shlex.join(run.command),
        "parameters": "  ".join(f"{name} {value}" for name, value in run.parameters.items()),
        "metrics": "  ".join(f"{name} {words.number(value)}" for name, value in run.metrics.items()),
        "submitted": text.moment(run.submitted),
        "started": text.moment(run.started),
        "ended": text.moment(run.ended),
        "took" if run.ended else "runs for": _took(run, now),
        "used": environment.used(run),
        "machine": environment.machine(run.environment),
        "software": environment.software(run.environment),
        "note": run.note,
        "tags": ", ".join(run.tags),
        "code": run.code,
        "commit": _commit(run),
        "results": describe.path(run.results),
    }
    for word, value in rows.items():
        if value:  # never cut: a command and a path are there to be copied
            console.print("  ", (f"{word:<12}", "quiet"), *(value if isinstance(value, list) else [value]))
    said = session.neroman.history(runs, kinds=("warning", "condition"))
    present = (event for event in said if event.attempt in (None, run.attempt))
    warnings = [event.text for event in present if event.text != run.reason]  # that is what the state says
    for warning in warnings[-LAST_WARNINGS:]:
        console.print("  ", (f"{'warning':<12}", "warn"), warning)
    stream = (
        "stderr" if run.state in describe.TROUBLED and last_lines(run.results / "stderr.log", 1) else "stdout"
    )
    lines = last_lines(run.results / f"{stream}.log", LAST_LINES)
    if lines:
        console.print()
        console.print((f"last lines of {stream}", "quiet"))
        for line in lines:
            console.print("  ", line)
    console.print()
    console.then(f"nerocli {describe.next_step(run)}")


def _commit(run: Run) -> str:
    """`3f2a9c17b0de on main, with changes`."""
    if run.git is None:
        return ""
    branch = f" on {run.git.branch}" if run.git.branch else ""
    return f"{run.git.commit[:12]}{branch}{', with changes' * run.git.dirty}"


def _took(run: Run, now: float) -> str:
    return "" if run.started is None else words.duration((run.ended or now) - run.started)
