"""Nodes that never stop talking, or take for ever to say a word: memory stays bounded and the others go on.

NERONET_FLOOD sets for how many seconds (default 4).
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest

from neronet import Neroman
from neronet.engine.holder import holder
from tests.hostile.liar import make
from tests.waiting import until

pytestmark = pytest.mark.slow

SECONDS = float(os.environ.get("NERONET_FLOOD", "4"))
MEMORY = 300  # MiB
BEGIN = "node.hello(); node.follow(); node.journal(node.record('started'))\n"
FLOODS = {
    "log": BEGIN + "n = 0\nwhile True:\n    node.log(b'x' * 262144, n); n += 262144",
    "resets": BEGIN + "while True: node.log(b'x' * 1000, 0, reset=True)",
    "points": BEGIN + "n = 0\nwhile True:\n    node.journal(*[node.point(offset=n + k) for k in range(500)]); n += 500",
    "warnings": BEGIN + "while True: node.journal(*[node.record('warn', text='w' * 1000)] * 100)",
    "notes": BEGIN + "while True: node.say('note', text='n' * 60000)",
    "loads": BEGIN + "while True: node.say('load', load={'load1': 0.1, 'waits': {str(n): 'x' for n in range(5000)}})",
    "pongs": BEGIN + "data = frames.encode({'m': 'pong', 'id': 1}) * 10000\nwhile True: node.raw(data)",
    "kept": BEGIN + "n = 0\nwhile True:\n    n += 1; node.say('journal', b'', token=node.token, name='k%d' % n, offset=0, reset=False)",
    "drip": "data = frames.encode({'m': 'hello', 'protocol': 1, 'version': 'x', 'facts': FACTS})\n"
    "for n in range(len(data)): node.raw(data[n:n + 1]); time.sleep(0.5)",
    "silence": "time.sleep(1000)",
}  # fmt: skip


def test_whoever_talks_without_end_costs_little_and_holds_up_nobody(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "preferences.yaml").write_text("mirror_limit: 1 MiB\n")
    folder = tmp_path / "honest"
    folder.mkdir()
    (folder / "config.yaml").write_text("run_command_prefix: sh\nmain_code_file: main.sh\n+honest: {}\n")
    (folder / "main.sh").write_text("echo honest 1\n")
    with Neroman(home, background=True) as neroman:
        neroman.submit(folder, "local").wait(30)
        pid = holder(home).pid  # type: ignore[union-attr]
        for name, flood in FLOODS.items():
            neroman.add_node(name, "", type="local", python=str(make(tmp_path, name, flood)), slots=1)
            neroman.submit(folder, name, again=True, wait=0.0)
        worst, rounds = 0.0, 0
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            began = time.monotonic()
            assert neroman.submit("honest", "local", again=True).wait(30).states == {"finished": 1}
            worst, rounds = max(worst, time.monotonic() - began), rounds + 1
        now = holder(home)
        assert now is not None
        assert now.pid == pid
        peak = int(re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[1]) // 1024  # type: ignore[index]
        print(
            f"{len(FLOODS)} floods for {SECONDS:g} s: {peak} MiB at most, {rounds} honest runs, {worst:.1f} s at worst"
        )
        assert peak < MEMORY
        assert "Traceback" not in (home / "neroman.log").read_text()
        for log in home.glob("results/*/stdout.log"):
            assert log.stat().st_size <= 1024**2
        for name in FLOODS:
            neroman.remove_node(name, force=True)
        until(lambda: not flooding(tmp_path))
        neroman.stop_engine()


def flooding(folder: Path) -> list[str]:
    """The floods that still run."""
    lines = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(place.read_bytes().decode(errors="replace"))
        except OSError:
            continue  # it has just ended
    return [line for line in lines if any(f"{folder}/{name}\0" in line for name in FLOODS)]
