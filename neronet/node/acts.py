"""What the user wishes for runs that are here: end them, hold them, move them.

Every wish may be repeated: the side that sent it does so until it has the answer.
"""

import binascii
import errno
import os
import time

from neronet.node import procs
from neronet.node.files import write_json
from neronet.node.journal import Journal
from neronet.node.rungs import reached
from neronet.wire import states

ENGINE = "engine"  # who wishes what no user has asked for


class Journals(object):
    """Neromum's own journals, one per batch, for the ends of runs that no kid ever had."""

    def __init__(self, here):
        self._me = here.identity()

    def append(self, batch, records):
        journal = Journal(batch.journal(self._me, "-mum"))
        try:
            if journal.append(records, sync=True):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            journal.close()


def act(batch, wish, journals):
    """Does what `wish` (an `act` message) asks; the result for its `done`."""
    kind = wish["do"]
    if kind in ("hold", "release", "priority"):
        return _reorder(batch, wish)
    if kind in ("terminate", "withdraw"):
        return _end(batch, wish, journals)
    return {"problem": "this node does not know how to %s" % kind}


def _reorder(batch, wish):
    order = dict(batch.order())
    held = order.get("held", [])
    if wish["do"] == "priority":
        order["priority"] = wish["priority"]
    else:
        # That nothing is waited for any longer does not undo what the user holds.
        held = held if wish["who"] == ENGINE else subtract(held, wish["runs"])
        order["held"] = sorted(held + wish["runs"]) if wish["do"] == "hold" else held
        if wish["do"] == "release":
            released = subtract(order.get("released", []), wish["runs"])
            order["released"] = sorted(released + wish["runs"])
    write_json(os.path.join(batch.path, "order.json"), order)
    return {"runs": sum(last - first + 1 for first, last in wish["runs"])}


def subtract(ranges, others):
    """The ranges [[first, last], ...] without what `others` cover."""
    for low, high in others:
        kept = []
        for first, last in ranges:
            if first < low:
                kept.append([first, min(last, low - 1)])
            if last > high:
                kept.append([max(first, high + 1), last])
        ranges = kept
    return ranges


def _end(batch, wish, journals):
    """A claim ends what has not begun; what has begun gets a `stop`, which its watcher carries out."""
    taken, records, stopped = [], [], 0
    total, names = len(batch), set(batch.attempts())
    for first, last in wish["runs"]:
        for index in range(first, min(last, total - 1) + 1):
            attempt = batch.attempt(index, 1)
            claim = _withdraw(attempt, wish)
            if claim["kind"] == "withdrawn":
                if claim["id"] == wish["id"]:  # also when this very wish was carried out before
                    taken.append(index)
                    records.append(_record(attempt, wish))
            elif wish["do"] == "terminate":
                stopped += _stop(_latest(batch, index, names), wish)
    procs.pause("withdrawn")
    if records:
        journals.append(batch, records)
    return {"runs": len(taken) + stopped, "withdrawn": taken}


def _latest(batch, index, names):
    """The last attempt of a run, by the names of all: a job that is requeued begins another one."""
    number = 1
    while "%d.%d" % (index, number + 1) in names:
        number += 1
    return batch.attempt(index, number)


def _stop(attempt, wish):
    """Whether it is this wish that ends what has begun; also when it was carried out before."""
    if attempt.read_exit() is None and not _has_gone_on(attempt, wish):
        stop = {"id": wish["id"], "who": wish["who"], "state": states.TERMINATED, "why": wish["why"]}
        attempt.stop(dict(stop, meant="point" in wish))
    elif "point" not in wish:
        return False  # only a rule wants to know whether it was itself
    return (attempt.read_stop() or {}).get("id") == wish["id"]


def _has_gone_on(attempt, wish):
    """Whether a run that lost at a checkpoint has got further: who decided that may not have heard of it."""
    if "point" not in wish:
        return False
    return reached(attempt.batch, attempt.batch.run(attempt.index)["number"]) > wish["point"]


def _withdraw(attempt, wish):
    """The claim of this attempt: ours, which withdraws it, unless there was one already."""
    # That the user holds a run is known here alone: elsewhere it would begin.
    held = wish["do"] == "withdraw" and attempt.batch.held(attempt.index)
    if not attempt.exists() and not held:
        nonce = binascii.hexlify(os.urandom(8)).decode("ascii")
        claim = {"kind": "withdrawn", "id": wish["id"], "time": time.time()}
        if attempt.claim(nonce, claim, program=False):
            return claim
    return attempt.read_claim() or {"kind": "claimed"}


def _record(attempt, wish):
    record = {"i": attempt.index, "a": attempt.attempt, "t": time.time()}
    if wish["do"] == "withdraw":
        return dict(record, e="withdrawn", id=wish["id"])
    return dict(
        record,
        e="ended",
        state=states.TERMINATED,
        reason=wish["why"],
        status=None,
        started=None,
        ended=record["t"],
        sizes=[0, 0, 0],
        outputs=[],
    )
