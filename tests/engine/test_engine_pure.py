"""Decisions of the engine that need no node: dividing runs, reading what a node tells, saying what is wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neronet.engine import told
from neronet.engine.arriving import not_there
from neronet.engine.doctor import Check, check
from neronet.engine.placement import Load, Member, divide, moves, place_of
from neronet.engine.work import limits_of
from neronet.spec.nodes import NodeSpec
from neronet.store.nodes import NodeRow

MEMBERS = st.lists(
    st.builds(Member, id=st.text("abcdef", min_size=1, max_size=3), free=st.integers(0, 8), slots=st.integers(1, 8),
              load=st.floats(0, 4)),
    min_size=1, max_size=5, unique_by=lambda member: member.id,
)  # fmt: skip


@given(st.integers(0, 60), MEMBERS)
def test_every_run_gets_a_member_and_free_slots_are_filled_first(count: int, members: list[Member]) -> None:
    members = [replace(member, free=min(member.free, member.slots)) for member in members]
    where = divide(count, members)
    given = Counter(where)
    assert len(where) == count
    assert set(where) <= {member.id for member in members}
    free = sum(member.free for member in members)
    for member in members:
        if count >= free:
            assert given[member.id] >= member.free
        else:
            assert given[member.id] <= member.free


def test_the_less_loaded_member_begins() -> None:
    busy, idle = Member("busy", 2, 2, 0.3), Member("idle", 2, 2, 0.1)
    assert divide(3, [busy, idle]) == ["idle", "busy", "idle"]
    assert divide(2, [replace(busy, load=4.0), idle]) == ["idle", "idle"]


def test_a_long_queue_is_divided_by_slots() -> None:
    small, large = Member("small", 0, 1, 0.0), Member("large", 0, 3, 0.0)
    assert Counter(divide(400, [small, large])) == {"small": 100, "large": 300}


def test_equal_members_get_equal_shares_in_turn() -> None:
    where = divide(6, [Member(name, 2, 2, 0.0) for name in "abc"])
    assert where == ["a", "b", "c", "a", "b", "c"]


def test_a_place_is_the_same_for_a_home_and_a_name_only() -> None:
    assert place_of("home1", "gpu1") == place_of("home1", "gpu1")
    assert len({place_of("home1", "gpu1"), place_of("home1", "gpu2"), place_of("home2", "gpu1")}) == 3


def test_limits_are_what_the_entry_says() -> None:
    assert limits_of(NodeSpec("a")) == {}
    assert limits_of(NodeSpec("a", slots=0, memory=5)) == {"slots": 0, "memory": 5}


# -- what a node tells

FACTS: dict[str, Any] = {
    "boot": "b", "host": "h", "cores": 8, "memory": 2**34, "python": "3.6.8", "executable": "/usr/bin/python3",
    "system": "Linux 5", "root": "/home/a/.neronet", "file_system": "ext4", "disk_free": 2**40, "disk_total": 2**41,
    "time": 1.7e9, "btime": 1.6e9, "scheduler": "", "gpus": [{"index": 0, "name": "A", "memory": 1, "used": 0, "load": 0.0}],
}  # fmt: skip
LOAD: dict[str, Any] = {
    "load1": 0.5, "load15": 0.4, "memory_total": 2, "memory_free": 1, "disk_free": 1, "disk_total": 2, "time": 1.7e9,
    "used": 3, "waits": {"00112233aabbccdd": "asks for 2 gpus, the node has 1"},
}  # fmt: skip

QUEUE: dict[str, Any] = {
    "name": "debug", "default": True, "up": True, "nodes": 2, "slots": None, "cpus": 4, "memory": 2**33, "time": None,
    "default_time": 600, "gpus": ["gpu:a100:2"],
}  # fmt: skip
CLUSTER: dict[str, Any] = {
    "version": "22.05.8", "queues": [QUEUE], "array": 1001, "accounting": "none", "notes": [], "at": 1.7e9,
    "problem": "", "task": {"host": "c1", "python": "3.11.2"}, "barren": "",
}  # fmt: skip


def test_true_facts_and_a_true_load_are_kept() -> None:
    assert told.facts(FACTS) == FACTS
    assert told.load(LOAD) == LOAD


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([*FACTS, *LOAD, *CLUSTER, "other"]), ANYTHING, max_size=8))
def test_whatever_is_told_what_is_kept_has_the_right_types(lies: dict[str, Any]) -> None:
    facts, load = told.facts(lies), told.load(lies)
    row = NodeRow("gpu1", "p", True, 1.0, "", facts, load)
    assert check(row, "direct", "", "", 1.7e9)  # says something, whatever is there
    assert check(row, "slurm", "", "", 1.7e9, told.cluster(lies))
    assert isinstance(facts.get("cores", 1), int)
    assert isinstance(load.get("used", 0), int)
    assert "other" not in facts
    assert "other" not in load


def test_an_endless_fact_is_cut_and_an_absurd_one_dropped() -> None:
    facts = told.facts({**FACTS, "host": "x" * 10**6, "cores": 10**30, "gpus": FACTS["gpus"] * 5000})
    assert len(facts["host"]) == told.MAX_WORD
    assert "cores" not in facts
    assert len(facts["gpus"]) == told.MAX_GPUS
    assert len(told.load({"waits": {str(n): "x" for n in range(10**4)}})["waits"]) == told.MAX_WAITS


@pytest.mark.parametrize("number", [True, 1.0, "1", None, -1, 8])
def test_a_whole_number_is_nothing_else(number: object) -> None:
    with pytest.raises(ValueError, match="no whole number from 0 to 7"):
        told.whole(number, 0, 7)


def test_texts_are_a_list_of_texts() -> None:
    assert told.texts(["a", ""], 2, 5) == ("a", "")
    for wrong in ("ab", ["a", 1], ["a"] * 3, ["abcdef"], None):
        with pytest.raises(ValueError, match=r"list of texts|more than texts"):
            told.texts(wrong, 2, 5)


# -- the doctor


def row(**facts: Any) -> NodeRow:
    load = {**LOAD, "disk_free": facts.get("disk_free", 2**40), "time": facts.get("time", 1.7e9)}
    return NodeRow("gpu1", "p", True, 1.7e9, "", {**FACTS, **facts}, load)


def test_a_node_without_trouble_has_no_red_line() -> None:
    checks = check(row(), "direct", "", "", 1.7e9)
    assert {item.subject: item.ok for item in checks} == {
        "connection": True, "python": True, "disk": True, "cores": None, "gpus": None,
    }  # fmt: skip
    assert "3.6.8 (/usr/bin/python3)" in checks[1].text
    assert "1024.0 GiB free" in checks[2].text


def test_a_node_that_cannot_be_used_says_why_and_nothing_else() -> None:
    (only,) = check(row(), "direct", "gpu1: refused", "start sshd", 1.7e9)
    assert (only.ok, only.text, only.hint) == (False, "gpu1: refused", "start sshd")


def test_a_full_disk_a_wrong_clock_and_a_scheduler_are_told() -> None:
    checks = {
        item.subject: item
        for item in check(row(disk_free=2**20, time=1.7e9 - 100, scheduler="slurm"), "direct", "", "", 1.7e9)
    }
    assert checks["disk"].ok is False
    assert "root" in checks["disk"].hint
    assert checks["clock"].text == "its clock is 100 s behind this computer's"
    assert "slurm" in checks["scheduler"].text
    assert "clock" in {item.subject for item in check(row(time=1.7e9 + 6), "direct", "", "", 1.7e9)}
    assert "clock" not in {item.subject for item in check(row(time=1.7e9 + 4), "direct", "", "", 1.7e9)}


@pytest.mark.parametrize(
    ("kind", "found", "ok", "word"),
    [
        ("slurm", "slurm", True, "runs go through slurm"),
        ("slurm", "", False, "slurm is not installed"),
        ("slurm", "gridengine", False, "slurm is not installed"),
        ("direct", "slurm", None, "slurm is installed there"),
    ],
)
def test_a_node_is_told_whether_its_scheduler_is_the_one_it_is_said_to_have(
    kind: str,
    found: str,
    ok: bool | None,
    word: str,
) -> None:
    told = check(row(scheduler=found), kind, "", "", 1.7e9)
    (scheduler,) = [item for item in told if item.subject == "scheduler"]
    assert scheduler.ok is ok and word in scheduler.text and bool(scheduler.hint) == (ok is not True)


def of_cluster(kind: str = "slurm", found: str = "slurm", **told: Any) -> dict[str, list[Check]]:
    """The checks of a cluster by their subjects."""
    said: dict[str, list[Check]] = {}
    for item in check(row(scheduler=found), kind, "", "", 1.7e9, {**CLUSTER, **told}):
        said.setdefault(item.subject, []).append(item)
    return said


def test_a_cluster_is_told_in_a_few_lines() -> None:
    assert told.cluster(CLUSTER) == CLUSTER
    said = of_cluster()
    assert [item.text for items in list(said.values())[-5:] for item in items] == [
        "runs go through Slurm 22.05.8",
        "2 nodes of up to 4 cores and 8.0 GiB, gpu:a100:2, for any time (10 min where a run says no `time:`); "
        "the default one",
        "an array job has at most 1,001 tasks, a larger sweep becomes several",
        "none; it is not needed, runs tell their ends themselves",
        "c1 has run with Python 3.11.2, and shares /home/a/.neronet",
    ]
    assert not [item for items in said.values() for item in items if item.ok is False]


def test_a_queue_of_slots_and_one_that_is_down_are_told() -> None:
    slots = {**QUEUE, "slots": 6, "nodes": None, "time": 7200, "default_time": None, "up": False, "gpus": []}
    said = of_cluster("gridengine", "gridengine", queues=[slots], notes=["no gpu"])
    assert said["queue debug"][0].text == (
        "6 slots, at most 4 on a node, 8.0 GiB for each, for at most 2 h; the default one; it takes no jobs now"
    )
    assert [item.text for item in said["limits"]][1:] == ["no gpu"]


def test_of_many_partitions_the_last_ones_are_only_named() -> None:
    said = of_cluster(queues=[{**QUEUE, "name": f"p{n}"} for n in range(14)])
    assert sum(subject.startswith("partition ") for subject in said) == 12
    assert said["partitions"][0].text == "and 2 more: p12, p13"


def test_what_is_not_known_of_compute_nodes_is_not_claimed() -> None:
    (unknown,) = of_cluster(task=None)["compute nodes"]
    assert (unknown.ok, unknown.text) == (None, "not known before the first run")
    (barren,) = of_cluster(barren="its tasks end before they begin a run: python3: not found")[
        "compute nodes"
    ]
    assert barren.ok is False and "python3" in barren.text and "`python:`" in barren.hint


def test_a_silent_scheduler_is_told_with_the_age_of_what_is_known() -> None:
    (silent,) = of_cluster(problem="scontrol does not answer", at=1.7e9 - 7200)["scheduler"]
    assert silent.ok is False and silent.text == "Slurm does not answer: scontrol does not answer"
    assert silent.hint.endswith("what follows was told 2 h ago")
    nothing = check(row(scheduler="slurm"), "slurm", "", "", 1.7e9, {"problem": "nothing was heard"})
    assert "compute nodes" not in {item.subject for item in nothing}


def test_a_scheduler_that_only_login_shells_know_is_there_once_it_has_answered() -> None:
    assert of_cluster(found="")["scheduler"][0].ok is True
    unanswered = check(row(scheduler=""), "slurm", "", "", 1.7e9, {"problem": "scontrol: No such file"})
    assert [item.text for item in unanswered if item.subject == "scheduler"] == [
        "slurm is not installed there"
    ]


@pytest.mark.parametrize(
    ("patterns", "paths", "missing"),
    [
        (["model.pt"], [], ["model.pt"]),
        (["model.pt", "out"], ["model.pt"], ["out"]),
        (["*.pt", "figures/"], ["deep/model.pt", "figures/a.png"], []),
        (["*.pt", "log*"], ["deep/model.txt"], ["*.pt", "log*"]),
        (["a"], [f"b{n}" for n in range(2000)], []),  # so many that the node may have left some out
    ],
)
def test_outputs_that_are_not_there_are_found_by_their_patterns(
    patterns: list[str], paths: list[str], missing: list[str]
) -> None:
    assert not_there(patterns, paths) == missing


# -- what waits on one node of a group goes to another that is idle


def load(name: str, waiting: int = 0, running: int = 0, free: int | None = 0, **given: bool) -> Load:
    return Load(name, waiting, running, free, **given)


ALL = {(one, other): 100 for one in "abc" for other in "abc" if one != other}


def test_an_idle_node_gets_its_share_of_the_longest_queue() -> None:
    loads = [load("a", 12, 4), load("b", 6, 4), load("c", free=4)]
    assert moves(loads, ALL) == [("a", "c", 6)]
    assert moves([load("a", 1, 4), load("c", free=4)], ALL) == [("a", "c", 1)]
    assert moves(loads, {("a", "c"): 2}) == [("a", "c", 2)]
    assert moves(loads, {("b", "c"): 9}) == [("b", "c", 3)], "what waits on a may not go there"


def test_a_node_that_will_soon_be_idle_gets_runs_in_time_and_none_is_moved_back() -> None:
    assert moves([load("a", 12, 4), load("c", 1, 4)], ALL) == [("a", "c", 5)]
    assert moves([load("a", 7, 4), load("c", 6, 4)], ALL) == []
    assert moves([load("a", 4, 4), load("c", 1, 4)], ALL) == [], "the other one will soon be idle, too"


def test_what_a_scheduler_does_not_begin_goes_to_idle_machines() -> None:
    assert moves([load("a", 66, 0, None), load("c", free=4)], ALL) == [("a", "c", 33)]


def test_a_cluster_that_has_begun_all_gets_as_many_again() -> None:
    assert moves([load("a", 40, 4), load("c", 0, 16, None)], ALL) == [("a", "c", 32)]
    assert moves([load("a", 40, 4), load("c", 0, 0, None)], ALL) == [("a", "c", 20)]
    assert moves([load("a", 40, 4), load("c", 1, 16, None)], ALL) == [], "it has not begun all"


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 8), st.none() | st.integers(0, 8)),
        min_size=2,
        max_size=5,
    )
)
def test_moving_comes_to_rest(given: list[tuple[int, int, int | None]]) -> None:
    """However runs wait, nothing goes round in a circle while nothing begins and nothing ends."""
    waiting = [each[0] for each in given]
    names = "abcde"[: len(given)]
    free = {(one, other): 100 for one in names for other in names if one != other}
    for _ in range(40):
        loads = [Load(name, waits, each[1], each[2]) for name, waits, each in zip(names, waiting, given)]
        found = moves(loads, free)
        if not found:
            return
        for giver, taker, count in found:
            waiting[names.index(giver)] -= count
            waiting[names.index(taker)] += count
    raise AssertionError(f"still moving: {waiting}")


def test_nothing_is_moved_to_or_from_a_node_that_does_not_answer_or_is_asked_already() -> None:
    idle, full = load("c", free=4), load("a", 12, 4)
    assert moves([replace(full, can_give=False), idle], ALL) == []
    assert moves([full, replace(idle, can_take=False)], ALL) == []
    assert len(moves([full, idle, load("b", free=4)], ALL)) == 1, "one wish at a time"
