"""This computer as a node: what makes a first sweep run on a machine without any server."""

from __future__ import annotations

import os

from neronet.errors import NodeUnfit
from neronet.transport.processes import ProcessChannel, Programs


class LocalTransport:
    """Runs commands by /bin/sh, in the environment of this process."""

    def __init__(self, node: str) -> None:
        if os.name != "posix":
            raise NodeUnfit(
                f"{node}: runs on this computer need Linux, macOS or another Unix",
                "add a machine that you reach by ssh: nerocli addnode ID ADDRESS",
            )
        self.notes: list[str] = []
        self._programs = Programs(node)

    async def start(self, command: str) -> ProcessChannel:
        return await self._programs.start(["/bin/sh", "-c", command])

    async def close(self) -> None:
        await self._programs.close()
