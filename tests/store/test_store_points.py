"""Points in the database: exactly once, in order, whatever their number."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_tools import records, size, submit, undone

from neronet.store import Store, chunks


def chunk_count(store: Store) -> int:
    return len(store.points.raw())


def test_points_come_back_in_order_with_their_numbers_as_steps(store):
    (run,) = submit(store, "a")
    assert store.points.add(run, 1, 0, records([0.5, 0.25, math.inf])) == 3
    found = store.points.read(run, "loss")
    assert list(found.step) == [0, 1, 2]
    assert list(found.time) == [100, 101, 102]
    assert list(found.value) == [0.5, 0.25, math.inf]


def test_a_nan_stays_a_nan(store):
    (run,) = submit(store, "a")
    store.points.add(run, 1, 0, records([math.nan, 2.0, 1.0, math.nan]))
    head = store.points.heads(run)["loss"]
    assert math.isnan(head.value)
    assert (head.n, head.lo, head.hi) == (4, 1.0, 2.0)
    assert [math.isnan(value) for value in store.points.read(run, "loss").value] == [True, False, False, True]


def test_a_series_of_nan_alone_has_no_bounds(store):
    (run,) = submit(store, "a")
    store.points.add(run, 1, 0, records([math.nan, math.nan]))
    head = store.points.heads(run)["loss"]
    assert math.isnan(head.lo)
    assert math.isnan(head.hi)


def test_reading_a_piece_again_stores_nothing(store):
    (run,) = submit(store, "a")
    store.points.add(run, 1, 0, records([1.0, 2.0, 3.0]))
    assert store.points.add(run, 1, 0, records([1.0, 2.0, 3.0])) == 0
    assert store.points.add(run, 1, 0, records([3.0, 4.0], start=20)) == 1
    assert list(store.points.read(run, "loss").value) == [1.0, 2.0, 3.0, 4.0]


def test_all_points_of_a_line_are_stored(store):
    (run,) = submit(store, "a")
    line = [("loss", 1.0, 0, None), ("acc", 2.0, 0, None)]
    assert store.points.add(run, 1, 0, [(5.0, line)]) == 2
    assert store.points.add(run, 1, 0, [(5.0, line)]) == 0
    assert store.points.last()[run].values == {"loss": 1.0, "acc": 2.0}


def test_streams_and_attempts_do_not_hide_each_others_points(store):
    (run,) = submit(store, "a")
    for stream in range(3):
        assert store.points.add(run, 1, stream, records([1.0])) == 1
    assert len(store.points.read(run, "loss").value) == 3
    store.attempts.add(run, "f" * 16, 0, "gpu2")
    assert store.points.last() == {}
    assert store.points.add(run, 2, 0, records([7.0])) == 1
    assert list(store.points.read(run, "loss").value) == [7.0]
    assert list(store.points.read(run, "loss", attempt=1).value) == [1.0] * 3
    assert store.points.heads(run, 1)["loss"].n == 3
    assert store.points.last()[run] == ({"loss": 7.0}, {"loss": 1})


def test_steps_that_the_program_gives_are_kept(store):
    (run,) = submit(store, "a")
    store.points.add(run, 1, 0, records([1.0, 2.0]))
    store.points.add(run, 1, 2, records([3.0], step=40.0))
    store.points.add(run, 1, 0, records([4.0], start=20))
    assert list(store.points.read(run, "loss").step) == [0, 1, 40, 3]
    assert store.points.heads(run)["loss"].step == 3


def test_what_is_not_known_is_empty(store):
    (run,) = submit(store, "a")
    store.points.add(run, 1, 0, records([1.0]))
    for found in (
        store.points.read(run, "acc"),
        store.points.read(99, "loss"),
        store.points.read(run, "loss", 7),
    ):
        assert len(found.value) == 0
    assert store.points.heads(99) == {}
    assert store.points.add(run, 1, 0, []) == 0


def test_one_metric_of_all_runs(store):
    runs = submit(store, "a", "b", "c")
    for run in runs[:2]:
        store.points.add(run, 1, 0, records([float(run)] * 300))
        store.points.add(run, 1, 1, records([9.0], metric="acc"))
    found = store.points.read_all("loss")
    assert {run: list(points.value) for run, points in found.items()} == {
        run: [run] * 300 for run in runs[:2]
    }
    assert list(store.points.read_all("loss", runs[1:])) == runs[1:2]
    assert store.points.read_all("nothing") == {}


@pytest.mark.parametrize("compacted", [False, True])
def test_the_end_of_a_long_series_is_read_from_any_point(store, compacted):
    (run,) = submit(store, "a")
    for begin in range(0, 9000, 50):
        store.points.add(run, 1, 0, records(range(begin, begin + 50), start=10 * begin))
    if compacted:
        store.points.compact(run, 1)
    for start in (0, 1, 119, 120, 4095, 4096, 5000, 8999):
        found = store.points.read(run, "loss", start=start)
        assert list(found.value) == list(range(start, 9000))
        assert list(found.step) == list(range(start, 9000))
    assert len(store.points.read(run, "loss", start=9000).value) == 0


def test_a_long_series_that_still_grows_is_few_chunks_and_one_that_ended_fewer(store):
    (run,) = submit(store, "a")
    for begin in range(0, 20_000, 40):
        store.points.add(run, 1, 0, records(range(begin, begin + 40), start=10 * begin))
    assert chunk_count(store) <= 20_000 / chunks.BLOB + 2 * chunks.BLOB / chunks.TAIL
    assert store.points.heads(run)["loss"].folded > 20_000 - 2 * chunks.BLOB
    store.points.compact(run, 1)
    assert chunk_count(store) <= 20_000 / chunks.BLOB + 1
    assert list(store.points.read(run, "loss").value) == list(range(20_000))


def test_points_that_come_after_the_end_are_stored_too(store):
    (run,) = submit(store, "a")
    for begin in range(0, 1000, 100):
        store.points.add(run, 1, 0, records(range(begin, begin + 100), start=10 * begin))
    store.points.compact(run, 1)
    store.points.add(run, 1, 0, records([1000.0, 1001.0], start=10_000))
    store.points.compact(run, 1)
    assert list(store.points.read(run, "loss").value) == list(range(1002))


def test_a_point_takes_less_than_27_bytes_on_the_disk(tmp_path: Path):
    with Store(tmp_path) as store:
        runs = submit(store, *map(str, range(40)))
    before = size(tmp_path)
    with Store(tmp_path) as store:
        for begin in range(0, 1000, 20):
            with store.transaction():
                for run in runs:
                    store.points.add(run, 1, 0, records([0.5] * 20, start=10 * begin))
        for run in runs:
            store.points.compact(run, 1)
    assert (size(tmp_path) - before) / 40_000 < 27


def test_a_metric_learnt_in_a_transaction_that_failed_is_learnt_again(store):
    (run,) = submit(store, "a")
    with undone(store):
        store.points.add(run, 1, 0, records([1.0], metric="first"))
    store.points.add(run, 1, 0, records([2.0], metric="second"))
    store.points.add(run, 1, 0, records([3.0], metric="first", start=10))
    assert store.points.last()[run].values == {"second": 2.0, "first": 3.0}


def test_a_name_with_half_a_character_does_no_harm(store):
    (run,) = submit(store, "a")
    store.points.add(run, 1, 0, records([1.0], metric="m\ud800"))
    store.points.add(run, 1, 0, records([2.0], metric="m\ud800", start=10))
    assert store.points.last()[run] == ({"m?": 2.0}, {"m?": 2})


def test_a_thousand_metrics_of_one_run(store):
    (run,) = submit(store, "a")
    names = [f"m{i}" for i in range(1000)]
    for k in range(3):
        store.points.add(
            run, 1, 0, [(float(k), [(name, k, 10_000 * k + i, None) for i, name in enumerate(names)])]
        )
    assert store.points.last()[run] == (dict.fromkeys(names, 2.0), dict.fromkeys(names, 3))
    assert list(store.points.read(run, "m999").time) == [0, 1, 2]


batches = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.integers(0, 2),
        st.integers(1, 300),
        st.none() | st.integers(0, 5),
        st.booleans(),
    ),
    max_size=25,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches)
def test_whatever_is_added_is_read_back_once_and_in_order(tmp_path_factory, plan):
    expected: dict[str, list[tuple[float, float]]] = {}
    offsets = [0, 0, 0]
    with Store(tmp_path_factory.mktemp("home")) as store:
        (run,) = submit(store, "a")
        value = 0.0
        for metric, stream, count, step, compact in plan:
            series = expected.setdefault(metric, [])
            values = [value + i for i in range(count)]
            added = records(values, metric, offsets[stream], None if step is None else float(step))
            for _ in range(2):
                store.points.add(run, 1, stream, added)
            series += [(len(series) + i if step is None else step, v) for i, v in enumerate(values)]
            value += count
            offsets[stream] += 10 * count
            if compact:
                store.points.compact(run, 1)
        for metric, series in expected.items():
            found = store.points.read(run, metric)
            assert list(zip(found.step, found.value, strict=True)) == series
            head = store.points.heads(run)[metric]
            assert (head.n, head.step, head.value) == (len(series), *series[-1])
