"""What a user does with the runs that are selected in a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neronet.api.runset import RunSet
from neronet.errors import InputError
from neronet.wire import states
from neronet_jupyter.table.arrange import spans
from neronet_jupyter.table.entry import Entry
from neronet_jupyter.table.export import export, tab_separated
from neronet_jupyter.table.model import Table
from neronet_jupyter.tags import Tagging
from neronet_jupyter.widget import slow


class Acts(Tagging):
    """The part of a table that acts on runs; each act answers {"notes": what could not be done at once}."""

    on_duplicate: Callable[[int], object] | None

    @property
    def table(self) -> Table:
        raise NotImplementedError

    @property
    def selected(self) -> tuple[int, ...]:
        raise NotImplementedError

    def _entries(self) -> list[Entry]:
        """The selected runs."""
        raise NotImplementedError

    def _runs(self, numbers: list[int] | None = None) -> RunSet:
        """These runs, else the selected ones."""
        found = RunSet(self.neroman, self.selected if numbers is None else numbers)
        if not found:
            raise InputError("no run is selected", "select some in the table")
        return found

    def tagged_runs(self) -> RunSet:
        return self._runs()

    @slow
    def act_terminate(self) -> dict[str, Any]:
        """Ends those selected runs that have not ended."""
        return _said(self.neroman.terminate(self._with(states.OPEN)))

    @slow
    def act_rerun(self, numbers: list[int] | None = None, failed: bool = False) -> dict[str, Any]:
        return _said(self.neroman.rerun(self._runs(numbers), failed=failed))

    @slow
    def act_hold(self) -> dict[str, Any]:
        return _said(self.neroman.hold(self._with(states.OPEN - {states.RUNNING})))

    @slow
    def act_release(self) -> dict[str, Any]:
        return _said(self.neroman.release(self._with(states.OPEN - {states.RUNNING})))

    @slow
    def act_delete(self) -> None:
        """Deletes those selected runs that have ended, with their results."""
        self.neroman.delete_runs(self._with(states.ENDED))

    @slow
    def act_export(self, name: str) -> str:
        """The path of the file that the selected runs were written to."""
        return str(export(self._runs(), self.neroman.home, name))

    def act_note(self, text: str, number: int | None = None) -> None:
        """Gives a run, or the selected ones, a note in place of the one that they had."""
        self.neroman.set_note(self._runs(None if number is None else [number]), text[:2000])

    def act_text(self) -> str:
        """The selected runs as a table for the clipboard."""
        return tab_separated(self.table, self._entries())

    def act_python(self) -> str:
        """The line of Python that gives the selected runs."""
        return f'neroman.runs("{spans(self.selected)}")'

    def act_cell(self) -> str:
        """A cell of a notebook that shows the selected runs as a live frame."""
        return (
            "from neronet import Neroman\n\nneroman = Neroman(background=True)\n"
            f'runs = neroman.runs("{spans(self.selected)}")\nruns.frame(live=True)'
        )

    def act_duplicate(self) -> None:
        """Opens the sweep of the selected run in the builder."""
        if self.on_duplicate is not None and len(self.selected) == 1:
            self.on_duplicate(self.selected[0])

    def _with(self, some: frozenset[str]) -> RunSet:
        """Those of the selected runs that are in one of these states now."""
        rows = self._runs().rows()
        return self._runs([row.number for row in rows if row.state in some])


def _said(runs: RunSet) -> dict[str, Any]:
    return {"notes": list(runs.notes)}
