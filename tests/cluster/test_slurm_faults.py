"""A Slurm whose commands and whose controller fail: nothing runs twice, nothing is lost.

NERONET_SUBMITS sets how many submissions are killed at a random moment (12), and how many lose their answer.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from neronet import Neroman
from tests.cluster.clusters import COUNTS, NODE, add, starts, sweep, told, until, wait
from tests.testbed.fixtures import SlurmFactory
from tests.testbed.slurm import SlurmCluster

pytestmark = pytest.mark.real

SUBMITS = int(os.environ.get("NERONET_SUBMITS", "12"))
# Stands before the real sbatch: the half of the calls are killed within the 40 ms that one takes, or their answer is lost.
UNSURE = """\
#!/bin/sh
echo sbatch >>/usr/local/calls
n=$(od -An -N2 -tu2 /dev/urandom)
case $(cat $HOME/how) in
kill) /usr/bin/sbatch "$@" & pid=$!; sleep 0.0$((n % 4))$((n / 4 % 10)); kill -9 $pid 2>/dev/null; wait $pid ;;
drop) /usr/bin/sbatch "$@" >/dev/null 2>&1; echo "sbatch: error: Socket timed out on send/recv operation" >&2; exit 1 ;;
*) exec /usr/bin/sbatch "$@" ;;
esac
"""
# Stands before the real squeue: what runs is shown as waiting, as a real one does for seconds after its controller was killed.
BACKWARDS = """\
#!/bin/sh
echo squeue >>/usr/local/calls
/usr/bin/squeue "$@" | sed s/RUNNING/PENDING/
"""


def unsure(slurm: SlurmCluster, how: str) -> None:
    (slurm.login.folder / "local/bin/sbatch").write_text(UNSURE)
    slurm.run(f"echo {how} >how")


@pytest.mark.timeout(300 + 10 * SUBMITS)
@pytest.mark.parametrize("how", ["kill", "drop"])
def test_a_submission_whose_answer_is_lost_is_never_made_into_a_second_start(
    slurm_factory: SlurmFactory, neroman: Neroman, tmp_path: Path, how: str
) -> None:
    slurm = slurm_factory(cpus=16)
    add(neroman, slurm)
    unsure(slurm, how)
    all_runs = [
        neroman.submit(sweep(tmp_path / f"s{n}", "echo done $1\n", 2, name=f"s{n}"), NODE, wait=0.0)
        for n in range(SUBMITS)
    ]
    until(lambda: slurm.calls()["sbatch"] >= SUBMITS, lambda: slurm.calls(), timeout=120)
    slurm.run("echo well >how")
    for runs in all_runs:
        assert wait(runs, 240) == {"finished": 2}
    assert sorted(starts(slurm)) == sorted(["1", "2"] * SUBMITS)
    print(
        f"{how}: {SUBMITS} submissions, {slurm.calls()['sbatch']} calls of sbatch, {len(slurm.jobs())} tasks in all"
    )


def test_a_frozen_controller_makes_no_run_start_twice(
    slurm: SlurmCluster, neroman: Neroman, tmp_path: Path
) -> None:
    add(neroman, slurm)
    slurm.freeze_controller()
    runs = neroman.submit(sweep(tmp_path / "s", "echo done 1\n", 6), NODE)
    until(lambda: "Slurm" in next(iter(runs)).reason, lambda: next(iter(runs)).reason)
    until(lambda: slurm.calls()["sbatch"] == 1 and slurm.calls()["squeue"] >= 1, lambda: slurm.calls())
    until(lambda: "does not answer" in next(iter(runs)).reason, lambda: next(iter(runs)).reason)
    slurm.thaw_controller()
    assert wait(runs, 120) == {"finished": 6}
    assert sorted(starts(slurm)) == [str(n) for n in range(1, 7)]


def test_a_controller_that_is_killed_loses_no_run_and_ends_none(
    slurm: SlurmCluster, neroman: Neroman, tmp_path: Path
) -> None:
    add(neroman, slurm)
    runs = neroman.submit(sweep(tmp_path / "s", COUNTS, 10), NODE)
    until(lambda: runs.states.get("running") == 8, lambda: told(runs))
    slurm.kill_controller()
    before = {run.number: run.points.get("n", 0) for run in runs}
    until(lambda: all(run.points.get("n", 0) > before[run.number] + 5 for run in runs if run.state == "running"),
          "points stop")  # fmt: skip
    ended = [(run.number, run.reason, list(run.results.glob("*"))) for run in runs if run.state == "failed"]
    assert runs.states == {"running": 8, "queued": 2}, ended
    until(
        lambda: any("does not answer" in run.reason for run in runs if run.state == "queued"),
        "it is not said",
    )
    slurm.restart_controller()
    slurm.run("touch stop")
    assert wait(runs, 120) == {"finished": 10}
    assert sorted(map(int, starts(slurm))) == list(range(1, 11))
    for run in runs:
        values = list(neroman.runs(run.number).points("n")["value"])
        assert values == [float(n + 1) for n in range(len(values))]


def test_runs_whose_job_is_said_to_wait_while_it_runs_go_on_and_start_once(
    slurm: SlurmCluster, neroman: Neroman, tmp_path: Path
) -> None:
    add(neroman, slurm, query_every=1)
    (slurm.login.folder / "local/bin/squeue").write_text(BACKWARDS)
    runs = neroman.submit(sweep(tmp_path / "s", COUNTS, 10), NODE)
    until(lambda: runs.states == {"running": 8, "queued": 2}, lambda: told(runs))
    asked = slurm.calls()["squeue"]
    before = {run.number: run.points.get("n", 0) for run in runs if run.state == "running"}
    until(lambda: slurm.calls()["squeue"] >= asked + 3, lambda: slurm.calls())
    assert runs.states == {"running": 8, "queued": 2}, told(runs)
    assert "RUNNING" in slurm.jobs().values()
    until(lambda: all(neroman.runs(n)[0].points["n"] > count for n, count in before.items()), "points stop")
    slurm.run("touch stop")
    assert wait(runs, 120) == {"finished": 10}
    assert sorted(map(int, starts(slurm))) == list(range(1, 11)) and slurm.calls()["sbatch"] == 1
    assert {run.attempt for run in runs} == {1}


def test_an_id_that_is_given_to_another_job_is_not_taken_for_ours(
    slurm: SlurmCluster, neroman: Neroman, tmp_path: Path
) -> None:
    add(neroman, slurm, query_every=6)  # so that we act before we know of it
    runs = neroman.submit(sweep(tmp_path / "s", COUNTS, 4), NODE)
    until(lambda: runs.states == {"running": 4}, lambda: told(runs))
    [ours] = {name.split("_")[0] for name in slurm.jobs()}
    slurm.kill_controller(saved=False)
    for file in (slurm.login.folder / "srv/slurm/state").glob("job_state*"):
        file.unlink()  # it had saved nothing at all
    slurm.restart_controller()
    other = "sbatch --parsable --array=0-3 --output=/dev/null --wrap='sleep 1000'"
    assert slurm.run(other).strip() == ours, "the number is given again"
    neroman.terminate(runs)
    assert set(wait(runs)) <= {"terminated", "lost"}
    assert sorted(map(int, starts(slurm))) == [1, 2, 3, 4]
    assert sorted(slurm.jobs()) == [f"{ours}_{n}" for n in range(4)]
    assert set(slurm.jobs().values()) <= {"RUNNING", "PENDING"}, slurm.jobs()


def test_the_record_of_an_ended_job_is_not_needed(
    slurm_factory: SlurmFactory, neroman: Neroman, tmp_path: Path
) -> None:
    slurm = slurm_factory(min_job_age=2)
    add(neroman, slurm, query_every=1)
    runs = neroman.submit(sweep(tmp_path / "s", "sleep $1\nexit 3\n", 3), NODE)
    assert wait(runs) == {"failed": 3}
    assert [run.reason for run in runs] == ["exit code 3"] * 3


@pytest.mark.timeout(300)
def test_two_hundred_runs_in_all_states_are_ended_within_half_a_minute(
    slurm_factory: SlurmFactory, neroman: Neroman, tmp_path: Path
) -> None:
    slurm = slurm_factory(cpus=16)
    add(neroman, slurm, query_every=30)
    # Some end, some leave children behind that left their session.
    script = "[ $1 -gt 6 ] || exit 0\nsetsid sleep 1000 &\nsleep 1000\n"
    runs = neroman.submit(sweep(tmp_path / "s", script, 200), NODE)
    until(lambda: runs.states.get("running") == 32, lambda: told(runs))
    neroman.terminate(runs)
    runs.wait(30)
    assert runs.states == {"finished": 6, "terminated": 194}
    left = [process for node in slurm.nodes for process in node.processes("sleep 1000")]
    assert not left
    until(lambda: set(slurm.jobs().values()) <= {"COMPLETED", "CANCELLED"}, lambda: slurm.jobs(), timeout=30)
