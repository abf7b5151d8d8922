from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from neronet import Neroman


@pytest.fixture
def neroman(tmp_path: Path) -> Iterator[Neroman]:
    with Neroman(tmp_path / "home") as made:
        yield made
