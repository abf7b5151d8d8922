"""Comparing runs: axes, brushes, what is best, as a widget without a browser."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_runs import Printed, make_runs, sweep

from neronet import Neroman
from neronet.errors import InputError
from neronet.store.points import Last
from neronet_jupyter import widget
from neronet_jupyter.figures import Compare, columns

Open = Callable[[Any], Any]


def test_numbers_stand_at_their_places_and_texts_in_equal_distances() -> None:
    lr = columns.of_texts("lr", ["0.1", "0.001", "0.01", None])
    assert lr.log and lr.places == [1.0, 0.0, 0.5, -1.0]
    assert lr.ticks == [(0.0, "0.001"), (0.5, "0.01"), (1.0, "0.1")]
    opt = columns.of_texts("opt", ["sgd", "adamw", "sgd"])
    assert opt.places == [0.75, 0.25, 0.75] and opt.separate
    depth = columns.of_texts("depth", [str(n) for n in range(100)])
    assert not depth.separate and depth.places[50] == pytest.approx(50 / 99, abs=1e-3)


@pytest.mark.parametrize(
    "values", [[], [3.0], [0.0, 0.0], [math.nan], [math.inf, 1.0], [-1e308, 1e308], [1e-320, 1.0]]
)
def test_any_values_make_an_axis(values: list[float]) -> None:
    column = columns.of_numbers("loss", np.array(values))
    assert len(column.places) == len(values)
    assert all(place == columns.NOWHERE or 0 <= place <= 1 for place in column.places)
    assert all(0 <= at <= 1 for at, _ in column.ticks)


def test_a_brush_reads_as_a_sentence() -> None:
    error = columns.of_numbers("val_error", np.array([6.0, 60.0]))
    assert columns.brush_text(error, 0.0, columns.place(error, 8.0)) == "val_error ≤ 8"
    assert columns.brush_text(error, columns.place(error, 20.0), 1.0) == "val_error ≥ 20"
    lr = columns.of_texts("lr", ["0.1", "0.001", "0.01"])
    assert columns.brush_text(lr, 0.4, 1.0) == "lr 0.01 to 0.1"
    assert columns.brush_text(lr, 0.4, 0.6) == "lr 0.01"


def test_brushes_filter_and_tell_who_listens(neroman: Neroman, tmp_path: Path, page: Open) -> None:
    sweep(neroman.store, tmp_path)
    compare = Compare(metric="val_error", neroman=neroman)
    heard: list[tuple[int, ...]] = []
    compare.on_select(heard.append)
    shown = page(compare)
    state = shown.until(lambda state: state["axes"])
    assert [axis["name"] for axis in state["axes"]] == ["lr", "opt", "depth", "seed", "val_error"]
    assert state["about"] == "42 runs, 2 of them not ended; #17 left out (failed)"
    assert 17 not in state["numbers"] and len(state["numbers"]) == 41
    compare.brush("val_error", 0, 8)
    compare.brush("opt", "adamw", "adamw")
    state = shown.until(lambda state: len(state["brushes"]) == 2)
    assert [brush["text"] for brush in state["brushes"]] == ["opt adamw", "val_error ≤ 8"]
    assert heard[-1] == compare.selected
    rows = {run.number: run for run in neroman.runs()}
    wanted = [
        n
        for n in state["numbers"]
        if rows[n].metrics["val_error"] <= 8 and rows[n].parameters["opt"] == "adamw"
    ]
    assert list(compare.selected) == wanted and state["within"] == len(wanted) > 0
    shown.ask("brush", axis="opt", low=0, high=1)
    shown.ask("brush", axis="val_error", low=0, high=1)
    shown.until(lambda state: not state["brushes"])
    assert len(compare.selected) == 41


def test_the_best_settings_pool_their_seeds(neroman: Neroman, tmp_path: Path, page: Open) -> None:
    sweep(neroman.store, tmp_path)
    shown = page(Compare(metric="val_error", neroman=neroman))
    state = shown.until(lambda state: state["best"])
    assert state["repeats"] == ["seed"] and state["overRepeats"]
    best = state["best"][0]
    assert best["text"] == "0.001 adamw 56" and len(best["values"]) == 3
    assert best["mean"] == pytest.approx(sum(best["values"]) / 3)
    shown.ask("largest", value=True)
    worst = shown.until(lambda state: state["largest"])["best"][0]
    assert worst["mean"] > best["mean"]


def test_what_matters_is_told_apart_from_chance(neroman: Neroman, tmp_path: Path, page: Open) -> None:
    sweep(neroman.store, tmp_path)
    state = page(Compare(metric="val_error", neroman=neroman)).until(lambda state: state["importance"])
    told = {one["name"]: one for one in state["importance"]}
    assert told["lr"]["matters"] and not told["seed"]["matters"]
    assert state["x"] == "lr"


def test_two_parameters_make_a_heat_map(neroman: Neroman, tmp_path: Path, page: Open) -> None:
    sweep(neroman.store, tmp_path)
    shown = page(Compare(metric="val_error", neroman=neroman))
    shown.ask("shape", value="depth")
    state = shown.until(lambda state: state["heat"])
    assert len(state["heat"]) == 8
    assert sum(cell[3] for cell in state["heat"]) == 41


@pytest.mark.usefixtures("swift")
def test_runs_without_a_value_wait_outside(neroman: Neroman, page: Open) -> None:
    compare = Compare(neroman=neroman)
    shown = page(compare)
    assert shown.until(lambda state: "about" in state)["about"] == "no runs yet"
    numbers = make_runs(neroman.store, [{"lr": str(i)} for i in range(6)])
    printed = Printed(neroman.store)
    for number in numbers[:4]:
        printed.add(number, "loss", [1.0 * number])
    state = shown.until(lambda state: len(state["numbers"]) == 4)
    assert state["about"] == "6 runs, 6 of them not ended; 2 without a value yet"
    assert compare.selected == tuple(numbers[:4])


@pytest.mark.usefixtures("swift")
def test_what_could_not_be_read_is_read_again(
    neroman: Neroman, page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(widget, "FAILED", 0.01)
    [number] = make_runs(neroman.store, [{"lr": "0.1"}])
    printed = Printed(neroman.store)
    printed.add(number, "loss", [3.0])
    compare = Compare(neroman=neroman)
    shown = page(compare)
    shown.until(lambda state: state["values"] == [3.0])
    last, failed = neroman.store.points.last, []

    def fails_once(numbers: set[int]) -> dict[int, Last]:
        if not failed:
            failed.append(numbers)
            raise OSError("the disk does not answer")
        return last(numbers)

    monkeypatch.setattr(neroman.store.points, "last", fails_once)
    printed.add(number, "loss", [2.0])
    shown.until(lambda state: state["values"] == [2.0], 10.0)
    assert failed


def test_what_is_not_there_is_refused(neroman: Neroman, tmp_path: Path) -> None:
    sweep(neroman.store, tmp_path)
    with pytest.raises(InputError, match="no metric val_eror"):
        Compare(metric="val_eror", neroman=neroman)
    compare = Compare(metric="val_error", neroman=neroman)
    with pytest.raises(InputError, match="no axis rl"):
        compare.brush("rl", 0, 1)
    with pytest.raises(InputError, match="no run has opt adam"):
        compare.brush("opt", "adam", "adam")


def test_two_thousand_runs_are_compared_in_a_moment(neroman: Neroman, page: Open) -> None:
    noise = np.random.default_rng(0)
    grid = [{"lr": str(10.0 ** -(i % 5)), "width": str(16 << i % 4), "seed": str(i)} for i in range(2000)]
    numbers = make_runs(neroman.store, grid)
    printed = Printed(neroman.store)
    with neroman.store.transaction():
        for number in numbers:
            printed.add(number, "loss", [float(noise.normal())])
    compare = Compare(metric="loss", neroman=neroman)
    page(compare).until(lambda state: state["axes"])
    began = time.thread_time()
    compare.brush("lr", "0.01", "1.0")
    assert len(compare.selected) == 1200
    assert time.thread_time() - began < 0.1
    began = time.thread_time()
    compare.render()
    assert time.thread_time() - began < 2.0
