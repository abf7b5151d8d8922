"""The runs table in a real page: by mouse, by keys, with ten thousand runs, and with texts that mean harm."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from neronet import Neroman
from neronet.wire import states
from tests.browser.conftest import Tabs
from tests.browser.hostile import HOSTILE, hostile
from tests.browser.jupyter_server import JupyterServer
from tests.browser.pages import STARTS, execute, make_notebook
from tests.e2e.cli import NEROCLI
from tests.jupyter.table.stores import add, define, end, many, say, start

pytestmark = pytest.mark.real

CELL = """\
from ipywidgets import Layout, VBox
from neronet import Neroman
from neronet_jupyter import RunsTable
table = RunsTable(Neroman(background=True).runs("NAME"), wide=WIDE)
VBox([table], layout=Layout(width='WIDTHpx', height='600px'))
"""
RUN = ".nn-grid [data-run]"
# What the table itself is made of.
OURS = {
    "DIV",
    "SPAN",
    "SECTION",
    "BUTTON",
    "B",
    "BDI",
    "I",
    "INPUT",
    "LABEL",
    "SELECT",
    "OPTION",
    "svg",
    "path",
    "circle",
    "g",
}


@pytest.fixture(scope="module")
def neroman(jupyter: JupyterServer) -> Iterator[Neroman]:
    jupyter.only_rows = True
    with Neroman(jupyter.neronet_home) as made:
        yield made


@pytest.fixture
def table(jupyter: JupyterServer, tabs: Tabs) -> Callable[..., Page]:
    """A page with the table of an experiment's runs in a cell of a notebook."""

    def make(name: str, width: int = 300) -> Page:
        code = CELL.replace("NAME", name).replace("WIDTH", str(width)).replace("WIDE", str(width >= 700))
        page = tabs.open(width=1700, height=900)
        make_notebook(page, jupyter, code)
        execute(page, "notebook:run-all-cells")
        page.wait_for_selector(RUN, timeout=STARTS)
        return page

    return make


def sweep(neroman: Neroman, name: str) -> list[int]:
    """Eight runs: the first three have finished, the fourth has failed, two run and two wait."""
    store = neroman.store
    define(store, name)
    numbers = add(store, name, [{"lr": str(10.0**-i), "opt": "sgd" if i % 2 else "adamw"} for i in range(8)])
    for number in numbers[:6]:
        start(store, number)
        say(store, number, val_error=[9.0, 7.0, 5.0 - number / 100])
    for place, number in enumerate(numbers[:4]):
        state, reason = (states.FAILED, "exit code 3") if place == 3 else (states.FINISHED, "")
        end(store, number, state, reason, at=time.time() - 10 + place)
    return numbers


def order(page: Page) -> list[int]:
    found: list[int] = page.evaluate(
        f"[...document.querySelectorAll('{RUN}')].sort((a, b) => parseInt(a.style.top) - parseInt(b.style.top))"
        ".map(row => Number(row.dataset.run))"
    )
    return found


def until_order(page: Page, *numbers: int) -> None:
    end_of_patience = time.monotonic() + 20
    while order(page) != list(numbers):
        assert time.monotonic() < end_of_patience, (order(page), numbers)
        page.wait_for_timeout(50)


def test_the_table_is_used_by_keys_alone(table: Callable[..., Page], neroman: Neroman) -> None:
    one = sweep(neroman, "keys")
    page = table("keys")
    until_order(page, one[4], one[5], one[3], one[2], one[1], one[0])
    grid = page.get_by_role("treegrid")
    expect(grid).to_have_attribute("aria-rowcount", "10")
    grid.focus()
    current = page.locator(".nn-grid .nn-cur")
    expect(current).to_contain_text("keys")
    assert grid.get_attribute("aria-activedescendant") == current.get_attribute("id")
    page.keyboard.press("ArrowDown")
    expect(current).to_have_attribute("data-run", str(one[4]))
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.locator(f"{RUN}[aria-selected=true]")).to_have_count(2)
    expect(page.get_by_role("toolbar", name="selected runs")).to_contain_text("2 selected")
    page.keyboard.press("Delete")
    expect(page.get_by_role("button", name="Keep")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("toolbar", name="selected runs")).to_be_visible()
    grid.focus()
    page.keyboard.press("Escape")
    expect(page.locator(f"{RUN}[aria-selected=true]")).to_have_count(0)
    page.keyboard.press("ArrowDown")  # the line of those that wait
    page.keyboard.press("ArrowRight")
    until_order(page, one[4], one[5], one[6], one[7], one[3], one[2], one[1], one[0])
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    until_order(page)
    page.keyboard.press("ArrowRight")
    until_order(page, one[4], one[5], one[6], one[7], one[3], one[2], one[1], one[0])
    page.keyboard.press("/")
    expect(page.get_by_label("Filter: words")).to_be_focused()
    page.keyboard.type("lr>=0.01 -adamw")
    until_order(page, one[1])
    page.keyboard.press("Enter")
    expect(grid).to_be_focused()
    page.keyboard.press("Escape")
    until_order(page, one[4], one[5], one[6], one[7], one[3], one[2], one[1], one[0])
    page.keyboard.press("Control+a")
    expect(page.get_by_role("toolbar", name="selected runs")).to_contain_text("8 selected")


def test_the_table_is_used_by_mouse_alone(table: Callable[..., Page], neroman: Neroman) -> None:
    one = sweep(neroman, "mouse")
    page = table("mouse", 1100)
    page.mouse.move(5, 5)
    until_order(page, one[4], one[5], one[3], one[2], one[1], one[0])
    expect(page.locator(".nn-why")).to_contain_text("Ended with exit code 3")
    page.get_by_role("columnheader", name="last").click()
    until_order(page, one[5], one[4], one[3], one[2], one[1], one[0])
    page.get_by_role("columnheader", name="last").click()
    until_order(page, *one[:6])
    page.locator(f"{RUN}[data-run='{one[1]}']").click()
    page.locator(f"{RUN}[data-run='{one[3]}']").click(modifiers=["Shift"])
    strip = page.get_by_role("toolbar", name="selected runs")
    expect(strip).to_contain_text("3 selected")
    strip.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Copy as Python").click()
    expect(page.get_by_text("Copied a line of Python.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == f'neroman.runs("{one[1]}-{one[3]}")'
    # While something is selected nothing moves: a new run waits for a click.
    say(neroman.store, one[0], first=3, val_error=[0.5])
    page.get_by_role("button", name="New order").click()
    until_order(page, one[1], one[2], one[3], one[4], one[5], one[0])
    note = page.locator(f"{RUN}[data-run='{one[2]}'] .nn-td").last
    note.dblclick()
    page.keyboard.type("the best <b>so</b> far")
    page.keyboard.press("Enter")
    expect(note).to_have_text("the best <b>so</b> far")
    note.dblclick()
    page.keyboard.type("not this")
    page.keyboard.press("Escape")
    expect(note).to_have_text("the best <b>so</b> far")
    page.get_by_role("button", name="1 failed").click()
    until_order(page, one[3])
    page.get_by_role("button", name="All 8").click()
    page.get_by_label("Group by").select_option("p:opt")
    expect(page.locator(".nn-g")).to_have_count(2)
    expect(page.locator(".nn-g").first).to_contain_text("opt = adamw")


def test_tags_of_selected_runs_are_seen_found_and_shared(
    table: Callable[..., Page], neroman: Neroman, jupyter: JupyterServer
) -> None:
    one = sweep(neroman, "tagged")
    page = table("tagged", 1100)
    expect(page.get_by_role("columnheader", name="tags")).to_have_count(0)
    page.locator(f"{RUN}[data-run='{one[1]}']").click()
    page.locator(f"{RUN}[data-run='{one[3]}']").click(modifiers=["Control"])
    expect(page.get_by_role("toolbar", name="selected runs")).to_contain_text("2 selected")
    page.keyboard.press("t")
    page.keyboard.type("good")
    page.keyboard.press("Enter")
    tags = {number: page.locator(f"{RUN}[data-run='{number}'] .nn-tag") for number in one}
    expect(tags[one[1]]).to_have_text(["good"])
    expect(tags[one[3]]).to_have_text(["good"])
    expect(page.locator(".nn-grid .nn-tag")).to_have_count(2)
    nerocli = [NEROCLI, "tag", str(one[3])]
    assert "good" in subprocess.check_output(nerocli, env=jupyter.env, text=True)
    subprocess.check_call([*nerocli, "+better"], env=jupyter.env)
    expect(tags[one[3]]).to_have_text(["good", "better"])
    expect(page.get_by_role("group", name="tags of 2 runs")).to_contain_text("better1")
    page.keyboard.type("-good")
    page.keyboard.press("Enter")
    expect(page.locator(".nn-grid .nn-tag")).to_have_text(["better"])
    page.keyboard.press("Escape")
    expect(page.get_by_role("treegrid")).to_be_focused()
    page.keyboard.press("/")
    page.keyboard.type("tag:better")
    until_order(page, one[3])
    assert neroman.runs("tag:better").numbers == (one[3],)


@pytest.mark.parametrize("width", [300, 1400])
def test_no_script_runs_and_no_element_is_made_of_data(
    table: Callable[..., Page], neroman: Neroman, width: int
) -> None:
    store, name = neroman.store, f"harm{width}"
    texts = hostile()
    parameters = [{text[:200]: texts[-i], "seed": str(i)} for i, text in enumerate(texts)]
    numbers = add(store, name, parameters, node=HOSTILE[0], names=[f"{name}/{text}" for text in texts])
    for i, number in enumerate(numbers[:280]):
        store.runs.set_note([number], texts[i] if i % 2 else "")
        start(store, number)
        say(store, number, loss=[1.0], **{texts[i % 30]: [float(i)]})
        end(store, number, states.FAILED if i % 3 else states.TERMINATED, texts[-i])
    page = table(name, width)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    grid = page.get_by_role("treegrid")
    page.locator(".nn-w").first.click()
    seen: set[str] = set()
    # Rows come a moment after they were scrolled to: those that were missed, once more.
    for place in range(100):
        seen |= set(map(str, order(page)))
        tags = page.evaluate(
            "[...new Set([...document.querySelectorAll('.nn-runsview *')].map(e => e.tagName))]"
        )
        assert set(tags) <= OURS
        bad = "[...document.querySelectorAll('.nn-runsview *')].filter(e => [...e.attributes].some(a => /^on|href$|^src/.test(a.name)))"
        assert page.evaluate(f"{bad}.length") == 0
        if len(seen) == len(texts):
            break
        grid.evaluate("(grid, top) => { grid.scrollTop = top; }", place % 25 * 18 * 24)
        page.wait_for_timeout(150)
    assert len(seen) == 300
    assert page.evaluate("window.hit") is None
    assert page.evaluate("({}).polluted") is None
    cells = "[...document.querySelectorAll('.nn-run .nn-td')]"
    assert page.evaluate(f"{cells}.every(e => getComputedStyle(e).unicodeBidi === 'isolate')")
    assert not page.evaluate(f"{cells}.some(e => /[\\x00-\\x1f\\x7f-\\x9f]/.test(e.textContent))")
    assert not [url for url in asked if "example.invalid" in url or url[-2:] == "/x"]


def test_ten_thousand_runs_are_a_window_onto_them(table: Callable[..., Page], neroman: Neroman) -> None:
    numbers = many(neroman.store, "wide", 10_000, parameters=24, metrics=16)
    page = table("wide", 1200)
    grid = page.get_by_role("treegrid")
    expect(grid).to_have_attribute("aria-rowcount", "10002")
    metrics = len(neroman.store.points.names())  # with those that other tests of this home have printed
    expect(grid).to_have_attribute("aria-colcount", str(7 + 24 + metrics))
    assert page.evaluate(f"document.querySelectorAll('{RUN}').length") < 100
    assert page.evaluate("document.querySelectorAll('.nn-run .nn-td').length") < 2500
    grid.focus()
    page.keyboard.press("End")
    page.wait_for_selector(f"{RUN}[data-run='{numbers[0]}']")
    page.keyboard.press("PageUp")
    expect(page.locator(".nn-cur")).to_be_visible()
    grid.evaluate("grid => { grid.scrollTop = 120000; }")
    page.wait_for_function(f"document.querySelectorAll('{RUN}').length > 20")
    grid.evaluate("grid => { grid.scrollLeft = grid.scrollWidth; }")
    expect(page.get_by_role("columnheader", name="note")).to_be_visible()
    assert page.evaluate("document.querySelectorAll('.nn-th .nn-frozen').length") == 3
