"""What the runs of a batch tell each other when one of them has a rule across runs (`stop_losers`).

    batches/<token>/rungs/<host>-<pid>-<start>.log    {"r": number, "n": points, "v": best so far or null}
                                                      {"r": number, "out": 1}: ended, but not finished

Each kid appends to a file of its own, as to its journal: hosts that share a home cannot append to one file without
tearing it.  Whoever reads takes whole lines of all of them.  Each watcher decides for its own run only.  What is
read is a set (see wire/losers.py): it may come late, twice and in any order, so a killed kid changes no decision.
"""

import json
import os
import time

from neronet.node import fresh
from neronet.node.files import FULL, make_private
from neronet.node.journal import Journal
from neronet.wire import losers

FOLDER = "rungs"
LOOK = 2.0  # seconds between two looks at what the others wrote, while nothing is new of this run
SHARE = 50  # between two looks is so many times as long as the first one took


def reached(batch, number):
    """The last checkpoint that the run with this number has told its siblings of; 0: none."""
    last, folder = 0, os.path.join(batch.path, FOLDER)
    for name in fresh.names(folder):
        fresh.refresh(os.path.join(folder, name))
        with open(os.path.join(folder, name), "rb") as file:
            points = [entry["n"] for entry in _entries(file.read()) if entry["r"] == number and "n" in entry]
        last = max([last] + points)
    return last


def _entries(data):
    for line in data.splitlines():
        try:
            entry = json.loads(line.decode("ascii"))
        except ValueError:  # nothing is flushed to the disk here: a loss of power may leave anything
            continue
        if isinstance(entry, dict):
            yield entry


class Siblings(object):
    """The runs of a batch as their watchers tell of them, for all runs that one kid watches."""

    def __init__(self, batch, identity):
        self.rule = batch.spec["stop_losers"]
        self.losers = losers.Losers(self.rule)
        self._folder = os.path.join(batch.path, FOLDER)
        self._name = os.path.basename(batch.journal(identity))
        self._read = {}  # name of a file -> how far
        self._next = 0.0

    def write(self, entries):
        """Those that found no room on the disk."""
        try:
            journal = Journal(os.path.join(make_private(self._folder), self._name))
        except OSError as error:
            if error.errno not in FULL:
                raise
            return entries
        try:
            return journal.append(entries)
        finally:
            journal.close()

    def look(self, now=False):
        """Takes in what was written since the last look, if that is due; whether it looked."""
        begun = time.monotonic()
        if not now and begun < self._next:
            return False
        for name in fresh.names(self._folder):
            self._take(os.path.join(self._folder, name))
        self._next = begun + max(LOOK, SHARE * (time.monotonic() - begun))
        return True

    def _take(self, path):
        fresh.refresh(path)
        with open(path, "rb") as file:
            file.seek(self._read.get(path, 0))
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._read[path] = self._read.get(path, 0) + len(whole)
        for entry in _entries(whole):
            if "out" in entry:
                self.losers.leave(entry["r"])
            else:
                self.losers.add(entry["r"], entry["n"], entry["v"])


class Rungs(object):
    """One run among its siblings."""

    def __init__(self, siblings, number):
        self._siblings, self._number = siblings, number
        self._course = losers.Course(siblings.rule)
        self._entries = []  # that the others are still to be told
        self._reached = self._left = False
        self.metric = siblings.rule["metric"]

    def feed(self, name, value):
        """A point of the run."""
        if name == self.metric:
            reached = self._course.feed(value)
            if reached is not None:
                self._entries.append({"r": self._number, "n": reached[0], "v": reached[1]})

    def tell(self):
        """Tells the others what is new; whether anything was."""
        new = bool(self._entries)
        if new:
            self._entries = self._siblings.write(self._entries)
            self._reached = True
        return new

    def judge(self):
        """The evidence that this run loses, or None: at once when something is new of it, else a moment after
        something is new of the others."""
        new = self.tell()
        if not (self._reached and self._siblings.look(now=new)):
            return None
        evidence = self._siblings.losers.judge(self._number)
        if evidence is not None:
            self.leave()
        return evidence

    def leave(self):
        """The run is stopped, or has ended without having finished."""
        if not self._left:
            self._left = not self._siblings.write([{"r": self._number, "out": 1}])
