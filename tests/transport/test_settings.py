"""How a host is reached, where asyncssh alone would go wrong with a real ssh configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from neronet.errors import HostKeyUnknown
from neronet.transport.settings import Own, Settings, read_settings
from neronet.transport.ssh_config import Address, Facts, parse_address


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".ssh").mkdir()
    for name in ("id_ed25519", "work"):
        (tmp_path / ".ssh" / name).write_text("a key")
    return tmp_path


def settled(home: Path, text: str, address: str = "gpu1", **own: str) -> Settings:
    config = home / ".ssh/config"
    config.write_text(text)
    return read_settings(Own(parse_address(address), **own), [config], Facts(home, "me", "laptop.lab"))


def test_without_a_configuration_openssh_defaults_hold(home: Path) -> None:
    settings = settled(home, "")
    assert (settings.host, settings.port, settings.user, settings.where) == ("gpu1", 22, "me", "me@gpu1")
    assert settings.identity_files == (home / ".ssh/id_ed25519",)
    assert settings.known_hosts == (home / ".ssh/known_hosts", home / ".ssh/known_hosts2")
    assert settings.global_known_hosts[0] == Path("/etc/ssh/ssh_known_hosts")
    assert (settings.strict, settings.hash_known_hosts, settings.identities_only) == ("ask", None, False)
    assert settings.methods == {
        "publickey": True, "password": True, "keyboard-interactive": True, "gssapi": False,
    }  # fmt: skip
    assert (settings.jumps, settings.proxy_command, settings.notes, settings.algorithms) == ((), "", (), {})


def test_tokens_in_the_host_name_are_expanded(home: Path) -> None:
    assert settled(home, "HostName %h.lab.example").host == "gpu1.lab.example"


def test_tokens_and_variables_in_paths_are_expanded(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NERONET_TEST_KEYS", str(home))
    (home / "gpu1-bob-23").touch()
    (home / "alice.key").touch()
    settings = settled(
        home,
        "HostName gpu1\nUser bob\nPort 23\n"
        "IdentityFile ${NERONET_TEST_KEYS}/%h-%r-%p\nIdentityFile %d/alice.key\n"
        "UserKnownHostsFile ~/.ssh/known_%n %d/known_%k\nHostKeyAlias cluster\n",
    )
    assert settings.identity_files == (home / "gpu1-bob-23", home / "alice.key")
    assert settings.known_hosts == (home / ".ssh/known_gpu1", home / "known_cluster")
    assert settings.host_key_alias == "cluster"


def test_a_key_that_is_not_there_is_only_noted(home: Path) -> None:
    settings = settled(home, "IdentityFile ~/.ssh/gone\nIdentityFile ~/.ssh/work\n")
    assert settings.identity_files == (home / ".ssh/work",)
    assert settings.notes == (f"the key {home}/.ssh/gone is not there",)


def test_no_key_at_all_may_be_asked_for(home: Path) -> None:
    assert settled(home, "IdentityFile none\n").identity_files == ()


def test_known_hosts_files_that_are_not_there_are_kept_for_new_keys(home: Path) -> None:
    assert settled(home, "UserKnownHostsFile ~/new /old\n").known_hosts == (home / "new", Path("/old"))


@pytest.mark.parametrize("value", ["none", "/dev/null", '"none"', "/dev/null /dev/null"])
def test_a_configuration_that_turns_host_checks_off_is_refused(home: Path, value: str) -> None:
    with pytest.raises(HostKeyUnknown, match="turns the check of host keys off") as refused:
        settled(home, f"UserKnownHostsFile {value}\n")
    assert "known_hosts" in refused.value.hint


def test_the_nodes_own_known_hosts_mend_that(home: Path) -> None:
    settings = settled(home, "UserKnownHostsFile /dev/null\n", known_hosts="~/known")
    assert settings.known_hosts == (home / "known",)


@pytest.mark.parametrize(
    ("value", "strict"),
    [
        ("yes", "yes"),
        ("ask", "ask"),
        ("accept-new", "accept-new"),
        ("no", "accept-new"),
        ("off", "accept-new"),
    ],
)
def test_strictness_is_kept_but_never_below_changed_keys(home: Path, value: str, strict: str) -> None:
    assert settled(home, f"StrictHostKeyChecking {value}\n").strict == strict


def test_the_entry_of_the_node_comes_before_the_files(home: Path) -> None:
    settings = settled(
        home,
        "User bob\nPort 23\nIdentityFile ~/.ssh/id_ed25519\nIdentitiesOnly no\n",
        "alice@gpu1:2222",
        identity_file="~/.ssh/work",
    )
    assert (settings.user, settings.port, settings.where) == ("alice", 2222, "alice@gpu1:2222")
    assert settings.identity_files == (home / ".ssh/work",)
    assert settings.identities_only


@pytest.mark.parametrize(
    ("value", "jumps"),
    [
        ("gw", (Address("gw"),)),
        ("bob@gw:2222,ssh://[::1]:23", (Address("gw", "bob", 2222), Address("::1", None, 23))),
        ("%r@gw-%n", (Address("gw-gpu1", "me"),)),
        ("none", ()),
    ],
)
def test_proxy_jumps_are_taken_apart(home: Path, value: str, jumps: tuple[Address, ...]) -> None:
    assert settled(home, f"ProxyJump {value}\n").jumps == jumps


def test_a_proxy_command_is_a_shell_line_with_tokens(home: Path) -> None:
    settings = settled(home, "HostName %h.lab\nProxyCommand nc -X 5 'a  b' %h %p 2>log # %n\n")
    assert settings.proxy_command == "nc -X 5 'a  b' gpu1.lab 22 2>log # gpu1"
    assert settled(home, "ProxyCommand none\n").proxy_command == ""


def test_the_agent_is_the_one_that_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")
    monkeypatch.setenv("OTHER_AGENT", "/run/other")
    assert settled(home, "").agent == "/run/agent"
    assert settled(home, "IdentityAgent SSH_AUTH_SOCK\n").agent == "/run/agent"
    assert settled(home, "IdentityAgent $OTHER_AGENT\n").agent == "/run/other"
    assert settled(home, "IdentityAgent ~/agent-%r\n").agent == f"{home}/agent-me"
    assert settled(home, "IdentityAgent none\n").agent is None
    monkeypatch.delenv("SSH_AUTH_SOCK")
    assert settled(home, "").agent is None


def test_ways_to_log_in_may_be_closed(home: Path) -> None:
    settings = settled(
        home,
        "PubkeyAuthentication no\nPasswordAuthentication no\nChallengeResponseAuthentication no\n"
        "GSSAPIAuthentication yes\nGSSAPIDelegateCredentials yes\n"
        "PreferredAuthentications gssapi-with-mic,publickey\n",
    )
    assert settings.methods == {
        "publickey": False, "password": False, "keyboard-interactive": False, "gssapi": True,
    }  # fmt: skip
    assert settings.delegate_credentials
    assert settings.preferred == ("gssapi-with-mic", "publickey")


def test_what_the_built_in_client_cannot_do_is_said(home: Path) -> None:
    settings = settled(home, "PKCS11Provider /lib/x.so\nKnownHostsCommand /bin/x\nCanonicalizeHostname yes\n")
    assert len(settings.notes) == 3
    assert all("transport: openssh" in note for note in settings.notes)


def test_words_that_do_not_matter_are_not_mentioned(home: Path) -> None:
    text = "ControlMaster auto\nControlPath ~/x\nUseKeychain yes\nAddKeysToAgent yes\nLocalForward 1 a:2\n"
    assert settled(home, text + "ForwardX11 yes\nForwardAgent yes\nCompression yes\n") == settled(home, "")


@pytest.mark.parametrize("text", ["Port many\n", "ProxyJump x:y:z\n"])
def test_what_makes_no_sense_is_an_error(home: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r"many|x:y:z"):
        settled(home, text)
