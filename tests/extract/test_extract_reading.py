"""A whole log is read at once only where that gives what reading line after line gives."""

from __future__ import annotations

import math
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neronet.extract.faster import faster
from neronet.extract.propose import propose
from neronet.extract.reading import Found, can_match_whole, read_lines, read_log
from neronet.wire import readers
from tests.extract.styles import STYLES, Style, lines_of

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
    r"(?<![\w./-])epoch *(?P<step>{number}).*?(?<![\w./-])loss: *(?P<loss>{number})",
    r"epoch *(?P<step>{int})?.*?loss: *(?P<loss>{number})",
    r"epoch.*?(?<![\w./-])loss(?![\w/])[ \t]*(?P<loss>\S+)",
    r"(?:epoch|.*?loss): *(?P<loss>{number})",
    r"[.*?epoch]+ *(?P<loss>{number})",
    r"(?i)EPOCH.*?LOSS: *(?P<loss>{number})",
    r"loss: (?P<loss>{number})[\0-\40]*(?P<step>{int})",
    "loss: *(?P<loss>{number})\\x1b",
    r"(?P<loss>\d+)\s",
    r"loss:(?P<loss>[\t-~]*)",
    r"^epoch (?P<step>{number})|loss: (?P<loss>{number})",
    r"^ *epoch *(?P<step>\S+)|(?<![\w./-])loss: *(?P<loss>{number})",
    r"epoch *(?P<step>{number})?(?:.*?(?<![\w./-])loss: *(?P<loss>\S+))?",
    r"[*+]*epoch *(?P<step>{int})(?:.*?loss: *(?P<loss>{number}))?",
]
WORDS = [
    "loss: ",
    "epoch ",
    "0.5",
    "1,5",
    "382,500",
    " 0,25 ",
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
    "lo",
    "\x1b[32m",
    "\x1b[0m",
    "\x1b",
    "\x1c",
    "\u0661",
    "1e400",
    "-inf",
    "1.0D-3",
]
texts = st.lists(st.sampled_from(WORDS), max_size=40).map("".join)


@given(st.sampled_from(PATTERNS), texts, st.booleans(), st.booleans())
@settings(max_examples=500)
def test_the_whole_at_once_gives_what_its_lines_give(
    pattern: str, text: str, ended: bool, keeps: bool
) -> None:
    more = (readers.KEEP,) if keeps and "<step>" in pattern else ()
    data, arguments = text.encode(), ("neronet", "regex", pattern, *more)
    whole = read_log(data, arguments, ended)
    kept = data if ended else data[: max(data.rfind(b"\n"), data.rfind(b"\r")) + 1]
    lines = read_lines(kept, readers.make(arguments[1:]), ended)
    assert whole.keys() == lines.keys()
    assert [_bits(whole[name]) for name in whole] == [_bits(lines[name]) for name in whole]


def _bits(found: Found) -> list[tuple[str, bytes]]:
    return [(str(part.dtype), part.tobytes()) for part in found]


@given(st.sampled_from(PATTERNS), texts)
def test_a_faster_pattern_has_the_same_matches(pattern: str, text: str) -> None:
    both = [readers._compiled(each) for each in (pattern, faster(pattern))]
    one, other = ([(m.span(), m.groups()) for m in each.finditer(text)] for each in both)
    assert one == other


@given(st.data())
@settings(deadline=None, max_examples=300)
def test_what_is_proposed_gives_what_its_lines_give_in_any_mixture(data: st.DataObject) -> None:
    style, proposed = data.draw(st.sampled_from(proposals()))
    kinds = [*lines_of(style.file), "", style.number, f"\x1b[32m{style.number}\x1b[0m"]
    text = "\n".join(data.draw(st.lists(st.sampled_from(kinds), max_size=20))).encode()
    whole, lines = read_log(text, proposed), read_lines(text, readers.make(proposed[1:]))
    assert whole.keys() == lines.keys()
    assert [_bits(whole[name]) for name in whole] == [_bits(lines[name]) for name in whole]


@cache
def proposals() -> list[tuple[Style, tuple[str, ...]]]:
    places = [(style, *style.place()) for style in STYLES]
    return [(style, propose(lines, index, column=at).arguments) for style, lines, index, at in places]


def test_a_line_with_more_points_than_a_reader_takes_of_one_gives_as_many() -> None:
    arguments = ("neronet", "regex", r"(?P<x>\d) ")
    data = b"1 " * 1500 + b"\n2 \n"
    assert read_log(data, arguments)["x"].values.tolist() == [1.0] * readers.MAX_COLUMNS + [2.0]


@pytest.mark.parametrize("more", [995, 998, 999, 1000, 1500])
def test_so_does_one_of_which_only_the_last_count(more: int) -> None:
    arguments = ("neronet", "regex", r"(?P<step>\d+):(?P<x>\d)", readers.KEEP)
    data = b"0:1 0:2\n" + b"".join(b"%d:3 " % step for step in range(1, more)) + b"\n1:4\n\n"
    whole, lines = read_log(data, arguments)["x"], read_lines(data, readers.make(arguments[1:]))["x"]
    assert _bits(whole) == _bits(lines)


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
