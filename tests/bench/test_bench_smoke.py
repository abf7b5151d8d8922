"""The programs of bench/ work and print what they promise; their figures are nobody's business here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]
# What each is compared with, and a ratio that it must state.
PROGRAMS = {
    "dispatch": ("parallel", "ratio"),
    "sync": ("rsync", "ratio_again"),
    "startup": ("python", "ratio"),
    "idle": ("sleeping", ""),
}


def is_spread(value: Any) -> bool:
    """A ratio with its noise, or some of them by name."""
    if set(value) == {"min", "median", "max"}:
        return bool(0 < value["min"] <= value["median"] <= value["max"])
    return bool(value) and all(map(is_spread, value.values()))


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.usefixtures("lab")  # where there can be no node, it says why
def test_a_benchmark_prints_one_line_of_json_with_its_spread(
    program: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("b")  # the path of a socket must be short
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{program}", "--small"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    found = json.loads(line)
    peer, ratio = PROGRAMS[program]
    assert (found["bench"], found["small"], found["rounds"]) == (program, True, 1)
    assert {peer, "goal", "machine"} <= set(found)
    if ratio:
        assert is_spread(found[ratio])
    assert list(folder.iterdir()) == []
