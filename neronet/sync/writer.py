"""The only module that writes what nodes send to this machine's disk.

A node may be anybody's by now: its paths, sizes and offsets are checked, nothing is
written outside of the results folder or through a link in it, and bytes are counted
as they come, not as announced.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from neronet.errors import NeronetError, UnsafePath
from neronet.sync.folders import HAS_DIR_FD, Folder, make
from neronet.sync.names import safe_parts

PART = ".part-"  # begins the name of an output that is not whole yet; it lies in the root

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


class DiskFull(NeronetError):
    """This machine's disk takes no more; worth another try when there is room."""


class LimitReached(NeronetError):
    """A run sent more than it may."""


class ResultsWriter:
    """Writes what one run sends, below `root`, which is made when something comes.

    `limit`: by how many bytes the folder may grow through this writer.  Every method raises UnsafePath for
    a path that must not be written, LimitReached, DiskFull, and NeronetError for other trouble with the disk;
    no file is longer after any of them.
    """

    def __init__(self, root: Path, limit: int, relative: bool = HAS_DIR_FD) -> None:
        self.root = os.path.abspath(root)
        self.limit = limit
        self.used = 0
        self._relative = relative
        self._identity: tuple[int, int] | None = None

    def size(self, path: str) -> int:
        """Bytes of the file that is here; 0 when there is none."""
        *folders, name = self._parts(path)
        with self._plainly(path), ExitStack() as stack:
            try:
                return self._open(folders, stack, create=False).size_of(name)
            except FileNotFoundError:
                return 0

    def append(self, path: str, offset: int, data: bytes) -> None:
        """Makes `data` the end of a log, from `offset` on (as the store knows it).

        The same call again changes nothing: what stands behind is cut off; a gap before, which a power
        failure may leave, reads as NULs (`size` tells).
        """
        *folders, name = self._parts(path)
        with self._plainly(path), ExitStack() as stack:
            folder = self._open(folders, stack)
            fd = folder.open(name)
            stack.callback(os.close, fd)
            self._put(fd, path, offset, data)

    def output(
        self, path: str, offset: int, data: bytes, end: bool = False, executable: bool = False
    ) -> None:
        """Takes a part of an output; with `end` it is whole, flushed to disk, and appears under its name.

        Raises NeronetError when the parts before `offset` are not here: `received` tells where to go on.
        """
        *folders, name = self._parts(path)
        part = _part(path)
        with self._plainly(path), ExitStack() as stack:
            top = self._open([], stack)
            if offset > top.size_of(part):
                raise NeronetError(f"{path}: bytes before {offset} are missing", "It is fetched again.")
            fd = top.open(part)
            with ExitStack() as opened:
                opened.callback(os.close, fd)
                try:
                    self._put(fd, path, offset, data)
                except LimitReached:
                    self.used -= os.fstat(fd).st_size
                    top.remove(part)
                    raise
                if end and executable and hasattr(os, "fchmod"):
                    os.fchmod(fd, 0o700)
                if end:
                    os.fsync(fd)
            if end:
                folder = self._open(folders, stack)
                replaced = folder.size_of(name)
                top.move(part, folder, name)
                self.used -= replaced

    def received(self, path: str) -> int:
        """How many bytes of an output are here that is not whole yet."""
        self._parts(path)
        with self._plainly(path), ExitStack() as stack:
            try:
                return self._open([], stack, create=False).size_of(_part(path))
            except FileNotFoundError:
                return 0

    def _parts(self, path: str) -> tuple[str, ...]:
        parts = safe_parts(path)
        if parts[0].lower().startswith(PART):
            raise UnsafePath(f"{path!r:.200} is not stored: {PART}* are names of unfinished outputs")
        return parts

    def _open(self, names: list[str], stack: ExitStack, create: bool = True) -> Folder:
        """A folder below the root, closed by `stack`; FileNotFoundError when it is not to be made."""
        if self._identity is None and create:
            make(self.root)
        elif self._identity is not None and not os.path.isdir(self.root):
            raise self._lost("removed")
        folder = Folder.top(self.root, self._relative)
        stack.callback(folder.close)
        identity = folder.identity()
        if self._identity not in (None, identity):
            raise self._lost("replaced by another folder")
        self._identity = identity
        for name in names:
            folder = folder.enter(name, create)
            stack.callback(folder.close)
        return folder

    def _lost(self, how: str) -> UnsafePath:
        return UnsafePath(
            f"{self.root} was {how} while it was in use",
            "Move the old folder back, or restart Neronet's engine to go on in a new one.",
        )

    def _put(self, fd: int, path: str, offset: int, data: bytes) -> None:
        """`data` from `offset` on becomes the end of the file, which does not grow when that fails."""
        before = os.fstat(fd).st_size
        end = offset + len(data)
        if self.used + end - before > self.limit:
            raise LimitReached(
                f"{path!r:.200} is not stored: more than {self.limit} bytes came from this run",
                "The rest stays on the node.",
            )
        try:
            os.lseek(fd, offset, os.SEEK_SET)
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(fd, rest) :]
            if before != end:
                os.ftruncate(fd, end)
        except OSError:
            os.ftruncate(fd, min(before, os.fstat(fd).st_size))
            raise
        self.used += end - before

    @contextmanager
    def _plainly(self, path: str) -> Iterator[None]:
        """Errors of the system, said for the user."""
        try:
            yield
        except OSError as error:
            if error.errno in _FULL:
                raise DiskFull(
                    f"{self.root}: the disk is full", "Make room; what is missing is fetched again then."
                ) from error
            raise NeronetError(f"cannot write {path!r:.200} in {self.root}: {error.strerror}") from error


def _part(path: str) -> str:
    return PART + hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:32]
