"""`stop_losers` of a config.yaml."""

from __future__ import annotations

import pytest
from config_texts import errors, parse

from neronet.spec.config import Experiment
from neronet.spec.experiment import StopLosers

TEXT = """\
run_command_prefix: sh
main_code_file: main.sh
stop_losers:
{}
+outer:
  +inner:
    stop_losers: {{metric: loss, goal: maximize, rule: halving, min_points: 27, reduction: 4, keep: 5}}
  +none:
    stop_losers: null
"""


def text(*lines: str) -> str:
    return TEXT.format("\n".join(f"  {line}" for line in lines))


def test_a_rule_is_inherited_replaced_and_removed() -> None:
    outer, inner, none = parse(text("metric: error", "goal: minimize")).experiments
    assert outer.stop_losers == StopLosers("error", "minimize", "median", 10, 3, 3)
    assert inner.stop_losers == StopLosers("loss", "maximize", "halving", 27, 4, 5)
    assert none.stop_losers is None
    for experiment in (outer, inner, none):
        assert Experiment.from_json(experiment.to_json()) == experiment


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["metric: error"], "4: stop_losers has no goal"),
        (["goal: minimize"], "4: stop_losers has no metric"),
        (["metric: 3rd", "goal: minimize"], "4: no program can print a metric called '3rd'"),
        (["metric: error", "goal: less"], "5: 'less' is unknown here"),
        (["metric: error", "goal: minimize", "rule: best"], "6: 'best' is unknown here"),
        (["metric: error", "goal: minimize", "min_points: 0"], "6: '0' is not a whole number from 1"),
        (["metric: error", "goal: minimize", "keep: 0"], "6: '0' is not a whole number from 1 to 400"),
        (["metric: error", "goal: minimize", "reduction: 3"], "6: reduction is for rule: halving"),
        (["metric: error", "goal: minimize", "minpoints: 3"], "6: stop_losers has no 'minpoints'"),
        (["- error"], "4: stop_losers takes a block"),
    ],
)
def test_what_does_not_fit_is_told_with_its_line(lines: list[str], expected: str) -> None:
    found = errors(text(*lines))
    assert len(found) == 1
    assert found[0].startswith(expected)
