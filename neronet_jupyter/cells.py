"""What `%%neronet` makes of a cell: a folder with a script, its values and a config.yaml; pure but for `keep`.

The script is the cell, each line on the line where the cell has it. Its first line, where the cell has the magic,
imports the parameters from a small module beside it, so that they are variables in the script.
"""

from __future__ import annotations

import ast
import hashlib
import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from neronet.errors import InputError
from neronet.spec import values
from neronet.spec.config import parse_config
from neronet.spec.fields import RESERVED, parameter_name
from neronet.spec.files import write_text
from neronet.spec.problems import Unfit, did_you_mean, quoted
from neronet.spec.ranges import KEYS, Range, make_range
from neronet.spec.writing import written

OPTIONS = ("--on", "--name", "--metric", "--python")
FLAGS = ("--again", "--yes")
USAGE = "%%neronet --on NODE lr=[0.1,0.01] seed=1..3"
MODULE = "neronet_values"

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})(?::(\w+)=(.+))?")
_BEGUN = re.compile(rf"{_NUMBER}\.\.")
_BRACKETS = {"[": "]", "(": ")", "{": "}"}

VALUES_PY = '''\
"""Written by %%neronet: the values of this run, given as NAME=TEXT, as the Python values that their texts are."""

import ast
import sys


def value(text):
    """A number, True, False, None, a list, tuple or dict as such; everything else is the text itself."""
    if text.lower() in ("nan", "inf", "+inf", "-inf"):
        return float(text)
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text
    return text if isinstance(found, (str, bytes)) or "#" in text else found


globals().update({name: value(text) for name, _, text in (word.partition("=") for word in sys.argv[1:])})
'''


@dataclass(frozen=True)
class Line:
    """What stands behind `%%neronet`. `parameters`: the texts of each one's values, in order."""

    parameters: Mapping[str, Sequence[str]]
    on: str | None = None
    name: str = ""
    metric: str | None = None
    python: str = "python3"
    again: bool = False
    confirmed: bool = False


def parse(text: str) -> Line:
    """Reads the line of the magic. Raises InputError."""
    given: dict[str, str] = {}
    flags: set[str] = set()
    parameters: dict[str, Sequence[str]] = {}
    words = list(reversed(list(split(text))))
    while words:
        word = words.pop()
        option, equals, value = word.partition("=")
        if option in FLAGS and not equals:
            flags.add(option)
        elif option in OPTIONS:
            if not equals and not words:
                raise InputError(f"{option} needs a value", USAGE)
            given[option] = unquoted(value if equals else words.pop())
        elif word.startswith("-") or not equals:
            hint = did_you_mean(option, (*OPTIONS, *FLAGS)) if word.startswith("-") else ""
            raise InputError(f"{quoted(word)} is neither NAME=VALUES nor an option", hint or USAGE)
        else:
            parameters[_parameter(option, parameters)] = read_values(option, value)
    return Line(
        parameters, given.get("--on"), given.get("--name", ""), given.get("--metric"),
        given.get("--python", "python3"), "--again" in flags, "--yes" in flags,
    )  # fmt: skip


def _parameter(name: str, others: Mapping[str, object]) -> str:
    if name in others:
        raise InputError(f"the parameter {name} is there twice", f"give it a list: {name}=[1,2]")
    if not name.isidentifier() or keyword.iskeyword(name):
        raise InputError(
            f"{quoted(name)} cannot be a variable of the script",
            "use letters, digits and _, no word of Python",
        )
    try:
        return parameter_name(name)
    except Unfit as error:
        raise InputError(str(error), error.hint) from None


def read_values(name: str, text: str) -> Sequence[str]:
    """The texts of a value, a list `[a, b]` or a range `1..3`, `0..1:step=0.25`, `0..1:count=5`, `1e-4..0.1:log=4`.

    Raises InputError, which says for which parameter.
    """
    if not text:
        raise InputError(f"{name} has no value", f'{name}="" is the empty text')
    if text.startswith("[") and text.endswith("]"):
        items = [item.strip() for item in split(text[1:-1], ",")]
        if not all(items):
            raise InputError(f"{name} has an empty value in its list", f"write it as {name}=[1,2]")
        return tuple(map(unquoted, items))
    if (found := _RANGE.fullmatch(text)) is not None:
        first, last, kind, size = found.groups()
        fields = {"from": first, "to": last, **({kind: size} if kind else {})}
        try:
            return make_range(fields)
        except Unfit as error:
            raise InputError(f"{name}: {error}", error.hint.replace("{from: 1, to: 3}", "1..3")) from None
    if _BEGUN.match(text):
        hint = f'{name}=1..3, or {name}=0..1:step=0.5 (or {", ".join(KEYS[3:])}); {name}="{text}" is the text'
        raise InputError(f"{name}: {quoted(text)} is not a range", hint)
    return (unquoted(text),)


def split(text: str, separator: str = " ") -> Iterator[str]:
    """The parts of a text between separators that stand in no quotes and no brackets. Raises InputError."""
    part, quote, closing = "", "", ""
    for sign in text.replace("\n", " "):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'" and (not part or part[-1] in "=[,( {:"):
            quote = sign
        elif sign in _BRACKETS:
            closing += _BRACKETS[sign]
        elif closing and sign == closing[-1]:
            closing = closing[:-1]
        elif not closing and (sign == separator or (separator == " " and sign.isspace())):
            if part or separator != " ":
                yield part
            part = ""
            continue
        part += sign
    if quote or closing:
        missing = quote or closing[-1]
        raise InputError(f"{quoted(text.strip())} lacks a {missing}", "quotes and brackets come in pairs")
    if part or separator != " ":
        yield part


def unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def default_name(cell: str) -> str:
    """The same cell has the same name, so that it finds its runs after a restart."""
    return f"cell_{hashlib.sha256(cell.encode()).hexdigest()[:8]}"


def script(cell: str, names: Sequence[str]) -> str:
    """The cell as a program with these variables. Raises InputError for what is no Python."""
    first = f"from {MODULE} import {', '.join(names)}  # the values of this run" if names else "#"
    try:
        tree = ast.parse(f"\n{cell}")  # numbered as in the notebook, where the magic is line 1
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        where = f"line {line} of the cell" if line else "the cell"
        raise InputError(
            f"{where} is not Python: {getattr(error, 'msg', error)}",
            "the cell is a script of its own for the nodes: no lines with % or !",
        ) from None
    futures = [each for each in tree.body if isinstance(each, ast.ImportFrom) and each.module == "__future__"]
    if not (futures and names):
        return f"{first}\n{cell}"
    # These must stay the first statements of a program.
    lines = ["#", *cell.split("\n")]
    last = (futures[-1].end_lineno or 1) - 1
    code, end = lines[last].encode(), futures[-1].end_col_offset or 0
    rest = code[end:].decode()
    lines[last] = f"{code[:end].decode()}; {first.partition('  #')[0]}{rest}"
    return "\n".join(lines)


def config(name: str, line: Line) -> str:
    """The text of the config.yaml. Raises InputError for a name that cannot be one."""
    try:
        if values.identifier(name) in RESERVED:
            raise Unfit(f"{quoted(name)} is a reserved word and cannot be a name", f"for example {name}_run")
        values.words(line.python)
    except Unfit as error:
        raise InputError(str(error), error.hint) from None
    lines = [
        "# Written by %%neronet from a cell of a notebook, and again whenever that is run.",
        f"run_command_prefix: {written(line.python)}",
        "main_code_file: main.py",
        f"+{name}:" if line.parameters else f"+{name}: {{}}",
    ]
    if line.parameters:
        lines.append("  parameters:")
        for parameter, texts in line.parameters.items():
            shown: object = texts.to_json() if isinstance(texts, Range) else list(texts)
            lines.append(f"    {written(parameter)}: {written(shown)}")
        words = " ".join(f"{parameter}={{{parameter}}}" for parameter in line.parameters)
        lines.append(f"  parameter_format: {written(words)}")
    return "\n".join(lines) + "\n"


def keep(home: Path, cell: str, line: Line) -> Path:
    """Writes the folder of a cell, home/cells/<name>, and returns it. Nothing is changed when something is wrong.

    Raises InputError, ConfigError, StoreError.
    """
    name = line.name or default_name(cell)
    folder = home / "cells" / name
    texts = {
        "main.py": script(cell, list(line.parameters)),
        "config.yaml": config(name, line),
        f"{MODULE}.py": VALUES_PY,
    }
    parse_config(texts["config.yaml"], str(folder / "config.yaml"), folder).check()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for file, text in texts.items():
        path = folder / file
        # What is the same stays untouched: its hash is known by its time.
        if not path.is_file() or path.read_text(encoding="utf-8", errors="replace") != text:
            write_text(path, text)
    return folder
