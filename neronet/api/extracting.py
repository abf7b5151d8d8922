"""Point at a number: from one number in the log of a run to a metric of all runs of its experiment."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from neronet.engine.extracting import extract_run, log_of, read_run, reads_itself
from neronet.errors import InputError
from neronet.extract.propose import Proposal, propose
from neronet.spec import editing
from neronet.spec.config import load_config
from neronet.spec.edit_processor import with_processor
from neronet.spec.experiment import STREAMS
from neronet.spec.writing import written
from neronet.store.columns import Columns
from neronet.store.extractors import Extractor
from neronet.store.runs import RunRow
from neronet.wire import printed
from neronet.wire.points import Lines

if TYPE_CHECKING:
    import pandas as pd

    from neronet.api.neroman import Neroman

HEAD = 64 * 1024  # bytes at the beginning of a log that are looked at
BEFORE, AFTER = 512 * 1024, 256 * 1024  # bytes around the line that is pointed at
SAMPLE = 20  # points of a preview
_LINE_END = re.compile(rb"\r\n|\n|\r")


class Match(NamedTuple):
    """What is found in the log of a run, of one metric; `note`: why nothing is taken from it."""

    run: int
    name: str
    metric: str
    points: int
    first: float
    last: float
    note: str = ""


@dataclass
class Extraction:
    """A proposal for all runs of an experiment; `apply` makes it so."""

    neroman: Neroman
    run: RunRow
    stream: str
    line: int  # its number, from 1; lines end with a newline or a carriage return
    proposal: Proposal
    notes: list[str] = field(default_factory=list)  # sentences for the user
    stored: int = 0  # points, by `apply`
    config: Path | None = None  # that `apply` has changed; None where it says so already

    @property
    def text(self) -> str:
        """The lines that config.yaml gets."""
        return f"output_line_processor:\n  {self.stream}: {written(self.proposal.text)}"

    @property
    def matches(self) -> pd.DataFrame:
        """A row for each run of the experiment and metric that is found in its log: run, name, metric, points, first,
        last (values), note. All logs are read for it."""
        import pandas as pd

        frame: pd.DataFrame = pd.DataFrame(self.found(), columns=list(Match._fields))
        return frame

    def found(self) -> list[Match]:
        """The same as tuples."""
        found: list[Match] = []
        there = self._elsewhere({self.proposal.name})
        for run in self._runs():
            if run.number in there:
                text = "has this metric already, from elsewhere"
                found.append(Match(run.number, run.name, self.proposal.name, 0, *_NO, text))
                continue
            if reads_itself(self.neroman.store, run.token, self._extractor(0)):
                found.append(Match(run.number, run.name, self.proposal.name, 0, *_NO, "its node reads it"))
                continue
            columns = read_run(self.neroman.home, run, STREAMS.index(self.stream), self.proposal.arguments)
            found += [
                Match(
                    run.number,
                    run.name,
                    name,
                    len(each.values),
                    float(each.values[0]),
                    float(each.values[-1]),
                )
                for name, each in columns.items()
            ]
            if not columns:
                found.append(Match(run.number, run.name, self.proposal.name, 0, *_NO, "nothing in its log"))
        return found

    def is_known(self, write: bool = True) -> bool:
        """Whether `apply` was done already, so that it only takes what has come since."""
        if not self._same():
            return False
        change = self._config() if write else None
        return change is None or change.new == change.text

    def apply(self, write: bool = True) -> Extraction:
        """Stores the points of all runs of the experiment, takes those of running ones as they come, and adds the
        processor to config.yaml, so that nodes read it in runs to come; without `write` that goes on here.

        Doing it again changes nothing. Raises InputError, and changes nothing, for a metric that a run has from
        elsewhere, and when config.yaml cannot be changed.
        """
        store = self.neroman.store
        self._refuse_known()
        change = self._config() if write else None
        extractor = store.extractors.add(
            self.run.experiment, STREAMS.index(self.stream), self.proposal.arguments, time.time()
        )
        # After the extractor is stored: what the engine gets from now on it reads by itself.
        self.stored = sum(
            extract_run(store, self.neroman.home, extractor, run.number) for run in self._runs()
        )
        if change is not None:
            if change.new != change.text:
                editing.write(change.folder, change.new, change.sha256)
                self.config = change.folder / editing.FILE
            store.extractors.set_last(extractor, max(store.runs.numbers()))
            if change.known and self.config:  # it was what config.yaml said: it is what it says now
                self.neroman.add_experiment(change.folder)
        return self

    def to_json(self) -> dict[str, Any]:
        """For a view of the log: what is proposed, and a preview in the log that was pointed at."""
        columns = read_run(self.neroman.home, self.run, STREAMS.index(self.stream), self.proposal.arguments)
        return {
            "run": self.run.number,
            "experiment": self.run.experiment,
            "stream": self.stream,
            "line": self.line,
            "name": self.proposal.name,
            "value": self.proposal.value,
            "step": self.proposal.step,
            "description": self.proposal.description,
            "config": self.text,
            "notes": self.notes,
            "preview": [_preview(name, each) for name, each in columns.items()],
        }

    def _runs(self) -> list[RunRow]:
        rows = self.neroman.store.runs.find()
        return [row for row in rows if row.experiment == self.run.experiment]

    def _extractor(self, number: int) -> Extractor:
        stream = STREAMS.index(self.stream)
        return Extractor(self.run.experiment, number, stream, self.proposal.arguments, 0.0)

    def _refuse_known(self) -> None:
        columns = read_run(self.neroman.home, self.run, STREAMS.index(self.stream), self.proposal.arguments)
        there = self._elsewhere({self.proposal.name, *columns})
        for run in self._runs():
            if run.number in there:
                raise InputError(
                    f"{run.name} has a metric {there[run.number]} already, from elsewhere",
                    "choose another name: --name, or name=",
                )

    def _same(self) -> bool:
        """Whether this is read of the runs already."""
        wanted = (STREAMS.index(self.stream), self.proposal.arguments)
        known = self.neroman.store.extractors.of(self.run.experiment)
        return any((each.stream, each.arguments) == wanted for each in known)

    def _elsewhere(self, names: set[str]) -> dict[int, str]:
        """Run -> one of these metrics that it has, not by this pattern."""
        store = self.neroman.store
        if self._same():
            return {}
        there: dict[int, str] = {}
        for run in self._runs():
            known = names & store.points.heads(run.number).keys()
            if known and not reads_itself(store, run.token, self._extractor(0)):
                there[run.number] = min(known)
        return there

    def _config(self) -> _Change:
        known = self.neroman.store.experiments.get(self.run.experiment)
        if known is None:
            raise InputError(
                f"the experiment {self.run.experiment} was removed, its config.yaml is not known",
                f"leave it alone with --no-write, or add it again and write:\n{self.text}",
            )
        text, sha256 = editing.fingerprint(known.folder)
        config = load_config(known.folder)
        config.check()
        experiment = next((each for each in config.experiments if each.id == self.run.experiment), None)
        if experiment is None:
            raise InputError(
                f"{known.folder / editing.FILE} has no experiment {self.run.experiment} any more",
                "leave it alone with --no-write",
            )
        processors: Mapping[str, Sequence[str]] = experiment.output_line_processor
        new = with_processor(text, experiment.id, processors, self.stream, self.proposal.arguments)
        return _Change(known.folder, text, new, sha256, known.config_sha256 == sha256)


class _Change(NamedTuple):
    """Of a config.yaml."""

    folder: Path
    text: str
    new: str
    sha256: str  # of the present text
    known: bool  # it is what was added


_NO = (float("nan"), float("nan"))


def _preview(name: str, columns: Columns) -> dict[str, Any]:
    part = slice(-SAMPLE, None)
    steps = [None if step != step else step for step in columns.steps[part].tolist()]
    return {
        "metric": name,
        "points": len(columns.values),
        "values": columns.values[part].tolist(),
        "steps": steps,
        "offsets": columns.offsets[part].tolist(),
    }


# -- finding what is pointed at


def extract(
    neroman: Neroman,
    run: int | str,
    number: str,
    name: str = "",
    line: int | None = None,
    column: int | None = None,
    stream: str = "stdout",
) -> Extraction:
    """See `Neroman.extract`."""
    if column is not None:
        if line is None:
            raise InputError(f"column {column} of which line?", "give line= together with column=")
        found = propose_at(neroman, run, stream, column, line=line, name=name)
        if number and printed.number(number) != found.proposal.value:
            raise InputError(
                f"the number at column {column} of line {line:,} is {found.proposal.value:g}, not {number}",
                "point at one of them: leave the column out, or give the number that stands there",
            )
        return found
    row = _one(neroman, run)
    data = _log(neroman, row, stream)
    if line is not None:
        offset = _offset_of_line(data, line)
        return _extraction(neroman, row, stream, data, offset, number=number, name=name)
    begins = _lines_with(data, number)
    if not begins:
        raise InputError(
            f"{number} does not stand in {stream} of {row.name}",
            f"nerocli logs {row.number} shows what does",
        )
    found = _extraction(neroman, row, stream, data, begins[-1], number=number, name=name)
    if len(begins) > 1:
        found.notes.append(
            f"{number} stands in {len(begins):,} lines; the last one is meant, line {found.line:,} "
            "(--line takes another)"
        )
    return found


def _lines_with(data: bytes, number: str) -> list[int]:
    """The offsets of the lines that have this number, as it is written or with more zeros behind it."""
    zeros = rb"0*" if "." in number else rb"(?:\.0+)?"
    token = re.compile(rb"(?<![\w.])(?<!\d[:-])" + re.escape(number.encode()) + zeros + rb"(?![.,:]?\d)")
    if b"\x1b" in data:  # a number may have colours within
        begins = [0, *(match.end() for match in _LINE_END.finditer(data))]
        pairs = itertools.pairwise([*begins, len(data)])
        return [begin for begin, end in pairs if token.search(printed.plain(data[begin:end]))]
    return sorted(
        {
            max(data.rfind(b"\n", 0, match.start()), data.rfind(b"\r", 0, match.start())) + 1
            for match in token.finditer(data)
        }
    )


def propose_at(
    neroman: Neroman,
    run: int | str,
    stream: str,
    column: int,
    *,
    line: int | None = None,
    offset: int | None = None,
    name: str = "",
) -> Extraction:
    """What is proposed for the number at a column (characters, from 0) of a line, which is given by its number from 1
    or by the offset of one of its bytes; for a click into a log. Raises InputError."""
    row = _one(neroman, run)
    data = _log(neroman, row, stream)
    if offset is None:
        offset = _offset_of_line(data, line or 0)
    elif not 0 <= offset < len(data):
        raise InputError(f"{stream} of {row.name} has {len(data):,} bytes", "point at one of them")
    return _extraction(neroman, row, stream, data, offset, column=column, name=name)


def _one(neroman: Neroman, run: int | str) -> RunRow:
    rows = neroman.runs(run).rows()
    if len(rows) != 1:
        raise InputError(f"{run!r} names {len(rows)} runs, not one", "name the run whose log has the number")
    return rows[0]


def _log(neroman: Neroman, row: RunRow, stream: str) -> bytes:
    if stream not in STREAMS:
        raise InputError(f"there is no stream {stream!r}", "stdout or stderr")
    try:
        data = log_of(neroman.home, row, STREAMS.index(stream)).read_bytes()
    except OSError:
        data = b""
    if not data:
        hint = f"its state is {row.state}; the streams are {' and '.join(STREAMS)}"
        raise InputError(f"nothing of {stream} of {row.name} is here", hint)
    return data


def _offset_of_line(data: bytes, line: int) -> int:
    begins = [0, *(match.end() for match in _LINE_END.finditer(data) if match.end() < len(data))]
    if not 0 < line <= len(begins):
        raise InputError(f"there is no line {line}: the log has {len(begins):,}", "lines count from 1")
    return begins[line - 1]


def _extraction(
    neroman: Neroman, row: RunRow, stream: str, data: bytes, offset: int, *, name: str, **what: Any
) -> Extraction:
    """The proposal for a number in the line that has the byte at `offset`."""
    begin = max(data.rfind(b"\n", 0, offset), data.rfind(b"\r", 0, offset)) + 1
    first = max(0, begin - BEFORE)
    if first:
        first = data.find(b"\n", first, begin) + 1 or begin
    head = _lines(data[: min(HEAD, first)])
    before = _lines(data[first:begin])
    last = data.find(b"\n", begin + AFTER)
    here = _lines(data[begin : len(data) if last < 0 else last + 1])
    if not here:
        raise InputError("there is no number in an empty line", "point at a number")
    proposal = propose([*head, *before, *here], len(head) + len(before), name=name, **what)
    number = 1 + sum(1 for _ in _LINE_END.finditer(data, 0, begin))
    return Extraction(neroman, row, stream, number, proposal)


def _lines(data: bytes) -> list[str]:
    lines = Lines()
    whole = lines.feed(data.replace(b"\r\n", b"\n")) + lines.finish()
    return [printed.text_of(line) for _, line in whole]
