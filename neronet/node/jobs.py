"""Which jobs a scheduler should have for the runs that wait, and what its answers say of those it has; pure.

Tasks of a batch are all alike: each claims whichever of its runs are still to be
had, as many as it may, and leaves when there is none.  So nothing is bound to a job, a job too many
costs a place in the queue and never a second start, and what became of a doubtful
submission can be waited for.
"""

from neronet.node.wardens.warden import ACCEPTED, OVER, REJECTED, UNKNOWN, WAITING
from neronet.wire import states

SUBMITTING = "submitting"  # of a job whose submission has not come back: it may or may not have begun
NEVER = "never"  # of one that the scheduler never took
BARREN = "its tasks end before they begin a run"  # how users read of jobs that were of no use
GONE = "gone"  # all of its tasks are over, or the scheduler knows it no more
IN_DOUBT = (SUBMITTING, UNKNOWN)
DOUBT = 15.0  # seconds after which a query that does not show a job counts as a word that it was never taken
RETURNS = 30.0  # seconds within which a task that is to begin anew is shown to wait again
ASKED = 3  # jobs whose ends are asked for in one turn
SPAN = 1000  # the range of tasks that one such question is for
MISSES = 2  # queries one after another that do not show a job before it is taken for gone
REST, REST_MOST = 30.0, 1800.0  # seconds between two tries that came to nothing


class Job(object):
    """A submission, as it is kept on the disk.

    token: our own name of it; made: when it was tried; native: the scheduler's id; fewer: it was refused, but one of
    fewer tasks may be taken; misses: queries that did not show it; each: runs that a task may claim;
    unneeded: we have cancelled tasks of it.
    """

    def __init__(self, token, batch, tasks, made, kind=SUBMITTING, native="", why="", fewer=False, misses=0,
                 each=1, unneeded=False):  # fmt: skip
        self.token, self.batch, self.tasks, self.made = token, batch, tasks, made
        self.kind, self.native, self.why = kind, native, why
        self.fewer, self.misses, self.each, self.unneeded = fewer, misses, each, unneeded

    def to_json(self):
        return dict(vars(self))


def name_of(token, number):
    """What a task is called on our side."""
    return "%s.%d" % (token, number)


def learn(jobs, tasks, asked):
    """Takes in the answer of a query that was begun at `asked`; the jobs that it changed."""
    shown = by_job(tasks)
    changed = []
    for job in jobs:
        before = job.to_json()
        mine = shown.get(job.token)
        if mine:
            over = sum(task.state == OVER for task in mine) == job.tasks
            job.kind, job.native, job.misses = GONE if over else ACCEPTED, mine[0].native, 0
        elif (job.kind == ACCEPTED and job.made < asked) or (
            job.kind in IN_DOUBT and job.made + DOUBT < asked
        ):
            job.misses += 1
            if job.misses >= MISSES:
                job.kind = GONE if job.kind == ACCEPTED else NEVER
        if job.to_json() != before:
            changed.append(job)
    return changed


def by_job(tasks):
    """{token: its tasks}"""
    found = {}
    for task in tasks:
        found.setdefault(task.token, []).append(task)
    return found


def supply(jobs, tasks, claimed):
    """{batch: runs that its tasks are going to claim}; claimed: {name of a task: runs that it has claimed}."""
    shown = by_job(tasks)
    found = {}
    for job in jobs:
        if job.kind == ACCEPTED or job.kind in IN_DOUBT:
            mine = shown.get(job.token)
            numbers = (
                range(job.tasks) if mine is None else [each.number for each in mine if each.state != OVER]
            )
            count = sum(max(0, job.each - claimed.get(name_of(job.token, n), 0)) for n in numbers)
            found[job.batch] = found.get(job.batch, 0) + count
    return found


def wanted(waiting, has, jobs, barren, now, each=1):
    """How many tasks to submit now for a batch with `waiting` runs that may start, of which tasks will claim `has`.

    jobs: those of the batch; barren: see `fruitless`; each: runs that a task may claim.
    """
    need = -(-(waiting - has) // each)
    if need <= 0:
        return 0
    need = min(need, largest(jobs))
    last = max(jobs, key=lambda job: job.made, default=None)
    failures = barren
    if last is not None and last.kind == REJECTED and not (last.fewer and last.tasks > 1):
        failures += refusals(jobs)
    rest = min(REST * 2 ** min(failures - 1, 20), REST_MOST) if failures else 0.0
    return need if last is None or now >= last.made + rest else 0


def largest(jobs):
    """How many tasks a job may have, as far as refusals tell."""
    refused = [job.tasks for job in jobs if job.kind == REJECTED and job.fewer]
    if not refused:
        return 2**31
    taken = [job.tasks for job in jobs if job.kind in (ACCEPTED, GONE) and job.tasks < min(refused)]
    return max(taken) if taken else max(1, min(refused) // 2)


def fruitless(jobs, claimed):
    """How many of these jobs, from the last one back, are over although none of their tasks came to look for a run."""
    count = 0
    for job in sorted(jobs, key=lambda job: -job.made):
        if any(name_of(job.token, number) in claimed for number in range(job.tasks)):
            break
        count += job.kind == GONE and not job.unneeded
    return count


def refusals(jobs):
    """How many were refused, for another reason than their size, since one was taken."""
    count = 0
    for job in sorted(jobs, key=lambda job: -job.made):
        if job.kind != REJECTED:
            break
        count += not (job.fewer and job.tasks > 1)
    return count


def is_over(job, task, shown):
    """Whether a task of a job seems to be over; task: as the last query showed it, or None; shown: others of the job
    were in it."""
    return task.state == OVER if task is not None else shown or job.kind == GONE


def is_certain(task, past, since, now):
    """Whether a task that seems to be over since then will not be begun anew; past: what was told of its end."""
    verdict = past if task is None else task.verdict
    final = task is not None if verdict is None else verdict[0] != states.LOST
    return final or now >= since + RETURNS


def to_ask(names, past, asked, every, now):
    """[(token of a job, [number, ...]), ...] of the tasks whose ends are to be asked for now.

    names: of those that seem to be over and are not shown; past: {name: what was told of its end};
    asked: {token: when it was asked for last}; every: seconds between two queries.
    """
    over = {}
    for name in names:
        if name not in past or past[name][0] == states.LOST:
            token, _, number = name.partition(".")
            over.setdefault(token, []).append(int(number))
    # Once more, whatever the interval, before they are taken for lost.
    due = [token for token in over if now >= asked.get(token, 0.0) + min(every, RETURNS)]
    due.sort(key=lambda token: (asked.get(token, 0.0), token))
    return [(token, [n for n in over[token] if n < min(over[token]) + SPAN]) for token in due[:ASKED]]


def needed(spec, each):
    """What a task that claims up to `each` runs of a batch asks of the scheduler."""
    time = spec.get("time")
    grace = spec.get("grace")
    return {
        "cpus": spec.get("cpus"),
        "gpus": spec.get("gpus"),
        "memory": spec.get("memory"),
        # Ours ends the run at its limit, says why and saves what it printed; the scheduler's is only behind it.
        "time": None if time is None else each * (time + (10.0 if grace is None else grace)) + 120.0,
        "most": spec.get("max_parallel"),
    }


def why_waiting(tasks, warden):
    """{token of a job: what users read} of jobs with tasks that wait."""
    found = {}
    for task in tasks:
        if task.state != WAITING or task.token in found:
            continue
        text = warden.why(task.reason) or "waits in %s: %s" % (warden.word, task.reason)
        if task.start:
            text += "; expected to start at %s" % task.start.replace("T", " ")
        found[task.token] = text
    return found
