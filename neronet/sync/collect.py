"""What of an experiment's folder belongs to a run: files, links inside of it, empty folders.

Without `required_files` it is the whole folder, less what ignore files leave out;
with it, exactly the files that the experiment names.  Nothing is ever read through
a link: a folder that somebody shared could otherwise send the user's keys to a node.
"""

from __future__ import annotations

import glob
import os
import posixpath
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from neronet.errors import InputError
from neronet.spec import plugins
from neronet.sync.ignore import IgnoreFile, ignore_file, in_bytes, translate
from neronet.sync.manifest import MAX_DEPTH, MAX_ENTRIES, stays_inside

if TYPE_CHECKING:
    from neronet.spec.experiment import Experiment

# Made anew by the programs that use them, of no use on another machine, or someone's whole history.
NEVER_SENT = frozenset((".git", "__pycache__", ".ipynb_checkpoints", "node_modules"))
VENV_MARK = "pyvenv.cfg"
RESULTS = "results/"  # what came back from earlier runs would make each submission larger than the last
_IGNORE_FILES = (".neroignore", ".gitignore")  # the first has the last word
_MOUNT_POINT = 0xA0000003  # the tag of a junction, Windows' link between folders that is_symlink() denies


@dataclass(frozen=True, slots=True)
class _Rules:
    """An ignore file at work: `rank` orders the kinds, `start` is how much of a path names its folder."""

    rank: int
    start: int
    file: IgnoreFile


_BUILT_IN = _Rules(len(_IGNORE_FILES), 0, IgnoreFile(f"/{RESULTS}*".encode()))


@dataclass(frozen=True, slots=True)
class Found:
    """A file (with its `stat`), a link (with its `target`) or an empty folder, by its path with `/`."""

    path: str
    kind: Literal["f", "l", "d"]
    stat: os.stat_result | None = None
    target: str = ""
    source: Path | None = None  # where its content is, if not in the folder


@dataclass(frozen=True, slots=True)
class Collection:
    found: tuple[Found, ...]  # by path
    notes: tuple[str, ...]  # what was left out and the user may not expect


def collect(folder: Path, experiment: Experiment, home: Path) -> Collection:
    """What a run of `experiment` gets.

    Raises InputError when a named file is missing, a link leaves the folder, or something cannot be read.
    """
    collector = _Collector(folder, home)
    modules = [value[0] for value in _processors(experiment) if value]
    if experiment.run_command_prefix[-1:] == ("-m",):
        modules.append(experiment.main_code_file)
    else:
        collector.add_main(experiment.main_code_file)
    for module in modules:
        collector.add_module(module)
    if experiment.required_files is None:
        collector.walk("", whole=True)
    else:
        for pattern in experiment.required_files:
            collector.add_required(pattern)
    return collector.result()


def _processors(experiment: Experiment) -> list[tuple[str, ...]]:
    tables = (experiment.output_line_processor, experiment.output_file_processor, experiment.plot)
    return [value for table in tables for value in table.values()]


class _Collector:
    def __init__(self, folder: Path, home: Path) -> None:
        self.top = os.path.abspath(folder)
        self.real_top = os.path.realpath(folder)
        self.real_home = os.path.realpath(home)
        self.found: dict[str, Found] = {}
        self.notes: list[str] = []
        self.outside: list[str] = []  # links that leave the folder
        try:
            self.home_number = os.stat(home).st_ino
        except OSError:
            self.home_number = -1

    def result(self) -> Collection:
        if self.outside:
            names = ", ".join(sorted(set(self.outside))[:5]) + (", ..." if len(self.outside) > 5 else "")
            raise InputError(
                f"links that leave {self.top} are not followed: {names}",
                "Copy what they point to into the folder, or name them in .neroignore.",
            )
        parents = _parents(self.found)
        self._note_broken_links(parents)
        kept = [self.found[path] for path in sorted(self.found)]
        return Collection(
            tuple(found for found in kept if not (found.kind == "d" and found.path in parents)),
            tuple(dict.fromkeys(self.notes)),
        )

    def add_main(self, path: str) -> None:
        """The main code file; one with an absolute path is a program of the node."""
        if not (path.startswith("/") or os.path.isabs(path)):
            if not os.path.lexists(os.path.join(self.top, path)):
                raise InputError(
                    f"{path} does not exist in {self.top}", "Correct main_code_file in config.yaml."
                )
            self.add(path)

    def add_module(self, name: str) -> None:
        """A Python module, where it lies in the folder or is a reader of another package; else it is expected on the
        node."""
        if os.path.isfile(os.path.join(self.top, name)):
            self.add(name)
            return
        parts = name.split(".")
        if not all(part.isidentifier() for part in parts):
            return
        base = "/".join(parts)
        packages = ["/".join(parts[:count]) + "/__init__.py" for count in range(1, len(parts))]
        for path in (*packages, base + ".py", base):
            if os.path.exists(os.path.join(self.top, path)):
                self.add(path)
        if not self.found.keys() & {base + ".py", base} and (
            entry := plugins.named(plugins.READERS).get(name)
        ):
            file = plugins.file_of(entry)
            self.found[base + ".py"] = Found(base + ".py", "f", file.stat(), source=file)

    def add_required(self, pattern: str) -> None:
        """A file, a folder with all that is in it, or a glob of both."""
        if os.path.lexists(os.path.join(self.top, pattern)):
            self.add(pattern)
            return
        paths = [] if os.path.isabs(pattern) else self._matches(pattern)
        if not paths:
            raise InputError(
                f"required_files: {pattern} matches nothing in {self.top}",
                "Correct it in config.yaml: a file, a folder or a glob such as data/*.csv.",
            )
        for path in paths:
            if NEVER_SENT.isdisjoint(path.replace(os.sep, "/").split("/")):
                self.add(path)

    def _matches(self, pattern: str) -> list[str]:
        """What a glob stands for; as in a shell, hidden names only when it says so.

        `**` goes into folders, but not through links, which may lead round in circles.
        """
        fixed, stars, _ = pattern.partition("**")
        expression = translate(pattern.rstrip("/").replace("\\", "\\\\")) if stars else None
        if expression is None:
            return glob.glob(pattern, root_dir=self.top)
        whole = re.compile(expression, re.DOTALL)
        hidden = "/." in f"/{pattern}"
        found: list[str] = []
        base = fixed.rpartition("/")[0]
        for start in glob.glob(base, root_dir=self.top) if base else [""]:
            for parent, folders, names in os.walk(os.path.join(self.top, start)):
                folders[:] = [name for name in folders if name not in NEVER_SENT]
                for name in (*folders, *names):
                    path = os.path.relpath(os.path.join(parent, name), self.top).replace(os.sep, "/")
                    if whole.fullmatch(path) and (hidden or "/." not in f"/{path}"):
                        found.append(path)
                if len(found) > MAX_ENTRIES:
                    raise self._too_many()
        return found

    def add(self, path: str) -> None:
        """A path that was named, whatever ignore files say; a link brings what it points to."""
        path = posixpath.normpath(path.replace(os.sep, "/"))
        if not stays_inside(path):
            raise InputError(
                f"{path} lies outside of {self.top}", "Only files of the experiment's own folder are sent."
            )
        if path in self.found:
            return
        parts = path.split("/")
        for count in range(1, len(parts) + 1):
            link = "/".join(parts[:count])
            if os.path.islink(os.path.join(self.top, link)):
                if self._add_link(link):
                    target = posixpath.join(posixpath.dirname(link), self.found[link].target)
                    self.add(posixpath.join(target, *parts[count:]))
                return
        place = os.path.join(self.top, path)
        if os.path.isdir(place):
            self.walk("" if path == "." else path + "/", whole=False)
        else:
            self._add_file(path, Path(place))

    def walk(self, top: str, whole: bool) -> None:
        """All below the folder `top` ('' or with a `/` at its end); `whole`: as ignore files want it."""
        waiting: list[tuple[str, list[_Rules]]] = [(top, [_BUILT_IN] if whole else [])]
        while waiting:
            prefix, rules = waiting.pop()
            try:
                with os.scandir(os.path.join(self.top, prefix)) as scan:
                    entries = list(scan)
            except OSError as error:
                raise unreadable(os.path.join(self.top, prefix), error) from error
            if prefix and any(entry.name == VENV_MARK for entry in entries):
                continue
            if whole:
                rules = _with_ignore_files(prefix, entries, rules)
            kept = 0
            for entry in entries:
                path = prefix + entry.name
                is_folder = entry.is_dir(follow_symlinks=False)
                if entry.name in NEVER_SENT or (is_folder and self._is_ours(entry)):
                    continue
                if whole and self._is_ignored(path, is_folder, rules):
                    continue
                kept += 1
                if entry.is_symlink():
                    self._add_link(path)
                elif is_folder:
                    waiting.append((path + "/", rules))
                else:
                    self._add_file(path, entry)
            if not kept and prefix:
                self.found[prefix[:-1]] = Found(prefix[:-1], "d")
            self._check_bounds(prefix)

    def _is_ignored(self, path: str, is_folder: bool, rules: list[_Rules]) -> bool:
        """Whether `path` is left out: the first file with a word about it decides."""
        name = in_bytes(path)
        for rule in rules:
            if rule is _BUILT_IN and not path.startswith(RESULTS):
                continue
            verdict = rule.file.verdict(name[rule.start :], is_folder)
            if verdict is not None:
                if rule is _BUILT_IN:
                    self.notes.append(
                        f"what {RESULTS} holds is left out: runs do not need what earlier ones made "
                        f"(a line !/{RESULTS}* in .neroignore sends it)"
                    )
                return verdict
        return False

    def _is_ours(self, entry: os.DirEntry[str]) -> bool:
        """Whether this folder is Neronet's own home, or a junction, which may lead anywhere."""
        if entry.inode() == self.home_number and os.path.realpath(entry.path) == self.real_home:
            return True
        status = entry.stat(follow_symlinks=False) if os.name == "nt" else None
        if getattr(status, "st_reparse_tag", 0) == _MOUNT_POINT:
            self.notes.append(f"{entry.path} is left out: a junction")
            return True
        return False

    def _add_file(self, path: str, place: os.DirEntry[str] | Path) -> None:
        try:
            status = place.stat(follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return  # deleted a moment ago, or the end of a broken link, which a note tells
        except OSError as error:
            raise unreadable(os.fspath(place), error) from error
        if stat.S_ISREG(status.st_mode):
            self.found[path] = Found(path, "f", status)
        else:
            self.notes.append(f"{path} is left out: {_kind(status.st_mode)}")

    def _add_link(self, path: str) -> bool:
        """Whether the link was taken: it leads to something in the folder, or to nothing yet."""
        place = os.path.join(self.top, path)
        try:
            target, real = os.readlink(place), os.path.realpath(place)
        except OSError as error:
            raise unreadable(place, error) from error
        if real == self.real_home or real.startswith(self.real_home + os.sep):
            self.notes.append(f"{path} is left out: a link into {self.real_home}")
            return False
        if os.path.isabs(target):
            target = os.path.relpath(real, os.path.join(self.real_top, os.path.dirname(path)))
        target = target.replace(os.sep, "/")
        end = posixpath.join(posixpath.dirname(path), target)
        if not stays_inside(end) or not _below(real, self.real_top):
            self.outside.append(path)
            return False
        self.found[path] = Found(path, "l", target=target)
        return True

    def _note_broken_links(self, parents: set[str]) -> None:
        """Says which links will lead nowhere on the node."""
        for link in self.found.values():
            if link.kind == "l":
                end = posixpath.normpath(posixpath.join(posixpath.dirname(link.path), link.target))
                if end != "." and end not in self.found and end not in parents:
                    self.notes.append(f"{link.path} leads nowhere: its target {link.target} is not sent")

    def _check_bounds(self, prefix: str) -> None:
        if len(self.found) > MAX_ENTRIES:
            raise self._too_many()
        if prefix.count("/") >= MAX_DEPTH:
            raise InputError(
                f"{prefix} is nested more than {MAX_DEPTH} folders deep", "Name it in .neroignore."
            )

    def _too_many(self) -> InputError:
        return InputError(
            f"{self.top} holds more than {MAX_ENTRIES} files",
            "Leave out what runs do not need: name it in .neroignore, or list required_files.",
        )


def _with_ignore_files(prefix: str, entries: list[os.DirEntry[str]], rules: list[_Rules]) -> list[_Rules]:
    """`rules` with those of the folder `prefix`, the deciding ones first: by kind, then the deepest."""
    here = [
        _Rules(_IGNORE_FILES.index(entry.name), len(in_bytes(prefix)), ignore_file(_read(entry.path)))
        for entry in entries
        if entry.name in _IGNORE_FILES and entry.is_file(follow_symlinks=False)
    ]
    return sorted([*here, *rules], key=lambda rule: (rule.rank, -rule.start)) if here else rules


def _parents(paths: Iterable[str]) -> set[str]:
    """Every folder that some path lies in."""
    parents: set[str] = set()
    for path in paths:
        while (path := posixpath.dirname(path)) and path not in parents:
            parents.add(path)
    return parents


def _below(path: str, top: str) -> bool:
    return path == top or path.startswith(top.rstrip(os.sep) + os.sep)


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: str | Path, error: OSError) -> InputError:
    return InputError(
        f"cannot read {path}: {error.strerror}",
        "Make it readable, or name it in .neroignore if runs do not need it.",
    )


def _kind(mode: int) -> str:
    if stat.S_ISSOCK(mode):
        return "a socket"
    if stat.S_ISFIFO(mode):
        return "a named pipe"
    return "a device"
