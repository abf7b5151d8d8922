"""What `nerocli` can be asked to do: every command with its arguments, an example and what comes next.

`--help` and the completion need only this table; what does the work is imported when it is to run.
"""

from __future__ import annotations

from neronet.cli.verbs import begin, keep, look, nodes, run
from neronet.cli.verbs.verb import Verb

GROUPS: dict[str, tuple[Verb, ...]] = {
    "Begin": begin.VERBS,
    "Run": run.VERBS,
    "Look": look.VERBS,
    "Nodes": nodes.VERBS,
    "Keep": keep.VERBS,
}

VERBS: dict[str, Verb] = {verb.name: verb for group in GROUPS.values() for verb in group}

__all__ = ["GROUPS", "VERBS", "Verb"]
