"""What is right and wrong with a node, in words; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from neronet.engine import clusterchecks
from neronet.spec import schedulers
from neronet.store.nodes import NodeRow

LOW_DISK = 1024**3  # bytes
CLOCK = 5.0  # seconds between two clocks that are worth a word


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: `ok` is None where it is only told."""

    node: str
    subject: str
    ok: bool | None
    text: str
    hint: str = ""


def check(
    row: NodeRow, type: str, problem: str, hint: str, now: float, cluster: dict[str, Any] | None = None  # noqa: A002
) -> list[Check]:  # fmt: skip
    """The checks of a node of this type that was just contacted; `problem` says why that did not work ("" when it did).

    `now` is the time of the contact by our clock, seconds since 1970; `cluster` what it told of one, {} for nothing.
    """
    node = row.id
    if problem:
        return [Check(node, "connection", False, problem, hint)]
    facts, load = row.facts or {}, row.load or {}
    checks = [
        Check(node, "connection", True, f"answers as {facts.get('host')}, {facts.get('system')}"),
        Check(node, "python", True, f"{facts.get('python')} ({facts.get('executable')})"),
    ]
    free = load.get("disk_free", facts.get("disk_free", 0))
    hint = "make room there, or set another `root:` for the node in nodes.yaml" if free < LOW_DISK else ""
    text = f"{facts.get('root')} on {facts.get('file_system')}, {free / 1024**3:.1f} GiB free"
    checks.append(Check(node, "disk", free >= LOW_DISK, text, hint))
    away = load.get("time", now) - now
    if abs(away) > CLOCK:
        text = f"its clock is {abs(away):.0f} s {'ahead of' if away > 0 else 'behind'} this computer's"
        checks.append(Check(node, "clock", None, text, "times of runs are by the node's clock"))
    checks.append(Check(node, "cores", None, f"{facts.get('cores')}, load {load.get('load1', 0):.1f}"))
    gpus = facts.get("gpus") or []
    if gpus:
        checks.append(Check(node, "gpus", None, ", ".join(f"{gpu['index']}: {gpu['name']}" for gpu in gpus)))
    found = facts.get("scheduler", "")
    # The programs of one that answers may be known to login shells alone.
    sure = found == type or type not in schedulers.DETECTED
    if cluster and type not in schedulers.MACHINES and (sure or "at" in cluster):
        told = clusterchecks.lines(type, cluster, facts.get("root", ""), load.get("time", now))
        return checks + [Check(node, *line) for line in told]
    return checks + _scheduler(node, type, found)


def _scheduler(node: str, type: str, found: str) -> list[Check]:  # noqa: A002
    if type not in (*schedulers.MACHINES, *schedulers.DETECTED):
        return [Check(node, "scheduler", None, f"runs go through {schedulers.name(type)}")]
    if type not in schedulers.MACHINES:
        hint = (
            f"{'it has ' + found if found else 'it has none that Neronet knows'}; see `type:` in nodes.yaml"
        )
        right = type == found
        text = f"runs go through {type}" if right else f"{type} is not installed there"
        return [Check(node, "scheduler", right, text, "" if right else hint)]
    if not found:
        return []
    hint = f"runs are started directly, not through it; `type: {found}` in nodes.yaml sends them there"
    return [Check(node, "scheduler", None, f"{found} is installed there", hint)]
