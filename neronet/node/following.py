"""Follows what a run writes line by line for an output processor: its logs, and files of work/ that grow."""

import os
import stat
import time

from neronet.node.streams import CHUNK, Growing, Stream
from neronet.wire import points

AT_ONCE = 4 << 20  # bytes of a file in work/ that are read in one look
SETTLE = 1.0  # seconds for which a file that has become shorter may be one that is just being written anew
MAX_LINE_POINTS, MAX_TEXT = 1000, 900  # points of a line; characters of a warning


class Rewritten(Growing):
    """A file of work/: it may come late, be replaced by another, or be written anew with more in it.

    Many programs write the whole table again with a line more.  What begins as it did before goes on from there;
    while it is short it is waited for.
    """

    def __init__(self, path, position):
        Growing.__init__(self, path, position)
        self._inode, self._short = None, None
        self.ending = False

    def read(self, room):
        try:
            return self._look(room)
        except OSError:  # whatever a program puts in its place
            raise FileNotFoundError(self.path)

    def size(self):
        try:
            return regular(self.path).st_size
        except OSError:
            return 0

    def _look(self, room):
        status = regular(self.path)
        if self._fd is not None and status.st_ino != self._inode:
            before, self._fd = self._fd, os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            os.close(before)
        # What stands before the position cannot be looked up in a file that is too short.
        if self._fd is None and self._waits(status.st_size < self.position):
            return b"", False
        data, anew = Growing.read(self, room)
        self._inode = os.fstat(self._fd).st_ino
        return data, anew

    def _waits(self, short):
        # By what was read and not by its size before: it may be truncated in between.
        if not short or self.ending:
            self._short = None
            return False
        self._short = self._short or time.monotonic()
        return time.monotonic() < self._short + SETTLE


def regular(path):
    """The status of a regular file; raises FileNotFoundError also for a pipe or a device, which could block."""
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise FileNotFoundError(path)
    return status


class Followed(Stream):
    """The lines of a source, and the points that somebody finds in them."""

    unit = "lines"
    behind = False

    def __init__(self, source, number, before, what):
        to, base = before.parsed[number]
        Stream.__init__(self, source.path, number, to, base)
        self.source, self.what, self.ending = source, what, False
        self.problem = None  # to be told once
        self.bad = 0  # calls that failed
        self.off = False
        if not source.is_log:
            self._file = Rewritten(source.path, to - base)

    def read(self):
        if self.off:
            return [], False, 0
        if self.source.is_log:
            return Stream.read(self)
        # Nothing tells of changes of these files, so one look takes what came since the last one.
        self._file.ending = self.ending
        found = []
        for _ in range(AT_ONCE // CHUNK):
            more, cut, came = Stream.read(self)
            found += more
            if cut or came < CHUNK:
                break
        return found, cut, came if came == CHUNK else 0

    def fail(self, why, hint):
        """Gives up: the user is told once, the run goes on."""
        self.off = True
        self.tell(why, hint)

    def tell(self, why, hint):
        if self.problem is None:
            self.problem = complaint(self, why, hint)

    def _new(self, offset, line, values):
        """Journal's points of (name, value, step), without what the plain line says that it is."""
        plain = points.parse_line(line) if values and self.source.is_log else None
        said = plain[0] if plain is not None else None
        return [[name, value, offset, step] for name, value, step in values[:MAX_LINE_POINTS] if name != said]


def complaint(stream, why, hint):
    return ("%s (for %s): %s; %s" % (stream.what, stream.source.file, why, hint))[:MAX_TEXT]
