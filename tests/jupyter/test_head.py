"""The top of the panel: what needs the user, and the first steps."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from neronet import Neroman
from neronet.errors import EngineError
from neronet.transport.base import Question
from neronet_jupyter import live, needs
from neronet_jupyter.contacts import contacts
from neronet_jupyter.head import Head
from tests.jupyter.conftest import Page

pytestmark = pytest.mark.slow


@pytest.fixture
def head(neroman: Neroman) -> Head:
    return Head(neroman)


@pytest.fixture
def page(head: Head) -> Page:
    return Page(head)


def sweep(folder: Path, command: str, runs: int = 1, more: str = "", name: str = "one") -> Path:
    folder.mkdir()
    (folder / "main.sh").write_text(command)
    (folder / "config.yaml").write_text(
        "run_command_prefix: sh\nmain_code_file: main.sh\n"
        f"+{name}:\n  parameters: {{x: {list(range(runs))}}}\n  parameter_format: '{{x}}'\n{more}"
    )
    return folder


def texts(state: dict[str, Any]) -> list[str]:
    return [f"{need['subject']} {need['text']}" for need in state["needs"]]


def test_the_first_steps_are_shown_until_there_is_something(
    page: Page, neroman: Neroman, tmp_path: Path
) -> None:
    start = page.until(lambda state: state["start"])["start"]
    assert [node["id"] for node in start["nodes"]] == ["local"]
    page.until(lambda state: state["start"]["nodes"][0]["link"] == "ready")
    neroman.add_experiment(sweep(tmp_path / "sweep", "true"))
    page.until(lambda state: state["start"] is None)


def test_hosts_of_the_ssh_configuration_are_offered_and_added(
    neroman: Neroman, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/config").write_text(
        "Host gpu1 gpu2\n  HostName 127.0.0.1\n  Port 1\nHost *\n  User me\n"
    )
    page = Page(Head(neroman))
    assert page.until(lambda state: state["start"])["start"]["hosts"] == ["gpu1", "gpu2"]
    assert page.ask("add", address="gpu1") == "gpu1"
    state = page.until(lambda state: any(node["checks"] for node in state["start"]["nodes"]))
    assert state["start"]["hosts"] == ["gpu2"]


def test_the_example_runs_on_this_computer(page: Page, neroman: Neroman) -> None:
    assert page.ask("example") == 12
    page.until(lambda state: state["start"] is None)
    runs = neroman.runs()
    assert {run.node for run in runs} == {"local"}
    assert (neroman.home / "examples/moons/train.py").exists()
    neroman.terminate(runs).wait(30)


def test_a_command_line_shows_its_parameters_as_it_is_typed(page: Page, head: Head) -> None:
    assert page.ask("found", text="python3 train.py --lr 0.1 --opt sgd", timeout=1.0) == {
        "parameters": [["lr", "0.1"], ["opt", "sgd"]], "problem": "", "hint": ""
    }  # fmt: skip
    assert page.ask("found", text="") == {"parameters": [], "problem": "", "hint": ""}
    assert "for a shell" in page.ask("found", text="python3 train.py | tee log")["problem"]
    told: list[str] = []
    head.on_command(told.append)
    assert "for a shell" in page.refused("command", text="a && b")["text"]
    assert page.until(lambda state: state["start"])
    page.ask("command", text="python3 train.py --lr 0.1")
    assert told == ["python3 train.py --lr 0.1"]
    page.until(lambda state: state["start"] is None)


def test_what_other_parts_do_is_passed_on(page: Page, head: Head) -> None:
    told: list[str] = []
    head.on_sweep(lambda: told.append("sweep"))
    head.on_add_node(lambda: told.append("add"))
    head.on_node(lambda node: told.append(node))
    page.ask("sweep")
    page.ask("add_node")
    page.ask("node", node="local")
    assert told == ["sweep", "add", "local"]


def test_failed_runs_of_one_cause_are_one_thing_and_stay_dismissed(
    page: Page, neroman: Neroman, tmp_path: Path
) -> None:
    folder = sweep(tmp_path / "sweep", "exit 3", 3)
    runs = neroman.submit(folder, "local").wait(30)
    state = page.until(lambda state: texts(state) == ["3 runs of one failed: exit code 3."])
    assert state["needs"][0]["run"] in runs.numbers
    page.ask("dismiss", keys=[state["needs"][0]["key"]])
    page.until(lambda state: not state["needs"])
    again = Page(Head(neroman))
    again.until(lambda state: state["needs"] == [])
    time.sleep(0.01)
    neroman.submit(folder, "local", again=True).wait(30)
    page.until(lambda state: texts(state) == ["6 runs of one failed: exit code 3."])


def test_a_run_that_is_rerun_well_needs_nobody(page: Page, neroman: Neroman, tmp_path: Path) -> None:
    flag = tmp_path / "good"
    runs = neroman.submit(sweep(tmp_path / "sweep", f"test -e {flag}"), "local").wait(30)
    page.until(lambda state: texts(state) == [f"#{runs.numbers[0]} failed: exit code 1."])
    flag.touch()
    neroman.rerun(runs).wait(30)
    page.until(lambda state: not state["needs"])


def test_a_deleted_run_needs_nobody(page: Page, neroman: Neroman, tmp_path: Path) -> None:
    runs = neroman.submit(sweep(tmp_path / "sweep", "exit 3"), "local").wait(30)
    page.until(lambda state: state["needs"])
    neroman.store.runs.delete(runs.numbers)
    page.until(lambda state: not state["needs"])


def test_a_stop_by_a_condition_is_told_and_one_by_the_user_is_not(
    page: Page, neroman: Neroman, tmp_path: Path
) -> None:
    condition = (
        "  conditions:\n    high:\n      variablename: loss\n      killvalue: 3\n      comparator: gt\n"
        "      when: immediately\n      action: kill\n"
    )
    neroman.submit(sweep(tmp_path / "sweep", "echo loss 7\nsleep 60", 1, condition), "local").wait(30)
    state = page.until(lambda state: state["needs"])
    assert "was stopped by condition high, 7 > 3." in texts(state)[0]
    quiet = neroman.submit(sweep(tmp_path / "other", "sleep 60", name="other"), "local")
    neroman.terminate(quiet).wait(30)
    time.sleep(0.5)
    assert len(page.part.state["needs"]) == 1


def test_questions_come_first(page: Page, head: Head, neroman: Neroman, tmp_path: Path) -> None:
    neroman.submit(sweep(tmp_path / "sweep", "exit 3"), "local").wait(30)
    page.until(lambda state: state["needs"])
    question = Question("host_key", "gpu1", "Is it this key?", echo=True)
    asked = contacts(head.live).questions
    thread = threading.Thread(target=lambda: asked.ask(question))
    thread.start()
    state = page.until(lambda state: len(state["needs"]) == 2)
    assert texts(state)[0] == "gpu1 shows a new key."
    assert state["needs"][0]["node"] == "gpu1"
    page.ask("dismiss", keys=[state["needs"][0]["key"]])
    page.until(lambda state: len(state["needs"]) == 1)
    assert asked.of("gpu1") is not None  # the row still asks
    page.ask("answer", number=asked.open()[0].number, text=None)
    thread.join(5)


def test_an_engine_that_does_not_run_is_told_until_it_does(
    page: Page, head: Head, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = ["another host has it"]

    def ensure() -> None:
        for refusal in refusals:
            raise EngineError(refusal)

    monkeypatch.setattr(live, "ENGINE", 0.05)
    monkeypatch.setattr(head.neroman.engine_client, "ensure", ensure)
    state = page.until(lambda state: state["needs"])
    assert texts(state) == ["Neronet's engine does not run, so nothing is live: another host has it."]
    page.ask("dismiss", keys=["engine"])
    page.until(lambda state: not state["needs"])
    refusals.clear()
    page.until(lambda state: not head._unheard)
    refusals.append("another host has it")
    page.until(lambda state: state["needs"])


def test_each_end_has_its_words(neroman: Neroman, tmp_path: Path) -> None:
    [row] = neroman.submit(sweep(tmp_path / "sweep", "exit 3"), "local").wait(30).rows()
    said = {
        ("failed", "out of memory"): "ran out of memory.",
        ("failed", ""): "failed.",
        ("timeout", "ran longer than 4 h"): "was stopped: ran longer than 4 h.",
        ("lost", "the node was rebooted"): "is lost: the node was rebooted.",
        ("terminated", "condition c, 67.01 > 50"): "was stopped by condition c, 67.01 > 50.",
    }
    for (state, reason), words in said.items():
        assert needs.happened(row._replace(state=state, reason=reason), True) == words
    assert not needs.is_bad(row._replace(state="terminated", reason="by alice@laptop"))
    old = row._replace(ended=time.time() - 8 * 86400)
    assert needs.of_runs([old], time.time()) == []
