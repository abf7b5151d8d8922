"""The holder's local socket: questions to the user, and a bell that says that something changed.

Messages are JSON lines. After the greeting, in which both ends prove that they know the key of engine.json:

    to the holder    ring                          something was written to the store for the engine
                     answer{id, text | null}       to a question; null: the user declines
                     handover{rank}                a process of a higher rank wants to run the engine
                     stop                          the engine is to end
    from the holder  changed{n}                    the store has changed, n times since the holder began
                     question{id, kind, node, text, echo}
                     answered{id}                  take the question away
                     progress{...}                 of uploads; may be left out for a client that is slow
                     bye                           the holder goes; another may come

Everything that must not be lost is in the store: a message here only says that it is time to look.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neronet.engine.holder import Holder, Lease, holder, private_socket
from neronet.errors import EngineError
from neronet.wire.frames import Malformed, encode, load_json

if TYPE_CHECKING:  # asyncio costs a command 25 ms; only the holder needs it
    import asyncio

Message = dict[str, Any]

LINE = 64 * 1024  # bytes a message may have
PAUSE = 0.005  # seconds between two `changed`
BACKLOG = 256 * 1024  # bytes that wait for a client before it is cut off
STUCK = 30.0  # seconds that a client may take nothing
GREETING = 5.0  # seconds
CLIENTS = 64
_RETRY = 0.1  # seconds between two looks for a holder

log = logging.getLogger(__name__)


def _line(message: Message) -> bytes:
    line: bytes = encode(message)
    if len(line) > LINE:
        raise ValueError(f"a message of {len(line)} bytes is longer than {LINE}")
    return line


def _proof(key: str, who: str, nonces: tuple[str, str]) -> bytes:
    """What only those can say who know `key`: of the holder's and the client's nonce, for one direction."""
    text = " ".join((who, *nonces)).encode("ascii", "replace")
    return hmac.new(key.encode(), text, hashlib.sha256).hexdigest().encode()


def _proves(message: Message, key: str, who: str, nonces: tuple[str, str]) -> bool:
    return hmac.compare_digest(str(message.get("key")).encode("ascii", "replace"), _proof(key, who, nonces))


@dataclass(eq=False)
class _Client:
    """What the holder knows of one connection."""

    writer: asyncio.StreamWriter
    role: str
    told: int  # the last `changed` it was sent
    catching_up: asyncio.Task[None] | None = None


class Bell:
    """The holder's end. Lives in the engine's event loop: every method and every callback runs there.

    `on_ring`, `on_stop`: called for each such message. `on_handover`: called once, when a process of a higher
    rank asks; the engine then ends what it does, closes the bell and releases the lease.
    """

    def __init__(
        self,
        lease: Lease,
        *,
        on_ring: Callable[[], None],
        on_handover: Callable[[], None],
        on_stop: Callable[[], None],
    ) -> None:
        self._lease = lease
        self._on_ring, self._on_handover, self._on_stop = on_ring, on_handover, on_stop
        self.on_answer: Callable[[str, str | None], None] | None = None  # set by Questions
        self.greetings: Callable[[], list[Message]] = list  # what a new client is told first
        self._clients: set[_Client] = set()
        self._connections = 0  # with those that have not yet said hello
        self._changes = self._rung = 0
        self._resting: asyncio.TimerHandle | None = None
        self._handing_over = False
        self._path: Path | None = None
        self._server: asyncio.Server | None = None

    @property
    def clients(self) -> list[str]:
        """The roles of the programs that are connected."""
        return sorted(client.role for client in self._clients)

    async def start(self, tcp: bool = not hasattr(socket, "AF_UNIX")) -> None:
        """Listens, and publishes the address in the lease. Raises EngineError."""
        import asyncio

        self._loop = asyncio.get_running_loop()
        if tcp:
            listener = socket.create_server(("127.0.0.1", 0))
            address = f"tcp:{listener.getsockname()[1]}"
        else:
            listener, self._path = private_socket(self._lease.home)
            address = f"unix:{self._path}"
        self._server = await asyncio.start_server(self._serve, sock=listener, limit=LINE)
        self._lease.publish(address)

    async def close(self) -> None:
        """Says bye to all and stops listening; nobody is waited for. Comes before the lease is released."""
        import asyncio

        if self._server is not None:
            self._server.close()
            self._server = None
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        if self._resting is not None:
            self._resting.cancel()
        for client in list(self._clients):
            self._write(client, {"type": "bye"})
            if client.writer.transport.get_write_buffer_size():
                client.writer.transport.abort()
            else:
                client.writer.close()
        await asyncio.sleep(0)  # the loop, which may end now, closes the connections in its next turn

    def changed(self) -> None:
        """Rings the bell: at once, or `PAUSE` after the last time."""
        self._changes += 1
        if self._resting is None:
            self._ring_all()

    def progress(self, message: Message) -> None:
        """Tells all clients that keep up how far an upload is."""
        for client in list(self._clients):
            if not client.writer.transport.get_write_buffer_size():
                self._write(client, {**message, "type": "progress"})

    def tell(self, message: Message) -> None:
        """Sends `message` to every client; one that takes nothing is cut off."""
        for client in list(self._clients):
            self._write(client, message)

    def _ring_all(self) -> None:
        self._resting = None
        if self._rung != self._changes:
            self._rung = self._changes
            for client in list(self._clients):
                if client.catching_up is None:
                    self._ring(client)
            self._resting = self._loop.call_later(PAUSE, self._ring_all)

    def _ring(self, client: _Client) -> None:
        client.told = self._changes
        self._write(client, {"type": "changed", "n": self._changes})

    def _write(self, client: _Client, message: Message) -> None:
        transport = client.writer.transport
        if transport.is_closing():
            return
        if transport.get_write_buffer_size() > BACKLOG:
            transport.abort()
            return
        client.writer.write(_line(message))
        if transport.get_write_buffer_size() and client.catching_up is None:
            client.catching_up = self._loop.create_task(self._catch_up(client))

    async def _catch_up(self, client: _Client) -> None:
        """Waits until a slow client has taken what was sent; then one `changed` stands for all it missed."""
        import asyncio

        try:
            await asyncio.wait_for(client.writer.drain(), STUCK)
        except (asyncio.TimeoutError, OSError):
            client.writer.transport.abort()
            return
        client.catching_up = None
        if client.told != self._changes:
            self._ring(client)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        import asyncio

        client = None
        self._connections += 1
        try:
            writer.transport.set_write_buffer_limits(high=0)  # `drain` is to wait until all was taken
            client = await asyncio.wait_for(self._greet(reader, writer), GREETING)
            while line := await reader.readline():
                self._take(load_json(line))
        except (Malformed, ValueError, OSError, asyncio.TimeoutError):
            pass  # it went, or it says what no client of ours says (ValueError: without an end)
        except asyncio.CancelledError:
            pass  # the loop ends; Python up to 3.11 would report that as an error
        finally:
            if client is not None:
                self._clients.discard(client)
            writer.transport.abort()
            self._connections -= 1

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> _Client:
        card = self._lease.card
        if card is None or self._connections > CLIENTS:
            raise ConnectionAbortedError
        nonce = secrets.token_hex(16)
        writer.write(_line({"type": "challenge", "nonce": nonce}))
        hello = load_json(await reader.readline())
        nonces = (nonce, str(hello.get("nonce")))
        if not _proves(hello, card.key, "client", nonces) or self._server is None:
            raise ConnectionAbortedError
        client = _Client(writer, str(hello.get("role")), self._changes)
        key = _proof(card.key, "holder", nonces).decode()
        self._write(client, {"type": "welcome", "key": key, "n": self._changes})
        for message in self.greetings():
            self._write(client, message)
        self._clients.add(client)
        return client

    def _take(self, message: Message) -> None:
        kind, rank = message.get("type"), message.get("rank")
        if kind == "ring":
            self._on_ring()
        elif kind == "answer" and self.on_answer is not None:
            text = message.get("text")
            self.on_answer(str(message.get("id")), text if isinstance(text, str) else None)
        elif kind == "handover" and self._lease.card is not None and isinstance(rank, int):
            if rank > self._lease.card.rank and not self._handing_over:
                self._handing_over = True
                self._on_handover()
        elif kind == "stop":
            self._on_stop()


class Link:
    """One connection to the holder for code that blocks; both ends have proved the key. Raises OSError."""

    def __init__(self, to: Holder, role: str, timeout: float = GREETING) -> None:
        family, _, place = to.address.partition(":")
        if not place:
            raise ConnectionRefusedError("the holder does not listen yet")
        self._buffer = b""
        self._sending = threading.Lock()
        if family == "tcp":
            self._socket = socket.create_connection(("127.0.0.1", int(place)), timeout)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.settimeout(timeout)
            if family != "tcp":
                self._socket.connect(place)
            nonces = (str(self.receive().get("nonce")), secrets.token_hex(16))
            key = _proof(to.key, "client", nonces).decode()
            self.send({"type": "hello", "nonce": nonces[1], "key": key, "role": role})
            welcome = self.receive()
            # Whoever took over the port of a dead holder would be given passwords.
            if not _proves(welcome, to.key, "holder", nonces):
                raise ConnectionAbortedError("who listens there does not know the key")
        except BaseException:
            self._socket.close()
            raise
        self.changes = welcome.get("n")

    def __enter__(self) -> Link:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, message: Message) -> None:
        line = _line(message)
        with self._sending:
            self._socket.sendall(line)

    def receive(self) -> Message:
        """The next message. Raises TimeoutError when none came in time, ConnectionError at the end."""
        while b"\n" not in self._buffer:
            data = self._socket.recv(LINE)
            if not data or len(self._buffer) > LINE:
                raise ConnectionResetError("the holder went away")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        try:
            message: Message = load_json(line)
        except Malformed as error:
            raise ConnectionResetError(str(error)) from error
        return message

    def close(self) -> None:
        """Ends the connection, also under a thread that waits in `receive`."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the other end was quicker
        self._socket.close()


class Client:
    """Stays connected to whoever runs the engine of `home`, on a thread of its own.

    `on` maps a message's type to what is called with it, on that thread, or in `loop` when one is given.
    `changed` is called when a connection begins, too, since anything may have happened before; `lost` when it
    has ended.
    """

    def __init__(
        self,
        home: Path,
        role: str,
        on: dict[str, Callable[[Message], None]],
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._home, self._role, self._loop = home, role, loop
        self.on = on
        self._link: Link | None = None
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="neronet-bell", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def send(self, message: Message) -> bool:
        """Whether `message` went out: False when nobody runs the engine. ValueError: it is too long."""
        link = self._link
        if link is None:
            return False
        try:
            link.send(message)
        except OSError:
            link.close()  # half a message may have gone out
            return False
        return True

    def ring(self) -> bool:
        """Says that something was written for the engine; False when nobody heard it."""
        return self.send({"type": "ring"})

    def close(self) -> None:
        """Ends the connection and the thread."""
        self._closed.set()
        if (link := self._link) is not None:
            link.close()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(GREETING)

    def _run(self) -> None:
        while not self._closed.is_set():
            link = self._connect()
            if link is not None:
                self._listen(link)
            self._closed.wait(_RETRY)

    def _connect(self) -> Link | None:
        try:
            to = holder(self._home)
            return Link(to, self._role) if to is not None and to.here else None
        except (OSError, EngineError):
            return None

    def _listen(self, link: Link) -> None:
        self._link = link
        self._call({"type": "changed", "n": link.changes})
        try:
            while not self._closed.is_set():
                try:
                    self._call(link.receive())
                except TimeoutError:
                    continue
        except OSError:
            pass  # the holder went; another may come
        self._link = None
        link.close()
        self._call({"type": "lost"})

    def _call(self, message: Message) -> None:
        handle = self.on.get(str(message.get("type")))
        try:
            if handle is not None and self._loop is not None:
                self._loop.call_soon_threadsafe(handle, message)
            elif handle is not None:
                handle(message)
        except Exception:  # the caller's mistake must not end the bell for good
            log.exception("what was to be called for %s failed", message.get("type"))
