"""The smallest engine that has a bell and asks questions, also as a program:

small_engine.py lease HOME KIND      takes the lease, says `held` or `refused`
small_engine.py engine HOME KIND     runs an engine; a line `changed N`, `quiet`, `fork` is obeyed
small_engine.py neroman HOME [MODE]  the background program with this engine
small_engine.py spawn HOME           spawns that program, says its pid
small_engine.py listen HOME N        says `ready`, then the times at which N rings arrived, as one line
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from neronet.engine import background
from neronet.engine.bell import Bell, Client, Message
from neronet.engine.holder import Kind, Lease
from neronet.engine.questions import Questions
from neronet.errors import EngineError

T = TypeVar("T")


class SmallEngine:
    def __init__(self, home: Path, lease: Lease, tcp: bool = False, patience: float = 30.0) -> None:
        assert lease.home == home
        self.lease, self.tcp, self.patience = lease, tcp, patience
        self.rings = 0
        self.stubborn = False  # does not hand over
        self.ended = threading.Event()
        self._ready = threading.Event()
        self._error: EngineError | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def start(self) -> None:
        self._thread.start()
        self._ready.wait(10)
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        if self._ready.is_set() and not self.ended.is_set():
            self.loop.call_soon_threadsafe(self._leave.set)
        self._thread.join(10)

    def busy(self) -> bool:
        return bool(self.bell.clients)

    def wait(self, timeout: float) -> None:
        self.ended.wait(timeout)

    def do(self, coroutine: Coroutine[Any, Any, T], timeout: float = 20.0) -> T:
        """What a coroutine returns that runs in the engine's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout)

    def changed(self, times: int) -> None:
        async def ring() -> None:
            for _ in range(times):
                self.bell.changed()

        self.do(ring())

    async def _run(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._leave = asyncio.Event()
        self.bell = Bell(self.lease, on_ring=self._ring, on_handover=self._hand_over, on_stop=self._leave.set)
        self.questions = Questions(self.bell, self.patience)
        try:
            await self.bell.start(self.tcp)
        except EngineError as error:
            self._error = error
        else:
            self._ready.set()
            await self._leave.wait()
        await self.bell.close()
        self.lease.release()
        self.ended.set()
        self._ready.set()

    def _ring(self) -> None:
        self.rings += 1
        self.bell.changed()

    def _hand_over(self) -> None:
        if not self.stubborn:
            self._leave.set()


class Failing(SmallEngine):
    def start(self) -> None:
        raise EngineError("the database is of a newer version", "install the newer Neronet")


class Broken(SmallEngine):
    def start(self) -> None:
        raise ZeroDivisionError("a mistake")


def say(line: object) -> None:
    print(line, flush=True)


def run_engine(home: Path, kind: Kind) -> None:
    lease = Lease(home)
    if not lease.acquire(kind):
        say("refused")
        return
    engine = SmallEngine(lease.home, lease)
    engine.start()
    say("held")

    def obey() -> None:
        for line in sys.stdin:
            word, _, number = line.strip().partition(" ")
            if word == "changed":
                # One at a time, so that every one is a leading edge.
                times = []
                for _ in range(int(number)):
                    time.sleep(0.012)
                    times.append(engine.do(ring()))
                say(" ".join(map(str, times)))
            elif word == "quiet":
                engine.stubborn = True
                say("quiet")
            elif word == "fork":
                receive, send = os.pipe()
                child = os.fork()
                if child == 0:
                    os.write(send, b".")
                    time.sleep(60)
                    os._exit(0)
                os.read(receive, 1)
                say(child)

    async def ring() -> float:
        now = time.monotonic()
        engine.bell.changed()
        return now

    threading.Thread(target=obey, daemon=True).start()
    engine.ended.wait()
    say("ended")


def listen(home: Path, count: int) -> None:
    times: list[float] = []
    begun, done = threading.Event(), threading.Event()

    def changed(_: Message) -> None:
        times.append(time.monotonic())
        begun.set()  # the first one says that the connection began
        if len(times) == count + 1:
            done.set()

    client = Client(home, "cli", {"changed": changed})
    client.start()
    assert begun.wait(10)
    say("ready")
    assert done.wait(60)
    say(" ".join(map(str, times[1:])))
    client.close()


def neroman(home: Path, mode: str) -> list[str]:
    """The command line that starts the background program with an engine of this file."""
    return [sys.executable, __file__, "neroman", str(home), mode]


if __name__ == "__main__":
    what, folder, *more = sys.argv[1:]
    if what == "lease":
        lease = Lease(Path(folder))
        say("held" if lease.acquire(more[0]) else "refused")  # type: ignore[arg-type]
        sys.stdin.readline()
    elif what == "engine":
        run_engine(Path(folder), more[0])  # type: ignore[arg-type]
    elif what == "neroman":
        engines = {"good": SmallEngine, "failing": Failing, "broken": Broken}
        sys.exit(background.main([folder], engines[more[0]]))
    elif what == "spawn":
        say("ready")
        sys.stdin.readline()
        say(background.spawn(Path(folder), neroman(Path(folder), "good")))
    elif what == "listen":
        listen(Path(folder), int(more[0]))
