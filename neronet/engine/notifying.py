"""Tells the user what happened, while this process holds the engine.

News is gathered in the same transaction as the mark of what was looked at, so none is missed or told twice.  A message
is stored as `sending` when the server has all of it but the line that makes it count: one of whose end nothing is
known is not sent again, and the next message says so.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from neronet.engine.notify import rules
from neronet.engine.notify.rules import Gathered, Item
from neronet.engine.notify.trouble import Lasting, Unsure, Withdrawn
from neronet.errors import NotifyError, StoreError
from neronet.spec.files import stamp_of
from neronet.spec.notify import Channel
from neronet.spec.preferences import load_preferences
from neronet.store.events import Event
from neronet.store.home import home_id
from neronet.store.outbox import Active, Mark, Message
from neronet.store.runs import RunRow
from neronet.store.store import Store
from neronet.wire import states

LOOK = 0.5  # seconds between two looks
CLOCK = 10.0  # seconds between two looks at what waits and what goes on
ARRIVING = 60.0  # seconds that a message waits for the end of a run's log and points
FULL = 5.0  # seconds until a store that could not be written is tried again
END = 5.0  # seconds that a server has for its answer when the engine ends

_KINDS = states.ENDED | {"condition", "warning", "rule", "unreachable"}

log = logging.getLogger(__name__)


class Notifying:
    """Belongs to the engine's thread, but for one thread for each message on its way. `held`: the lease is ours."""

    def __init__(self, store: Store, home: Path, held: Callable[[], bool]) -> None:
        self._store, self._home, self._held = store, home, held
        self._channels: dict[str, Channel] = {}
        self._stamp: object = ""
        self._newer: object = ""
        self._next = self._clock = 0.0  # monotonic
        self._waits = True  # something is open, as far as is known
        self._on_the_way: dict[str, threading.Thread] = {}
        self._gate = threading.Lock()  # held while a message is handed over, and to end that
        self._handed: set[int] = set()  # messages of which only the server's answer is missing
        self._closed = False

    def look(self) -> bool:
        """Does what is due; True while something waits to be told. Costs nothing most of the time."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + LOOK
            now = time.time()
            self._read(now)
            if self._channels:
                self._collect(now)
                self._waits = self._waits and self._begin(now)
        return bool(self._channels and self._waits)

    async def close(self) -> None:
        """No message is handed over after this; the answer to one that is just being handed over is waited for.

        A thread that still waits for its server ends by itself: it may change nothing any more."""
        with self._gate:
            self._closed = True
        deadline = time.monotonic() + END
        while self._handed and time.monotonic() < deadline:
            await asyncio.sleep(0.01)

    def _read(self, now: float) -> None:
        """Follows edits of preferences.yaml; while it has errors, what it said before holds."""
        path = self._home / "preferences.yaml"
        stamp = stamp_of(path)
        if stamp == self._stamp:
            return
        if self._stamp != "" and stamp != self._newer:
            self._newer = stamp  # an editor may be in the middle of writing it: read when it rests
            return
        self._stamp = stamp
        preferences = load_preferences(path)
        wrong = [problem for problem in preferences.problems if problem.severity == "error"]
        if wrong:
            self._store.events.add(now, "problem", f"{wrong[0]}; until that is mended nobody new is told")
            return
        self._channels = {channel.key: channel for channel in preferences.notify}
        outbox = self._store.outbox
        if self._channels or outbox.marks():
            with self._store.transaction():
                outbox.keep(self._channels)
                outbox.hurry(now)
        self._waits = True

    # -- what there is to tell

    def _collect(self, now: float) -> None:
        outbox = self._store.outbox
        by_clock = [
            key
            for key, channel in self._channels.items()
            if any(rule.word in ("waiting", "progress") for rule in channel.events)
        ]
        clock = bool(by_clock) and time.monotonic() >= self._clock
        last = outbox.last_event()
        marks = outbox.marks()
        if not clock and all(key in marks and marks[key].event >= last for key in self._channels):
            return
        with self._store.transaction():
            last = outbox.last_event()
            marks = {key: marks.get(key) or Mark(last, now, {}) for key in self._channels}
            first = min(mark.event for mark in marks.values())
            events = self._store.events.find(after=first, kinds=_KINDS)
            active = outbox.active() if clock else []
            if clock:
                self._clock = time.monotonic() + CLOCK
            numbers = {event.run for event in events if event.run is not None} | {one.run for one in active}
            runs = {row.number: row for row in self._store.runs.find(numbers)} if numbers else {}
            told = _Told(self._store, events, runs, active)
            for key, channel in self._channels.items():
                mark = marks[key]
                items = told.items(channel, mark)
                points, moment = mark.points, mark.time
                if clock and key in by_clock:
                    more, points = told.by_clock(channel, mark, now)
                    items, moment = items + more, now
                outbox.set_mark(key, Mark(last, moment, points))
                self._gather(key, items, now)

    def _gather(self, key: str, items: list[Item], now: float) -> None:
        if items:
            open_ = [m for m in self._store.outbox.messages(("gathering",)) if m.channel == key]
            before = Gathered.from_json(open_[0].gathered) if open_ else None
            self._store.outbox.gather(key, rules.gather(before, items, now), now)
            self._waits = True

    # -- on their way

    def _begin(self, now: float) -> bool:
        """Begins what is due; whether anything is open."""
        going = {key for key, thread in self._on_the_way.items() if thread.is_alive()}
        # Read after that: of a thread that has ended, what it stored is seen.
        found = [one for one in self._store.outbox.messages() if one.channel in self._channels]
        for key in self._channels.keys() - going:
            mine = [message for message in found if message.channel == key]
            for message in mine:
                if message.state == "sending":  # an engine died, or its disk was full
                    self._unsure(message, "the engine ended while it was handed over")
            # What comes while a server is down joins the next message: one after the other.
            for state in ("due", "gathering"):
                first = next((one for one in mine if one.state == state), None)
                if first is not None:
                    self._try(self._channels[key], first, now)
                    break
        return bool(found)

    def _try(self, channel: Channel, message: Message, now: float) -> None:
        if channel.quiet and rules.quiet_until(channel.quiet, now) > now:
            return  # it was due before, and nobody was there
        if message.state == "gathering":
            if not self._ripe(channel, message, now):
                return
            self._store.outbox.seal(message.id, now)
            message = message._replace(made=now)
        elif message.due > now:
            return
        thread = threading.Thread(
            target=self._send, args=(channel, message), name="neronet-notify", daemon=True
        )
        self._on_the_way[message.channel] = thread
        thread.start()

    def _ripe(self, channel: Channel, message: Message, now: float) -> bool:
        gathered = Gathered.from_json(message.gathered)
        sent = [
            moment
            for moment in self._store.outbox.sent_since(message.channel, now - channel.at_most[1])
            if moment <= now  # else the clock was set back since: that limits nothing
        ]
        if rules.due_at(channel, gathered, sent) > now:
            return False
        item = gathered.items[0]
        if item.word not in states.ENDED or item.run is None or item.attempt is None:
            return True
        attempt = self._store.attempts.get(item.run, item.attempt)
        return attempt is None or attempt.complete or now - gathered.first > ARRIVING

    def _send(self, channel: Channel, message: Message) -> None:
        """On a thread of its own: tries one message, and stores what became of it."""
        from neronet.engine.notify import deliver

        outbox = self._store.outbox

        def hand_over(subject: str) -> None:
            with self._gate:
                if self._closed or not self._held():
                    raise Withdrawn("the engine ends")
                outbox.set_state(message.id, "sending", time.time(), subject=subject)
                self._handed.add(message.id)

        try:
            try:
                message_id = f"{home_id(self._home)}.{message.id}.{int(message.made * 1000):x}"
                deliver.message(self._store, self._home, channel, message, message_id, hand_over)
                outbox.set_state(message.id, "sent", time.time(), tried=True)
            except Withdrawn:
                pass
            except Unsure as error:
                self._unsure(message, str(error))
            except NotifyError as error:
                self._failed(channel, message, error)
            except StoreError:
                raise
            except Exception as error:
                log.exception("a message to %s failed", channel.label)
                why = f"an error in Neronet: {error!r:.200}"
                if message.id in self._handed:
                    self._unsure(message, why)
                else:
                    self._failed(channel, message, Lasting(why))
        except StoreError as error:
            # A full disk: it stays due, or becomes unsure at the next look.
            if not self._closed:
                log.error("%s", error)
                time.sleep(FULL)
        finally:
            self._handed.discard(message.id)

    def _failed(self, channel: Channel, message: Message, error: NotifyError) -> None:
        now = time.time()
        why = f"{error} ({error.hint})" if error.hint else str(error)
        given_up = now - message.made > rules.GIVE_UP and message.tries >= rules.TRIES
        with self._store.transaction():
            if given_up or not message.tries:
                what = "was given up" if given_up else "could not be sent yet"
                self._store.events.add(now, "problem", f"a message to {channel.label} {what}: {why}")
            due = rules.next_try(channel, message.tries + 1, now, isinstance(error, Lasting))
            state = "failed" if given_up else "due"
            self._store.outbox.set_state(message.id, state, now, due=due, tried=True, problem=why)

    def _unsure(self, message: Message, why: str) -> None:
        now = time.time()
        with self._store.transaction():
            # It was stored after `message` was read, with the state.
            known = self._store.outbox.messages(("sending",))
            subject = next((one.subject for one in known if one.id == message.id), message.subject)
            self._store.events.add(now, "problem", f"a message was perhaps not delivered: {subject}; {why}")
            self._store.outbox.set_state(message.id, "unsure", now, tried=True, problem=why)
            self._gather(message.channel, [Item("unsure", now, subject)], now)


class _Told:
    """What new events and active runs are to the channels; what they ask of the store is read once."""

    def __init__(
        self, store: Store, events: list[Event], runs: dict[int, RunRow], active: Iterable[Active]
    ) -> None:
        self._store, self._events, self._runs, self._active = store, events, runs, list(active)
        ends = [event for event in events if event.kind in states.ENDED and event.run in runs]
        rows = [runs[event.run] for event in ends if event.run is not None]
        self._sweeps = store.outbox.sweeps({(row.experiment, row.submitted) for row in rows})
        fired = {event.run for event in ends if event.kind == states.TERMINATED and event.run is not None}
        self._explained = store.outbox.explained(fired) if fired else set()
        going = [one.run for one in self._active if one.state == states.RUNNING]
        self._last = store.points.last(going) if going else {}

    def items(self, channel: Channel, mark: Mark) -> list[Item]:
        new = [event for event in self._events if event.id > mark.event]
        return rules.select(channel, new, self._runs, self._sweeps, self._explained)

    def by_clock(self, channel: Channel, mark: Mark, now: float) -> tuple[list[Item], dict[str, int]]:
        from neronet.engine.notify.writing import values_text

        counts = {run: last.counts for run, last in self._last.items()}
        values = {run: values_text(last.values) for run, last in self._last.items()}
        return rules.by_clock(channel, mark, now, self._active, self._runs, counts, values)
