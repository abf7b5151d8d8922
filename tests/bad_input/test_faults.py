"""Power cuts, reboots, frozen lines and sleeping laptops, with runs and files on the way.

NERONET_SLEEP sets for how long the laptop sleeps (seconds, default 2).
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from neronet import Neroman
from neronet.engine import link
from neronet.engine.holder import holder
from neronet.transport import asyncssh_
from tests.bad_input.conftest import add, experiment
from tests.testbed.fixtures import NodeFactory
from tests.waiting import until

pytestmark = pytest.mark.real

SLEEP = float(os.environ.get("NERONET_SLEEP", "2"))
ONE = "run_command_prefix: sh\nmain_code_file: main.sh\n+lang:\n  outputs: big\n"
COUNT = "for i in $(seq 0 29); do echo n $i; sleep 0.07; done\n"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between tries, and until a silent line is given up, as short as tests want them."""
    monkeypatch.setattr(link, "PAUSES", (0.3,))
    monkeypatch.setattr(asyncssh_, "ALIVE_SECONDS", 0.5)


def test_a_node_that_vanishes_during_an_upload_gets_the_rest_when_it_is_back(
    neroman: Neroman, node_factory: NodeFactory, tmp_path: Path
) -> None:
    node = node_factory("gpu1")
    add(neroman, node)
    folder = experiment(
        tmp_path / "lang",
        "cat data* | sha256sum\n",
        ONE,
        **{f"data{n}": os.urandom(9_000_000) for n in range(4)},
    )
    seen: list[int] = []

    def progress(message: dict[str, int]) -> None:
        if message["done"] > message["total"] / 4 and not seen:
            seen.append(message["done"])
            node.crash()

    runs = neroman.submit(folder, "gpu1", wait=8.0, progress=progress)
    assert seen
    assert runs.states == {"submitting": 1}
    until(lambda: "gpu1 does not answer" in runs[0].reason)
    node.start()
    assert runs.wait(40).states == {"finished": 1}
    import hashlib

    data = b"".join((folder / f"data{n}").read_bytes() for n in range(4))
    assert runs.log().split()[0] == hashlib.sha256(data).hexdigest()


def test_a_reboot_ends_what_ran_and_what_waited_goes_on_at_the_next_contact(
    neroman: Neroman, node_factory: NodeFactory, tmp_path: Path
) -> None:
    node = node_factory("gpu1")
    add(neroman, node, slots=1)
    config = "run_command_prefix: sh\nmain_code_file: main.sh\n+lang:\n  parameters: {x: [60, 0.1]}\n"
    runs = neroman.submit(experiment(tmp_path / "lang", "echo begun 1; sleep $2\n", config), "gpu1")
    until(lambda: runs.states == {"queued": 1, "running": 1} and runs[0].metrics)
    node.reboot()
    neroman.fetch()
    assert [run.state for run in runs.wait(30)] == ["lost", "finished"]
    assert "rebooted" in runs[0].reason
    assert runs[0].metrics == {"begun": 1}  # what it said until then is kept
    assert runs[:1].rerun().numbers == runs[:1].numbers
    runs[:1].terminate()


def test_a_node_that_vanishes_during_a_fetch_sends_the_rest_later(
    neroman: Neroman, node_factory: NodeFactory, tmp_path: Path
) -> None:
    node = node_factory("gpu1")
    add(neroman, node)
    main = "head -c 60000000 /dev/urandom >big; sha256sum <big; head -c 20000000 /dev/zero | tr '\\0' y\n"
    runs = neroman.submit(experiment(tmp_path / "lang", main, ONE), "gpu1")
    folder = runs[0].results
    until(lambda: any(path.stat().st_size > 1_000_000 for path in folder.glob(".part-*")))
    node.crash()
    until(lambda: runs[0].state == "running" and neroman.store.nodes.get("gpu1").reachable is False)  # type: ignore[union-attr]
    node.start()
    assert runs.wait(40).states == {"finished": 1}
    import hashlib

    assert hashlib.sha256((folder / "big").read_bytes()).hexdigest() == runs.log().split()[0]
    assert len(runs.log()) == 20_000_000 + 68
    assert not list(folder.glob(".part-*"))


def test_a_line_that_freezes_is_noticed_and_nothing_is_lost(
    neroman: Neroman, node_factory: NodeFactory, tmp_path: Path
) -> None:
    node = node_factory("gpu1")
    add(neroman, node)
    runs = neroman.submit(experiment(tmp_path / "lang", COUNT, ONE), "gpu1")
    until(lambda: runs[0].metrics)
    node.freeze()
    began = time.monotonic()
    until(lambda: neroman.store.nodes.get("gpu1").reachable is False, what="a frozen line was not noticed")  # type: ignore[union-attr]
    print(f"a frozen line is noticed after {time.monotonic() - began:.1f} s at a keepalive of 0.5 s")
    assert runs.states == {"running": 1}
    node.thaw()
    assert runs.wait(40).states == {"finished": 1}
    assert runs.points("n")["value"].tolist() == list(range(30))


def test_a_cut_line_costs_a_moment(neroman: Neroman, node_factory: NodeFactory, tmp_path: Path) -> None:
    node = node_factory("gpu1")
    add(neroman, node)
    runs = neroman.submit(experiment(tmp_path / "lang", COUNT, ONE), "gpu1")
    for _ in range(4):
        time.sleep(0.4)
        node.hang_up()
    assert runs.wait(40).states == {"finished": 1}
    assert runs.points("n")["value"].tolist() == list(range(30))
    assert runs.log() == "".join(f"n {n}\n" for n in range(30))


def test_a_laptop_that_sleeps_catches_up_when_it_wakes(node_factory: NodeFactory, tmp_path: Path) -> None:
    node = node_factory("gpu1")
    with Neroman(tmp_path / "home", background=True) as neroman:
        add(neroman, node)
        runs = neroman.submit(experiment(tmp_path / "lang", COUNT, ONE), "gpu1")
        until(lambda: runs[0].metrics)
        pid = holder(neroman.home).pid  # type: ignore[union-attr]
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(SLEEP)
        finally:
            os.kill(pid, signal.SIGCONT)
        began = time.monotonic()
        assert runs.wait(40).states == {"finished": 1}
        print(f"awake after {SLEEP:g} s of sleep, all was here {time.monotonic() - began:.1f} s later")
        assert runs.points("n")["value"].tolist() == list(range(30))
        assert holder(neroman.home).pid == pid  # type: ignore[union-attr]
        neroman.stop_engine()


def test_files_that_somebody_deleted_on_the_node_are_told_and_can_be_given_up(
    neroman: Neroman, node_factory: NodeFactory, tmp_path: Path
) -> None:
    node = node_factory("gpu1")
    add(neroman, node, slots=1)
    config = "run_command_prefix: sh\nmain_code_file: main.sh\n+lang:\n  parameters: {x: [1, 2]}\n"
    runs = neroman.submit(experiment(tmp_path / "lang", "echo n 1; sleep 1\n", config), "gpu1")
    until(lambda: runs[0].metrics)
    node.run("rm -rf .neronet/batches")
    node.hang_up()
    until(lambda: "gpu1 no longer has its files" in runs[0].reason)
    assert runs.states == {"queued": 1, "running": 1}
    assert runs[0].metrics == {"n": 1}
    assert runs.terminate().notes == []
    assert runs.states == {"lost": 2}
    assert "given up by" in runs[1].reason
    assert runs[:1].log() == "n 1\n"
    assert neroman.store.batches.find(states=("sending", "accepted")) == []
