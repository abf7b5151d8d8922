"""Point at a number and apply it: a metric of 100 finished runs, read out of their logs of 10 MB each into the store.

The peer opens the same logs and loops over `finditer` with the very same pattern and `float` of its groups (see
bench/extract.py).  Processor seconds of one core; the logs are those of tests/extract, again and again.

python -m bench.reread [--small] [--rounds N] [--runs N] [--megabytes N]
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.common import alternate, arguments, emit, ratio, say, spread, spreads
from bench.extract import bare, lengthened
from neronet import Neroman
from neronet.store.batches import Batch
from neronet.store.runs import NewRun, results_folder
from neronet.sweep import folder_name
from neronet.wire import readers
from tests.extract.styles import STYLES, Style
from tests.jupyter.table import stores

GOAL = 1.5  # times the peer: 12 s against 8 s for 1 GB
MEASURED = (
    "keyvalue:trainer_loss",
    "keras:val_loss",
    "lightning:val_loss",
    "xgboost:valid-rmse",
    "openfoam:p_initial_residual",
)


def add_runs(neroman: Neroman, log: Path, count: int) -> None:
    """Finished runs that have this log, the same file for all."""
    store, token = neroman.store, "a" * 16
    store.start_writing()
    new = [NewRun(f"train/{n}", "train", (), {}, ("true",), "s", token, n, "node", 0.0) for n in range(count)]
    with store.transaction():
        store.batches.add(Batch(token, "node", "place", "train", "s", 1, "accepted", 0.0), {})
        for number in store.runs.add(new, folder_name):
            stores.start(store, number, 1000.0)
            stores.end(store, number)
            run = store.runs.get(number)
            assert run is not None
            folder = results_folder(neroman.home, run.results, run.attempt)
            folder.mkdir(parents=True)
            (folder / "stdout.log").hardlink_to(log)


def compare(folder: Path, style: Style, runs: int, size: int, rounds: int) -> dict[str, Any]:
    log = lengthened(style.file, folder / "log", size)
    _, index, column = style.place()
    proposed: tuple[str, ...] = ()
    counts = set()

    def ours() -> dict[str, float]:
        nonlocal proposed
        with tempfile.TemporaryDirectory(dir=folder) as home, Neroman(home) as neroman:
            add_runs(neroman, log, runs)
            begun = time.process_time()
            found = neroman.extract(1, "", line=index + 1, column=column).apply(write=False)
            took = time.process_time() - begun
            proposed = found.proposal.arguments
            counts.add(found.stored)
        return {"seconds": took}

    def peer() -> dict[str, float]:
        begun = time.process_time()
        counts.add(sum(bare(log, proposed[2], readers.KEEP in proposed) for _ in range(runs)))
        return {"seconds": time.process_time() - begun}

    sides = alternate(rounds, {"neronet": ours, "finditer": peer})
    if len(counts) != 1:
        raise RuntimeError(f"{style.id}: the two sides found {sorted(counts)} points")
    return {
        "points": counts.pop(),
        "gigabytes": runs * log.stat().st_size / 1e9,
        **{side: each["seconds"] for side, each in spreads(sides).items()},
        "ratio": ratio(sides, "seconds", "finditer"),
    }


def main(argv: Sequence[str] | None = None) -> None:
    given = arguments(__doc__, 3, argv, runs=100, megabytes=10)
    runs, size = (3, 20_000) if given.small else (given.runs, given.megabytes * 1_000_000)
    found = {}
    for style in STYLES:
        if style.id in MEASURED:
            say(style.id)
            with tempfile.TemporaryDirectory() as folder:
                found[style.id] = compare(Path(folder), style, runs, size, given.rounds)
    emit(
        "reread",
        given,
        goal=GOAL,
        ratios=spread(each["ratio"]["median"] for each in found.values()),
        styles=found,
    )


if __name__ == "__main__":
    main()
