"""First config.yaml files: from names of parameters, and from a command as it is typed in a terminal."""

from __future__ import annotations

import re
import shlex
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from neronet.errors import InputError
from neronet.spec import values
from neronet.spec.fields import RESERVED, parameter_name
from neronet.spec.problems import Unfit, quoted
from neronet.spec.writing import written

_CODE = re.compile(
    r".*\.(?:py|sh|bash|r|jl|m|pl|rb|lua|js|ts|php|tcl|scm|sage|do|exe|jar|ipynb)", re.IGNORECASE
)
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_OPTION = re.compile(r"--?[A-Za-z][\w.-]*")
_SHELL = re.compile(r"&&|\|\|?|;|&|\d?[<>].*")
_UNQUOTED = re.compile(r"[A-Za-z0-9_{}@%+=:,./-]+")


@dataclass(frozen=True)
class Proposal:
    """What a command line says of an experiment. Parameters whose value is None are to be filled in."""

    id: str
    run_command_prefix: str
    main_code_file: str
    parameters: Mapping[str, str | None]
    parameter_format: str
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """A config.yaml with comments."""
        lines = ["collection: None          # a name to submit several experiments by"]
        if self.run_command_prefix:
            lines.append(f"run_command_prefix: {written(self.run_command_prefix)}")
        lines.append(f"main_code_file: {written(self.main_code_file)}")
        lines.append("outputs: stdout           # files that it writes and you want back: [stdout, results]")
        if self.env:
            lines.append(f"env: {written(self.env)}")
        lines.append(f"+{self.id}:")
        if self.parameters:
            lines.append("  parameters:             # a value, a list [1, 2] or a range {from: 1, to: 3}")
            lines += [
                f"    {written(name)}:" + ("" if value is None else f" {written(value)}")
                for name, value in self.parameters.items()
            ]
        if self.parameter_format:
            lines.append(f"  parameter_format: {written(self.parameter_format)}")
        return "\n".join(lines) + "\n"


def template(id: str, prefix: str, code_file: str, parameters: Sequence[str]) -> str:  # noqa: A002
    """The text of a config.yaml whose parameters, given as `NAME` or `NAME=VALUE`, are passed in this order.

    Raises InputError for what could not stand there.
    """
    given: dict[str, str | None] = {}
    try:
        values.words(prefix)
        for word in parameters:
            name, equals, value = word.partition("=")
            given[parameter_name(name)] = value if equals else None
        words = " ".join(f"{{{name}}}" for name in given)
        proposal = Proposal(_usable_id(id), prefix, values.program(code_file), given, words)
    except Unfit as error:
        raise InputError(str(error), error.hint) from None
    return proposal.text


def propose(command: str, files: Container[str] = ()) -> Proposal:
    """The experiment that a command such as `python3 train.py --lr 0.1 data.txt` would be one run of.

    Options with a value and other arguments become parameters; what stands before the program's file
    the prefix. `files` are the names in its folder. Raises InputError when nothing can be made of it.
    """
    try:
        words = list(values.words(command))
    except Unfit as error:
        raise InputError(str(error), error.hint) from None
    env = {}
    while words and (match := _ASSIGNMENT.fullmatch(words[0])):
        env[match[1]] = match[2]
        words.pop(0)
    if not words:
        raise InputError("there is no command to run", "type it as in a terminal: python3 train.py --lr 0.1")
    for word in words:
        if _SHELL.fullmatch(word):
            raise InputError(
                f"{quoted(word)} is for a shell", "give one program and its arguments; its output is kept"
            )
    at = _code_file(words, files)
    parameters, pieces = _arguments(words[at + 1 :])
    main = words[at]
    stem = re.sub(r"[^\w.-]", "_", PurePosixPath(main).stem).strip("_.-") or "experiment"
    try:
        name = _usable_id(stem)
    except Unfit:
        name = f"{stem}_run"
    return Proposal(name, shlex.join(words[:at]), main, parameters, " ".join(pieces), env)


def _usable_id(text: str) -> str:
    if text in RESERVED:
        raise Unfit(f"{quoted(text)} is a reserved word and cannot be an id", f"for example {text}_run")
    return values.identifier(text)


def _code_file(words: list[str], files: Container[str]) -> int:
    """The position of the program's file among the words of a command."""
    for position, word in enumerate(words):
        if position and words[position - 1] == "-m" and PurePosixPath(words[0]).name.startswith("python"):
            return position
        if word.removeprefix("./") in files or word.startswith("./") or _CODE.fullmatch(word):
            return position
    return next((position for position, word in enumerate(words) if position and not word.startswith("-")), 0)


def _arguments(words: list[str]) -> tuple[dict[str, str | None], list[str]]:
    """(parameters, words of the format)."""
    parameters: dict[str, str | None] = {}
    pieces: list[str] = []

    def slot(name: str, value: str) -> str:
        free, number = name, 2
        while free in parameters:
            free, number = f"{name}_{number}", number + 1
        parameters[free] = value
        return f"{{{free}}}"

    rest = list(reversed(words))
    while rest:
        word = rest.pop()
        option, equals, value = word.partition("=")
        if equals and _is_name(option.lstrip("-")):
            pieces.append(f"{_literal(option)}={slot(option.lstrip('-'), value)}")
        elif _OPTION.fullmatch(word) and rest and not _OPTION.fullmatch(rest[-1]) and rest[-1] != "--":
            pieces += _literal(word), slot(word.lstrip("-"), rest.pop())
        elif word.startswith("-") and values.number(word) is None:
            pieces.append(_literal(word))
        else:
            number = sum(name.startswith("arg") for name in parameters) + 1
            pieces.append(slot(f"arg{number}", word))
    return parameters, pieces


def _is_name(text: str) -> bool:
    try:
        return bool(parameter_name(text))
    except Unfit:
        return False


def _literal(word: str) -> str:
    """A word of the format that stands for itself."""
    escaped = word.replace("{", "{{").replace("}", "}}")
    return escaped if _UNQUOTED.fullmatch(escaped) else shlex.quote(escaped)
