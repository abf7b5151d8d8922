"""Nerokid as a task of a scheduler's job: it claims runs of one batch, in the place that the scheduler gave it.

The task has a folder among those of the hosts, and is asked for what it has
claimed as a host is: what a task left that was killed is found by its next start,
or by a closing kid on the gateway once the scheduler has said that it is over.
"""

import os
import signal
import time

from neronet.node import kid, procs
from neronet.node.choose import Limits
from neronet.node.files import read_json, remove
from neronet.node.host import NOTHING, Host
from neronet.node.kid import Kid
from neronet.node.wardens import find
from neronet.wire import states

CLOSE = "close"  # in the place of the name of a start: the task is over, what it left is to be recorded
TOGETHER = 2.0  # seconds within which a scheduler signals all processes of a job
PREFIX = "task-"  # of the names of folders among those of the hosts
CLAIMED = (
    "claimed"  # a file there, a byte for each run that the task has claimed; empty: there was none to be had
)


class TaskHost(Host):
    """What one task may claim: one run at a time, of one batch, `most` in all."""

    def __init__(self, root, here, task, token, most, start):
        super(TaskHost, self).__init__(root, here, PREFIX + task)
        self._token, self._most, self._start = token, most, start
        self._first = int(task.rpartition(".")[2])
        self.claim_facts = {"task": task, "start": start}

    def wake_line(self, place):
        return ":"  # the script of the job starts another one, unless the scheduler has ended it

    def waiting(self):
        return [] if self.root.all_claimed(self._token) else [self.batch(self._token)]

    def candidates(self, place, taken, limits, busy=()):
        if taken or self._most <= 0:
            return
        for batch in self.waiting():
            batch.refresh_order()
            for index in self._unclaimed(batch, self._first):
                if batch.startable(index):
                    # The scheduler has given what the run needs, and names its GPUs to the program itself.
                    yield batch.attempt(index, 1), NOTHING, []
        self._note(b"")

    def has_claimed(self):
        # Afterwards: whoever counts must not take this task for done while the run still seems to wait.
        self._most -= 1
        self._note(b".")

    def _note(self, claimed):
        with open(os.path.join(self.root.host(self.name), CLAIMED), "ab") as file:
            file.write(claimed)

    def work_for(self, place, limits, busy=(), most=2):
        return 0  # each task is all that it was given

    def orphans(self, opened):
        for attempt, share in opened:
            claim, watchers = attempt.read_claim() or {}, attempt.watchers()
            dead = not watchers[-1] or self.here.judge(watchers[-1]) == procs.DEAD
            if dead or self.is_former(claim) or self._start == CLOSE:
                yield attempt, share, len(watchers) - 1, False

    def is_former(self, claim):
        """Whether an earlier start of this task has claimed it: the scheduler has ended it and begun it anew."""
        return self._start != CLOSE and claim.get("start") != self._start


class TaskKid(Kid):
    def __init__(self, root, place, task, token, most, start):
        self._given = task, token, most, start
        self._coming = None  # what is to be watched next: (attempt, share, record)
        super(TaskKid, self).__init__(root, place)

    def main(self):
        signal.signal(signal.SIGTERM, self._leave)
        super(TaskKid, self).main()

    def _leave(self, *_):
        """The scheduler ends the job, or starts it again later: it alone knows which, and its word comes later."""
        if self.watched is not None:
            self.watched.set_verdict(states.LOST, "the scheduler ended its job")
        os._exit(128 + signal.SIGTERM)

    def await_own_end(self):
        time.sleep(TOGETHER)

    def _make_host(self):
        host = TaskHost(self.root, self.here, *self._given)
        limits = read_json(self.root.place(self.place), {})
        host.variables = from_job(os.environ, limits.get("warden"))
        return host

    def _learn(self):
        return None  # what it has is what its job was given

    def _limits(self):
        return Limits(1, 2**31, [], None)

    def _busy_gpus(self):
        return ()

    def _look_around(self):
        pass

    def _wake_others(self):
        pass

    def _next(self, done):
        if done is None or self._coming is None:
            return super(TaskKid, self)._next(done)
        with self.host.locked():
            self.host.give_back(done[0])
        coming, self._coming = self._coming, None
        return coming, False

    def _adopt(self, opened):
        for attempt, _share in opened:
            if self.host.is_former(attempt.read_claim() or {}):
                self._begin_anew(attempt)
        return super(TaskKid, self)._adopt(opened)

    def _begin_anew(self, attempt):
        """What the run did until the scheduler began its job anew is an attempt of its own.

        The next one is claimed, and said to be, before this one is said to have ended: else the run would seem to
        be over, and would be so for good if we were killed in between.
        """
        procs.kill_tree(0, "NERONET_RUN=" + attempt.mark, 0)  # some schedulers leave programs behind
        if attempt.read_exit() is not None and attempt.read_verdict() is None:
            return  # it had ended by itself
        attempt.set_verdict(states.LOST, "the scheduler started its job again")
        following = attempt.batch.attempt(attempt.index, attempt.attempt + 1)
        if attempt.read_stop() is None and not following.exists():
            self._coming = self._take(following, NOTHING, False)
            if self._coming is not None:
                self._journal.append([self._coming[2]])


def words(root, place, token, most):
    """The arguments of a kid for `most` runs of the batch `token`; the task's name and that of its start, or CLOSE, follow."""
    return ["nerokid", root.path, place, token, str(most)]


def from_job(variables, warden):
    """What a program gets of the environment that the scheduler gave its job."""
    prefixes = find(warden).variables() if warden else ()
    return {name: value for name, value in variables.items() if name.startswith(prefixes)}


def main(root, place, token, most, task, start):
    """The task of a job, as `words` says; task: the job's token and the number of the task, `<token>.<number>`."""
    kid.begin()
    TaskKid(root, place, task, token, int(most), start).main()


def forget(root, task):
    """Removes the folder of a task that left nothing open."""
    folder = root.host(PREFIX + task)
    for name in (CLAIMED, "lock", "lock.waiter"):
        remove(os.path.join(folder, name))
    for path in (os.path.join(folder, "open"), folder):
        try:
            os.rmdir(path)
        except OSError:
            return
