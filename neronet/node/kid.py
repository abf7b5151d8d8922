"""Nerokid: claims a run, starts it, watches it, claims the next; leaves when nothing is left.

There is no daemon.  A place is given back and the next run chosen in one hold
of the host's lock; who stores a batch stores it first and starts a kid then, so
no run waits for somebody who has just left.
"""

import binascii
import os
import signal
import sys
import time

from neronet.node import choose, facts, procs
from neronet.node.files import FULL, read_json
from neronet.node.host import Host
from neronet.node.inotify import Watch
from neronet.node.journal import Journal
from neronet.node.rungs import Siblings
from neronet.node.runs import Root
from neronet.node.turns import Turns
from neronet.node.watch import Watcher

MORE_EVERY = 0.5  # seconds between two looks for work that others could do, while runs are short
STARTING = 0.5  # seconds in which a kid that was started may not have its run yet
GPUS_EVERY = 5.0  # seconds for which an answer of nvidia-smi, which is slow, is believed
WAIT, WAIT_MOST = 1.0, 15.0  # seconds between two looks for a GPU that others use, or for room on the disk


class Kid(object):
    def __init__(self, root, place):
        self.root, self.place = Root(root), place
        self.here = procs.Here()
        self.me = self.here.identity()
        self.host = self._make_host()
        self.watch = Watch()  # one for all runs: to close one takes the kernel 10 ms
        self.turns = Turns()
        self._known = self._learn()
        self._batch, self._journal = None, None  # of the run now
        self._siblings = (None, None)  # batch and what its runs tell each other
        self.watched = None  # the attempt that is watched now
        self._children = []  # (Popen, when it was started)
        self._looked_around = time.monotonic()  # whoever started us has just done it
        self._gpus_asked, self._gpus_busy = -GPUS_EVERY, ()
        self.wakeup, write = os.pipe()
        os.set_blocking(self.wakeup, False)
        os.set_blocking(write, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(write)

    def _make_host(self):
        return Host(self.root, self.here)

    def _learn(self):
        return facts.for_limits(facts.lasting(self.root, self.here))

    def main(self):
        self.turns.begin(self._take_runs)

    def _take_runs(self):
        """One after the other, until there is none for this place."""
        done, waiter, wait, of_use = None, None, 0.0, False
        while True:
            try:
                found, blocked = self._next(done)
            except OSError as error:
                if error.errno not in FULL:
                    raise
                found, blocked = None, True
            done = None
            if found is not None:
                if waiter is not None:
                    os.close(waiter)
                waiter, wait = None, 0.0
                done, of_use = self._watch(*found), True
                continue
            if blocked and waiter is None:
                waiter = self.host.sole_waiter()
            if not blocked or waiter is None:
                break
            wait, of_use = min(2 * wait or WAIT, WAIT_MOST), True
            time.sleep(wait)
        if self._journal is not None:
            self._journal.close()
        if of_use:
            self._wake_others()

    def _watch(self, attempt, share, record):
        """Watches an attempt to its end; what is to be given back then."""
        self.watched = attempt
        looked = time.monotonic() >= self._looked_around + MORE_EVERY
        if looked:
            self._look_around()
        # A run that turns out to be no short one is a reason to look at once.
        lasting = (lambda: None) if looked else self._look_around
        try:
            Watcher(self, attempt, self._journal, record, lasting).run()
        except OSError:
            if attempt.exists():
                raise  # else somebody has purged the folder, and nothing is left to watch
        self.watched = None
        return attempt, share

    def siblings(self, batch):
        """What the runs of this batch tell each other, as far as it was read for one of them."""
        if self._siblings[0] is not batch:
            self._siblings = batch, Siblings(batch, self.me)
        return self._siblings[1]

    def await_own_end(self):
        """The program was ended by a signal that nobody here sent: whoever did may be about to end us as well."""

    def _wake_others(self):
        """What we leave free may be what runs of other places wait for: each gets a kid that looks."""
        for place in {batch.place for batch in self.host.waiting()} - {self.place}:
            self._spawn(place)

    def _next(self, done):
        """((attempt, share, first record) to watch now or None, whether a run waits for what others use).

        Gives back the place of `done`, an (attempt, share), in the same hold of
        the lock.  May be repeated after an error.
        """
        busy, limits = self._busy_gpus(), self._limits()
        with self.host.locked():
            opened = [
                item for item in self.host.open_attempts() if done is None or item[0].mark != done[0].mark
            ]
            taken = [share for _, share in opened]
            try:
                # Claims first: whether somebody must be adopted is looked for seldom, and then by a kid of its own.
                found = self._claim(taken, limits, busy, done) or self._adopt(opened)
            finally:
                if done is not None:
                    self.host.give_back(done[0])
            blocked = (
                not found
                and bool(busy)
                and next(self.host.candidates(self.place, taken, limits), None) is not None
            )
        return found, blocked

    def _limits(self):
        # Read each time: the user may change them in nodes.yaml while runs wait.
        return choose.limits(read_json(self.root.place(self.place), {}), self._known)

    def _busy_gpus(self):
        """GPUs that somebody else uses, asked for outside of the lock."""
        if self._known["gpus"] and time.monotonic() > self._gpus_asked + GPUS_EVERY:
            self._gpus_asked, self._gpus_busy = time.monotonic(), facts.busy_gpus(facts.query_gpus())
        return self._gpus_busy

    def _adopt(self, opened):
        """An attempt of this place whose watcher is dead, now ours."""
        mine = [item for item in opened if item[1].get("place") == self.place]
        for attempt, share, n, alone in self.host.orphans(mine):
            record = {"i": attempt.index, "a": attempt.attempt, "t": time.time()}
            self._open_journal(attempt.batch)
            if alone:
                text = "its watchers were killed again and again; it goes on unwatched, its points come when it ends"
                self._journal.append([dict(record, e="warn", text=text)])
                attempt.leave_unwatched()
                continue
            procs.pause("adopting")
            if attempt.watch(n + 1, self.me):
                procs.pause("adopted")
                return attempt, share, dict(record, e="adopted", n=n + 1)
        return None

    def _open_journal(self, batch):
        """Makes `_journal` that of a batch: one is open at a time, however many batches there are."""
        if batch is not self._batch:
            if self._batch is not None:
                self._batch.forget()
                self._journal.close()
            self._batch, self._journal = batch, Journal(batch.journal(self.me))
            if self._journal.empty:
                version = "%d.%d.%d" % sys.version_info[:3]
                self._journal.append([dict(self.me, e="kid", t=time.time(), python=version)])

    def _claim(self, taken, limits, busy, done):
        """A run that may start now, claimed by us."""
        for attempt, need, gpus in self.host.candidates(self.place, taken, limits, busy):
            counts = bool(limits.gpus) or bool(need["gpus"])
            found = self._take(
                attempt, {"cpus": need["cpus"], "gpus": gpus, "memory": need["memory"]}, counts, done
            )
            if found is not None:
                return found
        return None

    def _take(self, attempt, share, counts_gpus, done=None):
        """(attempt, share, record) once an attempt is ours, or None where somebody was faster."""
        claim = {
            "kind": "claimed",
            "kid": self.me,
            "time": time.time(),
            "gpus": share["gpus"],
            "counts_gpus": counts_gpus,
        }
        claim.update(self.host.claim_facts)
        self._open_journal(attempt.batch)
        share = self.host.take(attempt, share, done)
        procs.pause("taken")
        if attempt.claim(binascii.hexlify(os.urandom(8)).decode("ascii"), claim):
            procs.pause("renamed")
            self.host.has_claimed()
            record = {"e": "claimed", "i": attempt.index, "a": attempt.attempt, "t": claim["time"]}
            return attempt, share, dict(record, gpus=share["gpus"], host=self.here.host)
        self.host.give_back(attempt)
        return None

    def _look_around(self):
        """Starts kids for what others could do now, two at most: they do the same."""
        self._looked_around = now = time.monotonic()
        self._children = [item for item in self._children if item[0].poll() is None]
        coming = sum(started > now - STARTING for _, started in self._children)
        for _ in range(self.host.work_for(self.place, self._limits(), self._gpus_busy) - coming):
            self._spawn(self.place)

    def _spawn(self, place):
        self._children.append((spawn(self.root, place), time.monotonic()))


def spawn(root, place):
    """Starts a kid for this place that outlives whoever started it, and is no part of a run."""
    argv = procs.agent_argv("nerokid", root.path, place)
    variables = {
        name: value for name, value in os.environ.items() if name not in ("NERONET_RUN", "NERONET_POINTS")
    }
    if (
        "XDG_RUNTIME_DIR" in variables
        and procs.which("systemd-run", variables.get("PATH"))
        and _logout_kills()
    ):
        argv = ["systemd-run", "--user", "--scope", "--quiet", "--"] + argv
    return procs.spawn_detached(argv, variables)


def _logout_kills():
    """Whether systemd ends a user's processes with her last login (KillUserProcesses=yes)."""
    for path in ("/etc/systemd/logind.conf", "/usr/lib/systemd/logind.conf"):
        for line in procs.read_text(path).splitlines():
            word, _, value = line.partition("=")
            if word.strip() == "KillUserProcesses":
                return value.strip().lower() in ("yes", "true", "1", "on")
    return False


def begin():
    """What every kind of kid does first."""
    procs.set_title("nerokid")
    procs.default_signals()
    os.chdir("/")


def main(root, place):
    begin()
    if os.getsid(0) != os.getpid():
        os.setsid()  # started by the wrapper of a run, whose session may be ended
    try:
        Kid(root, place).main()
    except Exception:
        if not os.path.isdir(os.path.join(root, "batches")):
            return  # everything was removed from this node: nothing is left to do, or to tell
        import traceback  # rare, and no small thing to load

        # Nobody reads what a kid prints; without this a mistake of ours could not be found.
        with open(os.path.join(Root(root).host(procs.host_name()), "nerokid-error.txt"), "w") as file:
            traceback.print_exc(file=file)
        raise
