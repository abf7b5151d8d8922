"""What schedulers print, as the real ones printed it, and what is made of it."""

from __future__ import annotations

from typing import Any

import pytest

from neronet.node import jobs
from neronet.node.wardens import find
from neronet.node.wardens.command import Command
from neronet.node.wardens.gridengine import GridEngine
from neronet.node.wardens.slurm import Slurm
from neronet.node.wardens.warden import ACCEPTED, OVER, REJECTED, RUNNING, UNKNOWN, WAITING, Task

TOKEN = "0123456789abcdef"
# Options that each takes, with values that a shell would run.
GOOD = {
    "slurm": ["--partition", "a b;touch x", "-A$(id)"],
    "gridengine": ["-q", "a b;touch x", "-P", "$(id)", "-pe", "mpi", "4"],
    "pbs": ["-q", "a b;touch x", "-A$(id)"],
    "lsf": ["-q", "a b;touch x", "-P", "$(id)", "-x"],
}
NEED: dict[str, Any] = {"cpus": None, "gpus": None, "memory": None, "time": None}


@pytest.mark.parametrize(
    ("status", "out", "err", "kind", "text"),
    [
        (0, "3\n", "", ACCEPTED, "3"),
        (0, "3;cluster\n", "", ACCEPTED, "3"),
        (None, "", "", UNKNOWN, ""),
        (0, "", "", UNKNOWN, ""),
        (1, "", "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation", UNKNOWN, "timed out"),
        (1, "", "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)", UNKNOWN, "contact"),
        (1, "", "sbatch: error: Batch job submission failed: Zero Bytes were transmitted or received", UNKNOWN, "Zero"),
        (1, "", "sbatch: error: Batch job submission failed: Invalid job array specification", REJECTED, "Invalid job array"),
        (1, "", "sbatch: error: invalid partition specified: nope\nsbatch: error: Batch job submission failed: Invalid partition name specified", REJECTED, "partition"),
        (1, "", "sbatch: error: Batch job submission failed: Requested node configuration is not available", REJECTED, "not available"),
        (1, "", "sbatch: error: Invalid generic resource (gres) specification", REJECTED, "gres"),
        (255, "", "sbatch: unrecognized option '--nope'\nTry \"sbatch --help\" for more information", REJECTED, "nope"),
        (127, "", "sbatch: No such file or directory", UNKNOWN, "No such file"),
    ],
)  # fmt: skip
def test_what_sbatch_answers(status: int | None, out: str, err: str, kind: str, text: str) -> None:
    answer = Slurm().parse_submit(status, out, err)
    assert answer.kind == kind and text in answer.text
    assert answer.fewer == ("array" in err)


@pytest.mark.parametrize(
    ("status", "out", "err", "kind", "text"),
    [
        (0, "1.1-5:1\n", "", ACCEPTED, "1"),
        (0, "2\n", "", ACCEPTED, "2"),
        (None, "", "", UNKNOWN, ""),
        (1, "", 'error: commlib error: got select error (Connection refused)\nUnable to run job: unable to send message to qmaster using port 6444 on host "gehead": got send error.\nExiting.', UNKNOWN, "send error"),
        (1, "", "Unable to run job: Error reading answer list from qmaster\nExiting.", UNKNOWN, "answer list"),
        (1, "", 'Unable to run job: Job was rejected because job requests unknown queue "nope".\nExiting.', REJECTED, "unknown queue"),
    ],
)  # fmt: skip
def test_what_qsub_answers(status: int | None, out: str, err: str, kind: str, text: str) -> None:
    answer = GridEngine().parse_submit(status, out, err)
    assert answer.kind == kind and text in answer.text


def test_what_squeue_answers() -> None:
    out = (
        f"nn-{TOKEN}|2|3|3|PENDING|JobArrayTaskLimit|N/A\n"
        f"nn-{TOKEN}|3|3|3|PENDING|Nodes required for job are DOWN, DRAINED or reserved|2026-11-22T09:14:43\n"
        f"nn-{TOKEN}|0|3|4|RUNNING|None|2026-11-22T09:14:43\n"
        f"nn-{TOKEN}|1|3|5|FAILED|JobLaunchFailure|2026-11-22T09:14:43\n"
        f"nn-{TOKEN}|4|3|6|NODE_FAIL|None|N/A\n"
        f"nn-{TOKEN}|5|3|7|A_STATE_OF_TOMORROW|None|N/A\n"
        "mine|a|b|c|N/A|3|3|3|RUNNING|None|N/A\nnn-|N/A|9|9|PENDING|None|N/A\n\n"
    )
    tasks = Slurm().parse_query(0, out, "")
    assert [(task.number, task.state, task.own) for task in tasks] == [
        (2, WAITING, "3"), (3, WAITING, "3"), (0, RUNNING, "4"), (1, OVER, "5"), (4, OVER, "6"), (5, OVER, "7"),
    ]  # fmt: skip
    assert {task.token for task in tasks} == {TOKEN} and {task.native for task in tasks} == {"3"}
    assert tasks[1].start == "2026-11-22T09:14:43" and tasks[0].start == ""
    assert [task.verdict and task.verdict[0] for task in tasks] == [None, None, None, None, "lost", None]
    assert Slurm().parse_query(1, "", "slurm_load_jobs error: Unable to contact slurm controller") is None


def test_what_slurm_writes_into_the_output_of_a_job_explains_its_end() -> None:
    said = (
        "slurmstepd-c1: error: StepId=11.batch exceeded memory limit (341352448 > 52428800), being killed\n"
        "slurmstepd: error: Detected 1 oom_kill event(s) in StepId=12.batch. Some of the step tasks have been OOM Killed.\n"
    )
    assert Slurm().explain(said, "11") == ("failed", "out of memory, it used 325 MiB")
    assert Slurm().explain(said, "12") == ("failed", "out of memory")
    assert Slurm().explain(said, "1") is None


def test_what_qstat_answers() -> None:
    job = (
        "<job_list state='{}'><JB_job_number>{}</JB_job_number><JB_name>{}</JB_name><state>{}</state>"
        "<tasks>{}</tasks></job_list>"
    )
    lists = [
        job.format("running", 7, f"nn-{TOKEN}", "r", "1"),
        job.format("running", 7, f"nn-{TOKEN}", "dr", "2"),
        job.format("pending", 7, f"nn-{TOKEN}", "qw", "3,5-9:2"),
        job.format("pending", 7, f"nn-{TOKEN}", "Eqw", "4"),
        job.format("running", 8, "someone's", "r", "1"),
    ]
    tasks = GridEngine().parse_query(0, f"<job_info>{''.join(lists)}</job_info>", "")
    assert [(task.number, task.state) for task in tasks] == [
        (0, RUNNING), (1, RUNNING), (2, WAITING), (4, WAITING), (6, WAITING), (8, WAITING), (3, WAITING),
    ]  # fmt: skip
    assert "qstat -j" in GridEngine().why(tasks[-1].reason)
    assert GridEngine().parse_query(0, "", "") == []
    assert GridEngine().parse_query(0, "<job_info>", "") is None
    assert GridEngine().parse_query(1, "", "commlib error") is None


# One start of a task as `qacct` 8.1.9 tells it, without some lines; values are padded with blanks.
PAST = """\
==============================================================
qname        all.q
hostname     {hostname}
owner        alice
jobname      nn-0123456789abcdef
jobnumber    1
taskid       {taskid}
qsub_time    Sun Nov 22 12:19:05 2026
start_time   {start}
slots        {slots}
failed       {failed}
exit_status  {exit_status}
ru_wallclock {wallclock}
ru_utime     0.005s
cpu          {cpu}
maxvmem      {maxvmem}
arid         undefined
category     {category}
"""
USUAL = {
    "hostname": "ge1", "taskid": "1                   ", "start": "Sun Nov 22 12:19:05 2026", "slots": 1, "exit_status": "137                  (Killed)",
    "wallclock": "6s", "cpu": "0.010s", "maxvmem": "1.453MB", "category": "NONE",
}  # fmt: skip
DELETED = PAST.format(**USUAL, failed="100 : assumedly after job")
LIMITED = "37  : qmaster enforced h_rt, h_cpu, or h_vmem limit"
NO_START = {"start": "-/-", "exit_status": "0                   ", "wallclock": "0s", "maxvmem": "0.000B"}
AGAIN = PAST.format(**{**USUAL, **NO_START}, failed="25  : rescheduling")
CRASHED = PAST.format(**{**USUAL, **NO_START}, failed="19  : before writing exit_status")


@pytest.mark.parametrize(
    ("out", "state", "reason"),
    [
        (DELETED, "terminated", "its job was deleted outside of Neronet"),
        (PAST.format(**{**USUAL, "category": "-l h_rt=5"}, failed=LIMITED), "timeout", "time limit of its job"),
        (PAST.format(**{**USUAL, "wallclock": "4s", "category": "-l h_rt=0:0:5"}, failed=LIMITED), "timeout", "time limit of its job"),
        (PAST.format(**{**USUAL, "exit_status": "138                  (User defined signal 1)", "category": "-l h_rt=600,s_rt=6"},
                     failed="100 : assumedly after job"), "timeout", "time limit of its job"),
        (PAST.format(**{**USUAL, "cpu": "70.2s", "category": "-l h_cpu=70,h_rt=600"}, failed=LIMITED), "timeout", "CPU time"),
        (PAST.format(**{**USUAL, "maxvmem": "200.508MB", "category": "-l h_rt=5,h_vmem=150M"}, failed=LIMITED),
         "failed", "out of memory, it used 200 MiB"),
        (PAST.format(**{**USUAL, "slots": 2, "maxvmem": "200.484MB", "category": "-l h_vmem=100M -pe smp 2"}, failed=LIMITED),
         "failed", "out of memory, it used 200 MiB"),
        (PAST.format(**{**USUAL, "category": "-l h_vmem=150M"}, failed=LIMITED), "timeout", "time limit of its queue"),
        (PAST.format(**USUAL, failed=LIMITED), "failed", "a limit of its queue: h_rt, h_cpu or h_vmem"),
        (CRASHED, "lost", "lost its job on ge1: before writing exit_status"),
        (AGAIN + DELETED, "terminated", "deleted"),
        (CRASHED + DELETED, "terminated", "deleted"),
        # From documents of its kin: who deleted it is told; the limits are not.
        (DELETED.replace("category     NONE", "deleted_by   alice@head"), "terminated", "deleted"),
    ],
)  # fmt: skip
def test_what_qacct_answers(out: str, state: str, reason: str) -> None:
    told = GridEngine().parse_past(0, out, "")
    assert list(told) == [0] and told[0][0] == state and reason in told[0][1]


def test_what_qacct_does_not_know_is_no_end() -> None:
    itself = PAST.format(**{**USUAL, "exit_status": "1                   "}, failed="0    ")
    silent = DELETED.replace("category     NONE\n", "")
    ended = DELETED.replace("137                  (Killed)", "143                  (Terminated)")
    odd = DELETED.replace("1.453MB", "1.4.5MB")
    for out in (
        odd,
        AGAIN,
        DELETED + AGAIN,
        itself,
        silent,
        ended,
        silent + "deleted_by   NONE\n",
        "",
        "=====\n",
    ):
        assert GridEngine().parse_past(0, out, "") == {}
    for status, out, err in [
        (1, "", 'error: Job-array tasks "nn-0123456789abcdef".1-3:1 not found'),
        (1, "\nno jobs running since startup\n", "/var/lib/gridengine/default/common/accounting: No such file or directory"),
        (1, "\nno jobs running since startup\n", "error: unable to open /var/lib/gridengine/default/common/accounting"),
        (127, "", "qacct: No such file or directory"),
        (None, "", "qacct does not answer"),
    ]:  # fmt: skip
        assert GridEngine().parse_past(status, out, err) == {}
    both = GridEngine().parse_past(0, DELETED + DELETED.replace("taskid       1 ", "taskid       12 "), "")
    assert sorted(both) == [0, 11]
    assert GridEngine().past_argv(TOKEN, [11, 0]) == ["qacct", "-j", f"nn-{TOKEN}", "-t", "1-12"]
    assert Slurm().past_argv(TOKEN, [0]) is None and Slurm().parse_past(0, "", "") == {}


@pytest.mark.parametrize(
    ("word", "option"),
    [
        ("slurm", "--dependency=afterany:7:8"),
        ("gridengine", "-hold_jid 7,8"),
        ("pbs", "-W depend=afterany:7:8"),
        ("lsf", "-w ended(7) && ended(8)"),
    ],
)
def test_jobs_that_come_after_others_are_kept_until_those_are_over(word: str, option: str) -> None:
    need = {**NEED, "after": ["7", "8"]}
    assert option in " ".join(find(word).submit_argv(TOKEN, 2, need, [], "/out", ["/script"]))
    assert option.split("=")[0] not in find(word).submit_argv(TOKEN, 2, NEED, [], "/out", ["/script"])


@pytest.mark.parametrize("word", GOOD)
def test_only_options_of_the_list_are_given_and_each_stays_one_word(word: str) -> None:
    warden = find(word)
    need = {"cpus": 4, "gpus": 2, "memory": 2**30, "time": 90.0}
    plain = warden.submit_argv(TOKEN, 8, need, [], "/out", ["/script", "x"])
    assert " ".join(plain).endswith("/script x") and f"nn-{TOKEN}" in " ".join(plain)
    argv = warden.submit_argv(TOKEN, 8, need, GOOD[word], "/out", ["/script"])
    for value in ("a b;touch x", "$(id)"):
        assert any(each.endswith(value) for each in argv)
    for bad in (
        ["--wrap=id"],
        ["--output=x"],
        ["-o", "x"],
        ["--array=1"],
        ["-b", "y"],
        ["-J", "x"],
        ["-E", "id"],
        ["--"],
        ["script"],
        ["--partition"],
        ["-pe", "x"],
        ["-"],
        [""],
    ):
        with pytest.raises(ValueError, match=r"may not be given|lacks its value|is no option"):
            warden.submit_argv(TOKEN, 8, NEED, bad, "/out", ["/script"])  # fmt: skip


OWN = {
    "submit": "myq add -n {name} -c {cpus} 'a b' {script} --end",
    "query": "myq -u {user}",
    "cancel": "myq rm {id}",
}


def test_a_scheduler_of_the_users_own_is_three_commands() -> None:
    own = Command(OWN)
    argv = own.submit_argv(TOKEN, 1, dict(NEED, cpus=4), [], "/out", ["/s cript", "$(id)"])
    assert argv == ["myq", "add", "-n", f"nn-{TOKEN}", "-c", "4", "a b", "/s cript", "$(id)", "--end"]
    assert own.query_argv("alice") == ["myq", "-u", "alice"]
    assert own.cancel_argv(TOKEN, "7", [0], True) == ["myq", "rm", "7"]
    with pytest.raises(ValueError, match="submit:"):
        own.submit_argv(TOKEN, 1, NEED, ["--partition=x"], "/out", ["/script"])
    assert own.parse_submit(None, "", "").kind == UNKNOWN
    assert own.parse_submit(1, "", "no room\n") == (REJECTED, "no room", False)
    assert own.parse_submit(0, "job 7\n", "").kind == ACCEPTED


@pytest.mark.parametrize(
    ("line", "native", "state"),
    [
        (f"0    queued     (file)     [nn-{TOKEN}]/bin/sh -c x", "0", WAITING),
        (f"1    running    /tmp/ts-out.AJqcK1     [nn-{TOKEN}]/bin/sh", "1", RUNNING),
        (f"2    finished   /tmp/ts-out.D  0   0.00/0.00/0.00 [nn-{TOKEN}]/bin/sh", "2", OVER),
        (f"17 alice nn-{TOKEN} PD", "17", WAITING),
        (f"17.host|nn-{TOKEN}|Running", "17.host", RUNNING),
        (f"18 nn-{TOKEN} a_word_of_tomorrow", "18", RUNNING),
    ],
)
def test_a_line_of_its_list_tells_a_job_by_its_name(line: str, native: str, state: str) -> None:
    [task] = Command(OWN).parse_query(0, f"ID State\n\n{line}\n9 nn-{TOKEN}0 queued\n", "")
    assert (task.token, task.number, task.native, task.state) == (TOKEN, 0, native, state)


# -- what doctor asks

SCONTROL = """\
Configuration data as of 2026-11-22T11:41:31
AccountingStorageType   = accounting_storage/none
AuthInfo                = cred_expire=5
GresTypes               = gpu
MaxArraySize            = 1001
SLURM_VERSION           = 22.05.8

Slurmctld(primary) at login is UP
"""
SINFO = """\
debug*|up|infinite|10:00|2|4|8000|gpu:fake:2
short|down|2:00:00|n/a|1|4|8000|(null)
big|up|2-00:00:00|1:00:00|60|40|190000|(null)
big|up|2-00:00:00|1:00:00|4|24|500000|gpu:v100:4(S:0-1),shard:8
"""


def test_what_slurm_says_of_itself() -> None:
    told = Slurm().parse_about([(0, SCONTROL, ""), (0, SINFO, "")])
    assert told is not None and len(Slurm().about_argv()) == 2
    queues = told.pop("queues")
    assert told == {"version": "22.05.8", "array": 1001, "accounting": "none", "notes": []}
    debug, short, big = queues
    assert (debug["default"], debug["up"], debug["nodes"], debug["cpus"]) == (True, True, 2, 4)
    assert (debug["memory"], debug["time"], debug["default_time"]) == (8000 * 2**20, None, 600)
    assert (short["default"], short["up"], short["time"], short["default_time"]) == (False, False, 7200, None)
    assert (big["nodes"], big["cpus"], big["memory"]) == (64, 40, 500000 * 2**20)
    assert (big["time"], big["gpus"]) == (2 * 86400, ["gpu:v100:4"])
    other = SCONTROL.replace("accounting_storage/none", "accounting_storage/slurmdbd").replace(
        "= gpu", "= (null)"
    )
    told = Slurm().parse_about([(0, other, ""), (0, "", "")])
    assert told is not None and told["accounting"] == "slurmdbd" and "no GPUs" in told["notes"][0]


def test_a_slurm_that_does_not_answer_says_nothing_of_itself() -> None:
    refused = (1, "", "slurm_load_ctl_conf error: Unable to contact slurm controller (connect failure)")
    for answers in ([(None, "", "")], [refused, refused], [(0, SCONTROL, ""), refused]):
        assert Slurm().parse_about(answers) is None


SUMMARY = """\
<?xml version='1.0'?>
<job_info  xmlns:xsd="http://arc.liv.ac.uk/repos/darcs/sge/source/dist/util/resources/schemas/qstat/qstat.xsd">
  <cluster_queue_summary>
    <name>all.q</name> <load>1.53711</load> <used>0</used> <resv>0</resv> <available>4</available> <total>6</total>
    <temp_disabled>0</temp_disabled> <manual_intervention>0</manual_intervention>
  </cluster_queue_summary>
  <cluster_queue_summary>
    <name>old.q</name> <load>0.1</load> <used>0</used> <resv>0</resv> <available>0</available> <total>2</total>
    <temp_disabled>0</temp_disabled> <manual_intervention>2</manual_intervention>
  </cluster_queue_summary>
</job_info>
"""
USAGE = "SGE 8.1.9\nusage: qstat [options]\n"
QUEUES = """\
qname                 all.q
pe_list               make smp,[ge1=mpi]
slots                 2,[ge1=4]
h_rt                  72:00:00,[ge1=24:00:00]
h_vmem                4G

qname                 old.q
pe_list               NONE
slots                 2
h_rt                  INFINITY
h_vmem                INFINITY
"""
CONFIG = """\
#global:
reporting_params             accounting=true reporting=false \\
                             flush_time=00:00:01
max_aj_tasks                 75000
max_u_jobs                   0
"""
RESOURCES = """\
#name               shortcut   type      relop requestable consumable default  urgency
#--------------------------------------------------------------------------------------
h_rt                h_rt       TIME      <=    YES         NO         0:0:0    0
num_gpus            gpu        INT       <=    YES         YES        0        0
"""


def test_what_grid_engine_says_of_itself() -> None:
    texts = [SUMMARY, USAGE, QUEUES, CONFIG, RESOURCES]
    told = GridEngine().parse_about([(0, text, "") for text in texts])
    assert told is not None and len(GridEngine().about_argv()) == len(texts)
    usual, old = told.pop("queues")
    assert told == {"version": "8.1.9", "array": 75000, "accounting": "a file", "notes": []}
    assert (usual["name"], usual["up"], usual["slots"], usual["cpus"]) == ("all.q", True, 6, 4)
    assert (usual["time"], usual["memory"], usual["nodes"]) == (72 * 3600, 4 * 2**30, None)
    assert (old["name"], old["up"], old["time"], old["memory"]) == ("old.q", False, None, None)


def test_what_a_grid_engine_lacks_is_noted_and_what_it_does_not_show_is_not() -> None:
    bare = [SUMMARY, USAGE, QUEUES.replace("smp", "mpi"), CONFIG, RESOURCES.replace("gpu ", "card")]
    told = GridEngine().parse_about([(0, text, "") for text in bare])
    assert told is not None and ["smp" in note for note in told["notes"]] == [True, False]
    shut = (1, "", "denied: host is neither submit nor admin host")
    told = GridEngine().parse_about([(0, SUMMARY, ""), (0, USAGE, ""), shut, shut, shut])
    assert told is not None and (told["array"], told["accounting"], told["notes"]) == (None, "", [])
    assert [queue["cpus"] for queue in told["queues"]] == [None, None]
    for answers in ([(None, "", "")], [(1, "", "error: commlib error")] * 5, [(0, "<job_info>", "")]):
        assert GridEngine().parse_about(answers) is None


# -- which jobs there should be


def job(tasks: int = 4, kind: str = ACCEPTED, made: float = 0.0, **given: Any) -> jobs.Job:
    return jobs.Job(given.pop("token", f"job{made}"), "b", tasks, made, kind, **given)


def listed(of: jobs.Job, *states: str, verdict: tuple[str, str] | None = None) -> list[Task]:
    return [Task(of.token, n, "1", "1", state, "", verdict, "") for n, state in enumerate(states)]


def test_as_many_tasks_are_submitted_as_are_missing() -> None:
    assert jobs.wanted(1000, 0, [], 0, 0.0) == 1000
    assert jobs.wanted(4, 4, [job()], 0, 0.0) == 0
    assert jobs.wanted(6, 4, [job()], 0, 0.0) == 2
    assert jobs.wanted(1000, 0, [], 0, 0.0, each=30) == 34


def test_tasks_that_wait_or_run_without_a_run_are_counted_and_ended_ones_are_not() -> None:
    one = job(5)
    assert jobs.supply([one], [], {}) == {"b": 5}
    tasks = listed(one, WAITING, RUNNING, RUNNING, OVER)
    assert jobs.supply([one], tasks, {jobs.name_of(one.token, 1): 1}) == {"b": 2}
    one.each = 10
    assert jobs.supply([one], tasks, {jobs.name_of(one.token, 1): 7}) == {"b": 23}
    assert jobs.supply([job(kind=REJECTED), job(kind=jobs.GONE), job(kind=jobs.NEVER)], [], {}) == {}
    assert jobs.supply([job(3, kind=UNKNOWN), job(2, kind=jobs.SUBMITTING, made=1.0)], [], {}) == {"b": 5}


def test_a_refused_size_is_halved_until_one_is_taken_and_then_kept() -> None:
    tried: list[jobs.Job] = []
    while not tried or tried[-1].kind == REJECTED:
        size = jobs.wanted(5000, 0, tried, 0, 9.0)
        kind = ACCEPTED if size <= 1000 else REJECTED
        tried.append(job(size, kind, float(len(tried)), fewer=kind == REJECTED))
    assert [each.tasks for each in tried] == [5000, 2500, 1250, 625]
    assert jobs.wanted(5000, 625, tried, 0, 9.0) == 625


def test_a_refusal_for_another_reason_is_tried_again_ever_more_seldom() -> None:
    tried = [job(1, REJECTED, 0.0)]
    assert jobs.wanted(1, 0, tried, 0, 29.0) == 0 and jobs.wanted(1, 0, tried, 0, 30.0) == 1
    tried += [job(1, REJECTED, 30.0)]
    assert jobs.wanted(1, 0, tried, 0, 89.0) == 0 and jobs.wanted(1, 0, tried, 0, 90.0) == 1
    tried += [job(1, REJECTED, 100.0 + n) for n in range(30)]
    assert jobs.wanted(1, 0, tried, 0, 129.0 + jobs.REST_MOST) == 1


def test_tasks_that_end_without_a_run_are_not_submitted_for_ever() -> None:
    ended = [job(1, jobs.GONE, float(n)) for n in range(3)]
    assert jobs.fruitless(ended, set()) == 3
    assert jobs.fruitless(ended, {jobs.name_of(ended[1].token, 0)}) == 1
    assert jobs.wanted(1, 0, ended, 3, 100.0) == 0 and jobs.wanted(1, 0, ended, 3, 122.0) == 1


def test_a_doubtful_submission_is_waited_for_and_then_made_anew() -> None:
    doubtful, sure = job(2, UNKNOWN, 100.0, token="d"), job(2, ACCEPTED, 100.0, token="s")
    assert jobs.learn([doubtful, sure], [], 99.0) == [], "a query from before tells nothing"
    assert jobs.learn([doubtful, sure], [], 101.0) == [sure]
    assert jobs.learn([doubtful], [], 100.0 + jobs.DOUBT + 1) == [doubtful] and doubtful.kind == UNKNOWN
    jobs.learn([doubtful, sure], [], 100.0 + jobs.DOUBT + 2)
    assert (doubtful.kind, sure.kind) == (jobs.NEVER, jobs.GONE)
    jobs.learn([doubtful, sure], listed(doubtful, WAITING, OVER), 200.0)
    assert (doubtful.kind, doubtful.native) == (ACCEPTED, "1"), "it was taken after all"
    jobs.learn([doubtful], listed(doubtful, OVER, OVER), 300.0)
    assert doubtful.kind == jobs.GONE


def test_an_end_that_may_be_none_is_waited_for() -> None:
    one = job(2)
    [failed, _] = listed(one, OVER, OVER)
    [lost, _] = listed(one, OVER, OVER, verdict=("lost", "the compute node failed"))
    assert jobs.is_over(one, failed, True) and jobs.is_certain(failed, None, 0.0, 0.0)
    assert jobs.is_over(one, lost, True) and not jobs.is_certain(lost, None, 0.0, jobs.RETURNS - 1)
    assert jobs.is_certain(lost, None, 0.0, jobs.RETURNS)
    assert jobs.is_over(one, None, True) and not jobs.is_certain(None, None, 0.0, 1.0)
    assert jobs.is_certain(None, ("terminated", "deleted"), 0.0, 0.0)
    assert not jobs.is_certain(None, ("lost", "its host crashed"), 0.0, jobs.RETURNS - 1)
    assert not jobs.is_over(one, None, False) and jobs.is_over(job(kind=jobs.GONE), None, False)


def test_what_became_of_tasks_is_asked_seldom_and_a_few_at_once() -> None:
    names = ["a.3", "a.0", f"a.{jobs.SPAN}", "b.7", "c.0", "d.0"]
    first = jobs.to_ask(names, {}, {}, 2.0, 1000.0)
    assert [(token, sorted(numbers)) for token, numbers in first] == [("a", [0, 3]), ("b", [7]), ("c", [0])]
    asked = dict.fromkeys("abc", 1000.0)
    assert jobs.to_ask(names, {}, asked, 2.0, 1001.0) == [("d", [0])]
    assert [token for token, _ in jobs.to_ask(names, {}, asked, 2.0, 1002.0)] == ["d", "a", "b"]
    told = {"a.0": ("timeout", ""), "a.3": ("lost", "")}
    assert jobs.to_ask(["a.0", "a.3"], told, asked, 2.0, 1002.0) == [("a", [3])], (
        "it may have begun anew since"
    )
    assert jobs.to_ask(["a.3"], {}, asked, 120.0, 1000.0 + jobs.RETURNS - 1) == []
    assert jobs.to_ask(["a.3"], {}, asked, 120.0, 1000.0 + jobs.RETURNS) == [("a", [3])], "before it is lost"
