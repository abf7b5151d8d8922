from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from neronet import Neroman
from tests.cluster import places
from tests.cluster.places import Place
from tests.testbed.fixtures import NodeFactory


@pytest.fixture
def neroman(tmp_path: Path) -> Iterator[Neroman]:
    with Neroman(tmp_path / "home") as made:
        yield made


@pytest.fixture(params=places.KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Each kind of what starts runs, as new."""
    if request.param == "local":
        home = tmp_path / "alice"
        home.mkdir()
        monkeypatch.setenv("HOME", str(home))
        return places.local(home)
    if request.param in ("direct", "command"):
        make: NodeFactory = request.getfixturevalue("node_factory")
        return places.direct(make()) if request.param == "direct" else places.command(make())
    cluster = request.getfixturevalue(request.param)
    return places.slurm(cluster) if request.param == "slurm" else places.gridengine(cluster)
