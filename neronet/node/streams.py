"""Follows what a run writes and turns it into points."""

import os

from neronet.wire import points
from neronet.wire.messages import STREAM_FILES

CHUNK = 256 * 1024  # bytes read and parsed at a time


class Stream(object):
    """One growing file of a run, read from where the last recorded parse ended.

    Offsets given out are logical: `base` grows by what a program cuts away when
    it truncates its own output, so an offset never comes twice.
    """

    def __init__(self, path, number, to=0, base=0):
        self.number, self.path, self.name = number, path, STREAM_FILES[number]
        self.base = base
        self.position = to - base  # physical: the next byte to read
        self._lines = points.Lines(to)
        self._fd = None
        self._parse = points.parse_stepped if number == 2 else points.parse_line

    @property
    def to(self):
        """The logical offset up to which every line has been parsed."""
        return self._lines.offset

    def read(self):
        """(points, cut, more): new points [[name, value, offset, step], ...]; whether the file had been truncated;
        whether there is more to read at once."""
        try:
            if self._fd is None:
                if self.size() == self.position:
                    return [], False, False
                self._fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            data = os.pread(self._fd, CHUNK, self.position)
            cut = not data and os.fstat(self._fd).st_size < self.position
            if cut:
                self.base += self.position
                self.position = 0
                self._lines = points.Lines(self.base)
                data = os.pread(self._fd, CHUNK, 0)
        except FileNotFoundError:
            return [], False, False  # purged by others: what was read stays
        self.position += len(data)
        return self._points(self._lines.feed(data)) if data else [], cut, len(data) == CHUNK

    def finish(self):
        """The points of a last line that the program did not end."""
        return self._points(self._lines.finish())

    def size(self):
        try:
            return os.stat(self.path).st_size
        except FileNotFoundError:
            return 0

    def close(self):
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _points(self, lines):
        found = []
        parse = self._parse
        for offset, line in lines:
            point = parse(line)
            if point is not None:
                found.append([point[0], point[1], offset, point[2] if len(point) == 3 else None])
        return found
