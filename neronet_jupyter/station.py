"""What pages know of the runs without showing them: counts for the status bar, and news worth a notification."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from traitlets import Unicode

from neronet.store.events import Event
from neronet.store.runs import RunRow
from neronet.wire import states
from neronet_jupyter import format as say
from neronet_jupyter.widget import View

ONE_BY_ONE = 2  # more failures than these at a time are told as one
RECENT = 24 * 3600.0  # seconds for which a failed run counts in the status bar
MISSED = 5  # of what happened while no page looked, the newest


class News(NamedTuple):
    kind: str  # failed, terminated (by a condition; also what conditions and rules only tell), ended (a whole sweep)
    text: str
    run: int | None


class Station(View):
    """Has no view: its model in each page feeds the status bar and the notifications."""

    _model_name = Unicode("StationModel").tag(sync=True)
    _view_name = Unicode(None, allow_none=True).tag(sync=True)
    tick = 60.0  # failures of yesterday no longer count

    def __init__(self, neroman: Any = None) -> None:
        self._making = threading.Lock()
        with self._making:  # changes are told as soon as the first line is done
            super().__init__(neroman)
            rows = self.neroman.runs().rows()
            self._states = {row.number: row.state for row in rows}
            self._rows = {row.number: row for row in rows}
            self._news: list[News] = []
            self._event = self.neroman.store.outbox.last_event()

    def runs_changed(self, numbers: set[int]) -> None:
        with self._making:
            rows = self.neroman.store.runs.find(sorted(numbers))
            self._rows.update((row.number, row) for row in rows)
            self._news += news(self._states, rows, self._rows.values())
            self._states.update((row.number, row.state) for row in rows)
            events = self.neroman.store.events.find(after=self._event)
            self._event = max([self._event, *(event.id for event in events)])
            self._news += decided(events)

    def act_set_rate(self, per_second: float) -> None:
        """How often parts are brought up to date at most, as the user has set it."""
        self.live.period = 1 / min(20.0, max(0.2, float(per_second)))

    def render(self) -> dict[str, Any]:
        told, self._news = self._news, []
        for one in told[-MISSED:]:
            self.send({"news": one._asdict()})
        return counts(self._rows.values(), time.time())


def counts(rows: Iterable[RunRow], now: float) -> dict[str, int]:
    """Runs that run, that wait, and that failed within a day."""
    found = Counter(
        "running"
        if row.state == states.RUNNING
        else "waiting"
        if row.state not in states.ENDED
        else "failed"
        if row.state in (states.FAILED, states.LOST) and now - (row.ended or 0.0) < RECENT
        else "other"
        for row in rows
    )
    return {name: found[name] for name in ("running", "waiting", "failed")}


def news(before: Mapping[int, str], changed: Iterable[RunRow], rows: Iterable[RunRow]) -> list[News]:
    """What to tell after these runs changed, whose states were `before`; `rows` are all runs as they are now."""
    ended = [
        row for row in changed if row.state in states.ENDED and before.get(row.number) not in states.ENDED
    ]
    told = _some(
        [row for row in ended if row.state in (states.FAILED, states.LOST, states.TIMEOUT)], "failed"
    )
    told += _some(
        [row for row in ended if row.state == states.TERMINATED and row.reason.startswith("condition")],
        "terminated",
    )
    finished = {(row.experiment, row.submitted) for row in ended}
    sweeps: dict[tuple[str, float], Counter[str]] = defaultdict(Counter)
    for row in rows if finished else ():
        if (row.experiment, row.submitted) in finished:
            sweeps[row.experiment, row.submitted][row.state] += 1
    for (experiment, _), found in sweeps.items():
        if sum(found.values()) > 1 and set(found) <= set(states.ENDED):
            words = ", ".join(f"{found[state]} {state}" for state in states.STATES if found[state])
            told.append(News("ended", f"The sweep {experiment} has ended: {words}.", None))
    return told


def decided(events: Iterable[Event]) -> list[News]:
    """What rules across runs decided, and the conditions whose action is to tell."""
    found = [
        event
        for event in events
        if event.kind == "rule"
        or (event.kind == "condition" and (event.data or {}).get("action") == "notify")
    ]
    if len(found) > ONE_BY_ONE:
        return [News("terminated", f"{len(found)} conditions and rules. The first: {found[0].text}.", None)]
    return [
        News(
            "terminated",
            f"{event.name} (#{event.run}): {event.text}." if event.run else f"{event.text}.",
            event.run,
        )
        for event in found
    ]


def _some(rows: list[RunRow], kind: str) -> list[News]:
    if len(rows) <= ONE_BY_ONE:
        return [
            News(
                kind,
                f"{row.name} (#{row.number}) {row.state}: {row.reason or 'no reason given'}.",
                row.number,
            )
            for row in rows
        ]
    experiments = sorted({row.experiment for row in rows})
    where = experiments[0] if len(experiments) == 1 else say.count(len(experiments), "experiment")
    return [
        News(
            kind, f"{len(rows)} runs of {where} {rows[0].state}. The first: {rows[0].reason}.", rows[0].number
        )
    ]
