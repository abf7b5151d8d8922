"""Errors as a person reads them: what happened, then what to do; never a traceback."""

from __future__ import annotations

import os
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from neronet.cli.text import columns, harmless, shorten
from neronet.errors import ConfigError, NeronetError
from neronet.words import count

if TYPE_CHECKING:
    from neronet.cli.console import Console
    from neronet.cli.table import Piece
    from neronet.spec.problems import Problem

NUMBER = "{:>6}  "  # of a line of a file
SEVERITIES = {"error": ("✗", "x", "bad"), "warning": ("▲", "!", "warn"), "note": ("·", "-", "quiet")}


def show(error: NeronetError, console: Console) -> None:
    """The error on stderr: one line what happened, one line what to do."""
    if isinstance(error, ConfigError):
        show_problems(error.problems, console)
        errors = sum(problem.severity == "error" for problem in error.problems)
        console.say(f"{count(errors, 'problem')}; nothing was changed or sent.")
        return
    console.sentence(mark("error", console), str(error))
    if error.hint:
        console.sentence("  ", error.hint, "quiet")


def show_problems(problems: Sequence[Problem], console: Console) -> None:
    """Every problem with its place, the line it is about, and a caret with what to do."""
    for problem in problems:
        place = f"{_short(problem.file)}:{problem.line}:{problem.column}  "
        console.say(mark(problem.severity, console), (place, "strong"), problem.text)
        blank = " " * len(NUMBER.format(0))
        line = _line_of(problem)
        if line:
            before, shown = _window(line, problem.column, console.width - len(blank) - 1)
            console.say((NUMBER.format(problem.line), "quiet"), shown)
            caret: list[Piece] = [blank + " " * before, ("^", SEVERITIES[problem.severity][2])]
            beside = len(blank) + before + 2 + columns(problem.hint) <= console.width
            console.say(*caret, (f" {problem.hint}" if beside else "", "quiet"))
            if beside:
                continue
        if problem.hint:
            console.sentence(blank, problem.hint, "quiet")


def mark(severity: str, console: Console) -> Piece:
    shape, letter, style = SEVERITIES[severity]
    return (f"{shape if console.unicode else letter} ", style)


def report(error: Exception, argv: Sequence[str], console: Console) -> None:
    """Write all that is known about an unexpected error into a file and name it in one line."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        release = version("neronet")
    except PackageNotFoundError:
        release = "not installed"
    head = [
        f"time     {time.strftime('%Y-%m-%d %H:%M:%S %z')}",
        f"command  nerocli {' '.join(argv)}",
        f"neronet  {release}",
        f"python   {sys.version.split()[0]} on {sys.platform}",
    ]
    text = "\n".join([*head, "", "".join(traceback.format_exception(error))])
    kind = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    console.sentence(mark("error", console), f"nerocli has a fault: {shorten(harmless(kind), 200)}")
    console.sentence("  ", f"all about it is in {_save(text)}; your runs are not touched by it", "quiet")


def _save(text: str) -> Path:
    name = time.strftime("%Y-%m-%dT%H-%M-%S") + f"-{os.getpid()}.txt"
    home = Path(os.environ.get("NERONET_HOME") or "~/.neronet").expanduser()
    try:
        folder = home / "reports"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / name
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError:  # a home that cannot be written may be the very fault
        path = Path(tempfile.mkdtemp(prefix="neronet-")) / name
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    return path


def _short(file: str) -> str:
    """The path from here, where that is shorter."""
    try:
        return min(file, os.path.relpath(file), key=len)
    except ValueError:  # another drive
        return file


def _line_of(problem: Problem) -> str:
    """The line of the file that the problem is about; '' when it cannot be read any more."""
    try:
        with open(problem.file, encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, 1):
                if number == problem.line:
                    return harmless(line.rstrip("\r\n").replace("\t", " "))
    except OSError:
        return ""
    return ""


def _window(line: str, column: int, width: int) -> tuple[int, str]:
    """(columns before the caret, the part of the line to show), for lines wider than the terminal too."""
    start = max(0, column - 1 - width // 2) if len(line) > width else 0
    shown = line[start : start + width]
    return columns(line[start : column - 1]), shown
