"""How numbers, times, sizes and foreign texts are shown."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neronet import words
from neronet.cli import text
from neronet.cli.history import parse_since
from neronet.cli.jsonout import clean, dumps, iso
from neronet.wire import states


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (7.2143, "7.214"), (67.01, "67.01"), (0.000412, "0.0004120"), (12040000.0, "1.204e7"),
        (0.5, "0.5000"), (50.0, "50"), (-3.0, "-3"), (0.0, "0"), (123456.7, "123457"), (1e-7, "1.000e-7"),
        (999999.9, "1000000"), (math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf"), (None, ""),
        (1e300, "1.000e300"),
    ],
)  # fmt: skip
def test_a_metric_has_four_significant_digits(value: float | None, shown: str) -> None:
    assert words.number(value) == shown


@given(st.floats(-1e308, 1e308))
def test_the_shown_metric_is_near_the_value(value: float) -> None:
    assert float(words.number(value)) == pytest.approx(value, rel=6e-4, abs=1e-320)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (12.4, "12 s"), (59.9, "1 min"), (65, "1 min 5 s"),
     (3720, "1 h 2 min"), (7200, "2 h"), (2 * 86400 + 3 * 3600 + 59, "2 d 3 h"), (-1, "0.0 s")],
)  # fmt: skip
def test_a_duration_has_two_units_at_most(seconds: float, shown: str) -> None:
    assert words.duration(seconds) == shown


def test_an_age_has_one_unit_and_becomes_a_date() -> None:
    now = time.mktime((2026, 3, 20, 12, 0, 0, 0, 0, -1))
    ages = [text.age(now - seconds, now) for seconds in (3, 500, 7300, 5 * 86400, 40 * 86400, 400 * 86400)]
    assert ages == ["3 s", "8 min", "2 h", "5 d", "8 Feb", "13 Feb 2025"]
    assert text.age(None, now) == ""
    assert text.age(now + 5, now) == "0 s"  # a node's clock may be ahead


def test_sizes_and_counts_are_short() -> None:
    assert [words.size(n) for n in (0, 999, 31_000, 1_100_000, 9_960_000_000, 3e12, 5e15)] == [
        "0 bytes", "999 bytes", "31 kB", "1.1 MB", "10 GB", "3.0 TB", "5000 TB",
    ]  # fmt: skip
    assert words.memory(16 * 2**30) == "16 GiB"
    assert words.memory(1.5 * 2**30) == "1.5 GiB"
    assert (words.count(1, "run"), words.count(10_000, "run"), words.count(2, "batch", "batches")) == (
        "1 run", "10,000 runs", "2 batches",
    )  # fmt: skip
    assert text.number_ranges([7, 3, 5, 6]) == "3, 5-7"


def test_a_hostile_text_can_steer_no_terminal() -> None:
    assert text.harmless("plain name") == "plain name"
    assert text.harmless("\x1b[31mred\x1b[0m\x1b]0;title\x07 end") == "red end"
    assert text.harmless("a\x1b[2Jb\x08\x00\x9b1m\u202egnp.exe\u2066\n") == "ab␈␀\ufffd1m\ufffdgnp.exe\ufffd "
    assert text.harmless("größe 模型 ✓") == "größe 模型 ✓"


@given(st.text())
def test_nothing_harmful_is_left_whatever_the_text(value: str) -> None:
    shown = text.harmless(value)
    assert not any(sign < " " or "\x7f" <= sign <= "\x9f" or sign in "\u202e\u2066\u2028" for sign in shown)
    assert len(shown.splitlines()) <= 1
    shown.encode()  # no lone surrogates: a terminal gets what can be encoded


def test_a_log_keeps_its_lines_tabs_and_progress_bars_and_nothing_else() -> None:
    assert text.harmless_log("a\tb\r\n 50 %\r100 %\n\x1b[1mbold\x07") == "a\tb\r\n 50 %\r100 %\nbold␇"
    assert text.last_shown(" 50 %\r100 %\n") == "100 %"


def test_a_width_counts_columns_not_signs() -> None:
    assert [text.columns(each) for each in ("abc", "模型", "e\u0301", "✓")] == [3, 4, 1, 1]


def test_every_state_has_a_shape_of_its_own() -> None:
    assert set(text.SHAPES) == set(states.STATES)
    assert len({shape for shape, _ in text.SHAPES.values()}) == len(states.STATES)
    assert all(letter.isascii() for _, letter in text.SHAPES.values())


def test_json_has_no_nan_and_times_are_iso_with_milliseconds() -> None:
    assert iso(1773500966.5351) == "2026-03-14T15:09:26.535Z"
    value = {
        "started": "2026-03-14T15:09:26.535Z",
        "ended": None,
        "metrics": {"loss": math.nan, "x": math.inf, "time": 1.5},
        "a": (1,),
    }
    assert clean(value) == {
        "started": "2026-03-14T15:09:26.535Z", "ended": None, "metrics": {"loss": None, "x": None, "time": 1.5},
        "a": [1],
    }  # fmt: skip


def test_json_is_json_whatever_is_in_it() -> None:
    import json

    for value in (
        [],
        {},
        [{"a": "\u2028ü"}],
        {"runs": [{"n": 1}, {"n": 2}], "nodes": []},
        "x",
        None,
        {"a": {"b": [1]}},
    ):
        assert json.loads(dumps(value)) == value
    assert dumps({"runs": [{"n": 1}, {"n": 2}]}).count("\n") == 2


def test_since_is_a_span_or_a_date() -> None:
    now = time.time()
    assert parse_since("30min", now) == now - 1800
    assert parse_since("2h", now) == now - 7200
    assert parse_since("7d", now) == now - 7 * 86400
    assert parse_since("2026-03-14", now) == time.mktime((2026, 3, 14, 0, 0, 0, 0, 0, -1))
