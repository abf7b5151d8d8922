"""What is taken on this host, and the lock under which a run is chosen.

`hosts/<host>/open/` holds one small file per open attempt: what it takes.  It
is made before the attempt is claimed and removed after its end is recorded, so
the files are always a superset of the open attempts; what is left over after a
kill is recognised by looking at the attempt itself.
"""

import contextlib
import fcntl
import hashlib
import json
import os

from neronet.node import facts
from neronet.node.runs import Batch, make_private, read_json


class Host(object):
    def __init__(self, root, here):
        self.root, self.here = root, here
        self._open = make_private(os.path.join(root.host(here.host), "open"))
        self._lock = self._lock_path()
        self._batches = {}

    def _lock_path(self):
        # A lock on a network file system may outlive its holder or hang, so there it lies on a local one.
        if not facts.on_network(self.root.path):
            return os.path.join(self.root.host(self.here.host), "lock")
        name = hashlib.sha256(self.root.path.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        return "/tmp/.neronet-%d-%s.lock" % (os.getuid(), name)

    @contextlib.contextmanager
    def locked(self):
        fd = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def batch(self, token):
        """The batch of this token, read once; raises FileNotFoundError when it is gone."""
        if token not in self._batches:
            self._batches[token] = Batch(self.root, token)
        return self._batches[token]

    def forget(self, token):
        self._batches.pop(token, None)

    def take(self, attempt, taken):
        path = os.path.join(self._open, attempt.mark)
        with open(path, "w", encoding="ascii") as file:
            json.dump(dict(taken, place=attempt.batch.place), file)

    def give_back(self, attempt):
        try:
            os.unlink(os.path.join(self._open, attempt.mark))
        except FileNotFoundError:
            pass

    def open_attempts(self):
        """[(attempt, what it takes), ...] of this host; leftovers of attempts that are gone are removed.

        Call it under the lock.
        """
        found = []
        for mark in os.listdir(self._open):
            path = os.path.join(self._open, mark)
            token, index, number = mark.split(".")
            try:
                attempt = self.batch(token).attempt(int(index), int(number))
                taken = read_json(path, {})
                # Nobody holds the lock but us: a mark without its attempt was left by a kill before the claim.
                if not attempt.exists():
                    raise FileNotFoundError(mark)
            except (FileNotFoundError, ValueError):
                self.forget(token)
                os.unlink(path)
                continue
            found.append((attempt, taken))
        return found

    def unwatched(self, opened):
        """The first of these attempts whose watcher is dead, as (attempt, n of that watcher), or None."""
        for attempt, _taken in opened:
            n, identity = attempt.watcher()
            if not identity or self.here.judge(identity) == "dead":
                return attempt, n
        return None


