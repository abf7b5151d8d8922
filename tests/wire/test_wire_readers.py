"""Readers of any log: what they find in what programs really print, and that nothing breaks or stalls them."""

from __future__ import annotations

import json
import math
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neronet.wire.printed import metric_name, number
from neronet.wire.readers import BUILT_INS, make

Points = list[tuple[str, float, float | None]]


def read(call: str | list[str], *lines: str) -> Points:
    reader = make(call.split() if isinstance(call, str) else call)
    return [point for line in lines for point in reader.feed(line.encode())]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3.5", 3.5),
        ("1e-3", 0.001),
        (".5", 0.5),
        ("-7.", -7.0),
        ("inf", math.inf),
        ("-Infinity", -math.inf),
        ("1,234.5", 1234.5),
        ("1,234", 1234.0),
        ("12,345,678", 12345678.0),
        ("0,25", 0.25),
        ("0,250", 0.25),
        ("-12,5", -12.5),
        ("1.234,5", 1234.5),
        ("87.5%", 87.5),
        ("12.3s", 12.3),
        ("1.5 GB", 1.5),
        ("3.5it/s", 3.5),
        ("1.0D-03", 0.001),
        ("\u22123", -3.0),
        ("", None),
        ("abc", None),
        ("1,2,3", None),
        ("12ab3", None),
        ("2026-11-22", None),
        ("1.2.3", None),
    ],
)
def test_numbers_in_any_usual_notation(text: str, value: float | None) -> None:
    assert number(text) == value


@pytest.mark.parametrize(
    ("text", "line", "value"),
    [
        ("382,500", "Residuum = 8,63E-03  Energie = 382,500 J", 0.3825e3),
        ("382,500", "Energie = 382,500 J  Zeit = 0,17 s", 382.5),
        ("382,500", "382,500;1230,000", 382.5),
        ("1,000", "1,000 | 1.234,5", 1.0),
        ("2,701E-04", "", 2.701e-4),
        ("382,500", "382,500 tokens of (0,5), at 0.17 s", 382500.0),
        ("382,500", "lr 0.1, 382,500 of 1,200,000", 382500.0),
        ("1,382,500", "0,5 of 1,382,500", 1382500.0),
    ],
)
def test_other_numbers_of_its_line_tell_what_a_comma_is_for(text: str, line: str, value: float) -> None:
    assert number(text, line) == pytest.approx(value)
    assert make(["regex", re.escape(text).join(["(?P<a>", ")"])]).feed(line.encode() or text.encode())[0][
        1
    ] == pytest.approx(value)


def test_nan_is_a_number() -> None:
    assert math.isnan(number("NaN"))


def test_a_pattern_gives_all_its_matches_with_their_steps() -> None:
    call = ["regex", r"step (?P<step>{int}): loss=(?P<loss>{number})"]
    assert read(call, "step 3: loss=0.5 step 4: loss=1,234.5, done") == [
        ("loss", 0.5, 3.0),
        ("loss", 1234.5, 4.0),
    ]
    assert read(call, "step 3: loss=nano", "nothing") == []


def test_unnamed_groups_take_the_names_behind_the_pattern() -> None:
    call = ["regex", r"(\d+)/\d+ train ({number}) (?P<acc>{number})", "step", "train/loss"]
    assert read(call, "7/10 train 0.5 0.9") == [("train/loss", 0.5, 7.0), ("acc", 0.9, 7.0)]
    assert read(["regex", "loss {number} of {int}", "train/loss", "n"], "loss 0.5 of 3") == [
        ("train/loss", 0.5, None),
        ("n", 3.0, None),
    ]


def test_pairs_wherever_they_stand() -> None:
    line = "INFO 12:30:45 loss=0.3 acc: 87.5% lr = 1e-3, t=12.3s, d: 2026-01-02 v=1.2.3 id=12ab34 --beta=0.9"
    assert read("keyvalue", line) == [
        ("loss", 0.3, None),
        ("acc", 87.5, None),
        ("lr", 0.001, None),
        ("t", 12.3, None),
        ("beta", 0.9, None),
    ]
    bar = " 45%|████▌     | 45/100 [00:12<00:15,  3.5it/s, loss=0.32, acc=90.1]"
    assert read("keyvalue", bar) == [("loss", 0.32, None), ("acc", 90.1, None)]
    assert read("keyvalue loss step=epoch", "epoch: 4 loss: 1 acc: 2") == [("loss", 1.0, 4.0)]


def test_objects_of_json_and_of_python() -> None:
    assert read("json", 'x {"loss": 0.3, "eval": {"acc": 1, "ok": true}, "step": 3, "n": NaN}')[:2] == [
        ("loss", 0.3, 3.0),
        ("eval.acc", 1.0, 3.0),
    ]
    line = "{'loss': '0.3', 'lr': 5e-05, 'g': np.float64(0.25), 't': tensor(0.5, device='cuda:0'), 'i': inf, 'epoch': 1.0}"
    assert read("json step=epoch", line) == [
        ("loss", 0.3, 1.0),
        ("lr", 5e-05, 1.0),
        ("g", 0.25, 1.0),
        ("t", 0.5, 1.0),
        ("i", math.inf, 1.0),
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t", " ", ", "])
def test_columns_have_the_names_of_the_first_line(separator: str) -> None:
    rows = [
        ["Step", "val_loss", "Acc.(%)"],
        ["1", "0.5", "90"],
        ["Step", "val_loss", "Acc.(%)"],
        ["2", "1e-2", "x"],
    ]
    assert read("csv", *map(separator.join, rows)) == [
        ("val_loss", 0.5, 1.0),
        ("Acc._%", 90.0, 1.0),
        ("val_loss", 0.01, 2.0),
    ]


def test_columns_with_given_names_quotes_and_decimal_commas() -> None:
    assert read("csv a b", "1 2") == [("a", 1.0, None), ("b", 2.0, None)]
    assert read("csv", '"a, b";c', '0,5;"1,5"') == [("a_b", 0.5, None), ("c", 1.5, None)]
    assert read("csv", "1,2") == [("column_1", 1.0, None), ("column_2", 2.0, None)]


LAMMPS = """\
Setting up Verlet run ...
Step Temp E_pair TotEng Press
       0         1.44   -6.7733681   -4.6134356   -5.0197073
WARNING: one of 3
      50   0.70303849   -4.8085183   -3.7544111    5.7218439
Loop time of 0.942801 on 4 procs for 300 steps with 2000 atoms
Step  Temp
     100 0.5
"""


def test_a_table_in_a_log_may_have_its_heading_again() -> None:
    found = read("table Temp Press", *LAMMPS.splitlines())
    assert found == [
        ("Temp", 1.44, 0.0),
        ("Press", -5.0197073, 0.0),
        ("Temp", 0.70303849, 50.0),
        ("Press", 5.7218439, 50.0),
        ("Temp", 0.5, 100.0),
    ]
    assert read("table", "| epoch | loss |", "|------|------|", "| 1 | 0.5 |")[-1] == ("loss", 0.5, None)


def test_a_step_on_a_line_of_its_own_is_that_of_the_numbers_behind_it() -> None:
    call = ["regex", "^Epoch (?P<step>{int})|loss=(?P<loss>{number})|acc=(?P<acc>{number})"]
    lines = ["loss=9", "Epoch 1/2", "loss=0.5 loss=0.4", "no Epoch 7", "acc=0.9", "Epoch 2/2", "acc=0.95"]
    assert read(call, *lines) == [
        ("loss", 9, None), ("loss", 0.5, 1), ("loss", 0.4, 1), ("acc", 0.9, 1), ("acc", 0.95, 2),
    ]  # fmt: skip
    # A number that has a step of its own leaves the others as they are.
    assert read(["regex", "(?:step (?P<step>{int}) )?loss=(?P<loss>{number})"], "step 3 loss=5", "loss=4") == [
        ("loss", 5, 3), ("loss", 4, None),
    ]  # fmt: skip


BARS = ["regex", "Epoch (?P<step>{int})(?:: 100%.*?loss=(?P<loss>{number}))?", "keep=last"]


def test_of_a_bar_that_is_drawn_again_the_last_one_of_a_step_counts() -> None:
    reader = make(BARS)
    lines = [
        "Epoch 0: 50%, loss=9",
        "Epoch 0: 100%, loss=5",
        "Epoch 0: 100%, loss=4",
        "a word",
        "Epoch 1: 0%",
        "Epoch 1: 100%, loss=3",
    ]
    assert [reader.feed(line.encode()) for line in lines] == [[], [], [], [], [("loss", 4, 0)], []]
    assert reader.finish() == [("loss", 3, 1)]
    assert reader.finish() == []
    with pytest.raises(ValueError, match="keep=last needs a group for the step"):
        make(["regex", "loss=(?P<loss>{number})", "keep=last"])
    # Without a step nothing is kept back.
    assert read(["regex", "(?:step (?P<step>{int}) )?loss=(?P<loss>{number})", "keep=last"], "loss=4") == [
        ("loss", 4, None)
    ]


GROMACS = """\
           Step           Time
              0        0.00000

   Energies (kJ/mol)
        LJ (SR)  Disper. corr.   Coulomb (SR)
    4.00002e+04   -1.20050e+03   -3.90000e+05
    Temperature Pressure (bar)
    2.99100e+02   -1.25000e+01

           Step           Time
           5000       10.00000

   Energies (kJ/mol)
        LJ (SR)  Disper. corr.   Coulomb (SR)
    4.00012e+04   -1.20050e+03   -3.89990e+05
    Temperature Pressure (bar)
    2.99600e+02    7.50000e+00

	<====  A V E R A G E S  ====>
   Energies (kJ/mol)
        LJ (SR)  Disper. corr.   Coulomb (SR)
    4.00007e+04   -1.20050e+03   -3.89995e+05
    Temperature Pressure (bar)
    2.99350e+02   -2.50000e+00
"""


def test_headings_that_change_may_have_blanks_and_a_step_goes_on_in_the_tables_below() -> None:
    lines = GROMACS.splitlines()
    assert read("table Coulomb_SR Pressure_bar step=Step", *lines) == [
        ("Coulomb_SR", -390000, 0), ("Pressure_bar", -12.5, 0),
        ("Coulomb_SR", -389990, 5000), ("Pressure_bar", 7.5, 5000),
    ]  # fmt: skip
    assert [value for _, value, _ in read("table Coulomb_SR", *lines)] == [-390000, -389990, -389995]


def test_remarks_in_a_csv_file_are_no_headings() -> None:
    lines = [
        "# run 3, seed 42",
        "# lr, 0.1",
        "epoch,loss",
        "1,0.5",
        "# resumed, at 2",
        "Resumed",
        "2,0.4",
        "epoch,acc",
        "3,0.9",
    ]
    assert read("csv step=epoch", *lines) == [("loss", 0.5, 1), ("loss", 0.4, 2), ("acc", 0.9, 3)]
    assert read("csv step=n n loss", *lines[:-2]) == [("loss", 0.5, 1), ("loss", 0.4, 2)]
    assert read("csv", "# saved by numpy", "# t x", "0 1.5", "1 2.5") == [
        ("t", 0, None),
        ("x", 1.5, None),
        ("t", 1, None),
        ("x", 2.5, None),
    ]


def test_letters_beyond_ascii_are_read_in_utf_8_and_latin_1() -> None:
    for encoding in ("utf-8", "latin-1"):
        line = "Wärmestrom = 2,5 W  Größe = 3".encode(encoding)
        assert make(["regex", "Größe = (?P<size>{number})"]).feed(line) == [("size", 3, None)]
        assert make(["json"]).feed('{"Größe": 3}'.encode(encoding)) == [("Grosse", 3, None)]


STEPPED = ["regex", "^Step (?P<step>{int})|loss=(?P<loss>{number})"]


@pytest.mark.parametrize(
    "lines",
    [
        LAMMPS.splitlines(),
        ["a,b", "1,2", "3,4", "# c,d", "c,b", "5,6"],
        GROMACS.splitlines(),
        ["Step 1", "loss=2", "loss=3", "Step 2"],
        ["Epoch 0: 100%, loss=5", "Epoch 0: 100%, loss=4", "Epoch 1: 0%", "Epoch 1: 100%, loss=3"],
    ],
    ids=["lammps", "csv", "gromacs", "step", "bars"],
)
@pytest.mark.parametrize("call", [["csv"], ["table"], ["table", "step=Step"], STEPPED, BARS], ids=" ".join)
def test_a_reader_that_is_killed_anywhere_goes_on_as_if_it_were_not(
    call: list[str], lines: list[str]
) -> None:
    expected = read(call, *lines)
    for cut in range(len(lines) + 1):
        first, second = make(call), make(call)
        found = [point for line in lines[:cut] for point in first.feed(line.encode())]
        if first.state is not None:
            second.resume(json.loads(json.dumps(first.state)))
        assert found + [point for line in lines[cut:] for point in second.feed(line.encode())] == expected


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ([], "there is no reader ''"),
        (["xml"], "there are regex, keyvalue, json, csv, table"),
        (["regex"], "needs a pattern"),
        (["regex", "loss: (?P<loss>.*"], "missing ), unterminated subpattern at position 6"),
        (["regex", "loss: .*"], "no group for a metric"),
        (["regex", "(.*)"], "group 1 of the pattern has no name"),
        (["regex", "(?P<loss>.*)", "acc"], "more names than groups"),
        (["regex", "(?P<step>.*)"], "no group for a metric"),
        (["regex", "(.*)", "9x"], "'9x' cannot be the name of a metric"),
        (["regex", "x" * 1001], "more than 1000 characters"),
        (["regex", "(x)" * 51, *["a"] * 51], "more than 50 groups"),
        (["csv", "a", "step="], "step= names one column"),
    ],
)
def test_a_call_that_cannot_be_used_is_explained(call: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("(", r"\(").replace(")", r"\)")):
        make(call)


CALLS = [["regex", "{number}", "x"], *([kind] for kind in BUILT_INS[1:])]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call[0])
@given(
    data=st.lists(
        st.binary(max_size=60) | st.text("{}[]'\",:=0123456789. ab\t;-|", max_size=60).map(str.encode)
    )
)
def test_no_line_breaks_a_reader(call: list[str], data: list[bytes]) -> None:
    reader = make(call)
    for line in data:
        for name, value, step in reader.feed(line):
            assert metric_name(name) == name
            assert type(value) is float
            assert step is None or math.isfinite(step)


NASTY = [
    b"{" * 65536,
    b"[" * 65536,
    b"{" + b"[" * 60000 + b"}",
    b"a=" * 32768,
    b"a" * 65536 + b"=",
    b"1," * 32768,
]
NASTY += [
    b"a " * 32768,
    b"{'a': " + b"-" * 16000 + b"1}",
    b"a.a(" * 16384 + b"=}",
    b"{" + b"1" * 65000 + b"}",
]
NASTY += [
    b"1" * 65536 + b",",
    b"a:" + b" " * 65530,
    b'{"a": 1' + b"0" * 5000 + b"}",
    b"{'a': " + b"(" * 190 + b"}",
]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call[0])
def test_no_line_stalls_a_reader(call: list[str]) -> None:
    reader = make(call)
    for line in NASTY:
        began = time.process_time()
        reader.feed(line)
        assert time.process_time() - began < 0.5, line[:20]
