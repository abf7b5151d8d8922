"""What the node side costs: figures to read (-s shows them), and wide bounds that only a mistake goes beyond."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.node.mum import Mum, kids_of, mum

pytestmark = pytest.mark.slow

TICKING = "import sys, time\nfor _ in range(%d):\n  sys.stdout.write('t %%.6f\\n' %% time.time())\n  sys.stdout.flush()\n  time.sleep(0.01)"


def cpu(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def test_many_short_runs(root: Path) -> None:
    count = 200
    with mum(root, limits={"slots": 2}) as served:
        began = time.monotonic()
        served.run([["/bin/true"]] * count, timeout=120)
        wall = time.monotonic() - began
        assert len(served.of("ended")) == count
        print(f"\n{count} x /bin/true on 2 slots: {wall / count * 1000:.1f} ms a run")
        assert wall / count < 0.5


def test_what_a_kid_costs_while_its_run_prints_and_while_it_is_silent(served: Mum) -> None:
    token = served.submit([[sys.executable, "-c", TICKING % 300], ["sleep", "3"]])
    served.follow(token)
    served.until_started(2)
    served.until(lambda: len(served.points(0)) > 5)
    printing = next(int(name.split("-")[-2]) for name, record in served.records if record["e"] == "p")
    silent = next(pid for pid in kids_of(served.root) if pid != printing)
    began, first, other, mine, late = time.monotonic(), cpu(printing), cpu(silent), cpu(served.pid), []
    seen = len(served.points(0))
    while time.monotonic() < began + 1.0:
        served.receive(0.2)
        now = time.time()
        late += [now - value for _, value, *_ in served.points(0)[seen:]]
        seen = len(served.points(0))
    wall = time.monotonic() - began
    shares = [
        (cpu(pid) - start) / wall * 100
        for pid, start in ((printing, first), (silent, other), (served.pid, mine))
    ]
    rss = [psutil.Process(pid).memory_info().rss / 2**20 for pid in (printing, silent, served.pid)]
    print(
        f"\nat 100 lines/s: kid {shares[0]:.1f} % of a core, {rss[0]:.1f} MiB; silent kid {shares[1]:.1f} %, {rss[1]:.1f} MiB; "
        f"Neromum {shares[2]:.1f} %, {rss[2]:.1f} MiB; from print to frame p50 {statistics.median(late) * 1000:.2f} ms"
    )
    assert max(rss[:2]) < 20
    assert shares[0] < 30
    assert shares[1] < 5
    assert statistics.median(late) < 0.2
    served.until(lambda: len(served.ended()) == 2)


FLOOD = r"""
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec * 1e-9; }
int main(int c, char **v) {
  long count = atol(v[1]);
  double began = now();
  for (long n = 0; n < count; n++) {
    printf("iteration %ld done\n", n);
    if (n % 1000 == 999) { fflush(stdout); while (now() - began < n * 1e-6) ; }
  }
  fflush(stdout);
  fprintf(stderr, "wall %.6f\n", now() - began);
  return 0;
}
"""


def test_a_million_lines_a_second_are_not_slowed_down(
    served: Mum, compiled: Callable[[str], Path], tmp_path: Path
) -> None:
    program, count = str(compiled(FLOOD)), 1_000_000
    walls = []
    for _ in range(2):
        served.run([[program, str(count)]], buffering="program")
        assert served.ended()[0]["sizes"][0] == sum(len(f"iteration {n} done\n") for n in range(count))
        walls.append(served.points(0, 1)[0][1])
    with (tmp_path / "plain").open("ab") as out, (tmp_path / "err").open("wb") as err:
        subprocess.run([program, str(count)], stdout=out, stderr=err, check=True)
    plain = float((tmp_path / "err").read_text().split()[1])
    print(f"\n10^6 lines/s: {min(walls):.3f} s as a run, {plain:.3f} s into a plain file")
    assert min(walls) < 3 * plain
