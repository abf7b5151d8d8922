"""A rule across runs whose runs are on several nodes: the engine decides, from the store and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest
from model_node import collector, journal, record
from test_submission import CONFIG, NODES, job, submit

from neronet.engine.losers import LosersAcross, add_rule
from neronet.engine.placement import Member
from neronet.engine.submission import SWEEP, move, store_rerun
from neronet.errors import ProtocolError, StoreError
from neronet.store import Store
from neronet.store.batches import LOCAL
from neronet.store.events import Event
from neronet.wire.losers import follows

TEXT = CONFIG.replace(
    "+lang:", "stop_losers: {metric: error, goal: minimize, min_points: 4, keep: 2}\n+lang:"
)
RUNS = 10
GROUP = [Member("gpu1", 1, 1, 0.0), Member("gpu2", 1, 1, 0.0)]


@pytest.fixture
def numbers(store: Store, home: Path, tmp_path: Path) -> list[int]:
    return begin(store, home, tmp_path)


def begin(store: Store, home: Path, tmp_path: Path) -> list[int]:
    """The runs of a sweep on two nodes; the first ones are the best."""
    found = submit(store, home, job(tmp_path / "lang", home, RUNS, TEXT), GROUP)
    for batch in store.batches.find():
        store.batches.set_state(batch.token, "accepted", 0.0)
    for number in found:
        store.attempts.report(number, 1, "running", started=1000.0)
    return found


def printed(store: Store, number: int, values: list[float], first: int = 0) -> None:
    points = [
        (1000.0 + first + n, [["error", value, 10 * (first + n), None]]) for n, value in enumerate(values)
    ]
    store.points.add(number, 1, 0, points)


def look(across: LosersAcross) -> bool:
    across._next = 0.0
    return across.look()


class Decision(NamedTuple):
    text: str
    data: dict[str, Any]


def decisions(store: Store) -> dict[int, Decision]:
    """Of each run that a node is asked to end, why."""
    found: dict[int, Decision] = {}
    for intent in store.intents.open():
        rule = intent.payload["rule"]
        assert rule["run"] not in found, "decided twice"
        found[rule["run"]] = Decision(intent.payload["act"]["why"], rule["evidence"])
    return found


def rules(store: Store) -> dict[int, Event]:
    found = [event for event in store.events.find() if event.kind == "rule"]
    assert len({event.run for event in found}) == len(found), "decided twice"
    return {event.run: event for event in found if event.run is not None}


def wishes(store: Store) -> dict[tuple[str, int], str]:
    return {
        (intent.payload["act"]["token"], first): intent.payload["act"]["why"]
        for intent in store.intents.open()
        for first, _ in intent.payload["act"]["runs"]
    }


def test_runs_of_all_nodes_are_compared_and_the_losers_end_as_by_a_users_wish(
    store: Store, numbers: list[int]
) -> None:
    across = LosersAcross(store)
    assert not look(across)
    for place, number in enumerate(numbers):
        printed(store, number, [place + 5.0, place + 4.0, place + 3.0, float(place)])
    assert look(across)
    found = decisions(store)
    assert set(found) == set(numbers[5:])
    rows = {row.number: row for row in store.runs.find(numbers)}
    assert {rows[number].node for number in found} == {"gpu1", "gpu2"}
    assert wishes(store) == {(rows[n].token, rows[n].idx): event.text for n, event in found.items()}
    for event in found.values():
        assert follows(event.data)
        assert all(value == float(numbers.index(run)) for run, value in event.data["others"])
    assert not look(across)
    assert not rules(store), "told before a node has obeyed"


def test_a_run_that_goes_on_before_its_node_obeys_is_judged_by_what_it_is_then(
    store: Store, numbers: list[int]
) -> None:
    across = LosersAcross(store)
    for place, number in enumerate(numbers):
        printed(store, number, [float(place)] * 4)
    assert look(across)
    good, bad = numbers[-2:]
    for place, number in enumerate([*numbers[:4], bad, good]):
        printed(store, number, [float(place) if number != good else -1.0] * 2, first=4)
    assert look(across)
    wished = [intent.payload["rule"] for intent in store.intents.open()]
    assert [rule["evidence"]["point"] for rule in wished if rule["run"] == bad] == [4, 6]
    assert [rule["evidence"]["point"] for rule in wished if rule["run"] == good] == [4]


def test_an_engine_that_takes_over_decides_the_same_and_nothing_twice(tmp_path: Path) -> None:
    decided: list[dict[int, Decision]] = []
    for other in (False, True):
        with Store(tmp_path / f"home-{other}") as store:
            numbers = begin(store, tmp_path / f"home-{other}", tmp_path)
            across = LosersAcross(store)
            for turn in range(4):
                for place, number in enumerate(numbers):
                    if number not in decisions(store):
                        printed(store, number, [place * (1.0 - turn / 8)] * 4, first=4 * turn)
                        look(across)
                    if other:
                        across = LosersAcross(store)
                        before = decisions(store)
                        assert not look(across)
                        assert decisions(store) == before
            decided.append(dict(decisions(store)))
    assert decided[0] == decided[1]
    assert len(decided[0]) > RUNS / 2


def test_what_could_not_be_stored_is_decided_anew(
    store: Store, numbers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    across = LosersAcross(store)
    for place, number in enumerate(numbers):
        printed(store, number, [float(place)] * 4)

    def full(*_: Any, **__: Any) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(store.intents, "put", full)
        with pytest.raises(StoreError):
            look(across)
    assert not decisions(store)
    assert look(across)
    assert len(decisions(store)) == 5


def test_what_a_node_decided_is_not_decided_again_here_nor_the_other_way_round(
    store: Store, home: Path, numbers: list[int]
) -> None:
    for place, number in enumerate(numbers):
        printed(store, number, [float(place)] * 4)
    look(LosersAcross(store))
    found = decisions(store)
    rows = {row.number: row for row in store.runs.find(numbers)}
    decided, kept = numbers[-1], numbers[0]
    for number in (decided, kept):
        row = rows[number]
        said = record("rule", row.idx, text="stop_losers, said by the node", data=found[decided].data)
        session = collector(store, home, node=row.node)
        session.follow(row.token)
        session.take([journal(said, token=row.token, name=f"k-{number}-1.log")])
    row = rows[decided]
    add_rule(
        store, 1100.0, found[decided].text, decided, 1, row.node, found[decided].data
    )  # it has obeyed, too
    assert {run: event.text for run, event in rules(store).items()} == {
        decided: "stop_losers, said by the node", kept: "stop_losers, said by the node",
    }  # fmt: skip
    assert not look(LosersAcross(store))


@pytest.mark.parametrize(
    "change",
    [
        {"value": "x"},
        {"others": [[1, 2, 3]]},
        {"others": [[1, 2.0]] * 500},
        {"kept": ["a"]},
        {"point": -1},
        {"rule": 3},
    ],
    ids=str,
)
def test_an_evidence_that_is_none_ends_the_session(
    store: Store, home: Path, numbers: list[int], change: dict[str, Any]
) -> None:
    for place, number in enumerate(numbers):
        printed(store, number, [float(place)] * 4)
    look(LosersAcross(store))
    evidence = {**decisions(store)[numbers[-1]].data, **change}
    row = store.runs.find([numbers[0]])[0]
    session = collector(store, home, node=row.node)
    session.follow(row.token)
    with pytest.raises(ProtocolError):
        session.take([journal(record("rule", row.idx, text="", data=evidence), token=row.token)])


def test_a_moved_run_stays_in_its_sweep_and_a_rerun_does_not(
    store: Store, home: Path, tmp_path: Path, numbers: list[int]
) -> None:
    row = next(row for row in store.runs.find(numbers) if row.node == "gpu1")
    move(store, home, row.token, [row.idx], "gpu2")
    moved = store.batches.content(store.runs.find([row.number])[0].token)
    assert moved[LOCAL][SWEEP] == [numbers[0], numbers[-1]]
    assert moved["stop_losers"]["metric"] == "error"
    store.attempts.report(row.number, 1, "terminated", "stop_losers", ended=1100.0)
    store.attempts.complete(row.number, 1)
    store_rerun(store, home, "home1", store.runs.find([row.number]), NODES, {})
    again = store.batches.content(store.runs.find([row.number])[0].token)
    assert "stop_losers" not in again
    assert SWEEP not in again[LOCAL]
