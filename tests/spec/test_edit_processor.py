"""A processor is written into the block of its experiment, and all else stays as the user wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest

from neronet.errors import InputError
from neronet.spec.config import parse_config
from neronet.spec.edit_processor import with_processor

LOSS = ("neronet", "regex", 'it\'s \\[(?P<step>{int})\\] "loss": (?P<loss>{number})')
SHORT = ("neronet", "table", "TotEng")


def test_it_is_added_as_lines_of_its_own_and_comments_stay() -> None:
    text = "run_command_prefix: sh\n+lang: # mine\n  main_code_file: a.sh  # yes\n  +inner:\n    parameters: {x: 1}\n"
    assert with_processor(text, "lang", {}, "stdout", SHORT) == (
        "run_command_prefix: sh\n+lang: # mine\n  main_code_file: a.sh  # yes\n"
        "  output_line_processor:\n    stdout: neronet table TotEng\n"
        "  +inner:\n    parameters: {x: 1}\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "main_code_file: a\n+lang:\n",
        "main_code_file: a\n+lang: {}\n",
        "main_code_file: a\n+lang: {repeat: 2}  # two\n",
        "main_code_file: a\r\n+lang:\r\n  repeat: 2\r\n",
        "+other: {main_code_file: a}\n+lang:\n  main_code_file: a\n\n# the end\n",
        "+outer:\n  main_code_file: a\n  +lang:\n    repeat: 2\n    env: {A: b}",
    ],
)
def test_it_reads_back_from_any_block(text: str) -> None:
    new = with_processor(text, "lang", {}, "stderr", LOSS)
    (lang,) = [
        each for each in parse_config(new, "config.yaml", Path("/nowhere")).experiments if each.id == "lang"
    ]
    assert lang.output_line_processor == {"stderr": LOSS}


def test_a_second_one_stands_beside_the_first_and_a_third_has_no_place() -> None:
    text = "+lang:\n  main_code_file: a\n  output_line_processor:\n    # first\n    stdout: mine read\n"
    known: dict[str, tuple[str, ...]] = {"stdout": ("mine", "read")}
    new = with_processor(text, "lang", known, "stdout", SHORT)
    assert new == text + "    stdout.log: neronet table TotEng\n"
    known["stdout.log"] = SHORT
    assert with_processor(new, "lang", known, "stdout", SHORT) == new, "it is there"
    with pytest.raises(InputError, match="two processors already"):
        with_processor(new, "lang", known, "stdout", LOSS)


def test_what_it_inherits_it_keeps() -> None:
    text = "output_line_processor: {out.txt: mine read}\noutputs: out.txt\nmain_code_file: a\n+lang: {repeat: 2}\n"
    new = with_processor(text, "lang", {"out.txt": ("mine", "read")}, "stdout", SHORT)
    assert "output_line_processor: {out.txt: mine read, stdout: neronet table TotEng}}" in new


@pytest.mark.parametrize(
    "text", ["lang:\n  main_code_file: a\n", "+lang: &x {main_code_file: a}\n+two: *x\n", "[1]\n", ""]
)
def test_what_cannot_be_changed_gives_the_line_to_add_by_hand(text: str) -> None:
    with pytest.raises(InputError) as raised:
        with_processor(text, "lang", {}, "stdout", SHORT)
    assert "output_line_processor: {stdout: neronet table TotEng}" in raised.value.hint
