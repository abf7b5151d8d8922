"""Output processors: streams of points that a run's config.yaml asks for beside those of plain lines.

The k-th processor is stream PROCESSED + k.  A line processor follows stdout, stderr or a growing file of work/, from
where the last recorded parse ended; a file processor is called with the whole file.
"""

import contextlib
import os
import select
import signal
import time

from neronet.node.asking import Child
from neronet.node.called import UserFile, UserLines
from neronet.node.following import Followed
from neronet.node.start import for_processors
from neronet.node.streams import Nobody
from neronet.wire import points, readers

LOOK = 0.25  # seconds between two looks at files in work/
SLOW = 2.0  # seconds of processor time that a user's pattern may take for one chunk
LAST = 60.0  # seconds for what is still to be read when the program has ended
_BUILT_IN = "neronet"
_STREAMS = ("stdout", "stderr")


class TooSlow(Exception):
    """A pattern does not come to an end."""


class Processors(Nobody):
    """All processors of one run; before: what dead watchers have recorded, a `Past`."""

    def __init__(self, host, attempt, before):
        wanted = attempt.batch.spec.get("processors") or []
        users = [item["call"] for item in wanted if item["call"][0] != _BUILT_IN]
        calls = [[call[0], call[1], call[2:]] for call in users]
        self._until = None  # when what is read after the end of the program must be done
        self.child = Child(
            calls, attempt.file("work"), lambda: for_processors(host, attempt, self._until is not None)
        )
        self.streams = []
        for k, item in enumerate(wanted):
            source = _Source(attempt, item["file"])
            number, call = points.PROCESSED + k, item["call"]
            if call[0] == _BUILT_IN:
                stream = BuiltIn(source, number, before, call)
            else:
                asked = users.index(call), "%s %s" % (call[0], call[1])
                kind = UserFile if item["kind"] == "file" else UserLines
                stream = kind(source, number, before, self.child, *asked)
            self.streams.append(stream)
        polled = any(not stream.source.is_log for stream in self.streams)
        self.every = LOOK if polled else None

    def fileno(self):
        """A descriptor that is readable when there is something to be looked at, or None."""
        return self.child.fileno()

    def end(self):
        """The program has ended: what is there now is all."""
        if self._until is None:
            self._until = time.monotonic() + LAST
            for stream in self.streams:
                stream.ending = True

    def done(self):
        """Whether all that is there has been read, or has had its time."""
        all_read = self.child.idle and not any(stream.behind for stream in self.streams)
        return all_read or time.monotonic() > self._until

    def wait(self):
        """For an answer, a moment."""
        fd = self.child.fileno()
        if fd is not None:
            select.select([fd], [], [], LOOK)

    def problems(self):
        """(stream, text) of what the user should be told, once."""
        for stream in self.streams:
            if stream.problem is not None:
                yield stream.number, stream.problem

    def close(self):
        """Ends what works for them; what is to be said of the whole run."""
        said = [
            "%s could not read %d %s of %s" % (stream.what, stream.bad, stream.unit, stream.source.file)
            for stream in self.streams
            if stream.bad > 1
        ]
        said += [
            "%s had not read all of %s %d s after the end of the run"
            % (stream.what, stream.source.file, LAST)
            for stream in self.streams
            if self._until is not None and stream.behind
        ]
        self.child.close()
        return said


class _Source(object):
    """What a processor reads: `stdout`, `stderr`, or a path below work/."""

    def __init__(self, attempt, file):
        self.file = file
        word = file[: -len(".log")] if file.endswith(".log") else file
        self.is_log = word in _STREAMS
        if self.is_log:
            self.path = attempt.stream(_STREAMS.index(word))
        else:
            self.path = os.path.join(attempt.file("work"), file)


class BuiltIn(Followed):
    """A reader of wire.readers, in the watcher's own process."""

    def __init__(self, source, number, before, call):
        Followed.__init__(self, source, number, before, " ".join(call[:2]))
        self._call = call
        self._states = []  # (offset, what the reader knew) of the lines since the last record
        self._known = self._recorded = before.states.get(number)
        try:
            self._reader = readers.make(call[1:])
        except ValueError as error:
            self.fail(str(error), "the Python of this node is older than yours and reads other patterns")
            return
        if self._known is not None:
            self._reader.resume(self._known)

    def state_at(self, to):
        for offset, state in self._states:
            if offset < to:
                self._known = state
        self._states = [item for item in self._states if item[0] >= to]
        if self._known == self._recorded:
            return None
        self._recorded = self._known
        return self._known

    def finish(self):
        found = Followed.finish(self)
        if self.off:
            return found
        at = max(self.to - 1, 0)  # of the last line
        kept = self._new(at, b"", self._reader.finish())
        if kept:
            self._states.append((at, self._reader.state))
        return found + kept

    def _begin_anew(self, position):
        Followed._begin_anew(self, position)
        self._reader = readers.make(self._call[1:])
        self._states, self._known, self._recorded = [], None, None

    def _points(self, lines):
        found = []
        try:
            with limited(SLOW if self._call[1] == "regex" else 0.0):
                self._read(lines, found)
        except TooSlow:
            self.fail(
                "the pattern takes too long for a line",
                "make it simpler; it is not used any more in this run",
            )
        return found

    def _read(self, lines, found):
        reader = self._reader
        state = reader.state
        for offset, line in lines:
            values = reader.feed(line)
            if reader.state != state:
                state = reader.state
                self._states.append((offset, state))
            if values:
                found += self._new(offset, line, values)


@contextlib.contextmanager
def limited(seconds):
    """Raises TooSlow in what takes more processor time than this (0: no limit); in the main thread only."""
    if not seconds:
        yield
        return
    armed = [True]

    def stop(*_):
        if armed:
            raise TooSlow

    before = signal.signal(signal.SIGVTALRM, stop)
    try:
        # Again and again: the first one may come while an exception cannot leave.
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds, seconds)
        yield
    finally:
        armed.clear()
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
