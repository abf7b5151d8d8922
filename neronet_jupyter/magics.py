"""`%load_ext neronet`: `%nero` does what `nerocli` does, `%%neronet` runs a cell as a sweep on nodes."""

from __future__ import annotations

import io
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class
from IPython.display import display

from neronet.api import Neroman, RunSet
from neronet.api.targets import Folder, resolve
from neronet.cli.console import Console
from neronet.cli.main import run
from neronet.cli.table import Line as Shown
from neronet.cli.table import Piece, Table, layout
from neronet.cli.text import harmless, harmless_log, number_ranges
from neronet.engine.holder import default_home
from neronet.engine.submission import Job, missing
from neronet.errors import NeronetError
from neronet.spec.problems import did_you_mean
from neronet.sync.snapshot import survey
from neronet.words import count
from neronet_jupyter import cells
from neronet_jupyter.live import live

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

WIDTH = 110  # columns of a table in a cell's output


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """What `%load_ext neronet` calls."""
    ipython.register_magics(NeronetMagics)


@dataclass
class CellConsole(Console):
    """The output of a cell, where `nerocli` writes plain text."""

    def lay_out(self, table: Table, indent: int = 0) -> tuple[list[Shown], list[str]]:
        lines, hidden = layout(table, WIDTH - indent)
        return [[" " * indent, *line] for line in lines], hidden

    def raw(self, text: str) -> None:
        super().raw(harmless_log(text))

    def then(self, text: str) -> None:
        super().then(text.replace("nerocli ", "%nero "))

    def sentence(self, first: Piece, text: str, style: str = "") -> None:
        super().sentence(first, text.replace("`nerocli ", "`%nero "), style)


FIGURE = "application/vnd.neronet.figure+json"  # drawn by the labextension, with the panel's kernel


class NotRun(NeronetError):
    """Shown by a cell as what happened and what to do, without where in the code."""

    def _render_traceback_(self) -> list[str]:
        return [harmless_log(text) for text in (str(self), self.hint) if text]


class SweepRuns(RunSet):
    """The runs of a `%%neronet` cell; shown as a line of text, which stays in the notebook, and a live figure."""

    def __init__(self, runs: RunSet, metric: str | None) -> None:
        super().__init__(runs._neroman, runs.numbers, runs.notes)
        self.metric = metric

    def _ipython_display_(self) -> None:
        for note in self.notes:
            print(harmless(note))
        print(self.line())
        known = {
            name for last in self._neroman.store.points.last(self.numbers).values() for name in last.counts
        }
        if self.metric is not None and known and self.metric not in known:
            hint = did_you_mean(self.metric, known)
            print(harmless_log(f"these runs have no metric {self.metric}\n{hint}".strip()))
            return
        if self._neroman.home == default_home():  # where the panel's kernel finds them, too
            figure = {"runs": list(self.numbers), "metric": self.metric}
            display({FIGURE: figure, "text/plain": "(its figure shows in JupyterLab)"}, raw=True)  # type: ignore[no-untyped-call]
            return
        from neronet_jupyter.figures import LiveFigure  # takes a second, which `%nero` need not wait for

        display(LiveFigure(self, self.metric))  # type: ignore[no-untyped-call]

    def line(self) -> str:
        """`6 runs of lr_sweep: 17-22 on gpu1, gpu2`."""
        nodes = ", ".join(sorted({row.node for row in self.rows()}))
        return f"{count(len(self), 'run')} of {self[0].experiment}: {number_ranges(self.numbers)} on {nodes}"


@magics_class
class NeronetMagics(Magics):
    """The magics of `%load_ext neronet`."""

    @line_magic
    def nero(self, line: str) -> None:
        """What `nerocli` does, as plain text: `%nero status`, `%nero submit FOLDER NODE`, `%nero logs RUN`.

        `%nero` alone lists all commands, `%nero submit --help` explains one.
        """
        console = CellConsole(sys.stdout, sys.stderr, io.StringIO())
        try:
            words = shlex.split(line)
        except ValueError:
            raise UsageError("a quote in this line is not closed") from None
        run(words, _neroman, console)

    @cell_magic
    def neronet(self, line: str, cell: str) -> SweepRuns:
        """Runs the cell as a script on nodes, once for each combination of values.

            %%neronet --on gpu lr=[0.1,0.01] seed=1..3 --name mysweep --metric loss
            for step in range(100):
                print("loss", train(lr, seed))

        The script is all that a run has: no variable of the notebook is there but the parameters. They are Python
        values: `0.1` is a float, `1` an int, `True` a bool, `[1, 2]` a list, and what is no literal the text itself
        (quotes around it only keep it together). The run gets the text exactly as written, as `NAME=TEXT` on its
        command line; the first line of the script, where the magic is in the cell, makes the variables from it.

            lr=0.1                    one value
            lr=[1e-3, 1e-2]           these values; in a list, [1, 2] is one value: x=[[1, 2], [3, 4]]
            seed=1..3                 1, 2, 3
            lr=0..1:step=0.25         0, 0.25, 0.5, 0.75, 1
            lr=0..1:count=5           the same, as a number of values
            lr=1e-4..0.1:log=4        0.0001, 0.001, 0.01, 0.1

        --on NODE        a node or a group of nodes; else the default node
        --name NAME      what the sweep is called; else a name made from the cell
        --metric METRIC  what the figure shows; else the first metric
        --python PROGRAM what runs the script there (python3)
        --again          also what was run before
        --yes            do not ask above 10,000 runs

        `{name}` in the line is a variable of the notebook: lr={rates}. The result is a RunSet: `runs = _` keeps it
        for the next cell, `runs.frame()` is its table. When the same cell is run again, also after a restart, it
        finds its runs; values that are new are run. The folder of the script is NERONET_HOME/cells/NAME.
        """
        try:
            return sweep(live().neroman, cells.parse(line), cell)
        except NeronetError as error:
            raise NotRun(str(error), error.hint) from None


def sweep(neroman: Neroman, line: cells.Line, cell: str) -> SweepRuns:
    """Submits what is new of the sweep of a cell; all its runs, whenever they were submitted. Raises NeronetError."""
    folder = cells.keep(neroman.home, cell, line)
    config, points = resolve(
        neroman.store, Folder(folder, everything=True)
    )  # an id that is taken is said here
    neroman.add_experiment(folder)  # else it would be noted that config.yaml has changed: that was us
    notes = neroman.submit(folder, line.on, again=line.again, confirmed=line.confirmed).notes
    experiment = config.experiments[0]
    snapshot = survey(folder, experiment, neroman.home, neroman.store.files)
    _, rows = missing(neroman.store, Job(experiment, points[experiment.id], snapshot))
    return SweepRuns(RunSet(neroman, [row.number for row in rows], notes), line.metric)


def _neroman(home: Path | None) -> Neroman:
    return Neroman(home, background=home is None)
