"""Numbers, times, sizes and foreign texts as a person reads them.  Pure: the time is an argument."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Sequence

from neronet.wire import states
from neronet.words import DAY, span

# Shape first, colour second, the word always: nobody has to tell colours apart.
SHAPES = {
    states.DEFINED: ("◌", "."),
    states.SUBMITTING: ("↑", "^"),
    states.QUEUED: ("○", "o"),
    states.PENDING: ("◔", "o"),
    states.RUNNING: ("▶", ">"),
    states.FINISHED: ("✓", "+"),
    states.FAILED: ("✗", "x"),
    states.TERMINATED: ("■", "#"),
    states.TIMEOUT: ("⧗", "%"),
    states.LOST: ("?", "?"),
}
STATE_STYLES = {
    states.RUNNING: "live",
    states.FINISHED: "good",
    states.FAILED: "bad",
    states.TERMINATED: "warn",
    states.TIMEOUT: "warn",
    states.LOST: "odd",
}

_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
# Control signs and line separators; then what lets a text show itself in another order than it has.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


def harmless(text: str) -> str:
    """`text` on one line that can neither steer a terminal nor show itself in another order.

    Colour and cursor sequences vanish, line ends and tabs are blanks, every other control sign becomes a
    visible one.
    """
    if text.isascii() and text.isprintable():
        return text
    return _UNSAFE.sub(_visible, _SEQUENCE.sub("", text))


def harmless_log(text: str) -> str:
    """The same for a piece of a log: line ends, tabs and the carriage returns of progress bars stay."""
    return _UNSAFE.sub(_visible_in_log, _SEQUENCE.sub("", text))


def last_shown(line: str) -> str:
    """What a terminal would show of a line that was rewritten with carriage returns."""
    return harmless(line.rstrip("\r\n").rsplit("\r", 1)[-1])


def _visible(found: re.Match[str]) -> str:
    sign = found.group()
    if sign in "\t\n\r":
        return " "
    return chr(0x2400 + ord(sign)) if sign < " " else "\ufffd"


def _visible_in_log(found: re.Match[str]) -> str:
    return found.group() if found.group() in "\n\r\t" else _visible(found)


def columns(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in text)
    return len(text) + wide - sum(unicodedata.combining(sign) != 0 for sign in text)


def age(moment: float | None, now: float) -> str:
    """How long ago (`3 s`, `8 min`, `2 h`, `5 d`), or the day; '' for None."""
    if moment is None:
        return ""
    if now - moment < 30 * DAY:
        return span(now - moment)
    then = time.localtime(moment)
    form = "%d %b" if then.tm_year == time.localtime(now).tm_year else "%d %b %Y"
    return time.strftime(form, then).lstrip("0")


def moment(seconds: float | None) -> str:
    """The local date and time to the second; '' for None."""
    return "" if seconds is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def number_ranges(numbers: Sequence[int]) -> str:
    """`3, 5-8`: the numbers of runs as a selector takes them."""
    parts: list[list[int]] = []
    for value in sorted(numbers):
        if parts and value == parts[-1][1] + 1:
            parts[-1][1] = value
        else:
            parts.append([value, value])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def shorten(text: str, width: int) -> str:
    """`text` on one line, cut to `width` signs, the cut marked by three dots."""
    text = " ".join(text.split())
    return text if len(text) <= width else text[: max(0, width - 3)] + "..."
