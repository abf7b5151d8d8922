"""`submit`: from what is to run and where, to runs that a node has."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neronet import words
from neronet.api.submitting import MANY
from neronet.cli import describe
from neronet.cli.jsonout import dumps
from neronet.cli.session import Session
from neronet.cli.table import Column, Table
from neronet.errors import ConfigError, InputError
from neronet.spec.problems import nearest
from neronet.wire import states

if TYPE_CHECKING:
    from neronet.api import Neroman, RunSet
    from neronet.api.targets import Planned
    from neronet.cli.console import Console
    from neronet.cli.table import Line


def submit(arguments: Namespace, session: Session) -> None:
    neroman, console = session.neroman, session.console
    targets, node = split(arguments.target, node_names(neroman))
    planned = _plan(targets, node, neroman)
    if not arguments.json:
        console.table(summary(planned))
    confirmed = arguments.yes
    if len(planned) > MANY and not confirmed:
        command = shlex.join(["nerocli", "submit", *arguments.target, "--yes"])
        confirmed = console.confirm(f"Submit {words.count(len(planned), 'run')}?", command)
        if not confirmed:
            console.say("Nothing was submitted.")
            return
    try:
        runs = send(neroman, targets, node, console, again=arguments.again, confirmed=confirmed)
    except KeyboardInterrupt:
        console.say("No longer waited for. What is stored is sent all the same: nerocli status shows it.")
        raise
    if arguments.json:
        console.raw(dumps({"runs": [run.to_json() for run in runs], "notes": runs.notes}))
    else:
        tell(runs, neroman.home, console)


def split(words: Sequence[str], nodes: Sequence[str]) -> tuple[list[str], str | None]:
    """(targets, node): the last word is the node or group when it names one and is not all there is."""
    if len(words) > 1 and words[-1] in nodes:
        return list(words[:-1]), words[-1]
    return list(words), None


def node_names(neroman: Neroman) -> list[str]:
    """Nodes and groups."""
    nodes = neroman.nodes()
    return [*(node.id for node in nodes), *dict.fromkeys(group for node in nodes for group in node.groups)]


def _plan(targets: Sequence[str], node: str | None, neroman: Neroman) -> list[Planned]:
    planned = []
    for place, target in enumerate(targets):
        try:
            planned += neroman.preview(target)
        except ConfigError:
            raise
        except InputError as error:
            names = node_names(neroman)
            if target in names:
                raise InputError(*_only_nodes(target, node)) from error
            if place == 0 or place < len(targets) - 1:
                raise
            meant = nearest(target, names)
            hint = f"did you mean the node {meant}?" if meant else f"the nodes are: {', '.join(names)}"
            raise InputError(f"{target!r} is neither a node nor something to run", hint) from error
    return planned


def _only_nodes(target: str, node: str | None) -> tuple[str, str]:
    """What is wrong, and what helps, when a node stands where something to run should be."""
    if node is None:
        return f"{target} is a node: what is to run there?", f"nerocli submit FOLDER {target}"
    return (
        f"{target} and {node} are two nodes, and runs are divided among those of one group",
        f"say groups: {{both: [{target}, {node}]}} in nodes.yaml and submit to both, or submit to one",
    )


def summary(planned: Sequence[Planned]) -> Table:
    """An experiment a row: how many runs, and the first command as an example."""
    counts = Counter(point.experiment for point in planned)
    table = Table(
        [Column("experiment", shrink=12), Column("runs", right=True), Column("first command", shrink=30)]
    )
    for experiment, count in counts.items():
        first = next(point for point in planned if point.experiment == experiment)
        table.add(experiment, f"{count:,}", shlex.join(first.command))
    return table


def send(
    neroman: Neroman,
    targets: Sequence[str],
    node: str | None,
    console: Console,
    *,
    again: bool,
    confirmed: bool,
) -> RunSet:
    """Submit, and in a terminal show how many bytes are there."""
    if not console.terminal:
        return neroman.submit(targets, node, again=again, confirmed=confirmed)
    uploads: dict[str, Mapping[str, Any]] = {}
    with console.live() as live:

        def progress(message: Mapping[str, Any]) -> None:
            uploads[message["token"]] = message
            lines = [upload(each, console.unicode) for each in uploads.values()]
            live.update(console.picture(lines), refresh=True)

        return neroman.submit(targets, node, again=again, confirmed=confirmed, progress=progress)


def upload(message: Mapping[str, Any], unicode: bool) -> Line:
    """`to gpu1  ━━━━━━────  62 %  1.2 MB of 2.0 MB`."""
    part = message["done"] / message["total"] if message["total"] else 1.0
    amount = f"  {words.size(message['done'])} of {words.size(message['total'])}"
    return [f"to {message['node']}  ", *describe.bar(part, unicode, 20), (amount, "quiet")]


def tell(runs: RunSet, home: Path, console: Console) -> None:
    """What became of the submission, where its data will be, what comes next."""
    for note in runs.notes:
        console.note(note)
    if not runs:
        console.then("nerocli results")
        return
    rows = runs.rows()
    by_node = Counter(row.node for row in rows)
    where = ", ".join(
        f"{count:,} to {node}" if len(by_node) > 1 else f"to {node}" for node, count in by_node.items()
    )
    sent = not any(row.state == states.SUBMITTING for row in rows)
    console.print(
        describe.told(rows), " submitted " if sent else " stored, to be sent ", (where, "strong"), "."
    )
    console.print(("results will be in ", "quiet"), describe.results_folder(runs, home))
    console.then("nerocli watch")
