"""`notify:` of preferences.yaml: who is told what, when and by which way."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from neronet.spec import values
from neronet.spec.document import Block, Items, Node, Text
from neronet.spec.problems import Problems, Unfit, did_you_mean, quoted
from neronet.spec.reading import Reader, choice, listing, scalar, whole

DESKTOP = "desktop"
SECURITY = {"tls": 465, "starttls": 587, "none": 25}  # with the port that is usual for it
PLAIN = ("failed", "lost", "condition", "rule", "sweep ended", "ended", "finished", "unreachable")
DEFAULT_EVENTS = ("failed", "lost", "condition", "rule", "sweep ended")
LOOPBACK = ("localhost", "127.0.0.1", "::1")

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_HOST = re.compile(r"[A-Za-z0-9.:_-]{1,253}")
_CLOCK = re.compile(r"([01]?\d|2[0-3])(?::([0-5]\d))?")
_METRIC = re.compile(r"[A-Za-z_][A-Za-z0-9_./%-]{0,199}")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Secret:
    """Where a password is: `keyring`, `env` (of the variable `text`), or in `text` itself (`insecure`)."""

    kind: str
    text: str = ""

    def __repr__(self) -> str:  # never in a log
        return f"Secret({self.kind})"


@dataclass(frozen=True)
class Smtp:
    host: str
    port: int
    security: str = "tls"
    user: str = ""  # '': without a login
    password: Secret = Secret("keyring")
    sender: str = ""
    ca: str = ""  # a file of certificates to trust instead of the system's


@dataclass(frozen=True)
class EventRule:
    """One word of `events`. `every` is seconds, or points of `metric` where there is one."""

    word: str
    every: float = 0.0
    metric: str = ""


@dataclass(frozen=True)
class Digest:
    minute: int  # of the day, local time
    day: int | None = None  # of the week, from 0 for Monday; None: every day


@dataclass(frozen=True)
class Channel:
    to: str  # an address, `desktop` or an Apprise URL
    smtp: Smtp | None = None
    password: Secret | None = None  # what {password} in a URL stands for
    events: tuple[EventRule, ...] = tuple(map(EventRule, DEFAULT_EVENTS))
    experiments: tuple[str, ...] = ()  # patterns; (): all
    collections: tuple[str, ...] = ()
    quiet: tuple[int, int] | None = None  # minutes of the day, local time: from, to
    at_most: tuple[int, float] = (1, 600.0)  # messages in seconds
    join: float = 10.0  # seconds without news after which a message goes
    digest: Digest | None = None
    log_lines: int = 0

    @property
    def key(self) -> str:
        """What the store calls it: a URL may hold a secret."""
        return hashlib.sha256(self.to.encode()).hexdigest()[:16]

    @property
    def label(self) -> str:
        """For people: of a URL, which may hold secrets, the first word."""
        return f"{self.to.split('://')[0]}://..." if "://" in self.to else self.to


def channels(node: Node, problems: Problems) -> tuple[Channel, ...] | None:
    """The channels of `notify:`; reports what does not fit."""
    if isinstance(node, Block) and not node.entries:
        return ()
    if not isinstance(node, Items):
        problems.error(node, "notify takes a list", "write `- to: ADDRESS` for each way to tell you")
        return None
    found = [_channel(item, problems) for item in node.items]
    names = [channel.to for channel in found if channel is not None]
    for item, channel in zip(node.items, found, strict=True):
        if channel is not None and names.count(channel.to) > 1:
            problems.error(item, f"{quoted(channel.label)} is there twice", "put its events into one list")
            return None
    return tuple(channel for channel in found if channel is not None)


def _channel(node: Node, problems: Problems) -> Channel | None:
    given = _fields(node, _CHANNEL, "a way to tell you", problems)
    if given is None:
        return None
    if "to" not in given:
        problems.error(node, "nobody to tell", "write to: an address, desktop, or a URL of Apprise")
        return None
    to = given["to"]
    if "@" in to and "://" not in to and "smtp" not in given:
        problems.error(node, "mail needs a server", "write smtp: {host: ..., user: ...} below it")
        return None
    if "smtp" in given and ("://" in to or to == DESKTOP):
        problems.error(node, "smtp is for addresses of mail only")
        return None
    if to == DESKTOP:
        given.setdefault("at_most", (1, 60.0))
    return Channel(**given)


def _fields(
    node: Node, readers: dict[str, tuple[str, Reader[Any]]], what: str, problems: Problems
) -> dict[str, Any] | None:
    """The fields of a block by the names that the code has for them; None when one does not fit."""
    if not isinstance(node, Block):
        problems.error(node, f"{what} takes a block", f"with {', '.join(readers)}")
        return None
    found: dict[str, Any] = {}
    before = problems.errors
    for key, value in node.entries.values():
        if key.text not in readers:
            problems.error(key, f"{what} has no {quoted(key.text)}", did_you_mean(key.text, readers))
        elif not (isinstance(value, Text) and value.is_none):
            name, reader = readers[key.text]
            found[name] = reader(value, problems)
    return found if problems.errors == before else None


def _smtp(node: Node, problems: Problems) -> Smtp | None:
    given = _fields(node, _SMTP, "smtp", problems)
    if given is None:
        return None
    if "host" not in given:
        problems.error(node, "smtp needs the host of a mail server", "for example host: smtp.example.org")
        return None
    security = given.setdefault("security", "tls")
    given.setdefault("port", SECURITY[security])
    if security == "none" and given.get("user") and given["host"] not in LOOPBACK:
        hint = "write security: tls, or starttls"
        problems.error(node, "a password is not sent without encryption", hint)
        return None
    return Smtp(**given)


def _to(text: str) -> str:
    if text == DESKTOP or _URL.fullmatch(text):
        return text
    return _address(text)


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text) or len(text) > 254:
        raise Unfit(f"{quoted(text)} is no address", "write me@example.org, desktop or ntfy://topic")
    return text


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise Unfit(f"{quoted(text)} is no name of a host")
    return text


def _secret(text: str) -> Secret:
    word, _, rest = text.strip().partition(" ")
    if word == "keyring" and not rest:
        return Secret(word)
    if word == "env":
        return Secret(word, values.variable(rest.strip()))
    if word == "insecure" and rest:
        return Secret(word, rest)
    hint = "write keyring, env NAME, or insecure TEXT if it must stand here"
    raise Unfit("a password does not stand in this file", hint)


def _event(text: str) -> EventRule:
    words = text.split()
    if " ".join(words) in PLAIN:
        return EventRule(" ".join(words))
    if words[:1] == ["waiting"] and len(words) > 1:
        return EventRule("waiting", values.seconds(" ".join(words[1:])))
    if words[:1] == ["progress"] and (points := _points(words[1:])):
        return points
    if words[:1] == ["progress"] and len(words) > 1:
        every = values.seconds(" ".join(words[1:]))
        if every < 60:
            raise Unfit(f"{quoted(text)} is too often", "once a minute at most")
        return EventRule("progress", every)
    known = (*PLAIN, "waiting 2h", "progress 30min", "progress 500 loss")
    hint = "write how long: waiting 2h" if words == ["waiting"] else did_you_mean(text, known)
    raise Unfit(f"{quoted(text)} is no event", hint)


def _points(words: list[str]) -> EventRule | None:
    """`500 loss`, but not `30 min`."""
    if len(words) != 2 or not _METRIC.fullmatch(words[1]) or words[1] in ("s", "min", "h", "d"):
        return None
    return EventRule("progress", float(values.whole(words[0], 1, 10**9)), words[1])


def _minute(text: str) -> int:
    match = _CLOCK.fullmatch(text.strip())
    if not match:
        raise Unfit(f"{quoted(text)} is no time of the day", "write it as 08:00; the last one is 23:59")
    return int(match[1]) * 60 + int(match[2] or 0)


def _quiet(text: str) -> tuple[int, int]:
    start, dash, end = text.partition("-")
    if not dash or not start.strip() or not end.strip():
        raise Unfit(f"{quoted(text)} are no quiet hours", "write them as 22:00-07:00")
    if _minute(start) == _minute(end):
        raise Unfit(f"{quoted(text)} begin when they end", "write them as 22:00-07:00")
    return _minute(start), _minute(end)


def _digest(text: str) -> Digest:
    match text.lower().split():
        case ["daily", at]:
            return Digest(_minute(at))
        case ["weekly", day, at] if day[:3] in _DAYS:
            return Digest(_minute(at), _DAYS.index(day[:3]))
    raise Unfit(f"{quoted(text)} is no time for a digest", "write daily 08:00, or weekly mon 08:00")


def _at_most(text: str) -> tuple[int, float]:
    number, per, span = text.partition(" per ")
    if not per:
        raise Unfit(f"{quoted(text)} is no limit", "write it as 1 per 10min")
    return values.whole(number.strip(), 1, 1000), _span(span)


def _span(text: str) -> float:
    return values.seconds(f"1{text}" if text.strip().isalpha() else text)


def _join(text: str) -> float:
    seconds = values.seconds(text, unit=1.0)
    if seconds > 3600:
        raise Unfit(f"{quoted(text)} is too long", "an hour at most; for more there is digest: daily 08:00")
    return seconds


def _same(name: str, reader: Reader[Any]) -> dict[str, tuple[str, Reader[Any]]]:
    return {name: (name, reader)}


_text: Callable[[Callable[[str], Any]], Reader[Any]] = scalar
_SMTP: dict[str, tuple[str, Reader[Any]]] = {
    **_same("host", _text(_host)),
    **_same("port", whole(1, 65535)),
    **_same("security", choice(*SECURITY)),
    **_same("user", _text(str)),
    **_same("password", _text(_secret)),
    "from": ("sender", _text(_address)),
    **_same("ca", _text(str)),
}
_CHANNEL: dict[str, tuple[str, Reader[Any]]] = {
    **_same("to", _text(_to)),
    **_same("smtp", _smtp),
    **_same("password", _text(_secret)),
    **_same("events", listing(_event)),
    **_same("experiments", listing(str)),
    **_same("collections", listing(str)),
    **_same("quiet", _text(_quiet)),
    **_same("at_most", _text(_at_most)),
    **_same("join", _text(_join)),
    **_same("digest", _text(_digest)),
    **_same("log_lines", whole(0, 200)),
}
