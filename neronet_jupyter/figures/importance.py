"""Which parameters matter for a metric (pure): how much of it each tells, and how much chance would tell.

The rank correlation needs nothing and says what one parameter tells by itself; a small forest, where scikit-learn is
there, also sees what parameters do together.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from neronet.spec.values import number
from neronet_jupyter.figures.resample import Array

SHUFFLES = 400
CHANCE = 0.95  # a value counts when so large a part of the shuffled ones is below it
TREES = 60
FOREST_SHUFFLES = 12
ENOUGH = 4  # runs; with fewer every order is likely


class Importance(NamedTuple):
    """`value` from 0 (tells nothing) to 1 (tells all), `sign` -1, 0 (no direction) or 1, `chance`: what a parameter
    that does not matter reaches."""

    name: str
    value: float
    sign: int
    chance: float

    @property
    def matters(self) -> bool:
        return self.value > self.chance


def has_forest() -> bool:
    return importlib.util.find_spec("sklearn") is not None


def rank(parameters: Mapping[str, Sequence[str]], values: Array) -> list[Importance]:
    """Each parameter's rank correlation with the metric, the strongest first.

    `parameters`: name -> its text in each run; `values`: the metric of each, of which those that are nan are left
    out (infinite ones are the largest).  A parameter of texts counts by the means of its groups (the correlation
    ratio of the ranks), which for two values is the same.
    """
    known = ~np.isnan(values)
    target = ranks(values[known])
    n = len(target)
    if n < ENOUGH or np.ptp(target) == 0:
        return []
    shuffled = np.array([np.random.default_rng(i).permutation(target) for i in range(SHUFFLES)])
    every = np.vstack([target, shuffled])
    every = every - every.mean(axis=1, keepdims=True)
    norm = np.sqrt((every[0] ** 2).sum())
    found = []
    for name, texts in parameters.items():
        column = [text for text, keep in zip(texts, known, strict=True) if keep]
        if len(set(column)) < 2:
            continue
        numbers = [number(text) for text in column]
        if all(value is not None and value == value for value in numbers):
            of = ranks(np.array(numbers, dtype=np.float64))
            of -= of.mean()
            told = every @ of / (norm * np.sqrt((of**2).sum()))
        else:
            _, group = np.unique(column, return_inverse=True)
            counts = np.bincount(group)
            sums = np.array([np.bincount(group, row) for row in every])
            told = np.sqrt((sums**2 / counts).sum(axis=1)) / norm
        sign = 0 if numbers[0] is None else int(np.sign(told[0]))
        chance = float(np.quantile(np.abs(told[1:]), CHANCE))
        found.append(Importance(name, float(min(1.0, abs(told[0]))), sign, chance))
    return sorted(found, key=lambda each: -each.value)


def forest(parameters: Mapping[str, Sequence[str]], values: Array) -> list[Importance]:
    """As `rank`, by a random forest: the part of what it learnt that each parameter gave.  Needs scikit-learn."""
    from sklearn.ensemble import RandomForestRegressor

    known = ~np.isnan(values)
    target = ranks(values[known])
    names = [
        name
        for name, texts in parameters.items()
        if len({text for text, keep in zip(texts, known, strict=True) if keep}) > 1
    ]
    if len(target) < ENOUGH or np.ptp(target) == 0 or not names:
        return []
    columns = np.array(
        [_coded([t for t, keep in zip(parameters[name], known, strict=True) if keep]) for name in names]
    )

    def learnt(of: Array, seed: int) -> Array:
        trees = RandomForestRegressor(TREES, min_samples_leaf=2, random_state=seed, n_jobs=1)
        trees.fit(columns.T, of)
        fit = max(0.0, float(trees.score(columns.T, of)))
        told: Array = trees.feature_importances_ * fit
        return told

    told = learnt(target, 0)
    shuffled = [
        learnt(np.random.default_rng(seed).permutation(target), seed)
        for seed in range(1, FOREST_SHUFFLES + 1)
    ]
    chance = np.max(shuffled, axis=0)
    found = [Importance(name, float(told[i]), 0, float(chance[i])) for i, name in enumerate(names)]
    return sorted(found, key=lambda each: -each.value)


def ranks(values: npt.ArrayLike) -> Array:
    """The place of each value in their order, from 0; equal ones share the mean of theirs."""
    array = np.asarray(values, dtype=np.float64)
    _, group, counts = np.unique(array, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    means: Array = (ends - 1 + ends - counts) / 2
    return means[group]


def _coded(texts: Sequence[str]) -> Array:
    """Numbers as their ranks, other texts as their places in the alphabet."""
    numbers = [number(text) for text in texts]
    if all(value is not None and value == value for value in numbers):
        return ranks(np.array(numbers, dtype=np.float64))
    return np.unique(texts, return_inverse=True)[1].astype(np.float64)
