"""Neronet in JupyterLab: the parts of the panel, which also work alone in a notebook cell."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PARTS = {
    "Panel": "panel",
    "NodePicker": "nodes",
    "SweepBuilder": "sweep",
    "ExperimentList": "experiments",
    "RunsTable": "runs",
    "RunView": "run",
    "LiveFigure": "figures",
    "Compare": "figures",
    "Backtest": "backtest",
    "LogView": "log",
}

__all__ = list(_PARTS)


def __getattr__(name: str) -> Any:
    if name not in _PARTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PARTS[name]}"), name)


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "@neronet/labextension"}]
