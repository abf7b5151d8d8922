"""`stop_losers`, or one condition, written into an experiment's block of its config.yaml; all else stays as it was."""

from __future__ import annotations

from collections.abc import Mapping

from neronet.errors import InputError
from neronet.spec.document import Block, Node
from neronet.spec.edit_values import Inner
from neronet.spec.editing import FILE, Change, block_of, faults
from neronet.spec.sweepfile import chain, tree
from neronet.spec.writing import written

LOSERS, CONDITIONS = "stop_losers", "conditions"


def rule_line(rule: Mapping[str, str], name: str = "") -> str:
    """What a user would write: `stop_losers: {...}`, or a condition of this name."""
    return f"{CONDITIONS}: {written({name: rule})}" if name else f"{LOSERS}: {written(rule)}"


def with_rule(text: str, id: str, rule: Mapping[str, str], name: str = "") -> str:  # noqa: A002
    """`text` of a config.yaml in which the experiment `id` has this `stop_losers`; with a `name` this condition.

    Raises InputError, whose hint is the line to add by hand, when the file cannot take it.
    """
    ends = "\r\n" if "\r\n" in text else "\n"
    before = text.replace("\r\n", "\n")
    path = (CONDITIONS, name) if name else (LOSERS,)
    after = _with(before, id, path, dict(rule))
    if after is None or not _only(before, after, id, path, dict(rule)):
        raise InputError(
            f"{FILE} cannot be changed without harm to the rest of it",
            f"add this to the block of {id}: {rule_line(rule, name)}",
        )
    return after.replace("\n", ends)


def _with(text: str, id: str, path: tuple[str, ...], rule: dict[str, str]) -> str | None:  # noqa: A002
    root = tree(text).root
    blocks = chain(root, id)
    around = [root, *(node for _, node in blocks[:-1])]
    own = blocks[-1][1] if blocks else None
    # A block of its own would replace the conditions that it inherits.
    if len(path) > 1 and not _has(own, path[0]) and any(_has(node, path[0]) for node in around):
        return None
    change = Change(text, id)
    try:
        if len(path) > 1 and change._entry(path[:1]) is None:
            change._add((), path[0], Inner(path[1], rule))
        else:
            change._put(path[:-1], path[-1], rule)
    except InputError:
        return None
    return change.text


def _has(node: Node | None, word: str) -> bool:
    return isinstance(node, Block) and word in node.entries


def _only(before: str, after: str, id: str, path: tuple[str, ...], rule: dict[str, str]) -> bool:  # noqa: A002
    """Whether the new text says it, and of all else what the old one said."""
    if faults(after) > faults(before):
        return False
    rest_before, _ = _taken(before, id, path)
    rest_after, found = _taken(after, id, path)
    return found == rule and rest_before == rest_after


def _taken(text: str, id: str, path: tuple[str, ...]) -> tuple[object, object]:  # noqa: A002
    """The whole file without the entry at this path of the experiment's block, and that entry."""
    whole, block = block_of(tree(text).root, id, *path[:-1])
    return whole, block.pop(path[-1], None)
