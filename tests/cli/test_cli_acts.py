"""What acts on runs, nodes and Neronet itself says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from neronet.cli import gui
from neronet.cli.completion import SCRIPTS
from neronet.engine.doctor import Check
from tests.cli.fakes import (
    FakeNeroman,
    FakeRunSet,
    completed,
    ended,
    experiment,
    node,
    run,
    said,
)

pytestmark = pytest.mark.slow


def test_terminate_hold_release_and_rerun_say_what_they_did() -> None:
    neroman = FakeNeroman(
        all_runs=FakeRunSet([run(1), ended(2), run(3, state="queued")], notes=["1 had ended before"])
    )
    assert "lang_exp1/hyperparamx=1 (run 1): asked to end." in said("terminate", "1", neroman=neroman).out
    assert "had ended before; nothing to do" in said("terminate", "2", neroman=neroman).out
    assert "(run 3): held" in said("hold", "lang_exp1", neroman=neroman).out
    assert "1 had ended before" in said("release", "lang_exp1", neroman=neroman).out
    assert "will run again" in said("rerun", "2", neroman=neroman).out
    neroman.all_runs = FakeRunSet([ended(2)])
    assert "None of these waits" in said("hold", "2", neroman=neroman).out
    assert "Nothing to run again" in said("rerun", "9", "--failed", neroman=neroman).out


def checks() -> list[Check]:
    return [
        Check("gpu1", "connection", True, "answers"),
        Check("gpu1", "disk", False, "0.1 GiB free", "make room there"),
        Check("gpu1", "cores", None, "8"),
    ]


def test_a_node_that_does_not_answer_is_kept_and_that_is_said() -> None:
    refused = [
        Check("gpu1", "connection", False, "gpu1 does not answer: connection refused", "is it switched on?")
    ]
    answer = said("addnode", "gpu1", "gpu1", neroman=FakeNeroman(checks=refused))
    assert answer.code == 0
    assert "gpu1 is added: gpu1" in answer.out
    assert "connection refused" in answer.out
    assert "gpu1 is kept, but nothing can run there yet" in answer.err
    well = said("addnode", "gpu1", "gpu1", neroman=FakeNeroman(checks=checks()[:1]))
    assert "next: nerocli submit FOLDER gpu1" in well.out


def test_doctor_tells_each_check_and_fails_when_one_does() -> None:
    answer = said("doctor", "gpu1", neroman=FakeNeroman(checks=checks()))
    assert answer.code == 1
    assert answer.out.splitlines() == [
        "gpu1", "  ✓ connection: answers", "  ✗ disk: 0.1 GiB free", "    make room there", "  · cores: 8",
    ]  # fmt: skip
    rows = json.loads(said("doctor", "--json", neroman=FakeNeroman(checks=checks()[:1])).out)
    assert rows == [{"node": "gpu1", "subject": "connection", "ok": True, "text": "answers", "hint": ""}]
    assert said("doctor", neroman=FakeNeroman(checks=checks()[:1])).code == 0


def test_delnode_recover_engine_and_tidy_say_what_was_done() -> None:
    neroman = FakeNeroman(all_runs=FakeRunSet([run(1)]), engine_status="the background process (process 7)")
    assert "gpu1 is forgotten" in said("delnode", "gpu1", "--force", neroman=neroman).out
    assert ("remove_node", "gpu1", {"force": True}) in neroman.calls
    assert "1 run found on gpu1" in said("recover", "gpu1", neroman=neroman).out
    assert "no runs of yours" in said("recover", "gpu1").out
    assert "The engine runs in the background process (process 7)" in said("engine", neroman=neroman).out
    assert "starts when it is needed" in said("engine", "status").out
    for action in ("start", "stop"):
        said("engine", action, neroman=neroman)
        assert (f"{action}_engine",) in neroman.calls
    assert "Nothing to remove" in said("tidy").out
    neroman.tidy = lambda: ["gpu1: 3 submissions removed"]  # type: ignore[assignment]
    assert said("tidy", neroman=neroman).out == "gpu1: 3 submissions removed\n"


def test_clean_says_exactly_what_goes_and_asks(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "x.log").write_bytes(b"x" * 31_000)
    neroman = FakeNeroman(
        home=tmp_path, all_nodes=[node("local"), node("gpu1")], all_experiments=[experiment("lang_exp1")],
        all_runs=FakeRunSet([run(3), ended(4)]),
    )  # fmt: skip
    refused = said("clean", neroman=neroman, typed="\n")
    assert refused.code == 0
    for words in (
        "1 node: gpu1",
        "1 experiment: lang_exp1",
        "2 runs with their results",
        "31 kB",
        "nerocli terminate 3",
    ):
        assert words in refused.err
    assert "Nothing was removed" in refused.err
    assert ("clean",) not in neroman.calls
    assert said("clean", neroman=neroman).code == 2
    assert said("clean", "--yes", neroman=neroman).code == 0
    assert neroman.calls.count(("clean",)) == 1


def test_completion_knows_commands_options_experiments_nodes_and_runs() -> None:
    assert completed("st") == ["status"]
    assert completed("-addn") == ["-addnode"]
    assert len(completed("")) > 25
    assert completed("submit", "--") == ["--again", "--yes", "--json"]
    assert completed("submit", "lang_exp1", "g") == ["gpu1", "gpu"]
    assert completed("delexp", "l") == ["lang_exp1"]
    assert completed("delnode", "") == ["--force", "local", "gpu1"]
    assert completed("logs", "lang_exp1/h") == ["lang_exp1/hyperparamx=1"]
    assert completed("terminate", "lang") == ["lang_exp1", "lang_exp", "lang_exp1/hyperparamx=1"]
    assert completed("logs", "bad") == completed("nonsense", "") == []


@pytest.mark.parametrize(
    ("line", "replies"),
    [
        ("nerocli st", ["status"]),
        ("nerocli logs lang_exp1/hyperparamx=", ["1"]),
        ("nerocli logs e/x=", [r"\$\(touch\ pwned\)"]),
        ("nerocli submit lang_exp1 gpu", ["gpu1", "gpu"]),
    ],
)
def test_bash_completes_names_and_runs_nothing_that_is_in_them(
    line: str, replies: list[str], tmp_path: Path
) -> None:
    program = tmp_path / "nerocli"
    code = "import sys\nfrom tests.cli.fakes import completed\nprint('\\n'.join(completed(*sys.argv[2:])))"
    root = Path(__file__).parents[2]
    program.write_text(f"#!/bin/sh\nPYTHONPATH='{root}' exec '{sys.executable}' -c \"{code}\" \"$@\"\n")
    program.chmod(0o755)
    script = (
        f"PATH='{tmp_path}':$PATH\n{SCRIPTS['bash']}\n"
        f"COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}; _nerocli; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines() == replies
    assert not (tmp_path / "pwned").exists()


def test_each_shell_has_a_script() -> None:
    for shell, script in SCRIPTS.items():
        assert said("completion", shell).out == script.lstrip()


def test_nerogui_opens_jupyterlab_and_says_where_to_look() -> None:
    code = "import sys; sys.argv[1:] = ['--version']; from neronet.cli.gui import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("JupyterLab opens in your browser")
    assert re.search(r"^\d+\.\d+", done.stdout.splitlines()[-1])  # what JupyterLab makes of its own argument


def test_nerogui_explains_itself(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["nerogui", "--help"])
    gui.main()
    assert "Arguments are passed on" in capsys.readouterr().out
