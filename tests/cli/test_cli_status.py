"""What `status` and `fetch` say."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

from neronet.wire import states
from tests.cli.fakes import (
    NOW,
    FakeNeroman,
    FakeRunSet,
    ended,
    experiment,
    many,
    node,
    run,
    said,
)


def test_status_fits_a_screen_and_shows_what_runs_and_what_failed() -> None:
    neroman = FakeNeroman(
        all_nodes=[node("local"), *(node(f"gpu{n}") for n in range(30))],
        all_experiments=[experiment(f"exp{n}", 5, states={"queued": 5}) for n in range(30)],
        all_runs=many(),
    )
    for height in (24, 50):
        answer = said("status", neroman=neroman, terminal=True, height=height)
        lines = answer.out.splitlines()
        assert len(lines) < height
        assert max(map(len, lines)) <= 80
        assert lines[0].split()[:2] == ["504", "runs"]
        assert "✗ failed: exit code 3" in answer.out
        assert answer.out.count("▶ running") == 2
        assert "nerocli status --all" in answer.out
        assert "nerocli status nodes" in answer.out
    everything = said("status", "--all", neroman=neroman, terminal=True).out
    assert everything.count("○ queued") == 500
    assert "--all" not in everything


def test_status_without_experiments_says_how_to_begin() -> None:
    answer = said("status")
    assert answer.code == 0
    assert "local" in answer.out
    assert "next: nerocli demo" in answer.out


def test_status_asks_nodes_that_are_named_and_were_not_heard_of_for_ten_seconds() -> None:
    fresh = node("gpu3", last_seen=time.time() + 60)
    neroman = FakeNeroman(all_nodes=[node("gpu1", last_seen=NOW - 60), node("gpu2", last_seen=None), fresh])
    assert said("status", "gpu1", neroman=neroman).code == 0
    assert ("fetch", 3.0, ["gpu1"]) in neroman.calls
    neroman.calls.clear()
    assert said("status", "gpu3", neroman=neroman).code == 0
    assert "fetch" not in {call[0] for call in neroman.calls}
    said("status", "nodes", neroman=neroman)
    assert ("fetch", 3.0, ["gpu1", "gpu2"]) in neroman.calls


def test_status_of_a_node_tells_its_facts_and_its_runs() -> None:
    gpu = node("gpu1", groups=("gpu",), gpus=({"index": 0, "name": "A100"},), used=1)
    neroman = FakeNeroman(all_nodes=[gpu, node("gpu2")], all_runs=FakeRunSet([run(1), run(2, node="gpu2")]))
    out = said("status", "gpu1", neroman=neroman).out
    for words in (
        "gpu1   ready",
        "groups   gpu",
        "1 of 2 busy",
        "8.0 GiB free of 16 GiB",
        "0: A100",
        "hyperparamx=1",
    ):
        assert words in out
    assert "want a core" in out  # nobody has to know what a load is
    assert "hyperparamx=2" not in out


def test_an_unreachable_node_says_since_when_and_why() -> None:
    silent = node("gpu1", reachable=False, last_seen=time.time() - 185, reason="connection refused")
    out = said("status", "nodes", neroman=FakeNeroman(all_nodes=[silent, node("new", reachable=None)])).out
    assert "last seen 3 min ago: connection refused" in out
    assert "not asked yet" in out


def test_status_of_a_run_tells_all_and_cuts_nothing(tmp_path: Path) -> None:
    (tmp_path / "stdout.log").write_text("".join(f"line {n}\n" for n in range(30)))
    (tmp_path / "stderr.log").write_text("Traceback\n\x1b[2JValueError: no\n")
    command = ("python3", "main.py", "a value with blanks", "x" * 100)
    failed = ended(
        7, states.FAILED, reason="exit code 1", results=tmp_path, command=command, metrics={"loss": math.nan}
    )
    neroman = FakeNeroman(all_runs=FakeRunSet([failed]))
    out = said("status", "7", neroman=neroman, terminal=True).out
    assert f"python3 main.py 'a value with blanks' {'x' * 100}" in out
    assert str(tmp_path) in out
    for words in (
        "✗ failed: exit code 1",
        "loss nan",
        "last lines of stderr",
        "ValueError: no",
        "next: nerocli rerun 7",
    ):
        assert words in out
    assert "\x1b[2J" not in out
    finished = FakeNeroman(all_runs=FakeRunSet([ended(7, results=tmp_path)]))
    out = said("status", "7", neroman=finished).out
    assert "line 29" in out
    assert "line 19" not in out


def test_status_of_an_experiment_says_where_its_data_is() -> None:
    runs = FakeRunSet([ended(1), run(2)])
    neroman = FakeNeroman(
        all_runs=runs, all_experiments=[experiment("lang_exp1", 2, states={"running": 1, "finished": 1})]
    )
    out = said("status", "lang_exp1", neroman=neroman).out
    assert "results are in /nowhere/results/lang_exp1" in out
    assert "✓ finished" in out
    fresh = FakeNeroman(all_experiments=[experiment("lang_exp1", 2)])
    assert "next: nerocli submit lang_exp1 NODE" in said("status", "lang_exp1", neroman=fresh).out


def test_status_json_is_what_neroman_says_with_null_for_nan() -> None:
    neroman = FakeNeroman()
    neroman.status = lambda name: {"runs": [{"metrics": {"x": math.nan}}], "nodes": [], "experiments": []}  # type: ignore
    answer = said("status", "--json", neroman=neroman)
    assert json.loads(answer.out) == {"runs": [{"metrics": {"x": None}}], "nodes": [], "experiments": []}
    assert list(json.loads(said("status", "nodes", "--json").out)) == ["nodes"]


def test_fetch_fails_only_when_nobody_answers() -> None:
    silent = node("gpu1", reachable=False, reason="timed out")
    neroman = FakeNeroman(
        all_nodes=[silent, node("gpu2")], all_runs=FakeRunSet([run(1, node="gpu1"), run(2, node="gpu2")])
    )
    answer = said("fetch", neroman=neroman)
    assert answer.code == 0
    assert "gpu1 does not answer: timed out" in answer.err
    assert "Everything is here from the nodes that answer." in answer.out
    neroman.all_runs = FakeRunSet([run(1, node="gpu1")])
    assert said("fetch", neroman=neroman).code == 1
