"""`runs.frame(live=True)`: a table below a cell that follows its runs until they have ended."""

from __future__ import annotations

import html
import logging
import secrets
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pandas as pd
from IPython.display import display

from neronet.wire import states

if TYPE_CHECKING:
    from neronet.api import RunSet

PERIOD = 0.5  # seconds between two pictures, at least

log = logging.getLogger(__name__)


class LiveFrame:
    """Shown when it is the value of a cell; wherever it is shown, it follows the runs until all have ended, or
    until `stop()`. `frame` is the DataFrame as it is now."""

    def __init__(self, runs: RunSet) -> None:
        self.runs = runs
        self._id = secrets.token_hex(16)  # of the output, for the front end
        self._changed, self._stopped = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def frame(self) -> pd.DataFrame:
        return self.runs.frame()

    @property
    def live(self) -> bool:
        """Whether what is shown is followed now."""
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """What is shown is brought up to date and then stays as it is."""
        self._stopped.set()
        self._changed.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def __repr__(self) -> str:
        return repr(self.frame)

    def _ipython_display_(self) -> None:
        if not self.live and not self._ended():
            self._stopped.clear()
            end = self.runs._neroman.watch(set(self.runs.numbers), self._changed.set, self.stop)
            self._thread = threading.Thread(
                target=self._follow, args=(end,), name="neronet-frame", daemon=True
            )
        display(self._picture(), raw=True, display_id=self._id)  # type: ignore[no-untyped-call]
        if self._thread is not None and self._thread.ident is None:
            self._thread.start()

    def _follow(self, end: Callable[[], None]) -> None:
        try:
            ended = False
            while not ended:
                self._changed.clear()
                ended = self._stopped.is_set() or self._ended()
                display(self._picture(), raw=True, display_id=self._id, update=True)  # type: ignore[no-untyped-call]
                if not ended and not self._stopped.wait(PERIOD):
                    self._changed.wait()
        except Exception:  # its home may be gone
            log.exception("a live frame ended")
        finally:
            end()

    def _ended(self) -> bool:
        return all(row.state in states.ENDED for row in self.runs.rows())

    def _picture(self) -> dict[str, str]:
        """The table by pandas, which escapes every text, and what it is about. With its time: a page that is loaded
        again shows the last picture and hears of no new one."""
        frame = self.runs.frame()
        page = frame.to_html(
            escape=True, notebook=True, border=0, show_dimensions=True, formatters=MOMENTS,
            max_rows=pd.get_option("display.max_rows"), max_cols=pd.get_option("display.max_columns"),
        )  # fmt: skip
        about = f"{self.runs!r} (at {time.strftime('%H:%M:%S')})"
        return {"text/html": f"{page}\n<p>{html.escape(about)}</p>", "text/plain": f"{frame!r}\n{about}"}


def _moment(moment: pd.Timestamp) -> str:
    """In UTC as in the frame, without what nobody reads in a table that moves; it stays on one line."""
    return "" if pd.isna(moment) else moment.strftime("%d %b %H:%M:%S").replace(" ", "\u00a0")


MOMENTS: dict[str | int, Callable[[Any], str]] = {"started": _moment, "ended": _moment}
