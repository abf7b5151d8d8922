"""Configurations that several tests read: the guide's own, and one with every word."""

from __future__ import annotations

from pathlib import Path

from neronet.spec.config import Config, parse_config

FOLDER = Path("/somewhere/lang_exp")

_CONDITIONS = """
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
"""

# The guide's big example letter by letter: a page break in the middle took the indentation of lang_exp3.
GUIDE_AS_PRINTED = f"""\
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
  parameter_format: '{{hyperparamx}} {{hyperparamy}} {{data_file}} {{hyperparamz}}'
  conditions:
{_CONDITIONS}
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
    parameter_format: '{{hyperparamx}} {{hyperparamy}} {{data_file}} {{hyperparamz}}'
"""

# The same as its explanation means it: lang_exp3 stands inside lang_exp1.
GUIDE_AS_MEANT = GUIDE_AS_PRINTED.replace(
    "\n+lang_exp3:\n    parameters:\n        hyperparamz: 2\n",
    "\n  +lang_exp3:\n    parameters:\n        hyperparamz: 2\n",
)

GUIDE_THEANOTEST = """\
collection: None
run_command_prefix: 'python'
main_code_file: 'script.py'
outputs: 'results'
parameters_format: '{N} {feats} {training_steps}'
theanotest:
  parameters:
    N: 400
    feats: 784
    training_steps: 10000
"""

EVERY_WORD = """\
# Which width is worth the time?
collection: [cifar, paper]
run_command_prefix: source venv/bin/activate && python3
shell: true
main_code_file: train.py
required_files: [data.py, model.py, 'data/*.npz']
outputs: [stdout, results, 'figures/*.png']
writable: cache
env: {OMP_NUM_THREADS: 4, "MODE": 'a b'}
setup:
  - module load cuda
  - ulimit -c 0
cpus: 4
gpus: 1
memory: 16G
time: 1-12:00:00
grace: 30
priority: -3
custom_msg: "table 2: the width"
buffering: program
sbatch_args: --partition=gpu --constraint "a b"
runs_per_job: 5
max_parallel: 8
after: other
+resnet:
  parameters:
    lr: {from: 0.1, to: 0.0001, log: 4}
    opt: [sgd, adamw]
    depth: [20, 56]
    batch: [128, 64]       # 56 layers do not fit with 128
    shape: [[1, 2], [3, 4]]
    momentum: {from: 0, to: 1, step: 0.5}
    width: {from: 1, to: 2, count: 3}
    epochs: &epochs 90
    text: |
      two
      lines
  zip: [[depth, batch]]
  exclude:
    - opt == adamw and lr >= 0.1
    - not (depth == 20 or momentum != 0.5) and opt == 'sgd'
  repeat: 3
  repeats: [width]
  steps: epochs
  parameter_format: >-
    --lr {lr} --opt {opt} --depth={depth} --batch {batch} --seed {seed}
    --epochs {epochs} --json '{{"momentum": {momentum}}}' {shape} {width} {text}
  conditions:
    error_over_50: {variablename: val_error, killvalue: 50, comparator: gt, when: time 10, action: kill}
    not_a_number:
      variablename: loss
      comparator: nan
      when: immediately
      action: warn
  stop_losers: {metric: val_error, goal: minimize, rule: halving, min_points: 20, reduction: 4, keep: 5}
  output_line_processor:
    stdout: neronet regex "loss (?P<loss>.*)"
  output_file_processor:
    results/log.csv: reader read_csv 3
  plot:
    curve.svg: plots draw results/log.csv "a title" loss
  +longer:
    parameters: {epochs: 200, text: null, extra: *epochs}
    parameter_format: null
    gpus: null
    custom_msg: None
"""

ALL = (GUIDE_AS_PRINTED, GUIDE_AS_MEANT, GUIDE_THEANOTEST, EVERY_WORD)


def parse(text: str | bytes) -> Config:
    return parse_config(text, "config.yaml", FOLDER)


def one(text: str) -> str:
    """The text of a configuration around an experiment's attributes, which begin in line 3."""
    return "main_code_file: main.py\n+a:\n" + "".join(f"  {line}\n" for line in text.splitlines())


def errors(text: str | bytes) -> list[str]:
    """The errors as `line: text`."""
    return [f"{each.line}: {each.text}" for each in parse(text).problems if each.severity == "error"]
