"""Whatever becomes of a config.yaml, it is read in bounded time, and all it can do is have problems."""

from __future__ import annotations

import os
import time

import config_texts
import pytest
from config_mutants import mutant

from neronet.spec.config import Experiment
from neronet.spec.problems import Problem
from neronet.sweep import aliases, count, expand, folder_name

pytestmark = pytest.mark.slow

MUTANTS = int(os.environ.get("NERONET_FUZZ", "2000"))
SECONDS_EACH = 1.0


@pytest.mark.timeout(60 + MUTANTS // 50)
def test_every_mutant_is_read_within_a_second_and_each_problem_has_a_line() -> None:
    whole = broken = 0
    slowest = 0.0
    for number in range(MUTANTS):
        text = mutant(number)
        begun = time.thread_time()
        config = config_texts.parse(text)
        taken = time.thread_time() - begun
        assert taken < SECONDS_EACH, f"mutant {number} took {taken:.2f} s"
        slowest = max(slowest, taken)
        data = text if isinstance(text, bytes) else text.encode()
        for problem in config.problems:
            _check_problem(problem, data.count(b"\n") + 1)
        is_broken = any(problem.severity == "error" for problem in config.problems)
        assert is_broken or config.experiments
        whole, broken = whole + (not is_broken), broken + is_broken
        for experiment in config.experiments:
            _check_experiment(experiment)
    print(f"{MUTANTS} mutants: {broken} with errors, {whole} without; slowest {slowest * 1000:.0f} ms")
    # Both kinds are seen, or little was tested.
    assert whole > MUTANTS // 10
    assert broken > MUTANTS // 10


def _check_problem(problem: Problem, lines: int) -> None:
    assert 1 <= problem.line <= lines
    assert problem.column >= 1
    assert problem.text
    assert str(problem).isprintable()


def _check_experiment(experiment: Experiment) -> None:
    assert Experiment.from_json(experiment.to_json()) == experiment
    if count(experiment) > 100:
        return
    points = expand(experiment)
    assert len({point.name for point in points}) == len(points)
    for point in points[:5]:
        assert all(isinstance(word, str) and "\0" not in word for word in point.argv)
        assert folder_name(point.name).isascii()
        assert aliases(experiment.id, point.name, point.parameters) or point.name == experiment.id
