"""What starts runs, of every kind, as one thing: a node in nodes.yaml, and a look at what really happens there."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neronet import Neroman
from tests.cluster.clusters import started
from tests.testbed.gridengine import GridEngine
from tests.testbed.nodes import Node
from tests.testbed.slurm import SlurmCluster

KINDS = ("local", "direct", "slurm", "gridengine", "command")
EXAMPLE = Path(__file__).parents[2] / "examples/neronet-tsp"  # an adapter of another package
# A real queue of one machine, as a scheduler that nobody wrote an adapter for.
OWN = {
    "submit": "tsp -L {name}",
    "query": "tsp",
    "cancel": """sh -c 'tsp -k "$1" || tsp -r "$1"' - {id}""",
}


@dataclass
class Place:
    """One node for runs; `slots` of them run at once."""

    id: str
    slots: int
    address: str
    fields: dict[str, Any]  # of its entry in nodes.yaml
    run: Callable[[str], str]  # a shell command in the user's home there; what it prints
    submits: Callable[[], int | None] = lambda: None
    """Calls of its scheduler's program, where they are counted."""
    gateway: Node | None = None  # where nothing may run
    mark: str = field(default_factory=lambda: f"98{os.getpid()}{time.monotonic_ns() % 10**6}")
    """No other process has it in its command line."""

    def add(self, neroman: Neroman) -> None:
        neroman.add_node(self.id, self.address, **self.fields)

    def starts(self) -> list[str]:
        """The number of the run, of every start of a program."""
        return started(self.run)

    def marked(self) -> dict[int, str]:
        """{process id: command line} of all processes with our mark, as this machine's kernel knows them."""
        return {pid: text for pid, text in _commands().items() if self.mark in text}

    def watcher_of(self, pid: int) -> int:
        """The Nerokid that watches a program."""
        while "nerokid" not in (text := _commands()[pid]) or text.startswith("/bin/sh"):
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        return pid


def _commands() -> dict[int, str]:
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found[int(path.parent.name)] = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it has ended
    return found


def local(home: Path) -> Place:
    """This machine; home: what programs there take for the user's home."""

    def run(command: str) -> str:
        return subprocess.run(
            ["sh", "-c", command], cwd=home, check=True, capture_output=True, text=True
        ).stdout

    return Place("here", 4, "", {"type": "local", "slots": 4}, run)


def direct(node: Node) -> Place:
    fields = {"slots": 4, "ssh_options": node.ssh_options()}
    return Place("gpu1", 4, node.ssh_address(), fields, lambda command: _ssh(node, command))


def command(node: Node) -> Place:
    _ssh(node, "tsp -S 4")
    fields = {"type": "command", "query_every": 2, "ssh_options": node.ssh_options(), **OWN}
    return Place("own", 4, node.ssh_address(), fields, lambda command: _ssh(node, command))


def slurm(cluster: SlurmCluster) -> Place:
    fields = {"type": "slurm", "query_every": 2, "ssh_options": cluster.login.ssh_options()}
    return Place(
        "triton",
        8,
        cluster.login.ssh_address(),
        fields,
        cluster.run,
        lambda: cluster.calls()["sbatch"],
        cluster.login,
    )


def gridengine(cluster: GridEngine) -> Place:
    fields = {"type": "gridengine", "query_every": 2, "ssh_options": cluster.gateway.ssh_options()}
    return Place(
        "grid",
        4,
        cluster.gateway.ssh_address(),
        fields,
        cluster.run,
        lambda: cluster.calls()["qsub"],
        cluster.gateway,
    )


def _ssh(node: Node, command: str) -> str:
    """What a command prints that must not fail."""
    done = node.ssh(command)
    assert done.returncode == 0, done.stderr
    return done.stdout
