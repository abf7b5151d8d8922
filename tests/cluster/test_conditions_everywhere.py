"""Conditions wherever runs are started: they act beside the run, whoever is connected, and tell why, once."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from neronet import Neroman
from neronet.store.events import Event
from tests.cluster.clusters import sweep, told, until, wait
from tests.cluster.places import Place

pytestmark = pytest.mark.real

# The experiment's grace is too short for what run 2 saves.
CONDITIONS = """\
outputs: saved.txt
grace: 0.5
conditions:
  hangs: {comparator: silent, minutes: 0.03, action: kill}
  bad: {variablename: error, comparator: geq, killvalue: 7, for: 2, action: stop, grace: 60}
  odd: {variablename: ratio, comparator: nan, action: warn}
  exploded: {variablename: loss, comparator: gt, killvalue: 50, action: kill}
  no_progress: {variablename: val, comparator: stalled, points: 3, action: kill}
  great: {variablename: score, comparator: gt, killvalue: 0.9, action: notify}
"""
# Each has a child; all but the third wait until they are told to go on, and print dots meanwhile.
SCRIPT = """\
printf . >&2
case $1 in
2) trap 'for n in 1 2 3 4 5 6; do printf .; sleep 0.2; done; echo error $n >saved.txt; exit 0' TERM ;;
4) trap '' TERM; setsid sleep {mark} & ;;
esac
sleep {mark} &
echo $1 >>$HOME/ready
[ $1 = 3 ] && echo ratio 1 && echo ratio nan && echo ratio nan
until [ -e $HOME/go ]; do printf . >&2; sleep 0.2; done
case $1 in
1) echo last 1; sleep 60 ;;
2) echo error 7; echo error 6; echo error 7; echo error 7; while :; do sleep 0.05; done ;;
3) echo ratio nan; kill $! ;;
4) echo loss 50; echo loss 67.01; echo loss 68; while :; do printf . >&2; sleep 0.2; done ;;
5) for value in 5 4 4 5 6 7; do echo val $value; done; sleep 60 ;;
6) echo score 0.5; echo score 0.95; echo score 0.99; kill $! ;;
esac
"""


class Expected(NamedTuple):
    state: str
    text: str
    data: dict[str, Any]  # some of the numbers behind it


EXPECTED = (
    Expected("terminated", "condition hangs, no output for 1.8 seconds", {"action": "kill", "limit": 1.8}),
    Expected(
        "terminated",
        "condition bad, 7 >= 7, 2 times in a row",
        {"action": "stop", "metric": "error", "value": 7.0, "limit": 7.0, "times": 2, "offset": 24},
    ),
    Expected(
        "finished",
        "condition odd, ratio is nan",
        {"action": "warn", "metric": "ratio", "value": float("nan"), "offset": 8},
    ),
    Expected(
        "terminated",
        "condition exploded, 67.01 > 50",
        {"action": "kill", "metric": "loss", "value": 67.01, "limit": 50.0, "offset": 8},
    ),
    Expected(
        "terminated",
        "condition no_progress, no new best for 3 points: the best is 4",
        {"action": "kill", "metric": "val", "value": 6.0, "best": 4.0, "points": 3, "offset": 24},
    ),
    Expected(
        "finished",
        "condition great, 0.95 > 0.9",
        {"action": "notify", "metric": "score", "value": 0.95, "limit": 0.9, "offset": 10},
    ),
)


def fired(neroman: Neroman, number: int) -> list[Event]:
    return [event for event in neroman.history(number) if event.kind == "condition"]


def test_conditions_act_while_nobody_is_connected_and_each_says_why_once(
    place: Place, tmp_path: Path
) -> None:
    with Neroman(tmp_path / "home") as neroman:
        place.add(neroman)
        script = SCRIPT.replace("{mark}", place.mark)
        runs = neroman.submit(sweep(tmp_path / "s", script, len(EXPECTED), more=CONDITIONS), place.id)
        numbers = runs.numbers
        until(lambda: fired(neroman, numbers[2]), lambda: told(runs))  # while it runs
        until(lambda: runs.states.get("running", 0) >= 4, lambda: told(runs))
    if place.gateway is not None:
        until(lambda: not place.gateway.processes("nero"), "something of ours stays on the login node")
    closed = time.time()
    place.run("touch go")
    ready = [str(n + 1) for n in range(len(EXPECTED))]
    until(lambda: sorted(place.run("cat ready").split()) == ready and not place.marked(), place.marked)
    opened = time.time()
    with Neroman(tmp_path / "home") as neroman:
        runs = neroman.runs(numbers)
        assert wait(runs) == {"terminated": 4, "finished": 2}
        for run, expected in zip(runs, EXPECTED):
            reason = expected.text if expected.state == "terminated" else ""
            assert (run.state, run.reason) == (expected.state, reason)
            [event] = fired(neroman, run.number)
            assert event.text == expected.text and event.data is not None
            some = {word: event.data.get(word) for word in expected.data}
            assert some == pytest.approx(expected.data, nan_ok=True)
            assert 0 < event.data["elapsed"] < 60
            assert (event.time < closed) == (run.number == numbers[2]) and event.time < opened
        hangs, stopped, *_ = runs
        assert stopped.exit_status == 0
        assert (stopped.results / "saved.txt").read_text() == "error 6\n"
        # What they ran on is where the program was, not where its job came from.
        hosts = dict(line.split() for line in place.run("cat starts").splitlines())
        assert hangs.environment["host"] == hosts["1"]
        assert all(run.environment.get("host", hosts[n]) == hosts[n] for n, run in zip(ready, runs))
        assert place.gateway is None or place.gateway.name not in hosts.values()
        assert hangs.environment["cores"] == len(os.sched_getaffinity(0))
        assert hangs.usage["node.memory_peak"] >= hangs.usage["node.memory"] > 0
