"""What is taken on this host, and the lock under which a run is chosen.

`hosts/<host>/open/` holds one small file per open attempt: what it takes.  It
is made before the attempt is claimed and removed after its end is recorded, so
the files are always a superset of the open attempts; what is left over after a
kill is recognised by looking at the attempt itself.
"""

import binascii
import contextlib
import fcntl
import json
import os
import time

from neronet.node import choose, procs, wrapper
from neronet.node.files import make_private, read_json, remove
from neronet.node.runs import Batch, parse_mark

DEATHS, DEATH_SPAN = 3, 60.0  # so many watchers dead within so many seconds: the run goes on unwatched
NOTHING = {"cpus": 0, "gpus": [], "memory": 0}  # a share


def lock_path(root, folder, name=""):
    """Where the lock of a folder below the root lies."""
    # A lock on a network file system may outlive its holder or hang, so it lies on a local one.
    if root.local:
        return os.path.join(folder, "lock")
    return "/tmp/.neronet-%d-%08x%s.lock" % (
        os.getuid(),
        binascii.crc32(os.fsencode(root.path)) & 0xFFFFFFFF,
        name,
    )


class Host(object):
    def __init__(self, root, here, name=None):
        """name: the folder in which it keeps what is taken, if that is not this host's."""
        self.root, self.here = root, here
        self.name = name or here.host
        self._open = make_private(os.path.join(make_private(root.host(self.name)), "open"))
        self._lock = lock_path(root, root.host(self.name))
        self._batches = {}
        self._opened = {}  # name of a file in open/ -> (attempt, what it takes): that never changes
        self.claim_facts = {}  # more that a claim is to say
        self.variables = {}  # more of what a program gets
        self._cursors = {}  # token -> the first index that may be unclaimed
        self._wake_lines = {}  # place -> line

    @contextlib.contextmanager
    def locked(self):
        fd = self._open_lock("")
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def sole_waiter(self):
        """A descriptor that makes this process the one that waits here for what others use, or None.

        It is so until the descriptor is closed.
        """
        fd = self._open_lock(".waiter")
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
        return fd

    def _open_lock(self, kind):
        return os.open(self._lock + kind, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def wake_line(self, place):
        """What a wrapper runs whose kid is dead when the program ends."""
        if place not in self._wake_lines:
            again = procs.agent_argv("nerokid", self.root.path, place)
            self._wake_lines[place] = " ".join(map(wrapper.quote, again)) + " </dev/null >/dev/null 2>&1 &"
        return self._wake_lines[place]

    def batch(self, token):
        """The batch of this token, read once; raises FileNotFoundError when it is gone."""
        if token not in self._batches:
            self._batches[token] = Batch(self.root, token)
        return self._batches[token]

    def forget(self, token):
        self._batches.pop(token, None)
        self._cursors.pop(token, None)

    def waiting(self):
        """Batches with runs that nobody has claimed."""
        found = []
        for token in self.root.tokens():
            # Looked at before anything of it is read: an old home has thousands of batches that are all claimed.
            if not self.root.all_claimed(token):
                try:
                    found.append(self.batch(token))
                except (FileNotFoundError, ValueError):
                    continue  # deleted, or damaged by a power cut
        return found

    def candidates(self, place, taken, limits, busy=()):
        """(attempt, need, gpus) of every run of a place that may start now, best first."""
        for batch in choose.order([batch for batch in self.waiting() if batch.place == place]):
            need = choose.needs(batch.spec, limits)
            gpus = choose.fits(need, taken, limits, busy)
            if gpus is None:
                continue
            try:
                for index in self._unclaimed(batch):
                    if batch.startable(index):
                        yield batch.attempt(index, 1), need, gpus
            except FileNotFoundError:
                self.forget(batch.token)  # deleted meanwhile

    def _unclaimed(self, batch, first=0):
        """Indices of its runs that nobody has claimed, held ones too, from `first` on round to it."""
        found = False
        start, end = self._cursors.get(batch.token, 0), len(batch)
        first = max(start, min(first, end))
        for index in list(range(first, end)) + list(range(start, first)):
            if not batch.attempt(index, 1).exists():
                if not found and first == start:
                    self._cursors[batch.token] = index
                found = True
                yield index
        if not found:
            # For good: nobody needs to look at its runs one by one again.
            self.root.all_claimed(batch.token, now=True)

    def why_waiting(self, place, limits):
        """{token: why} of the batches of a place with runs that wait for more than a free place."""
        found = {}
        for batch in self.waiting():
            if batch.place != place:
                continue
            try:
                first = next(self._unclaimed(batch), None)
            except FileNotFoundError:
                self.forget(batch.token)  # deleted meanwhile
                continue
            if first is None:
                continue
            why = choose.never_fits(choose.needs(batch.spec, limits), limits)
            if not why and not batch.startable(first) and batch.after.blocks():
                why = batch.after.why()
            if why:
                found[batch.token] = why
        return found

    def work_for(self, place, limits, busy=(), most=2):
        """How many kids of this place would find something if they started now: a run to start, or one to adopt."""
        with self.locked():
            opened = self.open_attempts()
            mine = [item for item in opened if item[1].get("place") == place]
            count = sum(1 for _ in self.orphans(mine))
            taken = [share for _, share in opened]
            for _attempt, need, _gpus in self.candidates(place, taken, limits, busy):
                gpus = choose.fits(need, taken, limits, busy)
                if gpus is None or count >= most:
                    break
                taken.append(dict(need, gpus=gpus))
                count += 1
        return min(count, most)

    def take(self, attempt, share, done=None):
        """Notes what an attempt is about to take; it may get the note of one that is `done`, (attempt, share)."""
        share = dict(share, place=attempt.batch.place)
        if done is not None and done[1] == share:
            try:
                os.rename(self._mark(done[0]), self._mark(attempt))
                return share
            except FileNotFoundError:
                pass  # given back already
        with open(self._mark(attempt), "w", encoding="ascii") as file:
            json.dump(share, file)
        return share

    def has_claimed(self):
        """A run was claimed: for those who count that."""

    def give_back(self, attempt):
        remove(self._mark(attempt))

    def _mark(self, attempt):
        return self._open + "/" + attempt.mark

    def open_attempts(self):
        """[(attempt, what it takes), ...] of this host; leftovers of attempts that are gone are removed.

        Call it under the lock.
        """
        found = {}
        for mark in os.listdir(self._open):
            known = self._opened.get(mark)
            if known is not None and known[0].exists():
                found[mark] = known
                continue
            parts = parse_mark(mark)
            if parts is None:
                continue
            token, index, number = parts
            try:
                attempt = self.batch(token).attempt(index, number)
                # Nobody holds the lock but us: a mark without its attempt was left by a kill before the claim.
                if not attempt.exists(surely=True):
                    raise FileNotFoundError(mark)
            except FileNotFoundError:
                self.forget(token)
                remove(os.path.join(self._open, mark))
                continue
            found[mark] = attempt, self._share(attempt)
        self._opened = found
        return list(found.values())

    def _share(self, attempt):
        try:
            return read_json(self._mark(attempt))
        except ValueError:  # cut short by a power cut
            return dict(NOTHING, place=attempt.batch.place)

    def orphans(self, opened):
        """(attempt, what it takes, n of its dead watcher, whether it is left alone) of each that wants somebody.

        Left alone is one whose watchers die again and again: its program goes
        on, and its end wakes a kid.  It wants somebody who says so, once.
        """
        for attempt, share in opened:
            watchers = attempt.watchers()
            if watchers[-1] and self.here.judge(watchers[-1]) != procs.DEAD:
                continue
            alone = False
            if len(watchers) > DEATHS and attempt.read_exit() is None:
                recent = [moment for moment in attempt.watch_times() if moment > time.time() - DEATH_SPAN]
                alone = len(recent) > DEATHS
            if not (alone and attempt.is_left_unwatched()):
                yield attempt, share, len(watchers) - 1, alone
