"""Questions of the ssh program: it runs a helper with each, which asks us through a socket.

ssh asks that way (SSH_ASKPASS) for passwords, codes, passphrases and host keys when it
has no terminal.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
import tempfile
from pathlib import Path

from neronet.transport import askpass_helper
from neronet.transport.base import Ask, Kind, Question, harmless, kind_of_prompt


class Askpass:
    """Hands ssh's questions to `ask`, between `start` and `close`."""

    def __init__(self, node: str, ask: Ask) -> None:
        self._node, self._ask = node, ask
        self._folder = tempfile.TemporaryDirectory(prefix="neronet-")  # mode 0700
        self._server: asyncio.Server | None = None

    async def start(self) -> dict[str, str]:
        """Begins to listen; returns what ssh needs in its environment."""
        folder = Path(self._folder.name)
        self._server = await asyncio.start_unix_server(self._answer, folder / "ask")
        helper = folder / "askpass"
        command = [sys.executable, "-I", "-S", askpass_helper.__file__, str(folder / "ask")]
        helper.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
        helper.chmod(0o700)
        # Before OpenSSH 8.4 there is no REQUIRE: it asks so when it has a DISPLAY and no terminal.
        display = os.environ.get("DISPLAY") or ":0"
        return {"SSH_ASKPASS": str(helper), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": display}

    def close(self) -> None:
        if self._server:
            self._server.close()
        self._folder.cleanup()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
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
