"""A YAML text as a tree that knows its places, read within bounds.

Built on PyYAML's events, not on its constructors: no tag is ever acted on, each
value keeps the text that the file shows (`1e-3`, `010`, `no`), nothing is nested
or expanded without limit, and a key given twice is a problem instead of a loss.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from neronet.spec.problems import Problem, Problems, harmless, quoted

if TYPE_CHECKING:
    import yaml

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32
MAX_ALIASES = 100
MAX_NODES = 100_000  # aliases counted as what they stand for

# What YAML forbids; said like this it compiles five times faster than what YAML allows.
_UNPRINTABLE = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_UNUSABLE = re.compile("[\0\ud800-\udfff]")  # no program can be given these
_NULL = frozenset(("", "~", "null", "Null", "NULL"))

# libyaml's messages say what its scanner expected; these say what people did.
_HINTS = (
    ("mapping values are not allowed", "check the indentation; a text that holds ': ' needs quotes"),
    (
        "cannot start any token",
        "indent with spaces, not tabs; a text that begins with %, @ or ` needs quotes",
    ),
    ("did not find expected ',' or", "a bracket is not closed, or a comma is missing"),
    ("did not find expected key", "check the indentation of this line and of the one before"),
    ("did not find expected '-' indicator", "check the indentation of this line and of the one before"),
    ("could not find expected ':'", "a key is followed by a colon and a space"),
    ("unexpected end of stream", "a quote is not closed"),
    ("unknown escape character", "in double quotes a backslash is written \\\\; or use single quotes"),
)


class Place(NamedTuple):
    line: int
    column: int


@dataclass(slots=True, eq=False)  # not frozen: that makes each cost three times as much
class Node:
    """A part of the file: its first line and column (from 1), its first character, the one after its last."""

    line: int
    column: int
    start: int
    end: int
    size: int  # of nodes, itself included
    height: int  # of what is nested in it


@dataclass(slots=True, eq=False)
class Text(Node):
    text: str
    plain: bool  # written without quotes

    @property
    def is_null(self) -> bool:
        return self.plain and self.text in _NULL

    @property
    def is_none(self) -> bool:
        """Null, or the word None, which the original's files use for it."""
        return self.is_null or (self.plain and self.text == "None")


@dataclass(slots=True, eq=False)
class Items(Node):
    items: tuple[Node, ...]
    flow: bool  # written with brackets


@dataclass(slots=True, eq=False)
class Block(Node):
    entries: dict[str, tuple[Text, Node]]
    flow: bool


class _Stop(Exception):
    """What stops the reading was reported."""


def read(path: Path, missing: bytes | None = None) -> bytes | Problem:
    """The bytes of a file, a little more than is allowed at most, or why they could not be read.

    `missing` is what a file that does not exist reads as; without it that is a problem too.
    """
    try:
        if path.exists() and not path.is_file():
            return Problem(str(path), 1, 1, f"{path} is not a file")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        hint = "see nerocli template --help for a first one"
        return Problem(str(path), 1, 1, f"there is no file {path}", hint) if missing is None else missing
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        return Problem(str(path), 1, 1, f"{path} could not be read: {why}")


def load(data: bytes, problems: Problems) -> tuple[str, Node | None]:
    """The decoded text and its tree; None for an empty document and after an error that leaves no tree."""
    if len(data) > MAX_BYTES:
        text = f"the file is larger than {MAX_BYTES // 1024} KiB"
        problems.error(Place(1, 1), text, "put data into other files")
        return "", None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line_start = data.rfind(b"\n", 0, error.start) + 1
        place = Place(data.count(b"\n", 0, error.start) + 1, error.start - line_start + 1)
        problems.error(place, "the file is not UTF-8 text", "save it with the encoding UTF-8")
        return "", None
    bad = _UNPRINTABLE.search(text)
    if bad:
        place = Place(text.count("\n", 0, bad.start()) + 1, bad.start() - text.rfind("\n", 0, bad.start()))
        problems.error(place, f"the file holds the control character {quoted(bad.group())}")
        return text, None
    try:
        return text, _Composer(text, problems).document()
    except _Stop:
        return text, None


def plain(node: Node | None) -> object:
    """The node as lists, dicts and texts; null is None."""
    if isinstance(node, Block):
        return {key: plain(value) for key, (_, value) in node.entries.items()}
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    return node.text if isinstance(node, Text) and not node.is_null else None


class _Composer:
    def __init__(self, text: str, problems: Problems) -> None:
        self._text = text
        self._problems = problems
        self._last_line = text.count("\n") + 1
        self._anchors: dict[str, Node] = {}
        self._nodes = 0
        self._aliases = 0

    def document(self) -> Node | None:
        import yaml  # 30 ms that only reading a file costs

        # An installation without the C library reads the same, ten times slower.
        parser: Any = (yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader)(self._text)
        try:
            return self._document(_events(parser))
        # Both parsers raise more than their own errors, e.g. for an escape beyond Unicode.
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            self._not_yaml(error)
            raise _Stop from None
        finally:
            parser.dispose()

    def _document(self, events: Iterator[yaml.Event]) -> Node | None:
        root = None
        for event in events:
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                if root is not None:
                    self._stop(event, "a second document begins here", "remove this line")
                root = self._node(next(events), events, 1)
        return root

    def _node(self, event: Any, events: Iterator[yaml.Event], depth: int) -> Node:
        kind = type(event).__name__
        if kind == "AliasEvent":
            return self._alias(event, depth)
        self._count(event, 1)
        if depth > MAX_DEPTH:
            self._stop(event, f"more than {MAX_DEPTH} levels are nested here")
        if event.tag is not None:
            text = f"the tag {quoted(event.tag)} is not allowed"
            self._problems.error(self._mark(event.start_mark), text, "values are only text here")
        if kind == "ScalarEvent":
            node: Node = self._scalar(event)
        elif kind == "SequenceStartEvent":
            node = self._items(event, events, depth)
        else:
            node = self._block(event, events, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, event: Any, depth: int) -> Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            self._stop(event, f"nothing before this is called &{harmless(event.anchor)}")
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            self._stop(event, f"more than {MAX_ALIASES} aliases (*name)")
        if depth + node.height > MAX_DEPTH:
            self._stop(event, f"more than {MAX_DEPTH} levels are nested here")
        self._count(event, node.size)
        return node

    def _scalar(self, event: Any) -> Text:
        mark = self._mark(event.start_mark)
        if _UNUSABLE.search(event.value):
            self._problems.error(mark, "a text must not hold a NUL character", "no program can be given one")
        text = _UNUSABLE.sub("", event.value)
        return Text(*mark, event.start_mark.index, event.end_mark.index, 1, 0, text, not event.style)

    def _items(self, event: Any, events: Iterator[yaml.Event], depth: int) -> Items:
        items: list[Node] = []
        while type(inner := next(events)).__name__ != "SequenceEndEvent":
            items.append(self._node(inner, events, depth + 1))
        return Items(*self._extent(event, inner, items), tuple(items), event.flow_style)

    def _block(self, event: Any, events: Iterator[yaml.Event], depth: int) -> Block:
        entries: dict[str, tuple[Text, Node]] = {}
        nodes: list[Node] = []
        while type(inner := next(events)).__name__ != "MappingEndEvent":
            key = self._node(inner, events, depth + 1)
            value = self._node(next(events), events, depth + 1)
            nodes += key, value
            if not isinstance(key, Text):
                self._problems.error(key, "a key must be a word", "write KEY: VALUE")
            elif key.text in entries:
                text = f"{quoted(key.text)} stands here and in line {entries[key.text][0].line}"
                self._problems.error(key, text, "keep one of them")
            else:
                entries[key.text] = key, value
        return Block(*self._extent(event, inner, nodes), entries, event.flow_style)

    def _extent(self, first: Any, last: Any, nodes: list[Node]) -> tuple[int, int, int, int, int, int]:
        size = 1 + sum(node.size for node in nodes)
        height = 1 + max((node.height for node in nodes), default=0)
        return (*self._mark(first.start_mark), first.start_mark.index, last.end_mark.index, size, height)

    def _count(self, event: Any, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            self._stop(event, f"more than {MAX_NODES:,} values", "use a range: {from: 1, to: 1000}")

    def _mark(self, mark: Any) -> Place:
        # libyaml puts the end of the text one line too far, and counts rarer line ends than editors do.
        return Place(min(mark.line + 1, self._last_line), mark.column + 1)

    def _stop(self, event: Any, text: str, hint: str = "") -> NoReturn:
        self._problems.error(self._mark(event.start_mark), text, hint)
        raise _Stop

    def _not_yaml(self, error: Exception) -> None:
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        mark = getattr(error, "problem_mark", None)
        context, context_mark = getattr(error, "context", None), getattr(error, "context_mark", None)
        if context and context_mark:
            problem += f", {context} in line {self._mark(context_mark).line}"
        hint = next((hint for words, hint in _HINTS if words in problem), "")
        self._problems.error(self._mark(mark) if mark else Place(1, 1), f"this is not YAML: {problem}", hint)


def _events(parser: Any) -> Iterator[yaml.Event]:
    while (event := parser.get_event()) is not None:
        yield event
