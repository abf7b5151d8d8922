"""Ranges: computed in decimals, both ends included, bounded before they are made."""

from __future__ import annotations

import pytest

from neronet.spec.problems import Unfit
from neronet.spec.ranges import MAX_VALUES, Range, make_range


def texts(**fields: str) -> list[str]:
    return list(make_range({key.rstrip("_"): value for key, value in fields.items()}))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"from": "1", "to": "3"}, ["1", "2", "3"]),
        ({"from": "3", "to": "1"}, ["3", "2", "1"]),
        ({"from": "-1", "to": "1"}, ["-1", "0", "1"]),
        ({"from": "5", "to": "5"}, ["5"]),
        ({"from": "1.0", "to": "02"}, ["1", "2"]),
        (
            {"from": "0", "to": "1", "step": "0.1"},
            ["0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1"],
        ),
        ({"from": "0", "to": "1", "step": "0.3"}, ["0", "0.3", "0.6", "0.9"]),
        ({"from": "1", "to": "0", "step": "0.5"}, ["1", "0.5", "0"]),
        ({"from": "1", "to": "0", "step": "-0.5"}, ["1", "0.5", "0"]),
        ({"from": "10", "to": "100", "step": "40"}, ["10", "50", "90"]),
        ({"from": "0", "to": "1", "count": "5"}, ["0", "0.25", "0.5", "0.75", "1"]),
        ({"from": "0", "to": "1", "count": "4"}, ["0", "0.333333333333", "0.666666666667", "1"]),
        ({"from": "2", "to": "2", "count": "1"}, ["2"]),
        ({"from": "0.1", "to": "0.0001", "log": "4"}, ["0.1", "0.01", "0.001", "0.0001"]),
        ({"from": "1", "to": "1024", "log": "11"}, [str(2**n) for n in range(11)]),
        ({"from": "1e-9", "to": "1e-7", "log": "3"}, ["1e-9", "1e-8", "0.0000001"]),
        ({"from": "1e20", "to": "3e20", "step": "1e20"}, ["1e+20", "2e+20", "3e+20"]),
        ({"from": ".5", "to": "1.", "step": "5e-1"}, ["0.5", "1"]),
    ],
)
def test_a_range_has_these_values(fields: dict[str, str], expected: list[str]) -> None:
    found = make_range(fields)
    assert list(found) == expected
    assert len(found) == len(expected)
    assert [found[index] for index in range(len(expected))] == expected
    assert found[-1] == expected[-1]
    assert found[1:] == tuple(expected[1:])
    assert make_range(found.to_json()) == found


def test_a_step_is_exact_however_far_it_goes() -> None:
    values = make_range({"from": "0", "to": "99999.9", "step": "0.1"})
    assert len(values) == 1_000_000
    assert values[3] == "0.3"
    assert values[999_999] == "99999.9"


def test_a_long_range_is_not_made_before_it_is_needed() -> None:
    values = make_range({"from": "1", "to": str(MAX_VALUES)})
    assert isinstance(values, Range)
    assert len(values) == MAX_VALUES
    assert values[MAX_VALUES - 1] == str(MAX_VALUES)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"from": "1"}, "no to"),
        ({"to": "1"}, "no from"),
        ({"a": "1"}, "no 'a'"),
        ({"from": "1", "to": "3", "stepp": "1"}, "no 'stepp'"),
        ({"from": "x", "to": "3"}, "from: 'x' is not a number"),
        ({"from": "1", "to": "nan"}, "to: 'nan' is not a number"),
        ({"from": "1", "to": "1e999"}, "to: '1e999' is not a number"),
        ({"from": "1", "to": "1" * 41}, "is not a number"),
        ({"from": "0", "to": "1.5"}, "needs step, count or log"),
        ({"from": "0", "to": "1", "step": "0"}, "never reaches"),
        ({"from": "0", "to": "1", "step": "-0.1"}, "never reaches"),
        ({"from": "0", "to": "1", "step": "1e-9"}, "more than 1,000,000 values"),
        ({"from": "1", "to": "1e90"}, "more than 1,000,000 values"),
        ({"from": "0", "to": "1", "step": "0.1", "count": "3"}, "either step or count"),
        ({"from": "0", "to": "1", "count": "0"}, "count: '0'"),
        ({"from": "0", "to": "1", "count": "1"}, "does not fit"),
        ({"from": "1", "to": "1", "count": "3"}, "does not fit"),
        ({"from": "0", "to": "1", "count": "2.5"}, "count: '2.5'"),
        ({"from": "1", "to": "1.0000000000001", "count": "9"}, "after more than 12 digits"),
        ({"from": "1", "to": "1.00000000001", "log": "9"}, "after more than 12 digits"),
        ({"from": "0", "to": "1", "log": "3"}, "above 0"),
        ({"from": "1", "to": "-1", "log": "3"}, "above 0"),
        ({"from": "1", "to": "2", "log": "9999999"}, "log: '9999999'"),
    ],
)
def test_a_range_that_makes_no_sense_says_why(fields: dict[str, str], said: str) -> None:
    with pytest.raises(Unfit) as caught:
        make_range(fields)
    assert said in str(caught.value)
    assert caught.value.hint


def test_values_close_to_each_other_stay_different() -> None:
    values = texts(from_="1", to="1.000001", count="10000")
    assert len(set(values)) == 10000
    values = texts(from_="1", to="1.000001", log="10000")
    assert len(set(values)) == 10000
