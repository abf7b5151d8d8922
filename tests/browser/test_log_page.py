"""A log of a million lines in a real page; `pytest -rP` prints how long it took.

The time that is allowed here is for a busy machine.
"""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Page

from neronet import Neroman
from tests.browser.jupyter_server import JupyterServer
from tests.browser.pages import STARTS, begin, show
from tests.jupyter.figures.made_runs import define
from tests.jupyter.table.stores import add, say, start

pytestmark = pytest.mark.real

LINES = 1_000_000
ALLOWED = 10.0  # seconds


@pytest.fixture(scope="module")
def number(jupyter: JupyterServer) -> int:
    """A run that has printed a million lines and goes on."""
    jupyter.only_rows = True
    with Neroman(jupyter.neronet_home) as neroman:
        define(neroman.store, jupyter.root, "long")
        [made] = add(neroman.store, "long", [{"lr": "1"}])
        start(neroman.store, made)
        say(neroman.store, made, loss=[1.0])
        results = neroman.runs(str(made))[0].results
        results.mkdir(parents=True)
        (results / "stdout.log").write_text("".join(f"this is line {i}\n" for i in range(1, LINES + 1)))
    return made


def shows(page: Page, text: str) -> None:
    """Returns as soon as it stands in the log."""
    script = "text => document.querySelector('[role=log]')?.textContent.includes(text)"
    page.wait_for_function(script, arg=text, timeout=STARTS)


def test_a_million_lines_open_at_their_end_and_are_searched_and_scrolled(
    jupyter: JupyterServer, page: Page, number: int
) -> None:
    show(page)
    page.locator("#neronet-panel [data-run]").wait_for(timeout=STARTS)
    began = time.monotonic()
    begin(page, "neronet:open-run", number=number)
    shows(page, f"this is line {LINES}")
    log = page.get_by_role("log")
    opened = time.monotonic() - began
    field = page.get_by_label("search in the log")
    began = time.monotonic()
    field.fill("line 500000")
    field.press("Enter")
    shows(page, "this is line 500000")
    found = time.monotonic() - began
    began = time.monotonic()
    log.evaluate("log => { log.scrollTop = log.scrollHeight / 4; }")
    page.wait_for_function("document.querySelector('.nn-ll')?.dataset.n > 200000", timeout=STARTS)
    page.wait_for_function("document.querySelector('.nn-ll').dataset.n < 300000", timeout=STARTS)
    scrolled = time.monotonic() - began
    assert page.locator(".nn-ll").count() < 500, "only what is seen is in the page"
    print(f"opened in {opened:.2f} s, found in {found:.2f} s, scrolled to in {scrolled:.2f} s")
    assert max(opened, found, scrolled) < ALLOWED
