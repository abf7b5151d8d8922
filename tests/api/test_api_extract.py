"""Point at a number: a metric of all runs of an experiment, those that have ended, that run and that are to come."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from neronet import Neroman
from neronet.cli.console import Console
from neronet.cli.main import run as run_cli
from neronet.errors import InputError
from neronet.spec.config import load_config
from neronet.wire.points import NODE_STREAMS
from tests.bad_input.conftest import experiment
from tests.e2e.conftest import MakeNeroman
from tests.waiting import until

pytestmark = pytest.mark.slow

CONFIG = """\
run_command_prefix: sh
main_code_file: main.sh
+lang:
  parameters: {x: [1, 2]}  # two runs
"""
# With `go` in the folder of the home it goes on; x 2 ends in the middle of a line.
MAIN = """\
for i in 1 2 3; do echo "20:32:1$i INFO epoch $i/6 - loss: 0.$i$2"; done
while [ ! -e "$GO" ]; do sleep 0.05; done
for i in 4 5; do echo "20:32:1$i INFO epoch $i/6 - loss: 0.$i$2"; done
printf "20:32:16 INFO epoch 6/6 - loss: 0.6$2"
"""


@pytest.fixture
def lang(tmp_path: Path) -> Path:
    config = CONFIG + f"  env: {{GO: {tmp_path / 'go'}}}\n"
    return experiment(tmp_path / "lang", MAIN, config)


def losses(neroman: Neroman, run: int) -> tuple[list[float], list[float]]:
    points = neroman.runs(run).points("loss")
    return points["value"].tolist(), points["index"].tolist()


def whole(x: int) -> tuple[list[float], list[float]]:
    return [round(i / 10 + x / 100, 2) for i in range(1, 7)], [1, 2, 3, 4, 5, 6]


def test_a_number_becomes_a_metric_of_running_runs_which_goes_on(
    make_neroman: MakeNeroman, lang: Path, tmp_path: Path
) -> None:
    neroman = make_neroman()
    neroman.edit_node("local", slots=2)
    runs = neroman.submit(lang, "local")
    until(lambda: all("epoch 3" in neroman.runs(run.number).log() for run in runs))
    extraction = neroman.extract(runs.numbers[0], "0.31")
    assert extraction.proposal.name == "loss"
    assert extraction.matches["points"].tolist() == [3, 3]
    assert extraction.matches["last"].tolist() == [0.31, 0.32]
    assert not neroman.runs(1).frame().columns.intersection(["loss"]).size, "only shown so far"
    extraction.apply()
    assert losses(neroman, 1) == ([0.11, 0.21, 0.31], [1, 2, 3])
    assert losses(neroman, 2) == ([0.12, 0.22, 0.32], [1, 2, 3])
    times = neroman.runs(1).points("loss")["time"]
    started = neroman.runs(1)[0].started
    assert started is not None and started < times.iloc[0] < times.iloc[2]

    text = (lang / "config.yaml").read_text()
    assert "# two runs" in text and "output_line_processor:\n    stdout: " in text
    (defined,) = load_config(lang).experiments
    assert defined.output_line_processor == {"stdout": extraction.proposal.arguments}

    (tmp_path / "go").touch()
    assert runs.wait(30).states == {"finished": 2}
    assert losses(neroman, 1) == whole(1) and losses(neroman, 2) == whole(2)
    assert neroman.extract(1, "0.31").apply().stored == 0, "done again, nothing is new"
    assert losses(neroman, 1) == whole(1)


def test_later_runs_are_read_by_their_node_or_here_but_never_by_both(
    make_neroman: MakeNeroman, lang: Path, tmp_path: Path
) -> None:
    (tmp_path / "go").touch()
    neroman = make_neroman()
    neroman.submit(lang, "local").wait(30)
    before = (lang / "config.yaml").read_text()
    neroman.extract(1, "0.31").apply()
    by_node = neroman.submit(lang, "local", again=True).wait(30).numbers[0]
    assert losses(neroman, by_node) == whole(1)
    assert neroman.store.points.mark(by_node, 1, NODE_STREAMS) == -1, "read by the node"
    neroman.extract(1, "0.31", "here").apply(write=False)
    here = neroman.submit(lang, "local", again=True).wait(30).numbers[0]
    assert losses(neroman, here) == whole(1)
    assert neroman.runs(here).points("here")["value"].tolist() == whole(1)[0]

    (lang / "config.yaml").write_text(before)  # taken out again: from now on there is none
    later = neroman.submit(lang, "local", again=True).wait(30).numbers[0]
    assert set(neroman.runs(later)[0].metrics) == {"here"}


def test_runs_that_have_ended_get_it_at_once_and_what_is_refused_changes_nothing(
    make_neroman: MakeNeroman, lang: Path, tmp_path: Path
) -> None:
    (tmp_path / "go").touch()
    (lang / "main.sh").write_text(MAIN + 'echo; echo "error_rate 0.5"\n')
    neroman = make_neroman()
    runs = neroman.submit(lang, "local").wait(30)
    before = (lang / "config.yaml").read_bytes()
    with pytest.raises(InputError, match="has a metric error_rate already"):
        neroman.extract(1, "0.61", "error_rate").apply()
    notes = neroman.extract(1, "0.61", "error_rate").matches["note"]
    assert all("already, from elsewhere" in note for note in notes), "the table says so before the question"
    with pytest.raises(InputError, match=r"0\.77 does not stand in stdout"):
        neroman.extract(1, "0.77")
    with pytest.raises(InputError, match="there is no line 99"):
        neroman.extract(1, "0.61", line=99)
    with pytest.raises(InputError, match="nothing of stderr"):
        neroman.extract(1, "0.61", stream="stderr")
    assert (lang / "config.yaml").read_bytes() == before
    assert not neroman.store.extractors.of("lang")

    twice = neroman.extract(1, "", line=5, column=20)
    assert (twice.proposal.value, twice.line) == (5, 5), "the 5 of the epoch"
    shown = neroman.propose_at(1, "stdout", 34, line=2)
    assert json.loads(json.dumps(shown)) == shown
    assert (shown["name"], shown["value"]) == ("loss", 0.21), shown
    assert shown["preview"][0]["values"] == whole(1)[0]

    (lang / "config.yaml").write_text("+lang: {<<: {}, parameters: {x: [1, 2]}\n")
    with pytest.raises(InputError):
        neroman.extract(1, "0.61").apply()
    assert "loss" not in runs[0].metrics
    stored = neroman.extract(1, "0.61").apply(write=False)
    assert stored.stored == 12 and stored.config is None
    assert losses(neroman, 2) == whole(2)


def test_lines_may_end_as_on_windows(make_neroman: MakeNeroman, tmp_path: Path) -> None:
    main = "printf 'it  res\\r\\n1  0.5\\r\\n2  0.25\\r\\n'\n"
    neroman = make_neroman()
    neroman.submit(experiment(tmp_path / "lang", main, CONFIG), "local").wait(30)
    found = neroman.extract(1, "0.25")
    assert (found.line, found.proposal.arguments[1:]) == (3, ("table", "res", "step=it"))
    assert neroman.extract(1, "0.5", line=2).proposal == replace(found.proposal, value=0.5)
    assert found.apply().stored == 4


def nerocli(neroman: Neroman, *argv: str, code: int = 0, said: str = "") -> str:
    out, err = io.StringIO(), io.StringIO()
    console = Console(out, err, io.StringIO(said))
    assert run_cli(list(argv), lambda _: _Kept(neroman), console) == code, err.getvalue()
    return out.getvalue() + err.getvalue()


class _Kept:
    """The same Neroman for several commands: each closes its own."""

    def __init__(self, neroman: Neroman) -> None:
        self._neroman = neroman

    def __getattr__(self, name: str) -> object:
        return getattr(self._neroman, name)

    def close(self) -> None:
        pass


def test_the_command_shows_what_it_would_take_asks_and_takes_it(
    make_neroman: MakeNeroman, lang: Path, tmp_path: Path
) -> None:
    (tmp_path / "go").touch()
    neroman = make_neroman()
    neroman.submit(lang, "local").wait(30)
    before = (lang / "config.yaml").read_text()
    shown = nerocli(neroman, "extract", "1", "0.31", "--name", "train/loss", "--preview")
    assert "train/loss" in shown and "epoch 3" in shown and "output_line_processor:" in shown
    assert "lang/x=2  train/loss       6  0.1200  0.6200" in shown, shown
    assert "Nothing was changed" in nerocli(neroman, "extract", "1", "0.31", said="n\n")
    assert "needs a yes" in nerocli(neroman, "extract", "1", "0.31", code=2)
    assert json.loads(nerocli(neroman, "extract", "1", "0.31", "--json"))["stored"] == 0
    assert (lang / "config.yaml").read_text() == before and not neroman.store.extractors.of("lang")
    assert "is no number of a line" in nerocli(neroman, "extract", "1", "0.31", "--line", "x", code=2)

    taken = nerocli(neroman, "extract", "1", "0.31", said="y\n")
    assert "loss: 12 new points in the runs of lang" in taken and "Written into" in taken, taken
    assert losses(neroman, 1) == whole(1)
    again = nerocli(neroman, "extract", "1", "0.31", "--yes")
    assert again == "loss is read like this already, in the runs of lang: nothing new in their logs.\n"
    assert nerocli(neroman, "extract", "1", "0.31") == again, "nothing is to be asked"
    done = json.loads(nerocli(neroman, "extract", "1", "0.31", "--name", "other", "--yes", "--json"))
    assert done["stored"] == 12 and done["written"] == str(lang / "config.yaml")
    (defined,) = load_config(lang).experiments
    assert set(defined.output_line_processor) == {"stdout", "stdout.log"}
    assert "has two processors already" in nerocli(
        neroman, "extract", "1", "0.31", "--name", "third", "--yes", code=2
    )
    assert "third" not in neroman.runs(1)[0].metrics


def test_a_place_and_another_number_than_stands_there_are_refused(
    make_neroman: MakeNeroman, lang: Path, tmp_path: Path
) -> None:
    (tmp_path / "go").touch()
    neroman = make_neroman()
    neroman.submit(lang, "local").wait(30)
    with pytest.raises(InputError, match="the number at column 34 of line 3 is 0.31, not 0.41"):
        neroman.extract(1, "0.41", line=3, column=34)
    with pytest.raises(InputError, match="column 34 of which line"):
        neroman.extract(1, "0.31", column=34)
    assert "is 3, not 0.31" in nerocli(neroman, "extract", "1", "0.31", "--line", "3:20", code=2)
    assert "--line 12:30" in nerocli(neroman, "extract", "1", "0.31", "--line", "3:x", code=2)
    shown = nerocli(neroman, "extract", "1", "0.310", "--line", "3:34", "--preview")
    assert "loss: the number behind 'loss'" in shown


def test_a_number_is_found_by_its_text_whatever_its_colours(
    make_neroman: MakeNeroman, tmp_path: Path
) -> None:
    main = (
        "for i in 1 2 3; do\n"
        "printf '\\033[1mepoch\\033[0m \\033[36m%s\\033[0m: loss: \\033[32m0.%s\\033[0m, acc=\\033[35m0\\033[0m\\033[35m.7%s\\033[0m\\n' $i $i $i\n"
        "done\n"
    )
    neroman = make_neroman()
    neroman.submit(experiment(tmp_path / "lang", main, CONFIG), "local").wait(30)
    assert neroman.extract(1, "0.2").apply().stored == 6
    assert losses(neroman, 1) == ([0.1, 0.2, 0.3], [1, 2, 3])
    assert neroman.extract(1, "0.72").proposal.name == "acc"
    assert neroman.extract(1, "0.72").line == 2
    with pytest.raises(InputError, match="36 does not stand in stdout"):
        neroman.extract(1, "36")
