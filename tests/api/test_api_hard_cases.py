"""Bundles, tables and readers where values, names and numbers are as seldom as they are real."""

from __future__ import annotations

import io
import json
import math
import os
import shutil
import time
import zipfile
from pathlib import Path

import pytest

from neronet import Neroman
from neronet.api.replay import RUNS
from neronet.api.statistics import Value, summary
from neronet.engine.resultsfile import AGAIN, STATE, ResultsFile
from neronet.errors import InputError
from neronet.scripts.example import file_reader, line_reader
from neronet.store import Store
from neronet.store.batches import GIT, LOCAL, Batch
from tests.api.test_api_bundle import hostile
from tests.bad_input.conftest import experiment
from tests.e2e.conftest import MakeNeroman

pytestmark = pytest.mark.slow

PLAIN = "run_command_prefix: sh\nmain_code_file: main.sh\n"


def test_an_infinite_limit_of_a_condition_keeps_nothing_from_being_read(tmp_path: Path) -> None:
    commit = {"commit": "c" * 40, "branch": "main", "dirty": False}
    conditions = [{"id": "blown", "killvalue": math.inf}]
    with Store(tmp_path) as store:
        with store.transaction(durable=True):
            for token, more in {"a": {"conditions": conditions}, "b": {}}.items():
                batch = Batch(token, "gpu1", "place", "lang", "5" * 64, 1, "sending", 1000.0)
                store.batches.add(batch, {**more, LOCAL: {"folder": "/", GIT: commit}})
            batch = Batch("c", "gpu1", "place", "lang", "5" * 64, 1, "sending", 1000.0)
            store.batches.add(batch, {"conditions": conditions, LOCAL: {"folder": "/"}})
        assert store.batches.git("abcd") == {"a": commit, "b": commit}


def test_values_that_nearly_went_to_infinity_have_a_mean() -> None:
    def of(*values: float) -> tuple[int, float, float, float, float, int]:
        return summary([Value(number, value) for number, value in enumerate(values, 1)], "minimize")

    assert of(1e200, 3e200) == (2, 2e200, math.inf, 1e200, 3e200, 1)
    assert of(1.5e308, 1.5e308)[1:3] == (1.5e308, 0.0)


def test_the_example_reads_a_line_of_one_long_word_at_once() -> None:
    begun = time.thread_time()
    assert line_reader("a" * 65_536) == line_reader("a-" * 32_768) == {}
    assert time.thread_time() - begun < 2
    assert line_reader("--lr 0.1, loss: 2e-3 in epoch 3/10 of a-b/c=-.5 4") == {
        "lr": 0.1, "loss": 2e-3, "epoch": 3.0, "a-b/c": -0.5,
    }  # fmt: skip


def test_the_example_reads_a_column_beside_one_of_texts() -> None:
    table = "epoch,phase,loss\n1,train,0.5\n2,test,0.25\n"
    assert file_reader(io.StringIO(table), "loss") == {"loss": [0.5, 0.25]}


def test_an_output_with_a_name_of_the_bundle_hides_nothing_in_it(neroman: Neroman, tmp_path: Path) -> None:
    folder = experiment(tmp_path / "lang", "echo mine >run.json\n", PLAIN + "+lang: {outputs: run.json}\n")
    neroman.bundle(neroman.submit(folder, "local").wait(30), tmp_path / "runs.zip")
    with zipfile.ZipFile(tmp_path / "runs.zip") as made:
        names = made.namelist()
        assert len(set(names)) == len(names)
        assert json.loads(made.read("runs/1/run.json"))["name"] == "lang"
        assert made.read("runs/1/run.json.output") == b"mine\n"


def test_a_bundle_that_is_written_among_results_does_not_hold_itself(
    neroman: Neroman, tmp_path: Path
) -> None:
    folder = experiment(tmp_path / "lang", "echo hello\n", PLAIN + "+lang: {}\n")
    runs = neroman.submit(folder, "local").wait(30)
    neroman.bundle(runs, runs[0].results / "runs.zip")
    with zipfile.ZipFile(runs[0].results / "runs.zip") as made:
        assert [name for name in made.namelist() if name.startswith("runs/")] == [
            "runs/1/run.json",
            "runs/1/stdout.log",
        ]


def test_a_bundle_says_whose_results_were_deleted(neroman: Neroman, tmp_path: Path) -> None:
    folder = experiment(
        tmp_path / "lang", "test $2 = 1 || echo hello\n", PLAIN + "+lang: {parameters: {x: [1, 2, 3]}}\n"
    )
    runs = neroman.submit(folder, "local").wait(30)
    for run in runs[:2]:  # 1 has printed nothing
        shutil.rmtree(run.results, ignore_errors=True)
    (note,) = neroman.bundle(runs, tmp_path / "runs.zip")
    assert note == "logs and outputs of run 2: somebody has deleted the results"
    with zipfile.ZipFile(tmp_path / "runs.zip") as made:
        assert note in made.read("README.txt").decode()


def test_a_bundle_says_whose_logs_are_cut(neroman: Neroman, tmp_path: Path) -> None:
    (neroman.home / "preferences.yaml").write_text("mirror_limit: 1 KiB\n")
    folder = experiment(tmp_path / "lang", "seq 10000\n", PLAIN + "+lang: {}\n")
    runs = neroman.submit(folder, "local").wait(30)
    (note,) = neroman.bundle(runs, tmp_path / "runs.zip")
    assert note == "the rest of the logs of run 1, which is on the node (mirror_limit)"


def test_what_replay_reads_does_not_grow_with_the_metrics(neroman: Neroman, tmp_path: Path) -> None:
    folder = experiment(tmp_path / "lang", "echo loss 0.123456789\n", PLAIN + "+lang: {}\n")
    neroman.bundle(neroman.submit(folder, "local").wait(30), tmp_path / "runs.zip")
    with zipfile.ZipFile(tmp_path / "runs.zip") as made:
        assert b"0.123456789" not in made.read("bundle.json")
        assert json.loads(made.read("runs/1/run.json"))["metrics"] == {"loss": 0.123456789}


@pytest.mark.skipif(os.name == "nt", reason="there they cannot be files")
def test_names_that_only_windows_refuses_are_replayed(neroman: Neroman, tmp_path: Path) -> None:
    folder = experiment(
        tmp_path / "lang", "cat aux.py ..\\\\x\n", PLAIN + "+lang: {}\n", **{"aux.py": b"1\n"}
    )
    (folder / "..\\x").write_bytes(b"2\n")
    neroman.bundle(neroman.submit(folder, "local").wait(30), tmp_path / "runs.zip")
    again = neroman.replay(tmp_path / "runs.zip", "local", folder=tmp_path / "new").wait(30)
    assert again.log() == "1\n2\n"
    assert sorted(os.listdir(tmp_path / "new")) == sorted(os.listdir(folder))


def test_runs_whose_predecessors_are_not_in_the_bundle_are_replayed_without_them(
    neroman: Neroman, tmp_path: Path, make_neroman: MakeNeroman
) -> None:
    folder = experiment(tmp_path / "lang", "echo hello\n", PLAIN + "+prep: {}\n+train: {after: prep}\n")
    neroman.submit(folder, "local").wait(30)
    neroman.submit("prep", "local", again=True).wait(30)  # numbers 1 and 3; 2 comes after 1
    neroman.bundle("train", tmp_path / "train.zip")
    neroman.bundle([2, 3], tmp_path / "both.zip")
    other = make_neroman("elsewhere")
    alone = other.replay(tmp_path / "train.zip", "local", folder=tmp_path / "new").wait(30)
    assert alone.states == {"finished": 1}
    both = other.replay(tmp_path / "both.zip", "local", folder=tmp_path / "new").wait(30)
    assert [run.experiment for run in both] == ["prep", "train"] and both.states == {"finished": 2}
    assert both[1].started >= both[0].ended  # type: ignore[operator]


def test_a_bundle_of_more_runs_than_are_submitted_at_once_is_read(neroman: Neroman, tmp_path: Path) -> None:
    path = hostile(
        tmp_path / "many.zip",
        lambda said, _: said.update(runs=[{**said["runs"][0], "number": n + 1} for n in range(RUNS + 1)]),
    )
    assert len(neroman.open_bundle(path).runs) == RUNS + 1
    with pytest.raises(InputError, match="at once") as told:
        neroman.replay(path, "local", folder=tmp_path / "new")
    assert "--only" in told.value.hint and not (tmp_path / "new").exists()


def test_a_bundle_is_packed_as_bundles_are(neroman: Neroman, tmp_path: Path) -> None:
    plain = zipfile.ZipFile(hostile(tmp_path / "plain.zip", lambda *_: None))
    with zipfile.ZipFile(tmp_path / "lzma.zip", "w", zipfile.ZIP_LZMA) as made:
        for name in plain.namelist():
            made.writestr(name, plain.read(name))
    damaged = bytearray((tmp_path / "lzma.zip").read_bytes())
    damaged[60:90] = b"\xff" * 30
    (tmp_path / "lzma.zip").write_bytes(damaged)
    with pytest.raises(InputError, match="packed"):
        neroman.open_bundle(tmp_path / "lzma.zip")


def test_a_bundle_puts_no_code_where_plots_run_without_a_question(neroman: Neroman, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    neroman.trusted.add(folder)
    path = hostile(tmp_path / "code.zip", lambda *_: None)
    with pytest.raises(InputError, match="is trusted") as told:
        neroman.replay(path, "local", folder=folder)
    assert "trust --revoke" in told.value.hint and list(folder.iterdir()) == []
    (folder / "main.sh").write_bytes(b"echo hello\n")  # her own file: nothing comes into the folder
    assert neroman.replay(path, "local", folder=folder).wait(30).log() == "hello\n"


def test_a_results_file_is_not_taken_for_somebody_elses_where_its_state_cannot_be_kept(
    neroman: Neroman, tmp_path: Path
) -> None:
    (neroman.home / "preferences.yaml").write_text(f"results_file: {tmp_path}/runs.csv\n")
    (neroman.home / f"{STATE}.new").mkdir()  # as on a full disk: it cannot be written
    clock = [0.0]
    kept = ResultsFile(neroman.home, neroman.store, lambda: clock[0])
    for _ in range(3):
        clock[0] += AGAIN
        kept.write()
    assert [path.name for path in tmp_path.glob("runs*")] == ["runs.csv"]
    (tmp_path / "runs.csv").write_text("hers\n")
    clock[0] += AGAIN
    kept.write()
    (tmp_path / "runs.csv").write_text("hers again\n")
    clock[0] += AGAIN
    kept.write()
    kept_aside = {aside.read_text() for aside in tmp_path.glob("runs.edited-*")}
    assert kept_aside == {"hers\n", "hers again\n"}, "also within a second"


def test_form_feeds_end_no_line_of_a_diff(neroman: Neroman, tmp_path: Path) -> None:
    folder = experiment(tmp_path / "lang", "echo\n", PLAIN + "+lang: {}\n", **{"x.py": b"a\n\x0cb\rc\nd\n"})
    neroman.submit(folder, "local").wait(30)
    (folder / "x.py").write_bytes(b"a\n\x0cb\rc\ne\n")
    neroman.submit(folder, "local").wait(30)
    (file,) = neroman.diff(1, 2).files
    assert file.diff.split("\n")[3:] == [" a", " \x0cb\rc", "-d", "+e", ""]
