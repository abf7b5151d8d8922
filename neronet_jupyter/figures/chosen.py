"""Which runs a figure is of."""

from __future__ import annotations

from collections.abc import Iterable

from neronet import Neroman
from neronet.api import RunSet

Runs = RunSet | str | int | Iterable[int] | None


def find(neroman: Neroman, runs: Runs) -> tuple[int, ...]:
    """Their numbers: those of a set, what a selector names, some numbers, or, for None, the newest experiment."""
    if isinstance(runs, RunSet):
        return runs.numbers
    if isinstance(runs, str | int):
        return neroman.runs(str(runs)).numbers
    if runs is not None:
        return tuple(sorted({int(number) for number in runs}))
    rows = neroman.store.runs.find()
    return tuple(row.number for row in rows if row.experiment == rows[-1].experiment)
