"""The manifest of a folder: what a run gets, byte for byte; pure.

    {"v":1,"entries":[["empty","d"],["link","l","main.py"],["main.py","f",0,"<sha256>",123]]}

`f`: a file, executable or not, sha256 and size of its content; `l`: a link and its
target, which stays inside; `d`: an empty folder.  Paths are relative, with `/`,
as they were found (a name that is not UTF-8 keeps its bytes as lone surrogates).
Entries are sorted and there is one way to write each, so the same tree has the
same bytes and the same hash everywhere.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from neronet.wire.frames import Malformed, load_json

VERSION = 1
MAX_ENTRIES = 200_000
MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 64  # folders in each other; what comes back may not be deeper either
MAX_PATH = 4096

_NO_NAMES = frozenset(("", ".", ".."))
_SHA = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: `executable`, `sha`, `size` (bytes) belong to a file, `target` to a link."""

    path: str
    kind: Literal["f", "l", "d"]
    executable: bool = False
    sha: str = ""
    size: int = 0
    target: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """Paths that only the second tree has, only the first has, and both have but not alike; each sorted."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


def build(entries: Iterable[Entry]) -> bytes:
    """The manifest of these entries, given in any order; raises Malformed for a tree that cannot be."""
    ordered = sorted(entries, key=lambda entry: entry.path)
    _check_tree(ordered)
    lines = [_line(entry) for entry in ordered]
    return json.dumps({"v": VERSION, "entries": lines}, separators=(",", ":")).encode("ascii")


def parse(data: bytes) -> tuple[Entry, ...]:
    """The entries, by path; raises Malformed for all that `build` would not have written."""
    if len(data) > MAX_BYTES:
        raise Malformed(f"a manifest is longer than {MAX_BYTES} bytes")
    message = load_json(data)
    lines = message.get("entries")
    if message.get("v") != VERSION or not isinstance(lines, list):
        raise Malformed(f"a manifest is not of version {VERSION}")
    try:
        entries = [_entry(line) for line in lines]
        canonical = build(entries)
    except (TypeError, ValueError) as error:
        raise Malformed(f"a manifest has an unusable entry: {error}") from error
    if canonical != data:
        raise Malformed("a manifest is not written in the one way")
    return tuple(entries)


def tree_hash(data: bytes) -> str:
    """The sha256 of a manifest, in hexadecimal digits: equal exactly when the trees are equal."""
    return hashlib.sha256(data).hexdigest()


def difference(old: Iterable[Entry], new: Iterable[Entry]) -> Difference:
    """What changed from one tree to the other; an empty folder that got a file counts as that file."""
    before = {entry.path: entry for entry in old}
    after = {entry.path: entry for entry in new}
    return Difference(
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed=tuple(sorted(path for path in before.keys() & after.keys() if before[path] != after[path])),
    )


def stays_inside(path: str) -> bool:
    """Whether a relative path with `/`, `.` and `..` put together, does not climb out of its folder."""
    return not path.startswith("/") and posixpath.normpath(path).partition("/")[0] != ".."


def _line(entry: Entry) -> list[str | int]:
    if entry.kind == "f":
        return [entry.path, "f", int(entry.executable), entry.sha, entry.size]
    if entry.kind == "l":
        return [entry.path, "l", entry.target]
    return [entry.path, "d"]


def _entry(line: Any) -> Entry:
    """The entry in one line of JSON; types are checked here, meaning by `_check_tree`."""
    path, kind, *rest = line
    if not isinstance(path, str):
        raise ValueError(f"{line!r:.200}")
    if kind == "f":
        executable, sha, size = rest
        if type(executable) is int and type(size) is int and isinstance(sha, str):
            return Entry(path, "f", executable == 1, sha, size)
    elif kind == "l":
        (target,) = rest
        if isinstance(target, str):
            return Entry(path, "l", target=target)
    elif kind == "d" and not rest:
        return Entry(path, "d")
    raise ValueError(f"{line!r:.200}")


def _check_tree(ordered: Sequence[Entry]) -> None:
    """Raises Malformed unless these entries can stand side by side below one folder."""
    if len(ordered) > MAX_ENTRIES:
        raise Malformed(f"more than {MAX_ENTRIES} files")
    leaves: set[str] = set()
    for entry in ordered:
        _check_entry(entry)
        leaves.add(entry.path)
    if len(leaves) != len(ordered):
        raise Malformed("a path stands there twice")
    folders = {entry.path.rpartition("/")[0] for entry in ordered}
    for folder in folders:
        while folder:
            if folder in leaves:
                raise Malformed(f"{folder!r:.200} is not a folder but has something in it")
            folder = folder.rpartition("/")[0]


def _check_entry(entry: Entry) -> None:
    parts = entry.path.split("/")
    if len(entry.path) > MAX_PATH or len(parts) > MAX_DEPTH:
        raise Malformed(f"{entry.path!r:.200}: too long or in more than {MAX_DEPTH} folders")
    if "\0" in entry.path or not _NO_NAMES.isdisjoint(parts):
        raise Malformed(f"{entry.path!r:.200} is no path inside of a folder")
    if not _has_bytes(entry.path) or not _has_bytes(entry.target):
        raise Malformed(f"{entry.path!r:.200} cannot be the name of a file")
    if entry.kind == "f" and (not _SHA.match(entry.sha) or not 0 <= entry.size < 2**62):
        raise Malformed(f"{entry.path!r:.200} has no usable hash or size")
    if entry.kind == "l":
        target = entry.target
        if (
            not target
            or "\0" in target
            or len(target) > MAX_PATH
            or target.startswith("/")
            or not stays_inside(posixpath.join(posixpath.dirname(entry.path), target))
        ):
            raise Malformed(f"the link {entry.path!r:.200} leaves the folder")


def _has_bytes(name: str) -> bool:
    """Whether a file system can hold it: text, and bytes that are not UTF-8 in Python's way to write them."""
    if name.isascii():
        return True
    try:
        name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True
