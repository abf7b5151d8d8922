"""What a rule would have done is what it does: recorded runs and live ones are stopped at the same points."""

from __future__ import annotations

import heapq
import json
import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import bench.backtest
import bench.losers
from bench.curves import seeds, sweep
from bench.losers import live
from neronet import Neroman
from neronet.api.backtest import Backtest, parse_condition
from neronet.cli.backtest import summary
from neronet.cli.console import Console
from neronet.cli.main import run as nerocli
from neronet.errors import InputError
from neronet.spec.experiment import StopLosers
from neronet.store.batches import Batch
from neronet.store.runs import NewRun
from neronet.store.store import Store
from neronet.sweep import folder_name
from neronet.wire.conditions import Conditions
from neronet.wire.losers import Course, Losers, follows
from tests.cli.fakes import said

RUNS, PLACES = 200, 12
MEDIAN = StopLosers("error", "minimize")
HALVING = StopLosers("error", "minimize", "halving", 8, 3, 4)
Curves = list[list[float]]


def record(store: Store, curves: Curves, terminated: Mapping[int, str] = {}) -> list[int]:
    """Runs with these curves, PLACES at a time, a point about each 10 s; every 17th fails in the middle.
    terminated: run -> why it is so."""
    dice = random.Random(5)
    new = [
        NewRun(f"c/n={n}", "c", (), {"n": str(n)}, ("run", str(n)), "5" * 64, "a" * 16, n, "node", 0.0)
        for n in range(len(curves))
    ]
    with store.transaction(durable=True):
        store.batches.add(Batch("a" * 16, "node", "place", "c", "5" * 64, 1, "accepted", 0.0), {})
        numbers = store.runs.add(new, folder_name)
    free = [1000.0] * PLACES
    for number, curve in zip(numbers, curves, strict=True):
        begun = time = heapq.heappop(free)
        points: list[tuple[float, Any]] = []
        for n, value in enumerate(curve[: len(curve) // 2] if number % 17 == 0 else curve):
            time += dice.uniform(8.0, 12.0)
            points.append((time, [["error", value, 10 * n, None]]))
        store.points.add(number, 1, 0, points)
        store.attempts.report(number, 1, "running", started=begun)
        state = "terminated" if number in terminated else "failed" if number % 17 == 0 else "finished"
        store.attempts.report(number, 1, state, terminated.get(number, ""), ended=time + 1.0)
        store.attempts.complete(number, 1)
        heapq.heappush(free, time)
    return numbers


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neroman]:
    dice = random.Random(1)
    curves = [
        [math.nan if dice.random() < 0.01 else value for value in curve]
        for seed in seeds()[:4]
        for curve in sweep(seed, RUNS // 4, 60).curves
    ]
    with Neroman(tmp_path_factory.mktemp("home")) as neroman:
        record(neroman.store, curves)
        yield neroman


def replay(store: Store, rule: StopLosers) -> dict[int, int]:
    """Run -> the number of points after which it is stopped when every point is judged as it comes."""
    rows = store.runs.find()
    coming: list[tuple[float, int, float | None]] = []
    for row in rows:
        points = store.points.read(row.number, rule.metric)
        coming += [(time, row.number, value) for time, value in zip(points.time, points.value, strict=True)]
        if row.state != "finished" and row.ended is not None:
            coming.append((row.ended, row.number, None))
    judge = Losers(rule.to_json())
    courses = {row.number: Course(judge.rule) for row in rows}
    seen = dict.fromkeys(courses, 0)
    stopped: dict[int, int] = {}
    for _, run, value in sorted(coming, key=lambda item: item[:2]):
        if run in stopped:
            continue
        if value is None:
            judge.leave(run)
            continue
        seen[run] += 1
        if (reached := courses[run].feed(value)) is not None:
            for loser, _, evidence in judge.feed([(run, *reached)]):
                assert follows(evidence)
                stopped[loser] = seen[loser]
    return stopped


@pytest.mark.parametrize("rule", [MEDIAN, HALVING], ids=["median", "halving"])
def test_a_backtest_stops_the_same_runs_at_the_same_points_as_it_would_have_been_live(
    recorded: Neroman, rule: StopLosers
) -> None:
    found = recorded.backtest("c", **rule.to_json())
    expected = replay(recorded.store, rule)
    assert {stop.number: stop.point for stop in found.stopped} == expected
    assert len(expected) > RUNS / 2
    assert found.runs == RUNS
    assert 0.3 < found.percent / 100 < 0.95


CONDITIONS = [
    "error > 0.5", "error < 0.3", "error >= 0.9 after 3", "error <= 0.45 after 5", "error is nan",
    "error is nan after 2", "error is inf", "error > 0.4 after 9.9", "error > 0.1 after 1000", "error == 7",
]  # fmt: skip


@pytest.mark.parametrize("text", CONDITIONS)
def test_a_condition_stops_in_a_backtest_what_the_evaluator_of_the_nodes_stops(
    recorded: Neroman, text: str
) -> None:
    condition = parse_condition(text)
    expected = {}
    for row in recorded.store.runs.find():
        judge, points = Conditions([condition]), recorded.store.points.read(row.number, "error")
        assert row.started is not None and row.ended is not None
        firings: list[Any] = []
        for n, (time, value) in enumerate(zip(points.time, points.value, strict=True)):
            firings += judge.feed("error", value, n, time - row.started)
        firings += judge.tick(row.ended - row.started)
        if firings:
            expected[row.number] = firings[0][2] + 1
    found = recorded.backtest("c", text)
    assert {stop.number: stop.point for stop in found.stopped} == expected
    folded = Backtest.load(recorded.store, recorded.store.runs.numbers(), "error")._fold(condition)
    assert {stop.number: (stop.point, stop.time) for stop in folded} == {
        stop.number: (stop.point, stop.time) for stop in found.stopped
    }


def test_what_is_lost_of_the_best_and_what_is_saved_is_counted(recorded: Neroman) -> None:
    everything = recorded.backtest("c", "error > 0", top=3)
    assert len(everything.best) == 3
    assert everything.lost == everything.best
    assert len(everything.stopped) == RUNS
    rows = {row.number: row for row in recorded.store.runs.find()}
    spent = sum((row.ended or 0) - (row.started or 0) for row in rows.values())
    assert everything.hours == pytest.approx(spent / 3600, rel=1e-6)
    saved = sum((rows[stop.number].ended or 0) - stop.time for stop in everything.stopped)
    assert everything.saved_hours == pytest.approx(saved / 3600)
    assert list(everything.frame().index) == sorted(rows)


def test_what_cannot_be_tried_says_what_to_give(recorded: Neroman) -> None:
    for given, part in [
        ({}, "no metric is given"), ({"metric": "error"}, "no goal is given"),
        ({"metric": "eror", "goal": "minimize"}, "none of these runs has printed a metric eror"),
        ({"metric": "error", "goal": "less"}, "'less' is no goal"),
        ({"metric": "error", "goal": "minimize", "keep": 0}, "keep is 0"),
        ({"condition": "error beyond 5"}, "is no condition"), ({"condition": "error > x"}, "is no condition"),
        ({"condition": "error > 5", "keep": 3}, "a condition has no keep"),
    ]:  # fmt: skip
        with pytest.raises(InputError, match=part) as error:
            recorded.backtest("c", **given)
        assert error.value.hint


def test_the_command_line_says_it_in_a_table_and_as_json(
    recorded: Neroman, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Neroman, "close", lambda _: None)

    def said(*arguments: str) -> str:
        assert nerocli(["backtest", "c", *arguments], lambda _: recorded, Console.of_process()) == 0
        return capsys.readouterr().out

    rule = ["--metric", "error", "--goal", "minimize", "--min-points", "10"]
    told = json.loads(said(*rule, "--json"))
    expected = recorded.backtest("c", metric="error", goal="minimize", min_points=10)
    assert told["percent"] == expected.percent
    assert [stop["number"] for stop in told["stopped"]] == [stop.number for stop in expected.stopped]
    shown = said(*rule)
    assert f"{len(expected.stopped)} of 200 runs would have been stopped" in shown
    assert "stop_losers, error" in shown
    assert "Of the best 5 it would have lost" in said("--condition", "error > 0.4 after 2")


def test_a_table_of_80_columns_tells_why_in_full(recorded: Neroman, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Neroman, "close", lambda _: None)
    rule = ["--metric", "error", "--goal", "minimize"]
    answer = said("backtest", "c", *rule, neroman=recorded, terminal=True)
    assert max(map(len, answer.out.splitlines())) <= 80
    assert "…" not in answer.out
    why = recorded.backtest("c", metric="error", goal="minimize").stopped[0].why
    assert why.split()[-1] in answer.out and "Too narrow for stopped" in answer.err


def test_runs_that_were_cut_when_they_were_recorded_are_told(tmp_path: Path) -> None:
    reasons = {
        3: "stop_losers, error 0.5 at point 10 is worse than the median 0.2 of 9 runs",
        4: "condition high, 67 > 50", 5: "by the user, 2026-03-14 15:09", 6: "",
    }  # fmt: skip
    with Neroman(tmp_path / "home") as neroman:
        record(neroman.store, sweep(seeds()[0], 20, 30).curves, terminated=reasons)
        found = neroman.backtest("c", "error > 0.4")
        assert found.cut == (3, 4) and found.to_json()["cut"] == [3, 4]
        assert "2 runs were ended by stop_losers or a condition when recorded" in summary(found)[-1]
        assert "recorded" not in " ".join(summary(replace(found, cut=())))


@pytest.mark.slow
def test_the_rule_saves_half_of_the_run_time_and_keeps_the_best_run() -> None:
    for seed in seeds():
        made = sweep(seed)
        outcome = live(made, MEDIAN.to_json(), seed)
        assert outcome.saved >= 0.5, seed
        assert outcome.best_kept, seed
        assert len(outcome.evidence) == len(outcome.stopped)
        bests = {}
        for run, curve in enumerate(made.curves):
            course = Course(MEDIAN.to_json())
            reached = [course.feed(value) for value in curve]
            bests[run] = dict(each for each in reached if each is not None)
        for (run, point), why in zip(outcome.stopped.items(), outcome.evidence, strict=True):
            assert follows(why)
            assert (why["point"], why["value"]) == (point, bests[run][point])
            assert all(bests[other][point] == value for other, value in why["others"])


def test_the_benchmarks_print_what_they_promise(capsys: pytest.CaptureFixture[str]) -> None:
    for program, name in ((bench.losers, "median 10"), (bench.backtest, "10 runs of 100")):
        program.main(["--small"])
        (line,) = capsys.readouterr().out.splitlines()
        found = json.loads(line)
        assert found["small"]
        assert {"goal", name} <= set(found)
