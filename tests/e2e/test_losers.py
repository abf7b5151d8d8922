"""A sweep with `stop_losers` over three nodes of a group: stopped from the nodes and across them, and why is told.

The nodes are reached by a real sshd. NERONET_LOSERS_RUNS and NERONET_LOSERS_STEPS set how many runs there are (24) and
how long they are (40).
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.curves import Sweep, sweep
from neronet import Neroman
from neronet.api import RunSet
from neronet.store.events import Event
from neronet.wire.losers import Course, explain, follows
from tests.e2e.conftest import MakeNeroman, add
from tests.testbed.fixtures import NodeFactory

pytestmark = pytest.mark.real

RUNS, STEPS = (
    int(os.environ.get(f"NERONET_LOSERS_{word}", few)) for word, few in (("RUNS", "24"), ("STEPS", "40"))
)
NODES = ("one", "two", "three")
CONFIG = f"""\
run_command_prefix: sh
main_code_file: run.sh
stop_losers: {{metric: error, goal: minimize, min_points: 8, keep: 2}}
+curves:
  parameters:
    n: {{from: 1, to: {RUNS}}}
  parameter_format: '{{n}}'
"""
SCRIPT = """\
for value in $(sed -n "$1p" curves.txt); do
  echo "error $value"
  sleep 0.1
done
"""


AddNodes = Callable[[Neroman], None]


@pytest.fixture
def add_nodes(node_factory: NodeFactory) -> AddNodes:
    """Adds the three nodes of the group to the user's."""
    machines = [node_factory(f"node{number}") for number in (1, 2, 3)]

    def add_machines(neroman: Neroman) -> None:
        for name, machine in zip(NODES, machines):
            add(neroman, machine, name, slots=3)

    return add_machines


def prepare(neroman: Neroman, add_nodes: AddNodes, folder: Path) -> Sweep:
    made = sweep(7, RUNS, STEPS)
    folder.mkdir()
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "run.sh").write_text(SCRIPT)
    (folder / "curves.txt").write_text(
        "".join(" ".join(f"{value:.9g}" for value in curve) + "\n" for curve in made.curves)
    )
    add_nodes(neroman)
    with (neroman.home / "nodes.yaml").open("a") as file:
        file.write("groups:\n  all: [one, two, three]\n")
    return made


def decisions(neroman: Neroman, runs: RunSet) -> dict[int, Event]:
    """The decision on each run that has one: each follows from its evidence, and that from the points in the store."""
    found: dict[int, Event] = {}
    values: dict[int, dict[int, float | None]] = {}
    for event in neroman.history(runs):
        if event.kind != "rule":
            continue
        assert event.run is not None and event.run not in found, "decided twice"
        found[event.run] = event
        why: dict[str, Any] = event.data or {}
        assert follows(why)
        for run, value in [[event.run, why["value"]], *why["others"]]:
            if run not in values:
                course = Course({**why, "min_points": 8})
                reached = [course.feed(value) for value in neroman.store.points.read(run, "error").value]
                values[run] = dict(each for each in reached if each is not None)
            assert values[run][why["point"]] == value
        assert event.text == explain(why)
    return found


def check(neroman: Neroman, runs: RunSet, made: Sweep) -> None:
    deadline = time.monotonic() + 10.0
    while neroman.store.intents.open():  # a decision is told once its node has said that it obeys
        assert time.monotonic() < deadline
        time.sleep(0.02)
    found = decisions(neroman, runs)
    state = {run.number: (run.state, run.reason) for run in runs}
    stopped = {number for number, (word, _) in state.items() if word == "terminated"}
    assert stopped <= set(found), "stopped, and nobody says why"
    assert {word for word, _ in state.values()} == {"terminated", "finished"}
    assert all(state[number][1] == found[number].text for number in stopped)
    assert state[runs.numbers[made.best]][0] == "finished"
    node = {run.number: run.node for run in runs}
    across = [
        event
        for number, event in found.items()
        if {node[other] for other, _ in (event.data or {})["others"]} - {node[number]}
    ]
    assert across, "nothing was compared across the nodes"
    steps = sum(len(neroman.store.points.read(number, "error").value) for number in runs.numbers)
    saved = 1 - steps / (RUNS * STEPS)
    print(
        f"{len(stopped)} of {RUNS} runs stopped, {saved:.0%} of all steps saved, {len(across)} compared across nodes"
    )
    assert saved > 0.25


def test_a_sweep_over_three_nodes_stops_its_losers_and_every_decision_follows_from_the_store(
    make_neroman: MakeNeroman, add_nodes: AddNodes, tmp_path: Path
) -> None:
    neroman = make_neroman()
    made = prepare(neroman, add_nodes, tmp_path / "exp")
    runs = neroman.submit(tmp_path / "exp", "all")
    assert {run.node for run in runs} == {"one", "two", "three"}
    runs.wait(60.0)
    check(neroman, runs, made)
    (again, *_) = [run.number for run in runs if run.state == "terminated"]
    neroman.rerun(again).wait(30.0)
    assert neroman.runs(again)[0].state == "finished", "who is asked for by name is not stopped again"


@pytest.mark.slow
def test_an_engine_that_is_killed_changes_no_decision_and_doubles_none(
    add_nodes: AddNodes, tmp_path: Path
) -> None:
    with Neroman(tmp_path / "home", background=True) as neroman:
        try:
            made = prepare(neroman, add_nodes, tmp_path / "exp")
            runs = neroman.submit(tmp_path / "exp", "all")
            for count in (1, 4):  # decisions after which it dies
                deadline = time.monotonic() + 30.0
                while len(decisions(neroman, runs)) < count:
                    assert time.monotonic() < deadline
                    time.sleep(0.02)
                holder = neroman.engine()
                assert holder is not None
                os.kill(holder.pid, signal.SIGKILL)
                killed = time.time()
                time.sleep(0.5)
                neroman.start_engine()
            runs.wait(60.0)
            check(neroman, runs, made)
            assert max(event.time for event in decisions(neroman, runs).values()) > killed
        finally:
            neroman.stop_engine()
