from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from engine_programs import Program


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
