"""`nerogui`: JupyterLab, in the browser."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

PANEL = "The Neronet panel is in the sidebar at the left."
NOTEBOOK = "In a notebook: from neronet import Neroman; Neroman().runs().frame()"


def main() -> None:
    """Arguments are JupyterLab's own."""
    if {"-h", "--help"} & set(sys.argv[1:]):
        print("nerogui: open JupyterLab. Arguments are passed on: nerogui --no-browser --port 8889")
        return
    print("JupyterLab opens in your browser; Ctrl-C here ends it.")
    print(PANEL if find_spec("neronet_jupyter") else NOTEBOOK, flush=True)
    argv = [sys.executable, "-m", "jupyterlab", *sys.argv[1:]]
    if os.name == "nt":  # where a process cannot become another one
        sys.exit(subprocess.call(argv))
    os.execv(sys.executable, argv)  # noqa: S606 - Ctrl-C must reach JupyterLab alone, it asks then
