"""What a page gets to show of a draft, its preview and its target, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from neronet_jupyter import format as say
from neronet_jupyter.sweeping import preview as look
from neronet_jupyter.sweeping import targets
from neronet_jupyter.sweeping.draft import Draft
from neronet_jupyter.sweeping.preview import Preview

if TYPE_CHECKING:
    from neronet.api.nodestatus import NodeStatus
    from neronet.api.planning import Plan


def of_draft(draft: Draft) -> dict[str, Any]:
    """What is edited."""
    return {
        "experiment": draft.experiment,
        "new": draft.new,
        "edited": draft.is_edited,
        "axes": [
            {
                "key": axis.key, "name": axis.name, "said": axis.said, "outer": axis.outer,
                "size": look.size(axis.said), "shown": look.shown(axis.said),
            }
            for axis in draft.axes
        ],
        "zips": [list(group) for group in draft.zips],
        "exclude": list(draft.exclude),
        "words": dict(draft.words),
    }  # fmt: skip


def of_preview(draft: Draft, preview: Preview, chosen: int) -> dict[str, Any]:
    """The runs that it stands for, and what is wrong."""
    errors = preview.errors
    summary, waits = draft.experiment, ""
    if draft.experiment and not errors:
        summary = f"{summary}, {say.count(preview.total, 'run')}"
    if errors:
        waits = errors[0].name or {"exclude": "the rule", "zip": "the zip"}.get(errors[0].word, "")
    return {
        "total": preview.total,
        "product": look.product(preview),
        "left": preview.left,
        "columns": look.varying(preview),
        "rows": look.rows(preview, chosen),
        "chosen": min(chosen, preview.total),
        "command": look.command(preview, chosen),
        "name": point.name if (point := look.point_of(preview, chosen)) else "",
        "many": bool(preview.total) and not preview.is_left,
        "waits": waits,
        "faults": [fault.to_json() for fault in preview.faults],
        "errors": len(errors),
        "inheriting": list(preview.inheriting),
        "summary": summary,
        "resources": targets.resources(draft.words),
    }  # fmt: skip


def of_target(
    draft: Draft,
    preview: Preview,
    plan: Plan | None,
    target: str,
    nodes: Sequence[NodeStatus],
    groups: Mapping[str, Sequence[str]],
    duration: float | None,
) -> dict[str, Any]:
    """Where it goes, and what happens there."""
    places = plan.places if plan else ()
    now, then = targets.starts(preview.total, target, places) if preview.total else ("", "")
    wrong = [each for each in plan.problems if each.severity == "error" and not each.line] if plan else []
    blocked = [{"text": each.text, "hint": each.hint} for each in wrong]
    if not target:
        blocked = [{"text": "no node is chosen", "hint": "choose one under Run on"}]
    before = plan.before if plan and not draft.is_edited and plan.total == preview.total else 0
    return {
        "targets": targets.choices(nodes, groups),
        "target": target,
        "before": before or 0,
        "starts": now,
        "then": then,
        "lasts": targets.lasts(preview.total, duration, places),
        "sends": targets.sends(plan.files, places) if plan else "",
        "blocked": blocked,
        "notes": list(plan.notes) if plan else [],
    }


def result(numbers: Sequence[int], notes: Sequence[str]) -> dict[str, Any]:
    """What is said after a submission; `again` when all of it was run before."""
    text = ""
    if numbers:
        which = f"#{numbers[0]}" if len(numbers) == 1 else f"#{numbers[0]} to #{numbers[-1]}"
        text = f"Submitted {say.count(len(numbers), 'run')}, {which}."
    said = [note.partition("; --again")[0] for note in notes]
    return {
        "text": text,
        "notes": said,
        "again": not numbers and any("were run before" in note for note in notes),
    }


def progress(message: Mapping[str, Any]) -> str:
    """`Sending 12 kB of 31 kB to gpu1`."""
    done, total = say.size(message["done"]), say.size(message["total"])
    return f"Sending {done} of {total} to {message['node']}"
