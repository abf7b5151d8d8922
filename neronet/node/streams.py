"""Follows the files that a run writes, and turns its lines into points."""

import os

from neronet.wire import points

POINTS = 2000  # in one record
CHUNK = 256 * 1024  # bytes read and parsed at a time
PIECES = 10  # of a line that are looked at one by one: an unbuffered `print` writes each of its arguments by itself
OVERLAP = 64  # bytes that are read once more, and must be what they were


class Growing(object):
    """A file that grows, and that its writer may truncate and write anew, read from a physical position."""

    def __init__(self, path, position):
        self.path, self.position = path, position
        self._fd = None
        self._tail = b""  # what stands before the position

    def read(self, room):
        """(at most `room` new bytes, whether they are from the beginning, since the file was written anew).

        Its size alone would not tell: it may have grown again to what it was.
        Raises FileNotFoundError.
        """
        if self._fd is None:
            self._open()
        data = os.pread(self._fd, room + len(self._tail), self.position - len(self._tail))
        if self._waits(len(data) < len(self._tail)):
            return b"", False
        anew = not data.startswith(self._tail)
        if anew:
            self.position, self._tail = 0, b""
            data = os.pread(self._fd, room, 0)
        else:
            data = data[len(self._tail) :]
        self.position += len(data)
        self._tail = data[-OVERLAP:] if len(data) >= OVERLAP else (self._tail + data)[-OVERLAP:]
        return data, anew

    def _open(self):
        self._fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        back = min(OVERLAP, self.position)
        # In a file that has become shorter the filling is not found again.
        self._tail = os.pread(self._fd, back, self.position - back).ljust(back, b"\0")

    def _waits(self, short):
        """Whether to read nothing now; short: it is shorter than what was read of it."""
        return False

    def size(self):
        """Its size now, 0 when it is not there."""
        try:
            return os.stat(self.path).st_size if self._fd is None else os.fstat(self._fd).st_size
        except FileNotFoundError:
            return 0

    def close(self):
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


class Stream(object):
    """One stream of a run, read from where the last recorded parse ended.

    Offsets given out are logical: `base` grows by what a program cuts away when
    it truncates its own output, so an offset never comes twice.
    """

    def __init__(self, path, number, to=0, base=0):
        self.path, self.number, self.name = path, number, os.path.basename(path)
        self.base = base
        self._file = Growing(path, to - base)
        self._lines = points.Lines(to)
        self._opened = False
        self._pieces = 0  # of an unfinished line, since the last one that was whole
        self._parse = points.parse_stepped if number == 2 else points.parse_line

    @property
    def to(self):
        """The logical offset up to which every line has been parsed."""
        return self._lines.offset

    @property
    def printed(self):
        """How many bytes there are of it, read or not; changes with all that the program prints."""
        return self.base + self._file.size()

    def read(self):
        """(points, cut, size): new points [[name, value, offset, step], ...]; whether the file had been truncated;
        how many bytes came: `CHUNK` when there may be more at once, 0 also for pieces of a line whose end is as good
        as there."""
        position = self._file.position
        if not self._opened and self._file.size() == position == 0:
            return [], False, 0  # many streams stay empty
        self._opened = True
        try:
            data, cut = self._file.read(CHUNK)
        except FileNotFoundError:
            return [], False, 0  # purged by others: what was read stays
        if cut:
            self._begin_anew(position)
        if not data:
            return [], cut, 0
        before = self.to
        found = self._points(self._lines.feed(data))
        self._pieces = self._pieces + 1 if self.to == before else 0
        return found, cut, 0 if 0 < self._pieces <= PIECES and len(data) < CHUNK else len(data)

    def _begin_anew(self, position):
        self.base += position
        self._lines = points.Lines(self.base)

    def finish(self):
        """The points of a last line that the program did not end."""
        return self._points(self._lines.finish())

    def state_at(self, to):
        """What is to be known beside `to` by whoever goes on there, or None."""

    def size(self):
        return self._file.size()

    def close(self):
        self._file.close()

    def _points(self, lines):
        found = []
        parse = self._parse
        for offset, line in lines:
            point = parse(line)
            if point is not None:
                found.append([point[0], point[1], offset, point[2] if len(point) == 3 else None])
        return found


class Nobody(object):
    """Stands for the output processors of a run that has none, see reading.py."""

    streams = ()
    every = None  # seconds between two looks that nothing tells of

    def fileno(self):
        return None

    def end(self):
        pass

    def done(self):
        return True

    def wait(self):
        pass

    def problems(self):
        return ()

    def close(self):
        return ()


def parts(found, end):
    """[(points, offset up to which they tell all), ...]: records that are small enough, cut between two lines.

    found: [[name, value, offset, step], ...]; end: where the last part ends.
    """
    first, cuts = 0, []
    while len(found) - first > POINTS:
        cut = first + POINTS
        while cut > first + 1 and found[cut - 1][2] == found[cut][2]:
            cut -= 1
        # Whoever goes on after a part begins with the line of the next point.
        cuts.append((found[first:cut], found[cut][2]))
        first = cut
    return cuts + [(found[first:], end)] if found else []
