"""One name that stands for several login machines, as large clusters have it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from neronet import Neroman
from tests.cluster.clusters import starts, sweep, told, until, wait
from tests.testbed.slurm import SlurmCluster

pytestmark = pytest.mark.real

# Leads each connection to whatever machine `target` names then; `ends`: who notes itself there is to be ended.
RELAY = """\
import os, socket, sys, threading
here = os.path.dirname(__file__)
link = socket.create_connection(open(here + "/target").read().split())
open(here + "/relays", "a").write("%d\\n" % os.getpid())

def back():
    while data := link.recv(65536):
        os.write(1, data)
    os._exit(0)

threading.Thread(target=back).start()
while data := os.read(0, 65536):
    link.sendall(data)
os._exit(0)
"""


def test_a_connection_that_comes_back_to_another_login_machine_goes_on(
    slurm: SlurmCluster, client_home: Any, neroman: Neroman, tmp_path: Path
) -> None:
    logins = [slurm.login, slurm.nodes[0]]  # the second one has the same home and Slurm's programs
    keys = [login.known_hosts_line().split(" ", 1)[1] for login in logins]
    known = tmp_path / "known_hosts"
    known.write_text("".join(f"triton {key}" for key in keys))
    home = client_home(
        f"Host triton\n  User alice\n  IdentityFile {slurm.lab.key('alice')}\n  UserKnownHostsFile {known}\n"
        f"  ProxyCommand {sys.executable} {tmp_path}/relay.py\n"
    )
    assert home.is_dir()
    (tmp_path / "relay.py").write_text(RELAY)
    relays = tmp_path / "relays"

    def lead_to(number: int) -> None:
        (tmp_path / "target").write_text(f"{logins[number].address} {logins[number].port}")

    lead_to(0)
    neroman.add_node("triton", "triton", type="slurm", query_every=2)
    script = "until [ -e $HOME/stop ]; do echo n 1; sleep 0.5; done\n"
    runs = neroman.submit(sweep(tmp_path / "s", script, 12), "triton")
    until(lambda: runs.states.get("running") == 8, lambda: told(runs))
    assert slurm.login.processes("neromum")
    # The line is cut without a word: on the first machine ours goes on for a while, as if it was still there.
    lead_to(1)
    pids = relays.read_text().split()
    for pid in pids:
        os.kill(int(pid), signal.SIGSTOP)
    try:
        neroman.edit_node("triton", query_every=3)  # its entry changed: it connects anew
        until(lambda: slurm.nodes[0].processes("neromum"), "no connection to the second login machine")
        assert slurm.login.processes("neromum"), "the first one was to go on"
        second = neroman.submit(sweep(tmp_path / "t", script, 6, name="more"), "triton")
        calls = slurm.calls()["sbatch"]
        until(lambda: len(slurm.jobs()) >= 18, slurm.jobs)
        slurm.run("touch stop")
        assert wait(runs) == {"finished": 12} and wait(second) == {"finished": 6}
    finally:
        for pid in pids:
            os.kill(int(pid), signal.SIGKILL)
    assert len(starts(slurm)) == 18
    assert slurm.calls()["sbatch"] == calls == 1, "the second machine has submitted, and only that one"
    assert len({native.partition("_")[0] for native in slurm.jobs()}) == 2
