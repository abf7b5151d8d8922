"""Figures of runs in bqplot: live curves, bands of many runs, and which parameters matter."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neronet_jupyter.figures.compare import Compare
    from neronet_jupyter.figures.live_figure import LiveFigure, plot

__all__ = ["Compare", "LiveFigure", "plot"]

_HOMES = {"Compare": "compare", "LiveFigure": "live_figure", "plot": "live_figure"}


def __getattr__(name: str) -> Any:
    # bqplot takes half a second to import: only who draws waits for it.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
