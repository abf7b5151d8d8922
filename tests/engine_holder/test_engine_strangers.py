"""Who may connect to an engine, and what becomes of those who say nonsense."""

from __future__ import annotations

import logging
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from listeners import start_engine, who
from small_engine import SmallEngine

from neronet.engine import bell as module
from neronet.engine import holder as holder_module
from neronet.engine.bell import Link, Message
from neronet.engine.holder import Holder, Lease, private_socket, socket_places
from neronet.errors import EngineError
from tests.waiting import until

RUNS_AS_ROOT = os.getuid() == 0


NO_SKIP = bool(os.environ.get("NERONET_NO_SKIP"))


def test_who_does_not_know_the_key_is_told_nothing(engine: SmallEngine, home: Path) -> None:
    now = who(home)
    stranger = Holder(**{**vars(now), "key": "0" * 64})
    with pytest.raises(ConnectionError):
        Link(stranger, "stranger")
    assert engine.bell.clients == []


def test_who_listens_without_the_key_is_given_nothing(home: Path) -> None:
    """A port that another user took over when its holder died."""
    said: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as thief:

        def steal() -> None:
            connection, _ = thief.accept()
            with connection:
                connection.sendall(b'{"type":"challenge","nonce":"1"}\n')
                said.append(connection.recv(65536))
                connection.sendall(b'{"type":"welcome","key":"\\ud800","n":0}\n')
                said.append(connection.recv(65536))

        thread = threading.Thread(target=steal)
        thread.start()
        port = thief.getsockname()[1]
        card = Holder(1, socket.gethostname(), "panel", 2, 0.0, f"tcp:{port}", "0", "secret")
        with pytest.raises(ConnectionAbortedError, match="does not know the key"):
            Link(card, "panel")
        thread.join()
    assert said[1] == b""
    assert b"secret" not in said[0]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"{}\n",
        b"[]\n",
        b"\xff\n",
        b'{"type":"hello"}\n',
        b'{"type":"hello","key":"\xc3\xa9","nonce":7}\n',
        b'{"type":"hello","key":"\\ud800","nonce":"\\ud800"}\n',
        b"[" * 60_000 + b"\n",
        b"x" * 200_000,
    ],
)
def test_nonsense_instead_of_a_greeting_ends_the_connection_quietly(
    engine: SmallEngine, home: Path, line: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    family, _, place = who(home).address.partition(":")
    with socket.socket(socket.AF_UNIX if family == "unix" else socket.AF_INET) as raw:
        raw.settimeout(10)
        raw.connect(place if family == "unix" else ("127.0.0.1", int(place)))
        assert b"challenge" in raw.recv(65536)
        try:
            raw.sendall(line)
            raw.shutdown(socket.SHUT_WR)
            assert raw.recv(65536) == b""
        except ConnectionError:
            pass
    with Link(who(home), "cli"):
        pass
    assert caplog.text == ""


@pytest.mark.parametrize(
    "message",
    [{"type": "sing"}, {"type": "answer"}, {"type": "answer", "id": [], "text": 5}, {"type": "handover"}]
    + [{"type": "handover", "rank": rank} for rank in (0, 1, "9")],
)
def test_a_message_that_asks_for_nothing_sensible_does_nothing(
    engine: SmallEngine, home: Path, message: Message
) -> None:
    with Link(who(home), "cli") as link:
        link.send(message)
        link.send({"type": "ring"})
        until(lambda: engine.rings == 1)
    assert not engine.ended.is_set()


def test_a_message_is_refused_where_it_is_made_when_it_is_too_long(engine: SmallEngine, home: Path) -> None:
    with Link(who(home), "cli") as link:
        with pytest.raises(ValueError, match="longer than 65536"):
            link.send({"type": "answer", "id": "1", "text": "x" * 70_000})
        link.send({"type": "ring"})
        until(lambda: engine.rings == 1)


def test_a_connection_that_says_nothing_is_ended(
    home: Path, engine: SmallEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GREETING", 0.1)
    family, _, place = who(home).address.partition(":")
    with socket.socket(socket.AF_UNIX if family == "unix" else socket.AF_INET) as raw:
        raw.settimeout(10)
        raw.connect(place if family == "unix" else ("127.0.0.1", int(place)))
        assert b"challenge" in raw.recv(65536)
        assert raw.recv(65536) == b""


def test_no_more_than_a_few_dozen_connections_are_taken(
    home: Path, engine: SmallEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLIENTS", 2)
    with Link(who(home), "a"), Link(who(home), "b"):
        with pytest.raises(ConnectionError):
            Link(who(home), "c")
        assert engine.bell.clients == ["a", "b"]
    until(lambda: not engine.bell.clients)
    Link(who(home), "d").close()


def test_the_socket_is_the_users_alone_and_goes_with_the_engine() -> None:
    with tempfile.TemporaryDirectory(prefix="nn", dir="/tmp") as folder:  # a socket needs a short path
        home = Path(folder)
        old = os.umask(0)
        try:
            engine = start_engine(home)
        finally:
            os.umask(old)
        place = home / "engine.sock"
        assert who(home).address == f"unix:{place}"
        assert stat.S_ISSOCK(place.stat().st_mode)
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
        engine.stop()
        assert not place.exists()


# What another user of this machine may try, as that user: prints what came of it.
STRANGER = """
import os, socket, sys
family, place, card = sys.argv[1:]
os.setgroups([]); os.setgid(65534); os.setuid(65534)
os.stat(os.path.dirname(card))  # the folder can be reached: what refuses is the file itself
try:
    open(card)
except PermissionError:
    print("key: refused")
link = socket.socket(socket.AF_UNIX if family == "unix" else socket.AF_INET)
link.settimeout(10)
try:
    link.connect(place if family == "unix" else ("127.0.0.1", int(place)))
except PermissionError:
    print("socket: refused")
else:
    link.recv(4096)
    link.sendall(b'{"type":"hello","nonce":"1","key":"","role":"cli"}\\n{"type":"stop"}\\n')
    try:
        print("greeting:", "refused" if link.recv(4096) == b"" else "let in")
    except ConnectionError:
        print("greeting: refused")
"""


@pytest.mark.skipif(not RUNS_AS_ROOT and not NO_SKIP, reason="only root can be another user")
@pytest.mark.parametrize("tcp", [False, True], ids=["unix", "tcp"])
def test_another_user_of_the_machine_gets_nowhere(tcp: bool) -> None:
    assert RUNS_AS_ROOT, "run this test as root: it is one that must not be skipped"
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        home = Path(folder) / "home"
        home.mkdir()
        os.chmod(home, 0o755)  # a user may have opened it
        engine = start_engine(home, tcp)
        try:
            family, _, place = who(home).address.partition(":")
            arguments = [sys.executable, "-I", "-c", STRANGER, family, place, str(home / "engine.json")]
            # The interpreter may lie where that user cannot read: it changes its user after it has started.
            said = subprocess.run(arguments, capture_output=True, text=True, timeout=30)
            assert said.returncode == 0, said.stderr
            second = "greeting: refused" if tcp else "socket: refused"
            assert said.stdout.splitlines() == ["key: refused", second]
            assert not engine.ended.is_set()
            with Link(who(home), "mine"):
                pass
        finally:
            engine.stop()


def test_a_home_with_a_long_name_has_its_socket_in_the_session_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory() as runtime:
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
        home = tmp_path / ("long" * 30)
        engine = start_engine(home)
        try:
            assert who(home).address.startswith(f"unix:{runtime}/neronet-")
            with Link(who(home), "cli"):
                pass
        finally:
            engine.stop()
        assert os.listdir(runtime) == []


def test_without_a_session_folder_a_private_one_is_made_among_the_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        monkeypatch.setattr(tempfile, "tempdir", temporary)
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
        home = tmp_path / ("long" * 30)
        listener, path = private_socket(home)
        listener.close()
        assert path.parent == Path(temporary) / f"neronet-{os.getuid()}"
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert private_socket(home)[1] == path, "the socket that a dead holder left is replaced"


@pytest.mark.parametrize("trap", ["open", "link", "file", "other"])
def test_a_folder_that_others_can_use_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trap: str
) -> None:
    if trap == "other" and not RUNS_AS_ROOT:
        assert not NO_SKIP, "run this test as root: it is one that must not be skipped"
        pytest.skip("only root can make another user's folder")
    with tempfile.TemporaryDirectory() as temporary:
        monkeypatch.setattr(tempfile, "tempdir", temporary)
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
        private = Path(temporary) / f"neronet-{os.getuid()}"
        if trap == "link":
            private.symlink_to(tmp_path)
        elif trap == "file":
            private.write_text("")
        else:
            private.mkdir(mode=0o700)
            if trap == "open":
                private.chmod(0o770)
            else:
                os.chown(private, 65534, 65534)
        with pytest.raises(EngineError, match="no place for the engine's socket") as caught:
            private_socket(tmp_path / ("long" * 30))
        assert "XDG_RUNTIME_DIR" in caught.value.hint


def test_a_home_that_has_no_room_for_sockets_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory() as runtime:
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
        home = tmp_path / "home"
        (home / "engine.sock").mkdir(parents=True)
        listener, path = private_socket(home)
        listener.close()
        assert str(path.parent) == runtime


def test_places_whose_name_is_too_long_are_left_out() -> None:
    limit = holder_module._PATH_LIMIT
    home = Path("/" + "h" * (limit - len("/engine.sock") - 1))
    assert socket_places(home, None, Path("/tmp/p"))[0] == home / "engine.sock"
    longer = Path(str(home) + "h")
    places = socket_places(longer, "/run/user/1000", Path("/tmp/p"))
    assert [str(place.parent) for place in places] == ["/run/user/1000", "/tmp/p"]
    assert places[0].name != socket_places(home, "/run/user/1000", Path("/tmp/p"))[1].name
    assert socket_places(longer, "/" + "r" * 200, Path("/" + "t" * 200)) == []


def test_the_engine_says_so_when_there_is_no_place_for_its_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("t" * 120)))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    lease = Lease(tmp_path / ("long" * 30))
    assert lease.acquire("script")
    engine = SmallEngine(lease.home, lease)
    with pytest.raises(EngineError, match="all names are too long"):
        engine.start()
    engine.stop()
    assert not lease.held


def test_logging_is_quiet_about_what_is_said(
    engine: SmallEngine, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with Link(who(home), "cli") as link:
        link.send({"type": "answer", "id": "1", "text": "correct horse"})
        link.send({"type": "ring"})
        until(lambda: engine.rings == 1)
    assert "correct horse" not in caplog.text
    assert who(home).key not in caplog.text
