"""What one block cannot show: whether an experiment, with all that it inherits, makes sense as a whole."""

from __future__ import annotations

import fnmatch
import functools
import os
import posixpath
import re
from collections.abc import Mapping, Set
from pathlib import Path
from typing import NamedTuple

from neronet.spec import placeholders, values
from neronet.spec.document import Block, Node
from neronet.spec.exclude import Exclusion
from neronet.spec.experiment import STREAMS, Experiment
from neronet.spec.problems import Problems, Unfit, did_you_mean, harmless, quoted
from neronet.spec.ranges import Range
from neronet.wire.points import NODE_STREAMS, PROCESSED

MAX_PROCESSORS = NODE_STREAMS - PROCESSED  # each is a stream of points of its own
# Words that only a shell would understand; as arguments they reach the program as they are.
_SHELL_WORD = re.compile(r"&&|\|\|?|;|[<>]+.*|.*[$`].*|~/.*|.*;")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*")
_PATTERN = re.compile(r"[*?\[]")


class Given(NamedTuple):
    """The value of an attribute and where it was written; None when it could not be read."""

    value: object
    node: Node


def check(experiment: Experiment, given: Mapping[str, Given], unset: Set[str], problems: Problems) -> None:
    """Reports what does not fit together. `unset`: parameters that were reported already."""
    names = [parameter.name for parameter in experiment.parameters]
    try:
        _check_command(experiment, given, dict.fromkeys((*names, *unset)), problems)
        names = [parameter.name for parameter in experiment.all_parameters]
    except Unfit as error:
        problems.error(given["parameter_format"].node, str(error), error.hint)
    if names.count("repeat") > 1:
        text = "repeat and a parameter called repeat cannot be told apart"
        problems.error(given["repeat"].node, text, "rename the parameter")
    _check_zips(experiment, given, unset, problems)
    known = dict.fromkeys((*names, *unset))  # in this order, for the hints
    for misfit in _misfits(experiment.exclude, tuple(known)):
        problems.error(given["exclude"].node, str(misfit), misfit.hint)
    for name in experiment.repeats:
        if name not in known:
            text = f"repeats names {quoted(name)}, which is no parameter"
            problems.error(given["repeats"].node, text, did_you_mean(name, known))
    if experiment.steps is not None and experiment.steps not in known:
        number = values.number(experiment.steps)
        if number is None or not 0 < number < 1e18:
            text = f"steps: {quoted(experiment.steps)} is neither a number nor a parameter"
            problems.error(given["steps"].node, text, did_you_mean(experiment.steps, known))
    _check_processors(experiment, given, problems)


def _check_command(
    experiment: Experiment, given: Mapping[str, Given], known: Mapping[str, None], problems: Problems
) -> None:
    """Raises Unfit for a format that cannot be read."""
    prefix = experiment.run_command_prefix
    if not experiment.shell and prefix:
        strange = next((word for word in prefix if _SHELL_WORD.fullmatch(word)), "")
        if strange or _ASSIGNMENT.fullmatch(prefix[0]):
            text = f"{quoted(strange or prefix[0])} means something to a shell only, and none reads it"
            problems.warn(given["run_command_prefix"].node, text, "add shell: true, or use env and setup")
    if experiment.parameter_format is None:
        return
    named = placeholders.names(experiment.parameter_format)
    node = given["parameter_format"].node
    for slot in named:
        if slot not in known and not (slot == "seed" and "repeat" in given):
            hint = did_you_mean(slot, known) or "add it under parameters"
            if slot == "seed":
                hint = "add repeat: 3 for the seeds 1 to 3, or a parameter seed"
            problems.error(node, f"the format names {quoted(slot)}, which is no parameter", hint)
    fixed = [each.name for each in experiment.parameters if each.name not in named and len(each.values) == 1]
    varying = [each.name for each in experiment.parameters if each.name not in named and len(each.values) > 1]
    name = harmless(experiment.id)
    if varying:
        text = f"the format does not name {_several(varying)} of {name}, whose values differ"
        problems.warn(node, text, "runs that differ only there have the same command")
    if fixed:
        problems.note(node, f"the format does not name {_several(fixed)} of {name}")


@functools.lru_cache(maxsize=64)  # as most experiments of a file inherit both
def _misfits(conditions: tuple[Exclusion, ...], names: tuple[str, ...]) -> list[Unfit]:
    found = []
    for condition in conditions:
        try:
            condition.check(names)
        except Unfit as error:
            found.append(error)
    return found


def _several(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(quoted(name) for name in names[:3]) + more


def _check_zips(
    experiment: Experiment, given: Mapping[str, Given], unset: Set[str], problems: Problems
) -> None:
    lengths = {parameter.name: len(parameter.values) for parameter in experiment.parameters}
    seen: set[str] = set()
    for group in experiment.zips:
        node = given["zip"].node
        for name in group:
            if name not in lengths and name not in unset:
                hint = did_you_mean(name, lengths)
                problems.error(node, f"zip names {quoted(name)}, which is no parameter", hint)
            if name in seen:
                problems.error(node, f"{quoted(name)} is in two zips", "put all that vary together into one")
        seen.update(group)
        known = [name for name in group if name in lengths]
        for other in known[1:]:
            if lengths[other] != lengths[known[0]]:
                first = f"{quoted(known[0])} has {lengths[known[0]]:,} values"
                hint = "parameters in a zip have one value each for every run; give both as many"
                problems.error(node, f"{first}, but {quoted(other)} has {lengths[other]:,}", hint)
        columns = [each.values for each in experiment.parameters if each.name in group]
        lists = tuple(tuple(column) for column in columns if not isinstance(column, Range))
        if len(lists) == len(columns) and _has_twins(lists):
            text = f"the zip of {_several(list(group))} has the same values twice"
            problems.note(node, text, "they are run once")


@functools.lru_cache(maxsize=64)
def _has_twins(columns: tuple[tuple[str, ...], ...]) -> bool:
    rows = list(zip(*columns, strict=False))
    return len(set(rows)) < len(rows)


def check_twins(experiment: Experiment, twins: Mapping[str, Node], problems: Problems) -> None:
    """Notes values that a list has twice; in a zip that is how it should be."""
    zipped = {name for group in experiment.zips for name in group}
    for parameter in experiment.parameters:
        if parameter.name in twins and parameter.name not in zipped:
            text = f"a value of {quoted(parameter.name)} stands here again"
            problems.note(twins[parameter.name], text, "it is run once")


def _check_processors(experiment: Experiment, given: Mapping[str, Given], problems: Problems) -> None:
    for word in ("output_line_processor", "output_file_processor"):
        for file in _not_among(tuple(getattr(experiment, word)), experiment.outputs):
            text = f"{word} names {quoted(file)}, which is not among the outputs"
            problems.error(_entry(given[word].node, file), text, "add it to outputs")
    if len(experiment.processors) > MAX_PROCESSORS:
        word = "output_line_processor" if experiment.output_line_processor else "output_file_processor"
        text = f"{len(experiment.processors)} output processors of one experiment"
        problems.error(given[word].node, text, f"at most {MAX_PROCESSORS} are possible")


def _entry(node: Node, file: str) -> Node:
    """The key of a block that stands for this file."""
    keys = (key for key, _ in node.entries.values()) if isinstance(node, Block) else ()
    return next((key for key in keys if posixpath.normpath(key.text) == file), node)


@functools.lru_cache(maxsize=64)
def _not_among(files: tuple[str, ...], outputs: tuple[str, ...]) -> list[str]:
    """The files that are neither a stream nor matched by, or inside of, an output."""
    streams = (*STREAMS, *(f"{name}.log" for name in STREAMS))
    folders = tuple(output.rstrip("/") + "/" for output in outputs)
    return [
        file
        for file in files
        if file not in streams
        and not file.startswith(folders)
        and not any(fnmatch.fnmatchcase(file, output) for output in outputs)
    ]


def check_circles(
    after: Mapping[str, tuple[str, ...]], nodes: Mapping[str, Node], problems: Problems
) -> None:
    """Reports experiments that come after themselves, by way of others or not."""
    for name in after:
        reached: set[str] = set()
        new = set(after[name])
        while new:
            reached |= new
            new = {further for each in new for further in after.get(each, ())} - reached
        if name in reached:
            text = f"{quoted(name)} comes after itself"
            hint = "let it come after others; after: null removes what is inherited"
            problems.error(nodes[name], text, hint)


def look(experiment: Experiment, given: Mapping[str, Given], problems: Problems) -> None:
    """Reports files that the experiment names and its folder does not have."""
    main, prefix = experiment.main_code_file, experiment.run_command_prefix
    node, place = given["main_code_file"].node, harmless(str(experiment.folder), 300)
    # An absolute path is a program of the node, and `python -m` takes a module.
    if main and not main.startswith("/") and prefix[-1:] != ("-m",):
        kind, executable = _kind(experiment.folder, main)
        if kind != "file":
            text = "is a folder" if kind == "folder" else f"does not exist in {place}"
            hint = "correct the name, or add the file"
            problems.error(node, f"main_code_file: {quoted(main)} {text}", hint)
        elif not prefix and not executable:
            text = f"{quoted(main)} is not executable and there is no run_command_prefix"
            problems.error(node, text, "add one, for example python3")
    for name in experiment.required_files or ():
        if not _PATTERN.search(name) and _kind(experiment.folder, name)[0] == "nothing":
            text = f"required_files: {quoted(name)} does not exist in {place}"
            problems.error(given["required_files"].node, text, "correct the name, or add the file")


def _kind(folder: Path, name: str) -> tuple[str, bool]:
    """('file', 'folder' or 'nothing', whether it may be executed)."""
    path = folder / name
    try:
        if path.is_file():
            return "file", os.access(path, os.X_OK)
        return ("folder" if path.is_dir() else "nothing"), False
    except OSError:  # a name that no file system can have
        return "nothing", False
