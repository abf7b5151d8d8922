"""What figures compute, without widgets."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neronet_jupyter.figures import axes, band, importance, resample, runs
from neronet_jupyter.figures.scene import Curve, Look, build
from neronet_jupyter.figures.smooth import START, smooth

pytestmark = pytest.mark.slow

VALUES = st.floats(width=64)
SOME = st.lists(VALUES, min_size=1, max_size=300)


@given(SOME, st.integers(2, 80))
def test_a_reduced_line_keeps_every_extreme_within_its_bound(values: list[float], points: int) -> None:
    y = np.array(values)
    x = np.arange(len(y), dtype=float)
    small_x, small_y = resample.reduce(x, y, points)
    assert len(small_x) == len(small_y) <= max(points, 2)
    assert not np.isnan(small_x).any()
    assert (np.diff(small_x) >= 0).all()
    assert small_x[0] == x[0] and small_x[-1] == x[-1]
    known = y[~np.isnan(y)]
    if len(known):
        assert np.nanmin(small_y) == known.min() and np.nanmax(small_y) == known.max()
    else:
        assert np.isnan(small_y).all()


@given(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=300), SOME, st.integers(2, 80))
def test_a_line_that_goes_back_and_forth_is_reduced_too(
    xs: list[float], values: list[float], points: int
) -> None:
    n = min(len(xs), len(values))
    x, y = np.array(xs[:n]), np.array(values[:n])
    small_x, small_y = resample.reduce(x, y, points)
    assert len(small_x) == len(small_y) <= max(points, 2)
    known = y[~np.isnan(y)]
    if len(known):
        assert np.nanmin(small_y) == known.min() and np.nanmax(small_y) == known.max()


def test_a_gap_wider_than_a_pixel_stays_a_gap() -> None:
    y = np.sin(np.arange(10_000.0))
    y[4000:6000] = np.nan
    _, small = resample.reduce(np.arange(10_000.0), y, 200)
    assert np.isnan(small[85:115]).all() and not np.isnan(small[:78]).any()


@pytest.mark.parametrize("lines", [1, 5, 20, 50, 2000, 9000])
def test_all_lines_together_have_no_more_points_than_a_page_can_draw(lines: int) -> None:
    assert lines * resample.share(lines, 900) <= resample.TOTAL


def test_a_window_goes_on_to_the_edges() -> None:
    x = np.arange(100.0)
    assert resample.window(x, x, 10.5, 20.5)[0].tolist() == list(range(10, 22))
    assert len(resample.window(x, x, 200, 300)[0]) == 1


@given(SOME, st.booleans())
def test_what_is_clipped_is_drawn_or_a_gap(values: list[float], log: bool) -> None:
    y = np.array(values)
    found = resample.clip(y, 0.5, 10.0, log)
    assert np.array_equal(np.isnan(found.y), np.isnan(y))
    assert np.all(np.abs(found.y[~np.isnan(y)]) <= resample.HUGE)
    assert not log or np.all(found.y[~np.isnan(y)] > 0)


@given(SOME)
def test_float32_is_used_only_where_nobody_sees_it(values: list[float]) -> None:
    y = np.array(values)
    known = resample.finite(y)
    small = resample.compact(y)
    if len(known) and known.max() > known.min():
        seen = resample.finite(small.astype(float))
        assert len(seen) == len(known)
        assert np.max(np.abs(seen - known)) <= (known.max() - known.min()) / 1000


FINITE = st.floats(-resample.HUGE, resample.HUGE, allow_subnormal=True)


@given(FINITE, FINITE, st.integers(1, 12))
@settings(max_examples=300)
def test_an_axis_can_always_be_drawn(a: float, b: float, count: int) -> None:
    low, high = min(a, b), max(a, b)
    for make in (axes.linear, axes.seconds):
        for exact in (False, True):
            scale = make(low, high, count, exact)
            assert math.isfinite(scale.low) and math.isfinite(scale.high) and scale.low < scale.high
            assert len(scale.ticks) == len(scale.labels) <= 40
            assert all(map(math.isfinite, scale.ticks))
            span = scale.high - scale.low
            assert exact or (scale.low <= low + span * 1e-6 and scale.high >= high - span * 1e-6)


@given(st.floats(1e-300, 1e300), st.floats(1e-300, 1e300), st.integers(1, 12))
@settings(max_examples=300)
def test_a_logarithmic_axis_can_always_be_drawn(a: float, b: float, count: int) -> None:
    low, high = min(a, b), max(a, b)
    scale = axes.logarithmic(low, high, count)
    assert 0 < scale.low < scale.high < math.inf
    assert len(scale.ticks) == len(scale.labels) <= 40


def test_ticks_read_as_people_write_them() -> None:
    assert axes.linear(0, 70, 7).labels == ("0", "10", "20", "30", "40", "50", "60", "70")
    assert axes.linear(0, 9999, 3).labels == ("0", "5,000", "10,000")
    assert (
        axes.linear(0, 0.0003, 3).labels == ("0", "1e-4", "2e-4", "3e-4") or axes.plain(2e-5, 1e-5) == "2e-5"
    )
    assert axes.logarithmic(0.5, 60, 6).labels == ("1", "3", "10", "30", "100")
    assert (
        axes.seconds(0, 4000, 4).labels[:3] == ("0", "20 min", "40 min") or axes.clock(5400, 1800) == "1:30 h"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (20.0, "20"),
        (1e-5, "0.00001"),
        (1e-7, "1e-7"),
        (1.5e-8, "1.5e-8"),
        (1e21, "1e+21"),
        (0.0, "0"),
        (-3.0, "-3"),
    ],
)
def test_the_label_of_a_tick_is_found_by_javascript(value: float, text: str) -> None:
    assert axes.key(value) == text


def test_smoothing_in_pieces_is_smoothing_at_once() -> None:
    values = np.random.default_rng(1).normal(size=5000)
    values[[7, 4000]] = np.nan, np.inf
    for weight in (0.1, 0.6, 0.99):
        whole, _ = smooth(values, weight)
        parts, before = [], START
        for begin in range(0, 5000, 777):
            part, before = smooth(values[begin : begin + 777], weight, before)
            parts.append(part)
        assert np.allclose(np.concatenate(parts), whole, equal_nan=True)


def test_smoothing_is_the_weighted_mean_of_what_came_before() -> None:
    smoothed, _ = smooth(np.array([1.0, 2.0, np.nan, 4.0]), 0.5)
    assert smoothed[0] == 1.0
    assert smoothed[1] == pytest.approx((2 + 0.5) / 1.5)
    assert np.isnan(smoothed[2])
    assert smoothed[3] == pytest.approx((4 + 0.25 * 2 + 0.125) / (1 + 0.25 + 0.125))
    assert smooth(np.full(1000, 3.0), 0.9)[0] == pytest.approx(np.full(1000, 3.0))


@given(
    st.lists(
        st.lists(st.floats(-1e9, 1e9) | st.just(math.nan), min_size=4, max_size=4), min_size=1, max_size=9
    )
)
def test_a_band_is_made_of_quantiles(lines: list[list[float]]) -> None:
    found = band.quantiles([np.array(line) for line in lines], (0.25, 0.5, 0.75))
    for place in range(4):
        column = [line[place] for line in lines if not math.isnan(line[place])]
        if column:
            assert found[:, place] == pytest.approx(
                np.quantile(column, (0.25, 0.5, 0.75)), rel=1e-6, abs=1e-6
            )
        else:
            assert np.isnan(found[:, place]).all()


def test_a_run_counts_in_a_band_only_where_it_has_been() -> None:
    places = band.grid(0, 10, 50, whole=True)
    assert places.tolist() == list(range(11))
    line = band.on_grid(np.array([2.0, 4.0]), np.array([20.0, 40.0]), places)
    assert np.isnan(line[[0, 1, 5, 10]]).all() and line[2:5].tolist() == [20.0, 30.0, 40.0]
    assert np.nansum(band.on_grid(np.array([3.2]), np.array([7.0]), places)) == 7.0


def test_a_parameter_that_does_nothing_is_not_above_chance() -> None:
    noise = np.random.default_rng(3)
    lr = [("0.1", "0.01", "0.001")[i % 3] for i in range(60)]
    opt = [("sgd", "adamw")[i // 3 % 2] for i in range(60)]
    seed = [str(i) for i in range(60)]
    values = np.array(
        [-math.log10(float(rate)) + (name == "sgd") + noise.normal() * 0.2 for rate, name in zip(lr, opt)]
    )
    values[5] = np.nan
    found = {
        each.name: each
        for each in importance.rank({"lr": lr, "opt": opt, "seed": seed, "same": ["1"] * 60}, values)
    }
    assert list(found) == ["lr", "opt", "seed"]
    assert found["lr"].matters and found["lr"].sign == -1 and found["lr"].value > 0.7
    assert found["opt"].matters and found["opt"].sign == 0
    assert not found["seed"].matters
    assert importance.rank({"lr": lr[:3]}, values[:3]) == []


@pytest.mark.skipif(not importance.has_forest(), reason="scikit-learn is not there")
def test_a_forest_sees_what_parameters_do_together() -> None:
    a, b = [str(i % 2) for i in range(80)], [str(i // 2 % 2) for i in range(80)]
    c = [str(i // 4 % 5) for i in range(80)]
    values = np.array([float((x == "1") != (y == "1")) for x, y in zip(a, b)])
    assert not any(each.matters for each in importance.rank({"a": a, "b": b}, values))
    assert {each.name for each in importance.forest({"a": a, "b": b, "c": c}, values) if each.matters} == {
        "a",
        "b",
    }


AWKWARD = {
    "empty": [],
    "single": [3.0],
    "constant": [2.5] * 40,
    "zero": [0.0] * 40,
    "nan": [math.nan] * 40,
    "some nan": [math.nan, 1.0, math.nan, 2.0] * 10,
    "inf": [1.0, math.inf, 2.0, -math.inf] * 10,
    "only inf": [math.inf] * 5,
    "negative": [-3.0, -2.0, 0.0, 1.0],
    "huge": [1e308, -1e308, 0.0],
    "tiny": [1e-320, 2e-320],
}


def as_curve(number: int, values: list[float], group: str = "") -> Curve:
    return Curve(
        number, f"#{number}", "", "running", group, np.arange(float(len(values))), np.array(values), None
    )


@pytest.mark.parametrize("name", AWKWARD)
@pytest.mark.parametrize("runs_shown", [1, 5, 9])
@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("together", ["band", "runs"])
def test_awkward_series_are_something_that_can_be_drawn(
    name: str, runs_shown: int, log: bool, together: str
) -> None:
    curves = [as_curve(i, AWKWARD[name]) for i in range(runs_shown)]
    scene = build(curves, Look(y_log=log, x_log=log, together=together))  # type: ignore[arg-type]
    for scale in (scene.x, scene.y):
        assert math.isfinite(scale.low) and math.isfinite(scale.high) and scale.low < scale.high
        assert not log or scale.low > 0
    drawn = [(line.x, line.y) for line in scene.lines] + [(of.x, of.middle) for of in scene.bands]
    if scene.thin:
        drawn.append((scene.thin.x, scene.thin.y))
    for x, y in drawn:
        assert len(x) == len(y)
        assert not np.isnan(x).any()
        assert not np.isinf(y).any()
        assert len(y) == 0 or not np.isnan(y[-1])


def test_infinite_values_are_marked_at_the_edge() -> None:
    scene = build([as_curve(1, [1.0, math.inf, 2.0, -math.inf])], Look())
    assert scene.clipped == [(1.0, 1, "l1"), (3.0, -1, "l1")]
    assert scene.lines[0].y.tolist()[1] == pytest.approx(scene.y.high)


def test_many_runs_are_a_band_with_the_selected_ones_on_top() -> None:
    curves = [as_curve(i, [float(i)] * 10) for i in range(9)]
    scene = build(curves, Look(selected=(3, 99, 5)))
    assert [line.curve.number for line in scene.lines] == [3, 5]
    assert [(of.label, of.runs, of.colour) for of in scene.bands] == [("9 runs", 9, "band")]
    assert scene.bands[0].middle.tolist() == [4.0] * 10
    assert scene.bands[0].edges.tolist() == [[2.0] * 10, [6.0] * 10]
    assert build(curves[:5], Look()).bands == []


def test_runs_are_grouped_by_the_values_of_a_parameter_in_their_order() -> None:
    curves = [as_curve(i, [float(i)] * 10, group=("0.1", "1e-3", "0.01")[i % 3]) for i in range(9)]
    scene = build(curves, Look(by="lr"))
    assert [of.label for of in scene.bands] == ["lr 1e-3, 3 runs", "lr 0.01, 3 runs", "lr 0.1, 3 runs"]
    assert scene.meaning == "median and range"
    many = build([as_curve(i, [1.0], group=str(i)) for i in range(12)], Look(by="seed"))
    assert [of.label.split(",")[0] for of in many.bands] == [
        "seed 0",
        "seed 3",
        "seed 6",
        "seed 8",
        "seed 11",
    ]
    assert many.note == "5 of 12 values of seed are shown."


def test_fifty_long_runs_are_drawn_from_few_points_in_a_few_milliseconds() -> None:
    noise = np.random.default_rng(0)
    curves = [as_curve(i, np.cumsum(noise.normal(size=10_000)).tolist()) for i in range(50)]
    for together in ("band", "runs"):
        look = Look(together=together, selected=(1, 2), width=900)  # type: ignore[arg-type]
        began = time.thread_time()
        scene = build(curves, look)
        assert time.thread_time() - began < 0.5
        points = sum(len(line.x) for line in scene.lines) + 3 * sum(len(of.x) for of in scene.bands)
        assert points + (len(scene.thin.x) if scene.thin else 0) <= resample.TOTAL


def test_the_end_of_a_run_is_told_by_its_pace() -> None:
    assert runs.expected_end(np.array([1.0, 2.0, 3.0]), 90) == 90.0
    assert runs.expected_end(np.array([0.0, 100.0]), 5) == 400.0
    assert runs.expected_end(np.array([1.0]), 90) is None
    assert runs.expected_end(np.array([1.0, 2.0]), None) is None
    assert runs.steps({"steps": "epochs"}, {"epochs": "40"}) == 40
    assert runs.steps({"steps": "90"}, {}) == 90


def test_two_metrics_are_matched_by_their_steps() -> None:
    x, y = runs.matched(
        np.array([1.0, 2.0, 3.0]),
        np.array([10.0, 20.0, 30.0]),
        np.array([2.0, 3.0, 9.0]),
        np.array([5.0, 6.0, 7.0]),
    )
    assert x.tolist() == [20.0, 30.0] and y.tolist() == [5.0, 6.0]
