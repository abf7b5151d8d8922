"""A store with a submission in it, and a node that is only data: it answers a Collector as Neromum would.

What Neromum does, byte for byte, is proven with the real one elsewhere; here every order and every cut of
what it may send is tried.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from neronet.engine.collect import Collector
from neronet.store.batches import Batch
from neronet.store.runs import NewRun
from neronet.store.store import Store
from neronet.sweep import folder_name

Message = dict[str, Any]
Piece = tuple[Message, bytes | None]

TOKEN = "00112233aabbccdd"
SNAPSHOT = "5" * 64
NODE = "gpu1"


def submitted(store: Store, runs: int = 2, token: str = TOKEN, node: str = NODE) -> list[int]:
    """The numbers of the runs of a batch that the node has accepted."""
    new = [
        NewRun(
            f"lang/x={idx}",
            "lang",
            (),
            {"x": str(idx)},
            ("run", str(idx)),
            SNAPSHOT,
            token,
            idx,
            node,
            1000.0,
        )
        for idx in range(runs)
    ]
    with store.transaction(durable=True):
        store.batches.add(Batch(token, node, "place", "lang", SNAPSHOT, 1, "accepted", 1000.0), {})
        numbers = store.runs.add(new, folder_name)
        store.attempts.report_batch(token, "queued")
    return numbers


def collector(store: Store, home: Path, limit: int = 2**30, node: str = NODE) -> Collector:
    return Collector(store, home, node, limit, lambda: None)


def record(kind: str, index: int = 0, start: int = 1, **fields: Any) -> Message:
    return {"e": kind, "i": index, "a": start, "t": 1500.0, **fields}


def points(
    values: Sequence[float], offset: int = 0, index: int = 0, name: str = "loss", stream: int = 0
) -> Message:
    made = [[name, float(value), offset + 10 * place, None] for place, value in enumerate(values)]
    return record("p", index, s=stream, to=offset + 10 * len(made), base=0, v=made)


def ended(
    sizes: Sequence[int] = (0, 0, 0),
    index: int = 0,
    start: int = 1,
    state: str = "finished",
    reason: str = "",
    status: int | None = 0,
    outputs: Sequence[Sequence[Any]] = (),
) -> Message:
    return record(
        "ended",
        index,
        start,
        state=state,
        reason=reason,
        status=status,
        started=1400.0,
        ended=1500.0,
        sizes=list(sizes),
        outputs=[list(item) for item in outputs],
    )


def journal(
    *records: Message, offset: int = 0, name: str = "host-1-2.log", token: str = TOKEN, reset: bool = False
) -> Piece:
    data = b"".join(json.dumps(item).encode() + b"\n" for item in records)
    return {
        "m": "journal",
        "token": token,
        "name": name,
        "offset": offset,
        "reset": reset,
        "size": len(data),
    }, data


def log(
    data: bytes,
    offset: int = 0,
    index: int = 0,
    stream: int = 0,
    end: bool = False,
    reset: bool = False,
    token: str = TOKEN,
    start: int = 1,
) -> Piece:
    message = {
        "m": "log", "token": token, "index": index, "attempt": start, "stream": stream, "offset": offset,
        "reset": reset, "end": end, "size": len(data),
    }  # fmt: skip
    return message, data


def output(data: bytes, path: str, offset: int = 0, index: int = 0, end: bool = True) -> Piece:
    message = {
        "m": "output", "token": TOKEN, "index": index, "attempt": 1, "path": path, "offset": offset, "end": end,
        "size": len(data),
    }  # fmt: skip
    return message, data


class ModelNode:
    """Files that grow, and what was asked of them."""

    def __init__(self) -> None:
        self.journals: dict[str, bytes] = {}
        self.logs: dict[tuple[int, int], bytes] = {}  # (index, stream)
        self.outputs: dict[tuple[int, str], bytes] = {}
        self._followed: dict[str, int] | None = None
        self._wishes: dict[tuple[int, int], Message] = {}
        self._files: dict[tuple[int, str], int] = {}

    def write(self, name: str, *records: Message) -> None:
        self.journals[name] = self.journals.get(name, b"") + (journal(*records)[1] or b"")

    def print(self, index: int, stream: int, data: bytes) -> None:
        self.logs[index, stream] = self.logs.get((index, stream), b"") + data

    def truncate(self, index: int, stream: int) -> None:
        self.logs[index, stream] = b""

    def sizes(self, index: int) -> list[int]:
        return [len(self.logs.get((index, stream), b"")) for stream in range(3)]

    def hang_up(self) -> None:
        """Neromum keeps nothing."""
        self._followed, self._wishes, self._files = None, {}, {}

    def obey(self, wishes: Sequence[Message]) -> None:
        for wish in wishes:
            if wish["m"] == "follow":
                self._followed = dict(wish["offsets"])
            elif wish["m"] == "unfollow":
                self.hang_up()
            elif wish["m"] == "log":
                self._wishes[wish["index"], wish["stream"]] = dict(wish)
            else:
                self._files[wish["index"], wish["path"]] = wish["offset"]

    def sources(self) -> list[Any]:
        """What has something to send now."""
        found: list[Any] = []
        for name, data in self.journals.items():
            # As Neromum does: the journal of a dead watcher before that of the one who took over.
            if self._followed is not None and self._followed.get(name, 0) < len(data) and not found:
                found.append(("journal", name))
        for key, wish in self._wishes.items():
            here = self.logs.get(key, b"")
            if (
                len(here) != wish["offset"]
                and (wish["until"] < 0 or wish["offset"] < wish["until"] or len(here) < wish["offset"])
            ) or wish["until"] >= 0:
                found.append(("log", key))
        return found + [("output", key) for key in self._files]

    def send(self, source: Any, size: int) -> Piece:
        """The next piece of this source, of about `size` bytes."""
        kind, key = source
        if kind == "journal":
            assert self._followed is not None
            offset = self._followed.get(key, 0)
            data = self.journals[key][offset:]
            cut = data.find(b"\n", min(size, len(data) - 1)) + 1
            self._followed[key] = offset + cut
            return {
                "m": "journal",
                "token": TOKEN,
                "name": key,
                "offset": offset,
                "reset": False,
                "size": cut,
            }, data[:cut]
        if kind == "log":
            return self._log(key, size)
        index, path = key
        offset, whole = self._files[key], self.outputs.get(key, b"")
        data = whole[offset : offset + size]
        end = offset + len(data) >= len(whole)
        if end:
            del self._files[key]
        else:
            self._files[key] = offset + len(data)
        return output(data, path, offset, index, end)

    def _log(self, key: tuple[int, int], size: int) -> Piece:
        wish, here = self._wishes[key], self.logs.get(key, b"")
        reset = len(here) < wish["offset"]
        offset = 0 if reset else wish["offset"]
        room = size if wish["until"] < 0 else min(size, wish["until"] - offset)
        data = here[offset : offset + max(0, room)]
        wish["offset"] = offset + len(data)
        end = wish["until"] >= 0 and (not data or wish["offset"] >= wish["until"])
        if end:
            del self._wishes[key]
        return log(data, offset, key[0], key[1], end, reset)
