"""What Neronet costs a node and this computer while nothing much happens.

Two runs sleep, then two runs print a metric a second: memory and CPU of each Nerokid, of Neromum and of this
process (the engine of a notebook), against a bare Python that sleeps on the node.  Then the runs end and the
connection is no longer needed: nothing of ours may be left on the node.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from bench.common import TICKS, Bed, arguments, emit, write_folder
from neronet import RunSet
from tests.testbed.nodes import Node
from tests.testbed.procs import Process

OURS = ("nerokid", "neromum serve")
MIB = 1024
GOALS = {"nerokid_rss_mib": "< 15", "nerokid_cpu_percent": "< 1", "left": "nothing"}
PROGRAMS = {"sleeping": "sleep 3600\n", "printing": "while true; do echo n 1; sleep 1; done\n"}


def cpu(pid: int) -> float:
    """Seconds of a core that a process used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(pid: int) -> dict[str, float]:
    """MiB: resident, and its fair share of what processes have in common."""
    found = dict(line.split(":") for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return {f"{name.lower()}_mib": int(found[name].split()[0]) / MIB for name in ("Rss", "Pss")}


def watch(pids: dict[str, int], seconds: float) -> dict[str, dict[str, float]]:
    """Memory, and percent of a core, of processes over some time; of those that were there all the time."""
    before, found = {}, {}
    for name, pid in pids.items():
        with suppress(FileNotFoundError, ProcessLookupError):
            before[name] = cpu(pid)
    time.sleep(seconds)
    for name, used in before.items():
        with suppress(FileNotFoundError, ProcessLookupError):
            percent = (cpu(pids[name]) - used) / seconds * 100
            found[name] = {**memory(pids[name]), "cpu_percent": percent}
    return found


def ours(node: Node) -> dict[str, int]:
    """Our processes on the node by name, numbered: pids as this machine knows them."""
    found: dict[str, int] = {}
    for word in OURS:
        for number, process in enumerate(programs(node, word), 1):
            found[f"{word.split()[0]}{number}"] = process.host_pid
    return found


def programs(node: Node, word: str) -> list[Process]:
    """Not the shells that hold the word in what they were asked to do."""
    return [process for process in node.processes(word) if process.command.split()[0].endswith("python3")]


@contextmanager
def sleeping_python() -> Iterator[Callable[[], None]]:
    """The peer, on the node; what ends it."""
    argv = ["ssh", "node1", "exec python3 -I -S -c 'import time; time.sleep(3600)'"]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL) as peer:
        try:
            yield peer.terminate
        finally:
            peer.terminate()


def both_run(runs: RunSet) -> bool:
    return runs.states == {"running": 2}


def main(argv: Sequence[str] | None = None) -> None:
    given = arguments(__doc__, 1, argv, seconds=20)
    if given.small:
        given.seconds = 1
    results: dict[str, object] = {}
    with Bed(given.memory, slots=2) as bed, sleeping_python() as end_it:
        for name, program in PROGRAMS.items():
            config = (
                f"run_command_prefix: sh\nmain_code_file: main.sh\n+{name}:\n  parameters: {{x: [1, 2]}}\n"
                "  parameter_format: '{x}'\n"
            )
            runs = bed.neroman.submit(write_folder(bed.folder / name, config, {"main.sh": program}), "node1")
            bed.wait(partial(both_run, runs))
            time.sleep(min(1.0, given.seconds / 2))  # what begins them is over
            bare = [process for process in bed.node.processes("time.sleep") if "-S -c" in process.command]
            pids = {**ours(bed.node), "bare_python": bare[0].host_pid, "engine": os.getpid()}
            results[name] = watch(pids, given.seconds)
            runs.terminate().wait(30)
        end_it()
        deadline = time.monotonic() + 10
        while (left := ours(bed.node)) and time.monotonic() < deadline:
            time.sleep(0.1)
    emit("idle", given, seconds=given.seconds, **results, left=sorted(left), goal=GOALS)


if __name__ == "__main__":
    main()
