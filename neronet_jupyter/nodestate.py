"""What is said of a node, from what is known of it; pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from neronet.api import nodestatus
from neronet.api.nodestatus import NodeStatus
from neronet.engine.doctor import Check
from neronet.spec import schedulers
from neronet.store.nodes import NodeRow
from neronet.store.runs import RunRow
from neronet.wire import states
from neronet.words import DAY
from neronet_jupyter import format as say
from neronet_jupyter.questions import Asked

READY, CONNECTING, ASKS, UNREACHABLE, UNKNOWN = "ready", "connecting", "asks", "unreachable", "unknown"
FRESH = 60.0  # seconds for which a load is worth showing
WAITING = (states.SUBMITTING, states.QUEUED, states.PENDING)

ASKING = {
    "code": "asks for a one-time code",
    "host_key": "shows a new key",
    "passphrase": "needs a passphrase",
    "password": "asks for your password",
}


def link(status: NodeStatus, busy: bool, asked: Asked | None) -> str:
    """The word for the link to a node: it chooses the icon."""
    if asked is not None:
        return ASKS
    if busy:
        return CONNECTING
    return {True: READY, False: UNREACHABLE, None: UNKNOWN}[status.reachable]


def note(status: NodeStatus, word: str, asked: Asked | None, now: float) -> str:
    """What the row says where slots would mean nothing; "" where they do."""
    if asked is not None:
        return ASKING[asked.question.kind]
    if word == CONNECTING and status.reachable is not True:
        return "connecting"
    if word == UNREACHABLE:
        return "never reached" if status.last_seen is None else f"last seen {_ago(status.last_seen, now)}"
    if word == UNKNOWN:
        return "not contacted yet"
    scheduler = schedulers.name(status.type)
    if scheduler and status.slots is None:
        return f"{scheduler}, {status.used or 'none'} running"
    return ""


def aside(status: NodeStatus, now: float) -> str:
    """The end of the row: how busy the machine is."""
    if status.gpus:
        return say.count(len(status.gpus), "GPU")
    if status.load is None or status.last_seen is None or now - status.last_seen > FRESH:
        return ""
    return f"load {status.load:.1f}"


def slots(status: NodeStatus, ours: int) -> dict[str, int] | None:
    """How many boxes are ours, others' and all; None when it is not known how many there are."""
    if status.slots is None:
        return None
    total = status.slots
    mine = min(ours, total)
    return {"ours": mine, "others": max(0, min(status.used or 0, total) - mine), "all": total}


def facts(status: NodeStatus, row: NodeRow, now: float) -> list[dict[str, Any]]:
    """Lines of the details: {"label", "text"} and, where a part of a whole is used, "used" from 0 to 1."""
    known = row.facts or {}
    found: list[dict[str, Any]] = []
    if status.cores is not None:
        busy = "" if status.load is None else f"load {status.load:.1f} of "
        found.append({"label": "cores", "text": f"{busy}{status.cores}"})
    if status.memory_total:
        total = say.memory(status.memory_total)
        found.append(_part("memory", status.memory_free, status.memory_total, say.memory, total))
    if status.disk_total:
        found.append(
            _part("disk", status.disk_free, status.disk_total, say.size, say.size(status.disk_total))
        )
    for gpu in status.gpus:
        found.append({"label": f"GPU {gpu['index']}", "text": f"{gpu['name']}, {say.memory(gpu['memory'])}"})
    if known.get("python"):
        found.append({"label": "python", "text": f"{known['python']}, {known.get('executable', '')}"})
    if known.get("root"):
        found.append({"label": "files in", "text": known["root"]})
    if status.address:
        found.append({"label": "address", "text": status.address})
    if status.groups:
        found.append({"label": "groups", "text": ", ".join(status.groups)})
    if status.last_seen is not None:
        found.append({"label": "last seen", "text": _ago(status.last_seen, now)})
    return found


def _part(label: str, free: int | None, total: int, spell: Any, whole: str) -> dict[str, Any]:
    if free is None:
        return {"label": label, "text": whole}
    left = spell(free)
    if left.partition(" ")[2] == whole.partition(" ")[2]:
        left = left.partition(" ")[0]  # `22 of 24 GiB`
    return {"label": label, "text": f"{left} of {whole} free", "used": 1 - min(1.0, free / total)}


def waits(rows: Iterable[RunRow], node: NodeRow | None, full: bool) -> list[dict[str, Any]]:
    """What waits for a node, the same of one submission in one line: {"key", "what", "why", "held", "priority"}."""
    groups: dict[tuple[str, str, bool], list[RunRow]] = {}
    for row in rows:
        if row.state in WAITING:
            groups.setdefault((row.experiment, row.token, row.reason == states.HELD), []).append(row)
    return [
        {
            "key": key_of(members[0]),
            "what": f"{say.count(len(members), 'run')} of {experiment} {'waits' if len(members) == 1 else 'wait'}",
            "why": f"you hold {'it' if len(members) == 1 else 'them'}"
            if held
            else why(members[0], node, full),
            "held": held,
            "priority": members[0].priority,
        }
        for (experiment, _, held), members in groups.items()
    ]


def key_of(row: RunRow) -> str:
    """Names the line of `waits` that a run is in."""
    return f"{row.token}:{'held' if row.reason == states.HELD else ''}"


def why(row: RunRow, node: NodeRow | None, full: bool) -> str:
    """What a run waits for, in words."""
    if told := nodestatus.told_to_wait(node, row.token or ""):
        return told
    if row.reason:
        return row.reason
    if row.state == states.SUBMITTING:
        return nodestatus.waiting(node, row.node) or "on its way"
    if row.state == states.PENDING:
        return "for the scheduler"
    return "for a free slot" if full else "starts soon"


def unreachable(opened: int) -> str:
    """What it means that a node does not answer."""
    if not opened:
        return "Nothing of yours is open there."
    runs = "Its run goes" if opened == 1 else f"Its {opened} runs go"
    return (
        f"{runs} on without us, and what is printed is kept there. You get all of it when the link is back."
    )


def summary(nodes: Collection[Mapping[str, Any]]) -> str:
    """The section's header: free slots, or what is not as it should be."""
    asking = sum(node["link"] == ASKS for node in nodes)
    down = sum(node["link"] == UNREACHABLE for node in nodes)
    if asking or down:
        ready = sum(node["link"] == READY for node in nodes)
        asks = f", {asking} {'asks' if asking == 1 else 'ask'} you" if asking else ""
        return f"{ready} of {len(nodes)} ready{asks}"
    known = [node["slots"] for node in nodes if node["link"] == READY and node["slots"]]
    total = sum(each["all"] for each in known)
    free = total - sum(each["ours"] + each["others"] for each in known)
    return f"{free} of {total} slots free" if known else ""


def check(one: Check) -> dict[str, Any]:
    """A line of a test's outcome, as pages show it."""
    return {"subject": one.subject, "ok": one.ok, "text": one.text, "hint": "" if one.ok else one.hint}


def proposed_name(address: str, taken: Collection[str]) -> str:
    """A name for the node at an address that no other has; "" for no address."""
    host = address.rpartition("@")[2]
    host = host.partition("]")[0].lstrip("[") if host.startswith("[") else re.sub(r":\d+$", "", host)
    if not re.fullmatch(r"[\d.:a-fA-F]*[.:][\d.:a-fA-F]*", host):
        host = host.partition(".")[0]  # of an address in numbers the first one says nothing
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", host).strip("-.")[:60]
    if not name or name not in taken:
        return name
    return next(f"{name}-{n}" for n in range(2, len(taken) + 3) if f"{name}-{n}" not in taken)


def _ago(then: float, now: float) -> str:
    seconds = now - then
    if seconds < FRESH:
        return "just now"
    said = say.age(seconds, now)
    return f"{said} ago" if seconds < 10 * DAY else f"on {said}"
