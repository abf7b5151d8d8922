"""The agent is the node side's own files, and nothing else decides its bytes."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import neronet
from neronet.transport.agent import _build, build_agent

PACKAGE = Path(neronet.__file__).parent
MAX_SIZE = 150_000


def tree(folder: Path) -> Path:
    package = folder / "neronet"
    for name, text in {
        "__init__.py": "raise ImportError('the user side')",
        "api.py": "",
        "wire/__init__.py": "",
        "wire/frames.py": "WORD = 'frames'",
        "wire/notes.txt": "",
        "node/__init__.py": "",
        "node/main.py": "import sys\nfrom neronet.wire.frames import WORD\n\ndef main(arguments):\n"
        "    print(WORD, arguments, sys.flags.isolated)\n    return 7\n",
        "node/wardens/__init__.py": "",
        "node/wardens/slurm.py": "",
        "scripts/__init__.py": "",
        "scripts/example.py": "",
        "scripts/of_the_user_side.py": "",
    }.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    return package


def test_it_holds_the_node_side_and_an_empty_package(tmp_path: Path) -> None:
    archive = zipfile.ZipFile(io.BytesIO(build_agent(tree(tmp_path)).data))
    assert archive.namelist() == [
        "__main__.py", "neronet/__init__.py", "neronet/node/__init__.py", "neronet/node/main.py",
        "neronet/node/wardens/__init__.py", "neronet/node/wardens/slurm.py",
        "neronet/scripts/__init__.py", "neronet/scripts/example.py",
        "neronet/wire/__init__.py", "neronet/wire/frames.py",
    ]  # fmt: skip
    assert archive.read("neronet/__init__.py") == b""


def test_python_runs_it_without_anything_around(tmp_path: Path) -> None:
    agent = build_agent(tree(tmp_path))
    (tmp_path / "agent.pyz").write_bytes(agent.data)
    command = [sys.executable, "-I", "-S", str(tmp_path / "agent.pyz"), "neromum", "serve", "/x y"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert (done.returncode, done.stdout) == (7, "frames ['neromum', 'serve', '/x y'] 1\n"), done.stderr


def test_equal_files_make_equal_bytes_whenever_and_wherever(tmp_path: Path) -> None:
    first = tree(tmp_path / "a")
    second = tree(tmp_path / "b")
    for path in second.rglob("*.py"):
        os.utime(path, (1, 1))
        path.chmod(0o600)
    (second / "node/__pycache__").mkdir()
    (second / "node/__pycache__/main.cpython-311.pyc").touch()
    agent = build_agent(first)
    assert agent == build_agent(second)
    assert agent.sha256 == hashlib.sha256(agent.data).hexdigest()
    (second / "wire/frames.py").write_text("WORD = 'other'")
    _build.cache_clear()
    assert build_agent(second) != agent


def test_it_is_made_once(tmp_path: Path) -> None:
    package = tree(tmp_path)
    assert build_agent(package) is build_agent(package)


def test_neronets_own_agent_is_small_and_starts() -> None:
    agent = build_agent(PACKAGE)
    assert 1000 < len(agent.data) < MAX_SIZE
    assert "neronet/node/main.py" in zipfile.ZipFile(io.BytesIO(agent.data)).namelist()
