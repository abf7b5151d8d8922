"""Nothing of a folder that is not trusted runs on this machine, whatever is done with it but to submit it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from neronet import Neroman
from neronet.cli.console import Console
from neronet.cli.main import run
from neronet.errors import NotTrusted
from neronet_jupyter.experiments import ExperimentList
from neronet_jupyter.figures.compare import Compare
from neronet_jupyter.plots import Plots
from neronet_jupyter.run import RunHead, RunSide
from tests.e2e.cli import Cli
from tests.e2e.conftest import MakeNeroman
from tests.plots.conftest import Make

pytestmark = pytest.mark.slow

CONFIG = """\
output_line_processor: {stdout: plots read}
output_file_processor: {rows.txt: plots read}
plot:
  p.svg: plots show stdout error_rate
  q.svg: main show stdout error_rate
"""


@pytest.fixture
def trap(experiment: Make, tmp_path: Path) -> tuple[Path, Path]:
    """(a folder whose modules leave a mark when they are imported here, the mark).

    Beside a run, which the user has submitted, the processors are run by its node: in the folder of that run.
    """
    mark = tmp_path / "somebody imported it"
    code = f"import os\nif '/node/batches/' not in os.getcwd(): open({str(mark)!r}, 'a').write(__name__)\ndef read(*_): return {{}}\ndef show(name, *_): open(name, 'w').write('<svg/>')\n"
    folder = experiment(CONFIG, code)
    for name in (
        "conftest.py",
        "sitecustomize.py",
        "usercustomize.py",
        "neronet.py",
        "yaml.py",
        "matplotlib.py",
    ):
        (folder / name).write_text(code)
    return folder, mark


def test_an_untrusted_folder_executes_nothing(
    neroman: Neroman, trap: tuple[Path, Path], experiment: Make, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, mark = trap
    monkeypatch.chdir(folder)
    neroman.problems(folder)
    neroman.preview(folder)
    neroman.add_experiment(folder)
    neroman.plan_submission(folder, "local")
    other = experiment("plot: {o.svg: plots show stdout}\n", name="other")
    neroman.submit(other, "local").wait(60)
    neroman.status()
    parts = [
        ExperimentList(neroman),
        RunHead(neroman.runs()[:1], neroman),
        RunSide(neroman.runs()[:1], neroman),
    ]
    for part in parts:
        part.render()
        part.close()
    for command in (
        ("preview", folder), ("addexp", folder), ("status",), ("submit", other, "local"), ("status", "--json"),
        ("results",), ("history",), ("trust",),
    ):  # fmt: skip
        cli(*command)
    assert not mark.exists(), mark.read_text()


def test_a_submitted_folder_executes_nothing_here_until_it_is_trusted(
    neroman: Neroman, trap: tuple[Path, Path]
) -> None:
    folder, mark = trap
    for name in ("sitecustomize.py", "usercustomize.py", "neronet.py", "yaml.py", "matplotlib.py"):
        (folder / name).unlink()
    runs = neroman.submit(folder, "local").wait(60)
    assert runs.plots() == ["p.svg", "q.svg"]
    runs.frame()
    runs.points()
    for part in (RunSide(runs, neroman), Plots(runs, neroman), Compare(runs, neroman=neroman)):
        part.render()
        part.close()
    for submitted in (False, True):
        with pytest.raises(NotTrusted):
            runs.draw("p.svg", submitted=submitted)
    assert not mark.exists()
    neroman.trusted.add(folder)
    runs.draw("p.svg")
    assert mark.read_text() == "plots"


def test_the_command_line_asks_a_person_and_refuses_anybody_else(cli: Cli, trap: tuple[Path, Path]) -> None:
    folder, mark = trap
    for name in ("neronet.py", "yaml.py", "matplotlib.py"):
        (folder / name).unlink()
    cli("submit", folder, "local")
    cli("fetch")
    said = cli("plot", "1", code=2)
    assert f"Python code of {folder}, and you have not said that you trust it" in said
    assert f"nerocli trust {folder}" in said
    assert not mark.exists()
    assert "is trusted" in cli("trust", folder)
    said = cli("plot", "1", "--plot", "p.svg")
    assert said.strip() == str(cli.home / "results/curve/plots/p.svg")
    assert Path(said.strip()).read_text() == "<svg/>"
    assert json.loads(cli("plot", "curve", "--plot", "p.svg", "--json")) == {
        "runs": [1], "plots": [{"plot": "p.svg", "files": [said.strip()]}],
    }  # fmt: skip
    assert "ends with" not in cli("plot", "1", "--plot", "p.svg", "-o", folder / "x.svg")
    assert (folder / "x.svg").read_text() == "<svg/>"
    assert "end the name of the file in .svg" in cli(
        "plot", "1", "--plot", "p.svg", "-o", folder / "x.png", code=2
    )
    assert "q.svg" in cli(
        "plot", "1", code=1
    )  # main.py cannot be imported here: p.svg was drawn all the same
    assert str(folder) in cli("trust")
    assert "trusted no more" in cli("trust", "--revoke", folder)
    cli("plot", "1", code=2)


def asked(neroman: Neroman, typed: str, *argv: str) -> tuple[int, str]:
    """(exit code, all that is said) when a person at a terminal types `nerocli argv`, and then answers."""
    out = io.StringIO()
    console = Console(out, out, io.StringIO(typed), person=True)
    with neroman:
        return run(argv, lambda _: neroman, console), out.getvalue()


def test_a_person_is_asked_once_and_no_means_no(make_neroman: MakeNeroman, trap: tuple[Path, Path]) -> None:
    folder, mark = trap
    for name in ("neronet.py", "yaml.py", "matplotlib.py"):
        (folder / name).unlink()
    with make_neroman() as neroman:
        neroman.submit(folder, "local").wait(60)
    code, said = asked(make_neroman(), "n\n", "plot", "1", "--plot", "p.svg")
    assert code == 2 and "Do you trust this folder? [y/N]" in said and "can do all that you can" in said
    assert not mark.exists()
    code, said = asked(make_neroman(), "y\n", "plot", "1", "--plot", "p.svg")
    assert code == 0 and said.strip().endswith("plots/p.svg")
    code, said = asked(make_neroman(), "", "plot", "1", "--plot", "p.svg")
    assert code == 0 and "trust" not in said
