"""For how long a program has printed nothing."""

import os
import time


class Silence(object):
    """Looks at the sizes of the streams, when it is asked; samples of ours are none of them.

    On the monotonic clock: neither a sleeping machine nor a clock that is set makes a program silent.
    """

    def __init__(self, wanted):
        self._wanted = wanted  # whether any condition is about it
        self.printed = 0  # bytes in all
        self._heard = None  # when that last changed

    def lasts(self, streams, elapsed):
        """Seconds since anything was printed, by the program that began `elapsed` seconds ago; 0 if not wanted."""
        if not self._wanted:
            return 0.0
        now, printed = time.monotonic(), sum(stream.printed for stream in streams)
        if self._heard is None:  # it may have been silent under a watcher before this one
            written = [os.stat(stream.path).st_mtime for stream in streams if os.path.exists(stream.path)]
            quiet = max(0.0, time.time() - max(written)) if written else elapsed
            self._heard = now - min(quiet, elapsed)
        elif printed != self.printed:
            self._heard = now
        self.printed = printed
        return now - self._heard
