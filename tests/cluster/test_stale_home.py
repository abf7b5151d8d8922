"""A cluster whose machines see the shared home late: each asks again for sizes, times and names after 30 seconds only."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from neronet import Neroman
from tests.cluster.clusters import NODE, add, sweep, until, wait
from tests.testbed.fixtures import SlurmFactory
from tests.testbed.image import Options
from tests.testbed.slurm import SlurmCluster

pytestmark = pytest.mark.real

# Every 1, 2 and 3 seconds: after a look that finds nothing new, the gateway has remembered the size.
PRINTS = (
    "end=$(($(date +%s) + 24))\nwhile [ $(date +%s) -lt $end ]; do echo sent $(date +%s.%N); sleep $1; done\n"
)
LIMITS = {"p95": 10.0, "stop": 15.0}  # seconds


@pytest.fixture
def slurm(slurm_factory: SlurmFactory) -> SlurmCluster:
    return slurm_factory(like=Options(stale_home=True))


def test_points_are_in_the_frame_within_seconds(
    slurm: SlurmCluster, neroman: Neroman, tmp_path: Path
) -> None:
    add(neroman, slurm)
    runs = neroman.submit(sweep(tmp_path / "s", PRINTS + "exit $(($1 == 2))\n", 3), NODE)
    ages: dict[int, list[float]] = {number: [] for number in runs.numbers}
    until(lambda: runs.states.get("running") == 3, lambda: dict(runs.states))
    ended = False
    while not ended:
        ended = set(runs.states) <= {"finished", "failed"}  # before the last look
        for number, known in ages.items():
            sent = neroman.store.points.read(number, "sent", start=len(known)).value
            known += [time.time() - moment for moment in sent]
        time.sleep(0.02)
    late = sorted(age for known in ages.values() for age in known)
    p50, p95 = (late[int(len(late) * part)] for part in (0.5, 0.95))
    print(
        f"\n{len(late)} points, from print to frame: p50 {p50:.2f} s, p95 {p95:.2f} s, at most {late[-1]:.2f} s"
    )
    assert p95 < LIMITS["p95"]
    assert [(run.state, run.exit_status) for run in runs] == [("finished", 0), ("failed", 1), ("finished", 0)]
    for run in runs:
        lines = (run.results / "stdout.log").read_text().splitlines()
        assert len(lines) == len(ages[run.number]) >= 7


def test_a_running_run_is_ended_when_its_user_wishes(
    slurm: SlurmCluster, neroman: Neroman, tmp_path: Path
) -> None:
    add(neroman, slurm)
    script = "echo up 1\ntrap 'echo down 2; exit 0' TERM\nwhile :; do sleep 0.1; done\n"
    runs = neroman.submit(sweep(tmp_path / "s", script), NODE)
    until(lambda: next(iter(runs)).points.get("up"), "it prints nothing")
    time.sleep(3)  # its watcher has looked for the wish in vain
    began = time.monotonic()
    neroman.terminate(runs)
    assert wait(runs) == {"terminated": 1}
    took = time.monotonic() - began
    print(f"\nended {took:.1f} s after the wish")
    assert took < LIMITS["stop"]
    [run] = runs
    assert run.metrics == {"up": 1.0, "down": 2.0}
    assert (run.results / "stdout.log").read_text() == "up 1\ndown 2\n"


def test_what_is_held_does_not_begin_where_another_run_has_just_begun(
    slurm_factory: SlurmFactory, neroman: Neroman, tmp_path: Path
) -> None:
    slurm = slurm_factory(nodes=1, cpus=1, like=Options(stale_home=True))
    add(neroman, slurm)
    runs = neroman.submit(sweep(tmp_path / "s", "echo up 1\nsleep 5\n", 3), NODE)
    until(lambda: runs.states.get("running") == 1, lambda: dict(runs.states))
    neroman.hold(runs[2:])
    until(lambda: runs.states.get("finished") == 2, lambda: dict(runs.states))
    time.sleep(5)
    assert [run.state for run in runs] == ["finished", "finished", "queued"]
    neroman.terminate(runs)
    assert wait(runs) == {"finished": 2, "terminated": 1}


def test_the_gateway_records_the_end_of_a_run_whose_watcher_is_gone_with_all_that_it_printed(
    slurm_factory: SlurmFactory, neroman: Neroman, tmp_path: Path
) -> None:
    add(neroman, slurm_factory(nodes=1, like=Options(stale_home=True)))
    # What comes after a silence is not seen before all that is hers on that machine is gone.
    script = "echo n 1\nsleep 3\necho n 2\nsleep 0.2\nkill -9 -1\n"
    runs = neroman.submit(sweep(tmp_path / "s", script), NODE)
    assert wait(runs, 120) == {"lost": 1}
    [run] = runs
    assert (run.results / "stdout.log").read_text() == "n 1\nn 2\n"
    assert list(neroman.store.points.read(run.number, "n").value) == [1.0, 2.0]


def test_an_output_that_somebody_has_looked_at_while_it_grew_comes_back_whole(
    slurm: SlurmCluster, neroman: Neroman, tmp_path: Path
) -> None:
    add(neroman, slurm)
    script = "echo one >out\necho up 1\nsleep 4\necho two >>out\n"
    runs = neroman.submit(sweep(tmp_path / "s", script, more="outputs: out\n"), NODE)
    until(lambda: next(iter(runs)).points.get("up"), "it prints nothing")
    # A read has the machine ask once more: it is the second look that is remembered.
    assert slurm.run("cat $(find . -name out); wc -c <$(find . -name out)") == "one\n4\n"
    assert wait(runs) == {"finished": 1}
    [run] = runs
    assert (run.results / "out").read_text() == "one\ntwo\n"
