"""nodes.yaml edited by hand while the engine runs."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from neronet import Neroman
from neronet.engine import loop
from neronet.engine.holder import holder
from neronet.engine.work import NodeWork
from neronet.errors import ConfigError
from tests.bad_input.conftest import add, experiment
from tests.testbed.fixtures import NodeFactory
from tests.waiting import until

pytestmark = pytest.mark.real

ONE = "run_command_prefix: sh\nmain_code_file: main.sh\n+lang: {}\n"


def later(carry_out: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def carry_out_later(*given: object) -> None:
        await asyncio.sleep(1.5)
        await carry_out(*given)

    return carry_out_later


@pytest.mark.parametrize("busy", [False, True])
def test_a_corrected_address_is_used_at_once_also_for_wishes_that_wait(
    neroman: Neroman, node_factory: NodeFactory, lang: Path, monkeypatch: pytest.MonkeyPatch, busy: bool
) -> None:
    """An editor may empty the file before it writes it, and a wish come long after what it is for."""
    node = node_factory("gpu1")
    neroman.add_node("gpu1", "alice@127.0.0.1:1", ssh_options=node.ssh_options())
    runs = neroman.submit(lang, "gpu1", wait=0.5)
    neroman.hold(runs[:1])
    neroman.engine_client.put("act", {"node": "gpu1", "act": {
        "do": "terminate", "token": runs.rows()[1].token, "runs": [[1, 1]], "who": "user", "why": "too late", "priority": 0,
    }})  # fmt: skip
    time.sleep(0.3)  # the engine has taken the wish, and waits
    file = neroman.home / "nodes.yaml"
    corrected = file.read_text().replace("alice@127.0.0.1:1", node.ssh_address())
    if busy:
        monkeypatch.setattr(loop, "REST", 3.0)
        monkeypatch.setattr(NodeWork, "_carry_out", later(NodeWork._carry_out))
    with file.open("w") as written:
        time.sleep(0.5 if busy else 0.0)
        written.write(corrected)
    until(lambda: runs[1].state == "terminated", lambda: f"{[run.state for run in runs]}, {neroman.nodes()}")
    assert runs[1].reason == "too late"
    assert runs[0].state == "queued"
    neroman.release(runs[0].name)
    assert runs.wait(30).states == {"finished": 1, "terminated": 1}


def test_a_broken_file_keeps_what_was_known_and_is_told(
    neroman: Neroman, node_factory: NodeFactory, tmp_path: Path
) -> None:
    add(neroman, node_factory("gpu1"))
    go = "for i in $(seq 10); do echo n $i; sleep 0.1; done\n"
    runs = neroman.submit(experiment(tmp_path / "lang", go, ONE), "gpu1")
    until(lambda: runs.states == {"running": 1})
    file = neroman.home / "nodes.yaml"
    good = file.read_text()
    file.write_text(good + "  gpu2: [\n")
    with pytest.raises(ConfigError, match=r"nodes\.yaml"):
        neroman.submit(tmp_path / "lang", "gpu1")
    assert runs.wait(30).states == {"finished": 1}
    assert runs[0].metrics == {"n": 10}
    told = [event.text for event in neroman.history() if event.kind == "problem"]
    assert len(told) == 1
    assert "nodes.yaml:" in told[0]
    assert "goes on with what it knew" in told[0]
    file.write_text(good)
    assert neroman.submit(tmp_path / "lang", "gpu1", again=True).wait(30).states == {"finished": 1}


def test_a_file_that_is_just_being_written_is_not_taken_for_what_it_says(
    neroman: Neroman, node_factory: NodeFactory, tmp_path: Path
) -> None:
    add(neroman, node_factory("gpu1"))
    runs = neroman.submit(experiment(tmp_path / "lang", "sleep 1; echo n 1\n", ONE), "gpu1")
    file = neroman.home / "nodes.yaml"
    good = file.read_text()
    for _ in range(8):
        for part in ("", good[: len(good) // 2], good):
            file.write_text(part)
            time.sleep(0.02)
    assert runs.wait(30).states == {"finished": 1}
    assert not [event for event in neroman.history() if event.kind in ("unreachable", "problem")]


def test_a_node_that_was_taken_out_keeps_its_runs_as_they_were_until_it_is_back(
    neroman: Neroman, node_factory: NodeFactory, tmp_path: Path
) -> None:
    add(neroman, node_factory("gpu1"))
    runs = neroman.submit(experiment(tmp_path / "lang", "sleep 1; echo n 1\n", ONE), "gpu1")
    until(lambda: runs.states == {"running": 1})
    file = neroman.home / "nodes.yaml"
    good = file.read_text()
    file.write_text(good.split("  gpu1:")[0])
    until(lambda: neroman.store.nodes.get("gpu1").reachable is False)  # type: ignore[union-attr]
    assert neroman.store.nodes.get("gpu1").reason == "gpu1 is no longer in nodes.yaml"  # type: ignore[union-attr]
    time.sleep(1.2)
    assert runs.states == {"running": 1}
    file.write_text(good)
    assert runs.wait(30).states == {"finished": 1}
    assert runs[0].metrics == {"n": 1}


def test_of_several_programs_that_begin_at_once_one_runs_the_engine(tmp_path: Path, lang: Path) -> None:
    import sys

    code = (
        "import sys; from neronet import Neroman\n"
        "with Neroman(sys.argv[1], background=True) as neroman:\n"
        "    neroman.engine_client.ensure(); print(neroman.engine().pid)\n"
    )
    home = tmp_path / "home"
    programs = [
        subprocess.Popen([sys.executable, "-c", code, home], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    pids = {program.communicate(timeout=60)[0].strip() for program in programs}
    now = holder(home)
    assert now is not None
    assert pids == {str(now.pid)}
    found = [
        path.parent.name for path in Path("/proc").glob("[0-9]*/cmdline")
        if str(home).encode() in (words := path.read_bytes().split(b"\0")) and b"neroman" in words
    ]  # fmt: skip
    assert found == [str(now.pid)]
    with Neroman(home) as neroman:
        neroman.stop_engine()
