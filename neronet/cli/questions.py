"""Asks the person at the terminal what only she can answer; answers are never kept or printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neronet.cli.text import harmless

if TYPE_CHECKING:
    from neronet.cli.console import Console
    from neronet.transport.base import Question

SUBJECTS = {
    "code": "asks for a one-time code",
    "host_key": "shows a host key that is not known yet",
    "passphrase": "needs the passphrase of your key",
    "password": "asks for your password",
}


def answer(question: Question, console: Console) -> str | None:
    """What the person says; None when there is nobody to ask, or she declines."""
    console.say((question.node, "strong"), f" {SUBJECTS[question.kind]}.")
    *text, prompt = question.text.rstrip().split("\n")
    if not console.person:
        console.warn("nobody can be asked here", f"type in a terminal: nerocli doctor {question.node}")
        return None
    for line in text:
        console.say("  ", line)
    try:
        if question.kind == "host_key":
            console.say("  ", prompt)
            with console.paused():
                said = console.ask(
                    "Is this its key? Its owner or administrator can tell. [yes/no]", secret=False
                )
            return "yes" if said.lower() in ("y", "yes") else None
        return console.ask(f"  {harmless(prompt).rstrip(':')}:", secret=not question.echo)
    except (EOFError, KeyboardInterrupt):  # on a thread of its own, Ctrl-C cannot reach us but Ctrl-D can
        return None
