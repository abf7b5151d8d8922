"""Questions of nodes that only the user can answer: open in every page that shows them, until one answers."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from neronet.errors import InputError

if TYPE_CHECKING:
    from neronet.transport.base import Question

TRUSTED = "yes"  # what a host key's question takes for a yes


@dataclass
class Asked:
    """A question that waits for an answer. Whoever sets `done` has set `answer` before."""

    number: int
    question: Question
    since: float = field(default_factory=time.time)  # seconds since 1970
    answer: str | None = None
    done: threading.Event = field(default_factory=threading.Event)

    def to_json(self) -> dict[str, Any]:
        """What a page shows of it."""
        question = self.question
        return {
            "number": self.number, "node": question.node, "kind": question.kind, "text": question.text,
            "echo": question.echo,
        }  # fmt: skip


class Questions:
    """The open questions of a process. `changed` is called whenever one comes or goes; answers are never kept."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._open: dict[int, Asked] = {}

    def ask(self, question: Question) -> str | None:
        """For `Neroman.on_question`: what a page answers; None when the user declines or it is withdrawn."""
        with self._lock:
            asked = Asked(next(self._numbers), question)
            self._open[asked.number] = asked
        self._changed()
        asked.done.wait()
        answer, asked.answer = asked.answer, None
        return answer

    def withdraw(self, question: Question) -> None:
        """For `Neroman.on_question`: somebody else has answered, or nobody asks any more."""
        for asked in self.open():
            if asked.question == question:
                self._close(asked.number, None)

    def answer(self, number: int, text: str | None) -> None:
        """Passes an answer on, None to decline. Raises InputError when the question is not open any more."""
        if not self._close(number, text):
            raise InputError("this is no longer asked", "somebody may have answered it in another page")

    def open(self) -> list[Asked]:
        """The oldest first."""
        with self._lock:
            return list(self._open.values())

    def of(self, node: str) -> Asked | None:
        """The oldest open question of a node."""
        return next((asked for asked in self.open() if asked.question.node == node), None)

    def _close(self, number: int, text: str | None) -> bool:
        with self._lock:
            asked = self._open.pop(number, None)
        if asked is None:
            return False
        asked.answer = text
        asked.done.set()
        self._changed()
        return True
