"""What the user side itself reads from the mirrored logs of an experiment's runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from neronet.store.db import Database, to_json
from neronet.wire.points import NODE_STREAMS


class Extractor(NamedTuple):
    experiment: str
    number: int  # from 0, among those of its experiment
    stream: int  # of the log: 0 stdout, 1 stderr
    arguments: tuple[str, ...]  # of a processor in config.yaml: ("neronet", "regex", ...)
    created: float  # seconds since 1970
    last: int | None = None  # number of the last run that it is for: what comes later is read on its node

    def covers(self, run: int) -> bool:
        return self.last is None or run <= self.last

    @property
    def points(self) -> int:
        """The stream of its points."""
        return NODE_STREAMS + self.number


class ExtractorStore:
    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, experiment: str, stream: int, arguments: Sequence[str], created: float) -> Extractor:
        """The extractor, a new one unless there is the same already, for all runs of its experiment."""
        with self._db.transaction(durable=True) as sql:
            known = self.of(experiment)
            for each in known:
                if (each.stream, each.arguments) == (stream, tuple(arguments)):
                    self.set_last(each, None)
                    return each._replace(last=None)
            new = Extractor(experiment, len(known), stream, tuple(arguments), created)
            row = new._replace(arguments=to_json(list(arguments)))  # type: ignore[arg-type]
            sql.execute("INSERT INTO extractors VALUES (?, ?, ?, ?, ?, ?)", row)
        return new

    def set_last(self, extractor: Extractor, last: int | None) -> None:
        """The number of the last run that it is for, None for all that are and will be."""
        with self._db.transaction(durable=True) as sql:
            sql.execute(
                "UPDATE extractors SET last = ? WHERE experiment = ? AND number = ?",
                (last, extractor.experiment, extractor.number),
            )

    def of(self, experiment: str) -> list[Extractor]:
        """Those of an experiment, by number."""
        return self._find(_OF_EXPERIMENT, experiment)

    def of_run(self, run: int) -> list[Extractor]:
        """Those of an experiment that are for this run of it, by number."""
        return [each for each in self._find(_OF_RUN, run) if each.covers(run)]

    def _find(self, which: str, value: object) -> list[Extractor]:
        rows = self._db.rows(which, (value,))
        return [Extractor._make((*row[:3], tuple(json.loads(row[3])), *row[4:])) for row in rows]


_OF_EXPERIMENT = (
    "SELECT experiment, number, stream, arguments, created, last FROM extractors"
    " WHERE experiment = ? ORDER BY number"
)
_OF_RUN = _OF_EXPERIMENT.replace("?", "(SELECT experiment FROM runs WHERE number = ?)")
