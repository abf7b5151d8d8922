"""What tests, benches and pictures do with a page of JupyterLab."""

from __future__ import annotations

from itertools import count

from playwright.sync_api import Browser, Page, Playwright

from tests.browser.jupyter_server import JupyterServer

CHROMIUM = "/usr/bin/chromium"
STARTS = 60_000  # milliseconds; a machine may be busy
_notebooks = count(1)


def launch(playwright: Playwright) -> Browser:
    """Debian's Chromium, without a window."""
    return playwright.chromium.launch(
        executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    )


def restored(page: Page) -> None:
    """Returns once JupyterLab has put its layout in place."""
    page.wait_for_function("window.jupyterapp !== undefined", timeout=STARTS)
    page.evaluate("window.jupyterapp.restored")


def ready(page: Page) -> None:
    """The same, and it has given the focus to what is in its middle."""
    restored(page)
    page.wait_for_function("window.jupyterapp.shell.currentWidget !== null", timeout=STARTS)


# What a command returns stays in the page: to bring a widget here takes seconds.


def execute(page: Page, command: str, **args: object) -> None:
    """Runs a command of JupyterLab to its end."""
    page.evaluate(
        "([command, args]) => window.jupyterapp.commands.execute(command, args).then(() => null)",
        [command, args],
    )


def begin(page: Page, command: str, **args: object) -> None:
    """Begins a command of JupyterLab, and waits for nothing."""
    page.evaluate(
        "([command, args]) => void window.jupyterapp.commands.execute(command, args)", [command, args]
    )


def show(page: Page) -> None:
    """Opens the panel."""
    execute(page, "neronet:show")


def darken(page: Page) -> None:
    """JupyterLab's dark theme."""
    execute(page, "apputils:change-theme", theme="JupyterLab Dark")
    page.wait_for_selector("body[data-jp-theme-light='false']", state="attached")


def widen(page: Page, width: int) -> None:
    """Gives the left sidebar `width` pixels."""
    page.evaluate(
        "width => { const split = window.jupyterapp.shell._hsplitPanel;"
        " const all = split.node.clientWidth; split.setRelativeSizes([width / all, 1 - width / all, 0]) }",
        width,
    )
    page.wait_for_function(
        "width => Math.abs(document.getElementById('neronet-panel').clientWidth - width) < 5", arg=width
    )


def make_notebook(page: Page, server: JupyterServer, *cells: str) -> str:
    """Writes a notebook with these cells and opens it; its name, once its kernel is ready."""
    name = f"notebook{next(_notebooks)}.ipynb"
    import nbformat  # takes two seconds, of which also those tests would pay that need no browser

    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, server.root / name)
    open_notebook(page, name)
    return name


def open_notebook(page: Page, name: str) -> None:
    """Returns when its kernel is ready."""
    begin(page, "docmanager:open", path=name)
    page.wait_for_function(
        "name => window.jupyterapp.shell.currentWidget?.context?.path === name", arg=name, timeout=STARTS
    )
    page.wait_for_selector(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell")
    until_idle(page)


def until_idle(page: Page) -> None:
    """Waits for the kernel of the notebook in front."""
    page.wait_for_function(
        "window.jupyterapp.shell.currentWidget.sessionContext?.session?.kernel?.status === 'idle'",
        timeout=STARTS,
    )
