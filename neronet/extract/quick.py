"""Whether a pattern stays quick on lines that nobody has printed yet.

A pattern in which several parts can match the same signs (`{number}{number}`) takes a time that grows with the third
power of a line's length, or worse: a line of 4,096 digits would hold up the engine, which reads all runs, for minutes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from neronet.extract.trial import Place
from neronet.wire import readers

# Characters of a hard line, and seconds that it may take: at ten times the last length a second or two then.  The short
# ones come first, for patterns whose time doubles with each sign.
SIZES = ((20, 0.002), (100, 0.002), (400, 0.02))
_PIECES = (" ", "\t", "1", "1,", "1.", "1-", "-", "=", "x", "1 ", "0:", "[", "1/", "1%", "e")


def is_quick(place: Place, arguments: tuple[str, ...]) -> bool:
    """Tries lines that begin as the one pointed at and go on with the same signs for ever."""
    if arguments[1] != "regex":
        return True
    reader = readers.make(arguments[1:])
    # A second look: the clock may have counted something else.
    return not any(
        _seconds(reader, line) > most and _seconds(reader, line) > most
        for size, most in SIZES
        for line in _hard(place, size)
    )


def _hard(place: Place, size: int) -> Iterator[bytes]:
    line = place.line
    heads = ("", line[: place.start], line[: place.end], line[: place.start] * 5)
    own = (
        line[place.start : place.end],
        line[: place.start],
        line[place.end :],
        line[max(0, place.start - 3) : place.start],
    )
    for piece in dict.fromkeys((*_PIECES, *own)):
        for head in dict.fromkeys(heads):
            yield (head + (piece or " ") * (size // len(piece or " "))).encode("utf-8", "replace")


def _seconds(reader: readers.Regex, line: bytes) -> float:
    began = time.thread_time()
    reader.feed(line)
    return time.thread_time() - began
