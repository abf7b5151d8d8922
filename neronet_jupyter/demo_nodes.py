"""Two machines to try Neronet with: real SSH servers inside of this process, as an ordinary user.

They listen on 127.0.0.1 only and let in nobody but the key that is made for them. All that Neronet does over SSH
it does here too: login, host keys, the agent, uploads, runs. Each has a home of its own; the rest is this computer.
"""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import shlex
import shutil
import signal
import sys
import threading
from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import asyncssh

from neronet.api import Neroman
from neronet.errors import InputError
from neronet.spec.writing import written
from neronet.wire import states
from neronet_jupyter.live import forget

FOLDER = Path("~/.neronet-demo")
NAMES = ("lab1", "lab2")
SLOTS = 2
GRACE = 5.0  # seconds that a command may take to end after its connection has
BLOCK = 65536


class DemoNodes:
    """`lab1` and `lab2`, in the group `lab`, and a NERONET_HOME of their own in `folder`; a context manager.

    While it runs, NERONET_HOME of this process is `home`, so magics, widgets and `Neroman()` use it. After a restart
    of the kernel the nodes, with what ran on them, are found again in the same folder. Raises InputError.
    """

    def __init__(self, folder: str | Path = FOLDER) -> None:
        self.folder = Path(folder).expanduser().absolute()
        self.home = self.folder / "home"
        self.servers = [Server(name, self.folder) for name in NAMES]
        self._before = os.environ.get("NERONET_HOME")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="neronet-demo-nodes", daemon=True)

    def start(self) -> DemoNodes:
        """Returns when they answer."""
        if os.name != "posix":
            raise InputError(
                "these nodes need a computer with /bin/sh", "add a node of your own: %nero addnode"
            )
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = _key(self.folder / "key")
        self._thread.start()
        for server in self.servers:
            self._do(server.start(key))
        (self.folder / "known_hosts").write_text("".join(server.known_host() for server in self.servers))
        (self.home / "nodes.yaml").write_text(self._nodes())
        os.environ["NERONET_HOME"] = str(self.home)
        return self

    def stop(self) -> None:
        """The servers are gone, with what runs for a connection; everything else stays for the next `start`."""
        if self._thread.is_alive():
            for server in self.servers:
                self._do(server.stop())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
        if self._before is None:
            os.environ.pop("NERONET_HOME", None)
        else:
            os.environ["NERONET_HOME"] = self._before

    def remove(self) -> None:
        """Ends all runs, the engine and the servers, and removes the folder: nothing is left of the demo."""
        with Neroman(self.home, background=True) as neroman:
            opened = [run.number for run in neroman.runs() if run.state in states.OPEN]
            if opened:
                neroman.terminate(opened).wait(GRACE * 2)
            forget(self.home)
            neroman.stop_engine()
        self.stop()
        shutil.rmtree(self.folder)

    def __enter__(self) -> DemoNodes:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    def __repr__(self) -> str:
        return "\n".join(f"{server.name}  {server.address}" for server in self.servers)

    def _do(self, work: Awaitable[None]) -> None:
        asyncio.run_coroutine_threadsafe(_awaited(work), self._loop).result(30)

    def _nodes(self) -> str:
        login = written(
            {"identity_file": str(self.folder / "key"), "known_hosts": str(self.folder / "known_hosts")}
        )
        lines = [
            "# Written by the demo: two SSH servers inside of a notebook's kernel, and this computer.",
            "nodes:",
        ]
        for server in self.servers:
            lines += [
                f"  {server.name}:",
                f"    ssh_address: {server.address}",
                f"    slots: {SLOTS}",
                f"    ssh_options: {login}",
            ]
        lines += [
            "  local:",
            "    type: local",
            f"    slots: {SLOTS}",
            f"groups: {{lab: [{', '.join(NAMES)}]}}",
            "default_node: lab",
        ]
        return "\n".join(lines) + "\n"


class Server:
    """One SSH server. Its methods belong to the demo's event loop."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.home, self._folder = name, folder / name, folder
        self.port = 0
        self._listener: asyncssh.SSHAcceptor | None = None
        self._connections: set[asyncssh.SSHServerConnection] = set()
        self._commands: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        return f"{getpass.getuser()}@127.0.0.1:{self.port}"

    def known_host(self) -> str:
        key = (self._folder / f"{self.name}_host_key.pub").read_text().split()
        return f"[127.0.0.1]:{self.port} {key[0]} {key[1]}\n"

    async def start(self, key: Path) -> None:
        """Listens where it listened the last time, if nobody else does now."""
        self.home.mkdir(mode=0o700, exist_ok=True)
        for profile in (".profile", ".zprofile"):  # the login shell's; runs get this Python as python3
            (self.home / profile).write_text(f"export PATH={shlex.quote(_path())}\n")
        self.port = await self._listen(
            key, _recall(self._port_file), _key(self._folder / f"{self.name}_host_key")
        )
        self._port_file.write_text(json.dumps(self.port))

    @property
    def _port_file(self) -> Path:
        return self._folder / f"{self.name}_port"

    async def _listen(self, key: Path, port: int, host_key: Path) -> int:
        for wished in dict.fromkeys((port, 0)):
            try:
                self._listener = await asyncssh.create_server(
                    lambda: _Guest(self._connections), "127.0.0.1", wished, server_host_keys=[str(host_key)],
                    authorized_client_keys=str(key.with_suffix(".pub")), password_auth=False, kbdint_auth=False,
                    process_factory=self._serve, encoding=None, line_editor=False, allow_pty=False, config=None,
                )  # fmt: skip
            except OSError:
                if wished == 0:
                    raise
                continue
            return self._listener.get_port()
        raise AssertionError("port 0 is always tried")

    async def stop(self) -> None:
        if self._listener is not None:
            self._listener.close()
            await self._listener.wait_closed()
        for connection in list(self._connections):
            connection.abort()
        if self._commands:
            await asyncio.wait(self._commands)

    async def _serve(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        task = asyncio.ensure_future(self._run(process))
        self._commands.add(task)
        task.add_done_callback(self._commands.discard)
        await asyncio.wait([task])

    async def _run(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        """A command as sshd runs it: in the user's shell and home."""
        environment = {
            name: os.environ[name] for name in ("USER", "LOGNAME", "LANG", "TZ") if name in os.environ
        }
        command = await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", process.command or "exit 0",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={**environment, "HOME": str(self.home), "PATH": _path(), "SHELL": "/bin/sh"},
            cwd=self.home, start_new_session=True, limit=BLOCK,
        )  # fmt: skip
        assert command.stdin and command.stdout and command.stderr
        # Moved by hand: asyncssh's own redirection lost the connection after the second command.
        incoming = asyncio.ensure_future(_into(process.stdin, command.stdin))
        outgoing = [
            asyncio.ensure_future(_out_of(command.stdout, process.stdout)),
            asyncio.ensure_future(_out_of(command.stderr, process.stderr)),
        ]
        ended = asyncio.ensure_future(command.wait())
        gone = asyncio.ensure_future(process.channel.wait_closed())
        await asyncio.wait([ended, gone], return_when=asyncio.FIRST_COMPLETED)
        try:  # what it still says when it has ended, or what it still does when nobody listens
            await asyncio.wait_for(asyncio.gather(ended, *outgoing), GRACE)
        except asyncio.TimeoutError:
            with suppress(ProcessLookupError):
                os.killpg(command.pid, signal.SIGKILL)
            await ended
        finally:
            for pump in (incoming, gone, *outgoing):
                pump.cancel()
        status = command.returncode or 0
        with suppress(asyncssh.Error, OSError):
            if status < 0:
                process.exit_with_signal(signal.Signals(-status).name.removeprefix("SIG"))
            else:
                process.exit(status)


class _Guest(asyncssh.SSHServer):
    """Knows its connection, so that the server can end it."""

    def __init__(self, connections: set[asyncssh.SSHServerConnection]) -> None:
        self._connections = connections

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._connections.discard(self._connection)


async def _into(source: Any, sink: asyncio.StreamWriter) -> None:
    """Until the client says that no more comes, or is gone."""
    with suppress(asyncssh.Error, OSError):
        while data := await source.read(BLOCK):
            sink.write(data)
            await sink.drain()
    with suppress(OSError):
        sink.close()


async def _out_of(source: asyncio.StreamReader, sink: Any) -> None:
    while data := await source.read(BLOCK):
        with suppress(asyncssh.Error, OSError):  # nobody listens: read on, so that the command can end
            sink.write(data)
            await sink.drain()


async def _awaited(work: Awaitable[None]) -> None:
    await work


def _key(path: Path) -> Path:
    """A private key and its public one beside it; made once."""
    if not path.exists():
        key = asyncssh.generate_private_key("ssh-ed25519")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(key.export_private_key())
        path.with_suffix(".pub").write_bytes(key.export_public_key())
    return path


def _recall(path: Path) -> int:
    try:
        return int(json.loads(path.read_text()))
    except (OSError, ValueError):
        return 0


def _path() -> str:
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
