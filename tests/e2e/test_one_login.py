"""A node that asks for a one-time code asks once, however many commands use it."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.cli import NEROCLI, Cli
from tests.testbed.fixtures import NodeFactory

pytestmark = pytest.mark.real

CONFIG = """\
run_command_prefix: sh
main_code_file: main.sh
+slow:
"""


class Terminal:
    """A command in a pseudo terminal, as a person sees it who may type."""

    def __init__(self, cli: Cli, *arguments: str) -> None:
        self._fd, other = pty.openpty()
        self.process = subprocess.Popen(
            [NEROCLI, *arguments],
            env=cli.environment,
            stdin=other,
            stdout=other,
            stderr=other,
            start_new_session=True,
        )
        os.close(other)
        self.said = ""

    def until(self, text: str, timeout: float = 30.0) -> None:
        end = time.monotonic() + timeout
        while text not in self.said:
            assert time.monotonic() < end, self.said
            if select.select([self._fd], [], [], 0.2)[0]:
                try:
                    self.said += os.read(self._fd, 65536).decode(errors="replace")
                except OSError:
                    break
        assert text in self.said, self.said

    def type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def close(self) -> int:
        while self.process.poll() is None:
            try:
                if select.select([self._fd], [], [], 0.2)[0]:
                    self.said += os.read(self._fd, 65536).decode(errors="replace")
            except OSError:
                break
        os.close(self._fd)
        return self.process.wait(30)


def test_one_code_serves_a_submit_a_log_and_a_fetch(
    cli: Cli, node_factory: NodeFactory, tmp_path: Path, client_home: Callable[..., Path]
) -> None:
    node = node_factory("guarded", code="after key")
    client_home(node.ssh_config(alias="guarded"))
    folder = tmp_path / "slow"
    folder.mkdir()
    (folder / "config.yaml").write_text(CONFIG)
    looked_at = "until [ -e /home/alice/looked_at ]; do sleep 0.1; done"
    (folder / "main.sh").write_text(
        f"for i in 1 2 3 4 5 6 7 8; do echo loss $i; done; {looked_at}; echo loss 9\n"
    )
    assert "one-time code" in cli(
        "addnode", "guarded", "guarded"
    )  # a script: nobody to ask, and that is said
    asked = node.codes_asked()
    submit = Terminal(cli, "submit", str(folder), "guarded")
    submit.until(": ")
    submit.type(node.new_code() + "\n")
    assert submit.close() == 0, submit.said
    follow = cli.start("logs", "slow", "-f")
    cli("fetch")
    assert cli.json("status")["runs"][0]["state"] in ("queued", "running")
    node.path("/home/alice/looked_at").touch()
    said = follow.communicate(timeout=60)[0]
    assert said.split() == [word for number in range(1, 10) for word in ("loss", str(number))]
    assert cli.json("status")["runs"][0]["state"] == "finished"
    assert node.codes_asked() == asked + 1
