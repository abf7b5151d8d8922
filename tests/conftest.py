"""Real sshd nodes for every test that asks for one: see tests/testbed."""

from __future__ import annotations

pytest_plugins = ["tests.testbed.fixtures"]
