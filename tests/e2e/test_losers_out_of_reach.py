"""`stop_losers` across nodes of which one cannot be reached for a while: its runs go on, and nobody hears of it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from neronet import Neroman
from tests.e2e.conftest import add
from tests.testbed.fixtures import NodeFactory
from tests.waiting import until

pytestmark = pytest.mark.real

CONFIG = """\
run_command_prefix: sh
main_code_file: run.sh
stop_losers: {metric: error, goal: minimize, min_points: 4, keep: 2}
+curves:
  parameters:
    n: {from: 1, to: 6}
  parameter_format: '{n}'
"""
# Those far away are bad first, and then the best of all.
SCRIPT = """\
if [ $(hostname) = far ]; then
  for n in 1 2 3 4; do echo error 10; done
  until [ -e $HOME/go ]; do sleep 0.05; done
  for n in 1 2 3; do echo error 0; done
else
  until [ -e $HOME/go ]; do sleep 0.05; done
  for n in 1 2 3 4; do echo error 5; done
fi
until [ -e $HOME/end ]; do sleep 0.05; done
"""


def test_a_run_that_went_on_out_of_reach_is_not_judged_by_what_it_was_before(
    neroman: Neroman, node_factory: NodeFactory, tmp_path: Path
) -> None:
    near, far = node_factory("near"), node_factory("far")
    add(neroman, near, slots=4)
    add(neroman, far, slots=2)
    with (neroman.home / "nodes.yaml").open("a") as file:
        file.write("groups:\n  all: [near, far]\n")
    folder = tmp_path / "exp"
    folder.mkdir()
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "run.sh").write_text(SCRIPT)
    runs = neroman.submit(folder, "all")
    there = {name: [run.number for run in runs if run.node == name] for name in ("near", "far")}
    assert (len(there["near"]), len(there["far"])) == (4, 2)

    def printed(name: str, count: int) -> bool:
        points = neroman.store.points
        return all(len(points.read(number, "error").value) == count for number in there[name])

    until(lambda: printed("far", 4))
    far.unplug()
    until(lambda: (known := neroman.store.nodes.get("far")) is not None and not known.reachable)
    far.run("touch go")
    near.run("touch go")
    until(lambda: printed("near", 4))
    time.sleep(1.0)  # in which the engine compares them
    far.plug()
    until(lambda: printed("far", 7))
    for machine in (near, far):
        machine.run("touch end")
    runs.wait(30.0)
    assert runs.states == {"finished": 6}, [(run.number, run.reason) for run in runs]
    assert not [event for event in neroman.history(runs) if event.kind == "rule"]
