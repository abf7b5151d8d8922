"""The sweep builder: what a page is shown of a sweep, and what becomes of what the user does."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from neronet import Neroman
from neronet.engine.background import spawn
from neronet.spec.config import load_config
from neronet_jupyter.sweep import SweepBuilder
from tests.jupyter.conftest import Page
from tests.waiting import until

pytestmark = pytest.mark.slow

CIFAR = """\
# Which width is worth the time?
run_command_prefix: sh
main_code_file: train.sh
+resnet:
  parameters:
    lr: {from: 0.1, to: 0.0001, log: 4}   # falls
    opt: [sgd, adamw]
    depth: [20, 56]
    batch: [128, 64]       # 56 layers do not fit with 128
    seed: {from: 1, to: 3}
    epochs: 90
  zip: [[depth, batch]]
  exclude: opt == adamw and lr >= 0.1
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "cifar"
    made.mkdir()
    (made / "config.yaml").write_text(CIFAR)
    (made / "train.sh").write_text("echo loss 1\n")
    return made


def key(state: dict[str, Any], name: str) -> int:
    return int(next(axis["key"] for axis in state["axes"] if axis["name"] == name))


def text_of(state: dict[str, Any]) -> str:
    return "".join(piece for piece, _ in state["command"])


def shows(page: Page, revision: int) -> dict[str, Any]:
    return page.until(lambda state: state["revision"] >= revision)


def test_a_folder_shows_its_sweep_with_the_exact_commands(neroman: Neroman, folder: Path) -> None:
    page = Page(SweepBuilder(neroman))
    page.until(lambda state: state["folder"] == "")
    page.ask("open_folder", path=str(folder))
    state = page.until(lambda state: state["experiment"])
    assert (state["total"], state["product"], state["left"]) == (42, "4 × 2 × 2 × 3 − 6", 6)
    assert state["columns"] == ["lr", "opt", "depth", "batch", "seed"]
    assert [axis["size"] for axis in state["axes"]] == [4, 2, 2, 2, 3, 1]
    assert state["axes"][0]["shown"] == "0.1, 0.01, 0.001, 0.0001"
    assert state["rows"][5]["n"] == 6
    assert state["rows"][6] == {"left": 6, "values": ["0.1", "adamw"]}
    state = shows(page, page.ask("choose", run=7))
    assert text_of(state) == "sh train.sh --lr 0.01 --opt sgd --depth 20 --batch 128 --seed 1 --epochs 90"
    assert [piece for piece, bold in state["command"] if bold] == ["0.01", "sgd", "20", "128", "1"]
    assert not state["edited"] and not state["errors"]


def test_an_edit_is_previewed_and_saved_with_the_comments(neroman: Neroman, folder: Path) -> None:
    page = Page(SweepBuilder(neroman, folder=folder))
    state = page.until(lambda state: state["experiment"])
    page.ask("value", key=key(state, "lr"), said=["1e-3", "010"])
    state = shows(page, page.ask("rule", position=0, text=None))
    assert state["total"] == 2 * 2 * 2 * 3 and state["edited"]
    assert (folder / "config.yaml").read_text() == CIFAR, "nothing is written before it is saved"
    page.ask("save")
    page.until(lambda state: not state["edited"])
    text = (folder / "config.yaml").read_text()
    assert "    lr: [1e-3, 010]   # falls\n" in text and "exclude" not in text
    (experiment,) = load_config(folder).experiments
    assert experiment.parameters[0].values == ("1e-3", "010")


def test_a_problem_stands_at_its_field_and_keeps_the_sweep_from_going(neroman: Neroman, folder: Path) -> None:
    page = Page(SweepBuilder(neroman, folder=folder))
    state = page.until(lambda state: state["experiment"])
    batch = key(state, "batch")
    state = shows(page, page.ask("value", key=batch, said=["128", "64", "32"]))
    (fault,) = state["faults"]
    assert (fault["word"], fault["name"], state["errors"], state["waits"]) == ("zip", "batch", 1, "batch")
    assert "'depth' has 2 values, but 'batch' has 3" in fault["text"] and fault["hint"]
    assert text_of(state), "the last command is still shown"
    assert "mend" in page.refused("submit")["text"]
    state = shows(page, page.ask("untie", key=batch))
    assert not state["errors"] and state["total"] == 4 * 2 * 2 * 3 * 3 - 18


def test_a_draft_outlives_the_kernel_and_a_file_that_changes_elsewhere(
    neroman: Neroman, folder: Path
) -> None:
    first = SweepBuilder(neroman, folder=folder)
    page = Page(first)
    state = page.until(lambda state: state["experiment"])
    page.ask("value", key=key(state, "epochs"), said="10")
    first.close()
    page = Page(SweepBuilder(neroman))
    state = page.until(lambda state: state["experiment"] == "resnet" and state["total"] == 42)
    assert state["edited"] and state["axes"][-1]["said"] == "10"
    (folder / "config.yaml").write_text("# new first line\n" + CIFAR)
    page.ask("save")
    assert (folder / "config.yaml").read_text() == "# new first line\n" + CIFAR.replace(
        "epochs: 90", "epochs: 10"
    )


def test_a_file_that_says_something_else_asks_which_is_meant(neroman: Neroman, folder: Path) -> None:
    page = Page(SweepBuilder(neroman, folder=folder))
    state = page.until(lambda state: state["experiment"])
    page.ask("value", key=key(state, "epochs"), said="10")
    theirs = CIFAR.replace("[sgd, adamw]", "[sgd, lion]").replace("# falls", "# down")
    (folder / "config.yaml").write_text(theirs)
    page.until(lambda state: state["conflict"])
    assert "changed meanwhile" in page.refused("save")["text"]
    page.ask("take")
    state = page.until(lambda state: not state["conflict"] and not state["edited"])
    assert state["axes"][1]["said"] == ["sgd", "lion"]
    page.ask("value", key=key(state, "epochs"), said="11")
    (folder / "config.yaml").write_text(CIFAR.replace("# falls", "# fell"))
    page.until(lambda state: state["conflict"])
    page.ask("keep")
    page.ask("save")
    text = (folder / "config.yaml").read_text()
    assert "epochs: 11" in text and "[sgd, lion]" in text and "# fell" in text


def test_a_command_line_begins_an_experiment_in_a_new_folder(neroman: Neroman, tmp_path: Path) -> None:
    made = tmp_path / "new"
    made.mkdir()
    (made / "train.sh").write_text("echo loss 1\n")
    page = Page(SweepBuilder(neroman))
    page.until(lambda state: "revision" in state)
    page.ask("open_folder", path="new", root=str(tmp_path))
    state = page.until(lambda state: state["programs"])
    assert state["programs"] == ["train.sh"] and not state["experiment"]
    page.ask("propose", command="sh train.sh --lr 0.1 'a b' x=1")
    state = page.until(lambda state: state["experiment"] == "train")
    assert state["words"]["parameter_format"] == "--lr {lr} {arg1} x={x}"
    assert text_of(state) == "sh train.sh --lr 0.1 'a b' x=1"
    state = shows(page, page.ask("add", name="seed"))
    assert state["words"]["parameter_format"] == "--lr {lr} {arg1} x={x} seed={seed}"
    assert state["faults"][0]["name"] == "seed" and state["errors"] == 1
    page.ask("value", key=key(state, "seed"), said={"from": "1", "to": "3"})
    page.ask("name", id="first")
    state = page.until(lambda state: state["experiment"] == "first" and state["total"] == 3)
    page.ask("save")
    text = (made / "config.yaml").read_text()
    assert text.startswith("collection: None") and "+first:\n  parameters:\n    lr: 0.1\n" in text
    state = page.until(lambda state: not state["edited"])
    assert state["experiments"] == [{"id": "first", "line": 5}]
    assert state["python"] == f"neroman.submit({str(made)!r})"


def test_what_is_not_saved_is_there_when_one_comes_back(neroman: Neroman, folder: Path) -> None:
    (folder / "config.yaml").write_text(CIFAR + "+other: {}\n")
    page = Page(SweepBuilder(neroman, folder=folder))
    state = page.until(lambda state: state["experiment"] == "resnet")
    page.ask("value", key=key(state, "epochs"), said="7")
    page.ask("open_experiment", id="other")
    page.ask("new")
    page.ask("propose", command="sh train.sh --a 1")
    page.ask("open_experiment", id="resnet")
    state = page.until(lambda state: state["experiment"] == "resnet" and state["edited"])
    assert state["axes"][-1]["said"] == "7"
    assert [each["id"] for each in state["experiments"]] == ["resnet", "other", "train"]
    again = Page(SweepBuilder(neroman))
    again.ask("open_experiment", id="train")
    state = again.until(lambda state: state["experiment"] == "train")
    assert state["new"] and state["axes"][0]["name"] == "a"
    again.ask("discard")
    state = again.until(lambda state: not state["experiment"])
    again.ask("open_experiment", id="resnet")
    again.ask("discard")
    state = again.until(lambda state: state["experiment"] == "resnet" and not state["edited"])
    assert (
        state["axes"][-1]["said"] == "90" and (folder / "config.yaml").read_text() == CIFAR + "+other: {}\n"
    )


def test_a_submission_saves_first_and_offers_to_run_again(neroman: Neroman, folder: Path) -> None:
    spawn(neroman.home)
    try:
        page = Page(SweepBuilder(neroman, folder=folder))
        state = page.until(lambda state: state["experiment"])
        for name, said in (("lr", "0.1"), ("opt", "sgd"), ("seed", "1")):
            page.ask("value", key=key(state, name), said=said)
        page.ask("target", name="local")
        state = page.until(
            lambda state: state["total"] == 2 and state["target"] == "local" and state["starts"]
        )
        assert "now on local" in state["starts"] and "Sends 2 files" in state["sends"]
        page.ask("submit", timeout=60.0)
        state = page.until(lambda state: state["result"].get("text"))
        assert state["result"]["text"] == "Submitted 2 runs, #1 to #2."
        assert len(neroman.runs("resnet")) == 2
        neroman.runs("resnet").wait(60.0)
        state = page.until(lambda state: state["before"] == 2)
        page.ask("submit", timeout=60.0)
        state = page.until(lambda state: state["result"].get("again"))
        assert state["result"]["notes"] == ["2 of 2 were run before"]
        assert state["python"] == "neroman.submit('resnet', 'local')"
        page.ask("submit", timeout=60.0, again=True)
        page.until(lambda state: "#3 to #4" in state["result"].get("text", ""))
    finally:
        neroman.stop_engine()


def test_ten_thousand_runs_are_previewed_quickly_and_asked_about(neroman: Neroman, folder: Path) -> None:
    page = Page(SweepBuilder(neroman, folder=folder))
    state = page.until(lambda state: state["experiment"])
    page.ask("value", key=key(state, "epochs"), said={"from": "1", "to": "210"})
    began = time.monotonic()
    page.ask("value", key=key(state, "epochs"), said={"from": "1", "to": "240"})
    assert time.monotonic() - began < 5, "0.5 s on a machine that is not busy"
    state = page.until(lambda state: state["total"] == 42 * 240)
    assert len(state["rows"]) == 100
    state = shows(page, page.ask("choose", run=9000))
    assert any(row.get("n") == 9000 for row in state["rows"]) and len(state["rows"]) <= 100
    assert page.ask("submit") == {"ask": 10080}
    state = shows(page, page.ask("value", key=key(state, "epochs"), said={"from": "1", "to": "900000"}))
    assert state["total"] == 48 * 900000 and state["many"] and text_of(state)


def test_folders_are_completed_as_they_are_typed(neroman: Neroman, folder: Path) -> None:
    (folder.parent / "cinema").mkdir()
    (folder.parent / ".hidden").mkdir()
    page = Page(SweepBuilder(neroman))
    found = page.ask("complete", typed=f"{folder.parent}/ci")
    assert [Path(each["path"]).name for each in found] == ["cifar", "cinema"] and [
        each["has"] for each in found
    ] == [True, False]
    assert page.ask("complete", typed="cif", root=str(folder.parent))[0]["has"]
    assert page.ask("complete", typed="/nowhere/at/all") == []
    assert "is not a folder" in page.refused("open_folder", path="/nowhere/at/all")["text"]


def test_other_parts_open_and_propose(neroman: Neroman, folder: Path) -> None:
    builder = SweepBuilder(neroman)
    page = Page(builder)
    builder.choose(folder)
    builder.target = "local"
    page.until(
        lambda state: state["target"] == "local" and state["open"] == 1 and state["experiment"] == "resnet"
    )
    builder.propose("sh train.sh --lr 1")
    state = page.until(lambda state: state["experiment"] == "train")
    assert state["new"] and [each["id"] for each in state["experiments"]] == ["resnet"]
    page.ask("save")
    assert (folder / "config.yaml").read_text().startswith(CIFAR)
    builder.new()
    page.until(lambda state: state["experiment"] == "" and len(state["experiments"]) == 2)
    until(lambda: builder.python == "")
