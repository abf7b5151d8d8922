"""Which commit a folder is at, and what in it differs from that: recorded with each submission.

git is asked three short questions, at most.  It runs nothing that the repository names (hooks, file system
monitors, external differs), waits for nobody and takes no locks.  Whatever goes wrong, nothing is recorded.
"""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path
from typing import Any

from neronet.errors import NeronetError
from neronet.sync.snapshot import keep

DIFF = 1024 * 1024  # bytes of a diff that are kept at most
_ANSWER = 8 * 1024 * 1024  # bytes of any answer that are read at most
_WAIT = 3.0  # seconds for each question
_QUIET = (
    "--no-pager", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}",
    "-c", "protocol.allow=never", "-c", "color.ui=false", "-c", "core.quotePath=false",
)  # fmt: skip
_STATUS = (
    "status",
    "--porcelain=v2",
    "--branch",
    "-z",
    "--untracked-files=normal",
    "--ignore-submodules=dirty",
)
_DIFF = (
    "diff",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--ignore-submodules=dirty",
    "HEAD",
    "--",
    ".",
)


def record(folder: Path, home: Path) -> dict[str, Any] | None:
    """The state of a folder as store/git.py reads it, its diff kept in `home`; None where git cannot say it."""
    if not _in_repository(folder):
        return None
    status = _ask(folder, *_STATUS, "--", ".")
    if status is None:
        return None
    heads, dirty = _parse(status)
    commit = heads.get("branch.oid", "")
    if not commit.isalnum():  # "(initial)"
        return None
    if not dirty and _ask(folder, "rev-parse", "--verify", "--quiet", "HEAD:./") is None:
        return None  # the folder is ignored: the commit says nothing of it
    branch = heads.get("branch.head", "")
    found: dict[str, Any] = {
        "commit": commit,
        "branch": "" if branch == "(detached)" else branch,
        "dirty": dirty,
    }
    diff = _ask(folder, *_DIFF, most=DIFF + 1) if dirty else None
    if diff:
        try:
            found["diff"] = keep(home, diff[:DIFF], "the diff").sha
        except NeronetError:  # a full disk: the snapshot says so, or the files are there already
            return found
        found["cut"] = len(diff) > DIFF
    return found


def _in_repository(folder: Path) -> bool:
    """Whether it is worth to ask: a start of git costs more than these looks."""
    return any(os.path.lexists(parent / ".git") for parent in (folder, *folder.parents))


def _parse(status: bytes) -> tuple[dict[str, str], bool]:
    """(headers, whether there is anything else) of `git status --porcelain=v2 --branch -z`."""
    lines = [line for line in status.decode("utf-8", "replace").split("\0") if line]
    heads = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# ") and " " in line[2:])
    return heads, any(not line.startswith("#") for line in lines)


def _ask(folder: Path, *arguments: str, most: int = _ANSWER) -> bytes | None:
    """The first `most` bytes of what git says of a folder; None when it fails, or does not answer in time."""
    # A repository that a hook of git works in would be taken for that of the folder.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1"}
    try:
        process = subprocess.Popen(
            ["git", *_QUIET, *arguments], cwd=folder, env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except OSError:
        return None
    timer = threading.Timer(_WAIT, process.kill)
    timer.start()
    with process:
        assert process.stdout is not None
        answer = process.stdout.read(most)
        whole = not process.stdout.read(1) if len(answer) == most else True
        if not whole:
            process.kill()
        code = process.wait()
    timer.cancel()
    return answer if code == 0 or not whole else None
