"""A node whose disk is full, or that cannot be written at all: exit statuses are kept, and told once there is room."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.faults import kill
from tests.node.mum import Mum, kids_of, leave_nothing
from tests.waiting import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk"),
]
WAITS = "while [ -e {flag} ]; do sleep 0.02; done"


class Disk:
    """A small file system of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.filler = path / "filler"

    def fill(self) -> None:
        """Takes the last byte and the last file."""
        with self.filler.open("ab", 0) as file:
            for size in (1 << 16, 1 << 12, 1):
                with contextlib.suppress(OSError):
                    while file.write(b"x" * size):
                        pass
        with pytest.raises(OSError, match="No space"):
            (self.path / "one more").write_bytes(b"x" * 5000)

    def free(self) -> None:
        (self.path / "one more").unlink(missing_ok=True)
        self.filler.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    path = tmp_path / "disk"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m,mode=0700", "neronet-test", path], check=True)
    yield Disk(path)
    subprocess.run(["umount", "-l", path], check=True)


@pytest.fixture
def served(disk: Disk) -> Iterator[Mum]:
    root = disk.path / "root"
    connection = Mum(root, limits={"slots": 2})
    yield connection
    connection.close()
    leave_nothing(root)


def test_exit_statuses_of_runs_that_end_on_a_full_disk_are_kept(
    served: Mum, disk: Disk, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    flag.touch()
    waits = WAITS.format(flag=flag)
    argvs = [["sh", "-c", f"echo loss 1; {waits}; exit {status}"] for status in (7, 8)] + [
        ["sh", "-c", "echo loss 2; exit 9"]
    ]
    token = served.submit(argvs)
    served.follow(token)
    served.until(lambda: bool(served.points(0)) and bool(served.points(1)))
    disk.fill()
    flag.unlink()
    run = disk.path / "root/batches" / token / "run"
    for index, status in ((0, 7), (1, 8)):
        until(lambda: (run / f"{index}.1/exit").read_bytes().strip() == b"%d" % status, "no status")  # noqa: B023
    time.sleep(0.5)
    assert not (run / "2.1").exists()
    time.sleep(4.0)
    assert len(kids_of(served.root)) == 1, "one waits for room, not one more every time that somebody looks"
    disk.free()
    served.until(lambda: len(served.ended()) == 3)
    assert [served.ended()[index]["status"] for index in range(3)] == [7, 8, 9]
    assert [point[:2] for index in range(3) for point in served.points(index)] == [
        ["loss", 1],
        ["loss", 1],
        ["loss", 2],
    ]


def test_a_full_disk_and_dead_watchers_lose_no_status_either(served: Mum, disk: Disk, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    flag.touch()
    token = served.submit([["sh", "-c", f"echo loss 1; {WAITS.format(flag=flag)}; exit 7"]])
    served.follow(token)
    served.until(lambda: bool(served.points(0)))
    disk.fill()
    for pid in kids_of(served.root):
        kill(pid)
    flag.unlink()
    until(lambda: kids_of(served.root), "the wrapper starts no other kid")
    time.sleep(0.5)
    disk.free()
    served.until(lambda: bool(served.ended()))
    assert (served.ended()[0]["state"], served.ended()[0]["status"]) == ("failed", 7)
    assert [point[:2] for point in served.points(0)] == [["loss", 1]]


def test_a_wrapper_that_cannot_say_that_it_began_does_not_run_the_program(disk: Disk, tmp_path: Path) -> None:
    """Its `start` would be empty, and the run would look lost."""
    at = tmp_path / "prepared"
    root = disk.path / "root"
    served = Mum(root, env={"NERONET_PAUSE": f"prepared:1.0:{at}"})
    try:
        token = served.submit([["sh", "-c", f"echo $$ >>{tmp_path}/starts; exit 5"]])
        served.follow(token)
        until(at.exists, "no kid comes to it")
        disk.fill()
        time.sleep(2.0)
        assert not (tmp_path / "starts").exists()
        disk.free()
        served.until(lambda: bool(served.ended()))
        assert (served.ended()[0]["state"], served.ended()[0]["status"]) == ("failed", 5)
        assert len((tmp_path / "starts").read_text().split()) == 1
        assert ["full" in record["text"] for record in served.of("warn")] == [True]
    finally:
        served.close()
    leave_nothing(root)


def test_a_limit_is_kept_though_the_disk_is_full(served: Mum, disk: Disk) -> None:
    token = served.submit([["sh", "-c", "echo loss 1; exec sleep 30"]], time=1.5)
    served.follow(token)
    served.until(lambda: bool(served.points(0)))
    disk.fill()
    run = disk.path / "root/batches" / token / "run/0.1"
    until(lambda: (run / "exit").read_bytes().strip() == b"143", "the run does not end", timeout=10)
    disk.free()
    served.until(lambda: bool(served.ended()))
    assert (served.ended()[0]["state"], served.ended()[0]["status"]) == ("timeout", 143)


def test_a_submission_that_finds_no_room_says_so_and_leaves_nothing_half(served: Mum, disk: Disk) -> None:
    token = "cd" * 8
    batch = served.content([["true"]], {"a": b"a"})
    disk.fill()
    served.say({"m": "batch", "token": token, "batch": batch})
    error = served.wait("error")[0]
    assert error["text"] == f"the disk is full at {served.root}"
    assert "root:" in error["hint"]
    assert not (served.root / "batches" / token).exists()
    served.say({"m": "file", "sha": "a" * 64, "offset": 0, "total": 1 << 20}, b"x" * (1 << 18))
    assert "disk is full" in served.wait("error")[0]["text"]
    assert served.act(token, "terminate", [[0, 0]])["problem"]
    disk.free()
    served.say({"m": "batch", "token": token, "batch": batch})
    served.wait("accepted", token=token)
    served.follow(token)
    served.until(lambda: bool(served.ended()))
    assert not [path for path in (served.root / "batches").iterdir() if path.name != token]


def test_queued_runs_wait_for_room_and_are_withdrawn_without(served: Mum, disk: Disk) -> None:
    token = served.submit([["sh", "-c", "sleep 0.5; exit 3"]] * 2 + [["true"]] * 3)
    served.follow(token)
    served.until_started(2)
    disk.fill()
    time.sleep(1.5)
    disk.fill()  # the ends of runs may give something back
    wish = {
        "m": "act",
        "id": "w",
        "do": "terminate",
        "token": token,
        "runs": [[4, 4]],
        "who": "t",
        "why": "y",
    }
    served.say({**wish, "priority": 0})
    assert "disk is full" in served.wait("error")[0]["text"]
    disk.free()
    served.say({**wish, "priority": 0})  # as the user side does until it has an answer
    assert served.wait("done", id="w")[0]["result"] == {"runs": 1, "withdrawn": [4]}
    served.until(lambda: len(served.ended()) == 5)
    assert served.ended()[4]["state"] == "terminated"
    assert [served.ended()[index]["status"] for index in range(4)] == [3, 3, 0, 0]


def test_a_status_that_cannot_be_written_for_a_while_is_not_lost(served: Mum, tmp_path: Path) -> None:
    """As when a file server is away, or a quota stops even what overwrites."""
    flag = tmp_path / "flag"
    flag.touch()
    token = served.submit([["sh", "-c", f"{WAITS.format(flag=flag)}; exit 6"]])
    served.follow(token)
    served.until_started()
    path = served.root / "batches" / token / "run/0.1/exit"
    subprocess.run(["mount", "--bind", path, path], check=True)
    subprocess.run(["mount", "-o", "remount,ro,bind", path], check=True)
    flag.unlink()
    time.sleep(1.5)
    served.sync()
    assert not served.ended()
    subprocess.run(["umount", path], check=True)
    served.until(lambda: bool(served.ended()))
    assert (served.ended()[0]["state"], served.ended()[0]["status"]) == ("failed", 6)
