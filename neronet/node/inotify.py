"""Wakes when watched files change: inotify through ctypes (0.2 ms), else a short sleep.

A watch is only a hint: whoever wakes looks at the files themselves, so a lost
event costs a moment and nothing else.  It is not free to who writes: an event
costs about half of a small write.  So whoever finds a file busy lets go of its
folder, looks again after a rest as long as there is more each time, and heeds
it when there is not.
"""

import ctypes
import os
import select
import sys

MODIFY, CLOSE_WRITE, CREATE, MOVED_TO = 0x002, 0x008, 0x100, 0x080
COMERS = CREATE | MOVED_TO  # files that are new in the folder
CHANGES = MODIFY | COMERS
ROOM = 65536  # bytes of events read at once; more than half of it free: there were no more
REST, REST_MOST = (
    0.004,
    0.02,
)  # seconds between two looks at a busy file: the first line goes at once, then batches
BATCH = 2048  # bytes that make a rest longer
POLL = 0.05  # seconds between looks where inotify is not to be had
SAFETY = 1.0  # seconds after which a watcher looks anyway: remote writes give no event


def rest_after(came, batch=BATCH):
    """Seconds until the next look at a file of which the last one has found this many bytes; `batch`: see BATCH.

    Where thousands of lines come in a second, none is waited for as the one that comes alone is.
    """
    return min(REST_MOST, REST * (1 + came // batch))


class Watch(object):
    """A set of watched folders; `fileno` may be waited on, `take` says which changed."""

    def __init__(self):
        self._paths = {}
        self._numbers = {}
        try:
            self._libc = ctypes.CDLL(None, use_errno=True)
            self._fd = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, AttributeError):
            self._fd = -1

    @property
    def works(self):
        return self._fd >= 0

    def fileno(self):
        return self._fd

    def add(self, path):
        if self._fd < 0 or path in self._numbers:
            return
        number = self._libc.inotify_add_watch(self._fd, os.fsencode(path), CHANGES)
        if number >= 0:
            self._paths[number] = path
            self._numbers[path] = number

    def let_go(self, path):
        """No more events of writes in this folder until `heed`; files that are new in it still wake."""
        self._set(path, COMERS)

    def heed(self, path):
        """Writes give events again.  Look once more then: those before gave none."""
        self._set(path, CHANGES)

    def _set(self, path, mask):
        if path in self._numbers:
            self._libc.inotify_add_watch(self._fd, os.fsencode(path), mask)

    def remove(self, path):
        number = self._numbers.pop(path, None)
        if number is not None:
            self._paths.pop(number, None)
            self._libc.inotify_rm_watch(self._fd, number)

    def take(self):
        """{watched path: names in it that changed}; None when events were lost and everything is to be looked at."""
        changed = {}
        while self._fd >= 0:
            try:
                data = os.read(self._fd, ROOM)
            except BlockingIOError:
                return changed
            position = 0
            while position + 16 <= len(data):
                number = int.from_bytes(data[position : position + 4], sys.byteorder, signed=True)
                length = int.from_bytes(data[position + 12 : position + 16], sys.byteorder)
                name = data[position + 16 : position + 16 + length].rstrip(b"\0")
                position += 16 + length
                if number == -1:
                    return None
                if number in self._paths:
                    changed.setdefault(self._paths[number], set()).add(os.fsdecode(name))
            if len(data) < ROOM // 2:
                return changed
        return None

    def wait(self, timeout, *others):
        """Waits until something changed, one of the other descriptors is readable, or `timeout` seconds passed.

        Gives the readable ones of `others`.
        """
        descriptors = list(others) + ([self._fd] if self._fd >= 0 else [])
        limit = timeout if self._fd >= 0 else min(timeout, POLL)
        readable = select.select(descriptors, [], [], max(0.0, limit))[0]
        return [fd for fd in readable if fd != self._fd]

    def close(self):
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
