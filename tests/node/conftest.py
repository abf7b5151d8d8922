"""Real Neromums and Nerokids below a folder of the test's own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.node.mum import Mum, leave_nothing


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Mum]]:
    """The connections of a module; the last one is used by its tests."""
    root = tmp_path_factory.mktemp("shared") / "root"
    connections = [Mum(root)]
    yield connections
    for connection in connections:
        connection.close()
    leave_nothing(root)


@pytest.fixture
def served(shared: list[Mum]) -> Iterator[Mum]:
    """A connection to a node with two slots, where nothing runs; nothing may be left running behind the test."""
    if shared[-1].process.poll() is not None:
        shared.append(Mum(shared[-1].root))
    connection = shared[-1]
    connection.forget()
    yield connection
    leave_nothing(connection.root, but=connection.pid)
    for batch in (connection.root / "batches").iterdir():
        connection.unfollow(batch.name)


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
