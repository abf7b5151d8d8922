"""Sparklines, columns, texts and reasons: what they promise for anything that they are given."""

from __future__ import annotations

import math
from array import array

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from neronet.wire import states
from neronet_jupyter.table.columns import Known, layout, text_width
from neronet_jupyter.table.entry import Entry
from neronet_jupyter.table.parameters import Parameters
from neronet_jupyter.table.spark import COLUMNS, KEPT, SIGNS, Curve, draw
from neronet_jupyter.table.text import plain, shown, small_is_good, sort_key
from neronet_jupyter.table.why import explain, explained
from tests.jupyter.table.stores import row

NUMBERS = st.floats(allow_nan=True, allow_infinity=True)


def curve_of(values: list[float], pieces: int = 1) -> Curve:
    made = Curve()
    size = max(1, math.ceil(len(values) / pieces))
    for start in range(0, len(values), size):
        part = array("d", values[start : start + size])
        made.add(array("d", range(start, start + len(part))), part)
    return made


@given(st.lists(NUMBERS, max_size=200), NUMBERS, NUMBERS, st.one_of(st.none(), st.floats(1, 1e6)))
@example([1e308, 1e308, -1e308], -1e308, 1e308, None)
@example([1.0, 2.0], -math.inf, 0.0, None)
def test_any_series_has_a_sparkline(
    values: list[float], low: float, high: float, steps: float | None
) -> None:
    found = draw(curve_of(values), low, high, None, steps)
    assert len(found) <= COLUMNS
    assert set(found) <= set(SIGNS + " ")


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=3000), st.integers(1, 40))
def test_a_curve_that_grew_is_the_curve_of_the_whole(values: list[float], pieces: int) -> None:
    grown = curve_of(values, pieces)
    assert grown.n == len(values)
    assert len(grown.means) < 2 * KEPT
    assert len(grown.means) * grown.stride <= len(values) < (len(grown.means) + 1) * grown.stride
    for place, mean in enumerate(grown.means):
        part = values[place * grown.stride : (place + 1) * grown.stride]
        assert mean == pytest.approx(sum(part) / len(part), rel=1e-6, abs=1e-3)


def test_the_sparkline_is_as_long_as_the_run_is_done() -> None:
    assert len(draw(curve_of([1.0] * 45), 0.0, 2.0, 90.0, None)) == COLUMNS // 2
    assert len(draw(curve_of([1.0] * 45), 0.0, 2.0, None, 450.0)) == math.ceil(COLUMNS / 10)
    assert len(draw(curve_of([1.0] * 90), 0.0, 2.0, 90.0, None)) == COLUMNS
    assert len(draw(curve_of([1.0]), 0.0, 2.0, 90.0, None)) == 1


def test_the_sparkline_falls_where_the_series_falls_and_is_logarithmic_over_decades() -> None:
    linear = draw(curve_of([float(v) for v in range(48, 0, -1)]), 10.0, 48.0, 48, None)
    heights = [SIGNS.index(sign) for sign in linear]
    assert heights == sorted(heights, reverse=True)
    assert heights[0] == 63
    assert heights[-1] == 0
    decades = draw(curve_of([1000.0, 100.0, 10.0, 1.0]), 1.0, 1000.0, 4, None)
    assert [SIGNS.index(sign) for sign in decades if sign != " "] == [63, 42, 21, 0]


@pytest.mark.parametrize("values", [[], [math.nan] * 5, [math.inf, -math.inf], [0.0] * 9, [5.0]])
def test_odd_series_do_not_break_the_sparkline(values: list[float]) -> None:
    for low, high in ((math.nan, math.nan), (0.0, 0.0), (5.0, 5.0), (-1.0, 1.0)):
        assert len(draw(curve_of(values), low, high, None, None)) <= COLUMNS


def test_a_million_points_take_little_room() -> None:
    made = curve_of([1.0, 2.0] * 500_000)
    assert made.n == 1_000_000
    assert len(made.means) < 2 * KEPT
    assert set(made.means) == {1.5}


PARAMETERS = Known(["lr", "opt", "depth", "seed"], ["epochs"], ["batch"], ["val_error", "loss"], "val_error",
                   {"p:lr": 39, "p:opt": 44, "p:depth": 16, "p:seed": 8, "m:val_error": 40})  # fmt: skip


def keys(width: int, known: Known = PARAMETERS, asked: dict[str, bool] | None = None) -> list[str]:
    return [column.key for column in layout(width, known, asked or {}).columns]


def test_each_width_has_its_columns() -> None:
    assert keys(250) == ["state", "merged", "spark", "m:val_error"]
    assert keys(300) == ["state", "p:lr", "p:opt", "p:depth", "p:seed", "spark", "m:val_error"]
    assert keys(420) == [
        "state",
        "number",
        "p:lr",
        "p:opt",
        "p:depth",
        "p:seed",
        "spark",
        "m:val_error",
        "age",
    ]
    assert keys(1240) == [
        "check", "state", "number", "p:lr", "p:opt", "p:depth", "p:seed", "p:batch", "node", "spark", "m:val_error",
        "m:loss", "age", "note",
    ]  # fmt: skip


@given(
    st.integers(200, 2000),
    st.lists(st.text("abcXW", min_size=1, max_size=20), max_size=40, unique=True),
    st.lists(st.text("mno", min_size=1, max_size=12), max_size=40, unique=True),
)
def test_columns_do_not_overlap_and_fill_the_width(width: int, names: list[str], metrics: list[str]) -> None:
    known = Known(names, metrics=metrics, metric=metrics[0] if metrics else "")
    found = layout(width, known, {})
    for before, after in zip(found.columns, found.columns[1:], strict=False):
        assert before.left + before.width <= after.left
    assert all(column.width > 0 for column in found.columns)
    last = found.columns[-1]
    assert last.left + last.width <= found.width
    if width < 700:
        assert found.width == width or width < 240  # the panel's table never scrolls sideways by itself


def test_only_the_columns_in_sight_are_sent() -> None:
    found = layout(800, Known([f"p{i}" for i in range(40)]), {})
    assert found.frozen == 3
    assert found.between(0, 800).stop < 20
    every = [place for left in range(0, found.width, 200) for place in found.between(left, left + 200)]
    assert set(every) == set(range(3, len(found.columns)))


def test_what_the_user_hides_or_asks_for_is_so() -> None:
    assert "p:opt" not in keys(300, asked={"p:opt": False})
    assert "spark" not in keys(300, asked={"m:val_error": False})
    assert "p:epochs" in keys(300, asked={"p:epochs": True})
    assert layout(300, PARAMETERS, {f"m:{name}": True for name in ("val_error", "loss")}).width >= 300


@given(st.text())
def test_a_text_is_shown_on_one_line_without_controls(text: str) -> None:
    for found in (shown(text), plain(text)):
        assert not any(ord(sign) < 32 or 0x7F <= ord(sign) < 0xA0 for sign in found)
        assert len(found.splitlines()) <= 1
        found.encode()
    assert len(shown(text, 10)) <= 10


def test_controls_are_seen_and_nothing_turns_a_sentence_round() -> None:
    assert shown("a\x1b[31mb\x00") == "a␛[31mb␀"
    assert plain("a\u202eb\u2066c\u200fd") == "abcd"
    assert shown("\ud800") == "\ufffd"
    assert shown("x" * 100, 5) == "xxxx…"
    assert text_width("mmm") > text_width("iii") > 0


def test_values_are_ordered_by_size_then_words_then_nan() -> None:
    given_ = ["nan", "b", "10", "9", "", "A", "1e-3", "-inf"]
    assert sorted(given_, key=sort_key) == ["-inf", "1e-3", "9", "10", "A", "b", "nan", ""]


def test_the_name_of_a_metric_tells_what_is_better() -> None:
    assert all(map(small_is_good, ("val_error", "loss", "test_err", "x", "perplexity")))
    assert not any(map(small_is_good, ("accuracy", "val_acc", "f1", "img/s", "reward")))


def test_parameters_that_differ_are_columns_and_of_a_zip_only_the_first() -> None:
    made = Parameters()
    made.zips = {"one": [["depth", "batch"]]}
    for i in range(100):
        made.add(row(i, parameters={"lr": str(i), "depth": str(i % 2), "batch": str(i % 2), "epochs": "90"}))
    assert made.names(["one"]) == (["lr", "depth"], ["batch"], ["epochs"])
    made.add(row(101, parameters={"lr": "1", "depth": "1", "batch": "1"}))
    assert made.names(["one"])[0] == ["lr", "depth", "epochs"]
    assert made.names(["two"]) == ([], [], [])


@pytest.mark.parametrize(
    ("reason", "lines", "cause"),
    [
        ("exit code 3", [], "Ended with exit code 3"), ("exit code 1", ["RuntimeError: CUDA out of memory."], "Out of memory"),
        ("ended by signal SEGV", [], "Ended by signal SEGV"), ("setup line 2: pip (exit code 1)", [], "Setup failed"),
        ("ended by signal KILL", [], "Ended by signal KILL"), ("the program x was not found on the node", [], "Failed"),
    ],
)  # fmt: skip
def test_a_failed_run_explains_itself(reason: str, lines: list[str], cause: str) -> None:
    entry = Entry(row(7, state=states.FAILED, reason=reason, started=0.0, ended=200.0))
    found = explain(entry, lines, "val_error", 24.77)
    assert found.cause == cause
    assert " on gpu1 after 3 min 20 s" in found.rest
    assert "Last val_error 24.77." in found.rest or reason.startswith("setup")


def test_each_cause_is_explained_once_and_not_after_it_was_dismissed() -> None:
    entries = [Entry(row(n, state=states.FAILED, reason=f"exit code {n % 2}")) for n in range(1, 9)]
    assert explained(entries, (), ()) == {1, 2}
    assert explained(entries, (), {1}) == {2}
    assert explained(entries, {5}, {1, 2}) == {5}
    many = [Entry(row(n, state=states.FAILED, reason=f"exit code {n}")) for n in range(1, 50)]
    assert explained(many, (), ()) == {47, 48, 49}


def test_steps_that_are_no_numbers_do_not_break_the_sparkline() -> None:
    made = Curve()
    made.add(array("d", [math.nan, math.inf, -math.inf, 3.0]), array("d", [1.0, 2.0, 3.0, 4.0]))
    assert len(draw(made, 1.0, 4.0, None, 10.0)) <= COLUMNS


def test_what_neronet_measured_is_a_column_only_where_the_user_wants_it() -> None:
    known = Known(metrics=["loss", "node.memory"], metric="loss")
    wanted = {"m:node.memory": True}
    assert [one.key for one in layout(900, known, {}).columns if one.key.startswith("m:")] == ["m:loss"]
    assert "m:node.memory" in [one.key for one in layout(900, known, wanted).columns]
