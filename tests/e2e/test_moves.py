"""Runs that wait on one node of a group are moved to another one that has nothing left to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from neronet import Neroman
from tests.cluster.clusters import sweep, until, wait
from tests.e2e.conftest import add
from tests.testbed.fixtures import NodeFactory

pytestmark = [pytest.mark.real, pytest.mark.slow]

SOON = 10.0  # seconds; a login that nothing is done with is kept for 60


def test_what_is_moved_to_a_node_that_has_ended_all_it_had_begins_there_at_once(
    node_factory: NodeFactory, neroman: Neroman, tmp_path: Path
) -> None:
    for name in ("busy", "idle"):
        add(neroman, node_factory(name), name, slots=1)
        neroman.probe(name)
    with (neroman.home / "nodes.yaml").open("a") as file:
        file.write("groups:\n  both: [busy, idle]\n")
    long = neroman.submit(sweep(tmp_path / "long", "sleep 300\n"), "busy")
    until(lambda: long.states == {"running": 1}, "the node is not busy")
    runs = neroman.submit(sweep(tmp_path / "short", "sleep 0.3\n", 4, name="short"), "both")
    assert "busy" in {run.node for run in runs}, "something waits behind what is long"
    assert wait(runs) == {"finished": 4}
    moved = {event.run: event.time for event in neroman.history(runs, kinds=["moved"])}
    waited = {run.number: run.started - moved[run.number] for run in runs if run.number in moved}
    assert moved and max(waited.values()) < SOON, waited
    long.terminate()
    assert wait(long) == {"terminated": 1}
