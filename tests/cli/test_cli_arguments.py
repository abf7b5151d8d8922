"""How a command may be said, and what `nerocli` answers to what it does not understand."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from neronet.cli.help import explain, overview
from neronet.cli.verbs import GROUPS, VERBS
from tests.cli.fakes import FakeNeroman, experiment, node, said

FIXED = [
    "addnode",
    "delnode",
    "template",
    "preview",
    "addexp",
    "delexp",
    "copyexp",
    "submit",
    "fetch",
    "status",
    "watch",
    "logs",
    "points",
    "results",
    "terminate",
    "hold",
    "release",
    "rerun",
    "history",
    "doctor",
    "engine",
    "tidy",
    "recover",
    "clean",
    "demo",
]


@pytest.mark.parametrize("verb", FIXED)
def test_every_command_has_help_with_an_example_and_what_comes_next(verb: str) -> None:
    for spelling in (verb, f"-{verb}", f"--{verb}"):
        answer = said(spelling, "--help")
        assert answer.code == 0
        assert answer.out == explain(VERBS[verb])
    assert VERBS[verb].examples
    assert VERBS[verb].then
    assert said("help", verb).out == explain(VERBS[verb])


@pytest.mark.parametrize("verb", list(VERBS))
def test_help_fits_eighty_columns_and_names_every_argument(verb: str) -> None:
    shown = explain(VERBS[verb])
    assert max(map(len, shown.split("\n"))) <= 80
    for argument in VERBS[verb].arguments:
        assert argument.label in shown


def test_no_argument_prints_the_help_with_every_command() -> None:
    answer = said()
    assert (answer.code, answer.out) == (0, overview())
    assert max(map(len, answer.out.split("\n"))) <= 80
    for verbs in GROUPS.values():
        for verb in verbs:
            assert f"\n  {verb.name} " in answer.out
    assert said("--help").out == said("-h").out == said("help").out == answer.out


@pytest.mark.parametrize("spelling", ["-addexp", "--addexp", "addexp"])
def test_the_three_spellings_of_a_command_are_the_same(spelling: str) -> None:
    neroman = FakeNeroman(all_experiments=[experiment("lang_exp1", 4)])
    assert said(spelling, "folder", neroman=neroman).code == 0
    assert ("add_experiment", "folder") in neroman.calls


def test_an_unknown_command_names_the_nearest_one() -> None:
    answer = said("-statsu")
    assert answer.code == 2
    assert answer.out == ""
    assert "'statsu' is not a command" in answer.err
    assert "did you mean: nerocli status" in answer.err
    assert "did you mean: nerocli status nodes" in said("nodes").err
    assert "nerocli --help" in said("qqqq").err


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["submit"], ["required: TARGET", "usage: nerocli submit TARGET... [NODE]"]),
        (["addnode", "gpu1", "gpu1", "--slots", "many"], ["--slots", "invalid int value: 'many'"]),
        (["fetch", "gpu1"], ["unrecognized arguments: gpu1"]),
        (["status", "--al"], ["unrecognized arguments: --al"]),
        (["engine", "restart"], ["restart", "start, stop, status"]),
        (["completion", "csh"], ["'csh'", "bash, zsh, fish"]),
        (["results", "-o", "table.xls"], ["table.xls", ".csv, .json, .xlsx, .parquet"]),
        (["history", "--since", "yesterday"], ["'yesterday' is no time", "2026-03-14"]),
    ],
)
def test_wrong_arguments_are_told_in_a_line_with_exit_code_2(argv: list[str], words: list[str]) -> None:
    answer = said(*argv)
    assert answer.code == 2
    assert answer.out == ""
    assert all(word in answer.err for word in words), answer.err
    assert "Traceback" not in answer.err


def test_node_fields_reach_neroman_as_they_were_given() -> None:
    neroman = FakeNeroman(all_nodes=[node("gpu1")])
    argv = (
        "addnode gpu1 me@gpu1:2222 --slots 4 --memory 16GB --root /scratch/me --user me --identity-file key"
    )
    assert said(*argv.split(), neroman=neroman).code == 0
    given = {
        "slots": 4,
        "memory": "16GB",
        "root": "/scratch/me",
        "ssh_options": {"user": "me", "identity_file": "key"},
    }
    assert neroman.calls[0] == ("add_node", "gpu1", "me@gpu1:2222", given)


def test_neroman_is_closed_also_after_an_error() -> None:
    neroman = FakeNeroman()
    neroman.fetch = lambda: 1 / 0  # type: ignore[assignment]
    assert said("fetch", neroman=neroman).code == 1
    assert neroman.calls[-1] == ("close",)


def test_help_is_fast_and_imports_nothing_it_does_not_need() -> None:
    heavy = ("rich", "asyncssh", "pandas", "sqlite3", "asyncio", "neronet.api", "yaml")
    code = (
        "import sys; sys.argv = ['nerocli', '--help']\n"
        "from neronet.cli.main import main\n"
        "try: main()\n"
        f"finally: print([m for m in {heavy!r} if m in sys.modules], file=sys.stderr)"
    )
    times = []
    for _ in range(5):
        began = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        times.append(time.perf_counter() - began)
        assert done.stdout == overview()
        assert done.stderr.strip() == "[]"
    assert min(times) < 0.3
