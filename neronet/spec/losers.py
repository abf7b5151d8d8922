"""`stop_losers` of a config.yaml: a rule across the runs of a sweep."""

from __future__ import annotations

import re

from neronet.spec import fields
from neronet.spec.document import Block, Node, plain
from neronet.spec.experiment import StopLosers
from neronet.spec.problems import Problems, Unfit, did_you_mean, quoted
from neronet.wire.losers import GOALS, MOST, RULES

_METRIC = re.compile(r"[A-Za-z_][A-Za-z0-9_./%-]{0,199}")  # what wire.points finds in a line


def _metric(text: str) -> str:
    if not _METRIC.fullmatch(text):
        hint = "a name begins with a letter or _, then letters, digits, _ . / % -"
        raise Unfit(f"no program can print a metric called {quoted(text)}", hint)
    return text


READERS: dict[str, fields.Reader[object]] = {
    "metric": fields.scalar(_metric),
    "goal": fields.choice(*GOALS),
    "rule": fields.choice(*RULES),
    "min_points": fields.whole(1, 1_000_000_000),
    "reduction": fields.whole(2, 100),
    "keep": fields.whole(1, MOST),
}
EXAMPLE = "write stop_losers: {metric: error, goal: minimize}"


def read(node: Node, problems: Problems) -> StopLosers | None:
    if not isinstance(node, Block):
        problems.error(node, "stop_losers takes a block with " + ", ".join(READERS), EXAMPLE)
        return None
    before = problems.errors
    found = {}
    for key, value in node.entries.values():
        if key.text not in READERS:
            problems.error(key, f"stop_losers has no {quoted(key.text)}", did_you_mean(key.text, READERS))
        elif plain(value) is not None:
            found[key.text] = READERS[key.text](value, problems)
    for word in ("metric", "goal"):
        if word not in found:
            problems.error(node, f"stop_losers has no {word}", EXAMPLE)
    if "reduction" in found and found.get("rule", "median") == "median":
        text = "reduction is for rule: halving; the median has none"
        problems.error(node.entries["reduction"][0], text, "remove it, or write rule: halving")
    return None if problems.errors > before else StopLosers(**found)  # type: ignore[arg-type]
