"""A step of a slider over 10^6 recorded points: what each rule would have done, as often as the slider moves.

python -m bench.backtest [--small]
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from neronet.api.backtest import Backtest, parse_condition
from neronet.spec.experiment import StopLosers
from neronet.store.batches import Batch
from neronet.store.runs import NewRun
from neronet.store.store import Store
from neronet.sweep import folder_name

GOAL = 1.0  # seconds of a step
PLACES = 20  # runs at a time


def record(store: Store, runs: int, points: int) -> list[int]:
    dice = random.Random(1)
    new = [
        NewRun(f"b/n={n}", "b", (), {}, ("x", str(n)), "5" * 64, "a" * 16, n, "node", 0.0)
        for n in range(runs)
    ]
    with store.transaction():
        store.batches.add(Batch("a" * 16, "node", "place", "b", "5" * 64, 1, "accepted", 0.0), {})
        numbers = store.runs.add(new, folder_name)
        for place, number in enumerate(numbers):
            begun = 1000.0 + place // PLACES * points + dice.random()
            floor, height = dice.uniform(0.1, 0.6), dice.uniform(0.3, 1.5)
            made = [
                (begun + n, [["error", floor + height * n**-0.7 + dice.gauss(0, 0.01), n, None]])
                for n in range(1, points + 1)
            ]
            store.points.add(number, 1, 0, made)
            store.attempts.report(number, 1, "running", started=begun)
            store.attempts.report(number, 1, "finished", ended=begun + points + 1)
            store.attempts.complete(number, 1)
    return numbers


def steps(tested: Backtest, rounds: int) -> dict[str, Any]:
    """Seconds of a step of each slider: least, median and greatest."""
    sliders: dict[str, Callable[[int], Any]] = {
        "threshold": lambda n: parse_condition(f"error > {0.3 + n / 50}"),
        "threshold after": lambda n: parse_condition(f"error > {0.3 + n / 50} after {1 + n / 10}"),
        "median": lambda n: StopLosers("error", "minimize", "median", 10 + n),
        "halving": lambda n: StopLosers("error", "minimize", "halving", 10 + n, 2 + n % 3),
    }
    found = {}
    for name, rule in sliders.items():
        took = []
        for n in range(rounds):
            begun = time.perf_counter()
            tested.evaluate(rule(n))
            took.append(time.perf_counter() - begun)
        found[name] = {"min": min(took), "median": statistics.median(took), "max": max(took)}
    return found


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", action="store_true", help="few points, to see that it works")
    given = parser.parse_args(argv)
    found: dict[str, Any] = {}
    for runs, points in ((10, 100),) if given.small else ((200, 5000), (10_000, 100)):
        with tempfile.TemporaryDirectory() as folder, Store(Path(folder)) as store:
            store.start_writing()
            numbers = record(store, runs, points)
            begun = time.perf_counter()
            tested = Backtest.load(store, numbers, "error")
            load = time.perf_counter() - begun
            found[f"{runs} runs of {points}"] = {"load": load, **steps(tested, 2 if given.small else 10)}
    print(json.dumps({"bench": "backtest", "small": given.small, "goal": GOAL, **found}))


if __name__ == "__main__":
    main()
