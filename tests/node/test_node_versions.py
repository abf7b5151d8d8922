"""The agent runs on every Python from 3.6 on, and is small."""

from __future__ import annotations

import ast
import io
import subprocess
import zipfile
from pathlib import Path

import pytest

import neronet
from neronet.transport.agent import build_agent
from tests.node.mum import PYTHONS, mum

pytestmark = pytest.mark.slow

PACKAGE = Path(neronet.__file__).parent
SOURCES = sorted([*PACKAGE.glob("wire/*.py"), *PACKAGE.glob("node/**/*.py")])


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_source_is_python_3_6(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 6))


def test_the_agent_is_small() -> None:
    size = len(build_agent(PACKAGE).data)
    print(f"\nthe agent: {size} bytes")
    assert size < 145_000


@pytest.mark.parametrize("python", PYTHONS, ids=lambda path: path.parts[-3])
def test_every_python_compiles_it_without_a_warning(python: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(io.BytesIO(build_agent(PACKAGE).data)).extractall(tmp_path)
    files = [str(path) for path in sorted(tmp_path.rglob("*.py"))]
    code = "import sys\nfor path in sys.argv[1:]:\n  with open(path, encoding='utf-8') as file: compile(file.read(), path, 'exec')"
    subprocess.run([python, "-W", "error", "-I", "-S", "-c", code, *files], check=True)


@pytest.mark.parametrize("python", PYTHONS, ids=lambda path: path.parts[-3])
def test_runs_go_well_on_every_python(python: Path, root: Path) -> None:
    """One sweep that touches most of the node side."""
    script = b'echo loss 1; echo "acc 0.5 10" >>"$NERONET_POINTS"; cat in.txt >out.txt; exit $1\n'
    conditions = [
        {
            "id": "c",
            "variablename": "bad",
            "killvalue": 5,
            "comparator": "gt",
            "after": None,
            "action": "kill",
        }
    ]
    with mum(root, python=str(python), limits={"slots": 5}) as served:
        assert (
            served.facts["python"]
            == subprocess.check_output(
                [python, "-c", "import platform; print(platform.python_version())"], text=True
            ).strip()
        )
        ended = served.run(
            [["./main.sh", "0"], ["./main.sh", "3"], ["sh", "-c", "echo bad 9; exec sleep 30"], ["missing"], ["sleep", "30"]],
            {"main.sh": b"#!/bin/sh\n" + script, "in.txt": "größe €".encode()},
            outputs=["out.txt"], setup=["export X=1"], time=0.6, conditions=conditions,
        )  # fmt: skip
        states = [(ended[index]["state"], ended[index]["status"]) for index in range(5)]
        assert states == [
            ("finished", 0),
            ("failed", 3),
            ("terminated", 143),
            ("failed", 127),
            ("timeout", 143),
        ]
        assert [point[:2] + point[3:] for point in served.points(0) + served.points(0, 2)] == [
            ["loss", 1, None],
            ["acc", 0.5, 10],
        ]
        assert served.output(served.token, 0, "out.txt").decode() == "größe €"
        assert served.whole_log(served.token, 0) == b"loss 1\n"
        served.say({"m": "load", "interval": 0})
        served.wait("load")
    assert not list(root.rglob("nerokid-error.txt"))
