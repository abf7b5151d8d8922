"""Every error that a user may see.

    NeronetError                 what happened, where; `.hint`: what to do next
    +-- InputError               the user gave something that cannot be used (exit code 2)
    |   +-- ConfigError          a YAML file has problems; `.problems` lists all of them
    |   +-- NotTrusted           code of a folder would have to run here; `.folder` is not trusted yet
    +-- NodeError                a node could not be used
    |   +-- Unreachable          it does not answer; worth another try later
    |   +-- AuthRefused          it answers, but does not let us in
    |   +-- HostKeyUnknown       never seen before; the user must say yes
    |   +-- HostKeyChanged       not the key we know; never go on
    |   +-- NodeUnfit            no usable python3, no writable root, disk full
    |   +-- ProtocolError        the other side said something it must not say
    +-- UnsafePath               a name from a node would leave the results folder
    +-- StoreError               the user's database cannot be read or written
    +-- NotifyError              a message to the user could not be sent
    +-- EngineError              the engine did not pick up or finish what was asked

Nothing else may reach a user: the command line turns these into one line and an
exit code, everything unexpected into a report file and one line that names it.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neronet.spec.problems import Problem


class NeronetError(Exception):
    """Base of all; `str(error)` is one sentence, `hint` says what to do next ('' when nothing helps)."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        if hint and hasattr(self, "add_note"):  # Python 3.11: a notebook shows it below the message
            self.add_note(hint)


class InputError(NeronetError):
    exit_code = 2


class ConfigError(InputError):
    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class NotTrusted(InputError):
    def __init__(self, folder: str) -> None:
        super().__init__(
            f"plots are drawn by Python code of {folder}, and you have not said that you trust it",
            f"look at it, then: nerocli trust {shlex.quote(folder)}",
        )
        self.folder = folder


class NodeError(NeronetError):
    pass


class Unreachable(NodeError):
    pass


class AuthRefused(NodeError):
    pass


class HostKeyUnknown(NodeError):
    pass


class HostKeyChanged(NodeError):
    pass


class NodeUnfit(NodeError):
    pass


class ProtocolError(NodeError):
    pass


class UnsafePath(NeronetError):
    pass


class StoreError(NeronetError):
    pass


class NotifyError(NeronetError):
    pass


class EngineError(NeronetError):
    pass
