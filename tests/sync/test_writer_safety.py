"""Whatever a node sends, it lands in the results folder or nowhere."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hostile_names import HOSTILE, ORDINARY
from hypothesis import given, settings
from hypothesis import strategies as st
from sync_tools import MIB, files, state

from neronet.errors import NeronetError, UnsafePath
from neronet.sync import folders
from neronet.sync.writer import ResultsWriter


@pytest.mark.parametrize("relative", [True, False])
def test_no_hostile_name_writes_anywhere(tmp_path: Path, root: Path, outside: Path, relative: bool) -> None:
    writer = ResultsWriter(root, MIB, relative=relative)
    writer.append("log", 0, b"mine")
    before = state(tmp_path)
    for name in HOSTILE:
        with pytest.raises(UnsafePath):
            writer.append(name, 0, b"bad")
        with pytest.raises(UnsafePath):
            writer.output(name, 0, b"bad", end=True)
        with pytest.raises(UnsafePath):
            writer.size(name)
        with pytest.raises(UnsafePath):
            writer.received(name)
    assert state(tmp_path) == before
    assert writer.used == 4


@pytest.mark.parametrize("name", ORDINARY, ids=lambda name: ascii(name)[:40])
def test_an_ordinary_name_is_written_as_it_is(writer: ResultsWriter, root: Path, name: str) -> None:
    writer.append(name, 0, b"1")
    writer.output(name, 0, b"2", end=True)
    assert files(root) == {name: b"2"}


@given(st.text(st.sampled_from("./\\ ab:\0\n\u202e\udcffCON~-"), max_size=12))
@settings(max_examples=150, deadline=None)
def test_any_name_becomes_that_file_or_an_error(name: str) -> None:
    with tempfile.TemporaryDirectory() as top:
        writer = ResultsWriter(Path(top, "a", "b", "run"), MIB)
        try:
            writer.output(name, 0, b"x", end=True)
        except UnsafePath:
            assert files(Path(top)) == {}
        else:
            assert files(Path(top)) == {"a/b/run/" + name: b"x"}


TARGETS = ["outside", "outside/secret", "outside/new", "/dev/null", "nowhere/at/all", "results/exp/x=1/link"]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("path", ["link", "link/x", "sub/link", "sub/link/x"])
def test_nothing_is_written_through_a_link(
    writer: ResultsWriter, tmp_path: Path, root: Path, outside: Path, path: str, target: str
) -> None:
    writer.append("sub/log", 0, b"x")
    link = root / path.removesuffix("/x")
    link.symlink_to(tmp_path / target)
    before = state(tmp_path)
    with pytest.raises(UnsafePath):
        writer.append(path, 0, b"bad")
    with pytest.raises(UnsafePath):
        writer.output(path, 0, b"bad", end=True)
    with pytest.raises(UnsafePath):
        writer.size(path)
    after = state(tmp_path)
    parts = [name for name in after if ".part-" in name]
    assert {name: after[name] for name in after if name not in parts} == before
    assert os.readlink(link) == str(tmp_path / target)


def test_an_unfinished_output_is_not_written_through_a_link(
    writer: ResultsWriter, root: Path, outside: Path
) -> None:
    writer.output("best.pt", 0, b"one")
    (part,) = root.iterdir()
    part.unlink()
    part.symlink_to(outside / "secret")
    with pytest.raises(UnsafePath):
        writer.output("best.pt", 0, b"bad")


def test_a_second_name_of_another_file_is_not_written_to(
    writer: ResultsWriter, root: Path, outside: Path
) -> None:
    writer.append("log", 0, b"x")
    (root / "log").unlink()
    os.link(outside / "secret", root / "log")
    with pytest.raises(UnsafePath, match="second name"):
        writer.append("log", 0, b"bad")


@pytest.mark.parametrize("kind", ["pipe", "socket", "folder", "device"])
def test_only_files_are_written_to(writer: ResultsWriter, root: Path, kind: str) -> None:
    writer.append("log", 0, b"x")
    place = root / "x"
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "socket":
        here = os.getcwd()
        os.chdir(root)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("x")
        os.chdir(here)
    elif kind == "folder":
        place.mkdir()
    elif os.geteuid() == 0:
        os.mknod(place, 0o600 | 0o020000, os.makedev(1, 3))
    else:
        place.symlink_to("/dev/null")
    mode = place.lstat().st_mode
    for attempt in (lambda: writer.append("x", 0, b"bad"), lambda: writer.output("x", 0, b"bad", end=True)):
        with pytest.raises(UnsafePath, match=r"not a file|not a folder"):
            attempt()
    with pytest.raises(UnsafePath):
        writer.size("x")
    assert place.lstat().st_mode == mode


def test_a_pipe_with_a_reader_gets_nothing(writer: ResultsWriter, root: Path) -> None:
    writer.append("log", 0, b"x")
    os.mkfifo(root / "pipe")
    reader = os.open(root / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(UnsafePath):
            writer.append("pipe", 0, b"bad")
        assert os.read(reader, 10) == b""
    finally:
        os.close(reader)


def test_a_file_is_no_folder(writer: ResultsWriter, root: Path) -> None:
    writer.append("log", 0, b"x")
    for attempt in (
        lambda: writer.append("log/x", 0, b"bad"),
        lambda: writer.output("log/x", 0, b"y", end=True),
    ):
        with pytest.raises(UnsafePath, match="not a folder"):
            attempt()
    assert (root / "log").read_bytes() == b"x"


def test_a_results_folder_that_became_a_link_is_not_written_to(
    writer: ResultsWriter, root: Path, outside: Path
) -> None:
    writer.append("log", 0, b"x")
    root.rename(root.parent / "moved")
    root.symlink_to(outside)
    for attempt in (
        lambda: writer.append("sub/log", 0, b"bad"),
        lambda: writer.output("out", 0, b"bad", end=True),
    ):
        with pytest.raises(UnsafePath, match="was replaced"):
            attempt()


def test_a_results_folder_that_was_deleted_is_begun_anew_only_by_another_writer(
    writer: ResultsWriter, root: Path
) -> None:
    writer.append("a/log", 0, b"one")
    (root / "a" / "log").unlink()
    (root / "a").rmdir()
    root.rmdir()
    for attempt in (
        lambda: writer.append("a/log", 3, b"two"),
        lambda: writer.output("out", 0, b"x"),
        lambda: writer.size("a/log"),
        lambda: writer.received("out"),
    ):
        with pytest.raises(UnsafePath, match="was removed") as error:
            attempt()
        assert "restart" in error.value.hint
    assert not root.exists(), "whoever put a link there now would otherwise get what comes"
    ResultsWriter(root, MIB).append("a/log", 0, b"onetwo")
    assert files(root) == {"a/log": b"onetwo"}


def test_names_that_differ_in_case_are_two_files_where_the_disk_can(
    writer: ResultsWriter, root: Path
) -> None:
    writer.output("X.npy", 0, b"X", end=True)
    writer.output("x.npy", 0, b"x", end=True)
    writer.append("D/log", 0, b"D")
    writer.append("d/log", 0, b"d")
    writer.append("D/log", 1, b"D")
    writer.append("d/log", 1, b"d")
    expected = {"X.npy": b"X", "x.npy": b"x", "D/log": b"DD", "d/log": b"dd"}
    if (root / "x.NPY").exists():
        pytest.fail("run this test where the disk tells upper from lower case")
    assert files(root) == expected


def test_a_twin_is_refused_where_the_disk_has_but_one(
    writer: ResultsWriter, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a disk finds `model.pt` where `Model.pt` is; here all spellings exist, and it lists but one."""
    for name in ("model.pt", "MODEL.PT", "d/log", "D/log"):
        writer.append(name, 0, b"first")
    listed = {"Model.pt", "D"}
    monkeypatch.setattr(folders.os, "listdir", lambda _: list(listed))
    for attempt in (
        lambda: writer.append("model.pt", 0, b"bad"),
        lambda: writer.output("model.pt", 0, b"bad", end=True),
        lambda: writer.append("d/log", 0, b"bad"),
    ):
        with pytest.raises(UnsafePath, match="upper and lower case"):
            attempt()
    assert files(root)["model.pt"] == files(root)["d/log"] == b"first"


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize("flag", [True, False], ids=["refused by the system", "noticed by us"])
def test_a_file_that_becomes_a_link_just_before_it_is_opened_is_not_written_through(
    root: Path, outside: Path, monkeypatch: pytest.MonkeyPatch, relative: bool, flag: bool
) -> None:
    writer = ResultsWriter(root, MIB, relative=relative and flag)
    writer.append("log", 0, b"x")
    look = folders.Folder._refuse_other

    def then_swap(self: folders.Folder, name: str, status: os.stat_result) -> None:
        look(self, name, status)
        (root / "log").unlink()
        (root / "log").symlink_to(outside / "secret")

    monkeypatch.setattr(folders.Folder, "_refuse_other", then_swap)
    if not flag:  # as on Windows
        monkeypatch.setattr(folders, "_FILE", os.O_WRONLY)
    with pytest.raises(UnsafePath):
        writer.append("log", 0, b"bad")


def test_without_descriptors_a_folder_that_becomes_a_link_is_noticed_before_anything_is_written(
    root: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = ResultsWriter(root, MIB, relative=False)
    writer.append("sub/secret", 0, b"x")
    (outside / "sub" / "secret").write_text("secret")
    look = folders.Folder._refuse_other

    def then_swap(self: folders.Folder, name: str, status: os.stat_result) -> None:
        look(self, name, status)
        (root / "sub").rename(root / "aside")
        (root / "sub").symlink_to(outside / "sub")

    monkeypatch.setattr(folders.Folder, "_refuse_other", then_swap)
    with pytest.raises(UnsafePath, match="replaced by a link"):
        writer.append("sub/secret", 0, b"bad")
    assert (outside / "sub" / "secret").read_text() == "secret"
    (outside / "sub" / "secret").unlink()


SWAP = """
import itertools, os, sys
root, outside, grave = sys.argv[1:]
places = [("a", ""), ("a/b", "sub"), ("a/b/log", "secret"), ("a/b/out", "secret")]
for turn in itertools.count():
    path, target = places[turn % len(places)]
    try:
        os.rename(os.path.join(root, path), os.path.join(grave, str(turn)))
    except OSError:
        pass
    try:
        os.symlink(os.path.join(outside, target), os.path.join(root, path))
        os.unlink(os.path.join(root, path))
    except OSError:
        pass
"""


@pytest.mark.slow
def test_nothing_leaves_the_folder_while_somebody_swaps_its_parts_for_links(
    tmp_path: Path, root: Path, outside: Path
) -> None:
    writer = ResultsWriter(root, 10 * MIB)
    writer.append("a/b/log", 0, b"node")
    grave = tmp_path / "grave"
    grave.mkdir()
    written = refused = 0
    with subprocess.Popen([sys.executable, "-c", SWAP, root, outside, grave]) as other:
        try:
            end = time.monotonic() + 1.5
            while time.monotonic() < end:
                for attempt in (
                    lambda: writer.append("a/b/log", 0, b"node"),
                    lambda: writer.output("a/b/out", 0, b"node", end=True),
                ):
                    try:
                        attempt()
                        written += 1
                    except NeronetError:
                        refused += 1
        finally:
            other.kill()
    assert min(written, refused, len(os.listdir(grave))) > 20, (written, refused)
