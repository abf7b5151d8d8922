"""`%%neronet` and `runs.frame(live=True)` as a notebook shows them: while the kernel is busy, and after restarts."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Tabs
from tests.browser.jupyter_server import JupyterServer
from tests.browser.pages import STARTS, begin, execute, make_notebook, open_notebook, ready, until_idle

pytestmark = pytest.mark.real

SCRIPT = (
    "import time\nfor step in range(1, 101):\n    print('loss', 1 / step, flush=True)\n    time.sleep(0.1)"
)
CELLS = (
    "%load_ext neronet",
    f"%%neronet --on local seed=1..2 --name moving --metric loss\n{SCRIPT}",
    "runs = _\nruns.frame(live=True)",
    "import time; time.sleep(3)",
)
FRONT = "window.jupyterapp.shell.currentWidget"


@pytest.fixture
def notebook(jupyter: JupyterServer, page: Page) -> Page:
    """The cells in a notebook, its kernel ready."""
    jupyter.neronet_home.mkdir(parents=True, exist_ok=True)
    (jupyter.neronet_home / "nodes.yaml").write_text("nodes:\n  local:\n    type: local\n    slots: 2\n")
    make_notebook(page, jupyter, *CELLS)
    return page


def pictures(page: Page, seconds: float) -> list[str]:
    """The different texts of the table in this time."""
    table = page.locator(".jp-CodeCell").nth(2).locator(".jp-OutputArea")
    found: list[str] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        now = table.inner_text()
        if not found or found[-1] != now:
            found.append(now)
        time.sleep(0.05)
    return found


def test_a_live_frame_moves_while_a_cell_runs_and_when_none_does(notebook: Page) -> None:
    begin(notebook, "notebook:run-all-cells")
    notebook.locator(".jp-CodeCell").nth(2).locator("table").wait_for(timeout=STARTS)
    assert len(pictures(notebook, 2.5)) >= 3  # the last cell sleeps
    until_idle(notebook)
    assert len(pictures(notebook, 2.5)) >= 3


def test_the_cell_of_a_sweep_is_alive_after_a_reload_and_a_restart_and_runs_nothing_twice(
    notebook: Page, tabs: Tabs
) -> None:
    tabs.server_went = True  # the page says as much of a kernel that is started again
    begin(notebook, "notebook:run-all-cells")
    sweep = notebook.locator(".jp-CodeCell").nth(1)
    figure = sweep.locator("svg path.line").first
    figure.wait_for(timeout=STARTS)
    assert "2 runs of moving: 1-2 on local" in sweep.locator(".jp-OutputArea").inner_text()
    until_idle(notebook)
    execute(notebook, "docmanager:save")
    name = notebook.evaluate(f"{FRONT}.context.path")
    notebook.evaluate(f"{FRONT}.sessionContext.restartKernel()")
    notebook.reload()
    ready(notebook)
    open_notebook(notebook, name)
    figure.wait_for(timeout=STARTS)  # nothing was run in the new kernel
    until_idle(notebook)
    begin(notebook, "notebook:run-all-cells")
    until_idle(notebook)
    figure.wait_for(timeout=STARTS)
    said = sweep.locator(".jp-OutputArea").inner_text()
    assert "2 of 2 were run before" in said and "2 runs of moving: 1-2 on local" in said
