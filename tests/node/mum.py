"""A plain, synchronous user side for the tests of the node: a real Neromum at the end of two pipes."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import neronet
from neronet.transport.agent import build_agent
from neronet.wire import frames, messages

Record = dict[str, Any]


def install(root: Path) -> Path:
    agent = build_agent(Path(neronet.__file__).parent)
    path = root / "agent" / f"neromum-{agent.sha256[:12]}.pyz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(agent.data)
    return path


class Mum:
    def __init__(
        self, root: Path, *, place: str = "place1", home: str = "home1", python: str = sys.executable,
        limits: Record | None = None, env: dict[str, str] | None = None,
    ) -> None:
        self.root, self.place, self.home = root, place, home
        argv = [python, "-I", "-S", str(install(root)), "neromum", "serve", str(root)]
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **(env or {})}, start_new_session=True
        )
        self._decoder = frames.Decoder()
        self.records: list[tuple[str, Record]] = []  # (journal, record)
        self.offsets: dict[str, int] = {}
        self.logs: dict[tuple[int, int, int], bytes] = {}
        self.other: list[tuple[Record, bytes | None]] = []
        self.ends: set[tuple[int, int, int]] = set()
        self.facts = self.wait("hello")[0]["facts"]
        self.say({"m": "hello", "protocol": 1, "version": "test", "home": home})
        self.say({"m": "place", "place": place, "limits": limits or {"slots": 2}})

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
        if message["m"] == "journal":
            assert payload is not None
            assert message["offset"] == self.offsets.get(message["name"], 0), "a gap in a journal"
            self.offsets[message["name"]] = message["offset"] + len(payload)
            self.records += [(message["name"], json.loads(line)) for line in payload.splitlines()]
        elif message["m"] == "log":
            assert payload is not None
            key = (message["index"], message["attempt"], message["stream"])
            self.logs[key] = (b"" if message["reset"] else self.logs.get(key, b"")) + payload
            if message["end"]:
                self.ends.add(key)
        else:
            self.other.append((message, payload))

    def wait(self, kind: str, timeout: float = 20.0, **fields: Any) -> tuple[Record, bytes | None]:
        found: list[tuple[Record, bytes | None]] = []

        def seen() -> bool:
            found[:] = [
                item for item in self.other if item[0]["m"] == kind and all(item[0].get(k) == v for k, v in fields.items())
            ]
            return bool(found)

        self.until(seen, timeout)
        self.other.remove(found[0])
        return found[0]

    def until(self, true: Callable[[], bool], timeout: float = 20.0) -> None:
        end = time.monotonic() + timeout
        while not true():
            assert time.monotonic() < end, f"still waiting; records: {self.records[-5:]}, other: {self.other[-5:]}"
            self.receive(0.1)

    def submit(self, runs: list[list[str]], files: dict[str, bytes] | None = None, **spec: Any) -> str:
        contents = {hashlib.sha256(data).hexdigest(): data for data in (files or {}).values()}
        entries = [
            [path, "f", int(path.endswith(".sh")), hashlib.sha256(data).hexdigest(), len(data)]
            for path, data in sorted((files or {}).items())
        ]
        manifest = json.dumps({"v": 1, "entries": entries}, separators=(",", ":")).encode()
        lines = b"".join(
            json.dumps({"number": n, "name": f"run{n}", "argv": argv, "parameters": {}, "attempt": 1}).encode() + b"\n"
            for n, argv in enumerate(runs)
        )
        token = secrets.token_hex(8)
        shas = {}
        for data in [*contents.values(), manifest, lines]:
            sha = hashlib.sha256(data).hexdigest()
            shas[sha] = data
            for offset in range(0, max(1, len(data)), messages.MAX_PART):
                part = data[offset : offset + messages.MAX_PART]
                self.say({"m": "file", "sha": sha, "offset": offset, "total": len(data)}, part)
            self.wait("stored", sha=sha)
        batch = {
            "home": self.home, "place": self.place, "created": time.time(), "experiment": "test",
            "manifest": hashlib.sha256(manifest).hexdigest(), "runs": hashlib.sha256(lines).hexdigest(), **spec,
        }
        self.say({"m": "batch", "token": token, "batch": batch})
        self.wait("accepted", token=token)
        return token

    def follow(self, token: str) -> None:
        self.say({"m": "follow", "token": token, "offsets": self.offsets})

    def log(self, token: str, index: int, stream: int = 0, until: int = -1, attempt: int = 1) -> None:
        self.say({"m": "log", "token": token, "index": index, "attempt": attempt, "stream": stream, "offset": 0, "until": until})

    def of(self, kind: str) -> list[Record]:
        return [record for _, record in self.records if record["e"] == kind]

    def ended(self) -> dict[int, Record]:
        return {record["i"]: record for record in self.of("ended")}

    def run(self, runs: list[list[str]], files: dict[str, bytes] | None = None, timeout: float = 30.0, **spec: Any) -> dict[int, Record]:
        """Submits, follows until every run has ended; their `ended` records."""
        token = self.submit(runs, files, **spec)
        self.token = token
        self.follow(token)
        self.until(lambda: len(self.ended()) == len(runs), timeout)
        return self.ended()

    def act(self, token: str, do: str, runs: list[list[int]], **fields: Any) -> Record:
        ident = fields.pop("id", secrets.token_hex(4))
        wish = {"m": "act", "id": ident, "do": do, "token": token, "runs": runs, "who": "tester", "why": "by the test", "priority": 0}
        self.say({**wish, **fields})
        return self.wait("done", id=ident)[0]["result"]

    def close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
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
    """pid -> command line of every process whose command line names this root."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                line = Path(f"/proc/{entry}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(root) in line and int(entry) != os.getpid():
                found[int(entry)] = line
    return found


def leave_nothing(root: Path, timeout: float = 20.0) -> None:
    """Waits until no process of ours is left below this root; kills and fails when some stay."""
    end = time.monotonic() + timeout
    while left := processes_of(root):
        if time.monotonic() > end:
            for pid in left:
                os.kill(pid, 9)
            raise AssertionError(f"left behind: {left}")
        time.sleep(0.02)
