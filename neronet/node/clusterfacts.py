"""What `doctor` tells of a cluster: what the scheduler says of itself, and what the runs have shown of compute nodes.

Asked for only when `doctor` does.  The scheduler's words are kept in
`places/<place>.jobs/about` as they came: they answer whoever asks again at once,
and are told with their age while it is silent.  What only a job could find out
(a shared home, Python on compute nodes) is not tested by a job: runs have to show it.
"""

import contextlib
import json
import os
import threading
import time

from neronet.node import clients, environment, jobs
from neronet.node.files import read_json, write_json
from neronet.node.runs import Batch

ENOUGH = 30.0  # seconds within which the scheduler is not asked again
PATIENCE = 8.0  # seconds that all its answers together may take: somebody waits for them
LAST = 20  # batches that are looked through for a task that began a run
RUNS = 50  # of each, the first ones


class Look(object):
    """One look at a cluster, in a thread of its own: a frozen scheduler may hold up only who asked."""

    def __init__(self, cluster):
        self.found = None  # until the look is over
        self._cluster = cluster
        self._path = os.path.join(cluster.folder, "about")
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        try:
            self.found = self._look()
        except Exception as error:  # somebody waits for an answer, whatever is wrong here
            self.found = {"problem": str(error)}

    def _look(self):
        kept, problem = _read(self._path), ""
        if not 0 <= time.time() - kept.get("at", 0.0) < ENOUGH:
            answers, problem = self._ask()
            if not problem:
                kept.update(at=time.time(), answers=answers)
        kept["task"] = last_task(self._cluster.root, self._cluster.place) or kept.get("task")
        with contextlib.suppress(OSError):  # what cannot be kept is asked for again
            write_json(self._path, kept, sync=False)
        waits = list(self._cluster.waits.values())
        found = {
            "problem": problem,
            "barren": next((why for why in waits if why.startswith(jobs.BARREN)), ""),
        }
        if kept["task"]:
            found["task"] = kept["task"]
        if kept.get("answers"):
            found.update(self._cluster.warden.parse_about(kept["answers"]) or {}, at=kept["at"])
        return found

    def _ask(self):
        """(answers, "") of the scheduler, or (None, why there are none)."""
        # Before anything was submitted nobody has asked the login shell, which may alone know where the scheduler is.
        login = self._cluster.login or environment.Capture().result()
        warden, answers, end = self._cluster.warden, [], time.monotonic() + PATIENCE
        for argv in warden.about_argv():
            left = max(0.1, end - time.monotonic())
            answers.append(clients.run(argv, login, self._cluster.root.path, left))
            if answers[0][0] != 0 or answers[-1][0] is None:
                break  # it does not answer: the others would take as long
        if warden.parse_about(answers) is not None:
            return answers, ""
        said = [" ".join(err.split()) for status, _, err in answers if status != 0]
        return None, next(filter(None, said), "no answer")


def last_task(root, place):
    """{"host", "python"} of a task that began a run lately, as its claim and its journal say; None where none did.

    That they can be read here proves the shared home.
    """
    tokens = sorted(root.tokens(), key=lambda token: _changed(root.batch(token)), reverse=True)
    seen = 0
    for token in tokens:
        try:
            batch = Batch(root, token)
            if batch.place != place:
                continue
            for index in range(RUNS):
                claim = batch.attempt(index, 1).read_claim()
                if claim and claim.get("task"):
                    return {"host": claim["kid"]["host"], "python": _python(batch.journal(claim["kid"]))}
        except (FileNotFoundError, ValueError):
            continue  # deleted meanwhile, or damaged by a power cut
        seen += 1
        if seen == LAST:
            break
    return None


def _changed(path):
    try:
        return os.stat(path).st_mtime
    except FileNotFoundError:
        return 0.0


def _python(journal):
    """The version of Python that the writer of a journal has."""
    with open(journal, "rb") as file:
        return json.loads(file.readline().decode("ascii")).get("python", "")


def _read(path):
    try:
        return read_json(path) or {}
    except (OSError, ValueError):
        return {}  # cut short by a power cut, or unreadable
