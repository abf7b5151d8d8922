"""Runs that leave in one zip: pandas alone reads it, and the same files and commands run again from it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from neronet import Neroman, RunSet
from neronet.api import strangers
from neronet.errors import InputError
from neronet.spec.config import load_config
from neronet.sync.manifest import Entry, build, tree_hash
from neronet.wire import states
from tests.bad_input.conftest import experiment, small_disk
from tests.e2e.conftest import MakeNeroman
from tests.sync.test_git import run as git
from tests.waiting import until

pytestmark = pytest.mark.slow

CONFIG = """\
run_command_prefix: sh
main_code_file: main.sh
+lang:
  parameters: {x: ["1", "=2", "a b"]}
  outputs: out
"""
MAIN = 'echo "loss 0.5"; echo "$2" >out; cat sub/data; test -x tool && test -L link && test -d empty\n'
READ = """\
import sys
sys.modules["neronet"] = sys.modules["neronet_jupyter"] = None
import json, zipfile, pandas
bundle = zipfile.ZipFile(sys.argv[1])
runs = pandas.read_csv(bundle.open("runs.csv"), index_col="number")
points = pandas.read_csv(bundle.open("points.csv"))
log = bundle.read("runs/1/stdout.log").decode(errors="replace")
print(json.dumps([runs["loss"].tolist(), runs["state"].tolist(), points.query("run == 2")["value"].tolist(), log,
    bundle.read("runs/3/out").decode(), json.load(bundle.open("runs/3/run.json"))["parameters"]]))
"""


def lang(folder: Path) -> Path:
    """An experiment with all kinds of files."""
    experiment(folder, MAIN, CONFIG)
    (folder / "sub").mkdir()
    (folder / "sub" / "data").write_bytes(b"\0\xff bytes\n")
    (folder / "tool").write_text("#!/bin/sh\n")
    (folder / "tool").chmod(0o755)
    (folder / "link").symlink_to("sub/data")
    (folder / "empty").mkdir()
    return folder


def tree(folder: Path) -> dict[str, object]:
    """All that is in a folder, byte for byte."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = os.readlink(path)
        elif path.is_file():
            found[name] = (path.read_bytes(), bool(path.stat().st_mode & 0o100))
        elif not any(path.iterdir()):
            found[name] = "empty"
    return found


@pytest.fixture
def ended(neroman: Neroman, tmp_path: Path) -> RunSet:
    runs = neroman.submit(lang(tmp_path / "lang"), "local").wait(30)
    assert runs.states == {"finished": 3}, runs.log("stderr")
    return runs


def test_a_bundle_is_read_by_pandas_alone(neroman: Neroman, ended: RunSet, tmp_path: Path) -> None:
    assert neroman.bundle(ended, tmp_path / "paper.zip") == []
    done = subprocess.run(
        [sys.executable, "-I", "-c", READ, tmp_path / "paper.zip"], capture_output=True, text=True, cwd="/"
    )
    assert done.returncode == 0, done.stderr
    losses, said, points, log, out, parameters = json.loads(done.stdout)
    assert (losses, said, points) == ([0.5] * 3, ["finished"] * 3, [0.5])
    assert log == ended[:1].log() and out == "a b\n" and parameters == {"x": "a b"}
    with zipfile.ZipFile(tmp_path / "paper.zip") as bundle, bundle.open("points.csv") as file:
        pd.testing.assert_frame_equal(pd.read_csv(file), ended.points(), check_dtype=False)
    with pytest.raises(InputError, match="already"):
        neroman.bundle(ended, tmp_path / "paper.zip")


def test_a_replay_elsewhere_has_the_same_files_and_commands(
    neroman: Neroman, ended: RunSet, tmp_path: Path, make_neroman: MakeNeroman
) -> None:
    neroman.tag(3, ["gone"])
    neroman.bundle(ended, tmp_path / "paper.zip")
    before = tree(tmp_path / "lang")
    other = make_neroman("elsewhere")
    again = other.replay(tmp_path / "paper.zip", "local", folder=tmp_path / "new").wait(30)
    assert again.states == {"finished": 3}, again.log("stderr")
    assert tree(tmp_path / "new") == before
    assert [run.command for run in again] == [run.command for run in ended]
    assert [run.code for run in again] == [run.code for run in ended]
    assert [run.parameters for run in again] == [run.parameters for run in ended]
    assert again.log() == ended.log()
    assert [item.id for item in other.experiments()] == ["lang"]
    only = other.replay(tmp_path / "paper.zip", "local", folder=tmp_path / "new", only=[2]).wait(30)
    assert [run.command for run in only] == [ended[1].command], "the files that are there are taken"
    (tmp_path / "new" / "main.sh").write_text("echo mine\n")
    with pytest.raises(InputError, match="there already"):
        other.replay(tmp_path / "paper.zip", "local", folder=tmp_path / "new")
    assert (tmp_path / "new" / "main.sh").read_text() == "echo mine\n"
    with pytest.raises(InputError, match="no run 9"):
        other.replay(tmp_path / "paper.zip", "local", folder=tmp_path / "new", only=[9])


def test_large_files_go_along_while_they_are_the_same_else_it_is_said(
    neroman: Neroman, tmp_path: Path, make_neroman: MakeNeroman
) -> None:
    folder = experiment(
        tmp_path / "lang", "wc -c <big\n", "run_command_prefix: sh\nmain_code_file: main.sh\n+lang: {}\n"
    )
    data = os.urandom(1024) * (11 * 1024)
    (folder / "big").write_bytes(data)
    runs = neroman.submit(folder, "local").wait(30)
    assert neroman.bundle(runs, tmp_path / "whole.zip") == []
    (folder / "big").write_bytes(b"other" + data)
    notes = neroman.bundle(runs, tmp_path / "part.zip")
    assert notes == [f"big ({len(data):,} bytes), which has changed or gone since"]
    assert "big" in zipfile.ZipFile(tmp_path / "part.zip").read("README.txt").decode()
    other = make_neroman("elsewhere")
    with pytest.raises(InputError, match="does not hold big") as told:
        other.replay(tmp_path / "part.zip", "local", folder=tmp_path / "new")
    assert str(tmp_path / "new" / "big") in told.value.hint
    assert not (tmp_path / "new").exists() and not len(other.runs())
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "big").write_bytes(data)
    for name, place in (("part.zip", "new"), ("whole.zip", "newer")):
        again = other.replay(tmp_path / name, "local", folder=tmp_path / place).wait(30)
        assert again.log().strip() == str(len(data))


def test_every_rule_that_an_experiment_may_have_is_taken_from_a_bundle(tmp_path: Path) -> None:
    rules = """\
  conditions:
    above: {variablename: loss, comparator: gt, killvalue: 5, for: 2, action: kill}
    none: {variablename: loss, comparator: nan, action: warn}
    rises: {variablename: loss, comparator: slope_gt, killvalue: 0, points: 5, action: notify}
    stuck: {variablename: loss, comparator: stalled, points: 5, action: stop, grace: 20}
    hangs: {comparator: silent, minutes: 3, action: kill}
  stop_losers: {metric: loss, goal: minimize, rule: halving}
"""
    (read,) = load_config(experiment(tmp_path / "lang", MAIN, CONFIG + rules)).experiments
    assert len(read.conditions) == 5
    assert strangers.experiment(json.loads(json.dumps(read.to_json())), "lang", read.folder) == read


# -- hostile bundles


def hostile(path: Path, change: Callable[[dict[str, Any], dict[str, bytes]], None]) -> Path:
    """A bundle that would be right, but for what `change` does to its bundle.json and its members."""
    content = b"echo hello\n"
    manifest = build([Entry("main.sh", "f", False, tree_hash(content), len(content))])
    spec = {
        "id": "lang", "folder": "/", "main_code_file": "main.sh", "run_command_prefix": ["sh"], "parameters": [],
        "exclude": [], "conditions": [],
    }  # fmt: skip
    said: dict[str, Any] = {
        "format": 1,
        "runs": [
            {
                "number": 1, "name": "lang", "experiment": "lang", "parameters": {}, "command": ["sh", "main.sh"],
                "snapshot": tree_hash(manifest),
            }
        ],
        "experiments": {f"lang {tree_hash(manifest)}": spec},
    }  # fmt: skip
    members = {f"snapshots/{tree_hash(manifest)}.json": manifest, f"files/{tree_hash(content)}": content}
    change(said, members)
    with zipfile.ZipFile(path, "w") as made:
        for name, data in {"bundle.json": json.dumps(said).encode(), **members}.items():
            made.writestr(name, data)
    return path


def with_manifest(data: bytes) -> Callable[[dict[str, Any], dict[str, bytes]], None]:
    def change(said: dict[str, Any], members: dict[str, bytes]) -> None:
        (old,) = [name for name in members if name.startswith("snapshots/")]
        members[f"snapshots/{tree_hash(data)}.json"] = data
        del members[old]
        said["experiments"] = {f"lang {tree_hash(data)}": spec for spec in said["experiments"].values()}
        said["runs"][0]["snapshot"] = tree_hash(data)

    return change


def line(*entries: object) -> bytes:
    return json.dumps({"v": 1, "entries": entries}, separators=(",", ":")).encode()


SHA = tree_hash(b"echo hello\n")
RUN_CHANGES = {
    "a name with NUL": {"command": ["sh", "a\0b"]}, "no command": {"command": []}, "a command of numbers": {"command": [1]},
    "a number that is none": {"number": "1"}, "an id that climbs": {"experiment": "../x"},
    "a snapshot that climbs": {"snapshot": "../../etc/passwd"}, "parameters that are none": {"parameters": [1]},
}  # fmt: skip
MANIFESTS = {
    "climbs": line(["../evil", "f", 0, SHA, 11]), "absolute": line(["/tmp/evil", "f", 0, SHA, 11]),
    "through a link": line(["a", "l", "."], ["a/evil", "f", 0, SHA, 11]), "a link that leaves": line(["a", "l", "../.."]),
    "a terminal's codes": line(["\x1b[2J", "f", 0, SHA, 11]), "a size that lies": line(["main.sh", "f", 0, SHA, 2**50]),
    "content that is not there": line(["main.sh", "f", 0, "0" * 64, 11]), "no list at all": b"[]",
}  # fmt: skip
SPECS = {
    "outputs of numbers": {"outputs": [1]}, "a text as memory": {"memory": "all"}, "nested": {"env": {"A": {"B": 1}}},
    "a condition that is none": {"conditions": [{"id": "c"}]}, "arguments that are none": {"sbatch_args": "--wrap"},
    "unknown comparator": {"conditions": [{"id": "c", "variablename": "x", "killvalue": 1.0, "comparator": "eval",
                                           "after": None, "action": "kill"}]},
    "a slope of nothing": {"conditions": [{"id": "c", "variablename": "x", "killvalue": 1.0, "comparator": "slope_gt",
                                           "after": None, "action": "kill"}]},
    "halves of nothing": {"stop_losers": {"metric": "x", "goal": "minimize", "rule": "halving", "reduction": 0}},
}  # fmt: skip


def refused(neroman: Neroman, path: Path, tmp_path: Path) -> str:
    there = set(tmp_path.rglob("*"))
    with pytest.raises(InputError) as told:
        neroman.replay(path, "local", folder=tmp_path / "new")
    files = {each for each in set(tmp_path.rglob("*")) - there if neroman.home not in each.parents}
    assert not files, "something was written"
    assert not len(neroman.runs()) and not neroman.experiments()
    return str(told.value)


def test_what_a_hostile_bundle_says_of_runs_is_refused(neroman: Neroman, tmp_path: Path) -> None:
    for what, changes in RUN_CHANGES.items():
        path = hostile(
            tmp_path / f"{what}.zip", lambda said, _, changes=changes: said["runs"][0].update(changes)
        )
        assert refused(neroman, path, tmp_path), what
    path = hostile(tmp_path / "twice.zip", lambda said, _: said["runs"].append(said["runs"][0]))
    assert "told apart" in refused(neroman, path, tmp_path)


def test_names_of_a_hostile_bundle_never_leave_the_folder(neroman: Neroman, tmp_path: Path) -> None:
    for what, manifest in MANIFESTS.items():
        assert refused(neroman, hostile(tmp_path / f"{what}.zip", with_manifest(manifest)), tmp_path), what


def test_an_experiment_of_a_hostile_bundle_has_values_of_the_right_kind(
    neroman: Neroman, tmp_path: Path
) -> None:
    for what, changes in SPECS.items():
        path = hostile(
            tmp_path / f"{what}.zip",
            lambda said, _, changes=changes: next(iter(said["experiments"].values())).update(changes),
        )
        assert "configuration of lang" in refused(neroman, path, tmp_path), what


def test_contents_are_what_their_hash_says(neroman: Neroman, tmp_path: Path) -> None:
    path = hostile(
        tmp_path / "other.zip", lambda _, members: members.update({f"files/{SHA}": b"rm -rf /  \n"})
    )
    with pytest.raises(InputError, match="not what its hash says"):
        neroman.replay(path, "local", folder=tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == [] and not len(neroman.runs())


def test_what_is_no_bundle_is_told_in_a_sentence(neroman: Neroman, tmp_path: Path) -> None:
    (tmp_path / "none.zip").write_bytes(b"PK no zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as made:
        made.writestr("bundle.json", "{")
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("bundle.json", b" " * (65 * 1024 * 1024))
    damaged = bytearray(hostile(tmp_path / "damaged.zip", lambda *_: None).read_bytes())
    damaged[60:90] = b"\xff" * 30
    (tmp_path / "damaged.zip").write_bytes(damaged)
    for name in ("none.zip", "other.zip", "bomb.zip", "damaged.zip", "absent.zip"):
        with pytest.raises(InputError):
            neroman.open_bundle(tmp_path / name)


def test_nothing_is_written_through_a_link_that_is_there(neroman: Neroman, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "sub").symlink_to(outside)
    manifest = line(["main.sh", "f", 0, SHA, 11], ["sub/x", "f", 0, SHA, 11])
    path = hostile(tmp_path / "link.zip", with_manifest(manifest))
    with pytest.raises(InputError, match="there already"):
        neroman.replay(path, "local", folder=tmp_path / "new")
    assert list(outside.iterdir()) == []


# -- two runs, and the table that is kept


def test_two_runs_with_changed_code_are_told_apart(neroman: Neroman, tmp_path: Path) -> None:
    folder = lang(tmp_path / "lang")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    neroman.submit(folder, "local").wait(30)
    (folder / "main.sh").write_text(MAIN.replace("0.5", "0.25"))
    (folder / "sub" / "data").write_bytes(b"\0other")
    (folder / "tool").chmod(0o644)
    (folder / "link").unlink()
    neroman.submit(folder, "local", again=True).wait(30)
    same = neroman.diff(1, 4)
    assert (same.parameters, same.command, same.metrics) == ({}, None, {"loss": (0.5, 0.25)})
    files = {file.path: file for file in same.files}
    assert files["main.sh"].diff.splitlines()[3:5] == [
        f"-{MAIN}".rstrip(),
        f"+{MAIN}".rstrip().replace("0.5", "0.25"),
    ]
    assert (files["sub/data"].diff, files["tool"].why) == ("", "is no longer executable")
    assert files["sub/data"].why.startswith("binary") and files["link"].what == "removed"
    commit = git(folder, "rev-parse", "HEAD")
    assert same.commits == (commit, f"{commit}-dirty")
    recorded = neroman.runs(4)[0].git
    assert recorded is not None and "+echo" in recorded.diff and neroman.runs(1)[0].git.diff == ""
    assert neroman.rerun(4)[0].git == recorded
    neroman.bundle(neroman.runs(), tmp_path / "both.zip")
    with zipfile.ZipFile(tmp_path / "both.zip") as made:
        diffs = [json.loads(made.read(f"runs/{n}/run.json"))["git"]["diff"] for n in range(1, 7)]
        (name,) = (name for name in made.namelist() if name.startswith("diffs/"))
        assert diffs == [""] * 3 + [name] * 3 and made.read(name).decode() == recorded.diff
    told = json.loads(json.dumps(same.to_json()))
    assert told["metrics"]["loss"] == {"a": 0.5, "b": 0.25, "difference": -0.25}
    others = neroman.diff(1, 2)
    assert others.parameters == {"x": ("1", "=2")} and others.files == () and others.command
    assert not neroman.diff(1, 1)


def test_the_results_file_is_kept_while_runs_go_on(neroman: Neroman, tmp_path: Path) -> None:
    table = tmp_path / "my runs.csv"
    (neroman.home / "preferences.yaml").write_text(f"results_file: {table}\n")
    table.write_text("mine\n")
    slow = "for i in $(seq 30); do echo n $i; sleep 0.1; done\n"
    folder = experiment(
        tmp_path / "lang", slow, "run_command_prefix: sh\nmain_code_file: main.sh\n+lang: {}\n"
    )
    runs = neroman.submit(folder, "local")

    def seen() -> pd.DataFrame:
        frame = pd.read_csv(table)
        return frame if "n" in frame else pd.DataFrame({"n": [0], "state": [""]})

    until(lambda: 0 < seen()["n"][0] < 30 and seen()["state"][0] == states.RUNNING, timeout=15)
    assert runs[0].state == states.RUNNING
    (aside,) = tmp_path.glob("my runs.edited-*.csv")
    assert aside.read_text() == "mine\n", "what somebody wrote is not lost"
    neroman.set_note(runs, "a note")
    runs.wait(30)
    neroman.close()  # also what changed in the last moment is in it
    frame = pd.read_csv(table)
    assert frame[["n", "state", "note"]].values.tolist() == [[30, "finished", "a note"]]
    assert len(list(tmp_path.glob("my runs*"))) == 2


def test_a_results_file_that_cannot_be_written_is_told_once_and_tried_again(
    make_neroman: MakeNeroman, tmp_path: Path
) -> None:
    from neronet.engine.resultsfile import AGAIN, ResultsFile

    neroman = make_neroman()
    clock = [0.0]
    (neroman.home / "preferences.yaml").write_text(f"results_file: {tmp_path}/none/runs.xlsx\n")
    kept = ResultsFile(neroman.home, neroman.store, lambda: clock[0])
    for _ in range(3):
        clock[0] += AGAIN
        assert kept.due() and not kept.due()
        kept.write()
    (event,) = neroman.history(kinds=["problem"])
    assert "runs.xlsx cannot be written: No such file" in event.text
    (tmp_path / "none").mkdir()
    clock[0] += AGAIN
    assert kept.due()
    kept.write()
    assert (tmp_path / "none" / "runs.xlsx").exists()
    clock[0] += AGAIN
    assert not kept.due(), "nothing has changed"
    neroman.store.events.add(time.time(), "note", "no change of a run")
    assert not kept.due()


def test_a_results_file_on_a_full_disk_is_written_once_there_is_room(
    neroman: Neroman, tmp_path: Path
) -> None:
    from neronet.engine.resultsfile import AGAIN, ResultsFile

    clock = [0.0]
    with small_disk(tmp_path / "disk", "4k"):
        table, filler = tmp_path / "disk" / "runs.csv", tmp_path / "disk" / "filler"
        (neroman.home / "preferences.yaml").write_text(f"results_file: {table}\n")
        filler.write_bytes(b"x" * 4096)
        kept = ResultsFile(neroman.home, neroman.store, lambda: clock[0])
        kept.write()
        assert [path.name for path in table.parent.iterdir()] == ["filler"], "no part of a table is left"
        (event,) = neroman.history(kinds=["problem"])
        assert "No space left" in event.text
        filler.unlink()
        clock[0] += AGAIN
        kept.write()
        assert table.read_text().startswith("number,name,")
    assert len(neroman.history(kinds=["problem"])) == 1


def test_a_file_that_another_program_writes_again_and_again_is_left_alone(
    neroman: Neroman, tmp_path: Path
) -> None:
    from neronet.engine.resultsfile import ASIDE, ResultsFile

    table = tmp_path / "runs.csv"
    (neroman.home / "preferences.yaml").write_text(f"results_file: {table}\n")
    for n in range(ASIDE):
        (tmp_path / f"runs.edited-{n}.csv").write_text("")
    table.write_text("theirs\n")
    ResultsFile(neroman.home, neroman.store).write()
    assert table.read_text() == "theirs\n" and len(list(tmp_path.glob("runs*"))) == ASIDE + 1
    assert "left alone" in neroman.history(kinds=["problem"])[0].text
