"""What Grid Engine alone does to runs: a real one, reached through a real sshd."""

from __future__ import annotations

from pathlib import Path

import pytest

from neronet import Neroman
from tests.cluster.clusters import COUNTS, NODE, add, checks, starts, sweep, told, until, wait
from tests.testbed.gridengine import GridEngine
from tests.testbed.gridengine_fixture import GridEngineFactory

pytestmark = pytest.mark.real


def test_what_is_refused_is_told_in_the_schedulers_words(
    gridengine: GridEngine, neroman: Neroman, tmp_path: Path
) -> None:
    add(neroman, gridengine, sbatch_args="-q nowhere.q")
    runs = neroman.submit(sweep(tmp_path / "s", "true\n"), NODE)
    until(lambda: "nowhere.q" in next(iter(runs)).reason, lambda: next(iter(runs)).reason)
    neroman.terminate(runs)
    assert wait(runs) == {"terminated": 1}


def test_runs_wait_are_ended_and_leave_nothing_in_the_queue(
    gridengine: GridEngine, neroman: Neroman, tmp_path: Path
) -> None:
    add(neroman, gridengine)
    runs = neroman.submit(sweep(tmp_path / "s", "setsid sleep 1000 &\nsleep 1000\n", 20), NODE)
    until(lambda: runs.states.get("running") == 4, lambda: told(runs))
    until(lambda: any(run.reason == "waits in Grid Engine" for run in runs), lambda: list(runs)[-1].reason)
    neroman.terminate(runs)
    assert wait(runs, 30) == {"terminated": 20}
    assert not [process for host in gridengine.hosts for process in host.processes("sleep 1000")]
    until(lambda: "<job_list" not in gridengine.run("/usr/bin/qstat -xml"), "its queue is not empty")


def test_a_job_that_was_deleted_outside_and_one_that_was_rerun(
    gridengine: GridEngine, neroman: Neroman, tmp_path: Path
) -> None:
    add(neroman, gridengine)
    runs = neroman.submit(sweep(tmp_path / "s", COUNTS, 2), NODE)
    until(lambda: all(run.points.get("n", 0) > 3 for run in runs), lambda: told(runs))
    gridengine.run("/usr/bin/qmod -rj 1.2; /usr/bin/qdel 1 -t 1")
    until(
        lambda: list(runs)[1].attempt == 2 and list(runs)[1].state == "running",
        lambda: list(runs)[1],
        timeout=90,
    )
    gridengine.run("touch stop")
    assert wait(runs) == {"terminated": 1, "finished": 1}
    assert next(iter(runs)).reason == "its job was deleted outside of Neronet"
    attempts = [row.state for row in neroman.store.attempts.of_run(2)]
    assert attempts[-1] == "finished" and set(attempts[:-1]) == {"lost"}
    assert sorted(starts(gridengine)) == ["1", *["2"] * len(attempts)]


def test_a_limit_of_the_users_own_ends_a_run_and_is_told(
    gridengine: GridEngine, neroman: Neroman, tmp_path: Path
) -> None:
    add(neroman, gridengine, sbatch_args="-l h_rt=6")
    runs = neroman.submit(sweep(tmp_path / "s", COUNTS), NODE)
    assert wait(runs) == {"timeout": 1}, told(runs)
    assert [run.reason for run in runs] == ["Grid Engine ended it at the time limit of its job"]
    assert next(iter(runs)).points["n"] > 0 and starts(gridengine) == ["1"]


def test_its_programs_may_be_known_to_login_shells_alone(
    gridengine_factory: GridEngineFactory, neroman: Neroman, tmp_path: Path
) -> None:
    gridengine = gridengine_factory(login_only=True, hosts=1)
    add(neroman, gridengine)
    runs = neroman.submit(sweep(tmp_path / "s", "echo done 1\n", 2), NODE)
    assert wait(runs, 60) == {"finished": 2}


def test_doctor_tells_what_the_cluster_is(gridengine_factory: GridEngineFactory, neroman: Neroman) -> None:
    gridengine = gridengine_factory(login_only=True, hosts=1)  # only login shells know of it: they are asked
    add(neroman, gridengine)
    said = checks(neroman)
    assert said["scheduler"] == "runs go through Grid Engine 8.1.9"
    assert said["queue all.q"] == "2 slots, at most 2 on a node, for any time"
    assert said["limits"] == "there is no resource `gpu`: a run with `gpus:` is refused"
    assert said["accounting"].startswith("a file;")
    assert said["compute nodes"] == "not known before the first run"
