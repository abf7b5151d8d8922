"""Numbers, times and sizes as the panel says them: short, and always the same."""

from __future__ import annotations

import math
import time

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


def number(value: float | None) -> str:
    """Four significant digits: `7.214`, `67.01`, `0.0004120`, `1.204e7`; `nan` and `inf` in words; "" for None."""
    if value is None:
        return ""
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value == 0:
        return "0"
    if value == int(value) and abs(value) < 10000:
        return str(int(value))
    mantissa, exponent = f"{value:.3e}".split("e")
    power = int(exponent)
    if power < -4 or power > 5:
        return f"{mantissa}e{power}"
    return f"{value:.{max(0, 3 - power)}f}"


def age(seconds: float, now: float | None = None) -> str:
    """`3 s`, `8 min`, `2 h`, `5 d`; a day of the calendar, `14 Mar`, from ten days on."""
    seconds = max(0.0, seconds)
    if seconds < MINUTE:
        return f"{int(seconds)} s"
    if seconds < HOUR:
        return f"{int(seconds / MINUTE)} min"
    if seconds < DAY:
        return f"{int(seconds / HOUR)} h"
    if seconds < 10 * DAY:
        return f"{int(seconds / DAY)} d"
    then = time.localtime((time.time() if now is None else now) - seconds)
    return f"{then.tm_mday} {time.strftime('%b', then)}"


def duration(seconds: float) -> str:
    """Two units: `1 h 2 min`, `3 min 20 s`, `12 s`, `2 d 4 h`."""
    whole = max(0, round(seconds))
    for unit, name, below, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= unit:
            rest = whole % unit // below
            return f"{whole // unit} {name}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"


def size(count: float) -> str:
    """Bytes of files in powers of 1000: `31 kB`, `1.1 MB`."""
    if count < 1000:
        return f"{int(count)} B"
    for name in ("kB", "MB", "GB", "TB"):
        count /= 1000
        if count < 999.5 or name == "TB":
            return f"{count:.1f} {name}" if count < 9.95 else f"{count:.0f} {name}"
    raise AssertionError


def memory(count: float) -> str:
    """Bytes of memory in GiB: `16 GiB`, `9.8 GiB`; in MiB below a half."""
    gib = count / 2**30
    if gib < 0.5:
        return f"{count / 2**20:.0f} MiB"
    return f"{gib:.1f} GiB" if gib < 9.95 else f"{gib:.0f} GiB"


def count(one: int, word: str, many: str = "") -> str:
    """`1 run`, `1,912 runs`."""
    return f"{one:,} {word if one == 1 else many or word + 's'}"
