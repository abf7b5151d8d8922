"""Whatever dies, the panel is soon back as it was, while runs stream; how soon is written to the report.

The time that each test allows is for a busy machine; `pytest -rP` prints what it took.
"""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
from playwright.sync_api import Page, WebSocketRoute

from neronet import Neroman
from tests.browser.conftest import Tabs
from tests.browser.jupyter_server import JupyterServer
from tests.browser.pages import STARTS, ready, show
from tests.waiting import until as until_in_time

pytestmark = pytest.mark.slow
until = functools.partial(until_in_time, timeout=60.0)  # for a busy machine
LIVE = "#neronet-panel .nn-content:not(.nn-not-live)"
CONFIG = """
run_command_prefix: sh
main_code_file: main.sh
+streams:
  parameters:
    lr: [0.125, 0.25, 0.5]
  parameter_format: '{lr}'
  conditions: {}
"""
# Each prints a step five times a second; the first ends at once, the others when they are told to.
MAIN = """
n=0
while [ ! -e STOP ] && { [ $1 != 0.125 ] || [ $n -lt 5 ]; }; do n=$((n+1)); echo step $n; sleep 0.2; done
"""
ROWS = """() => Object.fromEntries([...document.querySelectorAll('#neronet-panel .nn-run')].map(row => [
    (row.innerText.match(/0[.]\\d+/) || [''])[0],
    [row.querySelector('[aria-label]')?.getAttribute('aria-label') || '', row.innerText.trim().split(/\\s+/).pop()]]))"""
RESTART = """id => { for (const connection of window.jupyterapp.serviceManager.sessions._sessionConnections)
    if (connection.kernel.id === id) return void connection.kernel.restart(); throw new Error('no such kernel') }"""


class Streams(NamedTuple):
    """A sweep whose runs print until `stop` exists."""

    neroman: Neroman
    stop: Path


@pytest.fixture(scope="module")
def streams(jupyter: JupyterServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Streams]:
    folder = tmp_path_factory.mktemp("sweep")
    stop = folder.parent / f"{folder.name}.stop"
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "main.sh").write_text(MAIN.replace("STOP", str(stop)))
    with Neroman(jupyter.neronet_home, background=True) as neroman:
        neroman.submit(folder, "local")
        yield Streams(neroman, stop)


def rows(page: Page) -> dict[str, list[str]]:
    """What the runs table of the panel shows: lr -> [state, last number of the row]."""
    found: dict[str, list[str]] = page.evaluate(ROWS)
    return found


def is_live(page: Page) -> bool:
    return bool(page.locator(LIVE).count())


def moves(page: Page) -> Callable[[], bool]:
    """Whether the steps of the streaming runs have grown since this was called."""

    def steps() -> list[int]:
        shown = rows(page)
        return [int(shown[lr][1]) if shown.get(lr, ["", ""])[1].isdigit() else -1 for lr in ("0.25", "0.5")]

    before: list[int] = []

    def grown() -> bool:
        now = steps() if is_live(page) else [-1]
        if min(now) < 0:
            return False
        if not before:
            before.extend(now)
        return all(new > old for new, old in zip(now, before, strict=True))

    return grown


def back(page: Page, what: str) -> None:
    """Returns when the panel shows every run, live and moving; prints after how many seconds."""

    def seen() -> str:
        return f"{what}: {rows(page)} in {page.inner_text('#neronet-panel')!r}"

    began = time.monotonic()
    until(moves(page), seen)
    print(f"{what}: back, and moving, after {time.monotonic() - began:.1f} s")
    until(lambda: rows(page)["0.125"] == ["finished", "5"], seen)


@pytest.fixture
def panel(tabs: Tabs, streams: Streams) -> Page:
    page = tabs.open()
    show(page)
    back(page, "shown")
    return page


def kernel_id(jupyter: JupyterServer) -> str:
    [session] = jupyter.panel_sessions()
    return str(session["kernel"]["id"])


def test_a_reload_shows_the_same_kernel_at_once(panel: Page, jupyter: JupyterServer) -> None:
    pid = jupyter.panel_kernel().pid
    panel.reload()
    ready(panel)
    back(panel, "reload")
    assert jupyter.panel_kernel().pid == pid


def test_a_second_tab_shows_the_same_kernel(panel: Page, tabs: Tabs, jupyter: JupyterServer) -> None:
    pid = jupyter.panel_kernel().pid
    other = tabs.open()
    show(other)
    back(other, "second tab")
    assert jupyter.panel_kernel().pid == pid
    assert rows(panel).keys() == rows(other).keys()


def test_a_restart_by_one_tab_brings_both_back(panel: Page, tabs: Tabs, jupyter: JupyterServer) -> None:
    other = tabs.open()
    show(other)
    back(other, "second tab")
    for who, page in (("this tab", panel), ("the other tab", other)):
        restart(page, jupyter)
        back(panel, f"restart by {who}")
        back(other, f"restart by {who}, the other page")


def page_that_hears(tabs: Tabs, hears: Callable[[bytes], bool]) -> Page:
    """A page with the panel that gets only those of the kernel's messages for which `hears` is true."""
    page, got = tabs.open(), []

    def tell(socket: WebSocketRoute, message: str | bytes) -> None:
        if hears(message if isinstance(message, bytes) else message.encode()):
            got.append(message)
            socket.send(message)

    def connect(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda message: tell(socket, message))

    page.route_web_socket(re.compile("/channels"), connect)
    page.reload()
    ready(page)
    show(page)
    back(page, "a page that does not hear all")
    assert got, "its messages went another way"
    return page


def restart(page: Page, jupyter: JupyterServer) -> None:
    """Returns when the old process of the panel's kernel is gone."""
    pid = jupyter.panel_kernel().pid
    page.evaluate(RESTART, kernel_id(jupyter))
    until(lambda: not psutil.pid_exists(pid), "the kernel does not restart")


def test_a_restart_that_a_page_is_not_told_of_brings_it_back(
    panel: Page, tabs: Tabs, jupyter: JupyterServer
) -> None:
    """As when the server connects to the new process after that has said that it starts."""
    other = page_that_hears(tabs, lambda message: b'"execution_state": "starting"' not in message)
    restart(panel, jupyter)
    back(panel, "restart")
    back(other, "restart, the other page")


@pytest.mark.parametrize("lost", [1, 8])
def test_a_page_that_hears_only_the_end_of_what_a_new_kernel_says_shows_all_of_it(
    panel: Page, tabs: Tabs, jupyter: JupyterServer, lost: int
) -> None:
    """As when the server, or the page, connects to the new process while that makes its widgets."""
    left = 0

    def hears(message: bytes) -> bool:
        nonlocal left
        if left and b'"msg_type": "comm_open"' in message:
            left -= 1
            return False
        return not left or b"iopub" not in message

    other = page_that_hears(tabs, hears)
    left = lost
    restart(panel, jupyter)
    back(panel, "restart")
    back(other, "restart, the other page")
    assert not left, "nothing was lost"
    time.sleep(2.5)  # for so long ipywidgets looks for the parts of a widget
    assert "error" not in other.inner_text("#neronet-panel")


def test_a_killed_kernel_is_replaced(panel: Page, jupyter: JupyterServer) -> None:
    kernel = jupyter.panel_kernel()
    kernel.kill()
    until(lambda: not is_live(panel), "the panel does not say that it is not live")
    assert "Not live since" in panel.inner_text("#neronet-panel")
    assert set(rows(panel)) == {"0.125", "0.25", "0.5"}, "what was seen stays"
    back(panel, "kill -9")
    assert jupyter.panel_kernel().pid != kernel.pid


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_restarted_server_brings_both_tabs_back(
    panel: Page, tabs: Tabs, jupyter: JupyterServer, how: str
) -> None:
    other = tabs.open()
    show(other)
    back(other, "second tab")
    tabs.server_went = True
    getattr(jupyter, how)()
    until(
        lambda: "The Jupyter server does not answer" in panel.inner_text("#neronet-panel"), "nothing is said"
    )
    assert set(rows(panel)) == {"0.125", "0.25", "0.5"}, "what was seen stays"
    jupyter.start()
    back(panel, f"server {how}")
    back(other, f"server {how}, the other page")
    assert len(jupyter.panel_sessions()) == 1


def test_of_several_kernels_every_page_keeps_the_first(
    panel: Page, tabs: Tabs, jupyter: JupyterServer
) -> None:
    """Two browsers may start one at once: a page that is live with the first must not lose it."""
    tabs.server_went = True  # the browser says of each session that ended with its kernel and is asked to end
    [first] = jupyter.panel_sessions()
    second = jupyter.start_panel(path="another")
    for n in range(7):  # the names of sessions are dice: the first is seldom also the first of these by name
        more = jupyter.start_panel({"id": second["kernel"]["id"]}, f"another{n}")
        jupyter.get(f"sessions/{more['id']}", "PATCH", {"path": first["path"]})
    other = tabs.open()
    show(other)
    back(other, "second tab")
    until(lambda: [one["id"] for one in jupyter.panel_sessions()] == [first["id"]])
    back(panel, "the first tab")


@pytest.mark.parametrize("before", [True, False])
def test_a_page_whose_kernel_is_replaced_while_it_connects_takes_the_other_one(
    tabs: Tabs, streams: Streams, jupyter: JupyterServer, before: bool
) -> None:
    """As when somebody shuts it down just then; before the page asks the server, or at the same moment."""
    jupyter.shut_down_panel()
    tabs.server_went = True  # the browser says of each kernel that it asks for in vain
    page, kernels = tabs.open(), set()

    def connect(socket: WebSocketRoute) -> None:
        first = not kernels
        kernels.add(kernel_id(jupyter))
        if not before:
            socket.connect_to_server()
        if first:
            jupyter.shut_down_panel()
            jupyter.start_panel()
        if before:
            socket.connect_to_server()

    page.route_web_socket(re.compile("/channels"), connect)
    page.reload()
    ready(page)
    show(page)
    back(page, "replaced")
    assert len(kernels) == 2
    assert kernel_id(jupyter) in kernels


def test_a_kernel_that_was_shut_down_stays_so_until_the_user_wants_it(
    panel: Page, jupyter: JupyterServer
) -> None:
    jupyter.shut_down_panel()
    button = panel.get_by_role("button", name="Start it again")
    button.wait_for()
    assert not jupyter.panel_sessions()
    button.click()
    back(panel, "started again")


def test_notebook_7_shows_the_panel(
    tabs: Tabs, jupyter: JupyterServer, streams: Streams, tmp_path: Path
) -> None:
    import nbformat  # takes two seconds, of which also those tests would pay that need no browser

    cells = [nbformat.v4.new_code_cell("1 + 1")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), jupyter.root / "a.ipynb")
    page = tabs.open(f"{jupyter.address}/notebooks/a.ipynb?token={jupyter.token}")
    show(page)
    back(page, "Notebook 7")


def test_no_point_is_missing_after_all_that(panel: Page, streams: Streams) -> None:
    streams.stop.touch()
    runs = streams.neroman.runs()
    runs.wait(30)
    for run in runs:
        series = streams.neroman.store.points.read(run.number, "step")
        assert list(series.value) == list(range(1, len(series.value) + 1))
        expected = ["finished", str(len(series.value))]
        lr = run.parameters["lr"]
        until(lambda lr=lr, expected=expected: rows(panel)[lr] == expected, f"{rows(panel)}, {expected}")


def test_it_costs_little_to_open_jupyterlab(tabs: Tabs) -> None:
    """Of opening JupyterLab, what our code took before its layout was in place."""
    page = tabs.open()
    page.wait_for_function("performance.getEntriesByType('resource').length > 10", timeout=STARTS)
    loaded = page.evaluate(
        """performance.getEntriesByType('resource').filter(one => one.name.includes('@neronet'))
        .map(one => [one.name.split('/').pop().split('?')[0], one.duration, one.encodedBodySize])"""
    )
    print("loaded at start:", [(name, round(took), size) for name, took, size in loaded])
    assert not [name for name, _, _ in loaded if "widgets" in name or "mount" in name], (
        "loaded before it is shown"
    )
