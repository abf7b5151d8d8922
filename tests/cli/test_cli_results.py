"""Logs, points, tables of results, and the history."""

from __future__ import annotations

import csv
import io
import json
import math
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace

import pandas as pd

from neronet.store.events import Event
from neronet.store.sheet import Sheet
from neronet.wire import states
from tests.cli.fakes import (
    NOW,
    FakeNeroman,
    FakeRunSet,
    ended,
    run,
    said,
)


def test_logs_are_raw_in_a_pipe_and_harmless_in_a_terminal() -> None:
    log = "a\tb\n\x1b[31mred\x1b[0m \x07\n50 %\r100 %\n"
    neroman = FakeNeroman(all_runs=FakeRunSet([run(1)], text=log))
    assert said("logs", "1", neroman=neroman).out == log
    assert said("logs", "1", "-f", neroman=neroman).out == log
    assert said("logs", "1", neroman=neroman, terminal=True).out == "a\tb\nred ␇\n50 %\r100 %\n"


def test_logs_of_a_run_whose_results_were_deleted_say_so() -> None:
    runs = FakeRunSet([ended(1)])
    runs.deleted = True
    neroman = FakeNeroman(all_runs=runs)
    neroman.runs = lambda selector=None: runs  # type: ignore[method-assign]
    answer = said("logs", "1", neroman=neroman)
    assert "the results of lang_exp1/hyperparamx=1 were deleted: /nowhere/results/" in answer.err
    assert "printed nothing" not in answer.err


def test_what_went_wrong_beside_its_end_is_told_of_a_run() -> None:
    events = [SimpleNamespace(kind="warning", attempt=1, text=f"outputs: {n} was not there") for n in "abcd"]
    neroman = FakeNeroman(all_runs=FakeRunSet([ended(1)]), events=events)
    lines = said("status", "1", neroman=neroman).out.splitlines()
    assert [line.split()[2] for line in lines if "warning" in line] == ["b", "c", "d"]


def test_what_an_earlier_attempt_was_warned_of_is_history() -> None:
    events = [SimpleNamespace(kind="warning", attempt=n, text=f"attempt {n} was odd") for n in (1, 2, None)]
    shown = said(
        "status", "1", neroman=FakeNeroman(all_runs=FakeRunSet([ended(1, attempt=2)]), events=events)
    ).out
    assert "attempt 1 was odd" not in shown
    assert "attempt 2 was odd" in shown and "attempt None was odd" in shown


def test_a_condition_that_warned_is_told_of_a_run_and_one_that_ended_it_by_its_state() -> None:
    texts = ["condition high, 60 > 50", "condition over, 67.01 > 50"]
    events = [SimpleNamespace(kind="condition", attempt=1, text=text) for text in texts]
    ended_by = run(1, state="terminated", ended=NOW, reason=texts[1])
    shown = said("status", "1", neroman=FakeNeroman(all_runs=FakeRunSet([ended_by]), events=events)).out
    assert [line.split(None, 1) for line in shown.splitlines() if "warning" in line] == [
        ["warning", texts[0]]
    ]
    assert shown.count(texts[1]) == 1


def test_what_a_run_used_and_ran_on_is_told_in_short() -> None:
    facts = {
        "host": "gpu1", "cores": 64, "cpu": "AMD EPYC 7763", "memory": 2**38, "gpus": ["A100", "A100"],
        "driver": "535.104.05", "python": "3.11.2", "modules": ["gcc/12", "cuda/12.1"], "conda": "torch", "load": 3.1,
    }  # fmt: skip
    usage = {"node.cpu": 3.0, "node.cpu_mean": 1.9, "node.memory": 1e6, "node.memory_peak": 312 * 2**20}
    told = run(1, environment=facts, usage=usage, metrics={"loss": 0.5})
    neroman = FakeNeroman(all_runs=FakeRunSet([told]), events=[])
    lines = {
        line.split()[0]: line.split(None, 1)[1]
        for line in said("status", "1", neroman=neroman).out.splitlines()
        if len(line.split()) > 1
    }
    assert lines["used"] == "1.9 cores on average, 312 MiB at most"
    assert lines["machine"] == "gpu1, 64 cores, AMD EPYC 7763, 256 GiB, 2 x A100, driver 535.104.05, load 3.1"
    assert lines["software"] == "Python 3.11.2, conda torch, modules gcc/12 cuda/12.1"
    assert lines["metrics"] == "loss 0.5000"
    bare = said("status", "1", neroman=FakeNeroman(all_runs=FakeRunSet([run(1)]), events=[])).out
    assert not {"used", "machine", "software"} & {
        line.split()[0] for line in bare.splitlines() if line.strip()
    }


def test_a_silent_run_and_a_vague_name_are_explained() -> None:
    neroman = FakeNeroman(all_runs=FakeRunSet([run(1), run(2)]))
    silent = said("logs", "1", "--stderr", neroman=neroman)
    assert (silent.code, silent.out) == (0, "")
    assert "has printed nothing to stderr yet: it is running" in silent.err
    vague = said("logs", "lang_exp1", neroman=neroman)
    assert vague.code == 2
    assert "names 2 runs, not one" in vague.err
    assert "1 (lang_exp1/hyperparamx=1)" in vague.err


def points_frame() -> pd.DataFrame:
    times = [1773500966.5, 1773500967.5, 1773500968.5]
    values = {"run": [1] * 3, "metric": ["loss", "acc", "loss"], "index": [0.0, 0.0, 1.0], "time": times}
    return pd.DataFrame({**values, "value": [2.0, 0.5, math.nan]})


def test_points_are_a_summary_every_value_json_or_csv() -> None:
    runs = FakeRunSet([run(1, metrics={"loss": math.nan, "acc": 0.5})], table=points_frame())
    neroman = FakeNeroman(all_runs=runs)
    summary = said("points", "1", neroman=neroman).out.splitlines()
    assert summary[1].split() == ["loss", "2", "2", "nan", "2", "2"]
    assert said("points", "1", "acc", neroman=neroman).out.split()[-1] == "0.5000"
    rows = json.loads(said("points", "1", "loss", "--json", neroman=neroman).out)
    assert rows == [
        {"run": 1, "metric": "loss", "index": 0.0, "time": "2026-03-14T15:09:26.500Z", "value": 2.0},
        {"run": 1, "metric": "loss", "index": 1.0, "time": "2026-03-14T15:09:28.500Z", "value": None},
    ]
    table = list(csv.reader(io.StringIO(said("points", "1", "--csv", neroman=neroman).out)))
    assert table[0] == ["run", "metric", "index", "time", "value"]
    assert len(table) == 4
    assert table[1][3] == "2026-03-14T15:09:26.500Z"
    unknown = said("points", "1", "los", neroman=neroman)
    assert unknown.code == 2
    assert "it has: loss, acc" in unknown.err


def results_set() -> FakeRunSet:
    runs = [ended(1, metrics={"loss": 0.25}), ended(2, states.FAILED, reason="exit code 1", metrics={})]
    started = datetime.fromtimestamp(1773500966.5, timezone.utc)
    rows = [[1, "a", started, 0.25, None], [2, "b", None, None, None]]
    return FakeRunSet(runs, table=Sheet(["number", "name", "started", "loss", "tags"], rows))


def test_results_show_what_differs_and_keep_the_text_of_parameters() -> None:
    runs = results_set()
    runs[0] = ended(1, parameters={"rate": "1e-3", "same": "x"}, metrics={"loss": 0.25})
    runs[1] = ended(2, states.FAILED, parameters={"rate": "010", "same": "x"})
    lines = said("results", neroman=FakeNeroman(all_runs=runs)).out.splitlines()
    assert lines[0].split() == ["#", "rate", "loss", "state", "time"]
    assert lines[1].split() == ["1", "1e-3", "0.2500", "✓", "finished", "5.0", "s"]
    assert lines[2].split() == ["2", "010", "✗", "failed", "5.0", "s"]


def test_results_go_to_json_csv_and_files_by_their_ending(tmp_path: Path) -> None:
    neroman = FakeNeroman(all_runs=results_set())
    rows = json.loads(said("results", "--json", neroman=neroman).out)
    first = {"number": 1, "name": "a", "started": "2026-03-14T15:09:26.500Z", "loss": 0.25, "tags": None}
    assert rows[0] == first
    assert rows[1] == {"number": 2, "name": "b", "started": None, "loss": None, "tags": None}
    table = said("results", "--csv", neroman=neroman).out
    lines = ["number,name,started,loss,tags", "1,a,2026-03-14T15:09:26.500Z,0.25,", "2,b,,,"]
    assert table.splitlines() == lines
    for ending, content in ((".csv", table), (".JSON", said("results", "--json", neroman=neroman).out)):
        file = tmp_path / f"results{ending}"
        assert "2 runs written to" in said("results", "-o", str(file), neroman=neroman).out
        assert file.read_text(encoding="utf-8") == content
    answer = said("results", "-o", str(tmp_path / "no" / "x.csv"), neroman=neroman)
    assert answer.code == 1
    assert "cannot be written: No such file" in answer.err
    assert "No runs yet" in said("results").out


def test_results_name_the_columns_a_narrow_terminal_has_no_room_for() -> None:
    metrics = {f"metric_number_{n}": float(n) for n in range(12)}
    answer = said(
        "results", neroman=FakeNeroman(all_runs=FakeRunSet([ended(1, metrics=metrics)])), terminal=True
    )
    assert max(map(len, answer.out.splitlines())) <= 80
    assert "metric_number_11" in answer.err
    assert "nerocli results -o results.csv" in answer.err


def test_history_is_a_table_the_last_events_or_json() -> None:
    events = [Event(n, NOW + n, 1, 1, "gpu1", "started", "", None, "lang_exp1") for n in range(60)]
    neroman = FakeNeroman(
        events=[*events, Event(61, NOW, None, None, "gpu1", "unreachable", "timed out", None, None)]
    )
    answer = said("history", neroman=neroman)
    assert len(answer.out.splitlines()) == 51
    assert "unreachable: timed out" in answer.out
    assert "the last 50; all: nerocli history --all" in answer.err
    rows = json.loads(said("history", "1", "--json", neroman=neroman).out)
    assert len(rows) == 61
    assert set(rows[0]) == {"time", "run", "attempt", "name", "node", "kind", "text", "data"}
    assert rows[0]["time"].endswith("Z")
    assert "Nothing has happened yet" in said("history").out


def test_history_fits_a_terminal_and_cuts_no_text_of_an_event() -> None:
    text = "a message to me@example.org could not be sent yet: nothing listens at 127.0.0.1:25 (is the port right?)"
    long = Event(
        1, NOW, 1, 1, "a_node_of_a_long_name", "problem", text, None, "lang_exp1/hyperparamx=34,hyperparamy=2"
    )
    answer = said("history", neroman=FakeNeroman(events=[long]), terminal=True)
    assert max(map(len, answer.out.splitlines())) <= 80
    shown = [
        line[line_start:] for line in answer.out.splitlines() if (line_start := answer.out.index("what"))
    ]
    assert " ".join(" ".join(shown).split()) == f"what problem: {text}"
    narrow = said("history", neroman=FakeNeroman(events=[long]), terminal=True, width=60)
    assert max(map(len, narrow.out.splitlines())) <= 60
    assert "Too narrow for run, node; all columns: nerocli history --json" in narrow.err


def test_history_is_narrowed_by_kind_and_node_and_tells_the_numbers_behind_a_text() -> None:
    fired = Event(1, NOW, 1, 1, "gpu1", "condition", "loss 67 > 50", {"value": 67.0}, "lang_exp1")
    neroman = FakeNeroman(events=[fired])
    row = json.loads(
        said("history", "--kind", "condition, failed", "--node", "gpu1", "--json", neroman=neroman).out
    )[0]
    assert (row["kind"], row["data"]) == ("condition", {"value": 67.0})
    asked = {"since": None, "kinds": ["condition", "failed"], "node": "gpu1", "last": None}
    assert ("history", None, asked) in neroman.calls
    neroman.events = []
    assert "Nothing of that has happened" in said("history", "--kind", "conditoin", neroman=neroman).out


def test_tags_and_notes_take_words_that_begin_with_a_minus() -> None:
    neroman = FakeNeroman()
    neroman.tag = lambda *given: neroman.calls.append(("tag", *given)) or FakeRunSet([])
    neroman.set_note = lambda *given: neroman.calls.append(("note", *given)) or FakeRunSet([run(1)])
    assert said("tag", "1-3", "-old", "+good", "new", neroman=neroman).code == 0
    assert ("tag", "1-3", ["good", "new"], ["old"]) in neroman.calls
    assert said("note", "1", "-3", "is", "too", "low", neroman=neroman).code == 0
    assert ("note", "1", "-3 is too low") in neroman.calls
