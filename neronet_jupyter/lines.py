"""A growing log as numbered lines: any of a million is found at once, and none is kept in memory."""

from __future__ import annotations

import mmap
import re
import threading
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np

READ = 8 * 2**20  # bytes looked at in one go
WIDTH = 4000  # characters of a line that are shown
ROOM = 4 * WIDTH  # bytes of a line that are read for it
MATCHES = 10_000  # lines that a search finds at most
# What a terminal would obey, and what would hide or turn around other text: a log is only ever shown.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROLS = {
    c: 0xFFFD
    for c in [*range(32), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
    if c != 9
}


class Lines:
    """One log file, which may not exist yet and may be cut off and begin anew.

    A line ends with a newline; of what a program wrote over itself with carriage returns the last is shown.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._reset()

    def _reset(self) -> None:
        self.size = 0
        self._starts = np.zeros(1024, dtype=np.int64)  # where each line begins; the first at 0
        self._count = 1

    @property
    def count(self) -> int:
        """Lines so far; an unfinished last one counts."""
        last_is_empty = self._starts[self._count - 1] == self.size
        return self._count - 1 if last_is_empty else self._count

    def look(self) -> bool:
        """Takes in what was added since; True when there was something, or the file began anew."""
        with self._lock:
            try:
                size = self.path.stat().st_size
            except OSError:
                size = 0
            if size == self.size:
                return False
            if size < self.size:
                self._reset()
            if size:
                try:
                    self._read(size)
                except OSError:  # it was deleted just now
                    self._reset()
            return True

    def _read(self, size: int) -> None:
        with self.path.open("rb") as file:
            file.seek(self.size)
            while self.size < size and (data := file.read(min(READ, size - self.size))):
                ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == 10) + (self.size + 1)
                wanted = self._count + len(ends)
                if wanted > len(self._starts):
                    self._starts = np.resize(self._starts, max(wanted, 2 * len(self._starts)))
                self._starts[self._count : wanted] = ends
                self._count = wanted
                self.size += len(data)

    def window(self, first: int, count: int) -> list[str]:
        """The texts of the lines from number `first` (from 0), at most `count`; each at most WIDTH characters."""
        return [shown(data) for _, data in self.pieces(first, count)]

    def pieces(self, first: int, count: int) -> list[tuple[int, bytes]]:
        """(offset in the file, bytes) of what is read of the same lines; at most ROOM bytes of each."""
        with self._lock:
            last = min(self.count, first + count)
            if first < 0 or first >= last:
                return []
            bounds = [*self._starts[first:last].tolist(), self._end(last)]
        try:
            with self.path.open("rb") as file:
                return [_tail_of_line(file, begin, end) for begin, end in pairwise(bounds)]
        except OSError:
            return []

    def _end(self, line: int) -> int:
        return int(self._starts[line]) if line < self._count else self.size

    def search(self, text: str) -> list[int]:
        """Numbers of the lines (from 0) that hold `text`, upper and lower case alike; the first MATCHES."""
        with self._lock:
            starts = self._starts[: self._count].copy()
        found: list[int] = []
        try:
            with self.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                for match in re.finditer(re.escape(text.encode()), data, re.IGNORECASE):
                    line = int(np.searchsorted(starts, match.start(), "right")) - 1
                    if not found or found[-1] != line:
                        found.append(line)
                        if len(found) >= MATCHES:
                            break
        except (OSError, ValueError):  # it does not exist, or is empty
            return []
        return found


def _tail_of_line(file: BinaryIO, begin: int, end: int) -> tuple[int, bytes]:
    """At most ROOM bytes, with their offset: of a longer line its beginning, or what was written last with carriage
    returns."""
    file.seek(begin)
    data = file.read(min(ROOM, end - begin))
    if end - begin > ROOM and b"\r" in data:
        begin = file.seek(end - ROOM)
        data = file.read(ROOM)
    return begin, data


def last_written(data: bytes) -> tuple[int, str]:
    """(bytes before it, text) of what a line has in the end: without its end and what was overwritten."""
    data = data.rstrip(b"\r\n")
    begin = data.rfind(b"\r") + 1
    return begin, data[begin:].decode("utf-8", "replace")


def shown(data: bytes) -> str:
    """A line as it is shown: without its end, without what was overwritten, nothing that could act."""
    _, text = last_written(data)
    text = _ESCAPES.sub("", text).translate(_CONTROLS)
    return text if len(text) <= WIDTH else text[:WIDTH] + "…"


def shown_columns(text: str) -> list[int]:
    """Where in `text`, what a line has in the end, each character stands that is shown of it."""
    columns: list[int] = []
    at = 0
    for escape in _ESCAPES.finditer(text):
        columns += range(at, escape.start())
        at = escape.end()
    return [*columns, *range(at, len(text))][:WIDTH]
