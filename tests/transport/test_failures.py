"""Every way in which a connection fails has its sentence, and its hint says what to do."""

from __future__ import annotations

import asyncio
import errno
import socket
from pathlib import Path

import pytest

from neronet.errors import (
    AuthRefused,
    HostKeyChanged,
    HostKeyUnknown,
    NodeError,
    NodeUnfit,
    Unreachable,
)
from neronet.transport.askpass import kind_of
from neronet.transport.base import Busy, Tail, harmless, kind_of_prompt, retried
from neronet.transport.failures import cut, no_connection, of_ssh, refused, too_many_keys

WHERE = "alice@gpu1:2222"


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (socket.gaierror(-2, "Name or service not known"), Unreachable, "no machine of the name gpu1:2222"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), Unreachable, "refused the connection"),
        (OSError("Multiple exceptions: [Errno 111] x, [Errno 111] y"), Unreachable, "refused the connection"),
        (TimeoutError(), Unreachable, "did not answer within 10 s"),
        (OSError(errno.ETIMEDOUT, "x"), Unreachable, "did not answer within 10 s"),
        (OSError(errno.EHOSTUNREACH, "x"), Unreachable, "there is no way to"),
        (OSError(errno.ENETUNREACH, "x"), Unreachable, "there is no way to"),
        (ConnectionResetError(errno.ECONNRESET, "x"), Busy, "closed the connection before the login"),
        (
            OSError(errno.EMFILE, "Too many open files"),
            Unreachable,
            "cannot be reached: .*Too many open files",
        ),
    ],
)
def test_an_error_of_the_system_is_explained(error: OSError, kind: type[NodeError], said: str) -> None:
    told = no_connection("gpu1", WHERE, error)
    assert type(told) is kind
    with pytest.raises(NodeError, match=f"^gpu1: .*{said}"):
        raise told
    assert told.hint


CHANGED = """\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
The fingerprint for the ED25519 key sent by the remote host is
SHA256:f3DnpnIcn5Lee5JydzhbqvAiS4zHGYUdnmWt8zfIjTY.
Please contact your system administrator.
Offending ED25519 key in /nonexistent/known_hosts:1
Host key verification failed.
"""


@pytest.mark.parametrize(
    ("stderr", "kind", "said"),
    [
        (
            "ssh: Could not resolve hostname gpu1: Name or service not known",
            Unreachable,
            "of the name gpu1 is",
        ),
        ("ssh: connect to host gpu1 port 22: Connection refused", Unreachable, "refused the connection"),
        ("ssh: connect to host gpu1 port 22: Connection timed out", Unreachable, "did not answer"),
        ("ssh: connect to host gpu1 port 22: No route to host", Unreachable, "there is no way"),
        ("ssh: connect to host gpu1 port 22: Network is unreachable", Unreachable, "there is no way"),
        ("alice@gpu1: Permission denied (publickey).", AuthRefused, "it says: alice@gpu1: Permission denied"),
        ("Received disconnect from x: 2: Too many authentication failures", AuthRefused, "too many keys"),
        ("kex_exchange_identification: Connection closed by remote host", Busy, "closed the connection"),
        ("kex_exchange_identification: read: Connection reset by peer", Busy, "closed the connection"),
        ("Connection closed by 10.0.0.1 port 22", Busy, "closed the connection"),
        ("Host key verification failed.", HostKeyUnknown, "not known"),
        ("No ED25519 host key is known for x\nHost key verification failed.", HostKeyUnknown, "not known"),
        ("WARNING: REVOKED HOST KEY DETECTED!\nHost key verification failed.", HostKeyChanged, "revoked"),
        (CHANGED, HostKeyChanged, "known is another one, now it shows ED25519 SHA256:f3DnpnIcn5Lee"),
        (
            "/x/config: line 2: Bad configuration option: warp\n/x/config: terminating, 1 bad",
            NodeUnfit,
            "warp",
        ),
        ("sign_and_send_pubkey: no mutual signature\nsomething new", Unreachable, "something new"),
        ("", Unreachable, "it gave no reason"),
    ],
)
def test_the_words_of_ssh_are_understood(stderr: str, kind: type[NodeError], said: str) -> None:
    told = of_ssh("gpu1", WHERE, 255, stderr + "\n", heard=False)
    assert told
    assert type(told) is kind
    with pytest.raises(NodeError, match=f"^gpu1: .*{said}"):
        raise told


def test_the_old_key_is_read_from_the_line_that_ssh_names(tmp_path: Path) -> None:
    old = "AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"
    (tmp_path / "known").write_text(f"# x\nhost ssh-ed25519 {old}\n")
    told = of_ssh(
        "gpu1", WHERE, 255, CHANGED.replace("/nonexistent/known_hosts:1", f"{tmp_path}/known:2"), False
    )
    assert "known is ED25519 SHA256:" in str(told)
    assert f"({tmp_path}/known:2)" in str(told)
    (tmp_path / "known").write_text("")
    told = of_ssh(
        "gpu1", WHERE, 255, CHANGED.replace("/nonexistent/known_hosts:1", f"{tmp_path}/known:2"), False
    )
    assert "known is another one" in str(told)


def test_a_command_that_ends_is_no_failure_of_ssh() -> None:
    assert of_ssh("gpu1", WHERE, 0, "Permission denied", heard=True) is None
    assert of_ssh("gpu1", WHERE, 1, "", heard=False) is None
    assert of_ssh("gpu1", WHERE, -15, "", heard=False) is None


def test_a_connection_that_had_worked_was_cut() -> None:
    for words in (
        "client_loop: send disconnect: Broken pipe",
        "Timeout, server gpu1 not responding.",
        "Connection refused",
    ):
        told = of_ssh("gpu1", WHERE, 255, words, heard=True)
        assert type(told) is Unreachable
        assert str(told) == f"gpu1: the connection was lost ({words})"
    assert str(cut("gpu1")) == str(cut("gpu1", "Connection lost")) == "gpu1: the connection was lost"


def test_a_refusal_says_what_was_tried() -> None:
    told = refused("gpu1", WHERE, "the key /k, a code", "account expired", ["the key /gone is not there"])
    assert str(told) == (
        "gpu1: alice@gpu1:2222 does not let us in with the key /k, a code; it says: account expired; "
        "the key /gone is not there"
    )
    assert "no key was found" in str(refused("gpu1", WHERE, ""))
    assert "identity_file" in too_many_keys("gpu1", WHERE).hint


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (
            "The authenticity of host 'x' can't be established.\nAre you sure (yes/no/[fingerprint])?",
            "host_key",
        ),
        ("Please type 'yes', 'no' or the fingerprint: (yes/no)", "host_key"),
        ("Enter passphrase for key '/home/me/.ssh/id_ed25519': ", "passphrase"),
        ("Enter PIN for ED25519-SK key /home/me/.ssh/id_sk: ", "passphrase"),
        ("alice@gpu1's password: ", "password"),
        ("(alice@gpu1) Password: ", "password"),
        ("(alice@gpu1) Verification code: ", "code"),
        ("(alice@gpu1) One-time password (OATH) for `alice': ", "code"),
        ("(alice@gpu1) Duo two-factor login\nPasscode or option (1-3): ", "code"),
    ],
)
def test_a_question_of_ssh_is_of_a_kind(text: str, kind: str) -> None:
    assert kind_of(text) == kind
    if kind in ("code", "password"):
        assert kind_of_prompt(text) == kind


def test_what_a_node_says_does_nothing_to_a_terminal() -> None:
    assert harmless("a\tb\r\nc\rd") == "a\tb\nc\ufffdd"
    assert (
        harmless("\x1b]52;c;aGk=\x07 \x9b2J \u202ex\u200b\udc80 é☃")
        == "\ufffd]52;c;aGk=\ufffd \ufffd2J \ufffdx\ufffd\ufffd é☃"
    )


def test_a_tail_keeps_the_last_four_kibibytes() -> None:
    tail = Tail()
    for number in range(5000):
        tail.add(b"%d\n" % number)
    assert tail.text().endswith("4998\n4999\n")
    assert len(tail.text()) == 4096


def test_only_a_dropped_connection_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda a, b: 0.001)

    def attempts(*outcomes: Exception | str) -> tuple[int, str]:
        left = list(outcomes)

        async def attempt() -> str:
            outcome = left.pop(0)
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        answer = asyncio.run(retried(attempt))
        return len(outcomes) - len(left), answer

    assert attempts("ok") == (1, "ok")
    assert attempts(Busy("x"), Busy("y"), "ok", "more") == (3, "ok")
    with pytest.raises(Unreachable, match="z"):
        attempts(Busy("x"), Unreachable("z"), "ok")
    with pytest.raises(Busy, match="5"):
        attempts(*(Busy(str(number)) for number in range(1, 9)))
