"""Releases runs that come after others, wherever those ran and however often, once all of them have finished.

A node knows by itself only of the runs that it had when the batch came; so this is for groups, for runs that were moved
and for reruns of what had failed.
"""

from __future__ import annotations

import time

from neronet.engine.moving import ENGINE, EVERY
from neronet.engine.submission import unfinished
from neronet.store.batches import LOCAL
from neronet.store.store import Store


class Following:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._next = 0.0
        self._awaited: dict[str, list[int]] = {}  # token -> numbers of the runs that its runs come after
        self._last: dict[str, int] = {}  # token -> the last of them that had not finished at the last look

    def look(self) -> bool:
        """Puts the wishes into the store to release what nothing keeps any longer; whether there are any."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + EVERY
        accepted = {batch.token: batch.node for batch in self._store.batches.find(states=("accepted",))}
        self._awaited = {
            token: self._awaited[token] if token in self._awaited else self._read(token) for token in accepted
        }
        wished = False
        for token, numbers in self._awaited.items():
            if numbers and self._all_finished(token, numbers):
                runs = [[row.idx, row.idx] for row in self._store.attempts.of_batch(token) if row.start == 1]
                act = {"do": "release", "token": token, "runs": runs, **ENGINE}
                self._store.intents.put(f"after-{token}", "act", {"node": accepted[token], "act": act})
                self._awaited[token] = []
                wished = True
        return wished

    def _all_finished(self, token: str, numbers: list[int]) -> bool:
        """To look at ten thousand runs takes long: while the last of them keeps the others, only at that one."""
        for wanted in ([self._last[token]] if token in self._last else [], numbers):
            left = unfinished(self._store, self._store.runs.find(wanted))
            if left:
                self._last[token] = left[-1].number
                return False
        return True

    def _read(self, token: str) -> list[int]:
        if self._store.intents.get(f"after-{token}") is not None:
            return []
        found = self._store.batches.content(token)[LOCAL].get("after", ())
        return [int(number) for number in found]
