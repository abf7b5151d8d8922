"""Whoever takes over a run goes on exactly where the dead watcher was: points, conditions, warnings, limits."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.faults import kill
from tests.node.mum import Mum, kids_of, leave_nothing
from tests.waiting import until

pytestmark = pytest.mark.slow


class Node:
    """One connection, and what the tests here do with it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.mum = Mum(root, limits={"slots": 1})

    def begin(self, script: str, **spec: Any) -> str:
        token = self.mum.submit([["sh", "-c", script]], **spec)
        self.mum.follow(token)
        return token

    def take_over(self, token: str, number: int = 1) -> None:
        """Kills the watcher and waits for the next one."""
        for pid in kids_of(self.root):
            kill(pid)
        self.wake()
        until((self.run(token) / f"watch.{number}").exists, "nobody takes over")

    def wake(self) -> None:
        self.mum.say({"m": "place", "place": "place1", "limits": {"slots": 1}})

    def run(self, token: str, index: int = 0) -> Path:
        return self.root / "batches" / token / f"run/{index}.1"

    def ended(self) -> dict[str, Any]:
        self.mum.until(lambda: bool(self.mum.ended()))
        self.mum.sync(7)
        assert len(self.mum.of("ended")) == 1
        return self.mum.ended()[0]

    def values(self, stream: int = 0) -> list[tuple[str, float]]:
        return [(name, value) for name, value, *_ in self.mum.points(0, stream)]


@pytest.fixture
def node(root: Path) -> Iterator[Node]:
    made = Node(root)
    yield made
    made.mum.close()
    leave_nothing(root)


@pytest.fixture
def flag(tmp_path: Path) -> Path:
    """A file that programs wait for."""
    return tmp_path / "flag"


@pytest.fixture
def until_flag(flag: Path) -> str:
    return f"while [ ! -e {flag} ]; do sleep 0.02; done"


def condition(action: str, **fields: Any) -> dict[str, Any]:
    base = {
        "id": "c",
        "variablename": "loss",
        "killvalue": 50,
        "comparator": "gt",
        "after": None,
        "action": action,
    }
    return {**base, **fields}


def test_lines_that_were_begun_under_one_watcher_and_ended_under_another_are_whole(
    node: Node, flag: Path, until_flag: str
) -> None:
    token = node.begin(f"echo a 1; printf 'loss 0.'; {until_flag}; printf '25\\n'; echo b 2")
    node.mum.until(lambda: node.values() == [("a", 1)])
    node.take_over(token)
    flag.touch()
    assert node.ended()["state"] == "finished"
    assert node.values() == [("a", 1), ("loss", 0.25), ("b", 2)]


def test_points_that_nobody_watched_are_found_later(node: Node, flag: Path, until_flag: str) -> None:
    token = node.begin(f"echo a 1; {until_flag}; echo b 2; echo c 3 >>$NERONET_POINTS; exit 4")
    node.mum.until(lambda: node.values() == [("a", 1)])
    for pid in kids_of(node.root):
        kill(pid)
    flag.touch()  # the wrapper itself starts another kid when the program ends
    assert (node.ended()["state"], node.ended()["status"]) == ("failed", 4)
    assert node.values() == [("a", 1), ("b", 2)]
    assert node.values(2) == [("c", 3)]
    assert len(node.mum.of("adopted")) == 1
    assert (node.run(token) / "watch.1").exists()


def test_a_truncated_stream_goes_on_under_the_next_watcher(node: Node, flag: Path, until_flag: str) -> None:
    script = f"echo a 1 >&2; sleep 0.2; echo b 2 >/dev/stderr; {until_flag}; echo c 3 >&2"
    token = node.begin(script)
    node.mum.until(lambda: len(node.values(1)) == 2)
    node.take_over(token)
    flag.touch()
    assert node.ended()["sizes"] == [0, 8, 0]
    assert node.values(1) == [("a", 1), ("b", 2), ("c", 3)]
    offsets = [offset for _, _, offset, _ in node.mum.points(0, 1)]
    assert offsets == sorted(set(offsets))
    assert len(node.mum.of("cut")) == 1


def test_a_truncation_that_nobody_saw_is_noticed_when_the_file_is_shorter(
    node: Node, flag: Path, until_flag: str
) -> None:
    token = node.begin(f"echo a 1 >&2; echo b 2 >&2; {until_flag}; echo c 3 >/dev/stderr; sleep 0.3")
    node.mum.until(lambda: len(node.values(1)) == 2)
    for pid in kids_of(node.root):
        kill(pid)
    flag.touch()
    until(
        lambda: (node.run(token) / "stderr.log").read_bytes() == b"c 3\n", "the program does not come to it"
    )
    node.wake()
    assert node.ended()["state"] == "finished"
    assert node.values(1) == [("a", 1), ("b", 2), ("c", 3)]


def test_a_warning_is_not_said_again(node: Node, flag: Path, until_flag: str) -> None:
    token = node.begin(f"echo loss 60; {until_flag}; echo loss 70", conditions=[condition("warn")])
    node.mum.until(lambda: bool(node.values()))
    node.take_over(token)
    flag.touch()
    assert node.ended()["state"] == "finished"
    assert [(record["text"], record["c"]) for record in node.mum.of("fired")] == [
        ("condition c, 60 > 50", "c")
    ]


def test_a_condition_hears_points_of_both_watchers(node: Node, flag: Path, until_flag: str) -> None:
    token = node.begin(
        f"echo loss 40; {until_flag}; echo loss 55; exec sleep 30", conditions=[condition("kill")]
    )
    node.mum.until(lambda: bool(node.values()))
    node.take_over(token)
    flag.touch()
    assert (node.ended()["state"], node.ended()["reason"]) == ("terminated", "condition c, 55 > 50")


def test_time_n_is_kept_by_the_next_watcher(node: Node) -> None:
    token = node.begin("echo loss 60; exec sleep 30", conditions=[condition("kill", after=2.0)])
    node.mum.until(lambda: bool(node.values()))
    node.take_over(token)
    ended = node.ended()
    assert (ended["state"], ended["reason"]) == ("terminated", "condition c, 60 > 50")
    assert 1.9 < ended["ended"] - ended["started"] < 20


def test_a_time_limit_is_kept_by_the_next_watcher(node: Node) -> None:
    token = node.begin("echo loss 60; exec sleep 30", time=2.0)
    node.mum.until(lambda: bool(node.values()))
    node.take_over(token)
    ended = node.ended()
    assert (ended["state"], ended["reason"]) == ("timeout", "ran longer than 2 seconds")
    assert 1.9 < ended["ended"] - ended["started"] < 20


def test_the_names_of_both_watchers_count(node: Node, flag: Path, until_flag: str) -> None:
    many = "n=$1; while [ $n -lt $2 ]; do echo name$n 1; n=$((n+1)); done"
    token = node.begin(f"f() {{ {many}; }}; f 0 900; {until_flag}; f 0 1100")
    node.mum.until(lambda: len(node.values()) == 900)
    node.take_over(token)
    flag.touch()
    assert node.ended()["state"] == "finished"
    assert len({name for name, _ in node.values()}) == 1000
    assert len(node.mum.of("warn")) == 1


def test_a_run_that_ended_by_itself_just_before_the_wish_is_not_called_terminated(
    root: Path, tmp_path: Path
) -> None:
    mum = Mum(root, env={"NERONET_PAUSE": f"started:1.0:{tmp_path}/at"})
    try:
        token = mum.submit([["sh", "-c", "exit 5"]])
        mum.follow(token)
        until((tmp_path / "at").exists, "no kid comes to it")
        run = root / "batches" / token / "run/0.1"
        until(lambda: (run / "exit").read_bytes().strip(), "the program does not come to it")
        time.sleep(0.05)
        (run / "stop").write_text('{"id": "x", "who": "t", "state": "terminated", "why": "too late"}')
        mum.until(lambda: bool(mum.ended()))
        assert (mum.ended()[0]["state"], mum.ended()[0]["status"]) == ("failed", 5)
    finally:
        mum.close()
    leave_nothing(root)


@pytest.mark.parametrize("damage", [b"", b"boot-id-of-now", b"x y z"], ids=["empty", "half", "nonsense"])
def test_a_wrapper_killed_while_it_says_that_it_began_is_lost_and_holds_up_nobody(
    root: Path, tmp_path: Path, damage: bytes
) -> None:
    mum = Mum(root, limits={"slots": 1}, env={"NERONET_PAUSE": f"prepared:1.0:{tmp_path}/at"})
    try:
        token = mum.submit([["true"], ["true"]])
        mum.follow(token)
        until((tmp_path / "at").exists, "no kid comes to it")
        (root / "batches" / token / "run/0.1/start").write_bytes(damage)
        mum.until(lambda: len(mum.ended()) == 2)
        assert [mum.ended()[index]["state"] for index in (0, 1)] == ["lost", "finished"]
    finally:
        mum.close()
    leave_nothing(root)


def test_a_wrapper_that_vanishes_before_the_program_began_is_started_again(
    root: Path, tmp_path: Path
) -> None:
    """Nothing ran yet, so nothing is lost; but not for ever."""
    counter = tmp_path / "count"
    line = "neronet_run=$1 neronet_boot=$2 neronet_kid=$3 neronet_journal=$4\n"

    def vanish(times: int) -> dict[str, str]:
        return {line: line + f"echo x >>{counter}; [ $(wc -l <{counter}) -gt {times} ] || kill -9 $$\n"}

    for times, state in ((2, "finished"), (99, "failed")):
        counter.unlink(missing_ok=True)
        mum = Mum(root, change=vanish(times))
        try:
            mum.run([["true"]])
            assert mum.ended()[0]["state"] == state
            assert len(counter.read_text().split()) == 3
            if state == "failed":
                assert (
                    mum.ended()[0]["reason"] == "could not be started: /bin/sh ended before the program began"
                )
        finally:
            mum.close()
        shutil.rmtree(root / "agent")
    leave_nothing(root)


def test_a_folder_that_others_purge_stops_no_other_run(node: Node, flag: Path, until_flag: str) -> None:
    """A scratch disk is cleaned by its owner."""
    first = node.begin(f"echo a 1; {until_flag}")
    node.mum.until(lambda: bool(node.values()))
    second = node.mum.submit([["sh", "-c", "exit 6"]])
    node.mum.follow(second)
    shutil.rmtree(node.root / "batches" / first)
    flag.touch()
    node.mum.until(lambda: bool(node.mum.ended()))
    assert node.mum.ended()[0]["status"] == 6
    assert not list(node.root.rglob("nerokid-error.txt"))


def test_a_run_is_adopted_by_a_kid_that_was_busy_elsewhere(root: Path, flag: Path, until_flag: str) -> None:
    """No contact, no wrapper that ends: the other kid looks around when its own run is over."""
    mum = Mum(root, limits={"slots": 2})
    try:
        token = mum.submit([["sh", "-c", f"echo a 1; {until_flag}; echo b 2"], ["sleep", "1"]])
        mum.follow(token)
        mum.until(lambda: bool(mum.points(0)) and len(mum.of("started")) == 2)
        victim = next(int(name.split("-")[-2]) for name, record in mum.records if record["e"] == "p")
        mum.close()
        kill(victim)
        run = root / "batches" / token / "run"
        until(lambda: (run / "0.1/watch.1").exists(), "no other kid comes")
        flag.touch()
    finally:
        mum.close()
    leave_nothing(root)
    again = Mum(root, before=mum)
    again.follow(token)
    again.sync()
    assert [value for _, value, *_ in again.points(0)] == [1, 2]
    again.close()
