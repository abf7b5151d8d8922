"""Logs and outputs arrive whole and once, and never fill the disk."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sync_tools import MIB, files, on_small_disk

from neronet.errors import NeronetError, UnsafePath
from neronet.sync.writer import DiskFull, LimitReached, ResultsWriter

# Logs


def test_a_log_grows_by_what_is_appended(writer: ResultsWriter, root: Path) -> None:
    writer.append("stdout.log", 0, b"one\n")
    writer.append("stdout.log", 4, b"two\n")
    assert files(root) == {"stdout.log": b"one\ntwo\n"}
    assert writer.size("stdout.log") == 8


def test_repeated_data_is_there_once(writer: ResultsWriter, root: Path) -> None:
    for _ in range(3):
        writer.append("stdout.log", 0, b"one\n")
        writer.append("stdout.log", 4, b"two\n")
    writer.append("stdout.log", 4, b"two\nthree\n")
    writer.append("stdout.log", 4, b"two\n")
    assert files(root) == {"stdout.log": b"one\ntwo\n"}


@given(st.binary(min_size=1, max_size=60), st.data())
@settings(max_examples=60, deadline=None)
def test_a_log_is_exact_however_often_the_writer_dies(stream: bytes, data: st.DataObject) -> None:
    """The store knows an offset; the file may be ahead of it, or behind, when all begins again."""
    with tempfile.TemporaryDirectory() as top:
        known = 0
        writer = ResultsWriter(Path(top, "run"), MIB)
        while known < len(stream):
            size = data.draw(st.integers(1, len(stream) - known))
            writer.append("log", known, stream[known : known + size])
            fate = data.draw(st.sampled_from(["committed", "died", "lost the end"]))
            if fate == "committed":
                known += size
            else:
                writer = ResultsWriter(Path(top, "run"), MIB)
            if fate == "lost the end":
                os.truncate(Path(top, "run", "log"), data.draw(st.integers(0, known + size)))
                known = min(known, writer.size("log"))
        assert files(Path(top, "run")) == {"log": stream}


def test_a_program_that_truncates_its_log_begins_anew(writer: ResultsWriter, root: Path) -> None:
    writer.append("stderr.log", 0, b"a long first text")
    writer.append("stderr.log", 0, b"short")
    assert files(root) == {"stderr.log": b"short"}


def test_a_log_that_lost_its_end_is_extended_to_where_it_was(writer: ResultsWriter, root: Path) -> None:
    writer.append("log", 0, b"1234")
    os.truncate(root / "log", 2)
    assert writer.size("log") == 2
    writer.append("log", 4, b"56")
    assert files(root) == {"log": b"12\0\x0056"}


def test_what_is_written_is_the_users_alone(writer: ResultsWriter, root: Path) -> None:
    before = os.umask(0)
    try:
        writer.append("a/b/log", 0, b"x")
        writer.output("a/out", 0, b"x", end=True)
        writer.output("a/tool", 0, b"x", end=True, executable=True)
    finally:
        os.umask(before)
    modes = {str(place.relative_to(root)): place.stat().st_mode & 0o777 for place in root.rglob("*")}
    assert modes == {"a": 0o700, "a/b": 0o700, "a/b/log": 0o600, "a/out": 0o600, "a/tool": 0o700}
    assert {place.stat().st_mode & 0o777 for place in (root, root.parent, root.parent.parent)} == {0o700}


def test_nothing_is_made_before_something_comes(writer: ResultsWriter, root: Path) -> None:
    assert (writer.size("log"), writer.received("out")) == (0, 0)
    assert (writer.size("deep/log"), root.exists(), root.parent.exists()) == (0, False, False)


# Outputs


def test_an_output_appears_when_it_is_whole(writer: ResultsWriter, root: Path) -> None:
    writer.output("model/best.pt", 0, b"one")
    assert not (root / "model").exists()
    assert writer.received("model/best.pt") == 3
    writer.output("model/best.pt", 3, b"two", end=True)
    assert files(root) == {"model/best.pt": b"onetwo"}
    assert writer.received("model/best.pt") == 0


def test_an_output_goes_on_after_a_restart(writer: ResultsWriter, root: Path) -> None:
    writer.output("best.pt", 0, b"one")
    writer.output("best.pt", 3, b"tw")
    again = ResultsWriter(root, MIB)
    again.output("best.pt", again.received("best.pt"), b"o", end=True)
    assert files(root) == {"best.pt": b"onetwo"}


def test_an_output_may_begin_again(writer: ResultsWriter, root: Path) -> None:
    writer.output("best.pt", 0, b"a long beginning")
    writer.output("best.pt", 0, b"short", end=True)
    writer.output("best.pt", 0, b"newer", end=True)
    assert files(root) == {"best.pt": b"newer"}


def test_an_empty_output_is_an_output(writer: ResultsWriter, root: Path) -> None:
    writer.output("empty", 0, b"", end=True)
    assert files(root) == {"empty": b""}


def test_an_output_has_no_gaps(writer: ResultsWriter, root: Path) -> None:
    with pytest.raises(NeronetError, match="bytes before 5 are missing"):
        writer.output("best.pt", 5, b"x", end=True)
    assert files(root) == {}


# Bounds


def test_bytes_are_counted_as_they_come(root: Path) -> None:
    writer = ResultsWriter(root, 100)
    writer.append("log", 0, bytes(60))
    with pytest.raises(LimitReached, match="more than 100 bytes"):
        writer.append("log", 60, bytes(41))
    with pytest.raises(LimitReached):
        writer.append("far", 2**61, b"x")
    with pytest.raises(LimitReached):
        writer.output("out", 0, bytes(41))
    assert sum(map(len, files(root).values())) == 60
    writer.output("out", 0, bytes(40), end=True)
    assert writer.used == 100


def test_what_is_written_again_counts_once(root: Path) -> None:
    writer = ResultsWriter(root, 100)
    for _ in range(5):
        writer.append("log", 0, bytes(60))
        writer.output("out", 0, bytes(20), end=True)
    assert writer.used == 80


def test_an_endless_stream_stops_at_the_limit(root: Path) -> None:
    writer = ResultsWriter(root, MIB)
    for part in range(10):
        writer.output("endless", part * 100_000, bytes(100_000))
    with pytest.raises(LimitReached):
        writer.output("endless", 1_000_000, bytes(100_000))
    with pytest.raises(NeronetError, match="bytes before 1100000 are missing"):
        writer.output("endless", 1_100_000, bytes(100_000))
    assert (files(root), writer.used) == ({}, 0), "a part of an output is of no use"
    writer.output("small", 0, b"x", end=True)


@pytest.mark.parametrize("offset", [-1, -(2**40)])
def test_a_negative_offset_is_an_error(writer: ResultsWriter, root: Path, offset: int) -> None:
    writer.append("log", 0, b"mine")
    with pytest.raises(NeronetError, match="cannot write 'log'"):
        writer.append("log", offset, b"bad")
    with pytest.raises(NeronetError):
        writer.output("out", offset, b"bad")
    assert files(root)["log"] == b"mine"


FILL = """
import os, sys
from pathlib import Path
from neronet.sync.writer import DiskFull, ResultsWriter
root = Path(sys.argv[1], "results")
writer = ResultsWriter(root, 1 << 40)
writer.append("log", 0, b"x" * 1000)
more = bytes(4 << 20)
for attempt in (lambda: writer.append("log", 1000, more), lambda: writer.output("out", 0, more)):
    try:
        attempt()
    except DiskFull as error:
        print(error, "|", error.hint)
print(writer.used, sorted((place.name[:5], place.stat().st_size) for place in root.iterdir()))
writer.append("log", 1000, b"y")
print(writer.size("log"))
"""


def test_a_full_disk_is_said_and_leaves_the_log_as_it_was(tmp_path: Path) -> None:
    lines = on_small_disk(tmp_path / "disk", FILL).splitlines()
    assert len(lines) == 4
    for line in lines[:2]:
        assert line.endswith("the disk is full | Make room; what is missing is fetched again then.")
    assert lines[2:] == ["1000 [('.part', 0), ('log', 1000)]", "1001"]


def test_a_folder_that_cannot_be_written_is_an_error(without_privileges: Path) -> None:
    without_privileges.chmod(0o500)
    with pytest.raises(NeronetError, match=r"cannot write 'log' in .*Permission denied"):
        ResultsWriter(without_privileges / "results", MIB).append("log", 0, b"x")


def test_a_root_that_is_a_file_is_an_error(writer: ResultsWriter, root: Path) -> None:
    root.parent.mkdir(parents=True)
    root.write_text("mine")
    with pytest.raises(NeronetError):
        writer.append("log", 0, b"x")
    assert root.read_text() == "mine"


def test_descriptors_are_given_back(writer: ResultsWriter) -> None:
    before = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0
    for number in range(20):
        writer.append(f"a/b{number}/log", 0, b"x")
        writer.output("a/out", 0, b"x", end=True)
        with pytest.raises(UnsafePath):
            writer.append(f"a/b{number}", 0, b"x")
    after = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0
    assert after == before


def test_a_disk_full_error_is_not_a_limit() -> None:
    assert not issubclass(DiskFull, LimitReached)
    assert not issubclass(LimitReached, DiskFull)
    assert issubclass(DiskFull, NeronetError)


def test_many_outputs_have_their_own_unfinished_files(writer: ResultsWriter, root: Path) -> None:
    for number in range(10):
        writer.output(f"d/{number}", 0, b"%d" % number)
    for number in range(10):
        writer.output(f"d/{number}", 1, b"!", end=True)
    assert files(root) == {f"d/{number}": b"%d!" % number for number in range(10)}
