"""`nerocli` as a user runs it: a process of its own, for every command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

NEROCLI = Path(sys.executable).with_name("nerocli")


class Cli:
    """A user with a home of her own and no terminal."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __call__(self, *arguments: object, code: int = 0, timeout: float = 60.0, stdin: str = "") -> str:
        """What the command prints; it must end with this exit code, and show no traceback of ours."""
        done = self.run(*arguments, timeout=timeout, stdin=stdin)
        said = done.stdout + done.stderr
        assert done.returncode == code, f"nerocli {arguments} ended with {done.returncode}:\n{said}"
        assert "Traceback" not in said, said
        return said

    def run(
        self, *arguments: object, timeout: float = 60.0, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [NEROCLI, *map(str, arguments)], env=self.environment, input=stdin, capture_output=True, text=True,
            timeout=timeout, check=False,
        )  # fmt: skip

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [NEROCLI, *map(str, arguments)], env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def json(self, *arguments: object) -> Any:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "NERONET_HOME": str(self.home), "COLUMNS": "100"}
