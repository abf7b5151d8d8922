"""Output processors from config.yaml to the points that a user sees, with the watcher killed on the way."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from neronet import Neroman
from tests.bad_input.conftest import experiment
from tests.node.mum import kids_of
from tests.plugins import install

CONFIG = """\
collection: None
run_command_prefix: python3
main_code_file: main.py
outputs: [results.txt, table.csv]
output_line_processor:
  stdout: reader some_output_line_reader "I am a string passed as an argument"
  stderr: 'neronet regex "epoch ({int}): loss ({number})" epochs train/loss'
  table.csv: neronet csv
output_file_processor:
  results.txt: neronet.scripts.example file_reader
parameter_format: '{go}'
+lang:
  parameters: {go: GO}
  conditions:
    high: {variablename: error_rate, killvalue: 25, comparator: gt, when: immediately, action: warn}
"""
READER = """\
def some_output_line_reader(output_line, *optional_args):
    output_dict = {}
    if output_line.startswith("error rate:"):
        output_dict["error_rate"] = float(output_line.split(":")[1])
        output_dict["length"] = len(optional_args[0])
    return output_dict
"""
MAIN = """\
import os, sys, time
results, table = open("results.txt", "w"), open("table.csv", "w")
print("x y", file=results)
print("step,acc", file=table)
for n in range(30):
    print("error rate: %d" % n, flush=True)
    print("epoch %d: loss %g" % (n, n / 2), file=sys.stderr, flush=True)
    print(n, -n, file=results, flush=True)
    print("%d,%d" % (10 * n, n), file=table, flush=True)
    while n == 15 and not os.path.exists(sys.argv[1]):
        time.sleep(0.01)
"""


@pytest.mark.real
def test_the_guides_processors_give_each_point_once_though_the_watcher_dies(
    neroman: Neroman, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    folder = experiment(tmp_path / "lang", "", CONFIG.replace("GO", str(go)))
    (folder / "main.py").write_text(MAIN)
    (folder / "reader.py").write_text(READER)
    runs = neroman.submit(folder, "local")
    deadline = time.monotonic() + 20
    while len(runs.points("error_rate")) < 16:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    (kid,) = kids_of(tmp_path)
    os.kill(kid, 9)
    go.touch()
    assert runs.wait(40).states == {"finished": 1}
    numbers = [float(n) for n in range(30)]
    for metric, expected in {
        "error_rate": numbers,
        "length": [35.0] * 30,
        "train/loss": [n / 2 for n in numbers],
        "acc": numbers,
        "x": numbers,
        "y": [-n for n in numbers],
    }.items():
        assert runs.points(metric)["value"].tolist() == expected, metric
    said = [event.text for event in neroman.history() if event.kind in ("warning", "condition")]
    assert "adopted" in {event.kind for event in neroman.history()}
    assert said == ["condition high, 26 > 25"]


@pytest.mark.real
def test_a_reader_of_another_package_is_sent_along(
    neroman: Neroman, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "def read(line, factor):\n    return {'twice': float(factor) * float(line)}\n"
    install(tmp_path / "site", monkeypatch, "neronet.readers", "pairs", "neronet_pairs", source)
    config = (
        "run_command_prefix: sh\nmain_code_file: main.sh\nrequired_files: [main.sh]\n"
        "output_line_processor: {stdout: pairs read 2}\n+lang: {}\n"
    )
    folder = experiment(tmp_path / "lang", "", config)
    (folder / "main.sh").write_text("echo 1; echo 4; ls\n")
    run = neroman.submit(folder, "local").wait(60)
    assert list(run.points("twice")["value"]) == [2.0, 8.0]
    assert not (folder / "pairs.py").exists()
