"""From a program's flushed line to the arrival of the signal that a condition on it causes.

A real Neromum and kids on this machine; nobody of the user side is needed for it.  The program notes the time
when it prints the line and again in its handler of TERM, by the same clock.  `busy` is the same beside a line of
another metric each 10 ms.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.common import arguments, emit, percentile
from tests.node.mum import Mum, mum

PROGRAM = """\
import os, signal, sys, time
def note(*_):
    os.write(1, b"came %.6f\\n" % time.time())
    os._exit(0)
signal.signal(signal.SIGTERM, note)
for n in range(int(sys.argv[1])):
    os.write(1, b"step %d\\n" % n)
    time.sleep(0.01)
time.sleep(0.2)
os.write(1, b"loss 60\\nsaid %.6f\\n" % time.time())
while True:
    time.sleep(0.01)
    os.write(1, b"step 0\\n" * (sys.argv[1] != "0"))
"""
CONDITION = {
    "id": "high", "variablename": "loss", "killvalue": 50.0, "comparator": "gt", "after": None, "action": "kill",
}  # fmt: skip
GOAL = {"p95_ms": "< 100"}


def late(served: Mum, count: int, lines: int) -> dict[str, float]:
    """Milliseconds from line to signal of `count` runs, one after the other on each of two slots."""
    served.run(
        [[sys.executable, "-S", "-c", PROGRAM, str(lines)]] * count, conditions=[CONDITION], timeout=300
    )
    times = [dict(point[:2] for point in served.points(run)) for run in range(count)]
    values = [(each["came"] - each["said"]) * 1e3 for each in times]
    return {**{f"p{part}_ms": percentile(values, part / 100) for part in (50, 95)}, "max_ms": max(values)}


def main(argv: Sequence[str] | None = None) -> None:
    given = arguments(__doc__, 1, argv, runs=100)
    count = 4 if given.small else given.runs
    with tempfile.TemporaryDirectory() as folder, mum(Path(folder) / "root") as served:
        results = {"quiet": late(served, count, 0), "busy": late(served, count, 20)}
    emit("conditions", given, runs=count, **results, goal=GOAL)


if __name__ == "__main__":
    main()
