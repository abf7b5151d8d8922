"""Everything that can go wrong, against real parts; small disks are file systems in memory."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from neronet import Neroman, RunSet
from tests.e2e.conftest import add, cli, make_neroman, neroman  # noqa: F401  (fixtures, and what they need)
from tests.testbed.fixtures import cannot

CONFIG = """\
run_command_prefix: sh
main_code_file: main.sh
+lang:
  parameters: {x: [1, 2]}
  outputs: out
"""
MAIN = 'echo "loss $2"; echo "x=$2" >out\n'

__all__ = ["add"]


@pytest.fixture
def lang(tmp_path: Path) -> Path:
    """A sweep of two runs."""
    return experiment(tmp_path / "lang")


def experiment(folder: Path, main: str = MAIN, config: str = CONFIG, **files: bytes) -> Path:
    folder.mkdir()
    (folder / "config.yaml").write_text(config)
    (folder / "main.sh").write_text(main)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Callable[[str], None]]:
    """A file system of `size` on `folder`; what is given sets mount options anew, such as another size or `ro`."""
    folder.mkdir(exist_ok=True)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, text=True
    )
    if made.returncode:
        cannot(f"no file system can be mounted here: {made.stderr.strip()}")
    try:
        yield (
            lambda options: subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True) and None
        )
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def note(runs: RunSet) -> str:
    """The one thing that a submission says."""
    assert len(runs.notes) == 1, runs.notes
    return runs.notes[0]


def nothing_happened(neroman: Neroman) -> None:  # noqa: F811
    assert not len(neroman.runs())
    assert not neroman.experiments()
    assert not neroman.store.batches.find()
    assert not (neroman.home / "results").exists() or not list((neroman.home / "results").iterdir())
