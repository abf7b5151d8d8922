"""Colours are no part of what is read: of names, numbers and steps; but a bar that only they tell complete is told."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neronet.extract import words
from neronet.extract.propose import propose, value_columns
from neronet.extract.reading import read_log, without_colours
from neronet.wire import printed, readers
from tests.extract.styles import STYLES, Style, lines_of

COLOURS = [
    "\x1b[0m",
    "\x1b[1;36m",
    "\x1b[38;5;106m",
    "\x1b[2K",
    "\x1b[1A",
    "\x1b(B",
    "\x1b]8;id=12;file:///a/1.py\x1b\\",
    "\x1b]0;epoch 3\x07",
]


@pytest.mark.parametrize(
    ("line", "numbers"),
    [
        ("loss: \x1b[32m0.31\x1b[0m", ["0.31"]),
        ("\x1b[1mloss\x1b[0m=\x1b[31m0.5\x1b[0m", ["0.5"]),
        ("\x1b[33mloss\x1b[0m=\x1b[1;36m0\x1b[0m\x1b[1;36m.5\x1b[0m", ["0\x1b[0m\x1b[1;36m.5"]),
        ("\x1b]8;id=12;file:///a/7.py#9\x1b\\train.py\x1b]8;;\x1b\\ 3 of 4", ["3", "4"]),
        ("\x1b[38;5;106m\x1b[0m", []),
        ("\x1b[31m1,0.5,7\x1b[0m", ["1", "0.5", "7"]),
    ],
)
def test_numbers_may_be_pointed_at_whatever_their_colours_but_none_within_these(
    line: str, numbers: list[str]
) -> None:
    assert [line[first:behind] for first, behind in value_columns(line)] == numbers


PLAIN = [f"Epoch {n}/3 train: loss={n / 10}, val_loss: {n / 5} (took {n}.5s)" for n in (1, 2, 3)]
painted = st.lists(st.tuples(st.integers(0, 60), st.sampled_from(COLOURS)), max_size=5)


@given(
    st.tuples(painted, painted, painted), st.integers(0, 2), st.sampled_from(["loss=", "val_loss: ", "took "])
)
@settings(deadline=None)
def test_any_colours_anywhere_change_nothing(
    paints: tuple[list[tuple[int, str]], ...], index: int, label: str
) -> None:
    lines = [_painted(line, paint) for line, paint in zip(PLAIN, paints, strict=True)]
    column = PLAIN[index].index(label) + len(label)
    wanted = propose(PLAIN, index, column=column)
    found = propose(lines, index, column=words.plain_columns(lines[index])[column])
    assert found == wanted
    data, plain = "\n".join(lines).encode(), "\n".join(PLAIN).encode()
    one, other = read_log(data, found.arguments)[found.name], read_log(plain, found.arguments)[found.name]
    assert one.values.tolist() == other.values.tolist() and one.steps.tolist() == other.steps.tolist() == [
        1,
        2,
        3,
    ]
    assert [data[:at].count(b"\n") for at in one.offsets] == [0, 1, 2]


@given(
    st.lists(st.sampled_from([*COLOURS, "\x1b[3", "\x1b", "1m", "[0m", "a", "\n"]), max_size=12).map("".join)
)
def test_a_whole_log_loses_its_colours_as_each_of_its_lines_does(text: str) -> None:
    assert without_colours(text.encode()) == printed.plain(text.encode())


def _painted(line: str, paint: list[tuple[int, str]]) -> str:
    for at, colour in sorted(paint, reverse=True):
        line = line[:at] + colour + line[at:]
    return line


@pytest.mark.parametrize(
    ("arguments", "line", "points"),
    [
        (("json",), b'{"step": 3, "loss": \x1b[32m0.5\x1b[0m}', [("loss", 0.5, 3)]),
        (("keyvalue",), b"step=\x1b[35m3\x1b[0m \x1b[36mloss\x1b[0m=\x1b[35m0.5\x1b[0m", [("loss", 0.5, 3)]),
        (("csv", "step", "loss"), b"\x1b[2m3\x1b[0m;0.5", [("loss", 0.5, 3)]),
        (("regex", r"(?P<loss>{number})\x1b"), b"1 \x1b[32m0.5\x1b[0m", [("loss", 0.5, None)]),
    ],
)
def test_every_reader_reads_lines_without_their_colours_unless_its_pattern_is_for_them(
    arguments: tuple[str, ...], line: bytes, points: list[tuple[str, float, float | None]]
) -> None:
    assert readers.make(arguments).feed(line) == points


BARS = [style for style in STYLES if style.file in ("keras3.log", "lightning.log")]


@pytest.mark.parametrize("style", BARS, ids=lambda style: style.id)
def test_a_coloured_number_behind_a_bar_that_is_told_by_its_colours_is_read_at_each_update(
    style: Style,
) -> None:
    paint = f"\x1b[31m{style.number}\x1b[0m"
    lines = [line.replace(style.number, paint) for line in lines_of(style.file)]
    index = max(
        n for n, line in enumerate(lines) if style.line in line.replace(paint, style.number) and paint in line
    )
    proposal = propose(lines, index, column=lines[index].rindex(paint) + 5)
    found = read_log("\n".join(lines).encode(), proposal.arguments)
    assert proposal.name == style.name and float(style.number) in found[style.name].values


def test_a_row_of_many_numbers_that_does_not_match_is_given_up_at_once() -> None:
    reader = readers.make(("regex", "^ *(?P<x>{number})" + " +{number}" * 60 + " *$"))
    begun = time.process_time()
    assert reader.feed(b" 1.25" * 61 + b" end") == []
    assert time.process_time() - begun < 1
