"""The original's user guide, as written there, over a real sshd as a non-root user."""

from __future__ import annotations

from pathlib import Path

import pytest

from neronet import Neroman
from tests.e2e.conftest import add
from tests.testbed.fixtures import NodeFactory

pytestmark = pytest.mark.real


def test_theanotest_comes_back_with_its_results(
    neroman: Neroman, node_factory: NodeFactory, theanotest: Path
) -> None:
    kosh = add(neroman, node_factory("kosh"))
    assert neroman.add_experiment(theanotest) == ["theanotest"]
    runs = neroman.submit("theanotest", kosh).wait(30)
    assert runs.states == {"finished": 1}
    run = runs[0]
    assert run.command == ("python", "script.py", "400", "784", "10000")
    assert run.results == neroman.home / "results" / "theanotest"
    assert (run.results / "results").read_text() == "N=400 feats=784 steps=10000"
    assert runs.log("stderr") == "to stderr\n"
    assert runs.log().count("\n") == 10
    frame = runs.frame()
    assert frame.loc[run.number, ["N", "feats", "training_steps", "error_rate"]].tolist() == [
        400,
        784,
        10000,
        46,
    ]
