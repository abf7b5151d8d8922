"""What several tests of this folder use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

MIB = 1024 * 1024


def state(top: Path) -> dict[str, object]:
    return {
        str(place.relative_to(top)): (place.lstat().st_mode, place.read_bytes() if place.is_file() else b"")
        for place in top.rglob("*")
    }


def files(top: Path) -> dict[str, bytes]:
    return {str(place.relative_to(top)): place.read_bytes() for place in top.rglob("*") if place.is_file()}


def on_small_disk(place: Path, program: str) -> str:
    """What a Python program prints that runs while `place` is a disk of 1 MiB, which nobody else sees."""
    place.mkdir()
    spaces = (
        ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    )
    script = 'mount -t tmpfs -o size=1m tmpfs "$1" && exec "$2" -c "$3" "$1"'
    command = [*spaces, "sh", "-c", script, "sh", str(place), sys.executable, program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    return done.stdout
