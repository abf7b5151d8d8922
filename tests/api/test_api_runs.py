"""What a notebook does with runs."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path

import pytest

from neronet import Neroman
from neronet.errors import InputError, NeronetError
from neronet.wire import states
from tests.bad_input.conftest import experiment
from tests.e2e.conftest import MakeNeroman
from tests.waiting import until

pytestmark = pytest.mark.slow

SWEEP = "run_command_prefix: sh\nmain_code_file: main.sh\ncollection: all\n+lang:\n  parameters: {x: [1, 2, 3, 4]}\n  outputs: out\n"
COUNT = "run_command_prefix: sh\nmain_code_file: main.sh\n+count: {}\n"


def test_runs_are_selected_sliced_and_told(neroman: Neroman, tmp_path: Path) -> None:
    folder = experiment(
        tmp_path / "lang", "echo loss $2; echo bad >&2; echo x >out; exit $(($2 > 2))\n", SWEEP
    )
    assert repr(neroman.runs()) == "no runs"
    assert len(neroman.runs()) == 0
    assert [planned.command for planned in neroman.preview(folder)][3] == ("sh", "main.sh", "--x", "4")
    runs = neroman.submit(folder, "local").wait(20)
    assert repr(runs) == "4 runs of lang: 2 finished, 2 failed"
    assert runs.states == {"finished": 2, "failed": 2}
    assert list(runs.states) == ["finished", "failed"]
    assert [run.reason for run in runs] == ["", "", "exit code 1", "exit code 1"]
    assert [run.number for run in runs[1:3]] == list(runs.numbers[1:3])
    for selector, count in (
        ("lang", 4),
        ("all", 4),
        ("lang/x=[12]", 2),
        (f"{runs[0].number}-{runs[2].number}", 3),
        ("lang_x-3", 1),
    ):
        assert len(neroman.runs(selector)) == count, selector
    with pytest.raises(InputError, match="nothing names no run"):
        neroman.runs("nothing")
    frame = runs.frame()
    assert frame["x"].tolist() == [1, 2, 3, 4]
    assert frame["loss"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert runs.points("loss")["value"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert runs[:1].log("stderr") == "bad\n"
    assert "==> lang/x=2 <==" in runs.log()
    with pytest.raises(InputError, match="no stream"):
        runs.log("stdin")
    status = neroman.status("lang")
    assert [run["state"] for run in status["runs"]] == ["finished", "finished", "failed", "failed"]
    assert status["experiments"][0]["states"] == {"finished": 2, "failed": 2}
    neroman.add_experiment(experiment(tmp_path / "count", "true\n", COUNT))
    assert [item["id"] for item in neroman.status()["experiments"]] == ["lang", "count"]
    status = neroman.status("local")
    assert status["nodes"][0]["id"] == "local"
    assert [item["id"] for item in status["experiments"]] == ["lang"]  # of which it has runs
    assert len(status["runs"]) == 4


def test_only_what_is_missing_is_submitted(neroman: Neroman, tmp_path: Path) -> None:
    folder = experiment(tmp_path / "lang", "exit $(($2 > 3))\n", SWEEP.replace("[1, 2, 3, 4]", "[1, 2, 4]"))
    neroman.submit(folder, "local").wait(20)
    (folder / "config.yaml").write_text(SWEEP)
    runs = neroman.submit(folder, "local")
    assert [run.parameters["x"] for run in runs.wait(20)] == ["3"]
    assert (
        runs.notes[-1]
        == "3 of 4 were run before; --again runs them again, `nerocli rerun --failed lang` the 1 that did not finish"
    )
    again = neroman.submit("lang/x=4", "local", again=True).wait(20)
    assert [run.name for run in again] == ["lang/x=4@2"]
    assert neroman.submit("all", "local").notes[0].startswith("4 of 4 were run before")


def test_who_submits_again_is_told_which_files_made_it_new(neroman: Neroman, tmp_path: Path) -> None:
    folder = experiment(tmp_path / "lang", "echo $2 >>table.csv\n", SWEEP.replace("  outputs: out\n", ""))
    assert neroman.submit(folder, "local").wait(20).notes == []
    (folder / "main.sh").write_text("true\n")
    (folder / "table.csv").write_text("1\n")
    note = "main.sh changed, table.csv is new: 4 runs are sent"
    assert neroman.plan_submission(folder, "local").notes == (note,)
    assert neroman.submit("lang/x=1", "local").wait(20).notes == [note.replace("4 runs are", "1 run is")]
    assert neroman.submit(folder, "local").notes == [
        "1 of 4 were run before; --again runs them again", note.replace("4 runs", "3 runs")
    ]  # fmt: skip
    (folder / "config.yaml").write_text((folder / "config.yaml").read_text() + "  env: {A: b}\n")
    assert neroman.submit(folder, "local").wait(20).notes[-1] == "env or setup changed: 4 runs are sent"


def test_a_folder_with_thousands_of_files_arrives_whole(neroman: Neroman, tmp_path: Path) -> None:
    folder = experiment(
        tmp_path / "lang",
        "ls data | wc -l; cat data/* | sort -n | tail -1\n",
        COUNT.replace("+count", "+lang"),
    )
    (folder / "data").mkdir()
    for number in range(2500):  # so many that their list comes in several parts
        (folder / "data" / f"{number:0>70}").write_text(f"{number}\n")
    assert neroman.submit(folder, "local").wait(30).log().split() == ["2500", "2499"]


def test_a_rerun_is_another_attempt_with_files_of_its_own(neroman: Neroman, tmp_path: Path) -> None:
    folder = experiment(tmp_path / "lang", "echo loss $2; [ -e /nowhere ] || [ $2 -lt 3 ]\n", SWEEP)
    runs = neroman.submit(folder, "local").wait(20)
    again = runs.rerun(failed=True)
    assert again.numbers == runs.numbers[2:]
    assert again.wait(20).states == {"failed": 2}
    assert [run.attempt for run in runs] == [1, 1, 2, 2]
    assert runs[3].results.name == "x=4.attempt-2"
    assert runs[3].metrics == {"loss": 4.0}
    assert (runs[3].results.parent / "x=4" / "stdout.log").read_text() == "loss 4\n"
    assert runs[:1].rerun(failed=True).numbers == ()


def test_runs_are_held_let_go_and_ended(neroman: Neroman, tmp_path: Path) -> None:
    (neroman.home / "nodes.yaml").write_text("nodes: {local: {type: local, slots: 1}}\n")
    go = tmp_path / "go"
    folder = experiment(tmp_path / "lang", f"echo began $2; until [ -e {go} ]; do sleep 0.05; done\n", SWEEP)
    runs = neroman.submit(folder, "local")
    until(lambda: runs[0].state == "running" and runs[0].metrics)
    assert neroman.hold("lang").notes == ["1 of them had begun before"]
    assert runs[1].reason == "held"
    neroman.set_priority(runs[1:], 5)
    assert runs[3].priority == 5
    assert neroman.terminate(runs[3:]).notes == []
    assert runs[3].state == "terminated"
    assert runs[3].reason.startswith("by ")
    go.touch()
    until(lambda: runs[0].state == "finished")
    time.sleep(0.3)
    assert [run.state for run in runs] == ["finished", "queued", "queued", "terminated"]
    neroman.release(runs[1:3])
    assert runs.wait(20).states == {"finished": 3, "terminated": 1}
    assert neroman.terminate(runs).notes == ["4 had ended before"]
    assert neroman.rerun(runs[3:]).wait(20).states == {"finished": 1}


def test_a_log_is_followed_with_every_sign_whole(neroman: Neroman, tmp_path: Path) -> None:
    main = "for i in 1 2 3 4 5 6; do printf '\\303'; sleep 0.1; printf '\\251'; done; printf '\\303'\n"
    runs = neroman.submit(experiment(tmp_path / "count", main, COUNT), "local")
    assert "".join(runs.follow()) == "é" * 6 + "\ufffd"
    with pytest.raises(InputError, match="one log can be followed"):
        next(iter(neroman.submit(experiment(tmp_path / "lang", "true\n", SWEEP), "local").follow()))


def test_a_callback_is_called_after_changes_until_it_is_ended(neroman: Neroman, tmp_path: Path) -> None:
    runs = neroman.submit(
        experiment(tmp_path / "count", "for i in 1 2 3 4 5; do echo n $i; sleep 0.1; done\n", COUNT), "local"
    )
    seen: list[float] = []
    threads: set[str] = set()
    bare = threading.Event()

    def look(changed: object) -> None:
        threads.add(threading.current_thread().name)
        seen.append(runs[0].metrics.get("n", 0.0))
        raise ValueError("the user's mistake")

    end = runs.on_change(look)
    runs.on_change(bare.set)
    runs.wait(20)
    until(lambda: seen and seen[-1] == 5.0)
    assert sorted(seen) == seen
    assert len(set(seen)) > 2
    assert threads == {"neronet-callbacks"}
    assert bare.is_set()
    end()
    time.sleep(0.1)  # one that has begun already may still come
    count = len(seen)
    runs.rerun().wait(20)
    assert len(seen) == count


def test_what_has_arrived_is_tidied_away_on_the_node_and_stays_here(neroman: Neroman, tmp_path: Path) -> None:
    runs = neroman.submit(experiment(tmp_path / "lang", "echo loss 1; echo x >out\n", SWEEP), "local").wait(
        20
    )
    assert list((neroman.home / "node/batches").iterdir())
    assert neroman.tidy() == ["local: 1 submissions removed"]
    assert neroman.tidy() == []
    assert not list((neroman.home / "node/batches").iterdir())
    assert runs[0].metrics == {"loss": 1.0}
    assert (runs[0].results / "out").exists()


def test_clean_removes_what_is_ours_and_nothing_else(make_neroman: MakeNeroman, tmp_path: Path) -> None:
    neroman = make_neroman("mixed")
    neroman.submit(experiment(tmp_path / "lang", "true\n", SWEEP), "local").wait(20)
    (neroman.home / "thesis.txt").write_text("mine")
    (neroman.home / "link").symlink_to(tmp_path / "lang")
    neroman.clean()
    assert sorted(path.name for path in neroman.home.iterdir()) == ["link", "thesis.txt"]
    other = make_neroman("ours")
    other.submit("lang", "local") if False else other.add_experiment(tmp_path / "lang")
    other.clean()
    assert not other.home.exists()
    assert (tmp_path / "lang/config.yaml").exists()


def test_events_are_told_from_a_moment_on(neroman: Neroman, tmp_path: Path) -> None:
    runs = neroman.submit(experiment(tmp_path / "lang", "echo x >out\n", SWEEP), "local").wait(20)
    assert {event.kind for event in neroman.history(runs[0].name)} == {"submitted", "running", "finished"}
    assert neroman.history(since=time.time() + 100) == []


def test_an_output_that_was_not_made_is_told_of_runs_that_finished(neroman: Neroman, tmp_path: Path) -> None:
    config = SWEEP.replace("outputs: out", "outputs: [out, model.pt]")
    main = "echo x >out; [ $2 = 1 ] && echo y >model.pt; [ $2 != 4 ]\n"
    runs = neroman.submit(experiment(tmp_path / "lang", main, config), "local").wait(20)
    assert runs.states == {"finished": 3, "failed": 1}
    said = {event.run: event.text for event in neroman.history(runs) if event.kind == "warning"}
    assert said == dict.fromkeys([2, 3], "outputs: model.pt was not there when the run ended")


def test_experiments_are_added_copied_and_forgotten(neroman: Neroman, tmp_path: Path) -> None:
    folder = experiment(tmp_path / "lang", "true\n", SWEEP)
    assert neroman.add_experiment(folder) == ["lang"]
    neroman.copy_experiment("lang", "other")
    assert {item.id: item.count for item in neroman.experiments()} == {"lang": 4, "other": 4}
    with pytest.raises(InputError, match="there is no experiment lagn") as raised:
        neroman.remove_experiment("lagn")
    assert raised.value.hint == "did you mean lang?"
    neroman.remove_experiment("other")
    assert [item.id for item in neroman.experiments()] == ["lang"]
    assert (folder / "config.yaml").exists()


def test_a_forgotten_experiment_does_not_come_back_with_its_neighbours(
    neroman: Neroman, tmp_path: Path
) -> None:
    config = "run_command_prefix: sh\nmain_code_file: main.sh\ncollection: all\n+one: {}\n+two: {}\n"
    folder = experiment(tmp_path / "lang", "true\n", config)
    neroman.add_experiment(folder)
    neroman.remove_experiment("two")
    for target in ("one", "on*", "all"):
        neroman.submit(target, "local", again=True)
        assert [item.id for item in neroman.experiments()] == ["one"], target
    (folder / "config.yaml").write_text(config.replace("+one: {}", "+one: {custom_msg: new}"))
    neroman.submit("one", "local", again=True)
    assert [item.note for item in neroman.experiments()] == ["new"]
    neroman.submit(folder, "local").wait(20)
    assert [item.id for item in neroman.experiments()] == ["one", "two"]


def test_a_log_that_somebody_deleted_is_told_from_one_that_is_empty(neroman: Neroman, tmp_path: Path) -> None:
    runs = neroman.submit(experiment(tmp_path / "count", "echo loss 1\n", COUNT), "local").wait(20)
    assert (runs.log_deleted(), runs.log_deleted("stderr")) == (False, False)
    shutil.rmtree(runs[0].results)
    assert (runs.log_deleted(), runs.log_deleted("stderr"), runs.log()) == (True, False, "")


def test_a_probe_tells_what_a_node_has_or_why_it_cannot_be_used(neroman: Neroman) -> None:
    node = neroman.probe("local")
    assert node.reachable
    assert node.cores
    assert node.disk_free
    assert node.used == 0
    neroman.add_node("gone", "127.0.0.1:1")
    with pytest.raises(NeronetError, match="gone: .*refused the connection"):
        neroman.probe("gone")
    checks = {check.node: check for check in neroman.doctor() if check.subject == "connection"}
    assert checks["local"].ok is True
    assert checks["gone"].ok is False
    assert states.OPEN  # the vocabulary is shared
