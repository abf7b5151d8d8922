"""What several tests of the store do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from neronet.store import Store
from neronet.store.batches import Batch
from neronet.store.points import Record
from neronet.store.runs import NewRun

TOKEN = "0123456789abcdef"
SNAPSHOT = "5" * 64


def new_run(name: str, idx: int = 0, token: str = TOKEN, **fields: object) -> NewRun:
    run = NewRun(
        name, "lang", ("group",), {"x": str(idx)}, ("python", name), SNAPSHOT, token, idx, "gpu1", 1000.0
    )
    return run._replace(**fields)


def submit(store: Store, *names: str, token: str = TOKEN) -> list[int]:
    """The numbers of new runs of these names, in one batch."""
    with store.transaction(durable=True):
        store.batches.add(
            Batch(token, "gpu1", "place", "lang", SNAPSHOT, 1, "sending", 1000.0), {"runs": len(names)}
        )
        runs = [new_run(name, idx, token) for idx, name in enumerate(names)]
        return store.runs.add(runs, folder)


def folder(name: str) -> str:
    return f"results/{name}"


def records(
    values: Sequence[float], metric: str = "loss", start: int = 0, step: float | None = None
) -> list[Record]:
    """One record per value; the lines have the offsets start, start + 10, ..."""
    return [(100.0 + i, [(metric, value, start + 10 * i, step)]) for i, value in enumerate(values)]


def end(store: Store, run: int, attempt: int = 1, state: str = "finished", **facts: object) -> None:
    store.attempts.report(run, attempt, "running", started=1.0)
    store.attempts.report(run, attempt, state, **facts)  # type: ignore[arg-type]
    store.attempts.complete(run, attempt)


class _Undone(Exception):
    pass


@contextmanager
def undone(store: Store, durable: bool = False) -> Iterator[None]:
    """A transaction that something ends before its commit."""
    try:
        with store.transaction(durable):
            yield
            raise _Undone
    except _Undone:
        return


def size(home: Path) -> int:
    return sum(file.stat().st_size for file in home.iterdir())
