"""Widgets without a browser: a kernel's comm that keeps what is sent, and pages that say what a page would."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import comm
import pytest

from neronet import Neroman
from neronet_jupyter import live
from neronet_jupyter.figures import compare
from neronet_jupyter.live import forget
from neronet_jupyter.widget import View
from tests.waiting import until


class Wire(comm.base_comm.BaseComm):  # type: ignore[misc]
    """A comm that keeps what the kernel sends."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.sent: list[dict[str, Any]] = []
        super().__init__(*args, **options)

    def publish_msg(self, msg_type: str, data: Any = None, **rest: Any) -> None:
        self.sent.append(data or {})


class Page:
    """What one browser tab shows of a part."""

    def __init__(self, part: View, name: str = "page1") -> None:
        self.part, self.name = part, name
        self._numbers = itertools.count(1)
        self.say("seen")

    def say(self, word: str, **more: Any) -> None:
        self.part._handle_custom_msg({"do": word, "page": self.name, **more}, [])

    def messages(self) -> list[dict[str, Any]]:
        """What was sent to this page, without the answers."""
        return [found for found in self._custom() if "answer" not in found]

    def ask(self, word: str, timeout: float = 30.0, **args: Any) -> Any:
        """The answer to an act; raises AssertionError with the text of a refusal."""
        number = next(self._numbers)
        self.say(word, args=args, id=number)
        answer = until(
            lambda: next((m for m in self._custom() if m.get("answer") == number), None), timeout=timeout
        )
        assert "error" not in answer, answer["error"]
        return answer.get("ok")

    def refused(self, word: str, timeout: float = 30.0, **args: Any) -> dict[str, str]:
        """The refusal of an act: {"text", "hint"}."""
        number = next(self._numbers)
        self.say(word, args=args, id=number)
        answer = until(
            lambda: next((m for m in self._custom() if m.get("answer") == number), None), timeout=timeout
        )
        found: dict[str, str] = answer["error"]
        return found

    def until(self, true: Callable[[dict[str, Any]], Any], timeout: float = 30.0) -> dict[str, Any]:
        """The state once `true(state)`."""
        until(lambda: self.part.state and true(self.part.state), timeout=timeout)
        return dict(self.part.state)

    def _custom(self) -> list[dict[str, Any]]:
        contents = [data["content"] for data in list(self.part.comm.sent) if data.get("method") == "custom"]
        return [content for content in contents if content.get("page") == self.name]


@pytest.fixture
def neroman(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Neroman]:
    """A home of its own, whose engine runs in this process; the widgets that are made use it."""
    monkeypatch.setenv("NERONET_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(comm, "create_comm", Wire)
    with Neroman(tmp_path / "home") as made:
        yield made
        forget(made.home)


@pytest.fixture
def swift(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part is rendered as soon as something changes, not at most five times a second."""
    monkeypatch.setattr(live, "PERIOD", 0.01)
    monkeypatch.setattr(compare, "PERIOD", 0.01)


@pytest.fixture
def page(neroman: Neroman) -> Callable[[View], Page]:
    return Page
