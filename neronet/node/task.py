"""Nerokid as a task of a scheduler's job: it claims runs of one batch, in the place that the scheduler gave it.

The task has a folder among those of the hosts, and is asked for what it has
claimed as a host is: what a task left that was killed is found by its next start
(the scheduler counts them), or by a closing kid on the gateway once the scheduler
has said that the task is over.
"""

import os

from neronet.node import kid, procs
from neronet.node.choose import Limits
from neronet.node.host import Host
from neronet.node.kid import Kid
from neronet.node.runs import read_json, remove
from neronet.node.wardens import WARDENS
from neronet.wire import states

CLOSE = "close"  # in the place of the count of starts: the task is over, what it left is to be recorded
PREFIX = "task-"  # of the names of folders among those of the hosts
CLAIMED = "claimed"  # a file there: the task has claimed a run


class TaskHost(Host):
    """What one task may claim: one run at a time, of one batch, `most` in all."""

    def __init__(self, root, here, task, token, most, again):
        super(TaskHost, self).__init__(root, here, PREFIX + task)
        self._task, self._token, self._again = task, token, again
        self._most = 0 if again == CLOSE else most
        self._former = (
            None  # an attempt that ended with an earlier start of this task, and is to be made anew
        )
        self._first = int(task.rpartition(".")[2])
        self.claim_facts = {"task": task, "again": again}

    def kid_words(self, place):
        # To record the end of what runs; the next run has the next task.
        return task_words(self.root, place, self._token, self._task, 0, self._again)

    def waiting(self):
        return [] if self.root.all_claimed(self._token) else [self.batch(self._token)]

    def candidates(self, place, taken, limits, busy=()):
        if taken:
            return
        if self._former is not None and self._former.read_stop() is None:
            batch = self._former.batch
            yield batch.attempt(self._former.index, self._former.attempt + 1), self._need(batch), []
        if self._most > 0:
            for batch in self.waiting():
                for index in self._unclaimed(batch, self._first):
                    if not batch.held(index):
                        yield batch.attempt(index, 1), self._need(batch), []

    def _need(self, batch):
        # GPUs are given by the scheduler, which names them to the program itself.
        return {"cpus": batch.spec.get("cpus") or 1, "gpus": 0, "memory": batch.spec.get("memory") or 0}

    def take(self, attempt, share, done=None):
        self._most -= 1
        self._former = None
        open(os.path.join(self.root.host(self.name), CLAIMED), "ab").close()
        return super(TaskHost, self).take(attempt, share, done)

    def work_for(self, place, limits, busy=(), most=2):
        return 0  # each task is all that it was given

    def orphans(self, opened):
        for attempt, share in opened:
            claim = attempt.read_claim()
            if claim is None:
                continue
            before = claim.get("again") != self._again
            watcher = attempt.watchers()[-1]
            if not before and watcher and self.here.judge(watcher) != procs.DEAD:
                continue
            if before and self._again != CLOSE:
                self._begin_anew(attempt)
            yield attempt, share, len(attempt.watchers()) - 1, False

    def _begin_anew(self, attempt):
        """The scheduler has started the task once more: what the run printed until then is an attempt of its own."""
        procs.kill_tree(0, "NERONET_RUN=" + attempt.mark, 0)  # some schedulers leave programs behind
        if attempt.read_exit() is None:
            attempt.set_verdict(states.LOST, "the scheduler started its job again")
            self._former = attempt


class TaskKid(Kid):
    def __init__(self, root, place, task, token, most, again):
        self._given = task, token, most, again
        super(TaskKid, self).__init__(root, place)

    def _make_host(self):
        host = TaskHost(self.root, self.here, *self._given)
        limits = read_json(self.root.place(self.place), {})
        host.variables = from_job(os.environ, limits.get("warden", ""))
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


def task_words(root, place, token, task, most, again):
    """The arguments of a kid for a task: `most` runs of the batch `token`, at its start number `again` or CLOSE."""
    return ["nerokid", root.path, place, token, str(most), task, str(again)]


def from_job(variables, warden):
    """What a program gets of the environment that the scheduler gave its job."""
    prefixes = WARDENS[warden]().variables() if warden in WARDENS else ()
    return {name: value for name, value in variables.items() if name.startswith(prefixes)}


def main(root, place, token, most, task, again):
    """The task of a job, as `task_words` says; task: the job's token and the number of the task, `<token>.<number>`."""
    kid.begin()
    TaskKid(root, place, task, token, int(most), again if again == CLOSE else int(again)).main()


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
