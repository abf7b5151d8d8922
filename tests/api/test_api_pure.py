"""What users are told of nodes, targets and times: pure functions of the API."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neronet.api import nodestatus
from neronet.api.nodestatus import ago, choose, members, silent, slots, submitting, waiting
from neronet.api.runset import utc
from neronet.api.targets import folder_path, ranges, wishes
from neronet.errors import InputError
from neronet.spec.nodes import NodeSpec, parse_nodes
from neronet.store import Store
from neronet.store.nodes import NodeRow

NODES = parse_nodes(
    b"""
nodes:
  gpu1: {ssh_address: gpu1}
  gpu2: {ssh_address: gpu2, slots: 4}
  cluster: {ssh_address: c, type: slurm}
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


def test_a_name_is_a_node_or_a_group_and_a_slip_is_helped(tmp_path: Path) -> None:
    assert [spec.id for spec in choose(NODES, "gpu")] == ["gpu1", "gpu2"]
    assert [spec.id for spec in choose(NODES, "gpu2")] == ["gpu2"]
    with pytest.raises(InputError, match="there is no node or group gpu3") as raised:
        choose(NODES, "gpu3")
    assert raised.value.hint.startswith("did you mean gpu")
    with pytest.raises(InputError, match="no default node") as raised:
        choose(NODES, None)
    assert "gpu1" in raised.value.hint
    for name in ("cluster", "mixed"):
        with pytest.raises(InputError, match="type slurm, which this version cannot use"):
            choose(NODES, name)


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
