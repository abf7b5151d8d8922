"""One run as it is now."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neronet.api.progress import part_done, tail
from neronet.wire import states

if TYPE_CHECKING:
    from neronet.store.git import Git

CODE = 12  # hexadecimal digits of a snapshot's hash that are shown


@dataclass(frozen=True)
class Run:
    """One run as it is now. Times are seconds since 1970; metrics and points are those that the program printed in its
    last attempt."""

    number: int
    name: str
    experiment: str
    collections: tuple[str, ...]
    parameters: dict[str, str]
    command: tuple[str, ...]
    state: str
    reason: str
    node: str
    attempt: int  # from 1
    exit_status: int | None
    submitted: float
    started: float | None
    ended: float | None
    metrics: dict[str, float]  # last values
    points: dict[str, int]  # how many of each
    results: Path  # the folder with its logs and outputs
    note: str
    priority: int
    steps: float | None = None  # how many points of a metric the whole run has; None when nothing tells
    steps_guessed: bool = False  # because a sibling that finished had as many
    tags: tuple[str, ...] = ()
    snapshot: str = ""  # sha256 of the manifest of its files
    git: Git | None = None  # where its folder was in git, when that was known
    environment: dict[str, Any] = field(
        default_factory=dict
    )  # host, cores, memory, ... of a run of more than 1 s
    usage: dict[str, float] = field(
        default_factory=dict
    )  # last of what Neronet measured: node.cpu, node.memory, ...

    @property
    def code(self) -> str:
        """What its files were, in short: equal for runs that had the same, byte for byte."""
        return self.snapshot[:CODE]

    @property
    def progress(self) -> float | None:
        """The part that is done, 0 to 1: by `steps`, else by the last `n/N` in its log, which is looked into here.

        1 for a finished run; never 1 for one that runs and whose length is a guess; None for others that do not
        run, and when nothing tells.
        """
        if self.state == states.FINISHED:
            return 1.0
        return part_done(self, tail(self.results / "stdout.log")) if self.state == states.RUNNING else None

    @property
    def duration(self) -> float | None:
        """Seconds from its start to its end, or to now."""
        if self.started is None:
            return None
        return max(0.0, (self.ended if self.ended is not None else time.time()) - self.started)

    def to_json(self) -> dict[str, Any]:
        """As `nerocli status --json` shows it."""
        return {
            "number": self.number, "name": self.name, "experiment": self.experiment, "parameters": self.parameters,
            "command": list(self.command), "state": self.state, "reason": self.reason, "node": self.node,
            "attempt": self.attempt, "exit_status": self.exit_status, "submitted": utc(self.submitted),
            "started": utc(self.started), "ended": utc(self.ended), "metrics": self.metrics, "points": self.points,
            "results": str(self.results), "note": self.note, "tags": list(self.tags), "code": self.code,
            "git": self.git and self.git.to_json(),
            "environment": self.environment, "usage": self.usage,
        }  # fmt: skip


def utc(seconds: float | None) -> str | None:
    """ISO 8601 with milliseconds, UTC; None for None."""
    if seconds is None:
        return None
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{milliseconds:03d}Z"
