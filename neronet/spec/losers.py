"""`stop_losers` of a config.yaml: a rule across the runs of a sweep."""

from __future__ import annotations

from neronet.spec.document import Block, Node, plain
from neronet.spec.experiment import StopLosers
from neronet.spec.problems import Problems, did_you_mean, quoted
from neronet.spec.reading import Reader, choice, metric, scalar, whole
from neronet.wire.losers import GOALS, MOST, RULES

READERS: dict[str, Reader[object]] = {
    "metric": scalar(metric),
    "goal": choice(*GOALS),
    "rule": choice(*RULES),
    "min_points": whole(1, 1_000_000_000),
    "reduction": whole(2, 100),
    "keep": whole(1, MOST),
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
