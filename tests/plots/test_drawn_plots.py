"""Plots as the original guide defines them: the user's functions, called for one run or for several together."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from neronet import Neroman
from neronet.errors import InputError, NotTrusted
from tests.plots.conftest import Make

pytestmark = pytest.mark.slow

GUIDE = """\
output_line_processor:
  stdout: plots some_output_line_reader epoch
output_file_processor:
  rows.txt: plots some_output_file_reader ", "
plot:
  accuracy.svg: plots plotting_function stdout epoch accuracy "Accuracy by epoch"
  squares: plots plotting_function rows.txt n squared title
"""
FUNCTIONS = '''\
import matplotlib.pyplot as plt

def some_output_line_reader(output_line, *optional_args):
    """`epoch 3: accuracy=0.3`"""
    if not output_line.startswith("epoch"):
        return None
    epoch, accuracy = output_line.split(": accuracy=")
    return {"epoch": int(epoch.split()[1]), "accuracy": float(accuracy)}

def some_output_file_reader(output_file, *optional_args):
    rows = [line.split(optional_args[0]) for line in output_file]
    return {"n": [int(row[0]) for row in rows], "squared": [int(row[1]) for row in rows]}

def plotting_function(plot_name, feedback, save_image, *optional_args):
    x, y, title = optional_args
    assert isinstance(x, tuple) and isinstance(y, tuple), optional_args
    print("called with", plot_name, feedback is None, save_image, x[0], y[0], title)
    axes = feedback if feedback is not None else plt.figure().add_subplot()
    axes.plot(x[1], y[1], gid="line of a run")
    axes.set_title(title)
    if save_image:
        axes.get_figure().savefig(plot_name)
    return axes
'''


def lines_in(svg: Path) -> int:
    return len(re.findall('id="line of a run"', svg.read_text()))


def test_the_guides_example_draws_what_it_says(neroman: Neroman, experiment: Make) -> None:
    folder = experiment(GUIDE, FUNCTIONS)
    run = neroman.submit(folder, "local").wait(60)
    neroman.trusted.add(folder)
    assert run.plots() == ["accuracy.svg", "squares"]
    image = run.draw("accuracy.svg")
    assert image.printed.strip() == "called with accuracy.svg True None epoch accuracy Accuracy by epoch"
    assert image.paths == (run[0].results / "plots/accuracy.svg",)
    assert lines_in(image.path) == 1
    squares = run.draw("squares")
    assert [path.name for path in squares.paths] == ["squares.svg", "squares.png"]
    assert squares.paths[1].read_bytes().startswith(b"\x89PNG")
    assert not (folder / "__pycache__").exists()


def test_several_runs_share_one_pair_of_axes_and_only_the_last_one_saves(
    neroman: Neroman, experiment: Make
) -> None:
    folder = experiment(GUIDE, FUNCTIONS, values="[1, 2, 3]")
    runs = neroman.submit(folder, "local").wait(60)
    neroman.trusted.add(folder)
    image = runs.draw("accuracy.svg")
    assert [line.split()[3:5] for line in image.printed.splitlines()] == [
        ["True", "False"], ["False", "False"], ["False", "True"],
    ]  # fmt: skip
    assert lines_in(image.path) == 3
    assert image.path == neroman.home / "results/curve/plots/accuracy.runs-1-3.svg"
    assert lines_in(runs[:1].draw("accuracy.svg").path) == 1


def test_runs_of_two_folders_with_modules_of_one_name_are_drawn_each_by_its_own(
    neroman: Neroman, experiment: Make
) -> None:
    one = experiment(GUIDE, FUNCTIONS)
    two = experiment(GUIDE, FUNCTIONS.replace('print("called', 'print("two: called'), name="other")
    for folder in (one, two):
        neroman.submit(folder, "local")
        neroman.trusted.add(folder)
    image = neroman.runs().wait(60).draw("accuracy.svg")
    assert lines_in(image.path) == 2
    assert [line.partition("called")[0] for line in image.printed.splitlines()] == ["", "two: "]


BUILT_IN = """\
output_line_processor:
  stderr: neronet.scripts.example line_reader epoch accuracy
  stdout: neronet regex "accuracy=(?P<accuracy>{number})"
  rows.txt: neronet csv n squared
plot:
  a.svg: neronet.scripts.example plot stdout accuracy
  b.png: neronet.scripts.example plot rows.txt n squared
  all.svg: neronet.scripts.example plot stderr rows.txt epoch squared error_rate accuracy
"""


def test_neronets_own_readers_metrics_and_plot_need_no_code_at_all(
    neroman: Neroman, experiment: Make
) -> None:
    folder = experiment(BUILT_IN, values="[1, 2]")
    runs = neroman.submit(folder, "local").wait(60)
    neroman.trusted.add(folder)
    for name in runs.plots():
        assert runs.draw(name).path.stat().st_size > 5000
    whole = next((neroman.home / "results/curve/plots").glob("all.*")).read_text()
    assert len(re.findall(r'<g id="line2d_\d+">\s*<path d="[^"]*" clip-path', whole)) == 6


def test_a_metric_that_neronet_has_read_is_a_variable_with_all_its_values(
    neroman: Neroman, experiment: Make
) -> None:
    plots = "def show(name, feedback, save, *args):\n    print(args)\n    open(name + '.svg', 'w').write('<svg/>')\n"
    folder = experiment("plot:\n  p: plots.py show stdout error_rate x 'a b'\n", plots)
    run = neroman.submit(folder, "local").wait(60)
    neroman.trusted.add(folder)
    assert run.draw().printed.strip() == "(('error_rate', [50.0, 49.0, 48.0, 47.0, 46.0]), 'x', 'a b')"


def test_a_misspelt_variable_is_told(neroman: Neroman, experiment: Make) -> None:
    plots = "def show(name, *_):\n    open(name, 'w').write('<svg/>')\n"
    folder = experiment("plot: {p.svg: plots show stdout error_rat error_rate text}\n", plots)
    run = neroman.submit(folder, "local").wait(60)
    neroman.trusted.add(folder)
    said = "error_rat is no variable of the output and was given as a text; did you mean error_rate?\n"
    assert run.draw().printed == said


def test_a_better_function_is_used_at_once_and_the_submitted_one_is_kept(
    neroman: Neroman, experiment: Make
) -> None:
    text = "def show(name, *_):\n    print('first')\n    open(name, 'w').write('<svg/>')\n"
    folder = experiment("plot: {p.svg: plots show stdout}\n", text)
    run = neroman.submit(folder, "local").wait(60)
    neroman.trusted.add(folder)
    (folder / "plots.py").write_text(text.replace("first", "better"))
    assert run.draw().printed.strip() == "better"
    assert run.draw(submitted=True).printed.strip() == "first"
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("p.svg:", "new.svg:"))
    assert run.plots() == ["new.svg"]
    assert run.draw("p.svg", submitted=True).printed.strip() == "first"
    (neroman.home / "files" / run.rows()[0].snapshot).write_bytes(b"{}")
    with pytest.raises(Exception, match="was changed"):
        run.draw("p.svg", submitted=True)


def test_the_files_of_a_run_that_was_rebuilt_from_a_node_never_run_here(
    neroman: Neroman, experiment: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "def show(name, *_):\n    open(name, 'w').write('<svg/>')\n"
    folder = experiment("plot: {p.svg: plots show stdout}\n", text)
    run = neroman.submit(folder, "local").wait(60)
    neroman.trusted.add(folder)
    monkeypatch.setenv("HOME", str(folder))  # `recover` knows no folder, and notes the user's own
    with pytest.raises(InputError, match="was not submitted from"):
        run.draw(submitted=True)
    run.draw()


def test_a_folder_that_is_gone_is_said_and_its_submitted_code_still_draws(
    neroman: Neroman, experiment: Make
) -> None:
    text = "def show(name, *_):\n    open(name, 'w').write('<svg/>')\n"
    folder = experiment("plot: {p.svg: plots show stdout}\n", text)
    run = neroman.submit(folder, "local").wait(60)
    neroman.trusted.add(folder)
    folder.rename(folder.with_name("moved"))
    with pytest.raises(InputError, match="config.yaml cannot be read: No such file") as raised:
        run.draw()
    assert "--submitted" in raised.value.hint
    assert run.draw(submitted=True).path.read_text() == "<svg/>"


def test_a_notebook_shows_an_svg_only_as_an_image(neroman: Neroman, experiment: Make) -> None:
    text = "def show(name, *_):\n    open(name, 'w').write('<svg><script>alert(1)</script></svg>')\n"
    folder = experiment("plot: {'a\"<b>.svg': plots show stdout}\n", text)
    run = neroman.submit(folder, "local").wait(60)
    neroman.trusted.add(folder)
    shown = run.draw()._repr_mimebundle_()
    assert set(shown) == {"text/plain", "text/html"}
    assert re.fullmatch(
        r'<img alt="a&quot;&lt;b&gt;.svg" src="data:image/svg\+xml;base64,[\w+/=]+">', shown["text/html"]
    )


@pytest.mark.parametrize(
    ("plots", "said"),
    [
        ("p: plots show", "names no output file"),
        ("p: plots show nothing.txt", "nothing.txt, which is not among the outputs of curve"),
        ("../p.svg: plots show stdout", "cannot be called"),
        ("a/p.svg: plots show stdout", "cannot be called"),
    ],
)
def test_a_plot_that_cannot_be_drawn_says_why(
    neroman: Neroman, experiment: Make, plots: str, said: str
) -> None:
    folder = experiment(f"plot: {{'{plots.partition(':')[0]}': {plots.partition(': ')[2]}}}\n")
    run = neroman.submit(folder, "local").wait(60)
    neroman.trusted.add(folder)
    with pytest.raises(InputError, match=re.escape(said)):
        run.draw()


def test_trust_is_asked_of_each_folder_and_can_be_taken_back(neroman: Neroman, experiment: Make) -> None:
    text = "def show(name, *_):\n    open(name, 'w').write('<svg/>')\n"
    folder = experiment("plot: {p.svg: plots show stdout}\n", text)
    run = neroman.submit(folder, "local").wait(60)
    with pytest.raises(NotTrusted) as refused:
        run.draw()
    assert refused.value.folder == str(folder)
    neroman.trusted.add(folder.parent)  # what is in it is not trusted with it
    with pytest.raises(NotTrusted):
        run.draw()
    link = folder.with_name("link")
    link.symlink_to(folder)
    neroman.trusted.add(link)
    run.draw()
    neroman.trusted.revoke(folder)
    with pytest.raises(NotTrusted):
        run.draw(submitted=True)


def test_a_plot_never_replaces_what_a_run_has_made(neroman: Neroman, experiment: Make) -> None:
    text = "def show(name, *_):\n    open(name, 'w').write('<svg/>')\n"
    folder = experiment("outputs: [plots]\nplot: {p.svg: plots show stdout}\n", text)
    (folder / "main.py").write_text("import os\nos.mkdir('plots')\nopen('plots/p.svg', 'w').write('mine')\n")
    run = neroman.submit(folder, "local").wait(60)
    neroman.trusted.add(folder)
    with pytest.raises(InputError, match="which the run has made itself"):
        run.draw()
    assert (run[0].results / "plots/p.svg").read_text() == "mine"
    run.draw(to=folder / "here.svg")
    assert (folder / "here.svg").read_text() == "<svg/>"
