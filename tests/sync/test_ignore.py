"""Ignore files mean here what they mean to git itself."""

from __future__ import annotations

import os
import random
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from neronet.spec.experiment import Experiment
from neronet.sync.collect import collect
from neronet.sync.ignore import IgnoreFile, translate

TREES = 100
NAMES = [
    "a", "b", "foo", "bar.txt", "x.log", "build", "data", "keep.log", "A b", "new\nline", "é", "foo.py",
    "[x]", "sp ",
    "#c", "!x", "back\\slash", "ab]", "-", "x-1", "Z9", "a\tb", "\udcff",
]  # fmt: skip
PATTERNS = [
    "*.log", "!keep.log", "/build", "build/", "data/*", "!data/foo", "**/foo", "a/**", "a/**/b", "foo",
    "!foo", "*", "!*/",
    "!*.py", "/*", "\\!x", "\\#c", "#c", "a/b", "[ab]", "[!a]", "fo?", "*.t?t", "b*", "[[:alpha:]]", "sp\\ ",
    "new*", "d*/",
    "!a/", "/a/", "**", "*/b", "!**/b/", "[z-a]", "[", "foo/", "a*/b", "?", "[]x]*", "[a-c-]oo", "x[!l]*",
    "\\*", "b[ua]*",
    "***", "**/*.log", "a/*/b", "**/a/**/foo", "[[:space:]]*", "[^a-z]*", "trail   ", "foo   ", "/[ab]/f*",
    "foo/**/",
    "!foo/**", "*.p[!z]", "[\\]]", "[[]x]", "sp*", "n?w*", "é", "*é*", "[é]", "[!é]", "a\\", "!", "!!a", "/",
    "//", "a//b",
    "/**", "/**/b", "[[:digit:]x]*", "[[:nope:]]", "[[:]", "[a-", "[a-\\", "[\\a-c]*", "[--z]", "*]",
    "back\\\\*", "?[-]1",
    "*[[:upper:]]*", "\\", "!/data/", "", " ", "\ufeffa",
]  # fmt: skip


def grow(folder: Path, rng: random.Random, depth: int = 0) -> None:
    for name in rng.sample(NAMES, rng.randint(2, 5)):
        if depth < 3 and rng.random() < 0.45:
            (folder / name).mkdir()
            grow(folder / name, rng, depth + 1)
        else:
            (folder / name).touch()
    if depth == 0 or rng.random() < 0.6:
        end = rng.choice(["\n", "\n", "\r\n"])
        lines = [rng.choice(PATTERNS) for _ in range(rng.randint(1, 6))]
        mark = "\ufeff" if rng.random() < 0.1 else ""
        (folder / ".gitignore").write_bytes((mark + end.join([*lines, ""])).encode())


def kept_by_git(top: Path) -> set[str]:
    files = [
        os.path.relpath(os.path.join(parent, name), top)
        for parent, folders, names in os.walk(top)
        for name in names
        if ".git" not in Path(parent).relative_to(top).parts
    ]
    asked = b"".join(os.fsencode(name) + b"\0" for name in files)
    command = ["git", "check-ignore", "--no-index", "-z", "--stdin"]
    answer = subprocess.run(command, cwd=top, input=asked, capture_output=True, timeout=60)
    assert answer.returncode in (0, 1), answer.stderr
    return set(files) - {os.fsdecode(name) for name in answer.stdout.split(b"\0")}


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_files_are_left_out_as_by_git(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    subprocess.run(["git", "init", "-q", tmp_path], check=True, timeout=60)
    expected: dict[str, set[str]] = {f"tree{number}": set() for number in range(TREES)}
    for tree in expected:
        (tmp_path / tree).mkdir()
        grow(tmp_path / tree, rng)
    for path in kept_by_git(tmp_path):
        tree, _, rest = path.partition("/")
        expected[tree].add(rest)
    assert sum(map(len, expected.values())) > TREES
    for tree, kept in expected.items():
        top = tmp_path / tree
        experiment = Experiment("exp", top, "/bin/true")
        found = {each.path for each in collect(top, experiment, tmp_path / "home").found if each.kind == "f"}
        rules = {str(file): file.read_bytes() for file in top.rglob(".gitignore")}
        assert found == kept, rules


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("a**/b", "a/b", True),
        ("a**/b", "ax/b", True),
        ("a**/b", "ax/y/b", False),  # as the manual says: other asterisks are ordinary ones
        ("x/[a/b]c", "x//c", False),
        ("[[:xdigit:][:punct:]]z", "/z", False),
        ("[b-a]", "a", False),
        ("é?", "éx", True),
    ],
)
def test_a_pattern_means_what_the_manual_says(pattern: str, path: str, matches: bool) -> None:
    expression = translate(pattern)
    assert expression is not None
    assert (re.compile(expression, re.DOTALL).fullmatch(path) is not None) == matches


def test_the_last_rule_that_matches_decides() -> None:
    file = IgnoreFile(b"*.bin\n!keep.bin\n/keep.bin/\n")
    assert file.verdict("x.bin", False) is True
    assert file.verdict("keep.bin", False) is False
    assert file.verdict("keep.bin", True) is True
    assert file.verdict("d/keep.bin", True) is False
    assert file.verdict("x.txt", False) is None


def paths(folder: Path, experiment: Experiment) -> list[str]:
    return [found.path for found in collect(folder, experiment, folder.parent / "home").found]


def test_a_neroignore_has_the_last_word(folder: Path, experiment: Callable[..., Experiment]) -> None:
    (folder / "data").mkdir()
    for name in ("a.bin", "b.bin"):
        (folder / "data" / name).touch()
    (folder / "notes.md").touch()
    (folder / ".gitignore").write_text("*.bin\n")
    (folder / "data" / ".gitignore").write_text("/a.bin\n")
    (folder / ".neroignore").write_text("!a.bin\n*.md\n")
    assert paths(folder, experiment()) == [
        ".gitignore",
        ".neroignore",
        "data/.gitignore",
        "data/a.bin",
        "main.py",
    ]


def test_a_deeper_neroignore_wins_over_the_one_above(
    folder: Path, experiment: Callable[..., Experiment]
) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "a.bin").touch()
    (folder / ".neroignore").write_text("*.bin\n")
    (folder / "data" / ".neroignore").write_text("!a.bin\n")
    assert "data/a.bin" in paths(folder, experiment())


def test_a_folder_that_is_left_out_is_not_even_read(
    folder: Path, experiment: Callable[..., Experiment]
) -> None:
    (folder / "huge").mkdir()
    (folder / "huge" / ".neroignore").write_text("!*\n")
    (folder / "huge" / "link").symlink_to("/etc/passwd")  # would be an error
    (folder / ".gitignore").write_text("huge/\n")
    assert paths(folder, experiment()) == [".gitignore", "main.py"]
