"""pytest plugin: a real Grid Engine cluster for tests; see gridengine.py.

def test_x(gridengine):                                  # two hosts with two slots each, as new
    assert gridengine.run("qsub -terse -t 1-3 -b y true") == "1.1-3:1\\n"

def test_y(gridengine_factory):
    cluster = gridengine_factory(hosts=1, slots=1)       # arguments of GridEngine
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import pytest

from tests.testbed.fixtures import cannot
from tests.testbed.gridengine import GridEngine
from tests.testbed.lab import Lab, LackingError


class GridEngineFactory(Protocol):
    def __call__(self, **options: Any) -> GridEngine: ...


@pytest.fixture
def gridengine_factory(lab: Lab) -> Iterator[GridEngineFactory]:
    """`gridengine_factory(**options)`: the test's one cluster, started, as new."""
    made: list[GridEngine] = []

    def make(**options: Any) -> GridEngine:
        assert not made, "this test has a cluster already"
        try:
            cluster = GridEngine(lab, **options)
        except LackingError as error:
            cannot(str(error))
        made.append(cluster)
        return cluster.start()

    yield make
    try:
        for cluster in made:
            cluster.check()
    finally:
        for cluster in made:
            cluster.stop()


@pytest.fixture
def gridengine(gridengine_factory: GridEngineFactory) -> GridEngine:
    """A cluster of a gateway and two hosts with two slots each, started, as new."""
    return gridengine_factory()
