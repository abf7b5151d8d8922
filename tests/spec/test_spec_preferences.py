"""preferences.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest

from neronet.errors import ConfigError
from neronet.spec.files import FIRST_PREFERENCES
from neronet.spec.notify import Channel
from neronet.spec.preferences import Preferences, load_preferences, parse_preferences


def parse(text: str) -> Preferences:
    return parse_preferences(text.encode(), "preferences.yaml")


def test_without_a_file_there_are_defaults(tmp_path: Path) -> None:
    assert load_preferences(tmp_path / "preferences.yaml") == Preferences()
    assert Preferences().mirror_limit == 256 * 2**20
    assert parse("default_node: None\nmirror_limit:\npanel: ~\n") == Preferences()


def test_every_preference_is_read() -> None:
    found = parse(
        "default_node: gpu\nresults_file: ~/runs.csv\nmirror_limit: 1 GiB\n"
        "notify: [{to: desktop, log_lines: 3}]\npanel: {rate: 5}\n"
    )
    assert found == Preferences(
        "gpu",
        "~/runs.csv",
        (Channel("desktop", at_most=(1, 60.0), log_lines=3),),
        2**30,
        {"rate": "5"},
    )
    found.check()


def test_what_the_first_file_shows_in_comments_works() -> None:
    lines = [line.removeprefix("# ") for line in FIRST_PREFERENCES.splitlines()[2:]]
    found = parse("\n".join(lines))
    assert found.problems == ()
    assert (found.default_node, found.mirror_limit) == ("local", 256 * 2**20)


def test_an_unknown_word_is_a_warning_so_that_an_older_version_goes_on() -> None:
    found = parse("defualt_node: x\n")
    assert [str(problem) for problem in found.problems] == [
        "preferences.yaml:1:1: 'defualt_node' is no preference (did you mean default_node?)"
    ]
    found.check()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a]", "1:1: the file is not a block"),
        ("default_node: [a]", "1:15: one value belongs here"),
        ("mirror_limit: 5", "1:15: '5' is not an amount of memory"),
        (
            "results_file: ~/runs.xls",
            "1:15: 'runs.xls' does not say by its ending what to write (end it in .csv, ",
        ),
        ("results_file: ~/runs", "1:15: 'runs' does not say"),
        ("panel: x", "1:8: panel takes a block"),
        ("a: [", "1:"),
        ("\n".join(f"? [{n}]\n: 1" for n in range(300)), "1:3: a key must be a word"),
    ],
)
def test_a_mistake_has_its_place(text: str, expected: str) -> None:
    found = parse(text)
    assert str(found.problems[0]).startswith(f"preferences.yaml:{expected}")
    with pytest.raises(ConfigError):
        found.check()


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    assert "is not a file" in load_preferences(tmp_path).problems[0].text
