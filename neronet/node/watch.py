"""One attempt from its claim to its record: start, follow, stop, record.

Everything here may begin in the middle: an adopted attempt whose program never
started is started, one that runs is followed from the last recorded offset, one
that has ended is recorded.
"""

import signal
import time

from neronet.node import outcome, procs
from neronet.node.files import FULL
from neronet.node.folder import unlink_inputs
from neronet.node.inotify import SAFETY
from neronet.node.past import Past
from neronet.node.rungs import Rungs
from neronet.node.runs import SEALED
from neronet.node.silence import Silence
from neronet.node.start import prepare
from neronet.node.streams import CHUNK, Nobody, Stream, parts
from neronet.node.waiting import Waiting
from neronet.wire import conditions, losers, samples, states
from neronet.wire.points import MAX_NAMES

GRACE = 10.0  # seconds between the polite signal and the last one, unless the experiment says otherwise
RETRY = 1.0  # seconds until a full disk is tried again
SHORT = 0.01  # seconds in which many programs are over: before that no watch is set up for them
TICK = 0.02  # seconds in which the clock of any file system moves on
SIGNALLED = 0.05  # seconds between two looks while a run is being ended
STARTS = 3  # wrappers that may vanish before the program begins


class Watcher(object):
    """Watches one attempt; `run` returns when its end is recorded.

    kid: whose host, turns, watch and `wakeup` (a descriptor that is readable
    after a child has ended) are used; record: `claimed` or `adopted`; lasting:
    called once it is clear that the run is no short one.
    """

    def __init__(self, kid, attempt, log, record, lasting):
        self.kid, self.here = kid, kid.host.here
        self.attempt, self.journal = attempt, log
        self._mark = "NERONET_RUN=" + attempt.mark  # in the environment of all its processes
        self.spec = attempt.batch.spec
        self._lasting = lasting
        self._adopted = record["e"] == "adopted"
        self._starts = 0
        self._child = None
        self._status = None  # the exit status, once it is known
        self._wrapper = None  # pid of the wrapper, once it allowed the program to run
        self._begun = None  # its start time, once somebody asked for it; "": it was gone then
        self._boot = ""  # when that was
        self._started = None  # the same by the wall clock
        self._pending = [record]  # records that are not in the journal yet
        self._full = False  # there was no room for them
        self._conditions = conditions.Conditions(self.spec.get("conditions") or [])
        # A condition is heard however many names were printed before its own.
        self._names = {name for name in self._conditions.names if not samples.is_sample(name)}
        self._rungs = None  # its siblings, where there is a rule across them
        if self.spec.get("stop_losers"):
            self._rungs = Rungs(kid.siblings(attempt.batch), attempt.batch.run(attempt.index)["number"])
            self._names.add(self._rungs.metric)
        self._past = Past(self._conditions, self._names, self._rungs)
        self._silence = Silence(self._conditions.heed_silence)
        self._sampler, self._sample_at = None, samples.FIRST
        self._stop = None  # the wish that this attempt shall end
        self._signalled = None  # monotonic time of the last signal
        self._open_streams()
        self._waiting = Waiting(kid.watch, attempt.path, kid.wakeup)

    # -- the life of it

    def run(self):
        if self._adopted:
            self._resume()
        self._flush()
        try:
            while "ended" not in self._past.kinds:
                if self._may_start():
                    self._start()
                self._await_end()
                if self._may_start():
                    continue  # its wrapper vanished before that
                if self._waiting.watching:
                    self.kid.turns.calmly(self._record_end)
                else:
                    self._record_end()
        finally:
            self._waiting.end()
            self._processors.close()
            for stream in self._streams:
                stream.close()

    def _resume(self):
        """Goes on where the watchers before us ended."""
        # Journals are sent in the order of their times: ours is to be the later one, whatever we write.
        time.sleep(TICK)
        self._past.read(self.attempt)
        self._open_streams()
        stop = self.attempt.read_stop()
        if stop is not None and "evidence" in stop:
            self._record_rule(stop)
        if "ended" not in self._past.kinds:
            self._act_on(self._past.unsaid())

    def _open_streams(self):
        self._processors = Nobody()
        if self.spec.get("processors"):
            from neronet.node.reading import Processors  # it takes a while, and most runs need none

            self._processors = Processors(self.kid.host, self.attempt, self._past)
        self._streams = [
            Stream(self.attempt.stream(number), number, *self._past.parsed[number]) for number in range(3)
        ] + list(self._processors.streams)

    def _may_start(self):
        return self._wrapper is None and self.attempt.read_start() is None

    def _start(self):
        """Starts the program; a full disk is waited for, what cannot be mended becomes the reason of the failure."""
        self._starts += 1
        while self.attempt.read_stop() is None:
            try:
                if self._starts > 1:
                    self.attempt.check_room()  # its wrapper may have found none to say that it began
                if self._starts > STARTS:
                    raise OSError("/bin/sh ended before the program began")
                self._child = procs.spawn_detached(*prepare(self.kid.host, self.attempt, self.journal))
                procs.pause("spawned")
                return
            except (OSError, ValueError) as error:
                if getattr(error, "errno", None) not in FULL:
                    why = "could not be started: %s" % error
                    break
            self._warn(
                "the disk of the node is full; the run starts when there is room in %s" % self.kid.root.path
            )
            time.sleep(RETRY)
        else:
            why = ""
        # From now on no wrapper may run it, also not one that a dead watcher has just started.
        patiently(self.attempt.seal, why)

    def _await_end(self):
        """Until the wrapper has written the exit status, or is gone without it."""
        if not self._waiting.watching:
            # Programs that are over at once are the rule in some sweeps: no watch for those, and no other thread.
            if self._child is not None and not self.spec.get("processors"):
                self._waiting.rest(SHORT)
                if self._follow():
                    return
            self._waiting.begin()
            self._lasting()
        self.kid.turns.calmly(self._follow)

    def _follow(self):
        """Reads what comes until the run is over: True; a run that is not watched is looked at but once."""
        names, due = None, 0.0
        while True:
            ended = False
            if names is None or time.monotonic() >= due:
                names = None
                ended = self._is_over()
                self._note_start()
                if ended:
                    self._processors.end()
                else:
                    self._check_limits()
                    self._check_stop()
                    self._sample()
                    due = time.monotonic() + self._patience()
            came = self._pump(names)
            if not ended:
                self._check_siblings()
            if ended and came < CHUNK and self._processors.done():
                return True
            if self._stop is not None and self._signalled is None and not ended:
                self._check_stop()  # a point that just came asks for it
                due = min(due, time.monotonic() + SIGNALLED)
            if self._pending:
                self._flush()
            if ended:
                if self._pending:
                    time.sleep(RETRY)
                self._processors.wait()
                names = None
            elif not self._waiting.watching:
                return False
            else:
                self._waiting.also = self._processors.fileno()
                names = self._waiting.wait(came, due)

    def _patience(self):
        """Seconds until everything must be looked at, also when nothing changes."""
        wait = RETRY if self._full else SAFETY
        if self._wrapper is not None:
            elapsed = self._elapsed()
            tick = self._conditions.next_tick(elapsed, self._silence.lasts(self._streams[:3], elapsed))
            for moment in (tick, self.spec.get("time"), self._sample_at):
                if moment is not None:
                    wait = min(wait, max(0.01, moment - elapsed))
        if self._signalled is not None:
            wait = min(wait, SIGNALLED)
        if self._processors.every is not None:
            wait = min(wait, self._processors.every)
        if self._child is None:
            wait = min(wait, 0.25)  # no SIGCHLD for a wrapper that is not our child
        return wait

    # -- looking

    def _note_start(self):
        if self._find_wrapper() and "started" not in self._past.kinds:
            self._past.kinds.add("started")
            self._pending.append(self._record("started", t=self._started))
            procs.pause("started")

    def _find_wrapper(self):
        if self._wrapper is None:
            start = self.attempt.read_start()
            if start is not None and start[0] != SEALED:
                self._boot, self._wrapper = start[0], procs.parse_pid(start[1])
                self._started = self.attempt.started_at()
        return self._wrapper is not None

    def _elapsed(self):
        """Seconds since the program began; the wall clock may be set while it runs."""
        if self._wrapper is None or self._boot != self.here.boot:
            return 0.0
        begun = self._wrapper_began()
        return procs.age(begun) if begun else max(0.0, time.time() - self._started)

    def _wrapper_began(self):
        if self._begun is None:
            self._begun = procs.start_of(self._wrapper, self._mark)
        return self._begun

    def _is_over(self):
        """True when the program's end is certain: its exit status is there, or its wrapper is gone."""
        if self._child is not None:
            if self._child.poll() is None:
                return False
            # It may have ended at once because the wrapper of a dead watcher was faster.
            self._child = None
        self._status = self.attempt.read_exit()
        if self._status is None and not self._lives():
            self._status = self.attempt.read_exit()  # it may have come in between
            return True
        return self._status is not None

    def _lives(self):
        if self._find_wrapper():
            began = self._wrapper_began() if self._boot == self.here.boot else ""
            return bool(began) and procs.start_time(self._wrapper) == began
        start = self.attempt.read_start()
        if start is None or start[0] == SEALED:
            return False
        # An empty or torn `start`: its wrapper was killed in the act, or is just about to write it.
        time.sleep(0.05)
        return self._find_wrapper() or bool(procs.tree_of(0, self._mark, 0))

    def _pump(self, names):
        """Reads what is new in the streams of these names (None: in all); the most bytes that came in one of them."""
        if self._full and not self._flush():
            return CHUNK
        most = 0
        for stream in self._streams:
            if names is not None and stream.name not in names:
                continue
            found, cut, came = stream.read()
            most = max(most, came)
            if cut:
                self._pending.append(self._record("cut", s=stream.number, base=stream.base))
            self._add_points(stream, found)
        for number, text in self._processors.problems():
            self._warn(text, stream=number)
        return most

    def _add_points(self, stream, found):
        """Journal records of these points, small enough to travel one by one, behind what their conditions cause."""
        if not found:
            return
        now, elapsed = time.time(), self._elapsed()
        kept = []
        for point in found:
            if stream.number != samples.STREAM and point[0] not in self._names:
                if samples.is_sample(point[0]):
                    self._warn(
                        "names that begin with %s are of what Neronet measures; lines with them are only in the log"
                        % samples.PREFIX
                    )
                    continue
                if len(self._names) >= MAX_NAMES:
                    self._warn(
                        "more than %d different names of metrics; further ones are only in the log"
                        % MAX_NAMES
                    )
                    continue
                self._names.add(point[0])
            kept.append(point)
            self._act_on(self._conditions.feed(point[0], point[1], point[2], elapsed, point[3]))
            if self._rungs is not None:
                self._rungs.feed(point[0], point[1])
        for part, to in parts(kept, stream.to):
            state = stream.state_at(to)
            known = {} if state is None else {"h": state}
            self._pending.append(
                self._record("p", t=now, s=stream.number, to=to, base=stream.base, v=part, **known)
            )

    def _check_limits(self):
        if self._wrapper is None:
            return
        elapsed, limit = self._elapsed(), self.spec.get("time")
        quiet = self._silence.lasts(self._streams[:3], elapsed)
        self._act_on(self._conditions.tick(elapsed, quiet, self._silence.printed))
        if limit and elapsed > limit:
            self._ask_stop("nerokid", states.TIMEOUT, "ran longer than %s" % outcome.duration(limit))

    def _sample(self):
        """What the run's processes use, now and then; a run that is over within a second pays nothing for it."""
        elapsed = self._elapsed()
        if elapsed < self._sample_at or self._full:
            return
        if self._sampler is None:
            from neronet.node.samples import Sampler  # not for the many short runs

            to, _ = self._past.parsed[samples.STREAM]
            self._sampler = Sampler(self.kid, self.attempt, self._wrapper, to, self._past.sampled)
        self._sample_at = samples.next_at(elapsed)
        self._add_points(self._sampler, self._sampler.take(elapsed))
        self._note_environment()

    def _note_environment(self):
        facts = None if self._sampler is None else self._sampler.environment()
        if facts is not None and "env" not in self._past.kinds:
            self._past.kinds.add("env")
            self._pending.append(self._record("env", facts=facts))

    def _act_on(self, firings):
        for firing in firings:
            condition, text = firing.condition, conditions.explain(firing)
            # The wish first: a firing that is recorded has been acted on, whoever dies in between.
            if condition["action"] == conditions.KILL:
                self._ask_stop("condition", states.TERMINATED, text)
            elif condition["action"] == conditions.STOP:
                self._ask_stop("condition", states.TERMINATED, text, condition.get("grace"), meant=True)
            procs.pause("fired")
            self._pending.append(
                self._record("fired", c=condition["id"], text=text, data=conditions.evidence(firing))
            )

    def _check_siblings(self):
        evidence = self._rungs.judge() if self._rungs is not None else None
        if evidence is None:
            return
        if self._stop is None:
            self._stop = self.attempt.read_stop()
        if self._stop is None:
            self._ask_stop("stop_losers", states.TERMINATED, losers.explain(evidence), evidence=evidence)
            procs.pause("judged")
            self._record_rule(self._stop)

    # -- stopping

    def _ask_stop(self, who, state, why, grace=None, **more):
        if self._stop is None:
            self._stop = dict(more, id="", who=who, state=state, why=why, grace=grace)
            try:
                self.attempt.stop(self._stop, sync=False)  # the signal is not to wait for the disk
            except OSError as error:
                if error.errno not in FULL:
                    raise  # a full disk does not make a run go on: we know the wish

    def _check_stop(self):
        """A polite signal to all of the run, the last one after the grace; the wrapper lives and writes the status."""
        if self._stop is None:
            self._stop = self.attempt.read_stop()
        if self._stop is None or not self._find_wrapper() or not self._lives():
            return
        pid, mark, now = self._wrapper, self._mark, time.monotonic()
        if self._signalled is None:
            procs.pause("stopping")
            procs.end_tree(pid, mark, pid, signal.SIGTERM)
            self._signalled = now
        elif now - self._signalled > self._grace():
            procs.kill_tree(pid, mark, pid)

    def _grace(self):
        given = (self._stop.get("grace"), self.spec.get("grace"), GRACE)
        return next(seconds for seconds in given if seconds is not None)

    def _stop_that_counts(self):
        """The wish that ended this attempt, or None: a program may have ended by itself before it was made."""
        stop = self._stop or self.attempt.read_stop()
        if stop is None or self._signalled is not None or self._status is None:
            return stop
        try:
            return stop if self.attempt.stopped_at() <= self.attempt.ended_at() else None
        except FileNotFoundError:
            return None

    # -- recording

    def _record(self, kind, **fields):
        return dict({"t": time.time()}, e=kind, i=self.attempt.index, a=self.attempt.attempt, **fields)

    def _warn(self, text, stream=None):
        """Says this once a run, whoever watches it: for the processor of a stream, whatever it is."""
        key = stream or text
        if key not in self._past.warned:
            self._past.warned.add(key)
            self._pending.append(self._record("warn", text=text, s=stream))

    def _record_rule(self, stop):
        """Says why a rule across runs stops this one; once, whoever watches it."""
        if "rule" not in self._past.kinds:
            self._past.kinds.add("rule")
            self._pending.append(self._record("rule", text=stop["why"], data=stop["evidence"]))

    def _flush(self, sync=False):
        """True when everything is in the journal."""
        self._pending = self.journal.append(self._pending, sync)
        self._full = bool(self._pending)
        return not self._full

    def _record_end(self):
        """The last act: everything parsed, the end on the disk, inputs taken out; the kid gives the place back."""
        attempt = self.attempt
        for stream in self._streams:
            self._add_points(stream, stream.finish())
        for text in self._processors.close():
            self._warn(text)
        self._note_environment()
        stop = self._stop_that_counts()
        if stop is None and self._status in outcome.KILLED:
            self.kid.await_own_end()
        if stop is not None:
            # By the mark alone: the number of the wrapper's session may belong to a stranger by now.
            procs.kill_tree(0, "NERONET_RUN=" + attempt.mark, 0)
        status = self._status
        state, reason = outcome.judge(attempt, status, stop, self.here.boot)
        if self._rungs is not None:
            self._rungs.tell()
            begun_anew = attempt.batch.attempt(attempt.index, attempt.attempt + 1).exists()
            if state != states.FINISHED and not begun_anew:
                self._rungs.leave()
        work = attempt.file("work")
        outputs, more = outcome.find_outputs(work, self.spec.get("outputs") or [])
        if more:
            self._warn("more than %d output files; the others stay on the node in %s" % (len(outputs), work))
        procs.pause("ended")
        self._past.kinds.add("ended")
        self._pending.append(
            self._record(
                "ended",
                state=state,
                reason=reason,
                status=status,
                started=self._started,
                ended=attempt.ended_at() if status is not None else time.time(),
                sizes=[stream.size() for stream in self._streams[:3]],
                outputs=outputs,
            )
        )
        while not self._flush(sync=True):
            time.sleep(RETRY)
        procs.pause("recorded")
        unlink_inputs(attempt.batch.manifest(), work)


def patiently(action, *arguments):
    """The result of an action that may be repeated, once the disk has room for it."""
    while True:
        try:
            return action(*arguments)
        except OSError as error:
            if error.errno not in FULL:
                raise
        time.sleep(RETRY)
