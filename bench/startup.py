"""How long a user waits for the program itself, against a bare Python that starts and ends.

`import neronet` is what it adds inside of a process; `nerocli --help`, and `nerocli status` with an engine in
the background, count from the start of their process to its end.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.common import MEMORY, PATIENCE, alternate, arguments, emit, ratio, spreads, sweep_of_true
from neronet import Neroman

IMPORT = "import time; t = time.perf_counter(); import neronet; print(time.perf_counter() - t)"
CLI = "from neronet.cli.main import main; main()"
GOALS = {"import_ms": "< 150", "help_ms": "< 300", "status_ms": "< 300"}


def timed(*words: str | Path) -> tuple[float, str]:
    """Milliseconds that a Python with these arguments took, and what it printed."""
    # As installed: modules compiled once, also where this environment forbids to write that down.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *words], env=kept, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    milliseconds = (time.perf_counter() - began) * 1e3
    if done.returncode:
        raise RuntimeError(f"{words} ended with {done.returncode}: {done.stderr}")
    return milliseconds, done.stdout


def neronet() -> dict[str, float]:
    """Each of them once."""
    return {
        "import_ms": float(timed("-c", IMPORT)[1]) * 1e3,
        "help_ms": timed("-c", CLI, "--help")[0],
        "status_ms": timed("-c", CLI, "status")[0],
        "status_json_ms": timed("-c", CLI, "status", "--json")[0],
    }


def python() -> dict[str, float]:
    return dict.fromkeys(("import_ms", "help_ms", "status_ms", "status_json_ms"), timed("-c", "pass")[0])


def main(argv: Sequence[str] | None = None) -> None:
    given = arguments(__doc__, 10, argv, runs=10)
    with TemporaryDirectory(prefix="neronet-bench-", dir=MEMORY if given.memory else None) as temporary:
        os.environ["NERONET_HOME"] = f"{temporary}/home"
        os.environ["PYTHONPYCACHEPREFIX"] = f"{temporary}/compiled"
        folder = sweep_of_true(Path(temporary, "sweep"), given.runs)
        with Neroman(background=True) as neroman:
            runs = neroman.submit(folder, "local", wait=PATIENCE).wait(PATIENCE)
            if runs.states != {"finished": given.runs}:
                raise RuntimeError(f"{runs}: {runs.notes}")
            neronet()  # compiles
            found = alternate(given.rounds, {"neronet": neronet, "python": python})
            neroman.stop_engine()
    emit(
        "startup", given, runs=given.runs, **spreads(found),
        ratio={key: ratio(found, key, "python") for key in found["neronet"][0]}, goal=GOALS,
    )  # fmt: skip


if __name__ == "__main__":
    main()
