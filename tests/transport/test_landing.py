"""What runs first on a node stands alone, and touches only what is its own."""

from __future__ import annotations

import ast
import errno
import hashlib
import os
import stat
import sys
from pathlib import Path

import pytest

from neronet.transport import landing

SOURCE = Path(landing.__file__)


def test_it_is_python_3_6_and_the_standard_library() -> None:
    tree = ast.parse(SOURCE.read_text(), feature_version=(3, 6))
    modules = [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    modules += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert set(modules) <= sys.stdlib_module_names
    assert "__future__" not in modules  # annotations came with 3.7


def test_a_root_is_made_for_us_alone(tmp_path: Path) -> None:
    landing.prepare(str(tmp_path / "deep/root"))
    assert stat.S_IMODE((tmp_path / "deep/root").stat().st_mode) == 0o700
    (tmp_path / "deep/root").chmod(0o755)
    landing.prepare(str(tmp_path / "deep/root"))
    assert stat.S_IMODE((tmp_path / "deep/root").stat().st_mode) == 0o700


def test_a_root_that_cannot_be_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(landing.Unfit) as refused:
        landing.prepare(str(tmp_path / "file"))
    assert refused.value.args == ("file", str(tmp_path / "file"), "")
    if os.geteuid() == 0:
        (tmp_path / "theirs").mkdir()
        os.chown(tmp_path / "theirs", 12345, 12345)
        (tmp_path / "link").symlink_to(tmp_path / "file")
        os.lchown(tmp_path / "link", 12345, 12345)
        for name in ("theirs", "link"):
            with pytest.raises(landing.Unfit) as refused:
                landing.prepare(str(tmp_path / name))
            assert refused.value.args == ("owner", str(tmp_path / name), "12345")


def test_a_root_is_found_from_home_and_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("SCRATCH", "/scratch/me")
    assert landing.find_root("~/.neronet") == "/home/me/.neronet"
    assert landing.find_root("$SCRATCH/x/") == "/scratch/me/x"
    assert landing.find_root("x") == "/home/me/x"
    assert landing.find_root("/x") == "/x"
    with pytest.raises(landing.Unfit):
        landing.find_root("$NERONET_TEST_UNSET/x")


def test_a_file_is_stored_whole_or_not_at_all(tmp_path: Path) -> None:
    target, temporary = str(tmp_path / "target"), str(tmp_path / "temporary")
    assert landing.sha256_of(target) == ""
    landing.store(target, b"data", temporary)
    assert landing.sha256_of(target) == hashlib.sha256(b"data").hexdigest()
    assert os.listdir(tmp_path) == ["target"]
    with pytest.raises(OSError, match="irectory") as failed:
        landing.store(str(tmp_path), b"data", temporary)
    assert failed.value.errno in (errno.EISDIR, errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY)
    assert os.listdir(tmp_path) == ["target"]


def test_what_was_made_by_somebody_else_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "temporary").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        landing.store(str(tmp_path / "target"), b"data", str(tmp_path / "temporary"))
    assert not (tmp_path / "elsewhere").exists()


def test_exactly_what_was_announced_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    monkeypatch.setattr(landing, "STDIN", reader)
    os.write(writer, b"agentrest")
    assert landing.take(5) == b"agent"
    assert os.read(reader, 100) == b"rest"
    os.write(writer, b"ag")
    os.close(writer)
    with pytest.raises(SystemExit):
        landing.take(5)
    os.close(reader)
