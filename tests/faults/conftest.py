"""The same real processes as in tests/node."""

from __future__ import annotations

from tests.node.conftest import root

__all__ = ["root"]
