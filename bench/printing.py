"""What printing costs a program under Neronet, against the same program that writes to a plain file.

`program` and `line` are a Python program with one flushed print a metric, by the experiment's `buffering`:
`line`, the default, sets PYTHONUNBUFFERED, for programs that do not flush; `line_alike` sets it for the peer,
too.  `paced` and `unpaced` are a C program with `buffering: program` that prints 10^6 metrics a second, and
as many as it can.  Each program takes the time from before its first line to after its last, so
neither its start nor a shell counts; meanwhile Neronet reads, parses, sends and stores every line, on the
same cores: the program's own CPU time tells its cost apart from that contest.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bench.common import PATIENCE, Bed, alternate, arguments, emit, ratio, spreads, write_folder

CONFIG = """\
{prefix}
main_code_file: {file}
buffering: {buffering}
+{name}:
  parameters: {{count: {count}, rate: {rate}}}
  parameter_format: '{{count}} {{rate}}'
"""
PYTHON = """\
import sys, time
begin, cpu = time.perf_counter(), time.process_time()
for n in range(int(sys.argv[1])):
    print("n", n, flush=True)
print(time.perf_counter() - begin, time.process_time() - cpu, file=sys.stderr)
"""
C = r"""
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
static double now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}
int main(int argc, char **argv) {
    long count = atol(argv[1]), n;
    double rate = atof(argv[2]), begin = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    for (n = 0; n < count; n++) {
        if (rate > 0 && n % 100 == 0)
            while (now(CLOCK_MONOTONIC) - begin < n / rate) ;
        printf("n %ld\n", n);
    }
    fflush(stdout);
    fprintf(stderr, "%.6f %.6f\n", now(CLOCK_MONOTONIC) - begin, now(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    return argc != 3;
}
"""
GOALS = {"program": "<= 1.1", "paced": "<= 1.05"}


class Case:
    """One program with its arguments, to be run by either side."""

    def __init__(
        self, bed: Bed, file: str, count: int, rate: int = 0, buffering: str = "program", env: str = ""
    ) -> None:
        self.bed, self.count = bed, count
        python = file.endswith(".py")
        self.command = (
            f"cd {bed.place}/plain && {env} {'python3 ' if python else './'}{file} {count} {rate} >out"
        )
        words = {"file": file, "count": count, "rate": rate, "buffering": buffering}
        name = f"of_{len(list(bed.folder.iterdir()))}"
        config = CONFIG.format(**words, name=name, prefix="run_command_prefix: python3" if python else "")
        self.folder = write_folder(bed.folder / name, config)
        shutil.copy(bed.folder / file, self.folder / file)

    def neronet(self) -> dict[str, float]:
        runs = self.bed.neroman.submit(self.folder, "node1", again=True).wait(PATIENCE)
        (run,) = runs
        if run.state != "finished" or run.points != {"n": self.count}:
            raise RuntimeError(f"{run.state} {run.reason}: {run.points}")
        return figures(runs.log("stderr"))

    def file(self) -> dict[str, float]:
        return figures(self.bed.ssh(self.command, stderr=subprocess.PIPE).stderr.decode())

    def compare(self, rounds: int) -> dict[str, object]:
        found = alternate(rounds, {"neronet": self.neronet, "file": self.file})
        ratios = {f"ratio_{key}": ratio(found, key, "file") for key in ("wall", "cpu")}
        return {"lines": self.count, **spreads(found), **ratios}


def figures(said: str) -> dict[str, float]:
    """Seconds that a program took, by the clock and of a core, from its last words."""
    wall, cpu = map(float, said.split())
    return {"wall": wall, "cpu": cpu}


def compile_c(folder: Path) -> bool:
    """False where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return False
    (folder / "main.c").write_text(C)
    subprocess.run([compiler, "-O2", "-o", folder / "main", folder / "main.c"], check=True)
    return True


def main(argv: Sequence[str] | None = None) -> None:
    given = arguments(__doc__, 3, argv)
    few, many, rate = (1000, 20_000, 10**6) if given.small else (100_000, 2_000_000, 10**6)
    with Bed(given.memory, slots=2) as bed:
        bed.keep_open()
        (bed.folder / "main.py").write_text(PYTHON)
        cases = {
            "program": Case(bed, "main.py", few),
            "line": Case(bed, "main.py", few, buffering="line"),
            "line_alike": Case(bed, "main.py", few, buffering="line", env="PYTHONUNBUFFERED=1"),
        }
        bed.ssh(f"mkdir {bed.place}/plain && cat >{bed.place}/plain/main.py", input=PYTHON.encode())
        if compile_c(bed.folder):
            cases["paced"] = Case(bed, "main", many, rate)
            cases["unpaced"] = Case(bed, "main", many)
            bed.ssh(
                f"cd {bed.place}/plain && cat >main && chmod +x main",
                input=(bed.folder / "main").read_bytes(),
            )
        results = {name: case.compare(given.rounds) for name, case in cases.items()}
    emit("printing", given, **results, goal={"ratio_wall": GOALS})


if __name__ == "__main__":
    main()
