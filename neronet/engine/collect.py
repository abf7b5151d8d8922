"""Takes in what a node sends: journals become states, points and events; logs and outputs become files.

Everything of one piece of the stream goes into one transaction, together with
the offsets that it was read from: a kill at any moment repeats or loses nothing.
What a node says is not believed further than it must be: it can only speak of
batches that were sent to it, and its mistakes end its connection.
"""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from neronet.engine import told
from neronet.engine.arriving import LOGS, Arriving, is_in_the_way, not_there
from neronet.engine.extracting import Extracting
from neronet.engine.losers import add_rule
from neronet.engine.told import MAX_TEXT
from neronet.errors import NeronetError, ProtocolError
from neronet.store.attempts import Attempt
from neronet.store.offsets import StreamOffset
from neronet.store.runs import results_folder
from neronet.store.store import Store
from neronet.sync.mirror import accepted, stopped_note
from neronet.sync.writer import DiskFull, ResultsWriter
from neronet.wire import samples, states
from neronet.wire.messages import STREAM_FILES
from neronet.wire.points import NODE_STREAMS

Message = dict[str, Any]
Received = list[tuple[Message, bytes | None]]

OUTPUTS_AT_ONCE = 8
OUTPUT_LIMIT = 64 * 1024**3  # bytes of outputs of one attempt
RESERVE = 16 * 1024**2  # bytes that logs and outputs leave free, so that states and messages can be stored
MAX_JOURNALS = 20_000  # of one batch
TRY_AGAIN = 60.0  # seconds until a results folder that could not be written is tried again
MAX_EVENTS = 1000  # of one attempt in one session


class Collector:
    """What one session with a node brings."""

    def __init__(
        self, store: Store, home: Path, node: str, mirror_limit: int, changed: Callable[[], None]
    ) -> None:
        self._store, self._home, self._node = store, home, node
        self._limit, self._changed = mirror_limit, changed
        self._batches: dict[str, dict[tuple[int, int], Arriving]] = {}  # followed ones: what is open in them
        self._known: dict[
            tuple[str, int, int], tuple[int, int]
        ] = {}  # (token, index, start) -> (run, attempt)
        self._journals: dict[str, dict[str, int]] = {}  # token -> journal -> bytes of it that are here
        self._outputs: dict[str, list[str]] = {}  # token -> outputs that its runs are to leave
        self._names: dict[tuple[int, int], set[str]] = {}  # (run, attempt) -> its metrics
        self._points: dict[tuple[int, int, int], list[tuple[float, list[list[Any]]]]] = {}
        self._touched: dict[tuple[str, int, int], Arriving] = {}
        self._skipped: dict[tuple[str, int, int], Arriving] = {}  # whose folders could not be written, ever
        self._ruled: set[tuple[int, int]] = set()  # of which a rule across runs was told
        self._events: Counter[tuple[int | None, int | None]] = Counter()
        self._asked = self._taken = 0
        self._deletion = store.runs.last_deletion()  # up to here deleted runs are forgotten
        self._extracting = Extracting(store, home)

    # -- what to ask for

    def follow(self, token: str) -> list[Message]:
        """The messages that begin to follow a batch, or go on with it."""
        if token in self._batches:
            return []
        opened: dict[tuple[int, int], Arriving] = {}
        self._batches[token] = opened
        offsets = self._journals[token] = self._store.offsets.journals(token)
        wishes: list[Message] = [{"m": "follow", "token": token, "offsets": dict(offsets)}]
        for row in self._store.attempts.of_batch(token):
            self._known[token, row.idx, row.start] = row.run, row.attempt
            if not row.complete:
                opened[row.idx, row.start] = arriving = self._arriving(row)
                if row.reported == states.RUNNING or row.reported in states.ENDED:
                    self._touched[arriving.key] = arriving
        with self._store.transaction():
            wishes += self._settle()
            if not self._batches.get(token, True):
                wishes += self._finish(token)
        return wishes

    def leave(self, token: str, indices: Collection[int]) -> list[Message]:
        """These runs of a batch were bound to another node before they began."""
        for index in indices:
            self._known.pop((token, index, 1), None)
            self._batches.get(token, {}).pop((index, 1), None)
        return [] if self._batches.get(token, True) else self._finish(token)

    @property
    def asked(self) -> int:
        """How often logs and outputs were asked for so far: unchanged after a sync, all that there was is here."""
        return self._asked

    @property
    def taken(self) -> int:
        """How many pieces of logs, outputs and journals have come so far."""
        return self._taken

    def arriving(self) -> bool:
        """Whether something is still to come of attempts that have ended and can be written."""
        return any(
            item.sizes is not None and not item.skipped
            for opened in self._batches.values()
            for item in opened.values()
        )

    # -- taking in

    def take(self, received: Received) -> list[Message]:
        """Stores it all; what to ask the node for next."""
        with self._store.transaction():
            self._forget_deleted()
            for message, payload in received:
                kind = message["m"]
                self._taken += kind in ("journal", "log", "output")
                if kind == "journal":
                    self._journal(message, payload or b"")
                elif kind == "log":
                    self._log(message, payload or b"")
                elif kind == "output":
                    self._output(message, payload or b"")
                elif kind == "load":
                    self._store.nodes.update(
                        self._node, load=told.load(message["load"]), last_seen=time.time()
                    )
                elif kind == "note" or (
                    kind == "error" and message["about"].partition(" ")[0] not in told.REPLIES
                ):
                    hint = message.get("hint", "")
                    text = message["text"] + (f" ({hint})" if hint else "")
                    self._store.nodes.update(self._node, reason=text[:MAX_TEXT])
            wishes = self._settle()
        self._changed()
        return wishes

    def _forget_deleted(self) -> None:
        """Runs that the user deleted are not known any more, whatever the node still says of them."""
        deletion = self._store.runs.last_deletion()
        if deletion != self._deletion:
            self._deletion = deletion
            there = self._store.runs.existing({run for run, _ in self._known.values()})
            self._known = {key: where for key, where in self._known.items() if where[0] in there}

    def _settle(self) -> list[Message]:
        """After a piece: points are stored, finished attempts closed, and what is missing is asked for."""
        for (run, attempt, stream), records in self._points.items():
            self._store.points.add(run, attempt, stream, records)
        self._points.clear()
        self._try_again()
        wishes = []
        for item in self._touched.values():
            wishes += self._ask_for(item)
            if item.whole():
                self._extracting.finish(item.run, item.attempt)
                self._store.attempts.complete(item.run, item.attempt)
                self._batches[item.token].pop((item.index, item.start), None)
        for token in {item.token for item in self._touched.values()}:
            if not self._batches[token]:
                wishes += self._finish(token)
        self._touched.clear()
        return wishes

    def _finish(self, token: str) -> list[Message]:
        """Nothing of this batch is open any more: whatever its node may still say, nobody listens."""
        del self._batches[token], self._journals[token]
        batch = self._store.batches.get(token)
        if batch is not None and batch.state == "accepted":
            self._store.batches.set_state(token, "final", time.time())
        return [{"m": "unfollow", "token": token}]

    def _ask_for(self, item: Arriving) -> list[Message]:
        wishes: list[Message] = []
        for number in LOGS:
            have = item.streams[number]
            if have.done:
                continue
            if item.sizes is None:
                if not item.following:
                    wishes.append(
                        {"m": "log", **item.address, "stream": number, "offset": have.physical, "until": -1}
                    )
            elif have.physical == item.sizes[number]:
                whole = have._replace(final=item.sizes[number], done=True)
                if have == StreamOffset():  # an empty log: that it is whole follows from its size
                    item.streams[number] = whole
                else:
                    self._set_stream(item, number, whole)
            elif have.final is None or not item.following:
                self._set_stream(item, number, have._replace(final=item.sizes[number]))
                wish = {"m": "log", **item.address, "stream": number, "offset": have.physical}
                wishes.append({**wish, "until": item.sizes[number]})
        item.following = True
        while item.outputs and len(item.asked) < OUTPUTS_AT_ONCE:
            path, executable = item.outputs.pop()
            item.asked[path] = executable
            wishes.append({"m": "output", **item.address, "path": path, "offset": 0})
        self._asked += len(wishes)
        return wishes

    # -- journals

    def _journal(self, message: Message, payload: bytes) -> None:
        token, name = message["token"], message["name"]
        if token not in self._batches:
            return
        offsets = self._journals[token]
        known = 0 if message["reset"] else offsets.get(name, 0)
        if message["reset"]:
            self._event("a record of the node was cut off and begins anew", None, None)
        if message["offset"] != known:
            raise ProtocolError(
                f"{self._node} sent bytes {message['offset']} of a journal instead of {known}"
            )
        if len(offsets) >= MAX_JOURNALS and name not in offsets:
            raise ProtocolError(f"{self._node} has more than {MAX_JOURNALS} journals of one submission")
        for line in payload.splitlines():
            try:
                self._record(token, json.loads(line))
            except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
                raise ProtocolError(
                    f"{self._node} sent a record that makes no sense: {line[:80]!r} ({str(error)[:100]})"
                ) from error
        offsets[name] = known + len(payload)
        self._store.offsets.set_journal(token, name, offsets[name])

    def _record(self, token: str, record: dict[str, Any]) -> None:
        kind = record["e"]
        if kind == "kid":
            return
        index, start = told.whole(record["i"], 0, 2**31), told.whole(record["a"], 1, told.MAX_STARTS)
        where = self._locate(token, index, start)
        if where is None:
            return
        run, attempt = where
        when = told.moment(record["t"])
        if kind == "p":
            points = told.points(record, self._names_of(run, attempt))
            self._points.setdefault((run, attempt, told.whole(record["s"], 0, NODE_STREAMS - 1)), []).append(
                (when, points)
            )
            return
        opened = self._batches[token].get((index, start))
        if kind == "claimed":
            gpus = [told.whole(gpu, 0, told.MAX_GPUS) for gpu in record["gpus"]]
            host = told.text(record["host"], told.MAX_WORD)
            self._store.attempts.report(
                run, attempt, states.QUEUED, "starting", claimed=when, host=host, gpus=gpus
            )
        elif kind == "started":
            if self._store.attempts.report(run, attempt, states.RUNNING, started=when):
                self._event("", run, attempt, states.RUNNING, when)
            if opened is not None:
                self._touched[opened.key] = opened
        elif kind == "fired":
            text, data = told.fired(record)
            self._event(text, run, attempt, "condition", when, data)
        elif kind == "env":
            self._store.attempts.describe(run, attempt, told.environment(record["facts"]))
        elif kind == "warn":
            self._event(told.text(record["text"]), run, attempt, "warning", when)
        elif kind == "rule" and (run, attempt) not in self._ruled:
            self._ruled.add((run, attempt))
            why, evidence = told.text(record["text"]), told.evidence(record["data"])
            add_rule(self._store, when, why, run, attempt, self._node, evidence)
        elif kind == "withdrawn":
            self._event("taken back from the node before it began", run, attempt, "withdrawn", when)
        elif kind == "adopted":
            self._event("its watcher had died; another one took over", run, attempt, "adopted", when)
        elif kind == "ended":
            self._ended(run, attempt, opened, told.ended(record))

    def _ended(self, run: int, attempt: int, opened: Arriving | None, end: dict[str, Any]) -> None:
        if not self._store.attempts.report(run, attempt, **end):
            return  # said before, or by an older watcher
        if opened is None:
            # It was believed lost and all of it had come: an exit record that was found later brings the rest.
            row = self._store.attempts.get(run, attempt)
            assert row is not None
            opened = self._batches[row.token][row.idx, row.start] = self._arriving(row)
        self._event(end["reason"], run, attempt, end["state"], end["ended"])
        if end["state"] == states.FINISHED:
            for name in not_there(self._declared(opened.token), (path for path, _ in end["outputs"])):
                text = f"outputs: {name} was not there when the run ended"
                self._event(text, run, attempt, "warning", end["ended"])
        for number in LOGS:
            have = opened.streams[number]
            if not have.done or have.physical == have.final:  # not where the mirror limit was reached
                opened.streams[number] = have._replace(final=None, done=False)
        opened.sizes, opened.outputs = end["sizes"], list(end["outputs"])
        opened.asked.clear()
        self._touched[opened.key] = opened

    def _declared(self, token: str) -> list[str]:
        if token not in self._outputs:
            self._outputs[token] = list(self._store.batches.content(token).get("outputs", ()))
        return self._outputs[token]

    def _names_of(self, run: int, attempt: int) -> set[str]:
        """The metrics that the node gave an attempt; where others are read here, too, only those of this session."""
        if (run, attempt) not in self._names:
            heads = {} if self._extracting.reads(run) else self._store.points.heads(run, attempt)
            self._names[run, attempt] = {name for name in heads if not samples.is_sample(name)}
        return self._names[run, attempt]

    def _locate(self, token: str, index: int, start: int) -> tuple[int, int] | None:
        key = (token, index, start)
        if key not in self._known:
            where = self._store.attempts.locate(token, index, start)
            if where is None:
                return None
            self._known[key] = where
            row = self._store.attempts.get(*where)
            if row is not None and not row.complete:
                self._batches[token][index, start] = self._arriving(row)
        return self._known[key]

    # -- logs and outputs

    def _log(self, message: Message, payload: bytes) -> None:
        item = self._item(message)
        number = message["stream"]
        if item is None or item.skipped or number not in LOGS or (have := item.streams[number]).done:
            return
        if message["reset"]:
            if not have.generation:  # some do so for every line
                self._event(f"the program truncated its {STREAM_FILES[number]}", item.run, item.attempt)
            have = have._replace(generation=have.generation + 1, physical=0)
        data = payload[max(0, have.physical - message["offset"]) :]
        if message["offset"] > have.physical:
            return  # an answer to an older wish; what is between is on its way
        room = accepted(sum(item.streams[n].mirrored for n in LOGS), len(data), self._limit)
        try:
            if room:
                self._writer(item).append(STREAM_FILES[number], have.mirrored, data[:room])
        except NeronetError as error:  # the user moved the folder away, or something lies in the way
            if not is_in_the_way(error):
                self._skip(item, error)
                return
            self._event(f"{error}; its log is no longer mirrored", item.run, item.attempt, "warning")
            self._set_stream(item, number, have._replace(done=True))
            self._touched[item.key] = item
            return
        if room:
            self._extracting.feed(item.run, item.attempt, number, have.mirrored, data[:room])
        have = have._replace(physical=have.physical + len(data), mirrored=have.mirrored + room)
        if room < len(data):
            self._event(stopped_note(self._limit), item.run, item.attempt, "warning")
        done = room < len(data)
        if message["end"] and item.sizes is not None:
            have = have._replace(final=item.sizes[number])
            short = have.physical < item.sizes[number]
            done = (
                done or not short or not payload
            )  # an end with bytes before the size is that of an older wish
            if short and not payload:
                self._event(
                    f"{STREAM_FILES[number]} is not whole: the node has lost its end",
                    item.run,
                    item.attempt,
                    "warning",
                )
        self._set_stream(item, number, have._replace(done=done))
        if done or message["reset"]:
            self._touched[item.key] = item

    def _output(self, message: Message, payload: bytes) -> None:
        item = self._item(message)
        if item is None or item.skipped or message["path"] not in item.asked:
            return
        path, end = message["path"], message["end"]
        try:
            # The mirrored streams have their names first.
            target = f"output-{path}" if path in STREAM_FILES else path
            self._writer(item).output(target, message["offset"], payload, end, item.asked[path])
        except NeronetError as error:
            if not is_in_the_way(error):
                self._skip(item, error)
                return
            self._event(str(error), item.run, item.attempt, "warning")
            end = True
        if end:
            del item.asked[path]
            self._touched[item.key] = item

    def _skip(self, item: Arriving, error: NeronetError) -> None:
        """The folder of this run cannot be written now: the others go on. What comes of it until the next try is
        not stored, and asked for again then."""
        if isinstance(error, DiskFull):
            raise error  # of all runs; the session ends and begins again when there may be room
        if item.key not in self._skipped:
            text = f"{error}; tried again later, until then it is not shown as ended"
            self._event(text, item.run, item.attempt, "warning")
        self._skipped[item.key] = item
        item.skipped = time.monotonic() + TRY_AGAIN

    def _try_again(self) -> None:
        for item in self._skipped.values():
            if item.skipped and time.monotonic() > item.skipped and not item.whole():
                item.skipped, item.following = 0.0, False
                item.outputs += [[path, executable] for path, executable in item.asked.items()]
                item.asked.clear()
                self._touched[item.key] = item

    def _item(self, message: Message) -> Arriving | None:
        return self._batches.get(message["token"], {}).get((message["index"], message["attempt"]))

    def _writer(self, item: Arriving) -> ResultsWriter:
        if shutil.disk_usage(self._home).free < RESERVE:
            raise DiskFull(
                f"{self._home}: the disk is full, but for {RESERVE >> 20} MiB that the database keeps",
                "Make room; what is missing is fetched again then.",
            )
        if item.writer is None:
            row = self._store.runs.get(item.run)
            assert row is not None
            folder = results_folder(self._home, row.results, item.attempt)
            item.writer = ResultsWriter(folder, self._limit + OUTPUT_LIMIT)
        return item.writer

    def _set_stream(self, item: Arriving, number: int, offset: StreamOffset) -> None:
        item.streams[number] = offset
        self._store.offsets.set_stream(item.run, item.attempt, number, offset)

    def _arriving(self, row: Attempt) -> Arriving:
        known = self._store.offsets.streams(row.run, row.attempt)
        streams = {number: known.get(number, StreamOffset()) for number in LOGS}
        item = Arriving(row.run, row.attempt, row.token, row.idx, row.start, streams)
        if row.reported in states.ENDED and row.sizes is not None:
            item.sizes = row.sizes
            item.outputs = list(row.outputs or [])
        return item

    def _event(
        self,
        text: str,
        run: int | None,
        attempt: int | None,
        kind: str = "note",
        when: float | None = None,
        data: dict[str, Any] | None = None,
    ) -> None:
        self._events[run, attempt] += 1
        if self._events[run, attempt] > MAX_EVENTS:
            return
        moment = time.time() if when is None else when
        self._store.events.add(
            moment, kind, text[:MAX_TEXT], run=run, attempt=attempt, node=self._node, data=data
        )
