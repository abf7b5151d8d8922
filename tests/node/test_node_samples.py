"""What a run used, and what it ran on: measured by its watcher, seldom, and told beside what it prints."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from neronet.engine import told
from neronet.node import facts, procs, samples
from neronet.node.runs import Root
from neronet.wire.samples import FIRST, MOST, NAMES, is_sample, next_at
from tests.node.mum import Mum, kids_of, mum
from tests.node.test_node_limits import condition

pytestmark = pytest.mark.slow

MIB = 2**20
# 100 MiB in a child, and a core of its own, for 2.4 s; then another second of rest.
HUNGRY = """
import subprocess, sys, time
end = time.time() + 2.2
child = subprocess.Popen([sys.executable, "-S", "-c", '''
import sys, time
held = bytearray(100 * 2**20)
while time.time() < float(sys.argv[1]):
    pass
''', str(end)], start_new_session=True)
print("loss 1", flush=True)
child.wait()
time.sleep(1.2)
"""


def test_samples_come_often_at_first_and_twice_a_minute_later() -> None:
    moments = [FIRST]
    while moments[-1] < 86400:
        moments.append(next_at(moments[-1]))
    gaps = [later - earlier for earlier, later in zip(moments, moments[1:], strict=False)]
    assert gaps == sorted(gaps)
    assert (gaps[0], gaps[-1]) == (1.0, MOST == 30.0 and 30.0)
    assert len([moment for moment in moments if moment <= 60]) == 10
    assert len(moments) < 2900


def series(served: Mum, run: int) -> dict[str, list[tuple[int, float]]]:
    found: dict[str, list[tuple[int, float]]] = {}
    for name, value, offset, step in served.points(run, 3):
        assert step is None
        found.setdefault(name, []).append((offset, value))
    return found


def test_what_a_tree_of_processes_uses_is_measured_and_a_short_run_pays_nothing(root: Path) -> None:
    with mum(root) as served:
        served.run(
            [[sys.executable, "-S", "-c", HUNGRY], ["sleep", "0.5"]],
            env={"LOADEDMODULES": "gcc/12:cuda/12.1"},
        )
        found = series(served, 0)
        assert [offset // 1000 for offset, _ in found["node.memory"]] == [1, 2, 3]
        assert 100 * MIB < found["node.memory"][0][1] < 200 * MIB
        assert found["node.memory"][2][1] < 60 * MIB
        assert 100 * MIB < found["node.memory_peak"][2][1] < 200 * MIB
        assert 0.1 < found["node.cpu"][1][1] < 1.2  # of a machine that may be busy with much else
        assert found["node.cpu"][2][1] < found["node.cpu"][1][1]
        assert 0.07 < found["node.cpu_mean"][2][1] < 1.1
        assert set(found) == set(NAMES) - {"node.gpu", "node.gpu_memory"}
        assert series(served, 1) == {}
        (record,) = served.of("env")
        known = told.environment(record["facts"])
        assert record["i"] == 0
        assert (known["host"], known["gpus"]) == (procs.host_name(), [])
        assert known["cores"] == len(os.sched_getaffinity(0))
        assert known["modules"] == ["gcc/12", "cuda/12.1"]
        version = ".".join(map(str, sys.version_info[:3]))
        assert known["python"] == version
        assert set(known) >= {"system", "memory", "load"}


def test_the_environment_is_that_behind_the_setup_lines(served: Mum) -> None:
    setup = ["sleep 1.2", "export LOADEDMODULES=late/1 CONDA_DEFAULT_ENV=torch"]
    served.run([["sleep", "1.4"]], setup=setup)
    (record,) = served.of("env")
    assert (record["facts"]["modules"], record["facts"]["conda"]) == (["late/1"], "torch")


def test_samples_go_on_after_a_takeover_and_a_condition_may_be_about_them(root: Path) -> None:
    high = condition("much", "kill", variablename="node.memory_peak", killvalue=90 * MIB)
    with mum(root) as served:
        token = served.submit([["sleep", "30"], [sys.executable, "-S", "-c", HUNGRY]], conditions=[high])
        served.follow(token)
        served.until(lambda: bool(series(served, 0)) and 1 in served.ended())
        assert served.ended()[1]["reason"].startswith("condition much, ")
        for pid in kids_of(root):
            os.kill(pid, signal.SIGKILL)
        before = series(served, 0)["node.memory"][-1][0]
        served.say({"m": "place", "place": "place1", "limits": {"slots": 2}})
        served.until(lambda: any(record["i"] == 0 for record in served.of("adopted")))
        served.until(lambda: series(served, 0)["node.memory"][-1][0] > before)
        served.until(lambda: any(record["i"] == 0 for record in served.of("env")))
        served.act(token, "terminate", [[0, 0]])
        served.until(lambda: 0 in served.ended())
        offsets = [offset for offset, _ in series(served, 0)["node.memory"]]
        assert offsets == sorted(set(offsets))
        assert len([record for record in served.of("env") if record["i"] == 0]) == 1


def test_a_program_that_prints_names_of_ours_is_told(served: Mum) -> None:
    served.run([["sh", "-c", "echo node.cpu 99; echo loss 1; echo node.x 1"]])
    assert [name for name, *_ in served.points(0)] == ["loss"]
    assert [record["text"].split(";")[0] for record in served.of("warn")] == [
        "names that begin with node. are of what Neronet measures"
    ]
    assert all(map(is_sample, NAMES))


# -- GPUs: a program of that name stands for hardware that this machine has not

SMI = """#!/bin/sh
echo call >>{folder}/calls
echo "0, NVIDIA A100-SXM4-80GB, 81920, 40000, 90, 535.104.05"
echo "1, NVIDIA A100-SXM4-80GB, 81920, 3, 0, 535.104.05"
"""


@pytest.fixture
def smi(tmp_path: Path) -> Path:
    folder = tmp_path / "smi"
    folder.mkdir()
    (folder / "nvidia-smi").write_text(SMI.format(folder=folder))
    (folder / "nvidia-smi").chmod(0o755)
    return folder


def test_nvidia_smi_is_asked_once_in_half_a_minute_for_all_kids_of_a_host(
    smi: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{smi}:{os.environ['PATH']}")
    for _ in range(3):
        known = samples.shared_gpus(str(tmp_path))
        assert known is not None
        assert [(gpu["index"], gpu["used"] // MIB, gpu["load"]) for gpu in known] == [
            (0, 40000, 90.0),
            (1, 3, 0.0),
        ]
    assert (smi / "calls").read_text() == "call\n"
    old = time.time() - samples.GPUS_EVERY - 1
    os.utime(tmp_path / "gpus.json", (old, old))
    samples.shared_gpus(str(tmp_path))
    assert (smi / "calls").read_text() == "call\n" * 2


def test_gpus_that_a_run_was_given_are_measured(root: Path, smi: Path) -> None:
    with mum(root, env={"PATH": f"{smi}:{os.environ['PATH']}"}) as served:
        # The first GPU is taken by somebody else: the run gets the second one.
        served.run([["sleep", "3.4"]], gpus=1)
        found = series(served, 0)
        assert found["node.gpu"][-1][1] == 0.0
        assert found["node.gpu_memory"][-1][1] == 3.0 * MIB
        (record,) = served.of("env")
        assert record["facts"]["gpus"] == ["NVIDIA A100-SXM4-80GB"]
        assert record["facts"]["driver"] == "535.104.05"


# -- the parts


CPUINFO = {
    "processor\t: 0\nmodel name\t: AMD EPYC 7763  64-Core Processor\n": "AMD EPYC 7763 64-Core Processor",
    "processor\t: 0\nBogoMIPS\t: 50\nModel\t\t: Raspberry Pi 4\n": "Raspberry Pi 4",
    "processor : 0\ncpu\t\t: POWER9, altivec supported\n": "POWER9, altivec supported",
    "": "",
}


@pytest.mark.parametrize("text", CPUINFO)
def test_the_processor_is_named(text: str) -> None:
    assert samples.cpu_model(text) == CPUINFO[text]


@pytest.mark.parametrize(
    ("script", "version"),
    [("echo Python 3.9.18", "3.9.18"), ("echo Python 2.7.5 >&2", "2.7.5"), ("exit 3", ""), ("echo hello", ""),
     ("echo Python 3.12.0rc1 '|Anaconda|'", "3.12.0rc1")],
)  # fmt: skip
def test_the_version_of_the_python_of_a_run_is_told(script: str, version: str, tmp_path: Path) -> None:
    path = tmp_path / "python3"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    assert samples.python_of(["main.sh"], {"PATH": str(tmp_path)}) == str(path)
    assert samples.python_of(["/usr/bin/python3.9"], {"PATH": str(tmp_path)}) == "/usr/bin/python3.9"
    # A program of the user's own is not started a second time to ask it.
    assert samples.python_of(["/home/me/python_model.sh"], {"PATH": str(tmp_path)}) == str(path)
    assert samples.python_version(str(path), {}) == version
    assert samples.python_version(None, {}) == ""


def test_a_tree_is_its_session_and_whoever_carries_its_mark(tmp_path: Path) -> None:
    def start(argv: list[str], **more: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen(argv, **more)

    mark = {"NERONET_RUN": "of-this-test"}
    leader = start(["sh", "-c", "sleep 20; true"], start_new_session=True)
    daemon = start(["sleep", "21"], env={**os.environ, **mark}, start_new_session=True)
    stranger = start(["sleep", "22"], start_new_session=True)
    try:
        tree = samples.Tree(leader.pid, "NERONET_RUN=of-this-test")
        for _ in range(2):  # the second look knows the strangers
            found = tree.look()
            while len(found) < 3:
                time.sleep(0.05)
                found = samples.Tree(leader.pid, "NERONET_RUN=of-this-test").look()
            assert {str(leader.pid), str(daemon.pid)} <= set(found)
            assert str(stranger.pid) not in found
        assert samples.peak_of(leader.pid) > 0
        assert samples.cpu_seconds(found) >= 0
    finally:
        os.killpg(leader.pid, signal.SIGKILL)
        for process in (leader, daemon, stranger):
            process.kill()
            process.wait()


def test_facts_of_a_host_without_a_folder_of_its_own_are_told(tmp_path: Path) -> None:
    """As a task of a scheduler is."""

    class Kid:
        root, here = Root(str(tmp_path / "root")).prepare(), procs.Here()

    found = samples.environment(Kid, {"PATH": ""}, os.getpid(), ["x"], None)
    assert found["cores"] == facts.cores()
