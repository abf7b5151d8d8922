"""Append-only journals: one per kid and batch, a JSON record a line.

Only whole records count.  A record that could not be written whole is taken
back at once, so a full disk leaves no torn line inside; a kill may leave one at
the end, which every reader ignores.

Records (`e` is the kind; i, a: index and attempt within the batch; t: time):
  kid      who writes: host, boot, ns, pid, start, version, python
  claimed  i a t, gpus; native id and place where there is one
  adopted  i a t, n: another watcher took over
  started  i a t: the program runs since then
  p        i a s t, to: the stream is parsed up to there, base: offset of the
           physical file's beginning (it grows when a program truncates its
           output); v: [[name, value, offset, step or null], ...]; of stream 3
           (samples of what the run uses) offsets are milliseconds since its start
  env      i a t facts: what the run runs on, known about a second after its start
  fired    i a t text, c: id of the condition, which fires once an attempt; data: the numbers that
           caused it; stands before the points that did
  warn     i a t text: something the user should read
  rule     i a t text: a rule across runs stops this one; data: the evidence of wire/losers.py
  cut      i a s base: the program truncated its own output
  ended    i a t, state reason status started ended, sizes: physical sizes of
           the three streams, outputs: [[path, size, executable], ...]
"""

import json
import os
import time

from neronet.node.files import FULL

_to_json = json.JSONEncoder(separators=(",", ":")).encode  # json.dumps would make an encoder for each record

FLUSH_EVERY = 0.5  # seconds


def encode(record):
    return _to_json(record).encode("ascii") + b"\n"


class Journal(object):
    """The writing end; only its own process ever writes to it."""

    def __init__(self, path):
        self.path = path
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._fd).st_size
        self._owes, self._flushed = (
            False,
            -FLUSH_EVERY,
        )  # records that are to be on the disk; when that was done last

    def fileno(self):
        return self._fd

    @property
    def empty(self):
        return self._size == 0

    def append(self, records, sync=False):
        """The records that found no room (a full disk); [] when all are written.

        With `sync` they are on the disk, too, or will be soon: runs that end in a row share a flush, since a loss
        of power takes no more than the last half second, and shows those runs as lost instead of ended.
        """
        data = b"".join(map(encode, records))
        try:
            written = os.write(self._fd, data)
        except OSError as error:
            if error.errno not in FULL:
                raise
            written = 0
        if written < len(data):
            # Whole records may have been read by others already: only a torn one is taken back.
            written = data.rfind(b"\n", 0, written) + 1
            os.ftruncate(self._fd, self._size + written)
            records = records[data.count(b"\n", 0, written) :]
        else:
            records = []
        self._size += written
        self._owes = self._owes or sync
        if self._owes and time.monotonic() - self._flushed >= FLUSH_EVERY:
            self._flush()
        return records

    def close(self):
        if self._owes:
            self._flush()
        os.close(self._fd)

    def _flush(self):
        os.fdatasync(self._fd)
        self._owes, self._flushed = False, time.monotonic()


def records(path, index, attempt):
    """The whole records of one attempt in a journal, in order; none when there is no such file."""
    sign = b'"i":%d,' % index  # most lines are of other runs, and to parse them all takes long
    try:
        with open(path, "rb") as file:
            for line in file:
                if sign in line and line.endswith(b"\n"):
                    record = json.loads(line.decode("ascii"))
                    if record.get("i") == index and record.get("a") == attempt:
                        yield record
    except FileNotFoundError:
        return
