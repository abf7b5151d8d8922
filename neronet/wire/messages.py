"""What the two sides say to each other over the one duplex stream.

A message is one JSON line `{"m": kind, ...}`, followed by exactly `size` raw
bytes when it has a `size`.  The tables below are the definition: field ->
type.  `check` refuses everything else before anybody acts on it.  A node is
never named in a message: who speaks is known from the connection.

From the user side (TO_NODE)
  hello     protocol and version of the speaker; home: id of the user's home
  place     how this entry of nodes.yaml may be used; stored on the node.
            limits: {"slots", "gpus", "memory"} where given, kids enforce them
  have      which of these contents (sha256) are missing?        -> missing
  file      a part of a content; the last part makes it whole    -> stored
  batch     one submission; the contents it names were sent      -> accepted
            (sent again with the same token it is only accepted again)
            held (may be left out): [[first, last], ...] that may not begin yet
  follow    send the journals of this batch from these offsets, from now on
  unfollow  stop that
  log       send this stream of an attempt from `offset`; until >= 0: up to that
            physical size, then `end`; until -1: go on as it grows
  output    send a file of work/ from `offset`, then `end`
  act       do: terminate | withdraw | hold | release | priority  -> done
            runs: [[first, last], ...] indices, both included
            point (may be left out): terminates only runs whose last checkpoint is not beyond it (see losers.py)
  sync      say `synced` when all that is there now has been sent
  load      send `load` every `interval` seconds (0: once): {"load1", "used", "memory_free", ...,
            "waits": {token: why no run of this batch can start with these limits}}
            cluster (may be left out): say too what is known of the cluster    -> cluster
  list      which batches of which homes are here?              -> batches
  read      what: batch | runs | content                         -> content
  tidy      delete this batch; all of it has arrived at its home -> tidied
  ping                                                           -> pong

From the node (TO_USER)
  hello     facts: {"host", "boot", "python", "cores", "memory", "gpus",
            "root", "free", "time", "btime", ...}
  journal   whole records of one journal, starting at `offset`; `reset` when the
            file is shorter than the offset asked for
  log       bytes of a stream starting at `offset`; `reset`: the program has
            truncated the file, `offset` counts from its new beginning; `end`
  output    bytes of an output starting at `offset`; `end`: the last
  cluster   {"version", "queues", "array", "accounting", "notes", "at": when the scheduler said so, "problem": why it
            says nothing now, "task": {"host", "python"} that began a run, "barren": what those said that could not}
  done      result of an act: {"runs": n} or {"problem": text}
  error     a message could not be obeyed: what happened, and what to do
  note      something that the user should read (a full disk, a broken folder)

A token names a batch; index (from 0) a run in it; attempt (from 1) one start
of the run within the batch.  Streams: 0 stdout, 1 stderr, 2 points.
Times are seconds since 1970, floats, by the node's clock.
"""

import re

from neronet.wire.frames import Malformed

STREAMS = ("stdout", "stderr", "points")
STREAM_FILES = ("stdout.log", "stderr.log", "points.log")

MAX_HASHES = 5000  # in one `have`
MAX_PART = 256 * 1024  # bytes of one part of a file, log or journal

_TOKEN = re.compile(r"[0-9a-f]{16}\Z")
_SHA = re.compile(r"[0-9a-f]{64}\Z")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}\Z")
_KIND = re.compile(r"[a-z]{1,20}\Z")


def _count(value):
    return type(value) is int and 0 <= value < 2**62


def _until(value):
    return value == -1 or _count(value)


def _whole(value):
    return type(value) is int and abs(value) < 2**53


def _stream(value):
    return _count(value) and value < len(STREAMS)


def _number(value):
    return type(value) in (int, float)


def _text(value):
    return isinstance(value, str) and len(value) <= 65536


def _ranges(value):
    return isinstance(value, list) and all(
        isinstance(pair, list)
        and len(pair) == 2
        and _count(pair[0])
        and _count(pair[1])
        and pair[0] <= pair[1]
        for pair in value
    )


def _shas(value):
    return isinstance(value, list) and len(value) <= MAX_HASHES and all(_sha(item) for item in value)


def _offsets(value):
    return isinstance(value, dict) and all(name(key) and _count(item) for key, item in value.items())


def _sha(value):
    return isinstance(value, str) and _SHA.match(value) is not None


def token(value):
    return isinstance(value, str) and _TOKEN.match(value) is not None


def name(value):
    return isinstance(value, str) and _NAME.match(value) is not None


def _dict(value):
    return isinstance(value, dict)


def _batch(value):
    return (
        isinstance(value, dict)
        and all(fits(value.get(field)) for field, fits in _BATCH.items())
        and _ranges(value.get("held", []))
    )


def _list(value):
    return isinstance(value, list)


def _bool(value):
    return isinstance(value, bool)


_BATCH = {"home": name, "place": name, "created": _number, "manifest": _sha, "runs": _sha}
_RUN = {"token": token, "index": _count, "attempt": _count}

TO_NODE = {
    "hello": {"protocol": _count, "version": _text, "home": name},
    "place": {"place": name, "limits": _dict},
    "have": {"shas": _shas},
    "file": {"sha": _sha, "offset": _count, "total": _count, "size": _count},
    "batch": {"token": token, "batch": _batch},
    "follow": {"token": token, "offsets": _offsets},
    "unfollow": {"token": token},
    "log": dict(_RUN, stream=_stream, offset=_count, until=_until),
    "output": dict(_RUN, path=_text, offset=_count),
    "act": {
        "id": name,
        "do": _text,
        "token": token,
        "runs": _ranges,
        "who": _text,
        "why": _text,
        "priority": _whole,
    },
    "sync": {"id": _count},
    "load": {"interval": _number},
    "list": {},
    "read": {"what": _text, "key": _text, "offset": _count},
    "tidy": {"token": token},
    "ping": {"id": _count},
}

TO_USER = {
    "hello": {"protocol": _count, "version": _text, "facts": _dict},
    "missing": {"shas": _shas},
    "stored": {"sha": _sha},
    "accepted": {"token": token},
    "journal": {"token": token, "name": name, "offset": _count, "reset": _bool, "size": _count},
    "log": dict(_RUN, stream=_stream, offset=_count, reset=_bool, end=_bool, size=_count),
    "output": dict(_RUN, path=_text, offset=_count, end=_bool, size=_count),
    "done": {"id": name, "result": _dict},
    "synced": {"id": _count},
    "load": {"load": _dict},
    "cluster": {"cluster": _dict},
    "batches": {"items": _list},
    "content": {"what": _text, "key": _text, "offset": _count, "end": _bool, "size": _count},
    "tidied": {"token": token},
    "pong": {"id": _count},
    "error": {"about": _text, "text": _text, "hint": _text},
    "note": {"text": _text},
}


def check(message, table):
    """The message itself, once it has exactly the shape that `table` says; raises Malformed otherwise."""
    kind = message.get("m")
    fields = table.get(kind) if isinstance(kind, str) and _KIND.match(kind) else None
    if fields is None:
        raise Malformed("unknown message %.40r" % (kind,))
    for field, fits in fields.items():
        if field not in message or not fits(message[field]):
            raise Malformed("message %s has no usable %s" % (kind, field))
    return message
