"""The log of a run: what it printed, line by line, as it comes."""

from __future__ import annotations

import time
from typing import Any

from traitlets import Unicode

from neronet.api import Run, RunSet
from neronet.errors import InputError
from neronet.wire import states
from neronet_jupyter import format as say
from neronet_jupyter.lines import Lines, shown
from neronet_jupyter.pointing import Pointing, numbers_of

STREAMS = ("stdout", "stderr")
MOST = 500  # lines that a page may ask for at a time
LOOK = 0.2  # seconds between two looks at the file of an open run


class LogView(Pointing):
    """stdout and stderr of one run; a page gets the lines that it shows, and follows the end; a number of them can
    be made a metric.

    `run`: a number, a name, or a set with one run. InputError when it names another number of runs.
    """

    _view_name = Unicode("LogView").tag(sync=True)
    tick = LOOK

    def __init__(self, run: int | str | RunSet, neroman: Any = None) -> None:
        from neronet_jupyter.live import live

        chosen = run if isinstance(run, RunSet) else live(neroman).neroman.runs(str(run))
        if len(chosen) != 1:
            raise InputError(f"a log is of one run, these are {len(chosen)}", "name one run by its number")
        self._runs = chosen
        self._run: Run = chosen[0]
        self._number = self._run.number
        self._old = True  # what is known of the run may be from before a change
        self._lines = {stream: Lines(self._run.results / f"{stream}.log") for stream in STREAMS}
        self._windows: dict[str, tuple[str, int, int, bool]] = {}  # page -> stream, first, count, pointing
        self._sent: dict[str, object] = {}
        super().__init__(neroman if neroman is not None else None)
        self.add_class("nn-logbox")

    def stale(self) -> None:
        """Only changes of its own run count."""

    def runs_changed(self, numbers: set[int]) -> None:
        if self._run.number in numbers:
            self._old = self._due = True

    def render(self) -> dict[str, Any]:
        if self._old:
            self._run = self._runs[0]
            for stream, lines in self._lines.items():
                path = self._run.results / f"{stream}.log"
                if lines.path != path:  # another attempt has another folder
                    self._lines[stream] = Lines(path)
            self._old = False
        for lines in self._lines.values():
            lines.look()
        for page in list(self.pages):
            self._deliver(page)
        ended = self._run.state in states.ENDED
        return {
            "number": self._run.number,
            "state": self._run.state,
            "ended": ended,
            "streams": {
                name: {"count": lines.count, "size": say.size(lines.size)}
                for name, lines in self._lines.items()
            },
            "quiet": self._quiet(ended),
        }

    def _quiet(self, ended: bool) -> str:
        """Why there is nothing to read."""
        if any(lines.size for lines in self._lines.values()):
            return ""
        if self._run.started is None:
            return f"It has not begun: {self._run.reason or self._run.state}."
        if not ended:
            return f"It runs for {say.duration(time.time() - self._run.started)} and has printed nothing yet."
        return (
            "It printed nothing."
            if self._run.results.exists()
            else "Its results were deleted on this computer."
        )

    def act_window(self, stream: str, first: int, count: int, page: str, pointing: bool = False) -> None:
        """The page shows these lines from now on; `first` -1: the end, whatever comes; `pointing`: with the places of
        their numbers."""
        if stream not in STREAMS:
            raise InputError(f"there is no stream {stream!r}", "stdout or stderr")
        self._windows[page] = stream, first, min(count, MOST), pointing
        self._sent.pop(page, None)
        self._lines[stream].look()  # a page that has just come does not wait for the next look
        self._deliver(page)

    def act_search(self, stream: str, text: str) -> list[int]:
        """Numbers of the lines (from 0) that hold `text`."""
        return self._lines[stream].search(text) if text else []

    def act_path(self, stream: str) -> str:
        """The file on this computer."""
        return str(self._lines[stream].path)

    def _deliver(self, page: str) -> None:
        window = self._windows.get(page)
        if window is None:
            return
        stream, first, count, pointing = window
        lines = self._lines[stream]
        begin = max(0, lines.count - count) if first < 0 else first
        end = min(lines.count, begin + count)
        # An unfinished last line grows without being one more.
        key = (stream, begin, end, lines.size if end == lines.count else 0, pointing)
        if self._sent.get(page) == key:
            return
        self._sent[page] = key
        pieces = lines.pieces(begin, count)
        part = {"stream": stream, "first": begin, "lines": [shown(data) for _, data in pieces]}
        numbers = [numbers_of(*piece) for piece in pieces] if pointing else []
        self.tell(page, {**part, "count": lines.count, "numbers": numbers})
