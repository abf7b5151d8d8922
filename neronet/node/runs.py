"""The run directory: where everything lies, and the atomic steps of an attempt's life.

    <root>/agent/                      the agent's own files, named by hash
    <root>/files/<aa>/<sha256>         contents, each stored once, read-only
    <root>/places/<place>.json         limits of an entry of the user's nodes.yaml
    <root>/hosts/<host>/lock           held while a run is chosen
    <root>/hosts/<host>/open/          one file per open attempt on this host: what it takes
    <root>/batches/<token>/
        batch.json runs.jsonl env.json order.json
        kids/*.log  tmp/<nonce>/
        run/<index>.<attempt>/   claim.json exit start stop watch.<n> work/ stdout.log stderr.log points.log

`order.json` alone is rewritten (atomically): priority and held runs as the user
last said.  `exit` exists from the beginning, filled with blanks, so that a full
disk cannot lose an exit status.
"""

import json
import os
import shutil
import stat

from neronet.wire.messages import STREAM_FILES

EXIT_ROOM = b" " * 32


def make_private(path):
    os.makedirs(path, mode=0o700, exist_ok=True)
    return path


def write_atomic(path, data, sync=True):
    """Replaces `path` by `data` (bytes) in one step; readers see the old or the new content, never a part."""
    temporary = "%s.%d.tmp" % (path, os.getpid())
    with open(temporary, "wb") as file:
        file.write(data)
        if sync:
            file.flush()
            os.fsync(file.fileno())
    os.rename(temporary, path)


def write_json(path, value, sync=True):
    write_atomic(path, json.dumps(value, separators=(",", ":")).encode("ascii"), sync)


def read_json(path, default=None):
    """The JSON value in `path`; `default` when the file is absent (a broken file raises ValueError)."""
    try:
        with open(path, "rb") as file:
            return json.loads(file.read().decode("utf-8", "surrogateescape"))
    except FileNotFoundError:
        return default


class Root(object):
    """The folder of one user on a node."""

    def __init__(self, path):
        self.path = os.path.abspath(path)

    def prepare(self):
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

    def tokens(self):
        return [name for name in os.listdir(os.path.join(self.path, "batches")) if not name.startswith(".")]


class Batch(object):
    """One submission on this node, as its files say."""

    def __init__(self, root, token):
        self.root, self.token = root, token
        self.path = root.batch(token)
        self.spec = read_json(os.path.join(self.path, "batch.json"))
        if self.spec is None:
            raise FileNotFoundError(self.path)
        self._offsets = None
        self._order = {}
        self._order_stamp = None

    @property
    def place(self):
        return self.spec["place"]

    def order(self):
        """{"priority": number, "held": [[first, last], ...]} as the user last said."""
        path = os.path.join(self.path, "order.json")
        try:
            stamp = os.stat(path).st_mtime_ns
        except FileNotFoundError:
            return self._order
        if stamp != self._order_stamp:
            self._order, self._order_stamp = read_json(path, {}), stamp
        return self._order

    @property
    def priority(self):
        return self.order().get("priority", self.spec.get("priority", 0))

    def held(self, index):
        return any(first <= index <= last for first, last in self.order().get("held", ()))

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
            return json.loads(file.read(offsets[index + 1] - offsets[index]).decode("ascii"))

    def attempt(self, index, attempt):
        return Attempt(self, index, attempt)

    def attempts(self):
        """Every attempt that was claimed, in no order."""
        for name in os.listdir(os.path.join(self.path, "run")):
            index, _, attempt = name.partition(".")
            if index.isdigit() and attempt.isdigit():
                yield Attempt(self, int(index), int(attempt))

    def journal(self, name):
        return os.path.join(self.path, "kids", name)

    def journals(self):
        return sorted(name for name in os.listdir(os.path.join(self.path, "kids")) if name.endswith(".log"))


class Attempt(object):
    """One start of a run: its folder and the atomic steps on it."""

    def __init__(self, batch, index, attempt):
        self.batch, self.index, self.attempt = batch, index, attempt
        self.path = os.path.join(batch.path, "run", "%d.%d" % (index, attempt))

    @property
    def mark(self):
        """What every process of this attempt carries in its environment."""
        return "%s.%d.%d" % (self.batch.token, self.index, self.attempt)

    def file(self, name):
        return os.path.join(self.path, name)

    def stream(self, number):
        return os.path.join(self.path, STREAM_FILES[number])

    def claim(self, nonce, record, program=True):
        """Takes this attempt; True if and only if it is ours now.

        The folder is filled aside and renamed.  NFS may repeat a call whose
        answer was lost, so after any error the claim is read back: the nonce
        tells whose it is.
        """
        aside = os.path.join(self.batch.path, "tmp", nonce)
        os.mkdir(aside, 0o700)
        _create(os.path.join(aside, "claim.json"), json.dumps(dict(record, nonce=nonce)).encode("ascii"))
        _create(os.path.join(aside, "exit"), EXIT_ROOM)
        if program:
            _create(os.path.join(aside, "watch.0"), json.dumps(record["kid"]).encode("ascii"))
            os.mkdir(os.path.join(aside, "work"), 0o700)
            for name in STREAM_FILES:
                _create(os.path.join(aside, name), b"")
        try:
            os.rename(aside, self.path)
        except OSError:
            won = (self.read_claim() or {}).get("nonce") == nonce
            if not won:
                shutil.rmtree(aside, ignore_errors=True)
            return won
        return True

    def exists(self):
        return os.path.lexists(self.path)

    def read_claim(self):
        return read_json(self.file("claim.json"))

    def read_exit(self):
        """The exit status that the wrapper wrote, or None."""
        try:
            with open(self.file("exit"), "rb") as file:
                text = file.read().strip()
        except FileNotFoundError:
            return None
        return int(text) if text.isdigit() else None

    def ended_at(self):
        return os.stat(self.file("exit")).st_mtime

    def read_start(self):
        """(boot id, stat line) of the wrapper once the program was allowed to run, else None."""
        try:
            with open(self.file("start"), encoding="utf-8", errors="surrogateescape") as file:
                boot, _, line = file.read().partition(" ")
        except FileNotFoundError:
            return None
        return boot, line

    def seal(self):
        """Makes sure that no wrapper runs the program from now on (one that was faster keeps its `start`)."""
        try:
            _create(self.file("start"), b"sealed", os.O_EXCL)
        except FileExistsError:
            pass

    def started_at(self):
        return os.stat(self.file("start")).st_mtime

    def read_stop(self):
        return read_json(self.file("stop"))

    def stop(self, record):
        """Asks the watcher to end this attempt; the first wish stays."""
        try:
            _create(self.file("stop.new"), json.dumps(record).encode("ascii"), os.O_TRUNC)
            os.link(self.file("stop.new"), self.file("stop"))
        except FileExistsError:
            pass

    def watcher(self):
        """(n, identity) of the newest watcher; the identity is {} when its file is torn."""
        numbers = [int(name[6:]) for name in os.listdir(self.path) if name.startswith("watch.") and name[6:].isdigit()]
        n = max(numbers, default=-1)
        try:
            return n, read_json(self.file("watch.%d" % n), {})
        except ValueError:
            return n, {}

    def watch(self, n, identity):
        """Becomes watcher `n`; False when somebody else was faster."""
        try:
            _create(self.file("watch.%d" % n), json.dumps(identity).encode("ascii"), os.O_EXCL)
        except FileExistsError:
            return False
        return True

    def watch_times(self):
        return [os.stat(self.file(name)).st_mtime for name in os.listdir(self.path) if name.startswith("watch.")]


def _create(path, data, flags=0):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | flags, 0o600)
    try:
        if data:
            os.write(fd, data)
    finally:
        os.close(fd)


def populate(root, manifest, work, private):
    """Puts the files of a manifest into `work`: links to the stored contents, copies where `private(path)` or no links.

    May be repeated after a kill: what is there already stays.
    """
    # Root writes through any mode: a link would let a program change the content for all runs.
    links = os.geteuid() != 0
    for entry in manifest["entries"]:
        path = os.path.join(work, entry[0])
        if entry[1] == "d":
            os.makedirs(path, exist_ok=True)
            continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.lexists(path):
            continue
        if entry[1] == "l":
            os.symlink(entry[2], path)
            continue
        content = root.content(entry[3]) + (".x" if entry[2] else "")
        if os.stat(content).st_size != entry[4]:
            raise OSError("the content of %s is damaged on this node (after a power cut?)" % entry[0])
        own = private(entry[0])
        if links and not own:
            try:
                os.link(content, path)
                continue
            except OSError:
                links = False  # a file system without them: copy, and do not try again
        part = path + ".neronet-part"
        shutil.copyfile(content, part)
        os.chmod(part, (0o600 if own else 0o400) | (0o100 if entry[2] else 0))
        os.rename(part, path)


def unlink_inputs(root, manifest, work):
    """Takes the unchanged inputs out of a finished attempt's folder; what the program made or changed stays."""
    for entry in manifest["entries"]:
        path = os.path.join(work, entry[0])
        try:
            status = os.lstat(path)
            if entry[1] == "l" and stat.S_ISLNK(status.st_mode) and os.readlink(path) == entry[2]:
                os.unlink(path)
            elif entry[1] == "f" and stat.S_ISREG(status.st_mode) and not status.st_mode & 0o200:
                os.unlink(path)
        except OSError:
            continue
    for folder, _folders, _files in os.walk(work, topdown=False):
        if folder != work:
            try:
                os.rmdir(folder)
            except OSError:
                pass  # the program left something there
