"""The smaller parts of the node side, alone."""

from __future__ import annotations

import ctypes
import errno
import json
import locale
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neronet.node import facts, files, fresh, journal, main, procs, runs, wrapper
from neronet.node.host import Host
from neronet.node.inotify import Watch
from neronet.node.streams import Growing, Stream
from tests.node.mum import PYTHONS, mum
from tests.waiting import until

pytestmark = pytest.mark.slow

# -- processes


def test_a_process_is_known_by_more_than_its_pid() -> None:
    here = procs.Here()
    me = here.identity()
    assert here.judge(me) == procs.ALIVE
    assert here.judge({**me, "start": "1"}) == procs.DEAD
    assert here.judge({**me, "boot": "other"}) == procs.DEAD
    assert here.judge({**me, "host": "other"}) == procs.UNKNOWN
    assert here.judge({**me, "ns": "pid:[1]"}) == procs.UNKNOWN
    assert here.judge({**me, "host": "other", "boot": "other"}) == procs.UNKNOWN
    child = subprocess.Popen(["sleep", "30"])
    identity = here.identity(child.pid)
    assert here.judge(identity) == procs.ALIVE
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert here.judge(identity) == procs.DEAD, "a zombie is no watcher"
    child.wait()


def test_the_age_of_a_process_does_not_depend_on_the_wall_clock() -> None:
    child = subprocess.Popen(["sleep", "30"])
    time.sleep(0.3)
    assert 0.2 < procs.age(procs.start_time(child.pid)) < 5
    child.kill()
    child.wait()


@pytest.mark.parametrize(
    ("line", "found"),
    [("571\n", 571), ("571 (sh) S 1 571\n", 571), ("", None), ("57", None), ("x\n", None), ("\n", None)],
    ids=range(6),
)  # fmt: skip
def test_a_pid_is_read_from_a_whole_line(line: str, found: int | None) -> None:
    assert procs.parse_pid(line) == found


def test_a_wrapper_is_known_by_its_session_and_its_mark() -> None:
    marked = {**os.environ, "NERONET_RUN": "b.0.1"}
    leader = subprocess.Popen(["sleep", "30"], env=marked, start_new_session=True)
    member = subprocess.Popen(["sleep", "30"], env=marked)
    until(lambda: procs.start_of(leader.pid, "NERONET_RUN=b.0.1"), "the leader is not found")
    assert procs.start_of(leader.pid, "NERONET_RUN=b.0.1") == procs.start_time(leader.pid) != ""
    assert procs.start_of(leader.pid, "NERONET_RUN=b.0.2") == "", "the wrapper of another run has its pid now"
    assert procs.start_of(member.pid, "NERONET_RUN=b.0.1") == "", "a process of the program"
    for child in (leader, member):
        child.kill()
    until(lambda: not procs.start_time(leader.pid), "the leader does not end")
    assert procs.start_of(leader.pid, "NERONET_RUN=b.0.1") == "", "a zombie"
    for child in (leader, member):
        child.wait()
    assert procs.start_of(leader.pid, "NERONET_RUN=b.0.1") == ""


def test_programs_are_found_like_a_shell_finds_them(tmp_path: Path) -> None:
    program = tmp_path / "prog"
    program.write_text("#!/bin/sh\n")
    assert procs.which("prog", str(tmp_path)) is None
    program.chmod(0o755)
    assert procs.which("prog", f"/nowhere:{tmp_path}") == str(program)
    assert procs.which(str(program), "") == str(program)
    assert procs.which("sh", None) is not None
    assert procs.which(str(tmp_path), None) is None


def test_signals_for_what_is_gone_or_foreign_do_no_harm() -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    procs.send(child.pid, signal.SIGTERM)
    assert procs.kill_tree(0, "NERONET_RUN=nobody.0.1", 0)


def test_ignored_signals_are_undone() -> None:
    code = (
        "import signal, sys; sys.path.insert(0, %r); from neronet.node import procs; procs.default_signals();"
        "print([n for n in range(1, 32) if signal.getsignal(n) is signal.SIG_IGN], signal.pthread_sigmask(signal.SIG_BLOCK, ()))"
    ) % str(Path(procs.__file__).parents[2])
    command = ["sh", "-c", 'trap "" INT QUIT HUP USR1; exec "$@"', "sh", sys.executable, "-c", code]
    assert subprocess.check_output(command, text=True) == "[13] set()\n"  # SIGPIPE


# -- the agent's entry


@pytest.mark.parametrize(
    "variables", [{"LC_ALL": "C"}, {"LC_ALL": "POSIX", "LANG": "C"}, {"LANG": "C"}, {"LC_ALL": "xx_YY.ISO-8859-1"}, {"LC_ALL": "C.UTF-8"}, {}],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("python", [PYTHONS[0], *PYTHONS[1:][-1:]], ids=lambda path: path.parts[-3])
def test_names_and_arguments_survive_any_locale(root: Path, variables: dict[str, str], python: Path) -> None:
    """Of old Pythons some, of new ones none takes names for ASCII in the C locale."""
    unset = dict.fromkeys(name for name in os.environ if name.startswith(("LC_", "LANG")))
    with mum(root, python=str(python), env={**unset, **variables}) as served:
        name, argument = "größe €.txt", "é\udcff\u4f60"
        script = 'printf %s "$1" >"$2"; printf %s "${LC_ALL-unset}/$NERONET_LOCALE"'
        served.run(
            [["sh", "-c", script, "sh", argument, name]], {name: b"", "in \u4f60.txt": b"in"}, outputs=[name]
        )
        assert served.ended()[0]["outputs"] == [[name, len(os.fsencode(argument)), 0]]
        assert served.output(served.token, 0, name) == os.fsencode(argument)
        assert served.whole_log(served.token, 0).decode() == variables.get("LC_ALL", "unset") + "/"


def test_an_old_python_without_c_utf_8_takes_another_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def setlocale(_category: int, name: str) -> str:
        tried.append(name)
        if name == "C.UTF-8":
            raise locale.Error("unsupported locale setting")
        return name

    def execv(_path: str, _argv: list[str]) -> None:
        raise SystemExit(os.environ["LC_ALL"])

    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "ascii")
    monkeypatch.setattr(locale, "setlocale", setlocale)
    monkeypatch.setattr(os, "execv", execv)
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("NERONET_LOCALE", "is restored after the test")
    monkeypatch.delenv("NERONET_LOCALE")
    with pytest.raises(SystemExit, match="en_US"):
        main.main([])
    assert os.environ["NERONET_LOCALE"] == "C"
    assert tried[0] == "C.UTF-8"


# -- journals


def test_a_full_disk_tears_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "j.log"
    kept = journal.Journal(str(path))
    records = [{"e": "p", "n": n} for n in range(10)]
    assert kept.append(records[:2]) == []
    real = os.write
    room = len(journal.encode(records[0])) * 3 + 5

    def write(fd: int, data: bytes) -> int:
        nonlocal room
        if room <= 0:
            raise OSError(errno.ENOSPC, "full")
        written = real(fd, data[:room])
        room -= written
        return written

    monkeypatch.setattr(os, "write", write)
    assert kept.append(records[2:]) == records[5:]
    assert path.read_bytes() == b"".join(map(journal.encode, records[:5]))
    assert kept.append(records[5:]) == records[5:]
    monkeypatch.undo()
    assert kept.append(records[5:], sync=True) == []
    assert path.read_bytes() == b"".join(map(journal.encode, records))
    kept.close()


def test_any_other_error_of_a_journal_is_not_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = journal.Journal(str(tmp_path / "j.log"))

    def write(_fd: int, _data: bytes) -> int:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(OSError, match="broken"):
        kept.append([{"e": "p"}])
    monkeypatch.undo()
    kept.close()


def test_records_of_one_attempt_are_found_among_others(tmp_path: Path) -> None:
    path = tmp_path / "j.log"
    wanted = [{"e": "p", "i": 5, "a": 1, "v": n} for n in range(3)]
    others = [
        {"e": "kid", "pid": 5},
        {"e": "p", "i": 15, "a": 1},
        {"e": "p", "i": 5, "a": 2},
        {"e": "warn", "i": 7, "a": 1, "text": '"i":5,'},
    ]
    mixed = [item for pair in zip(wanted, others) for item in pair] + others
    path.write_bytes(b"".join(map(journal.encode, mixed)) + b'{"e":"p","i":5,"a":1')
    assert list(journal.records(str(path), 5, 1)) == wanted
    assert list(journal.records(str(tmp_path / "absent.log"), 5, 1)) == []


# -- streams


@settings(deadline=None)  # files on a disk that others use
@given(
    st.lists(st.sampled_from([b"loss 1\n", b"x", b"\n", b"acc 2\r", b"noise\n"]), max_size=20),
    st.integers(0, 25),
)
def test_a_stream_goes_on_where_the_record_ended(parts: list[bytes], seen: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "stdout.log")
        path.write_bytes(b"".join(parts[:seen]))
        first = Stream(str(path), 0)
        found = first.read()[0]
        with path.open("ab") as file:
            file.write(b"".join(parts[seen:]))
        second = Stream(str(path), 0, first.to, first.base)
        found += second.read()[0] + second.finish()
        whole = Stream(str(path), 0)
        assert found == whole.read()[0] + whole.finish()
        for stream in (first, second, whole):
            stream.close()


def test_a_purged_stream_ends_quietly(tmp_path: Path) -> None:
    path = tmp_path / "stdout.log"
    path.write_bytes(b"loss 1\n")
    stream = Stream(str(path), 0)
    assert stream.read()[0] == [["loss", 1.0, 0, None]]
    stream.close()
    gone = Stream(str(tmp_path / "gone"), 0, 7)
    assert gone.read() == ([], False, 0)
    assert gone.size() == 0


@pytest.mark.parametrize("after", [b"x", b"b 2\n", b"longer than it was before\n", b"a 1\nb" * 40])
@pytest.mark.parametrize("before", [b"a 1\n", b"a 1\n" * 100])
def test_a_file_that_was_written_anew_is_noticed_whatever_its_size(
    tmp_path: Path, before: bytes, after: bytes
) -> None:
    path = tmp_path / "stdout.log"
    for known in (True, False):
        path.write_bytes(before)
        file = Growing(str(path), 0 if known else len(before))
        assert file.read(1 << 20) == (before if known else b"", False)
        assert file.read(1 << 20) == (b"", False)
        with path.open("ab") as more:
            more.write(b"more")
        assert file.read(1 << 20) == (b"more", False)
        path.write_bytes(after)
        assert file.read(1 << 20) == (after, True)
        assert file.read(1 << 20) == (b"", False)
        assert file.position == file.size() == len(after)
        file.close()


def test_a_file_that_became_shorter_while_nobody_looked_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "stdout.log"
    path.write_bytes(b"short\n")
    file = Growing(str(path), 500)
    assert file.read(1 << 20) == (b"short\n", True)
    file.close()


# -- the wrapper

SHELLS = ["sh", "dash", "bash", "bash --posix", "busybox sh", "ksh", "mksh", "yash", "zsh --emulate sh"]


def test_texts_are_quoted_for_the_shell() -> None:
    for text in ("", "a b", "it's", "$(x)`y`\\", "\n", "''"):
        assert subprocess.check_output(["sh", "-c", "printf %s " + wrapper.quote(text)], text=True) == text


@pytest.mark.parametrize(
    "shell", [shell for shell in SHELLS if procs.which(shell.split()[0], os.environ["PATH"])]
)
def test_the_wrapper_means_the_same_to_every_sh(shell: str, tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_bytes(wrapper.SCRIPT)
    run = tmp_path / "0.1"
    (run / "work").mkdir(parents=True)
    (run / "exit").write_bytes(runs.EXIT_ROOM)
    held = os.open(tmp_path / "journal", os.O_CREAT | os.O_RDWR)

    def start(program: list[str], journal: Path) -> None:
        fd = f"/proc/{os.getpid()}/fd/{held}"
        command = [*shell.split(), str(tmp_path / "run.sh"), str(run), "boot", fd, str(journal), *program]
        env = {
            "PATH": os.environ["PATH"],
            "NERONET_WAKE": f"touch {tmp_path}/woken",
            "NERONET_RUN": "mark",
            "s": "kept",
            "d": "kept",
        }
        subprocess.run(command, env=env, check=False, cwd="/", stderr=subprocess.DEVNULL)

    start(["sh", "-c", "echo $s $d $NERONET_RUN; pwd; echo err >&2; exit 7"], tmp_path / "journal")
    assert (run / "exit").read_bytes().strip() == b"7"
    assert len((run / "exit").read_bytes()) == 32
    assert (run / "stdout.log").read_text() == f"kept kept mark\n{run}/work\n"
    assert (run / "stderr.log").read_text() == "err\n"
    boot, _, line = (run / "start").read_text().partition(" ")
    assert boot == "boot"
    assert procs.parse_pid(line)
    assert not (tmp_path / "woken").exists()
    start(["sh", "-c", "echo twice"], tmp_path / "journal")
    assert "twice" not in (run / "stdout.log").read_text()
    (run / "start").unlink()
    start(["sh", "-c", "kill -9 $$"], tmp_path / "other")
    assert (run / "exit").read_bytes().strip() == b"137"
    assert (tmp_path / "woken").exists()
    os.close(held)


# -- the host


def host_of(tmp_path: Path) -> tuple[Host, runs.Root]:
    root = runs.Root(str(tmp_path / "root")).prepare()
    return Host(root, procs.Here()), root


def batch_of(root: runs.Root, token: str, count: int = 3) -> runs.Batch:
    path = Path(root.batch(token))
    for name in ("kids", "tmp", "run"):
        (path / name).mkdir(parents=True)
    (path / "batch.json").write_text(json.dumps({"place": "p", "created": 1.0, "home": "h"}))
    (path / "runs.jsonl").write_text("".join(json.dumps({"argv": [str(n)]}) + "\n" for n in range(count)))
    return runs.Batch(root, token)


def test_marks_without_attempts_and_strange_files_are_no_attempts(tmp_path: Path) -> None:
    host, root = host_of(tmp_path)
    batch = batch_of(root, "a" * 16)
    share = host.take(batch.attempt(0, 1), {"cpus": 1, "gpus": [], "memory": 0})
    assert share["place"] == "p"
    opened = next((tmp_path / "root/hosts").rglob("open"))
    for name in (".nfs000001", "README", "b" * 16 + ".0.1", "x.y.z"):
        (opened / name).touch()
    with host.locked():
        assert host.open_attempts() == []
    assert {path.name for path in opened.iterdir()} == {".nfs000001", "README", "x.y.z"}


def test_a_mark_that_a_power_cut_emptied_still_holds_its_attempt(tmp_path: Path) -> None:
    host, root = host_of(tmp_path)
    attempt = batch_of(root, "a" * 16).attempt(1, 1)
    host.take(attempt, {"cpus": 1, "gpus": [], "memory": 0})
    attempt.claim("n" * 8, {"kind": "claimed", "kid": procs.Here().identity()})
    mark = next(next((tmp_path / "root/hosts").rglob("open")).iterdir())
    mark.write_bytes(b"")
    with host.locked():
        ((found, share),) = host.open_attempts()
    assert (found.mark, share["place"], share["cpus"]) == (attempt.mark, "p", 0)


def test_a_claim_is_won_once(tmp_path: Path) -> None:
    _, root = host_of(tmp_path)
    batch = batch_of(root, "a" * 16)
    record = {"kind": "claimed", "kid": {}}
    assert batch.attempt(0, 1).claim("first", record)
    assert not batch.attempt(0, 1).claim("second", record)
    claim = batch.attempt(0, 1).read_claim()
    assert claim is not None
    assert claim["nonce"] == "first"
    assert not list(Path(batch.path, "tmp").iterdir())


def test_a_repeated_call_of_a_network_file_system_is_no_lost_claim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, root = host_of(tmp_path)
    batch = batch_of(root, "a" * 16)
    real = os.rename

    def rename(source: str, target: str) -> None:
        real(source, target)
        raise OSError(errno.ENOENT, "the answer was lost, the call was repeated")

    monkeypatch.setattr(os, "rename", rename)
    assert batch.attempt(0, 1).claim("mine", {"kind": "claimed", "kid": {}})


def test_hosts_that_share_a_home_write_the_same_file_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getpid", lambda: 60)  # each has a process of this number
    (tmp_path / "x").write_bytes(b"")
    with ThreadPoolExecutor(8) as hosts:
        writes = [hosts.submit(files.write_atomic, str(tmp_path / "x"), b"1" * 1000) for _ in range(400)]
        for write in writes:
            write.result()
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("x", b"1" * 1000)]


def test_a_batch_that_is_damaged_or_gone_holds_up_no_other(tmp_path: Path) -> None:
    host, root = host_of(tmp_path)
    good = batch_of(root, "a" * 16)
    (Path(batch_of(root, "b" * 16).path) / "batch.json").write_text("{")
    (Path(batch_of(root, "c" * 16).path) / "runs.jsonl").unlink()
    limits = SimpleNamespace(slots=2, cpus=2, gpus=[], memory=None)
    found = [(attempt.batch.token, attempt.index) for attempt, _, _ in host.candidates("p", [], limits)]
    assert found == [(good.token, index) for index in range(3)]
    limits.cpus = 0  # else nothing is told to wait
    assert list(host.why_waiting("p", limits)) == [good.token]


def test_the_lock_of_a_network_home_lies_on_a_local_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh, "is_local", lambda path: False)
    host, _ = host_of(tmp_path)
    with host.locked():
        pass
    assert host._lock.startswith(f"/tmp/.neronet-{os.getuid()}-")
    assert os.stat(host._lock).st_mode & 0o777 == 0o600
    os.unlink(host._lock)


def test_one_process_alone_waits_for_a_gpu(tmp_path: Path) -> None:
    host, _ = host_of(tmp_path)
    first = host.sole_waiter()
    assert first is not None
    assert host.sole_waiter() is None
    os.close(first)
    again = host.sole_waiter()
    assert again is not None
    os.close(again)


# -- facts


SMI: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "two": ("echo '0, A100, 81920, 3, 0'; echo '1, A100 80GB, 81920, 70000, 97'",
            [{"index": 0, "name": "A100", "memory": 81920 << 20, "used": 3 << 20, "load": 0.0},
             {"index": 1, "name": "A100 80GB", "memory": 81920 << 20, "used": 70000 << 20, "load": 97.0}]),
    "unknown": ("echo '0, K80, [N/A], [N/A], [Not Supported]'", [{"index": 0, "name": "K80", "memory": 0, "used": 0, "load": 0.0}]),
    "error": ("echo 'NVIDIA-SMI has failed because it could not communicate with the driver'; exit 9", []),
    "noise": ("echo; echo hello, world; echo 0", []),
}  # fmt: skip


@pytest.mark.parametrize("name", SMI)
def test_what_nvidia_smi_says_is_understood(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, expected = SMI[name]
    (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    found = facts.query_gpus()
    assert found == expected
    assert facts.busy_gpus(found) == [gpu["index"] for gpu in expected if gpu["used"] > 64 << 20]


def test_a_driver_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(facts, "GPU_TIMEOUT", 0.3)
    began = time.monotonic()
    assert facts.query_gpus() == []
    assert time.monotonic() - began < 5


def test_lasting_facts_are_asked_for_once_a_boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = runs.Root(str(tmp_path / "root")).prepare()
    here = procs.Here()
    os.makedirs(root.host(here.host))
    asked: list[int] = []
    monkeypatch.setattr(facts, "query_gpus", lambda: asked.append(1) or [])
    for _ in range(3):
        assert facts.lasting(root, here)["boot"] == here.boot
    assert len(asked) == 1
    path = Path(root.host(here.host), "facts.json")
    path.write_text("{")
    facts.lasting(root, here)
    path.write_text(json.dumps({"boot": "an earlier one"}))
    assert facts.lasting(root, here)["boot"] == here.boot
    assert len(asked) == 3


def test_the_file_system_of_a_folder_is_known(tmp_path: Path) -> None:
    expected = subprocess.check_output(["findmnt", "-n", "-o", "FSTYPE", "-T", tmp_path], text=True).strip()
    assert fresh.file_system(str(tmp_path)) == expected
    assert fresh.file_system("/proc/self") == "proc"
    assert fresh.is_local(str(tmp_path))
    assert not fresh.is_local("/proc/self")


# -- waking


def test_without_inotify_a_watch_looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_library(*_: object, **__: object) -> None:
        raise OSError("no such library")

    monkeypatch.setattr(ctypes, "CDLL", no_library)
    watch = Watch()
    assert not watch.works
    watch.add("/tmp")
    began = time.monotonic()
    assert watch.wait(5.0) == []
    assert time.monotonic() - began < 5
    assert watch.take() is None
    watch.remove("/tmp")
    watch.close()
    procs.set_title("without a library")


def test_a_watch_names_what_changed(tmp_path: Path) -> None:
    watch = Watch()
    watch.add(str(tmp_path))
    watch.add(str(tmp_path))
    watch.add(str(tmp_path / "absent"))
    assert watch.take() == {}
    (tmp_path / "größe").write_text("x")
    watch.wait(5.0)
    assert watch.take() == {str(tmp_path): {"größe"}}
    for number in range(3000):  # more events than fit into one read
        (tmp_path / f"{'n' * 100}{number}").touch()
    changed = watch.take()
    assert changed is not None
    assert len(changed[str(tmp_path)]) == 3000
    watch.remove(str(tmp_path))
    (tmp_path / "later").touch()
    assert watch.take() == {}
    watch.close()


def test_lost_events_mean_to_look_everywhere(tmp_path: Path) -> None:
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if most > 50_000:
        pytest.skip("the queue of events is too long to fill")
    watch = Watch()
    watch.add(str(tmp_path))
    one, two = tmp_path / "1", tmp_path / "2"
    for path in (one, two):
        path.touch()
    with one.open("wb", 0) as first, two.open("wb", 0) as second:
        for _ in range(most // 2 + 100):  # by turns: equal events in a row are one
            first.write(b"x")
            second.write(b"x")
    assert watch.take() is None
    watch.close()


def test_runs_go_well_on_a_node_without_inotify(root: Path) -> None:
    with mum(root, change={"inotify_init1": "no_such_call"}) as served:
        served.run([["sh", "-c", "for n in 1 2 3; do echo loss $n; sleep 0.2; done"], ["true"]])
        assert [value for _, value, *_ in served.points(0)] == [1, 2, 3]
        times = [record["t"] for record in served.of("p")]
        assert times[-1] - times[0] > 0.2, "the points came at the end only"
        token = served.submit([["sleep", "30"]])
        served.follow(token)
        served.until(lambda: len(served.of("started")) == 3)
        served.act(token, "terminate", [[0, 0]])
        served.until(lambda: any(record["state"] == "terminated" for record in served.of("ended")), 5)


def test_a_mistake_of_ours_leaves_a_trace(root: Path) -> None:
    """A kid has nobody to complain to; what it did not start another one starts."""
    line = "    def _claim(self, taken, limits, busy, done):\n"
    with mum(root, change={line: line + "        raise KeyError('ours')\n"}) as served:
        token = served.submit([["true"]])
        path = root / "hosts" / os.uname().nodename / "nerokid-error.txt"
        served.until(path.exists)
        served.until(lambda: "KeyError: 'ours'" in path.read_text())
    with mum(root) as served:
        served.follow(token)
        served.until(lambda: bool(served.ended()))
