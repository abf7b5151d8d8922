"""A sweep written back into config.yaml: it reads back as it was meant, and all else stays."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neronet.errors import InputError
from neronet.spec import editing
from neronet.spec.config import parse_config
from neronet.spec.editing import FileChanged, begun, edited, fingerprint, write
from neronet.spec.sweepfile import Row, Said, Sweep, ids, read_sweep, tree, where
from neronet.spec.template import propose

pytestmark = pytest.mark.slow

GUIDE = """\
# Which width is worth the time? (paper, table 2)
collection: cifar
run_command_prefix: python3
main_code_file: train.py
custom: kept            # a word that nobody knows

+resnet:
  # the sweep
  parameters:
    lr: {from: 0.1, to: 0.0001, log: 4}   # falls
    opt: [sgd, adamw]
    # these two go together
    depth: [20, 56]
    batch: [128, 64]       # 56 layers do not fit with 128
    seed:                  # repeats
      from: 1              # the first
      to: 3
    epochs: 90
  zip: [[depth, batch]]    # tied
  exclude: opt == adamw and lr >= 0.1
  gpus: 1
  +wide:                   # inherits
    parameters:
      width: 4

# the end
+other: {parameters: {x: [1, 2]}}
"""


def sweep_of(text: str, name: str = "resnet") -> Sweep:
    found = read_sweep(tree(text), name)
    assert found is not None
    return found


def with_rows(sweep: Sweep, **said: Said) -> Sweep:
    rows = [replace(row, said=said.pop(row.name, row.said)) for row in sweep.rows]
    return replace(sweep, rows=(*rows, *(Row(name, value) for name, value in said.items())))


def comments(text: str) -> list[str]:
    return sorted(re.findall(r"#[^\n]*", text))


def test_a_sweep_is_read_with_the_texts_of_the_file() -> None:
    found = sweep_of(GUIDE)
    assert {row.name: row.said for row in found.rows} == {
        "lr": {"from": "0.1", "to": "0.0001", "log": "4"},
        "opt": ["sgd", "adamw"],
        "depth": ["20", "56"],
        "batch": ["128", "64"],
        "seed": {"from": "1", "to": "3"},
        "epochs": "90",
    }
    assert found.zips == (("depth", "batch"),)
    assert found.exclude == ("opt == adamw and lr >= 0.1",)
    assert found.words == {"run_command_prefix": "python3", "main_code_file": "train.py", "gpus": "1"}
    wide = sweep_of(GUIDE, "wide")
    assert [(row.name, row.outer) for row in wide.rows][-2:] == [("epochs", True), ("width", False)]
    assert ids(tree(GUIDE).root) == [("resnet", 7), ("wide", 22), ("other", 27)]


def test_what_is_not_edited_is_not_touched() -> None:
    assert edited(GUIDE, "resnet", sweep_of(GUIDE)) == GUIDE
    text = edited(GUIDE, "resnet", with_rows(sweep_of(GUIDE), lr=["1e-3", "010"]))
    assert text == GUIDE.replace("{from: 0.1, to: 0.0001, log: 4}", "[1e-3, 010]")


def test_every_comment_survives_an_edit() -> None:
    changed = with_rows(
        sweep_of(GUIDE), lr="1e-3", batch=["128", "64", "32"], seed={"from": "1", "to": "5"}, new=["a b", ""]
    )
    text = edited(GUIDE, "resnet", replace(changed, zips=(), exclude=("lr > 1", "opt == sgd")))
    gone = "# tied"  # stood behind what was removed
    assert comments(text) == [one for one in comments(GUIDE) if one != gone]
    assert "      to: 5\n" in text and "    new: [a b, '']\n" in text


def test_a_block_list_is_edited_item_by_item() -> None:
    text = "main_code_file: a.py\n+x:\n  parameters:\n    opt:\n    # all of them\n    - sgd   # good\n    - 'adam'\n    - lion\n"
    found = sweep_of(text, "x")
    new = edited(text, "x", with_rows(found, opt=["sgd", "rmsprop", "adam"]))
    assert new == (
        "main_code_file: a.py\n+x:\n  parameters:\n    opt:\n    # all of them\n    - sgd   # good\n    - rmsprop\n    - 'adam'\n"
    )
    flow = "main_code_file: a.py\n+x:\n  parameters:\n    opt: [sgd,  # good\n          adam]  # better\n"
    kept = edited(flow, "x", with_rows(sweep_of(flow, "x"), opt=["sgd"]))
    assert comments(kept) == comments(flow)
    assert sweep_of(edited(flow, "x", with_rows(sweep_of(flow, "x"), opt="sgd")), "x").rows[0].said == "sgd"


def test_a_parameter_is_renamed_and_moved_with_its_comments() -> None:
    found = sweep_of(GUIDE)
    rows = [replace(row, name="rate") if row.name == "lr" else row for row in found.rows]
    rows.insert(0, rows.pop(2))
    text = edited(
        GUIDE,
        "resnet",
        replace(found, rows=tuple(rows), exclude=("opt == adamw and rate >= 0.1",)),
        {"rate": "lr"},
    )
    assert comments(text) == comments(GUIDE)
    lines = text.splitlines()
    assert lines[9:12] == [
        "    # these two go together",
        "    depth: [20, 56]",
        "    rate: {from: 0.1, to: 0.0001, log: 4}   # falls",
    ]


def test_what_is_inherited_is_overridden_or_removed_in_the_own_block() -> None:
    found = sweep_of(GUIDE, "wide")
    less = [row for row in found.rows if row.name not in ("opt", "epochs")]
    text = edited(GUIDE, "wide", replace(found, rows=tuple(less), zips=(), exclude=()))
    assert sweep_of(text) == sweep_of(GUIDE), "the outer experiment is what it was"
    assert "      opt: null\n      epochs: null\n" in text
    assert "    zip: null\n    exclude: null\n" in text
    text = edited(GUIDE, "wide", with_rows(found, epochs="10"))
    assert "      width: 4\n      epochs: 10\n" in text
    with pytest.raises(InputError, match="stay before its own"):
        edited(GUIDE, "wide", replace(found, rows=found.rows[::-1]))


@pytest.mark.parametrize(
    "text",
    [
        "main_code_file: a.py\n+x:\n",
        "main_code_file: a.py\n+x:   # empty\n+y: {}\n",
        "main_code_file: a.py\n+x: null\n",
        "{main_code_file: a.py, +x: {}}\n",
        "{main_code_file: a.py, +x: {gpus: 1}}",
        "main_code_file: a.py\nparameters: {a: 1, b: 2}\n+x:\n  parameters: null\n",
        "main_code_file: a.py\r\n+x:\r\n  parameters:\r\n    a: 1   # one\r\n",
        "main_code_file: a.py\n+x:\n  # only a child\n  +y:\n    parameters: {z: 1}\n",
        "main_code_file: a.py\n+x:\n  parameters: &p\n    a: [1, 2]\n  gpus: 1",
    ],
)
def test_parameters_come_into_every_kind_of_block(text: str) -> None:
    found = sweep_of(text, "x")
    wanted = replace(
        with_rows(found, q=["1", "2"], r={"from": "1", "to": "2"}),
        zips=(("q", "r"),),
        words={**found.words, "repeat": "3"},
    )
    new = edited(text, "x", wanted)
    assert sweep_of(new, "x") == wanted
    assert comments(new) == comments(text)
    assert ("\r\n" in new) == ("\r\n" in text)
    rid = replace(wanted, rows=(), zips=(), words=found.words)
    assert sweep_of(edited(new, "x", rid), "x") == rid


def test_an_alias_is_replaced_and_its_anchor_is_safe() -> None:
    text = "main_code_file: a.py\n+x:\n  parameters:\n    a: &v [1, 2]\n    b: *v   # the same\n"
    new = edited(text, "x", with_rows(sweep_of(text, "x"), b=["3"]))
    assert new == text.replace("*v ", "[3] ")
    with pytest.raises(InputError, match="without harm"):
        edited(text, "x", with_rows(sweep_of(text, "x"), a="1"))


def test_an_experiment_is_begun_in_a_new_or_an_old_file() -> None:
    proposal = propose("OMP=2 python3 -u train.py --lr 0.1 --opt sgd")
    new = begun("", proposal)
    assert (
        new.startswith("collection: None")
        and sweep_of(new, "train").words["run_command_prefix"] == "python3 -u"
    )
    more = begun(GUIDE.rstrip("\n"), proposal)
    assert more.startswith(GUIDE)
    config = parse_config(more.replace("custom: kept ", "custom_msg: kept "), "config.yaml", Path("/nowhere"))
    assert [each.id for each in config.experiments] == ["resnet", "wide", "other", "train"]
    assert config.experiments[-1].env == {"OMP": "2"}
    with pytest.raises(InputError, match="already"):
        begun(more, proposal)


def test_a_problem_is_found_where_it_stands() -> None:
    at = tree(GUIDE)
    places = {line: where(at, "resnet", line, 99) for line in (4, 10, 14, 15, 18, 19, 27)}
    assert places == {
        4: ("main_code_file", ""), 10: ("parameters", "lr"), 14: ("parameters", "batch"),
        15: ("parameters", "seed"), 18: ("parameters", "epochs"), 19: ("zip", ""), 27: ("", ""),
    }  # fmt: skip
    assert where(at, "wide", 14, 9) == ("parameters", "batch")


def test_a_file_that_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    assert fingerprint(tmp_path) == ("", "")
    first = write(tmp_path, GUIDE, "")
    assert fingerprint(tmp_path) == (GUIDE, first)
    (tmp_path / editing.FILE).write_text(GUIDE + "# more\n")
    with pytest.raises(FileChanged, match="changed meanwhile"):
        write(tmp_path, "x", first)
    assert write(tmp_path, GUIDE, fingerprint(tmp_path)[1]) == first


names = st.from_regex(r"[a-z_][a-z0-9_.-]{0,6}", fullmatch=True)
texts = st.one_of(
    st.sampled_from(["1e-3", "010", "no", "null", "~", "", "- a", "[1, 2]", "a: b", "# x", "it's", "*a", "é 😀", "{lr}", "=", "\t", "0.10"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12),
)  # fmt: skip
values = st.one_of(
    texts,
    st.lists(texts, min_size=1, max_size=5),
    st.fixed_dictionaries(
        {"from": st.sampled_from(["1", "0.1", "1e-3"]), "to": st.sampled_from(["9", "10"])},
        optional={"count": st.sampled_from(["3", "4"])},
    ),
)


@st.composite
def files(draw: st.DrawFn) -> str:
    """A config.yaml with a comment at every place where there can be one, in several styles."""
    number = iter(range(1000))
    note = lambda: f"  # note {next(number)}" if draw(st.booleans()) else ""  # noqa: E731
    line = lambda: f"    # line {next(number)}\n" if draw(st.booleans()) else ""  # noqa: E731
    lines = ["main_code_file: a.py" + note(), "parameters: {outer: 1}", "+before: {}", "+x:" + note()]
    body = ""
    for name in draw(st.lists(names, unique=True, min_size=1, max_size=4)):
        style = draw(st.sampled_from(["value", "flow", "block", "range", "wide"]))
        body += line()
        body += {
            "value": f"    {name}: 1e-3{note()}\n",
            "flow": f"    {name}: [ a, 'b',c ]{note()}\n",
            "block": f"    {name}:{note()}\n    - a{note()}\n    - b{note()}\n",
            "range": f"    {name}:{note()}\n      from: 1{note()}\n      to: 9\n",
            "wide": f"    {name}: [a,{note()}\n      b]{note()}\n",
        }[style]
    lines += [
        "  gpus: 1" + note(),
        "  parameters:" + note(),
        body.rstrip("\n"),
        "  exclude:",
        "  - outer == 1" + note(),
    ]
    return "\n".join([*lines, "# before after", "+after:", "  parameters: {y: [1, 2]}", ""])


@settings(max_examples=300, deadline=None)
@given(files(), st.data())
def test_any_edit_reads_back_and_keeps_the_comments(text: str, data: st.DataObject) -> None:
    now = sweep_of(text, "x")
    rows = []
    for row in now.rows:
        if row.outer or data.draw(st.booleans()):
            rows.append(replace(row, said=data.draw(values)) if data.draw(st.booleans()) else row)
    gone = {row.name for row in now.rows} - {row.name for row in rows}
    taken = {row.name for row in now.rows}
    more = data.draw(st.dictionaries(names.filter(lambda name: name not in taken), values, max_size=3))
    own = data.draw(
        st.permutations([row for row in rows if not row.outer] + [Row(k, v) for k, v in more.items()])
    )
    wanted = Sweep(
        (*(row for row in rows if row.outer), *own),
        (),
        tuple(data.draw(st.lists(texts.filter(bool), max_size=3))),
        {**now.words, "repeat": "2"},
    )
    new = edited(text, "x", wanted)
    assert sweep_of(new, "x") == wanted
    assert sweep_of(new, "after") == sweep_of(text, "after") and sweep_of(new, "before") == sweep_of(
        text, "before"
    )
    if not gone and wanted.exclude:
        lost = [one for one in re.findall(r"# (?:note|line) \d+", text) if one not in new]
        behind = re.findall(r"- (?:a|b|outer == 1)  (# note \d+)|from: 1  (# note \d+)", text)
        assert set(lost) <= {one for pair in behind for one in pair}, (
            "only with the item whose line it shared"
        )
    assert edited(new, "x", wanted) == new
