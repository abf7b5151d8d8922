"""What each command says, and what it asks Neroman for."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import yaml

from neronet.api.progress import fraction, remaining, steps_of
from neronet.api.targets import Planned
from neronet.cli import describe, gui
from neronet.cli.completion import SCRIPTS
from neronet.cli.experiments import differences, template_text
from neronet.cli.submit import split, upload
from neronet.cli.watch import changes, picture
from neronet.engine.doctor import Check
from neronet.errors import InputError
from neronet.spec.problems import Problem
from neronet.store.events import Event
from neronet.wire import states
from tests.cli.fakes import NOW, FakeNeroman, FakeRunSet, completed, experiment, node, run, said


def ended(number: int, state: str = states.FINISHED, **given: Any) -> Any:
    return run(number, **{"state": state, "ended": NOW - number, "started": NOW - number - 5, **given})


def many() -> FakeRunSet:
    waiting = [run(n, state=states.QUEUED, started=None) for n in range(5, 505)]
    failed = ended(2, states.FAILED, reason="exit code 3", metrics={"loss": 0.5})
    return FakeRunSet([ended(1, ended=NOW - 60), failed, run(3), run(4), *waiting])


# -- status


def test_status_fits_a_screen_and_shows_what_runs_and_what_failed() -> None:
    neroman = FakeNeroman(
        all_nodes=[node("local"), *(node(f"gpu{n}") for n in range(30))],
        all_experiments=[experiment(f"exp{n}", 5, states={"queued": 5}) for n in range(30)],
        all_runs=many(),
    )
    for height in (24, 50):
        answer = said("status", neroman=neroman, terminal=True, height=height)
        lines = answer.out.splitlines()
        assert len(lines) < height
        assert max(map(len, lines)) <= 80
        assert lines[0].split()[:2] == ["504", "runs"]
        assert "✗ failed: exit code 3" in answer.out
        assert answer.out.count("▶ running") == 2
        assert "nerocli status --all" in answer.out
        assert "nerocli status nodes" in answer.out
    everything = said("status", "--all", neroman=neroman, terminal=True).out
    assert everything.count("○ queued") == 500
    assert "--all" not in everything


def test_status_without_experiments_says_how_to_begin() -> None:
    answer = said("status")
    assert answer.code == 0
    assert "local" in answer.out
    assert "next: nerocli demo" in answer.out


def test_status_asks_nodes_that_are_named_and_were_not_heard_of_for_ten_seconds() -> None:
    fresh = node("gpu3", last_seen=time.time() + 60)
    neroman = FakeNeroman(all_nodes=[node("gpu1", last_seen=NOW - 60), node("gpu2", last_seen=None), fresh])
    assert said("status", "gpu1", neroman=neroman).code == 0
    assert ("fetch", 3.0, ["gpu1"]) in neroman.calls
    neroman.calls.clear()
    assert said("status", "gpu3", neroman=neroman).code == 0
    assert "fetch" not in {call[0] for call in neroman.calls}
    said("status", "nodes", neroman=neroman)
    assert ("fetch", 3.0, ["gpu1", "gpu2"]) in neroman.calls


def test_status_of_a_node_tells_its_facts_and_its_runs() -> None:
    gpu = node("gpu1", groups=("gpu",), gpus=({"index": 0, "name": "A100"},), used=1)
    neroman = FakeNeroman(all_nodes=[gpu, node("gpu2")], all_runs=FakeRunSet([run(1), run(2, node="gpu2")]))
    out = said("status", "gpu1", neroman=neroman).out
    for words in (
        "gpu1   ready",
        "groups   gpu",
        "1 of 2 busy",
        "8.0 GiB free of 16 GiB",
        "0: A100",
        "hyperparamx=1",
    ):
        assert words in out
    assert "want a core" in out  # nobody has to know what a load is
    assert "hyperparamx=2" not in out


def test_an_unreachable_node_says_since_when_and_why() -> None:
    silent = node("gpu1", reachable=False, last_seen=time.time() - 185, reason="connection refused")
    out = said("status", "nodes", neroman=FakeNeroman(all_nodes=[silent, node("new", reachable=None)])).out
    assert "last seen 3 min ago: connection refused" in out
    assert "not asked yet" in out


def test_status_of_a_run_tells_all_and_cuts_nothing(tmp_path: Path) -> None:
    (tmp_path / "stdout.log").write_text("".join(f"line {n}\n" for n in range(30)))
    (tmp_path / "stderr.log").write_text("Traceback\n\x1b[2JValueError: no\n")
    command = ("python3", "main.py", "a value with blanks", "x" * 100)
    failed = ended(
        7, states.FAILED, reason="exit code 1", results=tmp_path, command=command, metrics={"loss": math.nan}
    )
    neroman = FakeNeroman(all_runs=FakeRunSet([failed]))
    out = said("status", "7", neroman=neroman, terminal=True).out
    assert f"python3 main.py 'a value with blanks' {'x' * 100}" in out
    assert str(tmp_path) in out
    for words in (
        "✗ failed: exit code 1",
        "loss nan",
        "last lines of stderr",
        "ValueError: no",
        "next: nerocli rerun 7",
    ):
        assert words in out
    assert "\x1b[2J" not in out
    finished = FakeNeroman(all_runs=FakeRunSet([ended(7, results=tmp_path)]))
    out = said("status", "7", neroman=finished).out
    assert "line 29" in out
    assert "line 19" not in out


def test_status_of_an_experiment_says_where_its_data_is() -> None:
    runs = FakeRunSet([ended(1), run(2)])
    neroman = FakeNeroman(
        all_runs=runs, all_experiments=[experiment("lang_exp1", 2, states={"running": 1, "finished": 1})]
    )
    out = said("status", "lang_exp1", neroman=neroman).out
    assert "results are in /nowhere/results/lang_exp1" in out
    assert "✓ finished" in out
    fresh = FakeNeroman(all_experiments=[experiment("lang_exp1", 2)])
    assert "next: nerocli submit lang_exp1 NODE" in said("status", "lang_exp1", neroman=fresh).out


def test_status_json_is_what_neroman_says_with_null_for_nan() -> None:
    neroman = FakeNeroman()
    neroman.status = lambda name: {"runs": [{"metrics": {"x": math.nan}}], "nodes": [], "experiments": []}  # type: ignore
    answer = said("status", "--json", neroman=neroman)
    assert json.loads(answer.out) == {"runs": [{"metrics": {"x": None}}], "nodes": [], "experiments": []}
    assert list(json.loads(said("status", "nodes", "--json").out)) == ["nodes"]


def test_fetch_fails_only_when_nobody_answers() -> None:
    silent = node("gpu1", reachable=False, reason="timed out")
    neroman = FakeNeroman(
        all_nodes=[silent, node("gpu2")], all_runs=FakeRunSet([run(1, node="gpu1"), run(2, node="gpu2")])
    )
    answer = said("fetch", neroman=neroman)
    assert answer.code == 0
    assert "gpu1 does not answer: timed out" in answer.err
    assert "Everything is here from the nodes that answer." in answer.out
    neroman.all_runs = FakeRunSet([run(1, node="gpu1")])
    assert said("fetch", neroman=neroman).code == 1


# -- progress and watch


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


# -- submit


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


def planned(count: int, name: str = "lang_exp1") -> list[Planned]:
    return [
        Planned(name, f"{name}/x={n}", {"x": str(n), "y": "2"}, ("python3", "main.py", str(n)))
        for n in range(count)
    ]


def test_submit_says_what_runs_where_its_data_will_be_and_what_comes_next() -> None:
    notes = ["submitting: gpu1 does not answer; sent at the next contact"]
    neroman = FakeNeroman(
        all_nodes=[node("gpu1", groups=("gpu",))],
        planned=planned(2),
        all_runs=FakeRunSet([run(1), run(2)], notes=notes),
    )
    answer = said("submit", "lang_exp1", "gpu", neroman=neroman)
    assert answer.code == 0
    assert ("submit", ["lang_exp1"], "gpu", {"again": False, "confirmed": False}) in neroman.calls
    for words in (
        "python3 main.py 0", notes[0], "2 runs (1-2) submitted to gpu1",
        "results will be in /nowhere/results/lang_exp1",
        "next: nerocli watch",
    ):  # fmt: skip
        assert words in answer.out


def test_submit_json_is_json_only() -> None:
    neroman = FakeNeroman(planned=planned(1), all_runs=FakeRunSet([run(1)], notes=["a note"]))
    answer = json.loads(said("submit", "lang_exp1", "--json", "--again", neroman=neroman).out)
    assert answer["notes"] == ["a note"]
    assert answer["runs"][0]["name"] == "lang_exp1/hyperparamx=1"
    assert neroman.calls[-2][-1] == {"again": True, "confirmed": False}


def test_a_word_that_is_neither_node_nor_target_names_the_nearest_node() -> None:
    from neronet.errors import InputError

    neroman = FakeNeroman(all_nodes=[node("triton")])

    def preview(target: str) -> list[Planned]:
        if target == "tritn":
            raise InputError("tritn is no experiment")
        return planned(1)

    neroman.preview = preview  # type: ignore[assignment]
    answer = said("submit", "lang_exp1", "tritn", neroman=neroman)
    assert answer.code == 2
    assert "'tritn' is neither a node nor something to run" in answer.err
    assert "did you mean the node triton?" in answer.err
    assert "submit" not in {call[0] for call in neroman.calls}


def test_a_very_large_sweep_is_asked_about_first() -> None:
    neroman = FakeNeroman(planned=planned(10_001), all_runs=FakeRunSet([run(1)]))
    refused = said("submit", "big", neroman=neroman, typed="n\n")
    assert refused.code == 0
    assert "Submit 10,001 runs?" in refused.err
    assert "submit" not in {call[0] for call in neroman.calls}
    silent = said("submit", "big", neroman=neroman)
    assert silent.code == 2
    assert "nerocli submit big --yes" in silent.err
    assert said("submit", "big", neroman=neroman, typed="y\n").code == 0
    assert said("submit", "big", "--yes", neroman=neroman).code == 0
    assert [call[-1]["confirmed"] for call in neroman.calls if call[0] == "submit"] == [True, True]


def test_an_upload_shows_its_bytes() -> None:
    from tests.cli.test_cli_screen import plain

    message = {"node": "gpu1", "done": 1_000_000, "total": 2_000_000, "files": 3}
    (line,) = plain([upload(message, True)])
    assert line == f"to gpu1  {'━' * 10}{'─' * 10}  50 %  1.0 MB of 2.0 MB"
    assert "100 %" in plain([upload({"node": "g", "done": 0, "total": 0}, False)])[0]


def test_an_upload_is_drawn_in_a_terminal_and_gone_when_it_is_done() -> None:
    runs = FakeRunSet([run(1)])

    class Uploading(FakeNeroman):
        def submit(self, targets: Any, node: Any, *, progress: Any = None, **given: Any) -> FakeRunSet:
            progress({"token": "t", "node": "gpu1", "done": 500, "total": 1000, "files": 1})
            return runs

    out = said("submit", "lang_exp1", neroman=Uploading(planned=planned(1)), terminal=True).out
    drawn, _, after = out.rpartition("\x1b[2K")
    assert "500 bytes of 1.0 kB" in drawn
    assert "500 bytes" not in after
    assert "lang_exp1/hyperparamx=1 (run 1) submitted to gpu1" in after


# -- experiments


def test_preview_tells_what_varies_from_what_is_the_same() -> None:
    assert differences(planned(3)) == ("x 0 1 2", "y 2")
    out = said("preview", "folder", neroman=FakeNeroman(planned=planned(3))).out
    assert "lang_exp1   3 runs" in out
    assert "lang_exp1/x=2  python3 main.py 2" in out
    assert "3 runs.  next: nerocli submit folder NODE" in out


def test_a_long_preview_fits_a_screen_and_json_has_all() -> None:
    neroman = FakeNeroman(planned=[*planned(500), *planned(500, "other")])
    out = said("preview", "folder", neroman=neroman, terminal=True).out
    assert len(out.splitlines()) < 24
    assert out.count("more: nerocli preview folder --json shows all") == 2
    assert len(said("preview", "folder", neroman=neroman).out.splitlines()) > 1000
    rows = json.loads(said("preview", "folder", "--json", neroman=neroman).out)
    assert len(rows) == 1000
    assert rows[1] == {
        "experiment": "lang_exp1", "name": "lang_exp1/x=1", "parameters": {"x": "1", "y": "2"},
        "command": ["python3", "main.py", "1"],
    }  # fmt: skip


def test_notes_about_a_folder_go_to_stderr(tmp_path: Path) -> None:
    note = Problem(str(tmp_path / "config.yaml"), 1, 1, "read as an experiment", severity="warning")
    neroman = FakeNeroman(planned=planned(1), found_problems=(note,))
    answer = said("preview", str(tmp_path), "--json", neroman=neroman)
    assert json.loads(answer.out)
    assert "config.yaml:1:1  read as an experiment" in answer.err


def test_addexp_copyexp_and_delexp_say_what_was_done() -> None:
    neroman = FakeNeroman(all_experiments=[experiment("lang_exp1", 4), experiment("lang_exp2", 1)])
    out = said("addexp", "folder", neroman=neroman).out
    assert "lang_exp1      4  not submitted yet" in out
    assert "nerocli preview folder" in out
    assert "is a copy of" in said("copyexp", "lang_exp1", "new", neroman=neroman).out
    assert "runs and their results stay" in said("delexp", "lang_exp1", neroman=neroman).out
    assert ("copy_experiment", "lang_exp1", "new") in neroman.calls
    assert ("remove_experiment", "lang_exp1") in neroman.calls


def test_a_template_is_the_guides_and_never_overwrites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    argv = ["-template", "theanotest", "python", "theanotest.py", "N", "feats", "training_steps"]
    answer = said(*argv)
    assert answer.code == 0
    assert "theanotest.py is not in this folder yet" in answer.err
    assert "fill in its parameters, then: nerocli preview ." in answer.out
    written = yaml.safe_load(Path("config.yaml").read_text(encoding="utf-8"))
    block = written["+theanotest"]
    assert (written["run_command_prefix"], written["main_code_file"]) == ("python", "theanotest.py")
    assert list(block["parameters"]) == ["N", "feats", "training_steps"]
    assert block["parameter_format"] == "{N} {feats} {training_steps}"
    Path("config.yaml").write_text("mine")
    answer = said(*argv)
    assert answer.code == 2
    assert "it stays as it is" in answer.err
    assert Path("config.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    "text", ["Rscript --vanilla", "./a b.py", "yes: no", "it's", "0x1f", "null", "#x", "", "~", "é"]
)
def test_what_a_template_is_given_stays_the_same_text(text: str) -> None:
    written = yaml.safe_load(template_text("exp", text, text, []))
    assert written["run_command_prefix"] == written["main_code_file"] == text


# -- what runs have said


def test_logs_are_raw_in_a_pipe_and_harmless_in_a_terminal() -> None:
    log = "a\tb\n\x1b[31mred\x1b[0m \x07\n50 %\r100 %\n"
    neroman = FakeNeroman(all_runs=FakeRunSet([run(1)], text=log))
    assert said("logs", "1", neroman=neroman).out == log
    assert said("logs", "1", "-f", neroman=neroman).out == log
    assert said("logs", "1", neroman=neroman, terminal=True).out == "a\tb\nred ␇\n50 %\r100 %\n"


def test_logs_of_a_run_whose_results_were_deleted_say_so() -> None:
    runs = FakeRunSet([ended(1)])
    runs.deleted = True
    neroman = FakeNeroman(all_runs=runs)
    neroman.runs = lambda selector=None: runs  # type: ignore[method-assign]
    answer = said("logs", "1", neroman=neroman)
    assert "the results of lang_exp1/hyperparamx=1 were deleted: /nowhere/results/" in answer.err
    assert "printed nothing" not in answer.err


def test_what_went_wrong_beside_its_end_is_told_of_a_run() -> None:
    events = [SimpleNamespace(kind="warning", text=f"outputs: {n} was not there") for n in "abcd"]
    events.append(SimpleNamespace(kind="finished", text="done"))
    neroman = FakeNeroman(all_runs=FakeRunSet([ended(1)]), events=events)
    lines = said("status", "1", neroman=neroman).out.splitlines()
    assert [line.split()[2] for line in lines if "warning" in line] == ["b", "c", "d"]


def test_a_silent_run_and_a_vague_name_are_explained() -> None:
    neroman = FakeNeroman(all_runs=FakeRunSet([run(1), run(2)]))
    silent = said("logs", "1", "--stderr", neroman=neroman)
    assert (silent.code, silent.out) == (0, "")
    assert "has printed nothing to stderr yet: it is running" in silent.err
    vague = said("logs", "lang_exp1", neroman=neroman)
    assert vague.code == 2
    assert "names 2 runs, not one" in vague.err
    assert "1 (lang_exp1/hyperparamx=1)" in vague.err


def points_frame() -> pd.DataFrame:
    times = [1773500966.5, 1773500967.5, 1773500968.5]
    values = {"run": [1] * 3, "metric": ["loss", "acc", "loss"], "index": [0.0, 0.0, 1.0], "time": times}
    return pd.DataFrame({**values, "value": [2.0, 0.5, math.nan]})


def test_points_are_a_summary_every_value_json_or_csv() -> None:
    runs = FakeRunSet([run(1, metrics={"loss": math.nan, "acc": 0.5})], table=points_frame())
    neroman = FakeNeroman(all_runs=runs)
    summary = said("points", "1", neroman=neroman).out.splitlines()
    assert summary[1].split() == ["loss", "2", "2", "nan", "2", "2"]
    assert said("points", "1", "acc", neroman=neroman).out.split()[-1] == "0.5000"
    rows = json.loads(said("points", "1", "loss", "--json", neroman=neroman).out)
    assert rows == [
        {"run": 1, "metric": "loss", "index": 0.0, "time": "2026-03-14T15:09:26.500Z", "value": 2.0},
        {"run": 1, "metric": "loss", "index": 1.0, "time": "2026-03-14T15:09:28.500Z", "value": None},
    ]
    table = list(csv.reader(io.StringIO(said("points", "1", "--csv", neroman=neroman).out)))
    assert table[0] == ["run", "metric", "index", "time", "value"]
    assert len(table) == 4
    assert table[1][3] == "2026-03-14T15:09:26.500Z"
    unknown = said("points", "1", "los", neroman=neroman)
    assert unknown.code == 2
    assert "it has: loss, acc" in unknown.err


def results_set() -> FakeRunSet:
    runs = [ended(1, metrics={"loss": 0.25}), ended(2, states.FAILED, reason="exit code 1", metrics={})]
    frame = pd.DataFrame(
        {
            "name": ["a", "b"],
            "started": [pd.Timestamp(1773500966.5, unit="s", tz="UTC"), pd.NaT],
            "loss": [0.25, math.nan],
        },
        index=pd.Index([1, 2], name="number"),
    )
    return FakeRunSet(runs, table=frame)


def test_results_show_what_differs_and_keep_the_text_of_parameters() -> None:
    runs = results_set()
    runs[0] = ended(1, parameters={"rate": "1e-3", "same": "x"}, metrics={"loss": 0.25})
    runs[1] = ended(2, states.FAILED, parameters={"rate": "010", "same": "x"})
    lines = said("results", neroman=FakeNeroman(all_runs=runs)).out.splitlines()
    assert lines[0].split() == ["#", "rate", "loss", "state", "time"]
    assert lines[1].split() == ["1", "1e-3", "0.2500", "✓", "finished", "5.0", "s"]
    assert lines[2].split() == ["2", "010", "✗", "failed", "5.0", "s"]


def test_results_go_to_json_csv_and_files_by_their_ending(tmp_path: Path) -> None:
    neroman = FakeNeroman(all_runs=results_set())
    rows = json.loads(said("results", "--json", neroman=neroman).out)
    assert rows[0] == {"number": 1, "name": "a", "started": "2026-03-14T15:09:26.500Z", "loss": 0.25}
    assert rows[1] == {"number": 2, "name": "b", "started": None, "loss": None}
    table = said("results", "--csv", neroman=neroman).out
    assert table.splitlines() == ["number,name,started,loss", "1,a,2026-03-14T15:09:26.500Z,0.25", "2,b,,"]
    for ending, content in ((".csv", table), (".JSON", said("results", "--json", neroman=neroman).out)):
        file = tmp_path / f"results{ending}"
        assert "2 runs written to" in said("results", "-o", str(file), neroman=neroman).out
        assert file.read_text(encoding="utf-8") == content
    answer = said("results", "-o", str(tmp_path / "no" / "x.csv"), neroman=neroman)
    assert answer.code == 1
    assert "cannot be written: No such file" in answer.err
    assert "No runs yet" in said("results").out


def test_results_name_the_columns_a_narrow_terminal_has_no_room_for() -> None:
    metrics = {f"metric_number_{n}": float(n) for n in range(12)}
    answer = said(
        "results", neroman=FakeNeroman(all_runs=FakeRunSet([ended(1, metrics=metrics)])), terminal=True
    )
    assert max(map(len, answer.out.splitlines())) <= 80
    assert "metric_number_11" in answer.err
    assert "nerocli results -o results.csv" in answer.err


def test_history_is_a_table_the_last_events_or_json() -> None:
    events = [Event(n, NOW + n, 1, 1, "gpu1", "started", "", "lang_exp1") for n in range(60)]
    neroman = FakeNeroman(
        events=[*events, Event(61, NOW, None, None, "gpu1", "unreachable", "timed out", None)]
    )
    answer = said("history", neroman=neroman)
    assert len(answer.out.splitlines()) == 51
    assert "unreachable: timed out" in answer.out
    assert "11 earlier events" in answer.err
    rows = json.loads(said("history", "1", "--json", neroman=neroman).out)
    assert len(rows) == 61
    assert set(rows[0]) == {"time", "run", "name", "node", "kind", "text"}
    assert rows[0]["time"].endswith("Z")
    assert "Nothing has happened yet" in said("history").out


# -- what to do with runs


def test_terminate_hold_release_and_rerun_say_what_they_did() -> None:
    neroman = FakeNeroman(
        all_runs=FakeRunSet([run(1), ended(2), run(3, state="queued")], notes=["1 had ended before"])
    )
    assert "lang_exp1/hyperparamx=1 (run 1): asked to end." in said("terminate", "1", neroman=neroman).out
    assert "had ended before; nothing to do" in said("terminate", "2", neroman=neroman).out
    assert "(run 3): held" in said("hold", "lang_exp1", neroman=neroman).out
    assert "1 had ended before" in said("release", "lang_exp1", neroman=neroman).out
    assert "will run again" in said("rerun", "2", neroman=neroman).out
    neroman.all_runs = FakeRunSet([ended(2)])
    assert "None of these waits" in said("hold", "2", neroman=neroman).out
    assert "Nothing to run again" in said("rerun", "9", "--failed", neroman=neroman).out


# -- nodes and housekeeping


def checks() -> list[Check]:
    return [
        Check("gpu1", "connection", True, "answers"),
        Check("gpu1", "disk", False, "0.1 GiB free", "make room there"),
        Check("gpu1", "cores", None, "8"),
    ]


def test_a_node_that_does_not_answer_is_kept_and_that_is_said() -> None:
    refused = [
        Check("gpu1", "connection", False, "gpu1 does not answer: connection refused", "is it switched on?")
    ]
    answer = said("addnode", "gpu1", "gpu1", neroman=FakeNeroman(checks=refused))
    assert answer.code == 0
    assert "gpu1 is added: gpu1" in answer.out
    assert "connection refused" in answer.out
    assert "gpu1 is kept, but nothing can run there yet" in answer.err
    well = said("addnode", "gpu1", "gpu1", neroman=FakeNeroman(checks=checks()[:1]))
    assert "next: nerocli submit FOLDER gpu1" in well.out


def test_doctor_tells_each_check_and_fails_when_one_does() -> None:
    answer = said("doctor", "gpu1", neroman=FakeNeroman(checks=checks()))
    assert answer.code == 1
    assert answer.out.splitlines() == [
        "gpu1", "  ✓ connection: answers", "  ✗ disk: 0.1 GiB free", "    make room there", "  · cores: 8",
    ]  # fmt: skip
    rows = json.loads(said("doctor", "--json", neroman=FakeNeroman(checks=checks()[:1])).out)
    assert rows == [{"node": "gpu1", "subject": "connection", "ok": True, "text": "answers", "hint": ""}]
    assert said("doctor", neroman=FakeNeroman(checks=checks()[:1])).code == 0


def test_delnode_recover_engine_and_tidy_say_what_was_done() -> None:
    neroman = FakeNeroman(all_runs=FakeRunSet([run(1)]), engine_status="the background process (process 7)")
    assert "gpu1 is forgotten" in said("delnode", "gpu1", "--force", neroman=neroman).out
    assert ("remove_node", "gpu1", {"force": True}) in neroman.calls
    assert "1 run found on gpu1" in said("recover", "gpu1", neroman=neroman).out
    assert "no runs of yours" in said("recover", "gpu1").out
    assert "The engine runs in the background process (process 7)" in said("engine", neroman=neroman).out
    assert "starts when it is needed" in said("engine", "status").out
    for action in ("start", "stop"):
        said("engine", action, neroman=neroman)
        assert (f"{action}_engine",) in neroman.calls
    assert "Nothing to remove" in said("tidy").out
    neroman.tidy = lambda: ["gpu1: 3 submissions removed"]  # type: ignore[assignment]
    assert said("tidy", neroman=neroman).out == "gpu1: 3 submissions removed\n"


def test_clean_says_exactly_what_goes_and_asks(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "x.log").write_bytes(b"x" * 31_000)
    neroman = FakeNeroman(
        home=tmp_path, all_nodes=[node("local"), node("gpu1")], all_experiments=[experiment("lang_exp1")],
        all_runs=FakeRunSet([run(3), ended(4)]),
    )  # fmt: skip
    refused = said("clean", neroman=neroman, typed="\n")
    assert refused.code == 0
    for words in (
        "1 node: gpu1",
        "1 experiment: lang_exp1",
        "2 runs with their results",
        "31 kB",
        "nerocli terminate 3",
    ):
        assert words in refused.err
    assert "Nothing was removed" in refused.err
    assert ("clean",) not in neroman.calls
    assert said("clean", neroman=neroman).code == 2
    assert said("clean", "--yes", neroman=neroman).code == 0
    assert neroman.calls.count(("clean",)) == 1


# -- completion


def test_completion_knows_commands_options_experiments_nodes_and_runs() -> None:
    assert completed("st") == ["status"]
    assert completed("-addn") == ["-addnode"]
    assert len(completed("")) > 25
    assert completed("submit", "--") == ["--again", "--yes", "--json"]
    assert completed("submit", "lang_exp1", "g") == ["gpu1", "gpu"]
    assert completed("delexp", "l") == ["lang_exp1"]
    assert completed("delnode", "") == ["--force", "local", "gpu1"]
    assert completed("logs", "lang_exp1/h") == ["lang_exp1/hyperparamx=1"]
    assert completed("terminate", "lang") == ["lang_exp1", "lang_exp", "lang_exp1/hyperparamx=1"]
    assert completed("logs", "bad") == completed("nonsense", "") == []


@pytest.mark.parametrize(
    ("line", "replies"),
    [
        ("nerocli st", ["status"]),
        ("nerocli logs lang_exp1/hyperparamx=", ["1"]),
        ("nerocli logs e/x=", [r"\$\(touch\ pwned\)"]),
        ("nerocli submit lang_exp1 gpu", ["gpu1", "gpu"]),
    ],
)
def test_bash_completes_names_and_runs_nothing_that_is_in_them(
    line: str, replies: list[str], tmp_path: Path
) -> None:
    program = tmp_path / "nerocli"
    code = "import sys\nfrom tests.cli.fakes import completed\nprint('\\n'.join(completed(*sys.argv[2:])))"
    root = Path(__file__).parents[2]
    program.write_text(f"#!/bin/sh\nPYTHONPATH='{root}' exec '{sys.executable}' -c \"{code}\" \"$@\"\n")
    program.chmod(0o755)
    script = (
        f"PATH='{tmp_path}':$PATH\n{SCRIPTS['bash']}\n"
        f"COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}; _nerocli; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines() == replies
    assert not (tmp_path / "pwned").exists()


def test_each_shell_has_a_script() -> None:
    for shell, script in SCRIPTS.items():
        assert said("completion", shell).out == script.lstrip()


def test_nerogui_opens_jupyterlab_and_says_where_to_look() -> None:
    code = "import sys; sys.argv[1:] = ['--version']; from neronet.cli.gui import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("JupyterLab opens in your browser")
    assert re.search(r"^\d+\.\d+", done.stdout.splitlines()[-1])  # what JupyterLab makes of its own argument


def test_nerogui_explains_itself(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["nerogui", "--help"])
    gui.main()
    assert "Arguments are passed on" in capsys.readouterr().out
