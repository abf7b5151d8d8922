"""What a reader may count on, file by file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "neronet").rglob("*.py"))
# Over 400 lines a file wants a reason; none goes over 600.
REASONS = {
    "neronet/engine/collect.py": "one class: all that a session brings, in one transaction, under the same checks",
    "neronet/node/cluster.py": "one class: a turn of the gateway, from what is there to what is to be done",
    "neronet/node/watch.py": "one class: the life of an attempt, in the order in which it happens",
}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_fits_into_a_head(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    limit = 600 if str(path.relative_to(ROOT)) in REASONS else 400
    assert lines <= limit, f"{path} has {lines} lines"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_says_what_it_is_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not text.strip() or text.lstrip().startswith(('"""', "#!")), f"{path} begins without a docstring"


def test_importing_neronet_costs_no_heavy_library() -> None:
    code = "import sys, neronet; print([m for m in ('asyncssh', 'pandas', 'numpy', 'ipywidgets', 'rich', 'yaml') if m in sys.modules])"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"
