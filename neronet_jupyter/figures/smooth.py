"""Exponential smoothing without bias at the start (pure)."""

from __future__ import annotations

import math

import numpy as np

from neronet_jupyter.figures.resample import Array

Carry = tuple[float, float]  # weighted sum and sum of weights of the values before
START: Carry = (0.0, 0.0)
LARGE = 1e200  # sums of larger values would overflow
_DEEP = 200.0  # a block is so long that weights within it stay above exp(-_DEEP)


def smooth(values: Array, weight: float, before: Carry = START) -> tuple[Array, Carry]:
    """Each value as the mean of itself and all earlier ones, those `n` places back with `weight` ** n; and what
    `before` must be for the values that follow.

    0 <= `weight` < 1.  The first value is itself: no weight is given to values that never were.  nan, infinite and
    nearly infinite values stay as they are and do not count.
    """
    if weight <= 0 or len(values) == 0:
        return values, before
    known = np.abs(values) < LARGE  # not so for nan
    total, weights = before
    whole = np.where(known, values, 0.0)
    counts = known.astype(np.float64)
    smoothed = values.copy()
    block = max(1, int(_DEEP / -math.log(weight)))
    powers = weight ** np.arange(min(block, len(values)) + 1)
    for begin in range(0, len(values), block):
        part, count = whole[begin : begin + block], counts[begin : begin + block]
        n = len(part)
        back = powers[:n]
        sums = back * (np.cumsum(part / back) + weight * total)
        heavy = back * (np.cumsum(count / back) + weight * weights)
        here = known[begin : begin + n]
        smoothed[begin : begin + n][here] = sums[here] / heavy[here]
        total, weights = float(sums[-1]), float(heavy[-1])
    return smoothed, (total, weights)
