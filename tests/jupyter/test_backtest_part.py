"""What a rule would have saved, at each step of a slider: real runs, and a million points."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bench.backtest import record
from neronet import Neroman, RunSet
from neronet.errors import InputError
from neronet.spec.edit_rule import with_rule
from neronet.store.store import Store
from neronet_jupyter.backtest import Backtest
from neronet_jupyter.trial import Trial, changed, nice
from tests.jupyter.conftest import Page
from tests.waiting import until

pytestmark = pytest.mark.slow

CONFIG = """\
run_command_prefix: sh
main_code_file: main.sh
+curve:  # sixteen of them
  parameters: {floor: {from: 1, to: 16, step: 1}}  # the least error
  parameter_format: '{floor}'
"""
CODE = "n=1; while [ $n -le 12 ]; do echo error $(($1 * 10 + 24 - 2 * n)); n=$((n + 1)); done\n"


@contextmanager
def seen(part: Backtest) -> Iterator[Page]:
    yield Page(part)
    part.close()


@pytest.fixture
def runs(neroman: Neroman, tmp_path: Path) -> RunSet:
    folder = tmp_path / "curve"
    folder.mkdir()
    (folder / "main.sh").write_text(CODE)
    (folder / "config.yaml").write_text(CONFIG)
    return neroman.submit(folder, "local").wait(60)


def as_backtest_says(neroman: Neroman, runs: RunSet, page: Page) -> dict[str, Any]:
    """The state once it says what the Python interface says of the rule that is tried."""
    wanted = page.part.trial
    found = neroman.backtest(
        runs, metric="error", goal=wanted.goal, rule=wanted.rule, min_points=wanted.min_points,
        reduction=wanted.reduction, keep=wanted.keep,
    )  # fmt: skip
    state = page.until(lambda state: state["settings"] == vars(wanted))
    assert state["stopped"] == len(found.stopped)
    assert [run["number"] for run in state["lost"]] == list(found.lost)
    assert {tuple(cut) for cut in state["cuts"]} == {(stop.number, stop.point) for stop in found.stopped}
    return state


def test_a_slider_step_says_what_backtest_says_and_the_rule_goes_into_config_yaml_with_its_comments(
    neroman: Neroman, runs: RunSet
) -> None:
    with seen(Backtest(runs, "error")) as page:
        state = page.until(lambda state: state["opened"])
        assert state["settings"]["goal"] == "minimize" and state["settings"]["rule"] == "median"
        assert [slider["name"] for slider in state["sliders"]] == ["min_points", "keep"]
        for words in (
            {"min_points": 4},
            {"rule": "halving", "reduction": 4},
            {"keep": 1},
            {"goal": "maximize"},
        ):
            page.ask("set", **words)
            state = as_backtest_says(neroman, runs, page)
            assert state["runs"] == 16
        page.ask("set", goal="minimize", min_points=6)
        drawn = page.ask("curves")["curves"]
        assert [len(curve["x"]) for curve in drawn] == [12] * 16 and drawn[0]["y"][-1] == 10.0
        used = page.ask("use")
        line = "stop_losers: {metric: error, goal: minimize, rule: halving, min_points: 6, reduction: 4, keep: 1}"
        assert used["line"] == line
        assert Path(used["file"]).read_text() == f"{CONFIG}  {line}\n"
        page.ask("set", rule="threshold", limit=60, minutes=5)
        page.ask("use")
        assert neroman.experiments()[0].id == "curve"
        text = Path(used["file"]).read_text()
        assert text.startswith(f"{CONFIG}  {line}\n  conditions:\n    from_backtest: {{variablename: error")
        assert "killvalue: 60, when: time 5, action: kill}" in text


def test_a_threshold_that_costs_the_best_run_names_it(neroman: Neroman, runs: RunSet) -> None:
    with seen(Backtest(runs, "error", rule="threshold", limit=31, minutes=0, goal="minimize", top=2)) as page:
        state = page.until(lambda state: state["opened"])
        assert [run["number"] for run in state["lost"]] == [runs[0].number, runs[1].number]
        page.ask("set", limit=40)
        state = page.until(lambda state: state["settings"]["limit"] == 40)
        assert [run["name"] for run in state["lost"]] == [runs[1].name]
        assert [row["lost"] for row in state["rows"] if row["number"] == runs[1].number] == [True]


def test_bad_words_change_nothing_and_are_refused_where_they_were_said(
    neroman: Neroman, runs: RunSet
) -> None:
    with seen(Backtest(runs, "error", opened=False)) as page:
        assert page.until(lambda state: True) == {"opened": False}
        before = page.part.trial
        for words in ({"goal": "best"}, {"min_points": 0}, {"limit": "nan"}, {"minutes": -1}, {"colour": 3}):
            refused = page.refused("set", **words)
            assert refused["text"] and refused["hint"]
        assert page.part.trial == before
        page.ask("set", metric="nothing")  # as a page that is older than the runs might
        assert page.until(lambda state: state["opened"])["settings"]["metric"] == "error"
    with pytest.raises(InputError, match="no metric eror"):
        Backtest(runs, "eror")


def test_runs_without_numbers_say_so_instead_of_sliders(neroman: Neroman) -> None:
    with seen(Backtest([], neroman=neroman)) as page:
        assert page.until(lambda state: state["problem"])["problem"] == "No run has printed a number yet."


def test_a_step_over_a_million_points_is_answered_within_a_second_and_older_steps_are_left_out(
    neroman: Neroman,
) -> None:
    with Store(neroman.home) as store:
        store.start_writing()
        numbers = record(store, 200, 5000)
    part = Backtest(numbers, "error", neroman=neroman)
    with seen(part) as page:
        page.until(lambda state: state["opened"])
        for words in ({"min_points": 20}, {"rule": "halving"}, {"rule": "threshold"}, {"minutes": 30}):
            begun = time.monotonic()
            page.ask("set", **words)
            assert time.monotonic() - begun < 5.0, "bench.backtest measures it"
        drawn = page.ask("curves")["curves"]
        assert len(drawn) == 200 and max(len(curve["x"]) for curve in drawn) <= 60
        judged: list[Any] = []
        evaluate = part._tested.evaluate

        def counting(rule: Any, *more: Any) -> Any:
            judged.append(rule)
            return evaluate(rule, *more)

        part._tested.evaluate = counting
        part._computing.acquire()  # a step that takes long: the others come meanwhile
        asked = [
            threading.Thread(target=page.ask, args=("set",), kwargs={"limit": 0.5 + n / 100})
            for n in range(6)
        ]
        for one in asked:
            one.start()
            until(lambda one=one: part._trial.limit == 0.5 + asked.index(one) / 100)
        part._computing.release()
        for one in asked:
            one.join()
        assert [rule["killvalue"] for rule in judged] == [0.55]


def test_an_inherited_condition_and_a_flow_file_are_not_harmed() -> None:
    outer = (
        "conditions:\n  x: {variablename: e, comparator: nan, action: kill}\n+a:\n  main_code_file: m.py\n"
    )
    rule = {"variablename": "e", "comparator": "gt", "killvalue": "3", "action": "kill"}
    with pytest.raises(InputError) as refused:
        with_rule(outer, "a", rule, "from_backtest")
    assert "conditions: {from_backtest: {variablename: e" in refused.value.hint
    own = f"{outer}  conditions:  # ours\n    y: {{variablename: e, comparator: inf, action: kill}}  # keep\n"
    changed_text = with_rule(own, "a", rule, "from_backtest")
    assert (
        changed_text.startswith(own) and with_rule(changed_text, "a", rule, "from_backtest") == changed_text
    )
    twice = with_rule("+a: {main_code_file: m.py}\n", "a", {"metric": "e", "goal": "minimize"})
    assert twice == "+a: {main_code_file: m.py, stop_losers: {metric: e, goal: minimize}}\n"
    windows = with_rule("+a:\r\n  main_code_file: m.py\r\n", "a", {"metric": "e", "goal": "minimize"})
    assert windows.endswith("m.py\r\n  stop_losers: {metric: e, goal: minimize}\r\n")


def test_another_metric_forgets_what_was_said_of_the_first() -> None:
    first = changed(
        Trial(), {"metric": "error", "goal": "minimize", "limit": 3, "sign": ">", "min_points": 7}
    )
    second = changed(first, {"metric": "accuracy"})
    assert (second.goal, second.limit, second.sign, second.min_points) == ("", None, "", 7)
    assert [nice(step) for step in (0.0031, 0.2, 0.21, 7, 1000)] == [0.005, 0.2, 0.5, 10, 1000]
