"""Experiments that come after others: on every kind of node."""

from __future__ import annotations

from pathlib import Path

import pytest

from neronet import Neroman
from neronet.errors import InputError
from tests.cluster.clusters import COUNTS, NOTED, told, until, wait
from tests.cluster.places import Place

pytestmark = pytest.mark.real

CONFIG = """\
run_command_prefix: sh
parameter_format: '{x}'
+second:
  main_code_file: second.sh
  parameters: {x: [8, 9]}
  after: first
+first:
  main_code_file: first.sh
  parameters: {x: [1, 2]}
"""


def folder(path: Path, first: str) -> Path:
    path.mkdir()
    (path / "config.yaml").write_text(CONFIG)
    (path / "first.sh").write_text(NOTED + first)
    (path / "second.sh").write_text(NOTED + "echo done 1\n")
    return path


def test_runs_start_after_those_they_come_after_also_with_nobody_connected(
    place: Place, tmp_path: Path
) -> None:
    with Neroman(tmp_path / "home") as neroman:
        place.add(neroman)
        neroman.submit(folder(tmp_path / "s", COUNTS), place.id)
        first = neroman.runs("first")
        until(lambda: first.states == {"running": 2}, lambda: told(first))
        if place.gateway is not None:  # the scheduler has them before we leave
            until(lambda: place.submits() == 2, place.submits)
        assert neroman.runs("second").states == {"queued": 2}
    assert sorted(place.starts()) == ["1", "2"]
    place.run("touch stop")
    if place.id != "own":  # a scheduler of which nothing is known but three commands cannot be told to wait
        until(lambda: len(place.starts()) == 4, place.starts)
    with Neroman(tmp_path / "home") as neroman:
        assert wait(neroman.runs()) == {"finished": 4}
        assert sorted(place.starts()[2:]) == ["8", "9"]


def test_a_failure_keeps_them_until_it_was_run_again(place: Place, neroman: Neroman, tmp_path: Path) -> None:
    place.add(neroman)
    neroman.submit(folder(tmp_path / "s", "[ $1 = 1 ] || [ -e $HOME/mended ]\n"), place.id)
    first, second = neroman.runs("first"), neroman.runs("second")
    assert wait(first) == {"finished": 1, "failed": 1}
    why = "waits for first: 1 of 2 runs have not finished"
    until(lambda: {run.reason for run in second} == {why}, lambda: told(second), timeout=90)
    assert second.states == {"queued": 2} and sorted(place.starts()) == ["1", "2"]
    place.run("touch mended")
    neroman.rerun(first, failed=True)
    assert wait(second, 120) == {"finished": 2}
    assert place.starts()[-3] == "2"


def test_release_starts_them_whatever_became_of_the_others(neroman: Neroman, tmp_path: Path) -> None:
    neroman.submit(folder(tmp_path / "s", "exit 1\n"), "local")
    assert wait(neroman.runs("first")) == {"failed": 2}
    assert neroman.runs("second").states == {"queued": 2}
    neroman.release(neroman.runs("second"))
    assert wait(neroman.runs("second")) == {"finished": 2}


def test_nothing_is_submitted_that_would_come_after_nothing(neroman: Neroman, tmp_path: Path) -> None:
    folder(tmp_path / "s", "exit 0\n")
    neroman.add_experiment(tmp_path / "s")
    with pytest.raises(InputError, match="these runs come after first, of which there are none"):
        neroman.submit("second", "local")
    assert not len(neroman.runs())


def test_runs_that_a_rule_ended_are_done(neroman: Neroman, tmp_path: Path) -> None:
    path = folder(tmp_path / "s", "echo a 5\nsleep 100\n")
    stop = "  conditions:\n    high: {variablename: a, killvalue: 4, comparator: gt, when: immediately, action: stop}\n"
    (path / "config.yaml").write_text(CONFIG + stop)
    neroman.submit(path, "local")
    assert wait(neroman.runs("first")) == {"terminated": 2}
    assert wait(neroman.runs("second")) == {"finished": 2}
    again = neroman.submit(path, "local", again=True)
    assert wait(again) == {"terminated": 2, "finished": 2}
