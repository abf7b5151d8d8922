"""The sweep builder in a real page: from a folder to runs by mouse alone, and by keys alone."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from neronet import Neroman
from neronet.spec.config import load_config
from tests.browser.conftest import Tabs
from tests.browser.jupyter_server import JupyterServer
from tests.browser.pages import STARTS, begin, make_notebook

pytestmark = pytest.mark.real

CONFIG = """\
# the first sweep
run_command_prefix: sh
main_code_file: train.sh
+lines:
  parameters:
    lr: [0.1, 0.01]   # to begin with
    seed: {from: 1, to: 2}
"""
CELL = """\
from ipywidgets import Layout, VBox
from neronet_jupyter import SweepBuilder
VBox([SweepBuilder()], layout=Layout(width='WIDTHpx'))
"""
HOSTILE = "<img src=x onerror=window.hit=1>"


@pytest.fixture
def builder(jupyter: JupyterServer, tabs: Tabs) -> Callable[..., Locator]:
    """A sweep builder in a cell of a notebook; its page is `.page`."""
    folder = jupyter.root / "project"
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_text(CONFIG)
    # Other files than those of the test before: what was run before is not run again.
    (folder / "train.sh").write_text(f"echo loss 1  # {time.time()}\n")
    (jupyter.neronet_home / "panel.json").unlink(missing_ok=True)

    def make(width: int = 300) -> Locator:
        page = tabs.open(height=1200)
        make_notebook(page, jupyter, CELL.replace("WIDTH", str(width)))
        begin(page, "notebook:run-all-cells")
        found = page.locator(".nn-sweep")
        found.get_by_label("Folder", exact=True).wait_for(timeout=STARTS)
        return found

    return make


def command(builder: Locator) -> Locator:
    return builder.locator(".nn-cmd")


def test_a_sweep_goes_from_a_folder_to_runs_by_mouse(
    builder: Callable[..., Locator], jupyter: JupyterServer
) -> None:
    shown = builder()
    shown.get_by_label("Folder", exact=True).fill("proj")
    shown.get_by_role("option", name="project").click()
    expect(shown.locator(".nn-count")).to_contain_text("4 runs")
    expect(command(shown)).to_have_text("sh train.sh --lr 0.1 --seed 1")
    shown.get_by_label("Remove 0.01").click()
    expect(shown.locator(".nn-count")).to_contain_text("2 runs")
    shown.get_by_label("Next run").click()
    expect(command(shown)).to_have_text("sh train.sh --lr 0.1 --seed 2")
    shown.get_by_role("radio", name="local").click()
    shown.get_by_role("button", name="Save and submit 2 runs").click()
    expect(shown.get_by_role("status")).to_contain_text("Submitted 2 runs", timeout=STARTS)
    assert "lr: [0.1]   # to begin with\n" in (jupyter.root / "project/config.yaml").read_text()
    with Neroman(jupyter.neronet_home) as neroman:
        assert [run.parameters for run in neroman.runs("lines")] == [
            {"lr": "0.1", "seed": "1"},
            {"lr": "0.1", "seed": "2"},
        ]
    expect(shown.get_by_role("button", name="Run them again")).to_be_visible(timeout=STARTS)


def test_a_sweep_is_edited_by_keys_and_what_is_typed_is_never_overwritten(
    builder: Callable[..., Locator], jupyter: JupyterServer
) -> None:
    shown = builder(250)
    page: Page = shown.page
    field = shown.get_by_label("Folder", exact=True)
    field.focus()
    page.keyboard.type("project")
    page.keyboard.press("Enter")
    expect(shown.locator(".nn-count")).to_contain_text("4 runs")
    add = shown.get_by_label("Add a value of lr")
    add.focus()
    page.keyboard.type(f"1e-3,{HOSTILE},5,", delay=20)
    expect(shown.locator(".nn-count")).to_contain_text("10 runs")
    expect(shown.locator(".nn-chiptext")).to_have_text(["0.1", "0.01", "1e-3", HOSTILE, "5"])
    page.keyboard.press("Backspace")
    expect(shown.locator(".nn-count")).to_contain_text("8 runs")
    last = shown.get_by_label("seed to")
    last.focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("1234567890", delay=60)  # slower than the kernel answers
    expect(last).to_have_value("1234567890")
    expect(shown.get_by_role("button", name="Fix 1 problem to submit")).to_be_disabled()
    page.keyboard.press("Control+A")
    page.keyboard.type("1")
    page.keyboard.press("Control+Enter")
    expect(shown.get_by_role("status")).to_contain_text("Submitted 4 runs", timeout=STARTS)
    (experiment,) = load_config(jupyter.root / "project").experiments
    assert experiment.parameters[0].values == ("0.1", "0.01", "1e-3", HOSTILE)
    assert page.evaluate("window.hit") is None
    assert shown.evaluate("element => element.scrollWidth <= element.clientWidth"), "nothing is cut at 250 px"


def test_a_draft_is_there_after_a_reload(builder: Callable[..., Locator]) -> None:
    shown = builder()
    shown.get_by_label("Folder", exact=True).fill("proj")
    shown.get_by_role("option", name="project").click()
    shown.get_by_label("Remove 0.01").click()
    expect(shown.locator(".nn-count")).to_contain_text("2 runs")
    again = builder()
    expect(again.locator(".nn-count")).to_contain_text("2 runs")
    expect(again.get_by_role("button", name="Save and submit 2 runs")).to_be_enabled()
