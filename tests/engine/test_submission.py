"""What is submitted is stored whole: batches that can be sent, runs with names and numbers of their own."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from neronet.engine.placement import Member, place_of
from neronet.engine.submission import Job, missing, move, store_rerun, store_submission, withdraw
from neronet.spec.config import parse_config
from neronet.spec.nodes import NodeSpec
from neronet.store import Store
from neronet.store.batches import LOCAL
from neronet.sweep import expand
from neronet.sync.snapshot import Snapshot, take

CONFIG = """\
run_command_prefix: sh
main_code_file: main.sh
collection: all
custom_msg: a note
+lang:
  parameters: {x: {from: 1, to: COUNT}}
  env: {A: b}
  setup: module load x
  outputs: [out, stdout]
"""
NODES = {
    "gpu1": NodeSpec("gpu1", "gpu1", env={"A": "node", "B": "node"}, setup=("source venv",)),
    "gpu2": NodeSpec("gpu2", "gpu2"),
    "local": NodeSpec("local", type="local"),
}
ONE = [Member("gpu1", 2, 2, 0.0)]


def job(folder: Path, home: Path, count: int = 3, text: str = CONFIG) -> Job:
    folder.mkdir(exist_ok=True)
    (folder / "main.sh").write_text("echo")
    (experiment,) = parse_config(text.replace("COUNT", str(count)), "config.yaml", folder).experiments
    snapshot = take(folder, experiment, home, NoHashes())
    return Job(experiment, expand(experiment), snapshot)


class NoHashes:
    def get_many(self, keys: Any) -> dict[str, str]:
        return {}

    def put_many(self, hashes: Any) -> None:
        pass


def submit(store: Store, home: Path, job: Job, members: list[Member] | None = None) -> list[int]:
    return store_submission(store, home, "home1", job, members or ONE, NODES, {"PATH": "/bin"})


def lines(store: Store, home: Path, token: str) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for line in (home / "files" / store.batches.content(token)["runs"]).read_bytes().splitlines()
    ]


def test_a_submission_is_a_batch_that_says_all_a_node_needs(store: Store, home: Path, tmp_path: Path) -> None:
    given = job(tmp_path / "lang", home)
    numbers = submit(store, home, given)
    (batch,) = store.batches.find("gpu1", ("sending",))
    content = store.batches.content(batch.token)
    assert content[LOCAL] == {
        "folder": str(tmp_path / "lang"),
        "runs_size": (home / "files" / content["runs"]).stat().st_size,
    }
    assert content["place"] == place_of("home1", "gpu1")
    assert content["home"] == "home1"
    assert content["env"] == {"A": "b", "B": "node"}
    assert content["setup"] == ["source venv", "module load x"]
    assert content["outputs"] == ["out"]
    assert content["note"] == "a note"
    assert content["collections"] == ["all"]
    assert "environment" not in content
    assert lines(store, home, batch.token) == [
        {
            "number": n,
            "name": f"lang/x={x}",
            "argv": ["sh", "main.sh", "--x", str(x)],
            "parameters": {"x": str(x)},
            "attempt": 1,
        }
        for x, n in enumerate(numbers, 1)
    ]
    assert [run.state for run in store.runs.find(numbers)] == ["submitting"] * 3


def test_a_node_is_told_the_output_processors_in_the_order_of_their_streams(
    store: Store, home: Path, tmp_path: Path
) -> None:
    text = CONFIG + (
        "  output_file_processor: {out: reader read_file}\n"
        "  output_line_processor: {stdout: neronet keyvalue, stderr: reader read_line 'a b'}\n"
    )
    submit(store, home, job(tmp_path / "lang", home, 1, text))
    (batch,) = store.batches.find("gpu1", ("sending",))
    assert store.batches.content(batch.token)["processors"] == [
        {"kind": "line", "file": "stdout", "call": ["neronet", "keyvalue"]},
        {"kind": "line", "file": "stderr", "call": ["reader", "read_line", "a b"]},
        {"kind": "file", "file": "out", "call": ["reader", "read_file"]},
    ]


def test_what_runs_here_gets_the_environment_of_whoever_submits(
    store: Store, home: Path, tmp_path: Path
) -> None:
    submit(store, home, job(tmp_path / "lang", home), [Member("local", 2, 2, 0.0)])
    (batch,) = store.batches.find("local")
    assert store.batches.content(batch.token)["environment"] == {"PATH": "/bin"}


def test_a_group_gets_a_batch_per_member_with_indices_from_0(
    store: Store, home: Path, tmp_path: Path
) -> None:
    members = [Member("gpu1", 1, 1, 0.0), Member("gpu2", 3, 3, 0.0)]
    numbers = submit(store, home, job(tmp_path / "lang", home, 8), members)
    rows = store.runs.find(numbers)
    for node, share in (("gpu1", 2), ("gpu2", 6)):
        mine = [row for row in rows if row.node == node]
        assert [row.idx for row in mine] == list(range(share))
        assert [line["number"] for line in lines(store, home, mine[0].token)] == [row.number for row in mine]


def test_what_was_run_before_is_known_by_command_and_files(store: Store, home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "lang"
    numbers = submit(store, home, job(folder, home, 2))
    fresh, before = missing(store, job(folder, home, 3))
    assert [point.parameters for point in fresh] == [{"x": "3"}]
    assert [row.number for row in before] == numbers
    (folder / "data.txt").write_text("other files")
    assert len(missing(store, job(folder, home, 3))[0]) == 3
    (folder / "data.txt").unlink()
    assert len(missing(store, job(folder, home, 3, CONFIG.replace("+lang", "+other")))[0]) == 3


def test_a_name_that_is_taken_gets_a_number(store: Store, home: Path, tmp_path: Path) -> None:
    given = job(tmp_path / "lang", home, 2)
    for _ in range(3):
        submit(store, home, given)
    assert [run.name for run in store.runs.find()] == [
        "lang/x=1", "lang/x=2", "lang/x=1@2", "lang/x=2@2", "lang/x=1@3", "lang/x=2@3",
    ]  # fmt: skip
    assert len({run.results for run in store.runs.find()}) == 6


def test_the_commit_of_a_submission_stays_with_its_runs_and_goes_to_no_node(
    store: Store, home: Path, tmp_path: Path
) -> None:
    commit = {"commit": "a" * 40, "branch": "main", "dirty": False}
    numbers = submit(store, home, replace(job(tmp_path / "lang", home, 3), git=commit))
    withdraw(store, home, store.runs.find(numbers[:1]), "by me")  # what is left is another batch
    store_rerun(store, home, "home1", store.runs.find(numbers[:1]), NODES, {})
    tokens = {run.token for run in store.runs.find(numbers)}
    assert len(tokens) == 2
    assert store.batches.git(tokens) == dict.fromkeys(tokens, commit)
    for token in tokens:
        content = store.batches.content(token)
        del content[LOCAL]
        assert commit["commit"] not in json.dumps(content)


def test_a_rerun_is_a_new_attempt_from_the_same_snapshot(store: Store, home: Path, tmp_path: Path) -> None:
    numbers = submit(store, home, job(tmp_path / "lang", home, 3))
    rows = store.runs.find(numbers[1:])
    (tmp_path / "lang" / "main.sh").write_text("changed")
    store_rerun(store, home, "home1", rows, NODES, {})
    again = store.runs.find(numbers)
    assert [run.attempt for run in again] == [1, 2, 2]
    old, new = again[0].token, again[1].token
    assert old != new
    assert store.batches.get(new).manifest == store.batches.get(old).manifest
    assert [(line["number"], line["attempt"]) for line in lines(store, home, new)] == [
        (numbers[1], 2),
        (numbers[2], 2),
    ]
    assert [run.idx for run in again[1:]] == [0, 1]


def test_nothing_is_stored_when_a_part_of_it_cannot_be(
    store: Store, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = job(tmp_path / "lang", home, 3)
    (home / "files").rename(home / "files.away")
    (home / "files").write_text("in the way")
    with pytest.raises(Exception, match=r"files"):
        submit(store, home, given)
    assert store.runs.find() == []
    assert store.batches.find() == []
    assert store.events.find() == []


@pytest.mark.slow
def test_ten_thousand_runs_are_stored_in_a_moment(store: Store, home: Path, tmp_path: Path) -> None:
    given = job(tmp_path / "lang", home, 10_000)
    snapshot: Snapshot = given.snapshot
    began = time.process_time()
    numbers = submit(store, home, given)
    took = time.process_time() - began
    assert len(numbers) == 10_000
    assert snapshot.size > 0
    assert took < 5, f"{took:.2f} s of processor time"
    began = time.process_time()
    assert missing(store, given)[0] == []
    assert time.process_time() - began < 4


def test_runs_that_no_node_has_heard_of_end_at_once_and_the_others_are_sent(
    store: Store, home: Path, tmp_path: Path
) -> None:
    numbers = submit(store, home, job(tmp_path / "lang", home, 4))
    (old,) = store.batches.find("gpu1", ("sending",))
    hold = {"do": "hold", "token": old.token, "runs": [[1, 3]], "who": "user", "why": "held", "priority": 0}
    store.intents.put("wish", "act", {"node": "gpu1", "act": hold})
    rows = store.runs.find(numbers[:2])
    assert withdraw(store, home, rows, "by ann@laptop") == set(numbers[:2])
    states = [(row.state, row.reason) for row in store.runs.find(numbers)]
    assert states == [("terminated", "by ann@laptop")] * 2 + [("submitting", "")] * 2
    assert [event.text for event in store.events.find(numbers[:1]) if event.kind == "terminated"] == [
        "by ann@laptop"
    ]
    assert store.batches.get(old.token).state == "tidied"  # type: ignore[union-attr]
    assert not store.batches.offer(old.token)  # so the engine does not send it
    (new,) = store.batches.find("gpu1", ("sending",))
    assert [line["number"] for line in lines(store, home, new.token)] == numbers[2:]
    assert [(row.token, row.idx) for row in store.runs.find(numbers[2:])] == [(new.token, 0), (new.token, 1)]
    content, before = store.batches.content(new.token), store.batches.content(old.token)
    different = {word for word in content if content[word] != before[word]}
    assert different == {"runs", LOCAL}
    moved = store.intents.open()[-1].payload["act"]
    assert (moved["token"], moved["runs"], moved["do"]) == (new.token, [[0, 0], [1, 1]], "hold")
    assert withdraw(store, home, store.runs.find(numbers[2:]), "x") == set(numbers[2:])
    assert store.batches.find(states=("sending",)) == []


def test_a_run_that_is_moved_keeps_the_priority_that_the_user_gave_it(
    store: Store, home: Path, tmp_path: Path
) -> None:
    members = [Member("gpu1", 1, 1, 0.0), Member("gpu2", 1, 1, 0.0)]
    rows = store.runs.find(submit(store, home, job(tmp_path / "lang", home), members))
    (one, *_) = rows
    store.runs.set_priority([row.number for row in rows if row.node == one.node], 7)
    for _ in range(2):  # the second time nothing is left to be moved
        move(store, home, one.token, {one.idx}, "gpu2")
    (row,) = store.runs.find([one.number])
    assert (row.node, row.priority) == ("gpu2", 7)
    assert store.batches.content(row.token)["priority"] == 7
    assert len(store.batches.find()) == 3


def test_runs_that_were_offered_to_their_node_are_left_to_it(
    store: Store, home: Path, tmp_path: Path
) -> None:
    numbers = submit(store, home, job(tmp_path / "lang", home))
    (batch,) = store.batches.find("gpu1", ("sending",))
    assert store.batches.unsent(batch.token)
    assert store.batches.offer(batch.token)
    assert store.batches.offer(batch.token)  # after a connection that ended it is sent once more
    assert not store.batches.unsent(batch.token)
    assert withdraw(store, home, store.runs.find(numbers), "x") == set()
    assert {row.state for row in store.runs.find(numbers)} == {"submitting"}
