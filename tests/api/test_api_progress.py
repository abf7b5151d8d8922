"""How long runs are and how far they are, as the API tells it."""

from __future__ import annotations

from pathlib import Path

import pytest

from neronet import Neroman
from tests.bad_input.conftest import experiment
from tests.waiting import until

pytestmark = pytest.mark.slow
CONFIG = "run_command_prefix: sh\nmain_code_file: main.sh\n+lang:\n  parameters: {{x: [{}]}}\n{}"
MAIN = "for i in $(seq $2); do echo loss $i; done; until [ -e %s ]; do sleep 0.05; done\n"


def test_a_run_is_as_long_as_its_experiment_says(neroman: Neroman, tmp_path: Path) -> None:
    go = tmp_path / "go"
    folder = experiment(tmp_path / "lang", MAIN % go, CONFIG.format("3", "  steps: 4\n"))
    run = neroman.submit(folder, "local")
    assert (run[0].steps, run[0].steps_guessed) == (4.0, False)
    until(lambda: run[0].points == {"loss": 3})
    assert run[0].progress == 0.75
    go.touch()
    assert run.wait(20)[0].progress == 1.0


def test_a_run_that_outlasts_its_sibling_is_never_shown_as_whole(neroman: Neroman, tmp_path: Path) -> None:
    go = tmp_path / "go"
    go.touch()
    folder = experiment(tmp_path / "lang", MAIN % go, CONFIG.format("4", ""))
    first = neroman.submit(folder, "local").wait(20)
    assert (first[0].steps, first[0].progress) == (None, 1.0)
    go.unlink()
    (folder / "config.yaml").write_text(CONFIG.format("1, 8", ""))
    one, eight = runs = neroman.submit(folder, "local")
    until(lambda: [run.points.get("loss") for run in runs] == [1, 8])
    one, eight = runs
    assert (one.steps, one.steps_guessed) == (4.0, True)
    assert one.progress == 0.25
    assert eight.progress == 0.99
    (one.results / "stdout.log").write_text("epoch 1/2\n")
    assert runs[0].progress == 0.5  # what it prints says more than a sibling
    neroman.terminate(runs)
    until(lambda: runs.states == {"terminated": 2})
    assert runs[0].progress is None
