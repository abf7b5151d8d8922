"""The figure of runs as a widget, without a browser."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bqplot
import numpy as np
import pytest
from made_runs import Printed, define, end, make_runs, sweep

from neronet import Neroman
from neronet.errors import InputError
from neronet_jupyter.figures import LiveFigure, plot
from neronet_jupyter.figures.resample import TOTAL
from neronet_jupyter.metrics import by_interest, default
from tests.waiting import until

pytestmark = pytest.mark.slow

Open = Callable[[Any], Any]
THREE = [{"lr": "0.1"}, {"lr": "0.01"}, {"lr": "0.001"}]


@pytest.fixture
def three(neroman: Neroman) -> list[int]:
    numbers = make_runs(neroman.store, THREE)
    printed = Printed(neroman.store)
    for i, number in enumerate(numbers):
        printed.add(number, "loss", [10.0 * (i + 1), 5.0 * (i + 1), 1.0 * (i + 1)])
    return numbers


def drawn(figure: LiveFigure, i: int = 0) -> list[float]:
    found: list[float] = figure._canvas._marks[f"line{i}"].y.tolist()
    return found


def test_a_few_runs_are_lines_in_their_own_colours(neroman: Neroman, three: list[int], page: Open) -> None:
    figure = LiveFigure(neroman=neroman)
    state = page(figure).until(lambda state: state["lines"])
    assert [(line["label"], line["colour"], line["state"]) for line in state["lines"]] == [
        ("#1 lr 0.1", "l1", "running"),
        ("#2 lr 0.01", "l2", "running"),
        ("#3 lr 0.001", "l3", "running"),
    ]
    assert state["metric"] == "loss" and state["metrics"] == ["loss"] and state["parameters"] == ["lr"]
    assert drawn(figure, 1) == [20.0, 10.0, 2.0]
    assert figure._canvas._marks["line1"].colors == ["var(--nn-l2)"]
    assert (figure._canvas._y.min, figure._canvas._y.max) == (0.0, 30.0)


def test_a_new_point_is_drawn_without_reading_the_old_ones(
    neroman: Neroman, three: list[int], page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure = LiveFigure(three, neroman=neroman)
    page(figure).until(lambda state: state["lines"])
    read, starts = neroman.store.points.read, []

    def noted(run: int, metric: str, attempt: int | None = None, start: int = 0) -> Any:
        starts.append((run, start))
        return read(run, metric, attempt, start)

    monkeypatch.setattr(neroman.store.points, "read", noted)
    Printed(neroman.store)._offsets[three[0]] = 1000
    late = Printed(neroman.store)
    late._offsets[three[0]] = 1000
    late.add(three[0], "loss", [0.5])
    until(lambda: drawn(figure) == [10.0, 5.0, 1.0, 0.5])
    assert starts == [(three[0], 3)]


def test_nothing_is_sent_while_no_page_shows_it(neroman: Neroman, three: list[int], page: Open) -> None:
    figure = LiveFigure(three, neroman=neroman)
    shown = page(figure)
    shown.until(lambda state: state["lines"])
    shown.say("unseen")
    sent = len(figure._canvas._marks["line0"].comm.sent)
    late = Printed(neroman.store)
    late._offsets[three[0]] = 1000
    late.add(three[0], "loss", [0.5])
    time.sleep(0.6)
    assert len(figure._canvas._marks["line0"].comm.sent) == sent
    shown.say("seen")
    until(lambda: drawn(figure)[-1] == 0.5)


def test_what_does_not_change_is_not_sent_again(neroman: Neroman, three: list[int], page: Open) -> None:
    figure = LiveFigure(three, neroman=neroman)
    shown = page(figure)
    shown.until(lambda state: state["lines"])
    mark = figure._canvas._marks["line1"]
    sent = len(mark.comm.sent)
    shown.ask("smooth", value=0.9)
    until(lambda: drawn(figure, 1)[1] != 10.0)
    [message] = [data["state"] for data in mark.comm.sent[sent:] if data.get("method") == "update"]
    assert set(message) == {"y"}


def test_a_page_that_has_made_the_figure_is_sent_all_of_it_once(
    neroman: Neroman, three: list[int], page: Open
) -> None:
    """What was sent while it made the figure from an older state has not reached it."""
    figure = LiveFigure(three, neroman=neroman)
    shown = page(figure)
    shown.until(lambda state: state["lines"])
    canvas = figure._canvas
    parts = [*canvas._marks.values(), canvas._x, canvas._y, canvas._x_axis, canvas._y_axis, figure.figure]
    before = [len(part.comm.sent) for part in parts]

    def told() -> list[int]:
        return [
            sum(len(data["state"]) > 5 for data in part.comm.sent[start:] if data.get("method") == "update")
            for part, start in zip(parts, before, strict=True)
        ]

    size = {"page": shown.name, "width": 700, "height": 260}
    shown.ask("size", **size)
    until(lambda: told() == [1] * len(parts), lambda: str(told()))
    shown.ask("size", **{**size, "width": 500})
    shown.ask("log", value=False)
    time.sleep(0.6)
    assert told() == [1] * len(parts)


def test_many_runs_are_a_band_and_the_chosen_ones_lines(neroman: Neroman, tmp_path: Path, page: Open) -> None:
    sweep(neroman.store, tmp_path)
    figure = LiveFigure(metric="val_error", selected=[22, 20], neroman=neroman)
    shown = page(figure)
    state = shown.until(lambda state: state["bands"])
    assert [line["number"] for line in state["lines"]] == [22, 20]
    assert [band["label"] for band in state["bands"]] == ["42 runs"]
    assert state["meaning"] == "median, 25–75 %"
    assert state["limits"] == [{"value": 50.0, "text": "terminate above 50", "action": "kill"}]
    assert state["lines"][0]["rest"] == 90.0  # it runs, and its experiment says how long
    shown.ask("by", value="lr")
    state = shown.until(lambda state: len(state["bands"]) == 4)
    assert [band["colour"] for band in state["bands"]] == ["l1", "l2", "l3", "l4"]
    shown.ask("by", value="")
    shown.ask("show", value="runs")
    state = shown.until(lambda state: state["thin"])
    assert len(state["thin"]["parts"]) == 40
    assert len(figure._canvas._marks["thin"].x) <= TOTAL
    assert not figure._canvas._marks["band0"].visible


def test_an_ended_run_shows_how_it_ended(neroman: Neroman, three: list[int], page: Open) -> None:
    end(neroman.store, three[0], "terminated", "condition too_high, 67 > 50")
    end(neroman.store, three[1], "failed", "out of memory")
    state = page(LiveFigure(three, neroman=neroman)).until(lambda state: state["lines"])
    assert [line["state"] for line in state["lines"]] == ["terminated", "failed", "running"]
    assert "out of memory" in state["lines"][1]["title"]


def test_the_x_axis_is_the_time_since_the_start_or_another_metric(
    neroman: Neroman, three: list[int], page: Open
) -> None:
    late = Printed(neroman.store)
    late._offsets[three[0]] = 1000
    late.add(three[0], "images", [100.0, 200.0, 300.0])
    figure = LiveFigure(three[:1], "loss", neroman=neroman)
    shown = page(figure)
    shown.ask("x", value="time")
    until(lambda: figure._canvas._marks["line0"].x.tolist() == [60.0, 120.0, 180.0])
    shown.ask("x", value="images")
    until(lambda: figure._canvas._marks["line0"].x.tolist() == [100.0, 200.0, 300.0])
    assert drawn(figure) == [10.0, 5.0, 1.0]


def test_a_zoomed_window_is_drawn_from_all_its_points_and_can_be_left(
    neroman: Neroman, three: list[int], page: Open
) -> None:
    late = Printed(neroman.store)
    late._offsets[three[0]] = 1000
    values = np.random.default_rng(1).normal(size=50_000)
    late.add(three[0], "noise", values.tolist())
    figure = LiveFigure(three[:1], "noise", neroman=neroman)
    shown = page(figure)
    shown.until(lambda state: state["lines"])
    assert len(drawn(figure)) < 2000
    shown.ask("window", value=[100.0, 400.0, -1.0, 1.0])
    shown.until(lambda state: state["zoomed"])
    assert figure._canvas._marks["line0"].x.tolist() == list(range(99, 402))
    assert drawn(figure) == pytest.approx(values[99:402], rel=1e-5)
    figure._canvas._x.min = 110.0  # what bqplot's own pan sends
    until(lambda: figure._canvas._marks["line0"].x[0] == 109.0)
    shown.ask("reset")
    shown.until(lambda state: not state["zoomed"])
    assert (figure._canvas._x.min, figure._canvas._x.max) == (0.0, 50_000.0)


def test_logarithmic_axes_survive_what_is_not_above_zero(neroman: Neroman, page: Open) -> None:
    numbers = make_runs(neroman.store, [{"lr": "1"}])
    Printed(neroman.store).add(numbers[0], "loss", [-1.0, 0.0, 10.0, 1.0], first=0)
    figure = LiveFigure(numbers, log=True, log_x=True, neroman=neroman)
    mine = bqplot.Lines(x=[1, 2], y=[1, 2], scales={"x": figure._canvas._x, "y": figure._canvas._y})
    figure.figure.marks = [*figure.figure.marks, mine]
    shown = page(figure)
    state = shown.until(lambda state: state["lines"])
    assert isinstance(figure._canvas._y, bqplot.LogScale) and figure._canvas._y.min > 0
    assert state["clipped"] == [(1.0, -1, "l1")]  # the point at x = 0 has no place at all
    assert np.isfinite(drawn(figure)).all() and min(drawn(figure)) > 0
    shown.ask("log", value=False)
    until(lambda: isinstance(figure._canvas._y, bqplot.LinearScale))
    until(lambda: mine.scales["y"] is figure._canvas._y)


def test_an_own_mark_stays_when_runs_come(neroman: Neroman, three: list[int], page: Open) -> None:
    figure = plot(three[:1], "loss", neroman=neroman)
    assert isinstance(figure, bqplot.Figure)
    mine = bqplot.Lines(x=[0, 1], y=[1, 1], scales=figure.marks[0].scales)
    figure.marks = [*figure.marks, mine]
    figure.live.show_runs(three)
    page(figure.live).until(lambda state: len(state["lines"]) == 3)
    assert mine in figure.marks and len(figure.marks) == 4


def test_a_figure_inside_of_another_widget_goes_on(neroman: Neroman, three: list[int]) -> None:
    figure = plot(three, "loss", neroman=neroman)
    late = Printed(neroman.store)
    late._offsets[three[0]] = 1000
    late.add(three[0], "loss", [0.25])
    until(lambda: drawn(figure.live)[-1] == 0.25)


def test_runs_plot_themselves(neroman: Neroman, three: list[int]) -> None:
    figure = neroman.runs("1-2").plot("loss", by="lr")
    assert isinstance(figure, bqplot.Figure)
    assert figure.live.runs.numbers == (1, 2)
    bundle = figure._repr_mimebundle_()
    assert figure.live.model_id in str(bundle)


def test_a_figure_says_that_jupyters_parts_are_missing(
    neroman: Neroman, three: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("neronet_jupyter")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "bqplot", None)
    with pytest.raises(InputError, match="bqplot is not installed") as caught:
        neroman.runs().plot("loss")
    assert "pip install" in caught.value.hint


def test_what_is_not_there_is_refused_with_the_nearest_name(neroman: Neroman, three: list[int]) -> None:
    with pytest.raises(InputError, match="no metric los") as caught:
        LiveFigure(three, "los", neroman=neroman)
    assert "loss" in caught.value.hint
    with pytest.raises(InputError, match="no parameter rl"):
        LiveFigure(three, "loss", by="rl", neroman=neroman)
    with pytest.raises(InputError, match="smoothing"):
        LiveFigure(three, "loss", smooth=1.0, neroman=neroman)
    with pytest.raises(InputError, match="no colour"):
        LiveFigure(three, "loss", neroman=neroman).update(colour="red")


def test_an_empty_figure_says_what_to_do_and_comes_to_life(neroman: Neroman, page: Open) -> None:
    figure = LiveFigure(neroman=neroman)
    shown = page(figure)
    assert "Submit a sweep" in shown.until(lambda state: state["note"])["note"]
    numbers = make_runs(neroman.store, THREE)
    assert "No numbers yet" in shown.until(lambda state: state["runs"] == 3)["note"]
    Printed(neroman.store).add(numbers[0], "loss", [3.0])
    state = shown.until(lambda state: state["lines"])
    assert state["note"] == "" and drawn(figure) == [3.0]


def test_a_new_attempt_begins_a_new_line(neroman: Neroman, three: list[int], page: Open) -> None:
    figure = LiveFigure(three[:1], "loss", neroman=neroman)
    page(figure).until(lambda state: state["lines"])
    end(neroman.store, three[0], "failed", "exit code 1")
    row = neroman.store.runs.get(three[0])
    assert row is not None
    neroman.store.attempts.locate(row.token, row.idx, start=2)
    Printed(neroman.store).add(three[0], "loss", [7.0], attempt=2)
    until(lambda: drawn(figure) == [7.0])


AWKWARD: dict[str, list[float]] = {
    "constant": [2.5] * 40,
    "zero": [0.0] * 40,
    "nan": [math.nan] * 40,
    "inf": [1.0, math.inf, 2.0, -math.inf],
    "single": [3.0],
}


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_series_never_leave_an_empty_array_to_bqplot(
    neroman: Neroman, page: Open, name: str, log: bool
) -> None:
    numbers = make_runs(neroman.store, THREE)
    for number in numbers:
        Printed(neroman.store).add(number, "loss", AWKWARD[name], first=1)
    figure = LiveFigure(numbers, "loss", log=log, neroman=neroman)
    shown = page(figure)
    shown.until(lambda state: state["metric"])
    assert len(figure.figure.marks) == (0 if name == "nan" else 3)
    figure.show_runs([])
    shown.until(lambda state: state["runs"] == 0)
    for mark in figure.figure.marks:
        assert not mark.visible and mark.x.tolist() == [1.0] and mark.y.tolist() == [1.0]
    for scale in (figure._canvas._x, figure._canvas._y):
        assert math.isfinite(scale.min) and math.isfinite(scale.max) and scale.min < scale.max


def test_a_limit_is_shown_where_it_is_near(neroman: Neroman, tmp_path: Path, page: Open) -> None:
    define(neroman.store, tmp_path, limit=1e6)
    numbers = make_runs(neroman.store, THREE)
    for number in numbers:
        Printed(neroman.store).add(number, "val_error", [10.0, 5.0])
    state = page(LiveFigure(neroman=neroman)).until(lambda state: state["lines"])
    assert state["limits"] == []


def test_what_neronet_measured_is_shown_only_where_it_is_asked_for(
    neroman: Neroman, three: list[int], page: Open
) -> None:
    neroman.store.points.add(
        three[0], 1, 3, [(5.0 + n, [("node.memory", 7.0 + n, n, None)]) for n in range(3)]
    )
    figure = LiveFigure(neroman.runs())
    assert figure.render()["metric"] != "node.memory"
    assert figure.render()["metrics"][-1] == "node.memory"
    assert LiveFigure(neroman.runs(), "node.memory").render()["metric"] == "node.memory"
    assert default(by_interest({"node.cpu": 40, "epoch": 1})) == "epoch"
    assert default(by_interest({"node.cpu": 40})) is None
