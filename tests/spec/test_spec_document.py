"""Reading YAML within bounds."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml

from neronet.spec.document import MAX_BYTES, Block, load, plain, read
from neronet.spec.problems import Problem, Problems


def tree(text: str | bytes) -> tuple[object, list[str]]:
    """(the content as plain values, the problems)."""
    problems = Problems("f")
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return plain(load(data, problems)[1]), [str(problem) for problem in problems.all()]


def problem_of(text: str | bytes) -> str:
    _, problems = tree(text)
    assert len(problems) == 1, problems
    return problems[0]


@pytest.mark.parametrize(
    "value", ["1e-3", "010", "no", "12:30:45", "1_000", "0777", "0x1F", "1.50", "+1", "2001-01-01", "é 😀"]
)
def test_a_value_keeps_the_text_of_the_file(value: str) -> None:
    assert tree(f"a: {value}\n") == ({"a": value}, [])


def test_null_is_what_yaml_calls_null_unless_it_is_quoted() -> None:
    assert tree("a:\nb: ~\nc: null\nd: 'null'\ne: ''\n") == (
        {"a": None, "b": None, "c": None, "d": "null", "e": ""},
        [],
    )


def test_an_empty_file_is_no_problem_of_the_reader() -> None:
    assert tree("") == (None, [])
    assert tree("# nothing\n") == (None, [])


def test_aliases_stand_for_what_they_name() -> None:
    assert tree("a: &x [1, 2]\nb: *x\n") == ({"a": ["1", "2"], "b": ["1", "2"]}, [])


def test_a_key_given_twice_is_an_error_that_names_both_lines() -> None:
    content, problems = tree("a: 1\nb: 2\na: 3\n")
    assert problems == ["f:3:1: 'a' stands here and in line 1 (keep one of them)"]
    assert content == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system ['true']", "!!int 1", "!x y", "!!bool ''", "! z"]
)
def test_no_tag_is_obeyed(tag: str) -> None:
    found = problem_of(f"a: {tag}\n")
    assert found.startswith("f:1:4: the tag '")
    assert "is not allowed" in found


def test_all_problems_of_a_file_are_told_at_once() -> None:
    _, problems = tree("a: !t 1\na: 2\n? [b]\n: 3\n")
    assert [problem.split(" ")[0] for problem in problems] == ["f:1:4:", "f:2:1:", "f:3:3:"]


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("a: 1\n b: 2\n", "f:2:3:", "indentation"),
        ("a:\n\t- 1\n", "f:2:1:", "spaces, not tabs"),
        ("a: [1, 2\nb: 3\n", "f:2:2:", "bracket"),
        ("a: 'x\n", "f:2:1:", "quote"),
        ('a: "\\d"\n', "f:1:5:", "single quotes"),
        ("a: 1\n---\nb: 2\n", "f:2:1:", "remove"),
        ("a: b: c\n", "f:1:5:", "needs quotes"),
        ("a: %x\n", "f:1:4:", "needs quotes"),
        ("a: 1\nb\nc: 2\n", "f:3:1:", "colon and a space"),
    ],
)
def test_what_is_not_yaml_has_a_place_and_a_hint(text: str, place: str, hint: str) -> None:
    found = problem_of(text)
    assert found.startswith(place), found
    assert hint in found


def test_an_escape_beyond_unicode_is_a_problem() -> None:
    assert "not YAML" in problem_of('a: "\\UFFFFFFFF"\n')


def test_what_is_not_utf8_text_has_a_place() -> None:
    assert problem_of(b"a: 1\nb: x\xff\n").startswith("f:2:5: the file is not UTF-8 text")
    assert "UTF-8" in problem_of("a: 1".encode("utf-16"))
    assert problem_of("a: 1\nb: \x1b[31m\n").startswith("f:2:4: the file holds the control character '\\x1b'")
    assert "control character" in problem_of("a: 1\0")
    assert "UTF-8" in problem_of("a: \ud800")


def test_a_byte_order_mark_is_no_part_of_the_file() -> None:
    assert tree("a: 1\n".encode("utf-8-sig")) == ({"a": "1"}, [])


def test_a_nul_that_was_escaped_is_a_problem_and_gone() -> None:
    assert tree('a: "x\\0y"\n') == (
        {"a": "xy"},
        ["f:1:4: a text must not hold a NUL character (no program can be given one)"],
    )


def test_places_count_characters_not_bytes() -> None:
    problems = Problems("f")
    text, root = load("é: 'ü'\nx: [ö, ß]\n".encode(), problems)
    assert isinstance(root, Block)
    key, value = root.entries["x"]
    assert (key.line, key.column, text[value.start : value.end]) == (2, 1, "[ö, ß]")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 100_000, "nested"),
        ("a: " + "{a: " * 100_000, "nested"),
        ("- " * 100_000, "nested"),
        ("? " * 100_000, "nested"),
        ("a: 1\n" + "#" * MAX_BYTES, "larger than 1024 KiB"),
        ("[" + "a," * 200_000 + "]", "more than 100,000 values"),
        ("x: &a 1\ny: [" + "*a," * 101 + "]", "more than 100 aliases"),
        ("a: &a [*a]\n", "called &a"),
        ("a: *b\n", "called &b"),
    ],
    ids=lambda value: value[:12],
)
def test_size_depth_and_expansion_are_bounded(text: str, said: str) -> None:
    begun = time.process_time()
    found = problem_of(text)
    assert time.process_time() - begun < 2  # a third of a second, but for tracing
    assert said in found


def test_an_alias_bomb_is_counted_by_what_it_stands_for() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    assert "more than 100,000 values" in problem_of("\n".join(lines))
    deep = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 60))]
    assert "levels are nested" in problem_of("\n".join(deep))


@pytest.mark.parametrize(
    "text",
    [
        "a: 'x\n",
        "a: 1\n b: 2\n",
        "a: &x [1, ' 2', *y]\n",
        "a: &x [1, ' 2', 010]\nb: *x\nc: |\n  d\n",
        '"\\UFFFFFFFF"',
    ],
)
def test_the_parser_without_the_c_library_reads_the_same(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content, problems = tree(text)
    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    again, problems_again = tree(text)
    assert again == content
    assert len(problems_again) == len(problems)


def test_reading_a_file_never_raises(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path, tmp_path / "a\0b", tmp_path / ("x" * 5000)):
        found = read(path)
        assert isinstance(found, Problem)
        assert found.line == 1
    (tmp_path / "file").write_bytes(b"x" * (MAX_BYTES + 100))
    assert read(tmp_path / "file") == b"x" * (MAX_BYTES + 1)
