from __future__ import annotations

import dataclasses
import json
import os
import resource
import signal
import socket
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from engine_programs import Program

from neronet.engine import holder as module
from neronet.engine.holder import Holder, Lease, default_home, holder, read_only
from neronet.errors import EngineError
from tests.waiting import until

Start = Callable[..., Program]


def write_card(home: Path, **changes: object) -> None:
    card = Holder(999_999_999, socket.gethostname(), "panel", 2, 1.0, "", "0.1.0", "ab")
    (home / "engine.json").write_text(json.dumps({**dataclasses.asdict(card), **changes}))


def test_one_process_holds_the_lease_and_says_who_it_is(home: Path, program: Start) -> None:
    lease = Lease(home)
    before = time.time()
    assert lease.acquire("notebook")
    assert program("lease", home, "background").hear() == "refused"
    now = holder(home)
    assert now is not None
    assert (now.pid, now.kind, now.rank, now.host) == (os.getpid(), "notebook", 1, socket.gethostname())
    assert before <= now.since <= time.time()
    assert now.here
    assert f"a notebook (process {os.getpid()}, since " in str(now)
    lease.release()
    assert holder(home) is None
    assert program("lease", home, "cli").hear() == "held"


def test_two_engines_of_one_process_exclude_each_other(home: Path) -> None:
    first, second = Lease(home), Lease(home)
    assert first.acquire("notebook")
    assert first.acquire("notebook")
    assert not second.acquire("notebook")
    first.release()
    first.release()
    assert not first.held
    assert second.acquire("script")
    second.release()


def test_what_others_could_misuse_is_for_the_user_alone(home: Path) -> None:
    old = os.umask(0)
    try:
        lease = Lease(home)
        assert lease.acquire("cli")
    finally:
        os.umask(old)
    lease.publish("unix:/somewhere")
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    for name in ("engine.json", "engine.lock"):
        assert stat.S_IMODE((home / name).stat().st_mode) == 0o600
    now = holder(home)
    assert now is not None
    assert now.address == "unix:/somewhere"
    assert now.key not in repr(now)
    assert now.key not in str(now)
    lease.release()
    assert sorted(path.name for path in home.iterdir()) == ["engine.lock"]


def test_a_killed_holder_frees_the_lease_at_once(home: Path, program: Start) -> None:
    other = program("lease", home, "background")
    assert other.hear() == "held"
    lease = Lease(home)
    assert not lease.acquire("background")
    other.kill()
    began = time.monotonic()
    assert (home / "engine.json").exists()
    assert holder(home) is None
    assert lease.acquire("notebook")
    assert time.monotonic() - began < 3
    lease.release()


def test_a_process_forked_by_the_holder_does_not_keep_the_lease(home: Path, program: Start) -> None:
    other = program("engine", home, "notebook")
    assert other.hear() == "held"
    other.say("fork")
    child = int(other.hear())
    try:
        other.kill()
        os.kill(child, 0)
        assert holder(home) is None
        lease = Lease(home)
        assert lease.acquire("cli")
        lease.release()
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_forked_child_has_no_lease_and_leaves_that_of_its_parent(home: Path) -> None:
    lease = Lease(home)
    assert lease.acquire("notebook")
    child = os.fork()
    if child == 0:
        held = lease.held
        lease.release()
        os._exit(1 if held else 0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert lease.held
    assert holder(home) is not None
    assert not Lease(home).acquire("cli")
    lease.release()


def test_looking_never_refuses_the_lease_to_who_takes_it(home: Path) -> None:
    home.mkdir()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            write_card(home)  # what a killed holder leaves
            holder(home)
            time.sleep(0.0005)

    looker = threading.Thread(target=look)
    looker.start()
    try:
        for _ in range(100):
            lease = Lease(home)
            assert lease.acquire("cli")
            lease.release()
    finally:
        done.set()
        looker.join()


def test_a_lock_on_a_file_that_was_removed_is_no_lease(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir()
    opened = []

    def open_and_lose(place: Path) -> int:
        lock = os.open(place / "engine.lock", os.O_RDWR | os.O_CREAT, 0o600)
        if not opened:
            (place / "engine.lock").unlink()
        opened.append(lock)
        return lock

    monkeypatch.setattr(module, "_open_lock", open_and_lose)
    lease = Lease(home)
    assert lease.acquire("cli")
    assert len(opened) == 2
    monkeypatch.undo()
    assert not Lease(home).acquire("cli")
    lease.release()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", "\u00e4", '{"pid": 1}', "null", "[" * 50_000],
)
def test_a_file_that_makes_no_sense_is_not_believed_and_does_no_harm(home: Path, text: str) -> None:
    home.mkdir()
    (home / "engine.json").write_text(text)
    assert holder(home) is None
    assert read_only(home) == ""
    lease = Lease(home)
    assert lease.acquire("cli")
    assert holder(home) is not None
    lease.release()


@pytest.mark.parametrize("change", [{"pid": "1"}, {"rank": None}, {"key": 5}, {"since": "now"}])
def test_a_file_with_wrong_values_is_not_believed(home: Path, change: dict[str, object]) -> None:
    lease = Lease(home)
    assert lease.acquire("cli")
    write_card(home, **change)
    assert holder(home) is None
    lease.release()


def test_a_newer_version_may_say_more_about_itself(home: Path) -> None:
    lease = Lease(home)
    assert lease.acquire("cli")
    write_card(home, mood="good")
    assert holder(home) is not None
    lease.release()


def test_a_laptop_may_change_its_name_while_its_engine_runs(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = Lease(home)
    assert lease.acquire("panel")
    monkeypatch.setattr(module.socket, "gethostname", lambda: "another-network")
    now = holder(home)
    assert now is not None
    assert now.here
    assert read_only(home) == ""
    assert not Lease(home).acquire("cli")
    lease.release()


def test_on_a_local_disk_the_lock_is_the_truth_whatever_the_host_is_called(home: Path) -> None:
    home.mkdir()
    write_card(home, host="the-name-i-had-before")
    assert read_only(home) == ""
    assert holder(home) is None
    lease = Lease(home)
    assert lease.acquire("cli")
    lease.release()


def test_on_a_network_file_system_another_host_only_reads(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "network_file_system", lambda _: "nfs4")
    home.mkdir()
    write_card(home, host="login1")
    now = holder(home)
    assert now is not None
    assert not now.here
    assert "on login1" in str(now)
    assert "login1: this host only reads" in read_only(home)
    lease = Lease(home)
    assert not lease.acquire("background")
    assert not lease.take("background", 1)
    assert not lease.request_handover(3, 1)
    assert (home / "engine.json").exists()
    (home / "engine.json").unlink()
    assert read_only(home) == ""
    assert lease.acquire("background")
    assert read_only(home) == ""
    lease.release()


def test_a_home_that_cannot_be_one_is_an_error_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EngineError, match="Not a directory") as caught:
        Lease(tmp_path / "file" / "home").acquire("cli")
    assert "NERONET_HOME" in caught.value.hint
    assert holder(tmp_path / "file" / "home") is None
    (tmp_path / "engine.json").mkdir()
    for look in (holder, read_only):
        with pytest.raises(EngineError, match="Is a directory"):
            look(tmp_path)


def test_a_full_disk_is_an_error_and_leaves_the_lease_free(home: Path) -> None:
    lease = Lease(home)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limit[1]))
    try:
        with pytest.raises(EngineError, match="File too large"):
            lease.acquire("cli")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert not lease.held
    assert Lease(home).acquire("cli")


def test_an_address_is_published_only_by_who_holds_the_lease(home: Path) -> None:
    lease = Lease(home)
    assert lease.acquire("cli")
    (home / "engine.json.new").mkdir()
    with pytest.raises(EngineError, match="Is a directory"):
        lease.publish("unix:/x")
    lease.release()
    with pytest.raises(EngineError, match="handed over"):
        lease.publish("unix:/x")


def test_the_home_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NERONET_HOME", str(tmp_path / "elsewhere"))
    assert default_home() == tmp_path / "elsewhere"
    monkeypatch.delenv("NERONET_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_home() == tmp_path / ".neronet"


def test_a_lower_holder_hands_over_to_a_higher_one(home: Path, program: Start) -> None:
    other = program("engine", home, "notebook")
    assert other.hear() == "held"
    lease = Lease(home)
    began = time.monotonic()
    assert lease.take("background")
    assert time.monotonic() - began < 5
    assert other.hear() == "ended"
    assert other.process.wait(10) == 0
    now = holder(home)
    assert now is not None
    assert now.pid == os.getpid()
    lease.release()


@pytest.mark.parametrize(("has", "wants"), [("background", "panel"), ("panel", "panel"), ("panel", "cli")])
def test_nothing_is_handed_over_to_an_equal_or_a_lower_one(
    home: Path, program: Start, has: str, wants: module.Kind
) -> None:
    other = program("engine", home, has)
    assert other.hear() == "held"
    began = time.monotonic()
    assert not Lease(home).take(wants)
    assert not Lease(home).request_handover(module.RANKS[wants])
    assert time.monotonic() - began < 5
    assert other.process.poll() is None


def test_who_does_not_hand_over_is_waited_for_no_longer_than_asked(home: Path, program: Start) -> None:
    other = program("engine", home, "notebook")
    assert other.hear() == "held"
    other.say("quiet")
    assert other.hear() == "quiet"
    began = time.monotonic()
    assert not Lease(home).take("background", 0.2)
    assert 0.15 < time.monotonic() - began < 3
    now = holder(home)
    assert now is not None
    assert now.pid == other.pid


def test_a_holder_without_a_socket_is_asked_again_until_it_goes(home: Path, program: Start) -> None:
    other = program("lease", home, "notebook")
    assert other.hear() == "held"
    lease = Lease(home)
    assert not lease.take("background", 0.2)
    taken: list[bool] = []
    waiting = threading.Thread(target=lambda: taken.append(lease.take("background", 20)))
    waiting.start()
    time.sleep(0.1)
    other.kill()
    waiting.join(10)
    assert taken == [True]
    until(lambda: holder(home) is not None)
    lease.release()
