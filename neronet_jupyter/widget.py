"""What every part of the Jupyter side has in common: a state that pages show, and acts that pages ask for.

A part is one widget: `render` says in Python what is to be seen, a React component of the labextension shows it,
and what the user does comes back as the name of an act. Neither side keeps what only the other one knows, so a
page that is loaded again, a second one and a notebook cell all show the same.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from ipywidgets import DOMWidget
from traitlets import Dict, Unicode

from neronet.errors import NeronetError

if TYPE_CHECKING:
    from neronet import Neroman
    from neronet_jupyter.live import Live

MODULE, VERSION = "neronet", "0.1.0"  # the widget module that the labextension registers
FAILED = 5.0  # seconds until a part that could not be rendered is tried again
Act = TypeVar("Act", bound=Callable[..., object])

log = logging.getLogger(__name__)


def slow(act: Act) -> Act:
    """Marks an act that may take long, such as one that waits for a node: others of its part go on meanwhile."""
    act.slow = True  # type: ignore[attr-defined]
    return act


@dataclass
class Page:
    """One place where a part is shown now: a view in a browser tab."""

    id: str
    heard: float  # monotonic seconds


class View(DOMWidget):  # type: ignore[misc]
    """A part of the panel, which also works alone in a notebook cell.

    `state` is what all its pages show; it is written on the thread of `Live` alone. An act runs on a thread of its
    own, one at a time for each part unless it is `slow`; what it returns (JSON) is the page's answer, and a
    NeronetError that it raises is shown where the user asked.
    """

    _model_name = Unicode("ViewModel").tag(sync=True)
    _model_module = Unicode(MODULE).tag(sync=True)
    _model_module_version = Unicode(VERSION).tag(sync=True)
    _view_module = Unicode(MODULE).tag(sync=True)
    _view_module_version = Unicode(VERSION).tag(sync=True)
    state = Dict().tag(sync=True)

    tick: float | None = None  # seconds after which it is rendered also if nothing changed: ages grow

    def __init__(self, neroman: Neroman | None = None, **options: Any) -> None:
        from neronet_jupyter.live import live

        self.live: Live = live(neroman)
        self.pages: dict[str, Page] = {}
        self._acting = threading.Lock()
        self._due, self._rendered, self._pause = True, 0.0, 0.0
        self._joined = False  # whether a page has come since it was rendered
        super().__init__(**options)
        self.on_msg(self._heard)
        _answer_while_busy(self)
        self.live.add(self)

    @property
    def neroman(self) -> Neroman:
        return self.live.neroman

    # -- for parts to override

    def render(self) -> dict[str, Any]:
        """What is to be seen now, as JSON."""
        raise NotImplementedError

    def runs_changed(self, numbers: set[int]) -> None:
        """Told before `render`, with the numbers of the runs that changed; for parts that keep what they read. It
        comes on the thread of `Live`, as soon as `View`'s constructor is done: what it needs is there before."""

    # -- for parts to use

    def changed(self) -> None:
        """Something other than the store has changed: render soon."""
        self._due = True
        self.live.wake()

    def tell(self, page: str, message: dict[str, Any]) -> None:
        """Sends `message` to one page's view: the rows that it shows of something big."""
        self.send({**message, "page": page})

    # -- for Live

    def refresh(self, now: float) -> None:
        """Renders if a page shows it and something changed; at most as often as `Live` may, less often when that
        is dear."""
        self._drop_silent(now)
        ticks = self.tick is not None and now - self._rendered >= self.tick
        if self.pages and (self._due or ticks) and now - self._rendered >= self._pause:
            self._renew(now)

    def _renew(self, now: float) -> None:
        joined, self._joined, self._due, self._rendered = self._joined, False, False, now
        try:
            state = self.render()
            if state != self.state:
                self.state = state
            elif joined:  # what is sent while a page makes its widget from an older state does not reach it
                self.send_state("state")
            self._pause = max(self.live.period, 3 * (time.monotonic() - now))
        except Exception:  # ours, or a full disk: the other parts must go on, and this one tries again
            log.exception("%s could not be rendered", type(self).__name__)
            self._due, self._pause = True, FAILED

    def stale(self) -> None:
        """The store has changed."""
        self._due = True

    def close(self) -> None:
        if "live" in self.__dict__:  # ipywidgets closes also what could not be made
            self.live.remove(self)
        super().close()

    # -- what pages say

    def _heard(self, _: object, content: dict[str, Any], __: object) -> None:
        do, page = str(content.get("do")), str(content.get("page"))
        if do == "unseen":
            self.pages.pop(page, None)
        elif do == "seen":
            new = page not in self.pages
            self.pages[page] = Page(page, time.monotonic())
            if new:
                self._joined, self._pause = True, 0.0
                self.changed()
        else:
            args = content.get("args")
            self.live.soon(
                lambda: self._act(do, args if isinstance(args, dict) else {}, page, content.get("id"))
            )

    def _act(self, do: str, args: dict[str, Any], page: str, number: object) -> None:
        answer: dict[str, Any] = {"answer": number}
        act = getattr(self, f"act_{do}", None)
        try:
            if act is None:
                raise NeronetError(
                    f"this kernel does not know how to {do}", "restart it: its Neronet is older"
                )
            if getattr(act, "slow", False):
                answer["ok"] = act(**args)
            else:
                with self._acting:
                    answer["ok"] = act(**args)
        except NeronetError as error:
            answer["error"] = {"text": str(error), "hint": error.hint}
        except Exception as error:
            log.exception("%s: %s failed", type(self).__name__, do)
            answer["error"] = {"text": f"an error in Neronet: {error!r}", "hint": ""}
        if number is not None:
            self.tell(page, answer)
        self.changed()

    def _drop_silent(self, now: float) -> None:
        """A tab that was closed says nothing; one whose kernel is busy cannot be heard for long."""
        for page in [page for page in self.pages.values() if now - page.heard > self.live.silence]:
            self.pages.pop(page.id, None)


def _answer_while_busy(widget: DOMWidget) -> None:
    """ipykernel 7.4 hears a page on the thread that last sent on its comm, so on the main one, which a cell may
    keep busy for long; before, and with this, on a thread of its own."""
    if hasattr(widget.comm, "_reply_subshell_for"):
        widget.comm._reply_subshell_for = lambda _, default: default
