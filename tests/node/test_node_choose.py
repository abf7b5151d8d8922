"""Which run may start next: decisions over what is taken and what waits, without any process."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neronet.node import acts, choose

CPU = {"cores": 4, "memory": 8 << 30, "gpus": []}
GPU = {"cores": 16, "memory": 64 << 30, "gpus": [0, 1, 2, 3]}


def share(cpus: int = 1, gpus: list[int] | None = None, memory: int = 0) -> dict[str, Any]:
    return {"cpus": cpus, "gpus": gpus or [], "memory": memory}


@pytest.mark.parametrize(
    ("place", "facts", "slots", "cpus", "gpus"),
    [
        ({}, CPU, 4, 4, []), ({}, GPU, 4, 16, [0, 1, 2, 3]), ({"slots": 9}, CPU, 9, 9, []), ({"slots": 1}, CPU, 1, 4, []),
        ({"gpus": 2}, GPU, 2, 16, [0, 1]), ({"gpus": 0}, GPU, 16, 16, []), ({"gpus": 2}, CPU, 2, 4, [0, 1]),
    ],
)  # fmt: skip
def test_limits_come_from_the_node_unless_the_user_says(
    place: dict[str, int], facts: dict[str, Any], slots: int, cpus: int, gpus: list[int]
) -> None:
    limits = choose.limits(place, facts)
    assert (limits.slots, limits.cpus, limits.gpus, limits.memory) == (slots, cpus, gpus, facts["memory"])
    assert choose.limits({"memory": 5}, facts).memory == 5


@pytest.mark.parametrize(
    ("spec", "facts", "need"),
    [
        ({}, CPU, (1, 0, 0)), ({}, GPU, (1, 1, 0)), ({"gpus": 0}, GPU, (1, 0, 0)), ({"gpus": 3}, GPU, (1, 3, 0)),
        ({"cpus": 3, "memory": 7, "gpus": None}, CPU, (3, 0, 7)), ({"cpus": None}, CPU, (1, 0, 0)),
    ],
)  # fmt: skip
def test_a_run_on_a_node_with_gpus_gets_one_unless_it_says(
    spec: dict[str, Any], facts: dict[str, Any], need: tuple[int, int, int]
) -> None:
    found = choose.needs(spec, choose.limits({}, facts))
    assert (found["cpus"], found["gpus"], found["memory"]) == need


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"gpus": 5}, "asks for 5 gpus, the node has 4"), ({"cpus": 17}, "asks for 17 cpus, the node has 16"),
        ({"memory": 100 << 30}, "asks for 100.0 GiB memory, the node has 64.0 GiB"), ({"gpus": 4, "cpus": 16}, ""),
    ],
)  # fmt: skip
def test_what_can_never_start_says_why(spec: dict[str, Any], why: str) -> None:
    limits = choose.limits({}, GPU)
    assert choose.never_fits(choose.needs(spec, limits), limits) == why


@pytest.mark.parametrize(
    ("spec", "taken", "busy", "gpus"),
    [
        ({}, [], (), [0]), ({}, [share(gpus=[0])], (), [1]), ({"gpus": 2}, [share(gpus=[1])], (0,), [2, 3]),
        ({"gpus": 2}, [share(gpus=[1])], (0, 2), None), ({"gpus": 0}, [share()] * 3, (0, 1, 2, 3), []),
        ({"gpus": 0}, [share()] * 4, (), None), ({"gpus": 0, "cpus": 13}, [share(cpus=3)], (), []),
        ({"gpus": 0, "cpus": 14}, [share(cpus=3)], (), None), ({"gpus": 0, "memory": 33 << 30}, [share(memory=32 << 30)], (), None),
        ({"gpus": 0, "memory": 32 << 30}, [share(memory=32 << 30)], (), []),
    ],
)  # fmt: skip
def test_a_run_starts_when_all_it_needs_is_free(
    spec: dict[str, Any], taken: list[dict[str, Any]], busy: tuple[int, ...], gpus: list[int] | None
) -> None:
    limits = choose.limits({}, GPU)
    assert choose.fits(choose.needs(spec, limits), taken, limits, busy) == gpus


specs = st.fixed_dictionaries(
    {}, optional={"cpus": st.integers(0, 9), "gpus": st.integers(0, 5), "memory": st.integers(0, 9)}
)


@given(st.lists(specs, max_size=30), st.sets(st.integers(0, 3)), st.integers(1, 6))
def test_no_more_is_taken_than_there_is(wishes: list[dict[str, int]], busy: set[int], slots: int) -> None:
    limits = choose.limits({"slots": slots, "memory": 20}, {"cores": 8, "memory": 64, "gpus": [0, 1, 2, 3]})
    taken: list[dict[str, Any]] = []
    for spec in wishes:
        need = choose.needs(spec, limits)
        gpus = choose.fits(need, taken, limits, busy)
        if gpus is not None:
            assert not choose.never_fits(need, limits)
            taken.append(share(need["cpus"], gpus, need["memory"]))
    used = [gpu for item in taken for gpu in item["gpus"]]
    assert len(used) == len(set(used))
    assert not set(used) & busy
    assert len(taken) <= slots
    assert sum(item["cpus"] for item in taken) <= limits.cpus
    assert sum(item["memory"] for item in taken) <= 20


def test_higher_priority_goes_first_then_the_older() -> None:
    def batch(token: str, priority: int, created: float) -> SimpleNamespace:
        return SimpleNamespace(token=token, priority=priority, spec={"created": created})

    batches = [
        batch("a", 0, 5.0),
        batch("b", 1, 9.0),
        batch("c", 0, 4.0),
        batch("d", -1, 1.0),
        batch("e", 1, 9.0),
    ]
    assert [item.token for item in choose.order(batches)] == ["b", "e", "c", "a", "d"]


ranges = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)).map(sorted), max_size=6)


@given(ranges, ranges)
def test_releasing_leaves_the_other_held_runs_held(held: list[list[int]], released: list[list[int]]) -> None:
    def members(pairs: list[list[int]]) -> set[int]:
        return {index for first, last in pairs for index in range(first, last + 1)}

    assert members(acts.subtract(held, released)) == members(held) - members(released)
