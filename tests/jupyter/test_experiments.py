"""The section Experiments: what is defined, and what can be done with it, with real runs on the local node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from neronet import Neroman
from neronet_jupyter.experiments import ExperimentList
from tests.jupyter.conftest import Page

pytestmark = pytest.mark.slow

CONFIG = """\
collection: papers
run_command_prefix: sh
main_code_file: main.sh
+one:  # the first
  parameters: {x: [1, 2, 3]}
  parameter_format: '{x}'
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "sweep"
    made.mkdir()
    (made / "main.sh").write_text("echo loss $1\n")
    (made / "config.yaml").write_text(CONFIG)
    return made


@pytest.fixture
def part(neroman: Neroman) -> ExperimentList:
    return ExperimentList(neroman)


@pytest.fixture
def page(part: ExperimentList) -> Page:
    return Page(part)


def ids(state: dict[str, Any]) -> list[str]:
    return [one["id"] for one in state["experiments"]]


def test_a_folder_is_added_and_what_it_defines_is_shown(page: Page, folder: Path) -> None:
    assert page.ask("add", path=str(folder), timeout=1.0) == ["one"]
    state = page.until(lambda state: state["experiments"])
    [one] = state["experiments"]
    assert (one["id"], one["collection"], one["count"], one["runs"]) == ("one", "papers", 3, 0)
    assert one["config"] == str(folder / "config.yaml")
    assert "no config.yaml" in page.refused("add", path=str(folder.parent))["text"]
    assert page.refused("add", path=" ")["hint"]


def test_a_config_with_errors_is_not_added_and_each_is_shown_with_its_line(page: Page, folder: Path) -> None:
    config = folder / "config.yaml"
    config.write_text(CONFIG.replace("{x}", "{y}"))
    assert page.ask("add", path=str(config)) == []
    [broken] = page.until(lambda state: state["problems"])["problems"]
    assert broken["lines"][0]["line"] == 6
    assert broken["file"] == str(config)
    assert broken["added"] is False
    config.write_text(CONFIG)
    assert page.ask("add", path=broken["folder"]) == ["one"]
    page.until(lambda state: not state["problems"] and ids(state) == ["one"])


def test_the_problems_of_a_folder_can_be_dismissed(page: Page, folder: Path) -> None:
    (folder / "config.yaml").write_text("+one: [")
    page.ask("add", path=str(folder))
    [broken] = page.until(lambda state: state["problems"])["problems"]
    page.ask("dismiss", folder=broken["folder"])
    page.until(lambda state: not state["problems"])


def test_an_error_made_later_is_seen(page: Page, folder: Path) -> None:
    page.ask("add", path=str(folder))
    (folder / "config.yaml").write_text(CONFIG.replace("{x}", "{y}"))
    [broken] = page.until(lambda state: state["problems"])["problems"]
    assert broken["added"] is True
    (folder / "config.yaml").unlink()
    [broken] = page.until(lambda state: "cannot be read" in state["problems"][0]["lines"][0]["text"])[
        "problems"
    ]
    assert broken["lines"][0]["hint"]


def test_chosen_experiments_are_submitted_and_counted_by_state(page: Page, folder: Path) -> None:
    page.ask("add", path=str(folder))
    told = page.ask("submit", ids=["one"], node="local")
    assert told == {"runs": 3, "notes": [], "again": False}
    state = page.until(lambda state: [each["states"] for each in state["experiments"]] == [{"finished": 3}])
    assert state["experiments"][0]["active"].endswith(" s")
    told = page.ask("submit", ids=["one"], node="local")
    assert told["runs"] == 0
    assert told["again"] is True
    assert told["notes"] == ["3 of 3 were run before."]
    assert page.ask("submit", ids=["one"], node="local", again=True)["runs"] == 3


def test_the_node_that_is_chosen_elsewhere_is_proposed(
    page: Page, part: ExperimentList, neroman: Neroman
) -> None:
    state = page.until(lambda state: state["target"] == "local")
    assert state["targets"] == ["local"]
    (neroman.home / "nodes.yaml").write_text(
        "nodes:\n  here: {type: local}\ngroups:\n  both: [local, here]\ndefault_node: both\n"
    )
    page.until(lambda state: state["target"] == "both" and state["targets"] == ["here", "local", "both"])
    part.node = "here"
    page.until(lambda state: state["target"] == "here")


def test_an_experiment_is_duplicated_in_its_config(page: Page, folder: Path) -> None:
    page.ask("add", path=str(folder))
    page.ask("duplicate", id="one", new="two")
    page.until(lambda state: ids(state) == ["one", "two"])
    text = (folder / "config.yaml").read_text()
    assert "+one:  # the first" in text
    assert "+two:" in text
    assert page.refused("duplicate", id="one", new="two")["text"]


def test_a_deleted_experiment_keeps_its_runs_and_files(page: Page, neroman: Neroman, folder: Path) -> None:
    page.ask("add", path=str(folder))
    neroman.submit("one", "local").wait(30)
    page.ask("delete", ids=["one"])
    page.until(lambda state: not state["experiments"])
    assert len(neroman.runs()) == 3
    assert (folder / "config.yaml").exists()
    assert "no experiment one" in page.refused("delete", ids=["one"])["text"]


def test_editing_is_left_to_whoever_can(page: Page, part: ExperimentList, folder: Path) -> None:
    page.ask("add", path=str(folder))
    assert page.until(lambda state: state["experiments"])["edits"] is False
    told: list[str] = []
    part.on_edit(told.append)
    page.ask("edit", id="one")
    assert told == ["one"]
    page.until(lambda state: state["edits"])
