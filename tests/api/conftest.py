"""Neroman on the embedded local node: real agents and programs, no ssh."""

from __future__ import annotations

from tests.bad_input.conftest import lang  # noqa: F401
from tests.e2e.conftest import cli, make_neroman, neroman  # noqa: F401
