"""Help that teaches: what there is, how it is said, an example, and what comes next.  Pure."""

from __future__ import annotations

import textwrap

from neronet.cli.verbs import GROUPS, Verb

WIDTH = 80


def overview() -> str:
    lines = [
        "nerocli: run a sweep of parameters on the machines you reach by SSH",
        "",
        "  nerocli demo                      see all of it in 15 seconds, on this machine",
        "  nerocli addnode gpu1 me@gpu1      a machine; nothing is installed there",
        "  nerocli submit ~/my_experiment gpu1",
        "  nerocli watch                     live; nerocli results is the table",
    ]
    for title, verbs in GROUPS.items():
        lines += ["", title, *(f"  {verb.name:<11} {verb.summary}" for verb in verbs)]
    lines += [
        "",
        "nerocli COMMAND --help explains a command. nerocli -status, nerocli --status and",
        "nerocli status are the same. All data is kept in ~/.neronet, or $NERONET_HOME.",
    ]
    return "\n".join(lines) + "\n"


def explain(verb: Verb) -> str:
    """The help of one command."""
    lines = [f"nerocli {verb.name}: {verb.summary}", "", *_usage(verb)]
    if verb.about:
        lines += ["", *_wrap(verb.about, WIDTH)]
    if verb.arguments:
        lines.append("")
        room = max(len(argument.label) for argument in verb.arguments)
        for argument in verb.arguments:
            first, *others = _wrap(argument.help, WIDTH - room - 4)
            lines += [f"  {argument.label:<{room}}  {first}", *(" " * (room + 4) + line for line in others)]
    for title, entries in (("Example", verb.examples), ("Then", verb.then)):
        if entries:
            lines += ["", title + "s" * (title == "Example" and len(entries) > 1)]
            lines += [f"  {entry}" for entry in entries]
    return "\n".join(lines) + "\n"


def _usage(verb: Verb) -> list[str]:
    """The usage line, broken only between arguments."""
    tied = " ".join(part.replace(" ", "\0") for part in verb.usage_parts)
    lines = textwrap.wrap(
        tied, WIDTH, initial_indent="  ", subsequent_indent="      ", break_on_hyphens=False
    )
    return [line.replace("\0", " ") for line in lines]


def _wrap(text: str, width: int) -> list[str]:
    return [line for part in text.split("\n") for line in textwrap.wrap(part, width, break_on_hyphens=False)]
