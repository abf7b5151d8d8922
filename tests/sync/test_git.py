"""Where a folder is in git is recorded as it is, at a small price, and nothing of the repository is run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from neronet.store.git import Git, known
from neronet.sync import git


def run(folder: Path, *argv: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *who, *argv], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An experiment in a folder of a repository, clean."""
    folder = tmp_path / "repo" / "exp"
    folder.mkdir(parents=True)
    (folder / "main.py").write_text("one\n")
    (folder.parent / "other.py").write_text("one\n")
    run(folder.parent, "init", "-q")
    run(folder, "add", "..")
    run(folder, "commit", "-qm", "first")
    return folder


def recorded(folder: Path, home: Path) -> Git | None:
    return known(git.record(folder, home), home)


def test_a_clean_folder_is_its_commit(folder: Path, tmp_path: Path) -> None:
    (folder.parent / "other.py").write_text("two\n")  # not of this folder
    found = recorded(folder, tmp_path)
    assert found == Git(run(folder, "rev-parse", "HEAD"), "main", False)
    assert found.diff == ""


def test_changes_and_new_files_make_it_dirty_and_the_diff_is_kept(folder: Path, tmp_path: Path) -> None:
    (folder / "main.py").write_text("two\n")
    found = recorded(folder, tmp_path)
    assert found is not None and found.dirty and not found.cut
    assert "-one\n+two\n" in found.diff and "exp/main.py" in found.diff
    assert found.described.endswith("-dirty")
    run(folder, "checkout", "-q", "main.py")
    assert recorded(folder, tmp_path) == Git(found.commit, "main", False)
    (folder / "new.py").write_text("")
    again = recorded(folder, tmp_path)
    assert again is not None and again.dirty and again.diff == ""


def test_a_long_diff_is_cut(folder: Path, tmp_path: Path) -> None:
    (folder / "main.py").write_text("x" * 79 + "\n" * 3_000_000)
    found = recorded(folder, tmp_path)
    assert found is not None and found.cut
    assert len(found.diff) == git.DIFF


def test_what_git_says_nothing_of_is_not_recorded(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert recorded(tmp_path, tmp_path) is None, "no repository"
    (folder.parent / ".gitignore").write_text("ignored\n")
    (folder.parent / "ignored").mkdir()
    assert recorded(folder.parent / "ignored", tmp_path) is None, "the commit says nothing of it"
    (tmp_path / "new").mkdir()
    run(tmp_path / "new", "init", "-q")
    assert recorded(tmp_path / "new", tmp_path) is None, "there is no commit yet"
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / ".git").write_text("gitdir: /nowhere\n")
    assert recorded(tmp_path / "odd", tmp_path) is None
    monkeypatch.setenv("PATH", "/nowhere")
    assert recorded(folder, tmp_path) is None, "git is not there"


def test_a_detached_head_has_no_branch_and_a_hook_of_git_does_not_mislead(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = run(folder, "rev-parse", "HEAD")
    run(folder, "checkout", "-q", "--detach")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert recorded(folder, tmp_path) == Git(commit, "", False)


def test_nothing_that_the_repository_names_is_run(folder: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    for key in (
        "core.fsmonitor",
        "core.pager",
        "diff.external",
        "diff.x.command",
        "diff.x.textconv",
        "core.sshCommand",
    ):
        run(folder, "config", key, str(trap))
    (folder.parent / ".gitattributes").write_text("* diff=x\n")
    hooks = folder.parent / ".git" / "hooks"
    for name in ("post-index-change", "post-checkout", "pre-commit"):
        (hooks / name).write_text(trap.read_text())
        os.chmod(hooks / name, 0o755)
    (folder / "main.py").write_text("two\n")
    os.utime(folder.parent / "other.py", (1, 1))  # would make git write its index anew
    before = (folder.parent / ".git" / "index").read_bytes()
    found = recorded(folder, tmp_path)
    assert found is not None and "+two" in found.diff
    assert not (tmp_path / "sprung").exists()
    assert (folder.parent / ".git" / "index").read_bytes() == before


def test_a_git_that_hangs_keeps_nobody(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "bin" / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.setattr(git, "_WAIT", 0.2)
    assert recorded(folder, tmp_path) is None
