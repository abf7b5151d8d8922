"""`{from: a, to: b}`: values of a parameter that are computed, in decimals, when they are needed.

Both ends are included; a step never goes past the end. Whole numbers by default,
else `step`, `count` (evenly) or `log` (a count, evenly on a log scale).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Context, Decimal
from typing import Literal, overload

from neronet.spec.problems import Unfit, did_you_mean, quoted
from neronet.spec.values import whole

MAX_VALUES = 1_000_000
KEYS = ("from", "to", "step", "count", "log")
DIGITS = 12  # of values that had to be divided; what a float holds, less its last, uncertain digits

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,2})?")
_EXACT = Context(prec=80)
_ROUGH = Context(prec=DIGITS + 12)
_SHOWN = Context(prec=DIGITS)


@dataclass(frozen=True)
class Range(Sequence[str]):
    """The texts of the values; strictly rising or falling, so no two are the same."""

    first: Decimal
    last: Decimal
    kind: Literal["step", "count", "log"]
    step: Decimal  # 0 unless the kind is step
    length: int

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[str]:
        return (self._value(index) for index in range(self.length))

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        found = range(self.length)[index]
        return self._value(found) if isinstance(found, int) else tuple(self._value(each) for each in found)

    def to_json(self) -> dict[str, str]:
        size = str(self.step) if self.kind == "step" else str(self.length)
        return {"from": str(self.first), "to": str(self.last), self.kind: size}

    def _value(self, index: int) -> str:
        if self.kind == "step":
            return _text(_EXACT.add(self.first, _EXACT.multiply(self.step, index)))
        if index == 0:
            return _text(self.first)
        if index == self.length - 1:
            return _text(self.last)
        share = _ROUGH.divide(index, self.length - 1)
        if self.kind == "count":
            value = _ROUGH.fma(_ROUGH.subtract(self.last, self.first), share, self.first)
        else:
            growth = _ROUGH.multiply(_ROUGH.ln(_ROUGH.divide(self.last, self.first)), share)
            value = _ROUGH.multiply(self.first, _ROUGH.exp(growth))
        return _text(_SHOWN.plus(value))


def make_range(fields: Mapping[str, str]) -> Range:
    """The range that the texts under `from`, `to` and at most one of `step`, `count`, `log` describe.

    Raises Unfit, whose text names the field.
    """
    for key in fields:
        if key not in KEYS:
            raise Unfit(f"a range has no {quoted(key)}", did_you_mean(key, KEYS))
    missing = [key for key in ("from", "to") if key not in fields]
    if missing:
        raise Unfit(
            f"this range has no {missing[0]}", "write {from: 1, to: 3}; a value with braces needs quotes"
        )
    kinds = [key for key in ("step", "count", "log") if key in fields]
    if len(kinds) > 1:
        raise Unfit(f"a range has either {kinds[0]} or {kinds[1]}", "remove one of them")
    first, last = _decimal("from", fields["from"]), _decimal("to", fields["to"])
    if kinds == ["count"]:
        return _even(first, last, _length("count", fields["count"]))
    if kinds == ["log"]:
        return _log(first, last, _length("log", fields["log"]))
    if kinds == ["step"]:
        return _stepped(first, last, _decimal("step", fields["step"]))
    if first != first.to_integral_value() or last != last.to_integral_value():
        raise Unfit(
            "a range between numbers that are not whole needs step, count or log", "for example step: 0.1"
        )
    return _stepped(first, last, Decimal(1))


def _stepped(first: Decimal, last: Decimal, step: Decimal) -> Range:
    distance = _EXACT.subtract(last, first)
    if step == 0 or (step < 0 and distance > 0):
        raise Unfit(
            f"with step {step} the range never reaches {last}", "the step is a distance, larger than 0"
        )
    steps = _EXACT.divide(distance, step).copy_abs().to_integral_value(ROUND_FLOOR)
    if steps >= MAX_VALUES:
        raise Unfit(f"the range has more than {MAX_VALUES:,} values", "say a larger step, or count: N")
    return Range(first, last, "step", step.copy_sign(distance), int(steps) + 1)


def _even(first: Decimal, last: Decimal, count: int) -> Range:
    _check_ends("count", first, last, count)
    step = _ROUGH.divide(_ROUGH.subtract(last, first), max(1, count - 1))
    if count > 1 and abs(step) < max(abs(first), abs(last)).scaleb(2 - DIGITS):
        raise Unfit(f"the values of the range would differ after more than {DIGITS} digits", "lower count")
    return Range(first, last, "count", Decimal(0), count)


def _log(first: Decimal, last: Decimal, count: int) -> Range:
    if first <= 0 or last <= 0:
        raise Unfit("a range on a log scale needs ends above 0", "use count for even distances")
    _check_ends("log", first, last, count)
    growth = _ROUGH.divide(_ROUGH.ln(_ROUGH.divide(last, first)), max(1, count - 1))
    if count > 1 and abs(growth) < Decimal(1).scaleb(2 - DIGITS):
        raise Unfit(f"the values of the range would differ after more than {DIGITS} digits", "lower log")
    return Range(first, last, "log", Decimal(0), count)


def _check_ends(key: str, first: Decimal, last: Decimal, count: int) -> None:
    if (count == 1) != (first == last):
        raise Unfit(
            f"{key}: {count} does not fit a range from {first} to {last}", "both ends are among the values"
        )


def _length(key: str, text: str) -> int:
    try:
        return whole(text, 1, MAX_VALUES)
    except Unfit as error:
        raise Unfit(f"{key}: {error}", "it says how many values there are") from None


def _decimal(key: str, text: str) -> Decimal:
    if not _NUMBER.fullmatch(text) or len(text) > 40:
        raise Unfit(f"{key}: {quoted(text)} is not a number", "for example 0.1 or 1e-3")
    return Decimal(text)


def _text(value: Decimal) -> str:
    """As Python writes a float: plain where that is short, no zeros at the end, 1e-10 for the very small."""
    value = value.normalize(_EXACT)
    if value == 0:
        return "0"
    return f"{value:f}" if -7 <= value.adjusted() < 16 else f"{value:e}"
