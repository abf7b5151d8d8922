"""Neromum: serves one connection, keeps nothing in memory that the files do not say, leaves with it.

One loop, one thread: control messages come in, journals, logs and outputs go
out from the offsets that the other side asked for.  Nothing is read ahead of
what the channel takes, so back-pressure needs no queue.
"""

import os
import select
import sys
import threading
import time

import neronet.wire
from neronet.node import acts, choose, contents, environment, facts, feeds, kid, procs
from neronet.node.files import FULL, read_json, write_json
from neronet.node.host import Host
from neronet.node.inotify import rest_after
from neronet.node.runs import Batch, Root
from neronet.wire import frames, messages

SILENCE = 90.0  # seconds without a word after which the other side is taken for gone
HIGH = 512 * 1024  # bytes waiting to be sent from which on nothing more is read
GLANCE = 0.1  # seconds between two looks whether a cluster has answered
WAKE = 2.0  # seconds between two looks whether some kid is missing
BATCH = 512  # bytes sent at once that make the rest until the next look longer: many short runs go together
GATHER = 0.001  # seconds from a change to its sending: what a line gives (its log, its point) goes together


class Neromum(object):
    def __init__(self, root):
        self.root = Root(root).prepare()
        self.here = procs.Here()
        self.host = Host(self.root, self.here)
        self.home = ""
        self.place = ""
        self._out = bytearray()
        self._decoder = frames.Decoder()
        self._contents = contents.Contents(self.root)
        self.feeds = feeds.Feeds(self.root)
        self._journals = acts.Journals(self.here)
        self._environment = None
        self._known = facts.for_limits(facts.lasting(self.root, self.here))
        self._children = []
        self._cluster = None
        self._look = None  # at the cluster, while it lasts
        self._load_every = 0.0
        self._load_at = None
        self._heard = time.monotonic()
        self._wake_at = self._heard + WAKE
        self._woken = False  # something that is fed has changed
        self._rest_until = 0.0

    # -- the loop

    def main(self):
        for fd in (0, 1):
            os.set_blocking(fd, False)
        self.say(
            {
                "m": "hello",
                "protocol": neronet.wire.PROTOCOL,
                "version": os.path.basename(sys.argv[0]),
                "facts": facts.hello(self.root, self.here),
            }
        )
        self._send()
        self._compile()
        while self._turn():
            pass
        if self._environment is not None:
            self._environment.result()  # start-up files that are cut off in the middle may leave locks behind
        return 0

    def _compile(self):
        """Once for each agent and python: kids start in half the time."""
        if sys.version_info < (3, 7) or os.path.exists(procs.compiled(sys.argv[0])):
            return
        from neronet.node import compiled  # it takes a while

        try:
            compiled.build(sys.argv[0])
        except OSError:
            pass  # a disk that is full, or may not be written

    def _turn(self):
        watched = [] if self._woken or not self.feeds.watch.works else [self.feeds.watch.fileno()]
        timeout = self._timeout(time.monotonic())
        readable, writable, _ = select.select([0] + watched, [1] if self._out else [], [], timeout)
        if 0 in readable and not self._receive():
            return False
        now = time.monotonic()
        if watched and watched[0] in readable:
            self._woken = True
            self._rest_until = max(self._rest_until, now + GATHER)
        if not self._woken or now >= self._rest_until:
            self.feeds.look(self._woken, now)
            self._woken = False
        sent, there = False, len(self._out)
        while len(self._out) < HIGH:
            message = self.feeds.next()
            if message is None:
                break
            sent = True
            self.say(*message)
        if sent:
            self._rest_until = now + rest_after(len(self._out) - there, BATCH)
        if self._load_at is not None and now >= self._load_at:
            self._say_load(now)
        if self._look is not None and self._look.found is not None:
            self.say({"m": "cluster", "cluster": self._look.found})
            self._look = None
        if now >= self._wake_at:
            self.wake()  # a kid may have been killed since
        self._children = [child for child in self._children if child.poll() is None]
        if self._out and (writable or sent) and not self._send():
            return False
        return now - self._heard < SILENCE

    def _timeout(self, now):
        if self.feeds.ready() and len(self._out) < HIGH:
            return 0.0
        look = self._rest_until - now if self._woken else self.feeds.patience(now)
        wait = min(look, self._wake_at - now)
        if self._load_at is not None:
            wait = min(wait, self._load_at - now)
        if self._look is not None:
            wait = min(wait, GLANCE)
        return max(0.0, wait)

    def _receive(self):
        try:
            data = os.read(0, 1024 * 1024)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not data:
            return False
        self._heard = time.monotonic()
        for message, payload in self._decoder.feed(data):
            self._obey(messages.check(message, messages.TO_NODE), payload)
        return True

    def _send(self):
        try:
            while self._out:
                written = os.write(1, self._out[: 256 * 1024])
                del self._out[:written]
        except BlockingIOError:
            pass
        except OSError:
            return False
        return True

    def say(self, message, payload=None):
        self._out += frames.encode(message, payload)

    def _obey(self, message, payload):
        kind = message["m"]
        try:
            getattr(self, "_on_" + kind)(message, payload)
        except (OSError, ValueError) as error:
            about = message.get("token") or message.get("sha") or message.get("key") or ""
            if getattr(error, "errno", None) in FULL:
                text, hint = (
                    "the disk is full at %s" % self.root.path,
                    "make room there, or set another `root:` for the node",
                )
            else:
                text, hint = str(error), "look at %s on the node" % self.root.path
            self.say({"m": "error", "about": "%s %s" % (kind, about), "text": text, "hint": hint})

    # -- who is there

    def _on_hello(self, message, _payload):
        self.home = message["home"]

    def _on_place(self, message, _payload):
        self.place = message["place"]
        path = self.root.place(self.place)
        limits = message["limits"]
        if read_json(path) != limits:
            write_json(path, limits)
        if limits.get("warden") and self._cluster is None:
            from neronet.node.cluster import Cluster  # no small thing to load, and most nodes have none
            from neronet.node.wardens import find

            warden = find(limits["warden"], limits.get("commands"))
            self._cluster = Cluster(self.root, self.place, warden, limits.get("query_every"))
        self.wake()

    def _on_ping(self, message, _payload):
        self.say({"m": "pong", "id": message["id"]})

    def _on_load(self, message, _payload):
        self._load_every = message["interval"]
        self._say_load(time.monotonic())
        if message.get("cluster") and self._cluster is not None and self._look is None:
            from neronet.node.clusterfacts import Look  # rarely asked for

            self._look = Look(self._cluster)

    def _say_load(self, now):
        load = facts.load(self.root)
        if self._cluster is not None:
            load["waits"], load["used"] = self._cluster.waits, self._cluster.used
        else:
            load["waits"] = self.host.why_waiting(self.place, self._limits())
            with self.host.locked():
                load["used"] = len(self.host.open_attempts())
        self.say({"m": "load", "load": load})
        self._load_at = now + self._load_every if self._load_every > 0 else None

    # -- submissions

    def _on_have(self, message, _payload):
        if self._environment is None:
            self._environment = Captured()
        self.say({"m": "missing", "shas": self._contents.missing(message["shas"])})

    def _on_file(self, message, payload):
        if self._contents.part(message["sha"], message["offset"], message["total"], payload or b""):
            self.say({"m": "stored", "sha": message["sha"]})

    def _on_batch(self, message, _payload):
        token, batch = message["token"], dict(message["batch"])
        given = batch.pop("environment", None)
        if not os.path.exists(self.root.batch(token)):
            if given is None and self._environment is None:
                self._environment = Captured()
            base, line = (
                (given, environment.line_buffering(given))
                if given is not None
                else self._environment.result()
            )
            self._contents.store_batch(token, batch, base, line)
        procs.pause("stored")
        self.say({"m": "accepted", "token": token})
        self._send()  # at once: to start kids takes longer than all of the above
        self._tell_cluster()
        self.wake()

    def wake(self):
        """Starts kids where some have something to do."""
        self._wake_at = time.monotonic() + WAKE
        if not self.place or self._cluster is not None:
            return
        limits = self._limits()
        # Where a kid waits for room or for a GPU that others use, nobody else needs to.
        waiter = self.host.sole_waiter()
        if waiter is None and not facts.disk(self.root.path)[1]:
            return
        if waiter is not None:
            os.close(waiter)
        for _ in range(self.host.work_for(self.place, limits, limits.gpus if waiter is None else ())):
            self._children.append(kid.spawn(self.root, self.place))

    def _limits(self):
        return choose.limits(read_json(self.root.place(self.place), {}), self._known)

    # -- what goes out

    def _on_follow(self, message, _payload):
        self.feeds.follow(message["token"], message["offsets"])

    def _on_unfollow(self, message, _payload):
        self.feeds.unfollow(message["token"])

    def _on_log(self, message, _payload):
        self.feeds.log(message)

    def _on_output(self, message, _payload):
        self.feeds.output(message)

    def _on_read(self, message, _payload):
        self.feeds.read(message)

    def _on_sync(self, message, _payload):
        self.feeds.sync(message["id"])

    # -- wishes

    def _on_act(self, message, _payload):
        try:
            batch = Batch(self.root, message["token"])
        except FileNotFoundError:
            self.say(
                {
                    "m": "done",
                    "id": message["id"],
                    "result": {"problem": "these runs are no longer on the node"},
                }
            )
            return
        result = acts.act(batch, message, self._journals)
        self.say({"m": "done", "id": message["id"], "result": result})
        self._tell_cluster()
        self.wake()

    def _tell_cluster(self):
        if self._cluster is not None:
            self._cluster.wake()

    def _on_list(self, _message, _payload):
        items = []
        for token in self.root.tokens():
            try:
                spec = Batch(self.root, token).spec
            except (FileNotFoundError, ValueError):
                continue  # deleted meanwhile, or damaged by a power cut
            items.append(
                {"token": token, "home": spec["home"], "place": spec["place"], "created": spec["created"]}
            )
        self.say({"m": "batches", "items": items})

    def _on_tidy(self, message, _payload):
        token = message["token"]
        spec = read_json(os.path.join(self.root.batch(token), "batch.json"))
        with self.host.locked():
            is_open = any(attempt.batch.token == token for attempt, _ in self.host.open_attempts())
        problem = ""
        if spec is not None and spec["home"] != self.home:
            problem = "another home made this batch"
        elif is_open:
            problem = "runs of this batch are still open"
        if problem:
            self.say({"m": "error", "about": "tidy " + token, "text": problem, "hint": ""})
            return
        self.feeds.unfollow(token)
        self._contents.remove_batch(token)
        self.say({"m": "tidied", "token": token})


class Captured(object):
    """The login environment, captured in the background while files still arrive."""

    def __init__(self):
        self._capture = environment.Capture()
        self._result = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        base = self._capture.result()
        self._result = base, environment.line_buffering(base)

    def result(self):
        self._thread.join()
        return self._result


def main(root):
    procs.set_title("neromum")
    try:
        return Neromum(root).main()
    except frames.Malformed as error:
        sys.stderr.write("neromum: %s\n" % error)
        return 1
