"""The runs of a sweep: how many, in which order, with which values, names and commands."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from neronet.errors import InputError
from neronet.spec.config import Experiment, Parameter, parse_config
from neronet.sweep import Point, aliases, count, count_exactly, expand


def experiment(text: str) -> Experiment:
    lines = "".join(f"  {line}\n" for line in text.splitlines())
    config = parse_config(
        f"run_command_prefix: p\nmain_code_file: main.py\n+e:\n{lines}", "config.yaml", Path("/x")
    )
    config.check()
    return config.experiments[0]


def points(text: str) -> list[Point]:
    found = expand(experiment(text))
    assert len({point.name for point in found}) == len(found)
    return found


def names(text: str) -> list[str]:
    return [point.name for point in points(text)]


def arguments(text: str) -> list[str]:
    """The arguments after the program's file, joined."""
    return [" ".join(point.argv[2:]) for point in points(text)]


def test_an_experiment_without_parameters_is_one_run_named_after_it() -> None:
    (point,) = points("")
    assert point == Point("e", {}, ("p", "main.py"))
    assert count(experiment("")) == 1


def test_a_run_is_named_by_the_parameters_that_vary() -> None:
    assert names("parameters: {a: 1, b: 2}") == ["e"]
    assert names("parameters: {a: [1, 2], b: 2, c: [x, y]}") == [
        "e/a=1,c=x",
        "e/a=1,c=y",
        "e/a=2,c=x",
        "e/a=2,c=y",
    ]


def test_the_last_parameter_varies_fastest() -> None:
    found = points("parameters: {a: [1, 2], b: {from: 1, to: 3}, c: 9}\nparameter_format: '{c} {b} {a}'")
    assert [point.argv[2:] for point in found] == [
        (c, b, a) for a in ("1", "2") for b in ("1", "2", "3") for c in ("9",)
    ]
    assert all(list(point.parameters) == ["a", "b", "c"] for point in found)


def test_equal_points_are_there_once() -> None:
    text = "parameters: {a: [1, 2, 1], b: [x, x]}"
    assert names(text) == ["e/a=1", "e/a=2"]
    assert count(experiment(text)) == 2
    assert names("parameters: {a: [1, 1.0]}") == ["e/a=1", "e/a=1.0"]


def test_without_a_format_each_parameter_is_an_option() -> None:
    assert arguments("parameters: {lr: 0.1, depth: [1, 2]}") == ["--lr 0.1 --depth 1", "--lr 0.1 --depth 2"]
    assert arguments("parameters: {lr: 0.1}\nparameter_format: ''") == [""]


def test_a_value_is_one_argument_or_a_part_of_one() -> None:
    (point,) = points(
        "parameters: {a: 'x y', b: '$(touch z)', c: '', d: '{a}'}\n"
        "parameter_format: \"{a} --b={b} {c} '{d} {{a}}' {a}{a} {{}}\""
    )
    assert point.argv[2:] == ("x y", "--b=$(touch z)", "", "{a} {a}", "x yx y", "{}")


def test_zipped_parameters_vary_together() -> None:
    text = "parameters: {a: [1, 2], b: [x, y, z], c: [7, 8]}\nzip: [[a, c]]\nparameter_format: '{a} {b} {c}'"
    assert arguments(text) == ["1 x 7", "1 y 7", "1 z 7", "2 x 8", "2 y 8", "2 z 8"]
    assert names(text)[:2] == ["e/a=1,c=7,b=x", "e/a=1,c=7,b=y"]
    assert count(experiment(text)) == 6
    assert list(points(text)[0].parameters) == ["a", "b", "c"]


def test_rows_of_a_zip_that_are_equal_are_one_and_constant_ones_have_no_name() -> None:
    text = (
        "parameters: {a: [1, 1, 2], b: [x, x, x], c: [3, 3, 3]}\nzip: [[a, b]]\nparameter_format: '{a} {b}'"
    )
    assert names(text) == ["e/a=1", "e/a=2"]
    assert count(experiment(text)) == 2


def test_zipped_ranges_are_counted_without_being_made() -> None:
    text = "parameters: {a: {from: 1, to: 1000000}, b: {from: 2, to: 1000001}}\nzip: [a, b]"
    begun = time.process_time()
    assert count(experiment(text)) == 1_000_000
    assert time.process_time() - begun < 1


def test_excluded_points_are_left_out_and_names_stay() -> None:
    text = "parameters: {opt: [sgd, adamw], lr: [0.1, 0.01]}\n"
    assert names(text + "exclude: opt == adamw and lr >= 0.1") == [
        "e/opt=sgd,lr=0.1",
        "e/opt=sgd,lr=0.01",
        "e/opt=adamw,lr=0.01",
    ]
    assert names(text + "exclude: [opt == sgd, lr == 1e-2]") == ["e/opt=adamw,lr=0.1"]
    assert names(text + "exclude: lr > 0") == []
    for exclude in ("opt == adamw and lr >= 0.1", "[opt == sgd, lr == 1e-2]", "lr > 0"):
        assert count_exactly(experiment(f"{text}exclude: {exclude}"), 4) == len(
            names(f"{text}exclude: {exclude}")
        )
    assert count_exactly(experiment(text + "exclude: lr > 0"), 3) == 4  # too many to look at each


def test_repeat_makes_seeds_where_the_format_names_one() -> None:
    text = "parameters: {a: 1}\nrepeat: 3\nparameter_format: '{a} --seed {seed}'"
    assert arguments(text) == ["1 --seed 1", "1 --seed 2", "1 --seed 3"]
    assert names(text) == ["e/seed=1", "e/seed=2", "e/seed=3"]
    assert experiment(text).pooled == ("seed",)
    assert arguments(text.replace("repeat: 3", "repeat: 1")) == ["1 --seed 1"]


def test_repeat_makes_seeds_where_there_is_no_format() -> None:
    text = "parameters: {a: 1}\nrepeat: 2"
    assert arguments(text) == ["--a 1 --seed 1", "--a 1 --seed 2"]
    assert arguments("parameters: {a: 1}\nrepeat: 1") == ["--a 1"]


def test_other_repeats_are_runs_of_their_own_with_the_same_command() -> None:
    text = "parameters: {a: 1}\nrepeat: 2\nparameter_format: '{a}'"
    assert arguments(text) == ["1", "1"]
    assert names(text) == ["e/repeat=1", "e/repeat=2"]
    assert [point.parameters for point in points(text)] == [
        {"a": "1", "repeat": "1"},
        {"a": "1", "repeat": "2"},
    ]
    assert experiment(text).pooled == ("repeat",)
    text = "parameters: {seed: [7, 8]}\nrepeat: 2"
    assert arguments(text) == ["--seed 7", "--seed 7", "--seed 8", "--seed 8"]
    assert names(text)[0] == "e/seed=7,repeat=1"
    assert experiment(text).pooled == ("seed", "repeat")
    assert arguments("parameters: {repeat: 5}") == ["--repeat 5"]


def test_a_program_without_a_prefix_is_found_in_the_folder_not_on_the_path() -> None:
    for file, word in (
        ("run", "./run"),
        ("bin/run", "bin/run"),
        ("./run", "./run"),
        ("/bin/true", "/bin/true"),
    ):
        (point,) = expand(Experiment("e", Path("/x"), file))
        assert point.argv == (word,)


def test_a_prefix_for_a_shell_never_sees_a_value(tmp_path: Path) -> None:
    values = ("a b", "$(touch pwned)", "'; touch pwned; '", '"', "\n", "-x", "")
    (tmp_path / "show.py").write_text("import sys\nprint(ascii(sys.argv[1:]))\n")
    config = parse_config(
        f"run_command_prefix: export X=1 && {sys.executable}\nshell: true\nmain_code_file: show.py\n+e:\n",
        "c",
        tmp_path,
    )
    base = config.experiments[0]
    parameters = tuple(Parameter(f"p{n}", (value,)) for n, value in enumerate(values))
    words = tuple(f"{{{parameter.name}}}" for parameter in parameters)
    filled = Experiment(
        "e", tmp_path, "show.py", run_command_prefix=base.run_command_prefix, shell=True,
        parameters=parameters, parameter_format=words,
    )  # fmt: skip
    (point,) = expand(filled)
    assert point.argv[:5] == ("/bin/sh", "-c", f'export X=1 && {sys.executable} "$@"', "sh", "show.py")
    if sys.platform != "win32":
        shown = subprocess.run(point.argv, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        assert shown.strip() == ascii(list(values))
        assert not (tmp_path / "pwned").exists()


def test_hundreds_of_nasty_values_arrive_byte_for_byte(tmp_path: Path) -> None:
    chance = random.Random(1)
    signs = "ab '\"\\$`(){}[]<>|&;*?~#!%=,@/\n\t\r\x01\x7f\x85é😀\u202e-"
    values = ["".join(chance.choices(signs, k=chance.randrange(12))) for _ in range(500)]
    given = Experiment(
        "e",
        tmp_path,
        "m",
        run_command_prefix=("p",),
        parameters=(Parameter("v", tuple(values)),),
        parameter_format=("{v}",),
    )
    found = expand(given)
    assert [point.argv for point in found] == [("p", "m", value) for value in dict.fromkeys(values)]
    assert len({point.name for point in found}) == len(found)
    assert all(point.name.isprintable() for point in found)


def test_ten_thousand_runs_are_there_in_half_a_second() -> None:
    text = (
        "parameters:\n  lr: {from: 0.1, to: 0.0001, log: 10}\n  opt: [a, b, c, d, e, f, g, h, i, j]\n"
        "  n: {from: 1, to: 10}\n  seed: {from: 1, to: 10}\n  data: data/1.txt\n"
        "exclude: opt == a and lr > 1\nparameter_format: '--lr {lr} --opt={opt} -n {n} --seed {seed} {data}'"
    )
    given = experiment(text)
    taken = []
    for _ in range(3):  # the first one may pay for what other tests have left to the garbage collector
        begun = time.process_time()
        found = expand(given)
        taken.append(time.process_time() - begun)
        assert len(found) == count(given) == 10_000
    assert min(taken) < 0.5, taken


def test_a_sweep_is_counted_before_it_is_made() -> None:
    values = ", ".join(map(str, range(300)))
    given = experiment("parameters: {" + ", ".join(f"p{n}: [{values}]" for n in range(12)) + "}")
    begun = time.process_time()
    assert count(given) == 300**12
    with pytest.raises(InputError, match="runs, more than 1,000,000"):
        expand(given)
    assert time.process_time() - begun < 2
    with pytest.raises(InputError, match="e stands for 4 runs, more than 3"):
        expand(experiment("parameters: {a: [1, 2], b: [1, 2]}"), limit=3)


def long_forms(text: str) -> list[tuple[str, ...]]:
    return [aliases("e", point.name, point.parameters) for point in points(text)]


def test_the_long_form_of_the_original_is_an_alias() -> None:
    assert long_forms("parameters: {y: 2, x: [1, 34], f: data/1.txt}") == [
        ("e_f-data/1.txt_x-1_y-2", "e_x-1"),
        ("e_f-data/1.txt_x-34_y-2", "e_x-34"),
    ]
    assert long_forms("parameters: {b: [1, 2], a: 3}")[0] == ("e_a-3_b-1", "e_b-1")
    assert long_forms("parameters: {b: [1, 2], a: [3, 4]}")[0] == ("e_a-3_b-1",)
    assert long_forms("parameters: {a: 1}") == [()]
    assert aliases("e", "e/x=1@2", {"x": "1"}) == ("e_x-1",)
