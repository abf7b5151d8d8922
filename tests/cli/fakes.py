"""A Neroman that is only data: what the command line makes of it is what these tests are about."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neronet.api.nodestatus import NodeStatus
from neronet.api.run import Run
from neronet.api.targets import ExperimentStatus, Planned
from neronet.cli.console import Console
from neronet.cli.main import run as run_cli
from neronet.store.sheetfile import write
from neronet.wire import states

NOW = time.time()
ROOT = Path(__file__).parents[2]
NEROCLI = [sys.executable, "-c", "from neronet.cli.main import main; main()"]


def run(number: int, **given: Any) -> Run:
    facts: dict[str, Any] = {
        "name": f"lang_exp1/hyperparamx={number}", "experiment": "lang_exp1", "collections": ("lang_exp",),
        "parameters": {"hyperparamx": str(number), "hyperparamy": "2"},
        "command": ("python3", "main.py", str(number)),
        "state": states.RUNNING, "reason": "", "node": "gpu1", "attempt": 1, "exit_status": None,
        "submitted": NOW - 100, "started": NOW - 90, "ended": None, "metrics": {}, "points": {},
        "results": Path(f"/nowhere/results/lang_exp1/hyperparamx={number}"), "note": "", "priority": 0,
    }  # fmt: skip
    return Run(number=number, **{**facts, **given})


class FakeRunSet(list[Any]):
    def __init__(
        self, runs: Iterable[Any] = (), text: str = "", table: Any = None, notes: Sequence[str] = ()
    ) -> None:
        super().__init__(runs)
        self.text, self.table, self.notes = text, table, list(notes)
        self.told: list[str] = []
        self.deleted = False

    @property
    def states(self) -> dict[str, int]:
        return dict(Counter(run.state for run in self))

    def rows(self) -> list[Any]:
        return list(self)

    def briefs(self) -> list[Any]:
        return self.rows()

    def load(self, numbers: Sequence[int]) -> list[Any]:
        return [run for number in numbers for run in self if run.number == number]

    def log(self, stream: str = "stdout") -> str:
        return self.text

    def log_deleted(self, stream: str = "stdout") -> bool:
        return self.deleted

    def follow(self, stream: str = "stdout") -> Iterator[str]:
        yield from self.text.splitlines(keepends=True)

    def frame(self) -> Any:
        return self.table

    def sheet(self) -> Any:
        return self.table

    def save(self, path: Any) -> None:
        write(self.table, Path(path))

    def points(self, metric: str | None = None) -> Any:
        frame = self.table
        return frame if metric is None else frame[frame["metric"] == metric]

    def terminate(self) -> FakeRunSet:
        self.told.append("terminate")
        return self

    def rerun(self, failed: bool = False) -> FakeRunSet:
        self.told.append(f"rerun {failed}")
        return self

    def on_change(self, callback: Callable[[], object]) -> Callable[[], None]:
        return lambda: None


def node(id: str, **given: Any) -> NodeStatus:  # noqa: A002
    facts: dict[str, Any] = {
        "type": "direct", "address": id, "groups": (), "reachable": True, "last_seen": NOW, "reason": "",
        "slots": 2, "used": 0, "load": 0.12, "cores": 8, "memory_total": 16 * 2**30, "memory_free": 8 * 2**30,
        "disk_total": 10**12, "disk_free": 5 * 10**9, "gpus": (),
    }  # fmt: skip
    return NodeStatus(id=id, **{**facts, **given})


def experiment(id: str, count: int = 1, **given: Any) -> ExperimentStatus:  # noqa: A002
    facts: dict[str, Any] = {"collection": (), "folder": Path("/exp") / id, "states": {}, "note": ""}
    return ExperimentStatus(id=id, count=count, **{**facts, **given})


class FakeNeroman:
    """Set its fields; `calls` tells what the command asked for."""

    def __init__(self, **given: Any) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.home = Path("/nowhere")
        self.all_nodes = [node("local", type="local")]
        self.all_experiments: list[Any] = []
        self.all_runs = FakeRunSet()
        self.planned: list[Any] = []
        self.found_problems: tuple[Any, ...] = ()
        self.checks: list[Any] = []
        self.events: list[Any] = []
        self.awaited_names: list[str] = []
        self.engine_status: Any = None
        self.__dict__.update(given)

    def on_question(self, answer: Callable[[Any], str | None], withdrawn: Any = None) -> None:
        self.answer = answer

    def close(self) -> None:
        self.calls.append(("close",))

    def nodes(self) -> list[Any]:
        return self.all_nodes

    def experiments(self) -> list[Any]:
        return self.all_experiments

    def runs(self, selector: Any = None) -> Any:
        self.calls.append(("runs", selector))
        if selector is None:
            return self.all_runs
        wanted = [selector] if isinstance(selector, str) else selector
        chosen = [run for run in self.all_runs if {run.name, run.experiment, str(run.number)} & set(wanted)]
        return FakeRunSet(chosen, self.all_runs.text, self.all_runs.table, self.all_runs.notes)

    def status(self, selector: str | None = None) -> dict[str, object]:
        return {"nodes": [{"id": "local", "reachable": True, "reason": ""}], "experiments": [], "runs": []}

    def __getattr__(self, name: str) -> Callable[..., Any]:
        answers = {
            "preview": self.planned, "problems": self.found_problems, "doctor": self.checks,
            "history": self.events, "awaited": self.awaited_names,
            "engine": self.engine_status, "fetch": self.all_nodes, "hold": self.all_runs,
            "release": self.all_runs, "recover": self.all_runs, "tidy": [], "submit": self.all_runs,
            "add_experiment": [experiment.id for experiment in self.all_experiments],
        }  # fmt: skip

        def call(*given: Any, **named: Any) -> Any:
            self.calls.append((name, *given, *([named] if named else [])))
            return answers.get(name)

        return call


@dataclass
class Said:
    code: int
    out: str
    err: str


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def said(*argv: str, neroman: Any = None, typed: str | None = None, **console: Any) -> Said:
    """What `nerocli argv` prints; with `typed` a person types it; `terminal=True`: on a screen."""
    screen = console.get("terminal", False)
    out, err = (Terminal() if screen else io.StringIO()), (Terminal() if screen else io.StringIO())
    there = Console(out, err, io.StringIO(typed or ""), person=typed is not None, **console)
    code = run_cli(argv, lambda home: neroman if neroman is not None else FakeNeroman(), there)
    return Said(code, out.getvalue(), err.getvalue())


def completed(*typed: str) -> list[str]:
    """What a shell is given for these words."""
    neroman = FakeNeroman(
        all_nodes=[node("local"), node("gpu1", groups=("gpu",))],
        all_experiments=[experiment("lang_exp1", collection=("lang_exp",))],
        all_runs=FakeRunSet([run(1), run(2, name="e/x=$(touch pwned)"), run(3, name="bad\x1bname")]),
    )
    return said("_words", *typed, neroman=neroman).out.splitlines()


class Screen:
    """A program in a terminal of 80 x 24."""

    def __init__(self, argv: Sequence[str], environment: dict[str, str], cwd: Path) -> None:
        self.terminal, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.process = subprocess.Popen(
            argv, stdin=inside, stdout=inside, stderr=inside, env=environment, cwd=cwd, start_new_session=True
        )
        os.close(inside)
        self.text = ""

    def read_until(self, words: str, timeout: float = 60) -> str:
        deadline = time.monotonic() + timeout
        while words not in self.plain():
            assert time.monotonic() < deadline, self.plain()
            assert self._read(), self.plain()
        return self.plain()

    def type(self, words: str) -> None:
        os.write(self.terminal, words.encode())

    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self.terminal)[3] & termios.ECHO)

    def _read(self) -> bool:
        """False once the last process that had the terminal has ended."""
        try:
            if select.select([self.terminal], [], [], 0.2)[0]:
                self.text += os.read(self.terminal, 65536).decode("utf-8", "replace")
        except OSError:
            return False
        return True

    def plain(self) -> str:
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.text)

    def close(self) -> int:
        while self._read():
            pass
        code = self.process.wait(60)
        os.close(self.terminal)
        return code


def ended(number: int, state: str = states.FINISHED, **given: Any) -> Any:
    return run(number, **{"state": state, "ended": NOW - number, "started": NOW - number - 5, **given})


def many() -> FakeRunSet:
    waiting = [run(n, state=states.QUEUED, started=None) for n in range(5, 505)]
    failed = ended(2, states.FAILED, reason="exit code 3", metrics={"loss": 0.5})
    return FakeRunSet([ended(1, ended=NOW - 60), failed, run(3), run(4), *waiting])


def planned(count: int, name: str = "lang_exp1") -> list[Planned]:
    return [
        Planned(name, f"{name}/x={n}", {"x": str(n), "y": "2"}, ("python3", "main.py", str(n)))
        for n in range(count)
    ]
