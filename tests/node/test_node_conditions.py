"""Conditions against real programs: who is ended, how, how fast, and that each firing is told once."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from neronet.engine import told
from neronet.node.cluster import Cluster
from neronet.node.past import Past
from neronet.node.runs import Batch, Root
from neronet.wire import conditions
from neronet.wire.conditions import COMPARATORS
from tests.node.mum import Mum, kids_of, mum
from tests.node.test_node_limits import ESCAPES, all_processes, condition

pytestmark = pytest.mark.slow

FIRES = {"gt": "51", "lt": "49", "eq": "5e1", "geq": "50", "leq": "50", "nan": "NaN", "inf": "-Infinity"}
RESTS = {"gt": "50", "lt": "nan", "eq": "50.1", "geq": "nan", "leq": "inf", "nan": "inf", "inf": "nan"}
SLOW_END = "trap 'sleep 0.6; echo saved; exit 0' TERM; echo loss 60; while :; do sleep 0.05; done"


def fired(served: Mum) -> list[tuple[int, str, str]]:
    """(run, condition, action) of every firing, each of which the user side takes."""
    records = served.of("fired")
    found = [
        (record["i"], *(told.fired(record)[1][word] for word in ("condition", "action")))
        for record in records
    ]
    return sorted(found)


def test_every_comparator_kills_and_warns_a_real_run_and_lets_the_others_be(root: Path) -> None:
    conditions, runs, expected = [], [], []
    for comparator in COMPARATORS:
        for action in ("kill", "warn"):
            name = f"{comparator}_{action}"
            conditions.append(condition(name, action, variablename=name, comparator=comparator))
            expected.append((len(runs), name, action))
            # A line with more words and a name that begins alike are no points of it.
            noise = f"echo {name}1 {FIRES[comparator]}; echo {name} {FIRES[comparator]} x; echo {name} {RESTS[comparator]}"
            runs.append(
                [
                    "sh",
                    "-c",
                    f"{noise}; echo {name} {FIRES[comparator]}; {'exec sleep 30' * (action == 'kill')}",
                ]
            )
            runs.append(["sh", "-c", noise])
    conditions += [
        condition("stalled", variablename="s", comparator="stalled", points=3, killvalue=0),
        condition("slope", variablename="r", comparator="slope_gt", points=3, killvalue=0),
        condition("row", variablename="w", times=3),
    ]
    expected += [
        (len(runs), "stalled", "kill"),
        (len(runs) + 1, "slope", "kill"),
        (len(runs) + 2, "row", "kill"),
    ]
    runs += [
        ["sh", "-c", "for v in 5 4 4 5 6; do echo s $v; done; exec sleep 30"],
        ["sh", "-c", "for v in 5 4 4 5 6; do echo r $v 1 >>$NERONET_POINTS; echo r $v; done; exec sleep 30"],
        ["sh", "-c", "for v in 60 60 1 60 60 60; do echo w $v; done; exec sleep 30"],
    ]
    with mum(root, limits={"slots": 4}) as served:
        ended = served.run(runs, conditions=conditions, timeout=60)
        assert fired(served) == sorted(expected)
        killed = {run for run, _, action in expected if action == "kill"}
        assert {run for run, record in ended.items() if record["state"] == "terminated"} == killed
        assert {record["state"] for run, record in ended.items() if run not in killed} == {"finished"}
        assert ended[len(runs) - 1]["reason"] == "condition row, 60 > 50, 3 times in a row"


def test_stop_gives_the_grace_of_the_condition_and_kill_that_of_the_experiment(served: Mum) -> None:
    stop = served.run([["sh", "-c", SLOW_END]], conditions=[condition("c", "stop", grace=20.0)], grace=0.1)[0]
    assert (stop["state"], stop["status"], stop["reason"]) == ("terminated", 0, "condition c, 60 > 50")
    assert served.whole_log(served.token, 0) == b"loss 60\nsaved\n"
    hard = served.run([["sh", "-c", SLOW_END]], conditions=[condition("c", "stop", grace=0.2)], grace=20.0)[0]
    assert (hard["state"], hard["status"]) == ("terminated", 137)
    kill = served.run([["sh", "-c", SLOW_END]], conditions=[condition("c", "kill")], grace=0.1)[0]
    assert (kill["state"], kill["status"]) == ("terminated", 137)


def test_notify_tells_the_numbers_and_ends_nobody(served: Mum) -> None:
    script = "echo loss 60 >>$NERONET_POINTS; echo loss 70 12 >>$NERONET_POINTS"
    ended = served.run([["sh", "-c", script]], conditions=[condition("c", "notify", killvalue=65)])[0]
    assert ended["state"] == "finished"
    (record,) = served.of("fired")
    text, data = told.fired(record)
    assert text == "condition c, 70 > 65"
    elapsed = data.pop("elapsed")
    assert 0 <= elapsed < 5
    assert data == {
        "condition": "c", "action": "notify", "comparator": "gt", "metric": "loss", "value": 70.0, "limit": 65.0,
        "offset": 8, "step": 12.0,
    }  # fmt: skip


def test_a_condition_ends_the_whole_tree(served: Mum) -> None:
    program = ESCAPES.replace('print("ready", flush=True)', 'print("loss 60", flush=True)')
    for number in range(40, 47):
        program = program.replace(str(number), str(number + 100))
    ended = served.run([[sys.executable, "-c", program]], conditions=[condition("c")], grace=0.3)[0]
    assert (ended["state"], ended["reason"]) == ("terminated", "condition c, 60 > 50")
    assert not {f"sleep {n} " for n in range(140, 147)} & set(all_processes().values())


def test_conditions_fire_while_nobody_is_connected(root: Path) -> None:
    first = Mum(root)
    token = first.submit(
        [["sh", "-c", "sleep 0.7; echo loss 60; exec sleep 30"]], conditions=[condition("c")]
    )
    first.follow(token)
    first.until_started()
    first.close()
    status = root / "batches" / token / "run/0.1/exit"
    end = time.monotonic() + 10
    while not status.read_bytes().strip():
        assert time.monotonic() < end
        time.sleep(0.05)
    with mum(root, before=first) as again:
        again.follow(token)
        again.until(lambda: bool(again.ended()))
        assert again.ended()[0]["reason"] == "condition c, 60 > 50"
        assert fired(again) == [(0, "c", "kill")]


@pytest.mark.parametrize("action", ["kill", "warn"])
def test_a_watcher_killed_in_the_act_of_a_firing_is_followed_by_one_that_says_it_once(
    root: Path, tmp_path: Path, action: str
) -> None:
    """Between what a firing does and its record."""
    flag = tmp_path / "flag"
    with mum(root, env={"NERONET_PAUSE": f"fired:30:{tmp_path}/at"}) as served:
        script = f"echo loss 60; while [ ! -e {flag} ]; do sleep 0.02; done; echo loss 70"
        token = served.submit([["sh", "-c", script]], conditions=[condition("c", action)])
        served.follow(token)
        served.until((tmp_path / "at").exists)
        assert served.of("fired") == []
        for pid in kids_of(root):
            os.kill(pid, signal.SIGKILL)
        served.say({"m": "place", "place": "place1", "limits": {"slots": 2}})
        served.until(lambda: bool(served.of("fired")))
        flag.touch()
        served.until(lambda: bool(served.ended()))
        assert served.ended()[0]["state"] == {"kill": "terminated", "warn": "finished"}[action]
        assert fired(served) == [(0, "c", action)]


def test_a_watcher_killed_behind_a_firing_leaves_the_end_to_the_next_one(root: Path) -> None:
    with mum(root) as served:
        script = "trap '' TERM; echo loss 60; while :; do sleep 0.05; done"
        token = served.submit(
            [["sh", "-c", script]], conditions=[condition("c", "stop", grace=2.0)], grace=60.0
        )
        served.follow(token)
        served.until(lambda: bool(served.of("fired")))
        for pid in kids_of(root):
            os.kill(pid, signal.SIGKILL)
        served.say({"m": "place", "place": "place1", "limits": {"slots": 2}})
        served.until(lambda: bool(served.ended()))
        assert (served.ended()[0]["state"], served.ended()[0]["status"]) == ("terminated", 137)
        assert fired(served) == [(0, "c", "stop")]


def silent(action: str, quiet: float, **fields: Any) -> dict[str, Any]:
    return condition(
        "quiet", action, variablename="", killvalue=0, comparator="silent", quiet=quiet, **fields
    )


def test_a_silent_run_is_ended_and_one_that_prints_anything_is_not(root: Path) -> None:
    dots = "for n in 1 2 3 4 5; do printf .; sleep 0.4; done"
    runs = [
        ["sh", "-c", f"{dots}; exec sleep 30"],
        ["sh", "-c", dots.replace("printf .", "printf . >>$NERONET_POINTS")],
    ]
    with mum(root) as served:
        ended = served.run(runs, conditions=[silent("kill", 1.2)])
        assert (ended[0]["state"], ended[0]["reason"]) == (
            "terminated",
            "condition quiet, no output for 1.2 seconds",
        )
        # Samples of what it uses, which come each second, are no output.
        assert 3.0 < ended[0]["ended"] - ended[0]["started"] < 6
        assert len(served.points(0, 3)) > 4
        assert ended[1]["state"] == "finished"
        assert fired(served) == [(0, "quiet", "kill")]


def test_silence_that_began_under_a_dead_watcher_counts(root: Path) -> None:
    with mum(root) as served:
        token = served.submit([["sh", "-c", "echo loss 1; exec sleep 30"]], conditions=[silent("kill", 4.0)])
        served.follow(token)
        served.until(lambda: bool(served.points(0)))
        time.sleep(3.0)
        for pid in kids_of(root):
            os.kill(pid, signal.SIGKILL)
        served.say({"m": "place", "place": "place1", "limits": {"slots": 2}})
        served.until(lambda: bool(served.ended()))
        ended = served.ended()[0]
        assert ended["state"] == "terminated"
        assert 3.9 < ended["ended"] - ended["started"] < 7.0  # which is when a new silence would end it


LATE = """
import os, signal, time
def note(*_):
    os.write(1, b"term %r\\n" % time.time())
    os._exit(0)
signal.signal(signal.SIGTERM, note)
time.sleep(0.03)
os.write(1, b"loss 60\\nsaid %.6f\\n" % time.time())
time.sleep(20)
"""


def test_the_signal_comes_a_moment_behind_the_line(root: Path) -> None:
    count = 20
    program = LATE.replace("%r", "%.6f")
    with mum(root) as served:
        served.run([[sys.executable, "-S", "-c", program]] * count, conditions=[condition("c")], timeout=60)
        times = [dict(point[:2] for point in served.points(run)) for run in range(count)]
        late = sorted(each["term"] - each["said"] for each in times)
        print(
            f"\nfrom a line to its signal: {late[count // 2] * 1000:.1f} ms, at most {late[-1] * 1000:.1f} ms"
        )
        assert late[count // 2] < 0.5


def test_silence_is_of_the_program_whatever_processors_read(root: Path) -> None:
    """A file that is written all the time is no output, and one that is read as a whole is no stream."""
    code = "for n in range(40): open('a.txt', 'a').write('%d\\n' % n); __import__('time').sleep(0.1)"
    readers = [
        {"kind": "file", "file": "a.txt", "call": ["reader", "read"]},
        {"kind": "line", "file": "a.txt", "call": ["neronet", "keyvalue"]},
    ]
    files = {"reader.py": b"def read(file): return {'n': sum(1 for line in file)}"}
    with mum(root) as served:
        ended = served.run(
            [[sys.executable, "-c", code]],
            files,  # type: ignore[arg-type]
            processors=readers,
            outputs=["a.txt"],
            conditions=[silent("kill", 1.2)],
        )
        assert ended[0]["reason"] == "condition quiet, no output for 1.2 seconds"
        assert ended[0]["ended"] - ended[0]["started"] < 3.5
    assert not list((root / "hosts").glob("*/nerokid-error.txt"))


def test_a_cluster_leaves_a_run_the_grace_of_the_condition_that_stops_it(root: Path) -> None:
    with mum(root) as served:
        token = served.submit([["sleep", "30"]])
        served.follow(token)
        served.until_started()
        attempt = Batch(Root(str(root)), token).attempt(0, 1)
        attempt.stop({"who": "condition", "state": "terminated", "why": "", "grace": 120.0})
        served.until(lambda: bool(served.ended()))
        cancelled: list[int] = []
        gateway = Cluster.__new__(Cluster)  # without its thread, which would ask a scheduler
        gateway.warden = SimpleNamespace(cancel_argv=lambda token, native, numbers, waiting: numbers)
        gateway._command = cancelled.extend
        for age, expected in ((100.0, []), (131.0, [3])):
            moment = time.time() - age
            os.utime(attempt.file("stop"), (moment, moment))
            gateway._stop("job.3", "17", [attempt])
            assert cancelled == expected


def test_a_scheduler_is_asked_again_when_its_last_answer_was_damaged(tmp_path: Path) -> None:
    gateway = Cluster.__new__(Cluster)  # without its thread
    gateway.root, gateway.folder, gateway._jobs, gateway._asked = Root(str(tmp_path)), str(tmp_path), {}, 0.0
    gateway._answer = str(tmp_path / "answer.json")
    (tmp_path / "answer.json").write_bytes(b"")  # by a loss of power
    gateway._load()
    assert gateway._asked == 0.0


def test_a_file_system_whose_clock_is_ahead_makes_no_time_before_the_start() -> None:
    found = conditions.Conditions([condition("stuck", "warn", comparator="stalled", points=1)])
    past = Past(found, set())
    past._take({"e": "started", "t": 1000.0})
    past._take({"e": "p", "t": 999.4, "s": 0, "to": 10, "base": 0, "v": [["loss", 1.0, 0, None]]})
    (firing,) = found.feed("loss", 2.0, 10, 1.0)
    record = {
        "c": "stuck",
        "text": conditions.explain(firing),
        "data": conditions.evidence(firing),
    }
    assert told.fired(record)[1]["since"] == 0.0
