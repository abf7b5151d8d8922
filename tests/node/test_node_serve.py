"""Neromum as a server of one connection: what it answers, what it survives, when it leaves."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from neronet.node import serve
from neronet.spec.schedulers import DETECTED
from neronet.wire import messages
from tests.node.mum import Mum, kids_of, mum, processes_of

pytestmark = pytest.mark.slow


def test_it_says_who_and_what_the_node_is(served: Mum) -> None:
    facts = served.facts
    assert facts["root"] == str(served.root)
    assert facts["cores"] == len(os.sched_getaffinity(0))
    assert facts["python"] == "%d.%d.%d" % sys.version_info[:3]
    assert facts["executable"] == sys.executable
    assert facts["boot"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert facts["host"] == os.uname().nodename
    assert abs(facts["time"] - time.time()) < 60
    assert abs(facts["btime"] - psutil.boot_time()) < 5
    assert facts["memory"] == psutil.virtual_memory().total
    disk = psutil.disk_usage(str(served.root))
    assert facts["disk_total"] == disk.total
    assert abs(facts["disk_free"] - disk.free) < 1 << 30
    assert facts["gpus"] == []
    assert facts["file_system"]
    assert facts["scheduler"] in ("", *DETECTED)


def test_it_tells_its_load_as_often_as_asked(served: Mum) -> None:
    served.say({"m": "load", "interval": 0.2})
    loads = [served.wait("load")[0]["load"] for _ in range(3)]
    assert 0.3 < loads[2]["time"] - loads[0]["time"] < 3
    assert loads[0]["memory_free"] <= loads[0]["memory_total"] == served.facts["memory"]
    assert {"load1", "load15", "disk_free", "disk_total", "used", "waits"} <= set(loads[0])
    served.say({"m": "load", "interval": 0})
    served.wait("load")
    served.sync(5)
    served.other.clear()
    time.sleep(0.5)
    served.sync(6)
    assert not [message for message, _ in served.other if message["m"] == "load"]


def test_a_ping_is_answered(served: Mum) -> None:
    served.say({"m": "ping", "id": 77})
    served.wait("pong", id=77)


def test_everything_that_was_there_is_here_after_a_sync(served: Mum) -> None:
    token = served.submit([["sh", "-c", "for n in $(seq 3000); do echo loss $n; done; exec sleep 30"]])
    served.follow(token)
    served.until_started()
    served.log(token, 0)
    stdout = served.root / "batches" / token / "run/0.1/stdout.log"
    while stdout.stat().st_size < sum(len(f"loss {n}\n") for n in range(1, 3001)):
        time.sleep(0.01)
    journals = list((served.root / "batches" / token / "kids").glob("*.log"))
    there = sum(path.read_bytes().rfind(b"\n") + 1 for path in journals)  # the kid may still be reading
    served.sync(1)
    assert len(served.logs[0, 1, 0]) == stdout.stat().st_size
    assert sum(served.offsets[token].values()) >= there
    served.act(token, "terminate", [[0, 0]])
    served.until(lambda: bool(served.ended()))


def test_a_sync_is_answered_though_a_program_prints_without_end(served: Mum) -> None:
    code = "import time\nwhile True: print('loss 1\\n' * 500, end='', flush=True); time.sleep(0.002)"
    token = served.submit([[sys.executable, "-c", code]])
    served.follow(token)
    served.log(token, 0)
    served.until_started()
    for number in range(3):
        served.sync(number)
    served.act(token, "terminate", [[0, 0]])
    served.until(lambda: bool(served.ended()))


def test_journals_go_on_from_the_offset_that_the_user_side_has(root: Path) -> None:
    with mum(root) as first:
        first.run([["sh", "-c", "echo loss 1; sleep 0.2; echo loss 2"]])
        token, before = first.token, len(first.records)
        first.close()
        second = Mum(root, before=first)
        second.follow(token)
        second.sync()
        assert len(second.records) == before, "records came twice"
        second.offsets.clear()
        second.records.clear()
        second.unfollow(token)
        second.follow(token)
        second.sync(2)
        assert len(second.records) == before
        second.close()


def test_a_journal_that_became_shorter_begins_anew(served: Mum) -> None:
    served.run([["true"]])
    token = served.token
    served.unfollow(token)
    served.offsets[token] = {name: size + 1000 for name, size in served.offsets[token].items()}
    served.records.clear()
    served.follow(token)
    served.sync()
    assert served.of("ended")


def test_a_torn_record_is_not_sent(served: Mum) -> None:
    served.run([["true"]])
    token = served.token
    served.until(lambda: not kids_of(served.root))
    journal = next((served.root / "batches" / token / "kids").glob("*.log"))
    with journal.open("ab") as file:
        file.write(b'{"e":"p","i":0')
    before = len(served.records)
    served.sync()
    assert len(served.records) == before
    with journal.open("ab") as file:
        file.write(b',"a":1,"s":0,"t":1,"to":1,"base":0,"v":[]}\n')
    served.sync(2)
    assert len(served.records) == before + 1


def test_a_file_that_grew_in_one_piece_is_sent_in_bounded_ones(served: Mum) -> None:
    served.run([[sys.executable, "-c", "print('x' * 3_000_000)"]])
    served.largest = 0
    assert len(served.whole_log(served.token, 0)) == 3_000_001
    assert served.largest == messages.MAX_PART


def test_nothing_is_read_ahead_of_a_slow_connection(root: Path) -> None:
    """Back-pressure: what nobody takes costs no memory."""
    with mum(root) as served:
        served.run([["head", "-c", "20000000", "/dev/zero"]])
        size = served.ended()[0]["sizes"][0]
        assert size == 20_000_000
        served.log(served.token, 0, until=size)
        time.sleep(1.0)
        assert psutil.Process(served.pid).memory_info().rss < 30 << 20
        served.until(lambda: (0, 1, 0) in served.ends)
        assert len(served.logs[0, 1, 0]) == size
        assert psutil.Process(served.pid).memory_info().rss < 30 << 20


@pytest.mark.parametrize(
    "data",
    [b"hello\n", b'{"m":"nothing"}\n', b'{"m":"file","size":99999999999}\n', b"[" * 100_000 + b"\n", b'{"m":"log"}\n', b"\xff" * 100 + b"\n"],
    ids=["text", "unknown", "size", "deep", "fields", "bytes"],
)  # fmt: skip
def test_what_is_no_protocol_ends_the_connection_and_no_run(root: Path, data: bytes) -> None:
    served = Mum(root, stderr=-1)
    token = served.submit([["sleep", "0.5"]])
    served.follow(token)
    served.until_started()
    assert served.process.stdin is not None
    assert served.process.stderr is not None
    served.process.stdin.write(data)
    served.process.stdin.flush()
    assert served.process.wait(10) == 1
    said = served.process.stderr.read().decode()
    assert re.fullmatch(r"neromum: a message .*\n|neromum: unknown message .*\n|neromum: message .*\n", said)
    with mum(root, before=served) as again:
        again.follow(token)
        again.until(lambda: bool(again.ended()))
        assert again.ended()[0]["state"] == "finished"
    served.close()
    served.process.stderr.close()


def test_a_broken_batch_does_not_end_the_connection(served: Mum) -> None:
    token = served.submit([["true"]])
    served.follow(token)
    served.until(lambda: bool(served.ended()))
    path = served.root / "batches" / token / "batch.json"
    kept = path.read_bytes()
    path.write_bytes(b"")
    served.log(token, 0)
    assert served.wait("error")[0]["about"] == f"log {token}"
    served.say({"m": "list"})
    assert token not in {item["token"] for item in served.wait("batches")[0]["items"]}
    assert served.run([["true"]])[0]["state"] == "finished"
    path.write_bytes(kept)


def test_it_leaves_when_the_connection_ends_and_runs_go_on(root: Path) -> None:
    served = Mum(root)
    token = served.submit([["sleep", "1"]])
    served.follow(token)
    served.until_started()
    served.close()
    assert not [line for line in processes_of(root).values() if "neromum serve" in line]
    assert len(kids_of(root)) == 1
    end = time.monotonic() + 10
    while processes_of(root):
        assert time.monotonic() < end, processes_of(root)
        time.sleep(0.02)
    with mum(root, before=served) as again:
        again.follow(token)
        again.sync()
        assert again.ended()[0]["state"] == "finished"


def test_it_leaves_after_a_long_silence(root: Path, tmp_path: Path) -> None:
    """The other side may be gone without a word: a cable was pulled."""
    neromum = serve.Neromum(str(root))
    neromum._heard = time.monotonic() - serve.SILENCE - 1
    read, write = os.pipe()
    saved = os.dup(0), os.dup(1)
    os.dup2(read, 0)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    try:
        assert neromum.main() == 0
    finally:
        os.dup2(saved[0], 0)
        os.dup2(saved[1], 1)
        for fd in (read, write, *saved):
            os.close(fd)


def test_a_stopped_reader_stops_nobody_else(served: Mum) -> None:
    """Neromum is stopped while runs go on; nothing of them is lost."""
    token = served.submit([["sh", "-c", "for n in 1 2 3 4 5 6; do echo loss $n; sleep 0.1; done"]] * 2)
    served.follow(token)
    served.until_started(2)
    os.kill(served.pid, signal.SIGSTOP)
    end = time.monotonic() + 10
    while kids_of(served.root):
        assert time.monotonic() < end
        time.sleep(0.05)
    os.kill(served.pid, signal.SIGCONT)
    served.until(lambda: len(served.ended()) == 2)
    assert [[value for _, value, *_ in served.points(index)] for index in (0, 1)] == [[1, 2, 3, 4, 5, 6]] * 2


def test_journals_are_lines_of_json_that_anybody_can_read(served: Mum) -> None:
    served.run([["echo", "loss", "nan"], ["echo", "loss", "inf"]])
    for path in (served.root / "batches" / served.token / "kids").iterdir():
        for line in path.read_bytes().splitlines():
            assert isinstance(json.loads(line), dict)
    assert [record["v"][0][1] for record in served.of("p") if record["i"] == 1] == [float("inf")]


def test_a_usage_error_says_how_to_call_it(served: Mum) -> None:
    pyz = next((served.root / "agent").glob("*.pyz"))
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(pyz), "what"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (
        2,
        "usage: neromum serve ROOT | nerokid ROOT PLACE [TOKEN MOST TASK START]\n",
    )
