"""An output line processor written into an experiment's block of its config.yaml; all else stays as it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from neronet.errors import InputError
from neronet.extract.trial import joined
from neronet.spec.document import Block, Node, Text
from neronet.spec.edit_values import Inner
from neronet.spec.editing import FILE, Change, block_of, faults
from neronet.spec.sweepfile import chain, tree
from neronet.spec.values import words
from neronet.spec.writing import written

WORD = "output_line_processor"


def with_processor(
    text: str,
    id: str,  # noqa: A002
    known: Mapping[str, Sequence[str]],
    stream: str,
    arguments: Sequence[str],
) -> str:
    """`text` of a config.yaml in which the experiment `id` has this processor for a stream ("stdout" or "stderr").

    `known`: the processors that it has, inherited ones included.  Raises InputError, whose hint is the line to add by
    hand, when the file cannot take it.
    """
    files = (stream, f"{stream}.log")  # two names of one thing, so that it can have two processors
    if any(tuple(known.get(file, ())) == tuple(arguments) for file in files):
        return text
    free = [file for file in files if file not in known]
    call = joined(arguments)
    if not free:
        raise InputError(
            f"{stream} of {id} has two processors already, and {FILE} takes no more",
            f"write this in the place of one of them: {written({stream: call})}",
        )
    ends = "\r\n" if "\r\n" in text else "\n"
    before = text.replace("\r\n", "\n")
    after = _with(before, id, known, free[0], call)
    if after is None or not _only(before, after, id, free[0], tuple(arguments)):
        raise InputError(
            f"{FILE} cannot be changed without harm to the rest of it",
            f"add this to the block of {id}: {WORD}: {written({free[0]: call})}",
        )
    return after.replace("\n", ends)


def _with(text: str, id: str, known: Mapping[str, Sequence[str]], file: str, call: str) -> str | None:  # noqa: A002
    change = Change(text, id)
    try:
        if change._entry((WORD,)) is not None:
            change._put((WORD,), file, call)
        elif known:  # a block of its own replaces what it inherits
            inherited = {name: joined(one) for name, one in known.items()}
            change._put((), WORD, {**inherited, file: call})
        else:
            change._add((), WORD, Inner(file, call))
    except InputError:
        return None
    return change.text


def _only(before: str, after: str, id: str, file: str, arguments: tuple[str, ...]) -> bool:  # noqa: A002
    """Whether the new text says it, and of all else what the old one said."""
    if faults(after) > faults(before):
        return False
    found = chain(tree(after).root, id)
    if not found or not isinstance(block := found[-1][1], Block) or WORD not in block.entries:
        return False
    processors = block.entries[WORD][1]
    value = (
        processors.entries[file][1] if isinstance(processors, Block) and file in processors.entries else None
    )
    if not isinstance(value, Text) or words(value.text) != arguments:
        return False
    return _rest(tree(before).root, id) == _rest(tree(after).root, id)


def _rest(root: Node | None, id: str) -> object:  # noqa: A002
    whole, block = block_of(root, id)
    block.pop(WORD, None)
    return whole
