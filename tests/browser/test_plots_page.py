"""A plot of the user's own in the tab of a run: asked for, trusted in place, shown as an image and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from neronet import Neroman
from tests.browser.jupyter_server import JupyterServer
from tests.browser.pages import execute, make_notebook

pytestmark = pytest.mark.real

CONFIG = """\
run_command_prefix: python3
main_code_file: main.py
plot:
  error.svg: neronet.scripts.example plot stdout error_rate
  evil.svg: plots evil stdout
+curve:
"""
EVIL = """\
def evil(name, *_):
    script = "<script>document.title = 'taken'; parent.document.title = 'taken'</script>"
    open(name, "w").write(f'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" onload="x()">{script}</svg>')
"""


@pytest.fixture
def folder(jupyter: JupyterServer) -> Path:
    """An experiment with one run that has ended."""
    made = jupyter.root / "curve"
    made.mkdir()
    (made / "main.py").write_text("for step in range(9): print('error_rate', 9 - step)\n")
    (made / "config.yaml").write_text(CONFIG)
    (made / "plots.py").write_text(EVIL)
    with Neroman(jupyter.neronet_home) as neroman:
        neroman.submit(made, "local").wait(60)
    return made


def test_a_plot_is_trusted_in_place_and_shown_as_an_image_only(
    page: Page, jupyter: JupyterServer, folder: Path
) -> None:
    make_notebook(page, jupyter, "from neronet_jupyter.run import RunView\nRunView(1)")
    execute(page, "notebook:run-all-cells")
    plots = page.get_by_role("region", name="Plots")
    plots.get_by_role("button", name="error.svg").click()
    question = plots.get_by_role("alertdialog")
    expect(question).to_contain_text(str(folder))
    question.get_by_role("button", name="Trust").click()
    image = plots.get_by_role("img", name="error.svg")
    expect(image).to_be_visible()
    page.wait_for_function("document.querySelector('.nn-plot img')?.naturalWidth > 100")
    plots.get_by_role("button", name="evil.svg").click()
    expect(plots.get_by_role("img", name="evil.svg")).to_be_visible()
    page.wait_for_function("document.querySelector('.nn-plot img')?.naturalWidth == 9")
    assert page.locator(".nn-plots script").count() == 0
    assert page.title() != "taken"
