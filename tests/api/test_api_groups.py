"""A group whose nodes are this computer: what waits on one goes to the one that is idle."""

from __future__ import annotations

from pathlib import Path

import pytest

from neronet import Neroman, RunSet
from neronet.api import wishes
from tests.bad_input.conftest import experiment
from tests.e2e.conftest import MakeNeroman
from tests.waiting import until

pytestmark = pytest.mark.slow

CONFIG = "run_command_prefix: sh\nmain_code_file: main.sh\n+lang:\n  parameters: {x: [1, 2, 3]}\n"
NODES = """\
nodes:
  one: {type: local, slots: 1, root: ROOT/one}
  two: {type: local, slots: 1, root: ROOT/two}
groups:
  all: [one, two]
"""


@pytest.fixture
def runs(neroman: Neroman, tmp_path: Path) -> RunSet:
    """Three that each wait for a file `end` with their number: two on one node, of which the second one waits for the
    first, and one on another node."""
    (neroman.home / "nodes.yaml").write_text(NODES.replace("ROOT", str(tmp_path)))
    script = f"echo x $2; until [ -e {tmp_path}/end$2 ]; do sleep 0.05; done\n"
    runs = neroman.submit(experiment(tmp_path / "lang", script, CONFIG), "all")
    nodes = [run.node for run in runs]
    # Which of them is first lies with the load when each was looked at.
    assert nodes[0] == nodes[2] != nodes[1]
    return runs


def test_an_idle_node_begins_at_once_what_it_is_given(runs: RunSet, tmp_path: Path) -> None:
    (tmp_path / "end3").touch()
    (tmp_path / "end2").touch()
    until(lambda: runs[2].state == "finished", timeout=20)  # on its node nothing else happens any more
    assert runs[2].node == runs[1].node
    (tmp_path / "end1").touch()
    assert runs.wait(20).states == {"finished": 3}


@pytest.mark.parametrize("order", [("one", "two"), ("two", "one")])
def test_a_run_that_was_moved_is_recovered_once_and_nothing_waits_for_it_on_its_first_node(
    runs: RunSet, tmp_path: Path, neroman: Neroman, make_neroman: MakeNeroman, order: tuple[str, str]
) -> None:
    (tmp_path / "end2").touch()
    until(lambda: runs[2].state == "running", timeout=20)
    for number in (1, 3):
        (tmp_path / f"end{number}").touch()
    frame = runs.wait(20).frame()
    neroman.close()
    for file in neroman.home.glob("neronet.db*"):
        file.unlink()
    again = make_neroman()
    for name in order:
        again.recover(name)
    assert again.runs().wait(20).frame().equals(frame)
    until(lambda: {batch.state for batch in again.store.batches.find()} == {"final"}, timeout=20)


def test_a_wish_reaches_a_run_that_is_moved_while_the_user_makes_it(
    runs: RunSet, tmp_path: Path, neroman: Neroman
) -> None:
    before = runs[2:].rows()
    (tmp_path / "end2").touch()
    until(lambda: runs[2].state == "running", timeout=20)
    assert before[0].node == runs[0].node != runs[2].node
    wishes.act(neroman.store, neroman.home, neroman.engine_client, before, "terminate", "by me")
    assert (runs[2].state, runs[2].reason) == ("terminated", "by me")
    (tmp_path / "end1").touch()
    runs.wait(20)
