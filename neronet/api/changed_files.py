"""Why runs are sent again: files that changed since the last submission of their experiment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from neronet.engine.submission import Job, files_of
from neronet.store.runs import point_key
from neronet.store.store import Store
from neronet.sweep import Point
from neronet.sync.manifest import Entry, difference, parse
from neronet.wire.frames import Malformed

LOOKED_AT = 8  # submissions of an experiment that may have been made of the files as they are now
SHOWN = 3  # names in a sentence
CONFIG = "config.yaml"  # its changes are the points that are new, or env and setup


def said(store: Store, home: Path, job: Job, fresh: Sequence[Point]) -> list[str]:
    """A sentence when some of the `fresh` points of a job were run before, with other files; else nothing."""
    if not fresh:
        return []
    now = files_of(job)
    for last in store.batches.latest(job.experiment.id, LOOKED_AT):
        files = str(store.batches.content(last.token).get("files", ""))
        if files != now:
            break
    else:
        return []
    keys = [point_key(job.experiment.id, point.parameters, point.argv, files) for point in fresh]
    again = len(store.runs.ran_before(keys))
    before = entries(home / "files" / last.manifest)
    if not again or not before:
        return []
    why = sentence(before, parse(job.snapshot.manifest)) or "env or setup changed"
    return [f"{why}: {'1 run is' if again == 1 else f'{again} runs are'} sent"]


def sentence(old: Iterable[Entry], new: Iterable[Entry]) -> str:
    """`train.py changed, a.csv, b.csv are new and 4 more`: at most three names; "" when nothing did."""
    found = difference(old, new)
    groups = (
        (found.changed, "changed", "changed"), (found.added, "is new", "are new"),
        (found.removed, "is gone", "are gone"),
    )  # fmt: skip
    parts, room, total = [], SHOWN, 0
    for paths, one, many in groups:
        names = [path for path in paths if path != CONFIG]
        total += len(names)
        if shown := names[:room]:
            room -= len(shown)
            parts.append(f"{', '.join(shown)} {one if len(shown) == 1 else many}")
    return ", ".join(parts) + (f" and {total - SHOWN} more" if total > SHOWN else "")


@lru_cache(maxsize=64)
def entries(manifest: Path) -> tuple[Entry, ...]:
    """What a kept manifest lists; nothing where it is gone. It never changes: its name is its hash."""
    try:
        return parse(manifest.read_bytes())
    except (OSError, Malformed):
        return ()
