"""Progress, and the picture of a sweep that is followed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from neronet.api.progress import fraction, remaining, steps_of
from neronet.cli import describe
from neronet.cli.submit import split
from neronet.cli.watch import changes, picture
from neronet.errors import InputError
from neronet.wire import states
from tests.cli.fakes import (
    NOW,
    FakeNeroman,
    FakeRunSet,
    ended,
    many,
    node,
    planned,
    run,
    said,
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("points", "steps", "lines", "longest", "part"),
    [
        ({"loss": 10, "x": 5}, 40, ["epoch 1/2"], 0, 0.25),
        ({"loss": 80}, 40, [], 0, 1.0),
        ({}, None, ["epoch 12/40", "loss 0.3"], 0, 0.3),
        ({}, None, ["data/1/2.txt is read on 2026/03/14"], 0, None),
        ({}, None, ["7/5", "0/0", "1/1"], 0, None),
        ({"loss": 5}, None, [], 20, 0.25),
        ({"loss": 25}, None, [], 20, 0.99),
        ({}, None, [], 0, None),
    ],
)
def test_progress_is_read_from_steps_then_the_log_then_siblings(
    points: dict[str, int], steps: int | None, lines: list[str], longest: int, part: float | None
) -> None:
    assert fraction(run(1, points=points), steps, lines, longest) == part


def test_the_rest_of_a_run_is_estimated_once_enough_is_done() -> None:
    assert remaining(0.25, 10) == 30
    assert remaining(0.01, 10) is remaining(None, 10) is remaining(0.5, None) is None


def test_steps_are_a_number_or_the_name_of_a_parameter() -> None:
    assert steps_of(run(1), {"lang_exp1": "40"}) == 40
    assert steps_of(run(1, parameters={"epochs": "12"}), {"lang_exp1": "epochs"}) == 12
    assert steps_of(run(1, parameters={"epochs": "many"}), {"lang_exp1": "epochs"}) is None
    assert steps_of(run(1), {}) is None


def test_the_live_picture_has_a_bar_the_time_left_and_the_last_line(tmp_path: Path) -> None:
    (tmp_path / "stdout.log").write_text("epoch 3/4\n")
    runs = FakeRunSet(
        [
            run(1, started=NOW - 30, results=tmp_path, metrics={"loss": 0.5}),
            ended(2),
            run(3, state="queued", started=None),
        ]
    )
    from tests.cli.test_cli_screen import console, plain

    lines = plain(picture(runs, NOW, console(terminal=True)))  # type: ignore[arg-type]
    assert lines[0] == "▶ 1 running  ○ 1 queued  ✓ 1 finished"
    row = next(line for line in lines if "━" in line)
    assert row.count("━") == 8  # of ten: 75 %
    assert "75 %" in row
    assert "0.5000" in row
    assert "≈ 10 s left" in row
    assert lines[lines.index(row) + 1].strip() == "epoch 3/4"
    small = plain(picture(many(), NOW, console(terminal=True, height=12)))  # type: ignore[arg-type]
    assert len(small) <= 11
    assert "more runs" in small[-1]


def test_watch_draws_in_a_terminal_and_leaves_the_last_picture() -> None:
    class Ending(FakeRunSet):
        looks = 0

        def rows(self) -> list[Any]:
            self.looks += 1
            if self.looks > 3:
                self[:] = [ended(1), ended(2)]
            return list(self)

    runs = Ending([run(1), run(2)])
    neroman = FakeNeroman()
    neroman.runs = lambda selector=None: runs  # type: ignore[method-assign]
    out = said("watch", neroman=neroman, terminal=True, colour=True).out
    assert "2 running" in out
    assert "\x1b[2K" in out  # what was drawn live is taken away
    last = re.sub(r"\x1b\[[0-9;]*m", "", out[out.rindex("\x1b[2K") :])
    assert "2 finished" in last
    assert "next: nerocli results" in last


def test_without_a_terminal_changes_are_lines() -> None:
    runs = [run(1), ended(2, states.FAILED, reason="exit code 3", metrics={"loss": 2.0}), run(3), ended(4)]
    from tests.cli.test_cli_screen import plain

    assert plain(list(changes(runs, True))) == [
        "▶ 2 running  1, 3",
        "2 lang_exp1/hyperparamx=2  ✗ failed: exit code 3  loss 2",
        "4 lang_exp1/hyperparamx=4  ✓ finished  ",
    ]
    nothing_open = said("watch", neroman=FakeNeroman(all_runs=FakeRunSet([ended(1)])))
    assert "No run is open" in nothing_open.out


def test_the_rows_of_a_screen_are_shared_fairly() -> None:
    assert describe.share([2, 2, 2], 14) == [2, 2, 2]
    assert describe.share([1, 1, 500], 14) == [1, 1, 12]
    assert describe.share([30, 30, 500], 12) == [4, 4, 4]
    assert describe.share([2, 30, 500], 12) == [2, 5, 5]


def test_five_hundred_waiting_runs_do_not_hide_the_failed_one() -> None:
    for rows in (4, 6, 20):
        shown = describe.pick(many(), rows)  # type: ignore[arg-type]
        assert len(shown) == rows
        assert [each.number for each in shown[:2]] == [3, 4]
        assert 2 in {each.number for each in shown}


def test_watch_shows_what_is_open_before_what_has_ended() -> None:
    from tests.cli.test_cli_screen import console, plain

    runs = FakeRunSet(
        [*(ended(n) for n in range(1, 31)), *(run(n, state="queued", started=None) for n in range(31, 41))]
    )
    runs.insert(5, run(100))
    lines = plain(picture(runs, NOW, console(terminal=True)))  # type: ignore[arg-type]
    assert len(lines) <= 24
    shown = [line.split()[0] for line in lines[3:-1]]
    assert shown[:11] == ["100", *(str(n) for n in range(31, 41))]
    assert len(shown) > 14  # and as many of the ended ones as there is room for
    lines = plain(picture(runs, NOW, console(terminal=True, height=14)))  # type: ignore[arg-type]
    assert [line for line in lines if "finished" in line][1:]  # the newest stay on the screen


def test_the_last_word_is_the_node_when_it_names_one() -> None:
    nodes = ["local", "gpu1", "gpu"]
    assert split(["lang_exp", "gpu1"], nodes) == (["lang_exp"], "gpu1")
    assert split(["a", "b", "gpu"], nodes) == (["a", "b"], "gpu")
    assert split(["a", "b"], nodes) == (["a", "b"], None)
    assert split(["gpu1"], nodes) == (["gpu1"], None)


def test_who_names_no_more_than_nodes_is_told_what_is_missing() -> None:
    class Choosy(FakeNeroman):
        def preview(self, target: str) -> list[Any]:
            if target != "lang_exp1":
                raise InputError(f"{target} is no experiment, collection, folder or run")
            return planned(2)

    neroman = Choosy(all_nodes=[node("gpu1", groups=("gpu",)), node("gpu2")])
    for words, told, hint in (
        (["gpu1"], "gpu1 is a node: what is to run there?", "nerocli submit FOLDER gpu1"),
        (["lang_exp1", "gpu1", "gpu2"], "gpu1 and gpu2 are two nodes", "groups: {both: [gpu1, gpu2]}"),
        (["lang_exp1", "gpu3"], "neither a node nor something to run", "did you mean the node gpu"),
    ):
        answer = said("submit", *words, neroman=neroman)
        assert answer.code == 2
        assert told in answer.err.replace("\n", " ") and hint in answer.err.replace("\n  ", " "), answer.err


@pytest.mark.parametrize("command", ["submit", "watch"])
def test_who_stops_waiting_is_told_that_the_runs_go_on(command: str) -> None:
    class Interrupted(FakeNeroman):
        def submit(self, *given: Any, **named: Any) -> Any:
            raise KeyboardInterrupt

    runs = FakeRunSet([run(1)])
    runs.on_change = Interrupted().submit  # type: ignore[method-assign]
    answer = said(
        command,
        "lang_exp1",
        neroman=Interrupted(planned=planned(1), all_runs=runs) if command == "submit" else Watched(runs),
    )
    assert answer.code == 130
    (line,) = answer.err.splitlines()
    assert "sent all the same" in line if command == "submit" else "The runs go on" in line


class Watched(FakeNeroman):
    def __init__(self, runs: FakeRunSet) -> None:
        super().__init__(all_runs=runs)

    def runs(self, selector: Any = None) -> Any:
        return self.all_runs
