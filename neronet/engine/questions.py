"""Questions that only the user can answer: one-time codes, host keys, passphrases.

The engine asks; every program that is connected to it shows the question; the first answer wins, and all must
decline to decline. Answers are passed on, never stored, never logged.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from neronet.engine.bell import Bell, Client, Message

if TYPE_CHECKING:  # a command that is asked nothing needs neither
    import asyncio

    from neronet.transport.base import Question

TIMEOUT = 120.0  # seconds
_TEXT = 4096  # characters of a node's text that are shown, and of an answer; a message holds no more

log = logging.getLogger(__name__)


class Questions:
    """The holder's end. Lives in the engine's event loop."""

    def __init__(self, bell: Bell, timeout: float = TIMEOUT) -> None:
        self._bell, self._timeout = bell, timeout
        self._open: dict[str, tuple[Message, asyncio.Future[str | None]]] = {}
        self._declined: dict[str, int] = {}
        bell.on_answer = self._answer
        # Who connects while a question is open is asked, too.
        bell.greetings = lambda: [message for message, _ in self._open.values()]

    async def ask(self, question: Question) -> str | None:
        """What the user answers first; None when every connected program declines, or nobody answers in time."""
        import asyncio

        # An id never comes again: an answer that is late must not reach another question.
        number = secrets.token_hex(8)
        answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        message = {
            "type": "question",
            "id": number,
            "kind": question.kind,
            "node": question.node,
            "text": question.text[:_TEXT],
            "echo": question.echo,
        }
        self._open[number] = message, answer
        self._bell.tell(message)
        try:
            return await asyncio.wait_for(answer, self._timeout)
        except asyncio.TimeoutError:
            return None
        finally:
            del self._open[number]
            self._declined.pop(number, None)
            self._bell.tell({"type": "answered", "id": number})

    def _answer(self, number: str, text: str | None) -> None:
        if number not in self._open or self._open[number][1].done():
            return
        # A script has nobody to ask and declines at once; it must not decline for a terminal beside it.
        self._declined[number] = self._declined.get(number, 0) + (text is None)
        if text is not None or self._declined[number] >= len(self._bell.clients):
            self._open[number][1].set_result(text)


class Answers:
    """A client's end: shows the open questions through a callback, one at a time, on a thread of its own.

    Make it before the client starts. Until `show` is called, questions wait for other clients.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._open: dict[str, Question] = {}  # in the order in which they are shown
        self._lock = threading.Lock()
        self._shown = ""  # the id of the question that `answer` is busy with
        self._showing = False  # there is a thread
        self._answer: Callable[[Question], str | None] | None = None
        self._withdrawn: Callable[[Question], None] | None = None
        client.on.update(question=self._asked, answered=self._answered, lost=self._lost)

    def show(
        self,
        answer: Callable[[Question], str | None],
        withdrawn: Callable[[Question], None] | None = None,
    ) -> None:
        """From now on `answer` is called with each question; it returns what the user says, or None when the
        user declines. `withdrawn` is called, on another thread, when a question that is being shown was
        answered elsewhere or is no longer asked; what `answer` returns then is not used."""
        with self._lock:
            self._answer, self._withdrawn = answer, withdrawn
            self._begin()

    def _asked(self, message: Message) -> None:
        from neronet.transport.base import Question

        number, kind = str(message["id"]), message["kind"]
        question = Question(kind, str(message["node"]), str(message["text"]), bool(message["echo"]))
        with self._lock:
            self._open[number] = question
            self._begin()

    def _answered(self, message: Message) -> None:
        self._withdraw([str(message.get("id"))])

    def _lost(self, _: Message) -> None:
        self._withdraw(list(self._open))  # another holder would ask anew

    def _withdraw(self, numbers: list[str]) -> None:
        for number in numbers:
            with self._lock:
                question = self._open.pop(number, None)
                withdrawn = self._withdrawn if number == self._shown else None
            if question is not None and withdrawn is not None:
                withdrawn(question)

    def _begin(self) -> None:
        if self._open and self._answer is not None and not self._showing:
            self._showing = True
            threading.Thread(
                target=self._show, args=[self._answer], name="neronet-questions", daemon=True
            ).start()

    def _show(self, answer: Callable[[Question], str | None]) -> None:
        while True:
            with self._lock:
                self._shown = next(iter(self._open), "")
                if not self._shown:
                    self._showing = False
                    return
                number, question = self._shown, self._open[self._shown]
            text: str | None = None
            try:
                text = answer(question)
            except Exception:  # the user sees no question: as good as declined
                log.exception("a question of %s could not be shown", question.node)
            if text is not None and len(text) > _TEXT:
                log.error("an answer for %s is longer than %d characters", question.node, _TEXT)
                text = None
            with self._lock:
                wanted = self._open.pop(number, None) is not None
            if wanted:
                self._client.send({"type": "answer", "id": number, "text": text})
