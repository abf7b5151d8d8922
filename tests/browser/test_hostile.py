"""Three hundred texts that mean harm, wherever data is shown: none becomes an element, none runs, none asks a server."""

from __future__ import annotations

import pytest
from playwright.sync_api import Dialog, Page, expect

from neronet import Neroman
from neronet.wire import states
from tests.browser.conftest import Tabs
from tests.browser.hostile import HOSTILE, hostile
from tests.browser.jupyter_server import JupyterServer
from tests.browser.pages import STARTS, begin, show
from tests.jupyter.figures.made_runs import define
from tests.jupyter.table.stores import add, end, say, start

pytestmark = pytest.mark.real

TABS = {
    "run": ("neronet:open-run", ".nn-runview .nn-ll"),
    "runs": ("neronet:open-runs", ".nn-tab [data-run]"),
    "compare": ("neronet:compare", ".nn-compare .nn-cap"),
}
# What data could have become; what we make ourselves has no handlers and no addresses.
MADE = """[...document.querySelectorAll('#neronet-panel *, .nn-tab *, .nn-status, .nn-status *')].filter(one =>
    ['IMG', 'SCRIPT', 'IFRAME', 'A', 'STYLE', 'MATH', 'DETAILS', 'OBJECT', 'EMBED'].includes(one.tagName)
    || [...one.attributes].some(each => /^on|href$|^src/.test(each.name))).map(one => one.outerHTML.slice(0, 200))"""


@pytest.fixture(scope="module", autouse=True)
def numbers(jupyter: JupyterServer) -> list[int]:
    """Runs whose names, parameters, metrics, notes, reasons, logs and files are hostile, on a node that is so too."""
    jupyter.only_rows = True
    texts = hostile()
    with Neroman(jupyter.neronet_home) as neroman:
        store = neroman.store
        define(store, jupyter.root, "harm")
        neroman.add_node("gpu1", "nobody@127.0.0.1:1")
        facts = {"python": texts[0], "executable": texts[1], "user": texts[2], "host": texts[3]}
        gpus = [{"index": 0, "name": texts[4], "memory": 1000, "used": 0}]
        store.nodes.update("gpu1", reason=texts[5], facts={**facts, "gpus": gpus}, load={"load": 1.0})
        parameters = [{texts[i % 7]: text, "seed": str(i)} for i, text in enumerate(texts)]
        made = add(store, "harm", parameters, names=[f"harm/{text}" for text in texts])
        for i, number in enumerate(made):
            store.runs.set_note([number], texts[-i])
            start(store, number)
            say(store, number, loss=[2.0, 1.0 + i], **{HOSTILE[i % 30]: [float(i)]})
            end(store, number, states.FAILED if i % 3 else states.TERMINATED, texts[i])
        results = neroman.runs(str(made[3]))[0].results
        results.mkdir(parents=True)
        (results / "stdout.log").write_text("\n".join(texts))
        (results / "stderr.log").write_text("\n".join(texts))
        for i, text in enumerate(HOSTILE[:20]):
            (results / f"{text[:50]}{i}".replace("/", "").replace("\0", "")).write_text("")
    return made


@pytest.mark.parametrize("tab", TABS)
def test_what_means_harm_is_shown_as_text(
    tab: str, jupyter: JupyterServer, tabs: Tabs, numbers: list[int]
) -> None:
    page: Page = tabs.open()
    asked: list[str] = []
    dialogs: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", dismiss)
    show(page)
    panel = page.locator("#neronet-panel")
    expect(panel.locator("[data-run]").first).to_be_visible(timeout=STARTS)
    panel.get_by_role("button", name="gpu1", exact=True).click()
    command, shown = TABS[tab]
    begin(page, command, number=numbers[3])
    page.locator(shown).first.wait_for(timeout=STARTS)
    for place in range(8):
        made = page.evaluate(MADE)
        assert not made, "\n".join(made)
        for scrolled in page.locator("#neronet-panel .nn-grid, .nn-tab .nn-grid, .nn-tab .nn-log").all():
            scrolled.evaluate("(one, top) => { one.scrollTop = top; }", place * 900)
        page.wait_for_timeout(200)
    assert page.evaluate("window.hit") is None
    assert page.evaluate("({}).polluted") is None
    assert not dialogs
    assert all(url.startswith((jupyter.address, "data:", "blob:")) for url in asked), asked
