"""Nerokid: claims a run, starts it, watches it, claims the next; leaves when nothing is left.

There is no daemon.  A place is given back and the next run chosen in one hold
of the host's lock; who stores a batch stores it first and starts a kid then, so
no run waits for somebody who has just left.
"""

import binascii
import os
import shutil
import signal
import sys
import time

from neronet.node import choose, facts, procs
from neronet.node.host import Host
from neronet.node.journal import Journal
from neronet.node.runs import Root, read_json
from neronet.node.watch import Starter, Watcher

NICENESS = 5
GPUS_EVERY = 5.0
MORE_EVERY = 0.5  # seconds between two kids that a kid starts
DEATHS, DEATH_SPAN = 3, 60.0  # so many watchers dead within so many seconds: the run goes on unwatched


class Kid(object):
    def __init__(self, root, place):
        self.root, self.place = Root(root), place
        self.here = procs.Here()
        self.me = self.here.identity()
        self.host = Host(self.root, self.here)
        self._journals = {}
        self._cursors = {}  # token -> the first index that may be unclaimed
        self._children = []
        self._last_more = 0.0
        self._gpus_asked, self._gpus_busy = -GPUS_EVERY, ()
        self._starter = Starter()
        self._wakeup, write = os.pipe()
        for fd in (self._wakeup, write):
            os.set_blocking(fd, False)
            os.set_inheritable(fd, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(write)
        os.nice(NICENESS)  # this thread only: programs are started by the starter's

    def main(self):
        self._limits = self._read_limits()
        found = self._next(None)
        while found is not None:
            attempt, adopted = found
            self._more()
            Watcher(self.host, attempt, self._journal(attempt.batch), self._starter, self._wakeup, adopted).run()
            found = self._next(attempt)

    def _read_limits(self):
        known = facts.lasting(self.root, self.here)
        return choose.limits(read_json(self.root.place(self.place), {}), facts.for_limits(known))

    def _busy_gpus(self):
        """GPUs that somebody else uses, asked for at most every few seconds: nvidia-smi is slow."""
        if self._limits.gpus and time.monotonic() > self._gpus_asked + GPUS_EVERY:
            self._gpus_asked, self._gpus_busy = time.monotonic(), facts.busy_gpus(facts.query_gpus())
        return self._gpus_busy

    def _journal(self, batch):
        if batch.token not in self._journals:
            name = "%s-%d-%s.log" % (self.here.host, self.me["pid"], self.me["start"])
            journal = Journal(batch.journal(name))
            journal.append([dict(self.me, e="kid", t=time.time(), python="%d.%d.%d" % sys.version_info[:3])])
            self._journals[batch.token] = journal
        return self._journals[batch.token]

    def _next(self, done):
        """(attempt, adopted) to watch now, or None; gives back the place of `done` in the same hold of the lock."""
        busy = self._busy_gpus()
        with self.host.locked():
            if done is not None:
                self.host.give_back(done)
            opened = self.host.open_attempts()
            mine = [item for item in opened if item[1].get("place") == self.place]
            adopted = self._adopt(mine)
            if adopted is not None:
                return adopted, True
            claimed = self._claim([taken for _, taken in opened], busy)
            return None if claimed is None else (claimed, False)

    def _adopt(self, opened):
        """An attempt of this place whose watcher is dead, now ours."""
        while True:
            orphan = self.host.unwatched(opened)
            if orphan is None:
                return None
            attempt, n = orphan
            opened = [item for item in opened if item[0] is not attempt]
            recent = [moment for moment in attempt.watch_times() if moment > time.time() - DEATH_SPAN]
            if len(recent) > DEATHS and attempt.read_exit() is None:
                continue  # whatever kills its watchers, the program goes on; its end wakes a kid
            if attempt.watch(n + 1, self.me):
                self._journal(attempt.batch).append(
                    [{"e": "adopted", "i": attempt.index, "a": attempt.attempt, "t": time.time(), "n": n + 1}]
                )
                return attempt

    def _batches(self):
        found = []
        for token in self.root.tokens():
            # Looked at before anything of it is read: an old home has thousands of batches that are all claimed.
            if os.path.exists(os.path.join(self.root.batch(token), "claimed")):
                continue
            try:
                batch = self.host.batch(token)
            except (FileNotFoundError, ValueError):
                continue
            if batch.place == self.place:
                found.append(batch)
        return choose.order(found)

    def _candidates(self, taken, busy):
        """(batch, index, need, gpus) of every run that may start now, best first."""
        for batch in self._batches():
            need = choose.needs(batch.spec, self._limits)
            gpus = choose.fits(need, taken, self._limits, busy)
            if gpus is None:
                continue
            index = self._cursors.get(batch.token, 0)
            untouched = True
            while index < len(batch):
                if batch.attempt(index, 1).exists():
                    index += 1
                    if untouched:
                        self._cursors[batch.token] = index
                    continue
                untouched = False
                if not batch.held(index):
                    yield batch, index, need, gpus
                index += 1
            if untouched:
                # Every run of it is claimed for good: nobody needs to look at them one by one again.
                open(os.path.join(batch.path, "claimed"), "ab").close()

    def _claim(self, taken, busy):
        for batch, index, need, gpus in self._candidates(taken, busy):
            attempt = batch.attempt(index, 1)
            share = {"cpus": need["cpus"], "gpus": gpus, "memory": need["memory"]}
            record = {
                "kind": "claimed", "kid": self.me, "time": time.time(), "gpus": gpus,
                "counts_gpus": bool(self._limits.gpus) or bool(need["gpus"]),
            }
            self.host.take(attempt, share)
            procs.pause("taken")
            if attempt.claim(binascii.hexlify(os.urandom(8)).decode("ascii"), record):
                procs.pause("renamed")
                self._journal(batch).append(
                    [{"e": "claimed", "i": index, "a": 1, "t": record["time"], "gpus": gpus, "host": self.here.host}]
                )
                return attempt
            self.host.give_back(attempt)
        return None

    def _more(self):
        """Starts one more kid when another run could start at once."""
        self._children = [child for child in self._children if child.poll() is None]
        now = time.monotonic()
        if now - self._last_more < MORE_EVERY:
            return
        with self.host.locked():
            opened = self.host.open_attempts()
            mine = [item for item in opened if item[1].get("place") == self.place]
            taken = [share for _, share in opened]
            wanted = self.host.unwatched(mine) or next(self._candidates(taken, ()), None)
        if wanted:
            self._last_more = now
            self._children.append(spawn(self.root, self.place))


def spawn(root, place):
    """Starts a kid for this place that outlives whoever started it."""
    argv = procs.agent_argv("nerokid", root.path, place)
    if shutil.which("systemd-run") and os.environ.get("XDG_RUNTIME_DIR") and _logout_kills():
        argv = ["systemd-run", "--user", "--scope", "--quiet", "--"] + argv
    return procs.spawn_detached(argv, dict(os.environ))


def _logout_kills():
    """Whether systemd ends a user's processes with her last login (KillUserProcesses=yes)."""
    for path in ("/etc/systemd/logind.conf", "/usr/lib/systemd/logind.conf"):
        for line in procs.read_text(path).splitlines():
            word, _, value = line.partition("=")
            if word.strip() == "KillUserProcesses":
                return value.strip().lower() in ("yes", "true", "1", "on")
    return False


def main(root, place):
    procs.set_title("nerokid")
    Kid(root, place).main()
