"""The rules across runs: what they compare, whom they spare, and that order and repetition do not matter."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neronet.spec.experiment import StopLosers
from neronet.wire.losers import FEW, MOST, Course, Losers, explain, following, follows


def rule(**words: Any) -> dict[str, Any]:
    return StopLosers(
        **{"metric": "error", "goal": "minimize", "min_points": 4, "keep": 2, **words}
    ).to_json()


def fed(judge: Losers, values: dict[int, float | None], point: int = 4) -> dict[int, dict[str, Any]]:
    """Run -> the evidence of its stop, when these values come one by one."""
    return {
        run: evidence
        for entry in values.items()
        for run, _, evidence in judge.feed([(entry[0], point, entry[1])])
    }


def test_a_median_stops_the_worse_half_and_says_with_whom_it_compared() -> None:
    found = fed(Losers(rule()), dict(enumerate([1.0, 2.0, 3.0, 4.0, 5.0])))
    assert set(found) == {3, 4}
    evidence = found[4]
    assert (evidence["value"], evidence["threshold"], evidence["runs"]) == (5.0, 3.0, 5)
    assert evidence["others"] == [[0, 1.0], [1, 2.0], [2, 3.0], [3, 4.0]]
    assert evidence["kept"] == [0, 1]
    assert explain(evidence) == "stop_losers, error 5 at point 4 is worse than the median 3 of 4 runs"


def test_halving_lets_the_best_third_go_on() -> None:
    judged = Losers(rule(rule="halving")).feed([(n, 4, float(n)) for n in range(9)])
    found = {run: evidence for run, _, evidence in judged}
    assert set(found) == {3, 4, 5, 6, 7, 8}
    assert explain(found[8]).endswith("error 8 at point 4 is not among the best 1/3 of 9 runs, which is 2")


def test_a_goal_to_maximize_turns_it_around() -> None:
    found = fed(Losers(rule(goal="maximize")), {n: float(n) for n in range(5)})
    assert set(found) == {0, 1}
    assert found[0]["threshold"] == 2.0


def test_nobody_is_judged_before_a_few_have_come_and_who_came_first_is_judged_then() -> None:
    judge = Losers(rule())
    assert not fed(judge, {0: 9.0, **{n: float(n) for n in range(1, FEW - 1)}})
    assert 0 in fed(judge, {FEW: 1.5})


def test_who_went_on_is_not_judged_by_what_it_was_before() -> None:
    judge = Losers(rule())
    assert not fed(judge, {0: 9.0, 1: 1.0, 2: 2.0})
    assert not judge.feed([(0, 6, 0.5)])
    assert 0 not in fed(judge, {n: float(n) for n in range(3, 9)})


@pytest.mark.parametrize("goal", ["minimize", "maximize"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_worst(value: float, goal: str) -> None:
    course = Course(rule(goal=goal))
    reached = [course.feed(each) for each in (1.0, 2.0, 3.0, value)]
    assert reached == [None, None, None, (4, None)]
    found = fed(Losers(rule(goal=goal)), {0: None, **dict.fromkeys(range(1, 6), 5.0)})
    assert list(found) == [0]
    assert follows(found[0])
    assert "error nan at point 4" in explain(found[0])


def test_runs_that_all_diverge_are_stopped_only_while_enough_are_left() -> None:
    judge = Losers(rule())
    assert not fed(judge, dict.fromkeys(range(10), None))
    assert set(fed(judge, {10: 1.0, 11: 2.0})) == set(range(10))


def test_a_course_gives_the_best_so_far_at_growing_checkpoints() -> None:
    course = Course(rule())
    reached = [course.feed(value) for value in (3, 1, 2, 4, 5, 0.5, 7, 8, 9)]
    assert [each for each in reached if each] == [(4, 1), (6, 0.5), (9, 0.5)]
    points = [0]
    for _ in range(30):
        points.append(following(rule(min_points=1), points[-1]))
    assert points[1:6] == [1, 2, 3, 5, 8]
    assert points[-1] > 100_000, "a long run is compared seldom"
    assert following(rule(rule="halving"), 12) == 36


Entries = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from([4, 6, 9]), st.one_of(st.none(), st.floats(0, 9))),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(
    entries=Entries,
    seed=st.integers(0, 99),
    keep=st.integers(1, 4),
    name=st.sampled_from(["median", "halving"]),
)
def test_what_is_known_is_a_set_and_enough_runs_always_live(
    entries: list[tuple[int, int, float | None]], seed: int, keep: int, name: str
) -> None:
    known: list[tuple[int, int, float | None]] = []
    words = rule(keep=keep, rule=name)
    judge = Losers(words)
    stopped: list[int] = []
    for entry in entries:
        if entry[0] in stopped:
            continue  # it prints no more
        known.append(entry)
        for run, point, evidence in judge.feed([entry]):
            stopped.append(run)
            assert follows(evidence)
            assert point == max(at for other, at, _ in known if other == run)
    assert len(set(stopped)) == len(stopped), "stopped twice"
    runs = {run for run, *_ in known}
    assert not stopped or len(runs - set(stopped)) >= keep
    # Who takes over knows the values and who was stopped: in whatever order, and told again, nothing new follows.
    first = {entry[:2]: entry for entry in reversed(known)}
    told = 2 * list(first.values())
    random.Random(seed).shuffle(told)
    again = Losers(words)
    for run in stopped:
        again.leave(run)
    assert again.feed(told) == []


def test_a_changed_evidence_does_not_follow() -> None:
    evidence = fed(Losers(rule()), dict(enumerate([1.0, 2.0, 3.0, 4.0, 5.0])))[4]
    assert follows(evidence)
    assert not follows({**evidence, "value": 2.0})
    assert not follows({**evidence, "threshold": 2.5})
    assert not follows({**evidence, "others": evidence["others"][:-1]})
    assert not follows({**evidence, "kept": [0]})


def test_an_evidence_stays_small_and_keeps_the_siblings_next_to_the_threshold() -> None:
    judged = Losers(rule()).feed([(n, 4, float(n)) for n in range(2000)])
    evidence = judged[0][2]
    assert (evidence["runs"], evidence["value"], evidence["threshold"]) == (2000, 1999.0, 999.0)
    assert len(evidence["others"]) == MOST
    assert {998, 999, 1000} <= {run for run, _ in evidence["others"]}
