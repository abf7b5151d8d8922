"""What JupyterLab itself offers of Neronet: commands, menus, tabs that come back, the status bar, notifications."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from neronet import Neroman
from tests.browser.conftest import Tabs
from tests.browser.jupyter_server import JupyterServer
from tests.browser.pages import begin, restored, show

pytestmark = pytest.mark.slow
CONFIG = """
run_command_prefix: sh
main_code_file: main.sh
+codes:
  parameters:
    code: [0, 3]
  parameter_format: '{code}'
"""


@pytest.fixture(scope="module")
def neroman(jupyter: JupyterServer) -> Iterator[Neroman]:
    with Neroman(jupyter.neronet_home, background=True) as made:
        yield made


@pytest.fixture(scope="module")
def program(jupyter: JupyterServer) -> Path:
    """A folder that the file browser shows, with a sweep of which one run fails."""
    folder = jupyter.root / "program"
    folder.mkdir()
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "main.sh").write_text('echo "error $1"; exit $1\n')
    return folder


def test_nothing_is_started_before_the_panel_is_shown(page: Page, jupyter: JupyterServer) -> None:
    assert not jupyter.panel_sessions()
    show(page)
    page.wait_for_selector("#neronet-panel .nn-content")
    assert len(jupyter.panel_sessions()) == 1


def test_the_context_menu_adds_a_folder(page: Page, program: Path, neroman: Neroman) -> None:
    entry = page.locator(".jp-DirListing-item", has_text="program")
    entry.click(button="right")
    page.get_by_role("menuitem", name="Add to Neronet").click()
    expect(page.locator("#neronet-panel")).to_contain_text("codes", timeout=60_000)
    assert [experiment.id for experiment in neroman.experiments()] == ["codes"]


def test_a_config_file_offers_to_submit_its_folder_and_other_files_do_not(page: Page, program: Path) -> None:
    page.locator(".jp-DirListing-item", has_text="program").dblclick()
    page.locator(".jp-DirListing-item", has_text="main.sh").click(button="right")
    expect(page.get_by_role("menuitem", name="Rename")).to_be_visible()
    expect(page.get_by_role("menuitem", name="Submit with Neronet…")).to_have_count(0)
    page.keyboard.press("Escape")
    page.locator(".jp-DirListing-item", has_text="config.yaml").click(button="right")
    page.get_by_role("menuitem", name="Submit with Neronet…").click()
    expect(page.locator("#neronet-panel")).to_contain_text("2 runs", timeout=60_000)


def test_the_palette_the_launcher_and_a_key_open_the_panel(page: Page) -> None:
    panel = page.locator("#neronet-panel")
    page.keyboard.press("Control+Shift+Y")
    expect(panel).to_be_visible()
    page.locator(".jp-SideBar li[data-id=neronet-panel]").click()
    expect(panel).to_be_hidden()
    page.locator(".jp-LauncherCard", has_text="Neronet").click()
    expect(panel).to_be_visible()
    page.keyboard.press("Control+Shift+C")
    page.locator(".lm-CommandPalette-input").fill("neronet")
    found = page.locator(".lm-CommandPalette-itemLabel").all_inner_texts()
    assert {"Show Neronet", "New Sweep", "Open All Runs", "Compare Runs"} <= set(found)


def test_a_failed_run_is_told_and_counted(page: Page, program: Path, neroman: Neroman) -> None:
    show(page)
    page.wait_for_selector("#neronet-panel .nn-content")
    neroman.submit(program, "local").wait(60)
    expect(page.locator(".nn-status")).to_have_text("1 failed", timeout=60_000)
    toast = page.locator(".jp-toast-message", has_text="failed: exit code 3").first
    expect(toast).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Open run 2").first.click()
    expect(page.locator("#neronet-run-2")).to_be_visible()


def test_tabs_come_back_after_a_reload(page: Page, program: Path, neroman: Neroman) -> None:
    run, runs = "#neronet-run-1 .bqplot", "#neronet-runs [role=treegrid]"
    begin(page, "neronet:open-run", number=1)
    page.wait_for_selector(run, timeout=60_000)
    begin(page, "neronet:open-runs")
    page.wait_for_selector(runs, timeout=60_000)
    page.wait_for_timeout(1500)  # JupyterLab saves its layout a second after it has changed
    page.reload()
    restored(page)  # which of them gets the focus is JupyterLab's: none, where none had it
    page.wait_for_selector(runs, timeout=60_000)
    page.evaluate("window.jupyterapp.shell.activateById('neronet-run-1')")
    page.wait_for_selector(run, timeout=60_000)


def test_a_run_that_does_not_exist_says_so_in_its_tab(page: Page) -> None:
    begin(page, "neronet:open-run", number=12345)
    expect(page.locator("#neronet-run-12345")).to_contain_text("12345", timeout=60_000)
    expect(page.get_by_role("button", name="Try again")).to_be_visible()


def test_a_kernel_without_neronet_says_which_and_what_to_run(tabs: Tabs, jupyter: JupyterServer) -> None:
    bare = jupyter.folder / "bare/neronet_jupyter"
    bare.mkdir(parents=True)
    (bare / "__init__.py").write_text("raise ModuleNotFoundError(\"No module named 'neronet_jupyter'\")\n")
    spec = jupyter.folder / "data/kernels/bare"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    env = {"PYTHONPATH": str(bare.parent)}
    known = {"argv": argv, "display_name": "Bare", "language": "python", "env": env}
    (spec / "kernel.json").write_text(json.dumps(known))
    jupyter.shut_down_panel()
    settings = jupyter.folder / "config/lab/user-settings/@neronet/labextension/panel.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"kernel": "bare"}))
    try:
        page = tabs.open()
        show(page)
        panel = page.locator("#neronet-panel")
        expect(panel).to_contain_text(f"The kernel Bare ({sys.executable}) has no Neronet", timeout=60_000)
        expect(panel).to_contain_text(f"{sys.executable} -m pip install neronet")
        panel.get_by_role("button", name="Use Python 3").click()
        page.wait_for_selector("#neronet-panel .nn-content", timeout=60_000)
    finally:
        settings.unlink()
