"""From an experiment to stored batches: what will run, from which files, where.

Nothing is sent here.  A submission is one transaction in the user's database;
the engine sends it from there, however often anything dies on the way.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neronet.engine.placement import Member, divide, place_of
from neronet.errors import InputError
from neronet.spec.experiment import Experiment
from neronet.spec.nodes import NodeSpec
from neronet.store.attempts import Attempt
from neronet.store.batches import GIT, LOCAL, Batch
from neronet.store.runs import NewRun, RunRow, point_key
from neronet.store.store import Store
from neronet.sweep import Point, folder_name
from neronet.sync.snapshot import Snapshot, keep
from neronet.wire import states
from neronet.wire.conditions import STOP

SWEEP = "sweep"  # [first, last]: numbers of the runs of one submission, which a rule across runs compares

_CONFIG = re.compile(rb'\["config\.yaml","f",[01],"[0-9a-f]{64}",[0-9]+\],?')


@dataclass(frozen=True)
class Job:
    """The runs of one experiment that are to be submitted together."""

    experiment: Experiment
    points: Sequence[Point]
    snapshot: Snapshot
    git: dict[str, Any] | None = None  # of its folder, see sync/git.py


def missing(store: Store, job: Job) -> tuple[list[Point], list[RunRow]]:
    """(points that no run has yet, runs that the others have): same command and same files are the same."""
    files = files_of(job)
    keys = [point_key(job.experiment.id, point.parameters, point.argv, files) for point in job.points]
    known = store.runs.ran_before(keys)
    fresh = [point for point, key in zip(job.points, keys, strict=True) if key not in known]
    return fresh, sorted(known.values(), key=lambda row: row.number)


def files_of(job: Job) -> str:
    """Equal when a run of a command would find the same: the same files, but for config.yaml, of which only the
    environment and the setup matter to it. So a sweep that grew sends only what is new."""
    files = _CONFIG.sub(b"", job.snapshot.manifest)
    return hashlib.sha256(files + json.dumps([job.experiment.env, job.experiment.setup]).encode()).hexdigest()


def earlier(store: Store, names: Sequence[str]) -> list[RunRow]:
    """The runs that must finish before others that come after these experiments: of each command the newest, unless
    it has finished. Raises InputError for an experiment without runs.
    """
    found: dict[str, RunRow] = {}
    for name in names:
        rows = store.runs.find(store.runs.of_experiment(name))
        if not rows:
            raise nothing_before(name)
        found.update({row.point_key: row for row in rows})
    return unfinished(store, list(found.values()))


def nothing_before(name: str) -> InputError:
    hint = f"submit it first, or both together: nerocli submit {name} ..."
    return InputError(f"these runs come after {name}, of which there are none", hint)


def unfinished(store: Store, rows: Sequence[RunRow]) -> list[RunRow]:
    """Those that others wait for still: not finished, nor ended by a rule across runs or by a condition that stops."""
    left = [row for row in rows if row.reported_state != states.FINISHED]
    ended = {row.number: row.attempt for row in left if row.reported_state == states.TERMINATED}
    meant = {
        event.run
        for event in store.events.find(ended, kinds=("rule", "condition"))
        if event.run is not None
        and event.attempt == ended[event.run]
        and (event.kind == "rule" or (event.data or {}).get("action") == STOP)
    }
    return [row for row in left if row.number not in meant]


def _after(names: Sequence[str], awaited: Sequence[RunRow], node: str) -> dict[str, Any]:
    """What a node is told of the runs that others come after: those that it has itself, by batch and index."""
    here: dict[str, list[list[int]]] = {}
    for row in awaited:
        if row.node == node:
            here.setdefault(row.token, []).append([row.idx, row.idx])
    elsewhere = sum(row.node != node for row in awaited)
    return {"names": list(names), "runs": [list(item) for item in here.items()], "elsewhere": elsewhere}


def store_submission(
    store: Store,
    home: Path,
    home_id: str,
    job: Job,
    members: Sequence[Member],
    nodes: dict[str, NodeSpec],
    environment: dict[str, str],
) -> list[int]:
    """Stores the runs of a job, divided among `members`; their numbers.  Raises StoreError."""
    where = divide(len(job.points), members)
    sha = job.snapshot.head.sha
    now = time.time()
    files = files_of(job)
    tokens = {node: secrets.token_hex(8) for node in dict.fromkeys(where)}
    indices = dict.fromkeys(tokens, 0)
    new = []
    for point, node in zip(job.points, where, strict=True):
        new.append(
            NewRun(
                name=point.name, experiment=job.experiment.id, collections=job.experiment.collection,
                parameters=point.parameters, argv=point.argv, snapshot=sha, token=tokens[node],
                idx=indices[node], node=node, submitted=now, note=job.experiment.custom_msg,
                priority=job.experiment.priority, files=files,
            )
        )  # fmt: skip
        indices[node] += 1
    awaited = earlier(store, job.experiment.after)
    contents = {
        member.id: {
            **batch_content(job.experiment, nodes[member.id], home_id, sha, now, environment),
            "files": files,
            **({"after": _after(job.experiment.after, awaited, member.id)} if awaited else {}),
        }
        for member in members
    }
    # What the others would be told: while a run waits, it may go to one that is idle.
    local: dict[str, Any] = {
        "folder": str(job.experiment.folder),
        **({"pool": contents} if len(members) > 1 else {}),
        **({"after": [row.number for row in awaited]} if awaited else {}),
        **({GIT: job.git} if job.git else {}),
    }
    with store.transaction(durable=True):
        numbers = store.runs.add(new, folder_name)
        rows = store.runs.find(numbers)
        if job.experiment.stop_losers:
            local = {**local, SWEEP: [numbers[0], numbers[-1]]}
        for node, token in tokens.items():
            mine = [{**_line(row), "attempt": 1} for row in rows if row.token == token]
            add_batch(store, home, token, contents[node], mine, local, node)
        for number in numbers:
            store.events.add(now, "submitted", "", run=number, attempt=1)
    return numbers


def store_rerun(
    store: Store,
    home: Path,
    home_id: str,
    rows: Sequence[RunRow],
    nodes: dict[str, NodeSpec],
    environment: dict[str, str],
) -> None:
    """New attempts of these runs, each on its node, from its own snapshot and specification."""
    now = time.time()
    groups: dict[tuple[str, str], list[RunRow]] = {}
    for row in rows:
        groups.setdefault((row.node, row.token), []).append(row)
    with store.transaction(durable=True):
        for (node, old), members in groups.items():
            token = secrets.token_hex(8)
            content = store.batches.content(old)
            local = {word: value for word, value in content.pop(LOCAL).items() if word in ("folder", GIT)}
            content.pop("after", None)  # it began once, or the user wants it now
            content.pop("stop_losers", None)  # who asks for a run by its name wants it to go on
            content["created"] = now
            content["place"] = place_of(home_id, node)
            if nodes[node].type == "local":
                content["environment"] = environment
            lines = []
            for index, row in enumerate(members):
                attempt = store.attempts.add(row.number, token, index, node)
                lines.append({**_line(row), "attempt": attempt})
                store.events.add(now, "submitted", "rerun", run=row.number, attempt=attempt)
            add_batch(store, home, token, content, lines, local, node)


def move(store: Store, home: Path, token: str, indices: Collection[int], to: str) -> None:
    """Binds runs of a batch, which its node has given back before they began, to another node of its group."""
    now = time.time()
    attempts = [row for row in store.attempts.of_batch(token) if row.idx in indices and row.start == 1]
    if not attempts:
        return  # they are there already
    with store.transaction(durable=True):
        for row in attempts:
            store.events.add(now, "moved", f"from {row.node}", run=row.run, attempt=row.attempt, node=to)
        _send_instead(store, home, token, attempts, to, now)


def withdraw(store: Store, home: Path, rows: Sequence[RunRow], reason: str) -> set[int]:
    """Ends those of these runs whose node cannot have heard of them yet; their numbers.

    Of one batch either all are still here, or none: `BatchStore.offer` and this are a transaction each. What is left
    of a batch is sent as another one, since the node starts whatever stands in a batch.
    """
    wanted: dict[str, set[int]] = {}
    for row in rows:
        wanted.setdefault(row.token, set()).add(row.number)
    ended: set[int] = set()
    now = time.time()
    with store.transaction(durable=True):
        for token, numbers in wanted.items():
            if not store.batches.unsent(token):
                continue
            stay = []
            for attempt in store.attempts.of_batch(token):
                if attempt.run not in numbers:
                    stay.append(attempt)
                    continue
                run, number = attempt.run, attempt.attempt
                store.attempts.report(run, number, states.TERMINATED, reason, ended=now)
                store.attempts.complete(run, number)
                store.events.add(now, states.TERMINATED, reason, run=run, attempt=number, node=attempt.node)
                ended.add(run)
            if stay:
                _send_instead(store, home, token, stay, stay[0].node)
            store.batches.set_state(token, "tidied", now)
    return ended


def _send_instead(
    store: Store, home: Path, old: str, attempts: Sequence[Attempt], node: str, created: float | None = None
) -> None:
    """A batch for a node with only these attempts of an old one, which are its own from now on."""
    token = secrets.token_hex(8)
    content = store.batches.content(old)
    kept = ("folder", "pool", "after", GIT, SWEEP)
    local = {word: value for word, value in content.pop(LOCAL).items() if word in kept}
    rows = {row.number: row for row in store.runs.find(attempt.run for attempt in attempts)}
    if created is not None:
        priority = rows[attempts[0].run].priority  # as the user last said
        content = {**local["pool"][node], "created": created, "priority": priority}
    lines = [{**_line(rows[attempt.run]), "attempt": attempt.attempt} for attempt in attempts]
    for index, attempt in enumerate(attempts):
        store.attempts.move(attempt.run, attempt.attempt, token, index, node)
    add_batch(store, home, token, content, lines, local, node)
    index_of = {attempt.idx: index for index, attempt in enumerate(attempts)}
    for intent in store.intents.open():  # what was wished for them while they wait is wished for them still
        act = intent.payload.get("act", {})
        if act.get("token") == old and act["do"] != "withdraw":
            wished = [
                index_of[idx]
                for first, last in act["runs"]
                for idx in range(first, last + 1)
                if idx in index_of
            ]
            again = {**act, "token": token, "runs": [[index, index] for index in wished]}
            if wished:
                store.intents.put(
                    secrets.token_hex(8), intent.kind, {**intent.payload, "node": node, "act": again}
                )


def add_batch(
    store: Store,
    home: Path,
    token: str,
    content: dict[str, Any],
    lines: list[dict[str, Any]],
    local: dict[str, Any],
    node: str,
) -> None:
    """local: what the node is not told: "folder", "pool" of a group, "after": numbers of the runs that are awaited, the
    git commit, and SWEEP."""
    data = b"".join(json.dumps(line, separators=(",", ":")).encode("ascii") + b"\n" for line in lines)
    runs = keep(home, data, "the list of runs")
    content = {**content, "runs": runs.sha, LOCAL: {**local, "runs_size": runs.size}}
    batch = Batch(
        token,
        node,
        content["place"],
        content["experiment"],
        content["manifest"],
        1,
        "sending",
        content["created"],
    )
    store.batches.add(batch, content)


def batch_content(
    experiment: Experiment,
    node: NodeSpec,
    home_id: str,
    manifest: str,
    created: float,
    environment: dict[str, str],
) -> dict[str, Any]:
    """What the node is told of a batch, but for its runs: the program gets this environment and these limits."""
    content: dict[str, Any] = {
        "home": home_id,
        "place": place_of(home_id, node.id),
        "created": created,
        "experiment": experiment.id,
        "collections": list(experiment.collection),
        "note": experiment.custom_msg,
        "manifest": manifest,
        "outputs": list(experiment.output_files),
        "writable": list(experiment.writable),
        "setup": [*node.setup, *experiment.setup],
        "env": {**node.env, **experiment.env},
        "cpus": experiment.cpus,
        "gpus": experiment.gpus,
        "memory": experiment.memory,
        "time": experiment.time,
        "priority": experiment.priority,
        "buffering": experiment.buffering,
        "grace": experiment.grace,
        "conditions": [condition.to_json() for condition in experiment.conditions],
        "processors": experiment.processors,
    }
    if experiment.stop_losers:
        content["stop_losers"] = experiment.stop_losers.to_json()
    if node.is_cluster:
        content["options"] = [*node.sbatch_args, *experiment.sbatch_args]
        content["runs_per_job"] = experiment.runs_per_job
        content["max_parallel"] = experiment.max_parallel
    if node.type == "local":
        # What a user sees in her terminal or notebook is what her program gets, virtual environments included.
        content["environment"] = environment
    return content


def _line(row: RunRow) -> dict[str, Any]:
    return {"number": row.number, "name": row.name, "argv": list(row.argv), "parameters": row.parameters}
