"""What the programs of this folder share: a node with a real sshd, alternated rounds, one JSON line.

Each program brings up a node of the tests' testbed (Linux, root in namespaces, sshd) and a Neroman of its
own, measures one claim against what a user would pick instead, both sides in turn in one run, and prints
one JSON line.  Times are seconds unless a name says otherwise.  A ratio is ours by the peer's of the same
round: the machine's mood of that moment is in both.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from neronet import Neroman, RunSet
from tests.testbed import install
from tests.testbed.image import Options
from tests.testbed.lab import Lab
from tests.testbed.nodes import Node

MEMORY = "/dev/shm"
PATIENCE = 120.0  # seconds after which a step that hangs is given up
TICKS = os.sysconf("SC_CLK_TCK")
FEW = 1e-9  # keeps a ratio finite

Side = Callable[[], dict[str, float]]


def arguments(text: str | None, rounds: int, argv: Sequence[str] | None, **more: int) -> argparse.Namespace:
    """`--rounds`, `--small` (tiny amounts, to see that it works), and whole numbers with their defaults."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=rounds, help=f"alternated rounds (default {rounds})")
    parser.add_argument(
        "--small", action="store_true", help="tiny amounts in one round, to see that it works"
    )
    parser.add_argument(
        "--memory", action="store_true", help="files of both ends in memory: others use the disk"
    )
    for name, default in more.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default {default}")
    given = parser.parse_args(argv)
    if given.small:
        given.rounds = 1
    return given


def alternate(rounds: int, sides: dict[str, Side]) -> dict[str, list[dict[str, float]]]:
    """Every side once a round, the order turned around each time; what each round of each side measured."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
    for number in range(rounds):
        names = list(sides) if number % 2 == 0 else list(reversed(sides))
        for name in names:
            found[name].append(sides[name]())
            say(f"round {number + 1}: {name} {rounded(found[name][-1])}")
    return found


def spread(values: Iterable[float]) -> dict[str, float]:
    """The least, the median and the greatest."""
    known = list(values)
    return {"min": min(known), "median": statistics.median(known), "max": max(known)}


def spreads(found: dict[str, list[dict[str, float]]]) -> dict[str, dict[str, dict[str, float]]]:
    """{side: {figure: its spread over the rounds}}."""
    return {side: {key: spread(one[key] for one in ones) for key in ones[0]} for side, ones in found.items()}


def ratio(found: dict[str, list[dict[str, float]]], key: str, peer: str) -> dict[str, float]:
    """The spread of ours by the peer's, round by round."""
    return spread(
        one[key] / max(FEW, other[key]) for one, other in zip(found["neronet"], found[peer], strict=True)
    )


def percentile(values: Sequence[float], part: float) -> float:
    """The value below which that part of the values lies."""
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def emit(bench: str, given: argparse.Namespace, **fields: Any) -> None:
    """Prints the one line of a program."""
    machine = {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "load": round(os.getloadavg()[0], 2),
        "utc": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    head = {"bench": bench, "rounds": given.rounds, "small": given.small}
    print(json.dumps({**head, **rounded(fields), "machine": machine}), flush=True)


def rounded(value: Any) -> Any:
    """Three significant digits, through dicts and lists."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return float(f"{value:.3g}") if isinstance(value, float) else value


def say(text: str) -> None:
    """How far it is, on stderr."""
    print(text, file=sys.stderr, flush=True)


def write_folder(folder: Path, config: str, files: dict[str, str] | None = None) -> Path:
    """An experiment folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {"config.yaml": config, **(files or {})}.items():
        (folder / name).write_text(text)
    return folder


def sweep_of_true(folder: Path, count: int) -> Path:
    """An experiment of `count` runs that do nothing."""
    config = (
        "run_command_prefix: /bin/true\nmain_code_file: main\n"
        f"+sweep:\n  parameters: {{x: {{from: 1, to: {count}}}}}\n  parameter_format: '{{x}}'\n"
    )
    return write_folder(folder, config, {"main": ""})


def fill(folder: Path, files: int, size: int, seed: int) -> None:
    """`files` files of `size` bytes together, half of it random, in 20 folders."""
    source = random.Random(seed)
    each = size // files
    for number in range(files):
        path = folder / f"d{number % 20}" / f"f{number}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.randbytes(each // 2) + b"lorem ipsum " * (each // 24))


def read_stat(pid: int) -> float:
    """Seconds of a core that a process and its children used; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS


class Bed:
    """A node with a real sshd, an open ControlMaster connection to it, and a Neroman; a context manager."""

    def __init__(self, memory: bool, **node: object) -> None:
        install.ensure()
        self._folder = tempfile.TemporaryDirectory(prefix="neronet-bench-", dir=MEMORY if memory else None)
        self.folder = Path(self._folder.name)
        self.lab = Lab()
        self.node: Node = self.lab.node("node1", Options(disk="4g" if memory else "")).start()
        self.place = "/srv/alice" if memory else "/home/alice"  # for what the peers write on the node
        client = self.lab.client(self.folder / "client")
        os.environ.update(client)
        with open(self.folder / "client/.ssh/config", "a") as file:
            file.write(f"ControlMaster auto\nControlPath {client['HOME']}/%n.socket\nControlPersist 600\n")
        subprocess.run(["ssh", "node1", "true"], check=True)
        self.neroman = Neroman(self.folder / "home")
        fields = {"ssh_options": self.node.ssh_options(), "root": f"{self.place}/.neronet", **node}
        self.neroman.add_node("node1", self.node.ssh_address(), **fields)

    def ssh(self, command: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
        """Runs a shell command on the node over the open connection."""
        return subprocess.run(["ssh", "node1", command], check=True, timeout=PATIENCE, **options)

    def keep_open(self) -> RunSet:
        """A run that does nothing for a long time: while it is there, our connection is open as well."""
        folder = write_folder(
            self.folder / "keeper",
            "run_command_prefix: sh\nmain_code_file: main.sh\n+keeper: {parameters: {}}\n",
            {"main.sh": "sleep 3600\n"},
        )
        runs = self.neroman.submit(folder, "node1", wait=PATIENCE)
        self.wait(lambda: runs.states == {"running": 1})
        return runs

    def cpu(self) -> float:
        """Seconds of a core that the node, this process and its children have used, ended ones included."""
        pids = [process.host_pid for process in self.node._all()]
        found = [read_stat(pid) for pid in pids]
        mine = os.times()
        return sum(found) + mine.user + mine.system + mine.children_user + mine.children_system

    def wait(self, true: Callable[[], bool]) -> None:
        """Until the store says so."""
        if not self.neroman.engine_client.wait(true, PATIENCE):
            raise TimeoutError(f"waited {PATIENCE:g} s in vain")

    def __enter__(self) -> Bed:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.neroman.close()
        subprocess.run(["ssh", "-O", "exit", "node1"], capture_output=True, check=False)
        left = self.lab.close()
        self._folder.cleanup()
        if left and error is None:
            raise RuntimeError("left behind: " + "; ".join(left))
