"""Imports run one way; the node side is the standard library and the waist alone."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Each may import itself and what stands left of it.
ORDER = [
    "errors", "words", "wire", "extract", "spec", "sweep", "store", "transport", "sync", "engine", "api", "cli",
]  # fmt: skip
WHY = {
    "node": "the user side ships the node's files, it never runs them",
    "neronet_jupyter": "everything but the panel must work without Jupyter",
}
NODE_SIDE = sorted(
    [
        *(ROOT / "neronet/wire").rglob("*.py"),
        *(ROOT / "neronet/node").rglob("*.py"),
        ROOT / "neronet/scripts/example.py",
    ]
)
USER_SIDE = sorted(path for path in (ROOT / "neronet").rglob("*.py") if path not in NODE_SIDE)


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """(module, line) of everything that a file imports, wherever in it, but for what only type checkers see."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for block in [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]:
        block.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import hides what it depends on"
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def part(module: str) -> str:
    """The part of neronet that a module belongs to: `neronet.store.db` -> `store`."""
    words = module.split(".")
    return words[1] if len(words) > 1 else ""


@pytest.mark.parametrize("path", USER_SIDE, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path: Path) -> None:
    here = part(".".join(path.relative_to(ROOT).with_suffix("").parts))
    for module, line in imports(path):
        if module.startswith("neronet_jupyter"):
            # The lazy edges that DESIGN names: the notebook extension and the two ways from a RunSet to a figure.
            assert here in {"__init__", "api"}, f"{path}:{line}: {WHY['neronet_jupyter']}"
        if not module.startswith("neronet."):
            continue
        target = part(module)
        assert target != "node", f"{path}:{line}: {WHY['node']}"
        if here in ORDER and target in ORDER:
            assert ORDER.index(target) <= ORDER.index(here), f"{path}:{line}: {here} must not import {target}"


@pytest.mark.parametrize("path", NODE_SIDE, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_node_needs_the_standard_library_only(path: Path) -> None:
    allowed = ("neronet.wire", "neronet.node") if "node" in path.parts else ("neronet.wire",)
    for module, line in imports(path):
        if (path.name, module) == ("example.py", "matplotlib.pyplot"):
            continue  # its `plot` runs on the user's computer
        known = module.split(".")[0] in sys.stdlib_module_names or module.startswith(allowed)
        assert known, f"{path}:{line}: {module} is not on a node"


@pytest.mark.parametrize("path", NODE_SIDE, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_node_may_have_python_3_6(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 6))
