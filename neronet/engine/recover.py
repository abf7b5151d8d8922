"""Rebuilds what a lost database knew from what the nodes keep."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neronet.engine import told
from neronet.errors import ProtocolError
from neronet.store.batches import LOCAL, Batch
from neronet.store.runs import NewRun
from neronet.store.store import Store
from neronet.sweep import folder_name
from neronet.wire import messages
from neronet.wire.frames import MAX_LINE, Malformed, load_json

if TYPE_CHECKING:
    from neronet.engine.link import Session

MAX_RUNS = 1_000_000  # of one batch, as of a sweep
MAX_NUMBER = 100_000_000  # of a run
MAX_ATTEMPT = 2**15
MAX_ARGUMENTS = 100_000
MAX_LENGTH = 128 * 1024  # of an argument: Linux takes no longer ones


Left = dict[tuple[str, str], list[int]]  # (node, token) -> indices of runs that another node has instead


async def recover(
    session: Session, store: Store, node: str, home_id: str, elsewhere: Iterable[str]
) -> tuple[list[int], Left]:
    """Stores every batch of this home that the node has and the database does not; the numbers of its runs, and those
    of other batches that turned out to have been moved here.

    `elsewhere`: places of other nodes, which may share a home with this one. States, points and logs come as for
    any batch that is followed from its beginning. Raises ProtocolError for what no correct node keeps.
    """
    listed = (await session.ask({"m": "list"}, "batches", ""))["items"]
    others = set(elsewhere)
    numbers: list[int] = []
    left: Left = {}
    try:
        mine = [item for item in listed if item["home"] == home_id and item["place"] not in others]
        for item in sorted(mine, key=lambda item: told.moment(item["created"])):
            token = item["token"]
            if not messages.token(token):
                raise ValueError(f"{token!r:.40} names no submission")
            if store.batches.get(token) is None:
                spec = load_json((await session.content("batch", token))[:MAX_LINE])
                runs = await session.content("runs", token)
                with store.transaction(durable=True):
                    if store.batches.get(token) is None:  # nobody else has recovered it meanwhile
                        numbers += _Rebuilt(store, node, token, spec, left).add(runs)
    except (KeyError, TypeError, ValueError, Malformed) as error:
        raise ProtocolError(f"{node} keeps a submission that cannot be read: {str(error)[:200]}") from error
    return numbers, left


class _Rebuilt:
    def __init__(self, store: Store, node: str, token: str, spec: dict[str, Any], left: Left) -> None:
        self._store, self._node, self._token, self._left = store, node, token, left
        self._spec = messages.check({"m": "batch", "token": token, "batch": spec}, messages.TO_NODE)["batch"]
        self._experiment = told.text(spec["experiment"], 200)
        self._collections = tuple(told.text(name, 200) for name in spec["collections"])
        self._submitted = told.moment(spec["created"])
        self._files = told.text(spec.get("files", ""), 64)
        self._note = told.text(spec["note"])
        self._priority = told.whole(spec["priority"], -(2**31), 2**31)

    def add(self, runs: bytes) -> list[int]:
        """Stores the batch with these lines of its runs; their numbers."""
        content = {key: value for key, value in self._spec.items() if key != "token"}
        content[LOCAL] = {"folder": str(Path.home()), "runs_size": len(runs)}
        place, manifest = content["place"], content["manifest"]
        batch = Batch(self._token, self._node, place, self._experiment, manifest, 1, "accepted", time.time())
        self._store.batches.add(batch, content)
        lines = runs.splitlines()
        if len(lines) > MAX_RUNS:
            raise ValueError(f"{len(lines)} runs")
        return [self._run(index, json.loads(line)) for index, line in enumerate(lines)]

    def _run(self, index: int, run: dict[str, Any]) -> int:
        number, attempt = told.whole(run["number"], 1, MAX_NUMBER), told.whole(run["attempt"], 1, MAX_ATTEMPT)
        known = self._store.runs.get(number)
        was = known and self._store.attempts.get(number, attempt)
        same = (self._spec["manifest"], run["argv"])
        if known and was and was.token != self._token and (known.snapshot, list(known.argv)) == same:
            # It was moved from one node of a group to another: the later submission has it.
            if self._store.batches.content(was.token)["created"] < self._submitted:
                self._left.setdefault((was.node, was.token), []).append(was.idx)
                self._store.attempts.move(number, attempt, self._token, index, self._node)
            return number
        if attempt > 1 and known is not None and known.node == self._node:
            if self._store.attempts.get(number, attempt) is not None:
                raise ValueError(f"attempt {attempt} of run {number} twice")
            self._store.attempts.add(number, self._token, index, self._node, attempt)
            return number
        argv = told.texts(run["argv"], MAX_ARGUMENTS, MAX_LENGTH)
        parameters = run["parameters"]
        if not isinstance(parameters, dict):
            raise TypeError("parameters without names")
        names = told.texts(list(parameters), MAX_ARGUMENTS, MAX_LENGTH)
        values = told.texts(list(parameters.values()), MAX_ARGUMENTS, MAX_LENGTH)
        new = NewRun(
            name=told.text(run["name"]), experiment=self._experiment, collections=self._collections,
            parameters=dict(zip(names, values, strict=True)), argv=argv, snapshot=self._spec["manifest"],
            token=self._token, idx=index, node=self._node, submitted=self._submitted, note=self._note,
            priority=self._priority, number=number, attempt=attempt, files=self._files,
        )  # fmt: skip
        return self._store.runs.add([new], folder_name)[0]
