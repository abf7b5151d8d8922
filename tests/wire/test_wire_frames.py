"""A stream of bytes, cut anywhere, means the same messages; nothing hostile costs memory or time."""

from __future__ import annotations

import json
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neronet.wire import frames
from neronet.wire.frames import MAX_DEPTH, MAX_LINE, MAX_PAYLOAD, Decoder, Malformed, encode, load_json

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
messages = st.dictionaries(st.text(max_size=8).filter(lambda key: key != "size"), values, max_size=4)
streams = st.lists(st.tuples(messages, st.none() | st.binary(max_size=200)), max_size=5)


def expected(stream: list[tuple[dict[str, Any], bytes | None]]) -> list[tuple[dict[str, Any], bytes | None]]:
    return [(message if data is None else {**message, "size": len(data)}, data) for message, data in stream]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[first:last] for first, last in zip(ends, ends[1:])]


@given(streams, st.lists(st.integers(0, 10**6), max_size=12))
def test_any_cut_of_the_stream_gives_the_same_messages(
    stream: list[tuple[dict[str, Any], bytes | None]], places: list[int]
) -> None:
    data = b"".join(encode(message, payload) for message, payload in stream)
    decoder = Decoder()
    assert [found for piece in cut(data, places) for found in decoder.feed(piece)] == expected(stream)


@given(streams)
def test_byte_by_byte_is_a_cut_too(stream: list[tuple[dict[str, Any], bytes | None]]) -> None:
    data = b"".join(encode(message, payload) for message, payload in stream)
    decoder = Decoder()
    assert [found for byte in data for found in decoder.feed(bytes([byte]))] == expected(stream)


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=4))
def test_whatever_comes_is_messages_or_malformed(data: bytes, places: list[int]) -> None:
    decoder = Decoder()
    try:
        for piece in cut(data, places):
            for message, _ in decoder.feed(piece):
                assert isinstance(message, dict)
    except Malformed:
        pass


def test_a_payload_may_hold_what_looks_like_messages() -> None:
    inner = encode({"m": "ping"}) * 3
    assert Decoder().feed(encode({"m": "log"}, inner)) == [({"m": "log", "size": len(inner)}, inner)]


def test_texts_of_any_kind_arrive_as_they_were() -> None:
    text = 'Ω\n\0"\\' + chr(0xDCFF)  # a byte of a file name that is no UTF-8
    assert Decoder().feed(encode({"text": text})) == [({"text": text}, None)]


@pytest.mark.parametrize("size", [-1, MAX_PAYLOAD + 1, 1.0, "1", True, None, 10**19], ids=repr)
def test_an_impossible_size_is_refused_before_anything_waits_for_it(size: object) -> None:
    with pytest.raises(Malformed, match="announces"):
        Decoder().feed(json.dumps({"m": "log", "size": size}).encode() + b"\n")


def test_the_largest_payload_passes() -> None:
    data = bytes(MAX_PAYLOAD)
    assert Decoder().feed(encode({}, data))[0][1] == data


def test_a_line_without_an_end_is_refused() -> None:
    decoder = Decoder()
    with pytest.raises(Malformed, match="longer"):
        for _ in range(100):
            decoder.feed(b"x" * (MAX_LINE // 50))


def test_a_line_that_came_at_once_is_not_longer_than_others() -> None:
    with pytest.raises(Malformed, match="longer"):
        Decoder().feed(b'{"a":"' + b"x" * MAX_LINE + b'"}\n')


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"1",
        b"null",
        b'"x"',
        b"{",
        b"{} {}",
        b"\xff",
        b'{"a":}',
        b"{'a':1}",
        b'{"a":1' + b"1" * 30 + b"}",
    ],
)
def test_only_an_object_is_a_message(line: bytes) -> None:
    with pytest.raises(Malformed):
        Decoder().feed(line + b"\n")


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_nesting_is_limited(opening: bytes) -> None:
    def nested(depth: int) -> bytes:
        return b'{"x":' + opening * depth + b"1" + (b"]" if opening == b"[" else b"}") * depth + b"}"

    load_json(nested(MAX_DEPTH - 1))
    with pytest.raises(Malformed, match="nested"):
        load_json(nested(MAX_DEPTH))


@given(st.text(alphabet='[]{}"\\ a', max_size=60))
def test_brackets_inside_of_texts_do_not_count(text: str) -> None:
    message = {"a": text + "[" * 40, text: ["[{" * 20]}
    assert load_json(json.dumps(message).encode()) == message


HOSTILE = {
    "opened": b"[" * (MAX_LINE - 10),
    "quotes": b'{"a":"' + b'\\"' * (MAX_LINE // 2 - 10) + b'"}',
    "open quote": b'{"a":"' + b"[{" * (MAX_LINE // 2 - 10),
    "whole number": b'{"a":' + b"1" * (MAX_LINE - 10) + b"}",
    "fraction": b'{"a":1.' + b"1" * (MAX_LINE - 10) + b"}",
    "exponent": b'{"a":1e' + b"9" * (MAX_LINE - 10) + b"}",
    "many": b'{"a":[' + b"[]," * (MAX_LINE // 60) + b"1]}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_line_costs_little_time_and_memory(name: str) -> None:
    tracemalloc.start()
    began = time.process_time()
    try:
        Decoder().feed(HOSTILE[name] + b"\n")
    except Malformed:
        pass
    seconds, peak = time.process_time() - began, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seconds < 10  # as traced; without tracing it is a tenth of that
    assert peak < 8 * MAX_LINE


def test_the_decoder_keeps_nothing_of_what_it_gave_out() -> None:
    decoder = Decoder()
    tracemalloc.start()
    for _ in range(200):
        decoder.feed(encode({"m": "log"}, bytes(100_000)))
    assert tracemalloc.get_traced_memory()[0] < 1_000_000
    tracemalloc.stop()


def test_what_json_cannot_say_is_not_sent() -> None:
    with pytest.raises(TypeError):
        encode({"a": b"bytes"})
    assert frames.MAX_DIGITS >= 20  # 64-bit offsets
