"""A rule across runs against letting all run: what it saves, and whether the best run is kept.

64 learning curves (curves.py) of each seed of seeds.txt are run over three nodes with four places each, event by event
in simulated time, and decided as it is live: each node knows its own runs, and the engine all of them, later.

    python -m bench.losers [--small]
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

from bench.curves import Sweep, seeds, sweep
from neronet.spec.experiment import StopLosers
from neronet.wire.losers import Course, Losers, follows

NODES, PLACES = 3, 4
DELAY = 0.5  # steps until the engine hears of a point
GOAL = {"saved": 0.5, "best_kept": 1.0}


class Outcome(NamedTuple):
    saved: float  # share of all steps
    best_kept: bool
    stopped: dict[int, int]  # run -> its checkpoint
    evidence: list[dict[str, Any]]


def live(made: Sweep, rule: dict[str, Any], seed: int = 0) -> Outcome:
    """The sweep as it would go with this rule."""
    dice = random.Random(seed)
    runs, steps = len(made.curves), len(made.curves[0])
    waiting = [list(range(node, runs, NODES)) for node in range(NODES)]
    at_node, across = [Losers(rule) for _ in range(NODES)], Losers(rule)
    pace = [dice.uniform(0.7, 1.4) for _ in range(runs)]
    courses = [Course(rule) for _ in range(runs)]
    stopped: dict[int, int] = {}
    evidence: list[dict[str, Any]] = []
    done = 0
    heap: list[tuple[float, int, int, Any]] = []  # (time, run, step; -1: the engine hears, entry)

    def begin(node: int, now: float) -> None:
        if waiting[node]:
            run = waiting[node].pop(0)
            heapq.heappush(heap, (now + pace[run], run, 0, None))

    def decide(judge: Losers, entry: tuple[int, int, float | None]) -> None:
        for loser, point, why in judge.feed([entry]):
            if loser not in stopped:
                stopped[loser] = point
                evidence.append(why)
            for other in (at_node[loser % NODES], across):
                other.leave(loser)

    for node in range(NODES):
        for _ in range(PLACES):
            begin(node, 0.0)
    while heap:
        now, run, step, entry = heapq.heappop(heap)
        if step < 0:
            decide(across, entry)
        elif run in stopped:
            begin(run % NODES, now)
        else:
            done += 1
            if (reached := courses[run].feed(made.curves[run][step])) is not None:
                decide(at_node[run % NODES], (run, *reached))
                heapq.heappush(heap, (now + DELAY, run, -1, (run, *reached)))
            if step + 1 == steps:
                begin(run % NODES, now)
            else:
                heapq.heappush(heap, (now + pace[run], run, step + 1, None))
    return Outcome(1 - done / (runs * steps), made.best not in stopped, stopped, evidence)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", action="store_true", help="two seeds")
    given = parser.parse_args(argv)
    made = {seed: sweep(seed) for seed in (seeds()[:2] if given.small else seeds())}
    found: dict[str, Any] = {}
    for rule in ("median", "halving"):
        for points in (10, 20):
            spec = StopLosers("error", "minimize", rule, points).to_json()
            outcomes = [live(one, spec, seed) for seed, one in made.items()]
            saved = [outcome.saved for outcome in outcomes]
            found[f"{rule} {points}"] = {
                "saved": {"min": min(saved), "median": statistics.median(saved), "max": max(saved)},
                "best_kept": sum(outcome.best_kept for outcome in outcomes),
                "of": len(outcomes),
                "follow": all(follows(why) for outcome in outcomes for why in outcome.evidence),
            }
    print(json.dumps({"bench": "losers", "small": given.small, "goal": GOAL, **found}))


if __name__ == "__main__":
    main()
