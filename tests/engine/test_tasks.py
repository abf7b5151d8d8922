"""Waiting and ending: nothing that is cancelled goes on, nothing that is closed is left in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from neronet.engine import tasks
from neronet.engine.tasks import end, first_to_end, happens, to_its_end, within


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        await asyncio.wait_for(work(), 10)

    asyncio.run(limited())


def test_a_cancellation_that_comes_together_with_the_event_is_not_swallowed() -> None:
    async def work() -> None:
        for seconds in (None, 5.0):
            event = asyncio.Event()
            waiting = asyncio.ensure_future(happens(event, seconds))
            await asyncio.sleep(0.01)
            event.set()
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

    run(work)


def test_an_event_happens_or_does_not_in_time() -> None:
    async def work() -> None:
        event = asyncio.Event()
        assert not await happens(event, 0.01)
        event.set()
        assert await happens(event, 0.01)
        assert await happens(event, None)

    run(work)


def test_what_takes_too_long_is_cancelled_and_what_fails_fails() -> None:
    async def work() -> None:
        ended = []

        async def slow() -> None:
            try:
                await asyncio.sleep(5)
            finally:
                ended.append("slow")

        async def bad() -> None:
            raise ValueError("bad")

        with pytest.raises(asyncio.TimeoutError):
            await within(0.01, slow())
        await asyncio.sleep(0)
        assert ended == ["slow"]
        with pytest.raises(ValueError, match="bad"):
            await within(1.0, bad())

    run(work)


def test_a_task_that_ignores_a_cancellation_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "STUBBORN", 0.05)

    async def work() -> None:
        swallowed = 0

        async def stubborn() -> None:
            nonlocal swallowed
            while swallowed < 3:
                try:
                    await asyncio.sleep(5)
                except asyncio.CancelledError:
                    swallowed += 1
            raise ValueError("told to nobody")

        task = asyncio.ensure_future(stubborn())
        await asyncio.sleep(0)
        await end(task, asyncio.ensure_future(asyncio.sleep(5)))
        assert task.done()
        assert swallowed == 3

    run(work)


def test_the_first_that_ends_ends_the_others_and_its_failure_is_told() -> None:
    async def work() -> None:
        ended = []

        async def slow() -> None:
            try:
                await asyncio.sleep(5)
            finally:
                ended.append("slow")

        async def bad() -> None:
            await asyncio.sleep(0.01)
            raise ValueError("bad")

        with pytest.raises(ValueError, match="bad"):
            await first_to_end(slow(), bad(), slow())
        assert ended == ["slow", "slow"]

    run(work)


def test_what_is_being_closed_is_closed_although_its_owner_is_cancelled() -> None:
    async def work() -> None:
        closed = []

        async def close() -> None:
            await asyncio.sleep(0.05)
            closed.append(True)

        owner = asyncio.ensure_future(to_its_end(close()))
        await asyncio.sleep(0.01)
        owner.cancel()
        with pytest.raises(asyncio.CancelledError):
            await owner
        assert closed == [True]

    run(work)
