"""Which of many metrics a user most likely wants to see first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from neronet.wire.samples import is_sample

_TESTED = ("val", "test", "eval", "dev")
_TOLD = ("err", "loss", "acc", "score", "auc", "f1", "mse", "rew", "best")
_COUNTS = ("epoch", "step", "iter", "batch", "lr", "time", "second", "eta", "seed")


def by_interest(counts: Mapping[str, int]) -> list[str]:
    """The names, given with the number of runs that have them: measures of what was validated, other measures,
    the rest, what only counts, and at last what Neronet measured itself; of equal ones what most runs have, then in
    the order given."""

    def rank(name: str) -> tuple[int, int]:
        low = name.casefold()
        told = 2 * any(word in low for word in _TOLD) + any(word in low for word in _TESTED)
        return told - 3 * (low in _COUNTS) - 9 * is_sample(name), counts[name]

    return sorted(counts, key=rank, reverse=True)


def default(names: Iterable[str]) -> str | None:
    """The one to show where the user names none: the first that a program printed; of names in order of interest."""
    return next((name for name in names if not is_sample(name)), None)
