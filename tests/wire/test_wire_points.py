"""Points and lines: the same whatever the sizes of the pieces, in bounded memory."""

from __future__ import annotations

import math
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neronet.wire.points import MAX_LINE, Lines, parse_line, parse_stepped

pieces = st.lists(
    st.sampled_from([b"\n", b"\r", b"\r\n", b"a", b"loss 1", b"", b" ", b"x" * 50, b"\0\xff"]), max_size=40
)


def whole(data: bytes) -> list[tuple[int, bytes]]:
    """What lines are, said in the plainest way."""
    found, offset = [], 0
    parts = data.replace(b"\r", b"\n").split(b"\n")
    for part in parts[:-1]:
        found.append((offset, part[:MAX_LINE]))
        offset += len(part) + 1
    return [*found, (offset, parts[-1][:MAX_LINE])] if parts[-1] else found


@given(pieces, st.lists(st.integers(0, 10**6), max_size=10))
def test_lines_cut_anywhere_equal_the_whole(parts: list[bytes], places: list[int]) -> None:
    data = b"".join(parts)
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    lines = Lines()
    found = [line for first, last in zip(ends, ends[1:]) for line in lines.feed(data[first:last])]
    assert lines.offset + len(data[lines.offset :]) == len(data)
    assert found + lines.finish() == whole(data)
    assert lines.offset == len(data)


@given(pieces, st.integers(0, 10**6))
def test_whoever_takes_over_at_the_offset_sees_the_rest(parts: list[bytes], place: int) -> None:
    data = b"".join(parts)
    first = Lines()
    begun = first.feed(data[: place % (len(data) + 1)])
    second = Lines(first.offset)
    assert begun + second.feed(data[first.offset :]) + second.finish() == whole(data)


@given(st.integers(MAX_LINE - 3, MAX_LINE + 3), st.lists(st.integers(1, MAX_LINE), max_size=6))
def test_a_line_is_cut_at_64_kib_wherever_the_pieces_end(length: int, sizes: list[int]) -> None:
    data = b"y" * length + b"\nnext 1\n"
    lines, position, found = Lines(), 0, []
    for size in [*sizes, len(data)]:
        found += lines.feed(data[position : position + size])
        position += size
    assert found == [(0, b"y" * min(length, MAX_LINE)), (length + 1, b"next 1")]


def test_a_line_of_a_gigabyte_costs_no_memory() -> None:
    lines, piece = Lines(), b"z" * (1 << 20)
    tracemalloc.start()
    began = time.monotonic()
    for _ in range(1024):
        assert lines.feed(piece) == []
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20
    assert lines.offset == 0
    assert lines.feed(b"\nloss 2\n") == [(0, b"z" * MAX_LINE), ((1 << 30) + 1, b"loss 2")]
    assert time.monotonic() - began < 20


def test_the_last_line_counts_when_the_program_did_not_end_it() -> None:
    lines = Lines()
    assert lines.feed(b"a 1\nb 2") == [(0, b"a 1")]
    assert lines.finish() == [(4, b"b 2")]
    assert lines.finish() == []


@pytest.mark.parametrize(
    ("line", "point"),
    [
        (b"error_rate 67.01", ("error_rate", 67.01)), (b"loss\t1e-3", ("loss", 0.001)), (b"  loss   -5  ", ("loss", -5.0)),
        (b"val/acc@1 3", None), (b"val/acc.top-5% 3", ("val/acc.top-5%", 3.0)), (b"_x +1.5E+3", ("_x", 1500.0)),
        (b"loss inf", ("loss", math.inf)), (b"loss -Infinity", ("loss", -math.inf)),
        (b"1loss 2", None), (b"loss", None), (b"loss 1 2", None), (b"loss: 1", None), (b"loss=1", None), (b"", None),
        (b"Epoch 3 of", None), (b"loss 1.2.3", None), (b"loss one", None), (b"loss 0x10", None), (b"loss 1_000", None),
        (b"loss 1\0", None), ("größe 1".encode(), None), (b"a" * 200 + b" 1", ("a" * 200, 1.0)), (b"a" * 201 + b" 1", None),
        (b"loss " + b"1" * 40, ("loss", float("1" * 40))), (b"loss " + b"1" * 41, None),
    ],
    ids=repr,
)  # fmt: skip
def test_a_point_is_a_whole_line_of_name_and_value(line: bytes, point: tuple[str, float] | None) -> None:
    assert parse_line(line) == point


def test_nan_is_a_number() -> None:
    for word in (b"nan", b"NaN", b"-nan"):
        found = parse_line(b"loss " + word)
        assert found is not None
        assert math.isnan(found[1])


@pytest.mark.parametrize(
    ("line", "point"),
    [
        (b"loss 1", ("loss", 1.0, None)), (b"loss 1 20", ("loss", 1.0, 20.0)), (b"loss 1 -2.5e1", ("loss", 1.0, -25.0)),
        (b"loss 1 x", None), (b"loss 1 2 3", None), (b"loss x 1", None), (b"loss 1 --2", None), (b"loss", None),
    ],
    ids=repr,
)  # fmt: skip
def test_the_points_file_takes_a_step_too(line: bytes, point: tuple[str, float, float | None] | None) -> None:
    assert parse_stepped(line) == point


@given(st.binary(max_size=100))
def test_no_line_breaks_the_parser(line: bytes) -> None:
    for parse in (parse_line, parse_stepped):
        found = parse(line)
        assert found is None or isinstance(found[1], float)


@pytest.mark.parametrize(
    "line",
    [b" " * MAX_LINE, b"a" + b" " * MAX_LINE + b"!", b"a 1" + b"\t" * MAX_LINE + b"!", b"a" * MAX_LINE],
    ids=len,
)
def test_a_long_line_is_judged_in_no_time(line: bytes) -> None:
    began = time.process_time()
    assert parse_line(line[:MAX_LINE]) is None or len(line) > MAX_LINE
    parse_stepped(line[:MAX_LINE])
    assert time.process_time() - began < 3
