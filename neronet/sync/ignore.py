"""Ignore files with git's own rules; pure.

Written out here, since a pattern library was measured against `git check-ignore`:
a quarter of random small trees came out differently, and its import alone takes
half of what a snapshot of 1,000 files may take.  Where its manual and git differ
(`a**/b`), the manual counts.

Names and patterns are compared as git does, byte by byte: both are texts of
Latin-1 in here, one sign a byte.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache

_CLASSES = {
    "alnum": "a-zA-Z0-9", "alpha": "a-zA-Z", "blank": r" \t", "cntrl": r"\x00-\x1f\x7f", "digit": "0-9",
    "graph": r"\x21-\x7e", "lower": "a-z", "print": r"\x20-\x7e", "punct": r"!-/:-@\[-`{-~",
    "space": r" \t\n\r\f\v", "upper": "A-Z", "xdigit": "0-9a-fA-F",
}  # fmt: skip
_WILD = re.compile(r"[*?\[\\]")


class IgnoreFile:
    """The rules of one ignore file, in tables, because most rules are a plain name or a plain ending."""

    def __init__(self, data: bytes) -> None:
        self._negated: list[bool] = []
        self._tables = (_Table(), _Table())  # for files, for folders
        for line in data.removeprefix(b"\xef\xbb\xbf").decode("latin-1").split("\n"):
            self._add(line.removesuffix("\r"))

    def _add(self, line: str) -> None:
        if line.startswith("#"):
            return
        line = _without_trailing_spaces(line)
        pattern = line.removeprefix("!")
        only_folders = pattern.endswith("/")
        pattern = pattern.removesuffix("/")
        if not pattern:
            return
        index = len(self._negated)
        self._negated.append(line.startswith("!"))
        for table in self._tables[only_folders:]:
            table.add(index, pattern)

    def verdict(self, path: str, is_folder: bool) -> bool | None:
        """True: left out; False: brought back; None: not a word about it.

        `path` is relative to the folder of the ignore file, in the form that `in_bytes` gives.
        """
        index = self._tables[is_folder].last_match(path)
        return None if index < 0 else not self._negated[index]


class _Table:
    def __init__(self) -> None:
        self._names: dict[str, int] = {}
        self._paths: dict[str, int] = {}
        self._endings: dict[int, dict[str, int]] = {}  # by their length
        self._globs: list[tuple[int, bool, re.Pattern[str]]] = []

    def add(self, index: int, pattern: str) -> None:
        anchored = "/" in pattern
        if anchored:
            pattern = pattern.removeprefix("/")
        if not _WILD.search(pattern):
            (self._paths if anchored else self._names)[pattern] = index
        elif not anchored and pattern[0] == "*" and not _WILD.search(pattern, 1):
            self._endings.setdefault(len(pattern) - 1, {})[pattern[1:]] = index
        elif (expression := translate(pattern)) is not None:
            self._globs.append((index, anchored, re.compile(expression, re.DOTALL)))

    def last_match(self, path: str) -> int:
        """Of the rules that match, the number of the last one; -1 when none does."""
        name = path.rpartition("/")[2]
        found = max(self._names.get(name, -1), self._paths.get(path, -1))
        for length, endings in self._endings.items():
            if length <= len(name):
                found = max(found, endings.get(name[len(name) - length :], -1))
        for index, anchored, glob in reversed(self._globs):
            if index < found:
                break
            if glob.fullmatch(path if anchored else name):
                return index
        return found


@lru_cache(maxsize=256)
def ignore_file(data: bytes) -> IgnoreFile:
    return IgnoreFile(data)


def in_bytes(path: str) -> str:
    """A path of this machine in the form that rules are compared with."""
    return path if path.isascii() else os.fsencode(path).decode("latin-1")


def _without_trailing_spaces(line: str) -> str:
    """Spaces at the end do not count, except after a backslash."""
    kept = line.rstrip(" ")
    backslashes = len(kept) - len(kept.rstrip("\\"))
    return kept + " " if backslashes % 2 and kept != line else kept


def translate(pattern: str) -> str | None:
    """The regular expression for a whole path (or name); None: the pattern can never match."""
    out: list[str] = []
    at = 0
    while at < len(pattern):
        sign = pattern[at]
        at += 1
        if sign == "*":
            start = at - 1
            while pattern[at : at + 1] == "*":
                at += 1
            alone = pattern[start - 1 : start] in ("", "/") and pattern[at : at + 1] in ("", "/")
            if at - start == 1 or not alone:
                out.append("[^/]*")
            elif at == len(pattern):
                out.append(".*")
            else:
                out.append("(?:.*/)?")
                at += 1
        elif sign == "?":
            out.append("[^/]")
        elif sign == "[":
            bracket, at = _bracket(pattern, at)
            if bracket is None:
                return None
            out.append(bracket)
        elif sign == "\\":
            if at == len(pattern):
                return None
            out.append(re.escape(pattern[at]))
            at += 1
        else:
            out.append(re.escape(sign))
    return "".join(out)


def _bracket(pattern: str, at: int) -> tuple[str | None, int]:
    """What stands between brackets from `at` on, and where the pattern goes on; None when it cannot match."""
    negated = pattern[at : at + 1] in ("!", "^")
    at += negated
    first = at
    items: list[str] = []
    previous = ""  # what a range may begin with
    while at < len(pattern) and (pattern[at] != "]" or at == first):
        sign = pattern[at]
        if sign == "-" and previous and pattern[at + 1 : at + 2] not in ("", "]"):
            at += 1
            if pattern[at] == "\\":
                at += 1
            if previous <= pattern[at : at + 1]:
                items.append(f"{re.escape(previous)}-{re.escape(pattern[at])}")
            previous = ""
        elif (
            sign == "["
            and pattern[at + 1 : at + 2] == ":"
            and (end := pattern.find("]", at + 2)) >= 0
            and pattern[end - 1] == ":"
            and end - 1 > at + 1
        ):
            name = pattern[at + 2 : end - 1]
            if name not in _CLASSES:
                return None, at
            items.append(_CLASSES[name])
            previous = ""
            at = end
        else:
            if sign == "\\":
                at += 1
            previous = pattern[at : at + 1]
            items.append(re.escape(previous))
        at += 1
    if at >= len(pattern):
        return None, at
    if negated:
        return f"[^/{''.join(items)}]", at + 1
    return (f"(?!/)[{''.join(items)}]" if items else "(?!)"), at + 1
