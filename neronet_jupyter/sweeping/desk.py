"""The draft that is edited, its preview and its file, kept in line with each other; used by several threads."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from neronet.errors import InputError, NeronetError
from neronet.spec.editing import FILE, FileChanged, fingerprint, write
from neronet.spec.sweepfile import ids, read_sweep, tree
from neronet_jupyter.sweeping import draft as edit
from neronet_jupyter.sweeping import folders
from neronet_jupyter.sweeping import preview as look
from neronet_jupyter.sweeping.draft import Draft
from neronet_jupyter.sweeping.preview import Preview

ASIDE = 20  # drafts that are kept


@dataclass(frozen=True)
class Shown:
    """What belongs together: the draft, its preview, and the config.yaml `text` that it was made with.

    `conflict`: the file and the draft have both changed. `chosen` is the run whose command is shown, from 1.
    """

    draft: Draft = field(default_factory=Draft)
    preview: Preview = field(default_factory=Preview)
    text: str = ""
    revision: int = 0
    chosen: int = 1
    conflict: bool = False

    @property
    def known(self) -> list[tuple[str, int]]:
        """(id, line) of the experiments of the file."""
        return ids(tree(self.text).root)


class Desk:
    """`shown` is replaced as a whole, so whoever only looks needs no lock; `changed(draft)` is called afterwards."""

    def __init__(self, changed: Callable[[Draft], None]) -> None:
        self.shown = Shown()
        self._lock = threading.RLock()
        self._changed = changed
        self._stamp = (0, 0)
        self.aside: dict[tuple[str, str], Draft] = {}  # what was not saved when another was opened

    def put(self, draft: Draft, text: str | None = None, conflict: bool = False) -> int:
        """Takes over a draft and previews it; the revision that shows it."""
        with self._lock:
            before = self.shown
            file = before.text if text is None else text
            found = look.look(draft, file) if draft.experiment else Preview()
            same = (draft.folder, draft.experiment) == (before.draft.folder, before.draft.experiment)
            if found.experiment is None and same:
                # The last preview stays, dimmed, until the problem is mended.
                found = replace(before.preview, faults=found.faults, text=found.text)
            chosen = max(1, min(before.chosen if same else 1, found.total))
            self.shown = Shown(draft, found, file, before.revision + 1, chosen, conflict)
            self._changed(draft)
            return self.shown.revision

    def change(self, how: Callable[[Draft], Draft]) -> int:
        """Applies what a user did."""
        with self._lock:
            return self.put(how(self.shown.draft), conflict=self.shown.conflict)

    def choose(self, run: int) -> int:
        """Shows the command of another run."""
        with self._lock:
            chosen = max(1, min(run, self.shown.preview.total))
            self.shown = replace(self.shown, chosen=chosen, revision=self.shown.revision + 1)
            return self.shown.revision

    # -- folders

    def open(self, folder: Path, experiment: str = "") -> None:
        """Shows an experiment of a folder, its first one by default, or how to begin one. Raises InputError."""
        if not folder.is_dir():
            raise InputError(
                f"{folders.short(folder)} is not a folder", "choose the folder that holds your program"
            )
        text, sha256 = fingerprint(folder)
        with self._lock:
            self._put_aside()
            known = [*(name for name, _ in ids(tree(text).root)), *self.unsaved(str(folder))]
            chosen = experiment or (known[0] if known else "")
            kept = self.aside.pop((str(folder), chosen), None)
            if kept is not None:
                self.put(kept, text)
                self.follow()
            elif chosen:
                self.put(edit.opened(str(folder), chosen, text, sha256), text)
            else:
                self.put(Draft(str(folder), sha256=sha256), text)

    def propose(self, command: str, folder: Path) -> None:
        """Begins a new experiment from the command of one run. Raises InputError."""
        text, sha256 = fingerprint(folder)
        names = os.listdir(folder) if folder.is_dir() else []
        self._put_aside()
        taken = [*(name for name, _ in ids(tree(text).root)), *self.unsaved(str(folder))]
        self.put(edit.proposed(str(folder), command, names, taken, sha256), text)

    def begin(self, folder: Path | None) -> None:
        """Shows how to begin a new experiment."""
        text, sha256 = fingerprint(folder) if folder else ("", "")
        self._put_aside()
        self.put(Draft(str(folder) if folder else "", sha256=sha256), text)

    def unsaved(self, folder: str) -> list[str]:
        """The experiments of a folder that were begun, put aside, and are not in its file."""
        return [name for (place, name), draft in self.aside.items() if place == folder and draft.new]

    def discard(self) -> None:
        """Gives up what is not saved."""
        with self._lock:
            draft = self.shown.draft
            if not draft.new:
                self.take()
                return
            text, sha256 = fingerprint(Path(draft.folder))
            self.put(Draft(draft.folder, sha256=sha256), text)

    def _put_aside(self) -> None:
        draft = self.shown.draft
        if draft.is_edited:
            self.aside[draft.folder, draft.experiment] = draft
            for key in list(self.aside)[:-ASIDE]:
                del self.aside[key]

    # -- the file

    def looks_changed(self) -> bool:
        """Whether config.yaml is another than at the last call; costs one look at it."""
        if not self.shown.draft.folder:
            return False
        try:
            found = os.stat(Path(self.shown.draft.folder) / FILE)
            stamp = found.st_mtime_ns, found.st_size
        except OSError:
            stamp = 0, 0
        is_other, self._stamp = stamp != self._stamp, stamp
        return is_other

    def follow(self) -> None:
        """Brings the draft in line with its file; where both changed, the user is to decide."""
        with self._lock:
            draft = self.shown.draft
            if not draft.folder:
                return
            try:
                text, sha256 = fingerprint(Path(draft.folder))
            except NeronetError:
                return  # submitting says what is wrong
            if sha256 == draft.sha256 and text == self.shown.text:
                return
            found = read_sweep(tree(text), draft.experiment)
            if draft.new or not draft.experiment or (draft.is_edited and found == draft.origin):
                self.put(replace(draft, sha256=sha256), text)
            elif draft.is_edited and found != draft.sweep:
                self.put(draft, conflict=True)
            elif found is not None:
                self.put(edit.opened(draft.folder, draft.experiment, text, sha256), text)
            else:
                self.put(Draft(draft.folder, sha256=sha256), text)

    def keep(self) -> int:
        """Goes on with the draft, although the file says something else by now."""
        with self._lock:
            draft = self.shown.draft
            text, sha256 = fingerprint(Path(draft.folder))
            found = read_sweep(tree(text), draft.experiment)
            if found is None:
                raise InputError(f"{FILE} has no experiment {draft.experiment} any more", "take the file's")
            had = {row.name for row in found.rows}
            axes = tuple(axis if axis.was in had else replace(axis, was="") for axis in draft.axes)
            return self.put(replace(draft, sha256=sha256, origin=found, axes=axes), text)

    def take(self) -> None:
        """Gives up the draft for what the file says."""
        with self._lock:
            draft = self.shown.draft
            text, sha256 = fingerprint(Path(draft.folder))
            is_there = read_sweep(tree(text), draft.experiment) is not None
            self.put(
                edit.opened(draft.folder, draft.experiment, text, sha256)
                if is_there
                else Draft(draft.folder, sha256=sha256),
                text,
            )

    def save(self) -> None:
        """Writes the draft into its file, and goes on from what that says. Raises NeronetError."""
        with self._lock:
            if not self.shown.draft.experiment:
                raise InputError("there is nothing to save yet", "choose an experiment or begin one")
            self.follow()  # what else changed in the file stays
            draft = self.shown.draft
            if self.shown.conflict:
                raise FileChanged(f"{FILE} has changed meanwhile", "keep yours, or take the file's")
            if draft.is_edited:
                text = draft.text(self.shown.text)
                sha256 = write(Path(draft.folder), text, draft.sha256)
                self.put(edit.opened(draft.folder, draft.experiment, text, sha256), text)
