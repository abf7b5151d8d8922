"""What tells one run from another: parameters, command, files, environment, commits, metrics."""

from __future__ import annotations

import difflib
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neronet.sync.manifest import Entry, difference, parse
from neronet.sync.snapshot import WHOLE
from neronet.wire.frames import Malformed

if TYPE_CHECKING:
    from neronet.api.run import Run
    from neronet.api.runset import RunSet

TEXT = 1024 * 1024  # bytes up to which a file is compared line by line
LINES = 10_000  # and so many lines

Pair = tuple[Any, Any]


@dataclass(frozen=True)
class File:
    """A file that is not the same: `what` is added, removed or changed; `diff` a unified diff of its text, or ""
    where `why` says why there is none."""

    path: str
    what: str
    diff: str = ""
    why: str = ""

    def to_json(self) -> dict[str, str]:
        return dict(self.__dict__)


@dataclass(frozen=True)
class Difference:
    """Of two runs `a` and `b`, by number; each part holds only what is not the same, as (of a, of b); None where
    one of them has none."""

    a: int
    b: int
    parameters: dict[str, Pair] = field(default_factory=dict)
    command: Pair | None = None  # two argvs
    files: tuple[File, ...] = ()
    files_known: bool = True  # whether the lists of both are still here
    environment: dict[str, Pair] = field(default_factory=dict)
    commits: Pair | None = None
    metrics: dict[str, Pair] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(
            self.parameters or self.command or self.files or self.environment or self.commits or self.metrics
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "a": self.a, "b": self.b, "parameters": _pairs(self.parameters),
            "command": self.command and [list(each) for each in self.command],
            "files": [file.to_json() for file in self.files], "files_known": self.files_known,
            "environment": _pairs(self.environment), "commits": self.commits and list(self.commits),
            "metrics": {name: {"a": a, "b": b, "difference": gap(a, b)} for name, (a, b) in self.metrics.items()},
        }  # fmt: skip


def of(first: RunSet, second: RunSet, home: Path) -> Difference:
    """What tells the one run of `second` from that of `first`."""
    a, b = first[0], second[0]
    files, known = _files(a, b, home)
    return Difference(
        a=a.number,
        b=b.number,
        parameters=differing(a.parameters, b.parameters),
        command=(a.command, b.command) if a.command != b.command else None,
        files=files,
        files_known=known,
        environment=_environments(a, b),
        commits=_commits(a, b),
        metrics=differing(a.metrics, b.metrics),
    )


def differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Pair]:
    """Name -> (of a, of b) of all that is not the same, in the order of a, then b; nan is the same as nan."""
    pairs = {name: (a.get(name), b.get(name)) for name in dict.fromkeys((*a, *b))}
    return {name: (x, y) for name, (x, y) in pairs.items() if x != y and not (x != x and y != y)}


def gap(a: float | None, b: float | None) -> float | None:
    """How much b is more than a; None where that is no number."""
    if a is None or b is None:
        return None
    return b - a if math.isfinite(b - a) else None


def _pairs(of: dict[str, Pair]) -> dict[str, dict[str, Any]]:
    return {name: {"a": a, "b": b} for name, (a, b) in of.items()}


def _commits(a: Run, b: Run) -> Pair | None:
    pair = (a.git.described if a.git else None, b.git.described if b.git else None)
    return pair if pair[0] != pair[1] else None


def _environments(a: Run, b: Run) -> dict[str, Pair]:
    """In what the places where they ran differ. Of a run that was too short to be looked at nothing is known, and the
    load of a machine is never the same twice: neither is a difference between runs."""
    of_a, of_b = _environment(a), _environment(b)
    return differing(of_a, of_b) if of_a and of_b else {}


def _environment(run: Run) -> dict[str, str]:
    """What is recorded of where it ran, one text for each fact."""
    recorded = getattr(run, "environment", None)
    if not isinstance(recorded, Mapping):
        return {}
    return flat({name: value for name, value in recorded.items() if name != "load"})


def flat(tree: Mapping[str, Any], before: str = "") -> dict[str, str]:
    """{"a": {"b": 1}} as {"a.b": "1"}."""
    found: dict[str, str] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{before}{name}.")
        else:
            found[f"{before}{name}"] = str(value)
    return found


def _files(a: Run, b: Run, home: Path) -> tuple[tuple[File, ...], bool]:
    if a.snapshot == b.snapshot:
        return (), True
    try:
        before, after = (parse((home / "files" / run.snapshot).read_bytes()) for run in (a, b))
    except (OSError, Malformed):
        return (), False
    old, new = ({entry.path: entry for entry in entries} for entries in (before, after))
    found = difference(before, after)
    kinds = [(found.changed, "changed"), (found.added, "added"), (found.removed, "removed")]
    return tuple(
        _file(path, what, old.get(path), new.get(path), home)
        for path, what in sorted((path, what) for paths, what in kinds for path in paths)
    ), True


def _file(path: str, what: str, old: Entry | None, new: Entry | None, home: Path) -> File:
    entries = [entry for entry in (old, new) if entry is not None]
    if any(entry.kind != "f" for entry in entries):
        return File(path, what, why=" -> ".join(_kind(entry) for entry in entries))
    if len({entry.sha for entry in entries}) < len(entries):
        return File(
            path, what, why="is executable now" if entries[-1].executable else "is no longer executable"
        )
    if any(entry.size > WHOLE for entry in entries):
        return File(path, what, why="too large to be kept: only its hash is known")
    texts: list[list[str]] = []
    for entry in (old, new):
        text = "" if entry is None else _text(entry, home)
        if text is None:
            return File(path, what, why=_why(entries, home))
        texts.append(list(io.StringIO(text)))  # `splitlines` would end lines at form feeds, too
    if max(map(len, texts)) > LINES:
        return File(path, what, why=f"more than {LINES:,} lines")
    names = ["/dev/null" if entry is None else f"{side}/{path}" for side, entry in (("a", old), ("b", new))]
    lines = difflib.unified_diff(texts[0], texts[1], names[0], names[1])
    return File(path, what, "".join(_whole(line) for line in lines), "" if any(texts) else "empty")


def _whole(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _kind(entry: Entry) -> str:
    return {"f": "a file", "d": "an empty folder", "l": f"a link to {entry.target}"}[entry.kind]


def _text(entry: Entry, home: Path) -> str | None:
    """The content, where it is a text that is not too long."""
    if entry.size > TEXT:
        return None
    try:
        data = (home / "files" / entry.sha).read_bytes()
        return None if b"\0" in data else data.decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _why(entries: list[Entry], home: Path) -> str:
    if any(not (home / "files" / entry.sha).exists() for entry in entries):
        return "its content is no longer kept here"
    return "binary, or too long to compare by lines"
