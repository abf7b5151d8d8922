"""Every command of the original's user guide, in its three spellings, against two nodes in a group over sshd."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.cli import Cli
from tests.testbed.fixtures import NodeFactory

pytestmark = pytest.mark.real

# As printed in the guide; `lang_exp3` stands inside of `lang_exp1`, as the guide's text says.
LANG_EXP = """\
collection: lang_exp
run_command_prefix: python3
main_code_file: main.py
outputs: stdout
+lang_exp1:
  parameters:
    hyperparamx: [1,2,34,20]
    hyperparamy: 2
    data_file: data/1.txt
    hyperparamz: 2
  parameter_format: '{hyperparamx} {hyperparamy} {data_file} {hyperparamz}'
  conditions:
    error_rate_over_50:
        variablename: error_rate
        killvalue: 50
        comparator: gt
        when: time 6000
        action: kill
    error_rate_over_35:
        variablename: error_rate
        killvalue: 35
        comparator: geq
        when: time 6000
        action: warn

  +lang_exp3:
    parameters:
        hyperparamz: 2

+lang_exp2:
    run_command_prefix: python2
    main_code_file: main2.py
    parameters:
        hyperparamx: kh
        hyperparamy: nyt
        data_file: data/2.txt
        hyperparamz: 400
    parameter_format: '{hyperparamx} {hyperparamy} {data_file} {hyperparamz}'
"""
MAIN = """\
import sys
x, y, data, z = sys.argv[1:]
print("error_rate", 24.3334)
print("error_rate", 49)
print("read", open(data).read().strip(), x, y, z)
"""


@pytest.fixture
def lang_exp(tmp_path: Path) -> Path:
    folder = tmp_path / "experiments" / "lang_exp"
    (folder / "data").mkdir(parents=True)
    (folder / "config.yaml").write_text(LANG_EXP)
    for name in ("main.py", "main2.py"):
        (folder / name).write_text(MAIN)
    for number in (1, 2):
        (folder / f"data/{number}.txt").write_text(f"data {number}\n")
    return folder


@pytest.mark.parametrize("dashes", ["-", "--", ""])
def test_the_guide_works_as_it_is_written(
    dashes: str,
    cli: Cli,
    node_factory: NodeFactory,
    lang_exp: Path,
    theanotest: Path,
    client_home: Callable[..., Path],
) -> None:
    gpu1, gpu2 = node_factory("gpu1"), node_factory("gpu2")
    client_home(gpu1.ssh_config(alias="gpu1") + gpu2.ssh_config(alias="gpu2") + gpu2.ssh_config(alias="kosh"))

    def do(verb: str) -> str:
        return dashes + verb

    cli(do("addnode"), "gpu1", "gpu1")
    cli(do("addnode"), "gpu2", "gpu2")
    cli(do("addnode"), "kosh", "kosh")
    nodes = cli.home / "nodes.yaml"
    nodes.write_text(nodes.read_text() + "groups:\n  gpu: [gpu1, gpu2]\n")
    cli(do("addexp"), lang_exp)
    cli(do("submit"), "lang_exp", "gpu")
    cli(do("addexp"), theanotest)
    cli(do("submit"), "theanotest", "kosh")
    _ended(cli, do)
    said = cli(do("status"))
    assert "lang_exp1" in said and "gpu2" in said
    assert "lang_exp3" in cli(do("status"), "lang_exp3")
    assert "gpu1" in cli(do("status"), "gpu1")

    status = cli.json("status")
    runs = {run["name"]: run for run in status["runs"]}
    for run in status["runs"]:
        print(run["name"], run["node"], run["state"], run["reason"], cli("logs", run["number"], "--stderr"))
    assert {name: run["state"] + run["reason"] for name, run in runs.items()} == dict.fromkeys(
        runs, "finished"
    )
    assert len(runs) == 10
    assert {run["node"] for run in runs.values()} == {"gpu1", "gpu2", "kosh"}
    one = runs["lang_exp1/hyperparamx=34"]
    assert one["command"] == ["python3", "main.py", "34", "2", "data/1.txt", "2"]
    assert one["metrics"] == {"error_rate": 49} and one["points"] == {"error_rate": 2}
    assert runs["lang_exp2"]["command"] == ["python2", "main2.py", "kh", "nyt", "data/2.txt", "400"]
    assert cli(do("logs"), "lang_exp2").splitlines()[-1] == "read data 2 kh nyt 400"
    assert "read data 1 34 2 2" in cli(
        do("logs"), "lang_exp1_hyperparamx-34"
    )  # the original's way to name it
    assert (cli.home / "results/theanotest/results").read_text() == "N=400 feats=784 steps=10000"

    cli(do("terminate"), "lang_exp1")
    cli(do("delexp"), "lang_exp3")
    assert "lang_exp3" not in [item["id"] for item in cli.json("status")["experiments"]]
    cli(do("delnode"), "kosh")
    assert "kosh" not in (cli.home / "nodes.yaml").read_text()
    cli(do("clean"), stdin="y\n")
    assert not (cli.home / "neronet.db").exists() and lang_exp.exists()


def _ended(cli: Cli, do: Callable[[str], str]) -> None:
    end = time.monotonic() + 60
    while any(run["state"] in ("submitting", "queued", "running") for run in cli.json("status")["runs"]):
        assert time.monotonic() < end
        cli(do("fetch"))


def test_a_template_is_what_the_guide_makes_of_it(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cli("-template", "theanotest", "python", "theanotest.py", "N", "feats", "training_steps")
    (tmp_path / "theanotest.py").write_text("")
    assert "theanotest" in (tmp_path / "config.yaml").read_text()
