"""What Neromum sends: journals, logs, outputs and stored files, each from the offset that was asked for.

Nothing is kept but offsets.  A source that may have more waits in line; it is
read when the channel has room, one part at a time.
"""

import collections
import os
import time

from neronet.node import fresh
from neronet.node.busy import Busy
from neronet.node.inotify import POLL, SAFETY, Watch
from neronet.node.runs import Batch
from neronet.node.streams import Growing
from neronet.wire.frames import MAX_PAYLOAD
from neronet.wire.messages import MAX_PART

TRIES = 30  # looks in a row, one a second, that may fail before a growing file is given up


class Feeds(object):
    def __init__(self, root):
        self.root = root
        self.watch = Watch()
        self._sources = {}  # key -> Source
        self._line = collections.deque()  # keys of sources that may have something
        self._waiting = set()  # the same, to find doubles
        self._by_folder = {}  # watched folder -> keys
        self._busy = Busy(self.watch)
        self._syncs = collections.deque()
        self._looked, self._rest = 0.0, 0.0  # when everything was looked at; seconds until that is due again

    # -- what the other side asks for

    def follow(self, token, offsets):
        folder = os.path.join(self.root.batch(token), "kids")
        if not os.path.isdir(folder):
            raise FileNotFoundError("these runs are no longer on the node: %s is gone" % folder)
        self._add(("journal", token), Journals(token, folder, offsets), folder)

    def unfollow(self, token):
        for key in [key for key in self._sources if key[1] == token]:
            self._drop(key)

    def log(self, wish):
        key = ("log", wish["token"], wish["index"], wish["attempt"], wish["stream"])
        attempt = self._attempt(wish)
        # A growing log is watched; one with a known end is only read to it.
        self._add(key, Log(wish, attempt.stream(wish["stream"])), attempt.path if wish["until"] < 0 else None)

    def output(self, wish):
        key = ("output", wish["token"], wish["index"], wish["attempt"], wish["path"])
        self._add(key, Output(wish, self._attempt(wish).file("work")), None)

    def read(self, wish):
        paths = {
            "batch": lambda key: os.path.join(self.root.batch(key), "batch.json"),
            "runs": lambda key: os.path.join(self.root.batch(key), "runs.jsonl"),
            "content": self.root.content,
        }
        path = paths[wish["what"]](wish["key"]) if wish["what"] in paths and wish["key"].isalnum() else ""
        self._add(("content", wish["what"], wish["key"]), Stored(wish, path), None)

    def sync(self, number):
        """Answered in `next` once every source has been sent up to the size that it has now."""
        for key, source in self._sources.items():
            source.hint(None)
            self._queue(key)
        self._syncs.append((number, {key: source.target() for key, source in self._sources.items()}))

    # -- the loop's side

    def look(self, woken, now):
        """Puts in line what may have grown: what the watch says, everything now and then."""
        changed = self.watch.take() if woken else {}
        self._look_at_busy(now)
        if changed is None or now - self._looked >= self._rest:
            for key, source in self._sources.items():
                if source.grows:
                    source.hint(None)
                    self._queue(key)
                    if source.folder is not None:
                        self.watch.add(source.folder)  # it may not have been there before
            # A tenth of the time at most: where others' files are asked for over a network, that may take long.
            self._looked = time.monotonic()
            self._rest = max(SAFETY if self.watch.works else POLL, 9 * (self._looked - now))
            return
        for folder, names in changed.items():
            keys = [key for key in self._by_folder.get(folder, ()) if self._sources[key].hint(names)]
            for key in keys:
                self._queue(key)
            if keys and keys[0][0] == "log":
                self._busy.told(folder, self._read(folder), now)

    def _look_at_busy(self, now):
        for folder in self._busy.due(now):
            keys = self._by_folder[folder]
            self._busy.looked(folder, self._read(folder), now)
            for key in keys:
                self._queue(key)

    def _read(self, folder):
        """How much of the logs in a folder has been read."""
        return sum(self._sources[key].position for key in self._by_folder[folder])

    def patience(self, now):
        """Seconds until `look` has something to do without being woken."""
        if not self._sources:
            return 5.0
        return min(self._busy.patience(now), max(0.0, self._looked + self._rest - now))

    def ready(self):
        return bool(self._line)

    def next(self):
        """The next (message, payload) to send, or None when there is nothing now."""
        while True:
            # First: a program that never stops printing must not hold up whoever waits for what was there before.
            if self._syncs and not self._behind():
                return {"m": "synced", "id": self._syncs.popleft()[0]}, None
            if not self._line:
                return None
            key = self._line.popleft()
            self._waiting.discard(key)
            source = self._sources.get(key)
            try:
                found = source.next() if source is not None else None
                if source is not None:
                    source.failures = 0
            except (OSError, ValueError) as error:
                if source.grows and source.failures < TRIES:  # a network file system may fail for a moment
                    source.failures += 1
                    source.close()
                    continue
                self._drop(key)
                return {"m": "error", "about": "%s %s" % key[:2], "text": str(error), "hint": ""}, None
            if found is None:
                continue
            if source.finished:
                self._drop(key)
            else:
                self._queue(key)
            return found

    def _behind(self):
        targets = self._syncs[0][1]
        return [
            key
            for key, size in targets.items()
            if key in self._sources and not self._sources[key].reached(size)
        ]

    def _attempt(self, wish):
        return Batch(self.root, wish["token"]).attempt(wish["index"], wish["attempt"])

    def _add(self, key, source, folder):
        self._drop(key)
        self._sources[key] = source
        if folder is not None:
            source.folder = folder
            self._by_folder.setdefault(folder, set()).add(key)
            self.watch.add(folder)
        self._queue(key)

    def _queue(self, key):
        if key not in self._waiting:
            self._waiting.add(key)
            # Journals tell states and points: they overtake logs and files.
            (self._line.appendleft if key[0] == "journal" else self._line.append)(key)

    def _drop(self, key):
        source = self._sources.pop(key, None)
        if source is not None and source.folder is not None:
            keys = self._by_folder[source.folder]
            keys.discard(key)
            if not keys:
                del self._by_folder[source.folder]
                self._busy.forget(source.folder)
                self.watch.remove(source.folder)
        if source is not None:
            source.close()


class Source(object):
    """Something that is sent in parts."""

    folder = None  # watched for it
    grows = False  # may have more later
    finished = False
    failures = 0  # in a row

    def next(self):
        raise NotImplementedError

    def hint(self, names):
        """Whether a change of these files (None: of any, on any machine) in its folder may mean more to send."""
        return True

    def target(self):
        """What there is now, for `reached`."""
        return

    def reached(self, target):
        return True

    def close(self):
        pass


class Journals(Source):
    """All journals of a batch, whole records only."""

    grows = True

    def __init__(self, token, folder, offsets):
        self.token, self._path, self._offsets = token, folder, dict(offsets)
        self._changed = None  # names that may have more; None: all
        self._stuck = {}
        self._refresh()

    def hint(self, names):
        if names is None:
            self._refresh()
        self._changed = None if names is None or self._changed is None else self._changed | names
        return True

    def _refresh(self):
        for name in fresh.names(self._path):
            fresh.refresh(os.path.join(self._path, name))

    def target(self):
        return self._sizes(None)

    def reached(self, target):
        # A torn last record is never sent, however long one waits; where the disk is full it is taken back.
        return all(
            self._offsets.get(name, 0) >= min(size, target.get(name, 0)) or self._stuck.get(name) == size
            for name, size in self._sizes(target).items()
        )

    def _sizes(self, names):
        """{name: size} of these journals (None: of all), in the order in which they are to be sent."""
        try:
            if names is None:
                names = [name for name in os.listdir(self._path) if name.endswith(".log")]
            known = [(os.stat(os.path.join(self._path, name)), name) for name in names]
        except FileNotFoundError:
            return {}
        # The journal of a dead watcher goes before that of the one who took over: points keep their order.
        known.sort(key=lambda item: item[0].st_mtime_ns)
        return collections.OrderedDict((name, status.st_size) for status, name in known)

    def next(self):
        sizes = self._sizes(self._changed)
        self._changed = set(sizes)
        for name, size in sizes.items():
            offset = self._offsets.get(name, 0)
            reset = size < offset
            if reset:
                offset = 0
            if size == offset or self._stuck.get(name) == size:
                self._changed.discard(name)
                continue
            data = read_now(os.path.join(self._path, name), offset, MAX_PAYLOAD)
            if offset + len(data) >= size:
                self._changed.discard(name)  # what comes now gives another hint
            data = data[: data.rfind(b"\n") + 1]
            self._stuck[name] = size if not data else None
            if not data and not reset:
                self._changed.discard(name)
                continue
            self._offsets[name] = offset + len(data)
            return {"m": "journal", "token": self.token, "name": name, "offset": offset, "reset": reset}, data
        return None


class Log(Source):
    """One stream of an attempt, as it grows or up to a known size."""

    def __init__(self, wish, path):
        self._file, self._until = Growing(path, wish["offset"]), wish["until"]
        fresh.refresh(path)
        self.grows = self._until < 0
        self._head = {"m": "log"}
        self._head.update((field, wish[field]) for field in ("token", "index", "attempt", "stream"))

    @property
    def position(self):
        """How far it has been read."""
        return self._file.position

    def hint(self, names):
        if names is None:
            fresh.refresh(self._file.path)
        return names is None or os.path.basename(self._file.path) in names

    def target(self):
        return self._file.size()

    def reached(self, target):
        return self.finished or self._file.position >= min(target, self._file.size())

    def next(self):
        offset = self._file.position
        room = MAX_PART if self.grows else min(MAX_PART, self._until - offset)
        try:
            data, reset = self._file.read(room) if room > 0 else (b"", False)
        except FileNotFoundError:
            data, reset = b"", False
        self.finished = not self.grows and (not data or self._file.position >= self._until)
        if not data and not self.finished and not reset:
            return None
        return dict(self._head, offset=0 if reset else offset, reset=reset, end=self.finished), data

    def close(self):
        self._file.close()


class Output(Source):
    """One file below work/, once; never through a link that leads elsewhere."""

    def __init__(self, wish, work):
        self._head = {"m": "output"}
        self._head.update((field, wish[field]) for field in ("token", "index", "attempt", "path"))
        self._offset, self._work, self._path = wish["offset"], work, wish["path"]

    def next(self):
        path = os.path.realpath(os.path.join(self._work, self._path))
        data = b""
        if path.startswith(os.path.realpath(self._work) + os.sep):
            fresh.refresh(path)
            data = read_part(path, self._offset)
        message = dict(self._head, offset=self._offset, end=len(data) < MAX_PART)
        self._offset += len(data)
        self.finished = message["end"]
        return message, data


class Stored(Source):
    """A file of the agent's own: a batch, its runs, a content."""

    def __init__(self, wish, path):
        self._head = {"m": "content", "what": wish["what"], "key": wish["key"]}
        self._path, self._offset = path, wish["offset"]

    def next(self):
        data = read_part(self._path, self._offset)
        message = dict(self._head, offset=self._offset, end=len(data) < MAX_PART)
        self._offset += len(data)
        self.finished = message["end"]
        return message, data


def read_part(path, offset):
    """At most MAX_PART bytes of a file from `offset`; none when it cannot be read."""
    try:
        return read_now(path, offset, MAX_PART)
    except OSError:
        return b""


def read_now(path, offset, size):
    """At most `size` bytes of a file from `offset`; raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        return os.pread(fd, size, offset)
    finally:
        os.close(fd)
