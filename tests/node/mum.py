"""A plain, synchronous user side for the tests of the node: a real Neromum at the end of two pipes."""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import select
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import neronet
from neronet.transport.agent import build_agent
from neronet.wire import frames, messages
from tests.waiting import until

# Interpreters of a version manager, where there is one, the oldest first; else the one that runs the tests.
PYTHONS = [
    path
    for minor in range(6, 20)
    for path in sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python"))[-1:]
] or [Path(sys.executable)]
Record = dict[str, Any]
Files = dict[str, bytes | str | None]  # path -> content, target of a link, or None for an empty folder


def install(root: Path, change: dict[str, str] | None = None) -> Path:
    """The agent in its place below `root`, with some texts of its files replaced; its path."""
    data = build_agent(Path(neronet.__file__).parent).data
    if change:
        changed = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(changed, "w") as new:
            texts = {name: old.read(name).decode() for name in old.namelist()}
            for before, after in change.items():
                assert any(before in text for text in texts.values()), f"nothing to replace: {before}"
                texts = {name: text.replace(before, after) for name, text in texts.items()}
            for name, text in texts.items():
                new.writestr(name, text)
        data = changed.getvalue()
    path = root / "agent" / f"neromum-{hashlib.sha256(data).hexdigest()[:12]}.pyz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


class Mum:
    def __init__(
        self,
        root: Path,
        *,
        place: str = "place1",
        home: str = "home1",
        python: str = sys.executable,
        limits: Record | None = None,
        env: dict[str, str | None] | None = None,
        before: Mum | None = None,
        change: dict[str, str] | None = None,
        inside: list[str] | None = None,
        **popen: Any,
    ) -> None:
        """before: an ended connection whose offsets and records this one goes on from; change: see `install`;
        env: over ours, None removes; inside: the command that runs it."""
        self.root, self.place, self.home = root, place, home
        argv = [
            *(inside or []),
            python,
            "-I",
            "-S",
            str(install(root, change)),
            "neromum",
            "serve",
            str(root),
        ]
        pipe = subprocess.PIPE
        # Start-up files of whoever runs the tests may take seconds, and have nothing to do with them.
        given = {**os.environ, "HOME": str(root.parent), **(env or {})}
        variables = {name: value for name, value in given.items() if value is not None}
        self.process = subprocess.Popen(
            argv, stdin=pipe, stdout=pipe, env=variables, start_new_session=True, **popen
        )
        self._decoder = frames.Decoder()
        self.records: list[tuple[str, Record]] = before.records if before else []  # (journal, record)
        self.offsets: dict[str, dict[str, int]] = (
            before.offsets if before else {}
        )  # token -> journal -> offset
        self.logs: dict[tuple[int, int, int], bytes] = {}
        self.outputs: dict[tuple[int, str], bytes] = {}
        self.other: list[tuple[Record, bytes | None]] = []
        self.largest = 0  # bytes of one payload
        self.ends: set[tuple[int, int, int]] = set()
        self.facts = self.wait("hello")[0]["facts"]
        self.say({"m": "hello", "protocol": 1, "version": "test", "home": home})
        self.say({"m": "place", "place": place, "limits": limits or {"slots": 2}})

    @property
    def pid(self) -> int:
        return self.process.pid

    def say(self, message: Record, payload: bytes | None = None) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(frames.encode(message, payload))
        self.process.stdin.flush()

    def receive(self, timeout: float) -> None:
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], timeout)[0]:
            return
        data = os.read(self.process.stdout.fileno(), 1 << 20)
        assert data, f"Neromum ended with {self.process.wait(5)}"
        for message, payload in self._decoder.feed(data):
            messages.check(message, messages.TO_USER)
            self._take(message, payload)

    def _take(self, message: Record, payload: bytes | None) -> None:
        self.largest = max(self.largest, len(payload or b""))
        if message["m"] == "journal":
            assert payload is not None
            offsets = self.offsets.setdefault(message["token"], {})
            assert message["offset"] == (0 if message["reset"] else offsets.get(message["name"], 0)), "a gap"
            offsets[message["name"]] = message["offset"] + len(payload)
            self.records += [(message["name"], json.loads(line)) for line in payload.splitlines()]
        elif message["m"] == "log":
            assert payload is not None
            key = (message["index"], message["attempt"], message["stream"])
            self.logs[key] = (b"" if message["reset"] else self.logs.get(key, b"")) + payload
            if message["end"]:
                self.ends.add(key)
        elif message["m"] == "output":
            assert payload is not None
            path = message["index"], message["path"]
            self.outputs[path] = self.outputs.get(path, b"") + payload
            if message["end"]:
                self.other.append((message, self.outputs[path]))
        else:
            self.other.append((message, payload))

    def wait(self, kind: str, timeout: float = 20.0, **fields: Any) -> tuple[Record, bytes | None]:
        found: list[tuple[Record, bytes | None]] = []

        def seen() -> bool:
            found[:] = [
                item
                for item in self.other
                if item[0]["m"] == kind and all(item[0].get(name) == value for name, value in fields.items())
            ]
            return bool(found)

        self.until(seen, timeout)
        self.other.remove(found[0])
        return found[0]

    def until(self, true: Callable[[], bool], timeout: float = 20.0) -> None:
        """As tests.waiting.until; it receives meanwhile."""

        def told() -> str:
            return f"still waiting; records: {self.records[-5:]}, other: {self.other[-5:]}"

        until(true, told, timeout, rest=lambda: self.receive(0.1))

    def send(self, data: bytes) -> str:
        """Sends a content, whether it is there or not; its hash."""
        sha = hashlib.sha256(data).hexdigest()
        for offset in range(0, max(1, len(data)), messages.MAX_PART):
            part = data[offset : offset + messages.MAX_PART]
            self.say({"m": "file", "sha": sha, "offset": offset, "total": len(data)}, part)
        self.wait("stored", sha=sha)
        return sha

    def content(self, runs: list[list[str]], files: Files | None = None, **spec: Any) -> Record:
        """What a `batch` message says; the contents that it names are sent."""
        entries: list[list[Any]] = []
        for path, data in sorted((files or {}).items()):
            if data is None:
                entries.append([path, "d"])
            elif isinstance(data, str):
                entries.append([path, "l", data])
            else:
                entries.append([path, "f", int(path.endswith(".sh")), self.send(data), len(data)])
        lines = b"".join(
            json.dumps(
                {"number": n, "name": f"run{n}", "argv": argv, "parameters": {}, "attempt": 1}
            ).encode()
            + b"\n"
            for n, argv in enumerate(runs)
        )
        manifest = self.send(json.dumps({"v": 1, "entries": entries}, separators=(",", ":")).encode())
        batch = {"home": self.home, "place": self.place, "created": time.time(), "experiment": "test"}
        return {**batch, "manifest": manifest, "runs": self.send(lines), **spec}

    def submit(self, runs: list[list[str]], files: Files | None = None, token: str = "", **spec: Any) -> str:
        token = token or secrets.token_hex(8)
        self.say({"m": "batch", "token": token, "batch": self.content(runs, files, **spec)})
        self.wait("accepted", token=token)
        return token

    def follow(self, token: str) -> None:
        self.say({"m": "follow", "token": token, "offsets": self.offsets.get(token, {})})

    def log(self, token: str, index: int, stream: int = 0, until: int = -1, offset: int = 0) -> None:
        address = {"token": token, "index": index, "attempt": 1}
        self.say({"m": "log", **address, "stream": stream, "offset": offset, "until": until})

    def whole_log(self, token: str, index: int, stream: int = 0) -> bytes:
        """A stream of a run that has ended."""
        self.log(token, index, stream, until=self.ended()[index]["sizes"][stream])
        self.until(lambda: (index, 1, stream) in self.ends)
        return self.logs[index, 1, stream]

    def output(self, token: str, index: int, path: str, offset: int = 0) -> bytes:
        self.outputs.pop((index, path), None)
        self.say(
            {"m": "output", "token": token, "index": index, "attempt": 1, "path": path, "offset": offset}
        )
        return self.wait("output", index=index, path=path)[1] or b""

    def sync(self, number: int = 1) -> None:
        self.say({"m": "sync", "id": number})
        self.wait("synced", id=number)

    def of(self, kind: str) -> list[Record]:
        return [record for _, record in self.records if record["e"] == kind]

    def ended(self) -> dict[int, Record]:
        return {record["i"]: record for record in self.of("ended")}

    def unfollow(self, token: str) -> None:
        self.say({"m": "unfollow", "token": token})
        self.sync()

    def points(self, index: int, stream: int = 0) -> list[list[Any]]:
        """[name, value, offset, step] of all points that came, in the order in which they did."""
        return [
            point
            for record in self.of("p")
            if (record["i"], record["s"]) == (index, stream)
            for point in record["v"]
        ]

    def run(
        self, runs: list[list[str]], files: Files | None = None, timeout: float = 40.0, **spec: Any
    ) -> dict[int, Record]:
        """Submits, follows until every run has ended; their `ended` records. Forgets what came of earlier ones."""
        self.forget()
        self.token = self.submit(runs, files, **spec)
        self.follow(self.token)
        self.until(lambda: len(self.ended()) == len(runs), timeout)
        return self.ended()

    def forget(self) -> None:
        for kept in (self.records, self.offsets, self.ends, self.logs, self.outputs, self.other):
            kept.clear()

    def until_started(self, count: int = 1) -> None:
        self.until(lambda: len(self.of("started")) >= count)

    def act(self, token: str, do: str, runs: list[list[int]], **fields: Any) -> Record:
        ident = fields.pop("id", secrets.token_hex(4))
        wish = {
            "m": "act",
            "id": ident,
            "do": do,
            "token": token,
            "runs": runs,
            "who": "tester",
            "why": "by the test",
        }
        self.say({**wish, "priority": 0, **fields})
        return self.wait("done", id=ident)[0]["result"]

    def kill(self) -> None:
        self.process.kill()
        self.close()

    def close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            try:
                pipe.close()
            except BrokenPipeError:
                pass  # what was still to be written to a process that is gone
        self.process.wait(10)


@contextmanager
def mum(root: Path, **options: Any) -> Iterator[Mum]:
    served = Mum(root, **options)
    try:
        yield served
    finally:
        served.close()
        leave_nothing(root)


def processes_of(root: Path) -> dict[int, str]:
    """pid -> command line of every process whose command line names this root, or that is part of one of its runs."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            line = Path(f"/proc/{entry}/cmdline").read_bytes()
            environment = Path(f"/proc/{entry}/environ").read_bytes()
        except OSError:
            continue
        if os.fsencode(root) in line or b"\0NERONET_POINTS=" + os.fsencode(root) in b"\0" + environment:
            found[int(entry)] = line.replace(b"\0", b" ").decode(errors="replace")
    return found


def kids_of(root: Path) -> list[int]:
    """The kids below this root; not what one has just forked, which has its name until it becomes a program."""
    return [pid for pid in processes_of(root) if _has_own_program(pid) and b"\0nerokid\0" in _cmdline(pid)]


def _has_own_program(pid: int) -> bool:
    """Whether it called exec since it was forked (PF_FORKNOEXEC of linux/sched.h)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return False
    return not int(stat.rpartition(")")[2].split()[6]) & 0x40


def _cmdline(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def leave_nothing(root: Path, timeout: float = 20.0, but: int = 0) -> None:
    """Waits until no process of ours (but one) is left below this root; kills and fails when some stay."""
    end = time.monotonic() + timeout
    while left := {pid: line for pid, line in processes_of(root).items() if pid != but}:
        if time.monotonic() > end:
            for pid in left:
                os.kill(pid, 9)
            raise AssertionError(f"left behind: {left}")
        time.sleep(0.02)
