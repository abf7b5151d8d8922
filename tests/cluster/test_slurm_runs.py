"""What Slurm alone does to runs: a real one, reached through a real sshd.

NERONET_JOBS sets how many runs a large sweep has (64, as many as there are places), NERONET_JOB how long each takes (2 s).
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from neronet import Neroman
from tests.cluster.clusters import COUNTS, NODE, add, checks, starts, sweep, told, until, wait
from tests.testbed.fixtures import SlurmFactory
from tests.testbed.slurm import SlurmCluster

pytestmark = pytest.mark.real

JOBS, JOB = int(os.environ.get("NERONET_JOBS", "64")), float(os.environ.get("NERONET_JOB", "2"))
ASKED_EVERY = 33  # seconds between two squeue, unless nodes.yaml says another time


def test_a_run_gets_what_it_asks_for_and_the_variables_of_its_job(
    slurm_factory: SlurmFactory, neroman: Neroman, tmp_path: Path
) -> None:
    slurm = slurm_factory(gpus=2)
    add(neroman, slurm, sbatch_args="--partition=debug")
    more = "cpus: 2\ngpus: 1\nmemory: 200 MiB\ntime: 10 minutes\n"
    script = "scontrol show job $SLURM_JOB_ID >&2\necho cpus $SLURM_CPUS_PER_TASK\necho gpu $CUDA_VISIBLE_DEVICES\n"
    [run] = neroman.submit(sweep(tmp_path / "s", script, more=more), NODE).wait(60)
    assert (run.state, run.metrics) == ("finished", {"cpus": 2.0, "gpu": 0.0}), run.reason
    told = (run.results / "stderr.log").read_text()
    assert "MinMemoryNode=200M" in told and "CPUs/Task=2" in told and "gres:gpu:1" in told
    assert "TimeLimit=00:13:00" in told and "Partition=debug" in told


def test_several_runs_share_a_task_and_only_so_many_tasks_run_at_once(
    slurm: SlurmCluster, neroman: Neroman, tmp_path: Path
) -> None:
    add(neroman, slurm)
    more = "runs_per_job: 5\nmax_parallel: 2\ntime: 1 minute\n"
    script = "echo task $SLURM_ARRAY_TASK_ID\necho minutes $(squeue -h -j ${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID -o %l | tr -d :)\nsleep 0.3\nexit $(( $1 == 7 ))\n"
    runs = neroman.submit(sweep(tmp_path / "s", script, 18, more=more), NODE)
    assert wait(runs) == {"finished": 17, "failed": 1}
    frame = runs.frame()
    shares = list(frame.groupby("task").size())
    assert len(shares) == 4 and max(shares) <= 5
    assert set(frame["minutes"]) == {800.0}, (
        "five minutes, what ours takes longer to end runs, and a little more"
    )
    spans = [
        (row.started or 0.0, row.ended or 0.0)
        for run in runs
        for row in neroman.store.attempts.of_run(run.number)
    ]
    assert max(sum(start <= moment < end for start, end in spans) for moment, _ in spans) <= 2
    assert slurm.calls()["sbatch"] == 1 and sorted(starts(slurm), key=int) == [str(n) for n in range(1, 19)]


@pytest.mark.timeout(120 + JOBS * JOB / 8)
def test_a_large_sweep_is_one_call_of_sbatch_and_one_of_squeue_each_half_minute(
    slurm_factory: SlurmFactory, neroman: Neroman, tmp_path: Path
) -> None:
    slurm = slurm_factory(cpus=32)
    add(neroman, slurm, query_every=ASKED_EVERY)
    began = time.monotonic()
    runs = neroman.submit(sweep(tmp_path / "s", f"sleep {JOB}\necho done $1\n", JOBS), NODE)
    assert wait(runs, 90 + JOBS * JOB / 8) == {"finished": JOBS}
    took, calls = time.monotonic() - began, slurm.calls()
    print(f"{JOBS} runs: {took:.0f} s, {calls['sbatch']} sbatch, {calls['squeue']} squeue")
    assert calls["sbatch"] == 1 and calls["squeue"] <= 1 + took / ASKED_EVERY
    assert sorted(starts(slurm), key=int) == [str(n) for n in range(1, JOBS + 1)]
    assert list(runs.frame()["done"]) == [float(n) for n in range(1, JOBS + 1)]
    neroman.close()
    until(
        lambda: not slurm.login.processes("nero"),
        lambda: str(slurm.login.processes("nero")),
        timeout=ASKED_EVERY + 30,
    )


def test_what_a_node_cannot_give_is_refused_in_the_schedulers_words(
    slurm: SlurmCluster, neroman: Neroman, tmp_path: Path
) -> None:
    add(neroman, slurm, sbatch_args="--partition=nowhere")
    runs = neroman.submit(sweep(tmp_path / "s", "true\n"), NODE)
    until(lambda: "invalid partition" in next(iter(runs)).reason, lambda: next(iter(runs)).reason)
    assert next(iter(runs)).state == "queued"
    neroman.terminate(runs)
    assert wait(runs) == {"terminated": 1}


def test_an_option_that_is_not_on_the_list_is_not_given(
    slurm: SlurmCluster, neroman: Neroman, tmp_path: Path
) -> None:
    add(neroman, slurm, sbatch_args="--wrap=touch${IFS}hit")
    runs = neroman.submit(sweep(tmp_path / "s", "true\n"), NODE)
    until(lambda: "--wrap may not be given" in next(iter(runs)).reason, lambda: next(iter(runs)).reason)
    assert slurm.calls()["sbatch"] == 0
    neroman.terminate(runs)
    assert wait(runs) == {"terminated": 1}


def test_why_runs_wait_is_told_in_words(slurm: SlurmCluster, neroman: Neroman, tmp_path: Path) -> None:
    add(neroman, slurm)
    runs = neroman.submit(sweep(tmp_path / "s", "sleep 100\n", 10), NODE)
    until(lambda: runs.states.get("running") == 8, lambda: told(runs))
    waiting = [run for run in runs if run.state == "queued"]
    until(lambda: "in Slurm" in neroman.runs(waiting[0].number)[0].reason, lambda: waiting[0].reason)
    neroman.terminate(runs)
    assert wait(runs) == {"terminated": 10}
    until(lambda: "PENDING" not in slurm.jobs().values(), lambda: slurm.jobs())


def test_a_job_that_is_requeued_is_another_attempt_which_can_be_terminated(
    slurm: SlurmCluster, neroman: Neroman, tmp_path: Path
) -> None:
    add(neroman, slurm)
    runs = neroman.submit(sweep(tmp_path / "s", COUNTS, 2), NODE)
    until(lambda: all(run.points.get("n", 0) > 5 for run in runs), "they print nothing")
    slurm.run("scontrol requeue $(squeue -h -o %F | uniq)", "root")
    until(lambda: {(run.attempt, run.state) for run in runs} == {(2, "running")}, lambda: list(runs))
    neroman.terminate(runs[1:])
    assert wait(runs[1:]) == {"terminated": 1}
    slurm.run("touch stop")
    assert wait(runs) == {"finished": 1, "terminated": 1}
    for run in runs:
        first, second = neroman.store.attempts.of_run(run.number)
        assert (first.state, first.reason) == ("lost", "the scheduler started its job again")
        assert second.state == run.state
        points = list(runs.points("n").query(f"run == {run.number}")["value"])
        assert points == [float(n + 1) for n in range(len(points))], "only those of the last attempt"
    assert sorted(starts(slurm)) == ["1", "1", "2", "2"]


def test_a_compute_node_that_fails_leads_to_another_attempt_elsewhere(
    slurm: SlurmCluster, neroman: Neroman, tmp_path: Path
) -> None:
    add(neroman, slurm)
    script = "[ -e $HOME/again ] && exit 0\ntouch $HOME/again\necho up 1\nsleep 1000\n"
    runs = neroman.submit(sweep(tmp_path / "s", script), NODE)
    until(lambda: next(iter(runs)).points.get("up"), "it prints nothing")
    slurm.crash_node(slurm.run("cat starts").split()[1])
    assert wait(runs, 90) == {"finished": 1}
    assert [row.state for row in neroman.store.attempts.of_run(1)] == ["lost", "finished"]
    assert len(set(slurm.run("cat starts").split()[1::2])) == 2, "on two nodes"


def test_the_schedulers_limits_are_told_as_what_they_are(
    slurm_factory: SlurmFactory, neroman: Neroman, tmp_path: Path
) -> None:
    slurm = slurm_factory(kill_over_memory=True, min_job_age=5)
    add(neroman, slurm)
    eats = "python3 -c 'import time; x = bytearray(300 * 2**20); time.sleep(60)'\n"
    eater = neroman.submit(sweep(tmp_path / "m", eats, name="eats", more="memory: 50 MiB\n"), NODE)
    sleeper = neroman.submit(sweep(tmp_path / "c", "sleep 600\n", name="sleeps"), NODE)
    until(lambda: sleeper.states == {"running": 1}, lambda: dict(sleeper.states))
    slurm.run("scancel --name=$(squeue -h -o %j --state=RUNNING | tail -n 1)", "root")
    assert wait(sleeper) == {"terminated": 1}
    assert "cancelled outside of Neronet" in next(iter(sleeper)).reason
    assert wait(eater) == {"failed": 1}
    assert next(iter(eater)).reason.startswith("out of memory, it used ")
    assert next(iter(eater)).reason.endswith("MiB (asked 50 MiB)")


def test_doctor_tells_what_the_cluster_is_and_later_what_runs_have_shown(
    slurm_factory: SlurmFactory, neroman: Neroman, tmp_path: Path
) -> None:
    slurm = slurm_factory(gpus=2, more=("PartitionName=short Nodes=c1 MaxTime=02:00:00 State=DOWN",))
    add(neroman, slurm)
    said = checks(neroman)
    assert said["scheduler"] == "runs go through Slurm 22.05.8"
    assert said["partition debug"] == (
        "2 nodes of up to 4 cores and 3.9 GiB, gpu:fake:2, for any time (10 min where a run says no `time:`); "
        "the default one"
    )
    assert said["partition short"].endswith("for at most 2 h; it takes no jobs now")
    assert "1,001 tasks" in said["limits"] and said["accounting"].startswith("none;")
    assert said["compute nodes"] == "not known before the first run"
    assert wait(neroman.submit(sweep(tmp_path / "s", "echo done 1\n"), NODE)) == {"finished": 1}
    host = slurm.run("cat starts").split()[1]
    assert checks(neroman)["compute nodes"].startswith(f"{host} has run with Python 3.")
    assert slurm.calls()["scontrol"] == 1, "it is not asked again at once"
