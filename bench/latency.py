"""From a program's flushed print to a Python callback on this computer, against `ssh tail -f` read by a pipe.

Both sides run the same program on the node, which prints a clock that both ends share.  The age of a line is
taken when its value is in Python's hands: ours after `on_change` has called and the new points were read from
the store (so they are parsed and stored), the peer's when the line was read.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Sequence
from functools import partial

from bench.common import PATIENCE, Bed, alternate, arguments, emit, percentile, ratio, spreads, write_folder

PROGRAM = """\
import sys, time
rate, count = float(sys.argv[1]), int(sys.argv[2])
time.sleep(1.0)
begin = time.monotonic()
for n in range(count):
    rest = begin + n / rate - time.monotonic()
    if rest > 0:
        time.sleep(rest)
    print(f"clock {time.monotonic()!r}", flush=True)
"""
CONFIG = """\
run_command_prefix: python3
main_code_file: main.py
+clockRATE:
  parameters: {rate: RATE, count: COUNT}
  parameter_format: '{rate} {count}'
"""
GOALS = {100: {"p50_ms": "< 5"}, 10_000: {}}


class Ages:
    """Milliseconds from a print to its arrival, one per line."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def take(self, clocks: Sequence[float]) -> None:
        now = time.monotonic()
        self.values += [(now - clock) * 1e3 for clock in clocks]

    def figures(self) -> dict[str, float]:
        return {f"p{part}_ms": percentile(self.values, part / 100) for part in (50, 90, 99)}


def by_callback(bed: Bed, rate: int, count: int) -> dict[str, float]:
    config = CONFIG.replace("RATE", str(rate)).replace("COUNT", str(count))
    folder = write_folder(bed.folder / f"clock{rate}", config, {"main.py": PROGRAM})
    runs = bed.neroman.submit(folder, "node1", again=True)
    (number,) = runs.numbers
    ages, complete = Ages(), threading.Event()

    def look() -> None:
        ages.take(bed.neroman.store.points.read(number, "clock", start=len(ages.values)).value)
        if len(ages.values) >= count:
            complete.set()

    end = runs.on_change(look)
    if not complete.wait(PATIENCE):
        raise TimeoutError(f"{len(ages.values)} of {count} lines came")
    end()
    runs.wait(PATIENCE)
    return ages.figures()


def by_tail(bed: Bed, rate: int, count: int) -> dict[str, float]:
    bed.ssh(f"cat >{bed.place}/clock.py", input=PROGRAM.encode())
    program = f"python3 clock.py {rate} {count} >clock.log"
    command = f"cd {bed.place}; : >clock.log; {program} & exec tail -n +1 -f clock.log"
    ages, rest = Ages(), b""
    with subprocess.Popen(["ssh", "node1", command], stdout=subprocess.PIPE) as tail:
        assert tail.stdout is not None
        while len(ages.values) < count:
            *lines, rest = (rest + os.read(tail.stdout.fileno(), 65536)).split(b"\n")
            ages.take([float(line.split()[1]) for line in lines])
        tail.terminate()
    return ages.figures()


def main(argv: Sequence[str] | None = None) -> None:
    given = arguments(__doc__, 3, argv, seconds=5)
    counts = {rate: rate * given.seconds for rate in GOALS}
    if given.small:
        counts = {100: 20}
    results: dict[str, object] = {}
    with Bed(given.memory, slots=2) as bed:
        bed.keep_open()
        for rate, count in counts.items():
            found = alternate(
                given.rounds,
                {
                    "neronet": partial(by_callback, bed, rate, count),
                    "tail": partial(by_tail, bed, rate, count),
                },
            )
            results[f"at_{rate}_per_s"] = {
                "lines": count,
                **spreads(found),
                "ratio_p50": ratio(found, "p50_ms", "tail"),
                "goal": GOALS[rate],
            }
    emit("latency", given, **results)


if __name__ == "__main__":
    main()
