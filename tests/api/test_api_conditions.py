"""From config.yaml to what a notebook and the command line show: conditions, and what a run ran on and used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from neronet import Neroman
from tests.bad_input.conftest import experiment

pytestmark = pytest.mark.slow
CONFIG = """\
run_command_prefix: sh
main_code_file: main.sh
+guarded:
  parameters: {x: [1, 2, 3]}
  conditions:
    no_progress: {variablename: loss, comparator: stalled, points: 3, action: stop, grace: 20}
    high: {variablename: loss, comparator: gt, killvalue: 90, for: 2, action: notify}
"""
# 1 improves and lasts, 2 stalls and saves what it has, 3 is over at once.
PROGRAM = """\
trap 'sleep 0.3; echo saved; exit 0' TERM
echo loss 99
echo loss 98
[ $2 = 3 ] && exit 0
echo loss 5
[ $2 = 1 ] && sleep 2.2 && exit 0
echo loss 5; echo loss 6; echo loss 7
while :; do sleep 0.05; done
"""


def test_conditions_and_the_environment_reach_the_notebook(neroman: Neroman, tmp_path: Path) -> None:
    runs = neroman.submit(experiment(tmp_path / "guarded", PROGRAM, CONFIG), "local").wait(30)
    lasting, stalled, short = runs
    assert (lasting.state, short.state) == ("finished", "finished")
    reason = "condition no_progress, no new best for 3 points: the best is 5"
    assert (stalled.state, stalled.reason, stalled.exit_status) == ("terminated", reason, 0)
    assert runs[1:2].log().endswith("saved\n")
    events = [event for event in neroman.history(runs) if event.kind == "condition"]
    assert sorted((event.run, (event.data or {})["condition"]) for event in events) == sorted(
        [(run.number, "high") for run in runs] + [(stalled.number, "no_progress")]
    )
    (stop,) = [event for event in events if event.text == reason]
    assert stop.data is not None
    assert (stop.data["action"], stop.data["value"], stop.data["best"], stop.data["limit"]) == (
        "stop",
        7.0,
        5.0,
        3.0,
    )
    # What Neronet measured stands beside what the program printed.
    assert lasting.metrics == {"loss": 5.0}
    assert lasting.points == {"loss": 3}
    assert lasting.usage["node.memory_peak"] >= lasting.usage["node.memory"] > 0
    assert lasting.environment["cores"] >= 1
    assert (short.environment, short.usage) == ({}, {})
    assert not [column for column in runs.frame().columns if column.startswith("node.")]
    assert set(runs.points()["metric"]) == {"loss"}
    assert len(runs.points("node.memory")) == 2
    told = json.loads(json.dumps(lasting.to_json()))
    assert told["environment"]["host"] == lasting.environment["host"]
