"""Neronet: parameter sweeps from a notebook to the machines you reach by SSH.

from neronet import Neroman

with Neroman() as neroman:
    neroman.add_experiment("~/experiments/lang_exp")
    runs = neroman.submit("lang_exp1", "gpu").wait()
    print(runs.frame())
"""

from __future__ import annotations

TYPE_CHECKING = False  # as type checkers read it; importing typing would cost more than all the rest

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from neronet.api import Neroman, RunSet
    from neronet.errors import NeronetError

__all__ = ["Neroman", "NeronetError", "RunSet"]

_HOMES = {"Neroman": "neronet.api", "RunSet": "neronet.api", "NeronetError": "neronet.errors"}


def __getattr__(name: str) -> object:
    # `import neronet` must cost nothing: what a name needs is imported when it is used.
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'neronet' has no attribute {name!r}")


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """`%load_ext neronet`: the magics %nero and %%neronet."""
    from neronet_jupyter.magics import load_ipython_extension

    load_ipython_extension(ipython)
