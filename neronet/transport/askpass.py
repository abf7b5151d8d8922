"""Questions of the ssh program: it runs a helper with the question, we answer through a socket.

ssh asks that way (SSH_ASKPASS) for passwords, codes, passphrases and host keys when it
has no terminal.  The helper is this file, run by itself: standard library only.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import socket
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neronet.transport.base import Ask, Kind

MAX_QUESTION = 65536


class Askpass:
    """Hands ssh's questions to `ask`; `env` is what ssh needs in its environment."""

    def __init__(self, node: str, ask: Ask) -> None:
        self._node, self._ask = node, ask
        self._folder = tempfile.TemporaryDirectory(prefix="neronet-")  # mode 0700
        self._server: asyncio.Server | None = None

    async def start(self) -> dict[str, str]:
        """Begins to listen; the answer is what ssh needs in its environment."""
        folder = Path(self._folder.name)
        self._server = await asyncio.start_unix_server(self._answer, folder / "ask", limit=MAX_QUESTION)
        helper = folder / "askpass"
        command = [sys.executable, "-I", "-S", str(Path(__file__)), str(folder / "ask")]
        helper.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
        helper.chmod(0o700)
        # Before OpenSSH 8.4 there is no REQUIRE: it asks so when it has a DISPLAY and no terminal.
        display = os.environ.get("DISPLAY") or ":0"
        return {"SSH_ASKPASS": str(helper), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": display}

    async def close(self) -> None:
        if self._server:
            self._server.close()
        self._folder.cleanup()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from neronet.transport.base import Question, harmless

        text = harmless((await reader.read()).decode("utf-8", "replace")).strip()
        kind = kind_of(text)
        answer = await self._ask(Question(kind, self._node, text, echo=kind == "host_key"))
        if answer is not None:
            writer.write(b"+" + answer.encode())
        writer.close()


def kind_of(text: str) -> Kind:
    """What ssh wants to know with this text of its."""
    words = text.lower()
    if "authenticity of host" in words or "(yes/no" in words:
        return "host_key"
    return "passphrase" if "passphrase" in words or "pin for" in words else kind_of_prompt(text)


def helper(path: str, text: str) -> int:
    """Puts the question; prints the answer. The exit status is 1 when there is none."""
    if os.environ.get("SSH_ASKPASS_PROMPT") == "none":
        return 0  # "touch your key now": nothing to answer
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        client.sendall(text.encode("utf-8", "surrogateescape")[:MAX_QUESTION])
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while part := client.recv(4096):
            answer += part
    if not answer:
        return 1
    sys.stdout.write(answer[1:].decode() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(helper(sys.argv[1], " ".join(sys.argv[2:])))
