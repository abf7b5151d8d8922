"""What a channel is told, and when: no file, no clock."""

from __future__ import annotations

import os
import struct
import time
import zlib
from collections.abc import Iterator
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neronet.engine.notify.curve import HEIGHT, WIDTH, curve
from neronet.engine.notify.rules import FIRST, Gathered, Item, by_clock, due_at, gather, select
from neronet.engine.notify.writing import Detail, write
from neronet.spec.notify import Channel, Digest, EventRule
from neronet.spec.problems import harmless
from neronet.store.events import Event
from neronet.store.outbox import Active, Mark
from neronet.store.runs import RunRow


def row(number: int = 1, experiment: str = "lang", submitted: float = 5.0, **more: object) -> RunRow:
    name = f"{experiment}/x={number}"
    run = RunRow(
        number, name, experiment, ("group",), {"x": "1"}, (), "", submitted, "", 0, "", "", 1, 0, "gpu1", "", 0,
        "running", "running", "", None, None, None,
    )  # fmt: skip
    return run._replace(**more)  # type: ignore[arg-type]


def event(kind: str, text: str = "", run: int | None = 1, **data: object) -> Event:
    return Event(1, 100.0, run, 1, "gpu1", kind, text, data or None, f"lang/x={run}")


def told(channel: Channel, *events: Event, explained: tuple[tuple[int, int], ...] = ()) -> list[str]:
    items = select(channel, events, {1: row(), 2: row(2)}, {}, explained)
    return [f"{item.word}: {item.text}" for item in items]


def channel(*words: str, **more: object) -> Channel:
    return Channel("desktop", events=tuple(map(EventRule, words)), **more)  # type: ignore[arg-type]


def test_a_channel_is_told_what_it_asks_for() -> None:
    events = [
        event("running"),
        event("finished"),
        event("timeout", "time limit"),
        event("lost", "gone"),
        event("note"),
    ]
    assert told(channel("failed"), *events) == ["timeout: time limit"]
    assert told(channel("lost"), *events) == ["lost: gone"]
    assert told(channel("ended"), *events) == ["finished: ", "timeout: time limit", "lost: gone"]
    assert told(channel("unreachable"), event("unreachable", "no route", None)) == ["unreachable: no route"]
    assert told(channel("rule"), event("rule", "stopped 3 of 9", None)) == ["rule: stopped 3 of 9"]


def test_a_condition_is_told_once_whether_it_warned_or_killed() -> None:
    ask = channel("condition")
    killed = event("terminated", "condition high, 67 > 50")
    assert told(ask, event("warning", "condition high, 67 > 50"), event("warning", "a note")) == [
        "condition: condition high, 67 > 50"
    ]
    assert told(ask, killed) == ["condition: condition high, 67 > 50"]
    assert told(ask, event("condition", "high: 67 > 50", action="kill"), killed, explained=((1, 1),)) == [
        "condition: high: 67 > 50"
    ]
    assert told(ask, event("terminated", "by the user")) == []


def test_the_action_notify_is_told_whatever_the_channel_asks_for() -> None:
    assert told(channel("lost"), event("condition", "done", action="notify")) == ["condition: done"]
    assert told(channel("lost"), event("condition", "done", action="warn")) == []
    other = channel("lost", experiments=("other*",))
    assert told(other, event("condition", "done", action="notify")) == []


def test_filters_hold_back_other_experiments_and_collections() -> None:
    failed = event("failed", "exit code 1")
    assert told(channel("failed", experiments=("la*",)), failed) and told(
        channel("failed", collections=("gr*",)), failed
    )
    assert not told(channel("failed", experiments=("x*",)), failed)
    assert not told(channel("failed", collections=("x*",)), failed)


def test_a_sweep_is_told_when_its_last_run_has_ended() -> None:
    ask, key = channel("sweep ended"), ("lang", 5.0)
    runs = {1: row(), 2: row(2)}
    ends = [event("finished"), event("failed", "exit code 1", 2)]
    assert select(ask, ends, runs, {key: {"finished": 1, "failed": 1, "running": 1}}) == []
    (item,) = select(ask, ends, runs, {key: {"finished": 5, "failed": 1}})
    assert (item.word, item.name, item.text) == ("sweep ended", "lang", "5 finished, 1 failed")
    (item,) = select(ask, ends[:1], runs, {key: {"finished": 1}})  # of one run: its end
    assert (item.word, item.run) == ("finished", 1)
    assert len(select(channel("sweep ended", "ended"), ends[:1], runs, {key: {"finished": 1}})) == 1


def test_an_attempt_that_its_scheduler_began_anew_is_no_lost_run() -> None:
    anew = event("lost", "the scheduler started its job again")
    found = [
        select(channel("lost", "ended"), [anew], {1: row(attempt=attempt)}, {}, ()) for attempt in (1, 2)
    ]
    assert [len(items) for items in found] == [1, 0]


def test_a_run_that_waits_is_told_once() -> None:
    ask = Channel("desktop", events=(EventRule("waiting", 100.0),))
    waits = [Active(1, 1, "pending", 50.0)]

    def at(since: float, now: float) -> int:
        return len(by_clock(ask, Mark(0, since, {}), now, waits, {1: row(reason="Priority")}, {}, {})[0])

    assert [at(0, 140), at(140, 150), at(150, 160), at(0, 1000)] == [0, 1, 0, 1]


def test_progress_is_told_every_so_often_by_time_and_by_points() -> None:
    runs = [Active(1, 1, "running", 100.0)]
    by_time = Channel("desktop", events=(EventRule("progress", 60.0),))
    looks = [(100, 150), (150, 160), (160, 170), (170, 500)]
    assert [len(by_clock(by_time, Mark(0, a, {}), b, runs, {1: row()}, {}, {})[0]) for a, b in looks] == [
        0,
        1,
        0,
        1,
    ]
    by_points = Channel("desktop", events=(EventRule("progress", 500.0, "loss"),))
    mark, found = Mark(0, 0, {}), []
    for n in (499, 500, 700, 1600, 1600):
        items, points = by_clock(by_points, mark, 200, runs, {1: row()}, {1: {"loss": n}}, {1: "loss 1"})
        mark = mark._replace(points=points)
        found.append(len(items))
    assert found == [0, 1, 0, 1, 0]


def items(count: int, word: str = "failed", text: str = "exit code 1") -> list[Item]:
    return [Item(word, 1.0, text, n, 1, f"lang/x={n}", "lang") for n in range(1, count + 1)]


def test_ten_thousand_failures_are_a_small_message() -> None:
    gathered = gather(None, items(10_000), 1.0)
    gathered = gather(gathered, items(300, "lost", "gone"), 2.0)
    assert gathered.counts == {"failed": 10_000, "lost": 300} and len(gathered.items) == 2 * FIRST
    written = write(gathered)
    assert written.subject == "neronet: 10,000 runs of lang failed; 300 runs of lang were lost"
    assert len(written.html) < 8000


def test_a_subject_says_all_that_is_inside_in_under_78_characters() -> None:
    gathered = gather(None, items(12, text="a long reason that nobody reads"), 1.0)
    gathered = gather(
        gathered, [Item("sweep ended", 1.0, "12 failed, 3 finished, 2 terminated", name="lang")], 2.0
    )
    gathered = gather(gathered, items(3, "condition", "condition high, 67 > 50"), 2.0)
    gathered = gather(gathered, [Item("unreachable", 1.0, "no route to host", name="gpu1")], 2.0)
    assert (
        write(gathered).subject == "neronet: lang: 1 sweep ended, 12 failed, 3 conditions met, 1 node silent"
    )
    gathered = gather(gathered, items(1, "lost")[0:1] + items(4, "waiting") + items(2, "finished"), 3.0)
    subject = write(gathered).subject
    assert subject == "neronet: lang: 1 sweep ended, 12 failed, 1 lost, 3 conditions met, ..."
    more = gather(gather(None, items(2, text="x" * 60), 1.0), [Item("lost", 1.0, "", 9, 1, "b/1", "b")], 1.0)
    assert write(more).subject == "neronet: 2 runs failed; b/1 was lost"


def test_a_subject_about_one_run_says_all_that_happened_to_it() -> None:
    one = row(name="lang/" + "x=1," * 30)
    both = [Item("condition", 1.0, "condition high", 1, 1, one.name, "lang"), *items(1)]
    subject = write(gather(None, both, 1.0), Detail(one)).subject
    assert subject == f"neronet: {harmless(one.name, 36)}: failed, met a condition"
    alone = [Item("failed", 1.0, "exit code 3", 1, 1, one.name, "lang")]
    assert write(gather(None, alone, 1.0), Detail(one)).subject.endswith("... failed: exit code 3")


def test_progress_that_is_told_again_and_again_counts_each_run_once_and_keeps_the_last() -> None:
    gathered = None
    for moment in range(5):  # before the message may go: quiet hours, a digest
        news = [Item("progress", moment, f"loss {moment}", run, 1, f"x={run}") for run in range(FIRST + 2)]
        gathered = gather(gathered, news, float(moment))
    assert gathered is not None and gathered.counts == {"progress": FIRST + 2}
    assert len(gathered.items) == FIRST and {item.text for item in gathered.items} == {"loss 4"}
    for run in range(3):  # one after the other
        gathered = gather(gathered, [Item("progress", 9.0, "loss 9", run, 1, f"x={run}")], 9.0)
    assert gathered.counts == {"progress": FIRST + 2} and len(gathered.items) == FIRST


def test_many_different_reasons_are_counted_within_bounds() -> None:
    gathered = None
    for n in range(1000):
        gathered = gather(gathered, items(1, text=f"reason {n}"), 1.0)
    assert gathered is not None
    assert len(gathered.reasons["failed"]) == 51 and gathered.reasons["failed"]["other"] == 950


def test_news_waits_for_more_of_it_but_not_for_ever() -> None:
    ask = channel("failed", join=10.0)
    first = gather(None, items(1), 100.0)
    assert due_at(ask, first, []) == 110.0
    assert due_at(ask, gather(first, items(1), 105.0), []) == 115.0
    assert due_at(ask, gather(first, items(1), 900.0), []) == 220.0


def test_the_limit_of_messages_holds_the_next_one_back() -> None:
    ask = channel("failed", join=1.0, at_most=(2, 600.0))
    gathered = gather(None, items(1), 1000.0)
    assert due_at(ask, gathered, [500.0]) == 1001.0
    assert due_at(ask, gathered, [500.0, 700.0]) == 1100.0


@pytest.fixture
def helsinki() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Europe/Helsinki"
    time.tzset()
    yield
    os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
    time.tzset()


def local(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    ("news", "due"),
    [
        ("2026-03-10T12:00", "2026-03-10T12:00"),
        ("2026-03-10T22:00", "2026-03-11T07:00"),
        ("2026-03-11T06:59", "2026-03-11T07:00"),
        ("2026-03-11T07:00", "2026-03-11T07:00"),
        ("2026-03-28T23:30", "2026-03-29T07:00"),  # the night in which clocks are put forward
    ],
)
def test_quiet_hours_hold_back_until_they_end(helsinki: None, news: str, due: str) -> None:
    ask = channel("failed", quiet=(22 * 60, 7 * 60), join=0.001)
    assert due_at(ask, gather(None, items(1), local(news)), []) == pytest.approx(local(due), abs=1)


def test_a_digest_comes_at_its_time(helsinki: None) -> None:
    gathered = gather(None, items(1), local("2026-03-10T12:00"))  # a Tuesday
    assert due_at(channel("failed", digest=Digest(480)), gathered, []) == local("2026-03-11T08:00")
    assert due_at(channel("failed", digest=Digest(480, 0)), gathered, []) == local("2026-03-16T08:00")


@given(
    st.text(), st.text(), st.sampled_from(["failed", "condition", "sweep ended", "unsure", "rule", "waiting"])
)
def test_no_text_breaks_a_subject_or_becomes_a_tag(name: str, reason: str, word: str) -> None:
    one = Item(word, 1.0, f"{reason}<script>", 1, 1, f"{name}\r\n<img src=x>", "lang")
    for many in ([one], [one, one._replace(run=2)]):
        gathered = Gathered.from_json(list(gather(None, many, 1.0)))
        written = write(gathered)
        assert written.subject.isprintable() and len(written.subject) < 78
        assert "<script>" not in written.html and "<img" not in written.html


@settings(max_examples=30)
@given(st.lists(st.floats(), max_size=30))
def test_any_numbers_are_a_picture_or_none(values: list[float]) -> None:
    png = curve(range(len(values)), values)
    if png is None:
        assert sum(value - value == 0 for value in values) < 2
        return
    assert struct.unpack(">2I", png[16:24]) == (WIDTH, HEIGHT)
    start = png.index(b"IDAT") + 4
    size = struct.unpack(">I", png[start - 8 : start - 4])[0]
    assert len(zlib.decompress(png[start : start + size])) == HEIGHT * (1 + 3 * WIDTH)
