"""A newcomer's first quarter of an hour, by mouse alone: from an empty panel to a frame in a notebook, over a real sshd."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from neronet import Neroman
from tests.browser.jupyter_server import JupyterServer
from tests.browser.pages import STARTS
from tests.testbed.fixtures import NodeFactory
from tests.testbed.lab import Lab

pytestmark = pytest.mark.real

CONFIG = """\
run_command_prefix: python3 -u
main_code_file: train.py
+resnet:
  parameters:
    lr: [0.1, 0.01, 0.001]
  conditions: {}
"""
# Prints until it is told to stop, so that the test decides how long it takes.
TRAIN = """\
import itertools, os, sys, time
rate = float(sys.argv[2])
for epoch in itertools.count():
    print("loss", 1 / (1 + rate * epoch))
    print("epoch", epoch, "is over", file=sys.stderr)
    if os.path.exists(os.path.expanduser("~/stop")):
        break
    time.sleep(0.2)
"""


@pytest.fixture
def project(jupyter: JupyterServer) -> None:
    folder = jupyter.root / "resnet"
    folder.mkdir()
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "train.py").write_text(TRAIN)


def test_a_newcomer_gets_from_an_empty_panel_to_a_frame_by_mouse_alone(
    node_factory: NodeFactory, lab: Lab, jupyter: JupyterServer, project: None, page: Page
) -> None:
    node = node_factory("gpu1")
    lab.client(jupyter.home, node.ssh_config())
    page.get_by_role("tab", name="Neronet").click()
    panel = page.locator("#neronet-panel")

    # A machine of ~/.ssh/config.
    panel.get_by_role("button", name="Add gpu1").click(timeout=STARTS)
    expect(panel.locator(".nn-hostrow", has_text="gpu1")).to_contain_text("slots, ready")

    # A folder, fewer values, the exact command.
    panel.get_by_role("button", name="Folder", exact=True).click()
    panel.get_by_role("combobox", name="Folder").click()
    panel.get_by_role("option", name="resnet").click()
    expect(panel.locator(".nn-count")).to_contain_text("3 runs")
    panel.get_by_label("Remove 0.001").click()
    expect(panel.locator(".nn-count")).to_contain_text("2 runs")
    expect(panel.locator(".nn-sweep .nn-cmd")).to_have_text("python3 -u train.py --lr 0.1")
    panel.get_by_role("radio", name="gpu1").click()
    panel.get_by_role("button", name=re.compile("submit 2 runs")).click()

    # Runs, and the curve of one of them.
    rows = panel.locator("[data-run]")
    expect(rows).to_have_count(2)
    expect(rows.locator("[aria-label=running]")).to_have_count(2)
    rows.first.dblclick()
    tab = page.locator(".nn-tab")
    curve = tab.locator(".bqplot path.line").first
    expect(curve).not_to_have_attribute("d", curve.get_attribute("d") or "")

    # Its log, below.
    log = tab.get_by_role("log")
    expect(log).to_contain_text("loss 0.5")
    tab.get_by_role("toolbar", name="log").get_by_role("button", name="stderr").click()
    expect(log).to_contain_text("epoch 1 is over")

    # One run is enough.
    rows.last.click()
    strip = panel.get_by_role("toolbar", name="selected runs")
    strip.get_by_role("button", name="Terminate 1").click()
    panel.get_by_role("alertdialog").get_by_role("button", name="Terminate").click()
    expect(rows.locator("[aria-label=terminated]")).to_have_count(1)
    expect(rows.locator("[aria-label=running]")).to_have_count(1)

    # The frame.
    rows.locator("[aria-label=running]").click()
    strip.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Frame in a notebook").click()
    frame = page.locator(".jp-OutputArea-output table")
    expect(frame).to_contain_text("running", timeout=STARTS)
    expect(frame).not_to_have_text(frame.inner_text(), use_inner_text=True)

    node.run("touch stop")
    expect(rows.locator("[aria-label=finished]")).to_have_count(1)
    expect(frame).to_contain_text("finished")
    with Neroman(jupyter.neronet_home) as neroman:
        assert sorted(run.state for run in neroman.runs("resnet")) == ["finished", "terminated"]
