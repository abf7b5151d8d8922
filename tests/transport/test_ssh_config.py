"""The user's ssh configuration is read as OpenSSH reads it; `ssh -G` is asked what that is."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neronet.transport.ssh_config import (
    Address,
    Facts,
    Options,
    config_files,
    expand,
    parse_address,
    read_options,
    split_line,
)
from tests.testbed.fixtures import cannot

ME = pwd.getpwuid(os.geteuid()).pw_name  # as ssh asks who runs it
FACTS = Facts(Path("/home/me"), ME, "laptop.lab")


def read(tmp_path: Path, text: str, address: str = "gpu1", **more: str) -> Options:
    for name, content in {"config": text, **more}.items():
        (tmp_path / name).write_text(content)
    return read_options(parse_address(address), [tmp_path / "config"], FACTS)


def openssh(config: Path, address: Address) -> dict[str, list[str]]:
    """What OpenSSH makes of the file; words that it does not know are no error here."""
    if not shutil.which("ssh"):
        cannot("no ssh program to compare with")
    words = ["-o", "IgnoreUnknown=*"]
    words += ["-l", address.user] if address.user else []
    words += ["-p", str(address.port)] if address.port else []
    command = ["ssh", "-G", "-F", str(config), *words, address.host]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    found: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        word, _, value = line.partition(" ")
        found.setdefault(word, []).append(value)
    return found


CONFIGS = {
    "nothing": "",
    "the first value wins": "Host gpu*\n User alice\nHost *\n User bob\n Port 2222\n",
    "a block for another": "Host cpu1 cpu2\n User alice\n",
    "negated patterns": "Host * !gpu1\n User alice\nHost gpu? !cpu1\n Port 23\n",
    "words before any Host": "Port 2022\nHost gpu1\n Port 22\n User x\n",
    "equals signs": "Host=gpu1\n User=alice\n Port = 2222\n HostName= gpu1.lab\n",
    "quotes": 'Host "gpu1"\n User "alice b"\n IdentityFile "~/my keys/id"\n HostName \'gpu1.lab\'\n',
    "a comment behind": "Host gpu1 # mine\n Port 2222 # odd\n# User nobody\n",
    "no case": "HOST gpu1\n hOsTnAmE gpu1.lab\n pOrT 23\n",
    "tabs and blanks": "\tHost   gpu1\n\t\tPort\t\t2222   \n   User alice\t\n",
    "HostName %h": "Host gpu1\n HostName %h.lab.example\n",
    "several keys": "Host gpu1\n IdentityFile ~/a\n IdentityFile ~/b\nHost *\n IdentityFile ~/a\n",
    "Match host sees HostName": "Host gpu1\n HostName gpu1.lab\nMatch host *.lab\n User alice\n",
    "Match originalhost": "Host gpu1\n HostName gpu1.lab\nMatch originalhost gpu1\n User alice\n",
    "Match user": "Host gpu1\n User alice\nMatch user alice,bob\n Port 2222\n",
    "Match localuser": f"Match localuser {ME}\n Port 2222\nMatch localuser bob\n User x\n",
    "Match exec": 'Match exec "test %n = gpu1"\n User alice\nMatch exec false\n Port 1\n',
    "Match exec of another": 'Match host other exec "false"\n Port 1\n',
    "Match negated": "Match !host gpu1\n User alice\nMatch !exec false\n Port 2222\n",
    "Match all": "Host gpu1\n Port 2222\nMatch all\n User alice\n",
    "Match final": "Match final host gpu1.lab\n User alice\nHost gpu1\n HostName gpu1.lab\n",
    "Match final all": "Match final all\n ProxyJump gw\nHost gpu1\n Port 23\n",
    "Match canonical": "Match canonical all\n User alice\nHost *\n Port 23\n",
    "ProxyJump first": "Host gpu1\n ProxyJump gw1,bob@gw2:2222\n ProxyCommand nc %h %p\n",
    "ProxyCommand first": "Host gpu1\n ProxyCommand nc -X connect 'a b' %h %p # x\n ProxyJump gw\n",
    "ProxyJump none": "Host gpu1\n ProxyJump none\nHost *\n ProxyJump gw\n",
    "known hosts": "Host gpu1\n UserKnownHostsFile /a /b\n GlobalKnownHostsFile /c\n HostKeyAlias alias\n",
    "strictness": "Host gpu1\n StrictHostKeyChecking accept-new\n HashKnownHosts yes\n",
    "algorithms": "Host gpu1\n Ciphers aes256-ctr\n MACs hmac-sha2-512\n HostKeyAlgorithms ssh-ed25519\n",
    "ways to log in": "Host gpu1\n PasswordAuthentication no\n PreferredAuthentications publickey\n",
    "an older word": "Host gpu1\n ChallengeResponseAuthentication no\n",
    "unknown words": "Host gpu1\n UseKeychain yes\n WarpDrive 9\n Port 2222\n",
    "backslashes": 'Host gpu1\n IdentityFile C:\\Users\\me\\id\n User "a\\"b"\n',
    "a whole life": (
        "Include extra\nHost *.lab\n User lab\nHost gpu* !gpu9\n HostName %h.cluster.lab\n User alice\n"
        "Match host *.cluster.lab user alice\n Port 2200\n IdentityFile ~/.ssh/cluster\n ProxyJump gw\n"
        "Host *\n ServerAliveInterval 30\n IdentitiesOnly yes\n ForwardAgent yes\n"
    ),
}
WORDS = {
    "hostname", "user", "port", "identityfile", "proxyjump", "proxycommand", "userknownhostsfile",
    "hostkeyalias", "stricthostkeychecking", "hashknownhosts", "ciphers", "macs", "hostkeyalgorithms",
    "identitiesonly", "passwordauthentication", "preferredauthentications", "globalknownhostsfile",
    "kbdinteractiveauthentication",
}  # fmt: skip


def assert_equal(options: Options, theirs: dict[str, list[str]], host: str) -> None:
    """All that the files say is what OpenSSH says; where they say nothing, it has its default."""
    ours = {word: values for word, values in options.values.items() if word in WORDS}
    if "hostname" in ours:
        ours["hostname"] = [expand(ours["hostname"][0], {"h": host})]
    for word in ("user", "hostname"):
        assert theirs[word] == ours.get(word, [{"user": ME, "hostname": host}[word]])
    assert theirs["port"] == ours.get("port", ["22"])
    for word, values in ours.items():
        if word in ("proxyjump", "proxycommand") and values == ["none"]:
            assert word not in theirs
            continue
        if word == "stricthostkeychecking":
            values = [{"yes": "true", "no": "false"}.get(values[0], values[0])]
        joined = values if word == "identityfile" else [" ".join(values)]
        assert theirs[word] == joined, word


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("address", ["gpu1", "carol@gpu1:2022"])
def test_a_configuration_means_what_openssh_says(tmp_path: Path, name: str, address: str) -> None:
    options = read(tmp_path, CONFIGS[name], address, extra="")
    # OpenSSH itself wants to be told where an Include begins.
    text = CONFIGS[name].replace("Include ", f"Include {tmp_path}/")
    (tmp_path / "config").write_text(text)
    assert_equal(options, openssh(tmp_path / "config", parse_address(address)), "gpu1")
    assert not options.notes


HOSTS = st.sampled_from(["gpu1", "gpu*", "*", "!gpu1", "cpu1", "g?u1", "!*", "gpu1.lab", "*.lab", "GPU1"])
PATTERNS = st.lists(HOSTS, min_size=1, max_size=3)
BLOCKS = st.one_of(
    PATTERNS.map(lambda hosts: "Host " + " ".join(hosts)),
    st.builds(
        lambda negated, word, hosts: f"Match {negated}{word} {','.join(hosts)}",
        st.sampled_from(["", "!"]),
        st.sampled_from(["host", "originalhost", "final host", "user", "localuser"]),
        PATTERNS,
    ),
    st.sampled_from(["Match all", "Match final all", "Match exec true", "Match host gpu1 exec false"]),
)  # fmt: skip
LINES = st.sampled_from([
    "User alice", "User root", "Port 23", "Port = 24", "HostName gpu1.lab", "HostName %h.lab",
    "HostKeyAlias=a", "IdentityFile ~/.ssh/a", 'IdentityFile "~/b c"', "ProxyJump gw", "ProxyJump none",
    "ProxyCommand nc %h %p", "IdentitiesOnly yes", "# User bob", "Include part", "HashKnownHosts yes",
])  # fmt: skip
FILES = st.lists(st.tuples(st.none() | BLOCKS, st.lists(LINES, max_size=4)), max_size=5).map(
    lambda blocks: "\n".join(line for block, lines in blocks for line in ([block] if block else []) + lines)
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(main=FILES, part=FILES)
def test_any_configuration_means_what_openssh_says(tmp_path: Path, main: str, part: str) -> None:
    (tmp_path / "part").write_text(part.replace("Include part", ""))
    (tmp_path / "config").write_text(main.replace("Include ", f"Include {tmp_path}/"))
    address = Address("gpu1")
    options = read_options(address, [tmp_path / "config"], FACTS)
    assert_equal(options, openssh(tmp_path / "config", address), "gpu1")


def test_an_include_begins_in_the_folder_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d/1").write_text("Port 2222\nHost other\n")
    (tmp_path / "conf.d/2").write_text("User alice\n")
    options = read(
        tmp_path, "Host gpu1\n Include conf.d/* missing\n HostName x\nHost cpu\n Include conf.d/2\n"
    )
    assert options.values == {"port": ["2222"], "user": ["alice"], "hostname": ["x"]}


def test_an_include_of_itself_ends(tmp_path: Path) -> None:
    assert read(tmp_path, "Include config\nPort 23\n").values == {"port": ["23"]}


@pytest.mark.parametrize(
    "condition",
    ["version OpenSSH_9*", "localnetwork 10.0.0.0/8", "command rsync*", "whatever", "host gpu1 weird x"],
)
def test_a_match_that_is_not_understood_costs_only_its_block(tmp_path: Path, condition: str) -> None:
    options = read(tmp_path, f"Match {condition}\n Port 1\nHost gpu1\n Port 2222\n")
    assert options.values == {"port": ["2222"]}
    assert len(options.notes) == 1
    assert f"{tmp_path}/config:1" in options.notes[0]


def test_a_match_for_commands_holds_for_us(tmp_path: Path) -> None:
    assert read(tmp_path, "Match sessiontype exec\n Port 23\nMatch sessiontype=shell\n User x\n").values == {
        "port": ["23"]
    }


def test_a_quote_that_is_not_closed_costs_only_its_line(tmp_path: Path) -> None:
    options = read(tmp_path, 'Host gpu1\n User "alice\n Port 2222\n')
    assert options.values == {"port": ["2222"]}
    assert ":2: a quote is not closed" in options.notes[0]


def test_bytes_that_are_no_text_cost_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "config").write_bytes(b"# caf\xe9\nHost gpu1\n Port 2222\n")
    assert read_options(Address("gpu1"), [tmp_path / "config"], FACTS).first("port") == "2222"


def test_a_file_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    assert read_options(Address("gpu1"), [tmp_path / "missing", tmp_path], FACTS).values == {}


def test_the_user_comes_before_the_system(tmp_path: Path) -> None:
    (tmp_path / "user").write_text("Host gpu1\n Port 1\n")
    (tmp_path / "system").write_text("Port 2\nUser site\n")
    options = read_options(Address("gpu1"), [tmp_path / "user", tmp_path / "system"], FACTS)
    assert options.values == {"port": ["1"], "user": ["site"]}


def test_the_system_configuration_is_read() -> None:
    assert config_files(Path("/home/me")) == [Path("/home/me/.ssh/config"), Path("/etc/ssh/ssh_config")]


@pytest.mark.parametrize(
    ("text", "host", "user", "port"),
    [
        ("gpu1", "gpu1", None, None),
        ("alice@gpu1", "gpu1", "alice", None),
        ("gpu1:2222", "gpu1", None, 2222),
        ("alice@gpu1.lab:2222", "gpu1.lab", "alice", 2222),
        ("alice@example.org@gw:22", "gw", "alice@example.org", 22),
        ("[2001:db8::1]:2222", "2001:db8::1", None, 2222),
        ("alice@[::1]", "::1", "alice", None),
        ("2001:db8::1", "2001:db8::1", None, None),
        ("fe80::1%eth0", "fe80::1%eth0", None, None),
        ("ssh://alice@gpu1:2222/", "gpu1", "alice", 2222),
        (" gpu1 ", "gpu1", None, None),
    ],
)
def test_an_address_is_taken_apart(text: str, host: str, user: str | None, port: int | None) -> None:
    address = parse_address(text)
    assert address == Address(host, user, port)
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    "text",
    ["", "@gpu1", "alice@", "gpu1:", "gpu1:0", "gpu1:70000", "a b", "-oProxyCommand=x", "-x@gpu1", "[::1"],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_address(text)


@pytest.mark.parametrize("line", ["", "   ", "# Host x", "\t#", '"'])
def test_a_line_may_say_nothing(line: str) -> None:
    assert split_line(line) == ("", [], "")


def test_a_token_that_nobody_knows_stays() -> None:
    assert expand("%h-%z-%%-%", {"h": "x", "%": "%"}) == "x-%z-%-%"
