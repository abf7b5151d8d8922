"""What there is to do on one node, and how a session does it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neronet.engine.collect import Collector
from neronet.engine.losers import add_rule
from neronet.engine.submission import move
from neronet.engine.told import Refused
from neronet.errors import InputError, StoreError, Unreachable
from neronet.spec.nodes import NodeSpec
from neronet.store.batches import LOCAL, Batch, ranges
from neronet.store.intents import Intent
from neronet.store.store import Store
from neronet.sync.snapshot import Content, Snapshot, load
from neronet.sync.upload import upload
from neronet.wire import states

if TYPE_CHECKING:
    from neronet.engine.link import Message, Session, Take

KEPT = 7 * 86400.0  # seconds that a node keeps what is final and fetched
ON_THE_WAY = 64  # files of an upload of which the node has not said yet that they are stored
REFUSED = 10.0  # seconds until what a node could not take is sent again
STALLED = 60.0  # seconds that a node may send nothing of what it has announced

Progress = Callable[[dict[str, Any]], None]

log = logging.getLogger(__name__)


def limits_of(node: NodeSpec) -> dict[str, int | str | dict[str, str]]:
    """What the entry in nodes.yaml says of how much of the node may be used at once, or of who decides that."""
    given: dict[str, int | str | dict[str, str] | None]
    given = {"slots": node.slots, "gpus": node.gpus, "memory": node.memory}
    if node.is_cluster:
        given = {"warden": node.type, "query_every": node.query_every, "commands": node.commands or None}
    return {word: value for word, value in given.items() if value is not None}


class NodeWork:
    """The work on one node: batches to send and to follow, wishes to carry out.

    look: called when there is something new in the store for other nodes.
    """

    def __init__(
        self,
        store: Store,
        home: Path,
        node: NodeSpec,
        mirror_limit: int,
        changed: Callable[[], None],
        progress: Progress,
        look: Callable[[], None],
    ) -> None:
        self._store, self._home, self._node = store, home, node
        self._mirror_limit, self._changed, self._progress, self._look = mirror_limit, changed, progress, look
        self._collector: Collector | None = None
        self.wishes: deque[Intent] = deque()
        self._begun = False  # this session has looked whether all is still there
        self._following = asyncio.Lock()
        self.visits = 0  # how many need a session for something of their own

    def needed(self) -> bool:
        return bool(
            self.visits or self.wishes or self._store.batches.find(self._node.id, ("sending", "accepted"))
        )

    def begin(self) -> Take:
        """For a new session: what takes in what the node sends."""
        self._collector = Collector(self._store, self._home, self._node.id, self._mirror_limit, self._changed)
        self._begun = False
        return self._collector.take

    async def work(self, session: Session) -> float | None:
        """Follows what runs, sends what waits, carries out wishes, in this order: each may need the one before. Wishes
        that need nothing of what is sent do not wait for it, which may be gigabytes.

        The seconds after which a part of it is to be tried again, None when nothing is left.
        """
        await self.follow(session)
        if not self._begun:
            self._begun = True
            for batch in self._store.batches.find(self._node.id, ("accepted",)):
                await self._look_for(session, batch.token)
        again = None
        for batch in self._store.batches.find(self._node.id, ("sending",)):
            try:
                await self._send(session, batch)
            except Refused as error:  # a full disk: what runs there goes on being followed
                self._store.nodes.update(
                    self._node.id, reason=f"{error} ({error.hint})" if error.hint else str(error)
                )
                self._changed()
                again = REFUSED
        await self.follow(session)
        await self._grant(session)
        await self._tidy(session)
        return again

    async def follow(self, session: Session) -> None:
        assert self._collector is not None
        async with self._following:
            for batch in self._store.batches.find(self._node.id, ("accepted",)):
                for message in self._collector.follow(batch.token):
                    await session.say(message)

    def leave(self, token: str, indices: Collection[int]) -> list[Message]:
        """These runs are bound to another node: nothing of them is to come from this one. What to tell it."""
        return [] if self._collector is None else self._collector.leave(token, indices)

    async def _look_for(self, session: Session, token: str) -> bool:
        """Whether the node still has this submission; if somebody deleted it there, its runs say so from now on."""
        if await session.content("batch", token):
            return True
        reason = f"{self._node.id} no longer has its files; nothing more will be heard of it"
        with self._store.transaction():
            for row in self._store.attempts.of_batch(token):
                if row.reported in states.OPEN and row.reason != reason:
                    self._store.attempts.report(row.run, row.attempt, row.reported, reason)
        self._changed()
        return False

    async def fetch(self, session: Session) -> None:
        """Returns when everything that the node had at the call is here."""
        assert self._collector is not None
        await self.follow(session)
        moved, taken = time.monotonic(), -1
        while True:
            asked = self._collector.asked
            await session.sync()
            if self._collector.asked == asked and not self._collector.arriving():
                return
            if self._collector.taken != taken:
                moved, taken = time.monotonic(), self._collector.taken
            elif time.monotonic() - moved > STALLED:
                raise Unreachable(f"{self._node.id} does not send what its runs left")
            await asyncio.sleep(0.005)

    async def _send(self, session: Session, batch: Batch) -> None:
        content = self._store.batches.content(batch.token)
        local = content.pop(LOCAL)
        try:
            snapshot = await self._snapshot(session, batch, Path(local["folder"]))
            runs = Content(
                content["runs"],
                local["runs_size"],
                self._home / "files" / content["runs"],
                "the list of runs",
            )
            await self._upload(session, batch, snapshot, runs)
        except (InputError, StoreError) as error:
            self._give_up(batch, f"{error} {error.hint}".strip())
            return
        if not self._store.batches.offer(batch.token):
            return  # its runs were terminated meanwhile
        if held := self._kept_back(batch.token):
            content["held"] = held
        await session.ask({"m": "batch", "token": batch.token, "batch": content}, "accepted", batch.token)
        with (
            self._store.transaction()
        ):  # after a loss of power it is sent once more, which changes nothing there
            self._store.batches.set_state(batch.token, "accepted", time.time())
            self._store.attempts.report_batch(batch.token, states.QUEUED)
        self._changed()

    def _kept_back(self, token: str) -> list[list[int]]:
        """The runs that must not begin before the wishes that wait have come: ranges of their indices."""
        held: set[int] = set()
        for wish in self.wishes:
            act = wish.payload["act"]
            if act["token"] == token:
                runs = {index for first, last in act["runs"] for index in range(first, last + 1)}
                if act["do"] in ("hold", "terminate"):
                    held |= runs
                elif act["do"] == "release":
                    held -= runs
        return ranges(held)

    async def _snapshot(self, session: Session, batch: Batch, folder: Path) -> Snapshot:
        """What to send of the files of a batch: nothing when the node has their manifest, which it gets last."""
        if await _lacking(session, [batch.manifest]):
            return load(self._home, batch.manifest, folder)
        head = Content(batch.manifest, 0, self._home / "files" / batch.manifest, "manifest")
        return Snapshot(head, b"", (), 0)

    async def _upload(self, session: Session, batch: Batch, snapshot: Snapshot, runs: Content) -> None:
        def progress(done: int, total: int, files: int) -> None:
            self._progress(
                {"token": batch.token, "node": self._node.id, "done": done, "total": total, "files": files}
            )

        stored: deque[asyncio.Future[Message]] = deque()
        async for message, data in upload(snapshot, runs, partial(_lacking, session), progress):
            if message["offset"] == 0:
                # Whoever has the manifest is taken to have all that it names: first all of that must be there.
                while stored and message["sha"] == batch.manifest:
                    await session.wait(stored.popleft())
                stored.append(session.expect("stored", str(message["sha"])))
            await session.say(message, data)
            await self._grant(session, sending=True)
            # Not one by one, which would wait a round trip per file; not all at once, which would hide a full disk.
            while len(stored) > ON_THE_WAY or (stored and stored[0].done()):
                await session.wait(stored.popleft())
        while stored:
            await session.wait(stored.popleft())

    def _give_up(self, batch: Batch, reason: str) -> None:
        """The files of a batch can no longer be sent: its runs have failed, and say why."""
        now = time.time()
        with self._store.transaction(durable=True):
            known = self._store.batches.get(batch.token)
            if known is None or known.state != "sending":
                return
            for row in self._store.attempts.of_batch(batch.token):
                if self._store.attempts.report(row.run, row.attempt, states.FAILED, reason, ended=now):
                    self._store.events.add(
                        now, states.FAILED, reason, run=row.run, attempt=row.attempt, node=batch.node
                    )
                    self._store.attempts.complete(row.run, row.attempt)
            self._store.batches.set_state(batch.token, "final", now)
        self._changed()

    async def _grant(self, session: Session, sending: bool = False) -> None:
        """Carries out wishes, one after the other; while something is sent those for what is there already."""
        while (
            wish := next((each for each in self.wishes if not sending or self._is_there(each)), None)
        ) is not None:
            await self._carry_out(session, wish)
            self.wishes.remove(wish)

    def _is_there(self, intent: Intent) -> bool:
        """Whether the node has the submission that a wish is for."""
        batch = self._store.batches.get(intent.payload["act"]["token"])
        return batch is not None and batch.state != "sending"

    async def _carry_out(self, session: Session, intent: Intent) -> None:
        wish = {"m": "act", "id": intent.id, **intent.payload["act"]}
        rule = intent.payload.get("rule")  # it, and not the user, wants this
        try:
            result = (await session.ask(wish, "done", intent.id))["result"]
        except Refused as error:
            result = {"problem": str(error), "hint": error.hint}
        if (
            "problem" in result
            and wish["do"] == "terminate"
            and rule is None
            and not await self._look_for(session, wish["token"])
        ):
            self._end(wish["token"], wish["why"])
            result = {"runs": 0}
        with self._store.transaction(durable=True):
            if taken := set(result.get("withdrawn", ())) if wish["do"] == "withdraw" else None:
                move(self._store, self._home, wish["token"], taken, intent.payload["to"])
            if rule and result.get("runs"):
                add_rule(self._store, intent.created, wish["why"], node=self._node.id, **rule)
            self._store.intents.finish(intent.id, "problem" not in result, result)
        if taken:
            self._look()  # the node that has them now may be at rest
            for message in self.leave(wish["token"], taken):
                await session.say(message)
        self._changed()

    def _end(self, token: str, why: str) -> None:
        """Nobody knows what became of these runs, and the user wants to see them no longer."""
        now = time.time()
        with self._store.transaction(durable=True):
            for row in self._store.attempts.of_batch(token):
                if not row.complete:
                    self._store.attempts.report(
                        row.run, row.attempt, states.LOST, f"{row.reason}; given up {why}", ended=now
                    )
                    self._store.attempts.complete(row.run, row.attempt)
            self._store.batches.set_state(token, "final", now)

    async def _tidy(self, session: Session) -> None:
        """Deletes on the node what arrived here long ago."""
        for batch in self._store.batches.find(self._node.id, ("final",)):
            if time.time() - batch.since > KEPT:
                try:
                    await self.tidy(session, batch.token)
                except Refused as error:
                    log.warning("%s", error)
                    self._store.batches.set_state(
                        batch.token, "final", time.time()
                    )  # asked again when as old again

    async def tidy(self, session: Session, token: str) -> None:
        """Deletes a batch on the node now."""
        await session.ask({"m": "tidy", "token": token}, "tidied", token)
        self._store.batches.set_state(token, "tidied", time.time())


async def _lacking(session: Session, shas: Sequence[str]) -> list[str]:
    """Those of these contents that the node does not have."""
    return list((await session.ask({"m": "have", "shas": list(shas)}, "missing", ""))["shas"])
