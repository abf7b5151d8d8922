"""A value of a parameter is one argument of the program, byte for byte, whatever is in it, over every transport."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from neronet import Neroman
from tests.bad_input.conftest import add
from tests.cluster import clusters
from tests.testbed.fixtures import NodeFactory

COUNT = 500
OVER_SLURM = int(os.environ.get("NERONET_VALUES", "140"))  # each is a job

CONFIG = """\
run_command_prefix: sh
main_code_file: main.sh
+nasty:
  parameters:
    value: [{values}]
  parameter_format: '--first {{value}} -- x{{value}}y'
  outputs: argv
"""
MAIN = """\
printf '%s\\0' "$@" >argv
"""
WORDS = [
    "", " ", "  ", "-", "--", "--first", "-rf /", "$(touch x)", "`touch x`", "$HOME", "${HOME}", "~", "~root", "*", "?", "[a-z]",
    "{a,b}", "{value}", "{}", "{{", "}}", "%s", "%d%n", "\\", "\\\\", "\\n", "\\0", "'", '"', "''", '""', "'\"'", "a'b\"c", "a b",
    "a\tb", "a\nb", "\n", "\r", "\r\n", "a\rb", "\x1b[31m", "\x07", "\x7f", "\x01", ";", "; touch x", "&& touch x", "| cat", ">x",
    "<x", "&", "#", "# comment", "!", "!!", "!x", "^x^y", "a=b", "=", "a:b", ": x", "- x", "?x", "@x", "%", "%PATH%", "null", "~null",
    "true", "no", "1e-3", "010", "0x10", "1_000", ".5", "+1", "é", "é", "ü\u0308", "日本語", "🙂", "\u202eabc", "\u200b", "\ufeff",
    "\u2028", "\xa0", "x" * 5000, "é" * 3000, "'" * 200, "$" * 100, "../x", "/etc/passwd", "a/b", "nul", "con", ".", "..", "*.py",
    "|", "|x", ">", "> x", "[1, 2]", "{a: 1}", "<<", "&a", "*a", "!!python/object:os.system", "a#b", "a #b", "a: b", "-x: y",
]  # fmt: skip


def nasty(seed: int = 1) -> list[str]:
    """The words, then words made of pieces of them."""
    choice = random.Random(seed)
    values = dict.fromkeys(WORDS)
    while len(values) < COUNT:
        values["".join(choice.choice(WORDS)[:7] for _ in range(choice.randrange(1, 5)))] = None
    return list(values)[:COUNT]


def quoted(value: str) -> str:
    """The value as YAML writes it between double quotes, everything unusual by its number."""
    plain = [
        sign if sign.isascii() and sign.isprintable() and sign not in '"\\' else f"\\U{ord(sign):08x}"
        for sign in value
    ]
    return f'"{"".join(plain)}"'


@pytest.mark.parametrize(
    "transport",
    [
        pytest.param("local", marks=pytest.mark.slow),
        pytest.param("asyncssh", marks=pytest.mark.real),
        pytest.param("openssh", marks=pytest.mark.real),
        pytest.param("slurm", marks=pytest.mark.real),
    ],
)
def test_five_hundred_nasty_values_arrive_as_they_are(
    transport: str, neroman: Neroman, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = tmp_path / "nasty"
    folder.mkdir()
    values = nasty()[: OVER_SLURM if transport == "slurm" else COUNT]
    (folder / "config.yaml").write_text(CONFIG.format(values=", ".join(map(quoted, values))))
    (folder / "main.sh").write_text(MAIN)
    if transport == "local":
        node = "local"
    elif transport == "slurm":
        cluster = request.getfixturevalue("slurm_factory")(cpus=16)
        clusters.add(neroman, cluster)
        node = clusters.NODE
    else:
        factory: NodeFactory = request.getfixturevalue("node_factory")
        node = add(neroman, factory("gpu1"), transport=transport, slots=4)
    runs = neroman.submit(folder, node).wait(240)
    assert runs.states == {"finished": len(values)}, runs
    assert [run.parameters["value"] for run in runs] == values
    for run, value in zip(runs, values, strict=True):
        assert run.command[-4:] == ("--first", value, "--", f"x{value}y")
        assert (run.results / "argv").read_bytes() == f"--first\0{value}\0--\0x{value}y\0".encode()
    assert not [path for path in tmp_path.rglob("x") if path.is_file()]
    frame = runs.frame()
    assert frame["value"].tolist() == values
    assert len({run.results for run in runs}) == len(values)
