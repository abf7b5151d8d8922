"""The part of Neroman that makes metrics of the numbers in logs; what does the work is imported when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from neronet.api.extracting import Extraction
    from neronet.api.neroman import Neroman


class FromLogs:
    """A base of Neroman."""

    def extract(
        self,
        run: int | str,
        number: str | float,
        name: str = "",
        *,
        line: int | None = None,
        column: int | None = None,
        stream: str = "stdout",
    ) -> Extraction:
        """What would make a metric of a number in the log of a run, and of its likes in all runs of its experiment;
        its `apply` does it.

        `number`: as it stands in the log; `line`: its number from 1, else the last line that has the number; `column`
        of one of its characters, from 0, with `line`, where a line has it twice; `name`: the metric's, else the words
        next to the number. Raises InputError for what is not there.
        """
        from neronet.api import extracting

        neroman = cast("Neroman", self)
        return extracting.extract(neroman, run, str(number), name, line, column, stream)

    def propose_at(
        self,
        run: int | str,
        stream: str,
        column: int,
        *,
        line: int | None = None,
        offset: int | None = None,
        name: str = "",
    ) -> dict[str, Any]:
        """The same for a click into a log: the number at a column (characters, from 0) of the line with this number
        (from 1) or with the byte at `offset`. JSON: what is proposed, and a preview of what it finds in this log."""
        from neronet.api import extracting

        neroman = cast("Neroman", self)
        return extracting.propose_at(
            neroman, run, stream, column, line=line, offset=offset, name=name
        ).to_json()
