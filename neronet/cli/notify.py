"""`notify`: who is told what happens, and whether that works."""

from __future__ import annotations

import time
from argparse import Namespace

from neronet import words
from neronet.api import notifying
from neronet.api.notifying import ChannelStatus
from neronet.cli import text
from neronet.cli.jsonout import dumps, iso
from neronet.cli.nodes import MARKS
from neronet.cli.session import Session
from neronet.errors import InputError

ACTIONS = ("test", "status")


def notify(arguments: Namespace, session: Session) -> int:
    """0 when everything works."""
    action = arguments.action or "status"
    if action not in ACTIONS:
        raise InputError(f"notify {action}: not something that can be done", f"one of: {', '.join(ACTIONS)}")
    return _test(arguments, session) if action == "test" else _status(arguments, session)


def _test(arguments: Namespace, session: Session) -> int:
    console = session.console
    tested = notifying.test(session.neroman.home)
    if arguments.json:
        console.raw(dumps([vars(one) for one in tested]))
    else:
        for one in tested:
            shape, letter, style = MARKS[one.ok]
            what = "a test message is on its way" if one.ok else one.problem
            console.print(
                (f"{shape if console.unicode else letter} ", style), (one.to, "strong"), f": {what}"
            )
            if one.hint:
                console.sentence("  ", one.hint, "quiet")
    return 0 if all(one.ok for one in tested) else 1


def _status(arguments: Namespace, session: Session) -> int:
    console, neroman = session.console, session.neroman
    found = notifying.status(neroman.home, neroman.store)
    if arguments.json:
        times = ("next", "sent")
        rows = ({**vars(one), **{name: _iso(vars(one)[name]) for name in times}} for one in found)
        console.raw(dumps(list(rows)))
    else:
        now = time.time()
        for one in found:
            shape, letter, style = MARKS[False if one.problem or one.failed else True if one.sent else None]
            console.print((f"{shape if console.unicode else letter} ", style), (one.to, "strong"))
            for line in _lines(one, now):
                console.print("  ", line)
        if neroman.engine() is None:
            console.note("Nothing is told while no engine runs: nerocli engine start")
    return 1 if any(one.problem for one in found) else 0


def _iso(moment: float | None) -> str | None:
    return None if moment is None else iso(moment)


def _lines(one: ChannelStatus, now: float) -> list[str]:
    lines = [f"told of: {', '.join(one.events)}"]
    if not one.known:
        lines.append("new: what happens from the next start of the engine on is told")
    if one.waiting:
        lines.append(f"{words.count(one.waiting, 'event')} not told yet")
    if one.problem:
        again = f"again in {words.duration(one.next - now)}" if one.next and one.next > now else "again now"
        lines.append(f"tried {words.count(one.tries, 'time')}, {again}: {text.harmless(one.problem)}")
    if one.sent is not None:
        lines.append(f"last told {text.age(one.sent, now)} ago: {text.harmless(one.subject)}")
    if one.unsure:
        lines.append(f"{words.count(one.unsure, 'message')} perhaps not delivered: nerocli history")
    if one.failed:
        lines.append(f"{words.count(one.failed, 'message')} given up: nerocli history")
    return lines
