"""For everybody: axe-core finds nothing serious in the panel and its tabs, in both themes and at two widths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from neronet import Neroman
from tests.browser.conftest import Tabs
from tests.browser.jupyter_server import JupyterServer
from tests.browser.pages import STARTS, begin, darken, show, widen

pytestmark = pytest.mark.real

AXE = Path(__file__).parents[2] / "labextension/node_modules/axe-core/axe.min.js"
SERIOUS = ("serious", "critical")
CONFIG = """\
run_command_prefix: sh
main_code_file: main.sh
+letters:
  parameters: {x: [3, 2, 1, 0]}
  parameter_format: '{x}'
  conditions: {}
"""
# The last one fails; each has a curve.
MAIN = "for i in 1 2 3 4 5; do echo loss $i$1; done; echo over >&2; exit $(( $1 == 0 ))\n"
TABS = {
    "run": ("neronet:open-run", {"number": 4}, ".nn-runview .bqplot"),
    "runs": ("neronet:open-runs", {}, ".nn-tab [data-run]"),
    "compare": ("neronet:compare", {}, ".nn-compare"),
}


@pytest.fixture(scope="module", autouse=True)
def swept(jupyter: JupyterServer) -> None:
    folder = jupyter.root / "letters"
    folder.mkdir()
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "main.sh").write_text(MAIN)
    with Neroman(jupyter.neronet_home, background=True) as neroman:
        neroman.add_node("far", "nobody@127.0.0.1:1")
        neroman.submit(folder, "local").wait(60)


def serious(page: Page, where: str) -> list[str]:
    """What axe-core finds below `where`: rule, and the elements."""
    page.add_script_tag(path=AXE)
    found: dict[str, Any] = page.evaluate("where => axe.run(where)", where)
    assert found["passes"], f"nothing was looked at below {where}"
    return [
        f"{rule['id']}: {rule['help']}: " + "; ".join(node["html"][:200] for node in rule["nodes"][:5])
        for rule in found["violations"]
        if rule["impact"] in SERIOUS
    ]


def opened(tabs: Tabs, dark: bool) -> Page:
    page = tabs.open(dark=dark)
    if dark:
        darken(page)
    show(page)
    expect(page.locator("#neronet-panel [data-run]")).to_have_count(4, timeout=STARTS)
    return page


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_serious_in_the_panel(tabs: Tabs, dark: bool) -> None:
    page = opened(tabs, dark)
    for width in (250, 400):
        widen(page, width)
        panel = page.locator("#neronet-panel")
        panel.get_by_role("button", name="Add a node").first.click()
        panel.locator("[data-run]").first.click()
        assert not serious(page, "#neronet-panel"), width


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("tab", TABS)
def test_axe_finds_nothing_serious_in_a_tab(tabs: Tabs, dark: bool, tab: str) -> None:
    page = opened(tabs, dark)
    command, args, shown = TABS[tab]
    begin(page, command, **args)
    page.locator(shown).first.wait_for(timeout=STARTS)
    assert not serious(page, ".nn-tab")
    if tab == "runs":
        page.locator(".nn-tab [data-run]").first.click()
        page.keyboard.press("t")
        page.get_by_label("Add a tag").wait_for()
        assert not serious(page, ".nn-tab"), "with the tags of a run"


def test_axe_would_find_something(tabs: Tabs) -> None:
    page = opened(tabs, False)
    page.evaluate("document.getElementById('neronet-panel').append(document.createElement('button'))")
    assert len(serious(page, "#neronet-panel")) == 1


# Where the focus is; null once it has left the panel.
FOCUS = """() => {
    const at = document.activeElement;
    if (!at.closest('#neronet-panel')) return null;
    // A field shows it on its frame, a node on its whole line, the table on its current row.
    const places = [[at], [at, '::after'], [at.closest('.nn-in, .nn-tok') ?? at], [at.querySelector('.nn-cur') ?? at]];
    const seen = places.map(place => getComputedStyle(...place)).some(one => one.outlineStyle !== 'none' && parseFloat(one.outlineWidth) > 0
        || one.boxShadow !== 'none');
    const all = [...document.querySelectorAll('#neronet-panel *')];
    return [all.indexOf(at), seen, at.outerHTML.slice(0, 160)];
}"""
TABBABLE = """() => [...document.querySelectorAll('#neronet-panel *')]
    .map((one, i) => [one, i])
    .filter(([one]) => one.tabIndex >= 0 && !one.disabled && one.checkVisibility({visibilityProperty: true})
        && (one.type !== 'radio' || one.checked))
    .map(([one, i]) => [i, one.outerHTML.slice(0, 160)])"""


def test_tab_goes_through_all_of_the_panel_and_the_focus_is_seen(tabs: Tabs) -> None:
    page = opened(tabs, False)
    panel = page.locator("#neronet-panel")
    panel.get_by_role("option", name="letters").click()
    panel.get_by_role("button", name="New sweep", exact=True).focus()
    page.keyboard.press("Tab")  # the focus is shown to those who use keys
    page.keyboard.press("Shift+Tab")
    before: list[tuple[int, str]] = page.evaluate(TABBABLE)
    reached = {}
    while (at := page.evaluate(FOCUS)) is not None:
        number, seen, what = at
        assert number not in reached, f"the focus goes in a circle at {what}"
        assert seen, f"nothing shows that the focus is on {what}"
        reached[number] = what
        page.keyboard.press("Tab")
    assert len(reached) > 20
    missed = [what for number, what in before if number not in reached]
    assert not missed, "\n".join(missed)
