"""Sending a folder of 1,000 files and 50 MB, first and again unchanged, against rsync over a ControlMaster.

Ours is measured from `submit()` until the node has accepted the run: a snapshot (hashed, and copied so that
later edits do not reach it), its upload, a row in the store and a batch on the node.  rsync copies a folder.
Both connections are open before.  `again_s` is the median of a few, each begun when the run of the one before has
ended: what it takes to copy 50 MB into its folder is no part of the next submission.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from functools import partial

from bench.common import PATIENCE, Bed, Side, alternate, arguments, emit, fill, ratio, spreads, write_folder
from neronet import RunSet

CONFIG = """\
run_command_prefix: /bin/true
main_code_file: main
+folderNUMBER: {parameters: {}}
"""
GOAL = 1.0


def timed(side: Callable[[str], None], folder: str) -> float:
    began = time.perf_counter()
    side(folder)
    return time.perf_counter() - began


def main(argv: Sequence[str] | None = None) -> None:
    given = arguments(__doc__, 5, argv, files=1000, mb=50, repeats=5)
    if given.small:
        given.files, given.mb = 40, 1
    with Bed(given.memory, slots=3) as bed:
        bed.keep_open()
        rounds = iter(range(2 * given.rounds))
        submitted: list[RunSet] = []

        def fresh() -> str:
            """A folder that neither side has sent yet, old enough for its files' times to be trusted."""
            number = next(rounds)
            folder = write_folder(
                bed.folder / f"data{number}", CONFIG.replace("NUMBER", str(number)), {"main": ""}
            )
            fill(folder, given.files, given.mb * 10**6, seed=number)
            time.sleep(0.2)
            return str(folder)

        def neronet(folder: str) -> None:
            runs = bed.neroman.submit(folder, "node1", again=True, wait=PATIENCE)
            submitted.append(runs)
            if runs.states.get("submitting"):
                raise RuntimeError(f"{runs}: {runs.notes}")

        def rsync(folder: str) -> None:
            subprocess.run(["rsync", "-a", "--delete", folder, f"node1:{bed.place}/copies/"], check=True)

        def send(side: Callable[[str], None]) -> dict[str, float]:
            folder = fresh()
            first = timed(side, folder)
            again = []
            for _ in range(given.repeats):
                for runs in submitted:
                    runs.wait(PATIENCE)
                submitted.clear()
                os.sync()  # else who asks the disk for anything waits for the copy before
                again.append(timed(side, folder))
            return {"first_s": first, "again_s": statistics.median(again)}

        sides: dict[str, Side] = {"neronet": partial(send, neronet), "rsync": partial(send, rsync)}
        found = alternate(given.rounds, sides)
    emit(
        "sync", given, files=given.files, bytes=given.mb * 10**6, **spreads(found),
        ratio_first=ratio(found, "first_s", "rsync"), ratio_again=ratio(found, "again_s", "rsync"),
        goal={"ratio_again": f"<= {GOAL:g}"},
    )  # fmt: skip


if __name__ == "__main__":
    main()
