"""Point at a number in the log of a real run: by mouse and by keys, until the panel shows it as a metric."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from neronet import Neroman
from tests.browser.jupyter_server import JupyterServer
from tests.browser.pages import STARTS, begin, show
from tests.browser.test_accessible import serious

pytestmark = pytest.mark.real

CONFIG = """\
run_command_prefix: sh
main_code_file: main.sh
+lang:
  parameters: {x: [1, 2]}  # two runs
  parameter_format: '{x}'
"""
MAIN = """\
for i in 1 2 3 4 5 6; do echo "<b>🙂</b> epoch $i/6 - loss: 0.$i$1 acc: 0.9$i"; done
"""


@pytest.fixture
def lang(jupyter: JupyterServer) -> Path:
    """An experiment whose two runs have ended on this machine."""
    folder = jupyter.root / "lang"
    folder.mkdir()
    (folder / "main.sh").write_text(MAIN)
    (folder / "config.yaml").write_text(CONFIG)
    with Neroman(jupyter.neronet_home) as neroman:
        neroman.submit(folder, "local").wait(60)
    return folder


def test_a_number_that_is_clicked_becomes_a_metric_that_the_panel_shows(
    jupyter: JupyterServer, page: Page, lang: Path
) -> None:
    show(page)
    page.locator("#neronet-panel [data-run]").first.wait_for(timeout=STARTS)
    begin(page, "neronet:open-run", number=1)
    log = page.get_by_role("log")
    expect(log).to_contain_text("<b>🙂</b> epoch 6/6 - loss: 0.61 acc: 0.96", timeout=STARTS)
    assert log.get_by_role("button").count() == 0
    page.get_by_role("button", name="Point at a number").click()
    line = log.locator(".nn-ll").nth(2)
    expect(line.get_by_role("button")).to_have_text(["3", "6", "0.31", "0.93"])
    expect(line).to_have_text("<b>🙂</b> epoch 3/6 - loss: 0.31 acc: 0.93")

    # Away again by keys: the number has the focus as before.
    number = line.get_by_role("button", name="make 0.93 a metric")
    number.focus()
    page.keyboard.press("Enter")
    card = page.get_by_role("dialog", name="Make 0.93 a metric")
    expect(card).to_be_focused()
    page.keyboard.press("Tab")
    expect(card.get_by_label("Metric", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(card).to_have_count(0)
    expect(number).to_be_focused()

    line.get_by_role("button", name="make 0.31 a metric").click()
    card = page.get_by_role("dialog", name="Make 0.31 a metric")
    name = card.get_by_label("Metric", exact=True)
    expect(name).to_have_value("loss")
    expect(card).to_contain_text("12 points in 2 of 2 runs")
    expect(card.get_by_role("row")).to_have_count(3)
    assert not serious(page, ".nn-logbox")
    name.fill("train loss")
    expect(card.get_by_role("alert")).to_contain_text("cannot be the name of a metric")
    expect(card.get_by_role("button", name="Add metric")).to_be_disabled()
    name.fill("train_loss")
    expect(card).to_contain_text('neroman.extract(1, "0.31", line=3, name="train_loss").apply()')
    card.get_by_role("button", name="Add metric").click()
    expect(card).to_contain_text("train_loss: 12 new points in the runs of lang")
    expect(card).to_contain_text(str(lang / "config.yaml"))
    card.get_by_role("button", name="Close").click()

    expect(page.locator("#neronet-panel")).to_contain_text("train_loss")
    expect(page.locator("#neronet-panel [data-run='2']")).to_contain_text("0.6200")
    assert "train_loss" in (lang / "config.yaml").read_text()
    with Neroman(jupyter.neronet_home) as neroman:
        assert neroman.runs(1).points("train_loss")["value"].tolist() == [0.11, 0.21, 0.31, 0.41, 0.51, 0.61]
