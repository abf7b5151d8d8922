"""`exclude: opt == adamw and lr >= 0.1`: a small language of comparisons, parsed, never run as code.

A word that is a parameter's name stands for its value, any other for itself.
Two numbers are compared as numbers (0.1 equals 1e-1), everything else as text;
of two texts neither is larger.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from neronet.spec import values
from neronet.spec.problems import Unfit, did_you_mean, quoted

MAX_LENGTH = 10_000
MAX_DEPTH = 20

Values: TypeAlias = Mapping[str, str]
Test: TypeAlias = Callable[[Values], bool]

_ORDER: dict[str, Callable[..., object]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_EQUALITY = ("==", "!=")
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"[^"]*"|'[^']*')|(?P<sign>[=!<>]=|[()<>=])|(?P<word>[^\s()=!<>"']+))"""
)
_number = functools.lru_cache(maxsize=4096)(values.number)  # the same few values, once for every run


@dataclass(frozen=True)
class Operand:
    text: str
    is_word: bool  # written without quotes, so it may name a parameter

    def value(self, parameters: Values) -> str:
        return parameters.get(self.text, self.text) if self.is_word else self.text


@dataclass(frozen=True)
class Comparison:
    left: Operand
    sign: str
    right: Operand

    def __call__(self, parameters: Values) -> bool:
        left, right = self.left.value(parameters), self.right.value(parameters)
        x, y = _number(left), _number(right)
        are_numbers = x is not None and y is not None
        if self.sign in _ORDER:
            return are_numbers and bool(_ORDER[self.sign](x, y))
        return (left == right or (are_numbers and x == y)) == (self.sign == "==")


@dataclass(frozen=True)
class Exclusion:
    """A condition; the runs for which `holds` says yes are left out. Its text is all that is stored of it."""

    text: str
    holds: Test = field(compare=False, repr=False)
    comparisons: tuple[Comparison, ...] = field(compare=False, repr=False)

    def check(self, parameters: Iterable[str]) -> None:
        """Raises Unfit for a comparison that these parameters give no meaning."""
        known = dict.fromkeys(parameters)
        for comparison in self.comparisons:
            sides = (comparison.left, comparison.right)
            names = [side for side in sides if side.is_word and side.text in known]
            if not names:
                word = comparison.left.text
                raise Unfit(f"exclude names {quoted(word)}, which is no parameter", did_you_mean(word, known))
            if comparison.sign in _ORDER:
                for side in sides:
                    if side not in names and values.number(side.text) is None:
                        raise Unfit(
                            f"exclude asks for the order of {quoted(names[0].text)} and {quoted(side.text)}",
                            "only numbers and parameters have an order; use == or !=",
                        )


def parse(text: str) -> Exclusion:
    """The condition that `text` says; raises Unfit."""
    if len(text) > MAX_LENGTH:
        raise Unfit(f"a condition of more than {MAX_LENGTH:,} characters")
    parser = _Parser(text)
    holds = parser.either(0)
    if parser.kind:
        raise Unfit(
            f"{quoted(parser.token)} was not expected in this condition", "join comparisons with and, or, not"
        )
    return Exclusion(text, holds, tuple(parser.comparisons))


class _Parser:
    """Recursive descent; `token` and `kind` ('text', 'sign', 'word', '' at the end) are what comes next."""

    def __init__(self, text: str) -> None:
        self._text = text.strip()
        self._position = 0
        self.comparisons: list[Comparison] = []
        self._next()

    def either(self, depth: int) -> Test:
        tests = [self._both(depth)]
        while self._takes("or"):
            tests.append(self._both(depth))
        return tests[0] if len(tests) == 1 else lambda parameters: any(test(parameters) for test in tests)

    def _both(self, depth: int) -> Test:
        tests = [self._not(depth)]
        while self._takes("and"):
            tests.append(self._not(depth))
        return tests[0] if len(tests) == 1 else lambda parameters: all(test(parameters) for test in tests)

    def _not(self, depth: int) -> Test:
        if depth > MAX_DEPTH:
            raise Unfit(f"a condition nested more than {MAX_DEPTH} deep")
        if self._takes("not"):
            test = self._not(depth + 1)
            return lambda parameters: not test(parameters)
        if self._takes("("):
            test = self.either(depth + 1)
            if not self._takes(")"):
                raise Unfit("a bracket of this condition is not closed", "add )")
            return test
        return self._comparison()

    def _comparison(self) -> Comparison:
        left = self._operand()
        sign = self.token
        if self.kind != "sign" or sign not in (*_ORDER, *_EQUALITY):
            hint = "== asks whether two are equal" if sign == "=" else "write it like lr >= 0.1"
            raise Unfit(f"{quoted(left.text)} is not followed by a comparison (== != < <= > >=)", hint)
        self._next()
        comparison = Comparison(left, sign, self._operand())
        self.comparisons.append(comparison)
        return comparison

    def _operand(self) -> Operand:
        token, kind = self.token, self.kind
        if kind not in ("text", "word") or (kind == "word" and token in ("and", "or", "not")):
            found = f"{quoted(token)} stands" if kind else "nothing stands"
            raise Unfit(f"{found} where a parameter or a value belongs", "write it like lr >= 0.1")
        self._next()
        return Operand(token, True) if kind == "word" else Operand(token[1:-1], False)

    def _takes(self, token: str) -> bool:
        if self.kind in ("", "text") or self.token != token:
            return False
        self._next()
        return True

    def _next(self) -> None:
        match = _TOKEN.match(self._text, self._position)
        if match is None and self._position < len(self._text):
            raise Unfit(
                f"{quoted(self._text[self._position :])} cannot be read in this condition", "close the quotes"
            )
        self.kind = (match.lastgroup or "") if match else ""
        self.token = match[match.lastgroup or 0] if match else ""
        self._position = match.end() if match else self._position
