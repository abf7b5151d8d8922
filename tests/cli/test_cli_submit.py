"""Defining and submitting experiments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from neronet.api.targets import Planned
from neronet.cli.experiments import differences, template_text
from neronet.cli.submit import upload
from neronet.errors import InputError
from neronet.spec.problems import Problem
from tests.cli.fakes import (
    FakeNeroman,
    FakeRunSet,
    experiment,
    node,
    planned,
    run,
    said,
)


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


def test_preview_tells_what_varies_from_what_is_the_same() -> None:
    assert differences(planned(3)) == ("x 0 1 2", "y 2")
    out = said("preview", "folder", neroman=FakeNeroman(planned=planned(3))).out
    assert "lang_exp1   3 runs" in out
    assert "lang_exp1/x=2  python3 main.py 2" in out
    assert "3 runs\nnext: nerocli submit folder NODE" in out


def test_preview_warns_of_what_submit_would_refuse() -> None:
    answer = said("preview", "folder", neroman=FakeNeroman(planned=planned(3), awaited_names=["other"]))
    assert "submit refuses this: these runs come after other, of which there are none" in answer.err
    assert "submit it first, or both together" in answer.err


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
