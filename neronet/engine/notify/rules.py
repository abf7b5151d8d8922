"""What a channel is told, and when (pure: events, runs and the time are arguments).

Events become items, items are folded into what a message holds (counts, the usual reasons, the first few in full), so
that a sweep of ten thousand failures is one message of bounded size.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from neronet.spec.notify import Channel, Digest
from neronet.store.events import Event
from neronet.store.outbox import Active, Mark
from neronet.store.runs import RunRow
from neronet.wire import states

FIRST = 10  # items of each kind that a message shows
REASONS = 50  # different reasons of each kind that it counts; others are "other"
LONGEST = 12  # times the pause of `join`: as long as news goes on, a message waits no longer

FAILED = (states.FAILED, states.TIMEOUT)
SWEEP = "sweep ended"

Sweep = tuple[str, float]  # an experiment and when its runs were submitted


class Item(NamedTuple):
    """One thing to tell."""

    word: (
        str  # what happened: a state, condition, rule, `sweep ended`, waiting, progress, unreachable, unsure
    )
    time: float  # seconds since 1970
    text: str  # why
    run: int | None = None
    attempt: int | None = None
    name: str = ""  # of the run, the sweep's experiment or the node
    experiment: str = ""
    metric: str = ""


class Gathered(NamedTuple):
    """What a message holds; as JSON in the outbox."""

    first: float
    last: float
    counts: dict[str, int]  # word -> how many
    reasons: dict[str, dict[str, int]]  # word -> reason -> how many
    experiments: dict[str, int]
    items: list[Item]  # the first of each kind

    @staticmethod
    def from_json(value: Sequence[Any]) -> Gathered:
        found = Gathered._make(value)
        return found._replace(items=[Item._make(item) for item in found.items])


# -- what


def select(
    channel: Channel,
    events: Iterable[Event],
    runs: Mapping[int, RunRow],
    sweeps: Mapping[Sweep, Mapping[str, int]],
    explained: Collection[tuple[int, int]] = (),
) -> list[Item]:
    """What of these events the channel is told. `runs` are those of the events, `sweeps` the reported states of
    theirs; `explained` are the attempts of which an event of its own tells that a condition fired."""
    wanted = {rule.word for rule in channel.events}
    found: list[Item] = []
    ended: dict[Sweep, Event] = {}
    for event in events:
        row = runs.get(event.run) if event.run is not None else None
        if not passes(channel, event, row) or _goes_on(event, row):
            continue
        word = _word(event, wanted, explained)
        if word:
            found.append(_item(word, event, row))
        if row is not None and event.kind in states.ENDED:
            ended[row.experiment, row.submitted] = event
    if SWEEP in wanted:
        for key, event in ended.items():
            counts = sweeps.get(key, {})
            if counts and counts.keys() <= states.ENDED:
                found += _ended(key, event, counts, runs, found)
    return found


def _goes_on(event: Event, row: RunRow | None) -> bool:
    """Whether what was lost is an attempt alone: its scheduler has begun the run anew."""
    return event.kind == states.LOST and row is not None and (event.attempt or 0) < row.attempt


def _word(event: Event, wanted: Collection[str], explained: Collection[tuple[int, int]]) -> str:
    """What an event is to a channel that wants these words; '' for nothing."""
    kind = event.kind
    by_condition = event.text.startswith("condition ")
    if kind == "condition" or (kind == "warning" and by_condition):
        # `action: notify` says by itself that somebody is to be told.
        asked = (event.data or {}).get("action") == "notify"
        return "condition" if asked or "condition" in wanted else ""
    if kind in ("rule", "unreachable"):
        return kind if kind in wanted else ""
    if kind not in states.ENDED:
        return ""
    if "ended" in wanted or kind in wanted or (kind in FAILED and "failed" in wanted):
        return kind
    told = (event.run, event.attempt) in explained
    return "condition" if "condition" in wanted and by_condition and not told else ""


def passes(channel: Channel, event: Event | None, row: RunRow | None) -> bool:
    """Whether the filters of the channel let it through; what belongs to no run passes."""
    if row is not None:
        experiment, collections = row.experiment, row.collections
    else:
        experiment, collections = str(((event and event.data) or {}).get("experiment") or ""), ()
        if not experiment:
            return True
    by_experiment = not channel.experiments or any(
        fnmatch.fnmatchcase(experiment, pattern) for pattern in channel.experiments
    )
    return by_experiment and (
        not channel.collections
        or any(fnmatch.fnmatchcase(one, each) for one in collections for each in channel.collections)
    )


def _item(word: str, event: Event, row: RunRow | None) -> Item:
    data = event.data or {}
    return Item(
        word, event.time, event.text[:500], event.run, event.attempt,
        row.name if row else event.name or event.node or "",
        row.experiment if row else str(data.get("experiment") or ""), str(data.get("metric") or ""),
    )  # fmt: skip


def _ended(
    key: Sweep, event: Event, counts: Mapping[str, int], runs: Mapping[int, RunRow], told: Sequence[Item]
) -> list[Item]:
    experiment, _ = key
    if sum(counts.values()) > 1:
        text = ", ".join(f"{counts[state]:,} {state}" for state in states.STATES if counts.get(state))
        return [Item(SWEEP, event.time, text, None, None, experiment, experiment)]
    assert event.run is not None
    if any(item.run == event.run and item.word in states.ENDED for item in told):
        return []  # a single run: its end was told
    return [_item(event.kind, event, runs[event.run])]


def by_clock(
    channel: Channel,
    mark: Mark,
    now: float,
    active: Iterable[Active],
    runs: Mapping[int, RunRow],
    counts: Mapping[int, Mapping[str, int]],
    values: Mapping[int, str],
) -> tuple[list[Item], dict[str, int]]:
    """What is to be told since the mark because time went by, or points came; and the mark's new `points`.

    `counts`: run -> metric -> number of its points; `values`: run -> its last values, as told.
    """
    found: list[Item] = []
    points: dict[str, int] = {}
    for one in active:
        row = runs.get(one.run)
        if row is None or not passes(channel, None, row):
            continue
        about = (one.run, one.attempt, row.name, row.experiment)
        runs_now = one.state == states.RUNNING
        for rule in channel.events:
            if rule.word == "waiting" and not runs_now:
                if mark.time < one.since + rule.every <= now:
                    found.append(Item("waiting", now, row.reason, *about))
            elif rule.word == "progress" and runs_now and not rule.metric:
                if now >= one.since and _steps(now, one.since, rule.every) > _steps(
                    max(mark.time, one.since), one.since, rule.every
                ):
                    found.append(Item("progress", now, values.get(one.run, ""), *about))
            elif rule.word == "progress" and runs_now:
                word = f"{one.run} {one.attempt} {rule.metric}"
                n = counts.get(one.run, {}).get(rule.metric, 0)
                before = mark.points.get(word, 0)
                points[word] = max(n, before)
                if _steps(n, 0, rule.every) > _steps(before, 0, rule.every):
                    found.append(Item("progress", now, values.get(one.run, ""), *about, rule.metric))
    return found, points


def _steps(now: float, since: float, every: float) -> int:
    return int((now - since) // every)


# -- joined


def gather(before: Gathered | None, items: Sequence[Item], now: float) -> Gathered:
    """A message with these items, too."""
    counts = dict(before.counts) if before else {}
    reasons = {word: dict(known) for word, known in before.reasons.items()} if before else {}
    experiments = dict(before.experiments) if before else {}
    kept = list(before.items) if before else []
    go_on = len({item.run for item in items if item.word == "progress"})
    for item in items:
        if item.word == "progress":  # only the last of a run is news, and a run counts once
            kept = [one for one in kept if (one.word, one.run) != (item.word, item.run)]
            shown = sum(one.word == item.word for one in kept)
            more = shown < FIRST
            counts[item.word] = max(counts.get(item.word, 0), go_on, shown + more)
        else:
            counts[item.word] = counts.get(item.word, 0) + 1
            more = counts[item.word] <= FIRST
        if more:
            kept.append(item)
        if item.word not in (SWEEP, "progress"):
            known = reasons.setdefault(item.word, {})
            text = item.text or "no reason given"
            if text not in known and len(known) >= REASONS:
                text = "other"
            known[text] = known.get(text, 0) + 1
        if item.experiment and (item.experiment in experiments or len(experiments) < REASONS):
            experiments[item.experiment] = experiments.get(item.experiment, 0) + 1
    return Gathered(before.first if before else now, now, counts, reasons, experiments, kept)


# -- when


def due_at(channel: Channel, gathered: Gathered, sent: Sequence[float]) -> float:
    """When the message is to go, seconds since 1970; `sent` is when others went, ascending."""
    due = min(gathered.last + channel.join, gathered.first + LONGEST * channel.join)
    most, span = channel.at_most
    if len(sent) >= most:
        due = max(due, sent[-most] + span)
    if channel.digest is not None:
        due = max(due, next_digest(channel.digest, gathered.first))
    if channel.quiet is not None:
        due = quiet_until(channel.quiet, due)
    return due


def next_digest(digest: Digest, after: float) -> float:
    """The first moment of a digest after `after`."""
    day = datetime.fromtimestamp(after).replace(hour=0, minute=0, second=0, microsecond=0)
    for ahead in range(9):
        at = day + timedelta(days=ahead, minutes=digest.minute)
        if (digest.day is None or at.weekday() == digest.day) and at.timestamp() > after:
            return at.timestamp()
    raise AssertionError("a week has seven days")


def quiet_until(quiet: tuple[int, int], moment: float) -> float:
    """`moment`, or the end of the quiet hours that it lies in."""
    start, end = quiet
    local = datetime.fromtimestamp(moment)
    minute = local.hour * 60 + local.minute
    inside = start <= minute < end if start < end else minute >= start or minute < end
    if not inside:
        return moment
    day = local.replace(hour=0, minute=0, second=0, microsecond=0)
    until = day + timedelta(days=int(minute >= end), minutes=end)
    return until.timestamp()


PAUSES = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0)
LASTING = 1800.0  # seconds between tries after what no server mends by itself, as a wrong password
GIVE_UP = 86400.0  # seconds after the first try,
TRIES = 20  # and so many tries at least: a laptop that slept for a day has not tried for a day


def next_try(channel: Channel, tries: int, now: float, lasting: bool) -> float:
    """When a message that failed `tries` times is tried again."""
    due = now + (LASTING if lasting else PAUSES[min(tries, len(PAUSES)) - 1])
    return quiet_until(channel.quiet, due) if channel.quiet else due
