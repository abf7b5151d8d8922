"""What plotting functions do wrong, or do on purpose: each is one sentence, and nothing is left behind."""

from __future__ import annotations

import os
import re
import tempfile
import time
from pathlib import Path

import pytest

from neronet import Neroman, RunSet
from neronet.api import plot_process
from neronet.errors import NeronetError
from neronet.node import procs
from tests.plots.conftest import Make
from tests.waiting import until

pytestmark = pytest.mark.slow

BAD = {
    "crashes": (
        "def helper(d):\n    return d['x']\ndef show(*_):\n    return helper({})\n",
        r"plot p.svg of curve: plots.py line 2, in helper: KeyError: 'x'$",
    ),
    "a library crashes": (
        "import json\ndef show(*_):\n    json.loads('{')\n",
        r"plots.py line 3, in show: JSONDecodeError: Expecting property name",
    ),
    "cannot be read": ("def show(:\n", r"plots.py line 1: SyntaxError: "),
    "imports what is missing": (
        "import no_such_thing\ndef show(*_): pass\n",
        r"plots.py line 1: ModuleNotFoundError: No module named 'no_such_thing'",
    ),
    "has no such function": ("def shaw(*_): pass\n", r"plots has no function show$"),
    "draws nothing": ("def show(*_): pass\n", r"the function has drawn nothing"),
    "takes too few arguments": ("def show(name): pass\n", r"TypeError: show\(\) takes 1 positional argument but 3"),
    "loops": ("def show(*_):\n    while True: pass\n", r"it was ended after 1.5 seconds"),
    "leaves by exit": ("import sys\ndef show(*_): sys.exit('enough')\n", r"in show: SystemExit: enough"),
    "dies": ("import os\ndef show(*_): os._exit(3)\n", r"its Python ended by itself, with exit code 3"),
    "is killed": (
        "import os, signal\ndef show(*_): os.kill(os.getpid(), signal.SIGSEGV)\n",
        r"its Python was ended by the signal SIGSEGV",
    ),
    "eats memory": ("def show(*_): return bytearray(8 << 30)\n", r"plots.py line 1, in show: MemoryError"),
    "writes a huge image": (
        "def show(name, *_):\n    with open(name, 'wb') as f: f.seek(1 << 40); f.write(b'x')\n",
        r"in show: OSError: \[Errno 27\] File too large",
    ),
    "gives a folder for an image": ("import os\ndef show(name, *_): os.mkdir(name)\n", r"has drawn nothing"),
    "gives another file for an image": (
        "import os\ndef show(name, *_): os.symlink('/etc/passwd', name)\n", r"p.svg cannot be read: Too many levels"
    ),
}  # fmt: skip


@pytest.fixture
def run(neroman: Neroman, experiment: Make) -> RunSet:
    folder = experiment("plot: {p.svg: plots show stdout}\n")
    runs = neroman.submit(folder, "local").wait(60)
    neroman.trusted.add(folder)
    return runs


def folder_of(run: RunSet) -> Path:
    return run._neroman.experiments()[0].folder


def test_whatever_a_function_does_wrong_is_one_sentence_and_nothing_stays(
    run: RunSet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name, (code, said) in BAD.items():
        (folder_of(run) / "plots.py").write_text(code)
        monkeypatch.setattr(plot_process, "SECONDS", 1.5 if name == "loops" else 60.0)
        with pytest.raises(NeronetError) as raised:
            run.draw()
        assert re.search(said, str(raised.value)), (name, str(raised.value))
        assert "\n" not in str(raised.value)
        assert not (run[0].results / "plots").exists(), name
    assert not list(tmp_path.glob("neronet-plot-*"))


PROCESSORS = {
    "output_line_processor: {stdout: plots read}": (
        "def read(line): return float(line)\n",
        r"stdout of curve: line 1, 'error_rate 50.0': plots.py line 1, in read: ValueError: could not convert",
    ),
    "output_file_processor: {stdout: plots read}": ("def read(file): return 3\n", r"read returned int, not a dict"),
    "output_line_processor: {stdout: neronet regex '('}": ("", r"config.yaml:.*the pattern cannot be read"),
    "output_line_processor: {rows.txt: elsewhere.deep read}": ("", r"there is no module elsewhere.deep in /"),
}  # fmt: skip


def test_a_processor_that_fails_says_at_which_line(run: RunSet) -> None:
    folder = folder_of(run)
    before = (folder / "config.yaml").read_text()
    for more, (code, said) in PROCESSORS.items():
        (folder / "config.yaml").write_text(
            f"{before.replace('show stdout', 'show stdout rows.txt')}  {more}\n"
        )
        (folder / "plots.py").write_text(code)
        with pytest.raises(NeronetError) as raised:
            run.draw()
        assert re.search(said, str(raised.value)), str(raised.value)


def test_a_gigabyte_that_a_function_prints_costs_no_memory_and_its_end_is_shown(run: RunSet) -> None:
    code = "def show(name, *_):\n    for _ in range(1024): print('x' * (1 << 20))\n    print('the end')\n    open(name, 'w').write('<svg/>')\n"
    (folder_of(run) / "plots.py").write_text(code)
    before = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
    printed = run.draw().printed
    after = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
    assert printed.endswith("x\nthe end\n") and len(printed) <= plot_process.PRINTED
    assert after - before < 100_000  # KiB


def test_a_function_is_given_no_secret_and_no_terminal_and_writes_beside_nothing(
    run: RunSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_TOKEN", "secret")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/tmp/agent")
    code = """\
import os, sys
def show(name, *_):
    print(sorted(name for name in os.environ if 'TOKEN' in name or 'NERONET_' in name or 'SSH' in name))
    print(repr(sys.stdin.read()), os.isatty(1), os.environ['MPLBACKEND'], os.getsid(0) == os.getpid(), os.nice(0))
    open('beside.txt', 'w').write('gone with its folder')
    open(name, 'w').write('<svg/>')
"""
    folder = folder_of(run)
    (folder / "plots.py").write_text(code)
    before = sorted(folder.iterdir())
    lines = run.draw().printed.splitlines()
    assert lines == ["['NERONET_RUN']", f"'' False Agg True {min(19, os.nice(0) + 10)}"]
    assert sorted(folder.iterdir()) == before
    assert [path.name for path in (run[0].results / "plots").iterdir()] == ["p.svg"]


def test_what_a_function_has_started_ends_with_it(run: RunSet) -> None:
    code = """\
import subprocess, threading, time
def show(name, *_):
    print(subprocess.Popen(['sleep', '600']).pid)
    threading.Thread(target=time.sleep, args=(600,)).start()
    open(name, 'w').write('<svg/>')
"""
    (folder_of(run) / "plots.py").write_text(code)
    began = time.monotonic()
    pid = int(run.draw().printed)
    assert time.monotonic() - began < 20
    until(lambda: not procs.start_time(pid), "what the function had started goes on")


def test_another_python_draws_where_preferences_name_one(run: RunSet, tmp_path: Path) -> None:
    preferences = run._neroman.home / "preferences.yaml"
    code = "import sys\ndef show(name, *_):\n    print(sys.flags.dont_write_bytecode, sys.executable)\n    open(name, 'w').write('<svg/>')\n"
    (folder_of(run) / "plots.py").write_text(code)
    other = tmp_path / "other python"
    other.symlink_to("/usr/bin/python3")
    preferences.write_text(f"plot_python: {other}\n")
    assert run.draw().printed.strip().endswith(str(other))
    preferences.write_text("plot_python: /nowhere/python\n")
    with pytest.raises(NeronetError, match="/nowhere/python cannot be started: No such file") as raised:
        run.draw()
    assert "plot_python" in raised.value.hint
