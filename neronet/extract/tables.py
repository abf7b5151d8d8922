"""Numbers in objects and tables, whose form a reader of ours knows.  Pure.

Each function gives a proposal, None where a number is in no such thing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from neronet.extract.patterns import labelled
from neronet.extract.trial import WINDOW, Place, Proposal, Trial, proposal_of
from neronet.wire import pairs, printed, readers, tables

KINDS = ("event", "phase", "split", "mode", "stage", "type", "kind", "set", "dataset", "msg", "name", "tag")
NEAR = 60  # lines above a table that may say its step
STEPS = ("step", "global_step", "iteration", "iter", "it", "epoch", "round", "time")  # columns that count


def in_object(place: Place) -> Proposal | None:
    """JSON, or a dict as Python prints it."""
    first, last = place.line.find("{"), place.line.rfind("}")
    if not first < place.start < last:
        return None
    found = [
        (name, value)
        for name, value, _ in readers.make(("json", "step=\u00a0")).feed(
            place.line.encode("utf-8", "replace")
        )
    ]
    same = [name for name, value in found if value == place.value or value != value != place.value]
    if not same:
        return None
    before = place.line[first : place.start]
    name = max(same, key=lambda each: before.rfind(each.split(".")[-1]))
    if "." not in name and _is_of_a_kind(place, name) and (better := labelled(place)):
        return better
    steps = [each for each, _ in found if each.split(".")[-1].lower() in STEPS and each != name]
    return _best(place, "json", name, steps, f"the key {name} of lines that are objects ({{...}})")


def _is_of_a_kind(place: Place, name: str) -> bool:
    """Whether a text, as in `"event": "validation"`, tells the object from others in which the key means another thing."""
    mine = _object(place.line)
    others = [known for known in map(_object, place.lines) if name in known]
    for key, value in mine.items():
        if isinstance(value, str):
            strange = [known for known in others if isinstance(known.get(key), str) and known[key] != value]
            alike = [known for known in others if known.get(key) == value]
            keys = [known.keys() for known in alike]
            told = all(each == mine.keys() for each in keys) and all(
                known.keys() not in keys for known in strange
            )
            if strange and len(alike) + len(strange) == len(others) and (told or key.lower() in KINDS):
                return True
    return False


def _object(line: str) -> dict[str, Any]:
    first, last = line.find("{"), line.rfind("}")
    found = pairs.object_of(line[first : last + 1]) if 0 <= first < last else {}
    return found if isinstance(found, dict) else {}


def in_csv(place: Place) -> Proposal | None:
    """A log that is one CSV table from its first line on, but for remarks behind `#`."""
    reader = readers.make(("csv",))
    for line in place.encoded[: place.index]:
        reader.feed(line)
    names, separator = (reader.state or [[], " "])[:2]
    first = next((line for line in place.lines if not line.startswith("#")), "")
    column = place.line[: place.start].count(separator)
    if separator == " " or separator not in first or len(names) != place.line.count(separator) + 1:
        return None
    name = names[column]
    steps = [each for each in names if each.lower() in STEPS and each != name]
    steps += [names[0]] * (column > 0 and names[0] not in steps)
    cells = [place.name if each == name else each for each in names] if place.name else []
    found = _best(place, "csv", place.name or name, steps, f"the column {name} of a CSV table", cells)
    if found is None:
        return None
    return replace(found, description=found.description + "; its other columns become metrics, too")


def in_table(place: Place) -> Proposal | None:
    """A table aligned with blanks, under a line of headings."""
    cells = [match.span() for match in tables.CELL.finditer(place.line)]
    column = next((n for n, (a, b) in enumerate(cells) if a <= place.start < b), None)
    if column is None or len(cells) < 2:
        return None
    heads = _heads(place, len(cells))
    names = [printed.metric_name(head) for head in heads]
    name = names[column] if names else None
    if name is None or names.count(name) > 1 or (place.name and place.name != name):
        return None
    steps = [each for each in names if each and each.lower() in STEPS and each != name]
    if column > 0 and names[0] and names[0] not in steps:
        steps.append(names[0])
    whole = [each for each, (a, b) in zip(names, cells, strict=True) if place.line[a:b].isdigit()]
    what = f"the column {name} of a table"
    near = [*map(tables.cells_of, place.lines[max(0, place.index - NEAR) : place.index])]
    others = [cell for cells in near for cell in cells if cell.lower() in STEPS and cell not in names]
    return _best(place, "table", name, steps, what, others=whole, carried=[*dict.fromkeys(others)])


def _heads(place: Place, count: int) -> list[str]:
    """The headings of the row: those of the line above or, of as many words, those of one further up."""
    for above in range(place.index - 1, max(-1, place.index - WINDOW), -1):
        head = place.lines[above]
        heads = tables.headings(head, place.line) if above == place.index - 1 else tables.cells_of(head)
        if len(heads) == count and all(printed.number(each) is None for each in heads):
            return heads  # type: ignore[no-any-return]
    return []


def _best(
    place: Place,
    kind: str,
    name: str,
    steps: Iterable[str],
    what: str,
    cells: Sequence[str] = (),
    others: Sequence[str | None] = (),
    carried: Sequence[str] = (),
) -> Proposal | None:
    """The reader with the first of these steps that counts, of `others` that always grows, or of `carried`, which other
    tables have; else without one."""
    if place.name and place.name != name:
        return None
    wanted = [*cells] if kind == "csv" else [name]
    ranked = sorted(dict.fromkeys(steps), key=lambda each: _rank(each.split(".")[-1].lower()))
    more = [each for each in others if each and each not in (name, *ranked) and others.count(each) == 1]
    last = sorted(carried, key=lambda each: _rank(each.lower()))
    named = [each for each in ranked if each.split(".")[-1].lower() in STEPS]
    for step in dict.fromkeys([*named, *last, *ranked, *more, ""]):
        said = [f"step={step}"] if step and (step.lower() != "step" or step in last) else []
        trial = Trial(place, name, [kind, *wanted, *said])
        if trial.hits and (not step or trial.counts(strictly=step in more)):
            return proposal_of(place, trial, step, what)
    return None


def _rank(name: str) -> int:
    return STEPS.index(name) if name in STEPS else len(STEPS)
