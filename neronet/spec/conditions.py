"""The conditions of an experiment: which words each comparator takes, and what they may say."""

from __future__ import annotations

import math

from neronet.spec import values
from neronet.spec.document import Block, Node, Text, plain
from neronet.spec.experiment import Condition
from neronet.spec.problems import Problems, Unfit, did_you_mean, quoted
from neronet.spec.reading import Reader, T, choice, metric, scalar, whole
from neronet.wire.conditions import ACTIONS, GOALS, SILENT, SLOPES, STALLED, STOP, WORDS

GUIDE = ("variablename", "killvalue", "comparator", "when", "action")
MAX_POINTS = 1000  # of a slope: each new point costs a look at all of them

_ALWAYS = ("comparator", "when", "action", "grace")
# The other words that the kinds of comparators take.
_TAKES = {
    "compare": ("variablename", "killvalue", "for"),
    "slope": ("variablename", "killvalue", "points", "for"),
    "stalled": ("variablename", "points", "goal", "by"),
    "silent": ("minutes",),
}
FIELDS = tuple(dict.fromkeys((*GUIDE, *(word for words in _TAKES.values() for word in words), *_ALWAYS)))
_HINTS = {
    "killvalue": "stalled and silent compare with nothing; what a new best must be better by is written by: 0.01",
    "variablename": "silent is about all output, not about one metric",
    "for": "it belongs to what compares values: comparator: gt and for: 3 is three points in a row",
    "points": "for so many points in a row write for: 3; points belongs to stalled and slope_gt",
    "goal": "only stalled has one",
    "by": "only stalled has one: what a new best must be better by",
    "minutes": "it belongs to comparator: silent; when: time 30 lets a condition count from then on",
}


def conditions(node: Node, problems: Problems) -> tuple[Condition, ...] | None:
    """The reader of the word `conditions`."""
    if not isinstance(node, Block):
        problems.error(node, "conditions take a block: an id and under it " + ", ".join(GUIDE))
        return None
    found = [_condition(key, value, problems) for key, value in node.entries.values()]
    return tuple(condition for condition in found if condition is not None)


def _condition(key: Text, node: Node, problems: Problems) -> Condition | None:
    before = problems.errors
    name = scalar(values.identifier)(key, problems)
    if not isinstance(node, Block):
        words = ", ".join(GUIDE)
        problems.error(key, f"the condition {quoted(key.text)} needs a block with {words}")
        return None
    for said, _ in node.entries.values():
        if said.text not in FIELDS:
            problems.error(said, f"a condition has no {quoted(said.text)}", did_you_mean(said.text, FIELDS))
    given = {word: value for word, (_, value) in node.entries.items() if plain(value) is not None}

    def read(word: str, reader: Reader[T]) -> T | None:
        return reader(given[word], problems) if word in given else None

    def needed(word: str, reader: Reader[T]) -> T | None:
        if word not in given:
            problems.error(key, f"the condition {quoted(key.text)} has no {word}")
        return read(word, reader)

    comparator = needed("comparator", scalar(_comparator)) or "gt"
    kind = _kind(comparator)
    for word in given:
        if word in _HINTS and word not in _TAKES[kind] and not _idle(word, comparator):
            text = f"a condition with comparator: {comparator} takes no {word}"
            problems.error(node.entries[word][0], text, _HINTS[word])
    takes = _TAKES[kind]
    variablename = needed("variablename", scalar(metric)) if "variablename" in takes else ""
    action = needed("action", choice(*ACTIONS))
    killvalue = None
    if "killvalue" in takes and not _idle("killvalue", comparator):
        killvalue = needed("killvalue", scalar(_killvalue))
    after = read("when", scalar(_when))
    points = None
    if "points" in takes:
        points = needed("points", whole(2, MAX_POINTS) if kind == "slope" else whole(1, 10**9))
    quiet = needed("minutes", scalar(_minutes)) if "minutes" in takes else None
    goal = read("goal", choice(*GOALS)) if "goal" in takes else None
    by = read("by", scalar(_improvement)) if "by" in takes else None
    times = read("for", whole(1, 10**9)) if "for" in takes else None
    grace = read("grace", scalar(lambda text: values.seconds(text, unit=1.0)))
    if action is not None and action != STOP and "grace" in given:
        hint = "with action: stop it counts; kill gives the grace of the experiment"
        problems.error(node.entries["grace"][0], f"a condition with action: {action} takes no grace", hint)
    if problems.errors > before or name is None or variablename is None or action is None:
        return None
    return Condition(
        name, variablename, killvalue or 0.0, comparator, after or None, action,
        points=points, goal=goal, by=by, quiet=quiet, times=times, grace=grace,
    )  # fmt: skip


def _kind(comparator: str) -> str:
    if comparator in (STALLED, SILENT):
        return comparator
    return "slope" if comparator in SLOPES else "compare"


def _idle(word: str, comparator: str) -> bool:
    """nan and inf compare with nothing; a killvalue that stands there all the same does no harm."""
    return word == "killvalue" and comparator in ("nan", "inf")


def _comparator(text: str) -> str:
    if text == "slope":
        raise Unfit(
            "'slope' does not say what is bad", "write slope_gt (rises more than killvalue) or slope_lt"
        )
    return values.choice(text, WORDS)


def _killvalue(text: str) -> float:
    number = values.number(text)
    if number is None or math.isnan(number):
        hint = "write killvalue: 50" if number is None else "for nan use comparator: nan"
        raise Unfit(f"{quoted(text)} is not a number to compare with", hint)
    return number


def _improvement(text: str) -> float:
    number = values.number(text)
    if number is None or not 0 <= number < math.inf:
        raise Unfit(f"{quoted(text)} is not an improvement", "write a number that is not negative: by: 0.01")
    return number


def _minutes(text: str) -> float:
    """Seconds of some minutes."""
    number = values.number(text)
    if number is None or not 0 < number * 60 <= values.MAX_SECONDS:
        raise Unfit(f"{quoted(text)} is not a number of minutes", "write minutes: 30")
    return number * 60


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
