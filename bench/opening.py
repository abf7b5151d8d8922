"""What the panel adds to opening JupyterLab, and how soon it is there after the server was started.

One server has the labextension, one has it disabled; Chromium opens the page of each in turn, with an empty cache.
`opened_s` is from the navigation until JupyterLab says that its layout is restored, `panel_s` from the start of a new
server until the panel shows this computer as its node.  Chromium and the installed labextension are needed.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from bench.common import Side, alternate, arguments, emit, spread, spreads
from neronet import Neroman
from tests.browser.jupyter_server import JupyterServer
from tests.browser.pages import launch, ready, show

EXTENSION = "@neronet/labextension"
OPENED = "() => window.jupyterapp.restored.then(() => performance.now() / 1000)"


def opened(browser: Browser, server: JupyterServer, ours: bool) -> dict[str, float]:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(server.url, wait_until="commit")
        page.wait_for_function("window.jupyterapp !== undefined", timeout=60_000)
        took = float(page.evaluate(OPENED))
        if page.evaluate("window.jupyterapp.commands.hasCommand('neronet:show')") != ours:
            raise RuntimeError(f"the labextension is {'not there' if ours else 'not disabled'}")
        return {"opened_s": took}


def first_panel(browser: Browser, make: Callable[[str], JupyterServer], number: int) -> float:
    """Seconds from the start of a server that nobody has used to the panel with its node."""
    server = make(f"first{number}")
    began = time.perf_counter()
    try:
        server.start()
        with browser.new_context() as context:
            page = context.new_page()
            page.goto(server.url)
            ready(page)
            show(page)
            page.locator("#neronet-panel").get_by_text("this computer", exact=True).wait_for(timeout=60_000)
            return time.perf_counter() - began
    finally:
        server.close()
        with Neroman(server.neronet_home, background=True) as neroman:
            neroman.stop_engine()


def main(argv: Sequence[str] | None = None) -> None:
    given = arguments(__doc__, 9, argv)
    with tempfile.TemporaryDirectory(prefix="nnb-") as folder, sync_playwright() as playwright:

        def make(name: str, disabled: bool = False) -> JupyterServer:
            server = JupyterServer(Path(folder) / name)
            if disabled:
                settings = server.folder / "config/labconfig"
                settings.mkdir(parents=True)
                (settings / "page_config.json").write_text(
                    json.dumps({"disabledExtensions": {EXTENSION: True}})
                )
            return server

        browser = launch(playwright)
        servers = {"neronet": make("with"), "bare": make("without", disabled=True)}
        try:
            sides: dict[str, Side] = {
                name: partial(opened, browser, server.start(), name == "neronet")
                for name, server in servers.items()
            }
            for side in sides.values():
                side()  # the first page of a server is slower
            found = alternate(given.rounds, sides)
            panels = [first_panel(browser, make, number) for number in range(min(3, given.rounds))]
        finally:
            for server in servers.values():
                server.close()
            browser.close()
    added = [
        with_it["opened_s"] - bare["opened_s"]
        for with_it, bare in zip(found["neronet"], found["bare"], strict=True)
    ]
    emit(
        "opening", given, **spreads(found), added_s=spread(added), panel_s=spread(panels),
        goal={"added_s": "<= 0.1 in the median"},
    )  # fmt: skip


if __name__ == "__main__":
    main()
