"""`addnode`, `delnode`, `doctor` and `recover`: where runs can run."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from neronet import words
from neronet.cli.console import Console
from neronet.cli.jsonout import dumps
from neronet.cli.session import Session
from neronet.cli.table import Piece

if TYPE_CHECKING:
    from neronet.engine.doctor import Check

FIELDS = ("type", "slots", "gpus", "memory", "root", "python", "transport")
SSH_OPTIONS = ("user", "port", "identity_file", "known_hosts")
MARKS: dict[bool | None, tuple[str, str, str]] = {
    True: ("✓", "+", "good"),
    False: ("✗", "x", "bad"),
    None: ("·", "-", "quiet"),
}


def addnode(arguments: Namespace, session: Session) -> None:
    """The node is kept whether it answers or not."""
    neroman, console = session.neroman, session.console
    given = vars(arguments)
    fields: dict[str, object] = {name: given[name] for name in FIELDS if given[name] is not None}
    ssh_options = {name: given[name] for name in SSH_OPTIONS if given[name] is not None}
    if ssh_options:
        fields["ssh_options"] = ssh_options
    neroman.add_node(arguments.id, arguments.address, **fields)
    console.print((arguments.id, "strong"), " is added: ", arguments.address)
    checks = neroman.doctor(arguments.id)
    _show_checks([check for check in checks if check.node == arguments.id], console)
    if any(check.ok is False for check in checks if check.node == arguments.id):
        console.warn(
            f"{arguments.id} is kept, but nothing can run there yet",
            f"when that is mended: nerocli doctor {arguments.id}",
        )
    else:
        console.then(f"nerocli submit FOLDER {arguments.id}")


def delnode(arguments: Namespace, session: Session) -> None:
    session.neroman.remove_node(arguments.id, force=arguments.force)
    session.console.print(f"{arguments.id} is forgotten. What has been fetched from it stays.")


def doctor(arguments: Namespace, session: Session) -> int:
    """0 when everything is well."""
    checks = session.neroman.doctor(arguments.node)
    if arguments.json:
        session.console.raw(dumps([vars(check) for check in checks]))
    else:
        _show_checks(checks, session.console)
    return 1 if any(check.ok is False for check in checks) else 0


def recover(arguments: Namespace, session: Session) -> None:
    runs = session.neroman.recover(arguments.node)
    console = session.console
    if len(runs):
        console.print(f"{words.count(len(runs), 'run')} found on {arguments.node} and taken up again.")
        console.then("nerocli status")
    else:
        console.print(f"{arguments.node} has no runs of yours that are not known here.")


def _show_checks(checks: Sequence[Check], console: Console) -> None:
    node = ""
    for check in checks:
        if check.node != node:
            node = check.node
            console.print((node, "strong"))
        shape, letter, style = MARKS[check.ok]
        line: list[Piece] = [
            "  ",
            (shape if console.unicode else letter, style),
            f" {check.subject}: {check.text}",
        ]
        console.print(*line)
        if check.hint and check.ok is not True:
            console.print("    ", (check.hint, "quiet"))
