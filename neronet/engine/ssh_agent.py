"""The user's ssh-agent, also for an engine that was started before it, or from another terminal.

Every login session has a socket of its own.  A link in the home leads to that of
whoever used Neronet last; the background engine asks the agent through it.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

LINK = "ssh-agent"
VARIABLE = "SSH_AUTH_SOCK"


def offer(home: Path) -> None:
    """Lets the link lead to this process's agent, if there is one; without it the link stays as it is."""
    target = os.environ.get(VARIABLE, "")
    link = home / LINK
    try:
        if not stat.S_ISSOCK(os.stat(target).st_mode) or os.path.realpath(target) == os.path.realpath(link):
            return
        new = home / f"{LINK}.{os.getpid()}"
        new.unlink(missing_ok=True)
        new.symlink_to(os.path.realpath(target))
        os.replace(new, link)
    except (OSError, ValueError):
        return  # no agent, or no links here: the engine goes on with the agent that it was started with


def use(home: Path) -> None:
    """From now on this process asks the agent that the link leads to, once somebody has offered one."""
    if os.name == "posix":
        offer(home)
        os.environ[VARIABLE] = str(home / LINK)
