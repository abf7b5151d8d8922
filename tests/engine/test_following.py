"""Runs that come after others: the engine releases them once, when all of those have finished."""

from __future__ import annotations

import pytest

from neronet.engine.following import Following
from neronet.store import Store
from neronet.store.batches import LOCAL, Batch
from tests.store.store_tools import SNAPSHOT, TOKEN, end, submit

LATER = "f" * 16


@pytest.mark.parametrize("order", [range(4), range(3, -1, -1), (2, 3, 0, 1)])
def test_in_whatever_order_they_finish_the_last_one_releases_those_that_come_after(
    store: Store, order: tuple[int, ...]
) -> None:
    numbers = submit(store, *(f"first/x={n}" for n in range(4)), token=TOKEN)
    batch = Batch(LATER, "gpu1", "place", "later", SNAPSHOT, 1, "accepted", 1.0)
    store.batches.add(batch, {LOCAL: {"after": numbers}})
    following = Following(store)
    for place in order:
        assert not look(following) and not store.intents.open()
        end(store, numbers[place])
    assert look(following)
    assert [intent.id for intent in store.intents.open()] == [f"after-{LATER}"]
    assert not look(following) and not look(Following(store))


def test_ten_thousand_runs_are_not_read_at_each_look(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = submit(store, *(f"first/x={n}" for n in range(50)), token=TOKEN)
    batch = Batch(LATER, "gpu1", "place", "later", SNAPSHOT, 1, "accepted", 1.0)
    store.batches.add(batch, {LOCAL: {"after": numbers}})
    following, find, read = Following(store), store.runs.find, 0

    def counted(wanted: list[int]) -> list[object]:
        nonlocal read
        read += len(wanted)
        return list(find(wanted))

    monkeypatch.setattr(store.runs, "find", counted)
    for _ in range(20):
        look(following)
    assert read < 100


def look(following: Following) -> bool:
    following._next = 0.0
    return following.look()
