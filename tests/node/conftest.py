"""Real Neromums and Nerokids below a folder of the test's own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.node.mum import Mum, leave_nothing, mum


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mum]:
    with mum(tmp_path_factory.mktemp("shared") / "root") as connection:
        yield connection


@pytest.fixture
def served(shared: Mum) -> Iterator[Mum]:
    """A connection to a node with two slots, where nothing runs; nothing may be left running behind the test."""
    shared.forget()
    yield shared
    leave_nothing(shared.root, but=shared.pid)
    for batch in (shared.root / "batches").iterdir():
        shared.unfollow(batch.name)


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Compiles a C program; its path."""
    folder = tmp_path_factory.mktemp("compiled")

    def compile_it(source: str) -> Path:
        if shutil.which("gcc") is None:
            pytest.skip("gcc is not installed, so programs in C are not tried")
        path = folder / f"program{len(list(folder.iterdir()))}"
        subprocess.run(["gcc", "-O2", "-x", "c", "-o", path, "-"], input=source, text=True, check=True)
        return path

    return compile_it
