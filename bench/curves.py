"""Learning curves of a sweep from a fixed generator: a power law to a random floor, plus noise.

Without the noise, curves cross only in the first fifth of their steps.  Pure; `seeds.txt` holds the seeds that figures
are stated for.
"""

from __future__ import annotations

import functools
import random
from pathlib import Path
from typing import NamedTuple

NOISE = 0.01  # standard deviation; the floors of 64 runs are 0.008 apart on average


class Sweep(NamedTuple):
    curves: list[list[float]]
    best: int  # place of the run with the lowest floor


def seeds() -> list[int]:
    return [int(line) for line in Path(__file__).with_name("seeds.txt").read_text().split()]


@functools.lru_cache(maxsize=32)
def sweep(seed: int, runs: int = 64, steps: int = 100, noise: float = NOISE) -> Sweep:
    """The curves of a sweep, the lower the better, in the order in which they are submitted."""
    dice = random.Random(seed)
    late = range(steps // 5, steps)
    smooth: list[list[float]] = []
    for floor in sorted(dice.uniform(0.1, 0.6) for _ in range(runs)):
        below = smooth[-1] if smooth else [0.0] * steps
        first, last = below[late[0]] - floor, below[-1] - floor
        while True:  # until one does not cross the one below it late; most cross at one end of that
            height, power = dice.uniform(0.3, 1.5), dice.uniform(0.4, 1.2)
            if height * (late[0] + 1) ** -power <= first or height * steps**-power <= last:
                continue
            curve = [floor + height * step**-power for step in range(1, steps + 1)]
            if all(curve[step] > below[step] for step in late):
                break
        smooth.append(curve)
    order = list(range(runs))
    dice.shuffle(order)
    noisy = [[value + dice.gauss(0, noise) for value in smooth[place]] for place in order]
    return Sweep(noisy, order.index(0))
