"""Submitting: from what a user names to stored runs, and until their nodes have accepted them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from neronet.api import changed_files, nodestatus, targets
from neronet.api.wishes import PROMPT
from neronet.engine import capacity
from neronet.engine.client import EngineClient
from neronet.engine.placement import Member
from neronet.engine.submission import Job, missing, store_rerun, store_submission
from neronet.errors import InputError
from neronet.spec.config import Config
from neronet.spec.nodes import Nodes, NodeSpec
from neronet.store.experiments import ExperimentRow
from neronet.store.runs import RunRow
from neronet.store.store import Store
from neronet.sync import git
from neronet.sync.snapshot import take

MANY = 10_000  # runs from which on a submission asks
ASKED = 5.0  # seconds that the members of a group may take to say how busy they are

Progress = Callable[[dict[str, Any]], None]


class Submitting:
    """What Neroman submits with."""

    def __init__(self, home: Path, home_id: str, store: Store, client: EngineClient) -> None:
        self._home, self._home_id, self._store, self._client = home, home_id, store, client

    def add(self, configs: Iterable[Config]) -> list[str]:
        """Adds the experiments of these folders, all or none; their ids. Raises ConfigError."""
        return self._add((config, {item.id for item in config.experiments}) for config in configs)

    def _add(self, configs: Iterable[tuple[Config, Collection[str]]]) -> list[str]:
        """Adds these experiments of configurations, and what others say now of which something is known already:
        one that the user deleted does not come back with its neighbours."""
        now = time.time()
        known = {row.id for row in self._store.experiments.all()}
        rows = []
        for config, named in configs:
            config.check()
            rows += [
                ExperimentRow(item.id, item.folder, item.collection, config.sha256, item.to_json(), now)
                for item in config.experiments
                if item.id in named or item.id in known
            ]
        self._store.experiments.put(rows)
        return [row.id for row in rows]

    def submit(
        self,
        given: Sequence[str | Path],
        nodes: Nodes,
        members: Sequence[NodeSpec],
        again: bool,
        confirmed: bool,
        wait: float,
        progress: Progress | None,
    ) -> tuple[list[int], list[str]]:
        """(the numbers of the new runs, what the user should know); all is stored, or nothing was changed."""
        found = [targets.resolve(self._store, folder) for folder in targets.collect(self._store, given)]
        total = sum(len(points) for _, chosen in found for points in chosen.values())
        if total > MANY and not confirmed:
            raise InputError(f"these are {total} runs", "say that you mean it: --yes, or confirmed=True")
        notes = [note for config, _ in found for note in targets.news(self._store, config)]
        folders = {experiment.folder for config, _ in found for experiment in config.experiments}
        commits = {folder: git.record(folder, self._home) for folder in folders}
        jobs = [
            Job(
                experiment,
                chosen[experiment.id],
                take(experiment.folder, experiment, self._home, self._store.files),
                commits[experiment.folder],
            )
            for config, chosen in found
            for experiment in config.experiments
            if experiment.id in chosen
        ]
        jobs = in_order(jobs)
        for job in jobs:
            notes += job.snapshot.notes
        chosen_members = self._members(members, notes)
        by_id = {spec.id: spec for spec in nodes.nodes}
        numbers: list[int] = []
        # What was run before is looked up in the same transaction: of two commands at once the second one sees it.
        with self._store.transaction(durable=True):
            self._add(found)
            for job in jobs:
                if not again:
                    fresh, before = missing(self._store, job)
                    if before:
                        notes.append(targets.ran_before(job, before))
                    notes += changed_files.said(self._store, self._home, job, fresh)
                    job = replace(job, points=fresh)
                if job.points:
                    numbers += store_submission(
                        self._store, self._home, self._home_id, job, chosen_members, by_id, _environment()
                    )
        if numbers:
            notes += self._await_accepted(numbers, wait, progress)
        return numbers, notes

    def rerun(self, rows: Sequence[RunRow], nodes: Nodes, wait: float) -> list[str]:
        """New attempts of these runs; what the user should know."""
        by_id = {spec.id: spec for spec in nodes.nodes}
        for gone in sorted({row.node for row in rows} - set(by_id)):
            raise InputError(
                f"node {gone}, where some of these ran, is not in nodes.yaml any more",
                "submit the experiment to another node",
            )
        store_rerun(self._store, self._home, self._home_id, rows, by_id, _environment())
        return self._await_accepted([row.number for row in rows], wait, None)

    def send(
        self, jobs: Sequence[Job], nodes: Nodes, members: Sequence[NodeSpec], wait: float
    ) -> tuple[list[int], list[str]]:
        """Submits these jobs as they are, also what was run before: as `submit`."""
        notes: list[str] = []
        chosen, by_id, numbers = self._members(members, notes), {spec.id: spec for spec in nodes.nodes}, []
        with self._store.transaction(durable=True):
            for job in in_order(jobs):
                numbers += store_submission(
                    self._store, self._home, self._home_id, job, chosen, by_id, _environment()
                )
        return numbers, notes + self._await_accepted(numbers, wait, None)

    def _members(self, specs: Sequence[NodeSpec], notes: list[str]) -> list[Member]:
        """The nodes that get runs: of a group those that answer now, else all."""
        if len(specs) > 1:
            silent = nodestatus.silent(specs, self._store, time.time())
            if silent:
                self._client.ask("probe", {"nodes": silent}, ASKED)
            silent = nodestatus.silent(specs, self._store, time.time())
            if len(silent) < len(specs):
                notes += [f"{node} does not answer and gets none of these runs" for node in silent]
                specs = [spec for spec in specs if spec.id not in silent]
        return capacity.members(specs, self._store)

    def _await_accepted(self, numbers: Sequence[int], wait: float, progress: Progress | None) -> list[str]:
        """Waits until the nodes have these runs; a sentence for each node that has not."""
        self._client.on_upload(progress)
        self._client.ring()
        tokens = {row.token for row in self._store.runs.find(numbers)}

        def unsent() -> set[str]:
            return {
                batch.node for batch in self._store.batches.find(states=("sending",)) if batch.token in tokens
            }

        try:
            if not self._client.wait(lambda: not unsent(), min(wait, PROMPT)):
                gone = self._client.gone(unsent())  # these are not waited for to the end
                self._client.wait(lambda: not unsent() - gone(), wait - PROMPT)
            return [nodestatus.submitting(self._store.nodes.get(node), node) for node in sorted(unsent())]
        finally:
            self._client.on_upload(None)


def in_order(jobs: Sequence[Job]) -> list[Job]:
    """Those that come after others behind them; a config.yaml has no circles."""
    left: dict[str, list[Job]] = {}
    for job in jobs:  # a bundle may have an experiment with several snapshots
        left.setdefault(job.experiment.id, []).append(job)
    found: list[Job] = []

    def add(name: str) -> None:
        some = left.pop(name, [])
        for before in dict.fromkeys(name for job in some for name in job.experiment.after):
            add(before)
        found.extend(some)

    for name in list(left):
        add(name)
    return found


def _environment() -> dict[str, str]:
    """What a program on a local node gets: what the user has here and now."""
    return {name: value for name, value in os.environ.items() if not name.startswith("NERONET_")}
