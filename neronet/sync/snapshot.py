"""A snapshot: the folder of an experiment as it is at this moment, kept in the user's home.

Files up to 10 MiB are copied into `<home>/files/<sha256>`, so that later edits
never reach runs that wait; larger ones are known by their hash and compared when
they are sent.  The copies are not flushed to disk one by one (a thousand flushes
take seconds): each is verified against its hash when it is sent.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, overload

from neronet.errors import InputError, NeronetError, StoreError
from neronet.sync.collect import Found, collect, unreadable
from neronet.sync.manifest import Entry, build, parse, tree_hash
from neronet.wire.frames import Malformed

if TYPE_CHECKING:
    from neronet.spec.experiment import Experiment

WHOLE = 10 * 1024 * 1024  # bytes up to which a file's content is kept
RESERVE = 64 * 1024 * 1024  # bytes that stay free for everything else in the home
_TRIES = 3
_AGAIN = "Submit these runs again."
_BLOCK = 1024 * 1024
_OPEN = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOFOLLOW", 0)  # what was a file a moment ago may be a link now,
    | getattr(os, "O_NONBLOCK", 0)  # or a pipe, which would wait for ever
)

Progress = Callable[[int, int, int], None]  # bytes done, bytes in all, files done


class HashCache(Protocol):
    """Hashes that were computed before; a key names a file in one state, so an entry never becomes wrong."""

    def get_many(self, keys: Iterable[str]) -> Mapping[str, str]:
        """The sha256 of each of these keys that is known."""

    def put_many(self, hashes: Mapping[str, str]) -> None:
        """Remembers the sha256 of each key."""


@dataclass(frozen=True, slots=True)
class Content:
    """One content and where it can be read; `size` in bytes; `name` is for messages."""

    sha: str
    size: int
    path: Path
    name: str


class Contents(Sequence[Content]):
    """The contents of files. Each is made when it is asked for: of an unchanged folder none is, and a thousand paths
    cost as much as a look at a thousand files."""

    def __init__(self, entries: Iterable[Entry], store: Path, folder: Path) -> None:
        self._store, self._folder = store, folder
        distinct: dict[str, Entry] = {}
        for entry in entries:
            if entry.kind == "f":
                distinct.setdefault(entry.sha, entry)
        self._entries = list(distinct.values())
        self.size = sum(entry.size for entry in self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Contents) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(tuple(entry.sha for entry in self._entries))

    @overload
    def __getitem__(self, index: int) -> Content: ...
    @overload
    def __getitem__(self, index: slice) -> list[Content]: ...
    def __getitem__(self, index: int | slice) -> Content | list[Content]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        entry = self._entries[index]
        path = self._store / entry.sha if entry.size <= WHOLE else self._folder / entry.path
        return Content(entry.sha, entry.size, path, entry.path)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A folder, ready to be sent: `manifest` in bytes and as a content of its own (`head`), `files` with each
    other content once, `size` of these together in bytes, `notes` for the user."""

    head: Content
    manifest: bytes
    files: Sequence[Content]
    size: int
    notes: tuple[str, ...] = ()

    @property
    def manifest_sha(self) -> str:
        return self.head.sha


def take(
    folder: Path, experiment: Experiment, home: Path, hashes: HashCache, progress: Progress | None = None
) -> Snapshot:
    """The snapshot of what a run of `experiment` gets from `folder`.

    Raises InputError when the folder cannot be sent as it is (a named file is missing, a link leaves it, a
    file keeps changing) and NeronetError when `home` cannot take the copies.
    """
    return _look(folder, experiment, home, hashes, progress, kept=True)


def survey(folder: Path, experiment: Experiment, home: Path, hashes: HashCache) -> Snapshot:
    """What `take` would give, without a copy of anything: it can be looked at and not be sent.

    A file that has not changed since it was last read is not read again. Raises as `take` does.
    """
    return _look(folder, experiment, home, hashes, None, kept=False)


def _look(
    folder: Path, experiment: Experiment, home: Path, hashes: HashCache, progress: Progress | None, kept: bool
) -> Snapshot:
    folder = Path(os.path.abspath(folder))
    collection = collect(folder, experiment, home)
    store = _store(home) if kept else None
    keys = {found.path: _key(found.stat) for found in collection.found if found.stat}
    known = hashes.get_many(keys.values())
    entries: list[Entry] = []
    unread: list[tuple[Found, int]] = []
    for found in collection.found:
        if found.stat is None:
            entries.append(Entry(found.path, found.kind, target=found.target))
            continue
        sha, size = known.get(keys[found.path], ""), found.stat.st_size
        if sha and (store is None or size > WHOLE or _holds(store, sha, size)):
            entries.append(_file(found.path, sha, found.stat))
        else:
            unread.append((found, size))
    entries += _read_all(unread, folder, store, hashes, progress)
    entries.sort(key=lambda entry: entry.path)
    try:
        data = build(entries)
    except Malformed as error:
        raise InputError(f"{folder} cannot be sent: {error}", "Name it in .neroignore.") from error
    sha = tree_hash(data)
    if store is not None:
        _put(store, sha, data)
    head = Content(sha, len(data), home / "files" / sha, "manifest")
    return _snapshot(head, data, entries, folder, collection.notes)


def keep(home: Path, data: bytes, name: str) -> Content:
    """These bytes, kept in `home` as a content that can be sent."""
    store = _store(home)
    sha = tree_hash(data)
    _put(store, sha, data)
    return Content(sha, len(data), store / sha, name)


def load(home: Path, manifest_sha: str, folder: Path) -> Snapshot:
    """A snapshot that was taken before (without its notes); raises StoreError when it is gone or damaged."""
    path = home / "files" / manifest_sha
    try:
        data = path.read_bytes()
        entries = parse(data)
    except (OSError, Malformed) as error:
        raise StoreError(f"{path}: this snapshot is gone or damaged: {error}", _AGAIN) from error
    if tree_hash(data) != manifest_sha:
        raise StoreError(f"{path}: this snapshot was changed", _AGAIN)
    head = Content(manifest_sha, len(data), path, "manifest")
    return _snapshot(head, data, entries, Path(os.path.abspath(folder)), ())


def _snapshot(
    head: Content, data: bytes, entries: Iterable[Entry], folder: Path, notes: tuple[str, ...]
) -> Snapshot:
    files = Contents(entries, head.path.parent, folder)
    return Snapshot(head, data, files, files.size, notes)


def _read_all(
    unread: list[tuple[Found, int]],
    folder: Path,
    store: Path | None,
    hashes: HashCache,
    progress: Progress | None,
) -> list[Entry]:
    """The entries of files whose hash is not known yet; the small ones are copied into `store` on the way."""
    if store is not None:
        _check_room(store, sum(size for _, size in unread if size <= WHOLE))
    entries: list[Entry] = []
    fresh: dict[str, str] = {}
    done, total = 0, sum(size for _, size in unread)
    for found, size in unread:
        sha, status = _read(found.source or folder / found.path, store)
        entries.append(_file(found.path, sha, status))
        if is_settled(max(status.st_mtime_ns, status.st_ctime_ns), time.time_ns()):
            fresh[_key(status)] = sha
        done += size
        if progress is not None:
            progress(done, total, len(entries))
    if fresh:
        hashes.put_many(fresh)
    return entries


def _file(path: str, sha: str, status: os.stat_result) -> Entry:
    return Entry(path, "f", bool(status.st_mode & stat.S_IXUSR), sha, status.st_size)


def _key(status: os.stat_result) -> str:
    """Names a file in one state: any write moves its times."""
    return f"{status.st_dev}:{status.st_ino}:{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}"


def is_settled(changed: int, now: int) -> bool:
    """Whether a write from `now` on is sure to move the times of a file that last changed then (both in ns).

    File systems count in ticks of up to 10 ms, a few old ones in whole seconds, or in two of them.
    """
    tick = 2_000_000_000 if changed % 1_000_000_000 == 0 else 100_000_000
    return now - changed > tick


def _read(place: Path, store: Path | None) -> tuple[str, os.stat_result]:
    """Hash and state of a file that did not change while it was read."""
    for _ in range(_TRIES):
        try:
            with open(os.open(place, _OPEN), "rb", buffering=0) as file:
                before = os.fstat(file.fileno())
                data = file.read(before.st_size + 1) if before.st_size <= WHOLE else None
                sha, size = _hash(file) if data is None else (hashlib.sha256(data).hexdigest(), len(data))
                after = os.fstat(file.fileno())
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ELOOP, errno.ENXIO):
                continue  # somebody is just replacing it
            raise unreadable(place, error) from error
        if stat.S_ISREG(after.st_mode) and size == after.st_size and _key(before) == _key(after):
            if data is not None and store is not None:
                _put(store, sha, data)
            return sha, after
    raise InputError(
        f"{place} changed each time it was read",
        "Submit again when nothing writes to it, or name it in .neroignore if runs do not need it.",
    )


def _hash(file: BinaryIO) -> tuple[str, int]:
    digest = hashlib.sha256()
    size = 0
    while block := file.read(_BLOCK):
        digest.update(block)
        size += len(block)
    return digest.hexdigest(), size


def _store(home: Path) -> Path:
    """The folder of kept contents, made when it is not there."""
    store = home / "files"
    with _said_plainly(store):
        store.mkdir(mode=0o700, parents=True, exist_ok=True)
    return store


def _check_room(store: Path, needed: int) -> None:
    free = shutil.disk_usage(store).free
    if needed and free < needed + RESERVE:
        raise NeronetError(
            f"{store} has no room for a copy of the folder: "
            f"{needed >> 20} MiB are needed, {free >> 20} MiB are free",
            "Make room, or leave out what runs do not need: name it in .neroignore.",
        )


def _holds(store: Path, sha: str, size: int) -> bool:
    try:
        return os.stat(f"{store}/{sha}").st_size == size
    except OSError:
        return False


def _put(store: Path, sha: str, data: bytes) -> None:
    if _holds(store, sha, len(data)):
        return
    with _said_plainly(store):
        descriptor, part = tempfile.mkstemp(dir=store, prefix=".")  # of mode 0600
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
            os.replace(part, store / sha)
        except BaseException:
            os.unlink(part)
            raise


@contextmanager
def _said_plainly(store: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NeronetError(
            f"cannot write to {store}: {error.strerror}",
            "Make room there, or set NERONET_HOME to a folder that can be written.",
        ) from error
