"""Who runs the engine of a NERONET_HOME.

The truth is an operating-system lock on `engine.lock` that dies with its holder.
`engine.json` beside it says who that is and where its socket listens; it is
believed only while somebody holds the lock.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import socket
import stat
import sys
import tempfile
import time
import weakref
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Literal

from neronet.errors import EngineError
from neronet.store.filesystem import network_file_system
from neronet.wire.frames import Malformed, load_json

Kind = Literal["background", "panel", "notebook", "cli", "script"]
RANKS: dict[str, int] = {"background": 3, "panel": 2, "notebook": 1, "cli": 1, "script": 1}
_WORDS = {
    "background": "the background process",
    "panel": "the panel's kernel",
    "notebook": "a notebook",
    "cli": "a command",
    "script": "a script",
}
_LOCK, _CARD = "engine.lock", "engine.json"
_LOOKS = 0.5  # seconds that a look at the lock may take on a busy machine, see `Lease.acquire`
_GLANCE = 0.002  # seconds
_PATH_LIMIT = 107 if sys.platform == "linux" else 103  # bytes that the address of a Unix socket has room for


@dataclass(frozen=True)
class Holder:
    """The process that runs the engine: what it wrote about itself. `since` is seconds since the epoch;
    `address` is '' until its socket listens; `key` is the secret that both ends of the socket prove."""

    pid: int
    host: str
    kind: str
    rank: int
    since: float
    address: str
    version: str
    key: str = field(repr=False)

    @property
    def here(self) -> bool:
        """Whether it runs on this host."""
        return self.host == socket.gethostname()

    def __str__(self) -> str:
        place = "" if self.here else f" on {self.host}"
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.since))
        return f"{_WORDS.get(self.kind, 'a program')} (process {self.pid}{place}, since {since})"


def default_home() -> Path:
    """The user's Neronet folder: $NERONET_HOME, else ~/.neronet."""
    return Path(os.environ.get("NERONET_HOME") or "~/.neronet").expanduser().absolute()


def holder(home: Path) -> Holder | None:
    """Who runs the engine of `home`, None when nobody does (or it took the lock just now and has not yet
    said who it is). What a dead holder left behind is removed, not believed. Raises EngineError."""
    try:
        card = _read(home)
        if card is None:
            return None
        if not card.here:
            if network_file_system(home):
                return card
            card = replace(card, host=socket.gethostname())  # a laptop's name changes from network to network
        lock = _open_lock(home)
        try:
            # Shared: of two that look at once, neither must take the other one for the holder.
            if not _try_lock(lock, shared=True):
                return card
            # Only whoever has the lock may touch the file. Without this the next holder would be taken for
            # the dead one until it has written its own.
            (home / _CARD).unlink(missing_ok=True)
        finally:
            os.close(lock)
    except OSError as error:
        raise _unusable(home, error) from error
    return None


def read_only(home: Path) -> str:
    """Why this host may only read `home`, as a sentence; '' when it may write.

    Locks of network file systems are not to be relied on between hosts, so the host that the file names keeps
    the home until its engine ends there.
    """
    try:
        card = _read(home)
    except OSError as error:
        raise _unusable(home, error) from error
    if card is None or card.here or not network_file_system(home):
        return ""
    return f"{home} is on a network file system and its engine runs on {card.host}: this host only reads"


class Lease:
    """The right of one process to run the engine of `home`. Not for use by several threads at once."""

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()
        self.card: Holder | None = None  # what we tell others; None: not held
        self._lock: int | None = None

    @property
    def held(self) -> bool:
        return self._lock is not None

    def acquire(self, kind: Kind) -> bool:
        """Takes the lease if it is free, without waiting. False when another process has it, or when this
        host may only read (`read_only` says why). Raises EngineError when the folder cannot be written."""
        if self.held:
            return True
        if holder(self.home) is not None:
            return False
        host, key = socket.gethostname(), secrets.token_hex(32)
        card = Holder(os.getpid(), host, kind, RANKS[kind], time.time(), "", _version(), key)
        try:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            # `holder` in another process has the lock for some microseconds to look: that is no refusal.
            patience = time.monotonic() + _LOOKS
            while not self._take_lock():
                time.sleep(_GLANCE)
                if holder(self.home) is not None or time.monotonic() > patience:
                    return False
            self._write(card)
        except OSError as error:
            self._drop()
            raise _unusable(self.home, error) from error
        return True

    def take(self, kind: Kind, timeout: float = 20.0) -> bool:
        """Like `acquire`, but asks a holder of a lower rank to hand over and waits for it, `timeout` seconds
        at most. False when somebody of the same or a higher rank has it, or did not hand over in time."""
        deadline = time.monotonic() + timeout
        while not self.acquire(kind):
            now = holder(self.home)
            if now is not None and (now.rank >= RANKS[kind] or not now.here):
                return False
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self.request_handover(RANKS[kind], left)
        return True

    def request_handover(self, rank: int, timeout: float = 20.0) -> bool:
        """Asks the holder, if it has a lower rank than `rank`, to hand over between two transactions. True
        when nobody holds the lease any more, False when that did not happen within `timeout` seconds."""
        from neronet.engine.bell import Link  # bell needs this module

        deadline = time.monotonic() + timeout
        while (now := holder(self.home)) is not None:
            left = deadline - time.monotonic()
            if now.rank >= rank or not now.here or left <= 0:
                return False
            try:
                with Link(now, "successor", left) as link:
                    link.send({"type": "handover", "rank": rank})
                    while time.monotonic() < deadline:
                        link.receive()
            except OSError:
                time.sleep(0.01)  # it went, or its socket does not listen yet
        return True

    def publish(self, address: str) -> None:
        """Tells everybody where the holder's socket listens. Raises EngineError."""
        if self.card is None:
            raise EngineError(f"the engine of {self.home} was handed over to another process")
        try:
            self._write(replace(self.card, address=address))
        except OSError as error:
            raise _unusable(self.home, error) from error

    def release(self) -> None:
        """Gives the lease back; nothing happens when it is not held."""
        if not self.held:
            return
        try:
            (self.home / _CARD).unlink(missing_ok=True)
        except OSError:
            pass  # the lock is the truth; nobody believes the file once it is free
        self._drop()

    def _take_lock(self) -> bool:
        lock = _open_lock(self.home)
        try:
            # Where `nerocli clean` removed the file after we opened it, our lock would guard nothing.
            if _try_lock(lock) and os.path.samestat(os.fstat(lock), os.stat(self.home / _LOCK)):
                self._lock, lock = lock, -1
                _leases.add(self)
        except FileNotFoundError:
            pass
        finally:
            if lock >= 0:
                os.close(lock)
        return self.held

    def _write(self, card: Holder) -> None:
        new = self.home / f"{_CARD}.new"  # one name is enough: only the holder writes
        new.unlink(missing_ok=True)
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            json.dump(asdict(card), file)
        os.replace(new, self.home / _CARD)
        self.card = card

    def _drop(self) -> None:
        lock, self._lock, self.card = self._lock, None, None
        _leases.discard(self)
        if lock is not None:
            os.close(lock)


def _drop_in_child() -> None:
    for lease in list(_leases):
        lease._drop()


# A process forked from a notebook has a copy of the descriptor: as long as it lived, the lock would be held
# after its holder's end.
_leases: weakref.WeakSet[Lease] = weakref.WeakSet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drop_in_child)


def _open_lock(home: Path) -> int:
    return os.open(home / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(lock: int, shared: bool = False) -> bool:  # noqa: ARG001  Windows knows no shared ones
        try:
            msvcrt.locking(lock, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

else:
    import fcntl

    def _try_lock(lock: int, shared: bool = False) -> bool:
        try:
            fcntl.flock(lock, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return False
        return True


def _read(home: Path) -> Holder | None:
    """What engine.json says, believed or not; None when there is none that can be understood."""
    try:
        with open(home / _CARD, "rb") as file:
            found = load_json(file.read(65536))
        card = Holder(**{name.name: found[name.name] for name in fields(Holder)})  # a newer one may say more
        texts = (card.host, card.kind, card.address, card.version, card.key)
        good = all(isinstance(text, str) for text in texts) and isinstance(card.since, (int, float))
        return card if good and isinstance(card.pid, int) and isinstance(card.rank, int) else None
    except (FileNotFoundError, NotADirectoryError, Malformed, KeyError):
        return None


def socket_places(home: Path, runtime: str | None, private: Path) -> list[Path]:
    """Where the socket may be, best first: in `home`, in the folder of the login session, in a folder of ours
    among the temporary files; without those whose name is too long for an address."""
    name = f"neronet-{hashlib.sha256(os.fsencode(home)).hexdigest()[:12]}.sock"
    places = [home / "engine.sock", *([Path(runtime) / name] if runtime else []), private / name]
    return [place for place in places if len(os.fsencode(place)) <= _PATH_LIMIT]


def private_socket(home: Path) -> tuple[socket.socket, Path]:
    """A bound Unix socket that only this user can connect to, and its path. Raises EngineError."""
    private = Path(tempfile.gettempdir()) / f"neronet-{os.getuid()}"
    reasons = []
    for path in socket_places(home, os.environ.get("XDG_RUNTIME_DIR"), private):
        listener = socket.socket(socket.AF_UNIX)
        try:
            if path.parent == private:
                private.mkdir(mode=0o700, exist_ok=True)
            if path.parent != home:
                _check_private(path.parent)
            path.unlink(missing_ok=True)  # a dead holder's: we have the lease
            listener.bind(os.fspath(path))
            os.chmod(path, 0o600)  # nobody can connect before it listens
        except OSError as error:  # a file system may have no room for sockets
            listener.close()
            reasons.append(f"{path}: {error.strerror or error}")
            continue
        return listener, path
    raise EngineError(
        f"there is no place for the engine's socket ({'; '.join(reasons) or 'all names are too long'})",
        "let XDG_RUNTIME_DIR or TMPDIR name a folder of yours with a short name",
    )


def _check_private(folder: Path) -> None:
    """Raises PermissionError unless only we can use `folder`: others could put their own socket there."""
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError("it is not a folder that only you can use")


def _version() -> str:
    from importlib import metadata  # 20 ms that only a holder needs

    try:
        return metadata.version("neronet")
    except metadata.PackageNotFoundError:
        return "unknown"


def _unusable(home: Path, error: OSError) -> EngineError:
    return EngineError(
        f"the engine of {home} cannot be looked at or taken: {error.strerror or error}",
        "NERONET_HOME must be a folder that you can write to, on a disk that is not full",
    )
