"""How an attempt ended: its state in one sentence, and the files that it leaves."""

import fnmatch
import json
import os
import signal
import time

from neronet.node import procs
from neronet.node.runs import SEALED
from neronet.wire import states

MAX_OUTPUTS, MAX_OUTPUT_TEXT = 10000, 300 * 1024  # files, and bytes of their names, in one record
MAX_REASON = 1000  # characters
KILLED = (
    128 + signal.SIGTERM,
    128 + signal.SIGKILL,
)  # exit statuses of programs that may have been ended from outside


def judge(attempt, status, stop, boot):
    """(state, reason) of an attempt that is over.

    status: its exit status or None; stop: the wish that ended it, {"state", "why"}, or None; boot: id of this boot.
    """
    start = attempt.read_start() if status is None else None
    verdict = attempt.read_verdict()
    if status is not None and (stop or verdict is None):
        state, reason = (stop["state"], stop["why"]) if stop else _by_itself(attempt, status)
    elif verdict is not None:
        wish = stop or verdict
        state, reason = wish["state"], wish["why"]
    elif start is not None and start[0] not in ("", SEALED, boot):
        state, reason = states.LOST, "the node was rebooted at %s" % _utc(procs.boot_time())
    elif stop:
        state, reason = stop["state"], stop["why"]
    elif start is not None and start[0] == SEALED:
        state, reason = states.FAILED, start[1]
    else:
        state, reason = states.LOST, "its process disappeared without an exit status (killed from outside?)"
    return state, reason[:MAX_REASON]


def _by_itself(attempt, status):
    spec = attempt.batch.spec
    failed = procs.read_text(attempt.file("setup-failed")).strip() if spec.get("setup") else ""
    if failed:
        return states.FAILED, "setup line %s: %s (exit code %d)" % (
            failed,
            spec["setup"][int(failed) - 1],
            status,
        )
    if status in (126, 127):
        program = attempt.batch.run(attempt.index)["argv"][0]
        path = dict(attempt.batch.environment()["base"], **(spec.get("env") or {})).get("PATH")
        place = os.path.join(attempt.file("work"), program) if "/" in program else program
        if procs.which(place, path) is None:
            what = "may not be executed" if os.path.exists(place) else "was not found on the node"
            return states.FAILED, "the program %s %s" % (program, what)
    return states.describe_exit(status)


def matches(path, patterns):
    """True when a path below work/ is one of `patterns`, or lies in a folder that is."""
    parts = path.split("/")
    prefixes = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    return any(
        fnmatch.fnmatchcase(prefix, pattern.rstrip("/")) for pattern in patterns for prefix in prefixes
    )


def find_outputs(work, patterns):
    """([[path, size, executable], ...], whether some were left out): the regular files that `patterns` name."""
    found, text = [], 0
    if not patterns:
        return found, False
    for folder, _folders, names in os.walk(work):
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), work)
            if not matches(path, patterns):
                continue
            status = os.lstat(os.path.join(work, path))
            if status.st_mode & 0o170000 != 0o100000:
                continue  # links and devices do not travel
            text += len(json.dumps(path))
            if len(found) == MAX_OUTPUTS or text > MAX_OUTPUT_TEXT:
                return found, True
            found.append([path, status.st_size, int(bool(status.st_mode & 0o100))])
    return found, False


def duration(seconds):
    """`2 hours`, `90 seconds`"""
    for size, word in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size and seconds % size == 0:
            return "%d %s" % (seconds // size, word)
    return "%g seconds" % seconds


def _utc(seconds):
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))
