"""Each kind of test node is what it says, seen by the real ssh client."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.testbed import install
from tests.testbed.fixtures import NodeFactory, cannot
from tests.testbed.image import NOISY, Options
from tests.testbed.lab import Lab, LackingError, find_python
from tests.testbed.nodes import Node
from tests.testbed.procs import processes_of, start_time
from tests.waiting import until

pytestmark = pytest.mark.real


def said(node: Node, command: str, *options: str, **more: str) -> str:
    done = node.ssh(command, *options, **more)  # type: ignore[arg-type]
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_node_has_a_host_name_users_and_a_process_table_of_its_own(node: Node) -> None:
    assert said(node, "hostname; id -un; pwd").split() == ["node1", "alice", "/home/alice"]
    numbers = said(node, "ps -eo pid=").split()
    assert "1" in numbers
    assert len(numbers) < 10
    assert not Path("/home/alice").exists()


def test_a_node_starts_in_well_under_a_second(lab: Lab, node: Node) -> None:
    began = time.monotonic()
    node.reboot()
    assert time.monotonic() - began < 10
    assert node.up


def test_every_python_name_of_the_guide_is_there(node: Node) -> None:
    for name in ("python", "python2", "python3"):
        assert said(node, f"{name} -c 'print(1)'") == "1"


@pytest.mark.parametrize("version", ["3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"])
def test_a_node_has_only_the_python_asked_for(node_factory: NodeFactory, version: str) -> None:
    node = node_factory("old", python=version)
    lines = said(
        node,
        "python3 -V; python2 -V; python -V; type -a python3; ls /usr/bin | grep -c ^python[23] || "
        "python3 -I -S -c 'import ctypes, hashlib, json, ssl, zipfile'",
    ).splitlines()
    assert [line.rpartition(".")[0] for line in lines[:3]] == [f"Python {version}"] * 3
    assert lines[3:] == ["python3 is /usr/local/bin/python3", "0"]


def test_a_node_without_python_has_none(node_factory: NodeFactory) -> None:
    assert node_factory("bare", python="none").ssh("python3 -V").returncode == 127


def test_a_noisy_start_up_file_speaks_before_every_command(node_factory: NodeFactory) -> None:
    done = node_factory("noisy", rc=NOISY).ssh("echo mine")
    assert done.stdout.startswith("Welcome to the cluster, line 0\n")
    assert done.stdout.endswith("no newline at the endmine\n")
    assert "warning 299" in done.stderr


@pytest.mark.parametrize(
    ("shell", "probe"),
    [("tcsh", "echo $tcsh"), ("zsh", "echo $ZSH_VERSION"), ("fish", "echo $FISH_VERSION"), ("sh", "echo $0")],
)
def test_a_login_shell_is_the_one_asked_for(node_factory: NodeFactory, shell: str, probe: str) -> None:
    node = node_factory("shell", shell=f"/bin/{shell}" if shell != "fish" else "/usr/bin/fish")
    assert said(node, probe)
    assert said(node, "echo $SHELL").endswith(shell)


def test_a_start_up_file_belongs_to_the_shell(node_factory: NodeFactory) -> None:
    node = node_factory("tcsh", shell="/bin/tcsh", rc="echo from tcsh\n")
    assert said(node, "echo mine") == "from tcsh\nmine"


def test_a_node_behind_another_is_reached_only_by_proxyjump(node_factory: NodeFactory) -> None:
    gate = node_factory("gate")
    inner = node_factory("inner", jump="gate")
    assert said(inner, "hostname") == "inner"
    direct = inner.ssh("hostname", "-o", "ProxyJump=none")
    assert direct.returncode == 255
    assert "Could not resolve hostname inner.inside" in direct.stderr
    gate.unplug()
    assert inner.ssh("hostname").returncode == 255


def test_an_alias_of_the_clients_ssh_config_works(node: Node, client_home: Callable[..., Path]) -> None:
    home = client_home(node.ssh_config(alias="gpu", user="bob"))
    assert (home / ".ssh/config").read_text().startswith("Host gpu\n")
    done = subprocess.run(["ssh", "gpu", "id -un"], capture_output=True, text=True, check=True)
    assert done.stdout == "bob\n"


def test_the_fields_of_nodes_yaml_fit_the_node(node: Node) -> None:
    user, _, place = node.ssh_address().partition("@")
    address, _, port = place.partition(":")
    options = node.ssh_options()
    known = f"UserKnownHostsFile={options['known_hosts']}"
    command = ["ssh", "-F", "none", "-p", port, "-i", options["identity_file"], "-o", known]
    command += ["-o", "StrictHostKeyChecking=yes", f"{user}@{address}", "hostname"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "node1\n"


def test_a_home_can_be_read_only_beside_a_writable_place(node_factory: NodeFactory) -> None:
    node = node_factory("readonly", read_only_home=True)
    assert "Read-only file system" in node.ssh("touch ~/x").stderr
    said(node, "touch /srv/alice/x /tmp/x")


@pytest.mark.parametrize("code", ["alone", "after key"])
def test_a_one_time_code_is_asked_counted_and_taken_once(node_factory: NodeFactory, code: str) -> None:
    node = node_factory("code-" + code.split()[0], code=code)
    good = node.new_code()
    assert node.codes_asked() == 0
    assert said(node, "id -un", code=good) == "alice"
    assert node.codes_asked() == 1
    assert node.ssh("true", code=good).returncode == 255
    assert node.ssh("true", "-o", "PreferredAuthentications=publickey").returncode == 255
    assert said(node, "id -un", code=node.new_code()) == "alice"


def test_a_code_after_the_key_needs_the_key_too(node_factory: NodeFactory) -> None:
    node = node_factory("code-after", code="after key")
    only = ("-o", "PreferredAuthentications=keyboard-interactive")
    assert node.ssh("true", *only, code=node.new_code()).returncode == 255
    assert node.codes_asked() == 0


def test_two_nodes_share_one_home_and_nothing_else(node_factory: NodeFactory) -> None:
    first = node_factory("first")
    second = node_factory("second", home_of="first")
    said(first, "echo $(hostname) > ~/note; sleep 300 >/dev/null 2>&1 & echo > /tmp/only-here")
    assert said(second, "cat ~/note; hostname").split() == ["first", "second"]
    assert first.processes("sleep 300")
    assert not second.processes("sleep 300")
    assert not second.path("/tmp/only-here").exists()
    assert len({said(node, "cat /proc/sys/kernel/random/boot_id") for node in (first, second)}) == 2


def test_a_second_user_cannot_read_the_first_ones_home(node: Node) -> None:
    assert said(node, "id -un; pwd", user="bob").split() == ["bob", "/home/bob"]
    assert "Permission denied" in node.ssh("ls /home/alice", user="bob").stderr
    node.run("sleep 300 >/dev/null 2>&1 &", user="bob")
    assert node.processes("sleep 300", user="bob")
    assert not node.processes("sleep 300", user="alice")


def test_a_small_disk_gets_full_and_nothing_else_does(node_factory: NodeFactory) -> None:
    node = node_factory("small", disk="8m")
    assert "No space left" in node.ssh("head -c 9000000 /dev/zero > /srv/alice/x").stderr
    said(node, "head -c 9000000 /dev/zero > ~/x")


def test_a_reboot_ends_everything_and_changes_the_boot_id(node: Node) -> None:
    boot_id = said(node, "cat /proc/sys/kernel/random/boot_id; touch ~/stays /tmp/goes")
    said(node, "setsid sleep 300 >/dev/null 2>&1 </dev/null &")
    [sleeper] = node.processes("sleep 300")
    assert boot_id == node.boot_id
    node.reboot()
    assert start_time(sleeper.host_pid) is None
    assert not node.processes()
    assert said(node, "cat /proc/sys/kernel/random/boot_id; ls ~ /tmp").split("\n") == [
        node.boot_id,
        "/home/alice:",
        "stays",
        "",
        "/tmp:",
    ]
    assert boot_id != node.boot_id


@pytest.mark.parametrize(
    ("cut", "survives"), [("crash", False), ("stop", False), ("unplug", True), ("hang_up", True)]
)
def test_cutting_a_node_closes_its_connections(node: Node, lab: Lab, cut: str, survives: bool) -> None:
    said(node, "setsid sleep 300 >/dev/null 2>&1 </dev/null &")
    (lab.folder / "open").write_text(lab.ssh_config())
    command = ["ssh", "-F", str(lab.folder / "open"), node.name, "echo in; cat"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == b"in\n"
        began = time.monotonic()
        getattr(node, cut)()
        assert client.wait(10) == 255
        assert time.monotonic() - began < 20
    assert bool(node.processes("sleep 300")) == survives
    assert (node.ssh("true").returncode == 0) == (cut == "hang_up")
    if cut == "unplug":
        node.plug()
        assert node.ssh("true").returncode == 0


def test_a_frozen_node_answers_again_when_thawed(node: Node) -> None:
    node.freeze()
    assert node.ssh("true", "-o", "ConnectTimeout=1").returncode == 255
    node.thaw()
    assert node.ssh("true").returncode == 0


def test_a_stopped_node_lets_its_programs_end_by_themselves(node: Node) -> None:
    patient = "trap 'echo bye > ~/bye; exit' TERM; touch ~/ready; while :; do sleep 0.05; done"
    said(node, f"({patient}) >/dev/null 2>&1 </dev/null & until [ -e ~/ready ]; do sleep 0.05; done")
    node.stop()
    assert not node.up
    node.start()
    assert said(node, "cat ~/bye") == "bye"


def test_a_process_is_signalled_by_its_number_inside(node: Node) -> None:
    number = int(said(node, "sleep 300 >/dev/null 2>&1 & echo $!"))
    # Until it has become sleep, the child has the command line of its shell.
    until(lambda: [(one.pid, one.command) for one in node.processes("sleep 300")] == [(number, "sleep 300")])
    node.kill(number, signal.SIGTERM)
    # An ended one has no command line, but its number until it is reaped.
    until(lambda: all(one.pid != number for one in node._all()))
    with pytest.raises(ProcessLookupError):
        node.kill(number)


def test_process_one_leaves_no_zombies(node: Node) -> None:
    said(node, "for i in 1 2 3; do setsid sh -c 'sleep 0.1 & exit' >/dev/null 2>&1; done")
    until(lambda: not node.processes())


def test_commands_run_inside_without_ssh(node: Node) -> None:
    assert node.run("hostname; id -un; pwd").split() == ["node1", "alice", "/home/alice"]
    assert node.run("id -u", user="root") == "0\n"
    with pytest.raises(AssertionError, match="exit 3"):
        node.run("exit 3")
    node.run("echo text > ~/file")
    assert node.path("/home/alice/file").read_text() == "text\n"


def test_a_node_is_given_to_each_test_as_new(lab: Lab) -> None:
    node = lab.node("again").start()
    said(node, "touch ~/x /srv/alice/x; rm -r ~/.ssh")
    node.reset()
    assert said(node, "ls ~ /srv/alice").split() == ["/home/alice:", "/srv/alice:"]
    lab.remove(node)


def test_the_strict_modes_of_sshd_are_on(node: Node) -> None:
    node.run("chmod 777 ~/.ssh")
    assert node.ssh("true").returncode == 255
    assert "bad ownership or modes" in node.log()


def test_own_lines_of_sshd_config_win(node_factory: NodeFactory) -> None:
    node = node_factory("limited", sshd=("MaxSessions 0",))
    assert node.ssh("true").returncode == 255


def test_a_node_that_died_by_itself_is_told(lab: Lab) -> None:
    node = lab.node("dying").start()
    node.check()
    node.kill(node._listener()[0].pid)
    until(lambda: not node._listener())
    with pytest.raises(AssertionError, match="the sshd of node dying died"):
        node.check()
    node.reset().check()
    node.kill(1)
    until(lambda: not node.up)
    with pytest.raises(AssertionError, match="the init of node dying died"):
        node.check()
    lab.remove(node)


def test_two_labs_at_once_have_nothing_in_common(lab: Lab) -> None:
    """And one that was killed leaves no process, and no folder once the next one has begun."""
    code = (
        "import time; from tests.testbed.lab import Lab; lab = Lab(); node = lab.node('other').start();"
        "print(lab.folder, node.address, lab.uid('alice'), node._init[0], flush=True); time.sleep(300)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        folder, address, uid, init = other.stdout.readline().split()
        assert address.rsplit(".", 1)[0] != lab.node("mine").address.rsplit(".", 1)[0]
        assert int(uid) not in (lab.uid("alice"), lab.uid("bob"))
        other.kill()
    until(lambda: start_time(int(init)) is None)
    assert Path(folder).exists()
    third = Lab()
    assert not Path(folder).exists()
    assert lab.folder.exists()
    assert third.close() == []
    assert not third.folder.exists()


def test_closing_a_lab_says_what_is_left() -> None:
    own = Lab()
    node = own.node("leaky", Options()).start()
    uid = own.uid("alice")
    with subprocess.Popen(["setpriv", f"--reuid={uid}", "--clear-groups", "sleep", "300"]) as outside:
        until(lambda: bool(processes_of({uid})))
        left = own.close()
        outside.kill()
    assert [line.partition(": ")[2] for line in left] == ["sleep 300"]
    assert not node.up
    assert not node.folder.exists()


def test_a_version_that_is_not_here_is_told() -> None:
    with pytest.raises(LackingError, match=r"no CPython 3\.99 here; `pyenv install 3\.99`"):
        find_python("3.99")


def test_want_of_real_parts_skips_or_fails_where_that_is_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NERONET_NO_SKIP", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no root"):
        cannot("no root")
    monkeypatch.setenv("NERONET_NO_SKIP", "1")
    with pytest.raises(pytest.fail.Exception, match="no root"):
        cannot("no root")


@pytest.mark.parametrize(
    ("prefix", "reason"),
    [
        (["setpriv", "--reuid=65534", "--clear-groups"], "need root"),
        (["env", "PATH=/nonexistent"], "no apt-get here; install what these Debian packages hold"),
    ],
)
def test_what_cannot_be_installed_is_said_in_one_line(prefix: list[str], reason: str) -> None:
    source = Path(install.__file__).read_text()
    command = [*prefix, "/usr/bin/python3", "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert reason in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_packages_are_found_to_be_installed() -> None:
    assert install.missing() == []
    assert install.ensure() == []
