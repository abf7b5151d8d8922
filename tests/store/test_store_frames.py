"""The tables for pandas."""

from __future__ import annotations

import math
import subprocess
import sys

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_tools import end, folder, new_run, records, submit

from neronet.store.frames import column_names, numeric, points_frame, runs_frame

FIXED = ["name", "experiment", "node", "state", "reason", "started", "ended", "duration"]


def add(store, *parameters: dict[str, str]) -> list[int]:
    runs = [new_run(f"run{idx}", idx, parameters=known) for idx, known in enumerate(parameters)]
    return store.runs.add(runs, folder)


def test_a_frame_has_a_row_per_run_and_a_column_per_parameter_and_metric(store):
    one, two = add(store, {"lr": "1e-3", "opt": "adam"}, {"lr": "0.1", "opt": "010"})
    store.points.add(
        two, 1, 0, [(5.0, [("loss", 3.0, 0, None), ("acc", 0.5, 10, None), ("loss", 2.0, 20, None)])]
    )
    store.attempts.report(one, 1, "running", started=1_700_000_000.25)
    store.attempts.report(one, 1, "failed", "exit code 3", ended=1_700_000_060.5)
    store.attempts.complete(one, 1)
    frame = runs_frame(store)
    assert list(frame.columns) == [*FIXED, "lr", "opt", "loss", "acc"]
    assert (frame.index.name, list(frame.index)) == ("number", [one, two])
    first, second = frame.loc[one], frame.loc[two]
    assert list(first[["name", "experiment", "node", "state", "reason"]]) == [
        "run0",
        "lang",
        "gpu1",
        "failed",
        "exit code 3",
    ]
    assert first["started"] == pd.Timestamp("2023-11-14 22:13:20.25", tz="UTC")
    assert first["ended"] - first["started"] == pd.Timedelta(seconds=60.25)
    assert first["duration"] == 60.25
    assert (second["state"], second["started"], second["ended"]) == ("submitting", pd.NaT, pd.NaT)
    assert math.isnan(second["duration"])
    assert list(frame["lr"]) == [0.001, 0.1]
    assert list(frame["opt"]) == ["adam", "010"]
    assert (second["loss"], second["acc"]) == (2.0, 0.5)
    assert math.isnan(first["loss"])
    assert str(frame["started"].dtype).endswith("UTC]")


def test_a_frame_of_some_runs(store):
    numbers = add(store, {"a": "1"}, {"b": "2"}, {"a": "3"})
    frame = runs_frame(store, [numbers[2], numbers[0]])
    assert list(frame.index) == [numbers[0], numbers[2]]
    assert list(frame.columns) == [*FIXED, "a"]


def test_an_empty_store_gives_empty_frames_of_the_same_form(store):
    frame = runs_frame(store)
    assert (list(frame.columns), len(frame)) == (FIXED, 0)
    assert str(frame["ended"].dtype).endswith("UTC]")
    points = points_frame(store)
    assert (list(points.columns), len(points)) == (["run", "metric", "index", "time", "value"], 0)
    assert len(runs_frame(store, [7])) == 0


def test_a_name_that_is_used_twice_says_which_it_is(store):
    (run,) = add(store, {"lr": "1", "state": "2", "x": "3"})
    names = ["lr", "node", "loss"]
    store.points.add(run, 1, 0, [(5.0, [(name, 9.0, i, None) for i, name in enumerate(names)])])
    frame = runs_frame(store)
    assert list(frame.columns) == [*FIXED, "param.lr", "param.state", "x", "metric.lr", "metric.node", "loss"]
    assert frame.loc[run, "state"] == "submitting"
    assert (frame.loc[run, "param.lr"], frame.loc[run, "metric.lr"]) == (1, 9.0)


words = st.lists(
    st.sampled_from(["x", "state", "number", "param.x", "metric.x", "param.param.x", "y"]), unique=True
)


@settings(deadline=None)
@given(words, words)
def test_no_two_columns_have_one_name(parameters, metrics):
    names = column_names(parameters, metrics)
    columns = [*FIXED, "number", *names.values()]
    assert len(columns) == len(set(columns))
    assert set(names) == {("param", name) for name in parameters} | {("metric", name) for name in metrics}
    for (_, name), column in names.items():
        alone = (name in parameters) + (name in metrics) + (name in FIXED or name == "number") == 1
        assert column == name if alone else column.endswith(f".{name}")


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1", "010", "-3"], [1, 10, -3]),
        (["1", "0.5", "1e-3"], [1.0, 0.5, 0.001]),
        (["1", "inf"], [1.0, math.inf]),
        (["1", "no"], ["1", "no"]),
        (["1", ""], ["1", ""]),
        (["1_000"], ["1_000"]),
        (["0x10"], ["0x10"]),
        (["None", "1"], ["None", "1"]),
        ([str(2**63)], [float(2**63)]),
        ([str(2**63 - 1)], [2**63 - 1]),
        (["a", None], ["a", None]),
        ([], []),
    ],
)
def test_a_column_is_numbers_when_every_text_is_one(texts, expected):
    found = list(numeric(texts))
    assert found == expected
    assert list(map(type, found)) == list(map(type, expected))


def test_a_parameter_that_some_runs_lack_is_a_number_all_the_same(store):
    one, two = add(store, {"n": "4"}, {})
    frame = runs_frame(store)
    assert frame.loc[one, "n"] == 4
    assert math.isnan(frame.loc[two, "n"])


def test_metrics_and_points_are_those_of_the_last_attempt(store):
    one, two = submit(store, "a", "b")
    for run in (one, two):
        store.points.add(run, 1, 0, records([1.0, 2.0]))
    end(store, one)
    store.attempts.add(one, "f" * 16, 0, "gpu2")
    assert runs_frame(store)["loss"].isna().tolist() == [True, False]
    store.points.add(one, 2, 0, records([7.0]))
    assert runs_frame(store)["loss"].tolist() == [7.0, 2.0]
    assert points_frame(store)["value"].tolist() == [7.0, 1.0, 2.0]


def test_moments_that_no_calendar_has_are_not_known(store):
    (run,) = submit(store, "a")
    store.attempts.report(run, 1, "running", started=1e300)
    assert runs_frame(store)["started"].isna().all()


def test_points_come_with_run_metric_index_and_time(store):
    one, two = submit(store, "a", "b")
    store.points.add(one, 1, 0, records(range(200)))
    store.points.add(one, 1, 2, records([5.0], metric="acc", step=40.0))
    store.points.add(two, 1, 0, records([9.0]))
    frame = points_frame(store)
    assert list(frame.columns) == ["run", "metric", "index", "time", "value"]
    assert frame["run"].tolist() == [one] * 201 + [two]
    assert frame["metric"].tolist() == ["loss"] * 200 + ["acc", "loss"]
    assert frame["index"].tolist() == [*range(200), 40, 0]
    assert frame["time"].tolist() == [*(100.0 + i for i in range(200)), 100.0, 100.0]
    assert frame["value"].tolist() == [*range(200), 5, 9]
    assert points_frame(store, [two])["value"].tolist() == [9]
    assert points_frame(store, metric="acc")["value"].tolist() == [5]
    assert len(points_frame(store, metric="nothing")) == 0


def test_the_store_itself_needs_neither_pandas_nor_numpy():
    code = "import sys, neronet.store.frames; print({'pandas', 'numpy'} & set(sys.modules))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "set()\n"
    )


def test_what_neronet_measured_is_there_by_name_and_no_column(store):
    (run,) = add(store, {"lr": "1"})
    store.points.add(run, 1, 3, [(5.0, [("node.cpu", 1.5, 1000, None), ("node.memory", 7.0, 1000, None)])])
    store.points.add(run, 1, 0, [(6.0, [("loss", 3.0, 0, None)])])
    assert list(runs_frame(store).columns) == [*FIXED, "lr", "loss"]
    assert points_frame(store)["metric"].tolist() == ["loss"]
    assert points_frame(store, metric="node.memory")["value"].tolist() == [7.0]
