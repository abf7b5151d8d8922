"""A real home, the embedded local node, and folders whose functions draw."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import cli, make_neroman, neroman  # noqa: F401

MAIN = """\
import sys
x = float(sys.argv[1])
rows = open("rows.txt", "w")
for step in range(5):
    print("error_rate", 50 - step * x)
    for stream in (sys.stdout, sys.stderr):
        print(f"epoch {step}: accuracy={step * x / 10}", file=stream)
    rows.write(f"{step}, {step * step}\\n")
"""
CONFIG = """\
run_command_prefix: python3
main_code_file: main.py
outputs: [stdout, rows.txt]
+curve:
  parameters: {{x: {values}}}
  parameter_format: '{{x}}'
{more}
"""

Make = Callable[..., Path]


@pytest.fixture
def experiment(tmp_path: Path) -> Make:
    """Makes an experiment folder: `more` lines of its block, the text of its plots.py, and the values of x."""

    def make(more: str, plots: str = "", values: str = "1", name: str = "curve") -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        text = CONFIG.format(values=values, more="\n".join("  " + line for line in more.splitlines()))
        (folder / "config.yaml").write_text(text.replace("+curve", f"+{name}"))
        (folder / "main.py").write_text(MAIN)
        (folder / "plots.py").write_text(plots)
        return folder

    return make
