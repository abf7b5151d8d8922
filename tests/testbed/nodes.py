"""A node: a real sshd with a host name, process table, users, homes, /etc, /tmp and boot id of its own.

It is made of Linux namespaces, without a container engine: `unshare` starts a small init
(process 1) that mounts what is the node's own over what is the machine's, and sshd is
started beside it.  Processes of the node are on the machine's kernel and network; it
listens on a loopback address that no other test session has (see lab.py).

* The init lives until its standard input ends, and with it every process of the node: a
  test session that is killed leaves no process behind.
* Its users exist only in the node's own /etc/passwd, so nothing of the machine is changed.
* A reboot is: every process gone at once, another boot id, start.  /tmp, /run and /dev/shm
  are empty then; homes and /srv stay (a `disk` does not).
"""

from __future__ import annotations

import hmac
import os
import secrets
import signal
import socket
import subprocess
import threading
import time
import uuid
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from tests.testbed import image
from tests.testbed.image import USERS, Options
from tests.testbed.procs import Process, kill_recorded, processes_in, start_time

if TYPE_CHECKING:
    from tests.testbed.lab import Lab

# What makes the node's namespaces; its users' PATH is the one that sshd gives.
NAMESPACES = ("--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc")
PATH = "/usr/local/bin:/usr/bin:/bin"


class Node:
    """One machine of a Lab; made by `Lab.node`, not started yet."""

    def __init__(self, lab: Lab, name: str, address: str, options: Options, python: Path | None) -> None:
        self.lab, self.name, self.address, self.options = lab, name, address, options
        self.folder = lab.folder / "nodes" / name
        self.boot_id = ""
        self.plugged = False  # should its sshd be there?
        self.python = python  # an interpreter to bring in; None: the system's or none
        self._unshare: subprocess.Popen[bytes] | None = None
        self._crashing = threading.Lock()
        self._init = (0, "")
        self.secret = secrets.token_bytes(20)
        self._counter = 0
        with socket.socket() as probe:
            probe.bind((address, 0))
            self.port: int = probe.getsockname()[1]
        image.make(self)
        image.renew(self)

    # -- power ------------------------------------------------------------------------------

    def start(self) -> Node:
        """Boots it and returns when its sshd answers; does nothing when it is up."""
        if self.up:
            return self
        self.crash()  # its init may have died by itself
        self.boot_id = str(uuid.uuid4())
        (self.folder / "boot_id").write_text(self.boot_id + "\n")
        with (self.folder / "log").open("ab") as log:
            self._unshare = subprocess.Popen(
                ["unshare", *NAMESPACES, "bash", str(self.folder / "init.sh")],
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        assert cast("IO[bytes]", self._unshare.stdout).readline() == b"up\n", f"{self.name}: {self.log()}"
        self._init = self._find_init()
        (self.folder / "init").write_text("{} {}".format(*self._init))
        self.plug()
        return self

    def _find_init(self) -> tuple[int, str]:
        """(process id on this machine, start) of its process 1; a look at a busy machine's /proc may miss it."""
        deadline = time.monotonic() + 5
        while True:
            for process in self._all():
                if process.pid == 1:
                    return process.host_pid, start_time(process.host_pid) or ""
            assert time.monotonic() < deadline, f"{self.name} has no process 1: {self.log()}"
            time.sleep(0.01)

    def crash(self) -> None:
        """A power cut: every process of it is gone when this returns, whichever thread began it."""
        with self._crashing:
            if self._unshare is None:
                return
            kill_recorded(*self._init)
            for pipe in (self._unshare.stdin, self._unshare.stdout):
                cast("IO[bytes]", pipe).close()
            self._unshare.wait(30)
            self._unshare = None
            self.plugged = False

    def stop(self, grace: float = 2.0) -> None:
        """An orderly shutdown: TERM for all, `grace` seconds later the power is off."""
        for process in self._all():
            if process.pid != 1:
                _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + grace
        while len(self._all()) > 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        self.crash()

    def reboot(self) -> None:
        """A power cut and a start: all processes are gone, the boot id is another one."""
        self.crash()
        self.start()

    def reset(self) -> Node:
        """Starts it as a machine that nobody has used yet: fresh homes, log and codes."""
        self.crash()
        self._counter = 0
        image.renew(self)
        return self.start()

    @property
    def up(self) -> bool:
        """Is its init alive?"""
        return self._unshare is not None and start_time(self._init[0]) == self._init[1]

    def check(self) -> None:
        """AssertionError when what should be alive (init, sshd) has died by itself."""
        if self._unshare is not None:
            assert self.up, f"the init of node {self.name} died:\n{self.log()}"
        if self.plugged:
            assert self._listener(), f"the sshd of node {self.name} died:\n{self.log()}"

    # -- its network ------------------------------------------------------------------------

    def plug(self) -> None:
        """Starts its sshd and returns when it answers, under the name by which `check` knows it."""
        config, log = self.folder / "sshd_config", self.folder / "log"
        self._enter(["/usr/sbin/sshd", "-f", str(config), "-E", str(log)])
        deadline = time.monotonic() + 10
        while not (self._answers() and self._listener()):
            assert time.monotonic() < deadline, f"sshd of {self.name} does not answer:\n{self.log()}"
            time.sleep(0.005)
        self.plugged = True

    def unplug(self) -> None:
        """Its sshd and all connections are gone; the users' processes run on."""
        self.plugged = False
        self._signal_sshd(signal.SIGKILL)

    def hang_up(self) -> None:
        """Every connection is cut; new ones are taken."""
        self._signal_sshd(signal.SIGKILL, listener=False)

    def freeze(self) -> None:
        """Connections stay open and nothing answers any more, as when packets vanish."""
        self._signal_sshd(signal.SIGSTOP)

    def thaw(self) -> None:
        """Undoes `freeze`."""
        self._signal_sshd(signal.SIGCONT)

    # -- how a client reaches it ------------------------------------------------------------

    def ssh_address(self, user: str = USERS[0]) -> str:
        """`alice@127.80.3.2:41234`, what a user writes into nodes.yaml (not for nodes behind a jump)."""
        return f"{user}@{self.address}:{self.port}"

    def ssh_options(self, user: str = USERS[0]) -> dict[str, str]:
        """The `ssh_options` of nodes.yaml that fit `ssh_address`."""
        return {"identity_file": str(self.lab.key(user)), "known_hosts": str(self.lab.known_hosts)}

    def host_name(self) -> str:
        """What the client dials: the address, or a name that only the jump node can resolve."""
        return f"{self.name}.inside" if self.options.jump else self.address

    def known_hosts_line(self) -> str:
        """Its line of a known_hosts file."""
        kind, key = (self.folder / "host_key.pub").read_text().split()[:2]
        return f"[{self.host_name()}]:{self.port} {kind} {key}\n"

    def ssh_config(self, user: str = USERS[0], alias: str = "") -> str:
        """A `Host` block that makes it known as `alias` (default: its name)."""
        words = {
            "Host": alias or self.name,
            "HostName": self.host_name(),
            "Port": self.port,
            "User": user,
            "IdentityFile": self.lab.key(user),
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": self.lab.known_hosts,
            "StrictHostKeyChecking": "yes",
            **({"ProxyJump": self.options.jump} if self.options.jump else {}),
        }
        return "\n  ".join(f"{word} {value}" for word, value in words.items()) + "\n"

    def ssh(
        self, command: str, *options: str, user: str = USERS[0], code: str = "", timeout: float = 30
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command through the real `ssh` client; `code` answers a one-time code's question."""
        config = self.folder / "ssh_config"
        config.write_text(self.lab.ssh_config())
        askpass = self.folder / "askpass"
        askpass.write_text('#!/bin/sh\necho "$NERONET_TEST_CODE"\n')
        askpass.chmod(0o700)
        answers = {"SSH_ASKPASS": str(askpass), "SSH_ASKPASS_REQUIRE": "force", "NERONET_TEST_CODE": code}
        login = ["-F", str(config), "-l", user, "-i", str(self.lab.key(user))]
        return subprocess.run(
            ["ssh", *login, "-o", "NumberOfPasswordPrompts=1", *options, self.name, command],
            env={**os.environ, **answers},
            stdin=subprocess.DEVNULL,
            timeout=timeout,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )

    # -- looking inside, without ssh --------------------------------------------------------

    def run(self, command: str, user: str = USERS[0], timeout: float = 30, check: bool = True) -> str:
        """What a shell command prints, run as `user` (or root) in their home; raises when it fails.

        It waits for everything that holds the command's output, so send that of background jobs away.
        """
        home = "/root" if user == "root" else f"/home/{user}"
        env = [f"HOME={home}", f"USER={user}", f"LOGNAME={user}", f"PATH={PATH}:/usr/sbin:/sbin"]
        uid = 0 if user == "root" else self.lab.uid(user)
        shell = ["env", "-i", *env, "sh", "-c", f"cd {home} && {{\n{command}\n}}"]
        return self._enter(shell, uid=uid, timeout=timeout, check=check)

    def path(self, inside: str) -> Path:
        """A path inside it (`/home/alice/x`), for tests to read and write while it is up."""
        return Path(f"/proc/{self._init[0]}/root", inside.lstrip("/"))

    def processes(self, match: str = "", user: str = USERS[0]) -> list[Process]:
        """The user's processes whose command line holds `match`; sshd's own are left out."""
        uid = self.lab.uid(user)
        return [p for p in self._all() if p.uid == uid and p.name != "sshd" and match in p.command]

    def kill(self, pid: int, number: int = signal.SIGKILL) -> None:
        """Sends a signal to a process, by its pid inside; ProcessLookupError when there is none."""
        for process in self._all():
            if process.pid == pid:
                return _signal(process, number)
        raise ProcessLookupError(f"no process {pid} in node {self.name}")

    def log(self) -> str:
        """What its init and sshd wrote (VERBOSE), since it was made or reset."""
        return (self.folder / "log").read_text(errors="replace")

    def new_code(self) -> str:
        """The next one-time code of alice; each is accepted once (HOTP, RFC 4226)."""
        digest = hmac.digest(self.secret, self._counter.to_bytes(8, "big"), "sha1")
        self._counter += 1
        offset = digest[-1] & 15
        return f"{(int.from_bytes(digest[offset : offset + 4], 'big') & 0x7FFFFFFF) % 10**6:06d}"

    def codes_asked(self) -> int:
        """How often anybody was asked for a code."""
        return len((self.folder / "asked").read_bytes())

    # -- within -----------------------------------------------------------------------------

    def _all(self) -> list[Process]:
        if self._unshare is None or self._unshare.poll() is not None:
            return []
        return processes_in(os.readlink(f"/proc/{self._unshare.pid}/ns/pid_for_children"))

    def _listener(self) -> list[Process]:
        return [process for process in self._all() if "[listener]" in process.command]

    def _enter(self, argv: list[str], uid: int = 0, timeout: float = 30, check: bool = True) -> str:
        flags = ["--mount", "--uts", "--pid", f"--setuid={uid}", f"--setgid={uid}"]
        done = subprocess.run(
            ["nsenter", f"--target={self._init[0]}", *flags, *argv],
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{self.name}: {argv}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def _answers(self) -> bool:
        with socket.socket() as client:
            client.settimeout(5)
            return client.connect_ex((self.address, self.port)) == 0

    def _signal_sshd(self, number: int, listener: bool = True) -> None:
        kept = [] if listener else [process.pid for process in self._listener()]  # its title counts logins
        for process in self._all():
            if process.name == "sshd" and process.pid not in kept:
                _signal(process, number)


def _signal(process: Process, number: int) -> None:
    try:
        os.kill(process.host_pid, number)
    except ProcessLookupError:
        pass  # it ended since it was listed
