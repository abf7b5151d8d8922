"""A folder to take snapshots of, a home, a memory of hashes; a results folder and what lies around it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import pytest
from sync_tools import MIB, state

from neronet.spec.experiment import Experiment
from neronet.sync.writer import ResultsWriter


class Hashes:
    """What the store keeps of hashes, in memory; counts what was new."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}
        self.added = 0

    def get_many(self, keys: Iterable[str]) -> Mapping[str, str]:
        return {key: self.known[key] for key in keys if key in self.known}

    def put_many(self, hashes: Mapping[str, str]) -> None:
        self.added += len(hashes)
        self.known.update(hashes)


@pytest.fixture
def hashes() -> Hashes:
    return Hashes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An experiment's folder with one program."""
    place = tmp_path / "experiment"
    place.mkdir()
    (place / "main.py").write_text("print(1)\n")
    return place


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def experiment(folder: Path) -> Callable[..., Experiment]:
    """Makes an experiment of `folder`; fields replace those of a plain one."""

    def make(**fields: object) -> Experiment:
        return Experiment(**{"id": "exp", "folder": folder, "main_code_file": "main.py", **fields})  # type: ignore[arg-type]

    return make


@pytest.fixture
def without_privileges(tmp_path: Path) -> Iterator[Path]:
    """A folder of a user whom permissions stop, while the test runs as that user (root is never stopped)."""
    place = tmp_path / "theirs"
    place.mkdir()
    if os.geteuid() != 0:
        yield place
        return
    opened = [parent for parent in (tmp_path, *tmp_path.parents) if not parent.stat().st_mode & 0o001]
    modes = {parent: parent.stat().st_mode for parent in opened}
    os.chown(place, 65534, 65534)
    for parent in opened:
        parent.chmod(modes[parent] | 0o011)
    os.setegid(65534)
    os.seteuid(65534)
    try:
        yield place
    finally:
        os.seteuid(0)
        os.setegid(0)
        for parent in opened:
            parent.chmod(modes[parent])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "results" / "exp" / "x=1"


@pytest.fixture(params=[True, False], ids=["by descriptor", "by path"])
def writer(root: Path, request: pytest.FixtureRequest) -> ResultsWriter:
    """Both ways to write: that of Linux and macOS, and that of Windows, which works on the others too."""
    return ResultsWriter(root, 10 * MIB, relative=request.param)


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """A folder that must be as before when the test is over."""
    place = tmp_path / "outside"
    (place / "sub").mkdir(parents=True)
    (place / "secret").write_text("secret")
    before = state(place)
    yield place
    assert state(place) == before
