"""Output processors that are functions of the user's: called in the process beside the run, see asking.py."""

import collections
import itertools
import os
import time

from neronet.node import past
from neronet.node.following import Followed, complaint, regular
from neronet.node.streams import CHUNK

FILE_EVERY = 5.0  # seconds between two calls of a file processor
LINES, TEXT = 500, 10 * 1024  # lines, and bytes of them, in one request: it is to fit into a pipe
OFF = "it is not called any more in this run, which goes on"
CORRECT = "correct output_line_processor or output_file_processor, or the module beside the experiment"


class UserLines(Followed):
    """A user's function that is called with each line, in the process beside the run."""

    def __init__(self, source, number, before, child, k, what):
        Followed.__init__(self, source, number, before, what)
        self._child, self._k = child, k
        self._drained = False  # all that the program has left is among the lines
        self._left = collections.deque()  # (offset, line) of what is not answered
        self._found = []

    @property
    def to(self):
        return self._left[0][0] if self._left else self._lines.offset

    @property
    def behind(self):
        return bool(self._left) or not (self._drained or self.off)

    def read(self):
        cut, came = False, 0
        if not self._left:
            _, cut, came = Followed.read(self)
            if self.ending and came < CHUNK:
                self._points(self._lines.finish())
                self._drained = True
        if self._left:
            self._child.want(self)
        self._child.step()
        found, self._found = self._found, []
        return found, cut, came

    def finish(self):
        return []  # read before, as soon as it was known that no more comes

    def request(self):
        lines, size = [], 0
        for _, line in itertools.islice(self._left, LINES):
            size += len(line)
            if lines and size > TEXT:
                break
            lines.append(line.decode("utf-8", "replace"))
        return {"k": self._k, "lines": lines} if lines else None

    def answered(self, answer):
        if answer.get("off"):
            self.failed(str(answer["error"]), False)
            return
        done = answer["done"]
        if type(done) is not int or not 0 < done <= len(self._left):
            raise ValueError("it answered for %r lines" % (done,))
        by_line = {}
        for which, name, value in answer["v"]:
            by_line.setdefault(which, []).append((name, float(value), None))
        for which in range(done):
            offset, line = self._left.popleft()
            self._found += self._new(offset, line, by_line.get(which, ()))
        if answer["bad"]:
            self.bad += int(answer["bad"])
            self.tell(str(answer["error"]), "correct the function; it goes on with the next lines")
        if self._left:
            self._child.want(self)

    def failed(self, why, crashed):
        self._left.clear()
        self.bad += 1
        self.fail(why, OFF if crashed else CORRECT)

    def _points(self, lines):
        self._left.extend(lines)
        return []


class UserFile(object):
    """A user's function that is called with the whole file when it has changed; the offset of a point is its number."""

    unit = "versions"
    base = 0

    def __init__(self, source, number, before, child, k, what):
        self.source, self.number, self.name, self.what = source, number, os.path.basename(source.path), what
        self.to, self._seen = before.parsed[number][0], before.seen[number]
        self._child, self._k = child, k
        self._stamp = None  # of the version that was read last
        self._next = 0.0  # when it may be called again
        self._failed_before, self.ending, self.off = False, False, False
        self.problem, self.bad = None, 0
        self._found = []

    @property
    def behind(self):
        return not self.off and self._look() not in (None, self._stamp)

    def read(self):
        if not self.off and (self.ending or time.monotonic() >= self._next):
            stamp = self._look()
            if stamp is not None and stamp != self._stamp:
                self._child.want(self)
        self._child.step()
        found, self._found = self._found, []
        return found, False, 0

    def finish(self):
        return []

    def state_at(self, to):
        return None

    def size(self):
        return 0

    def close(self):
        pass

    def _look(self):
        try:
            status = regular(self.source.path)
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino

    def request(self):
        if self.off:
            return None
        self._stamp, self._next = self._look(), time.monotonic() + FILE_EVERY
        return {"k": self._k, "path": self.source.path, "seen": self._seen}

    def answered(self, answer):
        if answer.get("off"):
            self.failed(str(answer["error"]), False)
            return
        found = []
        for _, name, value in answer["v"]:
            found.append([name, float(value), self.to, None])
            self.to += 1
        past.count(self._seen, found)
        self._found += found
        if answer.get("more"):
            self._child.want(self)
        failed = bool(answer.get("bad"))
        self.bad += failed
        if failed and not (self._failed_before or self.ending):
            self._stamp = None  # one that was just being written may be whole at the next look
        elif failed and self.problem is None:
            self.problem = complaint(self, str(answer["error"]), "correct the function; it is called again")
        self._failed_before = failed

    def failed(self, why, crashed):
        self.off, self.bad = True, self.bad + 1
        if self.problem is None:
            self.problem = complaint(self, why, OFF if crashed else CORRECT)
