"""From the bytes that a program prints to named points.

A point is a whole line `NAME VALUE`.  Lines end with a newline or a carriage
return (progress bars), or with the program.  A line of more than 64 KiB is cut
for parsing, so that a program that never ends a line costs no memory.
"""

import re

MAX_LINE = 64 * 1024
PROCESSED = 4  # the stream of points of the first output processor; before it are the files of a run
NODE_STREAMS = 40  # what the user side itself reads from logs comes after the streams of a node
MAX_NAMES = 1000  # different names in one run; further ones are counted, not kept

_POINT = re.compile(rb"[ \t]*([A-Za-z_][A-Za-z0-9_./%-]{0,199})[ \t]+([+-]?[0-9.a-zA-Z+-]{1,40})[ \t]*\Z")
_STEPPED = re.compile(
    rb"[ \t]*([A-Za-z_][A-Za-z0-9_./%-]{0,199})[ \t]+([+-]?[0-9.a-zA-Z+-]{1,40})(?:[ \t]+([+-]?[0-9.eE+-]{1,40}))?[ \t]*\Z"
)


def parse_line(line):
    """(name, value) of a line (bytes, its end cut off) that is a point, else None; `nan` and `inf` are numbers."""
    match = _POINT.match(line)
    if match is None:
        return None
    try:
        return match.group(1).decode("ascii"), float(match.group(2))
    except ValueError:
        return None


def parse_stepped(line):
    """(name, value, step or None) of a line of the points file: `NAME VALUE [STEP]`; None for anything else."""
    match = _STEPPED.match(line)
    if match is None:
        return None
    try:
        step = match.group(3)
        return match.group(1).decode("ascii"), float(match.group(2)), None if step is None else float(step)
    except ValueError:
        return None


class Lines(object):
    """Cuts a stream into lines, whatever the sizes of the pieces that it comes in.

    `offset` is the stream offset of the first byte not yet given out as part of
    a line: whoever takes over begins to read there.
    """

    def __init__(self, offset=0):
        self.offset = offset
        self._rest = b""  # the beginning of a line, at most MAX_LINE of it
        self._cut = 0  # how many bytes of that line were dropped

    def feed(self, data):
        """[(offset of the line's first byte, line), ...] for the lines that `data` completes."""
        if b"\r" in data:
            data = data.replace(b"\r", b"\n")
        head, newline, tail = data.partition(b"\n")
        if not newline:
            self._keep(data)
            return []
        lines = [(self.offset, (self._rest + head)[:MAX_LINE])]
        self.offset += len(self._rest) + self._cut + len(head) + 1
        self._rest, self._cut = b"", 0
        offset = self.offset
        pieces = tail.split(b"\n")
        last = pieces.pop()
        for piece in pieces:
            lines.append((offset, piece[:MAX_LINE]))
            offset += len(piece) + 1
        self.offset = offset
        self._keep(last)
        return lines

    def finish(self):
        """The last line when the program ended without ending it, as `feed` gives lines."""
        if not self._rest:
            return []
        line = (self.offset, self._rest)
        self.offset += len(self._rest) + self._cut
        self._rest, self._cut = b"", 0
        return [line]

    def _keep(self, data):
        room = MAX_LINE - len(self._rest)
        self._rest += data[:room]
        self._cut += max(0, len(data) - room)
