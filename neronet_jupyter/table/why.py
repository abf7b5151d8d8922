"""Why a run failed, in a sentence, with what can be done about it (pure)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from neronet.wire import states
from neronet_jupyter import format as say
from neronet_jupyter.table.entry import Entry

EXPLAINED = (states.FAILED, states.LOST, states.TIMEOUT)
AT_ONCE = 3  # causes that are explained unasked

_MEMORY = re.compile(
    r"out of memory|MemoryError|oom[- ]?kill|cannot allocate memory|bad_alloc", re.IGNORECASE
)


class Why(NamedTuple):
    cause: str  # the subject of the sentence
    rest: str  # the rest of it
    rerun: bool  # to run it again may help


def explain(entry: Entry, lines: Sequence[str], metric: str = "", value: float | None = None) -> Why:
    """`lines`: the last of its stderr; `metric` and its last `value` say how far it came."""
    row = entry.row
    reason = row.reason
    took = ""
    if row.started is not None and row.ended is not None and row.ended >= row.started:
        took = f" after {say.duration(row.ended - row.started)}"
    where = f" on {row.node}{took}" if row.node else took
    came = f" Last {metric} {say.number(value)}." if metric and value is not None else ""
    text = "\n".join((reason, *lines))
    if row.state == states.LOST:
        return Why("Lost", f"{where}: {reason}.{came}", True)
    if row.state == states.TIMEOUT:
        return Why("Out of time", f"{where}: {reason or 'it reached its limit'}.{came}", False)
    if _MEMORY.search(text):
        return Why("Out of memory", f"{where}.{came}", True)
    if reason.startswith("setup line"):
        return Why("Setup failed", f"{where}: {reason}.", True)
    if reason.startswith("exit code"):
        return Why(f"Ended with {reason}", f"{where}.{came}", True)
    if reason.startswith("ended by signal KILL"):
        return Why(
            "Ended by signal KILL", f"{where}: often a node does so when its memory is full.{came}", True
        )
    if reason.startswith("ended by signal"):
        return Why("E" + reason[1:], f"{where}.{came}", True)
    return Why("Failed", f"{where}: {reason or 'it says no more'}.{came}", False)


def explained(entries: Iterable[Entry], opened: Collection[int], closed: Collection[int]) -> set[int]:
    """The runs under which it is said: those that were opened, and of each newest cause the first run, once."""
    first: dict[str, Entry] = {}
    newest: dict[str, int] = {}
    for entry in entries:
        row = entry.row
        if row.state in EXPLAINED:
            known = first.get(row.reason)
            if known is None or row.number < known.row.number:
                first[row.reason] = entry
            newest[row.reason] = max(newest.get(row.reason, 0), row.number)
    causes = sorted(first, key=lambda reason: -newest[reason])[:AT_ONCE]
    chosen = {first[reason].row.number for reason in causes}
    return (chosen | set(opened)) - set(closed)
