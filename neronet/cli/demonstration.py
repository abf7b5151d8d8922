"""`demo`: a whole sweep on this machine, live, in a home of its own that is gone afterwards."""

from __future__ import annotations

import shutil
import tempfile
import time
from argparse import Namespace
from pathlib import Path

from neronet.cli import describe
from neronet.cli.results import as_table
from neronet.cli.session import Session
from neronet.cli.submit import send, summary
from neronet.cli.watch import follow
from neronet.wire import states

FOLDER = Path(__file__).parent / "demo"
REMOVED = 10.0  # seconds in which the demo's folder can be removed
NODES = "nodes:\n  local:\n    type: local\n    slots: 2\n"


def demo(arguments: Namespace, session: Session) -> int:
    if arguments.keep:
        return _show(None, session)
    folder = Path(tempfile.mkdtemp(prefix="neronet-demo-"))
    try:
        home = folder / "home"
        home.mkdir(mode=0o700)
        (home / "nodes.yaml").write_text(NODES, encoding="utf-8")
        return _show(home, session)
    finally:
        _remove(folder)


def _show(home: Path | None, session: Session) -> int:
    """0 when every run came to the end that it should come to."""
    console = session.console
    console.print("A small network learns with four learning rates and three seeds, here.")
    console.print((f"The program and its config.yaml: {describe.path(FOLDER)}", "quiet"))
    console.print()
    neroman = session.neroman if home is None else session.open(home)
    try:
        console.table(summary(neroman.preview(str(FOLDER))))
        console.print()
        runs = send(neroman, [str(FOLDER)], "local", console, again=True, confirmed=True)
        try:
            follow(lambda: runs, console)
        finally:
            if any(run.state in states.OPEN for run in runs):
                runs.terminate()  # a program that outlives its folder would be of no use to anybody
        if not console.terminal:
            console.print()
        console.table(as_table(list(runs), console.unicode))
        console.print()
        well = all(run.state in (states.FINISHED, states.TERMINATED) for run in runs)
        _farewell(home, session)
        return 0 if well else 1
    finally:
        if home is not None:
            neroman.close()


def _remove(folder: Path) -> None:
    """What watches runs ends a moment after them, and may write into the folder until then."""
    deadline = time.monotonic() + REMOVED
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=time.monotonic() < deadline)
        if folder.exists():
            time.sleep(0.05)


def _farewell(home: Path | None, session: Session) -> None:
    console = session.console
    if home is None:
        console.print("These runs are in your own Neronet now: nerocli status, nerocli results.")
    else:
        console.print("Nothing is left of this demo. With a program of your own it is:")
    for command, what in (
        ("nerocli addnode gpu1 me@gpu1", "a machine you reach by SSH"),
        ("nerocli template my_exp python3 main.py rate", "a config.yaml to fill in"),
        ("nerocli submit . gpu1", "then: nerocli watch, results"),
    ):
        console.print(f"  {command:<46}  ", (what, "quiet"))
