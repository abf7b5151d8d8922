"""A Lab: the nodes of one test session, with their users' ids, addresses, keys and client settings.

Several sessions may run on one machine.  Each takes a slot, by binding a socket that it
holds to its end; the slot says which loopback addresses (127.A.B.2 and up) and which two
user ids are its own.  Its files are in /var/lib/neronet-tests-PID-STARTTIME-..., which only root may
enter; what a session that was killed left there, the next one removes.
"""

from __future__ import annotations

import glob
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.testbed.image import USERS, Options
from tests.testbed.nodes import NAMESPACES, Node
from tests.testbed.procs import kill_recorded, processes_of, start_time

STATE = Path("/var/lib")
SLOTS = 16384


class LackingError(Exception):
    """This machine cannot have such a node; the text says why and what to do."""


class Lab:
    """Makes nodes; `close` ends them all and says what was left behind."""

    def __init__(self) -> None:
        probe = subprocess.run(["unshare", *NAMESPACES, "true"], capture_output=True, text=True, check=False)
        if probe.returncode:
            raise LackingError(
                f"no namespaces here, in a container without CAP_SYS_ADMIN? {probe.stderr.strip()}"
            )
        _remove_stale()
        self._slot, self._lock = _take_slot()
        owner = f"neronet-tests-{os.getpid()}-{start_time(os.getpid())}-"
        self.folder = Path(tempfile.mkdtemp(prefix=owner, dir=STATE))
        self.nodes: dict[str, Node] = {}
        self.known_hosts = self.folder / "known_hosts"
        for user in USERS:
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key(user)], check=True)

    def node(self, name: str = "node1", options: Options | None = None) -> Node:
        """The node of that name and kind, not started; one of that name but another kind is removed."""
        options = options or Options()
        old = self.nodes.get(name)
        if old:
            if old.options == options:
                return old
            self.remove(old)
        if options.stale_home and not Path("/dev/fuse").exists():
            raise LackingError("no /dev/fuse here, in a container without --device /dev/fuse?")
        python = find_python(options.python)
        self.nodes[name] = node = Node(self, name, self._free_address(), options, python)
        self.known_hosts.write_text("".join(node.known_hosts_line() for node in self.nodes.values()))
        for other in self.nodes.values():
            (other.folder / "etc/hosts").write_text(self.hosts())
        return node

    def remove(self, node: Node) -> None:
        """Ends a node and removes what it has on disk."""
        node.crash()
        shutil.rmtree(node.folder)
        del self.nodes[node.name]

    def close(self) -> list[str]:
        """Ends and removes everything; returns what is still there, in words (nothing, if all is well)."""
        for node in list(self.nodes.values()):
            self.remove(node)
        shutil.rmtree(self.folder)
        self._lock.close()
        left = [f"process {p.host_pid}: {p.command}" for p in processes_of({self.uid(u) for u in USERS})]
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        return left + [f"mount: {line}" for line in mounts if str(self.folder) in line]

    def uid(self, user: str) -> int:
        """The user's id, the same on all nodes; the group's id is the same number."""
        return 200_000 + self._slot * len(USERS) + USERS.index(user)

    def key(self, user: str) -> Path:
        """The private key that lets the user in."""
        return self.folder / f"id_{user}"

    def hosts(self) -> str:
        """/etc/hosts of the nodes: they know each other by name."""
        lines = [f"{node.address} {node.name} {node.name}.inside" for node in self.nodes.values()]
        return "\n".join(["127.0.0.1 localhost", *lines, ""])

    def ssh_config(self) -> str:
        """The blocks of all nodes, for a client's ~/.ssh/config."""
        return "".join(node.ssh_config() for node in self.nodes.values())

    def client(self, home: Path, config: str | None = None) -> dict[str, str]:
        """Makes `home` a client's home with ~/.ssh/config (default: all nodes); returns HOME and PATH.

        OpenSSH looks for its files where the password file says, not in $HOME; so an `ssh`
        that names the file to the real one comes first in PATH.
        """
        (home / ".ssh").mkdir(mode=0o700, parents=True, exist_ok=True)
        (home / ".ssh/config").write_text(self.ssh_config() if config is None else config)
        (home / "bin").mkdir(exist_ok=True)
        (home / "bin/ssh").write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F "$HOME/.ssh/config" "$@"\n')
        (home / "bin/ssh").chmod(0o755)
        return {"HOME": str(home), "PATH": f"{home}/bin:{os.environ['PATH']}"}

    def _free_address(self) -> str:
        taken = {node.address for node in self.nodes.values()}
        return next(a for n in range(2, 255) if (a := _address(self._slot, n)) not in taken)


def find_python(version: str) -> Path | None:
    """The program of an installed CPython ("3.6"); None for "none" and for the system's own ("system")."""
    if version == "none" or (version == "system" and Path("/usr/bin/python3").exists()):
        return None
    if version == "system":
        return Path(sys.base_prefix, f"bin/python3.{sys.version_info.minor}")
    home = pwd.getpwuid(os.getuid()).pw_dir
    places = (
        os.environ.get("PYENV_ROOT", f"{home}/.pyenv") + f"/versions/{version}.*",
        f"{home}/.local/share/uv/python/cpython-{version}.*",
        f"/opt/hostedtoolcache/Python/{version}.*/*",
        f"/opt/python{version}*",
        "/usr",
    )
    for place in places:
        for found in sorted(glob.glob(f"{place}/bin/python{version}")):
            return Path(found)
    raise LackingError(f"no CPython {version} here; `pyenv install {version}` makes one")


def _address(slot: int, number: int) -> str:
    return f"127.{64 + slot // 256}.{slot % 256}.{number}"


def _take_slot() -> tuple[int, socket.socket]:
    for attempt in range(SLOTS):
        slot = (os.getpid() + attempt) % SLOTS
        lock = socket.socket()
        try:
            lock.bind((_address(slot, 1), 9))
        except OSError:
            lock.close()
        else:
            return slot, lock
    raise RuntimeError("every slot for test nodes is taken")


def _remove_stale() -> None:
    for folder in STATE.glob("neronet-tests-*-*-*"):
        pid, start = folder.name.split("-")[2:4]
        if start_time(int(pid)) == start:
            continue
        for record in folder.glob("nodes/*/init"):
            init, init_start = record.read_text().split()
            kill_recorded(int(init), init_start)
        shutil.rmtree(folder, ignore_errors=True)  # another session may be at it too
