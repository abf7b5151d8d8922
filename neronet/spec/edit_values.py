"""One value of a YAML file in another's place, as a change of the file's text; see `neronet.spec.edit`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher

from neronet.spec import edit
from neronet.spec.document import Block, Items, Node, Text
from neronet.spec.sweepfile import Said
from neronet.spec.writing import written

_COMMENT = re.compile(r"(?:^|(?<=\s))#[^\n]*", re.MULTILINE)
_COMMA = re.compile(r"(?:\s|#[^\n]*\n)*,")
_ALIAS = re.compile(r"\s*\*[^\s,\[\]{}]+")


class Inner:
    """A block of one entry, to be written on lines of its own."""

    def __init__(self, key: str, value: object) -> None:
        self.key, self.value = key, value


def lines(indent: str, key: str, value: object) -> str:
    if isinstance(value, Inner):
        return f"{indent}{written(key)}:\n{lines(indent + '  ', value.key, value.value)}"
    return f"{indent}{written(key)}: {written(value)}\n"


def flow(key: str, value: object) -> str:
    if isinstance(value, Inner):
        return f"{written(key)}: {{{flow(value.key, value.value)}}}"
    return f"{written(key)}: {written(value)}"


def with_entry(text: str, block: Block, key: str, value: object) -> str:
    """The entry behind the others of the block, but before the experiments that are nested in it."""
    if block.flow:
        return f"{text[: block.end - 1].rstrip()}, {flow(key, value)}{text[block.end - 1 :]}"
    added = lines(" " * (next(iter(block.entries.values()))[0].column - 1), key, value)
    own = [each for name, each in block.entries.items() if not name.startswith("+")]
    if own:
        name, last = own[-1]
        after = edit.line_end(text, max(name.end, edit.content_end(text, last)))
    else:
        after = text.rfind("\n", 0, next(iter(block.entries.values()))[0].start) + 1
    return edit.whole_lines(text[:after]) + added + text[after:]


def replaced(text: str, key: Text, old: Node, value: object) -> str:
    """Another value in the place of the old one; comments within that go above it."""
    after = text.index(":", key.end) + 1
    if old.start < key.start:  # an alias: its node is where its anchor is
        match = _ALIAS.match(text, after)
        end = match.end() if match else after
        return f"{text[:after]} {written(value)}{text[end:]}"
    end = max(after, edit.content_end(text, old))
    lost = comments(text, old, after, end)
    start = text.rfind("\n", 0, key.start) + 1
    above = "".join(f"{' ' * (key.column - 1)}{comment}\n" for comment in lost)
    return f"{text[:start]}{above}{text[start:after]} {written(value)}{text[end:]}"


def comments(text: str, node: Node, start: int, end: int) -> list[str]:
    """The comments between the texts of a node."""
    found, position = [], start
    for leaf in [*_leaves(node), None]:
        until = leaf.start if leaf else end
        found += [match.rstrip() for match in _COMMENT.findall(text[position:until])]
        position = max(position, leaf.end if leaf else end)
    return found


def _leaves(node: Node) -> list[Text]:
    if isinstance(node, Text):
        return [node]
    inner: list[Node] = list(node.items) if isinstance(node, Items) else []
    for key, value in node.entries.values() if isinstance(node, Block) else ():
        inner += key, value
    return [leaf for each in inner for leaf in _leaves(each)]


def with_items(text: str, old: Items, now: Said, wanted: Sequence[str]) -> str:
    """The list with other items: those that stay are not touched."""
    if not old.items or not wanted:
        return f"{text[: old.start]}{written(list(wanted))}{text[edit.content_end(text, old) :]}"
    assert isinstance(now, list)
    for tag, a, b, c, d in reversed(SequenceMatcher(None, now, wanted, autojunk=False).get_opcodes()):
        if tag == "equal":
            continue
        same = min(b - a, d - c)
        for number in range(b - 1, a + same - 1, -1):
            text = _without_item(text, old, number)
        if d - c > same:
            text = _with_more(text, old, a + same, wanted[c + same : d])
        for number in range(a + same - 1, a - 1, -1):
            item = old.items[number]
            end = edit.content_end(text, item)
            text = text[: item.start] + written(wanted[c + number - a]) + text[end:]
    return text


def _without_item(text: str, old: Items, number: int) -> str:
    item = old.items[number]
    end = edit.content_end(text, item)
    if not old.flow:
        return text[: text.rfind("\n", 0, item.start) + 1] + text[edit.line_end(text, end) :]
    if not number:
        return text[: item.start] + text[text.index(",", end) + 1 :].lstrip(" ")
    match = _COMMA.match(text, edit.content_end(text, old.items[number - 1]))
    comma = match.end() if match else item.start
    between = text[comma : item.start].rstrip(" ")
    return text[: comma - 1] + (between if "\n" in between else "") + text[end:]


def _with_more(text: str, old: Items, number: int, values: Sequence[str]) -> str:
    """`values` before the item `number`, or behind the last one."""
    neighbour = old.items[min(number, len(old.items) - 1)]
    if old.flow:
        more = ", ".join(map(written, values))
        if number < len(old.items):
            return f"{text[: neighbour.start]}{more}, {text[neighbour.start :]}"
        end = edit.content_end(text, neighbour)
        return f"{text[:end]}, {more}{text[end:]}"
    start = text.rfind("\n", 0, neighbour.start) + 1
    dash = text[start : neighbour.start]
    if number == len(old.items):
        start = edit.line_end(text, edit.content_end(text, neighbour))
    more = "".join(f"{dash}{written(value)}\n" for value in values)
    return edit.whole_lines(text[:start]) + more + text[start:]


def with_fields(text: str, old: Block, wanted: Mapping[str, str]) -> str:
    """The range on lines of its own with other fields; as it was when none stays, or it is in braces."""
    added = [key for key in wanted if key not in old.entries]
    gone = [key for key in old.entries if key not in wanted]
    changed = [key for key, (_, node) in old.entries.items() if _text(node) != wanted.get(key)]
    if old.flow or len(gone) == len(old.entries):
        return text
    for key in added:
        text = edit.put(text, old, key, wanted[key])
    for key in sorted(changed, key=lambda key: -old.entries[key][0].start):
        text = edit.put(text, old, key, wanted[key]) if key in wanted else edit.cut(text, old, key)
    return text


def _text(node: Node) -> str | None:
    return node.text if isinstance(node, Text) else None
