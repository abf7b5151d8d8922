"""What a Neroman tells of runs, and keeps with them: notes, tags, history, differences, bundles."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from neronet.api.runset import RunSet
from neronet.api.targets import Selector
from neronet.errors import InputError
from neronet.spec.problems import quoted
from neronet.store.events import Event
from neronet.store.store import Store

if TYPE_CHECKING:
    from neronet.api.diff import Difference
    from neronet.api.replay import Bundle
    from neronet.api.submitting import Submitting
    from neronet.spec.nodes import Nodes, NodeSpec

TAGS = 32  # that a run may have
_TAG = re.compile(r"\w[\w./:-]{0,63}")


class Records:
    """The part of Neroman that does this."""

    home: Path

    if TYPE_CHECKING:

        @property
        def store(self) -> Store: ...
        @property
        def _submitting(self) -> Submitting: ...
        def runs(self, selector: Selector | None = None) -> RunSet: ...
        def _nodes(self) -> Nodes: ...
        def _members(self, nodes: Nodes, name: str | None) -> list[NodeSpec]: ...

    def set_note(self, selector: Selector | RunSet, text: str) -> RunSet:
        """Gives runs a note of the user's, in place of the one that they had."""
        runs = self._selected(selector)
        self.store.runs.set_note(runs.numbers, text)
        return runs

    def tag(self, selector: Selector | RunSet, add: Iterable[str] = (), remove: Iterable[str] = ()) -> RunSet:
        """Gives runs tags and takes others away; `runs("tag:good")` finds them. Raises InputError for a text that
        is no tag: letters, digits and . / : - _, at most 64."""
        added, removed = _tags(add), _tags(remove)
        runs = self._selected(selector)
        for row in runs.rows():
            if len({*row.tags, *added} - {*removed}) > TAGS:
                raise InputError(f"{row.name} would have more than {TAGS} tags", "a note takes any text")
        self.store.runs.set_tags(runs.numbers, added, removed)
        return runs

    def history(
        self,
        selector: Selector | RunSet | None = None,
        since: float | None = None,
        *,
        kinds: Collection[str] | None = None,
        node: str | None = None,
        last: int | None = None,
    ) -> list[Event]:
        """What happened, in order: of all, or of some runs; since a time in seconds since 1970; of these kinds;
        on a node; the `last` of them. `data` of an event are the numbers behind its text."""
        numbers = None if selector is None else self._selected(selector).numbers
        most = -1 if last is None else max(0, last)
        return self.store.events.find(numbers, since, kinds=kinds, node=node, last=most)

    def diff(self, a: Selector | RunSet, b: Selector | RunSet) -> Difference:
        """What tells run `b` from run `a`: parameters, command, files, environment, commits, metrics."""
        from neronet.api import diff

        return diff.of(self._one(a), self._one(b), self.home)

    def bundle(self, selector: Selector | RunSet, path: str | Path) -> list[str]:
        """Writes runs with all that is known of them, and the files that they had, into a zip that pandas alone can
        read; sentences about what could not be had. Raises InputError when the file is there already."""
        from neronet.api import bundle

        return bundle.write(self._selected(selector), self.home, self.store, Path(path).expanduser())

    def open_bundle(self, path: str | Path) -> Bundle:
        """What a bundle holds, checked. Raises InputError for a file that is none."""
        from neronet.api import replay

        return replay.read(Path(path).expanduser())

    def replay(
        self,
        path: str | Path,
        node: str | None = None,
        *,
        only: Sequence[int] | None = None,
        folder: str | Path | None = None,
        wait: float = 10.0,
    ) -> RunSet:
        """Unpacks the files of a bundle into `folder` (default: the bundle's name without .zip, here) and submits
        the same commands with the same files; the new runs. `only`: numbers of its runs.

        What runs is what the bundle says: look at it first (`open_bundle`) when it is somebody else's.
        """
        from neronet.api import replay

        source = Path(path).expanduser()
        nodes = self._nodes()
        members = self._members(nodes, node)
        target = Path(source.stem) if folder is None else Path(folder).expanduser()
        jobs = replay.unpack(replay.read(source), target.absolute(), self.home, self.store, only)
        numbers, notes = self._submitting.send(jobs, nodes, members, wait)
        return RunSet(self, numbers, notes)  # type: ignore[arg-type]  # Neroman is the one class of this kind

    def _selected(self, selector: Selector | RunSet) -> RunSet:
        return selector if isinstance(selector, RunSet) else self.runs(selector)

    def _one(self, selector: Selector | RunSet) -> RunSet:
        runs = self._selected(selector)
        if len(runs) != 1:
            raise InputError(f"these are {len(runs)} runs, not one", "name one run by its number or name")
        return runs


def _tags(given: Iterable[str]) -> list[str]:
    tags = list(dict.fromkeys(given))
    for tag in tags:
        if not _TAG.fullmatch(tag):
            raise InputError(
                f"{quoted(tag)} cannot be a tag",
                "use letters, digits, _ . / : and -, at most 64, beginning with a letter or a digit",
            )
    return tags
