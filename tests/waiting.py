"""Waiting for what another process or thread is about to do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def sleep() -> None:
    time.sleep(0.02)


def until(
    true: Callable[[], Any],
    what: object = "it did not happen in time",
    timeout: float = 30.0,
    rest: Callable[[], None] = sleep,
) -> Any:
    """The first true value of `true()`; `what` says, or tells when asked, what is wrong if it does not come.

    The first record, the log of a run: what cannot be looked up yet is looked for again.
    """
    end = time.monotonic() + timeout
    while True:
        missing: LookupError | None = None
        try:
            if value := true():
                return value
        except LookupError as error:
            missing = error
        if time.monotonic() > end:
            raise AssertionError(what() if callable(what) else what) from missing
        rest()
