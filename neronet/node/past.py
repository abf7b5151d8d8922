"""What the dead watchers of an attempt have recorded of it: where the next one goes on."""

import collections

from neronet.node import journal
from neronet.wire import samples
from neronet.wire.points import PROCESSED


class Past(object):
    """The fold of their journals; `conditions`, `names` and `rungs` (or None) are brought to where they were."""

    def __init__(self, conditions, names, rungs=None):
        self.kinds = set()  # of the records that are there
        self.warned = set()  # texts
        self.started = None
        # By stream: logical offset up to which it is parsed, and its base.
        self.parsed = collections.defaultdict(lambda: (0, 0))
        self.states = {}  # stream -> what its reader knew there
        self.seen = collections.defaultdict(dict)  # stream of a processor -> name -> (points, last value)
        self.sampled = {}  # name -> value of the last samples
        self._conditions, self._names, self._rungs = conditions, names, rungs
        self._fired = set()  # ids of conditions
        self._firings = []

    def read(self, attempt):
        """Takes in the journals of all watchers but the last, who is at work now."""
        for identity in attempt.watchers()[:-1]:
            if identity:  # a torn one has written nothing
                path = attempt.batch.journal(identity)
                for record in journal.records(path, attempt.index, attempt.attempt):
                    self._take(record)

    def unsaid(self):
        """Firings of points that are recorded, but are not themselves: the clock of that watcher was a little late."""
        return [firing for firing in self._firings if firing.condition["id"] not in self._fired]

    def _take(self, record):
        kind = record["e"]
        self.kinds.add(kind)
        if kind == "started":
            self.started = record["t"]
        elif kind == "p":
            self.parsed[record["s"]] = record["to"], record["base"]
            # The start is told by the clock of the file system, which may be ahead of the host's.
            elapsed = max(0.0, record["t"] - (self.started or record["t"]))
            if "h" in record:
                self.states[record["s"]] = record["h"]
            if record["s"] >= PROCESSED:
                count(self.seen[record["s"]], record["v"])
            for name, value, offset, step in record["v"]:
                if record["s"] == samples.STREAM:
                    self.sampled[name] = value
                else:
                    self._names.add(name)
                    if self._rungs is not None:
                        self._rungs.feed(name, value)
                self._firings += self._conditions.feed(name, value, offset, elapsed, step)
        elif kind == "cut":
            self.parsed[record["s"]] = record["base"], record["base"]
            self.states.pop(record["s"], None)
        elif kind == "fired":
            self._fired.add(record["c"])
            self._conditions.said(record["c"])
        elif kind == "warn":
            self.warned.add(record.get("s") or record["text"])


def count(seen, found):
    """Brings {name: [number of points, last value]} of a stream on by journal's points."""
    for name, value, _offset, _step in found:
        seen[name] = [seen[name][0] + 1 if name in seen else 1, value]
