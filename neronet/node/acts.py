"""What the user wishes for runs that are here: end them, hold them, move them.

Every wish may be repeated: the side that sent it does so until it has the answer.
"""

import binascii
import os
import time

from neronet.node.journal import Journal
from neronet.node.runs import write_json
from neronet.wire import states


class Journals(object):
    """Neromum's own journals, one per batch, for the ends of runs that no kid ever had."""

    def __init__(self, here):
        self._me = here.identity()
        self._open = {}

    def append(self, batch, records):
        if batch.token not in self._open:
            name = "%s-%d-%s-mum.log" % (self._me["host"], self._me["pid"], self._me["start"])
            self._open[batch.token] = Journal(batch.journal(name))
        if self._open[batch.token].append(records, sync=True):
            raise OSError(28, "the disk is full")


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
        held = subtract(held, wish["runs"])
        order["held"] = sorted(held + wish["runs"]) if wish["do"] == "hold" else held
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
    total = len(batch)
    for first, last in wish["runs"]:
        for index in range(first, min(last, total - 1) + 1):
            attempt = batch.attempt(index, 1)
            if _withdraw(attempt, wish):
                taken.append(index)
                records.append(_record(attempt, wish))
            elif wish["do"] == "terminate" and attempt.read_exit() is None:
                attempt.stop({"id": wish["id"], "who": wish["who"], "state": states.TERMINATED, "why": wish["why"]})
                stopped += 1
    if records:
        journals.append(batch, records)
    return {"runs": len(taken) + stopped, "withdrawn": taken}


def _withdraw(attempt, wish):
    """True when the run has not begun and now never will under this batch (also when this wish said so before)."""
    if attempt.exists():
        claim = attempt.read_claim() or {}
        return claim.get("kind") == "withdrawn" and claim.get("id") == wish["id"]
    nonce = binascii.hexlify(os.urandom(8)).decode("ascii")
    return attempt.claim(nonce, {"kind": "withdrawn", "id": wish["id"], "time": time.time()}, program=False)


def _record(attempt, wish):
    record = {"i": attempt.index, "a": attempt.attempt, "t": time.time()}
    if wish["do"] == "withdraw":
        return dict(record, e="withdrawn", id=wish["id"])
    return dict(
        record, e="ended", state=states.TERMINATED, reason=wish["why"], status=None,
        started=None, ended=record["t"], sizes=[0, 0, 0], outputs=[],
    )
