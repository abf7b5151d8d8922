"""pytest plugin: real ssh nodes for tests.  Load it with `pytest_plugins = ["tests.testbed.fixtures"]`.

    def test_x(node_factory):
        node = node_factory()                               # a plain node, started, as new
        old = node_factory("old", python="3.6")             # one more, of another kind (image.Options)
        assert node.ssh("python3 -V").returncode == 0

    def test_y(slurm, slurm_factory):
        slurm.login.ssh("sbatch job.sh")                    # a plain cluster, started, as new
        other = slurm_factory("b", gpus=2)                  # one more (slurm_conf.Settings)

Nodes are kept for the session and given to each test as new: other boot id, fresh homes.
Where they cannot be had, such tests are skipped and say why; with NERONET_NO_SKIP=1 they fail.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn, Protocol

import pytest

from tests.testbed import install
from tests.testbed.image import Options
from tests.testbed.lab import Lab, LackingError
from tests.testbed.nodes import Node
from tests.testbed.slurm import SlurmCluster


class NodeFactory(Protocol):
    def __call__(self, name: str = "node1", **options: Any) -> Node: ...


class SlurmFactory(Protocol):
    def __call__(self, name: str = "", **settings: Any) -> SlurmCluster: ...


def cannot(reason: str) -> NoReturn:
    """Skips a test for want of real parts, or fails it where NERONET_NO_SKIP=1 forbids that."""
    if os.environ.get("NERONET_NO_SKIP") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The session's Lab; `lab.node(name, Options(...)).start()` is for fixtures of a wider scope."""
    try:
        install.ensure()
        lab = Lab()
    except (install.InstallError, LackingError) as error:
        cannot(str(error))
    yield lab
    left = lab.close()
    assert not left, "the tests left behind: " + "; ".join(left)


@pytest.fixture
def node_factory(lab: Lab) -> Iterator[NodeFactory]:
    """`node_factory(name="node1", **options)`: a started node as new; options are those of `Options`."""
    used: list[Node] = []

    def make(name: str = "node1", **options: Any) -> Node:
        try:
            node = lab.node(name, Options(**options))
        except LackingError as error:
            cannot(str(error))
        assert node not in used, f"this test has a node {name} already"
        used.append(node)
        return node.reset()

    yield make
    try:
        for node in used:
            node.check()
    finally:
        for node in used:
            node.crash()


@pytest.fixture
def node(node_factory: NodeFactory) -> Node:
    """A plain node, started, as new."""
    return node_factory()


@pytest.fixture
def slurm_factory(lab: Lab) -> Iterator[SlurmFactory]:
    """`slurm_factory(name="", **settings)`: a started Slurm cluster as new; settings are those of `Settings`.

    Each test has a cluster of its own, on nodes that the session keeps: bringing one up takes a second, and
    nothing that a test broke, or only queued, can reach the next one.
    """
    made: dict[str, SlurmCluster] = {}

    def make(name: str = "", **settings: Any) -> SlurmCluster:
        assert name not in made, f"this test has a cluster {name!r} already"
        try:
            made[name] = SlurmCluster(lab, name, **settings)
        except LackingError as error:
            cannot(str(error))
        return made[name].start()

    yield make
    try:
        for cluster in made.values():
            cluster.check()
    finally:
        for cluster in made.values():
            cluster.stop()


@pytest.fixture
def slurm(slurm_factory: SlurmFactory) -> SlurmCluster:
    """A plain Slurm cluster (login, c1 and c2), started, as new."""
    return slurm_factory()


@pytest.fixture
def client_home(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """`client_home(config=None)`: a new $HOME for this test's client, after its nodes were made.

    Its ~/.ssh/config is `config` (text) or knows every node by its name; an `ssh` that reads it is first
    in PATH.
    """

    def make(config: str | None = None) -> Path:
        home = tmp_path / "home"
        for name, value in lab.client(home, config).items():
            monkeypatch.setenv(name, value)
        return home

    return make
