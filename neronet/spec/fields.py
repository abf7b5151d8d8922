"""What each word of a config.yaml takes. A reader reports what does not fit and then returns None."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from typing import TypeAlias, TypeVar

from neronet.spec import exclude, values
from neronet.spec.document import Block, Items, Node, Text, plain
from neronet.spec.experiment import Condition, Parameter, StopLosers
from neronet.spec.problems import Problems, Unfit, did_you_mean, harmless, nearest, quoted
from neronet.spec.ranges import make_range
from neronet.wire.conditions import ACTIONS, COMPARATORS

MAX_ITEMS = 1000  # of anything but values of a parameter: what every experiment inherits is checked in each

T = TypeVar("T")
Reader: TypeAlias = Callable[[Node, Problems], T | None]

_PARAMETER = re.compile(r"[^\s{}=,%@+\"'-][^\s{}=,%@\"']{0,99}")
_METRIC = re.compile(r"[A-Za-z_][A-Za-z0-9_./%-]{0,199}")  # what wire.points finds in a line
BUILT_IN = "neronet"  # the module that stands for the readers that come with Neronet
_READERS_HINT = "for example 'neronet regex \"loss: (?P<loss>{number})\"'; docs/reading.md has all of them"
_CONDITION_FIELDS = ("variablename", "killvalue", "comparator", "when", "action")


def scalar(convert: Callable[[str], T]) -> Reader[T]:
    """A reader of one text."""

    def read(node: Node, problems: Problems) -> T | None:
        if not isinstance(node, Text):
            problems.error(node, "one value belongs here, not a list or a block")
            return None
        try:
            return convert(node.text)
        except Unfit as error:
            problems.error(node, str(error), error.hint)
            return None

    return read


def listing(convert: Callable[[str], T]) -> Reader[tuple[T, ...]]:
    """A reader of a text or a list of texts."""
    one = scalar(convert)

    def read(node: Node, problems: Problems) -> tuple[T, ...] | None:
        items = node.items if isinstance(node, Items) else (node,)
        if len(items) > MAX_ITEMS:
            problems.error(node, f"a list of more than {MAX_ITEMS:,}")
            return None
        found = [one(item, problems) for item in items]
        return tuple(item for item in found if item is not None)

    return read


def table(key: Callable[[str], str], convert: Callable[[str], T]) -> Reader[dict[str, T]]:
    """A reader of a block `KEY: VALUE`."""
    one = scalar(convert)
    key_reader = scalar(key)

    def read(node: Node, problems: Problems) -> dict[str, T] | None:
        if not isinstance(node, Block):
            problems.error(node, "a block belongs here", "write KEY: VALUE on indented lines")
            return None
        if len(node.entries) > MAX_ITEMS:
            problems.error(node, f"a block of more than {MAX_ITEMS:,}")
            return None
        found = {}
        for name, value in node.entries.values():
            word, content = key_reader(name, problems), one(value, problems)
            if word is not None and content is not None:
                found[word] = content
        return found

    return read


def whole(lowest: int, highest: int) -> Reader[int]:
    return scalar(lambda text: values.whole(text, lowest, highest))


def choice(*words: str) -> Reader[str]:
    return scalar(lambda text: values.choice(text, words))


def parameter_name(text: str) -> str:
    if text.startswith("+"):
        hint = "an experiment stands beside parameters, not in it"
        raise Unfit(f"{quoted(text)} stands among the parameters", hint)
    if not _PARAMETER.fullmatch(text) or not text.isprintable():
        raise Unfit(f"{quoted(text)} cannot be the name of a parameter", "use letters, digits, _ . and -")
    return text


def parameter(key: Text, node: Node, text: str, problems: Problems) -> Parameter | None:
    """The parameter `key` with the value, list or range that `node` is; `text` is the whole file."""
    name = scalar(parameter_name)(key, problems)
    if name is None:
        return None
    if isinstance(node, Block):
        return _range(name, node, problems)
    if isinstance(node, Text):
        return Parameter(name, (node.text,))
    found = []
    for item in node.items if isinstance(node, Items) else ():
        if isinstance(item, Block):
            hint = "a range stands alone: x: {from: 1, to: 3}"
            problems.error(item, "a list holds values, not blocks", hint)
            return None
        found.append(_source(item, text))
    if not found:
        hint = "write at least one value, or null to remove it"
        problems.error(node, f"{quoted(name)} has an empty list of values", hint)
        return None
    return Parameter(name, tuple(found))


def _range(name: str, node: Block, problems: Problems) -> Parameter | None:
    fields = {}
    for key, value in node.entries.values():
        content = scalar(str)(value, problems)
        if content is None:
            return None
        fields[key.text] = content
    try:
        return Parameter(name, make_range(fields))
    except Unfit as error:
        field = str(error).partition(":")[0]  # as in `count: 'x' is not ...`
        problems.error(node.entries.get(field, (node, node))[0], str(error), error.hint)
        return None


def _source(node: Node, text: str) -> str:
    """A value as the file shows it; a list in a list is one value, the text `[1, 2]`."""
    if isinstance(node, Text):
        return node.text
    shown = text[node.start : node.end]
    if isinstance(node, Items) and (not node.flow or "\n" in shown or "*" in shown):
        return "[" + ", ".join(_source(item, text) for item in node.items) + "]"
    return shown


def repeated(node: Node) -> Node | None:
    """The first item of a list of values that stood there before, if there is one."""
    seen = set()
    for item in node.items if isinstance(node, Items) else ():
        if isinstance(item, Text):
            if item.text in seen:
                return item
            seen.add(item.text)
    return None


def zips(node: Node, problems: Problems) -> tuple[tuple[str, ...], ...] | None:
    """`[[a, b], [c, d]]`, or `[a, b]` for a single group."""
    if not isinstance(node, Items):
        problems.error(node, "zip takes lists of parameters that vary together", "write zip: [[a, b]]")
        return None
    groups = node.items if any(isinstance(item, Items) for item in node.items) else (node,)
    found = []
    for group in groups:
        names = listing(str)(group, problems) or ()
        if len(names) < 2 or len(set(names)) < len(names):
            problems.error(group, "a zip needs two or more different parameters", "write zip: [[a, b]]")
        found.append(names)
    return tuple(found)


def setup(node: Node, problems: Problems) -> tuple[str, ...] | None:
    """Shell lines: a list, each item whole, or the lines of one text."""
    lines = listing(str)(node, problems) or ()
    if isinstance(node, Items):
        return lines
    return tuple(line for text in lines for line in text.splitlines() if line)


def words_list(node: Node, problems: Problems) -> tuple[str, ...] | None:
    """A text or a list of texts, each split as a shell would."""
    found = listing(values.words)(node, problems)
    return None if found is None else tuple(word for item in found for word in item)


def conditions(node: Node, problems: Problems) -> tuple[Condition, ...] | None:
    if not isinstance(node, Block):
        problems.error(node, "conditions take a block: an id and under it " + ", ".join(_CONDITION_FIELDS))
        return None
    found = [_condition(key, value, problems) for key, value in node.entries.values()]
    return tuple(condition for condition in found if condition is not None)


def _condition(key: Text, node: Node, problems: Problems) -> Condition | None:
    name = scalar(values.identifier)(key, problems)
    if key.text in RESERVED:
        problems.error(key, f"{quoted(key.text)} is a reserved word and cannot be the id of a condition")
        return None
    if not isinstance(node, Block):
        words = ", ".join(_CONDITION_FIELDS)
        problems.error(key, f"the condition {quoted(key.text)} needs a block with {words}")
        return None
    for word, _ in node.entries.values():
        if word.text not in _CONDITION_FIELDS:
            hint = did_you_mean(word.text, _CONDITION_FIELDS)
            problems.error(word, f"a condition has no {quoted(word.text)}", hint)
    given = {word: value for word, (_, value) in node.entries.items() if plain(value) is not None}
    comparator = _required(key, "comparator", given, choice(*COMPARATORS), problems)
    variablename = _required(key, "variablename", given, scalar(_metric), problems)
    action = _required(key, "action", given, choice(*ACTIONS), problems)
    killvalue: float | None = 0.0
    if comparator not in ("nan", "inf"):
        killvalue = _required(key, "killvalue", given, scalar(_killvalue), problems)
    after = scalar(_when)(given["when"], problems) if "when" in given else 0.0
    if name is None or comparator is None or variablename is None or action is None:
        return None
    if killvalue is None or after is None:
        return None
    return Condition(name, variablename, killvalue, comparator, after or None, action)


def _required(
    key: Text, word: str, given: dict[str, Node], reader: Reader[T], problems: Problems
) -> T | None:
    if word in given:
        return reader(given[word], problems)
    problems.error(key, f"the condition {quoted(key.text)} has no {word}")
    return None


def _metric(text: str) -> str:
    if not _METRIC.fullmatch(text):
        hint = "a name begins with a letter or _, then letters, digits, _ . / % -"
        raise Unfit(f"no program can print a metric called {quoted(text)}", hint)
    return text


def _killvalue(text: str) -> float:
    number = values.number(text)
    if number is None or math.isnan(number):
        raise Unfit(f"{quoted(text)} is not a number to compare with", "for nan use comparator: nan")
    return number


def _when(text: str) -> float:
    """Seconds after the start from which a condition counts; 0: immediately."""
    word, _, minutes = text.strip().partition(" ")
    if word == "immediately" and not minutes:
        return 0.0
    number = values.number(minutes.strip()) if word == "time" else None
    if number is None or not 0 <= number * 60 <= values.MAX_SECONDS:
        hint = "write immediately, or time 90 (minutes)"
        raise Unfit(f"{quoted(text)} is not a time for a condition", hint)
    return number * 60


def _stop_losers(node: Node, problems: Problems) -> StopLosers | None:
    from neronet.spec import losers  # it is made of these readers

    return losers.read(node, problems)


def _call(text: str) -> tuple[str, ...]:
    """`module function arguments`, split."""
    found = values.words(text)
    if len(found) < 2:
        hint = "write MODULE FUNCTION ARGUMENTS"
        raise Unfit(f"{quoted(text)} does not name a module and a function", hint)
    return found


def _line_call(text: str) -> tuple[str, ...]:
    """The same; a reader that comes with Neronet is tried at once."""
    found = _call(text)
    if found[0] == BUILT_IN:
        from neronet.wire import readers  # 7 ms that few experiments need

        if found[1] not in readers.BUILT_INS:
            raise Unfit(
                f"neronet has no reader {quoted(found[1])}", did_you_mean(found[1], readers.BUILT_INS)
            )
        try:
            readers.make(found[1:])
        except ValueError as error:
            raise Unfit(str(error), _READERS_HINT) from None
    return found


def _file_call(text: str) -> tuple[str, ...]:
    found = _call(text)
    if found[0] == BUILT_IN:
        raise Unfit(
            f"{quoted(' '.join(found[:2]))} reads lines, not whole files",
            "write it under output_line_processor",
        )
    return found


_calls = table(str, _call)
_line_calls = table(values.inside, _line_call)
_file_calls = table(values.inside, _file_call)
_paths = listing(values.inside)

# The prefix is split later: whether it is depends on `shell`, which another block may say.
READERS: dict[str, Reader[object]] = {
    "collection": listing(str),
    "run_command_prefix": scalar(str),
    "shell": scalar(values.truth),
    "main_code_file": scalar(values.program),
    "parameter_format": scalar(values.words),
    "zip": zips,
    "exclude": listing(exclude.parse),
    "repeat": whole(1, 1_000_000),
    "required_files": _paths,
    "outputs": _paths,
    "writable": _paths,
    "env": table(values.variable, str),
    "setup": setup,
    "cpus": whole(1, 100_000),
    "gpus": whole(0, 10_000),
    "memory": scalar(values.memory),
    "time": scalar(values.seconds),
    "priority": whole(-1_000_000, 1_000_000),
    "custom_msg": scalar(str),
    "buffering": choice("line", "program"),
    "steps": scalar(str),
    "repeats": listing(str),
    "grace": scalar(functools.partial(values.seconds, unit=1.0)),
    "conditions": conditions,
    "stop_losers": _stop_losers,
    "output_line_processor": _line_calls,
    "output_file_processor": _file_calls,
    "plot": _calls,
    "sbatch_args": words_list,
    "runs_per_job": whole(1, 10_000),
    "max_parallel": whole(1, 100_000),
    "after": listing(values.identifier),
}
SPELLINGS = {"parameters_format": "parameter_format"}
ATTRIBUTES = (*READERS, "parameters", *SPELLINGS)
# The guide's list and every other word that means something here.
RESERVED = frozenset((*ATTRIBUTES, *_CONDITION_FIELDS, "experiment_id", "path", "warning"))


def unknown_word(key: Text, problems: Problems) -> None:
    """Reports a key that means nothing where it stands."""
    word = key.text
    if word in _CONDITION_FIELDS:
        hint = "it belongs in a condition: an indented block under conditions"
    elif word == "<<":
        hint = "write the common part in an outer block: inner blocks inherit it"
    elif word in RESERVED:
        hint = "the word is reserved"
    else:
        near = nearest(word, ATTRIBUTES)
        hint = f"did you mean {near}? " if near else ""
        hint += f"an experiment is written +{harmless(word) or 'name'}:"
    problems.error(key, f"{quoted(word)} is no word of a config.yaml", hint)
