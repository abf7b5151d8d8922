"""The gateway's part of a cluster: submits jobs for what waits, asks the scheduler, records the ends that no kid saw.

A thread of Neromum, since a frozen scheduler may keep a command waiting for long;
it leaves with the connection.  All that it knows lies in `places/<place>.jobs/`: a
file per job, made before the job is submitted, and the scheduler's last answer.
What must be done follows from what is there now, so it may be stopped anywhere.
"""

import binascii
import contextlib
import fcntl
import os
import pwd
import threading
import time

from neronet.node import clients, fresh, jobs, outcome, procs, task, wrapper
from neronet.node.files import FULL, make_private, read_json, remove, write_json
from neronet.node.host import lock_path
from neronet.node.runs import Batch, parse_mark
from neronet.node.wardens.warden import ACCEPTED, OUT_OF_MEMORY, REJECTED, WAITING
from neronet.wire import states

QUERY_EVERY, QUERY_REST = 33.0, 60.0  # seconds between two queries: while something waits, and else
AGAIN = 5.0  # seconds until a look that could not be had is tried again
PATIENCE = 60.0  # seconds that a command of the scheduler may take
TAIL = 300  # characters of what a task said that could not begin
STOPS = 10.0  # seconds that a run's own watcher has to end it before its task is cancelled

# Each start of a task has a name of its own: schedulers may start it anew, and do not always count that.  A kid that
# was killed is started again: its run goes on.
SCRIPT = """\
#!/bin/sh
# Starts Neronet's watcher, with the arguments of this script, for one task of a job.
number=%s job=$1
shift
read -r start </proc/sys/kernel/random/uuid
for try in 1 2 3; do
  "$@" "$job.$number" "$start"
  status=$?
  [ $status -eq 137 ] || exit $status
done
"""


class Cluster(object):
    """place: of the node; warden: the adapter; every: seconds between two queries, else as is thought right."""

    def __init__(self, root, place, warden, every=None):
        self.root, self.place, self.warden = root, place, warden
        self._every, self._rest = (every, every) if every else (QUERY_EVERY, QUERY_REST)
        self.waits = {}  # token of a batch -> why its runs wait
        self.used = 0  # runs that are open
        self.folder = make_private(os.path.join(root.path, "places", place + ".jobs"))
        self._answer = os.path.join(self.folder, "answer.json")  # the last one, for other connections
        self._lock = lock_path(root, self.folder, place + ".jobs")
        self._jobs = {}
        self._claimed = {}  # name of a task that has looked for runs -> how many it has claimed
        self._begun = set()  # names of tasks that may have something open
        self._over = set()  # those of them of which nothing is open any more, for good
        self._tasks, self._asked = [], 0.0
        self.login = {}  # the environment of the login shell, as a batch has it
        self._silent = ""  # what the scheduler said in the place of an answer
        self._ended = {}  # name of a task that seems to be over -> since when
        self._past = {}  # name of one that is not shown -> what was told of its end
        self._past_asked = {}  # token of a job -> when it was asked for such ends
        self._closing = {}  # name of a task -> Popen
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wake(self):
        """Something waits, or is to be stopped."""
        self._wake.set()

    # -- the loop

    def _run(self):
        while True:
            self._wake.clear()
            wait = AGAIN
            try:
                with self._sole() as mine:
                    if mine:
                        wait = self._turn()
            except Exception as error:  # a full disk, or ours: what is there is looked at anew
                self._silent = str(error)
                if getattr(error, "errno", None) not in FULL:
                    self._tell(error)
            self._wake.wait(wait)

    @contextlib.contextmanager
    def _sole(self):
        """Whether no other connection of ours does this on this gateway now.

        One that was cut may go on for a while on another gateway of the cluster: each job is noted in the home that
        they share before it is submitted, so neither does again what the other has done.
        """
        fd = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
        finally:
            os.close(fd)

    def _turn(self):
        """One look at everything; the seconds until the next one."""
        self._load()
        batches, opened = self._look()
        self._log_in(batches)
        hopes = any(job.kind == ACCEPTED or job.kind in jobs.IN_DOUBT for job in self._jobs.values())
        every = self._every if hopes and batches else self._rest
        if (opened or hopes) and time.time() >= self._asked + every:
            self._query()
            batches, opened = self._look()  # what was claimed and has ended meanwhile no longer waits
        self._end_what_is_over(opened)
        has = jobs.supply(self._jobs.values(), self._tasks, self._claimed)
        self.used, waits = len(opened), {}
        for batch, count in batches:
            waits[batch.token] = self._submit(batch, count, has.get(batch.token, 0)) if count else ""
        self.waits = {token: why for token, why in waits.items() if why}
        self._cancel_for_nothing({batch.token for batch, count in batches if count})
        if not (opened or hopes or batches):
            return self._rest
        # What is told to stop is looked after sooner than the scheduler is asked.
        soon = any(attempt.read_stop() for attempts in opened.values() for attempt in attempts)
        return STOPS if soon or self._closing else max(1.0, self._asked + every - time.time())

    def _tell(self, error):
        path = os.path.join(self.folder, "error.txt")
        with open(path, "w") as file:
            file.write("%s: %r\n" % (time.strftime("%Y-%m-%d %H:%M:%S"), error))

    # -- what there is

    def _load(self):
        """Reads what is not known yet: by another connection, or before this one."""
        for name in fresh.names(self.folder):
            token, dot, kind = name.rpartition(".")
            if kind == "json" and dot and token != "answer" and token not in self._jobs:
                found = read_json(os.path.join(self.folder, name))
                if found is not None:
                    self._jobs[token] = jobs.Job(**found)
        fresh.refresh(self._answer)
        try:
            answer = read_json(self._answer)
        except ValueError:  # a loss of power may leave anything
            answer = None
        if answer is not None and answer["at"] > self._asked:
            self._take(answer)
        for job in [job for job in self._jobs.values() if not os.path.exists(self.root.batch(job.batch))]:
            self._forget(job)

    def _forget(self, job):
        """Its batch was deleted."""
        del self._jobs[job.token]
        self._past_asked.pop(job.token, None)
        self._tasks = [each for each in self._tasks if each.token != job.token]
        for number in range(job.tasks):
            name = jobs.name_of(job.token, number)
            self._claimed.pop(name, None)
            self._begun.discard(name)
            task.forget(self.root, name)
        for kind in (".json", ".out"):
            remove(os.path.join(self.folder, job.token + kind))

    def _save(self, job):
        write_json(os.path.join(self.folder, job.token + ".json"), job.to_json())

    def _look(self):
        """What waits and what is open now."""
        self._look_for_claims()  # before the runs: a task that claims one meanwhile must not be missed as well
        return self._waiting(), self._opened()

    def _waiting(self):
        """[(batch, how many of its runs wait and may start), ...]"""
        found = []
        for token in self.root.tokens():
            if self.root.all_claimed(token):
                continue
            try:
                batch = Batch(self.root, token)
                if batch.place == self.place:
                    taken = set(batch.attempts())
                    free = [n for n in range(len(batch)) if "%d.1" % n not in taken]
                    if not free:
                        self.root.all_claimed(token, now=True)
                    ready = sum(batch.startable(n) for n in free)
                    # What comes after others is submitted early: the scheduler keeps it until their jobs are over.
                    found.append((batch, ready or sum(not batch.held(n) for n in free)))
            except (FileNotFoundError, ValueError):
                continue  # deleted meanwhile, or damaged by a power cut
        return sorted(found, key=lambda item: (-item[0].priority, item[0].spec["created"]))

    def _log_in(self, batches):
        """Learns the environment of the login shell from a batch."""
        tokens = [batch.token for batch, _ in batches] + [job.batch for job in self._jobs.values()]
        if not self.login and tokens:
            try:
                self.login = Batch(self.root, tokens[0]).environment()["base"]
            except (FileNotFoundError, ValueError, TypeError):
                self.login = dict(os.environ)

    def _look_for_claims(self):
        there = set(fresh.names(os.path.join(self.root.path, "hosts")))
        for token, job in self._jobs.items():
            for number in range(job.tasks):
                name = jobs.name_of(token, number)
                if self._claimed.get(name, 0) >= job.each or task.PREFIX + name not in there:
                    continue
                self._begun.add(name)
                if task.CLAIMED in fresh.names(self._task_path(name)):
                    path = self._task_path(name, task.CLAIMED)
                    fresh.refresh(path)
                    self._claimed[name] = os.stat(path).st_size

    def _task_path(self, name, *below):
        return os.path.join(self.root.host(task.PREFIX + name), *below)

    # -- asking

    def _command(self, argv):
        return clients.run(argv, self.login, self.root.path, PATIENCE)

    def _query(self):
        began = time.time()
        status, out, err = self._command(self.warden.query_argv(pwd.getpwuid(os.getuid()).pw_name))
        answer = {"began": began, "at": time.time(), "status": status, "out": out, "err": err}
        write_json(self._answer, answer, sync=False)
        self._take(answer)

    def _take(self, answer):
        self._asked = answer["at"]
        tasks = self.warden.parse_query(answer["status"], answer["out"], answer["err"])
        if tasks is None:
            self._silent = " ".join(answer["err"].split()) or "no answer"
            return
        self._silent = ""
        self._tasks = [each for each in tasks if each.token in self._jobs]
        for job in jobs.learn(self._jobs.values(), self._tasks, answer["began"]):
            self._save(job)

    # -- submitting

    def _submit(self, batch, count, has):
        """Submits what is missing for a batch of which `count` runs may start; why they wait."""
        barren = jobs.fruitless(self._of(batch), self._claimed)
        each = batch.spec.get("runs_per_job") or 1
        after = self._after(batch)
        if after == []:
            return batch.after.why()
        end = time.time() + AGAIN  # other things are to be done as well
        while time.time() < end:
            tasks = jobs.wanted(count, has, self._of(batch), barren, time.time(), each)
            tasks = min(tasks, self.warden.most)
            try:
                job = self._try(batch, tasks, each, after) if tasks else None
            except ValueError as error:  # the user's options
                return "cannot be submitted: %s" % error
            if job is None or job.kind != ACCEPTED:
                break
            has += tasks * each
        else:
            self._wake.set()  # the others, as soon as all else was looked at
        return self._why(self._of(batch), barren)

    def _of(self, batch):
        return [job for job in self._jobs.values() if job.batch == batch.token]

    def _after(self, batch):
        """Ids of the jobs whose end its jobs are to await, as far as there are any; None: of nobody's."""
        if not batch.after.blocks() or any(batch.startable(n) for n in range(len(batch))):
            return None
        awaited = batch.after.tokens() if self.warden.awaits else []
        mine = [job for job in self._jobs.values() if job.batch in awaited and job.kind == ACCEPTED]
        return sorted(job.native for job in mine)

    def _try(self, batch, tasks, each, after):
        token = binascii.hexlify(os.urandom(8)).decode("ascii")
        agent = procs.agent_argv(*task.words(self.root, self.place, batch.token, each))
        options = batch.spec.get("options") or []
        need = dict(jobs.needed(batch.spec, each), after=after)
        output = os.path.join(self.folder, token + ".out")
        argv = self.warden.submit_argv(token, tasks, need, options, output, [self._script(), token] + agent)
        job = self._jobs[token] = jobs.Job(token, batch.token, tasks, time.time(), each=each)
        job.unneeded = after is not None  # of no use, and no wonder, if what it comes after fails
        self._save(job)  # first: what is submitted must be known whatever happens
        answer = self.warden.parse_submit(*self._command(argv))
        job.kind, job.fewer = answer.kind, answer.fewer
        job.native, job.why = (answer.text, "") if answer.kind == ACCEPTED else ("", answer.text)
        self._save(job)
        if job.kind == REJECTED and job.fewer and tasks > 1:
            self._wake.set()  # a smaller one, at once
        return job

    def _script(self):
        path = wrapper.kept(self.root, "task", (SCRIPT % self.warden.number).encode("ascii"))
        os.chmod(path, 0o700)
        return path

    def _why(self, mine, barren):
        if self._silent:
            return "%s does not answer: %s" % (self.warden.word, self._silent)
        known = jobs.why_waiting(self._tasks, self.warden)
        for job in sorted(mine, key=lambda job: -job.made):
            if job.token in known:
                return known[job.token]
            if job.kind == REJECTED:
                return "%s refuses the job: %s" % (self.warden.word, job.why)
            if barren and job.kind == jobs.GONE:
                said = procs.read_text(os.path.join(self.folder, job.token + ".out")).strip()[-TAIL:]
                return jobs.BARREN + (": " + said if said else "")
        return "is submitted to %s" % self.warden.word

    def _cancel_for_nothing(self, wanting):
        """Ends tasks that wait although no run of their batch does."""
        for_nothing = {}
        for each in self._tasks:
            job = self._jobs[each.token]
            if each.state == WAITING and job.batch not in wanting and self._never_claimed(each):
                for_nothing.setdefault((each.token, each.native), []).append(each.number)
                if not job.unneeded:
                    job.unneeded = True
                    self._save(job)
        for (token, native), numbers in sorted(for_nothing.items()):
            self._command(self.warden.cancel_argv(token, native, numbers, True))
            self._tasks = [each for each in self._tasks if (each.token, each.state) != (token, WAITING)]

    def _never_claimed(self, each):
        """Not one that is to be started again: a run of its own waits for it."""
        return not self._claimed.get(jobs.name_of(each.token, each.number))

    # -- ends

    def _opened(self):
        """{name of a task: the attempts that it has open}, of all tasks that have any."""
        found = {}
        for name in self._begun - self._over:
            attempts = self._open(name)
            if attempts:
                found[name] = attempts
            elif self._jobs[name.partition(".")[0]].kind == jobs.GONE:
                self._over.add(name)
        return found

    def _end_what_is_over(self, opened):
        self._closing = {name: child for name, child in self._closing.items() if child.poll() is None}
        shown = {jobs.name_of(each.token, each.number): each for each in self._tasks}
        tokens = {each.token for each in self._tasks}
        now, ended = time.time(), {}
        for name in set(opened) - set(self._closing):
            job, each = self._jobs[name.partition(".")[0]], shown.get(name)
            if jobs.is_over(job, each, job.token in tokens):
                ended[name] = self._ended.get(name, now)
            elif each is not None:
                self._stop(name, each.native, opened[name])
        self._ended = ended
        self._ask_past({name for name in ended if name not in shown}, now)
        for name, since in ended.items():
            each, past = shown.get(name), self._past.get(name)
            if jobs.is_certain(each, past, since, now):
                self._close(self._jobs[name.partition(".")[0]], name, each, past, opened[name])

    def _ask_past(self, names, now):
        """Asks what became of tasks that are shown no more."""
        self._past = {name: verdict for name, verdict in self._past.items() if name in names}
        for token, numbers in jobs.to_ask(names, self._past, self._past_asked, self._every, now):
            argv = self.warden.past_argv(token, numbers)
            if argv is None or time.time() > now + AGAIN:
                return  # other things are to be done as well
            status, out, err = self._command(argv)
            self._past_asked[token] = time.time() if status is None else now
            told = self.warden.parse_past(status, out, err)
            self._past.update((jobs.name_of(token, n), told[n]) for n in numbers if n in told)

    def _close(self, job, name, each, past, attempts):
        """Has the ends of these attempts of a task recorded."""
        said = procs.read_text(os.path.join(self.folder, job.token + ".out"))
        verdict = past if each is None else each.verdict or self.warden.explain(said, each.own)
        state, why = verdict or (states.LOST, "its job ended without a word of how the program did")
        for attempt in attempts:
            asked = attempt.batch.spec.get("memory") if why.startswith(OUT_OF_MEMORY) else None
            status = attempt.read_exit()
            # A scheduler kills one process after the other: the wrapper may have seen how the program was.
            killed = status in outcome.KILLED and verdict
            if status is None or killed or attempt.read_verdict() is not None:
                attempt.set_verdict(state, why + (" (asked %d MiB)" % (asked >> 20) if asked else ""))
        argv = procs.agent_argv(*task.words(self.root, self.place, job.batch, 0), name, task.CLOSE)
        self._closing[name] = procs.spawn_detached(argv, dict(os.environ))

    def _open(self, name):
        """The attempts that a task has open."""
        found = []
        for mark in fresh.names(self._task_path(name, "open")):
            try:
                token, index, number = parse_mark(mark)
                attempt = Batch(self.root, token).attempt(index, number)
            except (FileNotFoundError, ValueError, TypeError):
                continue
            if attempt.exists(surely=True):
                found.append(attempt)
        return found

    def _stop(self, name, native, marks):
        """Cancels a task whose watcher does not carry out a wish to end its run."""
        for attempt in marks:
            try:
                stop = attempt.read_stop()
                late = stop is not None and time.time() > attempt.stopped_at() + STOPS + (
                    stop.get("grace") or attempt.batch.spec.get("grace") or STOPS
                )
            except FileNotFoundError:
                continue
            if late:
                token, _, number = name.partition(".")
                self._command(self.warden.cancel_argv(token, native, [int(number)], False))
