"""Neroman against real nodes: one home, an engine of its own in this process, no fakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from neronet import Neroman
from tests.e2e.cli import Cli
from tests.testbed.nodes import Node

MakeNeroman = Callable[..., Neroman]


@pytest.fixture
def make_neroman(tmp_path: Path) -> Iterator[MakeNeroman]:
    """Makes Neromans (by the name of their home), and closes them."""
    made: list[Neroman] = []

    def make(name: str = "home") -> Neroman:
        made.append(Neroman(tmp_path / name))
        return made[-1]

    yield make
    for neroman in made:
        neroman.close()


@pytest.fixture
def neroman(make_neroman: MakeNeroman) -> Neroman:
    return make_neroman()


def add(neroman: Neroman, node: Node, name: str = "", **fields: object) -> str:
    """Adds a node of the testbed as a user would, who has its key and knows its host key; its id."""
    neroman.add_node(name or node.name, node.ssh_address(), ssh_options=node.ssh_options(), **fields)
    return name or node.name


SCRIPT = """\
import sys, time
N, feats, steps = sys.argv[1:4]
for step in range(5):
    print("error_rate", 50 - step)
    print("noise of", N, feats, steps)
print("to stderr", file=sys.stderr)
with open("results", "w") as file:
    file.write("N=%s feats=%s steps=%s" % (N, feats, steps))
"""

THEANOTEST = """\
collection: None
run_command_prefix: 'python'
main_code_file: 'script.py'
outputs: 'results'
parameters_format: '{N} {feats} {training_steps}'
theanotest:
  parameters:
    N: 400
    feats: 784
    training_steps: 10000
"""


@pytest.fixture
def theanotest(tmp_path: Path) -> Path:
    """The guide's closing example, with a script that prints and writes `results`."""
    folder = tmp_path / "mytheanotest"
    folder.mkdir()
    (folder / "config.yaml").write_text(THEANOTEST)
    (folder / "script.py").write_text(SCRIPT)
    return folder


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    """A user's `nerocli`; the engine that it started is ended."""
    user = Cli(tmp_path / "home")
    yield user
    user.run("engine", "stop")
