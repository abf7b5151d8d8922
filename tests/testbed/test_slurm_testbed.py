"""The tests' Slurm cluster is a real one: what its users see, and what each fault does to them."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.testbed.fixtures import SlurmFactory
from tests.testbed.image import Options
from tests.testbed.lab import Lab, LackingError
from tests.testbed.slurm import SlurmCluster
from tests.waiting import until

pytestmark = pytest.mark.real


def submit(slurm: SlurmCluster, command: str, options: str = "") -> str:
    """Submits over ssh as alice; returns the job's number."""
    done = slurm.ssh(f"sbatch --parsable {options} --wrap '{command}'")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def start_job(slurm: SlurmCluster, options: str = "") -> str:
    """A job that sleeps; Slurm says that it runs before there is a process."""
    before = len(sleepers(slurm))
    job = submit(slurm, "sleep 300", options)
    until(lambda: slurm.jobs()[job] == "RUNNING" and len(sleepers(slurm)) > before)
    return job


def sleepers(slurm: SlurmCluster) -> list[int]:
    return [process.host_pid for node in slurm.nodes for process in node.processes("sleep 300")]


def test_the_tasks_of_an_array_run_on_the_compute_nodes_in_the_shared_home(slurm: SlurmCluster) -> None:
    command = "echo $SLURM_ARRAY_TASK_ID $(hostname) $(id -un) > $SLURM_ARRAY_TASK_ID.out; sleep 0.5"
    job = submit(slurm, command, "--cpus-per-task=2 --array=0-3")
    until(lambda: set(slurm.jobs().values()) == {"COMPLETED"})
    assert sorted(slurm.jobs()) == [f"{job}_{index}" for index in range(4)]
    lines = [line.split() for line in slurm.ssh("cat ~/?.out").stdout.splitlines()]
    assert [int(index) for index, _, _ in lines] == [0, 1, 2, 3]
    assert {host for _, host, _ in lines} == {"c1", "c2"}
    assert {user for _, _, user in lines} == {"alice"}


def test_nothing_of_it_is_seen_outside(slurm: SlurmCluster) -> None:
    start_job(slurm)
    inside, outside = slurm.login.path("/etc/slurm/slurm.conf"), Path("/etc/slurm/slurm.conf")
    assert not outside.exists() or not outside.samefile(inside)
    addresses = {node.address for node in (slurm.login, *slurm.nodes)}
    pids = {str(pid) for pid, _ in slurm._daemons.values()}
    sockets = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
    ours = [line.split() for line in sockets.splitlines() if pids & set(re.findall(r"pid=(\d+)", line))]
    assert {words[3].rpartition(":")[0] for words in ours} == addresses


def test_a_second_user_has_jobs_of_their_own(slurm: SlurmCluster) -> None:
    job = start_job(slurm)
    done = slurm.ssh(f"scancel {job}", user="bob")
    assert "Access/permission denied" in done.stderr
    slurm.run("sbatch --wait -o out --wrap 'id -un'", user="bob")
    assert slurm.run("cat out", user="bob") == "bob\n"
    assert slurm.jobs()[job] == "RUNNING"


@pytest.mark.parametrize("killed", [False, True])
def test_jobs_run_on_while_the_controller_is_restarted(slurm_factory: SlurmFactory, killed: bool) -> None:
    slurm = slurm_factory(nodes=1, message_timeout=2)
    job = start_job(slurm)
    [process] = sleepers(slurm)
    if killed:
        slurm.kill_controller()
        assert "Unable to contact slurm controller" in slurm.ssh("squeue").stderr
    slurm.restart_controller()
    assert slurm.jobs() == {job: "RUNNING"}
    assert sleepers(slurm) == [process]


def test_a_killed_controller_forgets_what_it_had_not_saved(slurm: SlurmCluster) -> None:
    known = submit(slurm, "true", "--hold")
    until((slurm.login.folder / "srv/slurm/state/job_state").exists)
    lost = submit(slurm, "true", "--hold")
    slurm.kill_controller(saved=False)
    slurm.restart_controller()
    assert slurm.jobs() == {known: "PENDING"}
    assert submit(slurm, "true", "--hold") == lost


def test_a_job_is_accepted_though_sbatch_gave_up_a_frozen_controller(slurm_factory: SlurmFactory) -> None:
    slurm = slurm_factory(nodes=1, message_timeout=2)
    slurm.freeze_controller()
    began = time.monotonic()
    done = slurm.ssh("sbatch --parsable --wrap true")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Socket timed out" in done.stderr
    assert time.monotonic() - began < 20
    slurm.thaw_controller()
    until(lambda: slurm.jobs() == {"1": "COMPLETED"})


def test_calls_of_the_users_are_counted(slurm: SlurmCluster) -> None:
    assert slurm.calls() == {}
    submit(slurm, "true")
    slurm.ssh("squeue; squeue", user="bob")
    slurm.run("sinfo")
    slurm.jobs()
    assert slurm.calls() == {"sbatch": 1, "squeue": 2, "sinfo": 1}


def test_a_daemon_that_died_by_itself_is_told(slurm_factory: SlurmFactory) -> None:
    slurm = slurm_factory(nodes=1)
    slurm.check()
    pid_file = slurm.nodes[0].path("/run/slurmd.pid")
    slurm.nodes[0].kill(int(pid_file.read_text()), signal.SIGKILL)
    until(lambda: _complains(slurm))
    slurm.crash_node("c1")
    slurm.check()


def _complains(slurm: SlurmCluster) -> bool:
    try:
        slurm.check()
    except AssertionError as error:
        return "slurmd of c1 died by itself" in str(error)
    return False


def test_queue_and_homes_outlive_a_power_cut(slurm_factory: SlurmFactory) -> None:
    slurm = slurm_factory(nodes=1)
    job = submit(slurm, "true", "--hold")
    slurm.run("touch file")
    slurm.restart_controller()  # so that it has saved what it knows
    slurm.crash_node("login")
    assert slurm.ssh("true").returncode == 255
    slurm.start_node("login")
    assert slurm.jobs() == {job: "PENDING"}
    slurm.stop()
    slurm.start()
    assert slurm.jobs() == {job: "PENDING"}
    assert slurm.ssh("ls").stdout == "file\n"


def test_its_nodes_can_be_of_another_kind(slurm_factory: SlurmFactory) -> None:
    slurm = slurm_factory("t", nodes=1, like=Options(shell="/bin/tcsh", python="none"))
    assert slurm.ssh("echo $tcsh").returncode == 0
    job = submit(slurm, "which python3 || echo none", "-o out")
    until(lambda: slurm.jobs()[job] == "COMPLETED")
    assert slurm.ssh("cat out").stdout == "none\n"


def test_its_nodes_may_see_late_what_another_one_writes(slurm_factory: SlurmFactory) -> None:
    slurm = slurm_factory("t", nodes=1, like=Options(stale_home=True))
    node = slurm.nodes[0]
    node.run("echo one >file")
    assert slurm.run("cat file; wc -c <file; ls new || true") == "one\n4\n"
    node.run("echo two >>file; touch new")
    assert node.run("cat file; ls new") == "one\ntwo\nnew\n"
    assert slurm.run("cat file; ls new || true") == "one\n"


def test_two_clusters_know_nothing_of_each_other(slurm_factory: SlurmFactory) -> None:
    first, second = slurm_factory("a", nodes=1), slurm_factory("b", nodes=1)
    start_job(first)
    assert second.jobs() == {}
    assert first.run("sinfo -h -o %N") == "ac1\n"
    munged = first.run("munge -n | tr -d '\\n'")
    assert "Invalid credential" in second.login.run(f"echo '{munged}' | unmunge 2>&1", check=False)


def test_a_machine_without_slurm_is_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.testbed.slurm.DAEMONS", ("slurmnone",))
    with pytest.raises(LackingError, match="no /usr/sbin/slurmnone here"):
        SlurmCluster(lab)


def test_nothing_is_left_behind() -> None:
    lab = Lab()
    slurm = SlurmCluster(lab, nodes=1).start()
    start_job(slurm)
    pids = [pid for pid, _ in slurm._daemons.values()]
    slurm.close()
    assert lab.nodes == {}
    assert lab.close() == []
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
