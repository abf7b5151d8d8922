"""What a config.yaml says of one experiment's sweep, as it is written: with places, and with what is inherited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from neronet.spec import document, fields
from neronet.spec.document import Block, Items, Node, Text
from neronet.spec.problems import Problems

Said: TypeAlias = "str | list[str] | dict[str, str]"  # a value, a list of values, the fields of a range

WORDS = (
    "run_command_prefix", "main_code_file", "parameter_format", "repeat", "cpus", "gpus", "memory", "time",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A parameter; `outer`: a block around the experiment has it too, which decides its place in the order."""

    name: str
    said: Said
    outer: bool = False


@dataclass(frozen=True)
class Sweep:
    """All that a sweep is made of, with the texts that the file shows; `words` are those of WORDS that it has."""

    rows: tuple[Row, ...] = ()
    zips: tuple[tuple[str, ...], ...] = ()
    exclude: tuple[str, ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)


class Tree(NamedTuple):
    text: str
    root: Node | None


def tree(text: str) -> Tree:
    """The text without a byte order mark, and its nodes; None for what is no YAML."""
    return Tree(*document.load(text.encode("utf-8", "surrogatepass"), Problems("")))


def ids(root: Node | None) -> list[tuple[str, int]]:
    """(id, line) of each `+id` block, in the order of the file."""
    found = []
    for key, value in root.entries.values() if isinstance(root, Block) else ():
        if key.text.startswith("+"):
            found.append((key.text[1:], key.line))
            found += ids(value)
    return found


def chain(root: Node | None, id: str) -> list[tuple[Text, Node]]:  # noqa: A002
    """The experiment's `+id` entry, after those that it is nested in; [] when there is none."""
    for key, value in root.entries.values() if isinstance(root, Block) else ():
        if key.text == f"+{id}":
            return [(key, value)]
        if key.text.startswith("+") and (inner := chain(value, id)):
            return [(key, value), *inner]
    return []


def read_sweep(at: Tree, id: str) -> Sweep | None:  # noqa: A002
    """The sweep of an experiment; None when the file has none of this id."""
    blocks = chain(at.root, id)
    if not blocks:
        return None
    said: dict[str, Said] = {}
    words: dict[str, Node] = {}
    outer: set[str] = set()
    for node in (at.root, *(value for _, value in blocks)):
        outer = set(said)
        for name, (_, value) in node.entries.items() if isinstance(node, Block) else ():
            word = fields.SPELLINGS.get(name, name)
            if word == "parameters":
                _merge(at.text, value, said)
                outer &= set(said)
            elif is_nothing(value):
                words.pop(word, None)
            else:
                words[word] = value
    texts = {
        word: said_word.text
        for word in WORDS
        if isinstance(said_word := words.get(word), Text) and (said_word.text or word == "parameter_format")
    }
    rows = tuple(Row(name, value, name in outer) for name, value in said.items())
    return Sweep(rows, _zips(words.get("zip")), tuple(_texts(words.get("exclude"))), texts)


def is_nothing(node: Node) -> bool:
    """Whether it removes what is inherited."""
    return isinstance(node, Text) and node.is_none


def said_of(text: str, node: Node) -> Said:
    """A parameter's value as the file has it; what no parameter can be, as its source."""
    if isinstance(node, Text):
        return node.text
    if isinstance(node, Block):
        return {name: _source(text, value) for name, (_, value) in node.entries.items()}
    # The reader of parameters knows how a list within a list is shown.
    read = fields.parameter(Text(1, 1, 0, 0, 1, 0, "x", True), node, text, Problems(""))
    if read is not None:
        return list(read.values)
    return [_source(text, item) for item in node.items] if isinstance(node, Items) else ""


def where(at: Tree, id: str, line: int, column: int) -> tuple[str, str]:  # noqa: A002
    """The word of the experiment, or of a block around it, that a place belongs to, and the parameter; ("", "")
    for a place in another experiment."""
    own = {key.text for key, _ in chain(at.root, id)}
    node: Node | None = at.root
    while isinstance(node, Block):
        before = [
            (key, value) for key, value in node.entries.values() if (key.line, key.column) <= (line, column)
        ]
        if not before:
            return "", ""
        key, value = before[-1]
        word = fields.SPELLINGS.get(key.text, key.text)
        if word == "parameters" and isinstance(value, Block):
            inner = [
                name.text for name, _ in value.entries.values() if (name.line, name.column) <= (line, column)
            ]
            return word, inner[-1] if inner else ""
        if not word.startswith("+"):
            return word, ""
        if word not in own:
            return "", ""
        if isinstance(value, Block) and (key.line, key.column) != (line, column):
            node = value
        else:
            return "", ""
    return "", ""


def _merge(text: str, node: Node, said: dict[str, Said]) -> None:
    if is_nothing(node):
        said.clear()
    for name, (_, value) in node.entries.items() if isinstance(node, Block) else ():
        if isinstance(value, Text) and value.is_null:
            said.pop(name, None)
        else:
            said[name] = said_of(text, value)


def _source(text: str, node: Node) -> str:
    return node.text if isinstance(node, Text) else text[node.start : node.end]


def _texts(node: Node | None) -> list[str]:
    items = node.items if isinstance(node, Items) else () if node is None else (node,)
    return [item.text for item in items if isinstance(item, Text)]


def _zips(node: Node | None) -> tuple[tuple[str, ...], ...]:
    if not isinstance(node, Items):
        return ()
    groups = [item for item in node.items if isinstance(item, Items)]
    return tuple(tuple(_texts(group)) for group in groups or (node,))
