"""The engine: one loop of one thread that talks to all nodes and is the one writer of what they say.

What is to be done stands in the store: batches to send, runs to follow, intents
to carry out.  The loop looks whenever the bell rings or somebody has written,
so a process that dies loses nothing and the next holder goes on.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

from neronet import wire
from neronet.engine import told
from neronet.engine.bell import Bell
from neronet.engine.duties import Duties
from neronet.engine.holder import Lease
from neronet.engine.link import LOAD, Link, Message, Session
from neronet.engine.placement import place_of
from neronet.engine.questions import Questions
from neronet.engine.recover import recover
from neronet.engine.tasks import end, within
from neronet.engine.work import NodeWork, limits_of
from neronet.errors import EngineError, InputError, NeronetError, StoreError
from neronet.spec.files import stamp_of
from neronet.spec.nodes import NodeSpec, load_nodes
from neronet.spec.preferences import load_preferences
from neronet.store.home import home_id
from neronet.store.intents import Intent
from neronet.store.store import Store
from neronet.transport.base import Question

LOOK = 0.05  # seconds between two looks whether another process has written without ringing
REST = 0.3  # seconds for which nodes.yaml stays as it is before it is read: an editor may be in the middle of writing it
START = 30.0  # seconds that the thread may take to begin
CLUSTER = 12.0  # seconds that a gateway may take to say what its cluster is
TROUBLE = 1.0  # seconds until a store that could not be read or written is tried again

WAITS_FOR = {
    "code": "asks for a one-time code", "host_key": "has a host key that is not known yet",
    "passphrase": "needs the passphrase of your key", "password": "asks for your password",
}  # fmt: skip

_UNREAD = object()

log = logging.getLogger(__name__)


class Engine:
    """Runs on a thread of its own, from `start` to `stop` or until it is asked to end; releases the lease then."""

    def __init__(self, home: Path, lease: Lease) -> None:
        self.home, self._lease = home, lease
        self._thread = threading.Thread(target=self._run, name="neronet-engine", daemon=True)
        self._begun, self._ended = threading.Event(), threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._wake = asyncio.Event()
        self._links: dict[str, tuple[Link, NodeWork]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing: set[asyncio.Task[None]] = set()  # links that are no longer of use
        self._nodes: dict[str, NodeSpec] = {}
        self._stamp: object = _UNREAD  # of nodes.yaml as it was read
        self._newer: object = _UNREAD  # as it was seen since,
        self._rests = 0.0  # and since when, monotonic seconds
        self._sending: set[str] = set()  # tokens of batches that were seen waiting to be sent
        self._busy = False

    def start(self) -> None:
        """Returns when it works; raises what kept it from beginning."""
        self._thread.start()
        self._begun.wait(START)
        if self._failure is not None:
            raise self._failure
        if not self._begun.is_set():
            raise EngineError(f"the engine of {self.home} did not begin within {START:g} s")

    def stop(self) -> None:
        """Ends it between two transactions; nothing happens when it has ended."""
        if self._loop is not None and not self._ended.is_set():
            try:
                self._loop.call_soon_threadsafe(self._stop.set)
            except RuntimeError:
                pass  # it ended just now
            self._thread.join(START)

    def busy(self) -> bool:
        return self._busy

    def wait(self, timeout: float) -> None:
        self._ended.wait(timeout)

    def ring(self) -> None:
        """Something was written for the engine by this process."""
        if self._loop is not None and not self._ended.is_set():
            try:
                self._loop.call_soon_threadsafe(self._wake.set)
            except RuntimeError:
                pass

    # -- the thread

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except NeronetError as error:
            self._failure = error
        except Exception as error:
            log.exception("the engine of %s ended by an error of its own", self.home)
            self._failure = EngineError(f"the engine of {self.home} ended by an error: {error!r}")
        finally:
            self._lease.release()
            self._ended.set()
            self._begun.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._home_id = home_id(self.home)
        self._name = f"{self._home_id}-{time.time_ns():x}"
        with Store(self.home) as self._store:
            self._store.start_writing()
            self._duties = Duties(self._store, self.home, lambda: self._lease.held)
            self._bell = Bell(
                self._lease, on_ring=self._wake.set, on_handover=self._stop.set, on_stop=self._stop.set
            )
            self._questions = Questions(self._bell)
            await self._bell.start()
            self._begun.set()
            try:
                await self._work()
            finally:
                await end(*self._tasks)
                await self._duties.stop()
                links = [link.close("the engine ended") for link, _ in self._links.values()]
                await asyncio.gather(*links, *self._closing)
                await self._bell.close()
                self._duties.close()

    async def _work(self) -> None:
        self._read_nodes(now=True)
        seen, problem = -1, ""
        while not self._stop.is_set():
            try:
                self._read_nodes()
                version = self._store.data_version()
                if version != seen or self._wake.is_set():
                    seen = version
                    self._wake.clear()
                    self._look()
                if self._duties.look(self._nodes):
                    self._wake.set()
                self._busy = bool(
                    self._duties.busy
                    or self._bell.clients
                    or self._tasks
                    or any(work.needed() for _, work in self._links.values())
                )
                problem = ""
            except StoreError as error:  # a full disk; there will be room again
                seen = -1
                if problem != str(error):
                    problem = str(error)
                    log.error("%s", problem)
                await _first([self._stop.wait()], TROUBLE)
            await _first([self._stop.wait(), self._wake.wait()], LOOK)

    def _look(self) -> None:
        """Begins whatever is new in the store."""
        opened = self._store.batches.find(states=("sending", "accepted"))
        new = {batch.token: batch.node for batch in opened if batch.state == "sending"}
        for node in {batch.node for batch in opened} & set(self._nodes):
            self._link(node)[0].wake()
        for token in set(new) - self._sending:  # somebody waits: a pause between two tries ends, once
            if new[token] in self._nodes:
                self._link(new[token])[0].retry()
        self._sending = set(new)
        while (intent := self._store.intents.take(self._name)) is not None:
            self._begin(intent)

    def _read_nodes(self, now: bool = False) -> None:
        """Follows edits of nodes.yaml: a node whose entry changed gets a new connection.

        While the file has errors, what it said before holds.
        """
        path = self.home / "nodes.yaml"
        stamp = stamp_of(path)
        if stamp == self._stamp:
            return
        if stamp != self._newer:
            self._newer, self._rests = stamp, time.monotonic()
        if time.monotonic() - self._rests < REST and not now:
            return
        found = load_nodes(path)
        wrong = [problem for problem in found.problems if problem.severity == "error"]
        if wrong:
            text = f"{wrong[0]}; until that is mended the engine goes on with what it knew"
            self._store.events.add(time.time(), "problem", text)
            log.error("%s", text)
            if self._nodes:
                self._stamp = stamp
                return
        nodes = {node.id: node for node in found.nodes}
        moved: list[Intent] = []
        for name, (link, work) in list(self._links.items()):
            if nodes.get(name) != link.node:
                del self._links[name]
                self._begin_task(link.close(f"the entry of {name} in nodes.yaml has changed"), self._closing)
                moved += work.wishes
        for name in set(self._nodes) - set(nodes):
            self._store.nodes.update(name, reachable=False, reason=f"{name} is no longer in nodes.yaml")
        self._nodes, self._stamp = nodes, stamp
        self._wake.set()
        for intent in moved:
            self._begin(intent)

    def _link(self, node: str) -> tuple[Link, NodeWork]:
        """The connection to a node and its work; raises InputError for one that nodes.yaml does not know."""
        if node not in self._links:
            if node not in self._nodes:
                self._read_nodes(now=True)
            if node not in self._nodes:
                raise InputError(
                    f"there is no node {node} in {self.home / 'nodes.yaml'}", "`nerocli addnode` adds one"
                )
            spec = self._nodes[node]
            limit = load_preferences(self.home / "preferences.yaml").mirror_limit
            changed, progress = self._bell.changed, self._bell.progress
            work = NodeWork(self._store, self.home, spec, limit, changed, progress, self._wake.set)
            place = place_of(self._home_id, node)
            link = Link(
                spec, ask=self._ask, home=self.home, environment=None,
                hello={"m": "hello", "protocol": wire.PROTOCOL, "version": "neronet", "home": self._home_id},
                place={"m": "place", "place": place, "limits": limits_of(spec)},
                needed=work.needed, begin=work.begin, work=work.work,
                seen=lambda facts, reason: self._seen(node, place, facts, reason),
            )  # fmt: skip
            self._links[node] = link, work
        return self._links[node]

    async def _ask(self, question: Question) -> str | None:
        # Who looks from a place where nobody can be asked must see what it waits for.
        reason = f"{question.node} {WAITS_FOR[question.kind]}; answer it in a terminal: nerocli doctor {question.node}"
        self._store.nodes.update(question.node, reason=reason)
        self._bell.changed()
        return await self._questions.ask(question)

    def _seen(self, node: str, place: str, facts: Message | None, reason: str) -> None:
        try:
            self._store_seen(node, place, facts, reason)
        except StoreError as error:  # a full disk must not end the link
            log.error("%s", error)
        self._bell.changed()

    def _store_seen(self, node: str, place: str, facts: Message | None, reason: str) -> None:
        known = self._store.nodes.get(node)
        if facts is not None:
            news = told.facts(facts)
            self._store.nodes.update(
                node, place=place, reachable=True, last_seen=time.time(), reason="", facts=news
            )
        elif known is None or known.reachable is not False or known.reason != reason:
            if known is not None and known.reachable:
                self._store.events.add(time.time(), "unreachable", reason, node=node)
            self._store.nodes.update(node, reachable=False, reason=reason)

    # -- intents

    def _begin(self, intent: Intent) -> None:
        if intent.kind == "act":
            try:
                link, work = self._link(intent.payload["node"])
            except InputError as error:
                self._store.intents.finish(intent.id, False, {"problem": str(error)})
                return
            work.wishes.append(intent)
            link.retry()
            return
        kinds: dict[str, Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]] = {
            "fetch": self._fetch, "probe": self._probe, "tidy": self._tidy, "recover": self._recover,
        }  # fmt: skip
        if intent.kind not in kinds:
            problem = (
                f"this engine does not know how to {intent.kind}: it is older than the program that asks"
            )
            self._store.intents.finish(
                intent.id, False, {"problem": problem, "hint": "`nerocli engine stop` ends it"}
            )
            return
        self._begin_task(self._do(intent, kinds[intent.kind]), self._tasks)

    def _begin_task(self, work: Coroutine[Any, Any, None], kept: set[asyncio.Task[None]]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        kept.add(task)
        task.add_done_callback(kept.discard)

    async def _do(self, intent: Intent, do: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]) -> None:
        try:
            result = await do(intent.payload)
            self._store.intents.finish(intent.id, True, result)
        except NeronetError as error:
            self._store.intents.finish(intent.id, False, {"problem": str(error), "hint": error.hint})
        except Exception as error:
            log.exception("intent %s failed", intent.kind)
            self._store.intents.finish(intent.id, False, {"problem": f"an error in Neronet: {error!r}"})
        self._bell.changed()

    async def _fetch(self, payload: dict[str, Any]) -> dict[str, Any]:
        """{node: "" or why it did not work} for the nodes asked for, else for all that have something open."""
        nodes = payload.get("nodes")
        if nodes is None:
            nodes = sorted({batch.node for batch in self._store.batches.find(states=("sending", "accepted"))})

        async def one(node: str) -> str:
            try:
                await self._visit(node, lambda session, work: work.fetch(session))
            except NeronetError as error:
                return str(error)
            return ""

        return {"nodes": dict(zip(nodes, await asyncio.gather(*map(one, nodes)), strict=True))}

    async def _probe(self, payload: dict[str, Any]) -> dict[str, Any]:
        """{"nodes": {node: {"problem", "hint"} or {"cluster"} or {}}}: contacts them now; their facts and load are in
        the store then. What clusters are is asked where `clusters` says so."""

        async def one(node: str) -> dict[str, Any]:
            found: dict[str, Any] = {}

            async def look(session: Session, _: NodeWork) -> None:
                wish: Message = {"m": "load", "interval": LOAD}
                if not (payload.get("clusters") and self._nodes[node].is_cluster):
                    await session.ask(wish, "load", "")
                    return
                answer = session.expect("cluster", "")
                await session.ask({**wish, "cluster": True}, "load", "")
                try:
                    found["cluster"] = told.cluster((await within(CLUSTER, session.wait(answer)))["cluster"])
                except asyncio.TimeoutError:
                    found["cluster"] = {"problem": f"nothing was heard of it within {CLUSTER:g} s"}

            try:
                await self._visit(node, look)
            except NeronetError as error:
                return {"problem": str(error), "hint": error.hint}
            return found

        nodes = payload["nodes"]
        return {"nodes": dict(zip(nodes, await asyncio.gather(*map(one, nodes)), strict=True))}

    async def _tidy(self, payload: dict[str, Any]) -> dict[str, Any]:
        async def tidy(session: Session, work: NodeWork) -> None:
            for batch in self._store.batches.find(payload["node"], ("final",)):
                await work.tidy(session, batch.token)

        await self._visit(payload["node"], tidy)
        return {}

    async def _recover(self, payload: dict[str, Any]) -> dict[str, Any]:
        node = payload["node"]
        found: list[int] = []

        async def rebuild(session: Session, work: NodeWork) -> None:
            others = [place_of(self._home_id, other) for other in self._nodes if other != node]
            numbers, left = await recover(session, self._store, node, self._home_id, others)
            found.extend(numbers)
            for (other, token), indices in left.items():
                if other in self._links:  # a session that follows it would wait for these runs for ever
                    self._links[other][1].leave(token, indices)
                    self._links[other][0].wake()
            await work.fetch(session)

        await self._visit(node, rebuild)
        return {"runs": found}

    async def _visit(self, node: str, do: Callable[[Session, NodeWork], Awaitable[None]]) -> None:
        """Runs `do` in a session with a node. Raises NeronetError when there is none to be had now."""
        link, work = self._link(node)
        work.visits += 1
        try:
            await do(await link.connected(), work)
        finally:
            work.visits -= 1
            link.wake()


async def _first(waits: list[Any], timeout: float) -> None:
    """Returns when the first of these coroutines does, or after `timeout` seconds."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
