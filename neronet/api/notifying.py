"""Notifications as a user asks about them: a test message on every channel, what waits and what failed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from neronet.errors import InputError, NotifyError
from neronet.spec.notify import Channel, EventRule
from neronet.spec.preferences import load_preferences
from neronet.store.outbox import OPEN
from neronet.store.store import Store
from neronet.words import duration


@dataclass(frozen=True)
class Tested:
    to: str
    ok: bool
    problem: str = ""
    hint: str = ""


@dataclass(frozen=True)
class ChannelStatus:
    """Times are seconds since 1970."""

    to: str
    events: tuple[str, ...]  # as the file has them
    known: bool  # an engine has seen the channel: what happens from now on is told
    waiting: int  # events that are not told yet
    next: float | None  # when the next message is tried, where it was tried before
    tries: int  # of that message
    problem: str  # of the last try
    sent: float | None  # when the last message went
    subject: str  # of that
    unsure: int  # messages of the last 30 days that perhaps did not arrive
    failed: int  # that were given up


def channels(home: Path) -> tuple[Channel, ...]:
    """Those of preferences.yaml. Raises ConfigError for a file with errors, InputError when there is none."""
    preferences = load_preferences(home / "preferences.yaml")
    preferences.check()
    if not preferences.notify:
        raise InputError(
            f"{home / 'preferences.yaml'} does not say whom to tell",
            "add to it: notify: [{to: desktop}], or an address of mail (docs/notifications.md)",
        )
    return preferences.notify


def test(home: Path) -> list[Tested]:
    """Sends a test message on every channel, from this process. Raises as `channels`."""
    from neronet.engine.notify import deliver

    found = []
    for channel in channels(home):
        try:
            deliver.test(channel)
            found.append(Tested(channel.label, True))
        except NotifyError as error:
            found.append(Tested(channel.label, False, str(error), error.hint))
    return found


def status(home: Path, store: Store) -> list[ChannelStatus]:
    """How each channel stands. Raises as `channels`."""
    wanted = channels(home)
    with store.snapshot():
        marks = store.outbox.marks()
        every = store.outbox.messages((*OPEN, "sent", "unsure", "failed"))
    found = []
    for channel in wanted:
        key = channel.key
        mine = [message for message in every if message.channel == key]
        open_ = [message for message in mine if message.state in OPEN]
        tried = next((message for message in open_ if message.tries), None)
        sent = max(
            (message for message in mine if message.state == "sent"), key=lambda m: m.changed, default=None
        )
        found.append(
            ChannelStatus(
                channel.label,
                tuple(map(said, channel.events)),
                key in marks,
                sum(sum(message.gathered[2].values()) for message in open_),
                tried.due if tried else None,
                tried.tries if tried else 0,
                tried.problem if tried else "",
                sent.changed if sent else None,
                sent.subject if sent else "",
                sum(message.state == "unsure" for message in mine),
                sum(message.state == "failed" for message in mine),
            )
        )
    return found


def broken(home: Path, store: Store) -> tuple[str, str] | None:
    """Why messages do not go as preferences.yaml says, and what to do about it; None when nothing speaks against it."""
    preferences = load_preferences(home / "preferences.yaml")
    for problem in preferences.problems:
        if problem.severity == "error":
            what = f"preferences.yaml is not followed, notify included, while this is wrong: {problem}"
            return what, "mend it, then: nerocli notify test"
    if not preferences.notify:
        return None
    problems = {message.channel: message.problem for message in store.outbox.messages() if message.tries}
    for channel in preferences.notify:
        why = problems.get(channel.key)
        if why:
            return f"a message to {channel.label} could not be sent yet: {why}", "try it: nerocli notify test"
    return None


def said(rule: EventRule) -> str:
    """A word of `events` as a person writes it."""
    if rule.metric:
        return f"{rule.word} {rule.every:g} {rule.metric}"
    return f"{rule.word} {duration(rule.every)}" if rule.every else rule.word
