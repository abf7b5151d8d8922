"""Conditions as the side of a run and its figure tell them."""

from __future__ import annotations

from typing import Any

import pytest

from neronet_jupyter.figures.runs import limits
from neronet_jupyter.run import condition_line, numbers_line


def condition(comparator: str, **fields: Any) -> dict[str, Any]:
    base = {"id": "c", "variablename": "loss", "killvalue": 50.0, "comparator": comparator, "action": "kill"}
    return {**base, **fields}


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (condition("gt", after=600.0), "loss > 50 after 10 min"),
        (condition("geq", times=3), "loss ≥ 50, 3 times in a row"),
        (condition("nan"), "loss is nan"),
        (condition("inf"), "loss is infinite"),
        (condition("stalled", points=20), "loss without a new best for 20 points"),
        (condition("slope_gt", points=9, killvalue=0.0), "slope of loss over 9 points > 0"),
        (condition("silent", quiet=1800.0, variablename=""), "no output for 30 min"),
    ],
)
def test_every_condition_is_told_in_words(one: dict[str, Any], text: str) -> None:
    line = condition_line(one, {"loss": 3.0})
    assert line["text"] == text
    assert line["now"] == ("" if one["comparator"] == "silent" else "now 3")


def test_only_limits_on_values_are_lines_in_a_figure() -> None:
    conditions = [
        condition("gt", action="stop"), condition("lt", killvalue=1.0, action="notify"),
        condition("stalled", points=3), condition("silent", quiet=9.0, variablename=""), condition("slope_gt", points=3),
    ]  # fmt: skip
    found = limits([{"conditions": conditions}], "loss")
    assert [(limit.text, limit.action) for limit in found] == [
        ("stop above 50", "kill"),
        ("notify below 1", "warn"),
    ]


def test_an_event_shows_the_numbers_behind_it_whatever_a_node_put_there() -> None:
    said = {
        "condition": "x",
        "metric": "loss",
        "value": 67.01,
        "limit": 50,
        "elapsed": 702.4,
        "action": "kill",
    }
    assert numbers_line(said) == "value 67.01, limit 50, elapsed 11 min 42 s"
    odd = {
        "value": float("nan"),
        "since": float("inf"),
        "big": -(10**400),
        "yes": True,
        "n" * 99: 1,
        "m": [1],
        "": None,
    }
    assert numbers_line(odd) == "value nan, since inf, big -inf"
    assert numbers_line({f"n{n}": n for n in range(99)}).count(",") == 7
