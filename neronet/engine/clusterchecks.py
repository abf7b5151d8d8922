"""What is right and wrong with a cluster, in words; pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from neronet import words
from neronet.spec import schedulers

MOST = 12  # partitions or queues that get a line each
QUEUES = {"slurm": "partition", "gridengine": "queue"}


class Line(NamedTuple):
    """A check, but for the node: `ok` is None where something is only told."""

    subject: str
    ok: bool | None
    text: str
    hint: str = ""


def lines(type: str, cluster: dict[str, Any], root: str, now: float) -> list[Line]:  # noqa: A002
    """Of a cluster of this type, as its gateway told. root: Neronet's folder there; now: by the gateway's clock."""
    found = [_scheduler(type, cluster, now)]
    word = QUEUES.get(type, "queue")
    queues = cluster.get("queues", [])
    found += [Line(f"{word} {queue['name']}", None, _queue(queue)) for queue in queues[:MOST]]
    if queues[MOST:]:
        rest = ", ".join(queue["name"] for queue in queues[MOST:])
        found.append(Line(f"{word}s", None, f"and {len(queues) - MOST} more: {rest}"))
    if cluster.get("array"):
        text = f"an array job has at most {words.count(cluster['array'], 'task')}, a larger sweep becomes several"
        found.append(Line("limits", None, text))
    found += [Line("limits", None, note) for note in cluster.get("notes", [])]
    if cluster.get("accounting"):
        text = f"{cluster['accounting']}; it is not needed, runs tell their ends themselves"
        found.append(Line("accounting", None, text))
    if "barren" in cluster:  # else it was not looked for
        found.append(_compute_nodes(cluster, root))
    return found


def _scheduler(type: str, cluster: dict[str, Any], now: float) -> Line:  # noqa: A002
    if cluster.get("problem"):
        hint = "what runs goes on, what waits waits"
        if cluster.get("at"):
            hint += f"; what follows was told {words.span(now - cluster['at'])} ago"
        return Line(
            "scheduler", False, f"{schedulers.name(type)} does not answer: {cluster['problem']}", hint
        )
    version = f" {cluster['version']}" if cluster.get("version") else ""
    return Line("scheduler", True, f"runs go through {schedulers.name(type)}{version}")


def _queue(queue: dict[str, Any]) -> str:
    """What one has and allows; None is what is not known."""
    if queue["slots"] is not None:
        size = words.count(queue["slots"], "slot")
        limits = [f"at most {queue['cpus']} on a node"] if queue["cpus"] else []
        limits += [f"{words.memory(queue['memory'])} for each"] if queue["memory"] else []
        parts = [size, *limits]
    else:
        cores = words.count(queue["cpus"] or 0, "core")
        parts = [
            f"{words.count(queue['nodes'] or 0, 'node')} of up to {cores} and {words.memory(queue['memory'] or 0)}"
        ]
    parts += queue["gpus"]
    parts.append("for any time" if queue["time"] is None else f"for at most {words.duration(queue['time'])}")
    text = ", ".join(parts)
    if queue["default_time"] is not None and queue["default_time"] != queue["time"]:
        text += f" ({words.duration(queue['default_time'])} where a run says no `time:`)"
    if queue["default"]:
        text += "; the default one"
    return text if queue["up"] else f"{text}; it takes no jobs now"


def _compute_nodes(cluster: dict[str, Any], root: str) -> Line:
    """No job is submitted to find this out: runs have to show it."""
    if cluster.get("barren"):
        hint = "they need this machine's Python and home; `python:` and `root:` of the node in nodes.yaml set both"
        return Line("compute nodes", False, cluster["barren"], hint)
    if task := cluster.get("task"):
        python = f" with Python {task['python']}" if task["python"] else ""
        return Line("compute nodes", True, f"{task['host']} has run{python}, and shares {root}")
    hint = "it tells whether they have Python and share the home of this machine"
    return Line("compute nodes", None, "not known before the first run", hint)
