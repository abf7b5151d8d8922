"""Fields of a node in nodes.yaml, changed one by one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from neronet.errors import InputError
from neronet.spec import document, edit
from neronet.spec.document import Block, Node
from neronet.spec.nodes import LOCAL, locked, parse_nodes, read_file, section, write_file
from neronet.spec.problems import Problems, did_you_mean, quoted


def edit_node(path: Path, id: str, changes: Mapping[str, object]) -> None:  # noqa: A002
    """Gives fields of a node other values; None takes a field away. All else in the file stays as it is.

    Raises InputError when there is no such node or a field would not fit, ConfigError when the file has
    problems, StoreError when it cannot be written. The file is unchanged then.
    """
    with locked(path):
        text, root, before = read_file(path)
        known = {node.id for node in before.nodes}
        if id not in known:
            raise InputError(f"there is no node {quoted(id)}", did_you_mean(id, known))
        text = _edited(text, root, id, changes)
        wrong = [each for each in parse_nodes(text.encode(), str(path)).problems if each.severity == "error"]
        if wrong:
            raise InputError("; ".join(each.text for each in wrong), wrong[0].hint)
        write_file(path, text, before, id)


def _edited(text: str, root: Node | None, id: str, changes: Mapping[str, object]) -> str:  # noqa: A002
    entry = section(root, "nodes").get(id)
    said = entry.value.entries.keys() if entry is not None and isinstance(entry.value, Block) else set()
    given = {word: value for word, value in changes.items() if value is not None}
    if said and said - (changes.keys() - given.keys()) | given.keys():
        # What is added comes before what goes: a block must never be empty.
        for word, value in [*given.items(), *((word, None) for word in changes.keys() - given.keys())]:
            text = _field(text, id, word, value)
        return text
    if not given and id != LOCAL:
        raise InputError(f"nothing would be left of {quoted(id)}", f"nerocli delnode {id} removes it")
    if entry is not None:
        text = edit.cut(text, entry.container, id)
    return edit.insert(text, _tree(text), "nodes", id, given) if given else text


def _field(text: str, id: str, word: str, value: object) -> str:  # noqa: A002
    block = section(_tree(text), "nodes")[id].value
    assert isinstance(block, Block)
    if value is not None:
        return edit.put(text, block, word, value)
    return edit.cut(text, block, word) if word in block.entries else text


def _tree(text: str) -> Node | None:
    return document.load(text.encode(), Problems(""))[1]
