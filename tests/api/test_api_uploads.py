"""While much is sent to a node, what is there already obeys."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from neronet import Neroman
from neronet.engine import work
from tests.bad_input.conftest import experiment
from tests.waiting import until

pytestmark = pytest.mark.slow

CONFIG = "run_command_prefix: sh\nmain_code_file: main.sh\n+lang:\n  parameters: {x: 1}\n"
FILES, PAUSE = 30, 0.3  # of the second submission, and seconds that the network takes for each


def test_a_run_is_ended_while_the_files_of_another_one_are_on_their_way(
    neroman: Neroman, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = neroman.submit(experiment(tmp_path / "long", "sleep 300\n", CONFIG), "local")
    until(lambda: runs.states == {"running": 1}, timeout=20)
    fast = work.upload

    async def slow(*given: Any) -> AsyncIterator[Any]:
        async for part in fast(*given):
            yield part
            await asyncio.sleep(PAUSE)

    monkeypatch.setattr(work, "upload", slow)
    files = {f"data{n}": b"%d" % n for n in range(FILES)}
    other = neroman.submit(
        experiment(tmp_path / "large", "", CONFIG.replace("lang", "other"), **files), "local", wait=0
    )
    began = time.monotonic()
    runs.terminate()
    assert runs.wait(5).states == {"terminated": 1}
    assert time.monotonic() - began < FILES * PAUSE / 2
    assert other.states == {"submitting": 1}, "its files are still being sent"
    other.terminate()
    assert other.wait(20).states == {"terminated": 1}
