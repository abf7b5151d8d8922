"""Changes to a YAML file as changes of its text, so that all else stays as the user wrote it.

A round trip through objects moves and loses comments (the one above a removed
entry's neighbour goes with the entry) and writes lists anew. Here an entry is a
range of lines, or of characters between brackets. Who edits reads the result
back and compares: see `neronet.spec.nodes`.
"""

from __future__ import annotations

from collections.abc import Mapping

from neronet.errors import InputError
from neronet.spec.document import Block, Items, Node, Text
from neronet.spec.writing import written


def insert(text: str, root: Node | None, section: str, key: str, fields: Mapping[str, object]) -> str:
    """`text` with `key` and its fields as the last entry of a top-level section, which is made if need be."""
    if not isinstance(root, Block):
        return whole_lines(text) + f"{section}:\n" + _entry("  ", key, fields)
    found = root.entries.get(section)
    if found is None:
        return whole_lines(text) + f"{section}:\n" + _entry("  ", key, fields)
    name, node = found
    if isinstance(node, Block) and node.flow:
        comma = ", " if node.entries else ""
        return text[: node.end - 1] + f"{comma}{written(key)}: {written(fields)}" + text[node.end - 1 :]
    if isinstance(node, Block):
        column = next(iter(node.entries.values()))[0].column - 1
        after = line_end(text, content_end(text, node))
        return whole_lines(text[:after]) + _entry(" " * column, key, fields) + text[after:]
    # Nothing is there yet: null, which may be written as nothing at all, and a comment behind it.
    after = line_end(text, name.end)
    return whole_lines(text[: node.start] + text[node.end : after]) + _entry("  ", key, fields) + text[after:]


def put(text: str, block: Block, key: str, value: object) -> str:
    """`text` with this value for `key` of a block that has entries: in the place of the old one, else behind the last."""
    if key in block.entries:
        name, old = block.entries[key]
        after = text.index(":", name.end) + 1
        end = max(after, content_end(text, old))
        return f"{text[:after]} {written(value)}{text[end:]}"
    line = f"{written(key)}: {written(value)}"
    if block.flow:
        return f"{text[: block.end - 1].rstrip()}, {line}{text[block.end - 1 :]}"
    column = next(iter(block.entries.values()))[0].column - 1
    after = line_end(text, content_end(text, block))
    return f"{whole_lines(text[:after])}{' ' * column}{line}\n{text[after:]}"


def cut(text: str, container: Node, key: str) -> str:
    """`text` without the entry `key` of a block, or without that item of a list."""
    spans = _spans(text, container)
    index = next(number for number, (name, _, _) in enumerate(spans) if name == key)
    _, start, end = spans[index]
    if isinstance(container, (Block, Items)) and container.flow:
        if index + 1 < len(spans):
            end = spans[index + 1][1]
        elif index:
            start = spans[index - 1][2]
        return text[:start] + text[end:]
    return text[: text.rfind("\n", 0, start) + 1] + text[line_end(text, end) :]


def _spans(text: str, container: Node) -> list[tuple[str, int, int]]:
    """(name, its first character, the end of what is shown) of each entry or item."""
    if isinstance(container, Block):
        entries = container.entries.values()
        return [(key.text, key.start, max(key.end, content_end(text, value))) for key, value in entries]
    items = container.items if isinstance(container, Items) else ()
    return [
        (each.text if isinstance(each, Text) else "", each.start, content_end(text, each)) for each in items
    ]


def content_end(text: str, node: Node) -> int:
    """The end of what a node shows: YAML's own end of a block lies behind blank lines and comments."""
    if isinstance(node, (Block, Items)) and not node.flow:
        return _spans(text, node)[-1][2]
    return node.start + len(text[node.start : node.end].rstrip())


def line_end(text: str, position: int) -> int:
    """The beginning of the line after `position`."""
    newline = text.find("\n", position)
    return len(text) if newline < 0 else newline + 1


def whole_lines(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def _entry(indent: str, key: str, fields: Mapping[str, object]) -> str:
    lines = [f"{indent}{written(key)}:"]
    lines += [f"{indent}  {written(name)}: {written(value)}" for name, value in fields.items()]
    return "\n".join(lines) + "\n"


def copy_block(text: str, root: Node | None, id: str, new: str) -> str:  # noqa: A002
    """`text` of a config.yaml with the block of the experiment `id` once more behind it, as `+new`.

    Raises InputError for a block that cannot be copied as lines.
    """
    found = _find_block(root, id)
    if found is None:
        raise InputError(f"there is no block +{id} in the file", "add the folder again")
    container, key, value = found
    if container.flow or any(word.startswith("+") for word in getattr(value, "entries", ())):
        raise InputError(f"the block +{id} cannot be copied as it is written", "copy it by hand")
    first = text.rfind("\n", 0, key.start) + 1
    last = line_end(text, max(key.end, content_end(text, value)))
    lines = whole_lines(text[first:last])
    position = key.start - first
    copy = lines[:position] + written(f"+{new}") + lines[position + key.end - key.start :]
    return whole_lines(text[:last]) + copy + text[last:]


def _find_block(node: Node | None, id: str) -> tuple[Block, Text, Node] | None:  # noqa: A002
    if not isinstance(node, Block):
        return None
    for word, (key, value) in node.entries.items():
        if word in (f"+{id}", id):
            return node, key, value
        if (found := _find_block(value, id)) is not None:
            return found
    return None
