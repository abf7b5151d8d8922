"""Point at a number of a log: which ones a page makes into buttons, and what a click leads to.

A page gives a number by the offset of its line in the file and its column there, as they came with the lines: these
stay true while the log grows.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from neronet.extract.propose import value_columns
from neronet.extract.trial import joined
from neronet_jupyter import format as say
from neronet_jupyter.lines import ROOM, last_written, shown, shown_columns
from neronet_jupyter.widget import View, slow

if TYPE_CHECKING:
    from neronet.api.extracting import Extraction, Match

SHOWN = 5  # runs of a preview


def numbers_of(offset: int, data: bytes) -> list[dict[str, int]]:
    """The numbers of a line that may be pointed at. `data` is what was read of the line at `offset` of the file.

    Each is {"start", "end"}, columns of what is shown, and {"offset", "column"}, its place in the file; columns count
    characters. None of a line that is longer than what is read.
    """
    begin, text = last_written(data)
    if len(data) >= ROOM and not begin:
        return []
    columns = shown_columns(text)
    found = []
    for first, behind in value_columns(text):
        start, end = bisect_left(columns, first), bisect_left(columns, behind)
        if (
            columns[start:end] and columns[start] == first and columns[end - 1] == behind - 1
        ):  # both its ends are shown
            found.append({"start": start, "end": end, "offset": offset + begin, "column": first})
    return found


class Pointing(View):
    """A part with the log of one run, `_number`."""

    _number: int

    @slow
    def act_propose(self, stream: str, offset: int, column: int, name: str = "") -> dict[str, Any]:
        """What would make a metric of the number; `name` is the user's, "" for the words next to it."""
        found = self._extraction(stream, offset, column, name)
        proposal = found.proposal
        return {
            "name": proposal.name,
            "takes": joined(proposal.arguments),
            "what": proposal.description.removeprefix(f"{proposal.name}: "),
            "python": self._python(found, offset, column, name),
        }

    @slow
    def act_matches(self, stream: str, offset: int, column: int, name: str = "") -> dict[str, Any]:
        """What that finds in the runs of the experiment: all their logs are read."""
        return preview(self._extraction(stream, offset, column, name))

    @slow
    def act_add(
        self, stream: str, offset: int, column: int, name: str = "", write: bool = True
    ) -> dict[str, Any]:
        """Makes it so; {"said": sentences, "config": the file that was written, "" for none}."""
        found = self._extraction(stream, offset, column, name).apply(write)
        return {"said": told(found, write), "config": str(found.config or "")}

    def _extraction(self, stream: str, offset: int, column: int, name: str) -> Extraction:
        from neronet.api.extracting import propose_at

        return propose_at(self.neroman, self._number, stream, column, offset=offset, name=name)

    def _python(self, found: Extraction, offset: int, column: int, name: str) -> str:
        """The line of Python that does the same."""
        from neronet.engine.extracting import log_of
        from neronet.spec.experiment import STREAMS

        with log_of(self.neroman.home, found.run, STREAMS.index(found.stream)).open("rb") as file:
            file.seek(offset)
            line = file.read(ROOM).replace(b"\r", b"\n").partition(b"\n")[0].decode("utf-8", "replace")
        places = value_columns(line)
        text = next(
            shown(line[first:behind].encode()) for first, behind in places if first <= column <= behind
        )
        options = [f"line={found.line}"]
        if next(first for first, behind in places if shown(line[first:behind].encode()) == text) != column:
            options.append(f"column={column}")  # the line has it twice
        if name:
            options.append(f'name="{name}"')
        if found.stream != "stdout":
            options.append(f'stream="{found.stream}"')
        return f'neroman.extract({self._number}, "{text}", {", ".join(options)}).apply()'


def preview(found: Extraction) -> dict[str, Any]:
    """What is found in the logs of the runs: a sentence, and a few rows, the run that was pointed at first."""
    matches = sorted(found.found(), key=lambda match: match.run != found.run.number)
    having = {match.run for match in matches if match.points}
    points = sum(match.points for match in matches)
    runs = len({match.run for match in matches})
    return {
        "summary": f"{say.count(points, 'point')} in {len(having):,} of {say.count(runs, 'run')}",
        "rows": [_row(match) for match in matches[:SHOWN]],
        "more": max(0, len(matches) - SHOWN),
    }


def _row(match: Match) -> dict[str, Any]:
    first, last = (say.number(match.first), say.number(match.last)) if match.points else ("", "")
    return {
        "run": match.run, "name": match.name, "metric": match.metric, "points": f"{match.points:,}",
        "first": first, "last": last, "note": match.note,
    }  # fmt: skip


def told(found: Extraction, write: bool) -> list[str]:
    """What `apply` has done."""
    stored = say.count(found.stored, "new point")
    said = [f"{found.proposal.name}: {stored} in the runs of {found.run.experiment}; those that run go on."]
    if found.config is not None:
        said.append(f"Written into {found.config}, for runs to come:")
        said.append(found.text)
    elif not write:
        said.append("config.yaml was left alone: the logs of later runs are read on this computer.")
    return said
