"""Conditions: a fold over points that comes to the same firings, whoever repeats it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neronet.wire.conditions import COMPARATORS, Conditions, explain


def condition(
    ident: str = "c",
    comparator: str = "gt",
    limit: float = 50.0,
    after: float | None = None,
    name: str = "loss",
) -> dict[str, Any]:
    return {
        "id": ident,
        "variablename": name,
        "killvalue": limit,
        "comparator": comparator,
        "after": after,
        "action": "kill",
    }


def short(firings: list[Any]) -> list[tuple[str, float, int]]:
    return [(item["id"], value, offset) for item, value, offset in firings]


@pytest.mark.parametrize(
    ("comparator", "fires", "rests"),
    [
        ("gt", [50.1, math.inf], [50.0, 49, math.nan]), ("lt", [49, -math.inf], [50, 51, math.nan]),
        ("eq", [50], [50.1, math.nan]), ("geq", [50, 51], [49.9, math.nan]), ("leq", [50, 49], [50.1, math.nan]),
        ("nan", [math.nan], [50, math.inf]), ("inf", [math.inf, -math.inf], [50, math.nan]),
    ],
)  # fmt: skip
def test_each_comparator(comparator: str, fires: list[float], rests: list[float]) -> None:
    for value in fires:
        assert short(Conditions([condition(comparator=comparator)]).feed("loss", value, 7, 0.0)) == [
            ("c", value, 7)
        ]
    for value in rests:
        assert Conditions([condition(comparator=comparator)]).feed("loss", value, 7, 0.0) == []


def test_a_condition_fires_once_a_run() -> None:
    conditions = Conditions([condition()])
    assert short(conditions.feed("loss", 60, 0, 0.0)) == [("c", 60, 0)]
    assert conditions.feed("loss", 70, 8, 1.0) == []


def test_only_its_own_metric_counts() -> None:
    assert Conditions([condition()]).feed("accuracy", 60, 0, 0.0) == []


def test_several_conditions_on_one_metric_are_heard() -> None:
    conditions = Conditions([condition("a"), condition("b", "geq", 60), condition("d", "lt")])
    assert short(conditions.feed("loss", 60, 0, 0.0)) == [("a", 60, 0), ("b", 60, 0)]


def test_time_n_checks_the_last_value_once_the_time_has_come() -> None:
    conditions = Conditions([condition(after=60.0)])
    assert conditions.next_tick() is None
    assert conditions.feed("loss", 90, 0, 10.0) == []
    assert conditions.feed("loss", 70, 9, 50.0) == []
    assert conditions.next_tick() == 60.0
    assert conditions.tick(59.9) == []
    assert short(conditions.tick(60.0)) == [("c", 70, 9)]
    assert conditions.next_tick() is None


def test_time_n_checks_each_value_after_that() -> None:
    conditions = Conditions([condition(after=60.0)])
    conditions.feed("loss", 10, 0, 50.0)
    assert conditions.tick(60.0) == []
    assert conditions.feed("loss", 20, 9, 61.0) == []
    assert short(conditions.feed("loss", 51, 18, 62.0)) == [("c", 51, 18)]


def test_a_value_that_was_better_before_the_time_came_does_not_count() -> None:
    conditions = Conditions([condition(after=60.0)])
    conditions.feed("loss", 90, 0, 10.0)
    conditions.feed("loss", 10, 9, 20.0)
    assert conditions.tick(100.0) == []


def test_the_value_at_the_time_counts_though_nobody_looked_then() -> None:
    conditions = Conditions([condition(after=60.0)])
    conditions.feed("loss", 90, 0, 10.0)
    assert short(conditions.feed("loss", 10, 9, 70.0)) == [("c", 90, 0)]


def test_what_a_dead_watcher_said_is_not_said_again() -> None:
    conditions = Conditions([condition()])
    conditions.said("c")
    assert conditions.feed("loss", 90, 0, 10.0) == []


points = st.lists(
    st.tuples(st.sampled_from(["loss", "acc"]), st.sampled_from([0.0, 49.0, 50.0, 51.0, math.nan, math.inf])),
    max_size=20,
)
sets = st.lists(
    st.builds(condition, st.uuids().map(str), st.sampled_from(sorted(COMPARATORS)), st.just(50.0),
              st.none() | st.sampled_from([0.0, 3.0, 7.5, 100.0]), st.sampled_from(["loss", "acc"])),
    max_size=4,
)  # fmt: skip


@given(sets, points, st.sets(st.integers(0, 20)))
def test_the_fold_comes_to_the_same_firings_with_and_without_ticks(
    conditions: list[dict[str, Any]], series: list[tuple[str, float]], looked: set[int]
) -> None:
    def fold(ticks: set[int]) -> list[tuple[str, str, int]]:
        state, found = Conditions(conditions), []
        for number, (name, value) in enumerate(series):
            if number in ticks:
                found += state.tick(float(number))
            found += state.feed(name, value, number, float(number))
        found += state.tick(1000.0)
        return sorted((item["id"], repr(value), offset) for item, value, offset in found)

    assert fold(looked) == fold(set())


@pytest.mark.parametrize(
    ("comparator", "value", "text"),
    [
        ("gt", 67.01, "condition c, 67.01 > 50"), ("leq", -0.5, "condition c, -0.5 <= 50"), ("eq", 50.0, "condition c, 50 == 50"),
        ("nan", math.nan, "condition c, nan is nan"), ("inf", -math.inf, "condition c, -inf is inf"),
    ],
)  # fmt: skip
def test_a_firing_is_explained(comparator: str, value: float, text: str) -> None:
    assert explain(condition(comparator=comparator), value) == text
