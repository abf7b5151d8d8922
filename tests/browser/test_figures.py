"""Figures in a real JupyterLab: awkward series, zoom, hover, saving, themes, many runs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Page

from neronet import Neroman
from tests.browser.jupyter_server import JupyterServer
from tests.browser.pages import darken, execute, make_notebook
from tests.jupyter.figures.made_runs import Printed, make_runs, sweep

pytestmark = pytest.mark.real

LINES = ".nn-figure .bqplot .curve .line"


@pytest.fixture(scope="module")
def neroman(jupyter: JupyterServer) -> Iterator[Neroman]:
    jupyter.only_rows = True
    with Neroman(jupyter.neronet_home) as made:
        yield made


@pytest.fixture(scope="module")
def swept(neroman: Neroman, jupyter: JupyterServer) -> list[int]:
    return sweep(neroman.store, jupyter.root)


def run(page: Page, jupyter: JupyterServer, *cells: str) -> None:
    """Opens a notebook with these cells and runs them."""
    make_notebook(page, jupyter, *cells)
    execute(page, "notebook:run-all-cells")


def three(swept: list[int]) -> str:
    """A figure of a run that was terminated and two that go on."""
    numbers = [swept[3], swept[19], swept[21]]
    return f"from neronet_jupyter import LiveFigure\nLiveFigure({numbers}, 'val_error', height=240)"


# The ways of the lines that are seen: marks that show nothing now stay in the page.
WAYS = (
    f"[...document.querySelectorAll('{LINES}')].filter(line => !line.closest('[style*=\"display: none\"]'))"
    ".map(line => line.getAttribute('d') ?? '').filter(way => way.includes('M'))"
)


def paths(page: Page) -> list[str]:
    found: list[str] = page.evaluate(WAYS)
    return found


def run_below(page: Page, code: str) -> None:
    """Runs a cell below the current one, which stays in sight."""
    execute(page, "notebook:insert-cell-below")
    page.evaluate(
        "code => window.jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel.setSource(code)",
        code,
    )
    execute(page, "notebook:run-cell")


def until_paths(page: Page, least: int, points: int = 1) -> None:
    """Returns once so many lines are seen, each with so many points."""
    page.wait_for_function(f"{WAYS}.filter(way => way.split('L').length >= {points}).length >= {least}")


AWKWARD: dict[str, list[float]] = {
    "empty": [],
    "single": [3.0],
    "constant": [2.5] * 30,
    "zero": [0.0] * 30,
    "nan": [math.nan] * 30,
    "some_nan": [1.0, math.nan, 2.0, 3.0, math.nan] * 6,
    "inf": [1.0, math.inf, 2.0, -math.inf, 3.0],
    "huge": [1e308, -1e308, 1e-320],
}


@pytest.mark.parametrize("name", AWKWARD)
def test_a_figure_is_alive_after_any_series(
    page: Page, jupyter: JupyterServer, neroman: Neroman, name: str
) -> None:
    awkward, good = make_runs(neroman.store, [{"kind": name}, {"kind": "good"}], experiment=f"odd_{name}")
    printed = Printed(neroman.store)
    printed.add(awkward, "loss", AWKWARD[name], first=1)
    code = f"from neronet_jupyter import LiveFigure\nfigure = LiveFigure([{awkward}], height=200)\nfigure"
    run(page, jupyter, code)
    page.wait_for_selector(".nn-figure .nn-fig-head")
    page.wait_for_timeout(700)
    for scale in ("log", "linear"):  # nor does the other scale freeze it
        page.get_by_role("button", name=scale, exact=True).click()
        page.wait_for_timeout(500)
    # Then come values like any other, and they are drawn.
    printed.add(awkward, "loss", [4.0, 2.0, 6.0, 1.0], first=50)
    until_paths(page, 1, points=4)
    ticks = page.locator(".nn-figure .bqplot .axis .tick text").all_text_contents()
    assert len(ticks) >= 4 and not any("undefined" in tick or "NaN" in tick for tick in ticks)
    assert not any("NaN" in way or "Infinity" in way for way in paths(page))


def test_an_emptied_figure_shows_what_comes_next(
    page: Page, jupyter: JupyterServer, neroman: Neroman
) -> None:
    [number] = make_runs(neroman.store, [{"a": "1"}], experiment="emptied")
    Printed(neroman.store).add(number, "loss", [3.0, 2.0, 1.0])
    run(page, jupyter, f"from neronet_jupyter import LiveFigure\nfigure = LiveFigure([{number}])\nfigure")
    until_paths(page, 1)
    run_below(page, "figure.show_runs([])")
    page.wait_for_selector(".nn-fig-note")
    assert paths(page) == []
    run_below(page, f"figure.show_runs([{number}])")
    until_paths(page, 1)
    page.wait_for_selector(".nn-fig-note", state="detached")


def test_the_pointer_is_told_the_run_and_its_value(
    page: Page, jupyter: JupyterServer, swept: list[int]
) -> None:
    run(
        page,
        jupyter,
        three(swept),
    )
    until_paths(page, 3)
    page.wait_for_selector(".nn-fig-name")
    names = page.locator(".nn-fig-name").all_text_contents()
    assert any(f"#{swept[21]} 0.001" in name for name in names)
    assert page.locator(".nn-fig-end.nn-c-terminated").count() == 1
    box = page.locator(".nn-fig-holder").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.35, box["y"] + box["height"] * 0.62)
    tip = page.locator(".nn-fig-tip").inner_text()
    assert re.search(r"index \d+", tip) and f"#{swept[21]}" in tip and re.search(r"\d\d\.\d\d", tip)
    page.locator(".nn-fig-holder").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(".nn-fig-tip").count() == 1


def test_zooming_shows_points_that_were_too_close_to_draw(
    page: Page, jupyter: JupyterServer, neroman: Neroman
) -> None:
    [number] = make_runs(neroman.store, [{"a": "1"}], experiment="zoomed")
    Printed(neroman.store).add(number, "loss", [math.sin(i / 50) + (i % 7) / 10 for i in range(20_000)])
    run(page, jupyter, f"from neronet_jupyter import LiveFigure\nLiveFigure([{number}])")
    until_paths(page, 1)
    assert len(paths(page)[0].split("L")) <= 2500
    box = page.locator(".nn-fig-holder").bounding_box()
    assert box is not None
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(*middle)
    page.mouse.wheel(0, -2000)  # not clicked yet: the page scrolls, the figure stays
    page.wait_for_timeout(500)
    assert page.get_by_role("button", name="Show all").count() == 0
    page.mouse.click(*middle)
    for _ in range(6):
        page.mouse.wheel(0, -600)
        page.wait_for_timeout(150)
    page.get_by_role("button", name="Show all").wait_for()
    page.wait_for_function(f"{WAYS}[0].split('L').length < 1000")
    page.get_by_role("button", name="Show all").click()
    until_paths(page, 1, points=1200)
    assert page.get_by_role("button", name="Show all").count() == 0


@pytest.mark.parametrize("kind", ["PNG", "SVG"])
def test_a_figure_is_saved_as_it_looks(
    page: Page, jupyter: JupyterServer, swept: list[int], tmp_path: Path, kind: str
) -> None:
    run(
        page,
        jupyter,
        three(swept),
    )
    until_paths(page, 3)
    page.get_by_role("button", name="Save", exact=True).click()
    with page.expect_download() as offered:
        page.get_by_role("menuitem", name=f"Save as {kind}").click()
    assert offered.value.suggested_filename == f"val_error.{kind.lower()}"
    data = Path(offered.value.path()).read_bytes()
    if kind == "PNG":
        assert data.startswith(b"\x89PNG") and len(data) > 5000
    else:
        text = data.decode()
        assert "terminate above 50" in text and "var(" not in text and "rgb(" in text


def test_a_dark_theme_has_no_orange(page: Page, jupyter: JupyterServer, swept: list[int]) -> None:
    darken(page)
    run(page, jupyter, three(swept))
    until_paths(page, 3)
    colours = page.evaluate(
        "[...document.querySelectorAll('.nn-figure .bqplot text, .nn-figure .bqplot .axis path')]"
        ".flatMap(each => [getComputedStyle(each).fill, getComputedStyle(each).stroke])"
    )
    assert colours and "rgb(255, 165, 0)" not in colours
    strokes = page.evaluate(
        f"[...document.querySelectorAll('{LINES}')].map(line => getComputedStyle(line).stroke)"
    )
    assert "rgb(95, 183, 239)" in strokes  # the dark theme's --nn-l1


def test_a_brush_filters_and_the_kernel_knows(page: Page, jupyter: JupyterServer, swept: list[int]) -> None:
    run(
        page,
        jupyter,
        "from neronet_jupyter import Compare\nCompare('resnet', 'val_error')",
    )
    hold = page.locator(".nn-cmp-hold").last
    hold.wait_for()
    box = hold.bounding_box()
    assert box is not None
    x = box["x"] + box["width"] / 2
    page.mouse.move(x, box["y"] + box["height"] - 8)
    page.mouse.down()
    page.mouse.move(x, box["y"] + box["height"] * 0.8, steps=8)
    page.mouse.up()
    chip = page.locator(".nn-compare .nn-chip")
    chip.wait_for()
    assert re.match(r"val_error ≤ \d+", chip.inner_text())
    said = page.locator(".nn-cmp-cap").inner_text()
    assert re.search(r"\d+ of 41 runs", said)
    chip.click()
    page.wait_for_function("document.querySelectorAll('.nn-compare .nn-chip').length === 0")
    hold.focus()
    page.keyboard.press("ArrowDown")
    chip.wait_for()


def test_axes_that_find_no_room_are_scrolled_to(page: Page, jupyter: JupyterServer, neroman: Neroman) -> None:
    names = ["learning_rate", "optimizer", "dropout", "width", "depth", "weight_decay"]
    numbers = make_runs(
        neroman.store, [{name: str(i % 2) for name in names} for i in range(4)], experiment="wide"
    )
    for number in numbers:
        Printed(neroman.store).add(number, "error", [1.0, 2.0])
    narrow = f"VBox([Compare({numbers})], layout=Layout(width='350px'))"
    code = f"from neronet_jupyter import Compare\nfrom ipywidgets import VBox, Layout\n{narrow}"
    run(page, jupyter, code)
    axes = page.locator(".nn-cmp-axis")
    axes.last.wait_for()
    places = [box["x"] for box in (axis.bounding_box() for axis in axes.all()) if box]
    assert len(places) > len(names)
    assert min(b - a for a, b in pairwise(places)) > 60
    last = page.locator(".nn-cmp-hold").last
    last.focus()  # a key brings it there, too
    box, frame = last.bounding_box(), page.locator(".nn-cmp-par").bounding_box()
    assert box and frame and frame["width"] < 351
    assert box["x"] + box["width"] <= frame["x"] + frame["width"] + 20


def test_text_of_runs_stays_text(page: Page, jupyter: JupyterServer, neroman: Neroman) -> None:
    evil = "<img src=x onerror=alert(1)>"
    numbers = make_runs(neroman.store, [{evil: evil + str(i)} for i in range(3)], experiment="evil")
    for number in numbers:
        Printed(neroman.store).add(number, evil, [1.0, 2.0])
    code = f"from neronet_jupyter import LiveFigure, Compare\nfrom IPython.display import display\ndisplay(LiveFigure({numbers}))\nCompare({numbers})"
    run(page, jupyter, code)
    until_paths(page, 3)
    page.wait_for_selector(".nn-cmp-hold")
    assert page.locator(".nn-figure img, .nn-compare img").count() == 0
    assert evil in page.locator(".nn-figure select").first.inner_text()
