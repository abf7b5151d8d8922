"""One sweep on every kind of machine that a user may reach."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from neronet import Neroman, RunSet
from tests.e2e.conftest import MakeNeroman, add
from tests.testbed.fixtures import NodeFactory
from tests.testbed.image import NOISY

pytestmark = pytest.mark.real

CONFIG = """\
run_command_prefix: sh
main_code_file: main.sh
outputs: out/*.txt
+sweep:
  parameters:
    x: [1, 2, 3]
    text: 'a b $HOME é'
  parameter_format: '{x} {text}'
"""
MAIN = """\
for i in 0 1 2 3 4; do echo "value $i$1"; done
printf '%s' "$2" >&2
mkdir -p out && cat data/input.txt >out/copy.txt && echo "$1" >out/x.txt
exit $(($1 - 1))
"""


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    folder = tmp_path / "sweep"
    (folder / "data").mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "main.sh").write_text(MAIN)
    (folder / "data/input.txt").write_text("input\n")
    return folder


def right(runs: RunSet) -> None:
    """Every run of the sweep is what it should be."""
    assert [(run.state, run.reason) for run in runs] == [
        ("finished", ""), ("failed", "exit code 1"), ("failed", "exit code 2"),
    ]  # fmt: skip
    for run, x in zip(runs, "123"):
        assert run.metrics == {"value": 40.0 + int(x)} and run.points == {"value": 5}
        assert (run.results / "stderr.log").read_text() == "a b $HOME é"
        assert (run.results / "out/copy.txt").read_text() == "input\n"
        assert (run.results / "out/x.txt").read_text() == f"{x}\n"
    values = runs.points("value")
    for run, x in zip(runs, "123"):
        assert values[values["run"] == run.number]["value"].tolist() == [float(f"{i}{x}") for i in range(5)]


KINDS: dict[str, dict[str, object]] = {
    "python 3.6 and nothing else": {"python": "3.6"},
    "python 3.13": {"python": "3.13"},
    "noisy start-up files": {"rc": NOISY},
    "tcsh": {"shell": "/bin/tcsh"},
    "fish": {"shell": "/usr/bin/fish"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_sweep_runs_rightly_on_a_node_with(
    kind: str, neroman: Neroman, node_factory: NodeFactory, sweep: Path
) -> None:
    node = node_factory("node1", **KINDS[kind])
    right(neroman.submit(sweep, add(neroman, node)).wait(40))


def test_the_sweep_runs_rightly_by_the_users_own_ssh(
    neroman: Neroman, node_factory: NodeFactory, sweep: Path
) -> None:
    right(neroman.submit(sweep, add(neroman, node_factory("node1"), transport="openssh")).wait(40))


def test_the_sweep_runs_rightly_with_a_read_only_home(
    neroman: Neroman, node_factory: NodeFactory, sweep: Path
) -> None:
    node = node_factory("node1", read_only_home=True)
    right(neroman.submit(sweep, add(neroman, node, root="/srv/alice/neronet")).wait(40))


def test_the_sweep_runs_rightly_behind_a_jump_host_by_an_alias(
    neroman: Neroman, node_factory: NodeFactory, sweep: Path, client_home: Callable[..., Path]
) -> None:
    gate = node_factory("gate")
    inner = node_factory("inner", jump="gate")
    client_home(gate.ssh_config() + inner.ssh_config(alias="my-gpu"))
    neroman.add_node("gpu", "my-gpu")
    right(neroman.submit(sweep, "gpu").wait(40))


def test_two_nodes_with_one_home_do_not_touch_each_others_runs(
    neroman: Neroman, node_factory: NodeFactory, sweep: Path
) -> None:
    first = add(neroman, node_factory("first"))
    second = add(neroman, node_factory("second", home_of="first"))
    one, two = neroman.submit(sweep, first), neroman.submit(sweep, second, again=True)
    right(one.wait(40))
    right(two.wait(40))
    hosts = {neroman.store.attempts.get(run.number, 1).host for run in one}  # type: ignore[union-attr]
    assert hosts == {"first"}
    assert {neroman.store.attempts.get(run.number, 1).host for run in two} == {"second"}  # type: ignore[union-attr]


def test_two_laptops_share_a_node(make_neroman: MakeNeroman, node_factory: NodeFactory, sweep: Path) -> None:
    node = node_factory("node1")
    one, two = make_neroman("one"), make_neroman("two")
    runs = [neroman.submit(sweep, add(neroman, node)) for neroman in (one, two)]
    for mine in runs:
        right(mine.wait(40))
        assert len(mine._neroman.runs()) == 3


def test_a_lost_database_is_rebuilt_from_the_nodes(
    make_neroman: MakeNeroman, node_factory: NodeFactory, sweep: Path
) -> None:
    neroman = make_neroman()
    node = add(neroman, node_factory("node1"))
    before = neroman.submit(sweep, node).wait(40)
    again = before.rerun(failed=True).wait(40)
    assert [run.attempt for run in neroman.runs()] == [1, 2, 2] and len(again) == 2
    frame, points = neroman.runs().frame(), neroman.runs().points()
    neroman.close()
    for file in neroman.home.glob("neronet.db*"):
        file.unlink()
    shutil.rmtree(neroman.home / "results")
    neroman = make_neroman()
    recovered = neroman.recover(node).wait(40)
    assert len(recovered) == 3
    right(recovered)
    assert frame.equals(neroman.runs().frame())
    assert points.equals(neroman.runs().points())
