"""Runs that are ended: by their time limit, by conditions, by the user; whole trees of processes, nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.node.mum import Mum, kids_of, mum, processes_of

pytestmark = pytest.mark.slow

LONG = ["sleep", "30"]


def condition(ident: str, action: str = "kill", **fields: Any) -> dict[str, Any]:
    base = {
        "id": ident,
        "variablename": "loss",
        "killvalue": 50,
        "comparator": "gt",
        "after": None,
        "action": action,
    }
    return {**base, **fields}


# -- limits


def test_a_time_limit_is_kept(served: Mum) -> None:
    ended = served.run([LONG, ["true"]], time=0.5)
    assert (ended[0]["state"], ended[0]["reason"]) == ("timeout", "ran longer than 0.5 seconds")
    assert 0.45 < ended[0]["ended"] - ended[0]["started"] < 20.0
    assert ended[1]["state"] == "finished"


def test_a_bad_value_ends_the_run_at_once(served: Mum) -> None:
    script = "echo loss 10; echo loss 67.01; exec sleep 30"
    ended = served.run([["sh", "-c", script]], conditions=[condition("too_high")])[0]
    assert (ended["state"], ended["reason"]) == ("terminated", "condition too_high, 67.01 > 50")
    assert ended["ended"] - ended["started"] < 2.0
    assert ended["status"] == 143


def test_a_warning_is_said_once_and_nothing_is_ended(served: Mum) -> None:
    script = "for n in 60 70 80; do echo loss $n; sleep 0.05; done; echo loss nan"
    conditions = [
        condition("high", "warn"),
        condition("is_nan", "warn", comparator="nan"),
        condition("other", variablename="x"),
    ]
    ended = served.run([["sh", "-c", script]], conditions=conditions)[0]
    assert ended["state"] == "finished"
    assert [record["text"] for record in served.of("fired")] == [
        "condition high, 60 > 50",
        "condition is_nan, loss is nan",
    ]


def test_time_n_looks_at_the_last_value_when_the_time_has_come(served: Mum) -> None:
    script = "echo loss 90; exec sleep 30"
    ended = served.run([["sh", "-c", script]], conditions=[condition("late", after=1.0)])[0]
    assert (ended["state"], ended["reason"]) == ("terminated", "condition late, 90 > 50")
    assert 0.95 < ended["ended"] - ended["started"] < 4


def test_time_n_forgives_what_was_bad_before(served: Mum) -> None:
    script = "echo loss 90; sleep 0.2; echo loss 10; sleep 1; echo loss 20"
    ended = served.run([["sh", "-c", script]], conditions=[condition("late", after=0.7)])[0]
    assert ended["state"] == "finished"


def test_a_condition_reads_stderr_and_the_points_file_too(served: Mum) -> None:
    scripts = ["echo loss 60 >&2; exec sleep 30", 'echo loss 60 1 >>"$NERONET_POINTS"; exec sleep 30']
    for record in served.run(
        [["sh", "-c", script] for script in scripts], conditions=[condition("c")]
    ).values():
        assert record["reason"] == "condition c, 60 > 50"


# -- terminate and withdraw


def begin(served: Mum, runs: list[list[str]], **spec: Any) -> str:
    token = served.submit(runs, **spec)
    served.follow(token)
    return token


def test_terminating_a_run_ends_it_politely(served: Mum) -> None:
    script = "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.05; done"
    token = begin(served, [["sh", "-c", script]])
    served.until_started()
    while not (served.root / "batches" / token / "run/0.1/stdout.log").read_bytes():
        served.receive(0.02)
    assert served.act(token, "terminate", [[0, 0]]) == {"runs": 1, "withdrawn": []}
    served.until(lambda: bool(served.ended()))
    ended = served.ended()[0]
    assert (ended["state"], ended["reason"], ended["status"]) == ("terminated", "by the test", 7)
    assert served.whole_log(token, 0) == b"ready\nbye\n"


def test_a_run_that_ignores_the_polite_signal_is_killed_after_its_grace(served: Mum) -> None:
    script = "trap '' TERM; echo ready; while :; do sleep 0.1; done"
    token = begin(served, [["sh", "-c", script]], grace=0.4)
    served.until_started()
    while not (served.root / "batches" / token / "run/0.1/stdout.log").read_bytes():
        served.receive(0.02)
    asked = time.time()
    served.act(token, "terminate", [[0, 0]])
    served.until(lambda: bool(served.ended()))
    assert (served.ended()[0]["state"], served.ended()[0]["status"]) == ("terminated", 137)
    assert 0.4 <= served.ended()[0]["ended"] - asked < 3


ESCAPES = """
import os, subprocess, sys, time
subprocess.Popen(["sleep", "40"])                                   # a child
subprocess.Popen(["sleep", "41"], start_new_session=True)           # of another session
if os.fork() == 0:                                                  # a daemon, by the book
    os.setsid()
    if os.fork() == 0:
        os.chdir("/")
        os.execvp("sleep", ["sleep", "42"])
    os._exit(0)
subprocess.Popen(["sleep", "43"], env={})                           # without our mark, in our session
subprocess.Popen(["sh", "-c", "trap '' TERM; sleep 44; sleep 44"])  # that does not listen
os.kill(subprocess.Popen(["sleep", "45"]).pid, 19)                  # a stopped one
print("ready", flush=True)
time.sleep(46)
"""


def all_processes() -> dict[int, str]:
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                found[int(entry)] = (
                    Path(f"/proc/{entry}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                )
            except OSError:
                continue
    return found


def test_the_whole_tree_is_ended_and_no_stranger(served: Mum) -> None:
    stranger = subprocess.Popen(["sleep", "47"], start_new_session=True)
    other = begin(served, [["sleep", "48"]])
    token = begin(served, [[sys.executable, "-c", ESCAPES]], grace=0.3)
    log = served.root / "batches" / token / "run/0.1/stdout.log"
    served.until(lambda: log.exists() and log.read_bytes() == b"ready\n")
    ours = {f"sleep {n} " for n in range(40, 49)}
    # The daemon has been forked, but may not have become a `sleep` yet.
    served.until(lambda: ours - {"sleep 46 "} <= set(all_processes().values()))
    served.act(token, "terminate", [[0, 0]])
    served.until(lambda: any(record["state"] == "terminated" for record in served.of("ended")))
    assert ours & set(all_processes().values()) == {"sleep 47 ", "sleep 48 "}
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()
    served.act(other, "terminate", [[0, 0]])
    served.until(lambda: len(served.of("ended")) == 2)


def test_terminating_queued_runs_ends_them_without_a_start(served: Mum) -> None:
    token = begin(served, [LONG] * 6)
    served.until_started(2)
    assert served.act(token, "terminate", [[2, 5]], id="first") == {"runs": 4, "withdrawn": [2, 3, 4, 5]}
    served.until(lambda: len(served.ended()) == 4)
    for record in served.ended().values():
        assert (record["state"], record["reason"], record["started"]) == ("terminated", "by the test", None)
    # The answer may have been lost: the same wish again gives the same answer, another one finds nothing.
    assert served.act(token, "terminate", [[2, 5]], id="first") == {"runs": 4, "withdrawn": [2, 3, 4, 5]}
    assert served.act(token, "terminate", [[2, 5]], id="second") == {"runs": 0, "withdrawn": []}
    assert served.act(token, "terminate", [[0, 99]], id="third")["runs"] == 2
    served.until(lambda: len(served.ended()) == 6)
    assert len(served.of("started")) == 2
    assert served.act(token, "terminate", [[0, 99]], id="fourth") == {"runs": 0, "withdrawn": []}


def test_terminating_after_the_end_changes_nothing(served: Mum) -> None:
    served.run([["true"]])
    assert served.act(served.token, "terminate", [[0, 0]]) == {"runs": 0, "withdrawn": []}
    assert not (served.root / "batches" / served.token / "run/0.1/stop").exists()
    assert len(served.of("ended")) == 1


def test_withdrawing_takes_only_what_has_not_begun(served: Mum) -> None:
    token = begin(served, [LONG] * 5)
    served.until_started(2)
    assert served.act(token, "withdraw", [[0, 4]], id="w") == {"runs": 3, "withdrawn": [2, 3, 4]}
    served.until(lambda: len(served.of("withdrawn")) == 3)
    assert {record["id"] for record in served.of("withdrawn")} == {"w"}
    assert not served.ended()
    served.act(token, "terminate", [[0, 4]])
    served.until(lambda: len(served.ended()) == 2)
    assert set(served.ended()) == {0, 1}


def test_what_the_user_holds_is_not_given_to_another_node_where_nobody_knows_of_it(served: Mum) -> None:
    token = begin(served, [LONG] * 5)
    served.until_started(2)
    served.act(token, "hold", [[3, 3]])
    assert served.act(token, "withdraw", [[2, 4]]) == {"runs": 2, "withdrawn": [2, 4]}
    assert served.act(token, "terminate", [[0, 4]])["withdrawn"] == [3]
    served.until(lambda: len(served.ended()) == 3)


@pytest.mark.parametrize("step", ["taken", "renamed", "claimed", "prepared", "spawned"])
def test_terminating_while_a_run_is_about_to_start(root: Path, step: str) -> None:
    with mum(root, env={"NERONET_PAUSE": f"{step}:0.7"}) as served:
        token = begin(served, [LONG])
        served.until(lambda: bool(kids_of(root)))
        time.sleep(0.35)
        served.act(token, "terminate", [[0, 0]])
        served.until(lambda: bool(served.ended()))
        (record,) = served.of("ended")
        assert (record["state"], record["reason"]) == ("terminated", "by the test")
        assert (record["started"] is None) == (not served.of("started"))


def test_a_watcher_that_is_dead_does_not_save_a_run(served: Mum) -> None:
    token = begin(served, [LONG])
    served.until_started()
    for pid in kids_of(served.root):
        os.kill(pid, signal.SIGKILL)
    served.act(token, "terminate", [[0, 0]])
    served.until(lambda: bool(served.ended()))
    assert served.ended()[0]["state"] == "terminated"


def test_a_wish_for_what_is_not_there_is_answered(served: Mum) -> None:
    assert served.act("0" * 16, "terminate", [[0, 0]]) == {"problem": "these runs are no longer on the node"}
    served.run([["true"]])
    assert served.act(served.token, "dance", [[0, 0]]) == {"problem": "this node does not know how to dance"}


def test_a_run_killed_from_outside_is_lost_and_says_so(served: Mum) -> None:
    begin(served, [LONG])
    served.until_started()
    wrapper = [pid for pid, line in processes_of(served.root).items() if "/agent/run-" in line]
    for pid in [
        *wrapper,
        *[pid for pid, line in processes_of(served.root).items() if line.startswith("sleep")],
    ]:
        os.kill(pid, signal.SIGKILL)
    served.until(lambda: bool(served.ended()))
    ended = served.ended()[0]
    assert (ended["state"], ended["status"]) == ("lost", None)
    assert ended["reason"] == "its process disappeared without an exit status (killed from outside?)"
