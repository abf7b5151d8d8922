"""A real Slurm cluster for tests: munged, slurmctld and slurmd in the namespaces of a Lab's nodes.

    cluster = SlurmCluster(lab).start()
    cluster.login.ssh("sbatch --parsable job.sh")       # alice, over real ssh
    cluster.crash_node("c1")                            # a power cut

`login` has sshd, munged and slurmctld; c1, c2, ... have munged and slurmd, and login's /home.  Jobs
run as alice or bob inside the node, whose host name tells where that is.  Nothing of the machine is
changed, and nothing is shared with another cluster: configuration, keys, sockets, state and logs are
in /etc, /run and /srv of each node, and the daemons listen on the nodes' own addresses.

A daemon belongs to its node's process table and ends with it; it is signalled by the host's pid
and start time that were noted when it was started.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import stat
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.testbed import image
from tests.testbed.image import USERS
from tests.testbed.lab import Lab, LackingError
from tests.testbed.nodes import Node
from tests.testbed.procs import start_time
from tests.testbed.slurm_conf import FOLDER, GPU, LOG, PID_FILE, Settings, gres_conf, slurm_conf

DAEMONS = ("munged", "slurmctld", "slurmd")
CLIENTS = ("sbatch", "squeue", "scontrol", "scancel", "sacct", "sinfo")
PORTS = range(21_000, 30_000)  # below those that the kernel gives to whoever asks for any
READY = ("idle", "mixed", "allocated", "completing")
# first in the users' PATH on `login`; a line that is appended so stays whole
COUNTED = '#!/bin/sh\necho {name} >>/usr/local/calls\nexec /usr/bin/{name} "$@"\n'


class SlurmCluster:
    """One cluster as new, not started yet; `name` comes before its nodes' names.

    Nodes of these names that the lab has already are used again, which saves most of the time to make one.
    """

    def __init__(self, lab: Lab, name: str = "", **settings: Any) -> None:
        for program in DAEMONS:
            if not Path("/usr/sbin", program).exists():
                raise LackingError(f"no /usr/sbin/{program} here; tests/testbed/install.py installs it")
        self.lab, self.settings = lab, Settings(**settings)
        self.login = lab.node(f"{name}login", self.settings.like)
        inner = replace(self.settings.like, home_of=self.login.name)
        self.nodes = [lab.node(f"{name}c{number + 1}", inner) for number in range(self.settings.nodes)]
        self._all = [self.login, *self.nodes]
        self._ports = {node.name: _free_port(node.address) for node in self._all}
        self._daemons: dict[tuple[str, str], tuple[int, str]] = {}  # (node, program) -> (host pid, its start)
        self._key = secrets.token_bytes(1024)
        for node in self._all:
            node.crash()
            image.renew(node)
            self._furnish(node)

    # -- the whole cluster ------------------------------------------------------------------

    def start(self) -> SlurmCluster:
        """Boots it and returns when every node takes jobs; queue and homes are as `stop` left them."""
        self.login.start()
        with ThreadPoolExecutor(len(self._all)) as pool:
            list(pool.map(self._boot, self._all))
            self._start_controller()
            list(pool.map(self._start_slurmd, self.nodes))
        self._wait_until_ready(self.nodes)
        return self

    def stop(self) -> None:
        """Cuts the power of all its nodes at once."""
        self._daemons.clear()
        for node in self._all:
            node.crash()

    def close(self) -> None:
        """Ends it and removes its nodes from the lab, with all that is on their disks."""
        self.stop()
        for node in self._all:
            self.lab.remove(node)

    def check(self) -> None:
        """AssertionError when one of its daemons, or a node, died by itself."""
        for node in self._all:
            node.check()
        for (name, program), (pid, start) in list(self._daemons.items()):
            assert start_time(pid) == start, f"{program} of {name} died by itself:\n{self.log(name)}"

    # -- its parts --------------------------------------------------------------------------

    def restart_controller(self) -> None:
        """Ends slurmctld in order if it is there, starts it and returns when it answers."""
        if (self.login.name, "slurmctld") in self._daemons:
            self.thaw_controller()
            self._end_controller(signal.SIGTERM)
        self._start_controller()

    def kill_controller(self, saved: bool = True) -> None:
        """SIGKILL for slurmctld: clients are refused; jobs run on.

        It writes what it knows only every few seconds, and that a backfilled job has started later still.
        What is lost so, the next slurmctld does over: job numbers are given again, and running jobs are
        ended and run once more.  With `saved` it is killed right after it has written everything.
        """
        if saved:
            state = self.login.folder / FOLDER.lstrip("/") / "state/job_state"
            before = state.stat().st_mtime_ns if state.exists() else 0
            self.run("/usr/bin/scontrol reconfigure", "root")
            _until(lambda: state.exists() and state.stat().st_mtime_ns != before, "slurmctld saves nothing")
        self._end_controller(signal.SIGKILL)

    def freeze_controller(self) -> None:
        """Clients reach slurmctld and get no answer until `thaw_controller`."""
        pid = self._signal(self.login, "slurmctld", signal.SIGSTOP)
        _until(lambda: ") T " in Path(f"/proc/{pid}/stat").read_text(), "slurmctld does not freeze")

    def thaw_controller(self) -> None:
        """Undoes `freeze_controller`: what clients have sent meanwhile is answered now."""
        self._signal(self.login, "slurmctld", signal.SIGCONT)

    def crash_node(self, name: str) -> None:
        """A power cut of one node: its jobs and daemons are gone and nobody has been told."""
        node = self.lab.nodes[name]
        for key in [key for key in self._daemons if key[0] == name]:
            del self._daemons[key]
        node.crash()

    def start_node(self, name: str) -> None:
        """Boots a node after `crash_node`; returns when it takes jobs (if there is a controller to say so)."""
        node = self.lab.nodes[name]
        self._boot(node)
        if node is self.login:
            self._start_controller()
        else:
            self._start_slurmd(node)
            if (self.login.name, "slurmctld") in self._daemons:
                self._wait_until_ready([node])

    # -- its users, and what they see -------------------------------------------------------

    def run(self, command: str, user: str = USERS[0], timeout: float = 30, check: bool = True) -> str:
        """What a shell command prints on `login`, without ssh; raises when it fails."""
        return self.login.run(command, user, timeout, check)

    def ssh(
        self, command: str, user: str = USERS[0], timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command on `login` through the real `ssh` client."""
        return self.login.ssh(command, user=user, timeout=timeout)

    def calls(self) -> Counter[str]:
        """How often each of Slurm's clients was called on `login`, by its name."""
        return Counter((self.login.folder / "local/calls").read_text().split())

    def jobs(self) -> dict[str, str]:
        """The states of all jobs that Slurm still knows ({"1_0": "RUNNING"}); `calls` does not count this."""
        lines = self.run("/usr/bin/squeue -h -r -t all -o '%i %T'", "root").splitlines()
        return dict(line.split(" ", 1) for line in lines)

    def log(self, name: str = "") -> str:
        """What the Slurm daemon of that node (default: of every node) wrote."""
        files = {node.name: node.folder / LOG.lstrip("/") for node in self._all if name in ("", node.name)}
        return "".join(f"-- {n}\n{f.read_text(errors='replace')}" for n, f in files.items() if f.exists())

    # -- within -----------------------------------------------------------------------------

    def _furnish(self, node: Node) -> None:
        """What the daemons want to find in the node's /etc, /srv and /usr/local."""
        etc, home = node.folder / "etc", node.folder / FOLDER.lstrip("/")
        for folder in (etc / "slurm", home / "state", home / "spool"):
            folder.mkdir(parents=True, exist_ok=True)
        (etc / "slurm/slurm.conf").write_text(slurm_conf(self.settings, self.login, self.nodes, self._ports))
        (etc / "slurm/gres.conf").write_text(gres_conf(self.settings))
        (etc / "munge").mkdir(exist_ok=True)
        os.chown(etc / "munge", 0, 0)  # munged runs as root here, and trusts nobody else's folder
        key = etc / "munge/munge.key"
        key.unlink(missing_ok=True)  # the machine's
        key.touch(mode=0o600)
        key.write_bytes(self._key)
        if node is self.login:
            calls = node.folder / "local/calls"
            calls.write_text("")
            calls.chmod(0o666)
            for name in CLIENTS:
                wrapper = node.folder / "local/bin" / name
                wrapper.write_text(COUNTED.format(name=name))
                wrapper.chmod(0o755)
        else:
            for number in range(self.settings.gpus):
                gpu = node.folder / f"{GPU}{number}".lstrip("/")
                os.mknod(gpu, stat.S_IFCHR | 0o666, os.makedev(1, 3))
                gpu.chmod(0o666)

    def _boot(self, node: Node) -> None:
        node.start()
        if (node.name, "munged") not in self._daemons:
            files = {"pid-file": PID_FILE.format("munged"), "seed-file": "/run/munge/seed"}
            files |= {"socket": "/run/munge/munge.socket.2", "log-file": "/run/munge/log"}
            node.run("mkdir -p -m 755 /run/munge", "root")
            self._launch(node, "munged", *(f"--{option}={path}" for option, path in files.items()))

    def _start_controller(self) -> None:
        if (self.login.name, "slurmctld") not in self._daemons:
            self._launch(self.login, "slurmctld")
            self._wait_for(self.login)

    def _start_slurmd(self, node: Node) -> None:
        if (node.name, "slurmd") not in self._daemons:
            self._launch(node, "slurmd")
            self._wait_for(node)

    def _launch(self, node: Node, program: str, *options: str) -> None:
        """Starts a daemon, which goes to the background by itself, and notes who it is."""
        pid_file = node.path(PID_FILE.format(program))
        pid_file.unlink(missing_ok=True)
        node.run(" ".join([f"exec /usr/sbin/{program}", *options]), "root")
        _until(lambda: pid_file.exists() and pid_file.read_text().strip(), f"{program} does not start")
        pid = int(pid_file.read_text())
        host_pid = next((p.host_pid for p in node._all() if p.pid == pid), 0)
        start = start_time(host_pid) if host_pid else None
        assert start, f"{program} of {node.name} ended at once:\n{self.log(node.name)}"
        self._daemons[node.name, program] = (host_pid, start)

    def _wait_for(self, node: Node) -> None:
        """Returns when the node's slurmctld or slurmd takes connections."""
        address = (node.address, self._ports[node.name])

        def answers() -> bool:
            self.check()
            with socket.socket() as client:
                client.settimeout(5)
                return client.connect_ex(address) == 0

        _until(answers, f"no daemon answers at {address}")

    def _wait_until_ready(self, nodes: Iterable[Node]) -> None:
        names = {node.name for node in nodes}

        def ready() -> bool:
            self.check()
            states = self.run("/usr/bin/sinfo -h -N -o '%N %T'", "root", check=False).splitlines()
            return names <= {name for name, state in map(str.split, states) if state in READY}

        _until(ready, f"{names} are not ready")

    def _signal(self, node: Node, program: str, number: int) -> int:
        pid, start = self._daemons[node.name, program]
        assert start_time(pid) == start, f"{program} of {node.name} died by itself:\n{self.log(node.name)}"
        os.kill(pid, number)
        return pid

    def _end_controller(self, number: int) -> None:
        pid = self._signal(self.login, "slurmctld", number)
        _until(lambda: start_time(pid) is None, "slurmctld does not end", 20)
        del self._daemons[self.login.name, "slurmctld"]


def _free_port(address: str) -> int:
    for port in PORTS:
        with socket.socket() as probe:
            try:
                probe.bind((address, port))  # fails too where somebody listens on every address
            except OSError:
                continue
            return port
    raise LackingError(f"no port is free at {address}")


def _until(holds: Callable[[], object], complaint: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.01)
