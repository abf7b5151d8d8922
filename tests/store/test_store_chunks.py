"""How points and heads are packed."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from neronet.store import chunks
from neronet.store.chunks import Chunk, decode, encode, join, width
from neronet.store.heads import Head, Heads, bounds, summary
from neronet.store.points import select_new

NAN = float("nan")
numbers = st.floats(allow_nan=True, allow_infinity=True)
points = st.lists(st.tuples(numbers, numbers, st.none() | numbers), min_size=1, max_size=30)


def same(one: list[float], other: list[float]) -> bool:
    return len(one) == len(other) and all(
        a == b or (a != a and b != b) for a, b in zip(one, other, strict=True)
    )


def chunk_of(first: int, given: list[tuple[float, float, float | None]]) -> Chunk:
    flat = [number for time, value, _ in given for number in (time, value)]
    return encode(first, flat, {i: step for i, (_, _, step) in enumerate(given) if step is not None})


@settings(deadline=None)
@given(st.lists(points, min_size=1, max_size=6), st.integers(0, 200))
def test_points_come_back_as_they_were_however_they_were_cut(parts, start):
    packed, first, expected = [], 0, []
    for part in parts:
        packed.append(chunk_of(first, part))
        expected += [(first + i if step is None else step, t, v) for i, (t, v, step) in enumerate(part)]
        first += len(part)
    for found in (decode(packed), decode([join(packed)])):
        for column, whole in enumerate(found):
            assert same(list(whole), [point[column] for point in expected])
    for column, rest in enumerate(decode(packed, start)):
        assert same(list(rest), [point[column] for point in expected[start:]])


def test_a_point_takes_16_bytes_unless_it_has_a_step_of_its_own():
    assert width(chunk_of(7, [(1.0, 2.0, None)] * 10)) == 2
    assert len(chunk_of(7, [(1.0, 2.0, None)] * 10).data) == 160
    assert width(chunk_of(7, [(1.0, 2.0, 7.0), (1.0, 2.0, 8.0)])) == 2
    assert width(chunk_of(7, [(1.0, 2.0, 0.0), (1.0, 2.0, 10.0)])) == 3


def test_nothing_decodes_to_nothing():
    assert [len(column) for column in decode([])] == [0, 0, 0]


@settings(deadline=None)
@given(st.lists(numbers, min_size=1), st.lists(numbers, min_size=1))
def test_bounds_step_over_nan_wherever_it_stands(first, second):
    lo, hi = bounds(second, *bounds(first, NAN, NAN))
    known = [value for value in first + second if not math.isnan(value)]
    if known:
        assert (lo, hi) == (min(known), max(known))
    else:
        assert math.isnan(lo)
        assert math.isnan(hi)


heads = st.builds(Head, *[st.integers(0, 2**62)] * 5, *[st.floats(allow_nan=False)] * 5)


@settings(deadline=None)
@given(st.lists(heads, unique_by=lambda head: head.metric), heads)
def test_heads_are_found_again_by_their_metric(known, news):
    packed = Heads()
    for head in known:
        packed.put(head)
    packed.put(news)
    again = Heads(bytes(packed.data))
    expected = {head.metric: head for head in [*known, news]}
    assert {head.metric: head for head in again} == expected
    assert all(again.get(metric) == head for metric, head in expected.items())
    assert again.get(-1) is None
    metrics, counts, values = summary(bytes(packed.data))
    assert {m: (n, v) for m, n, v in zip(metrics, counts, values, strict=True)} == {
        head.metric: (head.n, head.value) for head in expected.values()
    }


@settings(deadline=None)
@given(st.lists(st.integers(0, 20), max_size=30), st.integers(-1, 20), st.data())
def test_reading_again_from_anywhere_adds_only_what_is_behind_the_mark(gaps, mark, data):
    offsets = [sum(gaps[: i + 1]) for i in range(len(gaps))]  # equal ones are points of one line
    line = [[f"m{i}", float(i), offset, None] for i, offset in enumerate(offsets)]
    mark, first = select_new([(0.0, line)], mark)
    begin = data.draw(st.integers(0, len(line)))
    begin = next((i for i in range(begin, len(line)) if i == 0 or offsets[i] != offsets[i - 1]), len(line))
    after, second = select_new([(0.0, line[begin:]), (0.0, [["new", 1.0, 10_000, None]])], mark)
    assert list(second) == ["new"]
    assert after == 10_000
    kept = select_new([(0.0, line), (0.0, line)], -1)[1]
    assert sorted(kept) == sorted(name for name, *_ in line)
    assert all(len(points.flat) == 2 for points in kept.values())
    assert len(first) <= len(line)


def test_a_record_that_goes_back_and_forth_adds_each_line_once():
    offsets = [20, 10, 20, 30, 30, 20, 30]
    mark, new = select_new([(0.0, [("m", i, offset, None) for i, offset in enumerate(offsets)])], -1)
    assert mark == 30
    assert new["m"].flat[1::2] == [0, 3, 4]


def test_the_sizes_fit_each_other():
    assert 2 * 16 * chunks.TAIL < 4096 < 3 * 16 * chunks.TAIL
    assert chunks.TAIL < chunks.SMALL < chunks.BLOB
