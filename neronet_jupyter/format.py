"""How the parts say numbers, times and sizes: in the words of the terminal, ages a little shorter."""

from __future__ import annotations

import time

from neronet.words import DAY, count, duration, memory, number, size, span

__all__ = ["age", "count", "duration", "memory", "number", "size"]


def age(seconds: float, now: float | None = None) -> str:
    """`3 s`, `8 min`, `2 h`, `5 d`; a day of the calendar, `14 Mar`, from ten days on."""
    if seconds < 10 * DAY:
        return span(seconds)
    then = time.localtime((time.time() if now is None else now) - seconds)
    return f"{then.tm_mday} {time.strftime('%b', then)}"
