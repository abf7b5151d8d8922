"""`history`: what happened, and when."""

from __future__ import annotations

import re
import time
from argparse import Namespace
from collections.abc import Sequence
from datetime import datetime

from neronet import words
from neronet.cli import text
from neronet.cli.jsonout import dumps, iso
from neronet.cli.session import Session
from neronet.cli.table import Column, Table
from neronet.errors import InputError

LAST = 50  # events that are shown when no time is given
_UNITS = {"s": 1.0, "min": words.MINUTE, "h": words.HOUR, "d": words.DAY}


def history(arguments: Namespace, session: Session) -> None:
    now = time.time()
    since = None if arguments.since is None else parse_since(arguments.since, now)
    kinds = None if arguments.kind is None else [kind.strip() for kind in arguments.kind.split(",")]
    # One more than is shown tells that there are more.
    some = None if arguments.json or arguments.all or since is not None else LAST + 1
    events = session.neroman.history(arguments.id, since=since, kinds=kinds, node=arguments.node, last=some)
    console = session.console
    if arguments.json:
        fields = ("run", "attempt", "name", "node", "kind", "text", "data")
        rows = ({field: getattr(event, field) for field in fields} for event in events)
        console.raw(
            dumps([{"time": iso(event.time), **row} for event, row in zip(events, rows, strict=True)])
        )
        return
    shown = events if some is None else events[-LAST:]
    table = Table(
        [
            Column("time"),
            Column("#", right=True),
            Column("run", shrink=12, tail=True, drop=1),
            Column("node", shrink=6, drop=2),
            Column("what", shrink=30, wrap=True),
        ]
    )
    for event in shown:
        number = "" if event.run is None else str(event.run)
        # The text of a condition says itself what it is.
        said = event.text.startswith(event.kind + " ")
        what = event.text if said else f"{event.kind}: {event.text}" if event.text else event.kind
        table.add(
            (text.moment(event.time), "quiet"), (number, "quiet"), event.name or "", event.node or "", what
        )
    if shown:
        hidden = console.table(table)
        if hidden:
            console.say((f"Too narrow for {', '.join(hidden)}; all columns: nerocli history --json", "quiet"))
    else:
        console.print(_nothing(session, since is not None, kinds, arguments.node))
    if len(shown) < len(events):
        console.say((f"These are the last {LAST}; all: nerocli history --all", "quiet"))


def _nothing(session: Session, since: bool, kinds: Sequence[str] | None, node: str | None) -> str:
    if kinds is None and node is None:
        return "Nothing has happened" + (" since then." if since else " yet.")
    events = session.neroman.history()
    told = "Nothing of that has happened."
    if kinds is not None and (known := dict.fromkeys(event.kind for event in events)):
        told += f" Kinds that there are: {', '.join(known)}."
    nodes = dict.fromkeys(event.node for event in events if event.node)
    if node is not None and node not in nodes:
        told += f" Nodes where something has: {', '.join(nodes)}." if nodes else ""
    return told


def parse_since(said: str, now: float) -> float:
    """The moment of `30min`, `2h`, `7d` before `now`, or of a date `2026-03-14` or `2026-03-14T15:09`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|min|h|d)", said)
    if found:
        return now - float(found[1]) * _UNITS[found[2]]
    try:
        return datetime.fromisoformat(said).timestamp()
    except (ValueError, OverflowError, OSError):
        raise InputError(f"{said!r} is no time", "say 30min, 2h, 7d or a date such as 2026-03-14") from None
