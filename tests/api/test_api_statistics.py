"""Which runs are best and what groups come to, against what pandas says of the same values."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from neronet import Neroman, RunSet
from neronet.errors import InputError
from neronet.wire import states
from tests.jupyter.table import stores

ERRORS = [0.5, math.nan, 0.25, 0.25, 4.0, 0.75, 0.1, 9.0]


@pytest.fixture
def runs(neroman: Neroman) -> RunSet:
    """Eight runs: two learning rates, two seeds, two optimisers; one diverged, one failed, one has said nothing."""
    store = neroman.store
    each = [{"lr": lr, "opt": opt, "seed": seed} for lr in ("1e-2", "9e-3") for opt in "ab" for seed in "12"]
    numbers = stores.add(store, "lang", each)
    for number, error in zip(numbers[:-1], ERRORS):
        stores.start(store, number, 1.0)
        stores.say(store, number, error=[1.0, error])
        stores.end(store, number, states.FAILED if error == 0.1 else states.FINISHED)
    return neroman.runs()


def test_the_best_come_first_and_nan_last(runs: RunSet) -> None:
    assert runs.best("error").numbers == (3, 4, 1, 6, 5)
    assert runs.best("error", k=10).numbers == (3, 4, 1, 6, 5, 2), "7 failed, 8 has no value"
    assert runs.best("error", k=2, goal="maximize").numbers == (5, 6)
    found = runs.best("error", k=3)
    assert [run.number for run in found] == list(found.numbers) == found.frame().index.tolist()
    assert [run.number for run in found[1:]] == [4, 1]
    assert [row[0] for row in found.sheet().rows] == [3, 4, 1]


def test_groups_have_what_pandas_computes(runs: RunSet) -> None:
    found = runs.group("lr").agg("error")
    assert found.index.tolist() == [0.009, 0.01]
    assert found["count"].tolist() == [2, 4]
    assert found.loc[0.009].tolist() == [2, 2.375, pytest.approx(2.2980970), 0.75, 4.0, 6]
    assert math.isnan(found.loc[0.01, "mean"]) and found.loc[0.01, "best"] == 3
    frame = runs.frame()
    frame = frame[frame["state"] == "finished"]
    known = frame.groupby(["lr", "opt"])["error"].agg(["count", "mean", "std", "min", "max"])
    ours = runs.group("lr", "opt").agg("error", goal="maximize")
    for key in [(0.009, "a"), (0.01, "b")]:
        assert ours.loc[key].tolist()[:5] == pytest.approx(known.loc[key].tolist(), nan_ok=True)
    assert ours.loc[(0.009, "a"), "best"] == 5


def test_repeats_are_pooled_where_no_parameter_is_named(runs: RunSet) -> None:
    found = runs.group().agg("error")
    assert found.index.names == ["lr", "opt"]
    assert found.loc[(0.01, "b")].tolist() == [2, 0.25, 0.0, 0.25, 0.25, 3]
    assert (0.009, "b") not in found.index, "one failed, one is silent"


def test_what_runs_do_not_have_is_told(runs: RunSet) -> None:
    with pytest.raises(InputError, match="no metric eror") as told:
        runs.best("eror")
    assert "error" in told.value.hint
    with pytest.raises(InputError, match="no parameter rl"):
        runs.group("rl")
    with pytest.raises(InputError, match="is no goal"):
        runs.best("error", goal="min")
    assert runs[:0].best("error").numbers == ()
    assert len(runs[:0].group().agg("error")) == 0


def test_tags_and_notes_are_kept_found_and_refused(neroman: Neroman, runs: RunSet) -> None:
    neroman.tag("1-3", ["good", "paper/v1"])
    neroman.tag(2, remove=["good", "never"])
    assert neroman.runs("tag:good").numbers == (1, 3)
    assert neroman.runs("tag:paper*").numbers == (1, 2, 3)
    assert neroman.runs(2)[0].tags == ("paper/v1",)
    assert neroman.runs(2)[0].to_json()["tags"] == ["paper/v1"]
    assert "tags" in neroman.runs(2).frame() and "tags" not in neroman.runs(4).frame()
    with pytest.raises(InputError, match="names no run") as told:
        neroman.runs("tag:goood")
    assert "tag:good" in told.value.hint
    for wrong in ("", "two words", "-x", "a,b", "x" * 65):
        with pytest.raises(InputError, match="cannot be a tag"):
            neroman.tag(1, [wrong])
    with pytest.raises(InputError, match="more than 32 tags"):
        neroman.tag(1, [f"t{n}" for n in range(33)])
    assert neroman.runs(1)[0].tags == ("good", "paper/v1")


def test_the_history_is_narrowed(neroman: Neroman, runs: RunSet) -> None:
    add = neroman.store.events.add
    add(1.0, "condition", "loss 67 > 50", run=1, node="gpu1", data={"value": 67.0})
    add(2.0, "failed", "exit code 1", run=2, node="gpu2")
    assert [event.data for event in neroman.history(kinds=["condition"])] == [{"value": 67.0}]
    assert [event.run for event in neroman.history("lang", node="gpu2")] == [2]
    assert neroman.history(1, kinds=["failed"]) == []
    assert [event.kind for event in neroman.history(last=2)] == ["condition", "failed"]
    assert [event.kind for event in neroman.history(kinds=["condition"], last=2)] == ["condition"]
    assert neroman.history(last=0) == []


def test_a_glob_of_names_does_not_find_tags(neroman: Neroman, runs: RunSet, tmp_path: Path) -> None:
    neroman.tag(1, ["x"])
    with pytest.raises(InputError):
        neroman.runs("t*x")
