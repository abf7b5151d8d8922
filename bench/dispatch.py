"""1,000 runs of /bin/true as one sweep over sshd on 2 slots, against GNU parallel over a ControlMaster.

Ours is measured from `submit()` until every run has ended and all of it is in the store, the peer from its
start to its end; both connections are open before.  GNU parallel keeps neither logs nor states of the jobs.
`cpu_ms_per_job` is what client and node used together (without the master of the peer's connection): it tells
more than the clock where others use the machine.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence

from bench.common import PATIENCE, Bed, alternate, arguments, emit, ratio, spreads, sweep_of_true

GOAL = 8.0  # times as many jobs per second; 10 is the aim


def main(argv: Sequence[str] | None = None) -> None:
    given = arguments(__doc__, 3, argv, jobs=1000, slots=2)
    if given.small:
        given.jobs = 20
    with Bed(given.memory, slots=given.slots + 1) as bed:
        bed.keep_open()  # takes the slot that is one more than the peer has
        folder = sweep_of_true(bed.folder / "sweep", given.jobs)
        lines = "".join(f"/bin/true main {x}\n" for x in range(1, given.jobs + 1)).encode()

        def per_job(seconds: float, cpu: float) -> dict[str, float]:
            return {
                "seconds": seconds,
                "jobs_per_s": given.jobs / seconds,
                "cpu_ms_per_job": cpu / given.jobs * 1e3,
            }

        def neronet() -> dict[str, float]:
            began, cpu = time.perf_counter(), bed.cpu()
            runs = bed.neroman.submit(folder, "node1", again=True)
            accepted = time.perf_counter()
            runs.wait(PATIENCE)
            figures = per_job(time.perf_counter() - began, bed.cpu() - cpu)
            if runs.states != {"finished": given.jobs}:
                raise RuntimeError(f"{runs}: {runs.notes}")
            return {**figures, "submit_s": accepted - began}

        def parallel() -> dict[str, float]:
            began, cpu = time.perf_counter(), bed.cpu()
            command = ["parallel", "--will-cite", "-S", f"{given.slots}/node1"]
            subprocess.run(command, input=lines, stdout=subprocess.DEVNULL, check=True)
            return per_job(time.perf_counter() - began, bed.cpu() - cpu)

        found = alternate(given.rounds, {"neronet": neronet, "parallel": parallel})
    emit(
        "dispatch", given, jobs=given.jobs, slots=given.slots, **spreads(found),
        ratio=ratio(found, "jobs_per_s", "parallel"), ratio_cpu=ratio(found, "cpu_ms_per_job", "parallel"),
        goal={"ratio": f">= {GOAL:g}"},
    )  # fmt: skip


if __name__ == "__main__":
    main()
