"""Output processors on a node: what built-in readers and users' functions find, and what they cannot break."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from neronet.node import following
from tests.node.mum import Mum, kids_of, mum

pytestmark = pytest.mark.slow

READER = b"""
import time

def line_reader(line, *names):
    word, _, value = line.partition(" is ")
    return {word: float(value), "text": line, "args": len(names)} if value else {}

def file_reader(file, scale):
    numbers = [float(line) * float(scale) for line in file]
    return {"a series": numbers, "last": numbers[-1] if numbers else None}

def crash(line):
    raise RuntimeError("first\\nlast words")

def loop(line):
    while True:
        pass

def shout(line):
    import os
    if line == "a is 3":
        print("x" * (1 << 20))
        for _ in range(1024):
            os.write(1, b"x" * (1 << 20))
    return {"shouted": 1}

def exit(line):
    import os
    os._exit(3)

def eat(line):
    return {"eaten": len(b"x" * (3 << 30))}
"""


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def line(file: str, *call: str) -> dict[str, Any]:
    return {"kind": "line", "file": file, "call": list(call)}


def whole(file: str, *call: str) -> dict[str, Any]:
    return {"kind": "file", "file": file, "call": list(call)}


def values(served: Mum, stream: int, index: int = 0) -> list[tuple[str, float]]:
    return [(name, value) for name, value, *_ in served.points(index, stream)]


def warnings(served: Mum) -> list[str]:
    return [record["text"] for record in served.of("warn")]


def test_a_pattern_reads_stdout_beside_plain_lines(served: Mum) -> None:
    code = (
        "print('epoch 1: loss=0,5 (12%)'); print('plain 7'); print('epoch 2: loss=1e-3\\repoch 3: loss=nan')"
    )
    pattern = r"epoch (?P<step>{int}): loss=(?P<loss>{number})"
    served.run([python(code)], processors=[line("stdout", "neronet", "regex", pattern)])
    assert served.points(0) == [["plain", 7.0, 24, None]]
    found = served.points(0, 4)
    assert [(name, str(value), step) for name, value, _, step in found] == [
        ("loss", "0.5", 1.0),
        ("loss", "0.001", 2.0),
        ("loss", "nan", 3.0),
    ]


def test_a_plain_line_is_not_counted_twice(served: Mum) -> None:
    served.run(
        [python("print('loss 1'); print('loss 2 acc 3')")],
        processors=[line("stdout", "neronet", "regex", "loss (?P<loss>{number})")],
    )
    assert values(served, 0) == [("loss", 1.0)]
    assert values(served, 4) == [("loss", 2.0)]


def test_a_condition_sees_the_points_of_processors(served: Mum) -> None:
    rule = {
        "id": "hot",
        "variablename": "loss",
        "killvalue": 5.0,
        "comparator": "gt",
        "after": None,
        "action": "kill",
    }
    code = "import time\nfor n in range(2000): print('loss=%d' % n, flush=True); time.sleep(0.02)"
    ended = served.run([python(code)], conditions=[rule], processors=[line("stdout", "neronet", "keyvalue")])
    assert ended[0]["state"] == "terminated"
    assert ended[0]["reason"] == "condition hot, 6 > 5"


def test_growing_csv_and_json_lines_are_followed_live(served: Mum) -> None:
    code = (
        "import time, json\n"
        "a, b = open('results.csv', 'w'), open('log.jsonl', 'w')\n"
        "print('step,loss,acc', file=a, flush=True)\n"
        "for n in range(6):\n"
        "    print('%d,%g,%g' % (n, 1 / (n + 1), n), file=a, flush=True)\n"
        "    print(json.dumps({'step': n, 'eval': {'loss': n / 2}}), file=b, flush=True)\n"
        "    time.sleep(0.4)\n"
    )
    token = served.submit(
        [python(code)],
        outputs=["*.csv", "log.jsonl"],
        processors=[line("results.csv", "neronet", "csv"), line("log.jsonl", "neronet", "json")],
    )
    served.follow(token)
    served.until(lambda: len(served.points(0, 4)) >= 4 and len(served.points(0, 5)) >= 2)
    assert not served.ended(), "the points came only at the end"
    served.until(lambda: bool(served.ended()))
    assert [step for name, _, _, step in served.points(0, 4) if name == "acc"] == [0, 1, 2, 3, 4, 5]
    assert [point[:2] for point in served.points(0, 5)] == [["eval.loss", n / 2] for n in range(6)]


@pytest.mark.parametrize("how", ["truncate", "replace"])
def test_a_table_that_is_written_anew_with_a_line_more_gives_each_line_once(served: Mum, how: str) -> None:
    code = (
        "import os, time\n"
        "for n in range(1, 60):\n"
        f"    name = 'results.csv' if {how!r} == 'truncate' else 'new.csv'\n"
        "    with open(name, 'w') as file:\n"
        "        file.write('loss\\n'); file.flush(); time.sleep(0.01)\n"
        "        for k in range(n): file.write('%d\\n' % k)\n"
        "    os.rename(name, 'results.csv'); time.sleep(0.02)\n"
    )
    served.run([python(code)], outputs=["results.csv"], processors=[line("results.csv", "neronet", "csv")])
    assert values(served, 4) == [("loss", float(n)) for n in range(59)]


def test_a_table_that_is_truncated_while_it_is_looked_at_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "results.csv"
    path.write_text("loss\n1\n2\n")
    file = following.Rewritten(str(path), 0)
    assert file.read(100) == (b"loss\n1\n2\n", False)
    looked_at = following.regular

    def truncated(name: str) -> os.stat_result:
        status: os.stat_result = looked_at(name)
        path.write_text("loss\n")
        return status

    with monkeypatch.context() as patched:
        patched.setattr(following, "regular", truncated)
        assert file.read(100) == (b"", False)
    path.write_text("loss\n1\n2\n3\n")
    assert file.read(100) == (b"3\n", False)
    path.write_text("loss\n")
    file.ending = True
    assert file.read(100) == (b"loss\n", True)
    file.close()


def test_a_users_functions_read_lines_and_files(served: Mum) -> None:
    code = (
        "import time\nfile = open('numbers.txt', 'w')\n"
        "for n in range(3):\n"
        "    print('speed is %d' % n, flush=True); print(n, file=file, flush=True); time.sleep(0.1)\n"
        "print('speed is 9', end='')"
    )
    ended = served.run(
        [python(code)],
        files={"reader.py": READER},
        outputs=["numbers.txt", "*.pyc"],
        processors=[
            line("stdout", "reader", "line_reader", "one", "two words"),
            whole("numbers.txt", "reader", "file_reader", "10"),
            line("stdout", "neronet.scripts.example", "line_reader"),
        ],
    )
    assert warnings(served) == []
    found = values(served, 4)
    assert [value for name, value in found if name == "speed"] == [0.0, 1.0, 2.0, 9.0]
    assert ("args", 2.0) in found
    assert {name for name, _ in found} == {"speed", "args"}
    assert [value for name, value in values(served, 5) if name == "a_series"] == [0.0, 10.0, 20.0]
    assert values(served, 5)[-1] == ("last", 20.0)
    assert [value for name, value in values(served, 6) if name == "is"] == [0.0, 1.0, 2.0, 9.0]
    assert [path for path, *_ in ended[0]["outputs"]] == ["numbers.txt"]


MISDEEDS = {
    ("reader", "crash"): "RuntimeError: last words (line 13 of reader.py)",
    ("reader", "loop"): "it took longer than 3 seconds",
    ("reader", "exit"): "its process ended by itself (exit code 3)",
    ("reader", "eat"): "MemoryError",
    ("reader", "absent"): "has no attribute 'absent'",
    ("not_there", "f"): "ModuleNotFoundError: No module named 'not_there'",
    ("neronet", "regex", r"(?P<x>(?:(?:1|11)+)+)y"): "the pattern takes too long",
    ("neronet", "regex", "(?P<new>1++)"): "multiple repeat" if sys.version_info < (3, 11) else "",
    ("reader", "shout"): "",
    ("reader", "line_reader"): "",
}


def test_processors_that_misbehave_are_told_once_each_and_all_else_goes_on(root: Path) -> None:
    code = "for n in range(20): print('a is %d' % n, flush=True)\nprint('1' * 2000)\nprint('plain 1')"
    with mum(root, change={"ANSWER = 30.0": "ANSWER = 3.0", "SLOW = 2.0": "SLOW = 0.3"}) as served:
        ended = served.run(
            [python(code)],
            files={"reader.py": READER},
            processors=[line("stdout", *call) for call in MISDEEDS],
        )
        assert ended[0]["state"] == "finished"
        assert values(served, 0) == [("plain", 1.0)]
        assert ("shouted", 1.0) in values(served, 12)
        read = [value for name, value in values(served, 13) if name == "a"]
        assert read == [float(n) for n in range(20)]
        told = warnings(served)
        for call, said in MISDEEDS.items():
            mine = [text for text in told if text.startswith(" ".join(call[:2]) + " (") and said in text]
            assert len(mine) >= 1 if said else True, told
        assert sum(" (for stdout): " in text for text in told) == sum(map(bool, MISDEEDS.values()))
        assert "reader crash could not read 22 lines of stdout" in told


def test_a_killed_watcher_doubles_no_point_of_a_processor(served: Mum) -> None:
    code = (
        "import sys, time\n"
        "file = open('table.csv', 'w')\nprint('a,b', file=file, flush=True)\n"
        "for n in range(40):\n"
        "    print('x is %d' % n, flush=True); print('%d,%d' % (n, -n), file=file, flush=True)\n"
        "    for part in (0, 0.25, 0.5): print('bar %d at %g' % (n, n + part), end='\\r', file=sys.stderr, flush=True)\n"
        "    print(n, file=open('numbers.txt', 'a')); time.sleep(0.05)\n"
    )
    token = served.submit(
        [python(code)],
        files={"reader.py": READER},
        outputs=["*.csv", "*.txt"],
        processors=[
            line("stdout", "reader", "line_reader"),
            line("table.csv", "neronet", "csv"),
            whole("numbers.txt", "reader", "file_reader", "1"),
            line(
                "stderr", "neronet", "regex", r"bar (?P<step>{int})(?: at (?P<drawn>{number}))?", "keep=last"
            ),
        ],
    )
    served.follow(token)
    served.until(lambda: len(served.points(0, 4)) >= 10 and len(served.points(0, 5)) >= 10)
    beside = [pid for pid, command in processes_of_functions(served)]
    (kid,) = kids_of(served.root)
    os.kill(kid, 9)
    end = time.monotonic() + 5
    while any(os.path.exists(f"/proc/{pid}") for pid in beside):
        assert time.monotonic() < end, "the process of the functions outlived its kid"
        time.sleep(0.02)
    served.submit([["true"]])  # brings a kid that adopts the run
    served.until(lambda: bool(served.of("adopted")))
    served.until(lambda: bool(served.ended()), 40)
    assert [value for name, value in values(served, 4) if name == "x"] == [float(n) for n in range(40)]
    assert values(served, 5) == [pair for n in range(40) for pair in (("a", float(n)), ("b", float(-n)))]
    assert [value for name, value in values(served, 6) if name == "a_series"] == [float(n) for n in range(40)]
    drawn = [(step, value) for _, value, _, step in served.points(0, 7)]
    assert drawn == [(n, n + 0.5) for n in range(40)]
    assert warnings(served) == []


def processes_of_functions(served: Mum) -> list[tuple[int, bytes]]:
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{entry}/cwd").startswith(str(served.root)):
                command = Path(f"/proc/{entry}/cmdline").read_bytes()
                if b"process beside a run" in command:
                    found.append((int(entry), command))
        except OSError:
            continue
    assert found
    return found


def test_functions_get_the_environment_that_setup_lines_made(served: Mum) -> None:
    reader = b"import os\ndef read(line): return {'x': int(os.environ['FROM_SETUP']), 'run': 'NERONET_RUN' in os.environ}"
    served.run(
        [python("import time; print('go', flush=True); time.sleep(0.3)")],
        files={"reader.py": reader},
        setup=["echo loading; sleep 0.3", "export FROM_SETUP=7"],
        processors=[line("stdout", "reader", "read")],
    )
    assert warnings(served) == []
    assert values(served, 4) == [("x", 7.0), ("x", 7.0)]


def test_a_file_that_is_half_written_is_no_mistake_but_one_that_stays_so_is(served: Mum) -> None:
    reader = b"import json\ndef read(file): return json.load(file)"
    code = (
        "import time\n"
        "good, bad = open('good.json', 'w'), open('bad.json', 'w')\n"
        "print('{', file=good, flush=True); print('{', file=bad, flush=True); time.sleep(0.5)\n"
        'print(\'"f1": 0.5, "word": "x", "pr": [1, 2]}\', file=good)\n'
    )
    served.run(
        [python(code)],
        files={"reader.py": reader},
        outputs=["*.json"],
        processors=[whole("good.json", "reader", "read"), whole("bad.json", "reader", "read")],
    )
    assert values(served, 4) == [("f1", 0.5), ("pr", 1.0), ("pr", 2.0)]
    (told,) = [text for text in warnings(served) if "could not read" not in text]
    assert told.startswith("reader read (for bad.json): JSONDecodeError: ")
