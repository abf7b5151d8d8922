"""Takes in what a node sends: journals become states, points and events; logs and outputs become files.

Everything of one piece of the stream goes into one transaction, together with
the offsets that it was read from: a kill at any moment repeats or loses nothing.
What a node says is not believed further than it must be: it can only speak of
batches that were sent to it, and its mistakes end its connection.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neronet.errors import ProtocolError, UnsafePath
from neronet.store.attempts import Attempt
from neronet.store.offsets import StreamOffset
from neronet.store.store import Store
from neronet.sync.mirror import accepted, stopped_note
from neronet.sync.writer import LimitReached, ResultsWriter
from neronet.wire import states
from neronet.wire.messages import STREAM_FILES

Message = dict[str, Any]
Received = list[tuple[Message, bytes | None]]

LOGS = (0, 1)  # the points file is parsed on the node and not mirrored
OUTPUTS_AT_ONCE = 8
OUTPUT_LIMIT = 64 * 1024**3  # bytes of outputs of one attempt
MAX_TEXT = 2000  # characters of a reason or warning that are kept


@dataclass
class Arriving:
    """An attempt of which not everything is here yet."""

    run: int
    attempt: int
    token: str
    index: int
    start: int
    streams: dict[int, StreamOffset]
    sizes: list[int] | None = None  # final ones, once it has ended
    outputs: list[tuple[str, bool]] = field(default_factory=list)  # (path, executable) still to come
    asked: dict[str, bool] = field(default_factory=dict)  # outputs that were asked for: path -> executable
    following: bool = False
    writer: ResultsWriter | None = None

    @property
    def key(self) -> tuple[str, int, int]:
        return self.token, self.index, self.start

    @property
    def address(self) -> Message:
        return {"token": self.token, "index": self.index, "attempt": self.start}

    def whole(self) -> bool:
        return self.sizes is not None and all(self.streams[n].done for n in LOGS) and not self.outputs and not self.asked


class Collector:
    """What one session with a node brings."""

    def __init__(self, store: Store, home: Path, node: str, mirror_limit: int, changed: Callable[[], None]) -> None:
        self._store, self._home, self._node = store, home, node
        self._limit, self._changed = mirror_limit, changed
        self._batches: dict[str, dict[tuple[int, int], Arriving]] = {}  # followed ones: what is open in them
        self._known: dict[tuple[str, int, int], tuple[int, int]] = {}  # (token, index, start) -> (run, attempt)
        self._points: dict[tuple[int, int, int], list[tuple[float, list[list[Any]]]]] = {}
        self._touched: dict[tuple[str, int, int], Arriving] = {}
        self._asked = 0

    # -- what to ask for

    def follow(self, token: str) -> list[Message]:
        """The messages that begin to follow a batch, or go on with it."""
        if token in self._batches:
            return []
        opened: dict[tuple[int, int], Arriving] = {}
        self._batches[token] = opened
        wishes: list[Message] = [{"m": "follow", "token": token, "offsets": self._store.offsets.journals(token)}]
        for row in self._store.attempts.of_batch(token):
            self._known[token, row.idx, row.start] = row.run, row.attempt
            if not row.complete:
                opened[row.idx, row.start] = arriving = self._arriving(row)
                if row.reported == states.RUNNING or row.reported in states.ENDED:
                    self._touched[arriving.key] = arriving
        with self._store.transaction():
            wishes += self._settle()
        return wishes

    @property
    def asked(self) -> int:
        """How often logs and outputs were asked for so far: unchanged after a sync, all that there was is here."""
        return self._asked

    def arriving(self) -> bool:
        """Whether something is still to come of attempts that have ended."""
        return any(item.sizes is not None for opened in self._batches.values() for item in opened.values())

    # -- taking in

    def take(self, received: Received) -> list[Message]:
        """Stores it all; what to ask the node for next."""
        with self._store.transaction():
            for message, payload in received:
                kind = message["m"]
                if kind == "journal":
                    self._journal(message, payload or b"")
                elif kind == "log":
                    self._log(message, payload or b"")
                elif kind == "output":
                    self._output(message, payload or b"")
                elif kind == "load":
                    self._store.nodes.update(self._node, load=message["load"], last_seen=time.time())
                elif kind in ("note", "error"):
                    hint = message.get("hint", "")
                    text = message["text"] + (f" ({hint})" if hint else "")
                    self._store.nodes.update(self._node, reason=text[:MAX_TEXT])
            wishes = self._settle()
        self._changed()
        return wishes

    def _settle(self) -> list[Message]:
        """After a piece: points are stored, finished attempts closed, and what is missing is asked for."""
        for (run, attempt, stream), records in self._points.items():
            self._store.points.add(run, attempt, stream, records)
        self._points.clear()
        wishes = []
        for item in self._touched.values():
            wishes += self._ask_for(item)
            if item.whole():
                self._store.attempts.complete(item.run, item.attempt)
                self._batches[item.token].pop((item.index, item.start), None)
        for token in {item.token for item in self._touched.values()}:
            if not self._batches[token]:
                batch = self._store.batches.get(token)
                if batch is not None and batch.state == "accepted":
                    self._finish(token)
        self._touched.clear()
        return wishes

    def _finish(self, token: str) -> None:
        self._store.batches.set_state(token, "final", time.time())

    def _ask_for(self, item: Arriving) -> list[Message]:
        wishes: list[Message] = []
        for number in LOGS:
            have = item.streams[number]
            if have.done:
                continue
            if item.sizes is None:
                if not item.following:
                    wishes.append({"m": "log", **item.address, "stream": number, "offset": have.physical, "until": -1})
            elif have.physical == item.sizes[number]:
                self._set_stream(item, number, have._replace(final=item.sizes[number], done=True))
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
        known = self._store.offsets.journals(token).get(name, 0)
        if message["reset"]:
            self._event("a record of the node was cut off and begins anew", None, None)
        elif message["offset"] != known:
            raise ProtocolError(f"{self._node} sent bytes {message['offset']} of a journal instead of {known}")
        for line in payload.splitlines():
            try:
                self._record(token, json.loads(line))
            except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
                raise ProtocolError(f"{self._node} sent a record that makes no sense: {line[:80]!r}") from error
        self._store.offsets.set_journal(token, name, message["offset"] + len(payload))

    def _record(self, token: str, record: dict[str, Any]) -> None:
        kind = record["e"]
        if kind == "kid":
            return
        where = self._locate(token, int(record["i"]), int(record["a"]))
        if where is None:
            return
        run, attempt = where
        when = float(record["t"])
        if kind == "p":
            points = [[str(name), float(value), int(offset), step] for name, value, offset, step in record["v"]]
            self._points.setdefault((run, attempt, int(record["s"])), []).append((when, points))
            return
        opened = self._batches[token].get((record["i"], record["a"]))
        if kind == "claimed":
            self._store.attempts.report(
                run, attempt, states.QUEUED, "starting", claimed=when, host=str(record["host"]), gpus=list(record["gpus"])
            )
        elif kind == "started":
            self._store.attempts.report(run, attempt, states.RUNNING, started=when)
            if opened is not None:
                self._touched[opened.key] = opened
        elif kind == "warn":
            self._event(str(record["text"]), run, attempt, "warning", when)
        elif kind == "withdrawn":
            self._event("taken back from the node before it began", run, attempt, "withdrawn", when)
        elif kind == "adopted":
            self._event("its watcher had died; another one took over", run, attempt, "adopted", when)
        elif kind == "ended":
            self._ended(run, attempt, opened, record)

    def _ended(self, run: int, attempt: int, opened: Arriving | None, record: dict[str, Any]) -> None:
        state, reason = str(record["state"]), str(record["reason"])[:MAX_TEXT]
        if state not in states.ENDED:
            raise ValueError(state)
        status, started = record["status"], record["started"]
        sizes = [min(int(size), 1 << 60) for size in record["sizes"]]
        outputs = [(str(path), bool(executable)) for path, _size, executable in record["outputs"]]
        moved = self._store.attempts.report(
            run, attempt, state, reason,
            exit_status=None if status is None else int(status), started=None if started is None else float(started),
            ended=float(record["ended"]), sizes=sizes, outputs=[list(item) for item in outputs],
        )  # fmt: skip
        if moved:
            self._event(reason, run, attempt, state, float(record["ended"]))
        if opened is None:
            if not moved:
                return
            # It was believed lost and all of it had come: an exit record that was found later brings the rest.
            row = self._store.attempts.get(run, attempt)
            assert row is not None
            opened = self._batches[row.token][row.idx, row.start] = self._arriving(row)
        opened.sizes, opened.outputs = sizes, outputs
        opened.asked.clear()
        self._touched[opened.key] = opened

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
        if item is None or number not in LOGS or (have := item.streams[number]).done:
            return
        if message["reset"]:
            have = have._replace(generation=have.generation + 1, physical=0)
            self._event(f"the program truncated its {STREAM_FILES[number]}", item.run, item.attempt)
        data = payload[max(0, have.physical - message["offset"]) :]
        if message["offset"] > have.physical:
            return  # an answer to an older wish; what is between is on its way
        room = accepted(sum(item.streams[n].mirrored for n in LOGS), len(data), self._limit)
        if room:
            self._writer(item).append(STREAM_FILES[number], have.mirrored, data[:room])
        have = have._replace(physical=have.physical + len(data), mirrored=have.mirrored + room)
        if room < len(data):
            self._event(stopped_note(self._limit), item.run, item.attempt, "warning")
        done = message["end"] or room < len(data)
        self._set_stream(item, number, have._replace(done=done))
        if done or message["reset"]:
            self._touched[item.key] = item

    def _output(self, message: Message, payload: bytes) -> None:
        item = self._item(message)
        if item is None or message["path"] not in item.asked:
            return
        path, end = message["path"], message["end"]
        try:
            # The mirrored streams have their names first.
            target = f"output-{path}" if path in STREAM_FILES else path
            self._writer(item).output(target, message["offset"], payload, end, item.asked[path])
        except (UnsafePath, LimitReached) as error:
            self._event(str(error), item.run, item.attempt, "warning")
            end = True
        if end:
            del item.asked[path]
            self._touched[item.key] = item

    def _item(self, message: Message) -> Arriving | None:
        return self._batches.get(message["token"], {}).get((message["index"], message["attempt"]))

    def _writer(self, item: Arriving) -> ResultsWriter:
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
            item.outputs = [(path, executable) for path, executable in row.outputs or []]
        return item

    def _event(
        self, text: str, run: int | None, attempt: int | None, kind: str = "note", when: float | None = None
    ) -> None:
        moment = time.time() if when is None else when
        self._store.events.add(moment, kind, text[:MAX_TEXT], run=run, attempt=attempt, node=self._node)


def results_folder(home: Path, results: str, attempt: int) -> Path:
    """Where the files of an attempt are: a rerun has a folder of its own beside the first."""
    return home / "results" / (results if attempt == 1 else f"{results}.attempt-{attempt}")
