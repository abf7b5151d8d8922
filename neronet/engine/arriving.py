"""An attempt of which not everything is here yet, and what a trouble with its files means; pure."""

from __future__ import annotations

import errno
import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from neronet.errors import NeronetError, UnsafePath
from neronet.store.offsets import StreamOffset
from neronet.sync.writer import LimitReached, ResultsWriter

Message = dict[str, Any]

LOGS = (0, 1)  # the points file is parsed on the node and not mirrored
ALL_TOLD = 1000  # outputs up to which a node is sure to have named all
IN_THE_WAY = (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG)


@dataclass
class Arriving:
    """An attempt of which not everything is here yet."""

    run: int
    attempt: int
    token: str
    index: int
    start: int
    streams: dict[int, StreamOffset]
    sizes: list[int] | None = None  # final ones, once it has ended
    outputs: list[list[Any]] = field(default_factory=list)  # [path, executable] still to come
    asked: dict[str, bool] = field(default_factory=dict)  # outputs that were asked for: path -> executable
    following: bool = False
    writer: ResultsWriter | None = None
    skipped: float = (
        0.0  # until when (monotonic clock) nothing is written: its folder could not be; 0: it can
    )

    @property
    def key(self) -> tuple[str, int, int]:
        return self.token, self.index, self.start

    @property
    def address(self) -> Message:
        return {"token": self.token, "index": self.index, "attempt": self.start}

    def whole(self) -> bool:
        return (
            self.sizes is not None
            and all(self.streams[n].done for n in LOGS)
            and not self.outputs
            and not self.asked
        )


def is_in_the_way(error: NeronetError) -> bool:
    """Whether something stands where a file of the run should be, which no later try will change."""
    return (
        isinstance(error, UnsafePath | LimitReached) or getattr(error.__cause__, "errno", None) in IN_THE_WAY
    )


def not_there(patterns: Sequence[str], paths: Iterable[str]) -> list[str]:
    """Those of the declared outputs that none of these paths is, or lies in."""
    found = list(paths)
    names = {
        "/".join(parts[: n + 1]) for parts in (path.split("/") for path in found) for n in range(len(parts))
    }
    if len(found) > ALL_TOLD:
        return []
    return [pattern for pattern in patterns if not fnmatch.filter(names, pattern.rstrip("/"))]
