"""`stop_losers` on a real Slurm: each run has a kid of its own, on hosts that share one home."""

from __future__ import annotations

from pathlib import Path

import pytest

from neronet import Neroman
from neronet.wire.losers import follows
from tests.cluster.clusters import NODE, add, sweep, told, wait
from tests.testbed.slurm import SlurmCluster

pytestmark = [pytest.mark.real, pytest.mark.slow]

RUNS = 16
RULE = "stop_losers: {metric: error, goal: minimize, min_points: 8, keep: 2}\n"
SCRIPT = "i=0; while [ $i -lt 40 ]; do echo error $(($1 * 100 - i)); i=$((i+1)); sleep 0.1; done\n"


def test_runs_of_several_hosts_are_compared_in_the_folder_that_they_share(
    slurm: SlurmCluster, neroman: Neroman, tmp_path: Path
) -> None:
    add(neroman, slurm)
    runs = neroman.submit(sweep(tmp_path / "s", SCRIPT, RUNS, more=RULE), NODE)
    states = wait(runs)
    found = [event for event in neroman.history(runs) if event.kind == "rule"]
    assert len({event.run for event in found}) == len(found)
    assert all(event.data is not None and follows(event.data) for event in found)
    assert states["terminated"] >= 4, told(runs)
    stopped = {run.number for run in runs if run.state == "terminated"}
    assert stopped <= {event.run for event in found}
    assert not set(runs.numbers[:2]) & stopped
    hosts = {row.host for run in runs for row in neroman.store.attempts.of_run(run.number)}
    assert len(hosts) > 1
