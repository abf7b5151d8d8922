"""The agent is compiled once on a node, and whatever python starts it understands the result."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from tests.node.mum import PYTHONS, Mum, kids_of, mum

pytestmark = pytest.mark.slow

COMPILED = f"*.{sys.implementation.cache_tag}.pyz"
USAGE = "usage: neromum serve ROOT"


def archives(served: Mum) -> tuple[Path, Path]:
    """(as it was sent, compiled)"""
    served.run([["true"]])  # whatever it does for us, it does after that
    (compiled,) = (served.root / "agent").glob(COMPILED)
    (sent,) = set((served.root / "agent").glob("*.pyz")) - {compiled}
    return sent, compiled


def command_of_the_kid(served: Mum) -> str:
    token = served.submit([["sleep", "30"]])
    served.follow(token)
    served.until_started()
    (kid,) = kids_of(served.root)
    command = Path(f"/proc/{kid}/cmdline").read_bytes().decode()
    served.act(token, "terminate", [[0, 0]])
    served.until(lambda: bool(served.ended()))
    return command


def test_kids_start_from_the_compiled_archive(served: Mum) -> None:
    command = command_of_the_kid(served)
    assert f"\0{archives(served)[1]}\0nerokid\0" in command


def test_where_it_cannot_be_kept_they_start_from_the_one_that_was_sent(root: Path) -> None:
    full = {"write_atomic(procs.compiled(archive), data.getvalue())": 'raise OSError(28, "full")'}
    with mum(root, change=full) as served:
        (sent,) = (root / "agent").glob("*.pyz")
        assert f"\0{sent}\0nerokid\0" in command_of_the_kid(served)


@pytest.mark.parametrize("python", PYTHONS, ids=lambda path: path.parts[-3])
def test_any_python_starts_what_another_one_has_compiled(python: Path, served: Mum) -> None:
    command = [python, "-I", "-S", archives(served)[1]]
    assert USAGE in subprocess.run(command, capture_output=True, text=True, check=False).stderr


def test_it_starts_in_two_thirds_of_the_time(served: Mum) -> None:
    def cpu(archive: Path) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-I", "-S", archive, "nerokid", served.root, "nobody"], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    sent, compiled = archives(served)
    ratios = [cpu(compiled) / cpu(sent) for _ in range(9)]
    print(f"\na kid's start: {statistics.median(ratios):.2f} of the processor time without it")
    assert statistics.median(ratios) < 2 / 3
