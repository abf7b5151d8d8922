"""What each word of a config.yaml takes. A reader reports what does not fit and then returns None."""

from __future__ import annotations

import functools
import re

from neronet.spec import conditions, exclude, losers, values
from neronet.spec.document import Block, Items, Node, Text
from neronet.spec.experiment import Condition, Parameter
from neronet.spec.problems import Problems, Unfit, did_you_mean, harmless, nearest, quoted
from neronet.spec.ranges import make_range
from neronet.spec.reading import MAX_ITEMS as MAX_ITEMS
from neronet.spec.reading import Reader, choice, listing, scalar, table, whole

_PARAMETER = re.compile(r"[^\s{}=,%@+\"'-][^\s{}=,%@\"']{0,99}")
BUILT_IN = "neronet"  # the module that stands for the readers that come with Neronet
_READERS_HINT = "for example 'neronet regex \"loss: (?P<loss>{number})\"'; docs/reading.md has all of them"


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


def _conditions(node: Node, problems: Problems) -> tuple[Condition, ...] | None:
    for key, _ in node.entries.values() if isinstance(node, Block) else ():
        if key.text in RESERVED:
            problems.error(key, f"{quoted(key.text)} is a reserved word and cannot be the id of a condition")
    return conditions.conditions(node, problems)


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
    "conditions": _conditions,
    "stop_losers": losers.read,
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
RESERVED = frozenset((*ATTRIBUTES, *conditions.GUIDE, "experiment_id", "path", "warning"))


def unknown_word(key: Text, problems: Problems) -> None:
    """Reports a key that means nothing where it stands."""
    word = key.text
    if word in conditions.FIELDS:
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
