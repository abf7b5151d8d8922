"""Neroman in the programs that users have: scripts that end or are killed, threads, forks, event loops, two at once."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from neronet import Neroman
from neronet.engine.holder import holder
from neronet.errors import EngineError, NeronetError
from tests.bad_input.conftest import experiment
from tests.e2e.conftest import MakeNeroman, add
from tests.testbed.fixtures import NodeFactory
from tests.waiting import until

pytestmark = pytest.mark.slow
ONE = "run_command_prefix: sh\nmain_code_file: main.sh\n+lang: {}\n"
SLOW = "for i in $(seq 20); do echo n $i; sleep 0.05; done\n"
SCRIPT = """\
import sys
from neronet import Neroman
with Neroman(sys.argv[1]) as neroman:
    runs = neroman.submit(sys.argv[2], "local")
    print("submitted", flush=True)
    runs.wait()
"""


def test_ctrl_c_ends_a_script_that_waits_and_the_runs_go_on(
    make_neroman: MakeNeroman, tmp_path: Path
) -> None:
    folder = experiment(tmp_path / "lang", SLOW, ONE)
    script = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, tmp_path / "home", folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert script.stdout is not None
    assert script.stdout.readline() == "submitted\n"
    time.sleep(0.3)
    script.send_signal(signal.SIGINT)
    _, said = script.communicate(timeout=10)
    assert "KeyboardInterrupt" in said and "neronet-engine" not in said, said
    assert holder(tmp_path / "home") is None
    neroman = make_neroman()
    assert neroman.runs().wait(20).states == {"finished": 1}
    assert neroman.runs().points("n")["value"].tolist() == list(range(1, 21))


def test_a_script_that_just_ends_leaves_no_engine_and_loses_nothing(
    make_neroman: MakeNeroman, tmp_path: Path
) -> None:
    folder = experiment(tmp_path / "lang", SLOW, ONE)
    text = SCRIPT.replace(
        "with Neroman(sys.argv[1]) as neroman:", "neroman = Neroman(sys.argv[1])\nif True:"
    ).replace("    runs.wait()\n", "")
    done = subprocess.run(
        [sys.executable, "-c", text, tmp_path / "home", folder], capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert holder(tmp_path / "home") is None
    assert make_neroman().runs().wait(20).states == {"finished": 1}


def test_a_script_says_nothing_of_its_own_when_it_ends_well(tmp_path: Path) -> None:
    folder = experiment(tmp_path / "lang", "true\n", ONE)
    for home in ("one", "two", "three"):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, tmp_path / home, folder],
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "submitted\n", "")


def test_closing_while_another_thread_waits_ends_its_wait_and_begins_no_new_engine(
    make_neroman: MakeNeroman, tmp_path: Path
) -> None:
    neroman = make_neroman()
    runs = neroman.submit(experiment(tmp_path / "lang", "sleep 30\n", ONE), "local")
    ended: list[object] = []

    def wait() -> None:
        try:
            ended.append(runs.wait())
        except NeronetError as error:
            ended.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.3)
    neroman.close()
    waiting.join(5)
    assert not waiting.is_alive()
    assert isinstance(ended[0], NeronetError)
    assert ended[0].hint
    assert holder(neroman.home) is None
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("neronet-engine")]
    with pytest.raises(EngineError, match="was closed"):
        neroman.engine_client.ensure()
    neroman.close()
    again = make_neroman()
    again.terminate("lang")
    assert again.runs().states == {"terminated": 1}


def test_two_neromans_of_one_home_and_of_two_in_a_process(make_neroman: MakeNeroman, tmp_path: Path) -> None:
    first, second, other = make_neroman(), make_neroman(), make_neroman("other")
    folder = experiment(tmp_path / "lang", "echo n 1\n", ONE)
    runs = first.submit(folder, "local")
    assert second.runs().wait(20).states == {"finished": 1}
    assert second.runs()[0] == runs[0]
    assert second.submit(folder, "local", again=True).wait(20).states == {"finished": 1}
    assert other.submit(folder, "local").wait(20).states == {"finished": 1}
    assert len(first.runs()) == 2
    assert len(other.runs()) == 1
    first.close()  # the one that ran the engine: the other takes over
    assert second.submit(folder, "local", again=True).wait(20).states == {"finished": 1}


def test_a_forked_process_is_told_to_make_its_own_and_harms_nothing(
    make_neroman: MakeNeroman, tmp_path: Path
) -> None:
    neroman = make_neroman()
    runs = neroman.submit(experiment(tmp_path / "lang", SLOW, ONE), "local")
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        said = []
        for do in (neroman.runs, runs.wait, lambda: neroman.submit("lang", "local"), neroman.fetch):
            try:
                do()
                said.append("nothing")
            except EngineError as error:
                said.append(str(error))
            except BaseException as error:
                said.append(repr(error))
        neroman.close()
        with Neroman(neroman.home) as own:  # one of its own works
            said.append(str(len(own.runs())))
        os.write(write, "\n".join(said).encode())
        os._exit(0)
    os.close(write)
    with open(read) as file:
        said = file.read().split("\n")
    assert os.waitpid(pid, 0)[1] == 0
    assert said == ["this Neroman belongs to the process that was forked"] * 4 + ["1"]
    assert runs.wait(20).states == {"finished": 1}
    assert runs.points("n")["value"].tolist() == list(range(1, 21))


def test_an_event_loop_goes_on_while_runs_are_submitted_and_awaited(
    make_neroman: MakeNeroman, tmp_path: Path
) -> None:
    neroman = make_neroman()
    folder = experiment(tmp_path / "lang", "sleep 0.5; echo n 1\n", ONE)

    async def notebook() -> tuple[Any, int]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticking = asyncio.ensure_future(tick())
        runs = await asyncio.to_thread(neroman.submit, folder, "local")
        await asyncio.gather(runs.wait_async(20), runs.wait_async(20))
        ticking.cancel()
        return runs, ticks

    runs, ticks = asyncio.run(notebook())
    assert runs.states == {"finished": 1}
    assert ticks > 20


def test_threads_may_share_a_neroman(make_neroman: MakeNeroman, tmp_path: Path) -> None:
    neroman = make_neroman()
    folders = [experiment(tmp_path / name, "echo n 1\n", ONE.replace("lang", name)) for name in "abcd"]
    results: dict[str, object] = {}

    def work(folder: Path) -> None:
        results[folder.name] = neroman.submit(folder, "local").wait(30).states

    threads = [threading.Thread(target=work, args=[folder]) for folder in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == {name: {"finished": 1} for name in "abcd"}
    assert [run.number for run in neroman.runs()] == [1, 2, 3, 4]


def test_threads_look_while_others_submit_end_and_delete(make_neroman: MakeNeroman, tmp_path: Path) -> None:
    neroman = make_neroman()
    config = ONE.replace("{}", "\n  parameters: {x: [1, 2, 3, 4]}")
    folder = experiment(tmp_path / "lang", "echo loss $2; [ $2 -lt 3 ] || exec sleep 30\n", config)
    ended = threading.Event()
    wrong: list[BaseException] = []
    looks = 0
    shared = neroman.runs()

    def guarded(work: Callable[[], None], once: bool = False) -> None:
        while not ended.is_set():
            try:
                work()
            except BaseException as error:
                wrong.append(error)
                ended.set()
            if once:
                return

    def look() -> None:
        nonlocal shared, looks
        looks += 1
        runs = neroman.runs()
        assert len(runs.frame()) <= len(runs)
        assert set(runs.points("loss")["run"]) <= set(runs.numbers)
        for each in (runs, shared):
            assert sum(each.states.values()) <= len(each)
            for run in each:
                assert run.number in each.numbers
                assert run.progress is None or 0 <= run.progress <= 1
        shared = runs
        neroman.nodes()
        neroman.experiments()
        neroman.plan_submission(folder, "local")

    def change() -> None:
        for _ in range(4):
            runs = neroman.submit(folder, "local", again=True)
            neroman.set_note(runs, "mine")
            neroman.terminate(runs)
            assert runs.wait(30).states.keys() <= {"finished", "terminated"}
            assert sum(runs.states.values()) == 4
            neroman.delete_runs(runs[:2])
            assert len(list(runs)) == 2

    lookers = [threading.Thread(target=guarded, args=[look]) for _ in range(3)]
    changers = [threading.Thread(target=guarded, args=[change, True]) for _ in range(2)]
    for thread in (*lookers, *changers):
        thread.start()
    for thread in changers:
        thread.join(120)
    ended.set()
    for thread in lookers:
        thread.join(60)
    assert not wrong, wrong[0]
    assert looks > 5
    assert len(neroman.runs()) == 16
    assert set(neroman.runs().states) <= {"finished", "terminated"}


def test_who_waits_is_told_when_another_thread_ends_what_was_never_sent(
    make_neroman: MakeNeroman, tmp_path: Path
) -> None:
    neroman = make_neroman()
    neroman.add_node("gone", "127.0.0.1:1")
    runs = neroman.submit(experiment(tmp_path / "lang", "true\n", ONE), "gone", wait=0.0)
    threading.Timer(0.5, neroman.terminate, [runs]).start()
    began = time.monotonic()
    assert runs.wait(20).states == {"terminated": 1}
    assert time.monotonic() - began < 5


def test_a_program_in_a_notebook_says_so_whoever_runs_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)  # other tests may have it
    for background, kind in ((True, "cli"), (False, "script")):
        with Neroman(tmp_path / "home", background=background) as neroman:
            assert neroman.engine_client._kind() == kind
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    for background in (True, False):
        with Neroman(tmp_path / "home", background=background) as neroman:
            assert neroman.engine_client._kind() == "notebook"


@pytest.mark.real
def test_the_background_engine_takes_over_from_a_script_in_the_middle_of_an_upload(
    make_neroman: MakeNeroman, node_factory: NodeFactory, tmp_path: Path
) -> None:
    neroman = make_neroman()
    add(neroman, node_factory("gpu1"))
    folder = experiment(
        tmp_path / "lang", "cat data* | wc -c\n", ONE, **{f"data{n}": os.urandom(9_000_000) for n in range(5)}
    )
    pids: list[int] = []

    def progress(message: dict[str, int]) -> None:
        if message["done"] > message["total"] / 5 and not pids:
            pids.append(0)
            threading.Thread(target=lambda: pids.append(neroman.start_engine().pid)).start()  # type: ignore[union-attr]

    runs = neroman.submit(folder, "gpu1", wait=30.0, progress=progress)
    until(lambda: len(pids) == 2)
    now = holder(neroman.home)
    assert now is not None
    assert now.pid == pids[1] != os.getpid()
    assert now.kind == "background"
    assert runs.wait(40).states == {"finished": 1}
    assert runs.log().strip() == "45000000"
    assert neroman.submit(folder, "gpu1", again=True).wait(40).states == {"finished": 1}
    assert neroman.stop_engine()


def test_wishes_that_an_engine_does_not_understand_are_answered_and_do_no_harm(
    make_neroman: MakeNeroman, tmp_path: Path
) -> None:
    neroman = make_neroman()
    intent = neroman.engine_client.ask("wonder", {}, 10.0)
    assert intent.ok is False
    assert "does not know how to wonder" in (intent.result or {})["problem"]
    intent = neroman.engine_client.ask("act", {"node": "nowhere", "act": {}}, 10.0)
    assert "there is no node nowhere" in (intent.result or {})["problem"]
    intent = neroman.engine_client.ask("tidy", {"wrong": 1}, 10.0)
    assert "an error in Neronet" in (intent.result or {})["problem"]
    assert neroman.fetch(nodes=["nowhere"])[0].id == "local"
    assert neroman.submit(experiment(tmp_path / "lang", "true\n", ONE), "local").wait(20).states == {
        "finished": 1
    }
