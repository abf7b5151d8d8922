"""What arrives on a node is the folder, byte for byte, and nothing is sent that is there already."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest

from neronet.errors import InputError
from neronet.node.contents import Contents
from neronet.node.folder import populate
from neronet.node.runs import Root
from neronet.spec.experiment import Experiment
from neronet.sync import upload as module
from neronet.sync.snapshot import WHOLE, Content, Progress, Snapshot, keep, load, take
from neronet.sync.upload import missing_contents, pieces, read_parts, upload
from neronet.wire.frames import Decoder, encode
from neronet.wire.messages import MAX_HASHES, MAX_PART, TO_NODE, check

Make = Callable[..., Experiment]


class Node:
    """The contents of a real node, fed with the very bytes that would go over the wire."""

    def __init__(self, place: Path) -> None:
        self.root = Root(str(place)).prepare()
        self.contents = Contents(self.root)
        self.asked: list[list[str]] = []
        self.stored: list[str] = []
        self.bytes = 0

    async def ask(self, shas: Sequence[str]) -> Iterable[str]:
        message = check(json.loads(encode({"m": "have", "shas": list(shas)})), TO_NODE)
        self.asked.append(message["shas"])
        return self.contents.missing(message["shas"])

    async def send(self, snapshot: Snapshot, runs: Content, progress: Progress | None = None) -> None:
        decoder = Decoder()
        async for message, data in upload(snapshot, runs, self.ask, progress):
            for received, payload in decoder.feed(encode(message, data)):
                check(received, TO_NODE)
                assert len(payload) <= MAX_PART
                self.bytes += len(payload)
                if self.contents.part(received["sha"], received["offset"], received["total"], payload):
                    self.stored.append(received["sha"])

    def folder(self, snapshot: Snapshot, place: Path) -> Path:
        """The folder that a run gets."""
        place.mkdir()
        with open(self.root.content(snapshot.manifest_sha), "rb") as file:
            manifest = json.load(file)
        for entry in manifest["entries"]:
            if entry[1] == "f" and entry[2]:
                self.contents._executable_twin(entry[3])
        populate(self.root, manifest, str(place), lambda path: False)
        return place


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path / "node")


@pytest.fixture
def runs(home: Path) -> Content:
    return keep(home, b'{"index":0}\n', "runs.jsonl")


def tree(top: Path) -> dict[str, object]:
    """Everything below a folder: contents, exec bits, links, empty folders."""
    seen: dict[str, object] = {}
    for place in top.rglob("*"):
        name = str(place.relative_to(top))
        if place.is_symlink():
            seen[name] = os.readlink(place)
        elif place.is_dir():
            seen[name] = "a folder"
        else:
            seen[name] = (place.read_bytes(), bool(place.stat().st_mode & stat.S_IXUSR))
    return seen


def test_the_folder_arrives_as_it_is(
    folder: Path, home: Path, experiment: Make, hashes: object, node: Node, runs: Content, tmp_path: Path
) -> None:
    (folder / "data" / "deep").mkdir(parents=True)
    (folder / "empty" / "inner").mkdir(parents=True)
    (folder / "run.sh").write_bytes(b"#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "data" / "same.sh").write_bytes(b"#!/bin/sh\n")
    (folder / "data" / "two parts.bin").write_bytes(os.urandom(MAX_PART + 1))
    (folder / "data" / "exact.bin").write_bytes(os.urandom(2 * MAX_PART))
    (folder / "data" / "large.bin").write_bytes(os.urandom(WHOLE + 7))
    (folder / "data" / "deep" / "new\nline é \udcff").write_bytes(b"odd")
    (folder / "nothing").write_bytes(b"")
    (folder / "latest").symlink_to("data/deep")
    snapshot = take(folder, experiment(), home, hashes)
    asyncio.run(node.send(snapshot, runs))
    assert tree(node.folder(snapshot, tmp_path / "work")) == tree(folder)


def test_what_names_others_comes_after_them(
    folder: Path, home: Path, experiment: Make, hashes: object, node: Node, runs: Content
) -> None:
    (folder / "b").write_text("b")
    snapshot = take(folder, experiment(), home, hashes)
    asyncio.run(node.send(snapshot, runs))
    assert set(node.stored[:2]) == {content.sha for content in snapshot.files}
    assert node.stored[2:] == [snapshot.manifest_sha, runs.sha]


def test_an_unchanged_folder_costs_one_question(
    folder: Path, home: Path, experiment: Make, hashes: object, node: Node, runs: Content
) -> None:
    snapshot = take(folder, experiment(), home, hashes)
    asyncio.run(node.send(snapshot, runs))
    node.asked, node.bytes = [], 0
    asyncio.run(node.send(snapshot, runs))
    assert (node.asked, node.bytes) == ([[snapshot.manifest_sha, runs.sha]], 0)


def test_only_what_changed_is_sent(
    folder: Path, home: Path, experiment: Make, hashes: object, node: Node, runs: Content
) -> None:
    (folder / "data.bin").write_bytes(bytes(500_000))
    asyncio.run(node.send(take(folder, experiment(), home, hashes), runs))
    (folder / "main.py").write_text("print(2)")
    node.bytes = 0
    snapshot = take(folder, experiment(), home, hashes)
    asyncio.run(node.send(snapshot, runs))
    assert node.bytes == 8 + len(snapshot.manifest)


def test_other_runs_of_the_same_folder_send_only_themselves(
    folder: Path, home: Path, experiment: Make, hashes: object, node: Node, runs: Content
) -> None:
    snapshot = take(folder, experiment(), home, hashes)
    asyncio.run(node.send(snapshot, runs))
    node.bytes = 0
    asyncio.run(node.send(snapshot, keep(home, b"others", "runs.jsonl")))
    assert node.bytes == 6


def test_progress_ends_with_everything(
    folder: Path, home: Path, experiment: Make, hashes: object, node: Node, runs: Content
) -> None:
    (folder / "data.bin").write_bytes(os.urandom(2 * MAX_PART + 10))
    snapshot = take(folder, experiment(), home, hashes)
    seen: list[tuple[int, int, int]] = []
    asyncio.run(node.send(snapshot, runs, lambda *counts: seen.append(counts)))
    total = snapshot.size + len(snapshot.manifest) + runs.size
    assert seen[-1] == (total, total, 4)
    assert seen == sorted(seen)
    assert seen[0] == (MAX_PART, total, 0)


def test_an_upload_that_was_cut_goes_on_where_whole_contents_end(
    folder: Path, home: Path, experiment: Make, hashes: object, node: Node, runs: Content, tmp_path: Path
) -> None:
    for number in range(30):
        (folder / f"f{number}").write_bytes(os.urandom(1000))
    snapshot = take(folder, experiment(), home, hashes)

    async def cut() -> None:
        count = 0
        async for message, data in upload(snapshot, runs, node.ask):
            node.contents.part(message["sha"], message["offset"], message["total"], data)
            count += 1
            if count == 11:
                return

    asyncio.run(cut())
    node.bytes = 0
    again = load(home, snapshot.manifest_sha, folder)  # by another process
    asyncio.run(node.send(again, runs))
    assert len(node.stored) == 31 - 11 + 2
    assert tree(node.folder(snapshot, tmp_path / "work")) == tree(folder)


@pytest.mark.parametrize("change", ["edited", "longer", "shorter", "gone"])
def test_a_large_file_that_is_no_longer_what_was_submitted_is_an_error(
    folder: Path, home: Path, experiment: Make, hashes: object, node: Node, runs: Content, change: str
) -> None:
    large = folder / "large.bin"
    large.write_bytes(bytes(WHOLE + 10))
    snapshot = take(folder, experiment(), home, hashes)
    if change == "gone":
        large.unlink()
    else:
        size = {"edited": WHOLE + 10, "longer": WHOLE + 11, "shorter": WHOLE + 9}[change]
        large.write_bytes(bytes(WHOLE) + b"x" * (size - WHOLE))
    with pytest.raises(InputError, match=r"large\.bin is no longer what was submitted") as error:
        asyncio.run(node.send(snapshot, runs))
    assert "Submit again" in error.value.hint
    assert snapshot.manifest_sha not in node.stored
    assert next(content.sha for content in snapshot.files if content.name == "large.bin") not in node.stored
    if change != "gone":
        assert large.exists(), "the user's own file is never touched"


def test_a_damaged_copy_is_an_error_and_the_next_submission_is_sound(
    folder: Path, home: Path, experiment: Make, hashes: object, node: Node, runs: Content
) -> None:
    snapshot = take(folder, experiment(), home, hashes)
    (copy,) = snapshot.files
    copy.path.write_bytes(bytes(copy.size))
    with pytest.raises(InputError, match=r"main\.py is no longer what was submitted"):
        asyncio.run(node.send(snapshot, runs))
    asyncio.run(node.send(take(folder, experiment(), home, hashes), runs))
    assert copy.sha in node.stored


def test_parts_are_as_large_as_allowed_and_end_with_the_file(tmp_path: Path) -> None:
    data = os.urandom(2 * MAX_PART + 5)
    (tmp_path / "x").write_bytes(data)
    content = Content(hashlib.sha256(data).hexdigest(), len(data), tmp_path / "x", "x")
    parts = list(read_parts(content))
    assert [(message["offset"], len(piece)) for message, piece in parts] == [
        (0, MAX_PART), (MAX_PART, MAX_PART), (2 * MAX_PART, 5),
    ]  # fmt: skip
    assert b"".join(piece for _, piece in parts) == data


def test_hashes_are_asked_for_in_pieces_that_fit() -> None:
    shas = [f"{number:064x}" for number in range(2 * MAX_HASHES + 1)]
    asked = list(pieces(shas))
    assert [len(piece) for piece in asked] == [MAX_HASHES, MAX_HASHES, 1]
    assert [sha for piece in asked for sha in piece] == shas
    check({"m": "have", "shas": asked[0]}, TO_NODE)
    assert list(pieces([])) == []


def test_a_content_is_sent_once_although_two_name_it() -> None:
    one, two, twin = (Content(sha, 1, Path(sha), name) for sha, name in [("a", "1"), ("b", "2"), ("a", "3")])
    assert missing_contents([one, two, twin], ["b", "a", "strange"]) == [one, two]
    assert missing_contents([one, two, twin], ["b"]) == [two]


def test_files_are_read_off_the_loop(
    folder: Path, home: Path, experiment: Make, hashes: object, runs: Content, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that stalls (a network disk) must not stop what else the loop does."""
    stalled = folder / "pipe"
    snapshot = take(folder, experiment(), home, hashes)
    os.mkfifo(stalled)
    waiting = Content("0" * 64, 1, stalled, "pipe")
    monkeypatch.setattr(module, "missing_contents", lambda *_: [waiting])

    async def ask(shas: Sequence[str]) -> Iterable[str]:
        return []

    async def both() -> int:
        async def send() -> None:
            async for _ in upload(snapshot, runs, ask):
                pass

        sending = asyncio.create_task(send())
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert not sending.done()
        with open(os.open(stalled, os.O_WRONLY), "wb"):
            pass
        with pytest.raises(InputError):
            await sending
        return 1

    assert asyncio.run(both()) == 1
