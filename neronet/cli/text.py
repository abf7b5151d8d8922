"""Numbers, times, sizes and foreign texts as a person reads them.  Pure: the time is an argument."""

from __future__ import annotations

import math
import re
import time
import unicodedata
from collections.abc import Sequence

from neronet.wire import states

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0

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


def number(value: float | None) -> str:
    """A metric with four significant digits: `7.214`, `0.0004120`, `1.204e7`, `nan`; '' for None."""
    if value is None:
        return ""
    if not math.isfinite(value):
        return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")
    size = abs(value)
    if value == int(value) and size < 1e6:
        return str(int(value))
    if 1e-4 <= size < 1e6:
        digits = max(0, 3 - math.floor(math.log10(size)))
        return f"{value:.{digits}f}"
    mantissa, exponent = f"{value:.3e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def count(amount: int, noun: str, plural: str = "") -> str:
    """`1 run`, `10,000 runs`; `plural` where an s is not enough."""
    return f"{amount:,} {noun if amount == 1 else plural or noun + 's'}"


def size(amount: float) -> str:
    """Bytes: `31 kB`, `1.1 MB`."""
    if amount < 999.5:
        return f"{amount:.0f} bytes"
    units = ("kB", "MB", "GB", "TB")
    power = 0
    amount /= 1000
    while amount >= 999.5 and power < len(units) - 1:
        amount /= 1000
        power += 1
    return f"{amount:.0f} {units[power]}" if amount >= 9.95 else f"{amount:.1f} {units[power]}"


def memory(amount: float) -> str:
    """Bytes of memory, in GiB."""
    gib = amount / 2**30
    return f"{gib:.0f} GiB" if gib >= 9.95 else f"{gib:.1f} GiB"


def duration(seconds: float) -> str:
    """At most two units: `0.4 s`, `12 s`, `1 min 5 s`, `1 h 2 min`, `2 d 3 h`."""
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f} s"
    total = round(seconds)
    for unit, name, part, part_name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if total >= unit:
            rest = total % unit // part
            return f"{total // unit} {name} {rest} {part_name}" if rest else f"{total // unit} {name}"
    return f"{total} s"


def span(seconds: float) -> str:
    """In one unit: `3 s`, `8 min`, `2 h`, `5 d`."""
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if seconds >= unit:
            return f"{seconds // unit:.0f} {name}"
    return f"{max(0.0, seconds):.0f} s"


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
