"""The section Nodes: what is seen of nodes, and what can be done with them, on real local nodes."""

from __future__ import annotations

import threading
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from neronet import Neroman
from neronet.transport.base import Question
from neronet_jupyter import nodestate
from neronet_jupyter.contacts import contacts
from neronet_jupyter.nodes import NodePicker
from tests.jupyter.conftest import Page

pytestmark = pytest.mark.slow


@pytest.fixture
def picker(neroman: Neroman) -> NodePicker:
    return NodePicker(neroman)


@pytest.fixture
def page(picker: NodePicker) -> Page:
    return Page(picker)


def node_of(state: dict[str, Any], name: str) -> dict[str, Any]:
    """A node as pages show it; None for whatever is asked of one that is not there yet."""
    return defaultdict(lambda: None, *(node for node in state["nodes"] if node["id"] == name))


def sweep(folder: Path, command: str, runs: int) -> Path:
    folder.mkdir()
    (folder / "main.sh").write_text(command)
    (folder / "config.yaml").write_text(
        "run_command_prefix: sh\nmain_code_file: main.sh\n"
        f"+one:\n  parameters: {{x: {list(range(runs))}}}\n  parameter_format: '{{x}}'\n"
    )
    return folder


def test_a_node_that_was_not_heard_of_is_contacted_when_it_is_looked_at(page: Page) -> None:
    state = page.until(lambda state: node_of(state, "local")["link"] == "ready")
    local = node_of(state, "local")
    assert local["slots"] is not None
    assert local["note"] == ""
    total = local["slots"]["all"]
    assert state["summary"] == f"{total} of {total} slots free"
    assert {"cores", "memory", "disk", "python"} <= {fact["label"] for fact in local["facts"]}


def test_a_node_that_comes_into_nodes_yaml_is_contacted(page: Page, neroman: Neroman) -> None:
    page.until(lambda state: node_of(state, "local")["link"] == "ready")
    (neroman.home / "nodes.yaml").write_text("nodes:\n  here: {type: local, slots: 2}\n")
    page.until(lambda state: node_of(state, "here")["link"] == "ready")


def test_a_node_is_added_and_tested_and_kept_when_it_does_not_answer(page: Page, neroman: Neroman) -> None:
    assert page.ask("add", address="someone@127.0.0.1:1", timeout=1.0) == "127.0.0.1"
    state = page.until(lambda state: node_of(state, "127.0.0.1")["checks"])
    [check] = node_of(state, "127.0.0.1")["checks"]
    assert check["ok"] is False
    assert check["hint"]
    # It may be tried once more just now, as every node that is new in nodes.yaml.
    page.until(lambda state: node_of(state, "127.0.0.1")["link"] == "unreachable")
    assert any(node.id == "127.0.0.1" for node in neroman.nodes())
    page.until(lambda state: state["summary"] == "1 of 2 ready")
    page.ask("read", node="127.0.0.1")
    page.until(lambda state: not node_of(state, "127.0.0.1")["checks"])


def test_a_test_of_a_good_node_says_what_is_there(page: Page) -> None:
    page.ask("test", node="local")
    state = page.until(lambda state: node_of(state, "local")["checks"])
    checks = node_of(state, "local")["checks"]
    assert [check["subject"] for check in checks][:2] == ["connection", "python"]
    assert not [check for check in checks if check["ok"] is False]


def test_what_cannot_be_an_address_is_said_as_it_is_typed(page: Page) -> None:
    assert page.ask("propose", address="alice@gpu1.example.org:22")["name"] == "gpu1"
    assert "is not an address" in page.ask("propose", address="two words")["problem"]
    assert "is not an address" in page.refused("add", address="two words")["text"]
    assert page.refused("add", address=" ")["hint"]


@pytest.mark.parametrize(
    ("address", "name"),
    [("gpu1", "gpu1"), ("a@gpu1:22", "gpu1"), ("triton.aalto.fi", "triton"), ("10.0.0.7", "10.0.0.7"), ("[::1]:22", "1"),
     ("", ""), ("a@lab", "lab-2"), ("ä ö", "")],
)  # fmt: skip
def test_a_name_is_proposed_that_no_other_node_has(address: str, name: str) -> None:
    assert nodestate.proposed_name(address, {"lab", "local"}) == name


def test_the_chosen_node_is_told_to_whoever_asked(page: Page, picker: NodePicker) -> None:
    told: list[str | None] = []
    picker.on_choice(told.append)
    page.ask("choose", name="local")
    assert picker.chosen == "local"
    page.until(lambda state: state["chosen"] == "local")
    page.ask("choose", name="local")
    page.until(lambda state: state["chosen"] is None)
    assert told == ["local", None]
    assert "no node or group nowhere" in page.refused("choose", name="nowhere")["text"]


def test_groups_can_be_chosen(page: Page, picker: NodePicker, neroman: Neroman) -> None:
    (neroman.home / "nodes.yaml").write_text(
        "nodes:\n  here: {type: local, slots: 2}\ngroups:\n  both: [local, here]\ndefault_node: both\n"
    )
    state = page.until(lambda state: state["groups"])
    assert state["groups"] == [{"id": "both", "members": ["local", "here"]}]
    assert state["default"] == "both"
    page.ask("choose", name="both")
    assert picker.chosen == "both"
    (neroman.home / "nodes.yaml").write_text("nodes:\n  here: {type: local, slots: 2}\n")
    page.until(lambda state: state["chosen"] is None)


def test_errors_of_nodes_yaml_are_shown_with_their_lines(page: Page, neroman: Neroman) -> None:
    (neroman.home / "nodes.yaml").write_text("nodes:\n  gpu1:\n    slots: many\n    ssh_address: gpu1\n")
    state = page.until(lambda state: state["problems"])
    assert [problem["line"] for problem in state["problems"]] == [3]
    assert state["file"] == str(neroman.home / "nodes.yaml")


def test_fields_of_a_node_are_edited_and_its_comments_stay(page: Page, neroman: Neroman) -> None:
    file = neroman.home / "nodes.yaml"
    file.write_text("nodes:\n  here:  # mine\n    type: local\n    slots: 2  # two\n")
    page.until(lambda state: len(state["nodes"]) == 2)
    assert page.ask("fields", node="here")["slots"] == "2"
    page.ask("edit", node="here", fields={"slots": "3"}, timeout=1.0)
    assert "slots: 3  # two" in file.read_text()
    page.until(lambda state: (node_of(state, "here")["slots"] or {"all": 0})["all"] == 3)
    page.ask("edit", node="here", fields={"slots": ""})
    assert "slots" not in file.read_text()
    assert page.refused("edit", node="here", fields={"memory": "much"})["hint"]
    assert page.refused("edit", node="here", fields={"type": "slurm"})["hint"]


def test_a_node_with_open_runs_is_deleted_only_when_these_are_given_up(
    page: Page, picker: NodePicker, neroman: Neroman, tmp_path: Path
) -> None:
    (neroman.home / "nodes.yaml").write_text("nodes:\n  here: {type: local, slots: 1}\n")
    picker.chosen = "here"
    runs = neroman.submit(sweep(tmp_path / "sweep", "sleep 60", 2), "here")
    page.until(lambda state: len(state["nodes"]) == 2 and node_of(state, "here")["open"] == 2)
    assert "not at their end" in page.refused("delete", node="here")["text"]
    neroman.terminate(runs).wait(30)
    page.ask("delete", node="here", force=True)
    state = page.until(lambda state: len(state["nodes"]) == 1)
    assert state["chosen"] is None
    assert "local is always there" in page.refused("delete", node="local")["text"]


def test_what_waits_is_held_released_and_put_first(page: Page, neroman: Neroman, tmp_path: Path) -> None:
    (neroman.home / "nodes.yaml").write_text("nodes:\n  here: {type: local, slots: 1}\n")
    runs = neroman.submit(sweep(tmp_path / "sweep", "sleep 60", 4), "here")

    def waits(state: dict[str, Any]) -> list[dict[str, Any]]:
        return node_of(state, "here")["waits"] or []

    state = page.until(
        lambda state: len(state["nodes"]) == 2 and [w["what"] for w in waits(state)] == ["3 runs of one wait"]
    )
    assert node_of(state, "here")["slots"] == {"ours": 1, "others": 0, "all": 1}
    [line] = waits(state)
    assert line["why"] == "for a free slot"
    page.ask("hold", node="here", key=line["key"])
    [line] = waits(page.until(lambda state: waits(state) and waits(state)[0]["held"]))
    page.ask("priority", node="here", key=line["key"], priority=7)
    page.until(lambda state: waits(state)[0]["priority"] == 7)
    assert page.refused("hold", node="here", key="other")["hint"]
    page.ask("release", node="here", key=line["key"])
    page.until(lambda state: not waits(state)[0]["held"])
    neroman.terminate(runs).wait(30)
    page.until(lambda state: not waits(state))


def test_a_question_is_open_in_every_page_until_one_answers(neroman: Neroman, picker: NodePicker) -> None:
    pages = Page(picker), Page(picker, "page2"), Page(NodePicker(neroman))
    asked = contacts(picker.live).questions
    said: list[str | None] = []
    question = Question("code", "local", "Verification code:", echo=False)
    thread = threading.Thread(target=lambda: said.append(asked.ask(question)))
    thread.start()
    for page in pages:
        state = page.until(lambda state: node_of(state, "local")["question"])
        assert node_of(state, "local")["link"] == "asks"
        assert node_of(state, "local")["note"] == "asks for a one-time code"
        assert "asks you" in state["summary"]
    number = node_of(state, "local")["question"]["number"]
    pages[1].ask("answer", number=number, text="123456")
    thread.join(5)
    assert said == ["123456"]
    for page in pages:
        page.until(lambda state: node_of(state, "local")["question"] is None)
    assert "no longer asked" in pages[0].refused("answer", number=number, text="123456")["text"]
    assert "123456" not in repr([page.part.comm.sent for page in pages])


def test_a_question_that_is_withdrawn_goes_away(page: Page, picker: NodePicker) -> None:
    asked = contacts(picker.live).questions
    said: list[str | None] = []
    question = Question("host_key", "local", "The host key is not known yet.\nED25519 SHA256:abc", echo=True)
    thread = threading.Thread(target=lambda: said.append(asked.ask(question)))
    thread.start()
    page.until(lambda state: node_of(state, "local")["question"])
    asked.withdraw(question)
    thread.join(5)
    assert said == [None]
    page.until(lambda state: node_of(state, "local")["question"] is None)


def test_many_slots_and_an_overfull_node_are_counted_right(neroman: Neroman) -> None:
    status = next(node for node in neroman.nodes() if node.id == "local")
    known = status.__class__(**{**status.__dict__, "slots": 4, "used": 9})
    assert nodestate.slots(known, 3) == {"ours": 3, "others": 1, "all": 4}
    assert nodestate.slots(known, 9) == {"ours": 4, "others": 0, "all": 4}
    assert nodestate.slots(status.__class__(**{**status.__dict__, "slots": None}), 1) is None


def test_asking_to_see_a_node_and_to_add_one_reaches_the_pages(page: Page, picker: NodePicker) -> None:
    page.until(lambda state: state["adding"] == 0)
    picker.add()
    picker.show("local")
    page.until(lambda state: state["adding"] == 1 and state["shown"] == [1, "local"])
