"""What is sent of files that grow, where their file system fails."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import Any

import pytest

from neronet.node import feeds
from neronet.node.feeds import Feeds
from neronet.node.runs import Root

TOKEN = "a" * 16
LINE = b'{"e": "ended"}\n'


class Failing:
    """Reads fail as those of a network file system whose server was replaced, so many times."""

    def __init__(self, times: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left, self._read = times, os.pread
        monkeypatch.setattr(os, "pread", self)

    def __call__(self, *given: Any) -> bytes:
        if self.left:
            self.left -= 1
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        return self._read(*given)


@pytest.fixture
def sent(tmp_path: Path) -> Feeds:
    root = Root(str(tmp_path)).prepare()
    folder = tmp_path / "batches" / TOKEN / "kids"
    folder.mkdir(parents=True)
    (folder / "kid.log").write_bytes(LINE)
    made = Feeds(root)
    made.follow(TOKEN, {})
    return made


def looks(sent: Feeds, most: int) -> Any:
    """What is sent in so many looks at everything, the first thing."""
    for number in range(most):
        if (found := sent.next()) is not None:
            return found
        sent.look(False, time.monotonic() + 100.0 * (number + 1))
    return None


def test_a_record_that_could_not_be_read_for_a_moment_is_sent(
    sent: Feeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    Failing(5, monkeypatch)
    message, data = looks(sent, 10)
    assert (message["m"], message["offset"], data) == ("journal", 0, LINE)
    assert looks(sent, 3) is None, "once"


def test_a_file_that_can_never_be_read_is_told_of(sent: Feeds, monkeypatch: pytest.MonkeyPatch) -> None:
    Failing(1000, monkeypatch)
    message, _ = looks(sent, feeds.TRIES + 5)
    assert (message["m"], message["about"]) == ("error", f"journal {TOKEN}")
    assert os.strerror(errno.ESTALE) in message["text"]
    assert looks(sent, 3) is None
