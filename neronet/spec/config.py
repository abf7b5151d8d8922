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
from neronet.spec.problems import Problem, Problems, TooManyError, Unfit, check, harmless, nearest, quoted

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


def parse_config(text: str | bytes, file: str, folder: Path, look: bool = False) -> Config:
    """The same from a text; `file` is how problems call it. Looks at the files that it names only if `look`."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return _parse(data, file, folder, look)


def _parse(data: bytes, file: str, folder: Path, look: bool) -> Config:
    problems = Problems(file)
    reader = _Reader(folder, look, problems)
    try:
        reader.text, root = document.load(data, problems)
        reader.file(root)
    except TooManyError:
        problems.give_up()
    return Config(tuple(reader.experiments), problems.all(), hashlib.sha256(data).hexdigest())


@dataclass
class _Scope:
    """What a block has and gives to those inside it: read once, however many inherit it."""

    attributes: dict[str, Given] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)  # parameters with problems; these were reported
    twins: dict[str, Node] = field(default_factory=dict)  # parameter -> a value that its list has twice

    def inner(self) -> _Scope:
        return _Scope(dict(self.attributes), dict(self.parameters), set(self.unread), dict(self.twins))


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
        self._after: dict[str, Node] = {}  # id -> what it comes after
        self.text = ""
        self.experiments: list[Experiment] = []

    def file(self, root: Node | None) -> None:
        if isinstance(root, Block):
            self._block(None, root, _Scope())
        elif root is not None:
            hint = "see nerocli template --help for a first one"
            self._problems.error(root, "the file is not a block of KEY: VALUE lines", hint)
        if not self._ids and not self._problems.errors:
            hint = "begin one with a line such as +my_experiment: and indent what belongs to it"
            self._problems.error(Place(1, 1), "no experiment is defined here", hint)
        checks.check_circles({each.id: each.after for each in self.experiments}, self._after, self._problems)

    def _block(self, child: _Child | None, block: Block | None, scope: _Scope) -> None:
        """Reads a block into `scope`, then the experiment that it is, then those inside it."""
        children = []
        spelt: dict[str, Text] = {}
        for key, value in block.entries.values() if block else ():
            word = fields.SPELLINGS.get(key.text, key.text)
            if word.startswith("+"):
                children.append(_Child(word[1:], key, value))
            elif word in spelt:
                text = f"{quoted(key.text)} and {quoted(spelt[word].text)} are the same word"
                self._problems.error(key, text, "keep one of them")
            elif word == "parameters":
                self._parameters(value, scope)
            elif word in fields.READERS:
                spelt[word] = key
                self._attribute(word, value, scope)
            elif self._is_experiment(key, value):
                hint = f"write +{harmless(word)}: to say so"
                self._problems.warn(key, f"{quoted(word)} is taken as an experiment", hint)
                children.append(_Child(word, key, value))
            else:
                fields.unknown_word(key, self._problems)
        if child is not None:
            self._experiment(child, scope)
        for each in children:
            self._child(each, scope)

    def _child(self, child: _Child, outer: _Scope) -> None:
        key, value = child.key, child.value
        if len(self._ids) >= MAX_EXPERIMENTS:
            text = f"more than {MAX_EXPERIMENTS:,} experiments"
            self._problems.error(key, text, "let parameters vary instead")
            raise TooManyError
        if isinstance(value, Block) or (isinstance(value, Text) and value.is_null):
            self._block(child, value if isinstance(value, Block) else None, outer.inner())
        else:
            self._problems.error(value, f"the experiment {quoted(child.name)} needs an indented block")

    def _attribute(self, word: str, node: Node, scope: _Scope) -> None:
        scope.attributes.pop(word, None)
        # An empty text is none, but an empty format is one: the program gets no arguments.
        if isinstance(node, Text) and (node.is_none or (not node.text and word != "parameter_format")):
            return
        value = fields.READERS[word](node, self._problems)
        if not (word == "required_files" and value == ()):  # an empty list is none
            scope.attributes[word] = Given(value, node)

    def _parameters(self, node: Node, scope: _Scope) -> None:
        if isinstance(node, Text) and node.is_none:
            scope.parameters.clear()
        elif not isinstance(node, Block):
            self._problems.error(node, "parameters take a block", "write NAME: VALUE on indented lines")
        elif len(scope.parameters.keys() | node.entries.keys()) > fields.MAX_ITEMS:
            self._problems.error(node, f"more than {fields.MAX_ITEMS:,} parameters")
        else:
            for key, value in node.entries.values():
                self._parameter(key, value, scope)

    def _parameter(self, key: Text, node: Node, scope: _Scope) -> None:
        name = key.text
        if isinstance(node, Text) and node.is_null:
            if scope.parameters.pop(name, None) is not None:
                return
            hint = "write a value, or '' for an empty text; null only removes what is inherited"
            self._problems.error(key, f"the parameter {quoted(name)} has no value", hint)
            scope.unread.add(name)
            return
        read = fields.parameter(key, node, self.text, self._problems)
        if read is None:
            scope.unread.add(name)
            return
        scope.unread.discard(name)
        scope.parameters[name] = read
        scope.twins.pop(name, None)
        if again := fields.repeated(node):
            scope.twins[name] = again

    def _is_experiment(self, key: Text, value: Node) -> bool:
        """Whether a block without + can only be meant as an experiment, as in the guide's last example."""
        return (
            isinstance(value, Block)
            and bool(value.entries)
            and key.text != "<<"
            and all(word in fields.ATTRIBUTES or word.startswith("+") for word in value.entries)
            and not nearest(key.text, fields.RESERVED, cutoff=0.8)
        )

    def _experiment(self, child: _Child, scope: _Scope) -> None:
        name, key, problems = child.name, child.key, self._problems
        before = problems.errors
        try:
            values.identifier(name)
        except Unfit as error:
            problems.error(key, str(error), error.hint)
        if name in fields.RESERVED:
            text = f"{quoted(name)} is a reserved word and cannot be the id of an experiment"
            problems.error(key, text, f"for example {name}_run")
        if name in self._ids:
            text = f"two experiments are called {quoted(name)}, here and in line {self._ids[name]}"
            problems.error(key, text, "an id is used once in a file")
        self._ids.setdefault(name, key.line)
        given = scope.attributes
        if "main_code_file" not in given:
            hint = "name the file to run, in this block or in one around it"
            problems.error(key, f"the experiment {quoted(name)} has no main_code_file", hint)
            return
        experiment = self._build(name, scope)
        if "after" in given:
            self._after[name] = given["after"].node
        checks.check(experiment, given, scope.unread, problems)
        checks.check_twins(experiment, scope.twins, problems)
        if self._look:
            checks.look(experiment, given, problems)
        is_whole = not scope.unread and all(each.value is not None for each in given.values())
        if is_whole and problems.errors == before:
            self.experiments.append(experiment)

    def _build(self, name: str, scope: _Scope) -> Experiment:
        """The experiment, with defaults for what could not be read."""
        given: dict[str, Any] = {word: each.value for word, each in scope.attributes.items()}
        prefix = given.pop("run_command_prefix", None)
        if prefix is not None:
            given["run_command_prefix"] = (prefix,) if given.get("shell") else self._split(prefix, scope)
        given["zips"] = given.pop("zip", None)
        return Experiment(
            id=name,
            folder=self._folder,
            main_code_file=given.pop("main_code_file") or "",
            parameters=tuple(scope.parameters.values()),
            **{word: value for word, value in given.items() if value is not None},
        )

    def _split(self, prefix: str, scope: _Scope) -> tuple[str, ...]:
        try:
            return values.words(prefix)
        except Unfit as error:
            self._problems.error(scope.attributes["run_command_prefix"].node, str(error), error.hint)
            return ()
