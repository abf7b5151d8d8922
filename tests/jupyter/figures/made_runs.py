"""Runs with points that were never run: put into the store as the engine would."""

from __future__ import annotations

import math
import random
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from neronet.spec.experiment import Condition, Experiment
from neronet.store import Store
from neronet.store.batches import LOCAL, Batch
from neronet.store.experiments import ExperimentRow
from neronet.store.points import Record
from neronet.store.runs import NewRun

SNAPSHOT = "5" * 64
BEGAN = 1_700_000_000.0


def make_runs(
    store: Store, parameters: Sequence[Mapping[str, object]], experiment: str = "resnet"
) -> list[int]:
    """New runs that have begun, one for each set of parameters; their numbers."""
    token = secrets.token_hex(8)
    with store.transaction(durable=True):
        batch = Batch(token, "gpu1", "place", experiment, SNAPSHOT, 1, "accepted", BEGAN)
        store.batches.add(batch, {"runs": len(parameters), LOCAL: {"folder": "/nowhere"}})
        runs = []
        for idx, values in enumerate(parameters):
            texts = {name: str(value) for name, value in values.items()}
            name = f"{experiment}/" + ",".join(f"{key}={text}" for key, text in texts.items())
            runs.append(NewRun(name, experiment, (), texts, ("train",), SNAPSHOT, token, idx, "gpu1", BEGAN))
        numbers = store.runs.add(runs, lambda name: f"results/{name}")
        for number in numbers:
            store.attempts.report(number, 1, "running", started=BEGAN)
    return numbers


class Printed:
    """Adds points as a program's lines would."""

    def __init__(self, store: Store) -> None:
        self._store, self._offsets = store, dict[int, int]()

    def add(
        self,
        run: int,
        metric: str,
        values: Sequence[float],
        first: float | None = None,
        pace: float = 60.0,
        attempt: int = 1,
    ) -> None:
        """`values` with the steps `first`, `first` + 1, ... (None: without steps), `pace` seconds apart."""
        records: list[Record] = []
        for i, value in enumerate(values):
            offset = self._offsets[run] = self._offsets.get(run, 0) + 10
            step = None if first is None else first + i
            records.append((BEGAN + pace * ((step or i) + 1), [(metric, value, offset, step)]))
        with self._store.transaction():
            self._store.points.add(run, attempt, 0, records)


def end(store: Store, run: int, state: str = "finished", reason: str = "", attempt: int = 1) -> None:
    store.attempts.report(run, attempt, state, reason=reason, ended=BEGAN + 6000)
    store.attempts.complete(run, attempt)


def define(
    store: Store, folder: Path, experiment: str = "resnet", limit: float | None = None, steps: str = ""
) -> None:
    """An experiment with a condition on val_error, and how many steps its runs have."""
    conditions = () if limit is None else (Condition("too_high", "val_error", limit, "gt", None, "kill"),)
    spec = Experiment(experiment, folder, "train.py", conditions=conditions, steps=steps or None)
    store.experiments.put([ExperimentRow(experiment, folder, (), "0" * 64, spec.to_json(), BEGAN)])


def curve(lr: float, opt: str, depth: int, n: int, seed: int) -> list[float]:
    """An error rate over epochs as training shows it."""
    noise = random.Random(seed)
    far = abs(math.log10(lr) - (-1.3 if opt == "sgd" else -2.9))
    least = 6.1 + 2.3 * far**2 + (0.9 if depth == 20 else 0)
    values = []
    for epoch in range(1, n + 1):
        fall = least * 0.42 / (1 + math.exp((epoch - 45) * 1.6))
        wobble = noise.gauss(0, 0.6) * least * (0.07 if epoch < 46 else 0.014)
        values.append(least + fall + (66 - least) * math.exp(-epoch / (5 + 3.2 * far)) + wobble)
    return values


def sweep(store: Store, folder: Path) -> list[int]:
    """42 runs of the sweep that the mock-ups show: lr, opt, depth, seed."""
    define(store, folder, limit=50.0, steps="90")
    grid: list[dict[str, Any]] = [
        {"lr": lr, "opt": opt, "depth": depth, "seed": seed}
        for lr in ("0.1", "0.01", "0.001", "0.0001")
        for opt in ("sgd", "adamw")
        if (lr, opt) != ("0.1", "adamw")
        for depth in (20, 56)
        for seed in (1, 2, 3)
    ]
    numbers = make_runs(store, grid)
    printed = Printed(store)
    for i, (number, values) in enumerate(zip(numbers, grid, strict=True)):
        n = 41 if i == 21 else 66 if i == 19 else 12 if i == 16 else 90
        error = curve(float(values["lr"]), values["opt"], values["depth"], n, i)
        if i == 3:
            error = [52 - 4 * epoch if epoch < 4 else 40 + 4.6 * (epoch - 4) for epoch in range(1, 11)]
            error[-1] = 67.01
        printed.add(number, "val_error", error, first=1)
        printed.add(number, "train_loss", [0.031 * value + 0.02 for value in error], first=1)
        if i == 3:
            end(store, number, "terminated", "condition error_over_50, 67.01 > 50")
        elif i == 16:
            end(store, number, "failed", "out of memory")
        elif n == 90:
            end(store, number)
    return numbers
