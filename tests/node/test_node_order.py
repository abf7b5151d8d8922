"""Who runs when: slots, cores, memory, GPUs, priorities, held runs, several places on one node."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from neronet.node import procs
from neronet.node.runs import Attempt, Batch, Root
from tests.node.mum import Mum, kids_of, mum

pytestmark = pytest.mark.slow

SPAN = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(0.5)"]


def most_at_once(served: Mum) -> int:
    """How many runs were open at the same moment, as their own times say."""
    ends = sorted(
        (moment, change)
        for record in served.of("ended")
        for moment, change in ((record["started"], 1), (record["ended"], -1))
    )
    most = now = 0
    for _, change in ends:
        now += change
        most = max(most, now)
    return most


def starts(served: Mum) -> list[int]:
    return [record["i"] for record in sorted(served.of("claimed"), key=lambda record: record["t"])]


def test_no_more_runs_than_slots(served: Mum) -> None:
    served.run([SPAN] * 6)
    assert most_at_once(served) == 2


@pytest.mark.parametrize(
    ("limits", "spec", "expected"),
    [({"slots": 4}, {}, 4), ({"slots": 4}, {"cpus": 2}, 2), ({"slots": 4, "memory": 10 << 30}, {"memory": 4 << 30}, 2), ({"slots": 1}, {}, 1)],
    ids=["slots", "cores", "memory", "one"],
)  # fmt: skip
def test_what_runs_ask_for_is_kept_free_for_them(
    root: Path, limits: dict[str, int], spec: dict[str, int], expected: int
) -> None:
    with mum(root, limits=limits) as served:
        served.run([SPAN] * 6, **spec)
        assert most_at_once(served) == expected


def test_runs_start_in_order_and_higher_priority_first(root: Path) -> None:
    with mum(root, limits={"slots": 1}) as served:
        first = served.submit([["sleep", "0.6"], *[["true"]] * 2])
        served.follow(first)
        served.until_started()
        low = served.submit([["true"]] * 2, priority=-3)
        high = served.submit([["true"]] * 2, priority=7)
        late = served.submit([["true"]] * 2)
        served.act(late, "priority", [[0, 1]], priority=8)
        end = time.monotonic() + 20
        while len(list(root.glob("batches/*/run/*/start"))) < 9:
            assert time.monotonic() < end
            time.sleep(0.02)
    claims = {}
    for token in (first, low, high, late):
        for path in (root / "batches" / token / "run").iterdir():
            claims[(token, path.name)] = (path / "claim.json").stat().st_mtime_ns
    names = {first: "first", low: "low", high: "high", late: "late"}
    ranked = [f"{names[token]} {name}" for token, name in sorted(claims, key=lambda key: claims[key])]
    assert ranked == [
        "first 0.1", "late 0.1", "late 1.1", "high 0.1", "high 1.1", "first 1.1", "first 2.1", "low 0.1", "low 1.1",
    ]  # fmt: skip


def test_held_runs_wait_until_they_are_released(served: Mum) -> None:
    token = served.submit([["sleep", "0.4"]] * 2 + [["true"]] * 4)
    assert served.act(token, "hold", [[2, 4]]) == {"runs": 3}
    served.follow(token)
    served.until(lambda: set(served.ended()) == {0, 1, 5})
    served.until(lambda: not kids_of(served.root))
    assert served.act(token, "release", [[3, 3]]) == {"runs": 1}
    served.until(lambda: set(served.ended()) == {0, 1, 5, 3})
    served.act(token, "release", [[0, 5]])
    served.until(lambda: len(served.ended()) == 6)


def test_what_was_held_before_it_was_sent_does_not_begin(served: Mum) -> None:
    token = served.submit([["echo", str(n)] for n in range(3)], held=[[0, 1]])
    served.follow(token)
    served.until(lambda: set(served.ended()) == {2})
    served.act(token, "terminate", [[1, 1]])
    served.act(token, "release", [[0, 0]])
    served.until(lambda: len(served.ended()) == 3)
    assert [served.ended()[n]["state"] for n in range(3)] == ["finished", "terminated", "finished"]


def test_what_the_user_holds_stays_held_when_nothing_is_waited_for_any_longer(served: Mum) -> None:
    after = {"names": ["first"], "runs": [], "elsewhere": 1}
    token = served.submit([["true"]] * 3, after=after)
    served.act(token, "hold", [[1, 1]])
    served.follow(token)
    served.act(token, "release", [[0, 2]], who="engine")  # the other node's runs have finished
    served.until(lambda: set(served.ended()) == {0, 2})
    served.until(lambda: not kids_of(served.root))
    assert set(served.ended()) == {0, 2}
    served.act(token, "release", [[1, 1]])
    served.until(lambda: len(served.ended()) == 3)


def test_a_run_that_had_finished_when_a_condition_ended_it_keeps_nobody(served: Mum) -> None:
    rule = {"id": "hot", "variablename": "loss", "killvalue": 5.0, "comparator": "gt", "action": "kill"}
    first = served.submit([["sh", "-c", "sleep 0.5; printf 'loss 6'"]], conditions=[rule])
    served.follow(first)
    served.until(lambda: bool(served.ended()))
    assert served.ended()[0]["state"] == "finished"
    assert Batch(Root(str(served.root)), first).attempt(0, 1).read_stop() is not None
    served.forget()
    second = served.submit(
        [["true"]], after={"names": ["first"], "runs": [[first, [[0, 0]]]], "elsewhere": 0}
    )
    served.follow(second)
    served.until(lambda: bool(served.ended()))


def test_a_run_that_its_scheduler_began_anew_is_ended_where_it_is_now(served: Mum) -> None:
    token = served.submit([["sleep", "30"]])
    served.follow(token)
    served.until_started()
    batch = Batch(Root(str(served.root)), token)
    # As a task does that was begun anew, see task.py.
    batch.attempt(0, 1).set_verdict("lost", "the scheduler started its job again")
    assert batch.attempt(0, 2).claim("nonce", {"kind": "claimed"})
    served.act(token, "terminate", [[0, 0]])
    assert batch.attempt(0, 1).read_stop() is None
    assert batch.attempt(0, 2).read_stop()["who"] == "tester"
    batch.attempt(0, 1).stop({"state": "terminated", "why": ""})
    served.until(lambda: bool(served.ended()))


def test_a_run_that_its_scheduler_began_anew_is_still_among_those_that_a_rule_compares(served: Mum) -> None:
    rule = {
        "metric": "error",
        "goal": "minimize",
        "rule": "median",
        "min_points": 1,
        "reduction": 3,
        "keep": 3,
    }
    token = served.submit([["sh", "-c", "echo error 1; exec sleep 30"]], stop_losers=rule)
    served.follow(token)
    served.until(lambda: bool(served.points(0)))
    batch = Batch(Root(str(served.root)), token)
    # As a task does that was begun anew, see task.py.
    batch.attempt(0, 1).set_verdict("lost", "the scheduler started its job again")
    assert batch.attempt(0, 2).claim("nonce", {"kind": "claimed"})
    procs.kill_tree(0, "NERONET_RUN=" + batch.attempt(0, 1).mark, 0)
    served.until(lambda: bool(served.ended()))
    assert served.ended()[0]["state"] == "lost"
    told = "".join(path.read_text() for path in Path(batch.path, "rungs").iterdir())
    assert '"n":1' in told and '"out"' not in told


def test_a_wish_that_a_loss_of_power_cut_short_is_none(tmp_path: Path) -> None:
    attempt = Attempt(SimpleNamespace(path=str(tmp_path), root=Root(str(tmp_path))), 0, 1)
    Path(attempt.path).mkdir(parents=True)
    Path(attempt.file("stop")).write_bytes(b"")
    assert attempt.read_stop() is None


def test_a_limit_that_was_raised_counts_for_runs_that_wait(root: Path) -> None:
    with mum(root, limits={"slots": 1}) as served:
        token = served.submit([["sleep", "0.8"]] * 3)
        served.follow(token)
        served.until_started()
        served.say({"m": "place", "place": served.place, "limits": {"slots": 3}})
        served.until(lambda: len(served.ended()) == 3)
        assert most_at_once(served) == 3


def test_slots_that_a_large_run_leaves_are_all_used_again(root: Path) -> None:
    """Its kid starts one small run; the other slots are not left empty until that ends."""
    with mum(root, limits={"slots": 4}) as served:
        large = served.submit([["sleep", "0.3"]] * 2, cpus=4)
        small = served.submit([["sleep", "0.6"]] * 4)
        served.follow(large)
        served.until(lambda: len(served.ended()) == 2)
        served.unfollow(large)
        served.forget()
        served.follow(small)
        served.until(lambda: len(served.ended()) == 4)
        assert most_at_once(served) >= 3


# -- GPUs: a program of that name stands for hardware that this machine has not

SMI = """#!/bin/sh
echo "0, Test GPU, 16000, $(cat {folder}/used0), 0"
echo "1, Test GPU, 16000, $(cat {folder}/used1), 0"
"""


@pytest.fixture
def gpus(tmp_path: Path) -> dict[str, str]:
    folder = tmp_path / "gpus"
    folder.mkdir()
    (folder / "nvidia-smi").write_text(SMI.format(folder=folder))
    (folder / "nvidia-smi").chmod(0o755)
    for number in range(2):
        (folder / f"used{number}").write_text("3")
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


SHOW = ["sh", "-c", "echo gpus=$CUDA_VISIBLE_DEVICES.; sleep 0.4"]


def test_each_run_gets_gpus_of_its_own(root: Path, gpus: dict[str, str]) -> None:
    with mum(root, env=gpus, limits={}) as served:
        assert [gpu["name"] for gpu in served.facts["gpus"]] == ["Test GPU"] * 2
        served.run([SHOW] * 4)
        assert most_at_once(served) == 2
        seen = sorted(served.whole_log(served.token, index) for index in range(4))
        assert seen == [b"gpus=0.\n"] * 2 + [b"gpus=1.\n"] * 2
        assert all(len(record["gpus"]) == 1 for record in served.of("claimed"))
        served.run([SHOW] * 2, gpus=2)
        assert most_at_once(served) == 1
        assert served.whole_log(served.token, 0) == b"gpus=0,1.\n"
        served.run([SHOW], gpus=0)
        assert served.whole_log(served.token, 0) == b"gpus=.\n"


def test_runs_wait_for_a_gpu_that_somebody_else_uses(
    root: Path, gpus: dict[str, str], tmp_path: Path
) -> None:
    for number in range(2):
        (tmp_path / f"gpus/used{number}").write_text("9000")
    # Patience is not what is tried here.
    change = {
        "WAIT, WAIT_MOST = 1.0, 15.0": "WAIT, WAIT_MOST = 0.2, 0.4",
        "GPUS_EVERY = 5.0": "GPUS_EVERY = 0.1",
    }
    with mum(root, env=gpus, limits={}, change=change) as served:
        token = served.submit([SHOW] * 2)
        other = served.submit([["true"]], gpus=0)
        served.follow(other)
        served.until(lambda: len(served.of("ended")) == 1)
        served.follow(token)
        time.sleep(1.0)
        assert not served.of("claimed")[1:]
        assert len(kids_of(root)) == 1, "one kid waits"
        served.close()
        (tmp_path / "gpus/used1").write_text("3")
        end = time.monotonic() + 20
        while not list((root / "batches" / token / "run").iterdir()):
            assert time.monotonic() < end, "nobody looked for a free GPU"
            time.sleep(0.05)
        (tmp_path / "gpus/used0").write_text("3")
        with mum(root, env=gpus, limits={}, change=change) as again:
            again.follow(token)
            again.until(lambda: len(again.ended()) == 2, 30)


def test_what_never_fits_says_so_and_holds_up_nobody(served: Mum) -> None:
    token = served.submit([["true"]], gpus=4)
    other = served.submit([["true"]], cpus=4000)
    served.run([["true"]])
    served.until(lambda: not kids_of(served.root))
    served.say({"m": "load", "interval": 0})
    load = served.wait("load")[0]["load"]
    cores = served.facts["cores"]
    assert load["waits"] == {
        token: "asks for 4 gpus, the node has 0", other: f"asks for 4000 cpus, the node has {max(cores, 2)}",
    }  # fmt: skip
    assert load["used"] == 0
    for each in (token, other):
        assert served.act(each, "terminate", [[0, 0]])["runs"] == 1
    served.say({"m": "load", "interval": 0})
    assert served.wait("load")[0]["load"]["waits"] == {}


# -- several places


def test_kids_serve_only_their_place_and_share_what_the_node_has(root: Path) -> None:
    """Two entries of nodes.yaml, of two laptops, that mean the same node and folder."""
    with mum(root, place="place1", home="laptop1", limits={"slots": 1}) as first:
        one = first.submit([["sleep", "0.5"]])
        first.follow(one)
        first.until_started()
        second = Mum(root, place="place2", home="laptop2", limits={"slots": 1})
        try:
            two = second.submit([["true"]])
            second.follow(two)
            second.until(lambda: bool(second.ended()), 10)
            first.until(lambda: bool(first.ended()))
            assert second.of("claimed")[0]["t"] >= first.ended()[0]["ended"]
            writers = [{name for name, _ in connection.records} for connection in (first, second)]
            assert not writers[0] & writers[1]
            second.say({"m": "list"})
            items = second.wait("batches")[0]["items"]
            assert {(item["token"], item["home"], item["place"]) for item in items} == {
                (one, "laptop1", "place1"), (two, "laptop2", "place2"),
            }  # fmt: skip
            second.say({"m": "tidy", "token": one})
            assert "another home" in second.wait("error")[0]["text"]
            assert (root / "batches" / one).exists()
        finally:
            second.close()


def test_who_waits_for_another_place_need_not_be_connected(root: Path) -> None:
    with mum(root, place="place1", limits={"slots": 1}) as first:
        one = first.submit([["sleep", "1.2"]])
        first.follow(one)
        first.until_started()
        second = Mum(root, place="place2", limits={"slots": 1})
        two = second.submit([["true"]])
        second.close()
        first.close()
        end = time.monotonic() + 15
        ended: dict[str, Any] = {}
        while not ended:
            assert time.monotonic() < end, "the place that became free was left empty"
            ended = {
                p.name: 1
                for p in (root / "batches" / two / "run").glob("0.1/exit")
                if p.read_bytes().strip() == b"0"
            }
            time.sleep(0.05)


def test_nothing_of_ours_stays_when_no_run_is_open(root: Path) -> None:
    with mum(root) as served:
        served.run([["true"]] * 3)
        served.until(lambda: not kids_of(root), 5)
        token = served.submit([["sleep", "30"]])
        served.follow(token)
        served.until_started()
        served.act(token, "terminate", [[0, 0]])
        served.until(lambda: len(served.of("ended")) == 4)
        served.until(lambda: not kids_of(root), 5)
