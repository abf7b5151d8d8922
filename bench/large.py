"""10,000 runs of /bin/true as one sweep: previewed, submitted, run on a local node of 8 slots, looked at.

One of the runs is held, so that the submission stays open: to connect again is to go on with all of it.  The
first frame, and the import of pandas before it, count apart.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.common import MEMORY, arguments, emit, say, spread, sweep_of_true
from bench.startup import CLI, timed
from neronet import Neroman

PATIENCE = 900.0  # seconds for all of the runs
GOALS = {"preview_s": "< 2", "submit_s": "< 10", "frame_s": "< 1", "reconnect_s": "< 2", "status_s": "< 0.3"}


class Clock:
    """Seconds of each step, as often as it was done."""

    def __init__(self) -> None:
        self.steps: dict[str, list[float]] = {}
        self._last = 0.0

    def start(self) -> None:
        self._last = time.perf_counter()

    def stop(self, step: str) -> None:
        self.steps.setdefault(step, []).append(time.perf_counter() - self._last)
        say(f"{step} {self.steps[step][-1]:.3f}")


def build(home: Path, folder: Path, count: int, clock: Clock) -> None:
    """All runs but the last, which is held, have ended."""
    with Neroman(home) as neroman:
        neroman.add_node("wide", "localhost", type="local", slots=8)
        clock.start()
        runs = neroman.submit(folder, "wide", confirmed=True, wait=PATIENCE)
        clock.stop("submit_s")
        neroman.hold(str(runs.numbers[-1]))
        clock.start()
        wanted = {"queued": 1, "finished": count - 1}
        if not neroman.engine_client.wait(lambda: runs.states == wanted, PATIENCE):
            raise RuntimeError(f"{runs}")
        clock.stop("run_s")


def look(home: Path, clock: Clock) -> None:
    """What a user does who comes back."""
    clock.start()
    with Neroman(home) as neroman:
        neroman.fetch(PATIENCE)
        clock.stop("reconnect_s")
        clock.start()
        neroman.runs().frame()
        clock.stop("frame_s")
        clock.start()
        len(list(neroman.runs()))
        clock.stop("all_runs_s")


def main(argv: Sequence[str] | None = None) -> None:
    given = arguments(__doc__, 5, argv, runs=10_000)
    if given.small:
        given.runs = 50
    clock = Clock()
    with TemporaryDirectory(prefix="neronet-bench-", dir=MEMORY if given.memory else None) as temporary:
        home = Path(temporary, "home")
        os.environ["NERONET_HOME"] = str(home)
        os.environ["PYTHONPYCACHEPREFIX"] = f"{temporary}/compiled"
        folder = sweep_of_true(Path(temporary, "sweep"), given.runs)
        timed("-c", CLI, "preview", folder)  # compiles
        for _ in range(given.rounds):
            clock.start()
            timed("-c", CLI, "preview", folder, "--json")
            clock.stop("preview_s")
        build(home, folder, given.runs, clock)
        clock.start()
        import pandas as pd  # noqa: F401

        clock.stop("import_pandas_s")
        for _ in range(given.rounds):
            look(home, clock)
        with Neroman(home) as neroman:
            neroman.start_engine()
            timed("-c", CLI, "status")
            for _ in range(given.rounds):
                for words in (["status"], ["status", "--json"]):
                    clock.start()
                    timed("-c", CLI, *words)
                    clock.stop("_".join(words).replace("--", "") + "_s")
            neroman.terminate("*")
            neroman.stop_engine()
    runs_per_s = given.runs / clock.steps["run_s"][0]
    emit(
        "large", given, runs=given.runs, runs_per_s=runs_per_s,
        neronet={step: spread(seconds) for step, seconds in clock.steps.items()}, goal=GOALS,
    )  # fmt: skip


if __name__ == "__main__":
    main()
