"""A rule across runs is decided on the node, by the watchers: nobody else is there."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from neronet.spec.experiment import StopLosers
from neronet.wire.losers import explain, follows
from tests.node.mum import Mum, mum

pytestmark = pytest.mark.slow

RULE: dict[str, Any] = StopLosers("error", "minimize", min_points=4, keep=2).to_json()
RUNS = 8


def curve(number: int, points: int = 40, pause: float = 0.03) -> list[str]:
    """Prints `points` values that fall towards its number; the one with number 0 is the best run."""
    loop = f'i=0; while [ $i -lt {points} ]; do echo "error $(({number} * 100 + 50 - i))"; i=$((i+1)); sleep {pause}; done'
    return ["sh", "-c", loop]


def check(served: Mum) -> dict[int, dict[str, Any]]:
    """The evidence of each decision by run: there is one each, and it follows from the points that were recorded."""
    values = {number: [point[1] for point in served.points(number)] for number in range(RUNS)}
    found: dict[int, dict[str, Any]] = {}
    for record in served.of("rule"):
        evidence = record["data"]
        assert record["i"] not in found, "decided twice"
        found[record["i"]] = evidence
        assert follows(evidence)
        for run, value in [[record["i"], evidence["value"]], *evidence["others"]]:
            assert value == min(values[run][: evidence["point"]])
        ended = served.ended()[record["i"]]
        if ended["state"] != "finished":  # one that was decided on in its last moment may end by itself
            assert (ended["state"], ended["reason"]) == ("terminated", explain(evidence))
    return found


def test_losers_are_stopped_on_the_node_and_each_decision_follows_from_its_evidence(root: Path) -> None:
    with mum(root, limits={"slots": 4}) as served:
        served.run([curve(n) for n in range(RUNS)], stop_losers=RULE)
        stopped = check(served)
        assert 3 <= len(stopped) <= RUNS - RULE["keep"]
        assert not {0, 1} & set(stopped)
        terminated = {n for n, end in served.ended().items() if end["state"] == "terminated"}
        assert len(terminated) >= 3
        assert terminated <= set(stopped), "stopped, and nobody says why"
        assert all(record["text"].startswith("stop_losers, error ") for record in served.of("rule"))


@pytest.mark.parametrize("step", ["judged", "stopping"])
def test_a_watcher_that_is_killed_while_it_decides_changes_no_decision_and_doubles_none(
    root: Path, tmp_path: Path, step: str
) -> None:
    caught = tmp_path / "pid"
    with mum(root, limits={"slots": 4}, env={"NERONET_PAUSE": f"{step}:60:{caught}"}) as served:
        served.token = served.submit([curve(n) for n in range(RUNS)], stop_losers=RULE)
        served.follow(served.token)
        served.until(lambda: caught.exists() and caught.read_text().isdigit())
        os.kill(int(caught.read_text()), signal.SIGKILL)
        served.until(lambda: len(served.ended()) == RUNS, 40.0)
        stopped = check(served)
        assert served.of("adopted")
        adopted = {record["i"] for record in served.of("adopted")}
        assert adopted & set(stopped)
        assert not {0, 1} & set(stopped)


def test_a_run_is_not_ended_for_what_it_was_at_a_checkpoint_that_it_has_left(root: Path) -> None:
    """Whoever decides over several nodes may have heard of a run long ago."""
    with mum(root, limits={"slots": 2}) as served:
        script = "for n in 1 2 3 4 5 6; do echo error $n; done; sleep 30"
        token = served.submit([["sh", "-c", script]] * 2, stop_losers=RULE)
        served.follow(token)
        served.until(lambda: all(len(served.points(run)) == 6 for run in (0, 1)))
        assert served.act(token, "terminate", [[0, 0]], id="old", point=4) == {"runs": 0, "withdrawn": []}
        for _ in range(2):  # who did not hear the answer says it again
            wish = served.act(token, "terminate", [[1, 1]], id="new", point=6)
            assert wish == {"runs": 1, "withdrawn": []}
        served.until(lambda: 1 in served.ended())
        assert served.act(token, "terminate", [[1, 1]], id="new", point=6)["runs"] == 1
        assert set(served.ended()) == {1}
        served.act(token, "terminate", [[0, 0]])
        served.until(lambda: 0 in served.ended())


def test_a_run_without_the_metric_is_left_alone(root: Path) -> None:
    with mum(root, limits={"slots": 4}) as served:
        quiet = ["sh", "-c", "echo loss 5; sleep 0.3"]
        served.run([quiet, *(curve(n, 12, 0.01) for n in range(1, RUNS))], stop_losers=RULE)
        assert served.ended()[0]["state"] == "finished"
        lines = [
            json.loads(line)
            for path in (root / "batches" / served.token / "rungs").iterdir()
            for line in path.read_text().splitlines()
        ]
        assert {line["r"] for line in lines} == set(range(1, RUNS))
