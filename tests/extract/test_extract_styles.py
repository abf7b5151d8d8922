"""One number pointed at in a log, as real programs print them: name, pattern and step are right at the first try."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neronet.errors import InputError
from neronet.extract.propose import propose
from neronet.extract.quick import is_quick
from neronet.extract.reading import read_lines, read_log
from neronet.extract.trial import Place, joined
from neronet.spec.values import words
from neronet.wire import readers
from tests.extract.styles import LOGS, STYLES, Style, lines_of


@pytest.mark.parametrize("style", STYLES, ids=lambda style: f"{style.id}@{style.number}")
def test_a_number_pointed_at_finds_all_its_likes(style: Style) -> None:
    lines, index, column = style.place()
    proposal = propose(lines, index, column=column)
    assert proposal.name == style.name, proposal
    found = read_log((LOGS / style.file).read_bytes(), proposal.arguments)[style.name]
    assert found.values.tolist() == pytest.approx(list(style.values), rel=1e-12), proposal.text
    steps = [None if math.isnan(step) else step for step in found.steps.tolist()]
    assert steps == ([None] * len(found.values) if style.steps is None else list(style.steps)), proposal.text
    assert bool(proposal.step) == (style.steps is not None), proposal.description


@pytest.mark.parametrize("style", STYLES, ids=lambda style: f"{style.id}@{style.number}")
def test_a_whole_log_at_once_gives_what_its_lines_give(style: Style) -> None:
    lines, index, column = style.place()
    arguments = propose(lines, index, column=column).arguments
    data = (LOGS / style.file).read_bytes()
    fast, slow = read_log(data, arguments), read_lines(data, readers.make(arguments[1:]))
    assert fast.keys() == slow.keys()
    for name in fast:
        assert [each.tobytes() for each in fast[name]] == [each.tobytes() for each in slow[name]]


@pytest.mark.parametrize("style", STYLES, ids=lambda style: f"{style.id}@{style.number}")
def test_config_yaml_reads_the_proposal_back(style: Style) -> None:
    lines, index, column = style.place()
    proposal = propose(lines, index, column=column)
    assert words(proposal.text) == proposal.arguments


@pytest.mark.parametrize(
    ("text", "number", "name", "values", "steps"),
    [
        ("Loading\nepoch,loss,acc\n1,0.5,0.6\n2,0.4,0.7\n3,0.3,0.8\nDone in 3.2 s", "0.4", "loss", [0.5, 0.4, 0.3], [1, 2, 3]),
        ("t;x;v\n0.0;1.5;2.5\n0.1;1.6;2.4", "2.4", "v", [2.5, 2.4], [0, 0.1]),
        ("Step 1 | Loss: tensor(0.5, grad_fn=<X>)\nStep 2 | Loss: tensor(0.4, grad_fn=<X>)", "0.4", "loss", [0.5, 0.4], [1, 2]),
        ("Epoch 1: loss = 0.31 (12.1 s)\nEpoch 2: loss = 0.21 (12.2 s)", "12.2", "loss_s", [12.1, 12.2], [1, 2]),
        (
            "train | epoch 001:  100 / 200 loss=12.3\ntrain | epoch 001:  200 / 200 loss=10.3\n"
            "valid | epoch 001 | loss 9.5\ntrain | epoch 002:  300 / 200 loss=8.3",
            "10.3", "loss", [12.3, 10.3, 8.3], [100, 200, 300],
        ),
        ("0.91 accuracy\n0.93 accuracy", "0.93", "accuracy", [0.91, 0.93], None),
        ("  it     res\n   1   1.0D+00\n   2   1.0D-01", "1.0D-01", "res", [1, 0.1], [1, 2]),
        ("final  value 1.5\niter  2 value 4.5\niter 10 value 3.5", "3.5", "value", [4.5, 3.5], [2, 10]),
        (
            '{"level":"info","n":7,"return":{"mean":305.21,"min":-69.43},"msg":"update"}\n'
            '{"level":"info","n":8,"return":{"mean":306.21,"min":-68.43},"msg":"update"}',
            "306.21", "return.mean", [305.21, 306.21], None,
        ),
        (
            '{"event": "train", "step": 1, "loss": 0.5}\n{"event": "validation", "step": 1, "loss": 0.9}\n'
            '{"event": "train", "step": 2, "loss": 0.4}\n{"event": "validation", "step": 2, "loss": 0.8}',
            "0.8", "validation_loss", [0.9, 0.8], [1, 2],
        ),
        (
            '{"msg": "a", "step": 1, "loss": 0.5}\n{"msg": "a", "step": 2, "loss": 0.4}\n{"msg": "b", "epoch": 1}',
            "0.4", "loss", [0.5, 0.4], [1, 2],
        ),
        (
            "Epoch 1/2\n2/2 - loss: 0.5 - val_loss: 0.9 - 1s\nEpoch 2/2\n2/2 - loss: 0.4 - val_loss: 0.8 - 1s\n"
            "2/2 - loss: 0.7 - 1s",
            "0.4", "loss", [0.5, 0.4], [1, 2],
        ),
        ("step=1,loss=0.5,acc=0.6,lr=0.1\nstep=2,loss=0.4,acc=0.7,lr=0.1", "0.4", "loss", [0.5, 0.4], [1, 2]),
        (
            "---- Step 0 ----\nE_pair   =   1.5 Press    =  -2.5 \n---- Step 100 ----\nE_pair   =   1.6 Press    =  -2.6 ",
            "-2.6", "press", [-2.5, -2.6], [0, 100],
        ),
        (
            "Courant Number mean: 0.1 max: 0.2\nInterface Courant Number mean: 0.3 max: 0.4\n"
            "Courant Number mean: 0.5 max: 0.6\nInterface Courant Number mean: 0.7 max: 0.8",
            "0.6", "courant_max", [0.2, 0.6], None,
        ),
        ("15 SCF cycles in 85.5 s\n14 SCF cycles in 86.5 s", "86.5", "scf_cycles_s", [85.5, 86.5], None),
        ("20:32:31 INFO loss 0.5\n20:32:32 INFO loss 0.4", "0.4", "loss", [0.5, 0.4], None),
    ],
)  # fmt: skip
def test_few_lines_are_enough(
    text: str, number: str, name: str, values: list[float], steps: list[float] | None
) -> None:
    lines = text.split("\n")
    proposal = propose(lines, max(n for n, line in enumerate(lines) if number in line), number)
    assert proposal.name == name, proposal
    found = read_log(text.encode(), proposal.arguments)[name]
    assert found.values.tolist() == values, proposal.text
    assert found.steps.tolist() == pytest.approx(steps or [math.nan] * len(values), nan_ok=True), (
        proposal.text
    )


@given(st.lists(st.text("a\\\"'$[` ", max_size=6), max_size=4))
def test_any_words_are_read_back(arguments: list[str]) -> None:
    assert words(joined(arguments)) == tuple(arguments)


def test_a_number_is_found_by_its_text_and_the_metric_takes_the_users_name() -> None:
    lines = lines_of("xgboost.log")
    proposal = propose(lines, 3, "3.1", name="train/rmse")
    assert proposal.name == "train/rmse" and proposal.arguments[-1] == "train/rmse"
    found = read_log((LOGS / "xgboost.log").read_bytes(), proposal.arguments)["train/rmse"]
    assert len(found.values) == 30 and found.steps.tolist() == list(range(30))


@pytest.mark.parametrize(
    ("file", "line", "number", "values", "steps"),
    [
        ("huggingface.log", "'eval_loss'", "0.35", [0.6, 0.35, 0.5 / 3 + 0.1], [1, 2, 3]),
        ("lines.jsonl.log", '"step": 300', "0.5000", [2, 1, 0.6667, 0.5, 0.4], None),  # the step stands before
        ("lammps.log", "150   ", "-4.7471034", [-6.7733681, -4.8082494, -4.7875609, -4.7471034, -4.7509053, -4.7774327],
         range(0, 251, 50)),
        ("table.csv.log", "5,", "0.2400", [round(1.2 / n, 4) for n in range(1, 9)], range(1, 9)),
    ],
)  # fmt: skip
def test_objects_and_tables_take_the_users_name_too(
    file: str, line: str, number: str, values: list[float], steps: list[float] | None
) -> None:
    lines = lines_of(file)
    index = max(n for n, text in enumerate(lines) if line in text and number in text)
    proposal = propose(lines, index, number, name="my-own")
    found = read_log((LOGS / file).read_bytes(), proposal.arguments)["my-own"]
    assert found.values.tolist() == pytest.approx(values), proposal
    if steps is not None:
        assert found.steps.tolist() == list(steps), proposal


ALIGNED = [
    "Kinetic En.  Potential",
    "   1.00e+00   2.00e+00",
    "    LJ (SR)   Pressure",
    "   3.00e+00   4.00e+00",
]
SHIFTED = ["Kinetic En.    Potential", "1.00e+00   2.00e+00", "LJ (SR)    Pressure", "3.00e+00   4.00e+00"]


def test_rows_under_changing_headings_are_told_apart_where_these_end_above_the_ends_of_the_numbers() -> None:
    found = propose(ALIGNED * 3, 7, "4.00e+00")
    assert (found.name, found.text) == ("Pressure", "neronet table Pressure")
    with pytest.raises(InputError, match="pressure stands in lines of the same form"):
        propose(SHIFTED * 3, 7, "4.00e+00")


@pytest.mark.parametrize(
    ("line", "number", "name", "says"),
    [
        ("loss: 0.5", "0.6", "", "no number 0.6 in the line"),
        ("loss: 0.5", "many", "", "is no number"),
        ("loss: 0.5", "0.5", "2nd", "cannot be the name of a metric"),
        ("loss: 0.5", "0.5", "step", "not a metric"),
        ("", "1", "", "no number 1"),
    ],
)
def test_what_cannot_be_pointed_at_is_told(line: str, number: str, name: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        propose([line], 0, number, name=name)


@pytest.mark.parametrize(
    ("pattern", "quick"),
    [
        (r"loss[:=] *(?P<a>{number}).*acc(?:uracy)?[:=] *{number}", True),
        (r"^ *{number} +(?P<a>{number})(?: +{number})*$", True),
        (r"^ *(?P<a>{number}){number}[A-Za-z%]*[\d./-]+ +INFO", False),
        (r"^(?:\d+)*(?P<a>{number})x", False),
    ],
)
def test_what_would_hold_up_the_engine_on_a_line_of_digits_is_not_proposed(pattern: str, quick: bool) -> None:
    line = "epoch 7 loss: 0.31 accuracy: 0.9"
    place = Place([line], [line], 0, 14, 18, "a")
    assert is_quick(place, ("neronet", "regex", pattern)) == quick


def test_a_part_of_a_date_is_not_proposed() -> None:
    lines = [f"2024-06-14 20:32:{n},543 INFO trainer: step={n} loss=0.{n}" for n in range(10, 40)]
    with pytest.raises(InputError, match="nothing in the line tells 2024"):
        propose(lines, 5, column=1)
    assert propose(lines, 5, "0.15").name == "loss"
