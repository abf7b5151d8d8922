"""Homes with runs in any state, written without a node."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from neronet.store.experiments import ExperimentRow
from neronet.store.runs import NewRun, RunRow
from neronet.store.store import Store
from neronet.wire import states


def add(
    store: Store,
    experiment: str,
    parameters: Sequence[Mapping[str, str]],
    node: str = "gpu1",
    names: Sequence[str] = (),
    note: str = "",
) -> list[int]:
    """Runs of these parameters that wait for a place; their numbers."""
    new = [
        NewRun(
            names[i] if names else f"{experiment}/{i}", experiment, (), dict(each), ("true",), "s",
            f"{experiment}-{time.time_ns()}", i, node, 1000.0 + i, note,
        )
        for i, each in enumerate(parameters)
    ]  # fmt: skip
    with store.transaction():
        numbers = store.runs.add(new, lambda name: name.replace("/", "_"))
        for number in numbers:
            store.attempts.report(number, 1, states.QUEUED)
    return numbers


def start(store: Store, number: int, at: float | None = None) -> None:
    store.attempts.report(number, 1, states.RUNNING, started=time.time() if at is None else at)


def say(store: Store, number: int, first: int = 0, **metrics: Sequence[float]) -> None:
    """Points of these metrics, from the point number `first` on."""
    count = max(len(values) for values in metrics.values())
    records = [
        (
            5000.0 + first + i,
            [
                (name, values[i], 100 * (first + i), None)
                for name, values in metrics.items()
                if i < len(values)
            ],
        )
        for i in range(count)
    ]
    store.points.add(number, 1, 0, records)


def end(
    store: Store, number: int, state: str = states.FINISHED, reason: str = "", at: float | None = None
) -> None:
    at = time.time() if at is None else at
    store.attempts.report(
        number, 1, state, reason, exit_status=0 if state == states.FINISHED else 1, ended=at
    )
    store.attempts.complete(number, 1)


def define(store: Store, experiment: str, **spec: object) -> None:
    store.experiments.put([ExperimentRow(experiment, Path("/"), (), "x", dict(spec), 0.0)])


def many(store: Store, experiment: str, count: int, parameters: int, metrics: int) -> list[int]:
    """Runs of which all but the last twenty have finished, each with a few points of each metric."""
    chance = random.Random(count)
    each = [{f"p{j}": f"{chance.random():.4f}" for j in range(parameters)} for _ in range(count)]
    now = time.time()
    with store.transaction():
        numbers = add(store, experiment, each)
        for i, number in enumerate(numbers):
            start(store, number, now - count + i)
            say(
                store,
                number,
                **{f"metric{j}": [5.0 - k + chance.random() for k in range(4)] for j in range(metrics)},
            )
            if i < count - 20:
                end(store, number, at=now - count + i + 10)
    return numbers


def row(number: int = 1, **changes: object) -> RunRow:
    """A run as the store has it, without a store."""
    known: dict[str, object] = {
        "number": number, "name": f"one/{number}", "experiment": "one", "collections": (), "parameters": {},
        "argv": ("true",), "snapshot": "", "submitted": 0.0, "note": "", "priority": 0, "results": "", "point_key": "",
        "attempt": 1, "changed": 0, "node": "gpu1", "token": "", "idx": 0, "state": states.FINISHED,
        "reported_state": "", "reason": "", "exit_status": None, "started": 1.0, "ended": 2.0,
    }  # fmt: skip
    return RunRow(**{**known, **changes})  # type: ignore[arg-type]
