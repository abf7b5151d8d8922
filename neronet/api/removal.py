"""Taking away what Neronet keeps on this computer: results of some runs, or all there is."""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from neronet.errors import InputError, NeronetError
from neronet.store.runs import RunRow, results_folder
from neronet.store.store import Store
from neronet.wire import states

LEAVING = 3.0  # seconds that processes of ours may take to leave a folder that is removed
SHOWN = 3  # names in a sentence
# What `clean` removes: a home may be a folder that holds other things, too.
OURS = (
    "nodes.yaml*", "preferences.yaml*", "neronet.db*", "id", "engine.*", "neroman.log*", "files", "results", "node",
    "reports", "cells", "examples", "panel.json", "results_file.json*", "trusted.json*",
)  # fmt: skip


def delete_runs(store: Store, home: Path, rows: Sequence[RunRow]) -> None:
    """Deletes these runs and their results folders, all or, when one of them is open (InputError), none."""
    _refuse_open(rows)
    numbers = [row.number for row in rows]
    gone = set(numbers)
    kept: dict[Path, set[str]] = {}  # folder -> results folders of other runs that are in it
    for number, results, attempts in store.runs.results():
        if number not in gone:
            for folder in _folders(home, results, attempts):
                kept.setdefault(folder.parent, set()).add(folder.name)
    for row in rows:
        for folder in _folders(home, row.results, row.attempt):
            if folder.name not in kept.get(folder.parent, ()):
                _remove(folder, kept.get(folder, set()))
    with store.transaction(durable=True):
        _refuse_open(store.runs.find(numbers))  # somebody may have begun one of them anew meanwhile
        store.runs.delete(numbers)
        names = ", ".join(row.name for row in rows[:SHOWN]) + ", ..." * (len(rows) > SHOWN)
        store.events.add(time.time(), "deleted", f"deleted by the user: {names}")


def _refuse_open(rows: Sequence[RunRow]) -> None:
    opened = [row for row in rows if row.state in states.OPEN]
    if opened:
        more = f" and {len(opened) - 1} more have" if len(opened) > 1 else " has"
        raise InputError(f"{opened[0].name}{more} not ended", "only runs that have ended can be deleted")


def _folders(home: Path, results: str, attempts: int) -> list[Path]:
    return [results_folder(home, results, attempt) for attempt in range(1, attempts + 1)]


def _remove(folder: Path, kept: set[str]) -> None:
    """Removes a folder, less what of it is to be kept: the run of an experiment without parameters has the folder
    in which those of its later sweeps have theirs."""
    try:
        if folder.is_symlink():  # the user's way to have results on another disk
            folder.unlink()
        elif folder.is_dir() and not kept:
            shutil.rmtree(folder)
        elif folder.is_dir():
            for each in folder.iterdir():
                if each.name not in kept:
                    shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()
    except OSError as error:
        raise _stays(error) from error


def clean(home: Path) -> None:
    """Removes all of Neronet's data in a home whose engine has ended, and the home when nothing else is in it."""
    try:
        for place in [place for pattern in OURS for place in home.glob(pattern)]:
            if place.is_dir() and not place.is_symlink():
                _remove_all(place)
            else:
                place.unlink()
        if not any(home.iterdir()):
            home.rmdir()
    except OSError as error:
        raise _stays(error) from error


def _remove_all(folder: Path) -> None:
    """Also while a watcher of a run that has just ended writes its last line there."""
    deadline = time.monotonic() + LEAVING
    while True:
        try:
            shutil.rmtree(folder)
            return
        except OSError as error:
            if error.errno != errno.ENOTEMPTY or time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def _stays(error: OSError) -> NeronetError:
    return NeronetError(
        f"{error.filename} cannot be removed: {error.strerror}", "does something of yours still run there?"
    )
