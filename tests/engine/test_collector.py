"""What a node sends becomes states, points, events and files: once each, in any order and any cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from neronet.errors import ProtocolError
from neronet.store import Store
from tests.engine.model_node import (
    TOKEN,
    collector,
    ended,
    journal,
    log,
    output,
    points,
    record,
    submitted,
)  # fmt: skip

RESULTS = "results/lang/x=0"


def test_a_run_is_shown_as_ended_only_when_its_logs_and_outputs_are_here(store: Store, home: Path) -> None:
    number, other = submitted(store)
    taker = collector(store, home)
    assert taker.follow(TOKEN) == [{"m": "follow", "token": TOKEN, "offsets": {}}]
    wishes = taker.take(
        [
            journal(
                record("claimed", host="h", gpus=[]),
                record("started"),
                ended((3, 2, 0), outputs=[["a", 1, 0]]),
            )
        ]
    )
    assert {(wish["m"], wish.get("stream"), wish.get("until")) for wish in wishes} == {
        ("log", 0, 3), ("log", 1, 2), ("output", None, None),
    }  # fmt: skip
    for piece in (log(b"abc", end=True), log(b"de", stream=1, end=True)):
        assert store.runs.get(number).state == "running"  # type: ignore[union-attr]
        assert taker.take([piece]) == []
    assert store.runs.get(number).state == "running"  # type: ignore[union-attr]
    taker.take([output(b"x", "a")])
    run = store.runs.get(number)
    assert run is not None
    assert (run.state, run.exit_status, run.started, run.ended) == (
        "finished",
        0,
        1400.0,
        1500.0,
    )
    assert (home / RESULTS / "stdout.log").read_bytes() == b"abc"
    assert (home / RESULTS / "stderr.log").read_bytes() == b"de"
    assert (home / RESULTS / "a").read_bytes() == b"x"
    assert store.batches.get(TOKEN).state == "accepted"  # type: ignore[union-attr]
    assert {"m": "unfollow", "token": TOKEN} in taker.take(
        [journal(ended(index=1), offset=taker_offset(store))]
    )
    assert store.runs.get(other).state == "finished"  # type: ignore[union-attr]
    assert store.batches.get(TOKEN).state == "final"  # type: ignore[union-attr]


def taker_offset(store: Store) -> int:
    return store.offsets.journals(TOKEN)["host-1-2.log"]


def test_a_piece_that_comes_twice_or_overlaps_is_stored_once(store: Store, home: Path) -> None:
    submitted(store)
    taker = collector(store, home)
    taker.follow(TOKEN)
    taker.take([journal(record("started"))])
    for piece in (
        log(b"abc"),
        log(b"abc"),
        log(b"bcde", offset=1),
        log(b"", offset=5),
        log(b"gh", offset=6),
        log(b"f", offset=5),
    ):
        taker.take([piece])
    assert (home / RESULTS / "stdout.log").read_bytes() == b"abcdef"


def test_a_truncated_log_goes_on_behind_what_was_there_and_says_so_once(store: Store, home: Path) -> None:
    number, _ = submitted(store)
    taker = collector(store, home)
    taker.follow(TOKEN)
    taker.take([journal(record("started")), log(b"one\n")])
    taker.take([log(b"two\n", reset=True)])
    taker.take([log(b"three\n", reset=True)])
    assert (home / RESULTS / "stdout.log").read_bytes() == b"one\ntwo\nthree\n"
    told = [event.text for event in store.events.find([number]) if event.kind == "note"]
    assert told == ["the program truncated its stdout.log"]


def test_what_the_node_has_lost_of_a_log_is_said(store: Store, home: Path) -> None:
    number, _ = submitted(store)
    taker = collector(store, home)
    taker.follow(TOKEN)
    taker.take([journal(ended((10, 0, 0))), log(b"abc")])
    taker.take([log(b"", offset=3, end=True)])
    assert store.runs.get(number).state == "finished"  # type: ignore[union-attr]
    assert any("stdout.log is not whole" in event.text for event in store.events.find([number]))


def test_an_exit_that_is_found_late_corrects_a_run_that_was_lost(store: Store, home: Path) -> None:
    number, _ = submitted(store)
    taker = collector(store, home)
    taker.follow(TOKEN)
    taker.take(
        [
            journal(record("started"), ended((3, 0, 0), state="lost", reason="gone", status=None)),
            log(b"abc", end=True),
        ]
    )
    assert store.runs.get(number).state == "lost"  # type: ignore[union-attr]
    wishes = taker.take(
        [journal(ended((6, 0, 0), reason="", status=0, outputs=[["a", 1, 0]]), name="other.log")]
    )
    assert [(wish["m"], wish["offset"], wish.get("until")) for wish in wishes] == [
        ("log", 3, 6),
        ("output", 0, None),
    ]
    taker.take([log(b"def", offset=3, end=True), output(b"x", "a")])
    run = store.runs.get(number)
    assert run is not None
    assert (run.state, run.reason, run.exit_status) == ("finished", "", 0)
    assert (home / RESULTS / "stdout.log").read_bytes() == b"abcdef"


def test_the_end_of_an_older_wish_does_not_cut_a_log_that_grew_meanwhile(store: Store, home: Path) -> None:
    number, _ = submitted(store)
    taker = collector(store, home)
    taker.follow(TOKEN)
    taker.take([journal(ended((3, 0, 0), state="lost", status=None))])
    taker.take([journal(ended((6, 0, 0)), name="other.log")])
    taker.take([log(b"abc", end=True)])  # what was asked for first
    assert store.runs.get(number).state != "finished"  # type: ignore[union-attr]
    taker.take([log(b"abcdef", end=True)])
    assert store.runs.get(number).state == "finished"  # type: ignore[union-attr]
    assert (home / RESULTS / "stdout.log").read_bytes() == b"abcdef"


def test_an_end_that_is_told_twice_changes_nothing(store: Store, home: Path) -> None:
    number, _ = submitted(store)
    taker = collector(store, home)
    taker.follow(TOKEN)
    taker.take([journal(ended((3, 0, 0), outputs=[["a", 1, 0]]))])
    assert taker.take([journal(ended((3, 0, 0), outputs=[["a", 1, 0]]), name="second.log")]) == []
    taker.take([log(b"abc", end=True), output(b"x", "a")])
    assert taker.take([journal(ended((3, 0, 0), outputs=[["a", 1, 0]]), name="third.log")]) == []
    assert store.runs.get(number).state == "finished"  # type: ignore[union-attr]
    assert [event.kind for event in store.events.find([number])] == ["finished"]


def test_a_session_that_begins_anew_asks_for_what_is_missing(store: Store, home: Path) -> None:
    submitted(store)
    first = collector(store, home)
    first.follow(TOKEN)
    first.take(
        [journal(record("started"), points([1, 2]), ended((5, 0, 0), outputs=[["a", 1, 0]])), log(b"abc")]
    )
    second = collector(store, home)
    wishes = second.follow(TOKEN)
    assert wishes[0]["offsets"] == {"host-1-2.log": taker_offset(store)}
    assert [(wish["m"], wish["offset"]) for wish in wishes[1:]] == [("log", 3), ("output", 0)]


def test_the_journal_goes_on_exactly_where_it_was(store: Store, home: Path) -> None:
    submitted(store)
    taker = collector(store, home)
    taker.follow(TOKEN)
    taker.take([journal(record("started"))])
    for offset in (0, 1, taker_offset(store) + 1):
        with pytest.raises(ProtocolError, match="instead of"):
            collector_again(store, home).take([journal(record("started"), offset=offset)])


def collector_again(store: Store, home: Path) -> Any:
    again = collector(store, home)
    again.follow(TOKEN)
    return again


def test_a_journal_that_begins_anew_is_read_again_and_doubles_no_point(store: Store, home: Path) -> None:
    number, _ = submitted(store)
    taker = collector(store, home)
    taker.follow(TOKEN)
    taker.take([journal(record("started"), points([1, 2, 3]))])
    taker.take([journal(points([2, 3, 4], offset=10), reset=True)])
    assert list(store.points.read(number, "loss").value) == [1, 2, 3, 4]


def test_another_start_of_a_run_is_another_attempt(store: Store, home: Path) -> None:
    number, _ = submitted(store)
    taker = collector(store, home)
    taker.follow(TOKEN)
    taker.take([journal(record("started"), points([1]), ended(state="lost", reason="requeued", status=None))])
    taker.take([journal(record("started", start=2), name="b.log")])
    run = store.runs.get(number)
    assert run is not None
    assert (run.attempt, run.state) == (2, "running")
    assert [row.state for row in store.attempts.of_run(number)] == ["lost", "running"]


def test_a_withdrawn_run_and_a_warning_are_told_in_the_history(store: Store, home: Path) -> None:
    number, _ = submitted(store)
    taker = collector(store, home)
    taker.follow(TOKEN)
    taker.take(
        [journal(record("withdrawn", id="w"), record("warn", text="mind the gap"), record("adopted", n=1))]
    )
    assert [event.kind for event in store.events.find([number])] == ["withdrawn", "warning", "adopted"]


def firing(**more: Any) -> dict[str, Any]:
    data = {
        "condition": "c", "metric": "loss", "comparator": "gt", "action": "notify", "value": 67.01, "limit": 50.0,
        "offset": 12, "step": None, "elapsed": 3.5, **more,
    }  # fmt: skip
    return record("fired", c="c", text="condition c, 67.01 > 50", data=data)


def test_a_firing_becomes_an_event_with_its_numbers_however_often_its_journal_comes(
    store: Store, home: Path
) -> None:
    number, _ = submitted(store)
    for _ in range(2):  # another session asks from where the last one ended
        taker = collector(store, home)
        taker.follow(TOKEN)
        if not taker_offset_or_none(store):
            taker.take([journal(record("started"), firing(value=float("nan")))])
    events = [event for event in store.events.find([number]) if event.kind == "condition"]
    assert [event.text for event in events] == ["condition c, 67.01 > 50"]
    data = dict(events[0].data or {})
    assert str(data.pop("value")) == "nan"
    assert data == {
        "condition": "c", "metric": "loss", "comparator": "gt", "action": "notify", "limit": 50.0, "offset": 12,
        "elapsed": 3.5,
    }  # fmt: skip


def taker_offset_or_none(store: Store) -> int | None:
    return store.offsets.journals(TOKEN).get("host-1-2.log")


def test_what_a_run_runs_on_is_kept_of_it_what_is_as_it_should_be(store: Store, home: Path) -> None:
    number, _ = submitted(store)
    taker = collector(store, home)
    taker.follow(TOKEN)
    facts = {
        "host": "gpu1", "cores": 64, "memory": 2**38, "gpus": ["A100"] * 2, "driver": "535.104.05", "python": "3.11.2",
        "modules": ["gcc/12"], "load": 3.5, "conda": 7, "cpu": "x" * 1000, "password": "hunter2",
    }  # fmt: skip
    taker.take([journal(record("started"), record("env", facts=facts))])
    known = store.attempts.environments([number])[number]
    assert len(known.pop("cpu")) == 300
    assert known == {name: facts[name] for name in facts if name not in ("conda", "cpu", "password")}


def test_samples_are_points_of_a_stream_of_their_own(store: Store, home: Path) -> None:
    number, _ = submitted(store)
    taker = collector(store, home)
    taker.follow(TOKEN)
    samples = points([1.5], offset=1000, name="node.cpu", stream=3)
    taker.take([journal(record("started"), points([5.0]), samples, samples)])
    last = store.points.last([number])[number]
    assert (last.values, last.counts) == ({"loss": 5.0, "node.cpu": 1.5}, {"loss": 1, "node.cpu": 1})


@pytest.mark.parametrize(
    "path", ["../x", "/etc/x", "a/../../x", "a\\b", "con", ".part-x", "a/", "", "x" * 300, "a\x1b[2J"]
)
def test_an_output_with_a_bad_name_is_left_out_and_said(path: str, store: Store, home: Path) -> None:
    number, _ = submitted(store)
    taker = collector(store, home)
    taker.follow(TOKEN)
    taker.take([journal(ended(outputs=[[path, 1, 0], ["good", 1, 1]]))])
    taker.take([output(b"x", path), output(b"y", "good")])
    assert store.runs.get(number).state == "finished"  # type: ignore[union-attr]
    assert [event.kind for event in store.events.find([number])] == ["finished", "warning"]
    assert (home / RESULTS / "good").stat().st_mode & 0o100
    assert sorted(
        str(path.relative_to(home))
        for path in home.rglob("*")
        if "neronet.db" not in path.name and path.is_file()
    ) == [f"{RESULTS}/good"]


def test_the_beginning_of_a_log_above_the_limit_is_kept_and_the_run_ends(store: Store, home: Path) -> None:
    number, _ = submitted(store)
    taker = collector(store, home, limit=4)
    taker.follow(TOKEN)
    taker.take([journal(record("started")), log(b"abcdef")])
    taker.take([journal(ended((100, 3, 0)), name="b.log")])
    taker.take([log(b"err", stream=1, end=True)])
    assert store.runs.get(number).state == "finished"  # type: ignore[union-attr]
    assert (home / RESULTS / "stdout.log").read_bytes() == b"abcd"


def test_outputs_named_like_the_logs_do_not_replace_them(store: Store, home: Path) -> None:
    submitted(store)
    taker = collector(store, home)
    taker.follow(TOKEN)
    taker.take([journal(ended((3, 0, 0), outputs=[["stdout.log", 1, 0]])), log(b"abc", end=True)])
    taker.take([output(b"x", "stdout.log")])
    assert (home / RESULTS / "stdout.log").read_bytes() == b"abc"
    assert (home / RESULTS / "output-stdout.log").read_bytes() == b"x"


def test_many_outputs_are_asked_for_a_few_at_a_time(store: Store, home: Path) -> None:
    number, _ = submitted(store)
    taker = collector(store, home)
    taker.follow(TOKEN)
    waiting = [
        wish
        for wish in taker.take([journal(ended(outputs=[[f"o{n}", 1, 0] for n in range(30)]))])
        if wish["m"] == "output"
    ]
    seen = 0
    while waiting:
        assert len(waiting) <= 8
        seen += 1
        waiting = waiting[1:] + taker.take([output(b"x", waiting[0]["path"])])
    assert seen == 30
    assert store.runs.get(number).state == "finished"


LIES: dict[str, Any] = {
    "not an object": 17,
    "no kind": {"i": 0, "a": 1, "t": 1.0},
    "index of a float": record("started", index=0.0),  # type: ignore[arg-type]
    "index of a truth": record("started", index=True),
    "negative index": record("started", index=-1),
    "start of zero": record("started", start=0),
    "start far away": record("started", start=10**9),
    "time of nan": {**record("started"), "t": float("nan")},
    "time of the far future": {**record("started"), "t": 1e300},
    "time of a text": {**record("started"), "t": "now"},
    "stream that is none": points([1.0], stream=1000),
    "stream from the end": points([1.0], stream=-1),
    "value of a whole number": {**points([1.0]), "v": [["loss", 10**400, 0, None]]},
    "offset of a float": {**points([1.0]), "v": [["loss", 1.0, 1.5, None]]},
    "negative offset": {**points([1.0]), "v": [["loss", 1.0, -1, None]]},
    "huge offset": {**points([1.0]), "v": [["loss", 1.0, 2**63, None]]},
    "step of a text": {**points([1.0]), "v": [["loss", 1.0, 0, "x"]]},
    "name with an escape": points([1.0], name="a\x1b]52;c;x\x07"),
    "name of markup": points([1.0], name="<img src=x>"),
    "name that is none": points([1.0], name=""),
    "name too long": points([1.0], name="a" * 500),
    "a sample of another name": points([1.0], name="a" * 500, stream=3),
    "a million names": {**points([1.0]), "v": [[f"n{n}", 1.0, n, None] for n in range(1001)]},
    "a state that is none": ended(state="wonderful"),
    "a state that is no end": ended(state="running"),
    "two sizes": ended((1, 2)),
    "negative size": ended((-1, 0, 0)),
    "size of a float": ended((1.0, 0, 0)),  # type: ignore[arg-type]
    "status of a text": ended(status="0"),  # type: ignore[arg-type]
    "huge status": ended(status=10**30),
    "outputs of texts": ended(outputs=["abc"]),
    "output of a number": ended(outputs=[[1, 2, 3]]),
    "warning of a list": record("warn", text=["x"]),
    "firing of another condition": firing(condition="d"),
    "firing with an action that is none": firing(action="format"),
    "firing with a word that is none": firing(colour="red"),
    "firing without its value": firing(value=None),
    "firing with a value of a text": firing(value="much"),
    "firing with a huge whole number": firing(value=10**400),
    "firing before the start": firing(elapsed=-1.0),
    "firing at half a byte": firing(offset=0.5),
    "firing without a text": record("fired", c="c", text=None, data={}),
    "firing that is a list": {**firing(), "data": [["value", 1]]},
    "facts of a list": record("env", facts=[]),
    "gpus of texts": record("claimed", host="h", gpus=["x"]),
    "host of a number": record("claimed", host=1, gpus=[]),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_a_record_that_lies_is_refused_and_stores_nothing(lie: Any, store: Store, home: Path) -> None:
    number, _ = submitted(store)
    taker = collector(store, home)
    taker.follow(TOKEN)
    before = store.runs.get(number)
    with pytest.raises(ProtocolError, match="gpu1 sent a record that makes no sense"):
        taker.take([journal(record("started"), points([5.0], name="good"), lie)])
    assert store.runs.get(number) == before
    assert store.points.last([number]) == {}
    assert store.events.find() == []
    assert store.offsets.journals(TOKEN) == {}


def test_other_peoples_submissions_and_runs_that_are_none_change_nothing(store: Store, home: Path) -> None:
    submitted(store)
    strange = "f" * 16
    others = submitted(store, token=strange, node="gpu2")
    taker = collector(store, home)
    taker.follow(TOKEN)
    before = store.runs.find()
    taker.take([
        journal(ended(), token=strange), journal(ended(), token="0" * 16), journal(record("started", index=99)),
        log(b"abc", token=strange), log(b"abc", index=99), output(b"x", "never asked for"),
    ])  # fmt: skip
    assert store.runs.find() == before
    assert store.attempts.of_run(others[0])[0].state == "queued"
    assert not (home / "results").exists()


def test_names_are_counted_over_sessions(store: Store, home: Path) -> None:
    submitted(store)
    many = {**points([1.0]), "v": [[f"n{n}", 1.0, n, None] for n in range(1000)]}
    collector_again(store, home).take([journal(many)])
    with pytest.raises(ProtocolError, match="more than 1000 names"):
        collector_again(store, home).take(
            [journal(points([1.0], offset=5000, name="more"), offset=taker_offset(store))]
        )


def test_what_is_read_here_takes_no_name_from_the_node(store: Store, home: Path) -> None:
    (number, *_) = submitted(store)
    many = {**points([1.0]), "v": [[f"n{n}", 1.0, n, None] for n in range(999)]}
    collector_again(store, home).take([journal(many)])
    run = store.runs.get(number)
    assert run is not None
    extractor = store.extractors.add(run.experiment, 1, ("neronet", "keyvalue"), 1.0)
    store.points.add(number, 1, extractor.points, [(2.0, [["here", 1.0, 0, None]])])
    collector_again(store, home).take(
        [journal(points([2.0], offset=5000, name="last"), offset=taker_offset(store))]
    )
    assert store.points.heads(number)["last"].value == 2.0
    assert len(store.points.heads(number)) == 1001


def test_a_node_that_talks_without_end_does_not_fill_the_history(store: Store, home: Path) -> None:
    number, _ = submitted(store)
    taker = collector(store, home)
    taker.follow(TOKEN)
    taker.take([journal(*[record("warn", text="x")] * 3000)])
    assert len(store.events.find([number])) == 1000
