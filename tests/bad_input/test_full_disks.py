"""Disks that are full or read-only, on either side: told in a sentence, and all goes on when there is room."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from neronet import Neroman
from neronet.engine import collect
from neronet.engine.collect import RESERVE
from neronet.errors import NeronetError, StoreError
from tests.bad_input.conftest import add, experiment, small_disk
from tests.e2e.cli import Cli
from tests.testbed.fixtures import NodeFactory
from tests.waiting import until

pytestmark = pytest.mark.real

ONE = "run_command_prefix: sh\nmain_code_file: main.sh\n+lang: {}\n"


def test_a_node_without_room_for_the_files_says_so_and_takes_them_once_there_is(
    neroman: Neroman, node_factory: NodeFactory, tmp_path: Path
) -> None:
    node = node_factory("gpu1", disk="6m")
    add(neroman, node, root="/srv/alice/neronet", slots=2)
    small = experiment(
        tmp_path / "small",
        "for i in 1 2 3 4 5 6 7 8; do echo n $i; sleep 0.3; done\n",
        ONE.replace("lang", "small"),
    )
    running = neroman.submit(small, "gpu1")
    until(lambda: running.states == {"running": 1})
    large = experiment(
        tmp_path / "lang", "cat data* | wc -c\n", ONE, **{f"data{n}": os.urandom(3_000_000) for n in range(3)}
    )
    runs = neroman.submit(large, "gpu1", wait=2.0)
    assert runs.states == {"submitting": 1}
    (note,) = runs.notes
    assert "the disk is full at /srv/alice/neronet" in note and "sent when that is done" in note, note
    assert runs[0].reason in note
    assert running.wait(30).states == {"finished": 1}
    assert running[0].metrics == {"n": 8}
    node.run("mount -o remount,size=64m /srv/alice", user="root")
    neroman.fetch()
    assert runs.wait(30).states == {"finished": 1}
    assert runs.log().strip() == "9000000"


def test_a_full_disk_here_stops_the_mirror_until_there_is_room(tmp_path: Path) -> None:
    go = tmp_path / "go"
    main = (
        f"until [ -e {go} ]; do sleep 0.1; done; head -c 24000000 /dev/zero | tr '\\0' x; echo; echo loss 1\n"
    )
    folder = experiment(tmp_path / "lang", main, ONE)
    with small_disk(tmp_path / "small", "100m") as remount, Neroman(tmp_path / "small") as other:
        (other.home / "nodes.yaml").write_text(
            f"nodes: {{here: {{type: local, root: {tmp_path / 'root'}}}}}\n"
        )
        runs = other.submit(folder, "here")
        until(lambda: runs.states == {"running": 1})
        remount(f"size={used(other.home) + RESERVE + 10 * 2**20}")
        go.touch()
        until(lambda: "the disk is full" in (other.store.nodes.get("here") or runs[0]).reason)
        assert runs.states == {"running": 1}
        assert other.engine() is not None
        remount("size=200m")
        other.fetch()
        assert runs.wait(60).states == {"finished": 1}
        assert runs[0].metrics == {"loss": 1}
        assert runs.log() == "x" * 24_000_000 + "\nloss 1\n"


def test_the_engine_outlives_a_disk_on_which_it_can_store_nothing(tmp_path: Path) -> None:
    go = tmp_path / "go"
    main = f"until [ -e {go} ]; do sleep 0.1; done; for i in $(seq 0 999); do echo loss $i; done\n"
    with small_disk(tmp_path / "small", "100m") as remount, Neroman(tmp_path / "small") as other:
        nodes = other.home / "nodes.yaml"
        good = f"nodes: {{here: {{type: local, root: {tmp_path / 'root'}}}}}\n"
        nodes.write_text(good)
        runs = other.submit(experiment(tmp_path / "lang", main, ONE), "here")
        until(lambda: runs.states == {"running": 1})
        engine = other.engine()
        remount(f"size={used(other.home)}")
        go.touch()
        nodes.write_text("nodes: [\n")  # what the engine wants to note finds no room either
        time.sleep(1.5)
        assert runs.states == {"running": 1}
        assert other.engine() == engine
        remount("size=100m")
        nodes.write_text(good)
        other.fetch()
        assert runs.wait(60).states == {"finished": 1}
        assert runs.points("loss")["value"].tolist() == list(range(1000))
        assert other.engine() == engine


def test_a_submission_for_which_there_is_no_room_changes_nothing(tmp_path: Path) -> None:
    folder = experiment(tmp_path / "lang", "cat data | wc -c\n", ONE, data=os.urandom(4_000_000))
    with small_disk(tmp_path / "small", "100m") as remount, Neroman(tmp_path / "small") as other:
        (other.home / "nodes.yaml").write_text(
            f"nodes: {{here: {{type: local, root: {tmp_path / 'root'}}}}}\n"
        )
        remount("size=3m")
        with pytest.raises(NeronetError, match="has no room for a copy of the folder") as raised:
            other.submit(folder, "here")
        assert raised.value.hint
        assert str(other.home) in str(raised.value)
        assert not len(other.runs())
        assert not other.experiments()
        remount("size=100m")
        assert other.submit(folder, "here").wait(30).states == {"finished": 1}


def test_a_database_without_room_refuses_whole_submissions(tmp_path: Path) -> None:
    config = (
        "run_command_prefix: sh\nmain_code_file: main.sh\n+lang:\n  parameters: {x: {from: 1, to: 5000}}\n"
    )
    folder = experiment(tmp_path / "lang", "true\n", config)
    with small_disk(tmp_path / "small", "100m") as remount, Neroman(tmp_path / "small") as other:
        first = other.submit(
            experiment(tmp_path / "first", "true\n", ONE.replace("lang", "first")), "local"
        ).wait(20)
        remount("size=80m")
        (other.home / "ballast").write_bytes(
            bytes(80 * 2**20 - used(other.home) - 66 * 2**20)
        )  # what a snapshot leaves free
        remount(f"size={used(other.home) + 2**19}")
        with pytest.raises(NeronetError) as raised:
            other.submit(folder, "local")
        assert raised.value.hint, raised.value
        remount("size=200m")
        assert [run.number for run in other.runs()] == [first[0].number]
        assert [item.id for item in other.experiments()] == ["first"]
        assert len(other.submit(folder, "local", wait=0.0)) == 5000


def test_a_results_folder_that_cannot_be_written_keeps_only_its_own_runs_waiting(
    neroman: Neroman, lang: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collect, "TRY_AGAIN", 0.5)
    place = neroman.home / "results/lang"
    place.mkdir(parents=True)
    other = experiment(tmp_path / "other", "echo loss 1\n", ONE.replace("lang", "other"))
    with small_disk(place, "10m") as remount:
        remount("ro")
        runs = neroman.submit(lang, "local")
        assert neroman.submit(other, "local").wait(20).states == {"finished": 1}
        until(lambda: [run.metrics for run in runs] == [{"loss": 1.0}, {"loss": 2.0}])
        began = time.monotonic()
        neroman.fetch()  # everything that can be stored is here
        assert time.monotonic() - began < 10
        time.sleep(1.0)
        neroman.fetch()  # another try
        assert runs.states == {"running": 2}
        said = [event for event in neroman.history("lang") if event.kind == "warning"]
        assert sorted(event.run or 0 for event in said) == list(runs.numbers)  # once for each
        assert "Read-only file system" in said[0].text and "tried again later" in said[0].text
        remount("rw")
        assert runs.wait(20).states == {"finished": 2}
        assert [run.results.joinpath("out").read_text() for run in runs] == ["x=1\n", "x=2\n"]
        assert [neroman.runs(number).log() for number in runs.numbers] == ["loss 1\n", "loss 2\n"]


def used(folder: Path) -> int:
    found = os.statvfs(folder)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def test_a_read_only_home_is_told_in_one_sentence(tmp_path: Path, lang: Path) -> None:
    with small_disk(tmp_path / "home", "50m") as remount:
        with Neroman(tmp_path / "home"):
            pass
        remount("ro")
        with pytest.raises(StoreError, match="cannot be") as raised:
            Neroman(tmp_path / "home")
        assert "NERONET_HOME" in raised.value.hint
        cli = Cli(tmp_path / "home")
        for command in (
            ["status"],
            ["submit", lang, "local"],
            ["addnode", "gpu1", "gpu1"],
            ["engine", "status"],
        ):
            said = cli(*command, code=1)
            assert str(tmp_path / "home") in said.replace("\n", "").replace("  ", ""), said
            assert len([line for line in said.splitlines() if line.startswith(("✗", "x "))]) == 1, said
