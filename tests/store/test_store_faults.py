"""A killed writer and a full disk."""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from store_tools import TOKEN, records, submit

from neronet.errors import StoreError
from neronet.store import Store

pytestmark = pytest.mark.slow

KILLS = 50


def test_a_writer_killed_at_any_moment_loses_and_doubles_nothing(tmp_path):
    moments = random.Random(5)
    writer = [sys.executable, Path(__file__).with_name("store_writer.py"), tmp_path]
    steps = 0
    moved = 0
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for _ in range(KILLS):
        with subprocess.Popen(writer, stdout=subprocess.PIPE, env=environment) as program:
            assert program.stdout.readline() == b"ready\n"
            time.sleep(moments.uniform(0, 0.03))
            program.kill()
        with Store(tmp_path) as store:
            before, steps = steps, store.offsets.journals(TOKEN).get("kid.log", 0)
            values = list(store.points.read(1, "loss").value)
            runs = [run.name for run in store.runs.find()]
            events = [event.time for event in store.events.find()]
            assert store._db.rows("PRAGMA integrity_check") == [("ok",)]
        assert steps >= before
        assert values == list(range(3 * steps))
        assert runs == [f"run{step}" for step in range(0, steps, 5)]
        assert events == list(range(steps))
        moved += steps > before
    assert moved > KILLS / 2


@contextmanager
def small_files(home: Path) -> Iterator[Callable[[], None]]:
    """No file of this process may grow over 300 kB until the yielded function is called."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, before[1]))
    try:
        yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, before)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def small_disk(home: Path) -> Iterator[Callable[[], None]]:
    """`home` is a disk of 1 MB until the yielded function is called."""
    home.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", home], check=True)
    try:
        yield lambda: subprocess.run(["mount", "-o", "remount,size=64m", home], check=True) and None
    finally:
        subprocess.run(["umount", home], check=True)


def can_mount() -> bool:
    return (
        os.geteuid() == 0 and subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0
    )


@pytest.mark.parametrize("disk", [small_files, *([small_disk] if can_mount() else [])])
def test_on_a_full_disk_nothing_stored_is_lost_and_it_goes_on_when_there_is_room(tmp_path, disk):
    home = tmp_path / "home"
    with disk(home) as make_room, Store(home) as store:
        (run,) = submit(store, "a")
        stored = 0

        def fill(times: int) -> None:
            nonlocal stored
            for _ in range(times):
                with store.transaction():
                    values = range(stored, stored + 500)
                    store.points.add(run, 1, 0, records(values, start=10 * stored))
                    store.offsets.set_journal(TOKEN, "kid.log", stored + 500)
                stored += 500

        with pytest.raises(StoreError, match=r"no room|cannot be read or written") as caught:
            fill(1000)
        assert "disk" in str(caught.value) + caught.value.hint
        assert stored >= 500
        with pytest.raises(StoreError):
            store.points.add(run, 1, 0, records(range(100_000), start=10**7))
        assert list(store.points.read(run, "loss").value) == list(range(stored))
        make_room()
        fill(20)
        assert store.offsets.journals(TOKEN) == {"kid.log": stored}
        assert list(store.points.read(run, "loss").value) == list(range(stored))
        assert store._db.rows("PRAGMA integrity_check") == [("ok",)]
