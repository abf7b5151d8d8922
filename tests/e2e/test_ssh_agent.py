"""Keys in an ssh-agent work also when the engine is older than the agent."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.cli import Cli
from tests.testbed.fixtures import NodeFactory
from tests.testbed.lab import Lab

pytestmark = pytest.mark.real


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch, lab: Lab) -> Iterator[Callable[[], None]]:
    """Starts an agent that holds alice's key, as a user would in her terminal."""
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    pids = []

    def start() -> None:
        said = subprocess.run(["ssh-agent", "-s"], capture_output=True, text=True, check=True).stdout
        monkeypatch.setenv("SSH_AUTH_SOCK", re.findall(r"SSH_AUTH_SOCK=([^;]+);", said)[0])
        pids.append(int(re.findall(r"SSH_AGENT_PID=(\d+);", said)[0]))
        subprocess.run(["ssh-add", "-q", lab.key("alice")], check=True)

    yield start
    for pid in pids:
        os.kill(pid, 15)


def test_an_agent_that_was_started_after_the_engine_is_asked(
    cli: Cli, node_factory: NodeFactory, client_home: Callable[..., Path], agent: Callable[[], None]
) -> None:
    node = node_factory("node1")
    without_key = re.sub(r"(?m)^\s*(IdentityFile|IdentitiesOnly).*\n", "", node.ssh_config(alias="gpu"))
    client_home(without_key)
    cli("engine", "start")
    assert "does not let us in" in cli("addnode", "gpu", "gpu")
    agent()
    assert "does not let us in" not in cli("doctor", "gpu")
