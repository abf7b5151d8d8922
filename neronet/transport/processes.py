"""Programs of this computer as Channels: what `local` and `openssh` have in common."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE, SubprocessStreamProtocol
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import cast

from neronet.errors import NodeError, Unreachable
from neronet.transport.base import MAX_SESSIONS, TAIL_SECONDS, Tail

GRACE_SECONDS = 1.0  # to end by itself once its stdin is closed, then again after TERM
LIMIT = 256 * 1024  # bytes read ahead

# Why the link is lost, or None for an ordinary end; given the exit status and stderr of a
# program that has ended, and whether it ever printed anything.
Explain = Callable[[int, str, bool], NodeError | None]


class Programs:
    """Starts programs for one node, at most MAX_SESSIONS at a time, and ends them all."""

    def __init__(self, node: str, explain: Explain | None = None) -> None:
        self.node = node
        self.explain = explain
        self.slots = asyncio.Semaphore(MAX_SESSIONS)
        self.running: set[ProcessChannel] = set()

    async def start(self, argv: Sequence[str], env: Mapping[str, str] | None = None) -> ProcessChannel:
        """A channel to `argv`, in a session of its own, so that Ctrl-C in a terminal does not reach it."""
        loop = asyncio.get_running_loop()
        await self.slots.acquire()
        try:
            pipes, streams = await loop.subprocess_exec(
                lambda: _Streams(loop),
                *argv, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=env, start_new_session=True,
            )  # fmt: skip
        except BaseException:
            self.slots.release()
            raise
        channel = ProcessChannel(self, pipes, streams)
        self.running.add(channel)
        return channel

    async def close(self) -> None:
        await asyncio.gather(*(channel.close() for channel in list(self.running)))


class _Streams(SubprocessStreamProtocol):
    """Knows when the process has ended, also while somebody else still holds its pipes."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit=LIMIT, loop=loop)
        self.ended = asyncio.Event()

    def process_exited(self) -> None:
        super().process_exited()
        self.ended.set()


class ProcessChannel:
    """The streams of one process."""

    def __init__(self, owner: Programs, pipes: asyncio.SubprocessTransport, streams: _Streams) -> None:
        self._owner, self._pipes, self._streams = owner, pipes, streams
        # Present, because PIPE was asked for.
        self._stdin = cast(asyncio.StreamWriter, streams.stdin)
        self._stdout = cast(asyncio.StreamReader, streams.stdout)
        self._tail = Tail()
        self._heard = False
        self._listening = asyncio.ensure_future(self._listen(cast(asyncio.StreamReader, streams.stderr)))

    async def read(self, size: int = 65536) -> bytes:
        data = await self._stdout.read(size)
        if data:
            self._heard = True
        else:
            # An ssh that stays to share its connection keeps our pipe open: its end may never come.
            await asyncio.wait([self._listening], timeout=TAIL_SECONDS)
            await self._raise_reason()
        return data

    async def write(self, data: bytes) -> None:
        try:
            self._stdin.write(data)
            await self._stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            await self._raise_reason()
            raise Unreachable(f"{self._owner.node}: the program at the other end has ended") from None

    async def close(self) -> None:
        if self not in self._owner.running:
            return
        self._owner.running.discard(self)
        self._stdin.close()
        emptying = asyncio.ensure_future(self._empty())
        try:
            for end in (self._pipes.terminate, self._pipes.kill):
                if await self._ended():
                    break
                with suppress(ProcessLookupError):  # it ended just now
                    end()
            await self._streams.ended.wait()
        finally:
            emptying.cancel()
            self._listening.cancel()
            if self._stdin.transport.get_write_buffer_size():
                self._stdin.transport.abort()  # what was not taken will never be
            self._pipes.close()
            self._owner.slots.release()

    def stderr_tail(self) -> str:
        return self._tail.text()

    async def _raise_reason(self) -> None:
        """Raises why the link is lost, if it is."""
        if self._owner.explain and await self._ended():
            reason = self._owner.explain(self._pipes.get_returncode() or 0, self._tail.text(), self._heard)
            if reason:
                raise reason

    async def _ended(self) -> bool:
        try:
            await asyncio.wait_for(self._streams.ended.wait(), GRACE_SECONDS)
        except asyncio.TimeoutError:
            return False
        return True

    async def _listen(self, stderr: asyncio.StreamReader) -> None:
        while data := await stderr.read(4096):
            self._tail.add(data)

    async def _empty(self) -> None:
        """A process that still prints would not see that nobody listens."""
        with suppress(RuntimeError):  # somebody reads it
            while await self._stdout.read(LIMIT):
                pass
