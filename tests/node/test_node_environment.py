"""What a program finds around itself: the user's login environment, and nothing of ours."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from neronet.node import environment
from tests.node.mum import Mum, kids_of, mum, processes_of

pytestmark = pytest.mark.slow

PROBE = b"""
import json, os, resource, signal, sys
umask = os.umask(0)
print(json.dumps({
    "env": dict(os.environ), "cwd": os.getcwd(), "umask": umask, "nice": os.nice(0), "argv": sys.argv[1:],
    "fds": sorted(int(fd) for fd in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/" + fd)),
    "to": [os.readlink("/proc/self/fd/%d" % fd) for fd in range(3)],
    "ignored": [n for n in range(1, 32) if signal.getsignal(n) is signal.SIG_IGN and n not in (signal.SIGPIPE, signal.SIGXFSZ)],
    "status": [line for line in open("/proc/self/status") if line.startswith(("SigBlk", "SigIgn"))],
    "files": sorted(os.listdir(".")),
}))
"""  # fmt: skip
RUN = [sys.executable, "-I", "probe.py"]


def probe(served: Mum, index: int = 0) -> dict[str, object]:
    found: dict[str, object] = json.loads(served.whole_log(served.token, index))
    return found


def test_a_program_inherits_nothing_of_ours(served: Mum) -> None:
    served.run([RUN], {"probe.py": PROBE})
    found = probe(served)
    run = served.root / "batches" / served.token / "run/0.1"
    env = found["env"]
    assert isinstance(env, dict)
    assert {name: value for name, value in env.items() if name.startswith("NERONET")} == {
        "NERONET_RUN": served.token + ".0.1", "NERONET_POINTS": str(run / "points.log"),
    }  # fmt: skip
    assert found["cwd"] == env["PWD"] == str(run / "work")
    assert found["files"] == ["probe.py"]
    assert found["nice"] == 0
    assert found["to"] == ["/dev/null", str(run / "stdout.log"), str(run / "stderr.log")]
    assert set(found["fds"]) <= {0, 1, 2, 3}, "a descriptor was inherited"  # 3 is its own look at the folder
    assert found["ignored"] == []
    assert [line.split()[1] for line in found["status"]] == ["0" * 16, "0000000001001000"]  # Python's own two
    assert env["PYTHONUNBUFFERED"] == "1"
    assert "libstdbuf" in env["LD_PRELOAD"]


def test_the_umask_is_that_of_the_connection(root: Path) -> None:
    for mask in (0o022, 0o077, 0o002):
        with mum(root, umask=mask) as served:
            served.run([["sh", "-c", "umask; : >made"]])
            assert int(served.whole_log(served.token, 0), 8) == mask
            made = root / "batches" / served.token / "run/0.1" / "work/made"
            assert made.stat().st_mode & 0o777 == 0o666 & ~mask


def test_kids_are_nice_and_their_programs_are_not_whoever_started_the_kid(root: Path) -> None:
    """Neromum starts two kids, those start more, and niceness goes on to what a process starts."""
    with mum(root, limits={"slots": 8}) as served:
        token = served.submit([["sleep", "30"]] * 8)
        served.follow(token)
        served.until(lambda: len(served.of("started")) == 8)
        programs = [pid for pid, line in processes_of(root).items() if line.startswith("sleep")]
        kids = [record["pid"] for record in served.of("kid")]
        assert [os.getpriority(os.PRIO_PROCESS, pid) for pid in kids] == [5] * 8
        assert [os.getpriority(os.PRIO_PROCESS, pid) for pid in programs] == [0] * 8
        served.act(token, "terminate", [[0, 7]])
        served.until(lambda: len(served.ended()) == 8)


def test_a_kid_that_a_run_woke_is_like_any_other(served: Mum) -> None:
    """The shell starts it in the background: it would ignore signals, and belong to the run."""
    token = served.submit([["sleep", "1"], RUN], {"probe.py": PROBE})
    served.act(token, "hold", [[1, 1]])
    served.follow(token)
    served.until_started()
    for kid in kids_of(served.root):
        os.kill(kid, signal.SIGKILL)
    served.act(token, "release", [[1, 1]])
    served.until(lambda: len(served.ended()) == 2)
    served.token = token
    found = probe(served, 1)
    assert (found["nice"], found["ignored"]) == (0, [])
    token = served.submit([["sleep", "1.5"]])
    served.follow(token)
    served.until(lambda: len(served.of("started")) == 3)
    first = kids_of(served.root)
    for kid in first:
        os.kill(kid, signal.SIGKILL)
    served.until(lambda: bool(set(kids_of(served.root)) - set(first)))
    (kid,) = set(kids_of(served.root)) - set(first)
    assert b"NERONET_RUN" not in Path(f"/proc/{kid}/environ").read_bytes()
    served.until(lambda: len(served.of("ended")) == 3)


def test_setup_lines_reach_the_program(served: Mum) -> None:
    files = {"venv/bin/activate": b"export VIRTUAL=yes\nlocal_only=x\n", "probe.py": PROBE}
    lines = [
        "source venv/bin/activate",
        "export WORD='a b'",
        "",
        "# a comment",
        "umask 027",
        "cd /",
        "cd - >/dev/null",
        "f=1 r=2",
    ]
    served.run(
        [[*RUN, "$WORD", "a  b"]],
        files,
        setup=lines,
        env={"FROM_CONFIG": "x y", "OMP_NUM_THREADS": "3"},
        cpus=1,
    )
    found = probe(served)
    env = found["env"]
    assert isinstance(env, dict)
    assert (env["VIRTUAL"], env["WORD"], env["FROM_CONFIG"], env["OMP_NUM_THREADS"]) == (
        "yes",
        "a b",
        "x y",
        "3",
    )
    assert found["argv"] == ["$WORD", "a  b"]
    assert found["umask"] == 0o027
    assert not [name for name in env if name.startswith("neronet") or name in ("f", "r", "local_only")]
    assert {name for name in env if name.startswith("NERONET")} == {"NERONET_RUN", "NERONET_POINTS"}
    assert found["files"] == ["probe.py", "venv"]


@pytest.mark.parametrize(
    ("lines", "reason", "status"),
    [
        (["true", "false", "touch reached"], "setup line 2: false (exit code 1)", 1),
        (["module load nothing"], "setup line 1: module load nothing (exit code 127)", 127),
        (["true", "true", "source missing.sh"], "setup line 3: source missing.sh (exit code 1)", 1),
        (["neronet_failed=elsewhere; (exit 5)"], "exit code 5", 5),
        (["set -e", "sh -c 'exit 4'"], "setup line 2: sh -c 'exit 4' (exit code 4)", 4),
        (["if true; then"], "setup line 1: if true; then (exit code", None),
    ],
)  # fmt: skip
def test_a_setup_line_that_fails_is_named(
    served: Mum, lines: list[str], reason: str, status: int | None
) -> None:
    ended = served.run([["touch", "reached"]], setup=lines)[0]
    assert ended["state"] == "failed"
    assert ended["reason"].startswith(reason)
    assert status is None or ended["status"] == status
    assert not (served.root / "batches" / served.token / "run/0.1" / "work/reached").exists()


def test_cores_are_told_to_programs(served: Mum) -> None:
    served.run([RUN], {"probe.py": PROBE}, cpus=2)
    env = probe(served)["env"]
    assert isinstance(env, dict)
    assert env["OMP_NUM_THREADS"] == "2"
    assert "CUDA_VISIBLE_DEVICES" not in env or env["CUDA_VISIBLE_DEVICES"] == os.environ.get(
        "CUDA_VISIBLE_DEVICES"
    )


# -- the login environment

NOISY = """
echo hello from a noisy start-up file
printf 'no newline at the end'
export FROM_PROFILE='x = y
second line'
export PATH="$HOME/mybin:$PATH"
sleep 300 &
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "home"
    folder.mkdir()
    yield folder
    for pid, line in processes_with(b"HOME=" + os.fsencode(folder)).items():
        assert line.startswith("sleep"), f"left behind: {line}"
        os.kill(pid, signal.SIGKILL)


def processes_with(variable: bytes) -> dict[int, str]:
    found = {}
    for entry in os.listdir("/proc"):
        try:
            if (
                entry.isdigit()
                and int(entry) != os.getpid()
                and variable in Path(f"/proc/{entry}/environ").read_bytes().split(b"\0")
            ):
                found[int(entry)] = Path(f"/proc/{entry}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
    return found


def left_with(variable: bytes) -> dict[int, str]:
    """What has it and does not end: a killed process is there until it ran once more, on a busy machine for a while."""
    end = time.monotonic() + 10
    while (found := processes_with(variable)) and time.monotonic() < end:
        time.sleep(0.02)
    return found


def test_the_environment_comes_from_a_noisy_login_shell(root: Path, home: Path) -> None:
    (home / ".bash_profile").write_text(NOISY)
    (home / ".profile").write_text(NOISY)
    with mum(root, env={"HOME": str(home)}) as served:
        began = time.monotonic()
        served.run([RUN], {"probe.py": PROBE})
        assert time.monotonic() - began < 15, "waited for what the start-up file left in the background"
        env = probe(served)["env"]
    assert isinstance(env, dict)
    assert env["FROM_PROFILE"] == "x = y\nsecond line"
    assert env["PATH"].startswith(f"{home}/mybin:")


def test_a_login_shell_that_hangs_is_not_waited_for_for_ever(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(home))
    for name in (".bash_profile", ".profile"):
        (home / name).write_text("sleep 300\n")
    began = time.monotonic()
    found = environment.Capture().result(timeout=1.0)
    assert time.monotonic() - began < 5
    assert found["HOME"] == str(home)
    assert left_with(b"HOME=" + os.fsencode(home)) == {}


def test_a_login_shell_that_hangs_does_not_stay_for_ever_behind_neromum(root: Path, home: Path) -> None:
    for name in (".bash_profile", ".profile"):
        (home / name).write_text("sleep 300\n")
    change = {"TIMEOUT = 20.0": "TIMEOUT = 1.0"}
    with mum(root, env={"HOME": str(home)}, change=change) as served:
        served.say({"m": "have", "shas": []})
        served.wait("missing")
        variable = b"HOME=" + os.fsencode(home)
        served.until(lambda: any(line.startswith("sleep") for line in processes_with(variable).values()))
    assert left_with(variable) == {}


def test_start_up_files_are_not_cut_off_by_the_end_of_the_connection(root: Path, home: Path) -> None:
    """They may hold locks just then."""
    for name in (".bash_profile", ".profile"):
        (home / name).write_text(
            "touch $HOME/begun; sleep 0.5; touch $HOME/done; (sleep 0.5; touch $HOME/background) &\n"
        )
    with mum(root, env={"HOME": str(home)}) as served:
        served.say({"m": "have", "shas": []})
        served.until(lambda: (home / "begun").exists())
        served.close()
        assert (home / "done").exists()
    end = time.monotonic() + 10
    while not (home / "background").exists():
        assert time.monotonic() < end, "what a start-up file had left in the background was ended"
        time.sleep(0.02)


SHELLS = ["/bin/sh", "/bin/bash", "/bin/tcsh", "/usr/bin/zsh", "/usr/bin/fish", "/bin/ksh", "/bin/false"]


@pytest.mark.parametrize("shell", [*filter(os.path.exists, SHELLS), "/no/shell"])
def test_every_login_shell_gives_its_environment(
    shell: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(environment, "login_shell", lambda: shell)
    text = "setenv WORD csh\n" if "csh" in shell else "export WORD=other\n"
    names = {"tcsh": ".login", "zsh": ".zprofile", "fish": ".config/fish/config.fish"}
    start_up = home / names.get(os.path.basename(shell), ".profile")
    start_up.parent.mkdir(parents=True, exist_ok=True)
    start_up.write_text(text)
    found = environment.Capture().result(timeout=10)
    assert found["HOME"] == str(home)
    assert found.get("WORD") == (
        None if shell in ("/bin/false", "/no/shell") else "csh" if "csh" in shell else "other"
    )


def test_a_given_environment_is_taken_as_it_is(served: Mum) -> None:
    served.run(
        [RUN],
        {"probe.py": PROBE},
        environment={"PATH": os.environ["PATH"], "ONLY": "this", "NERONET_X": "no"},
    )
    env = probe(served)["env"]
    assert isinstance(env, dict)
    assert env["ONLY"] == "this"
    assert "HOME" not in env
    assert "NERONET_X" not in env
