"""One sweep on a group of two plain machines and a Slurm whose queue is full: each run starts once, no machine idles.

NERONET_GROUP_RUNS sets how many runs there are (30), of 1 to 4 s each, NERONET_AWAY for how long one is dead (10 s).
"""

from __future__ import annotations

import heapq
import os
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from neronet import Neroman
from neronet.api import RunSet
from tests.cluster.clusters import NODE, add, started, sweep, told, until, wait
from tests.testbed.fixtures import NodeFactory
from tests.testbed.nodes import Node
from tests.testbed.slurm import SlurmCluster

pytestmark = [pytest.mark.real, pytest.mark.slow]

RUNS = int(os.environ.get("NERONET_GROUP_RUNS", "30"))
SLOTS = 3  # of each plain machine
AWAY = float(os.environ.get("NERONET_AWAY", "10"))  # seconds that a machine is dead
LENGTHS = {n: 1.0 + n * 7 % 10 / 3 for n in range(1, RUNS + 1)}  # seconds
SCRIPT = (
    "".join(f"[ $1 -eq {n} ] && sleep {length:.2f}\n" for n, length in LENGTHS.items()) + "echo done $1\n"
)


def best_list_schedule(lengths: list[float], places: int) -> float:
    """Seconds that runs of known lengths take: the longest first, each to the place that is free first."""
    ends = [0.0] * places
    for length in sorted(lengths, reverse=True):
        heapq.heappush(ends, heapq.heappop(ends) + length)
    return max(ends)


@pytest.fixture
def machines(node_factory: NodeFactory, slurm: SlurmCluster, neroman: Neroman) -> list[Node]:
    """Two plain machines in a group with a Slurm that runs others' jobs."""
    slurm.run("sbatch --array=0-7 --output=/dev/null --wrap='sleep 1000'")
    until(lambda: list(slurm.jobs().values()).count("RUNNING") == 8, "the queue is not full")
    add(neroman, slurm)
    found = [node_factory("plain1"), node_factory("plain2")]
    for node in found:
        neroman.add_node(node.name, node.ssh_address(), ssh_options=node.ssh_options(), slots=SLOTS)
    with (neroman.home / "nodes.yaml").open("a") as file:
        file.write(f"groups:\n  all: [plain1, plain2, {NODE}]\n")
    for name in ("plain1", "plain2", NODE):
        neroman.probe(name)
    return found


def all_started(machines: list[Node], slurm: SlurmCluster) -> list[int]:
    """The number of the run, of every start of a program on any of them."""
    places = [slurm.run, *(partial(_shell, node) for node in machines)]
    return sorted(int(number) for run in places for number in started(run))


def _shell(node: Node, command: str) -> str:
    return node.ssh(command).stdout


def nodes_of(runs: RunSet) -> dict[str, int]:
    found: dict[str, int] = {}
    for run in runs:
        found[run.node] = found.get(run.node, 0) + 1
    return found


def test_what_waits_in_a_full_queue_runs_on_machines_that_are_idle(
    machines: list[Node], slurm: SlurmCluster, neroman: Neroman, tmp_path: Path
) -> None:
    folder = sweep(tmp_path / "s", SCRIPT, RUNS)
    began = time.monotonic()
    runs = neroman.submit(folder, "all")
    divided = nodes_of(runs)
    assert divided[NODE] > RUNS / 2, "most were given to the cluster"
    assert wait(runs, 300) == {"finished": RUNS}
    took, best = time.monotonic() - began, best_list_schedule(list(LENGTHS.values()), 2 * SLOTS)
    print(f"{RUNS} runs, {divided} at first: {took:.1f} s, {took / best:.2f} times the best list schedule")
    assert all_started(machines, slurm) == list(range(1, RUNS + 1))
    assert NODE not in nodes_of(runs)
    assert list(runs.frame()["done"]) == [float(n) for n in range(1, RUNS + 1)]
    assert took < 2 * best + 10, "1.2 times the best on a machine of its own"
    frame, home = runs.frame(), neroman.home
    neroman.close()
    for file in home.glob("neronet.db*"):
        file.unlink()
    with Neroman(home) as again:  # a lost database is rebuilt, whichever node is asked first
        for name in (NODE, "plain2", "plain1"):
            again.recover(name)
        again.runs().wait(60)
        assert frame.equals(again.runs().frame()), again.runs().frame()


def test_what_waits_on_a_machine_that_dies_starts_once_and_what_ran_can_be_run_again(
    machines: list[Node], slurm: SlurmCluster, neroman: Neroman, tmp_path: Path
) -> None:
    runs = neroman.submit(sweep(tmp_path / "s", SCRIPT, RUNS), "all")
    until(lambda: runs.states.get("finished", 0) >= 3, lambda: told(runs))
    machines[0].crash()
    time.sleep(AWAY)
    machines[0].start()
    runs.wait(180)
    lost = [run.number for run in runs if run.state == "lost"]
    assert 0 < len(lost) <= SLOTS, told(runs)
    assert wait(neroman.rerun(lost)) == {"finished": len(lost)}
    assert runs.states == {"finished": RUNS}, told(runs)
    assert {run.number for run in runs if run.attempt == 2} == set(lost)
    begun = Counter(all_started(machines, slurm))
    twice = {number for number, count in begun.items() if count > 1}
    # One that was lost may have had no time to note its first start.
    assert set(begun) == set(range(1, RUNS + 1)) and twice <= set(lost) and max(begun.values()) <= 2
