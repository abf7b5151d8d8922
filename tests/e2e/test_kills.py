"""Kill -9 of the engine, of Neromum, of Nerokid, of all three, at random moments, over a real sshd.

NERONET_KILLS sets how many moments; the seed is printed, NERONET_SEED repeats one.
"""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from neronet import Neroman
from neronet.engine.holder import holder
from tests.e2e.conftest import add
from tests.testbed.fixtures import NodeFactory
from tests.testbed.nodes import Node

pytestmark = pytest.mark.real

KILLS = int(os.environ.get("NERONET_KILLS", "12"))
POINTS = 10_000
CONFIG = """\
run_command_prefix: python3
main_code_file: main.py
+count:
  parameters: {x: [0, 1, 2, 3], pace: PACE}
  parameter_format: '{x} {pace} STARTS'
"""
# Every start leaves a line outside of the run's folder: a run that was started twice cannot hide it.
MAIN = """\
import os, sys, time
x, pace, starts = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
with open(starts, "a") as file:
    file.write("%d\\n" % x)
for n in range(10000):
    print("n", n)
    if n % 20 == 0:
        time.sleep(pace)
sys.exit(x)
"""


@pytest.fixture
def background(tmp_path: Path) -> Neroman:
    """A home whose engine is a process of its own."""
    return Neroman(tmp_path / "home", background=True)


def kill_engine(home: Path) -> bool:
    found = holder(home)
    if found is None:
        return False
    try:
        os.kill(found.pid, signal.SIGKILL)
    except ProcessLookupError:  # it has just ended by itself
        return False
    return True


def kill_on_node(node: Node, word: str, choice: random.Random) -> bool:
    found = [process for process in node.processes(word) if process.command]
    if not found:
        return False
    try:
        node.kill(choice.choice(found).pid, signal.SIGKILL)
    except ProcessLookupError:  # it has just ended by itself
        return False
    return True


def test_kills_at_random_moments_lose_nothing_and_start_nothing_twice(
    background: Neroman, node_factory: NodeFactory, tmp_path: Path
) -> None:
    seed = int(os.environ.get("NERONET_SEED", random.randrange(10**6)))
    print(f"NERONET_SEED={seed} NERONET_KILLS={KILLS}")
    choice = random.Random(seed)
    node = node_factory("node1")
    folder = tmp_path / "count"
    folder.mkdir()
    # So slow that the runs last as long as the kills.
    pace = max(1.0, 0.4 * KILLS) / (POINTS / 20)
    (folder / "config.yaml").write_text(
        CONFIG.replace("PACE", f"{pace:.4f}").replace("STARTS", "/home/alice/starts")
    )
    (folder / "main.py").write_text(MAIN)
    with background as neroman:
        runs = neroman.submit(folder, add(neroman, node, slots=4))
        done = {"engine": 0, "neromum serve": 0, "nerokid": 0}
        for _ in range(KILLS):
            time.sleep(choice.uniform(0.05, 0.6))
            victims = choice.choice([["engine"], ["neromum serve"], ["nerokid"], list(done)])
            for victim in victims:
                killed = (
                    kill_engine(neroman.home) if victim == "engine" else kill_on_node(node, victim, choice)
                )
                done[victim] += killed
            neroman.engine_client.ensure()
        print(done)
        runs.wait(120)
        assert [(run.state, run.exit_status) for run in runs] == [
            ("finished", 0), ("failed", 1), ("failed", 2), ("failed", 3),
        ]  # fmt: skip
        points = runs.points("n")
        for run in runs:
            values = points[points["run"] == run.number]["value"].tolist()
            assert values == list(range(POINTS)), f"run {run.number} has {len(values)} points"
            assert (run.results / "stdout.log").read_text() == "".join(f"n {n}\n" for n in range(POINTS))
        assert sorted(node.path("/home/alice/starts").read_text().split()) == ["0", "1", "2", "3"]
        neroman.stop_engine()
