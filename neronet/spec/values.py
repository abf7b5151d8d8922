"""One value of a file: from its text to what it means. Each raises Unfit for a text that does not fit."""

from __future__ import annotations

import functools
import posixpath
import re
import shlex

from neronet.spec.problems import Unfit, did_you_mean, quoted

MAX_COMMAND = 20_000  # characters of a prefix or a format
MAX_PATH = 1000
MAX_SECONDS = 10 * 365 * 86400.0

_WHOLE = re.compile(r"[+-]?\d{1,12}")
_DECIMAL = r"\d{1,12}(?:\.\d{0,12})?"
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)|([+-]?)\.?(inf|nan)", re.IGNORECASE)
_MEMORY = re.compile(rf"({_DECIMAL})\s*([kmgtp]?)(i?)(b?)", re.IGNORECASE)
_CLOCK = re.compile(r"(?:(\d{1,5})-)?(\d{1,9})(?::(\d{1,9}))?(?::(\d{1,9}))?")
_SPAN = re.compile(rf"({_DECIMAL})\s*([a-z]+)\s*")
_ID = re.compile(r"\w[\w.-]{0,99}")
_NUMBERS = re.compile(r"\d+(-\d+)?")
_DRIVE = re.compile(r"[A-Za-z]:")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UNITS = {
    "s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hr": 3600, "hour": 3600,
    "d": 86400, "day": 86400, "w": 604800, "week": 604800,
}  # fmt: skip
_MEMORY_HINT = "write a number and a unit: 16 GiB (16 x 1024^3 bytes, the same as 16G), 16 GB (16 x 1000^3)"
_TIME_HINT = "write it as 90 min, 2h, 1d 12h, 1-12:00:00 (days-hours:minutes:seconds)"


def whole(text: str, lowest: int, highest: int) -> int:
    if not _WHOLE.fullmatch(text) or not lowest <= int(text) <= highest:
        raise Unfit(f"{quoted(text)} is not a whole number from {lowest} to {highest}")
    return int(text)


def number(text: str) -> float | None:
    """The number that a text stands for (`nan`, `inf` and YAML's `.inf` too), None when it is none."""
    match = _NUMBER.fullmatch(text)
    return float(match[1] or f"{match[2]}{match[3]}") if match else None


def truth(text: str) -> bool:
    if text.lower() in ("true", "yes", "on"):
        return True
    if text.lower() in ("false", "no", "off"):
        return False
    raise Unfit(f"{quoted(text)} is neither true nor false")


def choice(text: str, words: tuple[str, ...]) -> str:
    if text not in words:
        raise Unfit(f"{quoted(text)} is unknown here", did_you_mean(text, words))
    return text


def memory(text: str) -> int:
    """Bytes. Units as they are defined: GB is 1000^3, GiB 1024^3; G alone is 1024^3, as in Slurm."""
    match = _MEMORY.fullmatch(text.strip())
    if not match or not (match[2] or match[4]):
        raise Unfit(f"{quoted(text)} is not an amount of memory", _MEMORY_HINT)
    base = 1000 if match[4] and not match[3] else 1024
    size = round(float(match[1]) * float(base) ** " kmgtp".index(match[2].lower() or " "))
    if not 0 < size < 2**60:
        raise Unfit(f"{quoted(text)} is no memory that a machine could have", _MEMORY_HINT)
    return size


def seconds(text: str, unit: float = 60.0) -> float:
    """Seconds of a duration; a plain number counts in `unit`, by default minutes, as in Slurm."""
    text = text.strip().lower()
    clock = _CLOCK.fullmatch(text)
    if re.fullmatch(_DECIMAL, text):
        total = float(text) * unit
    elif clock:
        days, *rest = clock.groups()
        parts = [int(part) for part in rest if part]
        # Slurm reads 5:30 as minutes and seconds, but 1-5:30 as days, hours and minutes.
        scales = (3600, 60, 1) if days or len(parts) == 3 else (60, 1)
        total = int(days or 0) * 86400.0
        total += sum(part * scale for part, scale in zip(parts, scales, strict=False))
    else:
        total = _spans(text)
    if not 0 < total <= MAX_SECONDS:
        raise Unfit(f"{quoted(text)} is not a time between a moment and ten years", _TIME_HINT)
    return total


def _spans(text: str) -> float:
    total, end = 0.0, 0
    for match in _SPAN.finditer(text):
        unit = _UNITS.get(match[2]) or _UNITS.get(match[2].removesuffix("s"))
        if match.start() != end or unit is None:
            break
        total, end = total + float(match[1]) * unit, match.end()
    if not text or end != len(text):
        raise Unfit(f"{quoted(text)} is not a duration", _TIME_HINT)
    return total


@functools.lru_cache(maxsize=64)  # every experiment of a file that inherits it asks again
def words(text: str) -> tuple[str, ...]:
    """The text split as a shell would split it; nothing in it is expanded."""
    if len(text) > MAX_COMMAND:
        raise Unfit(f"a command of more than {MAX_COMMAND:,} characters")
    try:
        return tuple(shlex.split(text))
    except ValueError:
        hint = "write a plain ' as \"'\""
        raise Unfit(f"a quote or a backslash in {quoted(text)} is not closed", hint) from None


def identifier(text: str) -> str:
    """An id of an experiment: it must be usable in a file name, in `ID/lr=0.1` and as a selector."""
    if not _ID.fullmatch(text):
        raise Unfit(f"{quoted(text)} cannot be an id", "use letters, digits, _ . and -, at most 100")
    if _NUMBERS.fullmatch(text):
        what = f"{quoted(text)} cannot be an id: it would be taken for numbers of runs"
        raise Unfit(what, f"for example run_{text}")
    return text


def variable(text: str) -> str:
    """The name of an environment variable."""
    if not _VARIABLE.fullmatch(text):
        what = f"{quoted(text)} cannot be the name of an environment variable"
        raise Unfit(what, "use letters, digits and _")
    return text


def inside(text: str) -> str:
    """A path (or a pattern of paths) that stays in the folder, on every system."""
    if len(text) > MAX_PATH:
        raise Unfit(f"a path of more than {MAX_PATH:,} characters")
    if "\\" in text or _DRIVE.match(text):
        raise Unfit(f"{quoted(text)} is a path of Windows", "nodes know only /, as in data/1.txt")
    if text.startswith(("/", "~")) or ".." in text.split("/") or not text.strip():
        hint = "name it as seen from config.yaml: data/1.txt"
        raise Unfit(f"{quoted(text)} is not a path inside the folder", hint)
    return posixpath.normpath(text)  # ./results and results/ are results


def program(text: str) -> str:
    """A file of the folder, as written (`./a` is not `a` to a prefix), or an absolute path of the node."""
    if not text.startswith("/"):
        inside(text)
    return text
