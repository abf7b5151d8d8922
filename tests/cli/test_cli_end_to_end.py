"""`nerocli` as it is typed, with a real engine and real programs on the embedded `local` node."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from neronet.api import Neroman
from neronet.cli.console import Console
from neronet.cli.main import run
from tests.cli.fakes import NEROCLI, ROOT, Screen

pytestmark = pytest.mark.slow
CONFIG = """\
collection: lang_exp
run_command_prefix: python3
main_code_file: main.py
outputs: [model.txt]
+lang_exp1:
  parameters:
    hyperparamx: [1, 2, 34, 20]
    hyperparamy: 2
    data_file: data/1.txt
  parameter_format: '{hyperparamx} {hyperparamy} {data_file}'
  +slow:
    parameters:
      hyperparamx: [60, 61]
"""
MAIN = """\
import sys, time
x, y, data = sys.argv[1:]
for step in range(4):
    print("error_rate", 50 - step * float(y) + float(x) / 100, flush=True)
print("café 模型")
open("model.txt", "w").write(x)
if int(x) >= 60:
    print("waiting", flush=True)
    time.sleep(60)
if x == "20":
    sys.exit("bad luck")
"""


class Cli:
    """`nerocli` with a home of its own."""

    def __init__(self, home: Path, cwd: Path) -> None:
        self.home, self.cwd = home, cwd
        self.environment = {
            **os.environ, "NERONET_HOME": str(home), "PYTHONPATH": str(ROOT), "NERONET_IDLE": "60",
            "TERM": "xterm", "PYTHONIOENCODING": "utf-8",
        }  # fmt: skip
        self.environment.pop("NO_COLOR", None)

    def __call__(self, *argv: str, code: int = 0, timeout: float = 60) -> str:
        """stdout; the exit code must be `code`."""
        done = self.run(*argv, timeout=timeout)
        assert done.returncode == code, f"{argv}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout

    def run(self, *argv: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*NEROCLI, *argv], capture_output=True, text=True, encoding="utf-8", timeout=timeout,
            env=self.environment, cwd=self.cwd, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def runs(self, *selector: str) -> list[dict[str, Any]]:
        answer: list[dict[str, Any]] = json.loads(self("status", *selector, "--json"))["runs"]
        return answer

    def until(self, states: set[str], *selector: str, timeout: float = 60) -> list[dict[str, Any]]:
        deadline = time.monotonic() + timeout
        while True:
            runs = self.runs(*selector)
            if {run["state"] for run in runs} <= states:
                return runs
            assert time.monotonic() < deadline, [(run["name"], run["state"], run["reason"]) for run in runs]
            time.sleep(0.2)


def left_behind(folder: Path) -> list[str]:
    """Processes that work in or for `folder`."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            if entry.name.isdigit() and str(folder) in command + os.readlink(entry / "cwd"):
                found.append(f"{entry.name} {command}")
        except OSError:
            continue  # it has just ended, or is not ours
    return found


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    folder = tmp_path / "lang_exp"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "1.txt").write_text("data")
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "main.py").write_text(MAIN)
    cli = Cli(tmp_path / "home", tmp_path)
    yield cli
    if cli.home.exists():
        still = [
            str(run["number"]) for run in cli.runs() if run["state"] in ("submitting", "queued", "running")
        ]
        if still:
            cli.run("terminate", *still)
        cli.run("engine", "stop")
    deadline = time.monotonic() + 10
    while left_behind(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left_behind(tmp_path) == []


def names(runs: Sequence[dict[str, Any]]) -> list[str]:
    return [run["name"] for run in runs]


def test_the_guides_commands_work_in_whatever_spelling(cli: Cli) -> None:
    spelling = itertools.cycle(("-{}", "--{}", "{}"))

    def say(verb: str, *argv: str, code: int = 0) -> str:
        return cli(next(spelling).format(verb), *argv, code=code)

    assert "local" in say("status")
    assert "lang_exp1      4  not submitted yet" in say("addexp", "lang_exp")
    out = say("submit", "lang_exp1", "local")
    assert "4 runs (1-4) submitted to local" in out
    assert f"results will be in {cli.home}/results/lang_exp1" in out
    runs = cli.until({"finished", "failed"}, "lang_exp1")
    assert "Everything is here" in say("fetch")
    assert "✗ 1 failed  ✓ 3 finished" in say("status", "lang_exp1")
    assert "local   ready" in say("status", "local")
    assert [run["state"] for run in runs] == ["finished", "finished", "finished", "failed"]
    assert "had ended before" in say("terminate", "lang_exp1")
    assert (cli.home / "results/lang_exp1/hyperparamx=34/model.txt").read_text() == "34"
    say("delexp", "slow")
    assert [each["id"] for each in json.loads(cli("status", "--json"))["experiments"]] == ["lang_exp1"]
    assert "kosh is added: 127.0.0.1:1" in say("addnode", "kosh", "127.0.0.1:1")
    assert "kosh is forgotten" in say("delnode", "kosh")
    assert say("clean", code=2) == ""
    assert cli.home.exists()
    say("clean", "--yes")
    assert not cli.home.exists()


def test_the_json_forms_are_as_promised(cli: Cli) -> None:
    preview = json.loads(cli("preview", "lang_exp", "--json"))
    assert preview[0] == {
        "experiment": "lang_exp1", "name": "lang_exp1/hyperparamx=1",
        "parameters": {"hyperparamx": "1", "hyperparamy": "2", "data_file": "data/1.txt"},
        "command": ["python3", "main.py", "1", "2", "data/1.txt"],
    }  # fmt: skip
    assert [plan["parameters"]["hyperparamx"] for plan in preview] == ["1", "2", "34", "20", "60", "61"]
    cli("addexp", "lang_exp")
    submitted = json.loads(cli("submit", "lang_exp1", "local", "--json"))
    assert names(submitted["runs"]) == [plan["name"] for plan in preview[:4]]
    cli.until({"finished", "failed"})
    status = json.loads(cli("status", "--json"))
    assert set(status) == {"nodes", "experiments", "runs"}
    assert {"id", "reachable", "slots", "used", "reason"} <= set(status["nodes"][0])
    run = status["runs"][3]
    assert re.fullmatch("[0-9a-f]{12}", run["code"])
    unlike = {"submitted": 0, "started": 0, "ended": 0, "code": "", "environment": {}, "usage": {}}
    assert {**run, **unlike} == {
        "number": 4, "name": "lang_exp1/hyperparamx=20", "experiment": "lang_exp1",
        "parameters": {"hyperparamx": "20", "hyperparamy": "2", "data_file": "data/1.txt"},
        "command": ["python3", "main.py", "20", "2", "data/1.txt"],
        "state": "failed", "reason": "exit code 1", "node": "local", "attempt": 1, "exit_status": 1,
        "submitted": 0, "started": 0, "ended": 0,
        "metrics": {"error_rate": 44.2}, "points": {"error_rate": 4},
        "results": f"{cli.home}/results/lang_exp1/hyperparamx=20", "note": "",
        "tags": [], "code": "", "git": None, "environment": {}, "usage": {},
    }  # fmt: skip
    for moment in ("submitted", "started", "ended"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", run[moment])
    points = json.loads(cli("points", "1", "error_rate", "--json"))
    assert [point["value"] for point in points] == [50.01, 48.01, 46.01, 44.01]
    rows = list(csv.DictReader(io.StringIO(cli("results", "--csv"))))
    assert [row["hyperparamx"] for row in rows] == ["1", "2", "34", "20"]
    records = json.loads(cli("results", "lang_exp1", "--json"))
    assert records[0]["error_rate"] == 44.01
    assert json.loads(cli("history", "1", "--json"))[0]["kind"] == "submitted"


def test_a_folder_is_submitted_on_the_way_and_what_ran_is_not_run_again(cli: Cli) -> None:
    (cli.cwd / "lang_exp" / "config.yaml").write_text(CONFIG[: CONFIG.index("  +slow")])
    assert "4 runs (1-4) submitted" in cli("submit", "lang_exp", "local")
    cli.until({"finished", "failed"})
    out = cli("submit", "lang_exp", "local")
    assert "4 of 4 were run before; --again runs them again" in out
    assert len(cli.runs()) == 4
    assert "submitted to local" in cli("submit", "lang_exp1", "local", "--again")
    assert names(cli.until({"finished", "failed"}))[4:] == [
        f"lang_exp1/hyperparamx={x}@2" for x in (1, 2, 34, 20)
    ]
    assert "(run 4): will run again" in cli("rerun", "1-4", "--failed")
    again = cli.until({"finished", "failed"}, "4")
    assert again[0]["attempt"] == 2
    table = cli("results", "lang_exp1").splitlines()
    assert table[0].split() == ["#", "hyperparamx", "error_rate", "state", "time"]
    assert len(table) == 9


def test_logs_are_followed_to_the_end_and_runs_are_held_released_and_terminated(cli: Cli) -> None:
    cli("addexp", "lang_exp")
    (cli.cwd / "lang_exp" / "main.py").write_text(MAIN.replace("sleep(60)", "sleep(2)"))
    cli("submit", "slow", "local")
    log = cli("logs", "1", "-f")
    assert log == "error_rate 50.6\nerror_rate 48.6\nerror_rate 46.6\nerror_rate 44.6\ncafé 模型\nwaiting\n"
    assert cli("logs", "1") == log
    assert "has printed nothing to stderr" in cli.run("logs", "1", "--stderr").stderr
    (cli.cwd / "lang_exp" / "main.py").write_text(MAIN)
    cli("submit", "slow", "slow", "local")
    cli.until({"running", "finished"})
    assert "asked to end" in cli("terminate", "3", "4")
    ended = cli.until({"finished", "terminated"})
    assert [run["state"] for run in ended] == ["finished", "finished", "terminated", "terminated"]
    assert ended[2]["reason"].startswith("by ")


def test_a_node_that_does_not_answer_is_kept_and_runs_wait_for_it(cli: Cli) -> None:
    done = cli.run("addnode", "kosh", "127.0.0.1:1")
    assert done.returncode == 0
    assert "kosh is added" in done.stdout
    assert "kosh is kept, but nothing can run there yet" in done.stderr
    began = time.monotonic()
    out = cli("submit", "lang_exp", "kosh")
    assert time.monotonic() - began < 15
    assert re.search(r"^submitting: kosh does not answer.*sent at the next contact", out, re.MULTILINE)
    assert "6 runs (1-6) stored, to be sent to kosh" in out
    assert {run["state"] for run in cli.runs()} == {"submitting"}
    cli("delnode", "kosh", code=2)
    assert "is forgotten" in cli("delnode", "kosh", "--force")
    assert {run["state"] for run in cli.runs()} == {"lost"}


def test_wrong_input_is_told_in_place_and_changes_nothing(cli: Cli) -> None:
    cli("addexp", "lang_exp")
    before = cli("status", "--json")
    config = cli.cwd / "lang_exp" / "config.yaml"
    config.write_text(CONFIG.replace("outputs:", "outptus:").replace("{hyperparamy}", "{hyperparamz}"))
    for argv in (("submit", "lang_exp1", "local"), ("preview", "lang_exp"), ("addexp", "lang_exp")):
        done = cli.run(*argv)
        assert done.returncode == 2
        assert "config.yaml:4:1" in done.stderr
        assert "outptus: [model.txt]\n        ^" in done.stderr
        assert "hyperparamz" in done.stderr
        assert "2 problems; nothing was changed or sent." in done.stderr
    config.write_text(CONFIG)
    for argv, words in (
        (("submit", "lang_exp1", "locl"), "did you mean the node local?"),
        (("submit", "lang_ex1", "local"), "did you mean lang_exp1?"),
        (("status", "nothing"), "names no run"),
        (("delexp", "lang_exp9"), "did you mean"),
        (("preview", "nowhere/at/all"), "nowhere/at/all"),
    ):
        done = cli.run(*argv)
        assert done.returncode == 2, argv
        assert words in done.stderr, done.stderr
        assert done.stdout == ""
    assert cli("status", "--json") == before


def test_status_needs_little_time_and_no_heavy_library(cli: Cli) -> None:
    cli("engine", "start")
    costs = []
    for _ in range(3):
        before = os.times()
        cli("status")
        after = os.times()
        costs.append(
            after.children_user + after.children_system - before.children_user - before.children_system
        )
    assert min(costs) < 0.5  # seconds of processor time, which a busy machine stretches
    code = (
        "import sys; sys.argv = ['nerocli', 'status']\nfrom neronet.cli.main import main\ntry: main()\n"
        "except SystemExit: print([m for m in ('asyncssh', 'pandas', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=cli.environment, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_ctrl_c_ends_the_looking_and_not_the_runs(cli: Cli) -> None:
    cli("submit", "lang_exp", "local")
    screen = Screen([*NEROCLI, "watch"], cli.environment, cli.cwd)
    screen.read_until("running")
    screen.process.send_signal(signal.SIGINT)
    assert screen.close() == 130
    assert "Traceback" not in screen.text
    assert screen.text.rindex("\x1b[?25h") > screen.text.rindex("\x1b[?25l")  # the cursor is back
    assert "slow/hyperparamx=61" in screen.text[screen.text.rindex("\x1b[2K") :]  # and the last picture stays
    assert {run["state"] for run in cli.runs()} & {"running", "queued"}


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A folder with a short name: the socket of a demo's engine lies in it."""
    with tempfile.TemporaryDirectory(prefix="nn") as folder:
        yield Path(folder)


def test_the_demo_has_twelve_runs_and_leaves_nothing(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    monkeypatch.setenv("NERONET_HOME", str(scratch / "home"))
    began = time.monotonic()
    out = io.StringIO()
    assert run(["demo"], Neroman, Console(out, out, io.StringIO())) == 0
    assert time.monotonic() - began < 60
    said = out.getvalue()
    assert "▶ 2 running" in said
    table = said[said.index("\n #") :].splitlines()[1:14]
    assert table[0].split() == ["#", "rate", "seed", "loss", "accuracy", "state", "time"]
    assert len([line for line in table[1:] if "✓ finished" in line]) == 9
    assert len([line for line in table[1:] if "■ terminated" in line]) == 3
    assert table[1].split()[1] == "0.001"
    assert list(scratch.glob("neronet-demo-*")) == []
    assert not (scratch / "home").exists()
    assert left_behind(scratch) == []


def test_the_demo_is_live_in_a_terminal(cli: Cli) -> None:
    screen = Screen([*NEROCLI, "demo", "--keep"], cli.environment, cli.cwd)
    live = screen.read_until("left")
    assert "━" in live
    assert "%" in live
    assert "accuracy" in live
    last = screen.read_until("nerocli status, nerocli results", timeout=120)
    assert screen.close() == 0
    assert "■ terminated" in last
    assert len(cli.runs("moons")) == 12


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_demo_that_is_ended_early_leaves_nothing(cli: Cli, scratch: Path, number: signal.Signals) -> None:
    screen = Screen([*NEROCLI, "demo"], {**cli.environment, "TMPDIR": str(scratch)}, cli.cwd)
    screen.read_until("running")
    screen.process.send_signal(number)
    assert screen.close() == 128 + number
    assert list(scratch.glob("neronet-demo-*")) == []
