from __future__ import annotations

import logging
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from engine_programs import Program
from small_engine import SmallEngine, neroman

from neronet.engine import background
from neronet.engine import holder as holder_module
from neronet.engine.background import LOG, spawn, stop
from neronet.engine.bell import Link
from neronet.engine.holder import Lease, holder
from neronet.errors import EngineError
from tests.waiting import until

pytestmark = pytest.mark.slow

Start = Callable[..., Program]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Background programs find the package, and none of them outlives its test."""
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    yield
    for pid in background_programs(home):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it was about to leave
    until(lambda: not background_programs(home))


def background_programs(home: Path) -> list[int]:
    """The pids of those of this home: one that came second may still be about to notice."""
    pids = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue  # it has ended
        if b"neroman" in words and os.fsencode(home) in words:
            pids.append(int(path.parent.name))
    return pids


def start(home: Path) -> int:
    return spawn(home, neroman(home, "good"))


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_it_is_started_once_and_holds_the_lease_when_spawn_returns(home: Path) -> None:
    began = time.monotonic()
    pid = start(home)
    print(f"spawn: {(time.monotonic() - began) * 1000:.0f} ms")
    now = holder(home)
    assert now is not None
    assert (now.pid, now.kind, now.rank) == (pid, "background", 3)
    with Link(now, "cli"):
        pass
    began = time.monotonic()
    assert start(home) == pid
    assert spawn(home) == pid
    assert time.monotonic() - began < 3
    assert "neroman" in Path(f"/proc/{pid}/cmdline").read_text()


def test_it_is_detached_from_who_started_it(home: Path) -> None:
    pid = start(home)
    assert os.getsid(pid) == pid
    assert Path(f"/proc/{pid}/cwd").resolve() == home
    for number in (0, 1, 2):
        assert os.readlink(f"/proc/{pid}/fd/{number}") == "/dev/null"
    assert stat.S_IMODE((home / LOG).stat().st_mode) == 0o600


def test_of_two_starts_at_once_one_wins_and_both_are_content(home: Path, program: Start) -> None:
    for _ in range(3):
        both = [program("spawn", home), program("spawn", home)]
        for one in both:
            assert one.hear() == "ready"
        for one in both:
            one.say("go")
        pids = {one.hear() for one in both}
        now = holder(home)
        assert now is not None
        assert pids == {str(now.pid)}
        assert background_programs(home) == [now.pid], "the second one has left"
        assert stop(home)
        assert holder(home) is None


def test_threads_of_one_program_may_start_it_at_once_too(home: Path) -> None:
    pids: list[int] = []
    threads = [threading.Thread(target=lambda: pids.append(start(home))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pids) == 4
    assert len(set(pids)) == 1


def test_a_notebook_hands_over_to_it(home: Path, program: Start) -> None:
    notebook = program("engine", home, "notebook")
    assert notebook.hear() == "held"
    pid = start(home)
    assert pid != notebook.pid
    assert notebook.hear() == "ended"
    assert notebook.process.wait(10) == 0


def test_after_a_kill_the_next_one_starts_at_once(home: Path) -> None:
    pid = start(home)
    os.kill(pid, signal.SIGKILL)
    until(lambda: gone(pid))
    began = time.monotonic()
    second = start(home)
    assert second != pid
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(home: Path, number: signal.Signals) -> None:
    pid = start(home)
    os.kill(pid, number)
    until(lambda: gone(pid))
    assert holder(home) is None
    assert {path.name for path in home.iterdir()} == {"engine.lock", LOG}
    log = (home / LOG).read_text()
    assert f"ended: signal {number.value}" in log
    assert "Traceback" not in log


def test_stop_ends_it_and_says_whether_there_was_one(home: Path) -> None:
    assert not stop(home)
    pid = start(home)
    assert stop(home)
    assert holder(home) is None
    until(lambda: gone(pid))
    assert "ended: asked to" in (home / LOG).read_text()
    assert not stop(home)


def test_it_leaves_when_nobody_needs_it_and_stays_while_somebody_does(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NERONET_IDLE", "0.3")
    pid = start(home)
    now = holder(home)
    assert now is not None
    with Link(now, "panel"):
        time.sleep(1)
        assert holder(home) == now
    until(lambda: holder(home) is None)
    until(lambda: gone(pid))
    assert "ended: idle for 0.3 s" in (home / LOG).read_text()


def test_a_failed_start_quotes_what_the_log_got(home: Path) -> None:
    home.mkdir()
    (home / LOG).write_text("yesterday's trouble\n")
    with pytest.raises(EngineError, match="exit code 1") as caught:
        spawn(home, neroman(home, "failing"))
    assert "the database is of a newer version (install the newer Neronet)" in str(caught.value)
    assert "yesterday" not in str(caught.value)
    assert str(home / LOG) in caught.value.hint
    assert holder(home) is None


def test_a_mistake_of_ours_leaves_its_traceback_in_the_log(home: Path) -> None:
    with pytest.raises(EngineError, match="exit code 1") as caught:
        spawn(home, neroman(home, "broken"))
    assert "ZeroDivisionError: a mistake" in str(caught.value)
    assert "Traceback" in (home / LOG).read_text()
    by_hand = subprocess.run(neroman(home, "broken"), capture_output=True, text=True, timeout=30)
    assert by_hand.returncode == 1
    assert by_hand.stderr.splitlines() == [f"neroman: ZeroDivisionError('a mistake'); see {home / LOG}"]


def test_a_program_that_says_nothing_or_cannot_be_started_is_an_error(home: Path) -> None:
    with pytest.raises(EngineError, match="exit code 1 and wrote nothing to its log"):
        spawn(home, ["false"])
    with pytest.raises(EngineError, match=r"cannot be started: .*no-such-program"):
        spawn(home, [str(home / "no-such-program")])


def test_a_program_that_never_holds_the_engine_is_not_waited_for_for_ever(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "_WAIT", 0.2)
    with pytest.raises(EngineError, match=r"did not hold the engine within 0\.2 s"):
        spawn(home, ["true"])


def test_who_does_not_hand_over_is_named(
    home: Path, program: Start, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook = program("engine", home, "notebook")
    assert notebook.hear() == "held"
    notebook.say("quiet")
    assert notebook.hear() == "quiet"
    monkeypatch.setattr(background, "_WAIT", 0.6)
    root = logging.getLogger()
    before = root.handlers[:], threading.excepthook
    try:
        assert background.main([str(home)], SmallEngine) == 1
    finally:
        root.handlers[:], threading.excepthook = before
    said = f"a notebook (process {notebook.pid}, since "
    assert said in capsys.readouterr().err
    assert said in (home / LOG).read_text()


def test_an_engine_that_does_not_end_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = Lease(home)
    assert lease.acquire("panel")
    monkeypatch.setattr(background, "_WAIT", 0.2)
    with pytest.raises(EngineError, match=r"the panel's kernel .* did not end within 0\.2 s") as caught:
        stop(home)
    assert str(os.getpid()) in caught.value.hint
    lease.release()


def test_from_another_host_it_is_neither_started_nor_stopped(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = Lease(home)
    assert lease.acquire("background")
    monkeypatch.setattr(holder_module, "network_file_system", lambda _: "nfs")
    monkeypatch.setattr(holder_module.socket, "gethostname", lambda: "another")
    with pytest.raises(EngineError, match="this host only reads"):
        start(home)
    with pytest.raises(EngineError, match="the engine runs on "):
        stop(home)
    monkeypatch.undo()
    lease.release()


def test_the_command_that_users_see_is_named_neroman_and_imports_nothing_of_the_home(home: Path) -> None:
    """The real command line, up to the moment that it sees that the engine is run already."""
    lease = Lease(home)
    assert lease.acquire("background")
    (home / "logging.py").write_text("raise SystemExit('not the standard library')")
    command = background._command(home)
    assert command[-2:] == ["neroman", str(home)]
    if sys.version_info < (3, 11):
        (home / "logging.py").unlink()  # Python has no way to leave the current folder out
    clean = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    ended = subprocess.run(command, cwd=home, env=clean, capture_output=True, text=True, timeout=30)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert f"the background process (process {os.getpid()}, " in (home / LOG).read_text()
    assert "runs the engine already" in (home / LOG).read_text()
    lease.release()


def test_the_log_is_the_users_alone_bounded_and_knows_of_threads_that_die(home: Path) -> None:
    code = (
        "import logging, sys, threading; from pathlib import Path\n"
        "from neronet.engine import background\n"
        "background._start_log(Path(sys.argv[1]))\n"
        "log = logging.getLogger('neronet.engine.loop')\n"
        "for number in range(30000): log.info('%06d %s', number, 'x' * 40)\n"
        "log.debug('too fine')\n"
        "thread = threading.Thread(target=lambda: 1 / 0, name='the-loop'); thread.start(); thread.join()\n"
    )
    subprocess.run([sys.executable, "-c", code, str(home)], check=True, timeout=60)
    logs = sorted(home.glob(f"{LOG}*"))
    assert [path.name for path in logs] == [LOG, f"{LOG}.1"]
    for path in logs:
        assert path.stat().st_size <= 1024 * 1024
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    last = logs[0].read_text()
    assert "029999" in last
    assert "too fine" not in last
    assert "the-loop" in last
    assert "ZeroDivisionError" in last


def test_a_home_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    command = neroman(tmp_path / "file" / "home", "good")
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert "cannot be written: Not a directory" in ended.stderr
