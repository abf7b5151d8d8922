"""Nodes as nodes.yaml would give them, and an agent that sends back what it gets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from neronet.spec.nodes import NodeSpec, SshOptions
from neronet.transport.agent import Agent, build_agent
from neronet.transport.base import Channel, Question

# Says who it is in one line, then sends everything back.
ECHO = """
import json, os, sys

def main(arguments):
    facts = {"arguments": arguments, "argv0": sys.argv[0], "version": list(sys.version_info[:3]),
             "env": dict(os.environ), "parent": os.getppid(), "pid": os.getpid(),
             "isolated": sys.flags.isolated, "umask": os.umask(0)}
    os.write(1, json.dumps(facts).encode() + b"\\n")
    while True:
        data = os.read(0, 65536)
        if not data:
            return 0
        while data:
            data = data[os.write(1, data):]
"""


def make_spec(id: str = "node1", **fields: Any) -> NodeSpec:  # noqa: A002
    options = SshOptions(**fields.pop("ssh_options", {}))
    return NodeSpec(id, ssh_options=options, **fields)


@pytest.fixture(scope="session")
def echo_agent(tmp_path_factory: pytest.TempPathFactory) -> Agent:
    package = tmp_path_factory.mktemp("package") / "neronet"
    (package / "node").mkdir(parents=True)
    (package / "node/__init__.py").touch()
    (package / "node/main.py").write_text(ECHO)
    return build_agent(package)


async def read_line(channel: Channel) -> bytes:
    data = b""
    while not data.endswith(b"\n"):
        part = await channel.read(1)
        assert part, f"the channel ended after {data!r}: {channel.stderr_tail()}"
        data += part
    return data


async def facts_of(channel: Channel) -> dict[str, Any]:
    """The echo agent's first line."""
    facts: dict[str, Any] = json.loads(await read_line(channel))
    return facts


async def nobody(question: Question) -> str | None:
    raise AssertionError(f"asked: {question}")


class User:
    """Answers questions with what was put in `answers` by kind; notes them all in `asked`."""

    def __init__(self, **answers: str | list[str | None]) -> None:
        self.asked: list[Question] = []
        self._answers = answers

    async def __call__(self, question: Question) -> str | None:
        self.asked.append(question)
        answer = self._answers.get(question.kind)
        if isinstance(answer, list):
            return answer.pop(0) if answer else None
        return answer

    def kinds(self) -> list[str]:
        return [question.kind for question in self.asked]
