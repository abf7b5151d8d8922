"""A user's side of a cluster, for tests: a home, a sweep, and the node in nodes.yaml that is the gateway."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neronet import Neroman
from neronet.api import RunSet
from neronet.wire import states
from tests.testbed.gridengine import GridEngine
from tests.testbed.slurm import SlurmCluster
from tests.waiting import until as until_in_time

until = functools.partial(until_in_time, timeout=60.0)  # a scheduler is asked every half a minute

NODE = "triton"
CONFIG = """\
run_command_prefix: sh
main_code_file: main.sh
{more}
+{name}:
  parameters:
    x: {{from: 1, to: {count}}}
  parameter_format: '{{x}}'
"""
COUNTS = (
    "n=0\nuntil [ -e $HOME/stop ]; do n=$((n+1)); echo n $n; sleep 0.2; done\n"  # until it is told to stop
)
# Notes each start outside of the run's folder, so that no start is hidden.
NOTED = "echo $1 $(hostname) >>$HOME/starts\n"
Cluster = SlurmCluster | GridEngine


def add(neroman: Neroman, cluster: Cluster, **fields: Any) -> None:
    """The cluster as a node whose scheduler is asked every other second."""
    slurm = isinstance(cluster, SlurmCluster)
    gateway = cluster.login if isinstance(cluster, SlurmCluster) else cluster.gateway
    given = {
        "type": "slurm" if slurm else "gridengine",
        "query_every": 2,
        "ssh_options": gateway.ssh_options(),
    }
    neroman.add_node(NODE, gateway.ssh_address(), **{**given, **fields})


def sweep(folder: Path, script: str, count: int = 1, name: str = "sweep", more: str = "") -> Path:
    """The folder of an experiment of `count` runs, each `script` with its number as $1."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(CONFIG.format(name=name, count=count, more=more))
    (folder / "main.sh").write_text(NOTED + script)
    return folder


def checks(neroman: Neroman) -> dict[str, str]:
    """What doctor says of the cluster: subject -> text, of two with one subject the last."""
    return {check.subject: check.text for check in neroman.doctor(NODE)}


def started(run: Callable[[str], str]) -> list[str]:
    """The number of the run, of every start of a program; `run` runs a shell command in the user's home there."""
    return [line.split()[0] for line in run("cat starts 2>/dev/null || true").splitlines()]


def starts(cluster: Cluster) -> list[str]:
    """The same of a cluster."""
    return started(cluster.run)


def told(runs: RunSet) -> str:
    """What became of these runs, for whoever reads of a failure."""
    lines = []
    for run in list(runs)[:20]:
        lines.append(f"{run.number} {run.state} {run.reason}")
        if run.state == "failed" and run.results.is_dir():
            lines += [f"  {file.name}: {file.read_text()[-300:]}" for file in run.results.glob("*.log")]
    return "\n".join(lines)


def wait(runs: RunSet, timeout: float = 60.0) -> dict[str, int]:
    """The states of these runs, once all have ended."""
    runs.wait(timeout)
    assert set(runs.states) <= states.ENDED, told(runs)
    return dict(runs.states)
