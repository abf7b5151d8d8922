"""What changes in the store reaches every part, whatever happens meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from neronet import Neroman
from neronet.store.store import Store
from neronet_jupyter import live as module
from neronet_jupyter.station import Station
from neronet_jupyter.widget import View
from tests.jupyter.conftest import Page
from tests.jupyter.table.stores import add, define, say, start
from tests.waiting import until


class Heard(View):
    """Shows which runs it was told of."""

    def __init__(self, neroman: Neroman, fails: int = 0) -> None:
        self.numbers: set[int] = set()
        self.fails = fails
        super().__init__(neroman)

    def runs_changed(self, numbers: set[int]) -> None:
        if numbers and self.fails:
            self.fails -= 1
            raise RuntimeError("an error of ours")
        self.numbers |= numbers

    def render(self) -> dict[str, Any]:
        return {"numbers": sorted(self.numbers)}


def test_news_from_before_the_store_is_followed_is_not_missed(
    neroman: Neroman, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(home: Path) -> Store:
        time.sleep(0.3)
        return Store(home)

    monkeypatch.setattr(module, "Store", slow)
    define(neroman.store, "late")
    part = Heard(neroman)
    [number] = add(neroman.store, "late", [{"lr": "1"}])
    until(lambda: number in part.numbers)


def test_a_part_that_fails_stops_neither_the_others_nor_itself(
    neroman: Neroman, page: Callable[[View], Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AGAIN", 0.01)
    define(neroman.store, "odd")
    [number] = add(neroman.store, "odd", [{"lr": "1"}])
    parts = [Heard(neroman), Heard(neroman, fails=1), Heard(neroman)]
    pages = [page(part) for part in parts]
    start(neroman.store, number)
    say(neroman.store, number, loss=[1.0])
    for each in pages:
        each.until(lambda state: state["numbers"] == [number])
    assert parts[1].fails == 0


def test_a_station_is_told_nothing_before_it_is_made(
    neroman: Neroman,
    page: Callable[[View], Page],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    runs = Neroman.runs

    def slow(self: Neroman, *args: Any) -> Any:
        time.sleep(0.3)  # meanwhile the store is looked at
        return runs(self, *args)

    monkeypatch.setattr(Neroman, "runs", slow)
    shown = page(Station(neroman))
    shown.until(lambda state: state == {"running": 0, "waiting": 0, "failed": 0})
    assert not caplog.records  # a look that failed would be made again, and hide it
