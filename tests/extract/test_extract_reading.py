"""A whole log is read at once only where that gives what reading line after line gives."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neronet.extract.reading import can_match_whole, read_lines, read_log
from neronet.wire import readers

PATTERNS = [
    r"(?<![\w./-])loss: *(?P<loss>{number})",
    r"(?<![\w./-])los?s?: *(?P<loss>{number})",
    r"epoch (?P<step>{int}).*?loss: *(?P<loss>{number})",
    r"^ *(?P<step>{int}) +(?P<loss>{number}) *$",
    r"loss:\s*(?P<loss>{number})",
    r"loss:[^0-9]*(?P<loss>{number})",
    r"(?P<loss>{number})$",
    r"loss: (?P<loss>{number})(?!\s)",
    r"\Aloss: (?P<loss>{number})\Z",
    r"(?s)epoch.(?P<step>{int}).*?(?P<loss>{number})",
    r"loss: (?:(?P<loss>{number})|many)",
    r"(?P<loss>{number}) (?P<acc>{number})",
]
WORDS = [
    "loss: ",
    "epoch ",
    "0.5",
    "1,5",
    "12",
    " ",
    "nan",
    "many",
    "é",
    "\n",
    "\r",
    "\r\n",
    "\t",
    "%",
    "xloss: ",
]
texts = st.lists(st.sampled_from(WORDS), max_size=40).map("".join)


@given(st.sampled_from(PATTERNS), texts, st.booleans())
def test_the_whole_at_once_gives_what_its_lines_give(pattern: str, text: str, ended: bool) -> None:
    data, arguments = text.encode(), ("neronet", "regex", pattern)
    whole = read_log(data, arguments, ended)
    kept = data if ended else data[: max(data.rfind(b"\n"), data.rfind(b"\r")) + 1]
    lines = read_lines(kept, readers.make(arguments[1:]))
    assert whole.keys() == lines.keys()
    for name in whole:
        for one, other in zip(whole[name], lines[name]):
            assert one.tolist() == pytest.approx(other.tolist(), nan_ok=True)


@pytest.mark.parametrize("end", [b"\n", b"\r"])
def test_lines_longer_than_a_reader_sees_are_read_as_it_sees_them(end: bytes) -> None:
    arguments = ("neronet", "regex", r"loss: (?P<loss>{number})")
    data = b"loss: 1" + end + b"x" * 5000 + b"loss: 2" + end + b"loss: 3" + end
    assert not can_match_whole(data, arguments[2])
    assert read_log(data, arguments)["loss"].values.tolist() == [1, 3]


def test_offsets_are_those_of_bytes_also_behind_other_letters() -> None:
    data = "müü loss: 1\nüü loss: 2\n".encode() + b"\xff\xfe loss: 3\n"
    found = read_log(data, ("neronet", "regex", r"loss: (?P<loss>{number})"))["loss"]
    assert [data[at : at + 2] for at in found.offsets] == [b"m\xc3", b"\xc3\xbc", b"\xff\xfe"]
    assert found.values.tolist() == [1, 2, 3] and all(math.isnan(step) for step in found.steps)
