"""Sweeps on a real Grid Engine, reached through a real sshd."""

from __future__ import annotations

from pathlib import Path

import pytest

from neronet import Neroman
from tests.cluster.clusters import NODE, add, starts, sweep, wait
from tests.testbed.gridengine import GridEngine

pytestmark = pytest.mark.real


def test_a_sweep_is_one_array_job_and_its_frame_is_as_anywhere(
    gridengine: GridEngine, neroman: Neroman, tmp_path: Path
) -> None:
    add(neroman, gridengine)
    script = 'echo loss 0.$1\necho "on $(hostname)" >&2\nexit $(( $1 == 3 ))\n'
    runs = neroman.submit(sweep(tmp_path / "s", script, 8), NODE)
    assert wait(runs, 90) == {"finished": 7, "failed": 1}
    frame = runs.frame()
    assert list(frame["loss"]) == [float(f"0.{n}") for n in range(1, 9)]
    assert list(frame["reason"]) == ["", "", "exit code 1", "", "", "", "", ""]
    assert sorted(starts(gridengine)) == [str(n) for n in range(1, 9)]
    assert gridengine.calls()["qsub"] == 1
    assert not gridengine.gateway.processes("nerokid"), "no run is on the gateway"
