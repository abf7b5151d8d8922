"""Each word of a config.yaml: what it takes and what it says of what it does not take."""

from __future__ import annotations

import json

import pytest
from config_texts import errors, one, parse

from neronet.spec.config import Experiment
from neronet.wire.conditions import ACTIONS, WORDS
from neronet.wire.points import parse_line


def read(text: str) -> Experiment:
    config = parse(one(text))
    config.check()
    return config.experiments[0]


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [
        ("16GB", 16 * 10**9),
        ("16 GB", 16 * 10**9),
        ("16G", 16 * 2**30),
        ("16 GiB", 16 * 2**30),
        ("16gib", 16 * 2**30),
        ("512 MiB", 512 * 2**20),
        ("1.5T", 3 * 2**39),
        ("2k", 2048),
        ("2kB", 2000),
        ("1000000 B", 10**6),
        ("0.5P", 2**49),
    ],
)
def test_memory_is_in_bytes(text: str, bytes_: int) -> None:
    assert read(f"memory: {text}").memory == bytes_


@pytest.mark.parametrize(
    "text", ["16", "0 GB", "-1 GB", "1 XB", "GB", "16 GB GB", "9999999 P", "1e3 GB", "i", "16i"]
)
def test_memory_needs_an_amount_and_a_unit(text: str) -> None:
    (problem,) = parse(one(f"memory: {text}")).problems
    assert (problem.line, "memory" in problem.text, "16 GiB" in problem.hint) == (3, True, True)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 5400),
        ("1.5", 90),
        ("2h", 7200),
        ("90 min", 5400),
        ("90m", 5400),
        ("1h 30min", 5400),
        ("1d12h", 129_600),
        ("2 days", 172_800),
        ("1 week", 604_800),
        ("45 s", 45),
        ("1.5 hours", 5400),
        ("1-12:00:00", 129_600),
        ("1-12:30", 131_400),
        ("1-12", 129_600),
        ("12:30:45", 45_045),
        ("30:15", 1815),
        ("2H", 7200),
    ],
)
def test_time_is_in_seconds_and_a_plain_number_means_minutes(text: str, seconds: float) -> None:
    assert read(f"time: {text}").time == seconds


@pytest.mark.parametrize(
    "text", ["0", "0h", "-5", "2x", "h", "1h x", "1h30", "1:2:3:4", "99999 d", "'  '", "nan", "1-"]
)
def test_time_must_be_a_duration(text: str) -> None:
    (problem,) = parse(one(f"time: {text}")).problems
    assert problem.line == 3
    assert "90 min" in problem.hint


def test_grace_counts_in_seconds() -> None:
    assert read("grace: 5").grace == 5
    assert read("grace: 2 min").grace == 120
    assert read("").grace == 10


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("cpus: 0", "'0' is not a whole number from 1"),
        ("cpus: 1.5", "'1.5' is not a whole number"),
        ("cpus: 1_000", "'1_000' is not a whole number"),
        ("cpus: 99999999999999", "is not a whole number"),
        ("gpus: -1", "'-1' is not a whole number from 0"),
        ("priority: high", "'high' is not a whole number"),
        ("repeat: 0", "'0' is not a whole number from 1"),
        ("buffering: lines", "'lines' is unknown here"),
        ("shell: maybe", "'maybe' is neither true nor false"),
        ("cpus: [1]", "one value belongs here"),
        ("collection: {a: 1}", "one value belongs here"),
        ("collection: [[a]]", "one value belongs here"),
        ("custom_msg: [a]", "one value belongs here"),
        ("env: [a]", "a block belongs here"),
        ("env: {1A: b}", "'1A' cannot be the name of an environment variable"),
        ("env: {A: [b]}", "one value belongs here"),
        ("outputs: ../x", "'../x' is not a path inside the folder"),
        ("outputs: a/../../x", "'a/../../x' is not a path inside the folder"),
        ("outputs: /x", "'/x' is not a path inside the folder"),
        ("required_files: ~/x", "'~/x' is not a path inside the folder"),
        ("required_files: [' ']", "' ' is not a path inside the folder"),
        ("writable: C:\\x", "'C:\\x' is a path of Windows"),
        ("writable: C:x", "'C:x' is a path of Windows"),
        (f"outputs: {'x' * 1001}", "a path of more than 1,000 characters"),
        ("main_code_file: ../x", "'../x' is not a path inside the folder"),
        ('run_command_prefix: "python \'x"', "is not closed"),
        ("parameter_format: 'a\\'", "is not closed"),
        (f"parameter_format: {'x ' * 11_000}", "a command of more than 20,000 characters"),
        ('sbatch_args: "\'"', "is not closed"),
        ("plot: {a: module}", "'module' does not name a module and a function"),
        (
            "output_line_processor: {results: a b}",
            "output_line_processor names 'results', which is not among the outputs",
        ),
        ("output_line_processor: {../x: a b}", "'../x' is not a path inside the folder"),
        ("output_line_processor: {stdout: neronet regexp x}", "neronet has no reader 'regexp'"),
        (
            "output_line_processor: {stdout: 'neronet regex \"loss (.*\"'}",
            "missing ), unterminated subpattern",
        ),
        ("output_file_processor: {stdout: neronet csv}", "'neronet csv' reads lines, not whole files"),
        ("exclude: [a b]", "'a' is not followed by a comparison"),
        ("exclude: {a: b}", "one value belongs here"),
        ("zip: a", "zip takes lists"),
        ("steps: x", "steps: 'x' is neither a number nor a parameter"),
        ("steps: -1", "steps: '-1' is neither a number nor a parameter"),
        ("steps: nan", "steps: 'nan' is neither a number nor a parameter"),
        ("repeats: x", "repeats names 'x', which is no parameter"),
        ("parameters: [a]", "parameters take a block"),
        ("conditions: [a]", "conditions take a block"),
        (f"setup: [{'a, ' * 1001}]", "a list of more than 1,000"),
        ("env: {" + ", ".join(f"A{n}: 1" for n in range(1001)) + "}", "a block of more than 1,000"),
        ("parameters: {" + ", ".join(f"a{n}: 1" for n in range(1001)) + "}", "more than 1,000 parameters"),
    ],
)
def test_a_value_that_does_not_fit_is_one_error_in_its_line(line: str, said: str) -> None:
    (found,) = errors(one(line))
    assert found.startswith("3: ")
    assert said in found


def test_words_are_split_as_a_shell_would_but_nothing_is_expanded() -> None:
    prefix, words = """env 'A B=1' "$HOME" python3""", """'--x="a  b" c\\ d'"""
    experiment = read(f"run_command_prefix: {prefix}\nparameter_format: {words}")
    assert experiment.run_command_prefix == ("env", "A B=1", "$HOME", "python3")
    assert experiment.parameter_format == ("--x=a  b", "c d")


@pytest.mark.parametrize(
    "prefix",
    ["cd x && python3", "python3 ; ls", "python3 | tee", "$PYTHON", "~/bin/python3", "A=1 python3", "a > b"],
)
def test_a_prefix_that_wants_a_shell_gets_a_warning(prefix: str) -> None:
    (problem,) = parse(one(f"run_command_prefix: {prefix}")).problems
    assert (problem.severity, problem.line) == ("warning", 3)
    assert "shell: true" in problem.hint
    assert parse(one(f"run_command_prefix: {prefix}\nshell: yes")).problems == ()


def test_a_prefix_for_a_shell_is_kept_whole() -> None:
    experiment = read('run_command_prefix: "cd \'x && python3"\nshell: on')
    assert (experiment.run_command_prefix, experiment.shell) == (("cd 'x && python3",), True)
    assert read("shell: no").shell is False


def test_setup_is_a_list_of_lines() -> None:
    assert read("setup: module load x").setup == ("module load x",)
    assert read("setup: [a b, 'c\n\n    d']").setup == ("a b", "c\nd")
    assert read("setup: |\n  module load x\n\n  source y").setup == ("module load x", "source y")
    (found,) = errors(one("setup: {a: 1}"))
    assert "one value belongs here" in found


def test_a_pattern_that_cannot_be_read_is_an_error_at_its_place() -> None:
    text = "+a:\n  main_code_file: x\n  output_line_processor:\n    stderr: neronet regex 'loss ([0-9'\n"
    problem = next(each for each in parse(text).problems if each.severity == "error")
    assert (problem.line, problem.column) == (4, 13)
    assert "the pattern cannot be read: unterminated character set at position 6" in problem.text
    assert "neronet regex" in problem.hint


def test_more_processors_than_a_run_can_have_are_refused() -> None:
    lines = "\n".join(f"    f{n}: neronet csv" for n in range(37))
    text = f"outputs: ['f*']\noutput_line_processor:\n{lines}\n+a:\n  main_code_file: x\n"
    assert "37 output processors of one experiment" in str(parse(text).problems[0])


def test_outputs_of_a_processor_may_lie_in_a_folder_or_match_a_pattern() -> None:
    text = "outputs: [results, 'x/*.csv']\noutput_file_processor: "
    text += "{results/a.csv: m f, x/y.csv: m f, stderr: m f, stdout.log: m f}"
    assert set(read(text).output_file_processor) == {"results/a.csv", "x/y.csv", "stderr", "stdout.log"}


# Parameters


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1", ("1",)),
        ("1e-3", ("1e-3",)),
        ("010", ("010",)),
        ("no", ("no",)),
        ("None", ("None",)),
        ("'null'", ("null",)),
        ("''", ("",)),
        ("[1, 1e-3, 010, no]", ("1", "1e-3", "010", "no")),
        ("[[1, 2]]", ("[1, 2]",)),
        ("[[1,2], ['a b',3], 4]", ("[1,2]", "['a b',3]", "4")),
        ("[[1, [2, {a: 3}]]]", ("[1, [2, {a: 3}]]",)),
        ("\n  - a\n  - - 1\n    - 2\n  - [3,\n     4]", ("a", "[1, 2]", "[3, 4]")),
        ("{from: 1, to: 3}", ("1", "2", "3")),
    ],
)
def test_a_parameter_keeps_the_text_of_its_values(value: str, expected: tuple[str, ...]) -> None:
    (parameter,) = read("parameters:\n  x: " + value.replace("\n", "\n  ")).parameters
    assert tuple(parameter.values) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{a b: 1}", "3: 'a b' cannot be the name of a parameter"),
        ("{-a: 1}", "3: '-a' cannot be the name of a parameter"),
        ("{'a=b': 1}", "3: 'a=b' cannot be the name of a parameter"),
        ('{"a\\e": 1}', "3: 'a\\x1b' cannot be the name of a parameter"),
        ("{+b: 1}", "3: '+b' stands among the parameters"),
        ("{a: []}", "3: 'a' has an empty list of values"),
        ("{a: [{from: 1, to: 2}]}", "3: a list holds values, not blocks"),
        ("{a: {from: 1}}", "3: this range has no to"),
        ("{a: {from: [1], to: 2}}", "3: one value belongs here, not a list or a block"),
        ("{a: {b: 1}}", "3: a range has no 'b'"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_an_error(line: str, expected: str) -> None:
    assert errors(one(f"parameters: {line}")) == [expected]


def test_a_problem_in_a_range_stands_at_its_field() -> None:
    (problem,) = parse(one("parameters:\n  x:\n    from: 1\n    to: 2\n    count: many")).problems
    assert (problem.line, problem.column) == (7, 7)


def test_parameters_with_problems_cause_no_further_ones() -> None:
    text = one(
        "parameters: {a: [], b: 2}\nparameter_format: '{a} {b}'\n"
        "zip: [[a, b]]\nexclude: a == 1\nsteps: a\nrepeats: a"
    )
    assert len(errors(text)) == 1
    assert parse(text).experiments == ()


def test_values_that_stand_twice_are_noted() -> None:
    config = parse(one("parameters:\n  x: [1, 2, 1]\n  y: [1.0, 1]"))
    assert [(each.line, each.column, each.severity, each.text) for each in config.problems] == [
        (4, 15, "note", "a value of 'x' stands here again")
    ]
    zipped = parse(one("parameters:\n  x: [1, 2, 1]\n  y: [1, 2, 3]\nzip: [[x, y]]"))
    assert zipped.problems == ()
    twice = parse(one("parameters:\n  x: [1, 2, 1]\n  y: [1, 2, 1]\nzip: [[x, y]]"))
    assert [each.text for each in twice.problems] == ["the zip of 'x', 'y' has the same values twice"]
    ranges = parse(one("parameters:\n  x: [1, 2, 1]\n  y: {from: 1, to: 3}\nzip: [[x, y]]"))
    assert ranges.problems == ()


# The format


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{y}", "the format names 'y', which is no parameter"),
        ("{x.__class__}", "the format names 'x.__class__', which is no parameter"),
        ("{x!r}", "the format names 'x!r', which is no parameter"),
        ("{x:>10}", "the format names 'x:>10', which is no parameter"),
        ("{0}", "the format names '0', which is no parameter"),
        ("{}", "the braces {} name no parameter"),
        ("{x", "a brace in '{x' has no partner"),
        ("x}", "a brace in 'x}' has no partner"),
        ("{x}}", "a brace in '{x}}' has no partner"),
        ("{x {x}", "a brace in '{x' has no partner"),
        ("{seed}", "the format names 'seed', which is no parameter"),
    ],
)
def test_a_placeholder_must_be_the_name_of_a_parameter(text: str, said: str) -> None:
    assert errors(one(f"parameters: {{x: 1}}\nparameter_format: '{text}'")) == [f"4: {said}"]


def test_the_hint_names_the_nearest_parameter() -> None:
    (problem,) = parse(one("parameters: {depth: 1}\nparameter_format: '{detph}'")).problems[:1]
    assert problem.hint == "did you mean depth?"
    (problem,) = parse(one("parameter_format: '{depth}'")).problems
    assert problem.hint == "add it under parameters"
    (problem,) = parse(one("parameter_format: '{seed}'")).problems
    assert "repeat: 3" in problem.hint


def test_a_parameter_that_the_format_does_not_name_is_allowed() -> None:
    config = parse(one("parameters: {a: 1, b: [1, 2], c: 1, d: 1, e: 1, f: 1}\nparameter_format: ''"))
    assert [(each.severity, each.line, each.text) for each in config.problems] == [
        ("warning", 4, "the format does not name 'b' of a, whose values differ"),
        ("note", 4, "the format does not name 'a', 'c', 'd' and 2 more of a"),
    ]
    assert len(config.experiments) == 1


# zip, exclude, repeat


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[[a, b]]", "'a' has 2 values, but 'b' has 3"),
        ("[[a, c]]", "'a' has 2 values, but 'c' has 1"),
        ("[[a, x]]", "zip names 'x', which is no parameter"),
        ("[[a]]", "a zip needs two or more different parameters"),
        ("[[a, a]]", "a zip needs two or more different parameters"),
        ("[a]", "a zip needs two or more different parameters"),
        ("[[a, d], [d, e]]", "'d' is in two zips"),
        ("{a: b}", "zip takes lists"),
    ],
)
def test_a_zip_must_fit_its_parameters(line: str, said: str) -> None:
    found = errors(one(f"parameters: {{a: [1, 2], b: [1, 2, 3], c: 1, d: [1, 2], e: [1, 2]}}\nzip: {line}"))
    assert said in found[0]
    assert found[0].startswith("4: ")


def test_one_zip_needs_no_double_brackets() -> None:
    assert read("parameters: {a: [1, 2], b: [1, 2]}\nzip: [a, b]").zips == (("a", "b"),)
    assert read("parameters: {a: [1, 2], b: [1, 2], c: 1, d: 2}\nzip: [[a, b], [c, d]]").zips == (
        ("a", "b"),
        ("c", "d"),
    )


def test_exclude_may_use_the_seeds_that_repeat_makes() -> None:
    assert errors(one("parameters: {a: 1}\nrepeat: 3\nexclude: seed == 2")) == []
    assert errors(one("parameters: {a: 1}\nparameter_format: '{a}'\nrepeat: 3\nexclude: repeat == 2")) == []
    assert errors(one("parameters: {a: 1}\nexclude: seed == 2")) == [
        "4: exclude names 'seed', which is no parameter"
    ]


def test_repeat_and_a_parameter_of_that_name_cannot_be_told_apart() -> None:
    assert errors(one("parameters: {repeat: 1, seed: 2}\nrepeat: 3")) == [
        "4: repeat and a parameter called repeat cannot be told apart"
    ]


# Conditions


def condition(**fields: str) -> str:
    given = {
        "variablename": "loss",
        "killvalue": "50",
        "comparator": "gt",
        "when": "immediately",
        "action": "kill",
        **fields,
    }
    lines = [f"    {key}: {value}" for key, value in given.items() if value != "-"]
    return one("conditions:\n  over:\n" + "\n".join(lines))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ("loss", 50.0, "gt", None, "kill")),
        ({"when": "time 90"}, ("loss", 50.0, "gt", 5400.0, "kill")),
        ({"when": "time 0.5"}, ("loss", 50.0, "gt", 30.0, "kill")),
        ({"when": "time 0"}, ("loss", 50.0, "gt", None, "kill")),
        ({"when": "-"}, ("loss", 50.0, "gt", None, "kill")),
        ({"when": ""}, ("loss", 50.0, "gt", None, "kill")),
        ({"killvalue": "-1.5e-3"}, ("loss", -1.5e-3, "gt", None, "kill")),
        ({"killvalue": "inf", "comparator": "eq"}, ("loss", float("inf"), "eq", None, "kill")),
        ({"killvalue": "-.inf", "comparator": "leq"}, ("loss", float("-inf"), "leq", None, "kill")),
        ({"killvalue": "-", "comparator": "nan", "action": "warn"}, ("loss", 0.0, "nan", None, "warn")),
        ({"comparator": "inf"}, ("loss", 0.0, "inf", None, "kill")),
        ({"variablename": "val/top-5.err%"}, ("val/top-5.err%", 50.0, "gt", None, "kill")),
    ],
)
def test_a_condition_is_read(fields: dict[str, str], expected: tuple[object, ...]) -> None:
    (experiment,) = parse(condition(**fields)).experiments
    (found,) = experiment.conditions
    assert (found.variablename, found.killvalue, found.comparator, found.after, found.action) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"variablename": "-"}, "4: the condition 'over' has no variablename"),
        ({"killvalue": "-"}, "4: the condition 'over' has no killvalue"),
        ({"comparator": "-"}, "4: the condition 'over' has no comparator"),
        ({"action": ""}, "4: the condition 'over' has no action"),
        ({"variablename": "a b"}, "5: no program can print a metric called 'a b'"),
        ({"variablename": "1a"}, "5: no program can print a metric called '1a'"),
        ({"killvalue": "much"}, "6: 'much' is not a number to compare with"),
        ({"killvalue": "nan"}, "6: 'nan' is not a number to compare with"),
        ({"killvalue": "[1]"}, "6: one value belongs here, not a list or a block"),
        ({"comparator": "greater"}, "7: 'greater' is unknown here"),
        ({"when": "later"}, "8: 'later' is not a time for a condition"),
        ({"when": "time -1"}, "8: 'time -1' is not a time for a condition"),
        ({"when": "time nan"}, "8: 'time nan' is not a time for a condition"),
        ({"when": "immediately 3"}, "8: 'immediately 3' is not a time for a condition"),
        ({"action": "email"}, "9: 'email' is unknown here"),
        ({"killvalu": "3"}, "10: a condition has no 'killvalu'"),
    ],
)
def test_every_field_of_a_condition_is_checked(fields: dict[str, str], expected: str) -> None:
    assert errors(condition(**fields)) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{plot: {}}", "is a reserved word and cannot be the id of a condition"),
        ("{a b: {}}", "'a b' cannot be an id"),
        ("{a: 3}", "the condition 'a' needs a block"),
        ("{a: }", "the condition 'a' needs a block"),
    ],
)
def test_a_condition_needs_an_id_and_a_block(text: str, expected: str) -> None:
    assert expected in errors(one(f"conditions: {text}"))[0]


# What each comparator beyond the comparing ones needs; "-" leaves a word out.
KINDS: dict[str, dict[str, str]] = {
    "slope_gt": {"points": "20"},
    "slope_lt": {"points": "20"},
    "slope_geq": {"points": "20"},
    "slope_leq": {"points": "20"},
    "stalled": {"points": "20", "killvalue": "-"},
    "silent": {"minutes": "30", "killvalue": "-", "variablename": "-"},
}


def of_kind(comparator: str, **fields: str) -> str:
    return condition(comparator=comparator, **{**KINDS.get(comparator, {}), **fields})


def test_every_comparator_of_the_evaluator_can_be_asked_for() -> None:
    for word in WORDS:
        config = parse(of_kind(word))
        assert config.problems == ()
        assert config.experiments[0].conditions[0].comparator == word


def test_every_action_can_be_asked_for() -> None:
    for word in ACTIONS:
        assert parse(condition(action=word)).experiments[0].conditions[0].action == word


@pytest.mark.parametrize(
    ("comparator", "fields", "expected"),
    [
        ("gt", {"for": "3"}, {"times": 3}),
        ("nan", {"for": "2"}, {"times": 2}),
        ("slope_lt", {"killvalue": "-1e-3", "for": "2"}, {"points": 20, "killvalue": -1e-3, "times": 2}),
        ("stalled", {}, {"points": 20, "goal": None, "by": None}),
        ("stalled", {"goal": "maximize", "by": "0.5"}, {"goal": "maximize", "by": 0.5}),
        ("silent", {}, {"quiet": 1800.0, "variablename": ""}),
        ("silent", {"minutes": "0.5", "when": "time 10"}, {"quiet": 30.0, "after": 600.0}),
        ("gt", {"action": "stop", "grace": "90"}, {"grace": 90.0}),
        ("gt", {"action": "stop", "grace": "5 min"}, {"grace": 300.0}),
        ("gt", {"action": "stop"}, {"grace": None}),
    ],
)
def test_the_words_beyond_the_guide_are_read(
    comparator: str, fields: dict[str, str], expected: dict[str, object]
) -> None:
    config = parse(of_kind(comparator, **fields))
    assert config.problems == ()
    (found,) = config.experiments[0].conditions
    assert {word: getattr(found, word) for word in expected} == expected


def test_what_does_not_apply_is_not_stored_and_comes_back_as_it_was() -> None:
    (experiment,) = parse(of_kind("stalled", goal="maximize")).experiments
    (stored,) = json.loads(json.dumps(experiment.to_json()))["conditions"]
    assert stored == {
        "id": "over", "variablename": "loss", "killvalue": 0.0, "comparator": "stalled", "action": "kill",
        "points": 20, "goal": "maximize",
    }  # fmt: skip
    assert Experiment.from_json(experiment.to_json()) == experiment


@pytest.mark.parametrize(
    ("comparator", "fields", "expected", "hint"),
    [
        ("stalled", {"points": "-"}, "4: the condition 'over' has no points", ""),
        ("stalled", {"points": "0"}, "9: '0' is not a whole number from 1 to 1000000000", ""),
        ("stalled", {"killvalue": "3"}, "6: a condition with comparator: stalled takes no killvalue", "by: 0.01"),
        ("stalled", {"for": "3"}, "10: a condition with comparator: stalled takes no for", "three points in a row"),
        ("stalled", {"goal": "down"}, "10: 'down' is unknown here", "minimize, maximize"),
        ("stalled", {"by": "-1"}, "10: '-1' is not an improvement", "not negative"),
        ("stalled", {"by": "inf"}, "10: 'inf' is not an improvement", "not negative"),
        ("stalled", {"variablename": "-"}, "4: the condition 'over' has no variablename", ""),
        ("silent", {"minutes": "-"}, "4: the condition 'over' has no minutes", ""),
        ("silent", {"minutes": "0"}, "8: '0' is not a number of minutes", "minutes: 30"),
        ("silent", {"variablename": "loss"}, "5: a condition with comparator: silent takes no variablename", "all output"),
        ("silent", {"killvalue": "3"}, "5: a condition with comparator: silent takes no killvalue", "compare with nothing"),
        ("silent", {"for": "3"}, "9: a condition with comparator: silent takes no for", "compares values"),
        ("slope_gt", {"points": "1"}, "10: '1' is not a whole number from 2 to 1000", ""),
        ("slope_gt", {"points": "-"}, "4: the condition 'over' has no points", ""),
        ("slope_gt", {"killvalue": "-"}, "4: the condition 'over' has no killvalue", ""),
        ("slope_gt", {"goal": "minimize"}, "11: a condition with comparator: slope_gt takes no goal", "only stalled"),
        ("slope", {}, "7: 'slope' does not say what is bad", "slope_gt"),
        ("gt", {"points": "3"}, "10: a condition with comparator: gt takes no points", "for: 3"),
        ("gt", {"by": "3"}, "10: a condition with comparator: gt takes no by", "only stalled"),
        ("gt", {"minutes": "3"}, "10: a condition with comparator: gt takes no minutes", "when: time 30"),
        ("gt", {"for": "0"}, "10: '0' is not a whole number from 1 to 1000000000", ""),
        ("gt", {"for": "[1]"}, "10: one value belongs here, not a list or a block", ""),
        ("gt", {"grace": "30"}, "10: a condition with action: kill takes no grace", "action: stop"),
        ("gt", {"action": "notify", "grace": "30"}, "10: a condition with action: notify takes no grace", "action: stop"),
        ("gt", {"action": "stop", "grace": "soon"}, "10: 'soon' is not a duration", ""),
    ],
)  # fmt: skip
def test_words_that_do_not_belong_together_are_told_with_a_hint(
    comparator: str, fields: dict[str, str], expected: str, hint: str
) -> None:
    text = of_kind(comparator, **fields)
    assert errors(text)[0] == expected
    problem = next(problem for problem in parse(text).problems if problem.severity == "error")
    assert hint in problem.hint


def test_new_words_of_conditions_may_still_be_ids_of_experiments() -> None:
    for word in ("goal", "by", "points", "minutes"):
        assert [one.id for one in parse(f"main_code_file: m\n+{word}:\n  cpus: 1\n").experiments] == [word]


@pytest.mark.parametrize("name", ["a", "_x", "val/top-5.err%", "A1"])
def test_the_name_of_a_metric_is_what_the_parser_of_lines_finds(name: str) -> None:
    assert parse_line(f"{name} 1".encode()) == (name, 1.0)
    assert errors(condition(variablename=name)) == []


@pytest.mark.parametrize("word", ["output_line_processor", "output_file_processor"])
def test_a_processor_of_no_output_is_told_at_its_own_line(word: str) -> None:
    text = one(f"outputs: [a.log]\n{word}:\n  a.log: m f\n  ./b.log: m f\n  sub/c.log: m f")
    found = [(problem.line, problem.column, problem.text) for problem in parse(text).problems]
    assert found == [
        (6, 5, f"{word} names 'b.log', which is not among the outputs"),
        (7, 5, f"{word} names 'sub/c.log', which is not among the outputs"),
    ]


@pytest.mark.parametrize(
    ("field", "words"), [("comparator", WORDS), ("action", ACTIONS)], ids=["comparator", "action"]
)
def test_the_hint_after_a_wrong_word_has_all_that_are_accepted(field: str, words: tuple[str, ...]) -> None:
    (problem,) = parse(condition(**{field: "zzzzzz"})).problems
    assert problem.hint == f"known: {', '.join(words)}"


# after


def test_no_experiment_comes_after_itself() -> None:
    circle = "main_code_file: m\n+a:\n  after: [b]\n+b:\n  after: c\n+c:\n  after: a\n"
    assert errors(circle) == [
        f"{line}: '{name}' comes after itself" for line, name in ((3, "a"), (5, "b"), (7, "c"))
    ]
    assert errors("main_code_file: m\n+a:\n  after: a\n") == ["3: 'a' comes after itself"]
    assert errors("main_code_file: m\n+a:\n  after: b\n+b:\n  after: elsewhere\n") == []
    inner = "main_code_file: m\n+a:\n  after: b\n  +b:\n    {}\n"
    assert errors(inner.format("custom_msg: x")) == ["3: 'b' comes after itself"]
    assert errors(inner.format("after: null")) == []
