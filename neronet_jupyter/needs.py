"""What needs the user: questions of nodes, runs that failed, an engine that does not run; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from neronet.store.runs import RunRow
from neronet.wire import states
from neronet_jupyter import format as say
from neronet_jupyter.nodestate import ASKING
from neronet_jupyter.questions import Asked

RECENT = 7 * 86400.0  # seconds for which a run that failed is worth a word
BY_CONDITION = "condition "  # how the reason of a run begins that a condition ended
MEMORY = "out of memory"


class Need(NamedTuple):
    """`key` names it when it is dismissed, `time` (seconds since 1970) tells whether there is news of it since."""

    key: str
    kind: str  # ask, bad
    icon: str  # a state of a run, or ask
    subject: str
    text: str
    time: float
    run: int | None = None
    node: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {key: value for key, value in self._asdict().items() if key != "time"}


def is_bad(row: RunRow) -> bool:
    """A run whose end the user should hear of: it failed, or a condition ended it."""
    if row.state == states.TERMINATED:
        return row.reason.startswith(BY_CONDITION)
    return row.state in (states.FAILED, states.TIMEOUT, states.LOST)


def of_runs(rows: Iterable[RunRow], now: float) -> list[Need]:
    """One for all runs of an experiment that ended for the same reason; `rows` are bad ones."""
    groups: dict[tuple[str, str, str], list[RunRow]] = {}
    for row in rows:
        if now - ended(row) < RECENT:
            groups.setdefault((row.experiment, row.state, _cause(row)), []).append(row)
    return [_of_group(members) for members in groups.values()]


def _of_group(rows: list[RunRow]) -> Need:
    newest = max(rows, key=ended)
    one = len(rows) == 1
    subject = f"#{newest.number}" if one else f"{say.count(len(rows), 'run')} of {newest.experiment}"
    key = f"{newest.experiment}: {newest.state}: {_cause(newest)}"
    return Need(key, "bad", newest.state, subject, happened(newest, one), ended(newest), run=newest.number)


def happened(row: RunRow, one: bool) -> str:
    """What became of a run, or of several of which `row` is one, as the rest of a sentence."""
    was, reason = ("was", row.reason) if one else ("were", _cause(row))
    if row.state == states.TERMINATED:
        return f"{was} stopped by {reason}."
    if row.state == states.TIMEOUT:
        return f"{was} stopped: {reason}." if reason else "took too long."
    if row.state == states.LOST:
        return f"{'is' if one else 'are'} lost: {reason}." if reason else f"{'is' if one else 'are'} lost."
    if reason.startswith(MEMORY):
        return f"ran out of memory{reason.removeprefix(MEMORY)}."
    return f"failed: {reason}." if reason else "failed."


def ended(row: RunRow) -> float:
    return row.ended if row.ended is not None else row.submitted


def _cause(row: RunRow) -> str:
    """The reason, less the numbers of a condition, which differ from run to run."""
    return row.reason.partition(",")[0] if row.state == states.TERMINATED else row.reason


def of_questions(asked: Iterable[Asked]) -> list[Need]:
    return [
        Need(
            f"question {one.number}", "ask", "ask", one.question.node, f"{ASKING[one.question.kind]}.", one.since,
            node=one.question.node,
        )
        for one in asked
    ]  # fmt: skip


def wanted(needs: Iterable[Need], dismissed: Mapping[str, float]) -> list[Need]:
    """Those of which there is news since they were dismissed: questions first, then the newest."""
    found = [need for need in needs if need.time > dismissed.get(need.key, 0.0)]
    return sorted(found, key=lambda need: (need.kind != "ask", -need.time))
