"""Nodes and experiments in the panel, by mouse and by keyboard, against a real sshd."""

from __future__ import annotations

import subprocess

import pytest
from playwright.sync_api import Locator, Page, expect

from neronet import Neroman
from tests.browser.conftest import Tabs
from tests.browser.jupyter_server import JupyterServer
from tests.browser.pages import STARTS, begin, execute, make_notebook, show
from tests.testbed.fixtures import NodeFactory
from tests.testbed.lab import Lab
from tests.testbed.nodes import Node

pytestmark = pytest.mark.real

CONFIG = "run_command_prefix: sh\nmain_code_file: main.sh\n+letters:\n  parameters: {x: [a, b]}\n"


def panel_of(page: Page) -> Locator:
    """The panel, whose first steps are over."""
    show(page)
    panel = page.locator("#neronet-panel")
    execute(page, "neronet:new-sweep")
    panel.get_by_role("toolbar", name="Neronet").wait_for(timeout=STARTS)
    return panel


def row(panel: Locator, node: str) -> Locator:
    return panel.locator(".nn-node", has=panel.page.get_by_role("button", name=node, exact=True))


def add(panel: Locator, address: str) -> None:
    """By the form of the section Nodes."""
    section = panel.get_by_role("region", name="Nodes")
    section.get_by_role("button", name="Add a node").click()
    section.get_by_label("Address").fill(address)
    section.get_by_role("button", name="Add and test").click()


def delete(panel: Locator, node: str) -> None:
    line = row(panel, node)
    if not line.get_by_role("button", name="Delete").is_visible():
        line.get_by_role("button", name=node, exact=True).click()
    line.get_by_role("button", name="Delete").click()
    line.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    expect(row(panel, node)).to_have_count(0)


def fingerprint(node: Node) -> str:
    """Of its host key, as ssh-keygen says it."""
    said = subprocess.run(
        ["ssh-keygen", "-lf", node.folder / "host_key.pub"], capture_output=True, text=True, check=True
    )
    return said.stdout.split()[1]


def test_the_first_steps_add_a_machine_and_say_how_to_mend_another(
    node_factory: NodeFactory, lab: Lab, jupyter: JupyterServer, page: Page
) -> None:
    node = node_factory("gpu1")
    lab.client(jupyter.home, node.ssh_config())
    show(page)
    panel = page.locator("#neronet-panel")
    panel.get_by_role("button", name="Add gpu1").click()
    expect(panel.locator(".nn-hostrow", has_text="gpu1")).to_contain_text("slots, ready")
    panel.get_by_label("Address of a machine").fill("someone@127.0.0.1:1")
    panel.get_by_label("Address of a machine").press("Enter")
    checks = panel.locator(".nn-checks")
    expect(checks).to_contain_text("refused the connection")
    expect(checks).to_contain_text("Does an ssh server run there, and is the port right?")
    panel = panel_of(page)
    delete(panel, "127.0.0.1")
    delete(panel, "gpu1")


def test_a_node_is_added_tested_chosen_edited_and_deleted_by_mouse(
    node_factory: NodeFactory, lab: Lab, jupyter: JupyterServer, page: Page
) -> None:
    node = node_factory("gpu1")
    lab.client(jupyter.home, node.ssh_config())
    panel = panel_of(page)
    add(panel, "gpu1")
    line = row(panel, "gpu1")
    expect(line.locator(".nn-checks")).to_contain_text("Answers as gpu1")
    line.get_by_role("button", name="Close").click()
    line.get_by_role("button", name="Send new sweeps to gpu1").click()
    expect(line.get_by_role("button", name="New sweeps go to gpu1")).to_have_attribute("aria-pressed", "true")
    line.get_by_role("button", name="Edit").click()
    line.get_by_role("textbox", name="Slots").fill("3")
    line.get_by_role("button", name="Save and test").click()
    expect(line.get_by_role("img", name="3 free")).to_be_visible()
    assert "slots: 3" in (jupyter.neronet_home / "nodes.yaml").read_text()
    node.unplug()
    line.get_by_role("button", name="Test").click()
    expect(line.get_by_text("gpu1 is kept, but nothing can run there yet.")).to_be_visible()
    node.plug()
    line.get_by_role("button", name="Test again").click()
    expect(line.locator(".nn-checks")).to_contain_text("Answers as gpu1")
    delete(panel, "gpu1")


def test_a_one_time_code_is_asked_in_every_tab_until_one_answers(
    node_factory: NodeFactory, lab: Lab, jupyter: JupyterServer, tabs: Tabs
) -> None:
    node = node_factory("triton", code="after key")
    lab.client(jupyter.home, node.ssh_config())
    first, second = panel_of(tabs.open()), panel_of(tabs.open())
    add(first, "triton")
    asked = [panel.get_by_label("One-time code of triton") for panel in (first, second)]
    for field in asked:
        expect(field).to_be_visible()
    expect(second.get_by_role("status", name="What needs you")).to_contain_text(
        "triton asks for a one-time code."
    )
    assert asked[1].get_attribute("type") == "password"
    asked[1].fill(node.new_code())
    asked[1].press("Enter")
    for panel, field in zip((first, second), asked, strict=True):
        expect(field).to_have_count(0)
        expect(row(panel, "triton").locator(".nn-checks")).to_contain_text("Answers as triton")
        expect(panel.get_by_role("status", name="What needs you")).to_be_empty()
    delete(first, "triton")


def test_a_new_host_key_is_shown_and_trusted_or_not(
    node_factory: NodeFactory, lab: Lab, jupyter: JupyterServer, page: Page
) -> None:
    node = node_factory("lab7")
    config = node.ssh_config().replace("StrictHostKeyChecking yes", "StrictHostKeyChecking ask")
    known = jupyter.home / "known"
    lab.client(jupyter.home, config.replace(str(lab.known_hosts), str(known)))
    panel = panel_of(page)
    add(panel, "lab7")
    line = row(panel, "lab7")
    expect(line).to_contain_text("First contact: is this lab7?")
    assert fingerprint(node) in line.locator(".nn-cmd").inner_text().replace("\n", "")
    line.get_by_role("button", name="Do not trust").click()
    expect(line.locator(".nn-checks")).to_contain_text("is not known")
    line.get_by_role("button", name="Test again").click()
    line.get_by_role("button", name="Trust", exact=True).click()
    expect(line.locator(".nn-checks")).to_contain_text("Answers as lab7")
    delete(panel, "lab7")


def test_a_folder_is_dragged_in_from_the_file_browser(jupyter: JupyterServer, page: Page) -> None:
    folder = jupyter.root / "dragged"
    folder.mkdir()
    (folder / "main.sh").write_text("echo loss 1\n")
    (folder / "config.yaml").write_text(CONFIG)
    make_notebook(page, jupyter, "from neronet_jupyter import ExperimentList\nExperimentList()")
    begin(page, "notebook:run-all-cells")
    section = page.get_by_role("region", name="Experiments")
    section.wait_for(timeout=STARTS)
    page.locator(".jp-DirListing-item", has_text="dragged").hover()
    page.mouse.down()
    place = section.bounding_box()
    assert place is not None
    for part in (0.3, 0.5, 0.6):
        page.mouse.move(place["x"] + place["width"] * part, place["y"] + place["height"] - 15, steps=5)
    expect(section.locator(".nn-over")).to_be_visible()
    page.mouse.up()
    expect(section.get_by_role("option", name="letters")).to_be_visible()
    expect(section.locator(".nn-over")).to_have_count(0)
    section.get_by_role("option", name="letters").dblclick()
    expect(page.locator(".jp-DirListing-item", has_text="config.yaml")).to_be_visible()


def test_nodes_and_experiments_are_worked_with_by_keys_alone(jupyter: JupyterServer, page: Page) -> None:
    jupyter.neronet_home.mkdir(parents=True, exist_ok=True)
    (jupyter.neronet_home / "nodes.yaml").write_text(
        "nodes:\n  one: {type: local, slots: 1}\n  two: {type: local, slots: 2}\n"
    )
    folder = jupyter.root / "typed"
    folder.mkdir()
    (folder / "main.sh").write_text("echo loss 1\n")
    (folder / "config.yaml").write_text(CONFIG.replace("letters", "typed"))
    with Neroman(jupyter.neronet_home, background=True) as neroman:
        neroman.add_experiment(folder)
    panel = panel_of(page)
    expect(row(panel, "two")).to_be_visible()
    panel.get_by_role("button", name="one", exact=True).focus()
    page.keyboard.press("ArrowDown")
    expect(panel.get_by_role("button", name="two", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(row(panel, "two")).to_contain_text("memory")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(panel.get_by_role("button", name="New sweeps go to two")).to_be_focused()
    option = panel.get_by_role("option", name="typed")
    option.focus()
    page.keyboard.press("Delete")
    expect(panel.get_by_role("alertdialog")).to_contain_text("Delete typed? Runs and files stay.")
    expect(panel.get_by_role("button", name="Keep")).to_be_focused()
    page.keyboard.press("Escape")
    expect(panel.get_by_role("alertdialog")).to_have_count(0)
    option.focus()
    page.keyboard.press("Delete")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(option).to_have_count(0)
