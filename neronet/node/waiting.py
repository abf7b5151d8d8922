"""How a watcher waits for its run: told by events while the run is quiet, by looks of its own while it prints a lot.

An event costs whoever writes about half of a small write, so a program that prints in a row is not to pay it for
each line: when more comes in the rest after a look, events are let go of until a look finds nothing.
"""

import os
import select
import time

from neronet.node.inotify import REST, rest_after
from neronet.node.streams import CHUNK
from neronet.wire.messages import STREAM_FILES


class Waiting(object):
    """For changes in the folder of one attempt, and for the ends of children.

    watch: of the kid, for all its runs; wakeup: a descriptor that is readable after a child has ended.
    """

    def __init__(self, watch, path, wakeup):
        self._watch, self._path, self._wakeup = watch, path, wakeup
        self.also = None  # another descriptor that is readable when everything is to be looked at
        self.watching = False
        self._busy = False  # more came in a rest: no events are wanted
        self._rest_until = 0.0

    def begin(self):
        """Whatever came before gives no event: look once more."""
        self.watching = True
        self._watch.add(self._path)

    def end(self):
        if self.watching:
            self._watch.remove(self._path)

    def wait(self, came, due):
        """Names of the files that have changed; None when everything is to be looked at.

        came: bytes that the last look found; due: when everything is to be looked at anyway.
        """
        if came:
            # A whole chunk: more lies there, and none of it gives an event.
            self._rest_until = time.monotonic() + (REST if came == CHUNK else rest_after(came))
        elif self._busy:
            self._busy = False
            self._watch.heed(self._path)
            return STREAM_FILES
        if came == CHUNK:
            self._be_busy()
        until = self._rest_until if self._busy else due
        others = [self._wakeup] if self.also is None else [self._wakeup, self.also]
        if self._watch.wait(until - time.monotonic(), *others):
            self._hear()
            return None
        pause = self._rest_until - time.monotonic()
        if pause > 0:
            self._be_busy()
            if self.rest(pause):
                return None
        changed = self._watch.take()
        if changed is None:
            return None
        names = changed.get(self._path, ())
        if not all(name in STREAM_FILES for name in names):
            return None
        return STREAM_FILES if self._busy else names

    def rest(self, seconds):
        """Rests, but not a moment longer than the children live; True when one may have ended."""
        if not select.select([self._wakeup], [], [], seconds)[0]:
            return False
        self._hear()
        return True

    def _be_busy(self):
        if not self._busy:
            self._busy = True
            self._watch.let_go(self._path)

    def _hear(self):
        try:
            os.read(self._wakeup, 4096)
        except BlockingIOError:
            pass
