"""Wishes for runs that exist: end them, hold them, let them go."""

from __future__ import annotations

import getpass
import secrets
import socket
import time
from collections.abc import Sequence
from pathlib import Path

from neronet.api import targets
from neronet.engine.client import EngineClient
from neronet.store.runs import RunRow
from neronet.store.store import Store
from neronet.wire import states

ANSWER = 10.0  # seconds that a node may take before a wish is left to the next contact
PROMPT = 0.5  # seconds in which most nodes have done what they are asked for


def act(
    store: Store,
    home: Path,
    client: EngineClient,
    rows: Sequence[RunRow],
    do: str,
    why: str = "",
    priority: int = 0,
) -> list[str]:
    """Asks the nodes of these runs to do it to those that have not ended; what the user should know.

    Runs of which their node has not heard yet are ended here and now.
    """
    from neronet.engine.submission import withdraw  # what only looks at runs does without it

    opened = [row for row in rows if row.reported_state not in states.ENDED]
    numbers = [row.number for row in opened]
    notes = [f"{len(rows) - len(opened)} had ended before"] if len(opened) < len(rows) else []
    here = withdraw(store, home, opened, why) if do == "terminate" else set()
    deadline = time.monotonic() + ANSWER
    asked: dict[str, str] = {}  # wish -> node
    # Where they are now, as one step: a run that is moved later takes the wishes for it along.
    with store.transaction(durable=True):
        opened = store.runs.find(number for number in numbers if number not in here)
        for node, payload in targets.wishes(opened, do, why, priority):
            name = secrets.token_hex(8)
            store.intents.put(name, "act", payload)
            asked[name] = node
    if asked:
        client.ring()

    def waiting() -> set[str]:
        return {asked[intent.id] for intent in store.intents.open() if intent.id in asked}

    if asked and not client.wait(lambda: not waiting(), PROMPT):
        gone = client.gone(waiting())  # these are not waited for to the end
        client.wait(lambda: not waiting() - gone(), deadline - time.monotonic())
    silent = waiting()
    notes += [f"{node} does not answer; done at the next contact" for node in sorted(silent)]
    for name, node in asked.items():
        intent = store.intents.get(name)
        if intent is not None and intent.done is not None and not intent.ok:
            result = intent.result or {}
            notes.append(f"{node}: {result.get('problem')} {result.get('hint', '')}".rstrip())
    if do in ("hold", "release"):
        notes += _show_held(store, numbers, why)
    if do == "terminate":
        reached = [row.number for row in opened if row.node not in silent]
        client.wait(
            lambda: all(row.state in states.ENDED for row in store.runs.find(reached)),
            deadline - time.monotonic(),
        )
    return list(dict.fromkeys(notes))


def by_user() -> str:
    """`by alice@laptop`: the reason of a run that the user ended."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # in some containers nobody has a name
        name = "the user"
    return f"by {name}@{socket.gethostname()}"


def _show_held(store: Store, numbers: Sequence[int], reason: str) -> list[str]:
    begun = 0
    with store.transaction():
        for row in store.runs.find(numbers):
            if row.state in (states.SUBMITTING, states.QUEUED):
                store.attempts.report(row.number, row.attempt, row.state, reason)
            else:
                begun += 1
    return [f"{begun} of them had begun before"] if begun else []
