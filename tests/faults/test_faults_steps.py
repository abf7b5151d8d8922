"""Kill -9 of Nerokid, Neromum or both at each named step: every run ends rightly, is started once, loses no point."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import neronet
from tests.faults.faults import PROGRAM, check, close_all, kill, read_pid, runs, submit
from tests.node.mum import Mum, kids_of, leave_nothing
from tests.waiting import until

pytestmark = pytest.mark.slow

NODE = Path(neronet.__file__).parent / "node"
ATTEMPT = [
    "taken",
    "renamed",
    "claimed",
    "prepared",
    "spawned",
    "started",
    "ended",
    "recorded",
]  # in this order
ADOPTION = ["adopting", "adopted"]
# The last two in tests/node/test_node_conditions.py and test_node_losers.py.
OTHERS = ["stored", "stopping", "withdrawn", "fired", "judged"]
COUNT = 300


def test_every_named_step_is_tried() -> None:
    named = {name for path in NODE.glob("*.py") for name in re.findall(r'pause\("(\w+)"\)', path.read_text())}
    assert named == {*ATTEMPT, *ADOPTION, *OTHERS}


class Case:
    """One node of its own, whose first process to come to a step stops there."""

    def __init__(self, folder: Path, step: str, seconds: float) -> None:
        folder.mkdir()
        self.step, self.root, self.notes, self.at = step, folder / "root", folder / "notes", folder / step
        self.mums = [
            Mum(self.root, limits={"slots": 1}, env={"NERONET_PAUSE": f"{step}:{seconds}:{self.at}"})
        ]

    @property
    def mum(self) -> Mum:
        return self.mums[-1]

    def submit(self, count: int = 2, **how: float) -> None:
        self.count = count
        self.token = submit(self.mum, runs(self.notes, count, COUNT, **how))

    def kill_kids(self) -> None:
        for pid in kids_of(self.root):
            kill(pid)

    def reconnect(self) -> None:
        self.mums.append(Mum(self.root, limits={"slots": 1}, before=self.mum))
        self.mum.follow(self.token)

    def wake(self) -> None:
        """As the user side does whenever it has something to say: Neromum looks who is missing."""
        self.mum.say({"m": "place", "place": self.mum.place, "limits": {"slots": 1}})

    def check(self) -> None:
        check(self.mum, self.notes, self.count, COUNT, self.step)
        self.mum.close()
        leave_nothing(self.root)


@pytest.mark.parametrize("victim", ["kid", "mum", "both"])
def test_a_kill_at_each_step_of_an_attempt(tmp_path: Path, victim: str) -> None:
    # A kid that is to live on must not sleep for long; one that is to die must not wake before.
    cases = [Case(tmp_path / step, step, 3.0 if victim == "mum" else 60.0) for step in ATTEMPT]
    try:
        for case in cases:
            case.submit()
        for case in cases:
            pid = read_pid(case.at)
            if victim != "kid":
                case.mum.kill()
            assert pid in kids_of(case.root)
            if victim != "mum":
                case.kill_kids()
        for case in cases:
            if victim == "kid":
                case.wake()
            else:
                case.reconnect()
        for case in cases:
            case.check()
    finally:
        close_all(mum for case in cases for mum in case.mums)


@pytest.mark.parametrize("victim", ["kid", "both"])
def test_a_kill_at_each_step_of_an_adoption(tmp_path: Path, victim: str) -> None:
    cases = [Case(tmp_path / step, step, 60.0) for step in ADOPTION]
    try:
        for case in cases:
            case.submit(every=50, rest=0.15)
            case.mum.until_started()
            case.kill_kids()
            case.wake()
        for case in cases:
            assert read_pid(case.at) in kids_of(case.root)
            if victim == "both":
                case.mum.kill()
            case.kill_kids()
            if victim == "both":
                case.reconnect()
            case.wake()
        for case in cases:
            case.check()
    finally:
        close_all(mum for case in cases for mum in case.mums)


def test_neromum_killed_before_it_could_say_that_it_has_a_batch(tmp_path: Path) -> None:
    case = Case(tmp_path / "stored", "stored", 60.0)
    try:
        token = "ab" * 8
        batch = case.mum.content(runs(case.notes, 2, COUNT), {"main.sh": PROGRAM})
        case.mum.say({"m": "batch", "token": token, "batch": batch})
        assert read_pid(case.at) == case.mum.pid
        case.mum.kill()
        assert not kids_of(case.root)
        case.mums.append(Mum(case.root, limits={"slots": 1}, before=case.mum))
        case.mum.say({"m": "batch", "token": token, "batch": batch})
        case.mum.wait("accepted", token=token)
        case.mum.follow(token)
        case.count = 2
        case.check()
    finally:
        close_all(case.mums)


def test_neromum_killed_while_it_withdraws(tmp_path: Path) -> None:
    case = Case(tmp_path / "withdrawn", "withdrawn", 60.0)
    try:
        case.token = case.mum.submit([["sleep", "1"], *[["true"]] * 4])
        case.mum.follow(case.token)
        case.mum.until_started()
        wish = {
            "m": "act",
            "id": "w1",
            "do": "terminate",
            "token": case.token,
            "runs": [[1, 3]],
            "who": "t",
            "why": "away",
            "priority": 0,
        }
        case.mum.say(wish)
        assert read_pid(case.at) == case.mum.pid
        case.mum.kill()
        case.reconnect()
        assert not [record for record in case.mum.of("ended") if record["i"]]
        case.mum.say(wish)
        assert case.mum.wait("done", id="w1")[0]["result"] == {"runs": 3, "withdrawn": [1, 2, 3]}
        case.mum.until(lambda: len(case.mum.ended()) == 5)
        states = [(case.mum.ended()[index]["state"], case.mum.ended()[index]["reason"]) for index in range(5)]
        assert states == [("finished", ""), *[("terminated", "away")] * 3, ("finished", "")]
        assert {record["i"] for record in case.mum.of("started")} == {0, 4}
    finally:
        close_all(case.mums)
    leave_nothing(case.root)


@pytest.mark.parametrize("victim", ["kid", "both"])
def test_a_kill_just_before_the_signal(tmp_path: Path, victim: str) -> None:
    case = Case(tmp_path / "stopping", "stopping", 60.0)
    try:
        case.token = case.mum.submit([["sleep", "50"]])
        case.mum.follow(case.token)
        case.mum.until_started()
        case.mum.act(case.token, "terminate", [[0, 0]])
        read_pid(case.at)
        if victim == "both":
            case.mum.kill()
        case.kill_kids()
        if victim == "both":
            case.reconnect()
        case.wake()
        case.mum.until(lambda: bool(case.mum.ended()))
        assert (case.mum.ended()[0]["state"], case.mum.ended()[0]["status"]) == ("terminated", 143)
    finally:
        close_all(case.mums)
    leave_nothing(case.root)


@pytest.mark.parametrize("times", [3, 4])
def test_a_run_whose_watchers_die_again_and_again_goes_on_unwatched(tmp_path: Path, times: int) -> None:
    case = Case(tmp_path / "none", "none", 0.0)
    try:
        case.submit(count=1, every=20, rest=0.2)
        case.mum.until_started()
        run = case.root / "batches" / case.token / "run/0.1"
        for number in range(1, times + 1):
            case.kill_kids()
            case.wake()
            if number < 4:
                until((run / f"watch.{number}").exists, "nobody takes over")
        if times > 3:
            case.wake()
            until((run / "unwatched").exists, "the node does not give it up")
        case.check()
        texts = [record["text"] for record in case.mum.of("warn")]
        assert (run / "unwatched").exists() == bool(texts) == (times > 3)
        assert all("killed again and again; it goes on unwatched" in text for text in texts)
        assert len(case.mum.of("warn")) == (times > 3)
        assert sorted(path.name for path in run.glob("watch.*")) == [
            f"watch.{n}" for n in range(1, times + 1)
        ]
    finally:
        close_all(case.mums)
