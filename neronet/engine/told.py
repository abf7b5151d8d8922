"""What a node tells, read as strictly as it can be used: a lie is refused here, before it is stored. Pure.

Everything raises ValueError, TypeError or KeyError for what no correct node sends. JSON lets a number be
a float, of any size or nan; a database, a clock and a screen take less.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import isfinite
from typing import Any

from neronet.errors import NodeError
from neronet.wire import samples, states
from neronet.wire.conditions import ACTIONS, WORDS
from neronet.wire.losers import MOST
from neronet.wire.messages import STREAM_FILES
from neronet.wire.points import MAX_NAMES

MAX_TEXT = 2000  # characters of a reason or warning that are kept
MAX_WORD = 300  # characters of a fact
MAX_GPUS = 1024
MAX_WAITS = 1000
MAX_QUEUES = 200
MAX_NOTES = 10
MAX_SIZE = 2**60  # bytes
LAST_MOMENT = 1e11  # seconds since 1970; calendars end soon after
MAX_STARTS = 1000  # of one run within one batch

# What an `error` is about -> the reply that it stands for.
REPLIES = {
    "have": "missing", "file": "stored", "batch": "accepted", "tidy": "tidied", "list": "batches", "act": "done",
}  # fmt: skip

_METRIC = re.compile(r"[A-Za-z_][A-Za-z0-9_./%-]{0,199}\Z")

Json = dict[str, Any]


class Refused(NodeError):
    """The node's own word that it could not do what it was asked; the session goes on."""


def whole(value: object, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{value!r:.40} is no whole number from {low} to {high}")
    return value


def amount(value: object, high: float = 1e18) -> float:
    """A finite number that is not negative."""
    if type(value) not in (int, float) or not 0 <= value <= high:  # type: ignore[operator]
        raise ValueError(f"{value!r:.40} is no amount")
    return float(value)  # type: ignore[arg-type]


def moment(value: object) -> float:
    """Seconds since 1970."""
    return amount(value, LAST_MOMENT)


def text(value: object, length: int = MAX_TEXT) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value[:length]


def texts(value: object, most: int, length: int) -> tuple[str, ...]:
    """A list of at most `most` texts, none longer than `length`."""
    if not isinstance(value, list) or len(value) > most:
        raise ValueError(f"{value!r:.40} is no list of texts")
    if any(not isinstance(item, str) or len(item) > length for item in value):
        raise ValueError(f"{value!r:.40} holds more than texts")
    return tuple(value)


def maybe(read: Callable[[object], Any], value: object) -> Any:
    return None if value is None else read(value)


# -- records of journals


def points(record: Json, names: set[str]) -> list[list[Any]]:
    """The points of a record: [name, value, offset, step or None]; `names` are those that the program has printed."""
    found: list[list[Any]] = record["v"]
    for name, value, offset, step in found:
        if name not in names and not (record["s"] == samples.STREAM and name in samples.NAMES):
            _new_name(name, names)
        if type(value) is not float or type(offset) is not int or not 0 <= offset < MAX_SIZE:
            raise ValueError(f"{value!r:.40} at {offset!r:.40} is no point")
        if step is not None and type(step) is not float:
            raise ValueError(f"{step!r:.40} is no step")
    return found


def _new_name(name: object, names: set[str]) -> None:
    if not isinstance(name, str) or not _METRIC.match(name):
        raise ValueError(f"{name!r:.40} is no name of a metric")
    if len(names) >= MAX_NAMES:
        raise ValueError(f"more than {MAX_NAMES} names of metrics")
    names.add(name)


def fired(record: Json) -> tuple[str, Json]:
    """(text, the numbers behind it) of a condition that fired; what is not known is refused, what is None left out."""
    said = text(record["text"])
    data = {word: _EVIDENCE[word](value) for word, value in record["data"].items() if value is not None}
    for word in ("condition", "action", "comparator", "value", "offset", "elapsed"):
        if word not in data:
            raise ValueError(f"a firing without {word}")
    if data["condition"] != record["c"]:
        raise ValueError("a firing of another condition")
    return said, data


def _number(value: object) -> float:
    """Any number, nan and infinite ones among them."""
    if type(value) not in (int, float) or (type(value) is int and abs(value) > MAX_SIZE):
        raise ValueError(f"{value!r:.40} is no number")
    return float(value)  # type: ignore[arg-type]


def _one_of(words: tuple[str, ...]) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not isinstance(value, str) or value not in words:
            raise ValueError(f"{value!r:.40} is not known")
        return value

    return read


def environment(told: Json) -> Json:
    """What a run runs on, of it what is as it should be."""
    if not isinstance(told, dict):
        raise TypeError("facts that are none")
    return _known(told, _ENVIRONMENT)


def ended(record: Json) -> Json:
    """The end of an attempt, as `AttemptStore.report` takes it; `state` and `reason` are among it."""
    if record["state"] not in states.ENDED:
        raise ValueError(f"{record['state']!r:.40} is no end")
    if len(record["sizes"]) != len(STREAM_FILES):
        raise ValueError("an end without the sizes of its streams")
    return {
        "state": record["state"],
        "reason": text(record["reason"]),
        "exit_status": maybe(lambda status: whole(status, 0, 2**31), record["status"]),
        "started": maybe(moment, record["started"]),
        "ended": moment(record["ended"]),
        "sizes": [whole(size, 0, MAX_SIZE) for size in record["sizes"]],
        "outputs": [_output(*output) for output in record["outputs"]],
    }


def _output(path: object, size: object, executable: object) -> list[Any]:
    whole(size, 0, MAX_SIZE)  # what comes is counted, not what was announced
    return [text(path, 4096), bool(whole(executable, 0, 1))]


def evidence(value: Json) -> Json:
    """Why a rule across runs stops one, as wire/losers.py gives it."""
    if len(value["others"]) > MOST or len(value["kept"]) > MOST:
        raise ValueError("an evidence with more siblings than it may have")
    return {
        **{word: text(value[word], MAX_WORD) for word in ("rule", "metric", "goal")},
        **{word: whole(value[word], 1, 2**53) for word in ("reduction", "keep", "point", "runs")},
        **{word: maybe(_real, value[word]) for word in ("value", "threshold")},
        "kept": [whole(run, 0, 2**53) for run in value["kept"]],
        "others": [[whole(run, 0, 2**53), maybe(_real, best)] for run, best in value["others"]],
    }


def _real(value: object) -> float:
    if type(value) is not float or not isfinite(value):
        raise ValueError(f"{value!r:.40} is no value of a metric")
    return value


# -- what is only shown


def facts(told: Json) -> Json:
    """Of a node's facts those that we know and that are what they should be."""
    return {**_known(told, _FACTS), **_known(told, _BOTH)}


def load(told: Json) -> Json:
    """The same of its load."""
    return {**_known(told, _LOAD), **_known(told, _BOTH)}


def cluster(told: Json) -> Json:
    """The same of its cluster."""
    return _known(told, _CLUSTER)


def _known(told: Json, readers: dict[str, Callable[[Any], Any]]) -> Json:
    found = {}
    for word, read in readers.items():
        try:
            found[word] = read(told[word])
        except (AttributeError, KeyError, TypeError, ValueError):
            continue  # the node may be older, newer or ill: the rest is still of use
    return found


def _bytes(value: object) -> int:
    return whole(value, 0, MAX_SIZE)


def _word(value: object) -> str:
    return text(value, MAX_WORD)


def _gpus(value: list[Json]) -> list[Json]:
    return [
        {
            "index": whole(gpu["index"], 0, MAX_GPUS), "name": _word(gpu["name"]), "memory": _bytes(gpu["memory"]),
            "used": _bytes(gpu["used"]), "load": amount(gpu["load"]),
        }
        for gpu in value[:MAX_GPUS]
    ]  # fmt: skip


def _waits(value: Json) -> Json:
    return {_word(token): _word(why) for token, why in list(value.items())[:MAX_WAITS]}


def _count(value: object) -> int:
    return whole(value, 0, 2**40)


def _queues(value: list[Json]) -> list[Json]:
    return [
        {
            "name": _word(queue["name"]), "default": bool(queue["default"]), "up": bool(queue["up"]),
            **{word: maybe(_count, queue[word]) for word in ("nodes", "slots", "cpus", "time", "default_time")},
            "memory": maybe(_bytes, queue["memory"]), "gpus": [_word(gpu) for gpu in queue["gpus"][:MAX_NOTES]],
        }
        for queue in value[:MAX_QUEUES]
    ]  # fmt: skip


_BOTH: dict[str, Callable[[Any], Any]] = {"disk_free": _bytes, "disk_total": _bytes, "time": moment}
_FACTS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("boot", "host", "python", "executable", "system", "root", "file_system", "scheduler"), _word),
    "cores": lambda value: whole(value, 1, 2**20), "memory": _bytes, "btime": moment, "gpus": _gpus,
}  # fmt: skip
_LOAD: dict[str, Callable[[Any], Any]] = {
    "load1": amount, "load15": amount, "memory_total": _bytes, "memory_free": _bytes, "waits": _waits,
    "used": lambda value: whole(value, 0, 2**20),
}  # fmt: skip
_CLUSTER: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("version", "accounting", "problem", "barren"), _word), "queues": _queues,
    "array": lambda value: maybe(_count, value), "notes": lambda value: [_word(note) for note in value[:MAX_NOTES]],
    "at": moment, "task": lambda value: {"host": _word(value["host"]), "python": _word(value["python"])},
}  # fmt: skip
_EVIDENCE: dict[str, Callable[[Any], Any]] = {
    "condition": _word, "metric": _word, "comparator": _one_of(WORDS), "action": _one_of(ACTIONS),
    **dict.fromkeys(("value", "limit", "step", "best", "slope"), _number),
    **dict.fromkeys(("elapsed", "since"), amount),
    **dict.fromkeys(("offset", "points", "times"), lambda value: whole(value, 0, MAX_SIZE)),
}  # fmt: skip
_ENVIRONMENT: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("host", "system", "cpu", "driver", "python", "conda"), _word),
    "cores": lambda value: whole(value, 1, 2**20), "memory": _bytes, "load": amount,
    "gpus": lambda value: list(texts(value, MAX_GPUS, MAX_WORD)), "modules": lambda value: list(texts(value, 1000, MAX_WORD)),
}  # fmt: skip
