"""What programs print: every byte is in the log, every point is found once, whatever they print and however."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.node.mum import Mum, kids_of

pytestmark = pytest.mark.slow


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_odd_bytes_are_kept_and_do_not_hide_points(served: Mum) -> None:
    data = b"a 1\n\0\0b 2\n\xff\xfe\nc 3\r\nd 4\re 5\rno point 1\n\n \tf\t6 \ng: 7\nlast 8"
    ended = served.run([python(f"import os; os.write(1, {data!r}); os.write(2, b'err 9')")])
    assert served.whole_log(served.token, 0) == data
    assert ended[0]["sizes"] == [len(data), 5, 0]
    found = [(name, value) for name, value, _, _ in served.points(0)]
    assert found == [("a", 1), ("c", 3), ("d", 4), ("e", 5), ("f", 6), ("last", 8)]
    assert served.points(0, 1) == [["err", 9.0, 0, None]]
    for name, _, offset, _ in served.points(0):
        assert data[offset:].lstrip().startswith(name.encode())


def test_nothing_printed_is_no_point_and_no_byte(served: Mum) -> None:
    assert served.run([["true"]])[0]["sizes"] == [0, 0, 0]
    assert served.of("p") == []


def test_not_a_single_newline(served: Mum) -> None:
    data = b"x" * 200_000
    ended = served.run([python(f"import os; os.write(1, b'x' * {len(data)})")])
    assert ended[0]["state"] == "finished"
    assert served.whole_log(served.token, 0) == data
    assert served.points(0) == []


def test_a_line_of_a_gigabyte_costs_the_kid_no_memory(served: Mum) -> None:
    code = "import os\nfor n in range(1024): os.write(1, b'z' * (1 << 20))\nos.write(1, b'\\nloss 0.5\\n')"
    token = served.submit([python(code)])
    served.follow(token)
    served.until_started()
    (kid,) = kids_of(served.root)
    most = 0
    while not served.ended():
        served.receive(0.02)
        try:
            most = max(most, psutil.Process(kid).memory_info().rss)
        except psutil.NoSuchProcess:
            pass
    served.until(lambda: bool(served.ended()), 60)
    assert served.ended()[0]["state"] == "finished"
    assert served.points(0) == [["loss", 0.5, (1 << 30) + 1, None]]
    print(f"\na line of 1 GB: the kid took {most / 2**20:.1f} MiB at most")
    assert most < 24 << 20
    os.unlink(served.root / "batches" / token / "run/0.1/stdout.log")


def test_a_stderr_that_the_program_truncates_goes_on(served: Mum) -> None:
    script = "echo before 1 >&2; sleep 0.3; echo after 2 > /dev/stderr; sleep 0.3; echo last 3 >&2; exit 0"
    ended = served.run([["sh", "-c", script]])
    assert ended[0]["state"] == "finished"
    assert [(name, value) for name, value, *_ in served.points(0, 1)] == [
        ("before", 1),
        ("after", 2),
        ("last", 3),
    ]
    offsets = [offset for _, _, offset, _ in served.points(0, 1)]
    assert offsets == sorted(set(offsets)), "an offset came twice"
    assert [record["base"] for record in served.of("cut")] == [len("before 1\n")]
    assert served.whole_log(served.token, 0, 1) == b"after 2\nlast 3\n"


def test_a_program_that_truncates_its_stderr_with_each_line_loses_no_point(served: Mum) -> None:
    """`echo ... >/dev/stderr` in a script: lines of one length leave a file of one size."""
    script = "for n in 1 2 3 4 5 6; do echo loss $n >/dev/stderr; sleep 0.15; done"
    served.run([["sh", "-c", script]])
    assert [value for _, value, *_ in served.points(0, 1)] == [1, 2, 3, 4, 5, 6]
    offsets = [offset for _, _, offset, _ in served.points(0, 1)]
    assert offsets == sorted(set(offsets))
    assert served.whole_log(served.token, 0, 1) == b"loss 6\n"


NEVER_FLUSHES = r"""
#include <stdio.h>
#include <unistd.h>
int main(void) { printf("loss 0.25\n"); fprintf(stderr, "err 1\n"); sleep(2); return 0; }
"""


def test_the_first_line_of_a_program_that_never_flushes_is_there_within_a_second(
    served: Mum, compiled: Callable[[str], Path]
) -> None:
    program = str(compiled(NEVER_FLUSHES))
    token = served.submit([[program]])
    served.follow(token)
    served.until_started()
    served.log(token, 0)
    started = served.of("started")[0]["t"]
    served.until(lambda: bool(served.points(0)) and bool(served.logs.get((0, 1, 0))))
    assert time.time() - started < 1.0
    assert served.points(0)[0][:2] == ["loss", 0.25]
    served.until(lambda: bool(served.ended()))
    assert served.ended()[0]["state"] == "finished"


def test_a_program_may_ask_to_buffer_as_it_likes(served: Mum, compiled: Callable[[str], Path]) -> None:
    program = str(compiled(NEVER_FLUSHES.replace("sleep(2)", "sleep(1)")))
    env = python("import os; print(os.environ.get('PYTHONUNBUFFERED'), os.environ.get('LD_PRELOAD'))")
    served.run([[program], env], buffering="program", environment={"PATH": os.environ["PATH"]})
    ended, (point,) = served.ended()[0], served.points(0)
    (record,) = [record for record in served.of("p") if record["i"] == 0 and record["s"] == 0]
    assert point[:2] == ["loss", 0.25]
    assert record["t"] > ended["started"] + 0.9
    assert served.whole_log(served.token, 1) == b"None None\n"


def test_a_python_program_is_seen_line_by_line(served: Mum) -> None:
    token = served.submit([["python3", "-c", "import time; print('loss', 1); time.sleep(20)"]])
    served.follow(token)
    served.until(lambda: bool(served.points(0)), 10)
    served.act(token, "terminate", [[0, 0]])
    served.until(lambda: bool(served.ended()))


def test_points_by_the_file_carry_their_steps(served: Mum) -> None:
    script = 'echo "loss 0.5 10" >>"$NERONET_POINTS"; sleep 0.2; echo "loss 0.25 20" >>"$NERONET_POINTS"; echo "x 1" >>"$NERONET_POINTS"; echo "bad line here 1" >>"$NERONET_POINTS"'
    ended = served.run([["sh", "-c", script]])
    assert [(name, value, step) for name, value, _, step in served.points(0, 2)] == [
        ("loss", 0.5, 10),
        ("loss", 0.25, 20),
        ("x", 1, None),
    ]
    assert ended[0]["sizes"][:2] == [0, 0]
    assert ended[0]["sizes"][2] > 0


def test_a_thousand_names_are_kept_and_the_rest_is_told_once(served: Mum) -> None:
    code = "for n in range(1500): print('name%d' % n, n)\nprint('watched', 1)\nfor n in range(1500): print('name%d' % n, n)"
    condition = {
        "id": "w",
        "variablename": "watched",
        "killvalue": 0,
        "comparator": "gt",
        "after": None,
        "action": "warn",
    }
    served.run([python(code)], conditions=[condition])
    names = [name for name, *_ in served.points(0)]
    assert len(set(names)) == 1000
    assert names.count("name5") == 2
    assert "watched" in names, "a condition's own metric is always heard"
    assert [record["text"][:28] for record in served.of("warn")] == ["more than 1000 different nam"]
    assert [record["text"] for record in served.of("fired")] == ["condition w, 1 > 0"]


def test_a_flood_of_points_arrives_whole_and_in_order(served: Mum) -> None:
    count = 60_000
    served.run([python(f"import sys; sys.stdout.write(''.join('n %d\\n' % n for n in range({count})))")] * 2)
    for index in range(2):
        assert [value for _, value, *_ in served.points(index)] == list(range(count))
    assert all(len(record["v"]) <= 2000 for record in served.of("p"))


def test_a_log_is_sent_as_it_grows_and_to_a_known_end(served: Mum) -> None:
    token = served.submit([["sh", "-c", "for n in 1 2 3 4 5; do echo line $n; sleep 0.1; done"]])
    served.follow(token)
    served.until_started()
    served.log(token, 0)
    seen = set()
    while not served.ended():
        served.receive(0.05)
        seen.add(len(served.logs.get((0, 1, 0), b"")))
    served.sync()
    whole = b"".join(b"line %d\n" % n for n in range(1, 6))
    assert served.logs[0, 1, 0] == whole
    assert len(seen) > 3, "the log came in one piece"
    served.logs.clear()
    served.log(token, 0, until=10, offset=3)
    served.until(lambda: (0, 1, 0) in served.ends)
    assert served.logs[0, 1, 0] == whole[3:10]


def test_a_truncated_log_is_sent_anew(served: Mum) -> None:
    script = "echo one one one >&2; sleep 0.7; echo two > /dev/stderr; sleep 0.5"
    token = served.submit([["sh", "-c", script]])
    served.follow(token)
    served.until_started()
    served.log(token, 0, 1)
    served.until(lambda: served.logs.get((0, 1, 1)) == b"one one one\n")
    served.until(lambda: served.logs.get((0, 1, 1)) == b"two\n")
    served.until(lambda: bool(served.ended()))
    served.sync()


@pytest.mark.parametrize("before", [True, False])
def test_a_log_may_be_asked_for_before_the_run_begins(served: Mum, before: bool) -> None:
    token = served.submit([["sh", "-c", "sleep 0.4; echo hello"]])
    if before:
        served.log(token, 0)
    served.follow(token)
    served.until_started()
    if not before:
        served.log(token, 0)
    served.until(lambda: served.logs.get((0, 1, 0)) == b"hello\n", 5)
