"""Sending an experiment folder of 1,000 files and 50 MB, first and again unchanged, against rsync over a ControlMaster.

Ours is measured from `submit()` until the node has accepted the run; that is a snapshot (hashed, and copied, so
that later edits do not reach it), its upload, a row in the store and a batch on the node.  rsync copies the
folder.  Both connections are open before.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Sequence

from bench.common import Bed, alternate, arguments, emit, fill, ratio, spreads, write_folder

CONFIG = """\
run_command_prefix: /bin/true
main_code_file: main
+folder: {parameters: {}}
"""
GOAL = 1.0


def main(argv: Sequence[str] | None = None) -> None:
    given = arguments(__doc__, 5, argv, files=1000, mb=50)
    if given.small:
        given.files, given.mb = 40, 1
    with Bed(slots=3) as bed:
        bed.keep_open()
        rounds = iter(range(2 * given.rounds))

        def fresh() -> str:
            """A folder of contents that neither side has sent yet, settled long enough for its times to be trusted."""
            number = next(rounds)
            folder = write_folder(bed.folder / f"data{number}", CONFIG, {"main": ""})
            fill(folder, given.files, given.mb * 10**6, seed=number)
            time.sleep(0.2)
            return str(folder)

        def neronet() -> dict[str, float]:
            folder = fresh()
            figures = {}
            for step in ("first_s", "again_s"):
                began = time.perf_counter()
                runs = bed.neroman.submit(folder, "node1", again=True, wait=60)
                figures[step] = time.perf_counter() - began
                runs.wait(60)
                if runs.states != {"finished": 1}:
                    raise RuntimeError(f"{runs}: {runs.notes}")
            shutil.rmtree(folder)
            return figures

        def rsync() -> dict[str, float]:
            folder = fresh()
            figures = {}
            for step in ("first_s", "again_s"):
                began = time.perf_counter()
                subprocess.run(["rsync", "-a", "--delete", folder, "node1:copies/"], check=True)
                figures[step] = time.perf_counter() - began
            shutil.rmtree(folder)
            return figures

        found = alternate(given.rounds, {"neronet": neronet, "rsync": rsync})
    emit(
        "sync", given, files=given.files, bytes=given.mb * 10**6, **spreads(found),
        ratio_first=ratio(found, "first_s", "rsync"), ratio_again=ratio(found, "again_s", "rsync"),
        goal={"ratio_again": f"<= {GOAL:g}"},
    )  # fmt: skip


if __name__ == "__main__":
    main()
