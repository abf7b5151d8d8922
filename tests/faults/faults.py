"""What fault tests share: a program that tells how often it was started, and the check that nothing was lost."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from neronet.node import procs
from tests.node.mum import Mum
from tests.waiting import until

# Notes its start outside of the run's folder, prints numbered points, ends with the status it was given.
PROGRAM = b"""\
echo $$ >>"$1"
n=0
while [ $n -lt $2 ]; do
  echo "n $n"
  n=$((n+1))
  [ $((n % $4)) -ne 0 ] || sleep $5
done
exit $3
"""


def runs(notes: Path, count: int, points: int, every: int = 1000, rest: float = 0.01) -> list[list[str]]:
    """`count` runs that print `points` points, and rest that many seconds after each `every` of them."""
    notes.mkdir(exist_ok=True)
    return [
        ["sh", "main.sh", str(notes / str(n)), str(points), str(n + 3), str(every), str(rest)]
        for n in range(count)
    ]


def submit(mum: Mum, argvs: list[list[str]], **spec: Any) -> str:
    token = mum.submit(argvs, {"main.sh": PROGRAM}, **spec)
    mum.follow(token)
    return token


def check(mum: Mum, notes: Path, count: int, points: int, what: str = "", timeout: float = 40.0) -> None:
    """Waits for the ends of all runs: each with its status, started once, every point once and in order."""
    mum.until(lambda: len(mum.ended()) == count, timeout)
    mum.sync(99)
    for index in range(count):
        ended = mum.ended()[index]
        assert (ended["state"], ended["status"]) == ("failed", index + 3), (what, ended)
        assert ended["reason"] == f"exit code {index + 3}", (what, ended)
        starts = (notes / str(index)).read_text().split()
        assert len(starts) == 1, f"{what}: run {index} was started {len(starts)} times"
        values = [value for _, value, *_ in mum.points(index)]
        assert values == list(range(points)), (
            f"{what}: run {index}: {first_difference(values)} of {len(values)}"
        )
        offsets = [offset for _, _, offset, _ in mum.points(index)]
        assert offsets == sorted(set(offsets)), f"{what}: run {index}: an offset came twice"
        assert len({record["t"] for record in mum.of("started") if record["i"] == index}) == 1


def first_difference(values: list[float]) -> str:
    for number, value in enumerate(values):
        if number != value:
            return f"point {number} is {value}"
    return "the end is missing"


def kill(pid: int) -> None:
    """Ends a process that was found below a root of ours, and waits until it is gone."""
    start = procs.start_time(pid)
    if not start:
        return
    procs.send(pid, signal.SIGKILL)
    until(lambda: procs.start_time(pid) != start, f"{pid} is not gone")


def read_pid(path: Path) -> int:
    """The process that stopped at its step and made this file."""
    until(lambda: path.exists() and path.read_text(), f"no process comes to {path.name}")
    return int(path.read_text())


def close_all(connections: Iterable[Mum]) -> None:
    for connection in connections:
        if connection.process.poll() is None:
            connection.process.kill()
        connection.close()
