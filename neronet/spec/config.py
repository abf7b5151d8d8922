"""config.yaml: blocks that inherit from the blocks around them, each `+id` block an experiment."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from neronet.spec import checks, document, fields, values
from neronet.spec.checks import Given
from neronet.spec.document import Block, Node, Place, Text
from neronet.spec.experiment import Condition, Experiment, Parameter
from neronet.spec.problems import Problem, Problems, TooManyError, Unfit, check, nearest, quoted

__all__ = ["Condition", "Config", "Experiment", "Parameter", "load_config", "parse_config"]

FILE = "config.yaml"
MAX_EXPERIMENTS = 1000


@dataclass(frozen=True)
class Config:
    """The experiments of a file, in its order, less those that an error made meaningless."""

    experiments: tuple[Experiment, ...]
    problems: tuple[Problem, ...]
    sha256: str  # of the file's bytes; '' when it could not be read

    def check(self) -> None:
        """Raises ConfigError with all problems when one of them is an error."""
        check(self.problems)


def load_config(folder: Path) -> Config:
    """The config.yaml of a folder; what is wrong with it, or with files that it names, is in `problems`."""
    path = Path(folder) / FILE
    data = document.read(path)
    if isinstance(data, Problem):
        return Config((), (data,), "")
    return _parse(data, str(path), Path(folder).resolve(), look=True)


def parse_config(text: str | bytes, file: str, folder: Path) -> Config:
    """The same from a text; `file` is how problems call it. Looks at no file."""
    return _parse(
        text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text, file, folder, look=False
    )


def _parse(data: bytes, file: str, folder: Path, look: bool) -> Config:
    problems = Problems(file)
    reader = _Reader(folder, look, problems)
    try:
        reader.text, root = document.load(data, problems)
        reader.file(root)
    except TooManyError:
        problems.give_up()
    return Config(tuple(reader.experiments), problems.all(), hashlib.sha256(data).hexdigest())


@dataclass(frozen=True)
class _Inherited:
    """What a block gives to those inside it: read once, however many inherit it."""

    attributes: dict[str, Given] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    unset: frozenset[str] = frozenset()  # parameters that could not be read; reported already
    twins: dict[str, Node] = field(default_factory=dict)  # parameter -> a value that its list has twice


class _Child(NamedTuple):
    name: str
    key: Text
    value: Node


class _Reader:
    def __init__(self, folder: Path, look: bool, problems: Problems) -> None:
        self._folder = folder
        self._look = look
        self._problems = problems
        self._ids: dict[str, int] = {}  # -> line
        self.text = ""
        self.experiments: list[Experiment] = []

    def file(self, root: Node | None) -> None:
        if isinstance(root, Block):
            self._block(None, root, _Inherited())
        elif root is not None:
            self._problems.error(
                root, "the file is not a block of KEY: VALUE lines", "see nerocli template --help"
            )
        if not self._ids and not self._problems.errors:
            hint = "begin one with a line such as +my_experiment: and indent what belongs to it"
            self._problems.error(Place(1, 1), "no experiment is defined here", hint)

    def _block(self, child: _Child | None, block: Block | None, outer: _Inherited) -> None:
        attributes, children = dict(outer.attributes), []
        parameters, unset, twins = dict(outer.parameters), set(outer.unset), dict(outer.twins)
        spelt: dict[str, Text] = {}
        for key, value in block.entries.values() if block else ():
            word = fields.SPELLINGS.get(key.text, key.text)
            if word.startswith("+"):
                children.append(_Child(word[1:], key, value))
            elif word in spelt:
                self._problems.error(
                    key,
                    f"{quoted(key.text)} and {quoted(spelt[word].text)} are the same word",
                    "keep one of them",
                )
            elif word == "parameters":
                self._parameters(value, parameters, unset, twins)
            elif word in fields.READERS:
                spelt[word] = key
                self._attribute(word, value, attributes)
            elif self._is_experiment(key, value):
                self._problems.warn(
                    key, f"{quoted(key.text)} is taken as an experiment", f"write +{key.text}: to say so"
                )
                children.append(_Child(word, key, value))
            else:
                fields.unknown_word(key, self._problems)
        inherited = _Inherited(attributes, parameters, frozenset(unset), twins)
        if child is not None:
            self._experiment(child, inherited)
        for each in children:
            self._child(each, inherited)

    def _child(self, child: _Child, inherited: _Inherited) -> None:
        key, value = child.key, child.value
        if len(self._ids) >= MAX_EXPERIMENTS:
            self._problems.error(
                key, f"more than {MAX_EXPERIMENTS:,} experiments", "let parameters vary instead"
            )
            raise TooManyError
        if isinstance(value, Block) or (isinstance(value, Text) and value.is_null):
            self._block(child, value if isinstance(value, Block) else None, inherited)
        else:
            self._problems.error(value, f"the experiment {quoted(child.name)} needs an indented block")

    def _attribute(self, word: str, node: Node, attributes: dict[str, Given]) -> None:
        attributes.pop(word, None)
        # An empty text is none, but an empty format is one: the program gets no arguments.
        if isinstance(node, Text) and (node.is_none or (not node.text and word != "parameter_format")):
            return
        value = fields.READERS[word](node, self._problems)
        if not (word == "required_files" and value == ()):  # an empty list is none
            attributes[word] = Given(value, node)

    def _parameters(
        self, node: Node, parameters: dict[str, Parameter], unset: set[str], twins: dict[str, Node]
    ) -> None:
        if isinstance(node, Text) and node.is_none:
            parameters.clear()
            return
        if not isinstance(node, Block):
            self._problems.error(node, "parameters take a block", "write NAME: VALUE on indented lines")
            return
        if len(parameters.keys() | node.entries.keys()) > fields.MAX_ITEMS:
            self._problems.error(node, f"more than {fields.MAX_ITEMS:,} parameters")
            return
        for key, value in node.entries.values():
            name = key.text
            if isinstance(value, Text) and value.is_null:
                if parameters.pop(name, None) is None:
                    hint = "write a value, or '' for an empty text; null only removes what is inherited"
                    self._problems.error(key, f"the parameter {quoted(name)} has no value", hint)
                    unset.add(name)
                continue
            read = fields.parameter(key, value, self.text, self._problems)
            twins.pop(name, None)
            if again := fields.repeated(value):
                twins[name] = again
            if read is None:
                unset.add(name)
            else:
                unset.discard(name)
                parameters[name] = read

    def _is_experiment(self, key: Text, value: Node) -> bool:
        """Whether a block without + can only be meant as an experiment, as in the guide's last example."""
        return (
            isinstance(value, Block)
            and bool(value.entries)
            and all(word in fields.ATTRIBUTES or word.startswith("+") for word in value.entries)
            and not nearest(key.text, fields.RESERVED, cutoff=0.8)
        )

    def _experiment(self, child: _Child, inherited: _Inherited) -> None:
        key, problems = child.key, self._problems
        before = problems.errors
        try:
            values.identifier(child.name)
        except Unfit as error:
            problems.error(key, str(error), error.hint)
        if child.name in fields.RESERVED:
            problems.error(
                key, f"{quoted(child.name)} is a reserved word and cannot be the id of an experiment"
            )
        if child.name in self._ids:
            problems.error(
                key,
                f"two experiments are called {quoted(child.name)}, here and in line {self._ids[child.name]}",
                "an id is used once in a file",
            )
        self._ids.setdefault(child.name, key.line)
        given = inherited.attributes
        if "main_code_file" not in given:
            hint = "name the file to run, in this block or in one around it"
            problems.error(key, f"the experiment {quoted(child.name)} has no main_code_file", hint)
        else:
            experiment = self._build(child.name, inherited)
            checks.check(experiment, given, inherited.unset, problems)
            checks.check_twins(experiment, inherited.twins, problems)
            if self._look:
                checks.look(experiment, given, problems)
            unread = inherited.unset or any(each.value is None for each in given.values())
            if problems.errors == before and not unread:
                self.experiments.append(experiment)

    def _build(self, name: str, inherited: _Inherited) -> Experiment:
        given: dict[str, Any] = {word: each.value for word, each in inherited.attributes.items()}
        given["zips"] = given.pop("zip", None)
        prefix = given.pop("run_command_prefix", None)
        if prefix is not None and not given.get("shell"):
            try:
                prefix = values.words(prefix)
            except Unfit as error:
                self._problems.error(inherited.attributes["run_command_prefix"].node, str(error), error.hint)
                prefix = ()
        elif prefix is not None:
            prefix = (prefix,)
        given["run_command_prefix"] = prefix
        main = given.pop("main_code_file") or ""
        return Experiment(
            id=name,
            folder=self._folder,
            main_code_file=main,
            parameters=tuple(inherited.parameters.values()),
            **{word: value for word, value in given.items() if value is not None},
        )
