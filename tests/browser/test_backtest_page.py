"""The sliders of a rule over real runs: what they say is what `nerocli backtest` says, and it goes into config.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from neronet import Neroman
from tests.browser.conftest import Tabs
from tests.browser.jupyter_server import JupyterServer
from tests.browser.pages import execute, make_notebook

pytestmark = pytest.mark.real

CONFIG = """\
run_command_prefix: python3
main_code_file: main.py
+curves:  # all of them
  parameters: {floor: {from: 1, to: 24, step: 1}}
  parameter_format: '{floor}'
"""
CODE = """\
import sys
floor = int(sys.argv[1]) * 7 % 24 / 30
for n in range(1, 41):
    print("error", floor + 2 * n ** -0.7 + (floor * 1e3 * n % 7) / 300, flush=True)
"""


@pytest.fixture(scope="module")
def folder(jupyter: JupyterServer) -> Path:
    """An experiment whose runs have ended."""
    made = jupyter.root / "curves"
    made.mkdir()
    (made / "main.py").write_text(CODE)
    (made / "config.yaml").write_text(CONFIG)
    with Neroman(jupyter.neronet_home) as neroman:
        neroman.submit(made, "local").wait(90)
    return made


def said(part: Locator, folder: Path, **rule: object) -> None:
    """Waits until the part says what the Python interface says of this rule."""
    with Neroman(folder.parents[1] / "home/.neronet") as neroman:
        found = neroman.backtest(None, metric="error", goal="minimize", **rule)
        names = [f"{run.name} (#{run.number})" for number in found.lost for run in neroman.runs(str(number))]
    answer = part.locator(".nn-bt-answer")
    expect(answer).to_contain_text(f"{len(found.stopped)} of {found.runs} runs would have been stopped")
    expect(answer).to_contain_text(", ".join(names) if names else "it would have lost none")
    expect(part.get_by_role("group", name="Stopped runs").locator("tbody tr")).to_have_count(
        len(found.stopped)
    )


def test_a_slider_tells_what_a_rule_would_have_saved_and_the_rule_is_used(
    page: Page, jupyter: JupyterServer, folder: Path
) -> None:
    make_notebook(page, jupyter, "import neronet_jupyter\nneronet_jupyter.Backtest('curves', min_points=5)")
    execute(page, "notebook:run-all-cells")
    part = page.get_by_role("region", name="What would a rule have saved?")
    said(part, folder, min_points=5)
    slider = part.get_by_role("slider", name="first comparison after points")
    slider.focus()
    for _ in range(15):  # faster than one could be answered
        page.keyboard.press("ArrowRight")
    expect(slider).to_have_value("20")
    said(part, folder, min_points=20)
    part.get_by_role("button", name="halving").click()
    typed = part.get_by_role("textbox", name="first comparison after points, typed")
    typed.fill("2")
    typed.press("Enter")
    said(part, folder, min_points=2, rule="halving")
    part.get_by_role("button", name="Use this rule").click()
    line = "stop_losers: {metric: error, goal: minimize, rule: halving, min_points: 2}"
    expect(part.get_by_role("status").filter(has_text="next submission")).to_contain_text(line)
    assert (folder / "config.yaml").read_text() == f"{CONFIG}  {line}\n"
    part.get_by_role("button", name="threshold").click()
    expect(part.get_by_role("slider")).to_have_count(2)
    for name, value in (
        ("threshold", "0.5"),
        ("after minutes", "0"),
    ):  # from the first point on: all are stopped
        limit = part.get_by_role("textbox", name=f"{name}, typed")
        limit.fill(value)
        limit.press("Enter")
    expect(part.locator(".nn-bt-answer .nn-bt-lost")).to_contain_text("Of the best 5 it would have lost")


def test_the_compare_tab_asks_it_only_when_it_is_opened(tabs: Tabs, folder: Path) -> None:
    page = tabs.open(dark=True)
    execute(page, "neronet:compare")
    page.get_by_role("button", name="What would a rule have saved?").click()
    part = page.get_by_role("region", name="What would a rule have saved?")
    expect(part.locator(".nn-bt-answer")).to_contain_text("of 24 runs would have been stopped")
