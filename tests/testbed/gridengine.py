"""A real Grid Engine cluster made of nodes: a gateway with the master, and execution hosts.

    cluster = GridEngine(lab).start()
    cluster.run("qsub -terse -t 1-3 -b y hostname")     # as alice, through ssh on the gateway

It is Debian's Grid Engine as it is, with one site's settings: a queue `all.q`, a parallel environment
`smp`, and everything that is a quarter of a minute by default is a second here.  (A task sees SGE_ND=1,
which other sites' tasks do not.)

* What is the cluster's own (cell, spool, settings) lies in the lab's folder and is mounted over the
  machine's in its nodes; daemons listen on their node's address only (gridengine_address.c), so two
  clusters at once do not meet.
* The gateway's home is everybody's.  A daemon dies with its node or by its recorded pid.
* The client programs are counted on the gateway by what stands for them in /usr/local/bin.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

from tests.testbed.image import USERS, Options
from tests.testbed.lab import Lab, LackingError
from tests.testbed.nodes import Node
from tests.testbed.procs import kill_recorded, start_time

PACKAGES = ("gridengine-master", "gridengine-exec", "gridengine-client")
PROGRAMS = Path("/usr/lib/gridengine")
ROOT, SPOOL = "/var/lib/gridengine", "/var/spool/gridengine"  # where the packages have them
CELL = f"{ROOT}/default"
ENVIRONMENT = f"SGE_ROOT={ROOT} SGE_CELL=default"
ADDRESS_SOURCE = Path(__file__).with_name("gridengine_address.c")

# What every client program is: counted, then the real one, seen by the master as this node.
CLIENT = """\
#!/bin/sh
program=${{0##*/}}
{count}
export {environment} LD_PRELOAD=/usr/local/address.so NERONET_TEST_ADDRESS={address}
exec {programs}/$program "$@"
"""

# The cell as the package makes it.
INITIALISE = f"""
cd /
setpriv --reuid=sgeadmin --regid=sgeadmin --clear-groups \
  /usr/share/gridengine/scripts/init_cluster {ROOT} default {SPOOL}/spooldb sgeadmin
"""

# What the master is told before its first start (it plans by the old values for a while when told later).
CONFIGURATION = Path("/usr/share/gridengine/default-configuration")
SETTINGS = {
    "load_report_time": "00:00:01",
    "max_unheard": "00:00:05",  # it takes a silent host for dead after 14 s then, and no sooner with less
    "mailer": "/bin/true",
}

# The site: `qconf` shows its template or what is there to the "editor" cat, and takes a whole file.
CONFIGURE = """
set -e
export EDITOR=cat
work=$(mktemp -d)
cd $work
qconf -as {gateway} >/dev/null
qconf -ah {hosts} >/dev/null
qconf -ssconf | sed -E '
  s/^(schedule_interval +).*/\\1 0:0:1/
  s/^(flush_(submit|finish)_sec +).*/\\1 1/
  s/^(job_load_adjustments +).*/\\1 NONE/' >scheduler
qconf -Msconf scheduler >/dev/null
printf 'group_name @allhosts\\nhostlist {hosts}\\n' | tr , ' ' >group
qconf -Ahgrp group >/dev/null
qconf -Ap /usr/share/gridengine/util/resources/pe/smp >/dev/null
qconf -aq all.q | sed -nE '
  s/^(hostlist +).*/\\1 @allhosts/
  s/^(load_thresholds +).*/\\1 NONE/
  s/^(pe_list +).*/\\1 smp/
  s/^(slots +).*/\\1 {slots}/
  /^qname/,/^h_vmem/p' >queue
qconf -Aq queue >/dev/null
rm -r $work
"""


def client_programs() -> list[str]:
    """What the packages put into /usr/bin: qsub, qstat, qdel, ..."""
    links = [path for path in Path("/usr/bin").glob("q*") if path.is_symlink()]
    return [path.name for path in links if os.readlink(path).endswith("gridengine-wrapper")]


@dataclass(frozen=True)
class Daemon:
    """A daemon that was started and should be there."""

    node: Node
    name: str
    host_pid: int
    started: str

    @property
    def alive(self) -> bool:
        """Is it still the very process that was started?"""
        return start_time(self.host_pid) == self.started

    def kill(self, number: int) -> None:
        """Sends a signal to it, unless it is gone."""
        if self.alive:
            os.kill(self.host_pid, number)


class GridEngine:
    """A cluster of a gateway `gehead` and execution hosts `ge1`, `ge2`, ...; made, but not started yet.

    `slots`: of each host; `flush`: seconds until `qacct` may know of an ended task (15 where nobody changed
    it); `login_only`: only a login shell knows where the client programs are, as on many sites; `gateway`:
    how that node differs from a plain one.
    """

    def __init__(
        self,
        lab: Lab,
        hosts: int = 2,
        slots: int = 2,
        flush: int = 1,
        login_only: bool = False,
        gateway: Options | None = None,
    ) -> None:
        lacking = [name for name in ("sge_qmaster", "sge_execd", "qsub") if not (PROGRAMS / name).exists()]
        if lacking:
            raise LackingError(f"no Grid Engine here; install the Debian packages {' '.join(PACKAGES)}")
        self.lab, self.slots, self.login_only = lab, slots, login_only
        self.settings = {
            **SETTINGS,
            "reporting_params": f"accounting=true reporting=false flush_time=00:00:{flush:02}",
        }
        options = gateway or Options()
        # without PAM it is sshd that gives everybody what Debian's sites write into /etc/environment
        known = () if login_only else (f"SetEnv {ENVIRONMENT}",)
        self.gateway = lab.node("gehead", replace(options, sshd=(*options.sshd, *known)))
        self.hosts = [lab.node(f"ge{n}", Options(home_of="gehead")) for n in range(1, hosts + 1)]
        self.nodes = {node.name: node for node in (self.gateway, *self.hosts)}
        self.folder = lab.folder / "gridengine"
        self._daemons: dict[str, Daemon] = {}
        library = lab.folder / "address.so"
        if not library.exists():
            subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, ADDRESS_SOURCE], check=True)
        for node in self.nodes.values():
            shutil.copy(library, node.folder / "local/address.so")
            self._write_clients(node)
        if login_only:
            profile = self.gateway.folder / "etc/profile.d/sge.sh"
            profile.write_text(f"export {ENVIRONMENT} PATH=/usr/local/sge/bin:$PATH\n")

    # -- the whole cluster ------------------------------------------------------------------

    def start(self) -> GridEngine:
        """Starts it as a cluster that nobody has used yet: no job, fresh homes, no call counted."""
        self.stop()
        self._write_cell()
        for node in self.nodes.values():  # the gateway first: its home is the others', too
            node.reset()
            self._mount(node)
        self._as_root(INITIALISE)
        self.start_master()
        names = ",".join(host.name for host in self.hosts)
        self._as_root(CONFIGURE.format(gateway=self.gateway.name, hosts=names, slots=self.slots))
        for host in self.hosts:
            self._start_daemon(host, "sge_execd")
        self._wait(lambda: not self.silent_hosts(), "the execution hosts do not report")
        return self

    def stop(self) -> None:
        """A power cut of all its nodes."""
        self._daemons.clear()
        for node in self.nodes.values():
            node.crash()

    def close(self) -> None:
        """Ends it and removes its nodes and what it has on disk."""
        self.stop()
        for node in self.nodes.values():
            if self.lab.nodes.get(node.name) is node:  # and not another cluster's by now
                self.lab.remove(node)
        shutil.rmtree(self.folder, ignore_errors=True)

    def check(self) -> None:
        """AssertionError when a daemon, or what else should be alive, has died by itself."""
        for node in self.nodes.values():
            node.check()
        for daemon in self._daemons.values():
            assert daemon.alive, (
                f"{daemon.name} of {daemon.node.name} died:\n{self.messages(daemon.node.name)}"
            )

    # -- its parts --------------------------------------------------------------------------

    def start_master(self) -> None:
        """Starts the master and returns when it answers; does nothing when it is up.

        The execution hosts look for a master that they lost every half minute, whatever is set: until
        then it shows their tasks as it knew them, starts none and is told of no end.
        """
        daemon = self._daemons.get(self.gateway.name)
        if not (daemon and daemon.alive):
            self._start_daemon(self.gateway, "sge_qmaster")
            self._wait(self._answers, "the master does not answer")

    def kill_master(self) -> None:
        """The master is gone at once, as by a bug of its own; jobs run on."""
        self._end_master(signal.SIGKILL)

    def restart_master(self) -> None:
        """An orderly restart of the master, as after a change of its settings; jobs run on."""
        self._end_master(signal.SIGTERM)
        self.start_master()

    def freeze_master(self) -> None:
        """The master takes connections (its kernel does) and never answers."""
        self._daemons[self.gateway.name].kill(signal.SIGSTOP)

    def thaw_master(self) -> None:
        """Undoes `freeze_master`."""
        self._daemons[self.gateway.name].kill(signal.SIGCONT)

    def crash_node(self, name: str) -> None:
        """A power cut of one node: its daemon and its tasks are gone, and the master is not told."""
        self._daemons.pop(name, None)
        self.nodes[name].crash()

    def start_node(self, name: str) -> None:
        """Boots a node that was crashed, with its daemon; returns when the master knows of it."""
        node = self.nodes[name].start()
        self._mount(node)
        if node is self.gateway:
            self.start_master()
        else:
            self._start_daemon(node, "sge_execd")
            self._wait(lambda: name not in self.silent_hosts(), f"{name} does not report")

    # -- what it says -----------------------------------------------------------------------

    def run(self, command: str, user: str = USERS[0], timeout: float = 30) -> str:
        """What a command of the user on the gateway prints, through ssh; AssertionError when it fails."""
        done = self.gateway.ssh(command, user=user, timeout=timeout)
        assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def calls(self) -> Counter[str]:
        """How many times each client program was called on the gateway since `start`."""
        return Counter((self.folder / "cell/calls").read_text().split())

    def silent_hosts(self) -> set[str]:
        """The execution hosts that the master has not heard of (lately)."""
        tree = ElementTree.fromstring(self._as_root("qstat -f -xml"))
        queues = {queue.findtext("name"): queue.findtext("state") or "" for queue in tree.iter("Queue-List")}
        return {host.name for host in self.hosts if "u" in queues.get(f"all.q@{host.name}", "u")}

    def messages(self, name: str = "gehead") -> str:
        """What the daemon of a node wrote into its log."""
        spool = self.folder / "spool" / name
        logs = [*spool.glob("qmaster/messages"), *spool.glob("execd/*/messages")]
        return "".join(log.read_text(errors="replace") for log in logs)

    # -- within -----------------------------------------------------------------------------

    def _write_cell(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        cell = self.folder / "cell"
        for part in ("qmaster/job_scripts", "execd", "spooldb"):
            for name in self.nodes:
                (self.folder / "spool" / name / part).mkdir(parents=True)
        (cell / "common").mkdir(parents=True)
        shutil.copy("/usr/share/gridengine/default-bootstrap", cell / "common/bootstrap")
        (cell / "common/act_qmaster").write_text(f"{self.gateway.name}\n")
        # who asks for a program by its path in /usr/bin comes from 127.0.0.1
        (cell / "common/host_aliases").write_text(f"{self.gateway.name} localhost\n")
        settings = CONFIGURATION.read_text()
        for key, value in self.settings.items():
            settings = re.sub(rf"(?m)^({key} +).*", rf"\g<1>{value}", settings)
        (cell / "configuration").write_text(settings)
        (self.folder / "hidden").mkdir()
        for name in client_programs():  # such a device in an overlay says "not here"
            os.mknod(self.folder / "hidden" / name, stat.S_IFCHR)
        (cell / "calls").touch()
        (cell / "calls").chmod(0o666)
        subprocess.run(["chown", "-R", "sgeadmin:", self.folder], check=True)

    def _write_clients(self, node: Node) -> None:
        count = f"echo $program >>{CELL}/calls" if node is self.gateway else ""
        text = CLIENT.format(count=count, environment=ENVIRONMENT, address=node.address, programs=PROGRAMS)
        folders = [node.folder / "local/bin", node.folder / "local/sge/bin"]
        folder = folders[self.login_only]
        folder.mkdir(parents=True, exist_ok=True)
        for name in client_programs():
            folders[not self.login_only].joinpath(name).unlink(missing_ok=True)  # of an earlier cluster
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)

    def _mount(self, node: Node) -> None:
        cell = self.folder / "cell"
        parts = {cell: CELL, self.folder / "spool" / node.name: SPOOL, cell / "configuration": CONFIGURATION}
        lines = [f"mount --bind {own} {there}" for own, there in parts.items()]
        if self.login_only:
            lines.append(f"mount -t overlay -o lowerdir={self.folder}/hidden:/usr/bin overlay /usr/bin")
        node.run("\n".join(lines), user="root")

    def _start_daemon(self, node: Node, name: str) -> None:
        # SGE_ND: it stays this very process, and is not two seconds late as one that goes into
        # the background by itself.  A shell's background jobs ignore some signals; tasks must not.
        inside = node.run(
            f"env --default-signal {ENVIRONMENT} SGE_ND=1 LD_PRELOAD=/usr/local/address.so "
            f"NERONET_TEST_ADDRESS={node.address} {PROGRAMS}/{name} </dev/null >/dev/null 2>&1 & echo $!",
            user="root",
        )
        host_pid = next((p.host_pid for p in node._all() if p.pid == int(inside)), 0)
        self._daemons[node.name] = Daemon(node, name, host_pid, start_time(host_pid) or "gone")

    def _end_master(self, number: int) -> None:
        daemon = self._daemons.pop(self.gateway.name, None)
        if daemon:
            daemon.kill(signal.SIGCONT)
            daemon.kill(number)
            try:  # of an orderly end it makes 2 to 10 seconds, and may never come to it
                self._wait(lambda: not daemon.alive, "", 15)
            except AssertionError:
                kill_recorded(daemon.host_pid, daemon.started)

    def _answers(self) -> bool:
        try:
            return "gehead" in self._as_root("qconf -sss")
        except (AssertionError, subprocess.TimeoutExpired):
            return False

    def _as_root(self, command: str) -> str:
        """Runs it on the gateway, not through ssh and not counted."""
        return self.gateway.run(f"export {ENVIRONMENT}\nPATH={PROGRAMS}:$PATH\n{command}", user="root")

    def _wait(self, holds: Callable[[], bool], complaint: str, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"{complaint}:\n{self.messages()}"
            time.sleep(0.05)
