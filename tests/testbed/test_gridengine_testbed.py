"""The test cluster is a real Grid Engine, seen by a user who submits over ssh."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.testbed import gridengine as module
from tests.testbed.gridengine import GridEngine
from tests.testbed.gridengine_fixture import GridEngineFactory
from tests.testbed.lab import Lab, LackingError
from tests.testbed.procs import start_time
from tests.waiting import until

pytestmark = pytest.mark.real


def tasks(cluster: GridEngine) -> dict[str, str]:
    """State by task of all that the master knows: {"1.3": "r"}; a job without tasks is "1."."""
    jobs = ElementTree.fromstring(cluster.run("qstat -xml -g d -u '*'")).iter("job_list")
    return {
        f"{job.findtext('JB_job_number')}.{job.findtext('tasks', '')}": job.findtext("state", "")
        for job in jobs
    }


def running(cluster: GridEngine, count: int) -> bool:
    return list(tasks(cluster).values()).count("r") == count


def accounts(cluster: GridEngine, job: str) -> list[dict[str, str]]:
    """What qacct knows of the tasks of a job; nothing when it knows none."""
    text = cluster.run(f"qacct -j {job} 2>/dev/null || :")
    lines = [[line.split(None, 1) for line in block.splitlines()] for block in text.split("=" * 62 + "\n")]
    # without an accounting file yet it says, to the standard output, that no job ran
    return [
        {words[0]: words[1].strip() for words in block if len(words) == 2}
        for block in lines
        if len(block) > 1
    ]


def test_an_array_runs_on_the_hosts_with_the_shared_home(gridengine: GridEngine) -> None:
    gridengine.run("mkdir work && echo in > work/given")
    job = gridengine.run(
        "cd work && qsub -terse -N five -t 1-5 -cwd -j y -o out -b y "
        "'cat given; echo $SGE_TASK_ID $JOB_ID $(hostname) $(id -un) $PWD > task.$SGE_TASK_ID'"
    )
    assert job == "1.1-5:1\n"
    until(lambda: len(accounts(gridengine, "1")) == 5)
    lines = sorted(gridengine.run("cat work/task.*").splitlines())
    assert [line.split()[:2] for line in lines] == [[str(n), "1"] for n in range(1, 6)]
    assert {line.split()[2] for line in lines} == {"ge1", "ge2"}
    assert {line.split(None, 3)[3] for line in lines} == {"alice /home/alice/work"}
    assert gridengine.run("cat work/out") == "in\n" * 5
    assert tasks(gridengine) == {}
    known = accounts(gridengine, "1")
    assert sorted(task["taskid"] for task in known) == list("12345")
    assert {(task["failed"], task["exit_status"], task["owner"]) for task in known} == {("0", "0", "alice")}


def test_no_more_tasks_run_than_there_are_slots(gridengine_factory: GridEngineFactory) -> None:
    cluster = gridengine_factory(hosts=1, slots=3)
    cluster.run("qsub -t 1-4 -b y sleep 600; qsub -pe smp 2 -b y sleep 600")
    until(lambda: running(cluster, 3))
    assert tasks(cluster) == {"1.1": "r", "1.2": "r", "1.3": "r", "1.4": "qw", "2.": "qw"}
    assert len(cluster.hosts[0].processes("sleep 600")) == 6  # each has a shell of its own


def test_what_cannot_start_stays_and_is_explained(gridengine: GridEngine) -> None:
    gridengine.run("qsub -terse -t 1-2 -wd /home/alice/nowhere -b y true")
    until(lambda: set(tasks(gridengine).values()) == {"Eqw"})
    explained = gridengine.run("qstat -j 1")
    assert "can't chdir to /home/alice/nowhere: No such file or directory" in explained
    gridengine.run("qdel 1")
    assert tasks(gridengine) == {}


def test_a_master_is_restarted_in_order(gridengine: GridEngine) -> None:
    gridengine.run("qsub -b y sleep 600")
    until(lambda: running(gridengine, 1))
    gridengine.restart_master()
    assert running(gridengine, 1)
    assert gridengine.run("qsub -terse -b y true") == "2\n"


def test_a_frozen_master_does_not_answer_until_it_is_thawed(gridengine: GridEngine) -> None:
    gridengine.freeze_master()
    assert gridengine.gateway.ssh("timeout -s KILL 2 qstat -xml; echo $?").stdout == "137\n"
    gridengine.thaw_master()
    assert tasks(gridengine) == {}


def test_a_host_that_crashed_comes_back_and_tells_that_its_tasks_are_gone(gridengine: GridEngine) -> None:
    gridengine.run("qsub -t 1-4 -b y sleep 600")
    until(lambda: running(gridengine, 4))
    gridengine.crash_node("ge2")
    assert running(gridengine, 4)  # nobody told the master
    gridengine.start_node("ge2")
    until(lambda: running(gridengine, 2))
    until(lambda: len(accounts(gridengine, "1")) == 2)
    assert {task["failed"].split()[0] for task in accounts(gridengine, "1")} == {"19"}


def test_a_gateway_that_crashed_comes_back_with_its_master(gridengine: GridEngine) -> None:
    gridengine.run("qsub -h -b y true; echo text > note")
    gridengine.crash_node("gehead")
    assert gridengine.gateway.ssh("true").returncode == 255
    gridengine.start_node("gehead")
    assert gridengine.run("cat note") == "text\n"
    assert tasks(gridengine) == {"1.": "hqw"}


def test_the_clients_calls_are_counted(gridengine: GridEngine) -> None:
    assert gridengine.calls() == {}
    gridengine.run("qstat; qstat -xml; qsub -h -b y true; qdel 1")
    gridengine.run("qstat; qstat -u alice", user="bob")
    assert gridengine.calls() == {"qstat": 4, "qsub": 1, "qdel": 1}


def test_the_environment_of_a_command_over_ssh_is_what_the_programs_need(gridengine: GridEngine) -> None:
    assert gridengine.run("/usr/bin/qsub -terse -h -b y true") == "1\n"
    assert (
        gridengine.run("echo $SGE_ROOT; test -r $SGE_ROOT/default/common/act_qmaster")
        == "/var/lib/gridengine\n"
    )


def test_where_only_a_login_shell_knows_the_programs_no_other_does(
    gridengine_factory: GridEngineFactory,
) -> None:
    cluster = gridengine_factory(hosts=1, login_only=True)
    bare = cluster.gateway.ssh("qsub -terse -h -b y true; echo $SGE_ROOT; command -v qstat")
    assert (bare.returncode, bare.stdout) == (1, "\n")
    assert "command not found" in bare.stderr
    assert cluster.run("bash -lc 'qsub -terse -h -b y true; echo $SGE_ROOT'") == "1\n/var/lib/gridengine\n"
    assert cluster.calls() == {"qsub": 1}


def test_a_cluster_is_given_to_each_test_as_new_and_fast(gridengine: GridEngine) -> None:
    gridengine.run("qsub -h -b y true; touch mine")
    began = time.monotonic()
    gridengine.start()
    assert time.monotonic() - began < 30  # 1 to 2 s on a machine that has nothing else to do
    assert tasks(gridengine) == {}
    assert "mine" not in gridengine.run("ls")
    assert gridengine.run("qsub -terse -h -b y true") == "1\n"


@pytest.mark.parametrize("name", ["gehead", "ge1"])
def test_a_daemon_that_died_by_itself_is_told(lab: Lab, name: str) -> None:
    cluster = GridEngine(lab, hosts=1).start()
    cluster.check()
    cluster._daemons[name].kill(signal.SIGKILL)
    until(lambda: not cluster._daemons[name].alive)
    with pytest.raises(
        AssertionError, match=f"sge_(qmaster|execd) of {name} died:\n(?s:.*)starting up SGE 8"
    ):
        cluster.check()
    cluster.stop()


def test_two_clusters_at_once_do_not_meet_and_leave_nothing_behind(gridengine: GridEngine) -> None:
    other_lab = Lab()
    other = GridEngine(other_lab, hosts=1).start()
    other.run("qsub -N theirs -b y sleep 600")
    until(lambda: running(other, 1))
    assert tasks(gridengine) == {}
    assert gridengine.run("qsub -terse -N ours -h -b y true") == "1\n"
    daemons = list(other._daemons.values())
    assert len(daemons) == 2
    other.close()
    assert not any(start_time(daemon.host_pid) for daemon in daemons)
    assert not other.folder.exists()
    assert other_lab.close() == []
    assert tasks(gridengine) == {"1.": "hqw"}


def test_the_machine_itself_is_left_as_it_was(gridengine: GridEngine) -> None:
    gridengine.run("qsub -h -b y true")
    assert Path("/var/lib/gridengine/default/common/act_qmaster").read_text().strip() == ""
    assert not list(Path("/var/spool/gridengine/qmaster/job_scripts").iterdir())


def test_where_grid_engine_is_not_installed_it_is_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROGRAMS", Path("/nonexistent"))
    with pytest.raises(LackingError, match="install the Debian packages gridengine-master"):
        GridEngine(lab)
