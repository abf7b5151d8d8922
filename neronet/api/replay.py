"""A bundle on its way back: the same files, byte for byte, and the same commands.

A bundle may come from anybody.  Names on this disk come only from a list of files that was checked as a whole
(`sync.manifest`: no `..`, nothing absolute, no file below a link), contents only under the hash that they have and
with the size that was announced; nothing that is there is ever written over.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import time
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from neronet.api import strangers
from neronet.api.bundle import CONFIG, FORMAT
from neronet.api.trusted import Trusted, real
from neronet.engine.submission import Job
from neronet.errors import InputError, NeronetError, UnsafePath
from neronet.spec.experiment import Experiment
from neronet.spec.problems import Unfit, quoted
from neronet.spec.values import identifier
from neronet.store.experiments import ExperimentRow
from neronet.store.store import Store
from neronet.sweep import Point
from neronet.sync.manifest import MAX_BYTES, Entry, parse, tree_hash
from neronet.sync.names import hides, safe_parts
from neronet.sync.snapshot import RESERVE, WHOLE, keep, load
from neronet.wire.frames import Malformed, load_json

RUNS = 10_000  # that are submitted at once
SMALL = 2**30  # bytes that may be unpacked whatever the size of the zip is,
RATIO = 100  # and so many times its size
_BLOCK = 1024 * 1024
_SHA = re.compile(r"[0-9a-f]{64}")
_MADE = "bundles are made by `nerocli bundle`; get this one anew"


@dataclass(frozen=True)
class Recorded:
    """A run of a bundle."""

    number: int
    name: str
    experiment: str
    parameters: dict[str, str]
    command: tuple[str, ...]
    snapshot: str


@dataclass(frozen=True)
class Bundle:
    """What a zip says; `experiments` by "id snapshot"; `manifests` and their entries by the snapshot's sha256."""

    path: Path
    runs: tuple[Recorded, ...]
    experiments: dict[str, dict[str, Any]]
    manifests: dict[str, bytes]
    entries: dict[str, tuple[Entry, ...]]

    def size(self) -> int:
        """Bytes of the files that it stands for, each content once."""
        return sum({entry.sha: entry.size for entries in self.entries.values() for entry in entries}.values())

    def preparations(self, runs: Sequence[Recorded]) -> list[str]:
        """What is done before the commands of these runs: shell lines, and variables as NAME=VALUE."""
        specs = [self.experiments.get(f"{run.experiment} {run.snapshot}", {}) for run in runs]
        found: dict[str, None] = {}
        for spec in specs:
            lines, variables = spec.get("setup"), spec.get("env")
            found |= dict.fromkeys(map(str, lines if isinstance(lines, list) else ()))
            pairs = variables.items() if isinstance(variables, dict) else ()
            found |= dict.fromkeys(f"{name}={value}" for name, value in pairs)
        return list(found)

    def chosen(self, only: Sequence[int] | None) -> list[Recorded]:
        """These of its runs, by number. Raises InputError for a number that it does not have."""
        known = {run.number: run for run in self.runs}
        for number in only or ():
            if number not in known:
                have = ", ".join(map(str, list(known)[:20]))
                raise InputError(f"the bundle has no run {number}", f"it has {have}")
        return [known[number] for number in dict.fromkeys(only)] if only else list(self.runs)


def read(path: Path) -> Bundle:
    """What a bundle holds, checked but for the contents. Raises InputError."""
    with _opened(path) as made:
        said = load_json(_member(made, "bundle.json", MAX_BYTES))
        if said.get("format") != FORMAT:
            raise InputError(
                f"{path} is a bundle of format {quoted(str(said.get('format')))}, known here: {FORMAT}",
                "upgrade Neronet",
            )
        runs = tuple(_recorded(run) for run in said["runs"])
        if not runs or len({run.number for run in runs}) < len(runs):
            raise Malformed("its runs are none, or not told apart")
        manifests, entries = {}, {}
        for sha in dict.fromkeys(run.snapshot for run in runs):
            name = f"snapshots/{sha}.json"
            if name in made.NameToInfo:
                manifests[sha] = _member(made, name, MAX_BYTES)
                entries[sha] = parse(manifests[sha])
                if tree_hash(manifests[sha]) != sha:
                    raise Malformed(f"{name} is not what its name says")
        experiments = {str(key): dict(spec) for key, spec in dict(said["experiments"]).items()}
        return Bundle(path, runs, experiments, manifests, entries)


def unpack(
    bundle: Bundle, target: Path, home: Path, store: Store, only: Sequence[int] | None = None
) -> list[Job]:
    """Writes the files of a bundle's runs, or of some, below `target`, and gives what is to be submitted.

    One snapshot lies in `target` itself, several each in a folder of its own. Files that are there are left as
    they are: an equal one is taken, so what the bundle lacks can be put there first; another one is refused, before
    anything is written. Raises InputError, NeronetError.
    """
    runs = bundle.chosen(only)
    if len(runs) > RUNS:
        raise InputError(
            f"these are {len(runs):,} runs; {RUNS:,} are submitted at once", "name a part of them with --only"
        )
    snapshots = list(dict.fromkeys(run.snapshot for run in runs))
    groups: dict[tuple[str, str], list[Recorded]] = {}
    for run in runs:
        groups.setdefault((run.snapshot, run.experiment), []).append(run)
    for sha in snapshots:
        if sha not in bundle.entries:
            raise InputError(
                f"{bundle.path} lacks the files of snapshot {sha[:12]}", "they were gone when it was made"
            )
    folders = {sha: target if len(snapshots) == 1 else target / sha[:12] for sha in snapshots}
    with _opened(bundle.path) as made:
        specs = {key: _experiment(bundle, *key, folders[key[0]]) for key in groups}
        needed = _check(made, bundle, folders)
        _check_trust(home, folders.values(), needed)
        _check_room(target, needed)
        try:
            for sha, folder in folders.items():
                _write(made, bundle.entries[sha], folder, home)
        except OSError as error:
            raise NeronetError(
                f"{target} cannot be written: {error.strerror or error}", "choose another --folder"
            ) from error
    for sha in snapshots:
        keep(home, bundle.manifests[sha], "manifest")
    _make_known(store, list(specs.values()))
    names = {run.experiment for run in runs}
    return [
        Job(
            # What is not replayed with them cannot be waited for: there may be no such runs here.
            replace(specs[sha, name], after=tuple(each for each in specs[sha, name].after if each in names)),
            [Point(run.name, run.parameters, run.command) for run in members],
            load(home, sha, folders[sha]),
        )
        for (sha, name), members in groups.items()
    ]


# -- what a zip says


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as made:
            if {info.compress_type for info in made.infolist()} - {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                # Some others take any memory that the zip asks for.
                raise Malformed("it is packed in another way")
            yield made
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise InputError(f"{path} is no zip that can be read: {error}", _MADE) from error
    except (Malformed, Unfit, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} is no bundle of Neronet: {error!s:.200}", _MADE) from error


def _member(made: zipfile.ZipFile, name: str, most: int) -> bytes:
    """A member of the zip as a whole; no more of it is read than `most` bytes, whatever it says of itself."""
    try:
        with made.open(name) as file:
            data = file.read(most + 1)
    except KeyError:
        raise Malformed(f"there is no {name} in it") from None
    if len(data) > most:
        raise Malformed(f"{name} is longer than {most} bytes")
    return data


def _recorded(run: Any) -> Recorded:
    """A run, each part of it of the kind that it must be. Raises Malformed, KeyError, Unfit."""
    number, name, experiment = run["number"], run["name"], run["experiment"]
    parameters, command, sha = run["parameters"], run["command"], run["snapshot"]
    texts = [name, experiment, sha, *parameters, *parameters.values(), *command]
    good = type(number) is int and 0 < number < 2**62 and isinstance(command, list) and len(command) > 0
    if not good or not all(isinstance(text, str) and "\0" not in text for text in texts):
        raise Malformed("a run in it is not told as one is")
    identifier(experiment)
    if not _SHA.fullmatch(sha) or len(name) > 4096 or sum(map(len, texts)) > 2**20:
        raise Malformed("a run in it has a part that cannot be")
    return Recorded(number, name, experiment, dict(parameters), tuple(command), sha)


def _experiment(bundle: Bundle, sha: str, name: str, folder: Path) -> Experiment:
    spec = bundle.experiments.get(f"{name} {sha}")
    if spec is None:
        raise InputError(
            f"{bundle.path} lacks the configuration of {name}", "it was deleted when the bundle was made"
        )
    return strangers.experiment(spec, name, folder)


# -- what goes to this disk


def _check(made: zipfile.ZipFile, bundle: Bundle, folders: dict[str, Path]) -> int:
    """The bytes that are to be written; raises InputError when something is in the way or lacking."""
    needed, most = 0, max(SMALL, RATIO * os.path.getsize(bundle.path))
    for sha, folder in folders.items():
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder} is not a folder", "choose another one with --folder")
        for entry in bundle.entries[sha]:
            _check_name(entry.path)
            place = folder / entry.path
            if _same(place, entry, folder):
                continue
            if os.path.lexists(place) or _behind_link(place, folder):
                raise InputError(f"{place} is there already and is another one", "choose another --folder")
            if entry.kind == "f":
                _check_member(made, entry, place)
                needed += entry.size
    if needed > most:
        raise Malformed(f"it would become {needed:,} bytes, which no files of somebody would")
    return needed


def _check_name(path: str) -> None:
    """What only Windows takes for something else (aux.py) is a plain name elsewhere, and was one where it ran."""
    if hides(path):
        raise Malformed(f"{quoted(path)} holds control characters")
    if os.name != "nt":
        return
    try:
        safe_parts(path)
    except UnsafePath as error:
        raise InputError(
            f"{quoted(path)} cannot be a file on Windows", "replay the bundle on another system"
        ) from error


def _check_member(made: zipfile.ZipFile, entry: Entry, place: Path) -> None:
    info = made.NameToInfo.get(f"files/{entry.sha}")
    if info is None:
        raise InputError(
            f"the bundle does not hold {entry.path} ({entry.size:,} bytes, sha256 {entry.sha[:12]}...)",
            f"put it there yourself: {place}",
        )
    if info.file_size != entry.size:
        raise Malformed(f"{entry.path} has not the size that was announced")


def _check_trust(home: Path, folders: Iterable[Path], needed: int) -> None:
    """A trust that was given to what was in a folder, perhaps long ago, is none in what comes in a bundle."""
    known = Trusted(home).folders()
    for folder in folders:
        if needed and real(folder) in known:
            raise InputError(
                f"{folder} is trusted: plotting functions of the bundle could run there without a question",
                f"choose another --folder, or first: nerocli trust --revoke {shlex.quote(str(folder))}",
            )


def _check_room(target: Path, needed: int) -> None:
    there = next(parent for parent in (target, *target.parents) if parent.exists())
    free = shutil.disk_usage(there).free
    if needed + RESERVE > free:
        raise InputError(
            f"{there} has no room for it: {needed >> 20} MiB are needed, {free >> 20} MiB are free",
            "choose another --folder",
        )


def _same(place: Path, entry: Entry, folder: Path) -> bool:
    """Whether what is at a place is what the entry says."""
    if _behind_link(place, folder) or not os.path.lexists(place):
        return False
    if entry.kind == "l":
        return place.is_symlink() and os.readlink(place) == entry.target
    if place.is_symlink():
        return False
    if entry.kind == "d":
        return place.is_dir()
    if not place.is_file() or place.stat().st_size != entry.size:
        return False
    digest = hashlib.sha256()
    with open(place, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest() == entry.sha


def _behind_link(place: Path, folder: Path) -> bool:
    """Whether a link that is already there leads away from the folder."""
    return any(
        parent.is_symlink() for parent in place.parents if parent != folder and parent.is_relative_to(folder)
    )


def _write(made: zipfile.ZipFile, entries: Sequence[Entry], folder: Path, home: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for entry in sorted(
        entries, key=lambda each: each.kind == "l"
    ):  # links last: nothing is written through one
        place = folder / entry.path
        if not _same(place, entry, folder):
            place.parent.mkdir(parents=True, exist_ok=True)
            if entry.kind == "f":
                _write_file(made, entry, place)
            elif entry.kind == "l":
                place.symlink_to(entry.target)
            else:
                place.mkdir()
        if entry.kind == "f" and entry.size <= WHOLE:
            keep(home, place.read_bytes(), entry.path)


def _write_file(made: zipfile.ZipFile, entry: Entry, place: Path) -> None:
    digest, left = hashlib.sha256(), entry.size
    mode = 0o777 if entry.executable else 0o666
    part = place.with_name(f".{entry.sha[:12]}.{os.getpid()}.part")
    try:
        with (
            made.open(f"files/{entry.sha}") as source,
            open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file,
        ):
            while block := source.read(_BLOCK):
                left -= len(block)
                if left < 0:
                    break
                digest.update(block)
                file.write(block)
        if left or digest.hexdigest() != entry.sha:
            raise Malformed(f"{entry.path} is not what its hash says")
        os.rename(part, place)
    finally:
        part.unlink(missing_ok=True)


def _make_known(store: Store, experiments: Sequence[Experiment]) -> None:
    """Lets `status` and figures know the experiments, unless some of these ids are known: those stay."""
    known = {row.id for row in store.experiments.all()}
    new = {each.id: each for each in experiments if each.id not in known}
    rows = []
    for each in new.values():
        config = each.folder / CONFIG
        data = config.read_bytes() if config.is_file() else b""
        sha = hashlib.sha256(data).hexdigest()
        rows.append(ExperimentRow(each.id, each.folder, each.collection, sha, each.to_json(), time.time()))
    store.experiments.put(rows)
