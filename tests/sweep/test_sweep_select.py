"""Selectors of runs."""

from __future__ import annotations

import time

import pytest

from neronet.errors import InputError
from neronet.sweep.select import Finder, Row, select

ROWS = [
    Row(1, "theanotest", "theanotest"),
    Row(2, "theanotest@2", "theanotest"),
    Row(5, "lang_exp1/x=1", "lang_exp1", ("lang", "paper"), ("lang_exp1_x-1_y-2", "lang_exp1_x-1")),
    Row(6, "lang_exp1/x=34", "lang_exp1", ("lang", "paper"), ("lang_exp1_x-34_y-2", "lang_exp1_x-34")),
    Row(8, "lang_exp2", "lang_exp2", ("lang",)),
    Row(9, "list/x=[1, 2]", "list"),
    Row(10, "list/x=1", "list"),
]


@pytest.mark.parametrize(
    ("selector", "numbers"),
    [
        ("5", [5]),
        ("#5", [5]),
        ("2-6", [2, 5, 6]),
        ("6-2", [2, 5, 6]),
        ("#2 - #6", [2, 5, 6]),
        ("1, 5-8,10", [1, 5, 6, 8, 10]),
        ("0-999999999999999", [1, 2, 5, 6, 8, 9, 10]),
        ("theanotest", [1, 2]),
        ("theanotest@2", [2]),
        (" lang_exp1/x=34 ", [6]),
        ("lang_exp1_x-34_y-2", [6]),
        ("lang_exp1_x-1", [5]),
        ("lang_exp1", [5, 6]),
        ("lang", [5, 6, 8]),
        ("paper", [5, 6]),
        ("lang_exp1/*", [5, 6]),
        ("lang_exp[12]", [5, 6, 8]),
        ("*x=?", [5, 10]),
        ("*", [1, 2, 5, 6, 8, 9, 10]),
        ("list/x=[1, 2]", [9]),
        ("list/x=[0-9]", [10]),
    ],
)
def test_a_selector_names_these_runs(selector: str, numbers: list[int]) -> None:
    assert select(selector, ROWS) == numbers


def test_several_selectors_add_up() -> None:
    assert select(["8", "lang_exp1/x=1", "5-6"], iter(ROWS)) == [5, 6, 8]
    assert select([], ROWS) == []


@pytest.mark.parametrize(
    ("selector", "hint"),
    [
        ("lang_exp3", "did you mean lang_exp2?"),
        ("theano-test", "did you mean theanotest?"),
        ("7", "the runs have the numbers 1 to 10"),
        ("100-200", "the runs have the numbers 1 to 10"),
        ("zzzzzz", "a run's number or name, an experiment or a collection"),
        ("zz*", "a run's number or name, an experiment or a collection"),
        ("Lang", "did you mean lang?"),
        ("", "a run's number or name, an experiment or a collection"),
    ],
)
def test_what_names_nothing_is_an_error_with_the_nearest_word(selector: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        select(["theanotest", selector], ROWS)
    assert str(caught.value) == f"'{selector}' names no run"
    assert caught.value.hint == hint
    assert caught.value.exit_code == 2


def test_without_runs_the_hint_says_so() -> None:
    with pytest.raises(InputError) as caught:
        select("x", [])
    assert caught.value.hint == "nothing was submitted yet"


def test_a_finder_says_what_it_finds_without_raising() -> None:
    finder = Finder(ROWS)
    assert finder.find("nothing") == set()
    assert finder.find("lang_exp2") == {8}


def test_ten_thousand_selectors_among_ten_thousand_runs_take_a_moment() -> None:
    rows = [Row(n, f"e/x={n}", "e", ("c",), (f"e_x-{n}",)) for n in range(10_000)]
    begun = time.process_time()
    assert len(select([row.name for row in rows], rows)) == 10_000
    assert len(select(",".join(str(n) for n in range(0, 10_000, 2)), rows)) == 5000
    assert len(select(["e/x=*7", "1-5000"], rows)) == 5500
    assert time.process_time() - begun < 4
