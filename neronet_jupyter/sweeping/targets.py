"""Where a sweep may go, and what is said of it before it goes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from neronet.spec import schedulers
from neronet_jupyter import format as say

if TYPE_CHECKING:
    from neronet.api.nodestatus import NodeStatus
    from neronet.api.planning import Place

BOXES = 12  # slots that are drawn one by one


def choices(nodes: Sequence[NodeStatus], groups: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """A row for each group and each node: {"id", "slots", "used", "free", "more"}; None for what is unknown."""
    by_id = {node.id: node for node in nodes}
    members = {name: [by_id[each] for each in ids if each in by_id] for name, ids in groups.items()}
    found = [
        _choice(name, some, ", ".join(node.id for node in some)) for name, some in members.items() if some
    ]
    return found + [_choice(node.id, [node], _about(node)) for node in nodes]


def _choice(id: str, nodes: Sequence[NodeStatus], more: str) -> dict[str, Any]:  # noqa: A002
    awake = [node for node in nodes if node.reachable is not False]
    slots = sum(node.slots or 0 for node in awake)
    used = sum(min(node.used or 0, node.slots or 0) for node in awake)
    return {
        "id": id, "slots": slots, "used": used, "boxes": 0 < slots <= BOXES,
        "free": f"{slots - used} free" if slots else "", "more": more,
    }  # fmt: skip


def _about(node: NodeStatus) -> str:
    if node.reachable is False:
        return "does not answer"
    if scheduler := schedulers.name(node.type):
        return scheduler
    if node.gpus:
        return say.count(len(node.gpus), "GPU")
    return "" if node.last_seen is None else "no GPU"


def starts(count: int, target: str, places: Sequence[Place]) -> tuple[str, str]:
    """(what happens at once, the rest of the sentence): `6 start now on gpu, 36 wait`, `for a slot.`"""
    if not places:
        return "", ""
    runs = f"All {count:,}" if count > 1 else "It"
    awake = [place for place in places if place.reachable is not False]
    if not awake:
        return f"{target} does not answer.", f"{runs} {_s(count, 'wait')} until it does."
    free = sum(place.free for place in awake)
    if free >= count:
        return f"{runs} {_s(count, 'start')} now on {target}.", ""
    if not free:
        return f"{runs} {_s(count, 'wait')} on {target}", "for a slot."
    waiting = count - free
    return f"{free:,} {_s(free, 'start')} now on {target}, {waiting:,} {_s(waiting, 'wait')}", "for a slot."


def lasts(count: int, seconds: float | None, places: Sequence[Place]) -> str:
    """`About 10 h in all.` for runs that take `seconds` each; "" where that is not known."""
    slots = sum(place.slots for place in places if place.reachable is not False)
    if seconds is None or not slots:
        return ""
    whole = math.ceil(count / slots) * seconds
    return f"About {say.duration(whole) if whole < 600 else say.age(whole)} in all."


def sends(files: int, places: Sequence[Place]) -> str:
    """`Sends 4 files, 31 kB, once to gpu1 and once to gpu2.`"""
    lacking = [place for place in places if place.files]
    if not places or not files:
        return ""
    if not lacking:
        return (
            f"All {say.count(files, 'file')} are there already."
            if files > 1
            else "Its file is there already."
        )
    same = {(place.files, place.bytes) for place in lacking}
    if len(same) == 1:
        number, total = same.pop()
        where = (
            " and ".join(f"once to {place.node}" for place in lacking)
            if len(lacking) > 1
            else f"to {lacking[0].node}"
        )
        text = f"Sends {say.count(number, 'file')}, {say.size(total)}, {where}."
        return (
            f"{text} {files - number:,} more {_are(files - number)} there already."
            if number < files
            else text
        )
    parts = [
        f"{say.count(place.files, 'file')}, {say.size(place.bytes)}, to {place.node}" for place in lacking
    ]
    return f"Sends {'; '.join(parts)}."


def resources(words: Mapping[str, str]) -> str:
    """`1 GPU, 16 GiB each`: what a run asks for."""
    parts = []
    for word, name in (("gpus", "GPU"), ("cpus", "core")):
        if text := words.get(word):
            parts.append(f"{text} {name}{'' if text == '1' else 's'}")
    parts += [words[word] for word in ("memory", "time") if word in words]
    return f"{', '.join(parts)} each" if parts else ""


def _s(count: int, verb: str) -> str:
    return verb if count != 1 else f"{verb}s"


def _are(count: int) -> str:
    return "are" if count > 1 else "is"
