"""Processes as the kernel shows them: who lives in a node's process table, and who is still the same."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """One process of a node; `pid` is its number inside the node, `host_pid` the one outside."""

    pid: int
    host_pid: int
    uid: int
    name: str
    command: str  # its argv joined by blanks; empty for a zombie


def start_time(pid: int) -> str | None:
    """When the process began (clock ticks since boot), so that a reused pid is known; None: it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()  # the name before it may hold blanks and brackets
    return None if fields[0] == "Z" else fields[19]


def kill_recorded(pid: int, start: str) -> None:
    """Ends the very process that was recorded, never a later one with the same pid."""
    if start_time(pid) == start:
        os.kill(pid, signal.SIGKILL)


def processes_in(namespace: str) -> list[Process]:
    """The processes of a pid namespace (what the link /proc/PID/ns/pid says), by pid inside it."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        folder = Path("/proc", entry)
        try:
            if os.readlink(folder / "ns/pid") == namespace:
                found.append(_read(folder))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it ended while we looked, or is more privileged than this root
    return sorted(found, key=lambda process: process.pid)


def processes_of(uids: set[int]) -> list[Process]:
    """The processes of these users, whatever their namespace."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and os.stat(f"/proc/{entry}").st_uid in uids:
                found.append(_read(Path("/proc", entry)))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def _read(folder: Path) -> Process:
    lines = (folder / "status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines)
    command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    pid = int(status["NSpid"].split()[-1])
    return Process(pid, int(folder.name), int(status["Uid"].split()[0]), status["Name"], command)
