"""While a cell sleeps or computes, figures of its kernel and the panel go on; `pytest -rP` prints the figures.

The time that is allowed here is for a busy machine.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median

import pytest
from playwright.sync_api import Page, expect

from neronet import Neroman
from tests.browser.jupyter_server import JupyterServer
from tests.browser.pages import STARTS, begin, execute, make_notebook, show

pytestmark = pytest.mark.slow
ALLOWED = 20.0  # seconds
BUSY = 60  # seconds; nobody waits for its end
WATCHED = 7.0  # seconds
CONFIG = "run_command_prefix: python3 -u\nmain_code_file: main.py\n+waves:\n  conditions: {}\n"
MAIN = """\
import itertools, math, os, time
for i in itertools.count():
    print("wave", math.sin(i / 20))
    time.sleep(0.1)
    if os.path.exists("STOP"):
        break
"""
FIGURE = "from neronet_jupyter import LiveFigure\nLiveFigure('waves')"
CELLS = {
    "a cell that sleeps": f"import time\ntime.sleep({BUSY})",
    "a cell that computes": f"import time\nend = time.time() + {BUSY}\nwhile time.time() < end:\n    pass",
}
# The longest time without a change in each of the places that are watched, until `gaps()`.
WATCH = """selectors => {
    const places = selectors.map(selector => {
        const place = {gap: 0, last: performance.now(), changes: 0};
        const watcher = new MutationObserver(() => {
            const now = performance.now();
            place.gap = Math.max(place.gap, now - place.last);
            place.last = now;
            place.changes++;
        });
        watcher.observe(document.querySelector(selector), {subtree: true, childList: true, attributes: true, characterData: true});
        place.watcher = watcher;
        return place;
    });
    window.gaps = () => places.map(place => {
        place.watcher.disconnect();
        return [Math.max(place.gap, performance.now() - place.last) / 1000, place.changes];
    });
}"""
# The seconds from each press of the mouse to the change of the row that it selects.
ANSWERS = """row => {
    let pressed = 0;
    window.answers = [];
    document.addEventListener("mousedown", () => { pressed = performance.now(); }, true);
    new MutationObserver(() => window.answers.push((performance.now() - pressed) / 1000))
        .observe(row, {attributes: true, attributeFilter: ["aria-selected"]});
}"""


@pytest.fixture(scope="module", autouse=True)
def waves(jupyter: JupyterServer) -> Iterator[None]:
    folder, stop = jupyter.root / "waves", jupyter.folder / "stop"
    folder.mkdir()
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "main.py").write_text(MAIN.replace("STOP", str(stop)))
    with Neroman(jupyter.neronet_home, background=True) as neroman:
        runs = neroman.submit(folder, "local")
        yield
        stop.touch()
        runs.wait(30)


@pytest.mark.parametrize("what", CELLS)
def test_figures_go_on_and_clicks_are_answered_while_a_cell_runs(
    what: str, jupyter: JupyterServer, page: Page
) -> None:
    show(page)
    row = page.locator("#neronet-panel [data-run]")
    row.wait_for(timeout=STARTS)
    make_notebook(page, jupyter, FIGURE, CELLS[what])
    execute(page, "notebook:run-cell-and-select-next")
    page.locator(".jp-OutputArea .bqplot path.line").first.wait_for(state="attached", timeout=STARTS)
    page.wait_for_timeout(2000)
    begin(page, "notebook:run-cell")
    expect(page.locator(".jp-Cell .jp-InputPrompt", has_text="[*]")).to_have_count(1)
    page.evaluate(WATCH, [".jp-OutputArea .bqplot", "#neronet-panel [data-run]"])
    row.evaluate(ANSWERS)
    end = time.monotonic() + WATCHED
    while time.monotonic() < end:
        row.click()
        expect(row).to_have_attribute("aria-selected", "true")
        page.get_by_role("button", name="Clear the selection").click()
        expect(row).to_have_attribute("aria-selected", "false")
        page.wait_for_timeout(500)
    answers = page.evaluate("window.answers")
    (figure, drawn), (panel, moved) = page.evaluate("window.gaps()")
    assert page.locator(".jp-Cell .jp-InputPrompt", has_text="[*]").count() == 1, (
        "the cell has ended too early"
    )
    print(f"{what}: longest gap of the figure {figure:.2f} s ({drawn} changes), of the panel {panel:.2f} s ({moved});"
          f" a click was answered in {median(answers):.3f} s, {max(answers):.3f} s at most ({len(answers)} clicks)")  # fmt: skip
    assert max(figure, panel, *answers) < ALLOWED
    execute(page, "kernelmenu:interrupt")
