"""Waiting for tasks and ending them. asyncio.wait_for may swallow a cancellation that comes together with what it
waits for (Python before 3.12): whoever was cancelled would go on for ever, so it is not used here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

STUBBORN = 5.0  # seconds after which a task that goes on is cancelled once more

T = TypeVar("T")


async def within(seconds: float | None, work: Awaitable[T]) -> T:
    """What `work` gives, within `seconds` (None: whenever); raises asyncio.TimeoutError, and cancels it, otherwise."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task], timeout=seconds)
        if not task.done():
            raise asyncio.TimeoutError
        return task.result()
    finally:
        task.cancel()


async def happens(event: asyncio.Event, seconds: float | None) -> bool:
    """Whether it happens within `seconds` (None: waits for it)."""
    try:
        return await within(seconds, event.wait())
    except asyncio.TimeoutError:
        return False


async def end(*tasks: asyncio.Future[Any]) -> None:
    """Cancels these tasks until they have ended; what they raise is not told."""
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=STUBBORN)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # told


async def first_to_end(*works: Coroutine[Any, Any, None]) -> None:
    """Runs all; when one ends, or fails, the others are cancelled and its failure is raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end(*tasks)
    for task in done:
        task.result()


async def to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Awaits `work` also when the one who awaits it is cancelled meanwhile: a process that is left would be told of
    on the terminal when the loop is closed."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
