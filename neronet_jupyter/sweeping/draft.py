"""A sweep while it is edited: a value, with a function for each thing that a user does to it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import islice, pairwise
from typing import Any

from neronet.errors import InputError
from neronet.spec import fields as spec_fields
from neronet.spec.editing import begun, edited
from neronet.spec.problems import Unfit
from neronet.spec.ranges import make_range
from neronet.spec.sweepfile import Row, Said, Sweep, read_sweep, tree
from neronet.spec.template import Proposal, propose
from neronet.spec.values import identifier
from neronet_jupyter.sweeping.wording import rule_with_name, with_name, with_parameter, without_parameter

MANY = 100_000  # values of one list
SHOWN = 100  # values of a range that become a list


@dataclass(frozen=True)
class Axis:
    """A parameter; `key` tells it apart while its name changes, `was` is its name in the file, "" if it is new."""

    key: int
    name: str
    said: Said
    outer: bool = False
    was: str = ""


@dataclass(frozen=True)
class Draft:
    """What is edited: the sweep of an experiment of `folder`, as the file with the hash `sha256` had it, or `new`.

    `origin` is the sweep as it was read, to tell who changed what.
    """

    folder: str = ""
    experiment: str = ""
    new: bool = False
    axes: tuple[Axis, ...] = ()
    zips: tuple[tuple[str, ...], ...] = ()
    exclude: tuple[str, ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    sha256: str = ""
    origin: Sweep | None = None

    @property
    def sweep(self) -> Sweep:
        rows = tuple(Row(axis.name, axis.said, axis.outer) for axis in self.axes)
        return Sweep(rows, self.zips, tuple(rule for rule in self.exclude if rule.strip()), dict(self.words))

    @property
    def is_edited(self) -> bool:
        """Whether it has anything that the file had not when it was read."""
        return bool(self.experiment) and (self.new or self.sweep != self.origin)

    def text(self, file: str) -> str:
        """The config.yaml that it makes of `file`. Raises InputError."""
        if self.new:
            words = self.words
            made = Proposal(
                self.experiment, words.get("run_command_prefix", ""), words.get("main_code_file", ""), {}, "", self.env
            )  # fmt: skip
            file = begun(file, made)
        renamed = {axis.name: axis.was for axis in self.axes if axis.was and axis.was != axis.name}
        return edited(file, self.experiment, self.sweep, renamed)

    def axis(self, key: int) -> Axis:
        for axis in self.axes:
            if axis.key == key:
                return axis
        raise InputError("this parameter is gone", "another page may have removed it")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def from_json(stored: Mapping[str, Any]) -> Draft:
    """The draft that `to_json` stored; an empty one from anything else."""
    try:
        origin = stored["origin"]
        return Draft(
            str(stored["folder"]), str(stored["experiment"]), bool(stored["new"]),
            tuple(Axis(**axis) for axis in stored["axes"]),
            tuple(tuple(group) for group in stored["zips"]), tuple(stored["exclude"]),
            dict(stored["words"]), dict(stored["env"]), str(stored["sha256"]),
            None if origin is None else Sweep(
                tuple(Row(**row) for row in origin["rows"]), tuple(tuple(group) for group in origin["zips"]),
                tuple(origin["exclude"]), dict(origin["words"]),
            ),
        )  # fmt: skip
    except (KeyError, TypeError):
        return Draft()


def opened(folder: str, id: str, text: str, sha256: str) -> Draft:  # noqa: A002
    """The draft of an experiment as the file has it. Raises InputError when it has none of this id."""
    found = read_sweep(tree(text), id)
    if found is None:
        raise InputError(f"there is no experiment {id} in config.yaml", "choose another one")
    axes = tuple(Axis(n, row.name, row.said, row.outer, row.name) for n, row in enumerate(found.rows, 1))
    return Draft(folder, id, False, axes, found.zips, found.exclude, dict(found.words), {}, sha256, found)


def proposed(folder: str, command: str, files: Iterable[str], taken: Sequence[str], sha256: str) -> Draft:
    """A new experiment from the command of one run. Raises InputError."""
    found = propose(command, set(files))
    name, number = found.id, 2
    while name in taken:
        name, number = f"{found.id}_{number}", number + 1
    words = {"main_code_file": found.main_code_file, "run_command_prefix": found.run_command_prefix}
    names = list(found.parameters)
    # What is passed as every parameter is by default needs no format, and those that are added are passed too.
    if shlex.split(found.parameter_format) != [
        part for each in names for part in (f"--{each}", f"{{{each}}}")
    ]:
        words["parameter_format"] = found.parameter_format
    axes = tuple(Axis(n, key, value or "") for n, (key, value) in enumerate(found.parameters.items(), 1))
    given = {word: text for word, text in words.items() if text or word == "parameter_format"}
    return Draft(folder, name, True, axes, words=given, env=dict(found.env), sha256=sha256)


# -- what a user does


def valued(draft: Draft, key: int, said: Said) -> Draft:
    """Another value for a parameter."""
    if isinstance(said, list) and len(said) > MANY:
        raise InputError("a list of so many values belongs into config.yaml", "or use a range")
    return _with(draft, replace(draft.axis(key), said=said))


def kinded(draft: Draft, key: int, kind: str) -> Draft:
    """The parameter as a value, a list, a range or a log range, with as much of its values as fits."""
    axis = draft.axis(key)
    values = _values(axis.said)
    first, last = (values[0], values[-1]) if values else ("", "")
    if kind == "value":
        said: Said = first
    elif kind == "list":
        said = values if values != [""] else []
    elif kind == "range":
        said = {"from": first, "to": last}
        if len(values) > 1 and not _is_whole(values):
            said["count"] = str(len(values))
    elif kind == "log":
        said = {"from": first, "to": last, "log": str(max(len(values), 1 if first == last else 2))}
    else:
        raise InputError(f"there is no kind {kind}", "value, list, range or log")
    return _with(draft, replace(axis, said=said))


def passed(draft: Draft) -> Draft:
    """The format with every parameter that it does not name yet."""
    if "parameter_format" not in draft.words:
        return draft
    text = draft.words["parameter_format"]
    for axis in draft.axes:
        if f"{{{axis.name}}}" not in text:
            text = with_parameter(text, axis.name)
    return worded(draft, "parameter_format", text)


def added(draft: Draft, name: str) -> Draft:
    """One more parameter, which has no value yet; the format of the command gets it too."""
    name = _free_name(draft, name)
    key = max((axis.key for axis in draft.axes), default=0) + 1
    # A name that the file has, and that was removed or renamed here, must not be taken for the old one.
    axes = (*draft.axes, Axis(key, name, []))
    return _formatted(replace(draft, axes=axes), with_parameter, name)


def removed(draft: Draft, key: int) -> Draft:
    axis = draft.axis(key)
    axes = tuple(each for each in draft.axes if each.key != key)
    return _formatted(_untied(replace(draft, axes=axes), axis.name), without_parameter, axis.name)


def renamed(draft: Draft, key: int, name: str) -> Draft:
    """Another name for a parameter, also in zips, rules and the format."""
    axis = draft.axis(key)
    if name == axis.name:
        return draft
    name = _free_name(draft, name)
    zips = tuple(tuple(name if each == axis.name else each for each in group) for group in draft.zips)
    exclude = tuple(rule_with_name(rule, axis.name, name) for rule in draft.exclude)
    changed = _with(replace(draft, zips=zips, exclude=exclude), replace(axis, name=name, outer=False))
    if axis.outer:  # its new name is the experiment's own, so it stands behind what is inherited
        own = replace(axis, name=name, outer=False, was="")
        axes = [each for each in changed.axes if each.key != key]
        position = sum(each.outer for each in axes)
        changed = replace(changed, axes=(*axes[:position], own, *axes[position:]))
    return _formatted(changed, with_name, axis.name, name)


def moved(draft: Draft, key: int, by: int) -> Draft:
    """The parameter `by` places further down, among those of its own block."""
    axes = list(draft.axes)
    at = axes.index(draft.axis(key))
    to = at + by
    if not 0 <= to < len(axes):
        return draft
    if axes[at].outer or axes[to].outer:
        raise InputError("this comes from a block around the experiment", "change the order in config.yaml")
    axes.insert(to, axes.pop(at))
    return replace(draft, axes=tuple(axes))


def tied(draft: Draft, key: int, other: int) -> Draft:
    """Two parameters, and what they are tied to already, vary together."""
    names = {draft.axis(key).name, draft.axis(other).name}
    for group in draft.zips:
        if names & set(group):
            names |= set(group)
    apart = tuple(group for group in draft.zips if not names & set(group))
    together = tuple(axis.name for axis in draft.axes if axis.name in names)
    axes = draft.axes
    if not any(
        axis.outer for axis in axes if axis.name in names
    ):  # side by side, so that a bracket can tie them
        first = min(n for n, axis in enumerate(axes) if axis.name in names)
        others = [axis for axis in axes if axis.name not in names]
        group_axes = [axis for axis in axes if axis.name in names]
        first = sum(axis.name not in names for axis in axes[:first])
        axes = (*others[:first], *group_axes, *others[first:])
    return replace(draft, zips=(*apart, together), axes=axes)


def untied(draft: Draft, key: int) -> Draft:
    return _untied(draft, draft.axis(key).name)


def ruled(draft: Draft, position: int, text: str | None) -> Draft:
    """The rule at `position`, or behind the others, of what is left out; None removes it."""
    rules = list(draft.exclude)
    rules[position : position + 1] = [] if text is None else [text]
    return replace(draft, exclude=tuple(rules))


def worded(draft: Draft, word: str, text: str | None) -> Draft:
    """Another text for one of the words that the builder edits; None, or "" where that says nothing, takes it away."""
    words = {name: value for name, value in draft.words.items() if name != word}
    if text is not None and (text.strip() or word == "parameter_format"):
        words[word] = text.strip()
    return replace(draft, words=words)


def named(draft: Draft, id: str, taken: Sequence[str]) -> Draft:  # noqa: A002
    """The new experiment under another id."""
    name = id.strip()
    try:
        identifier(name)
    except Unfit as error:
        raise InputError(str(error), error.hint) from None
    if name in taken:
        raise InputError(f"there is an experiment {name} already", "choose another name")
    return replace(draft, experiment=name) if draft.new else draft


def _values(said: Said) -> list[str]:
    if isinstance(said, str):
        return [said]
    if isinstance(said, list):
        return said
    try:
        return list(islice(make_range(said), SHOWN))
    except Unfit:
        return [said.get("from", ""), said.get("to", "")]


def _is_whole(values: Sequence[str]) -> bool:
    """Whether they are whole numbers, each one more than the last."""
    if not all(value.isascii() and value.isdecimal() for value in values):
        return False
    return all(int(b) - int(a) == 1 for a, b in pairwise(values))


def _with(draft: Draft, axis: Axis) -> Draft:
    return replace(draft, axes=tuple(axis if each.key == axis.key else each for each in draft.axes))


def _untied(draft: Draft, name: str) -> Draft:
    groups = [tuple(each for each in group if each != name) for group in draft.zips]
    return replace(draft, zips=tuple(group for group in groups if len(group) > 1))


def _formatted(draft: Draft, change: Any, *names: str) -> Draft:
    if "parameter_format" not in draft.words:
        return draft
    text = change(draft.words["parameter_format"], *names)
    return replace(draft, words={**draft.words, "parameter_format": text})


def _free_name(draft: Draft, name: str) -> str:
    name = name.strip()
    if any(axis.name == name for axis in draft.axes):
        raise InputError(f"there is a parameter {name} already", "choose another name")
    try:
        return spec_fields.parameter_name(name)
    except Unfit as error:
        raise InputError(str(error), error.hint) from None
