"""One attempt from its claim to its record: prepare, start, follow, end.

Everything here may begin in the middle: an adopted attempt whose program never
started is started, one that runs is followed from the last recorded offset, one
that has ended is recorded.
"""

import errno
import fnmatch
import os
import queue
import select
import shutil
import signal
import threading
import time

from neronet.node import environment, journal, procs, wrapper
from neronet.node.inotify import SAFETY, Watch
from neronet.node.runs import populate, read_json, unlink_inputs
from neronet.node.streams import Stream
from neronet.wire import conditions, states
from neronet.wire.points import MAX_NAMES

GRACE = 10.0  # seconds between the polite signal and the last one, unless the experiment says otherwise
REST = 0.004  # seconds between two looks at a busy stream: the first line goes at once, the next in batches
RETRY = 1.0  # seconds until a full disk is tried again
SHORT = 0.01  # seconds in which many programs are over: before that no watch is set up for them
MAX_OUTPUTS, MAX_OUTPUT_TEXT = 10000, 300 * 1024  # files, and bytes of their names, in one record
POINTS = 2000  # in one record


class Watcher(object):
    """Watches one attempt; `run` returns when its end is recorded."""

    def __init__(self, host, attempt, log, starter, wakeup, adopted=False):
        self.host, self.attempt, self.journal = host, attempt, log
        self.spec = attempt.batch.spec
        self._starter, self._wakeup = starter, wakeup
        self._adopted = adopted
        self._child = None
        self._wrapper = None  # (pid, start time) of the wrapper, once it allowed the program to run
        self._pending = []  # records that wait for room on the disk
        self._names = set()
        self._dropped = 0
        self._conditions = conditions.Conditions(self.spec.get("conditions") or [])
        self._started = None
        self._failure = ""
        self._stopping = None  # monotonic time of the last signal
        self._signals = 0
        self._streams = [Stream(attempt.stream(number), number) for number in range(3)]
        self._watch = None

    # -- the life of it

    def run(self):
        if self._adopted:
            self._resume()
        try:
            if self.attempt.read_exit() is None and self.attempt.read_start() is None:
                self._start_or_fail()
            self._follow()
            self._record_end()
        finally:
            if self._watch is not None:
                self._watch.close()
            for stream in self._streams:
                stream.close()

    def _resume(self):
        """Goes on where the watchers before us ended: their journals say how far they parsed."""
        bases, ends = [0, 0, 0], [0, 0, 0]
        for name in self.attempt.batch.journals():
            for record in journal.records(self.attempt.batch.journal(name)):
                if record.get("i") != self.attempt.index or record.get("a") != self.attempt.attempt:
                    continue
                if record["e"] == "p":
                    if record["to"] > ends[record["s"]]:
                        ends[record["s"]], bases[record["s"]] = record["to"], record["base"]
                    for name_, value, offset, _step in record["v"]:
                        self._names.add(name_)
                        self._conditions.feed(name_, value, offset, record["t"] - self._start_time())
                elif record["e"] == "cut":
                    bases[record["s"]] = record["base"]
                    ends[record["s"]] = max(ends[record["s"]], record["base"])
        self._streams = [
            Stream(self.attempt.stream(number), number, ends[number], bases[number]) for number in range(3)
        ]

    def _start_or_fail(self):
        """Starts the program; a full disk is waited for, what cannot be mended becomes the reason of the failure."""
        told = False
        while self.attempt.read_stop() is None:
            try:
                return self._start()
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    self._failure = "could not be started: %s" % error
                    break
            if not told:
                told = True
                self._warn("the disk of the node is full; the run starts when there is room in %s" % self.host.root.path)
            time.sleep(RETRY)
        # From now on no wrapper may run it, also not one that a dead watcher has just started.
        self.attempt.seal()

    def _start(self):
        """Prepares work/ and starts the wrapper; repeated by whoever adopts an attempt that has no `start`."""
        attempt, root = self.attempt, self.host.root
        batch = attempt.batch
        run = batch.run(attempt.index)
        claim = attempt.read_claim()
        manifest = read_json(root.content(self.spec["manifest"]))
        if manifest is None:
            raise FileNotFoundError("the files of the experiment are gone from %s" % root.path)
        own = list(self.spec.get("outputs") or []) + list(self.spec.get("writable") or [])
        procs.pause("claimed")
        populate(root, manifest, attempt.file("work"), lambda path: matches(path, own))
        captured = read_json(os.path.join(batch.path, "env.json"))
        gpus = claim["gpus"] if claim["counts_gpus"] else None
        variables = environment.for_program(captured["base"], captured["line"], self.spec, attempt, gpus)
        argv = run["argv"]
        setup = self.spec.get("setup")
        if setup:
            argv = wrapper.with_setup(argv, setup, shutil.which("bash", path=variables.get("PATH")) or "/bin/sh")
            variables["NERONET_SETUP_FAILED"] = attempt.file("setup-failed")
        variables["NERONET_WAKE"] = " ".join(
            wrapper.quote(word) for word in procs.agent_argv("nerokid", root.path, batch.place)
        ) + " </dev/null >/dev/null 2>&1 &"
        command = ["/bin/sh", wrapper.script_path(root), attempt.path, self.host.here.boot, str(os.getpid())] + argv
        procs.pause("prepared")
        self._child = self._starter.start(command, variables)
        procs.pause("spawned")

    def _follow(self):
        """Until the wrapper has written the exit status, or is gone without it."""
        if self._child is not None and not self._streams_hold_something():
            # Programs that are over at once are the rule in some sweeps: no watch for those.
            self._sleep(SHORT)
        begun = False
        while True:
            if not begun and self._find_wrapper():
                begun = True
                self._write([{"e": "started", "i": self.attempt.index, "a": self.attempt.attempt, "t": self._start_time()}])
                procs.pause("started")
            ended = self._is_over()
            busy = self._pump()
            if ended:
                if self._pending:
                    time.sleep(RETRY)
                elif not busy:
                    return
                continue
            if self._watch is None:
                self._watch = Watch()
                self._watch.add(self.attempt.path)
                continue  # look once more: what came before the watch gives no event
            self._check_stop()
            if busy:
                self._sleep(REST)
            else:
                self._watch.wait(self._patience(), self._wakeup)
                self._drain_wakeup()
            self._watch.take()

    def _streams_hold_something(self):
        return any(stream.size() for stream in self._streams)

    def _patience(self):
        """Seconds until something must be looked at even when nothing changes."""
        wait = SAFETY
        if self._pending:
            wait = min(wait, RETRY)
        if self._started is not None:
            elapsed = time.time() - self._started
            for moment in (self._conditions.next_tick(), self.spec.get("time")):
                if moment is not None:
                    wait = min(wait, max(0.01, moment - elapsed))
        if self._stopping is not None:
            wait = min(wait, 0.05)
        if self._child is None:
            wait = min(wait, 0.25)  # no SIGCHLD for a wrapper that is not our child
        return wait

    def _sleep(self, seconds):
        """Rests, but not a moment longer than the wrapper lives."""
        if select.select([self._wakeup], [], [], seconds)[0]:
            self._drain_wakeup()

    def _drain_wakeup(self):
        try:
            os.read(self._wakeup, 4096)
        except BlockingIOError:
            pass

    # -- looking

    def _start_time(self):
        if self._started is None:
            try:
                self._started = self.attempt.started_at()
            except FileNotFoundError:
                return time.time()
        return self._started

    def _find_wrapper(self):
        if self._wrapper is None:
            start = self.attempt.read_start()
            if start is not None:
                self._wrapper = procs.parse_stat(start[1])
                self._boot = start[0]
                self._start_time()
        return self._wrapper is not None

    def _is_over(self):
        """True when the program's end is certain: its exit status is there, or its wrapper is gone."""
        if self._child is not None:
            if self._child.poll() is None:
                return self.attempt.read_exit() is not None
            # It may have ended at once because the wrapper of a dead watcher was faster.
            self._child = None
        return not self._lives() or self.attempt.read_exit() is not None

    def _lives(self):
        if self._find_wrapper():
            return self._boot == self.host.here.boot and procs.start_time(self._wrapper[0]) == self._wrapper[1]
        if self.attempt.read_start() is None:
            return False
        # An empty or torn `start`: its wrapper was killed in the act, or is just about to write it.
        time.sleep(0.05)
        return self._find_wrapper() or bool(procs.tree_of(0, "NERONET_RUN=" + self.attempt.mark, 0))

    def _pump(self):
        """Reads what is new; True when there may be more at once."""
        more = False
        if self._pending and not self._flush():
            return False
        for stream in self._streams:
            found, cut, rest = stream.read()
            more = more or rest
            records = []
            if cut:
                records.append(self._record("cut", s=stream.number, base=stream.base))
            records.extend(self._points(stream, found))
            if records:
                self._write(records)
                more = True
        if self._started is not None:
            self._act_on(self._conditions.tick(time.time() - self._started))
            limit = self.spec.get("time")
            if limit and time.time() - self._started > limit and not self.attempt.read_stop():
                self.attempt.stop({"id": "", "who": "nerokid", "state": states.TIMEOUT,
                                   "why": "ran longer than %s" % _duration(limit)})
        return more

    def _points(self, stream, found):
        """Journal records of these points, small enough to travel one by one."""
        now = time.time()
        kept = []
        for point in found:
            if point[0] not in self._names:
                if len(self._names) >= MAX_NAMES:
                    self._drop()
                    continue
                self._names.add(point[0])
            kept.append(point)
            self._act_on(self._conditions.feed(point[0], point[1], point[2], now - self._start_time()))
        records = []
        for first in range(0, len(kept), POINTS):
            part = kept[first : first + POINTS]
            # Whoever goes on after a part begins with the line of the next point.
            to = kept[first + POINTS][2] if first + POINTS < len(kept) else stream.to
            records.append(self._record("p", s=stream.number, to=to, base=stream.base, v=part))
        return records

    def _drop(self):
        if not self._dropped:
            self._warn("more than %d different names of metrics; further ones are only in the log" % MAX_NAMES)
        self._dropped += 1

    def _act_on(self, firings):
        for condition, value, _offset in firings:
            text = conditions.explain(condition, value)
            if condition["action"] == "kill":
                self.attempt.stop({"id": "", "who": "condition", "state": states.TERMINATED, "why": text})
            else:
                self._warn(text)

    # -- stopping

    def _check_stop(self):
        """A polite signal to the group, the last one after the grace, then whatever carries our mark."""
        if not self._find_wrapper() or self.attempt.read_stop() is None:
            return
        pid, start = self._wrapper
        if procs.start_time(pid) != start:
            return
        mark = "NERONET_RUN=" + self.attempt.mark
        now = time.monotonic()
        if self._signals == 0:
            procs.pause("stopping")
            procs.end_tree(pid, mark, pid, signal.SIGTERM)
            self._stopping, self._signals = now, 1
        elif now - self._stopping > self.spec.get("grace", GRACE):
            procs.kill_tree(pid, mark, pid)
            self._stopping = now

    # -- recording

    def _record(self, kind, **fields):
        return dict(fields, e=kind, i=self.attempt.index, a=self.attempt.attempt, t=time.time())

    def _warn(self, text):
        self._write([self._record("warn", text=text)])

    def _write(self, records, sync=False):
        self._pending.extend(records)
        return self._flush(sync)

    def _flush(self, sync=False):
        self._pending = self.journal.append(self._pending, sync)
        return not self._pending

    def _record_end(self):
        """The last act: everything parsed, the end on the disk, inputs taken out, the place given back by the caller."""
        for stream in self._streams:
            found = stream.finish()
            self._write(self._points(stream, found))
        status = self.attempt.read_exit()
        stop = self.attempt.read_stop()
        state, reason = self._judge(status, stop)
        if stop is not None:
            self._sweep()
        work = self.attempt.file("work")
        outputs, more = find_outputs(work, self.spec.get("outputs") or [])
        if more:
            self._warn("more than %d output files; the others stay on the node in %s" % (MAX_OUTPUTS, work))
        procs.pause("ended")
        record = self._record(
            "ended", state=state, reason=reason, status=status,
            started=self._started, ended=self.attempt.ended_at() if status is not None else time.time(),
            sizes=[stream.size() for stream in self._streams], outputs=outputs,
        )
        while not self._write([record] if record else [], sync=True):
            record = None  # it is pending now, and stays so until there is room
            time.sleep(RETRY)
        procs.pause("recorded")
        manifest = read_json(self.host.root.content(self.spec["manifest"]))
        if manifest is not None:
            unlink_inputs(self.host.root, manifest, work)

    def _sweep(self):
        pid = self._wrapper[0] if self._find_wrapper() else 0
        procs.kill_tree(pid, "NERONET_RUN=" + self.attempt.mark, 0)

    def _judge(self, status, stop):
        if self._failure:
            return states.FAILED, self._failure
        if status is None:
            start = self.attempt.read_start()
            if start is not None and start[0] and start[0] != self.host.here.boot:
                return states.LOST, "the node was rebooted at %s" % _utc(procs.boot_time())
            if stop is not None:
                return stop["state"], stop["why"]
            return states.LOST, "its process disappeared without an exit status (killed from outside?)"
        if stop is not None and os.stat(self.attempt.file("stop")).st_mtime <= self.attempt.ended_at():
            return stop["state"], stop["why"]
        failed = procs.read_text(self.attempt.file("setup-failed")).strip()
        if failed:
            line = self.spec["setup"][int(failed) - 1]
            return states.FAILED, "setup line %s: %s (exit code %d)" % (failed, line, status)
        if status in (126, 127):
            program = self.attempt.batch.run(self.attempt.index)["argv"][0]
            captured = read_json(os.path.join(self.attempt.batch.path, "env.json"))
            path = dict(captured["base"], **(self.spec.get("env") or {})).get("PATH")
            if shutil.which(program, path=path) is None:
                return states.FAILED, "the program %s was not found on the node" % program
        return states.describe_exit(status)


class Starter(object):
    """Starts programs from a thread of its own, so that they do not inherit the niceness of the watching thread."""

    def __init__(self):
        self._wishes, self._answers = queue.Queue(), queue.Queue()
        threading.Thread(target=self._serve, daemon=True).start()

    def start(self, argv, variables):
        self._wishes.put((argv, variables))
        answer = self._answers.get()
        if isinstance(answer, OSError):
            raise answer
        return answer

    def _serve(self):
        while True:
            argv, variables = self._wishes.get()
            try:
                self._answers.put(procs.spawn_detached(argv, variables))
            except OSError as error:
                self._answers.put(error)


def matches(path, patterns):
    """True when a path below work/ is one of `patterns`, or lies in a folder that is."""
    parts = path.split("/")
    prefixes = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    return any(fnmatch.fnmatchcase(prefix, pattern.rstrip("/")) for pattern in patterns for prefix in prefixes)


def find_outputs(work, patterns):
    """([[path, size, executable], ...], whether some were left out): the regular files that `patterns` name."""
    found, text = [], 0
    if not patterns:
        return found, False
    for folder, _folders, names in os.walk(work):
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), work)
            if not matches(path, patterns):
                continue
            status = os.lstat(os.path.join(work, path))
            if status.st_mode & 0o170000 != 0o100000:
                continue  # links and devices do not travel
            text += len(path)
            if len(found) == MAX_OUTPUTS or text > MAX_OUTPUT_TEXT:
                return found, True
            found.append([path, status.st_size, int(bool(status.st_mode & 0o100))])
    return found, False


def _duration(seconds):
    for size, word in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size and seconds % size == 0:
            return "%d %s" % (seconds // size, word)
    return "%g seconds" % seconds


def _utc(seconds):
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))


