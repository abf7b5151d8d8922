"""The decisions of the sweep builder, without a widget."""

from __future__ import annotations

import shlex
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neronet.api.planning import Place
from neronet.errors import InputError
from neronet.spec.fields import parameter_name
from neronet.spec.placeholders import names as slots
from neronet.spec.problems import Unfit
from neronet_jupyter.sweeping import draft as edit
from neronet_jupyter.sweeping import preview, targets
from neronet_jupyter.sweeping.draft import Axis, Draft
from neronet_jupyter.sweeping.wording import rule_with_name, with_name, with_parameter, without_parameter

FILE = "main_code_file: /opt/a.py\nrun_command_prefix: python3\n+x:\n  parameters:\n    lr: [0.1, 0.01]\n    n: {from: 1, to: 3}\n"


def draft_of(text: str = FILE) -> Draft:
    return edit.opened("/nowhere", "x", text, "")


def keys(draft: Draft) -> dict[str, int]:
    return {axis.name: axis.key for axis in draft.axes}


@pytest.mark.parametrize(
    ("text", "more", "less"),
    [
        ("--lr {lr}", "--lr {lr} --new {new}", ""),
        ("-v --lr {lr} out.txt", "-v --lr {lr} out.txt --new {new}", "-v out.txt"),
        ("--lr={lr}", "--lr={lr} --new={new}", ""),
        ("x={x} lr={lr}", "x={x} lr={lr} new={new}", "x={x}"),
        ("{a} {lr}", "{a} {lr} {new}", "{a}"),
        ("", "--new {new}", ""),
        ("--out 'a b' --lr {lr} --tag {lr}-{x}", "--out 'a b' --lr {lr} --tag {lr}-{x} --new {new}", "--out 'a b' --tag {lr}-{x}"),
        ("'{{lr}}' {lr}", "'{{lr}}' {lr} {new}", "'{{lr}}'"),
    ],
)  # fmt: skip
def test_a_format_follows_its_parameters(text: str, more: str, less: str) -> None:
    assert with_parameter(text, "new") == more
    assert without_parameter(text, "lr") == less


def test_a_new_name_reaches_the_format_and_the_rules() -> None:
    assert (
        with_name("--lr {lr} -lr={lr} lr '{lr} x' {lrs}", "lr", "rate")
        == "--rate {rate} -rate={rate} rate '{rate} x' {lrs}"
    )
    assert (
        rule_with_name("lr >= 0.1 and opt == 'lr' or (lr<lrs)", "lr", "rate")
        == "rate >= 0.1 and opt == 'lr' or (rate<lrs)"
    )


usable = st.from_regex(r"[a-z][a-z0-9_.-]{0,6}", fullmatch=True).filter(lambda name: name != "lr")


@settings(max_examples=200, deadline=None)
@given(st.lists(usable, unique=True, min_size=1, max_size=5), st.data())
def test_a_format_names_what_there_is(names: list[str], data: st.DataObject) -> None:
    text = ""
    for name in names:
        text = with_parameter(text, name)
    assert list(slots(tuple(shlex.split(text)))) == names
    gone = data.draw(st.sampled_from(names))
    assert list(slots(tuple(shlex.split(without_parameter(text, gone))))) == [
        name for name in names if name != gone
    ]


names = st.one_of(usable, st.text(max_size=6))
words = st.one_of(st.text(max_size=8), st.lists(st.text(max_size=8), max_size=4))
acts = st.one_of(
    st.tuples(st.just("added"), names),
    st.tuples(st.just("removed"), st.integers(1, 6)),
    st.tuples(st.just("renamed"), st.integers(1, 6), names),
    st.tuples(st.just("moved"), st.integers(1, 6), st.integers(-2, 2)),
    st.tuples(st.just("tied"), st.integers(1, 6), st.integers(1, 6)),
    st.tuples(st.just("untied"), st.integers(1, 6)),
    st.tuples(st.just("valued"), st.integers(1, 6), words),
    st.tuples(st.just("kinded"), st.integers(1, 6), st.sampled_from(["value", "list", "range", "log"])),
    st.tuples(st.just("ruled"), st.integers(0, 3), st.one_of(st.none(), st.text(max_size=12))),
    st.tuples(st.just("worded"), st.sampled_from(["repeat", "gpus", "parameter_format"]), st.one_of(st.none(), st.text(max_size=8))),
    st.tuples(st.just("passed")),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(acts, max_size=8))
def test_whatever_a_user_does_is_previewed_kept_and_has_names_that_can_be(
    done: list[tuple[object, ...]],
) -> None:
    draft = draft_of()
    for name, *args in done:
        try:
            draft = getattr(edit, str(name))(draft, *args)
        except InputError:
            continue
    assert (
        len({axis.name for axis in draft.axes}) == len(draft.axes) == len({axis.key for axis in draft.axes})
    )
    for axis in draft.axes:
        try:
            assert parameter_name(axis.name) == axis.name
        except Unfit as error:
            raise AssertionError(axis.name) from error
    found = preview.look(draft, FILE)
    assert found.faults or found.total >= 0
    rows = preview.rows(found, 1)
    assert sum("n" in row for row in rows) == (found.total if found.is_left else 0)
    if found.experiment is not None and found.total:
        point = preview.point_of(found, 1)
        assert point is not None
        assert shlex.split("".join(piece for piece, _ in preview.command(found, 1))) == list(point.argv)
    assert edit.from_json(draft.to_json()) == draft


def test_a_draft_that_cannot_be_read_is_an_empty_one() -> None:
    assert (
        edit.from_json({})
        == edit.from_json({"axes": 3})
        == edit.from_json({**draft_of().to_json(), "axes": [1]})
        == Draft()
    )


def test_tied_parameters_stand_side_by_side() -> None:
    draft = edit.added(draft_of(), "z")
    draft = edit.tied(draft, keys(draft)["lr"], keys(draft)["z"])
    assert [axis.name for axis in draft.axes] == ["lr", "z", "n"]
    assert draft.zips == (("lr", "z"),)
    assert edit.removed(draft, keys(draft)["z"]).zips == ()
    assert edit.renamed(draft, keys(draft)["z"], "y").zips == (("lr", "y"),)


def test_a_kind_keeps_as_much_as_fits() -> None:
    draft = draft_of()
    lr, n = keys(draft)["lr"], keys(draft)["n"]

    def said(key: int, kind: str) -> object:
        return edit.kinded(draft, key, kind).axis(key).said

    assert said(n, "list") == ["1", "2", "3"] and said(n, "value") == "1"
    assert said(lr, "log") == {"from": "0.1", "to": "0.01", "log": "2"}
    assert said(lr, "range") == {"from": "0.1", "to": "0.01", "count": "2"}
    assert edit.kinded(edit.kinded(draft, n, "list"), n, "range").axis(n).said == {"from": "1", "to": "3"}


def test_what_another_block_says_moves_in_the_file_alone() -> None:
    draft = draft_of("main_code_file: a.py\nparameters: {a: 1, b: 2}\n+x:\n  parameters: {c: 3}\n")
    with pytest.raises(InputError, match="a block around"):
        edit.moved(draft, keys(draft)["c"], -1)
    named = edit.renamed(draft, keys(draft)["a"], "d")
    assert [(axis.name, axis.outer) for axis in named.axes] == [("b", True), ("d", False), ("c", False)]


def test_a_command_is_proposed_in_parts() -> None:
    draft = edit.proposed("/nowhere", "python3 train.py --lr 0.1 --opt=sgd data.txt", (), ["train"], "")
    assert (draft.experiment, draft.words["main_code_file"], draft.words["run_command_prefix"]) == (
        "train_2",
        "train.py",
        "python3",
    )
    assert [axis.name for axis in draft.axes] == ["lr", "opt", "arg1"]
    assert draft.words["parameter_format"] == "--lr {lr} --opt={opt} {arg1}"
    plain = edit.proposed("/nowhere", "python3 train.py --lr 0.1 --opt sgd", (), (), "")
    assert "parameter_format" not in plain.words, "what is added is passed without a change"
    with pytest.raises(InputError):
        edit.proposed("/nowhere", "python3 'train.py", (), (), "")


def test_ten_thousand_runs_are_previewed_in_half_a_second() -> None:
    draft = replace(
        draft_of(),
        axes=(*draft_of().axes, Axis(9, "k", {"from": "1", "to": "1700"})),
        exclude=("lr > 0.05 and n == 2",),
    )
    best = 10.0
    for _ in range(3):
        began = time.process_time()
        found = preview.look(draft, FILE)
        preview.rows(found, 8000)
        best = min(best, time.process_time() - began)
    assert found.total == 8500 and found.left == 1700
    assert best < 0.5


def test_what_will_happen_is_said_in_words() -> None:
    free, busy = Place("gpu1", 4, 4, True, 4, 31000), Place("gpu2", 2, 4, True, 4, 31000)
    away = Place("gpu3", 4, 4, False, 4, 31000)
    assert targets.starts(42, "gpu", [free, busy]) == ("6 start now on gpu, 36 wait", "for a slot.")
    assert targets.starts(2, "gpu1", [free]) == ("All 2 start now on gpu1.", "")
    assert targets.starts(1, "gpu1", [free]) == ("It starts now on gpu1.", "")
    assert targets.starts(3, "gpu3", [away]) == ("gpu3 does not answer.", "All 3 wait until it does.")
    assert targets.sends(4, [free, busy]) == "Sends 4 files, 31 kB, once to gpu1 and once to gpu2."
    assert targets.sends(5, [free]) == "Sends 4 files, 31 kB, to gpu1. 1 more is there already."
    assert targets.sends(4, [Place("gpu1", 4, 4, True, 0, 0)]) == "All 4 files are there already."
    assert targets.lasts(42, 3600.0, [free, busy]) == "About 6 h in all."
    assert targets.lasts(1, None, [free]) == ""
    assert targets.resources({"gpus": "1", "memory": "16 GiB"}) == "1 GPU, 16 GiB each"


def test_a_fault_elsewhere_in_the_file_is_told(tmp_path: Path) -> None:
    text = FILE + "+y: {nonsense: 1}\n"
    (fault,) = preview.look(draft_of(text), text).errors[-1:]
    assert (fault.word, fault.line) == ("", 7) and "nonsense" in fault.text
    broken = "a: [\n" + FILE
    (fault,) = preview.look(draft_of(), broken).errors
    assert "not YAML" in fault.text
