"""A snapshot holds the folder as it was: later edits, bad luck and a full disk change nothing of it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sync_tools import on_small_disk

from neronet.errors import InputError, NeronetError, StoreError
from neronet.spec.experiment import Experiment
from neronet.sync import snapshot
from neronet.sync.manifest import Entry, parse
from neronet.sync.snapshot import WHOLE, is_settled, keep, load, take

Make = Callable[..., Experiment]


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def age() -> None:
    """Waits until the times of all files can be trusted: that of the last change cannot be set."""
    time.sleep(0.15)


def test_the_manifest_says_what_is_there(folder: Path, home: Path, experiment: Make, hashes: object) -> None:
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("main.py")
    (folder / "empty").mkdir()
    (folder / "\udcff").write_bytes(b"")
    taken = take(folder, experiment(), home, hashes)
    assert parse(taken.manifest) == (
        Entry("empty", "d"),
        Entry("link", "l", target="main.py"),
        Entry("main.py", "f", False, sha(b"print(1)\n"), 9),
        Entry("run.sh", "f", True, sha(b"#!/bin/sh\n"), 10),
        Entry("\udcff", "f", False, sha(b""), 0),
    )
    assert taken.manifest_sha == sha(taken.manifest)
    assert (home / "files" / taken.manifest_sha).read_bytes() == taken.manifest


def test_each_content_is_there_once(folder: Path, home: Path, experiment: Make, hashes: object) -> None:
    (folder / "copy.py").write_text("print(1)\n")
    (folder / "other").write_text("12345")
    taken = take(folder, experiment(), home, hashes)
    assert {content.sha: content.size for content in taken.files} == {sha(b"print(1)\n"): 9, sha(b"12345"): 5}
    assert taken.size == 14
    assert all(sha(content.path.read_bytes()) == content.sha for content in taken.files)
    assert sorted(os.listdir(home / "files")) == sorted(
        [taken.manifest_sha, *(content.sha for content in taken.files)]
    )


def test_only_the_user_can_read_the_copies(
    folder: Path, home: Path, experiment: Make, hashes: object
) -> None:
    (folder / "main.py").chmod(0o777)
    before = os.umask(0)
    try:
        take(folder, experiment(), home, hashes)
    finally:
        os.umask(before)
    assert (home / "files").stat().st_mode & 0o777 == 0o700
    assert {place.stat().st_mode & 0o777 for place in (home / "files").iterdir()} == {0o600}


def test_later_edits_do_not_reach_the_snapshot(
    folder: Path, home: Path, experiment: Make, hashes: object
) -> None:
    taken = take(folder, experiment(), home, hashes)
    with open(folder / "main.py", "r+") as file:  # in place: a hard link would show it
        file.write("print(2)\n")
    assert [content.path.read_bytes() for content in taken.files] == [b"print(1)\n"]
    later = take(folder, experiment(), home, hashes)
    assert later.manifest_sha != taken.manifest_sha


def test_an_unchanged_folder_is_not_read_again(
    folder: Path, home: Path, experiment: Make, hashes: object
) -> None:
    for number in range(20):
        (folder / f"f{number}").write_text(f"{number}")
    age()
    first = take(folder, experiment(), home, hashes)
    assert hashes.added == 21
    seen: list[tuple[int, int, int]] = []
    again = take(folder, experiment(), home, hashes, lambda *counts: seen.append(counts))
    assert again == first
    assert (seen, hashes.added) == ([], 21)


@pytest.mark.parametrize("change", ["same size", "executable", "replaced", "touched back"])
def test_every_change_is_noticed(
    folder: Path, home: Path, experiment: Make, hashes: object, change: str
) -> None:
    place = folder / "main.py"
    age()
    first = take(folder, experiment(), home, hashes)
    status = place.stat()
    if change == "executable":
        place.chmod(0o700)
    elif change == "replaced":
        (folder / "new").write_text("print(2)\n")
        os.replace(folder / "new", place)
    else:
        place.write_text("print(2)\n")
    if change == "touched back":
        os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert take(folder, experiment(), home, hashes).manifest_sha != first.manifest_sha


def test_a_file_that_was_just_written_is_not_trusted(
    folder: Path, home: Path, experiment: Make, hashes: object
) -> None:
    (folder / "main.py").write_text("print(3)\n")
    take(folder, experiment(), home, hashes)
    assert hashes.added == 0


@pytest.mark.parametrize(
    ("changed", "now", "settled"),
    [
        (10_000_000_001, 10_050_000_000, False),
        (10_000_000_001, 10_200_000_000, True),
        (10_000_000_000, 10_200_000_000, False),  # this file system may count in seconds
        (10_000_000_000, 12_000_000_001, True),
        (99_000_000_001, 10_000_000_000, False),  # a time in the future
    ],
)
def test_a_time_is_trusted_when_the_next_write_must_move_it(changed: int, now: int, settled: bool) -> None:
    assert is_settled(changed, now) is settled


@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_a_copy_that_was_damaged_is_made_again(
    folder: Path, home: Path, experiment: Make, hashes: object, damage: str
) -> None:
    age()
    (copy,) = take(folder, experiment(), home, hashes).files
    if damage == "gone":
        copy.path.unlink()
    else:
        copy.path.write_bytes(b"pri")
    take(folder, experiment(), home, hashes)
    assert copy.path.read_bytes() == b"print(1)\n"


def test_large_files_are_known_by_their_hash(
    folder: Path, home: Path, experiment: Make, hashes: object
) -> None:
    (folder / "small.bin").write_bytes(bytes(WHOLE))
    (folder / "large.bin").write_bytes(bytes(WHOLE + 1))
    taken = take(folder, experiment(), home, hashes)
    place = {content.name: content.path for content in taken.files}
    assert place["large.bin"] == folder / "large.bin"
    assert place["small.bin"] == home / "files" / sha(bytes(WHOLE))
    assert not (home / "files" / sha(bytes(WHOLE + 1))).exists()


def test_progress_counts_bytes_and_files(folder: Path, home: Path, experiment: Make, hashes: object) -> None:
    (folder / "b").write_text("12345")
    seen: list[tuple[int, int, int]] = []
    take(folder, experiment(), home, hashes, lambda *counts: seen.append(counts))
    assert seen == [(5, 14, 1), (14, 14, 2)]


@contextmanager
def restless(place: Path) -> Iterator[None]:
    """While this lasts, the file is written to all the time, also between any two looks at it."""
    over = threading.Event()
    number = 0
    look = os.fstat

    def look_and_wait(descriptor: int) -> os.stat_result:
        status, before = look(descriptor), number
        while number < before + 2 and thread.is_alive():  # the one that goes on now, and another
            time.sleep(0.001)
        return status

    def work() -> None:
        nonlocal number
        with open(place, "r+b", buffering=0) as file:
            while not over.is_set():
                number += 1
                file.seek(0)
                file.write(b"%d" % number)
                os.utime(place, ns=(number, number))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "fstat", look_and_wait)
            yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("size", [WHOLE - 1, WHOLE + 1])
def test_a_file_that_keeps_changing_is_an_error(
    folder: Path, home: Path, experiment: Make, hashes: object, size: int
) -> None:
    (folder / "busy.bin").write_bytes(bytes(size))
    with (
        restless(folder / "busy.bin"),
        pytest.raises(InputError, match=r"busy\.bin changed each time") as error,
    ):
        take(folder, experiment(), home, hashes)
    assert "Submit again" in error.value.hint
    assert "busy.bin" in {content.name for content in take(folder, experiment(), home, hashes).files}


def test_a_file_that_changed_once_is_read_again(
    folder: Path, home: Path, experiment: Make, hashes: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = folder / "large.bin"
    place.write_bytes(bytes(WHOLE + 1))
    hash_it, calls = snapshot._hash, []

    def and_write(file: object) -> tuple[str, int]:
        found = hash_it(file)
        calls.append(found)
        if len(calls) == 1:
            with open(place, "ab") as more:
                more.write(b"more")
        return found

    monkeypatch.setattr(snapshot, "_hash", and_write)
    taken = take(folder, experiment(), home, hashes)
    assert len(calls) == 2
    assert {content.sha for content in taken.files} >= {sha(bytes(WHOLE + 1) + b"more")}


@pytest.mark.parametrize("becomes", ["gone", "link", "pipe", "folder"])
def test_a_file_that_becomes_something_else_is_an_error(
    folder: Path, home: Path, experiment: Make, hashes: object, becomes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = folder / "main.py"
    (folder.parent / "secret").write_text("secret")

    def then(*_: object) -> None:
        place.unlink()
        if becomes == "link":
            place.symlink_to(folder.parent / "secret")
        elif becomes == "pipe":
            os.mkfifo(place)
        elif becomes == "folder":
            place.mkdir()

    monkeypatch.setattr(snapshot, "_check_room", then)  # the step between looking and reading
    with pytest.raises(InputError, match=r"main\.py"):
        take(folder, experiment(), home, hashes)
    assert sha(b"secret") not in os.listdir(home / "files")


def test_a_file_that_cannot_be_read_is_an_error(without_privileges: Path, hashes: object) -> None:
    folder = without_privileges / "folder"
    folder.mkdir()
    (folder / "main.py").write_text("x")
    (folder / "main.py").chmod(0)
    experiment = Experiment("exp", folder, "main.py")
    with pytest.raises(InputError, match=r"cannot read .*main\.py: Permission denied"):
        take(folder, experiment, without_privileges / "home", hashes)


def test_a_home_that_cannot_be_written_is_an_error(without_privileges: Path, hashes: object) -> None:
    (without_privileges / "main.py").write_text("x")
    home = without_privileges / "home"
    home.mkdir(mode=0o500)
    with pytest.raises(NeronetError, match=r"cannot write to .*files: Permission denied") as error:
        take(without_privileges, Experiment("exp", without_privileges, "main.py"), home, hashes)
    assert "NERONET_HOME" in error.value.hint


def test_a_folder_without_room_for_its_copy_is_refused_before_anything_is_copied(
    folder: Path, home: Path, experiment: Make, hashes: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "RESERVE", 2**62)
    with pytest.raises(NeronetError, match="has no room for a copy"):
        take(folder, experiment(), home, hashes)
    assert os.listdir(home / "files") == []


FILL = """
import sys
from pathlib import Path
from neronet.errors import NeronetError
from neronet.sync.snapshot import keep
try:
    keep(Path(sys.argv[1]), bytes(4 << 20), "runs")
except NeronetError as error:
    print(error, list(Path(sys.argv[1], "files").iterdir()))
"""


def test_a_disk_that_fills_up_leaves_no_half_copy(tmp_path: Path) -> None:
    printed = on_small_disk(tmp_path / "home", FILL)
    assert "No space left on device" in printed
    assert printed.endswith("[]\n")


def test_a_snapshot_is_found_again(folder: Path, home: Path, experiment: Make, hashes: object) -> None:
    (folder / "large.bin").write_bytes(bytes(WHOLE + 1))
    (folder / "empty").mkdir()
    taken = take(folder, experiment(), home, hashes)
    assert load(home, taken.manifest_sha, folder) == taken


@pytest.mark.parametrize("damage", ["gone", "cut", "other"])
def test_a_snapshot_that_was_damaged_is_an_error(
    folder: Path, home: Path, experiment: Make, hashes: object, damage: str
) -> None:
    taken = take(folder, experiment(), home, hashes)
    if damage == "gone":
        taken.head.path.unlink()
    else:
        taken.head.path.write_bytes(b'{"v":1' if damage == "cut" else b'{"v":1,"entries":[]}')
    with pytest.raises(StoreError, match="this snapshot") as error:
        load(home, taken.manifest_sha, folder)
    assert error.value.hint


def test_a_name_that_no_manifest_holds_is_an_error(
    folder: Path, home: Path, experiment: Make, hashes: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neronet.sync.manifest.MAX_PATH", 3)
    with pytest.raises(InputError, match="cannot be sent"):
        take(folder, experiment(), home, hashes)


def test_two_submissions_at_once_end_with_the_same_copies(folder: Path, home: Path, experiment: Make) -> None:
    for number in range(60):
        (folder / f"f{number}").write_bytes(bytes([number]) * 20_000)
    taken: list[object] = []

    class Nothing:
        def get_many(self, keys: object) -> dict[str, str]:
            return {}

        def put_many(self, hashes: object) -> None: ...

    threads = [
        threading.Thread(target=lambda: taken.append(take(folder, experiment(), home, Nothing())))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 4
    assert all(each == taken[0] for each in taken)
    assert all(sha((home / "files" / name).read_bytes()) == name for name in os.listdir(home / "files"))


def test_any_bytes_can_be_kept(home: Path) -> None:
    content = keep(home, b"runs", "runs.jsonl")
    assert keep(home, b"runs", "runs.jsonl") == content
    assert (content.path.read_bytes(), content.sha, content.size) == (b"runs", sha(b"runs"), 4)


TIMED = """
import sys, time
from pathlib import Path
from neronet.spec.experiment import Experiment
from neronet.store.store import Store
from neronet.sync.snapshot import take
folder, home = map(Path, sys.argv[1:])
store = Store(home)
def timed():
    start = time.perf_counter()
    take(folder, Experiment("exp", folder, "main.py"), home, store.files)
    return (time.perf_counter() - start) * 1000
print(timed(), min(timed() for _ in range(5)))
store.close()
"""


@pytest.mark.slow
def test_an_unchanged_folder_of_1000_files_and_50_mb_costs_a_fraction_of_the_first_time(
    folder: Path, home: Path, record_property: Callable[[str, object], None]
) -> None:
    for number in range(999):
        place = folder / f"part{number % 40}"
        place.mkdir(exist_ok=True)
        (place / f"{number}.bin").write_bytes(number.to_bytes(4, "big") * 13_000)
    rules = "\n".join(f"*.x{number}\n/out{number}/\nname{number}" for number in range(30))
    (folder / ".gitignore").write_text(rules)
    age()
    # In a process of its own, as on the command line: what watches a test costs more than the work.
    command = [sys.executable, "-c", TIMED, folder, home]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    cold, warm = map(float, done.stdout.split())
    record_property("snapshot_cold_ms", cold)
    record_property("snapshot_warm_ms", warm)
    print(f"snapshot of 1,000 files, 52 MB: cold {cold:.0f} ms, warm {warm:.1f} ms")
    assert warm < cold / 5  # a ratio: the machine may be busy
