"""config.yaml: the guide's examples, blocks and what they inherit, ids, files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import config_texts
import pytest
from config_texts import errors, one, parse

from neronet.errors import ConfigError
from neronet.spec.config import Experiment, load_config
from neronet.spec.experiment import Condition
from neronet.sweep import expand


def by_id(text: str) -> dict[str, Experiment]:
    config = parse(text)
    config.check()
    return {experiment.id: experiment for experiment in config.experiments}


def values(experiment: Experiment) -> dict[str, list[str]]:
    return {parameter.name: list(parameter.values) for parameter in experiment.parameters}


def commands(experiment: Experiment) -> list[str]:
    return [" ".join(point.argv) for point in expand(experiment)]


def test_the_guides_example_as_it_means_it() -> None:
    config = parse(config_texts.GUIDE_AS_MEANT)
    assert config.problems == ()
    first, inner, second = config.experiments
    assert [first.id, inner.id, second.id] == ["lang_exp1", "lang_exp3", "lang_exp2"]
    assert commands(first) == [f"python3 main.py {x} 2 data/1.txt 2" for x in (1, 2, 34, 20)]
    assert commands(inner) == commands(first)
    assert commands(second) == ["python2 main2.py kh nyt data/2.txt 400"]
    assert {each.collection for each in config.experiments} == {("lang_exp",)}
    assert {each.outputs for each in config.experiments} == {("stdout",)}
    assert first.output_files == ()
    assert first.conditions == inner.conditions
    assert first.conditions == (
        Condition("error_rate_over_50", "error_rate", 50.0, "gt", 360_000.0, "kill"),
        Condition("error_rate_over_35", "error_rate", 35.0, "geq", 360_000.0, "warn"),
    )
    assert second.conditions == ()


def test_the_guides_example_as_it_is_printed() -> None:
    config = parse(config_texts.GUIDE_AS_PRINTED)
    assert config.problems == ()
    first, third, _ = config.experiments
    assert commands(first) == [f"python3 main.py {x} 2 data/1.txt 2" for x in (1, 2, 34, 20)]
    assert commands(third) == ["python3 main.py --hyperparamz 2"]


def test_the_guides_last_example_has_no_plus_and_gets_a_warning() -> None:
    config = parse(config_texts.GUIDE_THEANOTEST)
    assert [str(problem) for problem in config.problems] == [
        "config.yaml:6:1: 'theanotest' is taken as an experiment (write +theanotest: to say so)"
    ]
    assert [problem.severity for problem in config.problems] == ["warning"]
    (experiment,) = config.experiments
    assert (experiment.id, experiment.collection, experiment.outputs) == ("theanotest", (), ("results",))
    assert commands(experiment) == ["python script.py 400 784 10000"]


def test_every_word_is_understood() -> None:
    config = parse(config_texts.EVERY_WORD)
    assert config.problems == ()
    resnet, longer = config.experiments
    plain = resnet.to_json()
    plain.pop("parameters")
    assert plain == {
        "id": "resnet",
        "folder": str(config_texts.FOLDER),
        "main_code_file": "train.py",
        "collection": ["cifar", "paper"],
        "run_command_prefix": ["source venv/bin/activate && python3"],
        "shell": True,
        "parameter_format": [
            *("--lr", "{lr}", "--opt", "{opt}", "--depth={depth}", "--batch", "{batch}", "--seed", "{seed}"),
            *("--epochs", "{epochs}", "--json", '{{"momentum": {momentum}}}', "{shape}", "{width}", "{text}"),
        ],
        "zips": [["depth", "batch"]],
        "exclude": [
            "opt == adamw and lr >= 0.1",
            "not (depth == 20 or momentum != 0.5) and opt == 'sgd'",
        ],
        "repeat": 3,
        "required_files": ["data.py", "model.py", "data/*.npz"],
        "outputs": ["stdout", "results", "figures/*.png"],
        "writable": ["cache"],
        "env": {"OMP_NUM_THREADS": "4", "MODE": "a b"},
        "setup": ["module load cuda", "ulimit -c 0"],
        "cpus": 4,
        "gpus": 1,
        "memory": 16 * 1024**3,
        "time": 129_600.0,
        "priority": -3,
        "custom_msg": "table 2: the width",
        "buffering": "program",
        "steps": "epochs",
        "repeats": ["width"],
        "grace": 30.0,
        "stop_losers": {
            "metric": "val_error",
            "goal": "minimize",
            "rule": "halving",
            "min_points": 20,
            "reduction": 4,
            "keep": 5,
        },
        "conditions": [
            {
                "id": "error_over_50",
                "variablename": "val_error",
                "killvalue": 50.0,
                "comparator": "gt",
                "after": 600.0,
                "action": "kill",
            },
            {
                "id": "not_a_number",
                "variablename": "loss",
                "killvalue": 0.0,
                "comparator": "nan",
                "action": "warn",
            },
        ],
        "output_line_processor": {"stdout": ["neronet", "regex", "loss (?P<loss>.*)"]},
        "output_file_processor": {"results/log.csv": ["reader", "read_csv", "3"]},
        "plot": {"curve.svg": ["plots", "draw", "results/log.csv", "a title", "loss"]},
        "sbatch_args": ["--partition=gpu", "--constraint", "a b"],
        "runs_per_job": 5,
        "max_parallel": 8,
        "after": ["other"],
    }
    assert values(resnet) == {
        "lr": ["0.1", "0.01", "0.001", "0.0001"],
        "opt": ["sgd", "adamw"],
        "depth": ["20", "56"],
        "batch": ["128", "64"],
        "shape": ["[1, 2]", "[3, 4]"],
        "momentum": ["0", "0.5", "1"],
        "width": ["1", "1.5", "2"],
        "epochs": ["90"],
        "text": ["two\nlines\n"],
    }
    assert resnet.output_files == ("results", "figures/*.png")
    assert resnet.pooled == ("width", "seed")
    assert (longer.parameter_format, longer.gpus, longer.custom_msg) == (None, None, "")
    assert values(longer)["epochs"] == ["200"]
    assert values(longer)["extra"] == ["90"]
    assert "text" not in values(longer)


@pytest.mark.parametrize("text", config_texts.ALL)
def test_an_experiment_is_the_same_after_it_was_stored_as_json(text: str) -> None:
    for experiment in parse(text).experiments:
        stored = json.loads(json.dumps(experiment.to_json()))
        assert stored == experiment.to_json()
        again = Experiment.from_json({**stored, "word_of_a_later_version": 1})
        assert again == experiment
        assert [each.argv for each in expand(again)] == [each.argv for each in expand(experiment)]


def test_what_an_older_version_stored_can_be_read() -> None:
    (experiment,) = by_id(one("parameters: {x: 1}")).values()
    stored = experiment.to_json()
    del stored["grace"], stored["writable"]
    assert Experiment.from_json(stored) == experiment


def test_the_hash_is_that_of_the_file() -> None:
    text = one("")
    assert parse(text).sha256 == parse(text.encode()).sha256
    assert len(parse(text).sha256) == 64
    assert parse(text + "\n").sha256 != parse(text).sha256


# Inheritance


def test_inner_blocks_inherit_to_any_depth_also_what_is_written_after_them() -> None:
    found = by_id(
        "+a:\n  +b:\n    +c:\n      +d:\n        custom_msg: deep\n"
        "  run_command_prefix: p\nmain_code_file: m\n"
    )
    assert list(found) == ["a", "b", "c", "d"]
    assert {each.main_code_file for each in found.values()} == {"m"}
    assert {each.run_command_prefix for each in found.values()} == {("p",)}
    assert [each.custom_msg for each in found.values()] == ["", "", "", "deep"]


def test_parameters_merge_by_name_and_everything_else_is_replaced() -> None:
    found = by_id(
        "main_code_file: m\nparameters: {a: 1, b: [1, 2]}\nenv: {A: 1}\noutputs: [x, y]\n"
        "+one:\n  parameters: {b: 3, c: 4}\n  env: {B: 2}\n  outputs: z\n"
    )
    assert values(found["one"]) == {"a": ["1"], "b": ["3"], "c": ["4"]}
    assert found["one"].env == {"B": "2"}
    assert found["one"].outputs == ("z",)


def test_null_removes_what_is_inherited() -> None:
    found = by_id(
        "main_code_file: m\nparameters: {a: 1, b: 2}\ncpus: 3\nparameter_format: '{a}'\n"
        "+one:\n  parameters: {b: null}\n  cpus: null\n  parameter_format: None\n"
        "+two:\n  parameters:\n  parameter_format:\n"
    )
    assert values(found["one"]) == {"a": ["1"]}
    assert (found["one"].cpus, found["one"].parameter_format) == (None, None)
    assert values(found["two"]) == {}
    assert found["two"].cpus == 3


def test_a_parameter_without_a_value_is_an_error() -> None:
    assert errors(one("parameters:\n  x:\n  y: ''\nparameter_format: '{x} {y}'")) == [
        "4: the parameter 'x' has no value"
    ]


@pytest.mark.parametrize("none", ["", "null", "~", "None", "''", "[]"])
def test_empty_is_none(none: str) -> None:
    (experiment,) = by_id(one(f"collection: {none}\noutputs: {none}\nrequired_files: {none}")).values()
    assert (experiment.collection, experiment.outputs, experiment.required_files) == ((), (), None)


def test_a_text_is_a_list_of_one() -> None:
    (experiment,) = by_id(one("collection: c\noutputs: results/\nrequired_files: ./a\nwritable: b")).values()
    assert (experiment.collection, experiment.outputs) == (("c",), ("results",))
    assert (experiment.required_files, experiment.writable) == (("a",), ("b",))


def test_an_empty_block_is_an_experiment_that_inherits_all() -> None:
    assert list(by_id("main_code_file: m\n+a:\n+b: {}\n")) == ["a", "b"]


def test_both_spellings_of_the_format_are_one_word() -> None:
    for word in ("parameter_format", "parameters_format"):
        (experiment,) = by_id(one(f"{word}: 'a  \"b c\"'")).values()
        assert experiment.parameter_format == ("a", "b c")
    assert errors(one("parameter_format: a\nparameters_format: b")) == [
        "4: 'parameters_format' and 'parameter_format' are the same word"
    ]


def test_what_several_experiments_inherit_is_reported_once() -> None:
    text = "main_code_file: m\nparameters: {a: [1, 1]}\nexclude: x == 1\nparameter_format: '{b}'\n"
    text += "+one:\n+two:\n  +three:\n"
    assert errors(text) == [
        "3: exclude names 'x', which is no parameter",
        "4: the format names 'b', which is no parameter",
    ]
    assert parse(text).experiments == ()


# Ids and unknown words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("main_code_file: m\n+a:\n+b:\n  +a:\n", "4: two experiments are called 'a', here and in line 2"),
        ("main_code_file: m\n+a:\n+a:\n", "3: '+a' stands here and in line 2"),
        ("main_code_file: m\n+plot:\n", "2: 'plot' is a reserved word and cannot be the id of an experiment"),
        (
            "main_code_file: m\n+killvalue:\n",
            "2: 'killvalue' is a reserved word and cannot be the id of an experiment",
        ),
        ("main_code_file: m\n+path:\n", "2: 'path' is a reserved word and cannot be the id of an experiment"),
        ("main_code_file: m\n+a b:\n", "2: 'a b' cannot be an id"),
        ("main_code_file: m\n+:\n", "2: '' cannot be an id"),
        ("main_code_file: m\n+a/b:\n", "2: 'a/b' cannot be an id"),
        ("main_code_file: m\n+17:\n", "2: '17' cannot be an id: it would be taken for numbers of runs"),
        ("main_code_file: m\n+1-7:\n", "2: '1-7' cannot be an id: it would be taken for numbers of runs"),
        ("main_code_file: m\n+a: 3\n", "2: the experiment 'a' needs an indented block"),
        ("main_code_file: m\n+a: [1]\n", "2: the experiment 'a' needs an indented block"),
        ("+a:\n  cpus: 1\n", "1: the experiment 'a' has no main_code_file"),
        ("+a:\n  +b:\n    main_code_file: m\n", "1: the experiment 'a' has no main_code_file"),
        ("main_code_file: m\n", "1: no experiment is defined here"),
        ("", "1: no experiment is defined here"),
        ("[a]\n", "1: the file is not a block of KEY: VALUE lines"),
        ("just words\n", "1: the file is not a block of KEY: VALUE lines"),
    ],
)
def test_an_id_must_be_usable_and_there_must_be_something_to_run(text: str, expected: str) -> None:
    assert errors(text) == [expected]


@pytest.mark.parametrize(
    ("line", "text", "hint"),
    [
        ("parametres: {lr: 1}", "'parametres' is no word of a config.yaml", "did you mean parameters?"),
        ("parametrs: {steps: 1}", "'parametrs' is no word of a config.yaml", "did you mean parameters?"),
        ("main_file: x", "'main_file' is no word of a config.yaml", "did you mean main_code_file?"),
        ("exp2: 3", "'exp2' is no word of a config.yaml", "an experiment is written +exp2:"),
        ("exp2:", "'exp2' is no word of a config.yaml", "an experiment is written +exp2:"),
        ("exp2: {cpus: 1, lr: 2}", "'exp2' is no word of a config.yaml", "an experiment is written +exp2:"),
        ("killvalue: 3", "'killvalue' is no word of a config.yaml", "belongs in a condition"),
        ("experiment_id: 3", "'experiment_id' is no word of a config.yaml", "reserved"),
        ("<<: {cpus: 3}", "'<<' is no word of a config.yaml", "inner blocks inherit"),
        ("'': 3", "'' is no word of a config.yaml", "+name"),
        ('"\\e[31m": 3', "'\\x1b[31m' is no word of a config.yaml", "+\\x1b[31m:"),
    ],
)
def test_an_unknown_word_is_an_error_with_the_nearest_known_one(line: str, text: str, hint: str) -> None:
    (problem,) = parse(one(line)).problems
    assert (problem.line, problem.column, problem.text) == (3, 3, text)
    assert hint in problem.hint


def test_a_block_without_a_plus_may_hold_experiments() -> None:
    config = parse("main_code_file: m\nouter:\n  cpus: 2\n  +inner:\n    gpus: 1\n")
    assert [(each.id, each.cpus, each.gpus) for each in config.experiments] == [
        ("outer", 2, None),
        ("inner", 2, 1),
    ]
    assert [problem.severity for problem in config.problems] == ["warning"]


def test_a_file_full_of_mistakes_gives_up_and_says_so() -> None:
    config = parse("main_code_file: m\n+a:\n" + "".join(f"  wrong{n}: 1\n" for n in range(5000)))
    assert sum(problem.severity == "error" for problem in config.problems) == 100
    assert config.problems[-1].text.startswith("nothing after this was looked at")
    with pytest.raises(ConfigError):
        config.check()


def test_a_file_may_not_have_endless_experiments() -> None:
    text = "main_code_file: m\n" + "".join(f"+a{n}:\n" for n in range(1001))
    assert errors(text) == ["1002: more than 1,000 experiments"]


def test_check_raises_all_problems_at_once_and_nothing_for_warnings() -> None:
    parse(config_texts.GUIDE_THEANOTEST).check()
    config = parse(one("cpus: x\ngpus: y"))
    with pytest.raises(ConfigError) as caught:
        config.check()
    assert str(caught.value).count("\n") == 1
    assert "config.yaml:3:9: 'x' is not a whole number from 1 to 100000" in str(caught.value)
    assert caught.value.problems == list(config.problems)


# Files


def write(folder: Path, text: str) -> Path:
    (folder / "config.yaml").write_text(text)
    return folder


def test_a_folder_is_read_with_the_files_that_it_names(tmp_path: Path) -> None:
    write(
        tmp_path, "run_command_prefix: sh\nmain_code_file: ./main.sh\nrequired_files: [data, '*.txt']\n+a:\n"
    )
    (tmp_path / "main.sh").write_text("")
    (tmp_path / "data").mkdir()
    config = load_config(tmp_path)
    config.check()
    assert config.problems == ()
    assert config.experiments[0].folder == tmp_path.resolve()
    assert config.experiments[0].main_code_file == "./main.sh"


def test_files_that_are_missing_are_errors(tmp_path: Path) -> None:
    write(
        tmp_path,
        "run_command_prefix: sh\nmain_code_file: main.sh\nrequired_files: [data, '*.txt']\n"
        "+a:\n+b:\n  main_code_file: .\n",
    )
    found = [(each.line, each.text) for each in load_config(tmp_path).problems]
    place = tmp_path.resolve()
    assert found == [
        (2, f"main_code_file: 'main.sh' does not exist in {place}"),
        (3, f"required_files: 'data' does not exist in {place}"),
        (6, "main_code_file: '.' is a folder"),
    ]
    assert load_config(tmp_path).experiments == ()


def test_a_name_that_no_file_can_have_is_missing(tmp_path: Path) -> None:
    write(tmp_path, f"run_command_prefix: sh\nmain_code_file: {'x' * 999}\n+a:\n")
    (problem,) = load_config(tmp_path).problems
    assert "does not exist" in problem.text


def test_a_module_or_a_program_of_the_node_is_not_looked_for(tmp_path: Path) -> None:
    write(
        tmp_path,
        "main_code_file: /usr/bin/env\n+a:\n"
        "+b:\n  run_command_prefix: python3 -m\n  main_code_file: pkg.mod\n",
    )
    assert load_config(tmp_path).problems == ()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permission")
def test_without_a_prefix_the_file_must_be_executable(tmp_path: Path) -> None:
    write(tmp_path, "main_code_file: run.sh\n+a:\n")
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    (problem,) = load_config(tmp_path).problems
    assert problem.text == "'run.sh' is not executable and there is no run_command_prefix"
    (tmp_path / "run.sh").chmod(0o755)
    assert load_config(tmp_path).problems == ()


def test_a_folder_without_a_config_is_one_problem(tmp_path: Path) -> None:
    config = load_config(tmp_path)
    assert (config.experiments, config.sha256) == ((), "")
    (problem,) = config.problems
    assert problem.text == f"there is no file {tmp_path / 'config.yaml'}"
    (tmp_path / "config.yaml").mkdir()
    assert "is not a file" in load_config(tmp_path).problems[0].text
    (problem,) = load_config(tmp_path / "config.yaml" / "deeper").problems
    assert problem.line == 1
