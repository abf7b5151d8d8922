"""What an axis shows and how its ticks read (pure).

The kernel says both, and never leaves them to the page: bqplot computes a domain from the data and a format from
the domain, and a first value that is one constant freezes it.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import NamedTuple

from neronet_jupyter.figures.resample import HUGE, Array, finite

_STEPS = (1.0, 2.0, 5.0, 10.0)
_SECONDS = (1, 2, 5, 10, 15, 30)
_MANY = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
NEAR_ZERO = 0.35  # an axis begins at 0 when its least value is below this part of its greatest
SMALLEST = 1e-300


class Scale(NamedTuple):
    """A domain, `low` < `high`, and its ticks with what stands at them."""

    low: float
    high: float
    ticks: tuple[float, ...]
    labels: tuple[str, ...]


def extent(series: list[Array], log: bool = False) -> tuple[float, float] | None:
    """The least and the greatest value that an axis can show; None when there is none."""
    low, high = math.inf, -math.inf
    for values in series:
        known = finite(values, log)
        if len(known):
            low, high = min(low, float(known.min())), max(high, float(known.max()))
    return (low, high) if low <= high else None


def linear(low: float, high: float, count: int, exact: bool = False) -> Scale:
    """From a round number to a round number around `low` and `high`, with about `count` ticks; `exact`: just from
    `low` to `high`.  Any finite numbers will do, equal ones too."""
    low, high = _apart(low, high)
    step = _step((high - low) / max(1, count))
    if not exact:
        if 0 < low < NEAR_ZERO * high:
            low = 0.0
        elif NEAR_ZERO * low < high < 0:
            high = 0.0
        step = _step((high - low) / max(1, count))
        low, high = _down(low, step), -_down(-high, step)
    ticks = _multiples(low, high, step)
    return Scale(low, high, ticks, tuple(plain(tick, step) for tick in ticks))


def logarithmic(low: float, high: float, count: int, exact: bool = False) -> Scale:
    """As `linear`, for an axis in decades; both are above 0."""
    low, high = max(low, SMALLEST), max(high, SMALLEST)
    if high / low < 1.000001:
        low, high = low / 2, high * 2
    if not exact:
        low, high = _round_log(low, up=False), _round_log(high, up=True)
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    decades = last - first
    if decades <= 1 and high / low < 3:
        between = linear(low, high, count, exact=True)
        return Scale(low, high, between.ticks, between.labels)
    every = max(1, math.ceil(decades / max(1, count)))
    parts = (1, 2, 5) if 3 * decades <= count + 1 else (1, 3) if 2 * decades <= count else (1,)
    ticks = [part * 10.0**power for power in range(first, last + 1, every) for part in parts]
    ticks = [tick for tick in ticks if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9)]
    return Scale(low, high, tuple(ticks), tuple(plain(tick, tick) for tick in ticks))


def seconds(low: float, high: float, count: int, exact: bool = False) -> Scale:
    """As `linear`, for a time in seconds: ticks at whole minutes, quarters of hours, days."""
    low, high = _apart(low, high)
    rough = (high - low) / max(1, count)
    if rough <= 0.5 or rough > _MANY[-1] * 30:
        found = linear(low, high, count, exact)
        return found._replace(labels=tuple(f"{label} s" for label in found.labels))
    step = float(
        next((each for each in (*_SECONDS, *_MANY) if each >= rough * 0.7), _step(rough / 86400) * 86400)
    )
    if not exact:
        low, high = (0.0 if 0 <= low < NEAR_ZERO * high else _down(low, step)), -_down(-high, step)
    ticks = _multiples(low, high, step)
    return Scale(low, high, ticks, tuple(clock(tick, step) for tick in ticks))


def plain(value: float, step: float) -> str:
    """A tick as short as `step` to the next one allows: `0`, `20`, `0.05`, `10,000`, `2e-5`, `1e6`."""
    if abs(value) < abs(step) * 1e-6:
        return "0"
    power = math.floor(math.log10(abs(step)) + 1e-9)
    size = math.floor(math.log10(abs(value)) + 1e-9)
    if not -4 <= size < 6 and size - power < 6:
        mantissa, exponent = f"{value:.{max(0, size - power)}e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    return f"{value:,.{max(0, -power)}f}"


def clock(value: float, step: float) -> str:
    """A tick of a time: `0`, `30 s`, `5 min`, `1:30 h`, `2 d`."""
    whole = round(value)
    if whole == 0:
        return "0"
    if step < 60:
        minutes, rest = divmod(abs(whole), 60)
        text = f"{minutes}:{rest:02d} min" if minutes else f"{rest} s"
    elif step < 3600 or abs(whole) < 3600:
        hours, rest = divmod(abs(whole) // 60, 60)
        text = f"{hours}:{rest:02d} h" if hours else f"{rest} min"
    elif step < 86400:
        text = f"{abs(whole) // 3600} h"
    else:
        text = f"{abs(whole) / 86400:g} d"
    return text if value > 0 else f"-{text}"


def _apart(low: float, high: float) -> tuple[float, float]:
    """Two numbers that are far enough from each other for float64, and for an eye."""
    low, high = max(-HUGE, min(low, high)), min(HUGE, max(low, high))
    most = max(abs(low), abs(high))
    if high - low > most * 1e-12 and high - low > SMALLEST:
        return low, high
    around = most * 0.1 if most > SMALLEST else 1.0
    return low - around, high + around


def _step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next((part * power for part in _STEPS if part * power >= rough * 0.75), 10 * power)


def _down(value: float, step: float) -> float:
    return math.floor(value / step + 1e-9) * step


def _multiples(low: float, high: float, step: float) -> tuple[float, ...]:
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    digits = max(0, -math.floor(math.log10(step))) + 1
    rounded = digits < 300
    return tuple(round(i * step, digits) if rounded else i * step for i in range(first, last + 1))


def _round_log(value: float, up: bool) -> float:
    power = 10.0 ** math.floor(math.log10(value) + 1e-12)
    parts = (1.0, 2.0, 5.0, 10.0)
    if up:
        return next(part * power for part in parts if part * power >= value * (1 - 1e-9))
    return next(part * power for part in reversed(parts) if part * power <= value * (1 + 1e-9))


def key(value: float) -> str:
    """A number as JavaScript writes it: bqplot looks the labels of ticks up under this."""
    if value == 0:
        return "0"
    digits = Decimal(repr(float(value)))
    size = digits.adjusted()
    if -6 <= size < 21:
        text = f"{digits:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa, exponent = f"{digits.normalize():e}".split("e")
    return f"{mantissa}e{'+' if int(exponent) > 0 else ''}{int(exponent)}"
