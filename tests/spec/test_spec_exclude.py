"""The conditions of `exclude`."""

from __future__ import annotations

import pytest

from neronet.spec.exclude import parse
from neronet.spec.problems import Unfit

RUN = {
    "lr": "0.1",
    "opt": "adamw",
    "depth": "020",
    "file": "data/1.txt",
    "note": "two words",
    "nan": "nan",
    "and_": "x",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("opt == adamw", True),
        ("opt == sgd", False),
        ("opt != sgd", True),
        ("adamw == opt", True),
        ("opt == 'adamw'", True),
        ('note == "two words"', True),
        ("file == data/1.txt", True),
        ("lr == 1e-1", True),
        ("lr == .1", True),
        ("lr != 0.10", False),
        ("depth == 20", True),
        ("lr >= 0.1", True),
        ("lr > 0.1", False),
        ("lr<=0.1", True),
        ("lr < 1", True),
        ("lr < depth", True),
        ("opt < 3", False),
        ("opt >= 3", False),
        ("lr == 'lr'", False),
        ("nan == nan", True),
        ("nan > 1", False),
        ("lr > -inf", True),
        ("opt == adamw and lr >= 0.1", True),
        ("opt == sgd and lr >= 0.1", False),
        ("opt == sgd or lr >= 0.1", True),
        ("not opt == sgd", True),
        ("not not opt == sgd", False),
        ("not (opt == sgd or lr < 0.1) and depth > 10", True),
        ("opt == sgd and lr == 1 or depth == 20", True),
        ("opt == sgd and (lr == 1 or depth == 20)", False),
        ("(opt==adamw)", True),
        ("and_ == x", True),
    ],
)
def test_a_condition_means_what_it_says(text: str, expected: bool) -> None:
    condition = parse(text)
    condition.check(RUN)
    assert condition.holds(RUN) is expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "nothing stands"),
        ("lr", "'lr' is not followed by a comparison"),
        ("lr = 1", "'lr' is not followed"),
        ("lr == ", "nothing stands"),
        ("lr == and", "'and' stands"),
        ("== 1", "'==' stands"),
        ("lr == 1 lr == 2", "'lr' was not expected"),
        ("lr == 1)", "')' was not expected"),
        ("(lr == 1", "not closed"),
        ("lr == 'x", "cannot be read"),
        ("lr ~ 1", "'lr' is not followed"),
        ("lr == 1 and", "nothing stands"),
        ("not", "nothing stands"),
        ("(" * 30 + "lr == 1" + ")" * 30, "nested more than"),
        ("not " * 30 + "lr == 1", "nested more than"),
        ("lr == " + "1" * 20_000, "more than 10,000 characters"),
        ("__import__('os').system('true')", "'__import__' is not followed"),
    ],
)
def test_what_is_no_condition_says_why(text: str, said: str) -> None:
    with pytest.raises(Unfit) as caught:
        parse(text)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("rate == 3", "exclude names 'rate', which is no parameter", ""),
        ("opt == sgd and detph == 3", "exclude names 'detph', which is no parameter", "did you mean depth?"),
        ("'lr' == 3", "exclude names 'lr', which is no parameter", ""),
        ("opt >= adamw", "asks for the order of 'opt' and 'adamw'", "== or !="),
    ],
)
def test_a_condition_must_be_about_parameters(text: str, said: str, hint: str) -> None:
    with pytest.raises(Unfit) as caught:
        parse(text).check(RUN)
    assert said in str(caught.value)
    assert hint in caught.value.hint


def test_conditions_are_equal_when_their_texts_are() -> None:
    assert parse("lr == 1") == parse("lr == 1")
    assert parse("lr == 1") != parse("lr == 2")
