"""Which parameters differ between the runs of experiments, and which metric matters (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from neronet.store.runs import RunRow
from neronet_jupyter import format as say
from neronet_jupyter.metrics import by_interest, default
from neronet_jupyter.table.columns import text_width
from neronet_jupyter.table.entry import Entry

ENOUGH = 40  # different values: more need not be known


class Parameters:
    """What the values of parameters are, by experiment. `zips`: experiment -> its zipped parameters."""

    def __init__(self) -> None:
        self.zips: Mapping[str, Sequence[Sequence[str]]] = {}
        self._values: dict[str, dict[str, set[str]]] = {}
        self._open: dict[str, set[str]] = {}  # the names of which not enough values are known
        self._named: dict[str, set[tuple[str, ...]]] = {}  # the names that runs of it have
        self._widths: dict[str, int] = {}

    @classmethod
    def of(cls, rows: Iterable[RunRow]) -> Parameters:
        made = cls()
        for row in rows:
            made.add(row)
        return made

    def add(self, row: RunRow) -> None:
        """Takes a new run."""
        experiment = row.experiment
        known = self._values.setdefault(experiment, {})
        named = self._named.setdefault(experiment, set())
        unknown = self._open.setdefault(experiment, set())
        names = tuple(row.parameters)
        if names not in named:
            named.add(names)
            unknown.update(name for name in names if name not in known)
            known.update({name: set() for name in names if name not in known})
        for name in list(unknown):
            value = row.parameters.get(name)
            if value is not None and value not in known[name]:
                known[name].add(value)
                self._widths[name] = max(self._widths.get(name, 0), text_width(value[:60]))
                if len(known[name]) == ENOUGH:
                    unknown.remove(name)

    def names(self, experiments: Iterable[str]) -> tuple[list[str], list[str], list[str]]:
        """(parameters that differ between runs of one of these experiments, of a zip only the first; the others of
        those zips; the parameters that are the same in all), each in the order of the experiments."""
        varying: dict[str, None] = {}
        zipped: dict[str, None] = {}
        others: dict[str, None] = {}
        for experiment in sorted(experiments):
            follow = {name for zip_ in self.zips.get(experiment, ()) for name in zip_[1:]}
            for name, values in self._values.get(experiment, {}).items():
                differs = len(values) > 1 or any(name not in some for some in self._named[experiment])
                (others if not differs else zipped if name in follow else varying)[name] = None
        return (
            list(varying),
            [name for name in zipped if name not in varying],
            [name for name in others if name not in varying and name not in zipped],
        )

    def width(self, name: str) -> int:
        """Pixels of the widest of its values."""
        return self._widths.get(name, 0)

    def all(self) -> list[str]:
        return list(dict.fromkeys(name for known in self._values.values() for name in known))


def default_metric(entries: Iterable[Entry], names: Mapping[int, str]) -> str:
    """What a user most likely wants to see of these runs; "" when they have no metric."""
    found: Counter[int] = Counter()
    for entry in islice(entries, 2000):
        found.update(entry.metrics.keys())
    return default(by_interest({names[metric]: found[metric] for metric in sorted(found)})) or ""


def measure(entries: Iterable[Entry], metric: int) -> int:
    """Pixels of the widest of these values of a metric."""
    values = (entry.value(metric) for entry in entries)
    return max((text_width(say.number(value)) for value in values if value is not None), default=0)
