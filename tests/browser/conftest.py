"""Real JupyterLab in a real browser.  What the page says is wrong in its console fails the test."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.browser.jupyter_server import JupyterServer
from tests.browser.pages import CHROMIUM, launch, ready
from tests.testbed import install
from tests.testbed.fixtures import cannot

expect.set_options(timeout=30_000)
# What JupyterLab itself says at times, and what a browser says of a server that a test has ended.
HARMLESS = (
    # JupyterLab hears of a comm that another page opened and closed while the kernel did not know widgets yet.
    re.compile(r"^Comm not found for comm id"),
    # Notebook 7.6 reads settings of a plugin that it has switched off, with and without our extension.
    re.compile(r"Cannot read properties of undefined \(reading 'schema'\).*notebook_core", re.S),
)
AWAY = (re.compile(r"net::ERR_|WebSocket|Failed to (fetch|load resource)|NetworkError|Canceled future"),)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for each test file: while it is open, asyncio's loop of this thread is Playwright's."""
    if not Path(CHROMIUM).exists() and not shutil.which("chromium"):
        try:
            install.ensure()
        except install.InstallError as error:
            cannot(str(error))
    with sync_playwright() as playwright:
        started = launch(playwright)
        yield started
        started.close()


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """A JupyterLab server; one for each test file, whose kernels, engine and runs end with it."""
    server = JupyterServer(tmp_path_factory.mktemp("jupyter"))
    try:
        yield server.start()
    finally:
        server.close()


class Tabs:
    """Browser tabs of one server, each with a profile of its own, and what their consoles said."""

    def __init__(self, browser: Browser, jupyter: JupyterServer) -> None:
        self.browser, self.jupyter = browser, jupyter
        self.server_went = False  # set by a test that ends the server: a browser says much about that
        self.said: list[str] = []
        self._contexts: list[BrowserContext] = []

    def open(self, url: str | None = None, width: int = 1280, height: int = 800, dark: bool = False) -> Page:
        """A new tab with JupyterLab, once that is ready."""
        context = self.browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        self._contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.said.append(f"page error: {error.stack or error}"))
        page.goto(url or self.jupyter.url)
        ready(page)
        return page

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.said.append(f"{message.text} ({message.location.get('url', '')})")

    def problems(self) -> list[str]:
        harmless = HARMLESS + (AWAY if self.server_went else ())
        return [text for text in self.said if not any(pattern.search(text) for pattern in harmless)]

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@pytest.fixture
def tabs(browser: Browser, jupyter: JupyterServer) -> Iterator[Tabs]:
    """Opens tabs; their consoles must not have said that something is wrong."""
    opened = Tabs(browser, jupyter)
    yield opened
    opened.close()
    assert not opened.problems(), "\n".join(opened.problems())


@pytest.fixture
def page(tabs: Tabs) -> Page:
    """One tab with JupyterLab."""
    return tabs.open()
