"""Numbers in objects and tables, whose form a reader of ours knows.  Pure.

Each function gives a proposal, None where a number is in no such thing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from neronet.extract.trial import WINDOW, Place, Proposal, Trial, proposal_of
from neronet.wire import readers

STEPS = ("step", "global_step", "iteration", "iter", "it", "epoch", "round", "time")  # columns that count


def in_object(place: Place) -> Proposal | None:
    """JSON, or a dict as Python prints it."""
    first, last = place.line.find("{"), place.line.rfind("}")
    if not first < place.start < last:
        return None
    pairs = [
        (name, value)
        for name, value, _ in readers.make(("json", "step=\u00a0")).feed(
            place.line.encode("utf-8", "replace")
        )
    ]
    same = [name for name, value in pairs if value == place.value or value != value != place.value]
    if not same:
        return None
    before = place.line[first : place.start]
    name = max(same, key=lambda each: before.rfind(each.split(".")[-1]))
    steps = [each for each, _ in pairs if each.split(".")[-1].lower() in STEPS and each != name]
    return _best(place, "json", name, steps, f"the key {name} of lines that are objects ({{...}})")


def in_csv(place: Place) -> Proposal | None:
    """A log that is one CSV table from its first line on."""
    if place.index == 0 or place.lines[0].count(",") + place.lines[0].count(";") < 1:
        return None
    separator = ";" if ";" in place.lines[0] else ","
    heads = place.lines[0].lstrip("\ufeff# ").split(separator)
    column = place.line[: place.start].count(separator)
    if len(heads) != place.line.count(separator) + 1 or any(
        readers.number(head) is not None for head in heads
    ):
        return None
    names = [
        readers.metric_name(head.strip().strip('"')) or f"column_{n + 1}" for n, head in enumerate(heads)
    ]
    name = names[column]
    steps = [each for each in names if each.lower() in STEPS and each != name]
    steps += [names[0]] * (column > 0 and names[0] not in steps)
    cells = [place.name if each == name else each for each in names] if place.name else []
    found = _best(place, "csv", place.name or name, steps, f"the column {name} of a CSV table", cells)
    if found is None:
        return None
    return replace(found, description=found.description + "; its other columns become metrics, too")


def in_table(place: Place) -> Proposal | None:
    """A table aligned with blanks, under a line of words."""
    cells = [match.span() for match in re.finditer(r"[^\s|]+", place.line.lstrip("# "))]
    shift = len(place.line) - len(place.line.lstrip("# "))
    column = next((n for n, (a, b) in enumerate(cells) if a + shift <= place.start < b + shift), None)
    if column is None or len(cells) < 2:
        return None
    for above in range(place.index - 1, max(-1, place.index - WINDOW), -1):
        heads = place.lines[above].lstrip("# ").replace("|", " ").split()
        if len(heads) == len(cells) and all(readers.number(head) is None for head in heads):
            break
    else:
        return None
    names = [readers.metric_name(head) for head in heads]
    name = names[column]
    if name is None or names.count(name) > 1 or (place.name and place.name != name):
        return None
    steps = [each for each in names if each and each.lower() in STEPS and each != name]
    if column > 0 and names[0] and names[0] not in steps:
        steps.append(names[0])
    whole = [
        each for each, (a, b) in zip(names, cells, strict=True) if place.line[a + shift : b + shift].isdigit()
    ]
    return _best(place, "table", name, steps, f"the column {name} of a table", others=whole)


def _best(
    place: Place,
    kind: str,
    name: str,
    steps: Iterable[str],
    what: str,
    cells: Sequence[str] = (),
    others: Sequence[str | None] = (),
) -> Proposal | None:
    """The reader with the first of these steps that counts, or of `others` that always grows, else without one."""
    if place.name and place.name != name:
        return None
    wanted = [*cells] if kind == "csv" else [name]
    ranked = sorted(dict.fromkeys(steps), key=lambda each: _rank(each.split(".")[-1].lower()))
    more = [each for each in others if each and each not in (name, *ranked) and others.count(each) == 1]
    for step in [*ranked, *more, ""]:
        said = [f"step={step}"] if step and step.lower() != "step" else []
        trial = Trial(place, name, [kind, *wanted, *said])
        if trial.hits and (not step or trial.counts(strictly=step in more)):
            return proposal_of(place, trial, step, what)
    return None


def _rank(name: str) -> int:
    return STEPS.index(name) if name in STEPS else len(STEPS)
