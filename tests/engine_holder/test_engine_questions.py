from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue

import pytest
from small_engine import SmallEngine

from neronet.engine.bell import Client
from neronet.engine.holder import Lease
from neronet.engine.questions import Answers
from neronet.transport.base import Question
from tests.waiting import until

CODE = Question("code", "gpu1", "One-time code: ", True)
KEY = Question("host_key", "gpu2", "SHA256:abc", True)


class User:
    """Somebody at a client: sees questions in `seen`, answers with what is put into `says`."""

    def __init__(self, home: Path, shows: bool = True) -> None:
        connected = threading.Event()
        self.client = Client(home, "notebook", {"changed": lambda _: connected.set()})
        self.answers = Answers(self.client)
        self.seen: SimpleQueue[Question] = SimpleQueue()
        self.withdrawn: SimpleQueue[Question] = SimpleQueue()
        self.says: SimpleQueue[str | None] = SimpleQueue()
        if shows:
            self.show()
        self.client.start()
        assert connected.wait(10)

    def show(self) -> None:
        self.answers.show(self._answer, self.withdrawn.put)

    def _answer(self, question: Question) -> str | None:
        self.seen.put(question)
        return self.says.get(timeout=20)


@pytest.fixture
def engine(home: Path) -> Iterator[SmallEngine]:
    lease = Lease(home)
    assert lease.acquire("script")
    engine = SmallEngine(home, lease)
    engine.start()
    yield engine
    engine.stop()


@pytest.fixture
def user(home: Path, engine: SmallEngine) -> Iterator[Callable[..., User]]:
    users: list[User] = []

    def sit_down(shows: bool = True) -> User:
        users.append(User(home, shows))
        until(lambda: len(engine.bell.clients) == len(users))
        return users[-1]

    yield sit_down
    for one in users:
        one.says.put(None)
        one.client.close()


def ask(engine: SmallEngine, question: Question) -> Future[str | None]:
    return asyncio.run_coroutine_threadsafe(engine.questions.ask(question), engine.loop)


def test_the_first_of_two_answers_wins_and_the_other_client_takes_the_question_away(
    engine: SmallEngine, user: Callable[..., User]
) -> None:
    ann, ben = user(), user()
    answer = ask(engine, CODE)
    assert ann.seen.get(timeout=5) == CODE
    assert ben.seen.get(timeout=5) == CODE
    ben.says.put("271828")
    assert answer.result(5) == "271828"
    assert ann.withdrawn.get(timeout=5) == CODE
    ann.says.put("314159")  # too late, and not for the next question
    second = ask(engine, KEY)
    assert ann.seen.get(timeout=5) == KEY
    assert ben.seen.get(timeout=5) == KEY
    ann.says.put("yes")
    assert second.result(5) == "yes"
    assert ben.withdrawn.get(timeout=5) == KEY


def test_two_answers_at_the_same_moment_are_one_answer(
    engine: SmallEngine, user: Callable[..., User]
) -> None:
    ann, ben = user(), user()
    for number in range(20):
        answer = ask(engine, CODE)
        ann.seen.get(timeout=5)
        ben.seen.get(timeout=5)
        ann.says.put(f"ann{number}")
        ben.says.put(f"ben{number}")
        assert answer.result(5) in (f"ann{number}", f"ben{number}")


def test_who_connects_later_is_asked_too(engine: SmallEngine, user: Callable[..., User]) -> None:
    answer = ask(engine, CODE)
    ann = user()
    assert ann.seen.get(timeout=5) == CODE
    ann.says.put("")
    assert answer.result(5) == ""


def test_a_question_waits_until_the_client_can_show_it(
    engine: SmallEngine, user: Callable[..., User]
) -> None:
    ann = user(shows=False)
    answer = ask(engine, CODE)
    second = ask(engine, KEY)
    time.sleep(0.1)
    assert ann.seen.empty()
    assert not answer.done()
    ann.show()
    assert ann.seen.get(timeout=5) == CODE
    assert ann.seen.empty()  # one at a time
    ann.says.put("1")
    assert ann.seen.get(timeout=5) == KEY
    ann.says.put("2")
    assert (answer.result(5), second.result(5)) == ("1", "2")


def test_a_question_answered_elsewhere_before_its_turn_is_never_shown(
    engine: SmallEngine, user: Callable[..., User]
) -> None:
    ann, ben = user(), user(shows=False)
    first = ask(engine, CODE)
    assert ann.seen.get(timeout=5) == CODE
    second = ask(engine, KEY)
    ben.show()
    ben.says.put("one")
    assert first.result(5) == "one"
    ben.says.put("two")
    assert second.result(5) == "two"
    until(lambda: not ann.answers._open)
    last = ask(engine, CODE)
    ann.says.put("late")
    assert ann.seen.get(timeout=5) == CODE
    assert ann.seen.empty()
    ann.says.put("three")
    assert last.result(5) == "three"


def test_the_user_may_decline(engine: SmallEngine, user: Callable[..., User]) -> None:
    ann = user()
    answer = ask(engine, CODE)
    ann.says.put(None)
    assert answer.result(5) is None


def test_a_question_that_cannot_be_shown_counts_as_declined(
    engine: SmallEngine, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Question) -> str:
        raise RuntimeError("no terminal")

    client = Client(home, "cli", {})
    Answers(client).show(fail)
    client.start()
    try:
        assert ask(engine, CODE).result(10) is None
        assert "gpu1" in caplog.text
    finally:
        client.close()


def test_nobody_answers_in_time_and_the_question_goes(home: Path) -> None:
    lease = Lease(home)
    assert lease.acquire("script")
    engine = SmallEngine(home, lease, patience=0.1)
    engine.start()
    ann = User(home)
    try:
        until(lambda: engine.bell.clients)
        began = time.monotonic()
        assert ask(engine, CODE).result(5) is None
        assert 0.08 < time.monotonic() - began < 3
        assert ann.withdrawn.get(timeout=5) == CODE
        ann.says.put("late")
        assert ask(engine, KEY).result(5) is None  # the late answer is not for this one
    finally:
        ann.says.put(None)
        ann.client.close()
        engine.stop()


def test_a_connection_that_is_given_up_takes_its_question_away(
    engine: SmallEngine, user: Callable[..., User]
) -> None:
    ann = user()
    answer = ask(engine, CODE)
    assert ann.seen.get(timeout=5) == CODE
    answer.cancel()
    assert ann.withdrawn.get(timeout=5) == CODE


def test_a_holder_that_goes_takes_its_questions_along(engine: SmallEngine, user: Callable[..., User]) -> None:
    ann = user()
    ask(engine, CODE)
    assert ann.seen.get(timeout=5) == CODE
    engine.stop()
    assert ann.withdrawn.get(timeout=5) == CODE


def test_an_answer_is_never_stored_or_logged(
    engine: SmallEngine, user: Callable[..., User], home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ann = user()
    answer = ask(engine, Question("password", "gpu1", "Password: ", False))
    assert ann.seen.get(timeout=5).echo is False
    ann.says.put("correct horse battery")
    assert answer.result(5) == "correct horse battery"
    files = [path for path in home.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"correct horse" in path.read_bytes()]
    assert "correct horse" not in caplog.text
    assert "correct horse" not in repr(vars(engine.questions)) + repr(vars(ann.answers))


def test_the_text_of_a_node_is_cut_to_what_a_message_holds(
    engine: SmallEngine, user: Callable[..., User]
) -> None:
    ann = user()
    answer = ask(engine, Question("code", "gpu1", "\U0001f600" * 100_000, True))
    assert len(ann.seen.get(timeout=5).text) == 4096
    ann.says.put("x" * 100_000)  # longer than a message: as good as declined
    assert answer.result(5) is None
    second = ask(engine, KEY)
    ann.says.put("yes")
    assert second.result(5) == "yes"
