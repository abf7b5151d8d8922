"""What the engine reads from logs while they grow: in any pieces, by any of its holders, nothing twice or left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from neronet.engine import extracting
from neronet.engine.extracting import Extracting, extract_run, log_of
from neronet.store import Store
from neronet.store.extractors import Extractor
from tests.store.store_tools import end, submit

LOSS = ("neronet", "regex", r"epoch (?P<step>{int}): loss (?P<loss>{number})")
TABLE = ("neronet", "table", "TotEng")


class Log:
    """The mirrored log of a run, which comes in pieces, and who reads it."""

    def __init__(self, store: Store, home: Path, *arguments: tuple[str, ...]) -> None:
        self.store, self.home = store, home
        (self.run,) = submit(store, "one")
        for each in arguments:
            self.extractor: Extractor = store.extractors.add("lang", 0, each, 1.0)
        row = store.runs.get(self.run)
        assert row is not None
        self.path = log_of(home, row, 0)
        self.path.parent.mkdir(parents=True)
        self.path.touch()
        self.engine = Extracting(store, home)

    def __call__(self, data: bytes) -> None:
        offset = self.path.stat().st_size
        with self.store.transaction(), open(self.path, "ab") as file:
            file.write(data)
            file.flush()
            self.engine.feed(self.run, 1, 0, offset, data)

    def end(self) -> None:
        with self.store.transaction():
            self.engine.finish(self.run, 1)
            end(self.store, self.run)

    def points(self, metric: str) -> list[tuple[float, float]]:
        step, _, value = self.store.points.read(self.run, metric)
        return list(zip(step, value))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


TEXT = b"".join(b"epoch %d: loss %d.5\n" % (i, i) for i in range(30)) + b"epoch 30: loss 30.5"
ALL = [(float(i), i + 0.5) for i in range(31)]


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
def test_pieces_of_any_size_give_the_same_points(store: Store, home: Path, size: int) -> None:
    log = Log(store, home, LOSS)
    for at in range(0, len(TEXT), size):
        log(TEXT[at : at + size])
    assert log.points("loss") == ALL[:-1], "the last line has no end yet"
    log.end()
    assert log.points("loss") == ALL


def test_another_engine_and_whoever_applies_it_again_store_nothing_twice(store: Store, home: Path) -> None:
    log = Log(store, home, LOSS)
    log(TEXT[:100])
    assert extract_run(store, home, log.extractor, log.run) == 0
    log.engine = Extracting(store, home)
    log(TEXT[100:200])
    log.path.write_bytes(TEXT[:300])  # the applying process sees more than the engine has stored
    assert extract_run(store, home, log.extractor, log.run) > 0
    log.path.write_bytes(TEXT[:200])
    log(TEXT[200:])
    log.end()
    assert extract_run(store, home, log.extractor, log.run) == 0
    assert log.points("loss") == ALL


def test_what_was_there_before_the_extractor_is_read_too(store: Store, home: Path) -> None:
    log = Log(store, home)
    log(TEXT[:150])
    store.extractors.add("lang", 0, LOSS, 1.0)
    log(TEXT[150:])
    log.end()
    assert log.points("loss") == ALL


def test_a_rolled_back_piece_comes_again_and_is_read_once(store: Store, home: Path) -> None:
    log = Log(store, home, LOSS)
    log(TEXT[:100])
    with pytest.raises(ZeroDivisionError), store.transaction():
        log.engine.feed(log.run, 1, 0, 100, TEXT[100:200])
        raise ZeroDivisionError
    log(TEXT[100:])
    log.end()
    assert log.points("loss") == ALL


def test_a_new_engine_still_knows_the_columns_of_a_table(
    store: Store, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extracting, "HEAD", 60)
    monkeypatch.setattr(extracting, "BACK", 200)
    log = Log(store, home, TABLE)
    log(b"Setting up ...\n   Step   TotEng\n" + b"".join(b"%7d %8.1f\n" % (i, -i) for i in range(100)))
    log.engine = Extracting(store, home)
    log(b"    100   -100.0\n")
    assert log.points("TotEng") == [(float(i), -float(i)) for i in range(101)]


def test_a_new_engine_still_knows_the_step_that_a_line_above_has_said(
    store: Store, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extracting, "HEAD", 60)
    monkeypatch.setattr(extracting, "BACK", 200)
    log = Log(store, home, ("neronet", "regex", "^Epoch (?P<step>{int})|loss=(?P<loss>{number})"))
    log(b"Epoch 1\nloss=5\nEpoch 2\n" + b"some words\n" * 100 + b"loss=4\n" + b"more words\n" * 100)
    log.engine = Extracting(store, home)
    log(b"loss=3\nEpoch 3\nloss=2\n")
    assert log.points("loss") == [(1, 5), (2, 4), (2, 3), (3, 2)]


BARS = b"".join(
    b"Epoch %d: 0%%\rEpoch %d: 100%%, loss=%d\rEpoch %d: 100%%, loss=%d.5\r" % (i, i, i, i, i)
    for i in range(9)
)
LAST_DRAWN = ("neronet", "regex", "Epoch (?P<step>{int})(?:: 100%.*?loss=(?P<loss>{number}))?", "keep=last")


@pytest.mark.parametrize("size", [1, 50, 10_000])
@pytest.mark.parametrize("restarted", [False, True])
def test_a_bar_that_is_drawn_again_is_one_point_whoever_reads_it(
    store: Store, home: Path, size: int, restarted: bool
) -> None:
    log = Log(store, home, LAST_DRAWN)
    for at in range(0, len(BARS), size):
        log(BARS[at : at + size])
        if restarted:
            log.engine = Extracting(store, home)
    assert log.points("loss") == [(i, i + 0.5) for i in range(8)], "the last one may be drawn again"
    log.end()
    assert log.points("loss") == [(i, i + 0.5) for i in range(9)]
    assert extract_run(store, home, log.extractor, log.run) == 0
    assert log.points("loss") == [(i, i + 0.5) for i in range(9)]


def test_a_metric_from_elsewhere_is_left_as_it_is(store: Store, home: Path) -> None:
    log = Log(store, home, LOSS)
    store.points.add(log.run, 1, 0, [(1.0, [("loss", 7.0, 0, None)])])
    log(TEXT)
    log.end()
    assert extract_run(store, home, log.extractor, log.run) == 0
    assert log.points("loss") == [(0.0, 7.0)]


def test_a_log_that_takes_too_long_is_given_up_and_that_is_told(
    store: Store, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log(store, home, LOSS)
    log(TEXT[:100])
    known = log.points("loss")
    monkeypatch.setattr(extracting, "SLOW", -1.0)
    log(TEXT[100:200])
    log(TEXT[200:])
    log.end()
    assert known and log.points("loss")[: len(known)] == known and len(log.points("loss")) < 31
    (event,) = [event for event in store.events.find([log.run]) if event.kind == "warning"]
    assert "takes too long" in event.text


def test_two_extractors_read_one_log(store: Store, home: Path) -> None:
    other = ("neronet", "regex", "(?P<twice>{number})$")
    log = Log(store, home, LOSS, other)
    assert [each.number for each in store.extractors.of("lang")] == [0, 1]
    assert store.extractors.add("lang", 0, LOSS, 2.0) == store.extractors.of("lang")[0]
    log(TEXT)
    log.end()
    assert log.points("loss") == ALL
    assert [value for _, value in log.points("twice")] == [value for _, value in ALL]


def test_runs_whose_node_reads_the_log_are_left_alone(store: Store, home: Path) -> None:
    log = Log(store, home, LOSS)
    with store.transaction() as sql:
        sql.execute(
            "UPDATE batches SET content = ?",
            ('{"processors": [{"kind": "line", "file": "stdout", "call": %s}]}' % _json(LOSS),),
        )
    log(TEXT)
    log.end()
    assert extract_run(store, home, log.extractor, log.run) == 0
    assert log.points("loss") == []


def _json(arguments: tuple[str, ...]) -> str:
    import json

    return json.dumps(arguments)


def test_columns_are_stored_as_points_are(store: Store, home: Path) -> None:
    log = Log(store, home, LOSS)
    log.path.write_bytes(b"".join(b"epoch %d: loss %d.5\nepoch x: loss\n" % (i * 10, i) for i in range(5000)))
    assert extract_run(store, home, log.extractor, log.run) == 5000
    step, times, value = store.points.read(log.run, "loss")
    assert list(step) == [i * 10 for i in range(5000)] and list(value) == [i + 0.5 for i in range(5000)]
    assert list(times) == sorted(times)
    head = store.points.heads(log.run)["loss"]
    assert (head.n, head.lo, head.hi, head.step, head.value) == (5000, 0.5, 4999.5, 49990, 4999.5)
    log(b"epoch 60000: loss 0.25\n")
    log.end()
    step, _, value = store.points.read(log.run, "loss")
    assert (len(step), step[-1], value[-1]) == (5001, 60000, 0.25)
