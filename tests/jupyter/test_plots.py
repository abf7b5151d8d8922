"""Plots in the panel: a button, a question about trust where one is due, an image."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from neronet import Neroman, RunSet
from neronet_jupyter.experiments import ExperimentList
from neronet_jupyter.figures.compare import Compare
from neronet_jupyter.plots import Plots, Plotting
from tests.jupyter.conftest import Page

pytestmark = pytest.mark.slow
CONFIG = """\
run_command_prefix: sh
main_code_file: main.sh
+one:
  parameters: {x: [1, 2]}
  parameter_format: '{x}'
  plot:
    loss.svg: plots show stdout loss
    broken: plots shaw stdout loss
"""
CODE = """\
def show(name, feedback, save, loss):
    print("drawn of", loss[1])
    open(name, "w").write("<svg><script>alert(1)</script></svg>")
"""


@pytest.fixture
def runs(neroman: Neroman, tmp_path: Path) -> RunSet:
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "main.sh").write_text("echo loss $1\n")
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "plots.py").write_text(CODE)
    return neroman.submit(folder, "local").wait(60)


@contextmanager
def seen(part: Plotting) -> Iterator[Page]:
    yield Page(part)
    part.close()


def test_a_plot_is_drawn_after_the_folder_was_trusted_in_place(neroman: Neroman, runs: RunSet) -> None:
    with seen(Plots(runs[:1], neroman)) as page:
        page.until(lambda state: state["plots"] == ["loss.svg", "broken"])
        folder = str(neroman.experiments()[0].folder)
        assert "nobody was asked" in page.refused("trust", folder=folder)["text"]
        assert page.ask("draw", name="loss.svg") == {"untrusted": folder}
        assert not neroman.trusted.folders()
        page.ask("trust", folder=folder)
        drawn = page.ask("draw", name="loss.svg")
        assert drawn["image"].startswith("data:image/svg+xml;base64,")
        assert drawn["printed"] == "drawn of [1.0]\n"
        assert Path(drawn["path"]) == runs[0].results / "plots/loss.svg"
        refused = page.refused("draw", name="broken")
        assert (
            refused["text"].endswith("plots has no function shaw") and refused["hint"] == "did you mean show?"
        )


def test_all_runs_of_an_experiment_and_those_within_brushes_are_drawn_together(
    neroman: Neroman, runs: RunSet
) -> None:
    neroman.trusted.add(neroman.experiments()[0].folder)
    with seen(ExperimentList(neroman)) as page:
        state = page.until(lambda state: state["experiments"])
        assert state["experiments"][0]["plots"] == ["loss.svg", "broken"]
        assert page.ask("draw", name="loss.svg", of="one")["printed"] == "drawn of [1.0]\ndrawn of [2.0]\n"
    compare = Compare(runs, neroman=neroman)
    with seen(compare) as page:
        assert page.until(lambda state: "plots" in state)["plots"] == ["loss.svg", "broken"]
        compare.brush("x", 2, 2)
        assert page.ask("draw", name="loss.svg")["printed"] == "drawn of [2.0]\n"
