"""Numbers, times and sizes in words: short, and the same in the terminal and in JupyterLab."""

from __future__ import annotations

import math

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


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
    """Bytes of memory, in GiB; below a half in MiB."""
    gib = amount / 2**30
    if gib < 0.5:
        return f"{amount / 2**20:.0f} MiB"
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
