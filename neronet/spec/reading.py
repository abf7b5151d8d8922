"""Readers of what stands behind a word: each reports what does not fit, and then returns None."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias, TypeVar

from neronet.spec import values
from neronet.spec.document import Block, Items, Node, Text
from neronet.spec.problems import Problems, Unfit, quoted

MAX_ITEMS = 1000  # of anything but values of a parameter: what every experiment inherits is checked in each

T = TypeVar("T")
_METRIC = re.compile(r"[A-Za-z_][A-Za-z0-9_./%-]{0,199}")  # what wire.points finds in a line
Reader: TypeAlias = Callable[[Node, Problems], T | None]


def scalar(convert: Callable[[str], T]) -> Reader[T]:
    """A reader of one text."""

    def read(node: Node, problems: Problems) -> T | None:
        if not isinstance(node, Text):
            problems.error(node, "one value belongs here, not a list or a block")
            return None
        try:
            return convert(node.text)
        except Unfit as error:
            problems.error(node, str(error), error.hint)
            return None

    return read


def listing(convert: Callable[[str], T]) -> Reader[tuple[T, ...]]:
    """A reader of a text or a list of texts."""
    one = scalar(convert)

    def read(node: Node, problems: Problems) -> tuple[T, ...] | None:
        items = node.items if isinstance(node, Items) else (node,)
        if len(items) > MAX_ITEMS:
            problems.error(node, f"a list of more than {MAX_ITEMS:,}")
            return None
        found = [one(item, problems) for item in items]
        return tuple(item for item in found if item is not None)

    return read


def table(key: Callable[[str], str], convert: Callable[[str], T]) -> Reader[dict[str, T]]:
    """A reader of a block `KEY: VALUE`."""
    one = scalar(convert)
    key_reader = scalar(key)

    def read(node: Node, problems: Problems) -> dict[str, T] | None:
        if not isinstance(node, Block):
            problems.error(node, "a block belongs here", "write KEY: VALUE on indented lines")
            return None
        if len(node.entries) > MAX_ITEMS:
            problems.error(node, f"a block of more than {MAX_ITEMS:,}")
            return None
        found = {}
        for name, value in node.entries.values():
            word, content = key_reader(name, problems), one(value, problems)
            if word is not None and content is not None:
                found[word] = content
        return found

    return read


def whole(lowest: int, highest: int) -> Reader[int]:
    return scalar(lambda text: values.whole(text, lowest, highest))


def choice(*words: str) -> Reader[str]:
    return scalar(lambda text: values.choice(text, words))


def metric(text: str) -> str:
    if not _METRIC.fullmatch(text):
        hint = "a name begins with a letter or _, then letters, digits, _ . / % -"
        raise Unfit(f"no program can print a metric called {quoted(text)}", hint)
    return text
