from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from engine_programs import Program
from listeners import Heard, start_engine
from small_engine import SmallEngine

from tests.waiting import until


@pytest.fixture
def program() -> Iterator[Callable[..., Program]]:
    """Starts small_engine.py; what still runs when the test is over is ended."""
    started: list[Program] = []

    def start(*arguments: str | Path) -> Program:
        started.append(Program(*arguments))
        return started[-1]

    yield start
    for one in started:
        one.end()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture(params=[False, True], ids=["unix", "tcp"])
def engine(home: Path, request: pytest.FixtureRequest) -> Iterator[SmallEngine]:
    """An engine with a bell, over each kind of socket."""
    engine = start_engine(home, request.param)
    yield engine
    engine.stop()


@pytest.fixture
def listen(home: Path, engine: SmallEngine) -> Iterator[Callable[[], Heard]]:
    heard: list[Heard] = []

    def begin() -> Heard:
        heard.append(Heard(home))
        until(lambda: len(engine.bell.clients) == len(heard))
        return heard[-1]

    yield begin
    for one in heard:
        one.client.close()
