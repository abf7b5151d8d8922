"""Asks the person at the terminal what only she can answer; answers are never kept or printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neronet.cli.console import Console
    from neronet.transport.base import Question

SUBJECTS = {
    "code": "asks for a one-time code",
    "host_key": "shows a host key that is not known yet",
    "passphrase": "needs the passphrase of your key",
    "password": "asks for your password",
}
TRUST = "Is it the right one? Whoever runs the machine can tell. [yes/no]"


def answer(question: Question, console: Console) -> str | None:
    """What the person says; None when there is nobody to ask, or she declines."""
    *text, prompt = question.text.rstrip().split("\n")
    if question.kind == "host_key":
        text, prompt = [*text, prompt], TRUST
    with console.paused():
        console.say((question.node, "strong"), f" {SUBJECTS[question.kind]}")
        if not console.person:
            console.warn("nobody can be asked here", f"type in a terminal: nerocli doctor {question.node}")
            return None
        for line in text:
            console.say("  ", line)
        try:
            said = console.ask(f"  {prompt}", secret=not question.echo)
        except EOFError:
            return None
    if question.kind != "host_key":
        return said
    return "yes" if said.lower() in ("y", "yes") else None
