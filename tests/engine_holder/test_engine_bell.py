from __future__ import annotations

import asyncio
import logging
import os
import socket
import stat
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest
from engine_programs import Program, wait_until
from small_engine import SmallEngine

from neronet.engine import bell as module
from neronet.engine import holder as holder_module
from neronet.engine.bell import Client, Link, Message
from neronet.engine.holder import Holder, Lease, holder, private_socket, socket_places
from neronet.errors import EngineError
from neronet.wire.frames import load_json

Start = Callable[..., Program]
RUNS_AS_ROOT = os.getuid() == 0
NO_SKIP = bool(os.environ.get("NERONET_NO_SKIP"))


def start_engine(home: Path, tcp: bool = False) -> SmallEngine:
    lease = Lease(home)
    assert lease.acquire("script")
    engine = SmallEngine(home, lease, tcp)
    engine.start()
    return engine


@pytest.fixture(params=[False, True], ids=["unix", "tcp"])
def engine(home: Path, request: pytest.FixtureRequest) -> Iterator[SmallEngine]:
    """An engine with a bell, over each kind of socket."""
    engine = start_engine(home, request.param)
    yield engine
    engine.stop()


def who(home: Path) -> Holder:
    now = holder(home)
    assert now is not None
    return now


class Heard:
    """A client, and what it heard."""

    def __init__(self, home: Path, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self.messages: SimpleQueue[Message] = SimpleQueue()
        kinds = ("changed", "question", "answered", "progress", "bye", "lost")
        self.client = Client(home, "panel", dict.fromkeys(kinds, self.messages.put), loop)
        self.client.start()
        assert self.next()["type"] == "changed"  # the connection began

    def next(self) -> Message:
        return self.messages.get(timeout=10)


@pytest.fixture
def listen(home: Path, engine: SmallEngine) -> Iterator[Callable[[], Heard]]:
    heard: list[Heard] = []

    def begin() -> Heard:
        heard.append(Heard(home))
        wait_until(lambda: len(engine.bell.clients) == len(heard))
        return heard[-1]

    yield begin
    for one in heard:
        one.client.close()


def test_every_client_hears_the_bell_and_can_ring_it(
    engine: SmallEngine, listen: Callable[[], Heard]
) -> None:
    ann, ben = listen(), listen()
    assert engine.bell.clients == ["panel", "panel"]
    assert ann.client.ring()
    assert ann.next() == ben.next() == {"type": "changed", "n": 1}
    assert engine.rings == 1
    ben.client.close()
    wait_until(lambda: engine.bell.clients == ["panel"])


def test_a_thousand_changes_are_a_few_messages_and_the_last_is_heard(
    engine: SmallEngine, listen: Callable[[], Heard]
) -> None:
    ann = listen()
    began = time.monotonic()
    engine.changed(500)
    time.sleep(0.02)
    engine.changed(500)
    numbers = [ann.next()["n"]]
    while numbers[-1] != 1000:
        numbers.append(ann.next()["n"])
    assert numbers[0] == 1, "the first rings at once"
    assert len(numbers) <= (time.monotonic() - began) / module.PAUSE + 1
    assert len(numbers) <= 20
    time.sleep(3 * module.PAUSE)
    assert ann.messages.empty()


def test_a_change_is_heard_within_a_millisecond_in_another_process(home: Path, program: Start) -> None:
    """The median of 100 rings; another try when the machine was busy with something else."""
    other = program("engine", home, "panel")
    assert other.hear() == "held"
    medians = []
    for _ in range(3):
        ears = program("listen", home, 100)
        assert ears.hear() == "ready"
        other.say("changed 100")
        rung = [float(word) for word in other.hear().split()]
        heard = [float(word) for word in ears.hear().split()]
        late = sorted((there - here) * 1000 for here, there in zip(rung, heard, strict=True))
        assert late[0] > 0
        medians.append(statistics.median(late))
        print(f"changed to callback: p50 {medians[-1]:.3f} ms, p99 {late[98]:.3f} ms")
        if medians[-1] < 1:
            break
    assert min(medians) < 1


def test_a_client_that_takes_nothing_blocks_nobody_and_is_cut_off(
    engine: SmallEngine, listen: Callable[[], Heard], home: Path
) -> None:
    stuck = Link(who(home), "stuck")
    ann = listen_beside(stuck, engine, home)
    longest = 0.0
    text = "x" * 60_000

    async def tell(number: int) -> float:
        began = time.perf_counter()
        engine.bell.tell({"type": "answered", "id": f"{number} {text}"})
        engine.bell.changed()
        return time.perf_counter() - began

    ids = []
    for number in range(200):  # 12 MB: more than any socket holds
        longest = max(longest, engine.do(tell(number)))
        while (message := ann.next())["type"] != "answered":
            pass
        ids.append(int(message["id"].split()[0]))
    assert ids == list(range(200)), "the other client hears all, in order"
    assert longest < 0.1
    wait_until(lambda: engine.bell.clients == ["panel"])
    ann.client.close()
    stuck.close()


def listen_beside(stuck: Link, engine: SmallEngine, home: Path) -> Heard:
    ann = Heard(home)
    wait_until(lambda: engine.bell.clients == ["panel", "stuck"])
    return ann


def fill(engine: SmallEngine, link: Link) -> None:
    """Sends until the other end's socket takes no more."""
    client = next(iter(engine.bell._clients))
    transport = client.writer.transport

    async def fill() -> None:
        while not transport.get_write_buffer_size():
            engine.bell.tell({"type": "answered", "id": "x" * 30_000})

    engine.do(fill())


def test_a_slow_client_hears_one_ring_for_all_that_it_missed(engine: SmallEngine, home: Path) -> None:
    with Link(who(home), "slow") as slow:
        wait_until(lambda: engine.bell.clients == ["slow"])
        fill(engine, slow)
        engine.changed(1)
        time.sleep(0.02)
        engine.changed(41)

        async def progress() -> None:
            engine.bell.progress({"bytes": 1})

        engine.do(progress())
        time.sleep(0.02)
        heard = [slow.receive()]
        while heard[-1]["type"] != "changed":
            heard.append(slow.receive())
        assert heard[-1]["n"] == 42
        assert {message["type"] for message in heard[:-1]} == {"answered"}, "progress was left out"
        engine.do(progress())
        assert slow.receive() == {"type": "progress", "bytes": 1}


def test_a_client_that_takes_nothing_for_long_is_cut_off(
    engine: SmallEngine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STUCK", 0.1)
    with Link(who(home), "stuck") as link:
        wait_until(lambda: engine.bell.clients == ["stuck"])
        fill(engine, link)
        wait_until(lambda: not engine.bell.clients)


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
        wait_until(lambda: engine.rings == 1)
    assert not engine.ended.is_set()


def test_a_message_is_refused_where_it_is_made_when_it_is_too_long(engine: SmallEngine, home: Path) -> None:
    with Link(who(home), "cli") as link:
        with pytest.raises(ValueError, match="longer than 65536"):
            link.send({"type": "answer", "id": "1", "text": "x" * 70_000})
        link.send({"type": "ring"})
        wait_until(lambda: engine.rings == 1)


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
    wait_until(lambda: not engine.bell.clients)
    Link(who(home), "d").close()


def test_a_client_follows_the_engine_to_its_next_holder(home: Path) -> None:
    first = start_engine(home)
    ann = Heard(home)
    first.stop()
    assert ann.next() == {"type": "bye"}
    assert ann.next() == {"type": "lost"}
    assert not ann.client.ring()
    second = start_engine(home, tcp=True)
    assert ann.next() == {"type": "changed", "n": 0}
    assert ann.client.ring()
    assert ann.next() == {"type": "changed", "n": 1}
    ann.client.close()
    second.stop()


def test_a_client_notices_a_holder_that_was_killed(home: Path, program: Start) -> None:
    other = program("engine", home, "panel")
    assert other.hear() == "held"
    ann = Heard(home)
    other.kill()
    assert ann.next() == {"type": "lost"}
    engine = start_engine(home)  # the dead holder's socket is in the way and is replaced
    assert ann.next() == {"type": "changed", "n": 0}
    ann.client.close()
    engine.stop()


def test_callbacks_may_run_in_an_event_loop(engine: SmallEngine, home: Path) -> None:
    async def main() -> list[Message]:
        heard: asyncio.Queue[Message] = asyncio.Queue()
        client = Client(home, "panel", {"changed": heard.put_nowait}, asyncio.get_running_loop())
        client.start()
        messages = [await asyncio.wait_for(heard.get(), 10)]
        client.ring()
        messages.append(await asyncio.wait_for(heard.get(), 10))
        client.close()
        return messages

    assert [message["n"] for message in asyncio.run(main())] == [0, 1]


def test_a_callback_that_fails_is_logged_and_the_bell_goes_on(
    engine: SmallEngine, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[Message] = []

    def fail(message: Message) -> None:
        calls.append(message)
        raise RuntimeError("mine")

    client = Client(home, "notebook", {"changed": fail})
    client.start()
    wait_until(lambda: len(calls) == 1)
    assert client.ring()
    wait_until(lambda: len(calls) == 2)
    client.close()
    assert caplog.text.count("what was to be called for changed failed") == 2


def test_a_client_waits_for_an_engine_and_is_closed_without_one(home: Path) -> None:
    client = Client(home, "cli", {})
    client.close()  # before it began
    client = Client(home, "cli", {})
    client.start()
    time.sleep(0.05)
    assert not client.ring()
    before = threading.active_count()
    client.close()
    assert threading.active_count() == before - 1


def test_a_client_that_keeps_waiting_for_messages_stays_connected(
    home: Path, monkeypatch: pytest.MonkeyPatch, engine: SmallEngine
) -> None:
    heard: SimpleQueue[Message] = SimpleQueue()
    client = Client(home, "cli", {"changed": heard.put, "lost": heard.put})
    original = Link.__init__

    def impatient(self: Link, to: Holder, role: str, timeout: float = 0.05) -> None:
        original(self, to, role, timeout)

    monkeypatch.setattr(Link, "__init__", impatient)
    client.start()
    assert heard.get(timeout=10)["type"] == "changed"
    time.sleep(0.2)
    assert client.ring()
    assert heard.get(timeout=10) == {"type": "changed", "n": 1}
    client.close()


def test_an_engine_may_end_while_its_bell_rests(home: Path) -> None:
    engine = start_engine(home)
    ann = Heard(home)

    async def ring_and_end() -> None:
        for _ in range(5):
            engine.bell.changed()
        await engine.bell.close()

    engine.do(ring_and_end())
    assert [ann.next()["type"] for _ in range(3)] == ["changed", "bye", "lost"]
    time.sleep(3 * module.PAUSE)
    engine.stop()
    ann.client.close()
    assert ann.messages.empty()


def test_what_cannot_be_sent_is_said_and_the_client_connects_anew(home: Path) -> None:
    """The holder is there but takes nothing, as in a debugger: no caller waits for it for ever."""
    lease = Lease(home)
    assert lease.acquire("panel")
    card = lease.card
    assert card is not None
    listener, path = private_socket(home)
    listener.listen()
    lease.publish(f"unix:{path}")

    def greet() -> socket.socket:
        connection, _ = listener.accept()
        connection.sendall(b'{"type":"challenge","nonce":"1"}\n')
        nonces = ("1", load_json(connection.recv(65536).strip())["nonce"])
        key = module._proof(card.key, "holder", nonces).decode()
        connection.sendall(b'{"type":"welcome","n":0,"key":"%s"}\n' % key.encode())
        return connection

    client = Client(home, "cli", {})
    client.start()
    first = greet()
    wait_until(lambda: client._link is not None)
    link = client._link
    assert link is not None
    link._socket.settimeout(0.05)
    message = {"type": "answer", "id": "1", "text": "x" * 50_000}
    assert client.send(message)
    while client.send(message):
        pass
    second = greet()
    wait_until(lambda: client._link is not link and client.ring())
    client.close()
    for one in (first, second, listener):
        one.close()
    lease.release()


def test_the_socket_is_the_users_alone_and_goes_with_the_engine(home: Path) -> None:
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
        wait_until(lambda: engine.rings == 1)
    assert "correct horse" not in caplog.text
    assert who(home).key not in caplog.text
