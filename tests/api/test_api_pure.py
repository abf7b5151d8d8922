"""What users are told of nodes, targets and times: pure functions of the API."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neronet.api import diff, extracting, nodestatus
from neronet.api.changed_files import sentence
from neronet.api.nodestatus import ago, choose, silent, submitting, waiting
from neronet.api.run import utc
from neronet.api.targets import folder_path, wishes
from neronet.engine.capacity import members, slots, used_now
from neronet.errors import InputError
from neronet.spec.nodes import NodeSpec, parse_nodes
from neronet.store import Store
from neronet.store.batches import ranges
from neronet.store.nodes import NodeRow
from neronet.sync.manifest import Entry

NODES = parse_nodes(
    b"""
nodes:
  gpu1: {ssh_address: gpu1}
  gpu2: {ssh_address: gpu2, slots: 4}
  cluster: {ssh_address: c, type: gridengine}
groups: {gpu: [gpu1, gpu2], mixed: [gpu1, cluster]}
""",
    "nodes.yaml",
)


@given(st.sets(st.integers(0, 300)))
def test_ranges_cover_exactly_the_numbers(numbers: set[int]) -> None:
    found = ranges(numbers)
    assert {number for first, last in found for number in range(first, last + 1)} == numbers
    assert all(last < following for (_, last), (following, _) in zip(found, found[1:]))
    assert all(last + 1 < following for (_, last), (following, _) in zip(found, found[1:]))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, None), (0, "1970-01-01T00:00:00.000Z"), (1.0004, "1970-01-01T00:00:01.000Z"),
        (1.9996, "1970-01-01T00:00:02.000Z"), (1751328000.125, "2025-07-01T00:00:00.125Z"),
    ],
)  # fmt: skip
def test_times_are_iso_8601_with_milliseconds(seconds: float | None, text: str | None) -> None:
    assert utc(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (172800, "2 days"),
    ],
)
def test_a_time_span_is_told_in_one_unit(seconds: float, text: str) -> None:
    assert ago(seconds) == text


def row(**fields: object) -> NodeRow:
    known = NodeRow("gpu1", "p", True, time.time(), "", {"cores": 8, "gpus": []}, {"used": 3, "load15": 4.0})
    return known._replace(**fields)


def test_a_node_that_does_not_answer_is_told_with_when_it_was_seen_and_why() -> None:
    assert waiting(None, "gpu1") == ""
    assert waiting(row(), "gpu1") == ""
    gone = row(reachable=False, last_seen=time.time() - 600, reason="gpu1: refused")
    assert (
        waiting(gone, "gpu1")
        == "gpu1 does not answer, last seen 10 min ago; sent at the next contact (gpu1: refused)"
    )
    never = row(reachable=False, last_seen=None, reason="gpu1: no machine of that name")
    assert submitting(never, "gpu1") == (
        "submitting: gpu1 does not answer; sent at the next contact (gpu1: no machine of that name)"
    )
    assert submitting(row(), "gpu1") == "submitting: gpu1 has not accepted all runs yet"
    full = row(reason="gpu1: the disk is full at /scratch make room there")
    assert (
        submitting(full, "gpu1")
        == "submitting: gpu1: the disk is full at /scratch make room there; sent when that is done"
    )


def test_slots_are_what_the_entry_says_else_gpus_else_cores() -> None:
    facts = {"cores": 8, "gpus": [{}, {}]}
    assert slots(NodeSpec("a", slots=3, gpus=4), facts) == 3
    assert slots(NodeSpec("a", gpus=4), facts) == 4
    assert slots(NodeSpec("a"), facts) == 2
    assert slots(NodeSpec("a"), {"cores": 8, "gpus": []}) == 8
    assert slots(NodeSpec("a"), {}) is None
    assert slots(NodeSpec("a", type="slurm"), {"cores": 8}) is None, "the gateway's own cores mean nothing"


def test_a_name_is_a_node_or_a_group_and_a_slip_is_helped(tmp_path: Path) -> None:
    assert [spec.id for spec in choose(NODES, "gpu")] == ["gpu1", "gpu2"]
    assert [spec.id for spec in choose(NODES, "gpu2")] == ["gpu2"]
    with pytest.raises(InputError, match="there is no node or group gpu3") as raised:
        choose(NODES, "gpu3")
    assert raised.value.hint.startswith("did you mean gpu")
    with pytest.raises(InputError, match="no default node") as raised:
        choose(NODES, None)
    assert "gpu1" in raised.value.hint
    assert [spec.id for spec in choose(NODES, "mixed")] == ["gpu1", "cluster"]


def test_members_are_told_by_what_is_free_and_loaded(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.nodes.update(
            "gpu1", reachable=True, last_seen=100.0, facts={"cores": 8}, load={"used": 3, "load15": 4.0}
        )
        first, second = members(choose(NODES, "gpu"), store)
        assert (first.free, first.slots, first.load) == (5, 8, 0.5)
        assert (second.free, second.slots, second.load) == (4, 4, 0.0)
        assert silent(choose(NODES, "gpu"), store, 105.0) == ["gpu2"]
        assert silent(choose(NODES, "gpu"), store, 100.0 + nodestatus.STALE) == ["gpu1", "gpu2"]
        store.nodes.update("gpu1", reachable=False)
        assert silent(choose(NODES, "gpu"), store, 105.0) == ["gpu1", "gpu2"]


@pytest.mark.parametrize(
    ("reported", "runs", "used"),
    [
        (None, [], None), (None, [(90.0, None), (95.0, 99.0)], 1),
        (0, [(101.0, None), (102.0, None)], 2),  # begun since the report
        (2, [(90.0, None)], 2),  # another user's, or another home's, is among them
        (2, [(90.0, 101.0), (91.0, 102.0)], 0),  # ended since
        (3, [(90.0, 101.0), (101.5, None)], 3),
        (0, [(90.0, None)], 1),  # whatever was reported: it runs
        (1, [(101.0, 102.0)], 1),  # begun and ended since
    ],
)  # fmt: skip
def test_slots_in_use_are_those_reported_and_our_own_runs_since(
    reported: int | None, runs: list[tuple[float, float | None]], used: int | None
) -> None:
    assert used_now(reported, 100.0, runs) == used


def test_a_node_shows_what_runs_on_it_though_its_last_report_is_older(tmp_path: Path) -> None:
    from tests.engine.model_node import submitted

    with Store(tmp_path) as store:
        numbers = submitted(store, 3)
        store.nodes.update(
            "gpu1", reachable=True, last_seen=100.0, facts={"cores": 8}, load={"used": 0, "time": 100.0}
        )
        store.attempts.report(numbers[0], 1, "running", started=101.0)
        store.attempts.report(numbers[1], 1, "running", started=101.0)
        assert {node.id: node.used for node in nodestatus.of(NODES, store)}["gpu1"] == 2
        assert members(choose(NODES, "gpu1"), store)[0].free == 6
        store.attempts.report(numbers[0], 1, "finished", ended=102.0)
        store.attempts.complete(numbers[0], 1)
        assert {node.id: node.used for node in nodestatus.of(NODES, store)}["gpu1"] == 1


def test_a_folder_is_named_by_itself_or_by_its_configuration(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("")
    assert folder_path(tmp_path) == folder_path(tmp_path / "config.yaml") == tmp_path
    with pytest.raises(InputError, match="is not a folder"):
        folder_path(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"has no config\.yaml") as raised:
        folder_path(tmp_path / "empty")
    assert "template" in raised.value.hint


def test_wishes_go_to_each_submission_once(tmp_path: Path) -> None:
    from tests.engine.model_node import TOKEN, submitted

    with Store(tmp_path) as store:
        submitted(store, 5)
        submitted(store, 2, token="f" * 16, node="gpu2")
        rows = [run for run in store.runs.find() if run.number != 3]
        found = wishes(rows, "hold", "held", 0)
    assert [(node, payload["act"]["token"], payload["act"]["runs"]) for node, payload in found] == [
        ("gpu1", TOKEN, [[0, 1], [3, 4]]), ("gpu2", "f" * 16, [[0, 1]]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("a1", "a1", ""),
        ("a1 config.yaml1", "a2 config.yaml2", "a changed"),
        ("a1 b1", "a2 b2 c1", "a, b changed, c is new"),
        ("a1 b1", "c1 d1", "c, d are new, a is gone and 1 more"),
        ("a1 b1", "", "a, b are gone"),
        ("", "a1 b1 c1 d1 e1 f1 g1", "a, b, c are new and 4 more"),
    ],
)
def test_files_that_changed_are_named(old: str, new: str, text: str) -> None:
    def tree(files: str) -> list[Entry]:
        return [Entry(file[:-1], "f", sha=file[-1] * 64) for file in files.split()]

    assert sentence(tree(old), tree(new)) == text


def test_neither_load_nor_a_run_too_short_to_be_looked_at_is_a_difference_of_machines() -> None:
    def ran(**environment: object) -> Any:
        return SimpleNamespace(environment=environment)

    one, other = ran(host="a", load=0.1, cores=4), ran(host="b", load=7.0, cores=4)
    assert diff._environments(one, other) == {"host": ("a", "b")}
    assert diff._environments(one, ran()) == diff._environments(ran(), one) == {}


@pytest.mark.parametrize(
    ("number", "lines"), [("89", [0, 1]), ("89.0", [1]), ("8", []), ("0.31", [4]), ("7", [])]
)
def test_zeros_behind_the_point_of_a_number_may_be_left_out(number: str, lines: list[int]) -> None:
    log = ["a 89", "a 89.00%", "a 89.05", "a 1.89", "a 0.310", "a 7.5 8.9"]
    begins = [sum(len(line) + 1 for line in log[:place]) for place in lines]
    assert extracting._lines_with("\n".join(log).encode(), number) == begins
