"""Real sshd nodes for every test that asks for one: see tests/testbed."""

from __future__ import annotations

from hypothesis import settings

pytest_plugins = ["tests.testbed.fixtures", "tests.testbed.gridengine_fixture"]

# On a busy machine the same example takes a hundred times as long: time is measured by bench/.
settings.register_profile("any machine", deadline=None)
# `./dev fast` tries a quarter of the examples, where a test does not say how many it needs.
settings.register_profile("fast", deadline=None, max_examples=25)
settings.load_profile("any machine")
