"""What a program pays for being followed: no event a line while it prints in a row, and nothing overlooked for that."""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path

import pytest

from neronet.node.inotify import BATCH, CHANGES, COMERS, REST, REST_MOST, Watch, rest_after
from neronet.node.streams import CHUNK, PIECES, Stream
from neronet.node.waiting import Waiting
from neronet.wire.messages import STREAM_FILES
from tests.node.mum import Mum, kids_of, mum

IN_A_ROW = """
import os, sys, time
def line(n):
    print("n", n, flush=True)
n = 0
while not os.path.exists(sys.argv[1]):
    n += 1
    line(n)
    time.sleep(0.0005)
while not os.path.exists(sys.argv[2]):
    time.sleep(0.01)
line(-1)
time.sleep(600)
"""
BURSTS = """
import os, sys, time
for burst, rest in enumerate(map(float, sys.argv[2:])):
    for n in range(5):
        print("burst", burst, flush=True)
        time.sleep(rest)
    print("last", burst, flush=True)
    while not os.path.exists(sys.argv[1] + str(burst)):
        time.sleep(0.001)
time.sleep(600)
"""


def masks(pid: int) -> list[int]:
    """Which events a process asked for, one mask for each folder that it watches."""
    found = []
    for path in Path(f"/proc/{pid}/fdinfo").iterdir():
        try:
            lines = path.read_text().splitlines()
        except FileNotFoundError:
            continue  # closed meanwhile
        for line in lines:
            if line.startswith("inotify"):
                fields = dict(field.split(":") for field in line.split()[1:] if ":" in field)
                found.append(int(fields["mask"], 16))
    return found


def until_they_wait(served: Mum, pids: list[int], mask: int, there: bool) -> None:
    """Receives until each of these processes has such a mask, or none has."""
    end = time.monotonic() + 20
    while not all((mask in masks(pid)) is there for pid in pids):
        assert time.monotonic() < end, [masks(pid) for pid in pids]
        served.receive(0.01)


@pytest.mark.slow
def test_a_program_that_prints_in_a_row_pays_for_no_events_until_it_rests(
    served: Mum, tmp_path: Path
) -> None:
    token = served.submit([[sys.executable, "-c", IN_A_ROW, str(tmp_path / "rest"), str(tmp_path / "print")]])
    served.follow(token)
    served.until_started()
    served.log(token, 0)
    (kid,) = kids_of(served.root)
    until_they_wait(served, [kid, served.pid], COMERS, True)
    (tmp_path / "rest").touch()
    until_they_wait(served, [kid, served.pid], COMERS, False)
    assert CHANGES in masks(kid)
    (tmp_path / "print").touch()
    served.until(lambda: served.points(0)[-1][1] == -1)
    served.until(lambda: served.logs[0, 1, 0].endswith(b"n -1\n"))
    values = [point[1] for point in served.points(0)]
    assert values == [*map(float, range(1, len(values))), -1]
    served.act(token, "terminate", [[0, 0]])
    served.until(lambda: bool(served.ended()))


@pytest.mark.slow
def test_the_last_line_of_a_burst_is_heard_of_without_a_further_one(root: Path, tmp_path: Path) -> None:
    dice = random.Random(7)
    rests = [0.0, REST, REST_MOST] + [dice.uniform(0, 2 * REST) for _ in range(40)]
    # No look comes to the aid of an event that was missed.
    with mum(root, change={"SAFETY = 1.0": "SAFETY = 60.0"}) as served:
        token = served.submit([[sys.executable, "-c", BURSTS, str(tmp_path / "go"), *map(str, rests)]])
        served.follow(token)
        served.until_started()
        served.log(token, 0)
        for burst in range(len(rests)):
            served.until(lambda burst=burst: ["last", burst] in [point[:2] for point in served.points(0)])
            served.until(lambda burst=burst: b"last %d\n" % burst in served.logs[0, 1, 0])
            (tmp_path / f"go{burst}").touch()
        served.act(token, "terminate", [[0, 0]])
        served.until(lambda: bool(served.ended()))
        assert [point[1] for point in served.points(0) if point[0] == "burst"] == [
            burst for burst in range(len(rests)) for _ in range(5)
        ]


@pytest.mark.slow
def test_a_wish_to_stop_is_heard_while_a_program_prints_in_a_row(root: Path, tmp_path: Path) -> None:
    with mum(root, change={"SAFETY = 1.0": "SAFETY = 60.0"}) as served:
        token = served.submit([[sys.executable, "-c", IN_A_ROW, str(tmp_path / "never"), ""]])
        served.follow(token)
        served.until_started()
        (kid,) = kids_of(root)
        until_they_wait(served, [kid], COMERS, True)
        served.act(token, "terminate", [[0, 0]])
        served.until(lambda: bool(served.ended()))
        assert served.ended()[0]["state"] == "terminated"


def test_what_was_written_while_no_events_were_wanted_is_looked_at_before_the_next_event(
    tmp_path: Path,
) -> None:
    path, (wakeup, write) = tmp_path / "stdout.log", os.pipe()
    watch = Watch()
    waiting = Waiting(watch, str(tmp_path), wakeup)
    far = time.monotonic() + 5
    with path.open("ab", buffering=0) as file:
        waiting.begin()
        file.write(b"one\n")
        waiting.wait(0, far)
        file.write(b"two\n")
        waiting.wait(4, far)  # another line in the rest after the first: the program is busy
        file.write(b"three\n")
        assert waiting.wait(4, time.monotonic()) == STREAM_FILES, "without an event"
        file.write(b"four\n")
        assert waiting.wait(0, far) == STREAM_FILES
        file.write(b"five\n")
        assert waiting.wait(0, far) == {"stdout.log"}, "by an event again"
        waiting.end()
    for fd in (wakeup, write):
        os.close(fd)
    watch.close()


def test_pieces_of_a_line_are_no_reason_to_rest_but_a_line_without_an_end_is(tmp_path: Path) -> None:
    path = tmp_path / "stdout.log"
    stream = Stream(str(path), 0)
    with path.open("ab", buffering=0) as file:
        for piece in (b"loss", b" ", b"1"):
            file.write(piece)
            assert stream.read() == ([], False, 0)
        file.write(b"\n")
        assert stream.read() == ([["loss", 1.0, 0, None]], False, 1)
        sizes = []
        for _ in range(PIECES + 3):
            file.write(b".")
            sizes.append(stream.read()[2])
        assert sizes == [0] * PIECES + [1] * 3
        file.write(b"." * (CHUNK + 1))
        assert stream.read()[2] == CHUNK
    stream.close()


def test_a_rest_is_short_for_a_few_lines_and_bounded_for_many() -> None:
    assert rest_after(0) == rest_after(BATCH - 1) == REST
    assert REST < rest_after(BATCH) < rest_after(3 * BATCH) <= REST_MOST == rest_after(10**9)
