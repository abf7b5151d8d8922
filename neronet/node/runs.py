"""The run directory: where everything lies, and the atomic steps of an attempt's life.

    <root>/agent/                      the agent's own files, named by hash
    <root>/files/<aa>/<sha256>         contents, each stored once, read-only
    <root>/places/<place>.json         limits of an entry of the user's nodes.yaml
    <root>/hosts/<host>/lock           held while a run is chosen
    <root>/hosts/<host>/open/          one file per open attempt on this host: what it takes
    <root>/batches/<token>/
        batch.json runs.jsonl env.json order.json claimed
        kids/*.log  rungs/*.log  tmp/<nonce>/
        run/<index>.<attempt>/   claim.json exit start stop verdict watch.<n> work/ stdout.log stderr.log points.log

`order.json` alone is rewritten (atomically): priority and held runs as the user
last said.  `claimed` says that every run is.  `exit` exists from the beginning,
filled with blanks, so that a full disk cannot lose an exit status.  Watcher 0 is
the kid of claim.json.
"""

import errno
import json
import os

from neronet.node import fresh
from neronet.node.after import After, within
from neronet.node.files import create, make_private, read_json, remove, write_json
from neronet.node.procs import read_bytes
from neronet.wire.messages import STREAM_FILES

EXIT_ROOM = b" " * 32
SEALED = "sealed"  # in the place of a boot id: no wrapper may run the program any more


class Root(object):
    """The folder of one user on a node."""

    def __init__(self, path):
        self.path = os.path.abspath(path)
        self.local = fresh.is_local(self.path)

    def prepare(self):
        os.makedirs(self.path, mode=0o700, exist_ok=True)
        for name in ("agent", "files", "places", "hosts", "batches"):
            make_private(os.path.join(self.path, name))
        return self

    def content(self, sha):
        return os.path.join(self.path, "files", sha[:2], sha)

    def place(self, place):
        return os.path.join(self.path, "places", place + ".json")

    def host(self, host):
        return os.path.join(self.path, "hosts", host)

    def batch(self, token):
        return os.path.join(self.path, "batches", token)

    def all_claimed(self, token, now=False):
        """Whether every run of a batch is claimed for good, as somebody found; `now`: it was found just now."""
        path = os.path.join(self.batch(token), "claimed")
        if now:
            open(path, "ab").close()
        return now or os.path.exists(path)

    def tokens(self):
        return [name for name in os.listdir(os.path.join(self.path, "batches")) if not name.startswith(".")]


class Batch(object):
    """One submission on this node, as its files say."""

    def __init__(self, root, token):
        self.root, self.token = root, token
        self.path = root.batch(token)
        self.spec = read_json(os.path.join(self.path, "batch.json"))
        if self.spec is None:
            raise FileNotFoundError("these runs are no longer on the node: %s is gone" % self.path)
        self.after = After(root, self.spec.get("after"))
        self._order = {}
        self._order_stamp = None
        self.forget()

    def forget(self):
        """Drops what was read and can be read again; it may be large."""
        self._offsets = self._manifest = self._environment = None

    @property
    def place(self):
        return self.spec["place"]

    def manifest(self):
        """What the runs get as their files; raises FileNotFoundError when it is gone."""
        if self._manifest is None:
            self._manifest = read_json(self.root.content(self.spec["manifest"]))
            if self._manifest is None:
                raise FileNotFoundError("the files of the experiment are gone from %s" % self.root.path)
        return self._manifest

    def environment(self):
        """{"base": the login environment, "line": what makes C programs flush each line}"""
        if self._environment is None:
            self._environment = read_json(os.path.join(self.path, "env.json"))
        return self._environment

    def order(self):
        """{"priority": number, "held": [[first, last], ...], "released": ...} as the user last said."""
        path = os.path.join(self.path, "order.json")
        try:
            shared = not self.root.local
            if shared and self._order_stamp is None and "order.json" not in os.listdir(self.path):
                return self._order
            status = os.stat(path)
        except FileNotFoundError:  # the batch is being deleted
            return self._order
        stamp = status.st_mtime_ns, status.st_ino  # two wishes may fall into one tick of the clock
        if stamp != self._order_stamp:
            self._order, self._order_stamp = read_json(path, {}), stamp
        return self._order

    def refresh_order(self):
        """From now on counts what the user has said meanwhile on another machine."""
        fresh.refresh(self.path)
        fresh.refresh(os.path.join(self.path, "order.json"))

    @property
    def priority(self):
        return self.order().get("priority", self.spec.get("priority", 0))

    def held(self, index):
        return within(index, self.order().get("held", ()))

    def startable(self, index):
        """Whether nothing of ours keeps this run from starting: neither the user nor runs that it comes after."""
        order = self.order()
        held, released = (within(index, order.get(word, ())) for word in ("held", "released"))
        return not held and (released or not self.after.blocks())

    def _index(self):
        if self._offsets is None:
            self._offsets = [0]
            with open(os.path.join(self.path, "runs.jsonl"), "rb") as file:
                for line in file:
                    self._offsets.append(self._offsets[-1] + len(line))
        return self._offsets

    def __len__(self):
        return len(self._index()) - 1

    def run(self, index):
        """{"number", "name", "argv", "parameters", "attempt"} of the run at `index`."""
        offsets = self._index()
        with open(os.path.join(self.path, "runs.jsonl"), "rb") as file:
            file.seek(offsets[index])
            return json.loads(file.read(offsets[index + 1] - offsets[index]).decode("utf-8"))

    def attempt(self, index, attempt):
        return Attempt(self, index, attempt)

    def attempts(self):
        """The names of the folders of all attempts."""
        return fresh.names(os.path.join(self.path, "run"))

    def journal(self, writer, kind=""):
        """Path of the journal of the process with this identity."""
        return os.path.join(
            self.path, "kids", "%s-%d-%s%s.log" % (writer["host"], writer["pid"], writer["start"], kind)
        )


def parse_mark(mark):
    """(token, index, attempt) of what `Attempt.mark` made, or None."""
    token, _, run = mark.partition(".")
    index, _, number = run.partition(".")
    return (token, int(index), int(number)) if index.isdigit() and number.isdigit() else None


class Attempt(object):
    """One start of a run: its folder and the atomic steps on it."""

    def __init__(self, batch, index, attempt):
        self.batch, self.index, self.attempt = batch, index, attempt
        self.path = "%s/run/%d.%d" % (batch.path, index, attempt)

    @property
    def mark(self):
        """What every process of this attempt carries in its environment."""
        return "%s.%d.%d" % (self.batch.token, self.index, self.attempt)

    def file(self, name):
        return self.path + "/" + name  # asked for dozens of times in the life of a short run

    def stream(self, number):
        return self.file(STREAM_FILES[number])

    def claim(self, nonce, record, program=True):
        """Takes this attempt; True if and only if it is ours now.

        The folder is filled aside and renamed.  NFS may repeat a call whose
        answer was lost, so after any error the claim is read back: the nonce
        tells whose it is.
        """
        aside = os.path.join(self.batch.path, "tmp", nonce)
        record = dict(record, nonce=nonce)
        try:
            os.mkdir(aside, 0o700)
            create(os.path.join(aside, "claim.json"), json.dumps(record).encode("ascii"))
            if program:
                create(os.path.join(aside, "exit"), EXIT_ROOM)
                os.mkdir(os.path.join(aside, "work"), 0o700)
                for name in STREAM_FILES[:2]:  # the third is made by programs that want it
                    create(os.path.join(aside, name), b"")
            os.rename(aside, self.path)
        except OSError as error:
            if (self.read_claim() or {}).get("nonce") == nonce:
                return True
            _discard(aside)
            if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
                return False
            raise
        return True

    def exists(self, surely=False):
        """surely: a moment after another machine has made it, too."""
        return os.path.lexists(self.path) or (surely and os.path.basename(self.path) in self.batch.attempts())

    def _has(self, name):
        """Whether there is a file that may come from another machine."""
        return os.path.lexists(self.file(name)) if self.batch.root.local else name in fresh.names(self.path)

    def read_claim(self):
        return read_json(self.file("claim.json"))

    def read_exit(self):
        """The exit status that the wrapper wrote, or None."""
        try:
            text = read_bytes(self.file("exit")).strip()
        except FileNotFoundError:
            return None
        return int(text) if text.isdigit() else None

    def ended_at(self):
        return os.stat(self.file("exit")).st_mtime

    def read_start(self):
        """(boot id, line with the pid) of the wrapper once the program was allowed to run, (SEALED, why) or None."""
        try:
            boot, _, line = read_bytes(self.file("start")).decode("utf-8", "surrogateescape").partition(" ")
        except FileNotFoundError:
            return None
        return boot, line

    def check_room(self):
        """Raises OSError when a small file cannot be written here."""
        create(self.file("room"), b" " * 4096)
        remove(self.file("room"))

    def seal(self, why):
        """Makes sure that no wrapper runs the program from now on (one that was faster keeps its `start`)."""
        try:
            create(
                self.file("start"), ("%s %s" % (SEALED, why)).encode("utf-8", "surrogateescape"), os.O_EXCL
            )
        except FileExistsError:
            pass

    def started_at(self):
        return os.stat(self.file("start")).st_mtime

    def read_stop(self):
        try:
            return read_json(self.file("stop")) if self._has("stop") else None
        except ValueError:  # cut short by a loss of power, which ended the run as well
            return None

    def set_verdict(self, state, reason):
        """Something from outside ends this attempt: how its program took that does not matter any more."""
        write_json(self.file("verdict"), {"state": state, "why": reason})

    def read_verdict(self):
        return read_json(self.file("verdict")) if self._has("verdict") else None

    def stop(self, record, sync=True):
        """Asks the watcher to end this attempt; the first wish stays.

        Without `sync` a loss of power may take it, and with it the run that it is about.
        """
        if not self._has("stop"):
            write_json(self.file("stop"), record, sync)

    def stopped_at(self):
        return os.stat(self.file("stop")).st_mtime

    def watchers(self):
        """Identities of all watchers so far, by their number; {} for one whose file is torn."""
        numbers = [
            int(name[6:])
            for name in os.listdir(self.path)
            if name.startswith("watch.") and name[6:].isdigit()
        ]
        found = [self._identity("claim.json").get("kid") or {}]
        return found + [self._identity("watch.%d" % n) for n in range(1, max(numbers, default=0) + 1)]

    def _identity(self, name):
        try:
            return read_json(self.file(name), {})
        except ValueError:
            return {}

    def watch(self, n, identity):
        """Becomes watcher `n`; False when somebody else was faster.  Raises OSError when there is no room for it."""
        path = self.file("watch.%d" % n)
        try:
            create(path, json.dumps(identity).encode("ascii"), os.O_EXCL)
        except FileExistsError:
            return False
        return True

    def watch_times(self):
        """When each watcher began."""
        names = [name for name in os.listdir(self.path) if name.startswith("watch.")]
        return [os.stat(self.file(name)).st_mtime for name in ["claim.json"] + names]

    def leave_unwatched(self):
        """Notes that nobody watches this attempt for now."""
        create(self.file("unwatched"), b"")

    def is_left_unwatched(self):
        return os.path.exists(self.file("unwatched"))


def _discard(aside):
    """Removes what `claim` had prepared (without shutil, which is no small thing to load)."""
    if os.path.isdir(aside):
        for name in os.listdir(aside):
            (os.rmdir if name == "work" else os.unlink)(os.path.join(aside, name))
        os.rmdir(aside)
