"""From a command of a login shell to a running agent, with real shells and a real Python."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import shutil
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from neronet.errors import NeronetError, NodeUnfit, ProtocolError
from neronet.spec.nodes import NodeSpec
from neronet.transport import bootstrap
from neronet.transport.agent import Agent
from neronet.transport.base import Channel
from neronet.transport.processes import Programs
from tests.testbed.fixtures import cannot
from tests.transport.conftest import facts_of, make_spec, read_line

pytestmark = pytest.mark.slow

SHELLS = ("sh", "bash", "tcsh", "zsh", "fish")


class Counted:
    """Hands everything through and notes what was written."""

    def __init__(self, channel: Channel, spoil: bool = False) -> None:
        self.channel, self.spoil = channel, spoil
        self.written: list[bytes] = []

    async def read(self, size: int = 65536) -> bytes:
        return await self.channel.read(size)

    async def write(self, data: bytes) -> None:
        self.written.append(data)
        await self.channel.write(data[:-1] + bytes([data[-1] ^ 1]) if self.spoil else data)

    async def close(self) -> None:
        await self.channel.close()

    def stderr_tail(self) -> str:
        return self.channel.stderr_tail()


class Shell:
    """A transport whose login shell is any program that takes `-c COMMAND`."""

    def __init__(self, *argv: str, before: str = "", spoil: bool = False) -> None:
        self.notes: list[str] = []
        self._argv, self._before, self._spoil = argv, before, spoil
        self._programs = Programs("node1")
        self.channels: list[Counted] = []

    async def start(self, command: str) -> Counted:
        channel = await self._programs.start([*self._argv, "-c", self._before + command], self.environment())
        self.channels.append(Counted(channel, self._spoil))
        return self.channels[-1]

    def environment(self) -> Mapping[str, str]:
        return os.environ

    async def close(self) -> None:
        await self._programs.close()


def spec(tmp_path: Path, root: str = "", **fields: str) -> NodeSpec:
    return make_spec("node1", ssh_address="node1", root=root or str(tmp_path / "root"), **fields)


def land(
    shell: Shell, node: NodeSpec, agent: Agent, home: Path = Path("/nonexistent"), **env: str
) -> dict[str, object]:
    """The facts that the agent tells first; everything has ended when this returns."""

    async def run() -> dict[str, object]:
        try:
            channel = await bootstrap.land(shell, node, home, agent, env)
            facts = await facts_of(channel)
            await channel.write(b"ping\n")
            assert await read_line(channel) == b"ping\n"
            return facts
        finally:
            await shell.close()

    return asyncio.run(run())


def failing(shell: Shell, node: NodeSpec, agent: Agent) -> NeronetError:
    with pytest.raises(NeronetError) as failed:
        land(shell, node, agent)
    assert str(failed.value).startswith("node1: ")
    assert "\n" not in str(failed.value)
    return failed.value


def stored(root: Path, agent: Agent) -> Path:
    return root / f"agent/neromum-{agent.sha256[:12]}.pyz"


@pytest.mark.parametrize("name", SHELLS)
def test_any_login_shell_brings_the_agent_up(tmp_path: Path, echo_agent: Agent, name: str) -> None:
    if not shutil.which(name):
        cannot(f"no {name} here")
    for _ in range(2):
        facts = land(Shell(name), spec(tmp_path), echo_agent, NERONET_TEST="it's $HOME !! \\n")
        assert facts["arguments"] == ["neromum", "serve", str(tmp_path / "root")]
        assert facts["argv0"] == str(stored(tmp_path / "root", echo_agent))
        assert facts["isolated"] == 1
        assert facts["env"]["NERONET_TEST"] == "it's $HOME !! \\n"  # type: ignore[index]
        # Neither the shells nor the first Python are left: the process is the one that was started.
        assert facts["parent"] == os.getpid()


def test_the_agent_is_brought_once_and_then_costs_no_round_trip(tmp_path: Path, echo_agent: Agent) -> None:
    shell = Shell("sh")
    land(shell, spec(tmp_path), echo_agent)
    assert shell.channels[0].written == [echo_agent.data, b"ping\n"]
    land(shell, spec(tmp_path), echo_agent)
    assert shell.channels[1].written == [b"ping\n"]


def test_the_root_is_ours_alone(tmp_path: Path, echo_agent: Agent) -> None:
    (tmp_path / "root").mkdir(mode=0o777)
    (tmp_path / "root").chmod(0o777)
    facts = land(Shell("sh"), spec(tmp_path), echo_agent)
    file = stored(tmp_path / "root", echo_agent)
    assert stat.S_IMODE((tmp_path / "root").stat().st_mode) == 0o700
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]
    umask = os.umask(0o22)
    os.umask(umask)
    assert facts["umask"] == umask  # what the user's programs write is not our business


def test_several_may_bring_it_at_once(tmp_path: Path, echo_agent: Agent) -> None:
    async def run() -> None:
        shell = Shell("sh")
        lands = (bootstrap.land(shell, spec(tmp_path), tmp_path, echo_agent, {}) for _ in range(6))
        for channel in await asyncio.gather(*lands):
            await facts_of(channel)
        await shell.close()

    asyncio.run(run())
    assert list((tmp_path / "root/agent").iterdir()) == [stored(tmp_path / "root", echo_agent)]


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty"])
def test_an_agent_that_was_tampered_with_is_replaced(tmp_path: Path, echo_agent: Agent, damage: str) -> None:
    land(Shell("sh"), spec(tmp_path), echo_agent)
    file = stored(tmp_path / "root", echo_agent)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes({"flipped": bytes(data), "cut": bytes(data[:-1]), "empty": b""}[damage])
    shell = Shell("sh")
    land(shell, spec(tmp_path), echo_agent)
    assert shell.channels[0].written[0] == echo_agent.data
    assert hashlib.sha256(file.read_bytes()).hexdigest() == echo_agent.sha256


def test_an_agent_that_arrives_damaged_is_refused(tmp_path: Path, echo_agent: Agent) -> None:
    error = failing(Shell("sh", spoil=True), spec(tmp_path), echo_agent)
    assert isinstance(error, NodeUnfit)
    assert "damaged" in str(error)
    assert list((tmp_path / "root/agent").iterdir()) == []


def test_noise_of_start_up_files_is_left_out(tmp_path: Path, echo_agent: Agent) -> None:
    noise = "for i in {1..3000}; do echo line $i; echo warning $i >&2; done; printf 'no end'; "
    land(Shell("bash", before=noise), spec(tmp_path), echo_agent)
    land(Shell("bash", before="set -v -x; " + noise), spec(tmp_path), echo_agent)


def test_a_tail_of_stderr_is_kept_and_harmless(tmp_path: Path, echo_agent: Agent) -> None:
    async def run() -> str:
        shell = Shell("bash", before="seq 10000 >&2; printf 'a\\033]0;title\\007b\\r\\n' >&2; ")
        channel = await bootstrap.land(shell, spec(tmp_path), tmp_path, echo_agent, {})
        await facts_of(channel)
        tail = channel.stderr_tail()
        await shell.close()
        return tail

    tail = asyncio.run(run())
    assert tail.endswith("10000\na\ufffd]0;title\ufffdb\n")
    assert 4000 < len(tail) <= 4096


@pytest.mark.parametrize(
    ("root", "place"),
    [
        ("", "home/.neronet"),
        ("~/x y", "home/x y"),
        ("$NERONET_TEST_SCRATCH/n", "home/scratch/n"),
        ("${NERONET_TEST_SCRATCH}/n/", "home/scratch/n"),
        ("deep/er", "home/deep/er"),
        ("~/données ☃", "home/données ☃"),
        ('~/it\'s "a" `trap` !! \\ ; & \n x', 'home/it\'s "a" `trap` !! \\ ; & \n x'),
    ],
)
def test_the_root_is_resolved_on_the_node(
    tmp_path: Path, echo_agent: Agent, monkeypatch: pytest.MonkeyPatch, root: str, place: str
) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NERONET_TEST_SCRATCH", str(tmp_path / "home/scratch"))
    facts = land(Shell("sh"), make_spec("node1", ssh_address="node1", root=root), echo_agent)
    assert facts["arguments"] == ["neromum", "serve", str(tmp_path / place)]
    assert stored(tmp_path / place, echo_agent).exists()


def test_a_locale_that_knows_no_utf8_changes_no_byte(
    tmp_path: Path, echo_agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "POSIX")
    monkeypatch.setenv("PYTHONCOERCECLOCALE", "0")
    land(Shell("sh"), spec(tmp_path, str(tmp_path / "☃")), echo_agent, NERONET_TEST="é")
    assert stored(tmp_path / "☃", echo_agent).exists()


def test_a_root_with_an_unset_variable_is_refused(tmp_path: Path, echo_agent: Agent) -> None:
    error = failing(Shell("sh"), spec(tmp_path, "$NERONET_TEST_UNSET/x"), echo_agent)
    assert "$NERONET_TEST_UNSET/x" in str(error)
    assert "root:" in error.hint


def test_a_root_that_is_a_file_is_refused(tmp_path: Path, echo_agent: Agent) -> None:
    (tmp_path / "root").touch()
    assert "is a file" in str(failing(Shell("sh"), spec(tmp_path), echo_agent))
    error = failing(Shell("sh"), spec(tmp_path, str(tmp_path / "root/below")), echo_agent)
    assert "cannot be used: Not a directory" in str(error)


def test_a_folder_that_others_may_use_stays_as_it_is(tmp_path: Path, echo_agent: Agent) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root").chmod(0o755)
    (tmp_path / "root/paper.tex").touch()
    error = failing(Shell("sh"), spec(tmp_path), echo_agent)
    assert "holds other files" in str(error)
    assert f"{tmp_path}/root/neronet" in error.hint
    assert stat.S_IMODE((tmp_path / "root").stat().st_mode) == 0o755
    assert os.listdir(tmp_path / "root") == ["paper.tex"]


def test_a_root_that_is_a_broken_link_is_refused(tmp_path: Path, echo_agent: Agent) -> None:
    (tmp_path / "root").symlink_to("nowhere")
    assert "No such file" in str(failing(Shell("sh"), spec(tmp_path), echo_agent))


def test_a_link_of_ours_to_a_folder_of_ours_may_be_the_root(tmp_path: Path, echo_agent: Agent) -> None:
    (tmp_path / "scratch").mkdir()
    (tmp_path / "root").symlink_to(tmp_path / "scratch")
    land(Shell("sh"), spec(tmp_path), echo_agent)
    assert stored(tmp_path / "scratch", echo_agent).exists()


@pytest.mark.parametrize(
    ("shell", "said"),
    [
        (
            "echo This account is not available.; exit 1; ",
            "ended the command .* it printed: This account is not av",
        ),
        ("echo no commands here >&2; exit 0; ", "ended the command .* it printed: no commands here"),
        ("exit 1; ", "ended the command before Python could start and printed nothing"),
        ("printf 'a\\033[2Jb\\n'; exit 1; ", "it printed: a\ufffd\\[2Jb"),
        ("yes; ", "printed a megabyte before Python could start"),
    ],
)
def test_a_shell_that_runs_no_command_is_told(
    tmp_path: Path, echo_agent: Agent, shell: str, said: str
) -> None:
    error = failing(Shell("sh", before=shell), spec(tmp_path), echo_agent)
    assert isinstance(error, NodeUnfit)
    with pytest.raises(NodeUnfit, match=said):
        raise error
    assert "account" in error.hint


def test_a_shell_that_says_nothing_for_long_is_given_up(
    tmp_path: Path, echo_agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "ANSWER_SECONDS", 0.3)
    error = failing(Shell("sh", before="echo Loading modules; exec sleep 20; "), spec(tmp_path), echo_agent)
    assert "did not start Python within 0.3 s; it printed: Loading modules" in str(error)


def old_python(folder: Path, version: str) -> str:
    """Something that answers as an interpreter that is too old, or broken."""
    folder.mkdir(exist_ok=True)
    program = folder / "python3"
    program.write_text(f"#!/bin/sh\necho {version}\n")
    program.chmod(0o755)
    return str(program)


def test_pythons_that_do_not_fit_are_passed_over(tmp_path: Path, echo_agent: Agent) -> None:
    python = old_python(tmp_path / "old", "3.5.2")
    land(Shell("sh"), spec(tmp_path, python=python), echo_agent)


def test_a_node_without_a_usable_python_says_which_there_are(
    tmp_path: Path, echo_agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = old_python(tmp_path / "old", "3.5.2")
    monkeypatch.setattr(bootstrap, "PYTHONS", ("python3.nowhere",))
    error = failing(Shell("sh"), spec(tmp_path, python=python), echo_agent)
    assert f"no python3 of version 3.6 or newer, only {python} (3.5.2)" in str(error)
    assert "python:" in error.hint
    error = failing(Shell("sh"), spec(tmp_path), echo_agent)
    assert "none of python3.nowhere" in str(error)


def test_the_named_python_is_the_one_that_is_used(
    tmp_path: Path, echo_agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = shutil.which("python3")
    assert python
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "my env").mkdir()
    (tmp_path / "my env/python").write_text(f'#!/bin/sh\ntouch "$HOME/used"\nexec {python} "$@"\n')
    (tmp_path / "my env/python").chmod(0o755)
    for shell in SHELLS:
        if shutil.which(shell):
            land(Shell(shell), spec(tmp_path, python="~/my env/python"), echo_agent)
            (tmp_path / "used").unlink()


@pytest.mark.parametrize("python", ["it's", "a\nb", "wow!", "C:\\python"])
def test_a_python_that_no_shell_could_be_told_is_refused(
    tmp_path: Path, echo_agent: Agent, python: str
) -> None:
    error = failing(Shell("sh"), spec(tmp_path, python=python), echo_agent)
    assert "some login shell" in str(error)


def test_a_local_node_uses_the_python_of_neronet_itself_and_a_root_in_its_home(tmp_path: Path) -> None:
    node = make_spec("local", type="local")
    assert bootstrap.pythons_of(node)[0] == sys.executable
    assert bootstrap.root_of(node, tmp_path / "x/..") == str(tmp_path / "node")
    assert bootstrap.root_of(make_spec(ssh_address="x"), tmp_path) == "~/.neronet"


def answering(text: str) -> Shell:
    """A node that says something of its own where the bootstrap's first answer should be."""

    class Lying(Shell):
        async def start(self, command: str) -> Counted:
            marker = command.split("' '")[4]  # behind the script, its name, code and order
            self._before = f"printf '\\n%s {text}\\n' neronet-{marker}; cat >/dev/null; exit; "
            return await super().start(command)

    return Lying("sh")


@pytest.mark.parametrize(
    "text", ["fail", "fail {}", 'fail ["a"]', "fail " + "[" * 1000, "ready", "thanks", "NEED"]
)
def test_a_node_that_answers_nonsense_is_not_believed(tmp_path: Path, echo_agent: Agent, text: str) -> None:
    assert isinstance(failing(answering(text), spec(tmp_path), echo_agent), ProtocolError)


def test_a_reason_that_is_not_known_is_still_told(tmp_path: Path, echo_agent: Agent) -> None:
    error = failing(
        answering('fail {"kind":"new","root":"/x\\\\u001b","detail":"odd"}'), spec(tmp_path), echo_agent
    )
    assert str(error) == "node1: the folder /x\ufffd for Neronet's files cannot be used: odd"


NASTY = [
    "", "-", "--", "-o x", "$(touch x)", "`touch x`", "$HOME", "~", "*", "a b", "'", '"', "\\", "\\n", "\n",
    "\t", "!!", "!", "#", ";", "&&", "|", ">x", "%s", "é", "☃", "\u202e", "\x01", "\x7f", "\udcff",
    "a\nb'c\"d",
]  # fmt: skip


def nasty_strings(count: int = 500) -> list[str]:
    choice = random.Random(2)
    signs = [chr(code) for code in range(1, 128)] + ["é", "☃", "𝄞", "\udc80"]
    return NASTY + [
        "".join(choice.choices(signs, k=choice.randint(1, 30))) for _ in range(count - len(NASTY))
    ]


@pytest.mark.parametrize("name", SHELLS)
def test_500_nasty_strings_arrive_as_they_are(tmp_path: Path, echo_agent: Agent, name: str) -> None:
    if not shutil.which(name):
        cannot(f"no {name} here")
    nasty = nasty_strings()
    sent = {f"NERONET_TEST_{number}": text for number, text in enumerate(nasty)}

    async def run() -> tuple[dict[str, str], bytes]:
        shell = Shell(name)
        channel = await bootstrap.land(
            shell, spec(tmp_path, str(tmp_path / "a 'b' \"c\" !d")), tmp_path, echo_agent, sent
        )
        env = (await facts_of(channel))["env"]
        await channel.write(json.dumps(nasty).encode() + b"\n")
        back = await read_line(channel)
        await shell.close()
        return env, back

    env, back = asyncio.run(run())
    assert {key: env[key] for key in sent} == sent
    assert json.loads(back) == nasty


def test_the_command_is_one_short_line_that_no_shell_takes_apart(tmp_path: Path) -> None:
    order: dict[str, object] = {"root": "~/it's ! \\ \n", "env": {}}
    line = bootstrap.command_line(["python3", "~/x/python"], "0" * 32, order)
    assert "\n" not in line
    assert "!" not in line
    assert "\\" not in line
    assert len(line) < 8192  # the C shell of BSD takes about 10 kB
    assert line.endswith(" 'python3' \"$HOME\"'/x/python'")
    assert subprocess.run(["sh", "-nc", line], check=False).returncode == 0
