"""Runs that come after others: those of a batch may not start before the ones that it names have finished.

What is named lies in other batches of this node.  What has become of runs that went elsewhere, or that were started
anew, is known to the user side alone: it releases the batch, as a user may.
"""

from neronet.node import fresh


def within(index, ranges):
    """Whether one of [[first, last], ...] covers it."""
    return any(first <= index <= last for first, last in ranges)


class After(object):
    """given: {"names": [...], "runs": [[token, [[first, last], ...]], ...], "elsewhere": n}, or None for nothing."""

    def __init__(self, root, given):
        self._root, self._given = root, given
        self._left = (
            None  # (token, index) of those that had not finished when last looked at, the next one last
        )
        self._batches = {}

    def blocks(self):
        if self._given is None:
            return False
        if self._left is None:
            self._left = [
                (token, index)
                for token, ranges in reversed(self._given["runs"])
                for first, last in reversed(ranges)
                for index in range(last, first - 1, -1)
            ]
        while self._left and self._finished(*self._left[-1]):
            self._left.pop()
        return bool(self._left or self._given["elsewhere"])

    def tokens(self):
        """The batches of this node that are waited for."""
        return [token for token, _ in self._given["runs"]]

    def why(self):
        """`waits for first: 2 of 4 runs have not finished`"""
        total = self._given["elsewhere"] + sum(
            last - first + 1 for _, ranges in self._given["runs"] for first, last in ranges
        )
        left = self._given["elsewhere"] + sum(not self._finished(*run) for run in self._left or ())
        return "waits for %s: %d of %d runs have not finished" % (
            ", ".join(self._given["names"]),
            left,
            total,
        )

    def _finished(self, token, index):
        from neronet.node.runs import Batch

        try:
            batch = self._batches.get(token) or self._batches.setdefault(token, Batch(self._root, token))
        except FileNotFoundError:
            return False
        number = 1
        while batch.attempt(index, number + 1).exists(surely=True):
            number += 1
        attempt = batch.attempt(index, number)
        fresh.refresh(attempt.file("exit"))
        status, stop = attempt.read_exit(), attempt.read_stop()
        # One that came when the program had ended by itself counts for nothing, as for its watcher.
        if stop is not None and attempt.stopped_at() <= attempt.ended_at():
            # That a rule across runs, or a condition that stops, ends a run is as good as its own end.
            return status is not None and ("evidence" in stop or bool(stop.get("meant")))
        return status == 0 and attempt.read_verdict() is None
