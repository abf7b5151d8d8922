"""Tables, colours, errors and questions as they reach a screen, a file or a pipe."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neronet.cli import errors, questions
from neronet.cli.console import STYLES, Console
from neronet.cli.table import Column, Table, fold, layout, pieces, state_piece, width_of
from neronet.cli.tails import last_lines
from neronet.errors import ConfigError, InputError, Unreachable
from neronet.spec.problems import Problem
from tests.cli.fakes import ROOT, FakeNeroman, Screen, Terminal, said


def console(**given_: Any) -> Console:
    screen = given_.get("terminal", False)
    make = Terminal if screen else io.StringIO
    return Console(make(), make(), io.StringIO(given_.pop("typed", "")), **given_)


def plain(lines: list[Any]) -> list[str]:
    return ["".join(text for text, _ in pieces(line)) for line in lines]


def test_a_table_aligns_words_left_and_numbers_right() -> None:
    table = Table([Column("name"), Column("value", right=True)])
    table.add("a", "1")
    table.add("longer 模型", ("123456", "good"))
    lines, hidden = layout(table)
    assert plain(lines) == ["name          value", "a                 1", "longer 模型  123456"]
    assert hidden == []


def test_a_narrow_table_cuts_what_may_be_cut_then_drops_columns() -> None:
    table = Table([Column("name", shrink=6), Column("b", drop=2), Column("c", drop=1), Column("state")])
    table.add("a very long name", "bbbb", "cccc", "running")
    lines, hidden = layout(table, 40)
    assert (plain(lines)[1], hidden) == ("a very long name  bbbb  cccc  running", [])
    lines, hidden = layout(table, 30)
    assert (plain(lines)[1], hidden) == ("a very l…  bbbb  cccc  running", [])
    lines, hidden = layout(table, 22)
    assert (plain(lines)[1], hidden) == ("a very…  cccc  running", ["b"])
    lines, hidden = layout(table, 15)
    assert (plain(lines)[1], hidden) == ("a ver…  running", ["b", "c"])


@given(
    st.lists(st.lists(st.text(max_size=30), min_size=3, max_size=3), max_size=5),
    st.integers(20, 60),
)
def test_no_line_of_a_table_is_wider_than_asked(rows: list[list[str]], width: int) -> None:
    table = Table(
        [Column("first", shrink=4), Column("second", shrink=4), Column("third", right=True, shrink=4)]
    )
    for row in rows:
        table.add(*row)
    lines, _ = layout(table, width)
    assert len(lines) == 1 + len(rows)
    assert all(width_of(line) <= width for line in lines)


def test_a_text_that_wraps_goes_on_below_its_column() -> None:
    table = Table([Column("#", right=True), Column("what", shrink=9, wrap=True), Column("gone", drop=1)])
    table.add("7", "could not be sent", "x" * 20)
    table.add("8", "sent", "y" * 20)
    lines, hidden = layout(table, 14)
    assert plain(lines) == ["#  what", "7  could not", "   be sent", "8  sent"]
    assert hidden == ["gone"]
    assert plain(layout(table)[0])[1].startswith("7  could not be sent  xxx")


@given(st.text(max_size=80), st.integers(2, 20))
def test_folding_loses_nothing_but_blanks(text: str, width: int) -> None:
    lines = fold(text, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(width_of(line) <= width for line in lines if line.isascii())


def test_without_a_terminal_a_table_is_plain_text_and_never_cut() -> None:
    there = console(width=20)
    table = Table([Column("name", shrink=4), Column("state")])
    table.add("n" * 50, state_piece("failed"))
    there.table(table)
    assert there.out.getvalue() == f"{'name':<50}  state\n{'n' * 50}  ✗ failed\n"  # type: ignore[attr-defined]


def test_a_state_is_told_by_shape_word_and_colour_and_without_unicode_by_letter_and_word() -> None:
    assert state_piece("running") == ("▶ running", "live")
    assert state_piece("running", unicode=False) == ("> running", "live")
    assert state_piece("someday") == ("· someday", "quiet")


def test_colour_is_for_terminals_that_want_it() -> None:
    shown = []
    for given_ in ({"terminal": True, "colour": True}, {"terminal": True, "colour": False}, {"colour": True}):
        there = console(**given_)
        there.print("run ", ("✗ failed", "bad"))
        shown.append(there.out.getvalue())  # type: ignore[attr-defined]
    assert shown[0] != shown[1] == shown[2] == "run ✗ failed\n"
    assert re.sub(r"\x1b\[[0-9;]*m", "", shown[0]) == shown[1]


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("style", [style for style in STYLES if STYLES[style].startswith("#")])
def test_every_colour_can_be_read_on_black_and_on_white(style: str) -> None:
    light = luminance(STYLES[style])
    assert 1.05 / (light + 0.05) >= 4.4
    assert (light + 0.05) / 0.05 >= 4.4


def test_what_a_node_says_is_harmless_on_every_way_to_the_screen() -> None:
    evil = "\x1b[2J\x1b]0;x\x07\u202eevil\n\x08"
    for colour in (False, True):
        there = console(terminal=True, colour=colour)
        there.print(evil, (evil, "bad"))
        there.warn(evil, evil)
        table = Table([Column(evil)])
        table.add((evil, "good"))
        there.table(table)
        written = there.out.getvalue() + there.err.getvalue()  # type: ignore[attr-defined]
        assert "\x1b[2J" not in written
        assert not set("\u202e\x08\x07") & set(written)


def test_an_error_is_two_lines_what_happened_and_what_to_do() -> None:
    there = console()
    errors.show(
        Unreachable("gpu1 does not answer: connection refused", "nerocli doctor gpu1 tells more"), there
    )
    assert there.err.getvalue() == (  # type: ignore[attr-defined]
        "✗ gpu1 does not answer: connection refused\n  nerocli doctor gpu1 tells more\n"
    )


def test_long_sentences_are_wrapped_in_a_terminal_and_whole_in_a_file() -> None:
    error = Unreachable("gpu1 does not answer: " + "a long reason " * 10, "try again")
    screen, file = console(terminal=True), console()
    errors.show(error, screen)
    errors.show(error, file)
    lines = screen.err.getvalue().splitlines()  # type: ignore[attr-defined]
    assert len(lines) == 4
    assert all(len(line) <= 80 for line in lines)
    assert all(line.startswith("  ") for line in lines[1:])
    assert len(file.err.getvalue().splitlines()) == 2  # type: ignore[attr-defined]


def test_every_problem_of_a_file_shows_its_place_its_line_and_a_caret(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("collection: x\n+a:\n  \toutptus: [one]\n" + "k: " + "v" * 200 + "\n", encoding="utf-8")
    problems = [
        Problem(str(path), 3, 4, "unknown key 'outptus'", "did you mean outputs?"),
        Problem(str(path), 4, 150, "too long"),
        Problem(str(path), 99, 1, "the file has changed since", severity="warning"),
    ]
    there = console()
    errors.show(ConfigError(problems), there)
    written = there.err.getvalue()  # type: ignore[attr-defined]
    lines = written.splitlines()
    assert lines[0].endswith("config.yaml:3:4  unknown key 'outptus'")
    assert lines[1] == "     3     outptus: [one]"
    assert lines[2].index("^") == lines[1].index("outptus")
    assert lines[2].endswith("^ did you mean outputs?")
    assert all(len(line) <= 80 for line in lines if "config.yaml" not in line)
    assert "▲" in written
    assert lines[-1] == "2 problems; nothing was changed or sent."


def test_an_unexpected_error_becomes_a_report_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NERONET_HOME", str(tmp_path / "home"))
    neroman = FakeNeroman()
    neroman.fetch = lambda: {}["missing"]  # type: ignore[assignment]
    answer = said("fetch", neroman=neroman)
    assert answer.code == 1
    assert answer.out == ""
    assert "KeyError: 'missing'" in answer.err
    assert "Traceback" not in answer.err
    (report,) = (tmp_path / "home" / "reports").iterdir()
    assert str(report) in answer.err
    text = report.read_text(encoding="utf-8")
    assert "Traceback" in text
    assert "nerocli fetch" in text


def test_a_report_has_a_place_where_the_home_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NERONET_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    neroman = FakeNeroman()
    neroman.fetch = lambda: 1 / 0  # type: ignore[assignment]
    assert said("fetch", neroman=neroman).code == 1
    assert [path for path in tmp_path.rglob("*.txt") if "ZeroDivisionError" in path.read_text()]


def test_ctrl_c_ends_quietly_with_130() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    neroman = FakeNeroman()
    neroman.fetch = interrupted  # type: ignore[assignment]
    answer = said("fetch", neroman=neroman)
    assert (answer.code, answer.out, answer.err) == (130, "", "")


def question(kind: str, text: str = "Verification code:", echo: bool = True) -> Any:
    return SimpleNamespace(kind=kind, node="gpu1", text=text, echo=echo)


def test_a_code_is_asked_for_with_the_words_of_the_node() -> None:
    there = console(person=True, typed=" 123456 \n")
    assert questions.answer(question("code", "Duo\nVerification code:"), there) == "123456"
    asked = there.err.getvalue()  # type: ignore[attr-defined]
    assert "gpu1 asks for a one-time code" in asked
    assert "Duo" in asked
    assert asked.endswith("Verification code: ")
    assert there.out.getvalue() == ""  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("typed", "said_"), [("yes\n", "yes"), ("y\n", "yes"), ("no\n", None), ("\n", None), ("", None)]
)
def test_a_host_key_is_trusted_only_after_a_yes(typed: str, said_: str | None) -> None:
    there = console(person=True, typed=typed)
    assert questions.answer(question("host_key", "SHA256:abc"), there) == said_
    assert "SHA256:abc" in there.err.getvalue()  # type: ignore[attr-defined]


def test_without_a_terminal_a_question_says_which_command_to_type() -> None:
    there = console(person=False)
    assert questions.answer(question("passphrase"), there) is None
    assert "nerocli doctor gpu1" in there.err.getvalue()  # type: ignore[attr-defined]


def test_without_a_terminal_a_yes_is_asked_for_as_an_option() -> None:
    with pytest.raises(InputError) as caught:
        console().confirm("Remove?", "nerocli clean --yes")
    assert "nerocli clean --yes" in caught.value.hint
    assert console(typed="y\n").confirm("Remove?", "x"), "as in: echo y | nerocli clean"
    assert console(person=True, typed="YES\n").confirm("Remove?", "x")
    assert not console(person=True, typed="\n").confirm("Remove?", "x")


def test_the_last_lines_of_a_log_are_read_from_its_end(tmp_path: Path) -> None:
    log = tmp_path / "stdout.log"
    assert last_lines(log, 3) == []
    log.write_bytes(b"")
    assert last_lines(log, 3) == []
    log.write_bytes(b"one\n 1 %\r 2 %\n\x1b[1mthree\xff\n")
    assert last_lines(log, 2) == [" 2 %", "three\ufffd"]
    log.write_bytes(b"x" * 100_000 + b"\nlast")
    assert last_lines(log, 5) == ["last"]


def test_a_reader_that_leaves_is_no_error() -> None:
    code = (
        "import sys\nfrom neronet.cli.console import Console\nfrom neronet.cli.main import run\n"
        "from tests.cli.fakes import FakeNeroman\n"
        "neroman = FakeNeroman()\nneroman.tidy = lambda: [str(n) for n in range(100000)]\n"
        "sys.exit(run(['tidy'], lambda home: neroman, Console.of_process()))"
    )
    command = f"'{sys.executable}' -c \"$CODE\" | head -n 1; echo ${{PIPESTATUS[0]}}"
    environment = {**os.environ, "CODE": code, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.split() == ["0", "0"]
    assert done.stderr == ""


ASKING = """
import sys, threading, time
from types import SimpleNamespace
from neronet.cli.console import Console
from neronet.cli.main import run
from tests.cli.fakes import FakeNeroman

console = Console.of_process()
question = SimpleNamespace(kind="password", node="gpu1", text="Password:", echo=False)

class Asking(FakeNeroman):
    def tidy(self):
        said = []
        thread = threading.Thread(target=lambda: said.append(self.answer(question)), daemon=True)
        with console.live() as live:
            live.update(console.picture([["drawn live"]]), refresh=True)
            thread.start()
            while thread.is_alive():
                time.sleep(0.05)
        return [f"it was {said}"]

sys.exit(run(["tidy"], lambda home: Asking(), console))
"""


@pytest.fixture
def asking(tmp_path: Path) -> Screen:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "NERONET_HOME": str(tmp_path)}
    screen = Screen([sys.executable, "-c", ASKING], environment, tmp_path)
    screen.read_until("Password:")
    return screen


def test_a_question_is_answered_unseen_below_what_is_drawn_live(asking: Screen) -> None:
    assert "gpu1 asks for your password" in asking.plain()
    assert not asking.echoes()
    asking.type("open sesame\n")
    assert "it was ['open sesame']" in asking.read_until("it was")
    assert asking.text.count("open sesame") == 1
    assert asking.close() == 0


def test_ctrl_c_in_the_middle_of_a_secret_gives_the_terminal_back(asking: Screen) -> None:
    asking.process.send_signal(signal.SIGINT)
    asking.process.wait(10)
    assert asking.echoes()
    assert asking.close() == 130
    assert "Traceback" not in asking.text
