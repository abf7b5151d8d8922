"""Conditions: a fold over points that comes to the same firings, whoever repeats it."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neronet.wire.conditions import COMPARATORS, SILENT, SLOPES, STALLED, WORDS, Conditions, evidence, explain
from neronet.wire.points import parse_line, parse_stepped

INF, NAN = math.inf, math.nan


def condition(
    ident: str = "c",
    comparator: str = "gt",
    limit: float = 50.0,
    after: float | None = None,
    name: str = "loss",
    **fields: Any,
) -> dict[str, Any]:
    base = {"id": ident, "variablename": name, "killvalue": limit, "comparator": comparator, "action": "kill"}
    return {**base, "after": after, **fields}


def short(firings: list[Any]) -> list[tuple[str, float, int]]:
    return [(firing.condition["id"], firing.value, firing.offset) for firing in firings]


def fold(one: dict[str, Any], values: list[float], steps: list[float] | None = None) -> list[int]:
    """The numbers of the points (one a second) at which a condition fires."""
    state, found = Conditions([one]), []
    for number, value in enumerate(values):
        step = None if steps is None else steps[number]
        found += state.feed("loss", value, number, float(number), step)
    return [firing.offset for firing in found]


# What each comparator says of each value against 50.
TRUTH = {
    #       49     50     51     inf    -inf   nan
    "gt":  (False, False, True,  True,  False, False),
    "lt":  (True,  False, False, False, True,  False),
    "eq":  (False, True,  False, False, False, False),
    "geq": (False, True,  True,  True,  False, False),
    "leq": (True,  True,  False, False, True,  False),
    "nan": (False, False, False, False, False, True),
    "inf": (False, False, False, True,  True,  False),
}  # fmt: skip
VALUES = (49.0, 50.0, 51.0, INF, -INF, NAN)


def test_the_table_of_truth_has_every_comparator() -> None:
    assert set(TRUTH) == set(COMPARATORS)
    assert set(WORDS) == {*TRUTH, *SLOPES, STALLED, SILENT}


@pytest.mark.parametrize("when", ["immediately", "time, before it", "time, behind it", "for"])
@pytest.mark.parametrize(
    ("comparator", "value", "fires"),
    [(word, value, fires) for word in TRUTH for value, fires in zip(VALUES, TRUTH[word], strict=True)],
)
def test_each_comparator_with_each_value_and_each_when(
    comparator: str, value: float, fires: bool, when: str
) -> None:
    said: list[Any] = []
    if when == "immediately":
        said = Conditions([condition(comparator=comparator)]).feed("loss", value, 7, 0.0)
    elif when == "for":
        state = Conditions([condition(comparator=comparator, times=2)])
        assert state.feed("loss", value, 3, 0.0) == []
        said = state.feed("loss", value, 7, 0.0)
    else:
        state = Conditions([condition(comparator=comparator, after=60.0)])
        elapsed = 59.9 if when == "time, before it" else 60.0
        said = state.feed("loss", value, 7, elapsed)
        if when == "time, before it":
            assert said == []
            said = state.tick(60.0)
    assert [(firing.offset, repr(firing.value)) for firing in said] == ([(7, repr(value))] if fires else [])


@pytest.mark.parametrize("limit", [INF, -INF, 0.0, -0.0])
def test_limits_that_are_infinite_or_zero_compare_as_numbers_do(limit: float) -> None:
    for word, compare in (("gt", float.__gt__), ("eq", float.__eq__), ("leq", float.__le__)):
        for value in (-INF, -1.0, -0.0, 0.0, 1.0, INF, NAN):
            assert bool(fold(condition(comparator=word, limit=limit), [value])) == compare(value, limit)


# -- what is a value at all


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e3", 1000.0), (".5", 0.5), ("5.", 5.0), ("+5", 5.0), ("-0.0", -0.0), ("1E+2", 100.0), ("-.5e-1", -0.05),
        ("nan", NAN), ("NaN", NAN), ("-nan", NAN), ("inf", INF), ("Infinity", INF), ("-INF", -INF), ("007", 7.0),
        ("1e999", INF), ("0x10", None), ("1_000", None), ("1,5", None), ("five", None), ("1e", None), ("--1", None),
        (".", None), ("1 2", None), ("5%", None), ("5 %", None), ("= 5", None), ("infinit", None), ("", None),
    ],
)  # fmt: skip
def test_values_in_every_notation(text: str, value: float | None) -> None:
    found = parse_line(b"loss " + text.encode())
    assert repr(found) == repr(None if value is None else ("loss", value))


@pytest.mark.parametrize(
    "line",
    ["loss: 60", "the loss 60", "loss 60 of 100", "loss=60", "loss60", "60 loss", "loss", "epoch 3 loss 60"],
)
def test_lines_with_more_words_or_less_are_no_points(line: str) -> None:
    assert parse_line(line.encode()) is None


def test_a_name_that_begins_like_another_is_another() -> None:
    state = Conditions([condition("a", name="var1"), condition("b", name="var151", limit=500.0)])
    for name, value in (("var151", 60.0), ("var", 60.0), ("var11", 60.0), ("Var1", 60.0), ("var1.x", 60.0)):
        assert state.feed(name, value, 0, 0.0) == []
        assert parse_line(b"%s 60" % name.encode()) == (name, 60.0)
    assert short(state.feed("var1", 60.0, 9, 0.0)) == [("a", 60.0, 9)]


def test_the_points_file_gives_steps() -> None:
    assert parse_stepped(b"loss 60 3") == ("loss", 60.0, 3.0)
    assert parse_stepped(b"loss 60 nan") is None


# -- in a row


def test_for_n_counts_points_in_a_row() -> None:
    three = condition(times=3)
    assert fold(three, [60, 60, 40, 60, 60]) == []
    assert fold(three, [60, 60, 40, 60, 61, 62, 63]) == [6 - 1]
    assert fold(three, [60, NAN, 60, 60]) == []
    assert fold(condition(comparator="nan", times=2), [NAN, 1, NAN, NAN]) == [3]


def test_for_n_with_time_n_counts_the_row_that_began_before() -> None:
    state = Conditions([condition(after=10.0, times=2)])
    assert state.feed("loss", 60, 0, 8.0) == [] == state.feed("loss", 60, 1, 9.0)
    assert state.next_tick() == 10.0
    assert short(state.tick(10.0)) == [("c", 60, 1)]


# -- stalled


@pytest.mark.parametrize(
    ("values", "fires"),
    [
        ([5, 4, 3, 2, 1, 0], []),
        ([5, 4, 4, 4, 4], [4]),  # only as good is not better
        ([5, 6, 7, 4, 5, 6, 3, 9, 9, 9], [9]),
        ([5, NAN, NAN, NAN], [3]),
        ([NAN, NAN, NAN, 1], [2]),  # never any best one
        ([NAN, 5, INF, INF, INF], [4]),
        ([INF, INF, 5, 4], []),
        ([-INF, -INF, -1e9, 3], [3]),
    ],
)
def test_stalled_is_no_new_best_for_so_many_points(values: list[float], fires: list[int]) -> None:
    assert fold(condition(comparator="stalled", points=3), values) == fires
    mirrored = [-value for value in values]
    assert fold(condition(comparator="stalled", points=3, goal="maximize"), mirrored) == fires


def test_a_new_best_must_be_better_by_so_much() -> None:
    creeping = [1.0, 0.75, 0.5, 0.25]
    assert fold(condition(comparator="stalled", points=2, by=0.5), creeping) == []  # 0.5 is, against 1.0
    assert fold(condition(comparator="stalled", points=2, by=0.5), [1.0, 0.75, 0.625, 0.5]) == [2]
    assert fold(condition(comparator="stalled", points=2, by=0.0), [1.0, 0.999, 0.998]) == []


def test_what_stalled_tells() -> None:
    state = Conditions([condition(comparator="stalled", points=2)])
    state.feed("loss", 3.5, 0, 10.0)
    state.feed("loss", 4.0, 9, 20.0)
    (firing,) = state.feed("loss", 3.75, 18, 30.0)
    assert explain(firing) == "condition c, no new best for 2 points: the best is 3.5"
    assert evidence(firing) == {
        "condition": "c", "action": "kill", "comparator": "stalled", "metric": "loss", "value": 3.75, "limit": 2,
        "offset": 18, "step": None, "elapsed": 30.0, "points": 2, "best": 3.5, "since": 10.0,
    }  # fmt: skip


# -- slopes


@pytest.mark.parametrize(
    ("comparator", "limit", "values", "fires"),
    [
        ("slope_gt", 0.0, [3, 2, 1, 0], []),
        ("slope_gt", 0.0, [1, 1, 1, 1], []),
        ("slope_geq", 0.0, [1, 1, 1, 1], [2]),
        ("slope_gt", 0.0, [3, 2, 2, 3, 4], [3]),
        ("slope_gt", -0.1, [9, 8, 7, 7.0, 6.99], [4]),
        ("slope_lt", -5.0, [0, -1, -20], [2]),
        ("slope_leq", -1.0, [3, 2, 1], [2]),
        ("slope_gt", 0.0, [1, 2], []),  # fewer than the points that it is of
        ("slope_gt", 0.0, [1, NAN, 2, INF, 3], [4]),  # what is no number is left out
        ("slope_gt", 0.0, [1e308, -1e308, 1e308], []),  # beyond what numbers hold
    ],
)
def test_the_slope_over_the_last_points(
    comparator: str, limit: float, values: list[float], fires: list[int]
) -> None:
    assert fold(condition(comparator=comparator, limit=limit, points=3), values) == fires


def test_a_slope_counts_in_steps_where_the_program_gives_them() -> None:
    one = condition(comparator="slope_gt", limit=0.5, points=3)
    assert fold(one, [0, 1, 2], [0.0, 1.0, 2.0]) == [2]
    assert fold(one, [0, 1, 2], [0.0, 10.0, 20.0]) == []
    assert fold(one, [0, 1, 2], [5.0, 5.0, 5.0]) == []  # upright: there is none


def test_a_small_slope_of_large_values_is_seen() -> None:
    values = [1e9 + 1e-3 * n for n in range(10)]
    assert fold(condition(comparator="slope_gt", limit=0.9e-3, points=10), values) == [9]
    assert fold(condition(comparator="slope_gt", limit=1.1e-3, points=10), values) == []


# -- silent


def test_silence_fires_when_nothing_was_printed_for_so_long() -> None:
    state = Conditions([condition(comparator="silent", name="", quiet=60.0, action="warn")])
    assert state.heed_silence
    assert state.next_tick(elapsed=100.0, quiet=20.0) == 140.0
    assert state.tick(100.0, quiet=59.9, printed=5) == []
    assert state.feed("", 3.0, 0, 500.0) == []
    (firing,) = state.tick(140.0, quiet=60.5, printed=5)
    assert (firing.value, firing.offset) == (60.5, 5)
    assert explain(firing) == "condition c, no output for 1 minute"
    assert (evidence(firing)["limit"], evidence(firing)["metric"]) == (60.0, None)
    assert state.tick(999.0, quiet=900.0) == []
    assert state.next_tick(999.0, 900.0) is None


def test_silence_before_its_time_is_forgiven() -> None:
    state = Conditions([condition(comparator="silent", name="", quiet=60.0, after=300.0)])
    assert state.tick(200.0, quiet=100.0) == []
    assert state.next_tick(200.0, 100.0) == 300.0
    assert state.tick(300.0, quiet=20.0) == []
    assert len(state.tick(340.0, quiet=60.0)) == 1


# -- once, and by whomever


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


numbers = st.sampled_from([0.0, 49.0, 50.0, 51.0, NAN, INF])
points = st.lists(st.tuples(st.sampled_from(["loss", "acc"]), numbers), max_size=20)
sets = st.lists(
    st.builds(condition, st.uuids().map(str), st.sampled_from(sorted({*COMPARATORS, *SLOPES, STALLED})), st.just(50.0),
              st.none() | st.sampled_from([0.0, 3.0, 7.5, 100.0]), st.sampled_from(["loss", "acc"]),
              points=st.integers(2, 4), times=st.none() | st.integers(1, 3), by=st.none() | st.just(1.0)),
    max_size=4,
)  # fmt: skip


@given(sets, points, st.sets(st.integers(0, 20)), st.integers(0, 20))
def test_the_fold_comes_to_the_same_firings_with_and_without_ticks_and_after_a_takeover(
    conditions: list[dict[str, Any]], series: list[tuple[str, float]], looked: set[int], died: int
) -> None:
    def all_of(ticks: set[int], restart: int | None = None) -> list[tuple[str, str]]:
        state, found = Conditions(conditions), []
        for number, (name, value) in enumerate(series):
            if number == restart:  # the next watcher feeds the same points, and knows what was said
                state = Conditions(conditions)
                for old, (old_name, old_value) in enumerate(series[:number]):
                    state.feed(old_name, old_value, old, float(old))
                for firing in found:
                    state.said(firing.condition["id"])
            if number in ticks:
                found += state.tick(float(number))
            found += state.feed(name, value, number, float(number))
        found += state.tick(1000.0)
        return sorted(
            (firing.condition["id"], json.dumps(evidence(firing), sort_keys=True)) for firing in found
        )

    assert all_of(looked) == all_of(set()) == all_of(set(), died)


@pytest.mark.parametrize(
    ("one", "values", "text"),
    [
        (condition(), [67.01], "condition c, 67.01 > 50"),
        (condition(comparator="leq"), [-0.5], "condition c, -0.5 <= 50"),
        (condition(comparator="eq"), [50.0], "condition c, 50 == 50"),
        (condition(comparator="nan"), [NAN], "condition c, loss is nan"),
        (condition(comparator="inf"), [-INF], "condition c, loss is -inf"),
        (condition(times=2), [60, 70], "condition c, 70 > 50, 2 times in a row"),
        (
            condition(comparator="slope_gt", limit=0.0, points=2),
            [1, 3],
            "condition c, slope 2 > 0 over 2 points",
        ),
        (condition(comparator="stalled", points=1), [NAN], "condition c, no new best for 1 point"),
    ],
)
def test_a_firing_is_explained(one: dict[str, Any], values: list[float], text: str) -> None:
    state, found = Conditions([one]), []
    for value in values:
        found += state.feed("loss", value, 0, 0.0)
    assert [explain(firing) for firing in found] == [text]
