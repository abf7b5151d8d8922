"""Who may log in, with what, and what the user is asked: against a real sshd, by both ways of ssh."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from neronet.errors import AuthRefused, HostKeyChanged, HostKeyUnknown, NeronetError, Unreachable
from neronet.spec.nodes import NodeSpec
from neronet.transport import askpass_helper, asyncssh_, connect
from neronet.transport.base import Ask
from tests.testbed.fixtures import NodeFactory
from tests.testbed.nodes import Node
from tests.transport.conftest import User, make_spec

pytestmark = pytest.mark.real

TRANSPORTS = ("asyncssh", "openssh")
HOME = Path("/nonexistent")
SECRET = "an öld secret"


def log_in(spec: NodeSpec, ask: Ask) -> list[str]:
    """The connection's notes, after a command on it."""

    async def run() -> list[str]:
        transport = await connect(spec, HOME, ask)
        try:
            channel = await transport.start("echo hello")
            assert await channel.read() == b"hello\n"
            assert await channel.read() == b""
            await channel.close()
        finally:
            await transport.close()
        return transport.notes

    return asyncio.run(run())


def refusal(spec: NodeSpec, ask: Ask) -> NeronetError:
    with pytest.raises(NeronetError) as refused:
        log_in(spec, ask)
    assert str(refused.value).startswith(f"{spec.id}: ")
    return refused.value


def spec_of(node: Node, transport: str, **options: Any) -> NodeSpec:
    given = {**node.ssh_options(), **options}
    return make_spec(node.name, ssh_address=node.ssh_address(), ssh_options=given, transport=transport)


def new_key(path: Path, passphrase: str = "", *options: str) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", path, *options], check=True)
    return path


def let_in(node: Node, key: Path) -> Path:
    """`key` may log in as alice from now on."""
    public = key.with_name(key.name + ".pub").read_text()
    with node.path("/home/alice/.ssh/authorized_keys").open("a") as file:
        file.write(public)
    return key


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """An ssh-agent of this test alone."""
    process = subprocess.Popen(["ssh-agent", "-D", "-a", tmp_path / "agent"], stdout=subprocess.DEVNULL)
    while not (tmp_path / "agent").exists():
        time.sleep(0.01)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    yield tmp_path / "agent"
    process.terminate()
    process.wait()


def add_to_agent(key: Path, passphrase: str = "") -> None:
    helper = key.with_name("helper")
    helper.write_text('#!/bin/sh\necho "$NERONET_TEST_SECRET"\n')
    helper.chmod(0o700)
    env = {"SSH_ASKPASS": str(helper), "SSH_ASKPASS_REQUIRE": "force", "NERONET_TEST_SECRET": passphrase}
    subprocess.run(["ssh-add", "-q", key], check=True, env={**os.environ, **env})


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_wrong_key_is_refused_soon_and_names_what_was_tried(
    node: Node, tmp_path: Path, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    key = new_key(tmp_path / "stranger")
    start = time.monotonic()
    error = refusal(spec_of(node, transport, identity_file=str(key)), User())
    assert time.monotonic() - start < 10
    assert isinstance(error, AuthRefused)
    assert node.ssh_address() in str(error)
    assert "identity_file" in error.hint
    if transport == "asyncssh":
        assert f"does not let us in with the key {key}" in str(error)


def test_without_any_key_the_message_says_so(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    error = refusal(spec_of(node, "asyncssh", identity_file=str(tmp_path / "gone")), User())
    assert "no key was found" in str(error)
    assert f"the key {tmp_path}/gone is not there" in str(error)


def test_a_file_that_is_no_key_is_left_out_with_a_note(node: Node, client_home: Any, tmp_path: Path) -> None:
    (tmp_path / "id_bad").write_text(
        "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"
    )
    client_home(
        node.ssh_config().replace("IdentityFile ", f"IdentityFile {tmp_path}/id_bad\n  IdentityFile ")
    )
    (note,) = log_in(make_spec("node1", ssh_address="node1"), User())
    assert f"the key {tmp_path}/id_bad is left out" in note


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_passphrase_is_asked_until_it_is_right(node: Node, tmp_path: Path, transport: str) -> None:
    key = let_in(node, new_key(tmp_path / "locked", SECRET))
    user = User(passphrase=["wrong", SECRET])
    log_in(spec_of(node, transport, identity_file=str(key)), user)
    assert user.kinds() == ["passphrase", "passphrase"]
    assert str(key) in user.asked[0].text
    assert not user.asked[0].echo


@pytest.mark.parametrize("kind", ["without .pub", "PEM", "PEM without .pub"])
def test_any_kind_of_locked_key_can_be_opened(node: Node, tmp_path: Path, kind: str) -> None:
    key = tmp_path / "locked"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "rsa", "-N", SECRET, "-f", key, *(["-m", "PEM"] * ("PEM" in kind))],
        check=True,
    )
    let_in(node, key)
    if "without" in kind:
        key.with_name("locked.pub").unlink()
    user = User(passphrase=SECRET)
    log_in(spec_of(node, "asyncssh", identity_file=str(key)), user)
    assert user.kinds() == ["passphrase"]


def test_no_passphrase_is_asked_for_a_key_that_the_server_would_not_take(
    node: Node, tmp_path: Path, client_home: Any
) -> None:
    with_pub, without = new_key(tmp_path / "a", SECRET), new_key(tmp_path / "b", SECRET)
    without.with_name("b.pub").unlink()
    config = node.ssh_config().replace(
        "IdentityFile ", f"IdentityFile {with_pub}\n  IdentityFile {without}\n  IdentityFile "
    )
    client_home(config)
    log_in(make_spec("node1", ssh_address="node1"), User())


def test_a_passphrase_that_nobody_knows_ends_in_a_refusal(node: Node, tmp_path: Path) -> None:
    key = let_in(node, new_key(tmp_path / "locked", SECRET))
    for answers, asked in ([None], 1), (["x", "y", "z"], 3):
        user = User(passphrase=list(answers))
        assert isinstance(refusal(spec_of(node, "asyncssh", identity_file=str(key)), user), AuthRefused)
        assert len(user.asked) == asked


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_what_the_agent_holds_needs_no_passphrase(
    node: Node, tmp_path: Path, agent: Path, transport: str
) -> None:
    key = let_in(node, new_key(tmp_path / "locked", SECRET))
    add_to_agent(key, SECRET)
    user = User()
    log_in(spec_of(node, transport, identity_file=str(key)), user)
    # The public half is enough to say which of the agent's keys is meant.
    key.unlink()
    log_in(spec_of(node, transport, identity_file=f"{key}.pub"), user)
    assert user.asked == []


def test_an_agent_full_of_other_keys_does_not_lock_us_out(
    node_factory: NodeFactory, tmp_path: Path, agent: Path, client_home: Any
) -> None:
    node = node_factory("strict", sshd=("MaxAuthTries 2",))
    for number in range(4):
        add_to_agent(new_key(tmp_path / f"other{number}"))
    add_to_agent(node.lab.key("alice"))
    log_in(spec_of(node, "asyncssh"), User())  # names its key
    client_home(node.ssh_config().replace("IdentitiesOnly yes", "IdentitiesOnly no"))
    log_in(make_spec("strict", ssh_address="strict"), User())  # the named one comes first
    client_home(node.ssh_config().replace("IdentitiesOnly yes", "").replace("IdentityFile", "#"))
    error = refusal(make_spec("strict", ssh_address="strict"), User())
    assert isinstance(error, AuthRefused)
    assert "too many keys" in str(error)
    assert "identity_file" in error.hint


def test_an_agent_that_is_gone_is_no_error(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "nothing"))
    log_in(spec_of(node, "asyncssh"), User())


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("when", ["after key", "alone"])
def test_a_one_time_code_is_asked_once(node_factory: NodeFactory, transport: str, when: str) -> None:
    node = node_factory(f"code-{when[:2]}", code=when)
    user = User(code=node.new_code())

    async def run() -> None:
        way = await connect(spec_of(node, transport), HOME, user)
        for _ in range(3 if transport == "asyncssh" else 1):
            channel = await way.start("echo hello")
            assert await channel.read() == b"hello\n"
            await channel.close()
        await way.close()

    asyncio.run(run())
    assert user.kinds() == ["code"]
    assert node.codes_asked() == 1
    assert "code" in user.asked[0].text.lower() or "password" in user.asked[0].text.lower()


def test_a_wrong_code_is_asked_again_and_no_code_is_a_refusal(node_factory: NodeFactory) -> None:
    node = node_factory("code-af", code="after key")
    user = User(code=["000000", node.new_code()])
    log_in(spec_of(node, "asyncssh"), user)
    assert user.kinds() == ["code", "code"]
    error = refusal(spec_of(node, "asyncssh"), User())
    assert isinstance(error, AuthRefused)
    assert "no code (nobody gave one)" in str(error)
    user = User(code="000000")
    assert isinstance(refusal(spec_of(node, "asyncssh"), user), AuthRefused)
    assert len(user.asked) == 3


def test_a_slow_human_is_not_a_slow_node(node_factory: NodeFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    from neronet.transport import asyncssh_

    monkeypatch.setattr(asyncssh_, "LOGIN_SECONDS", 2.0)
    monkeypatch.setattr(asyncssh_, "CONNECT_SECONDS", 2.0)
    node = node_factory("code-af", code="after key")
    user = User(code=node.new_code())

    async def slowly(question: Any) -> str | None:
        await asyncio.sleep(3)
        return await user(question)

    log_in(spec_of(node, "asyncssh"), slowly)


# -- host keys ---------------------------------------------------------------------------------


def fingerprint(node: Node) -> str:
    shown = ["ssh-keygen", "-lf", str(node.folder / "host_key.pub")]
    return subprocess.run(shown, capture_output=True, text=True, check=True).stdout.split()[1]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_unknown_host_key_is_asked_once_and_remembered(node: Node, tmp_path: Path, transport: str) -> None:
    known = tmp_path / "ssh/known"
    user = User(host_key="yes")
    spec = spec_of(node, transport, known_hosts=str(known))
    (tmp_path / "ssh").mkdir()
    log_in(spec, user)
    assert user.kinds() == ["host_key"]
    assert fingerprint(node) in user.asked[0].text
    log_in(spec, User())
    # What one way of ssh has learned, the other knows.
    log_in(spec_of(node, "asyncssh" if transport == "openssh" else "openssh", known_hosts=str(known)), User())
    assert len(known.read_text().splitlines()) == 1


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("answer", ["no", None])
def test_a_host_key_that_nobody_vouches_for_is_not_used(
    node: Node, tmp_path: Path, transport: str, answer: str | None
) -> None:
    user = User(host_key=[answer])
    error = refusal(spec_of(node, transport, known_hosts=str(tmp_path / "known")), user)
    assert isinstance(error, HostKeyUnknown)
    assert user.kinds() == ["host_key"]
    assert not (tmp_path / "known").exists() or not (tmp_path / "known").read_text()
    assert "doctor" in error.hint
    assert "Accepted publickey" not in node.log()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_changed_host_key_stops_without_a_question(node: Node, tmp_path: Path, transport: str) -> None:
    other = new_key(tmp_path / "other").with_name("other.pub").read_text().split()
    line = node.known_hosts_line().split()[0] + " " + " ".join(other[:2]) + "\n"
    (tmp_path / "known").write_text("# old\n" + line)
    error = refusal(spec_of(node, transport, known_hosts=str(tmp_path / "known")), User())
    assert isinstance(error, HostKeyChanged)
    old = subprocess.run(
        ["ssh-keygen", "-lf", tmp_path / "other.pub"], capture_output=True, text=True, check=True
    )
    assert old.stdout.split()[1] in str(error)
    assert fingerprint(node) in str(error)
    assert f"{tmp_path}/known:2" in str(error)
    assert (tmp_path / "known").read_text() == "# old\n" + line
    assert "Accepted publickey" not in node.log()


def test_a_known_key_of_another_type_is_asked_for_first(node_factory: NodeFactory, tmp_path: Path) -> None:
    node = node_factory("twokeys", sshd=("HostKey /srv/rsa",))
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", node.path("/srv/rsa")], check=True)
    node.unplug()
    node.plug()
    rsa = " ".join(node.path("/srv/rsa.pub").read_text().split()[:2])
    (tmp_path / "known").write_text(node.known_hosts_line().split()[0] + f" {rsa}\n")
    log_in(spec_of(node, "asyncssh", known_hosts=str(tmp_path / "known")), User())


def test_a_revoked_host_key_is_never_taken(node: Node, tmp_path: Path) -> None:
    line = node.known_hosts_line()
    for text in (f"@revoked * {line.split(' ', 1)[1]}", line + f"@revoked * {line.split(' ', 1)[1]}"):
        (tmp_path / "known").write_text(text)
        for transport in TRANSPORTS:
            error = refusal(
                spec_of(node, transport, known_hosts=str(tmp_path / "known")), User(host_key="yes")
            )
            assert isinstance(error, HostKeyChanged), transport
            assert "revoked" in str(error)


@pytest.mark.parametrize("strict", ["accept-new", "no"])
def test_strictness_of_the_configuration_is_heard(
    node: Node, client_home: Any, tmp_path: Path, strict: str
) -> None:
    config = node.ssh_config().replace("Checking yes", f"Checking {strict}")
    client_home(config.replace(str(node.lab.known_hosts), f"{tmp_path}/known"))
    log_in(make_spec("node1", ssh_address="node1"), User())
    assert len((tmp_path / "known").read_text().splitlines()) == 1
    (tmp_path / "known").write_text((tmp_path / "known").read_text().replace("AAAA", "AAAB"))
    client_home(node.ssh_config().replace(str(node.lab.known_hosts), f"{tmp_path}/new"))
    error = refusal(make_spec("node1", ssh_address="node1"), User(host_key="yes"))
    assert isinstance(error, HostKeyUnknown)
    assert "StrictHostKeyChecking" in error.hint


def test_an_alias_for_host_keys_and_hashed_names_hold(node: Node, client_home: Any, tmp_path: Path) -> None:
    config = (
        node.ssh_config()
        .replace(str(node.lab.known_hosts), f"{tmp_path}/known")
        .replace("Checking yes", "Checking ask")
    )
    client_home(config + "  HostKeyAlias cluster\n  HashKnownHosts yes\n")
    user = User(host_key="yes")
    for _ in range(2):
        log_in(make_spec("node1", ssh_address="node1"), user)
    assert len(user.asked) == 1
    found = subprocess.run(
        ["ssh-keygen", "-F", "cluster", "-f", tmp_path / "known"], check=False, capture_output=True
    )
    assert found.returncode == 0
    assert "cluster" not in (tmp_path / "known").read_text()


def test_a_host_certificate_of_a_known_authority_is_enough(node_factory: NodeFactory, tmp_path: Path) -> None:
    node = node_factory("certified", sshd=("HostCertificate /srv/host-cert.pub",))
    authority = new_key(tmp_path / "ca")
    shutil.copy(node.folder / "host_key.pub", node.path("/srv/host.pub"))
    sign: list[str | Path] = [
        "ssh-keygen",
        "-q",
        "-s",
        authority,
        "-I",
        "x",
        "-h",
        "-n",
        node.address,
        node.path("/srv/host.pub"),
    ]
    subprocess.run(sign, check=True)
    node.unplug()
    node.plug()
    public = " ".join((tmp_path / "ca.pub").read_text().split()[:2])
    (tmp_path / "known").write_text(f"@cert-authority [{node.address}]:* {public}\n")
    spec = spec_of(node, "asyncssh", known_hosts=str(tmp_path / "known"))
    log_in(spec, User())
    subprocess.run([*sign[:-2], "elsewhere", sign[-1]], check=True)
    node.unplug()
    node.plug()
    assert isinstance(refusal(spec, User(host_key="yes")), HostKeyChanged)


def test_a_key_that_cannot_be_remembered_is_used_with_a_note(node: Node, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (note,) = log_in(spec_of(node, "asyncssh", known_hosts=f"{tmp_path}/file/known"), User(host_key="yes"))
    assert "could not be remembered" in note


# -- what else the server may want ---------------------------------------------------------------


class Keeper(asyncssh.SSHServer):
    """Lets alice in with a password, and greets her before."""

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn

    def begin_auth(self, username: str) -> bool:
        self._connection.send_auth_banner("Authorised\x1b[2J users\nonly\n")
        return True

    def password_auth_supported(self) -> bool:
        return True

    def kbdint_auth_supported(self) -> bool:
        return False

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("alice", SECRET)


def at_keeper(tmp_path: Path, ask: Ask) -> None:
    """A login at a server that wants a password."""

    async def serve(process: asyncssh.SSHServerProcess[str]) -> None:
        process.stdout.write("hello\n")
        process.exit(0)

    async def run() -> None:
        key = asyncssh.generate_private_key("ssh-ed25519")
        server = await asyncssh.create_server(
            Keeper, "127.0.0.1", 0, server_host_keys=[key], process_factory=serve
        )
        port = server.get_port()
        (tmp_path / "known").write_text(f"[127.0.0.1]:{port} {key.export_public_key().decode()}")
        spec = make_spec(
            "keeper",
            ssh_address=f"alice@127.0.0.1:{port}",
            ssh_options={"known_hosts": str(tmp_path / "known"), "identity_file": str(tmp_path / "none")},
        )
        async with server:
            transport = await connect(spec, HOME, ask)
            try:
                assert await (await transport.start("x")).read() == b"hello\n"
            finally:
                await transport.close()

    asyncio.run(run())


def test_a_password_is_asked_until_it_is_right(tmp_path: Path) -> None:
    user = User(password=["wrong", SECRET])
    at_keeper(tmp_path, user)
    assert user.kinds() == ["password", "password"]
    assert "alice@127.0.0.1" in user.asked[0].text
    assert not user.asked[0].echo


@pytest.mark.parametrize(("answers", "asked"), [([None], 1), (["a", "b", "c", "d"], 3)])
def test_a_password_that_nobody_knows_ends_in_a_refusal(
    tmp_path: Path, answers: list[str | None], asked: int
) -> None:
    user = User(password=answers)
    with pytest.raises(AuthRefused, match="it says: Authorised\ufffd\\[2J users only") as refused:
        at_keeper(tmp_path, user)
    assert len(user.asked) == asked
    assert "\x1b" not in str(refused.value)


def test_algorithms_of_the_configuration_are_used_as_far_as_they_are_known(
    node: Node, client_home: Any
) -> None:
    client_home(
        node.ssh_config()
        + "  KexAlgorithms warp-sha512,curve25519-sha256\n  Ciphers aes256-ctr\n  MACs +hmac-warp\n"
        "  HostKeyAlgorithms +ssh-rsa\n  PubkeyAcceptedAlgorithms ssh-ed25519\n  Compression yes\n"
    )

    async def run() -> tuple[Any, ...]:
        way = await connect(make_spec("node1", ssh_address="node1"), HOME, User())
        assert isinstance(way, asyncssh_.AsyncsshTransport)
        connection = way._connections[-1]
        await way.close()
        return tuple(connection.get_extra_info(name) for name in ("send_cipher", "send_compression"))

    assert asyncio.run(run()) == ("aes256-ctr", "none")


def test_a_configuration_that_makes_no_sense_is_told(client_home: Any) -> None:
    client_home("Host gpu1\n Port many\n")
    error = refusal(make_spec("gpu1", ssh_address="gpu1"), User())
    assert isinstance(error, Unreachable)
    assert "the ssh configuration cannot be used" in str(error)
    assert "many" in str(error)


def test_no_common_algorithm_is_told(node: Node, client_home: Any) -> None:
    client_home(node.ssh_config() + "  Ciphers aes128-cbc\n")
    error = refusal(make_spec("node1", ssh_address="node1"), User())
    assert isinstance(error, Unreachable)
    assert "No matching encryption algorithm" in str(error)


# -- the user's own ssh ------------------------------------------------------------------------


def test_a_shared_connection_of_the_user_is_used(
    node_factory: NodeFactory, client_home: Any, tmp_path: Path
) -> None:
    node = node_factory("code-af", code="after key")
    client_home(
        node.ssh_config() + f"  ControlMaster auto\n  ControlPath {tmp_path}/mux\n  ControlPersist 60\n"
    )
    spec = make_spec(node.name, ssh_address=node.name, transport="openssh")
    try:
        user = User(code=node.new_code())
        for _ in range(2):
            log_in(spec, user)
        assert user.kinds() == ["code"]
        assert node.codes_asked() == 1
    finally:
        subprocess.run(["ssh", "-O", "exit", node.name], check=True, capture_output=True)


def test_without_the_ssh_program_its_transport_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    error = refusal(make_spec("gpu1", ssh_address="gpu1", transport="openssh"), User())
    assert "needs the ssh program" in str(error)


def test_a_configuration_that_ssh_refuses_is_told(client_home: Any) -> None:
    client_home("Host gpu1\n  WarpDrive 9\n")
    error = refusal(make_spec("gpu1", ssh_address="gpu1", transport="openssh"), User())
    assert "WarpDrive" in str(error).replace("warpdrive", "WarpDrive")
    assert "asyncssh" in error.hint


def test_paths_with_blanks_reach_ssh(node: Node, tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    for name in ("id_alice", "known_hosts"):
        shutil.copy(node.lab.folder / name, tmp_path / "a b" / name)
    given = {"identity_file": f"{tmp_path}/a b/id_alice", "known_hosts": f"{tmp_path}/a b/known_hosts"}
    for transport in TRANSPORTS:
        log_in(spec_of(node, transport, **given), User())


def test_where_nobody_can_be_asked_ssh_does_not_ask(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(asyncio, "start_unix_server")
    log_in(spec_of(node, "openssh"), User())
    error = refusal(spec_of(node, "openssh", known_hosts=str(tmp_path / "known")), User(host_key="yes"))
    assert isinstance(error, HostKeyUnknown)


def test_the_helper_of_ssh_answers_with_what_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    answers = {"a?": "ä b".encode(), "b?": None, "c?": b""}

    def helper(text: str) -> int:
        with socket.socket(socket.AF_UNIX) as server:
            (tmp_path / "ask").unlink(missing_ok=True)
            server.bind(str(tmp_path / "ask"))
            server.listen()

            def serve() -> None:
                with server.accept()[0] as peer:
                    answer = answers[peer.makefile().read()]
                    peer.sendall(b"" if answer is None else b"+" + answer)

            thread = threading.Thread(target=serve)
            thread.start()
            status = askpass_helper.main(str(tmp_path / "ask"), text)
            thread.join()
        return status

    assert (helper("a?"), capfdbinary.readouterr().out) == (0, "ä b\n".encode())
    assert (helper("b?"), capfdbinary.readouterr().out) == (1, b"\n")
    assert (helper("c?"), capfdbinary.readouterr().out) == (0, b"\n")
    monkeypatch.setenv("SSH_ASKPASS_PROMPT", "none")
    assert askpass_helper.main("/nonexistent", "Confirm user presence") == 0


def test_the_questions_leave_nothing_behind(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    log_in(spec_of(node, "openssh"), User())
    assert list(tmp_path.iterdir()) == []
