"""Host keys are held against known_hosts as OpenSSH does; nobody else's key is ever taken."""

from __future__ import annotations

import asyncio
import base64
import subprocess
from pathlib import Path

import pytest

from neronet.errors import HostKeyUnknown
from neronet.transport.base import Question
from neronet.transport.hostkeys import (
    Entry,
    HostKey,
    approve,
    changed,
    host_name,
    is_meant,
    look_up,
    look_up_host,
    parse_line,
    remember,
)


def key(number: int, kind: str = "ssh-ed25519") -> HostKey:
    name = kind.encode()
    return HostKey(kind, len(name).to_bytes(4, "big") + name + (32).to_bytes(4, "big") + bytes([number]) * 32)


OLD, NEW, RSA = key(1), key(2), key(3, "ssh-rsa")


def test_a_fingerprint_is_what_ssh_keygen_shows(tmp_path: Path) -> None:
    for kind, bits in (("ed25519", "256"), ("ecdsa", "256"), ("rsa", "2048")):
        file = tmp_path / kind
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-b", bits, "-N", "", "-f", file], check=True)
        entry = parse_line("host " + file.with_name(f"{kind}.pub").read_text())
        assert entry
        shown = subprocess.run(
            ["ssh-keygen", "-lf", f"{file}.pub"], capture_output=True, text=True, check=True
        )
        fingerprint = shown.stdout.split()[1]
        assert str(entry.key) == f"{kind.upper()} {fingerprint}"


@pytest.mark.parametrize(
    "line",
    [
        "",
        "# comment",
        "host",
        "host ssh-ed25519",
        "host ssh-ed25519 ???",
        f"@whatever host {OLD.line}",
        "@revoked",
    ],
)
def test_a_line_that_is_none_says_nothing(line: str) -> None:
    assert parse_line(line) is None


def test_a_line_may_have_a_marker_and_a_comment() -> None:
    assert parse_line(f"@revoked *.lab {OLD.line} from the old disk") == Entry("@revoked", "*.lab", OLD)
    assert parse_line(f"  gpu1,10.0.0.1   {OLD.line}") == Entry("", "gpu1,10.0.0.1", OLD)


@pytest.mark.parametrize(
    ("hosts", "name", "meant"),
    [
        ("gpu1", "gpu1", True),
        ("gpu1", "gpu10", False),
        ("GPU1.Lab", "gpu1.lab", True),
        ("a,gpu1,b", "gpu1", True),
        ("gpu?", "gpu1", True),
        ("*.lab,!bad.lab", "good.lab", True),
        ("*.lab,!bad.lab", "bad.lab", False),
        ("!bad.lab", "good.lab", False),
        ("[gpu1]:2222", "[gpu1]:2222", True),
        ("[gpu1]:2222", "gpu1", False),
        ("gpu1", "[gpu1]:2222", False),
        ("[*]:2222", "[gpu1]:2222", True),
        ("g[pq]u1", "gpu1", False),
        ("|1|broken", "gpu1", False),
        ("|1|???|x", "gpu1", False),
    ],
)
def test_the_first_field_of_a_line_says_which_hosts_are_meant(hosts: str, name: str, meant: bool) -> None:
    assert is_meant(hosts, name) is meant


def test_names_hashed_by_ssh_keygen_are_found(tmp_path: Path) -> None:
    file = tmp_path / "known"
    file.write_text(f"[gpu1]:2222 {OLD.line}\ncpu1 {NEW.line}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", file], capture_output=True, check=True)
    assert "gpu1" not in file.read_text()
    assert look_up([(file, file.read_text())], "[gpu1]:2222").trusted == [OLD]
    assert look_up([(file, file.read_text())], "cpu1").trusted == [NEW]
    assert look_up([(file, file.read_text())], "gpu1").trusted == []


def test_a_key_is_trusted_unknown_changed_or_revoked(tmp_path: Path) -> None:
    (tmp_path / "known").write_text(
        f"gpu1 {OLD.line}\n# {NEW.line}\nmany {OLD.line}\nmany {NEW.line}\n@revoked * {RSA.line}\n"
        f"@cert-authority *.lab {OLD.line}\n"
    )
    files = [tmp_path / "missing", tmp_path / "known"]
    gpu1 = look_up_host(files, "GPU1", 22, "")
    assert [gpu1.judge(each) for each in (OLD, NEW, RSA)] == ["trusted", "changed", "revoked"]
    assert gpu1.with_places() == [f"{OLD} ({tmp_path}/known:1)"]
    many = look_up_host(files, "many", 22, "")
    assert [many.judge(each) for each in (OLD, NEW)] == ["trusted", "trusted"]
    assert look_up_host(files, "cpu1", 22, "").judge(OLD) == "unknown"
    by_authority = look_up_host(files, "x.lab", 22, "")
    assert (by_authority.authorities, by_authority.trusted) == ([OLD], [])


def test_a_key_of_another_type_is_a_change(tmp_path: Path) -> None:
    (tmp_path / "known").write_text(f"gpu1 {OLD.line}\n")
    assert (
        look_up_host([tmp_path / "known"], "gpu1", 22, "").judge(key(9, "ecdsa-sha2-nistp256")) == "changed"
    )


def test_another_port_is_another_host_unless_it_shows_the_same_key(tmp_path: Path) -> None:
    (tmp_path / "known").write_text(f"gpu1 {OLD.line}\n@revoked gpu1 {RSA.line}\n")
    known = look_up_host([tmp_path / "known"], "gpu1", 2222, "")
    assert [known.judge(each) for each in (OLD, NEW, RSA)] == ["trusted", "unknown", "revoked"]
    (tmp_path / "known").write_text(f"gpu1 {OLD.line}\n@revoked gpu1 {RSA.line}\n[gpu1]:2222 {NEW.line}\n")
    known = look_up_host([tmp_path / "known"], "gpu1", 2222, "")
    assert [known.judge(each) for each in (OLD, NEW, RSA)] == ["changed", "trusted", "revoked"]


def test_an_alias_stands_for_host_and_port(tmp_path: Path) -> None:
    (tmp_path / "known").write_text(f"cluster {OLD.line}\n[login7]:2222 {NEW.line}\nlogin7 {NEW.line}\n")
    known = look_up_host([tmp_path / "known"], "login7", 2222, "Cluster")
    assert known.trusted == [OLD]


def test_a_remembered_key_is_known_also_to_openssh(tmp_path: Path) -> None:
    file = tmp_path / "new folder/known"
    remember(file, "[gpu1]:2222", OLD, None)
    remember(file, "cpu1", NEW, True)
    remember(file, "cpu2", NEW, None)  # as the others in the file: hashed
    remember(file, "cpu3", NEW, False)
    assert [line.partition(" ")[0].startswith("|1|") for line in file.read_text().splitlines()] == [
        False, True, True, False,
    ]  # fmt: skip
    for name in ("[gpu1]:2222", "cpu1", "cpu2", "cpu3"):
        assert look_up([(file, file.read_text())], name).trusted
        found = subprocess.run(
            ["ssh-keygen", "-F", name, "-f", file], capture_output=True, text=True, check=False
        )
        assert f"Host {name} found" in found.stdout


def test_a_last_line_without_an_end_is_not_spoiled(tmp_path: Path) -> None:
    file = tmp_path / "known"
    file.write_text(f"gpu1 {OLD.line}")
    remember(file, "cpu1", NEW, None)
    assert file.read_text() == f"gpu1 {OLD.line}\ncpu1 {NEW.line}\n"


def test_the_port_is_part_of_a_name_unless_it_is_the_usual_one() -> None:
    assert host_name("GPU1", 22) == "gpu1"
    assert host_name("gpu1", 2222) == "[gpu1]:2222"


@pytest.mark.parametrize("answer", ["yes", " Yes\n", "y"])
def test_an_unknown_key_is_shown_and_yes_is_enough(answer: str) -> None:
    asked: list[Question] = []

    async def ask(question: Question) -> str | None:
        asked.append(question)
        return answer

    asyncio.run(approve(ask, "gpu1", "me@gpu1.lab", OLD, "ask"))
    (question,) = asked
    assert (question.kind, question.node, question.echo) == ("host_key", "gpu1", True)
    assert str(OLD) in question.text
    assert "me@gpu1.lab" in question.text


@pytest.mark.parametrize("answer", ["no", "", None, base64.b64encode(OLD.blob).decode()])
def test_anything_else_is_no(answer: str | None) -> None:
    async def ask(question: Question) -> str | None:
        return answer

    with pytest.raises(HostKeyUnknown, match="SHA256:") as refused:
        asyncio.run(approve(ask, "gpu1", "me@gpu1.lab", OLD, "ask"))
    assert "doctor gpu1" in refused.value.hint


def test_strict_checking_never_asks_and_accept_new_never_refuses() -> None:
    async def ask(question: Question) -> str | None:
        raise AssertionError(question)

    asyncio.run(approve(ask, "gpu1", "me@gpu1.lab", OLD, "accept-new"))
    with pytest.raises(HostKeyUnknown) as refused:
        asyncio.run(approve(ask, "gpu1", "me@gpu1.lab", OLD, "yes"))
    assert "StrictHostKeyChecking" in refused.value.hint


def test_a_changed_key_is_told_with_both_fingerprints() -> None:
    error = changed("gpu1", [f"{OLD} (known:3)"], str(NEW))
    assert str(OLD) in str(error)
    assert str(NEW) in str(error)
    assert "known:3" in str(error)
    assert "administrator" in error.hint
