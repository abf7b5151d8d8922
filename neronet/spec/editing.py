"""An experiment's sweep written back into its config.yaml: all else stays as the user wrote it.

Comments, order, quotes and unknown keys are kept; a comment goes only with the entry whose line it shares.  The
result is read back and compared before anybody gets it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from neronet.errors import InputError
from neronet.spec import document, edit, fields
from neronet.spec.document import Block, Items, Node, Text, plain
from neronet.spec.edit_values import (
    Inner,
    comments,
    flow,
    lines,
    replaced,
    with_entry,
    with_fields,
    with_items,
)
from neronet.spec.files import write_text
from neronet.spec.problems import Problem, Problems
from neronet.spec.sweepfile import (
    WORDS,
    Sweep,
    Tree,
    chain,
    is_nothing,
    read_sweep,
    said_of,
    tree,
)
from neronet.spec.template import Proposal
from neronet.spec.writing import written

FILE = "config.yaml"
PARAMETERS = "parameters"
EDITED = (*WORDS, PARAMETERS, "zip", "exclude", *fields.SPELLINGS)


class FileChanged(InputError):
    """The file is not what it was when it was read."""


def edited(text: str, id: str, wanted: Sweep, renamed: Mapping[str, str] | None = None) -> str:  # noqa: A002
    """`text` of a config.yaml in which the experiment `id` has the sweep `wanted`.

    `renamed`: the names that parameters have in `text`, by their new ones.  Raises InputError when the file cannot
    say it without harm to the rest.
    """
    ends = "\r\n" if "\r\n" in text else "\n"
    before = text.replace("\r\n", "\n")
    if read_sweep(tree(before), id) is None:
        raise InputError(f"there is no experiment +{id} in {FILE}", "choose another one, or make a new one")
    change = Change(before, id)
    change.apply(wanted, renamed or {})
    _compare(tree(before), tree(change.text), id, wanted)
    return change.text.replace("\n", ends)


def begun(text: str, proposal: Proposal) -> str:
    """`text` of a config.yaml, "" for a new one, with the proposed experiment behind what it has; without its
    parameters and format."""
    if not text.strip():
        bare = Proposal(
            proposal.id, proposal.run_command_prefix, proposal.main_code_file, {}, "", proposal.env
        )
        return bare.text
    given: dict[str, object] = {"main_code_file": proposal.main_code_file}
    if proposal.run_command_prefix:
        given = {"run_command_prefix": proposal.run_command_prefix, **given}
    if proposal.env:
        given["env"] = dict(proposal.env)
    root = tree(text).root
    if not isinstance(root, Block) or root.flow or root.column != 1:
        raise InputError(f"{FILE} cannot take another experiment as it is written", "add it by hand")
    if chain(root, proposal.id):
        raise InputError(f"there is an experiment {proposal.id} already", "give this one another name")
    lines = "".join(f"  {word}: {written(value)}\n" for word, value in given.items())
    return f"{edit.whole_lines(text)}{written('+' + proposal.id)}:\n{lines}"


def fingerprint(folder: Path) -> tuple[str, str]:
    """(text, sha256) of a folder's config.yaml; ("", "") when there is none. Raises InputError."""
    data = document.read(folder / FILE, missing=b"")
    if isinstance(data, Problem):
        raise InputError(data.text, data.hint)
    if not data:
        return "", ""
    try:
        return data.decode("utf-8-sig"), hashlib.sha256(data).hexdigest()
    except UnicodeDecodeError:
        raise InputError(f"{folder / FILE} is not UTF-8 text", "save it with the encoding UTF-8") from None


def write(folder: Path, text: str, sha256: str) -> str:
    """Puts `text` in the place of the config.yaml whose hash is `sha256` ("": there was none); the new hash.

    Raises FileChanged when it is another by now, StoreError when it cannot be written.
    """
    if fingerprint(folder)[1] != sha256:
        raise FileChanged(f"{folder / FILE} has changed meanwhile", "keep yours, or take the file's")
    write_text(folder / FILE, text)
    return hashlib.sha256(text.encode()).hexdigest()


class Change:
    """A text that is changed one entry at a time, and read anew after each."""

    def __init__(self, text: str, id: str) -> None:  # noqa: A002
        self.text, self._id = text, id

    def apply(self, wanted: Sweep, renamed: Mapping[str, str]) -> None:
        self._rename(wanted, renamed)
        now = self._now()
        had = {row.name: row for row in now.rows}
        names = [row.name for row in wanted.rows]
        for row in wanted.rows:
            if row.name not in had or had[row.name].said != row.said:
                self._put((PARAMETERS,), row.name, row.said)
        for name in [name for name in had if name not in names]:
            self._drop((PARAMETERS,), name)
        # What `parameters: null` of the file held back is there again once it is a block.
        for row in self._now().rows:
            if row.name not in names:
                self._drop((PARAMETERS,), row.name)
        self._order(names)
        if now.zips != wanted.zips:
            self._put((), "zip", [list(group) for group in wanted.zips] or None)
        if now.exclude != wanted.exclude:
            rules = list(wanted.exclude)
            self._put((), "exclude", rules[0] if len(rules) == 1 else rules or None)
        for word in WORDS:
            if now.words.get(word) != wanted.words.get(word):
                self._put((), self._spelt(word), wanted.words.get(word))

    def _now(self) -> Sweep:
        found = read_sweep(tree(self.text), self._id)
        if found is None:
            raise _by_hand()
        return found

    def _entry(self, path: tuple[str, ...]) -> tuple[Tree, Text, Node] | None:
        """The entry at a path from the experiment's own block, which is ()."""
        at = tree(self.text)
        blocks = chain(at.root, self._id)
        if not blocks:
            raise _by_hand()
        key, node = blocks[-1]
        for word in path:
            if not isinstance(node, Block) or word not in node.entries:
                return None
            key, node = node.entries[word]
        return at, key, node

    def _spelt(self, word: str) -> str:
        others = [other for other, means in fields.SPELLINGS.items() if means == word]
        return next((other for other in others if self._entry((other,))), word)

    # -- one entry

    def _put(self, path: tuple[str, ...], key: str, value: object) -> None:
        """Gives an entry of a block a value; None takes it away, also where it is inherited."""
        if value is None:
            self._drop(path, key)
            return
        found = self._entry((*path, key))
        if found is None:
            self._add(path, key, value)
            return
        before = self.text
        at, name, node = found
        if node.start < name.start:  # an alias
            self.text = replaced(at.text, name, node, value)
            return
        if isinstance(node, Items) and isinstance(value, list) and all(isinstance(v, str) for v in value):
            self.text = with_items(at.text, node, said_of(at.text, node), value)
        elif isinstance(node, Block) and isinstance(value, dict):
            self.text = with_fields(at.text, node, value)
        else:
            self.text = replaced(at.text, name, node, value)
            return
        again = self._entry((*path, key))
        if again is None or said_of(self.text, again[2]) != value:
            self.text = replaced(before, name, node, value)

    def _add(self, path: tuple[str, ...], key: str, value: object) -> None:
        found = self._entry(path)
        if found is None:  # the block `parameters` itself
            self._add(path[:-1], path[-1], Inner(key, value))
            return
        at, name, node = found
        if isinstance(node, Block) and node.entries:
            self.text = with_entry(at.text, node, key, value)
        elif isinstance(node, Block):
            self.text = f"{at.text[: node.start + 1]}{flow(key, value)}{at.text[node.end - 1 :]}"
        elif is_nothing(node):
            after = edit.line_end(at.text, max(name.end, node.end))
            head = at.text[: node.start].rstrip(" ") + at.text[node.end : after]
            self.text = edit.whole_lines(head) + lines(" " * (name.column + 1), key, value) + at.text[after:]
        else:
            raise _by_hand()

    def _drop(self, path: tuple[str, ...], key: str) -> None:
        """Takes an entry away; writes null where a block around has it too."""
        found = self._entry((*path, key))
        if found is not None:
            block = self._entry(path)
            assert block is not None and isinstance(block[2], Block)
            if len(block[2].entries) > 1:
                self.text = edit.cut(self.text, block[2], key)
            elif path:
                self._drop(path[:-1], path[-1])
            else:
                self.text = replaced(self.text, found[1], found[2], None)
        if self._is_inherited(path, key):
            if (left := self._entry((*path, key))) is not None:
                self.text = replaced(self.text, left[1], left[2], None)
            else:
                self._add(path, key, None)

    def _is_inherited(self, path: tuple[str, ...], key: str) -> bool:
        now = self._now()
        if path:
            return any(row.name == key for row in now.rows)
        word = fields.SPELLINGS.get(key, key)
        return bool({"zip": now.zips, "exclude": now.exclude}.get(word, word in now.words))

    # -- names and order

    def _rename(self, wanted: Sweep, renamed: Mapping[str, str]) -> None:
        """Renames where the entries stand; two that swap names go through a third."""
        own = self._entry((PARAMETERS,))
        if own is None or not isinstance(own[2], Block):
            return
        given = {row.name for row in wanted.rows}
        changes = [
            (own[2].entries[old][0], new)
            for new, old in renamed.items()
            if new in given and old in own[2].entries and not is_nothing(own[2].entries[old][1])
        ]
        for key, new in sorted(changes, key=lambda change: -change[0].start):
            self.text = self.text[: key.start] + written(new) + self.text[key.end :]

    def _order(self, names: Sequence[str]) -> None:
        """Brings the own parameters into this order."""
        found = self._entry((PARAMETERS,))
        if found is None:
            return
        at, head, block = found
        if not isinstance(block, Block):
            return
        now = [name for name in block.entries if name in names]
        outer = {row.name for row in self._now().rows if row.outer}
        goal = [name for name in names if name in now and name not in outer]
        moving = [name for name in now if name not in outer]
        if moving == goal:
            return
        order = iter(goal)
        whole = [next(order) if name in moving else name for name in block.entries]
        spans = {name: (key.start, value) for name, (key, value) in block.entries.items()}
        if block.flow:
            pieces = {
                name: at.text[start : max(start, edit.content_end(at.text, value))]
                for name, (start, value) in spans.items()
            }
            inner = ", ".join(pieces[name] for name in whole)
            start = at.text.rfind("\n", 0, head.start) + 1
            above = [
                " " * (head.column - 1) + each + "\n"
                for each in comments(at.text, block, block.start, block.end)
            ]
            self.text = (
                at.text[:start]
                + "".join(above)
                + at.text[start : block.start + 1]
                + inner
                + at.text[block.end - 1 :]
            )
            return
        first = edit.line_end(at.text, head.end)
        chunks, start = {}, first
        for name, (position, value) in spans.items():
            end = edit.line_end(at.text, max(position, edit.content_end(at.text, value)))
            chunks[name] = edit.whole_lines(at.text[start:end])
            start = end
        self.text = at.text[:first] + "".join(chunks[name] for name in whole) + at.text[start:]


# -- reading back


def _compare(before: Tree, after: Tree, id: str, wanted: Sweep) -> None:  # noqa: A002
    """Raises InputError unless the new text says what is wanted, and of all else what the old one said."""
    found = read_sweep(after, id)
    if found is None or faults(after.text) > faults(before.text):
        raise _by_hand()
    if _without(before.root, id) != _without(after.root, id):
        raise _by_hand()
    names = [row.name for row in wanted.rows]
    if [row.name for row in found.rows] != names and sorted(row.name for row in found.rows) == sorted(names):
        text = "parameters that come from a block around this one stay before its own"
        raise InputError(text, f"change their order in {FILE}")
    same = {row.name: row.said for row in found.rows} == {row.name: row.said for row in wanted.rows}
    rest = (found.zips, found.exclude, dict(found.words)) == (wanted.zips, wanted.exclude, dict(wanted.words))
    if not same or not rest:
        raise _by_hand()


def block_of(root: Node | None, id: str, *path: str) -> tuple[object, dict[str, object]]:  # noqa: A002
    """The file's content, and in it the experiment's block, or what is at this path of it; an empty one where there is
    none."""
    at = whole = plain(root)
    for word in (*(key.text for key, _ in chain(root, id)), *path):
        assert isinstance(at, dict)
        if not isinstance(at.get(word), dict):
            at[word] = {}
        at = at[word]
    assert isinstance(at, dict)
    return whole, at


def _without(root: Node | None, id: str) -> object:  # noqa: A002
    """The file's content but for what is edited in the block of the experiment."""
    whole, block = block_of(root, id)
    for word in EDITED:
        block.pop(word, None)
    return whole


def faults(text: str) -> int:
    problems = Problems("")
    document.load(text.encode("utf-8", "surrogatepass"), problems)
    return problems.errors


def _by_hand() -> InputError:
    return InputError(f"{FILE} cannot be changed without harm to the rest of it", "change it by hand")
