"""First configurations, from names and from command lines, and values written as YAML."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from config_texts import errors, parse

from neronet.errors import InputError
from neronet.spec.document import load, plain
from neronet.spec.problems import Problems
from neronet.spec.template import propose, template
from neronet.spec.writing import written
from neronet.sweep import expand


def test_the_guides_template() -> None:
    text = template("theanotest", "python", "theanotest.py", ["N", "feats", "training_steps"])
    assert "collection: None" in text
    assert "parameter_format: '{N} {feats} {training_steps}'" in text
    assert errors(text) == [
        "7: the parameter 'N' has no value",
        "8: the parameter 'feats' has no value",
        "9: the parameter 'training_steps' has no value",
    ]
    filled = (
        text.replace("    N:\n", "    N: [1, 2]\n")
        .replace("feats:\n", "feats: 3\n")
        .replace("steps:\n", "steps: 4\n")
    )
    (experiment,) = parse(filled).experiments
    assert [point.argv for point in expand(experiment)] == [
        ("python", "theanotest.py", "1", "3", "4"),
        ("python", "theanotest.py", "2", "3", "4"),
    ]


def test_a_template_may_have_values_or_no_parameters() -> None:
    assert parse(template("a", "python3 -u", "main.py", ["lr=0.1", "x="])).problems == ()
    assert parse(template("a", "", "main.py", [])).problems == ()


@pytest.mark.parametrize(
    ("id_", "prefix", "file", "parameters", "said"),
    [
        ("a b", "python", "m.py", [], "'a b' cannot be an id"),
        ("plot", "python", "m.py", [], "'plot' is a reserved word"),
        ("a", "python 'x", "m.py", [], "is not closed"),
        ("a", "python", "../m.py", [], "'../m.py' is not a path"),
        ("a", "python", "m.py", ["a b"], "'a b' cannot be the name of a parameter"),
    ],
)
def test_a_template_refuses_what_could_not_be_read_back(
    id_: str, prefix: str, file: str, parameters: list[str], said: str
) -> None:
    with pytest.raises(InputError) as caught:
        template(id_, prefix, file, parameters)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("command", "prefix", "file", "parameters", "format_"),
    [
        (
            "python3 train.py --lr 0.1 --seed 3 data.txt",
            "python3",
            "train.py",
            {"lr": "0.1", "seed": "3", "arg1": "data.txt"},
            "--lr {lr} --seed {seed} {arg1}",
        ),
        ("./run.sh -v -n 5 --flag", "", "./run.sh", {"n": "5"}, "-v -n {n} --flag"),
        ("srun -n 4 ./lmp -in in.lj", "srun -n 4", "./lmp", {"in": "in.lj"}, "-in {in}"),
        ("python3 -m a.b --x=-1 -y -2", "python3 -m", "a.b", {"x": "-1", "y": "-2"}, "--x={x} -y {y}"),
        ("python main.py a=0.1 b.c=3", "python", "main.py", {"a": "0.1", "b.c": "3"}, "a={a} b.c={b.c}"),
        ("julia --project=. go.jl a", "julia --project=.", "go.jl", {"arg1": "a"}, "{arg1}"),
        ("program", "", "program", {}, ""),
        ("octave -q script 3", "octave -q", "script", {"arg1": "3"}, "{arg1}"),
        ("octave sub/known 3", "octave", "sub/known", {"arg1": "3"}, "{arg1}"),
        ("a.py --x 1 --x 2", "", "a.py", {"x": "1", "x_2": "2"}, "--x {x} --x {x_2}"),
        ("a.py -n5 --j '{}' -- -3", "", "a.py", {"j": "{}", "arg1": "-3"}, "-n5 --j {j} -- {arg1}"),
        ("a.py '--a b={}' '=x' -", "", "a.py", {"arg1": "=x"}, "'--a b={{}}' {arg1} -"),
    ],
)  # fmt: skip
def test_a_command_line_becomes_an_experiment(
    command: str, prefix: str, file: str, parameters: Mapping[str, str], format_: str
) -> None:
    found = propose(command, {"sub/known"})
    assert (found.run_command_prefix, found.main_code_file) == (prefix, file)
    assert dict(found.parameters) == parameters
    assert found.parameter_format == format_


@pytest.mark.parametrize(
    "command",
    [
        "python3 train.py --lr 0.1 --seed 3 data.txt",
        "srun -n 4 ./lmp -in in.lj",
        "python3 -m pkg.mod --x=1 'a b' \"it's\" '' '{}' '{{' '--a b={}' 'no' 'null' '~' '[1]' '#' 'a: b'",
        "python3 a.py '\x1b' 'é' 'a\nb'",
    ],
)
def test_what_is_proposed_runs_the_very_command(command: str) -> None:
    import shlex

    config = parse(propose(command).text)
    assert config.problems == ()
    (point,) = expand(config.experiments[0])
    assert list(point.argv) == shlex.split(command)


def test_variables_before_a_command_become_its_environment() -> None:
    found = propose("A=1 B='x y' python3 a.py")
    assert found.env == {"A": "1", "B": "x y"}
    assert parse(found.text).experiments[0].env == {"A": "1", "B": "x y"}


@pytest.mark.parametrize(
    ("command", "id_"),
    [
        ("python a.py", "a"),
        ("python plot.py", "plot_run"),
        ("python 12.py", "12_run"),
        ("./-.sh", "experiment"),
        ("a 'x y'", "x_y"),
    ],
)
def test_the_id_is_made_from_the_files_name(command: str, id_: str) -> None:
    assert propose(command).id == id_


@pytest.mark.parametrize(
    "command", ["", "  ", "A=1", "python 'x", "python a.py > out", "python a.py | tee x", "a && b", "a ; b"]
)
def test_what_is_no_single_command_is_refused(command: str) -> None:
    with pytest.raises(InputError) as caught:
        propose(command)
    assert caught.value.hint


@pytest.mark.parametrize(
    "value",
    [
        *(
            "",
            " ",
            "a",
            "a b",
            " a",
            "a ",
            "no",
            "No",
            "null",
            "None",
            "~",
            "~/x",
            "1",
            "-1",
            "-",
            "- a",
            "--x",
            "---",
            "...",
        ),
        *(
            ".5",
            "1e-3",
            "a: b",
            "a #b",
            "#",
            "*a",
            "&a",
            "!a",
            "@a",
            "`a",
            "%a",
            "{a}",
            "[a]",
            "a, b",
            "'",
            '"',
            "it's",
            "\\",
        ),
        *(
            "a\nb",
            '"\n\\',
            "\t",
            "\0",
            "\x1b[31m",
            "\x7f",
            "\x85",
            "\u2028",
            "\ufeff",
            "é",
            "😀",
            "=",
            "|",
            ">",
            "? a",
            ": a",
            "true",
        ),
    ],
)
@pytest.mark.parametrize("template_", ["{}", "a: {}", "{{a: {}}}", "[{}, x]", "- {}"])
def test_a_value_that_was_written_reads_back(value: str, template_: str) -> None:
    problems = Problems("f")
    _, root = load(template_.format(written(value)).encode(), problems)
    expected = value.replace("\0", "")
    assert expected in (plain(root), *_inner(plain(root)))
    assert bool(problems.all()) == ("\0" in value)


def _inner(content: object) -> list[object]:
    return (
        list(content.values()) if isinstance(content, dict) else content if isinstance(content, list) else []
    )


def test_all_kinds_of_values_can_be_written() -> None:
    assert (
        written({"a b": [1, True, False, None, 0.5], "c": {}}) == "{a b: [1, true, false, null, 0.5], c: {}}"
    )
