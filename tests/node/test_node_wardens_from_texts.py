"""What PBS and LSF print, as their documents and public transcripts have it, and what is made of it.

No live one was asked: a text here may differ from what a site's own version prints.
"""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from neronet.node import jobs
from neronet.node.wardens.lsf import Lsf
from neronet.node.wardens.pbs import Pbs
from neronet.node.wardens.warden import ACCEPTED, OVER, REJECTED, RUNNING, UNKNOWN, WAITING

TOKEN = "0123456789abcdef"
NEED: dict[str, Any] = {"cpus": None, "gpus": None, "memory": None, "time": None}
ALL: dict[str, Any] = {"cpus": 4, "gpus": 1, "memory": 2**33, "time": 3600.5}


def pairs(argv: list[str]) -> set[tuple[str, str]]:
    return set(zip(argv, argv[1:]))


def job(id: str, state: str, *lines: str, name: str = f"nn-{TOKEN}") -> str:  # noqa: A002
    fields = [f"Job_Name = {name}", "Job_Owner = ann@login", f"job_state = {state}", *lines]
    return "\n    ".join([f"Job Id: {id}", *fields]) + "\n\n"


# -- PBS


@pytest.mark.parametrize(
    ("status", "out", "err", "kind", "text", "fewer"),
    [
        (0, "123[].pbs1\n", "", ACCEPTED, "123[].pbs1", False),
        (0, "124.pbs1.example.org\n", "", ACCEPTED, "124.pbs1.example.org", False),
        (0, "Welcome.\n125.pbs1\n", "", ACCEPTED, "125.pbs1", False),
        (None, "", "", UNKNOWN, "", False),
        (0, "", "", UNKNOWN, "", False),
        (143, "", "", UNKNOWN, "", False),
        (162, "", "qsub: cannot connect to server pbs1 (errno=15010)", UNKNOWN, "pbs1", False),
        (111, "", "Connection refused\nqsub: cannot connect to server pbs1 (errno=111)", UNKNOWN, "refused", False),
        (170, "", "pbs_iff: error returned: 15031\nqsub: Protocol (ASN.1) error", UNKNOWN, "pbs_iff", False),
        (170, "", "qsub: Batch protocol error", UNKNOWN, "protocol", False),
        (186, "", "qsub: Unknown queue", REJECTED, "Unknown queue", False),
        (188, "", "qsub: Job violates queue and/or server resource limits", REJECTED, "resource limits", False),
        (2, "", "qsub: illegal -J value\n", REJECTED, "illegal -J", False),
        (2, "", "qsub: invalid option -- 'J'\nusage: qsub [-a date_time]", REJECTED, "invalid option", False),
        (1, "", "qsub: Array job exceeds server or queue size limit", REJECTED, "size limit", True),
        (1, "", "qsub: would exceed queue workq's per-user limit", REJECTED, "per-user limit", True),
        (1, "", "qsub: would exceed complex's per-user limit of jobs in 'Q' state", REJECTED, "'Q'", True),
        (198, "", "qsub: Maximum number of jobs already in queue workq", REJECTED, "workq", True),
    ],
)  # fmt: skip
def test_what_qsub_of_pbs_answers(
    status: int | None, out: str, err: str, kind: str, text: str, fewer: bool
) -> None:
    answer = Pbs().parse_submit(status, out, err)
    assert (answer.kind, answer.fewer) == (kind, fewer) and text in answer.text


def test_what_qstat_of_pbs_answers() -> None:
    out = "".join([
        job("7[0].pbs1", "R", "comment = Job run at Tue Nov 18 at 10:00 on (n1:ncpus=4)", "Variable_List = X=1,Y= = 2"),
        job("7[1].pbs1", "Q", "comment = Job Array Began at Tue Nov 18 at 10:00"),
        job("7[2].pbs1", "X", "comment = Subjob terminated", "Exit_status = 2"),
        job("7[3].pbs1", "X", "Exit_status = -29", "comment = Job run at 10:00 and exceeded resource walltime"),
        job("7[4].pbs1", "X", "Exit_status = -27"),
        job("7[5].pbs1", "X", "Exit_status = 271", "comment = Job run at 10:00 on (n1) and failed"),
        job("7[6].pbs1", "E"),
        job("7[7].pbs1", "S"),
        job("7[8].pbs1", "H"),
        job("7[9].pbs1", "?"),
        job("7[].pbs1", "B"),
        job("8.pbs1", "Q", "comment = Not Running: Insufficient amount of resource: ncpus (R: 4 A: 0 T: 8)",
            "estimated.start_time = Tue Nov 18 18:30:00 2026"),
        job("9.pbs1", "R", name="mine\\nJob Id: 10.pbs1"),
    ])  # fmt: skip
    tasks = Pbs().parse_query(0, out, "")
    assert [(task.number, task.state) for task in tasks] == [
        (0, RUNNING), (1, WAITING), (2, OVER), (3, OVER), (4, OVER), (5, OVER), (6, RUNNING), (7, RUNNING),
        (8, WAITING), (9, RUNNING), (0, WAITING),
    ]  # fmt: skip
    assert {task.token for task in tasks} == {TOKEN}
    assert (tasks[3].native, tasks[3].own) == ("7[].pbs1", "7[3].pbs1")
    assert (tasks[-1].native, tasks[-1].own) == ("8.pbs1", "8.pbs1")
    verdicts = [task.verdict and task.verdict[0] for task in tasks[2:6]]
    assert verdicts == ["terminated", "timeout", "failed", None]
    assert jobs.why_waiting(tasks[1:2], Pbs()) == {TOKEN: "waits in PBS"}
    assert jobs.why_waiting(tasks[8:9], Pbs()) == {TOKEN: "its job is held in PBS; `qrls` lets it go"}
    [why] = jobs.why_waiting(tasks[-1:], Pbs()).values()
    assert why == (
        "waits in PBS: Insufficient amount of resource: ncpus (R: 4 A: 0 T: 8); expected to start at 2026-11-18 18:30:00"
    )
    assert (
        Pbs()
        .why("Can Never Run: Insufficient amount of resource: ncpus")
        .startswith("PBS will never start it")
    )


def test_an_answer_of_pbs_that_is_none_is_not_taken_for_an_empty_one() -> None:
    assert Pbs().parse_query(0, "", "") == []
    assert Pbs().parse_query(255, "", "qstat: cannot connect to server pbs1 (errno=111)") is None
    assert Pbs().parse_query(None, "", "qstat does not answer") is None
    table = "\npbs1:\n                         Req'd\nJob ID  Username Queue Jobname\n1.pbs1  ann workq nn-01234*\n"
    assert Pbs().parse_query(0, table, "") is None, "names are cut off in it"


def test_a_single_task_is_no_array_for_pbs_and_has_the_number_0() -> None:
    argv = Pbs().submit_argv(TOKEN, 3, ALL, [], "/out", ["/script", "x"])
    assert {("-J", "0-2"), ("-l", "walltime=3601"), ("-l", "select=1:ncpus=4:ngpus=1:mem=8192mb")} <= pairs(
        argv
    )
    assert argv[-3:] == ["--", "/script", "x"]
    assert "-J" not in Pbs().submit_argv(TOKEN, 1, NEED, [], "/out", ["/script"])
    for index, number in (({}, "0"), ({"PBS_ARRAY_INDEX": "7"}, "7")):
        said = subprocess.run(["sh", "-c", "echo " + Pbs.number], capture_output=True, env=index, text=True)
        assert said.stdout == number + "\n"
    assert Pbs().cancel_argv(TOKEN, "7[].pbs1", [1, 3], True) == ["qdel", "7[1].pbs1", "7[3].pbs1"]
    assert Pbs().cancel_argv(TOKEN, "8.pbs1", [0], False) == ["qdel", "8.pbs1"]


def test_resources_that_the_user_names_for_pbs_stand_alone() -> None:
    argv = Pbs().submit_argv(TOKEN, 2, ALL, ["-l", "walltime=1:00:00", "-lncpus=8"], "/out", ["/script"])
    assert [word for word in argv if "walltime" in word] == ["walltime=1:00:00"]
    assert "ncpus=8" in argv and not any("select" in word for word in argv)


# -- LSF


@pytest.mark.parametrize(
    ("status", "out", "err", "kind", "text", "fewer"),
    [
        (0, "Job <123> is submitted to queue <normal>.\n", "", ACCEPTED, "123", False),
        (0, "Job <123> is submitted to default queue <normal>.\n", "", ACCEPTED, "123", False),
        (0, "Your job <9> asks for much.\nJob <124> is submitted to queue <gpu>.\n", "", ACCEPTED, "124", False),
        (None, "", "", UNKNOWN, "", False),
        (0, "", "", UNKNOWN, "", False),
        (127, "", "env: bsub: No such file or directory", UNKNOWN, "No such file", False),
        (255, "", "LSF is down. Please wait ...", UNKNOWN, "down", False),
        (255, "", "Failed in an LSF library call: Slave LIM configuration is not ready yet. Job not submitted.", UNKNOWN, "LIM", False),
        (255, "", "Contacting batch daemon: Communication timeout. Job not submitted.", UNKNOWN, "timeout", False),
        (255, "", "batch daemon (mbatchd) not responding: cannot open connection", UNKNOWN, "mbatchd", False),
        (255, "", "normal: User cannot use the queue. Job not submitted.", REJECTED, "cannot use the queue", False),
        (255, "", "nope: No such queue. Job not submitted.", REJECTED, "No such queue", False),
        (255, "", "Project not specified.\nRequest aborted by esub. Job not submitted.", REJECTED, "Project", False),
        (255, "", "Bad resource requirement syntax. Job not submitted.", REJECTED, "syntax", False),
        (255, "", "MEMLIMIT: Cannot exceed queue's hard limit(s). Job not submitted.", REJECTED, "MEMLIMIT", False),
        (255, "", "LSF daemon (LIM) not responding: still trying", UNKNOWN, "LIM", False),
        (255, "", "Job array index too large. Job not submitted.", REJECTED, "too large", True),
        (255, "", "User <ann>: Pending job threshold reached. Job not submitted.", REJECTED, "threshold", True),
    ],
)  # fmt: skip
def test_what_bsub_answers(status: int | None, out: str, err: str, kind: str, text: str, fewer: bool) -> None:
    answer = Lsf().parse_submit(status, out, err)
    assert (answer.kind, answer.fewer) == (kind, fewer) and text in answer.text
    assert "Job not submitted" not in answer.text


def test_what_bjobs_answers() -> None:
    out = (
        f"nn-{TOKEN}[1]|42|RUN|-|-\n"
        f"nn-{TOKEN}[2]|42|PEND|-|Job slot limit reached: 4 hosts;a|b;\n"
        f"nn-{TOKEN}[3]|42|PEND||\n"
        f"nn-{TOKEN}[4]|42|EXIT|TERM_RUNLIMIT: job killed after reaching LSF run time limit|-\n"
        f"nn-{TOKEN}[5]|42|EXIT|TERM_MEMLIMIT: job killed after reaching LSF memory usage limit|-\n"
        f"nn-{TOKEN}[6]|42|EXIT|TERM_OWNER: job killed by owner|-\n"
        f"nn-{TOKEN}[7]|42|EXIT|TERM_PREEMPT: job killed after preemption|-\n"
        f"nn-{TOKEN}[8]|42|EXIT|-|-\n"
        f"nn-{TOKEN}[9]|42|DONE|-|-\n"
        f"nn-{TOKEN}[10]|42|UNKWN|-|-\n"
        f"nn-{TOKEN}[11]|42|PSUSP|-|Job was suspended by the user while pending;\n"
        f"nn-{TOKEN}|43|RUN|-|-\nmine|44|RUN|-|-\nNo job found|45|RUN|-|-\nnn-[1]|46|RUN|-|-\n\n"
    )
    tasks = Lsf().parse_query(0, out, "")
    assert [(task.number, task.state) for task in tasks] == [
        (0, RUNNING), (1, WAITING), (2, WAITING), (3, OVER), (4, OVER), (5, OVER), (6, OVER), (7, OVER), (8, OVER),
        (9, RUNNING), (10, WAITING),
    ]  # fmt: skip
    assert {(task.token, task.native) for task in tasks} == {(TOKEN, "42")} and tasks[9].own == "42[10]"
    verdicts = [task.verdict and task.verdict[0] for task in tasks[3:9]]
    assert verdicts == ["timeout", "failed", "terminated", "lost", None, None]
    assert jobs.why_waiting(tasks[1:], Lsf()) == {TOKEN: "waits in LSF: Job slot limit reached: 4 hosts;a|b"}
    assert jobs.why_waiting(tasks[2:], Lsf()) == {TOKEN: "waits in LSF"}


def test_an_answer_of_lsf_that_is_none_is_not_taken_for_an_empty_one() -> None:
    assert Lsf().parse_query(255, "", "No job found\n") == []
    assert Lsf().parse_query(0, "", "No unfinished job found\n") == []
    assert Lsf().parse_query(255, "", "LSF is down. Please wait ...\n") is None
    assert Lsf().parse_query(255, "", "bjobs: illegal option -- o\n") is None


def test_lsf_gets_the_script_as_one_line_in_which_no_word_is_run_by_a_shell() -> None:
    script = ["/home/a b/$(id)/x.sh", "it's", "`id`;(", "\\\n"]
    argv = Lsf().submit_argv(TOKEN, 3, ALL, [], "/out", script)
    shown = subprocess.run(["sh", "-c", "printf '%s|' " + argv[-1]], capture_output=True, check=True)
    assert shown.stdout.decode() == "".join(word + "|" for word in script)
    assert argv[:3] == ["env", "LSB_NTRIES=1", "bsub"] and "-r" in argv
    assert pairs(argv) >= {
        ("-J", f"nn-{TOKEN}[1-3]"), ("-o", "/out"), ("-W", "61"), ("-n", "4"), ("-R", "span[hosts=1]"),
        ("-gpu", "num=1"), ("-M", "8192MB"), ("-R", "rusage[mem=8192MB]"),
    }  # fmt: skip
    assert Lsf().cancel_argv(TOKEN, "42", [0, 2], True) == ["bkill", "42[1]", "42[3]"]
    said = subprocess.run(["sh", "-c", "echo " + Lsf.number], capture_output=True, env={"LSB_JOBINDEX": "3"})
    assert said.stdout == b"2\n"


def test_resources_that_the_user_names_for_lsf_stand_alone() -> None:
    options = ["-n", "8", "-R", "rusage[mem=1GB]", "-gpu", "num=2:mode=shared"]
    argv = Lsf().submit_argv(TOKEN, 2, ALL, options, "/out", ["/script"])
    assert [argv[n + 1] for n, word in enumerate(argv) if word == "-n"] == ["8"]
    assert [argv[n + 1] for n, word in enumerate(argv) if word == "-R"] == ["rusage[mem=1GB]"]
    assert [argv[n + 1] for n, word in enumerate(argv) if word == "-gpu"] == ["num=2:mode=shared"]
