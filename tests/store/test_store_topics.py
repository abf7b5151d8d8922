"""Experiments, batches, offsets, events, intents, nodes, hashes of files, the id of a home."""

from __future__ import annotations

import os
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from store_tools import TOKEN, records, submit, undone

from neronet.errors import StoreError
from neronet.store import Store, home_id
from neronet.store.batches import Batch
from neronet.store.experiments import ExperimentRow
from neronet.store.intents import KEPT
from neronet.store.offsets import StreamOffset


def experiment(id: str, added: float = 1.0) -> ExperimentRow:  # noqa: A002
    folder = Path(os.fsdecode(b"/home/me/\xff exp"))
    return ExperimentRow(
        id, folder, ("thesis", "draft"), "c" * 64, {"id": id, "parameters": [["x", ["1"]]]}, added
    )


def test_an_experiment_comes_back_as_it_was_added(store):
    store.experiments.put([experiment("b", 2.0), experiment("a", 1.0)])
    assert store.experiments.get("b") == experiment("b", 2.0)
    assert [row.id for row in store.experiments.all()] == ["a", "b"]
    store.experiments.put([experiment("a", 3.0)])
    assert [row.added for row in store.experiments.all()] == [2.0, 3.0]
    store.experiments.delete(["b", "unknown"])
    assert store.experiments.get("b") is None
    assert [row.id for row in store.experiments.all()] == ["a"]


def test_a_batch_is_kept_as_it_was_sent_with_its_state(store):
    batch = Batch(TOKEN, "gpu1", "place", "lang", "a" * 64, 1, "sending", 5.0)
    store.batches.add(batch, {"runs": [["ä", "\ud800"]]})
    store.batches.add(batch._replace(token="f" * 16, node="gpu2"), {})
    assert store.batches.get(TOKEN) == batch
    assert store.batches.content(TOKEN) == {"runs": [["ä", "\ud800"]]}
    store.batches.set_state(TOKEN, "accepted", 6.0)
    assert store.batches.get(TOKEN) == batch._replace(state="accepted", since=6.0)
    assert [row.token for row in store.batches.find()] == [TOKEN, "f" * 16]
    assert [row.token for row in store.batches.find("gpu2")] == ["f" * 16]
    assert [row.token for row in store.batches.find(states=["accepted", "final"])] == [TOKEN]
    assert store.batches.find("gpu1", ["sending"]) == []
    assert store.batches.get("e" * 16) is None
    with pytest.raises(KeyError):
        store.batches.content("e" * 16)


def test_offsets_and_what_was_read_are_stored_together_or_not_at_all(store):
    (run,) = submit(store, "a")
    first = StreamOffset(0, 100, 100)
    with store.transaction():
        store.offsets.set_journal(TOKEN, "kid-1.log", 500)
        store.offsets.set_stream(run, 1, 0, first)
        store.points.add(run, 1, 0, records([1.0]))
    with undone(store):
        store.offsets.set_journal(TOKEN, "kid-1.log", 900)
        store.offsets.set_stream(run, 1, 0, StreamOffset(1, 7, 107, 7, True))
        store.points.add(run, 1, 0, records([2.0], start=10))
        store.events.add(1.0, "note", "never happened")
    assert store.offsets.journals(TOKEN) == {"kid-1.log": 500}
    assert store.offsets.streams(run, 1) == {0: first}
    assert list(store.points.read(run, "loss").value) == [1.0]
    assert store.events.find() == []
    store.offsets.set_journal(TOKEN, "kid-2.log", 1)
    store.offsets.set_stream(run, 1, 1, StreamOffset())
    store.offsets.set_stream(run, 1, 0, StreamOffset(1, 7, 107, 7, True))
    assert store.offsets.journals(TOKEN) == {"kid-1.log": 500, "kid-2.log": 1}
    assert store.offsets.streams(run, 1) == {0: StreamOffset(1, 7, 107, 7, True), 1: StreamOffset()}
    assert store.offsets.journals("f" * 16) == {}


def test_the_history_is_told_in_order_by_run_and_by_time(store):
    one, two = submit(store, "a", "b")
    store.events.add(5.0, "queued", "", run=one, attempt=1, node="gpu1")
    store.events.add(3.0, "unreachable", "no route \ud800", node="gpu1")
    store.events.add(6.0, "failed", "exit code 1", run=two, attempt=1)
    found = store.events.find()
    assert [(event.kind, event.name, event.node) for event in found] == [
        ("queued", "a", "gpu1"), ("unreachable", None, "gpu1"), ("failed", "b", None)
    ]  # fmt: skip
    assert found[1].text == "no route ?"
    assert [event.run for event in store.events.find([two, 99])] == [two]
    assert [event.time for event in store.events.find(since=5.0)] == [5.0, 6.0]
    assert [event.kind for event in store.events.find(after=found[1].id)] == ["failed"]


def test_intents_are_taken_once_in_their_order_and_finished_once(store):
    store.intents.put("i1", "submit", {"n": 1})
    store.intents.put("i2", "terminate", {})
    store.intents.put("i1", "something else", {})
    assert [intent.id for intent in store.intents.open()] == ["i1", "i2"]
    first, second = store.intents.take("engine 1"), store.intents.take("engine 1")
    assert (first.id, first.kind, first.payload, first.taken) == ("i1", "submit", {"n": 1}, "engine 1")
    assert second.id == "i2"
    assert store.intents.take("engine 1") is None
    store.intents.finish("i1", True, {"runs": [1]})
    store.intents.finish("i1", False, {})
    known = store.intents.get("i1")
    assert (known.ok, known.result) == (True, {"runs": [1]})
    assert known.created <= known.done <= time.time()
    assert store.intents.get("unknown") is None


def test_what_an_engine_took_and_did_not_finish_the_next_one_takes_over(store):
    store.intents.put("i1", "submit", {})
    store.intents.put("i2", "submit", {})
    store.intents.finish(store.intents.take("dead").id, True, {})
    store.intents.take("dead")
    assert store.intents.take("alive").id == "i2"
    assert store.intents.take("alive") is None


def test_waiting_for_an_intent_ends_soon_after_it_is_finished(store, tmp_path):
    store.intents.put("i1", "submit", {})

    def engine() -> float:
        with Store(tmp_path / "home") as other:
            other.intents.take("e")
            time.sleep(0.1)
            other.intents.finish("i1", False, {"problem": "no"})
            return time.monotonic()

    with ThreadPoolExecutor(1) as pool:
        finished = pool.submit(engine)
        intent = store.intents.wait("i1", 20)
        assert time.monotonic() - finished.result() < 2
    assert (intent.ok, intent.result) == (False, {"problem": "no"})


def test_waiting_in_vain_tells_whether_anybody_picked_it_up(store):
    store.intents.put("i1", "submit", {})
    assert store.intents.wait("i1", 0.02).taken is None
    store.intents.take("e")
    waited = store.intents.wait("i1", 0)
    assert (waited.taken, waited.done, waited.ok, waited.result) == ("e", None, None, None)
    with pytest.raises(KeyError):
        store.intents.wait("unknown", 0)


def test_finished_intents_are_forgotten_after_30_days_and_open_ones_never(store, monkeypatch):
    past = time.time() - KEPT - 1
    monkeypatch.setattr(time, "time", lambda: past)
    store.intents.put("old", "submit", {})
    store.intents.put("old and open", "submit", {})
    store.intents.finish("old", True, {})
    monkeypatch.undo()
    store.intents.put("new", "submit", {})
    assert store.intents.get("old") is None
    assert [intent.id for intent in store.intents.open()] == ["old and open", "new"]


def test_what_is_known_of_a_node_is_kept_while_it_does_not_answer(store):
    assert store.nodes.get("gpu1") is None
    store.nodes.update("gpu1")
    assert store.nodes.get("gpu1") == ("gpu1", None, None, None, "", None, None)
    store.nodes.update(
        "gpu1", place="p1", reachable=True, last_seen=5.0, facts={"cores": 8}, load={"load": 0.5}
    )
    store.nodes.update("gpu1", reachable=False, reason="no route \udcff")
    node = store.nodes.get("gpu1")
    assert (node.place, node.reachable, node.last_seen, node.reason) == ("p1", False, 5.0, "no route ?")
    assert (node.facts, node.load) == ({"cores": 8}, {"load": 0.5})
    store.nodes.update("gpu1", reachable=True, reason="")
    store.nodes.update("a")
    assert [(node.id, node.reachable, node.reason) for node in store.nodes.all()] == [
        ("a", None, ""),
        ("gpu1", True, ""),
    ]
    store.nodes.delete("gpu1")
    assert [node.id for node in store.nodes.all()] == ["a"]


def test_hashes_of_files_are_found_by_their_key(store):
    known = {f"/home/me/{i} 5 {i}": f"{i:064d}" for i in range(1000)}
    store.files.put_many(known)
    assert store.files.get_many([*known, "another"]) == known
    store.files.put_many({"/home/me/1 5 1": "f" * 64})
    assert store.files.get_many(["/home/me/1 5 1"]) == {"/home/me/1 5 1": "f" * 64}


def test_a_home_has_one_id_that_outlives_the_database(tmp_path):
    home = tmp_path / "home"
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: home_id(home), range(32)))
    assert len(ids) == 1
    assert re.fullmatch("[0-9a-f]{12}", *ids)
    with Store(home):
        pass
    (home / "neronet.db").unlink()
    assert {home_id(home)} == ids
    assert (home / "id").stat().st_mode & 0o777 == 0o600
    assert home_id(tmp_path / "other") not in ids


@pytest.mark.parametrize("text", ["", "0123", "0123456789ABCDEF"])
def test_a_damaged_id_is_said_and_not_replaced(tmp_path, monkeypatch, text):
    monkeypatch.setattr("neronet.store.home.PAUSE", 0.0001)
    (tmp_path / "id").write_text(text)
    with pytest.raises(StoreError, match="12 hex digits") as caught:
        home_id(tmp_path)
    assert "remove it" in caught.value.hint
    assert (tmp_path / "id").read_text() == text


def test_an_id_that_another_process_is_writing_is_waited_for(tmp_path):
    (tmp_path / "id").touch()
    timer = threading.Timer(0.05, (tmp_path / "id").write_text, ["0123456789ab\n"])
    timer.start()
    assert home_id(tmp_path) == "0123456789ab"
    timer.join()


def test_a_home_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").touch()
    for use in (home_id, Store):
        with pytest.raises(StoreError, match=str(tmp_path / "file")) as caught:
            use(tmp_path / "file" / "home")
        assert "NERONET_HOME" in caught.value.hint
