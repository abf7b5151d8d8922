"""A manifest says exactly which tree it is, and refuses to be anything else."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neronet.sync.manifest import MAX_BYTES, MAX_DEPTH, Entry, build, difference, parse, tree_hash
from neronet.wire.frames import Malformed

SHA = "a" * 64
names = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0")
    | st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF),
    min_size=1,
    max_size=8,
).filter(lambda name: name not in (".", ".."))


@st.composite
def trees(draw: st.DrawFn) -> list[Entry]:
    """Entries that can stand side by side."""
    paths: set[str] = set()
    for parts in draw(st.lists(st.lists(names, min_size=1, max_size=4), max_size=12)):
        path = "/".join(parts)
        if not any(path == old or path.startswith(old + "/") or old.startswith(path + "/") for old in paths):
            paths.add(path)
    entries = []
    for path in sorted(paths):
        kind = draw(st.sampled_from("fld"))
        if kind == "f":
            sha = draw(st.text("0123456789abcdef", min_size=64, max_size=64))
            entries.append(Entry(path, "f", draw(st.booleans()), sha, draw(st.integers(0, 2**40))))
        elif kind == "l":
            entries.append(Entry(path, "l", target=draw(names)))
        else:
            entries.append(Entry(path, "d"))
    return draw(st.permutations(entries))


@settings(max_examples=50, deadline=None)
@given(trees())
def test_a_tree_comes_back_from_its_manifest(tree: list[Entry]) -> None:
    assert list(parse(build(tree))) == sorted(tree, key=lambda entry: entry.path)


@settings(max_examples=50, deadline=None)
@given(trees(), st.randoms(use_true_random=False))
def test_the_order_of_finding_does_not_matter(tree: list[Entry], random: object) -> None:
    shuffled = list(tree)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert tree_hash(build(shuffled)) == tree_hash(build(tree))


@settings(max_examples=50, deadline=None)
@given(trees(), st.data())
def test_any_changed_byte_is_refused_or_is_another_tree(tree: list[Entry], data: st.DataObject) -> None:
    original = build(tree)
    at = data.draw(st.integers(0, len(original) - 1))
    changed = original[:at] + data.draw(st.binary(max_size=2)) + original[at + 1 :]
    try:
        entries = parse(changed)
    except Malformed:
        return
    assert build(entries) == changed


@settings(max_examples=50, deadline=None)
@given(trees(), trees())
def test_a_difference_names_exactly_what_is_not_alike(old: list[Entry], new: list[Entry]) -> None:
    found = difference(old, new)
    before, after = {entry.path: entry for entry in old}, {entry.path: entry for entry in new}
    for path in before.keys() | after.keys():
        assert (path in found.added) == (path not in before)
        assert (path in found.removed) == (path not in after)
        assert (path in found.changed) == (path in before and path in after and before[path] != after[path])
    assert bool(found) == (before != after)


def test_the_format_is_the_one_that_nodes_read() -> None:
    tree = [
        Entry("run.sh", "f", True, SHA, 9),
        Entry("empty", "d"),
        Entry("link", "l", target="main.py"),
        Entry("main.py", "f", False, SHA, 123),
    ]
    assert build(tree) == (
        b'{"v":1,"entries":[["empty","d"],["link","l","main.py"],["main.py","f",0,"%s",123],["run.sh","f",1,"%s",9]]}'
        % (SHA.encode(), SHA.encode())
    )


BAD_LINES = [
    "text", 5, None, [], ["a"], ["a", "x"], ["a", "d", 1], ["a", "l"], ["a", "l", 5], ["a", "l", ""], ["a",
    "l", "/etc"],
    ["a", "l", ".."], ["a", "l", "../a"], ["d/a", "l", "../../x"], ["a", "l", "b/../../c"], ["a", "l", "x\0"],
    ["a", "f", 2, SHA, 1], ["a", "f", True, SHA, 1], ["a", "f", 0, "A" * 64, 1], ["a", "f", 0, SHA + "\n", 1],
    ["a", "f", 0, SHA, -1], ["a", "f", 0, SHA, 1.0], ["a", "f", 0, SHA, 2**62], ["a", "f", 0, SHA], ["a",
    "f", 0, 7, 1],
    ["", "d"], ["/a", "d"], ["a/", "d"], ["a//b", "d"], [".", "d"], ["..", "d"], ["a/../b", "d"], ["a\0b",
    "d"],
    ["\ud800", "d"], ["x" * 5000, "d"], ["/".join("a" * (MAX_DEPTH + 1)), "d"], [["a"], "d"], [7, "d"],
    {"a": 1, "d": 2},
]  # fmt: skip


@pytest.mark.parametrize("line", BAD_LINES, ids=repr)
def test_an_entry_that_cannot_be_is_refused(line: object) -> None:
    data = json.dumps({"v": 1, "entries": [line]}, separators=(",", ":")).encode()
    with pytest.raises(Malformed):
        parse(data)


@pytest.mark.parametrize(
    "lines",
    [
        [["a", "d"], ["a", "d"]],
        [["a", "d"], ["a/b", "d"]],
        [["a", "l", "c"], ["a-b", "d"], ["a/b", "d"]],
        [["a", "f", 0, SHA, 1], ["a/b/c", "d"]],
        [["b", "d"], ["a", "d"]],
    ],
    ids=["twice", "below an empty folder", "below a link", "below a file", "out of order"],
)
def test_entries_that_cannot_stand_together_are_refused(lines: object) -> None:
    with pytest.raises(Malformed):
        parse(json.dumps({"v": 1, "entries": lines}, separators=(",", ":")).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[]", b"{}", b'{"v":2,"entries":[]}', b'{"v":1}', b'{"v":1,"entries":{}}',
        b'{"v":1,"entries":[]} ',
        b'{"v":1,"entries":[],"more":1}', b'{"v":1,"entries":' + b"[" * 5000,
        b'{"v":1,"entries":[9' + b"9" * 5000 + b"]}",
    ],
)  # fmt: skip
def test_what_is_no_manifest_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse(data)


def test_a_manifest_has_a_largest_size_and_number() -> None:
    with pytest.raises(Malformed, match="longer than"):
        parse(b" " * (MAX_BYTES + 1))
    with pytest.raises(Malformed, match="more than 200000"):
        build([Entry("f", "d")] * 200_001)


def test_a_name_of_all_signs_survives() -> None:
    tree = [Entry(f"d/{sign}", "d") for sign in string.printable.replace("/", "").replace(".", "")]
    assert len(parse(build(tree))) == len(tree)
