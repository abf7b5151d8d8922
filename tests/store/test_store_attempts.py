"""The life of an attempt: never backwards, ended only when all of it is here."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_tools import TOKEN, end, folder, new_run, records, submit

from neronet.store import Store
from neronet.wire.states import ENDED, RANKS, STATES


@pytest.fixture
def run(store: Store) -> int:
    return submit(store, "a")[0]


def test_an_end_is_shown_when_everything_has_arrived(store, run):
    assert store.attempts.report(run, 1, "running", started=5.0)
    assert store.attempts.report(run, 1, "failed", "exit code 3", exit_status=3, ended=9.0, sizes=[10, 0, 0])
    shown = store.runs.get(run)
    assert (shown.state, shown.reported_state) == ("running", "failed")
    assert (shown.reason, shown.exit_status, shown.started, shown.ended) == ("", None, 5.0, None)
    store.attempts.complete(run, 1)
    shown = store.runs.get(run)
    assert (shown.state, shown.reported_state) == ("failed", "failed")
    assert (shown.reason, shown.exit_status, shown.started, shown.ended) == ("exit code 3", 3, 5.0, 9.0)


def test_an_attempt_is_not_complete_before_its_end(store, run):
    store.attempts.report(run, 1, "running")
    with pytest.raises(ValueError, match="is running"):
        store.attempts.complete(run, 1)


def test_a_late_report_changes_no_state_but_fills_in_what_was_not_known(store, run):
    store.attempts.report(run, 1, "running", "", started=5.0, host="n1")
    assert not store.attempts.report(run, 1, "pending", "Priority", claimed=4.0, started=99.0, host="n2")
    known = store.attempts.get(run, 1)
    assert (known.state, known.reason, known.claimed, known.started, known.host) == (
        "running",
        "",
        4.0,
        5.0,
        "n1",
    )
    assert not store.attempts.report(run, 1, "nonsense")
    assert store.attempts.get(run, 1).state == "running"


def test_the_reason_of_a_state_may_change(store, run):
    store.attempts.report(run, 1, "pending", "Priority")
    assert not store.attempts.report(run, 1, "pending", "Resources")
    assert store.runs.get(run).reason == "Resources"


def test_a_run_that_was_believed_lost_is_corrected(store, run):
    end(store, run, state="lost", reason="the node was rebooted", ended=7.0)
    assert store.runs.get(run).state == "lost"
    assert store.attempts.unfinished() == []
    assert store.attempts.report(run, 1, "finished", exit_status=0, ended=8.0)
    assert store.runs.get(run).state == "lost"
    assert [attempt.run for attempt in store.attempts.unfinished()] == [run]
    store.attempts.complete(run, 1)
    shown = store.runs.get(run)
    assert (shown.state, shown.exit_status, shown.ended) == ("finished", 0, 8.0)
    assert not store.attempts.report(run, 1, "lost", "gone")
    assert store.runs.get(run).state == "finished"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([*STATES, "complete", "nonsense"]), max_size=20))
def test_whatever_is_reported_a_shown_state_never_goes_backwards(tmp_path_factory, reports):
    with Store(tmp_path_factory.mktemp("home")) as store:
        (run,) = submit(store, "a")
        before = store.runs.get(run)
        completed = False
        for word in reports:
            if word != "complete":
                store.attempts.report(run, 1, word)
            elif before.reported_state in ENDED:
                completed = True
                store.attempts.complete(run, 1)
            shown = store.runs.get(run)
            assert RANKS[shown.state] >= RANKS[before.state]
            assert RANKS[shown.reported_state] >= RANKS[before.reported_state]
            assert completed or shown.state not in ENDED
            if word == "complete" and completed:
                assert shown.state == shown.reported_state
            before = shown


def test_what_an_attempt_left_is_kept(store, run):
    outputs = [["model.pt", 10, 0], ["ä/\ud800", 1, 1]]
    store.attempts.report(run, 1, "running", host="n\ud800", gpus=[0, 3])
    store.attempts.report(run, 1, "finished", sizes=[1, 2, 3], outputs=outputs)
    known = store.attempts.get(run, 1)
    assert (known.host, known.gpus, known.sizes, known.outputs) == ("n?", [0, 3], [1, 2, 3], outputs)
    assert (known.token, known.idx, known.start, known.node, known.complete) == (TOKEN, 0, 1, "gpu1", False)
    assert store.attempts.get(run, 2) is None


def test_a_whole_batch_is_reported_at_once(store):
    runs = submit(store, "a", "b", "c")
    store.attempts.report(runs[1], 1, "running")
    store.attempts.report_batch(TOKEN, "queued", "3 before it")
    assert [(run.state, run.reason) for run in store.runs.find()] == [
        ("queued", "3 before it"), ("running", ""), ("queued", "3 before it")
    ]  # fmt: skip


def test_a_node_that_starts_a_run_again_makes_an_attempt_of_it(store, run):
    assert store.attempts.locate(TOKEN, 0) == (run, 1)
    assert store.attempts.locate(TOKEN, 0, 3) == (run, 3)
    assert store.attempts.locate(TOKEN, 0, 2) == (run, 2)
    assert store.attempts.locate(TOKEN, 0, 3) == (run, 3)
    shown = store.runs.get(run)
    assert (shown.attempt, shown.state) == (3, "queued")
    assert [(known.attempt, known.start) for known in store.attempts.of_run(run)] == [(1, 1), (2, 2), (3, 3)]


def test_what_is_not_of_ours_is_not_found(store, run):
    assert store.attempts.locate("f" * 16, 0) is None
    assert store.attempts.locate(TOKEN, 1) is None
    assert store.attempts.locate(TOKEN, 1, 2) is None


def test_a_rerun_is_not_mixed_up_with_what_the_first_node_starts_later(store, run):
    end(store, run, state="lost")
    assert store.attempts.add(run, "f" * 16, 4, "gpu2") == 2
    assert store.attempts.locate(TOKEN, 0, 2) is None
    assert store.attempts.locate("f" * 16, 4) == (run, 2)
    assert store.attempts.locate("f" * 16, 4, 2) == (run, 3)


def test_an_older_attempt_that_is_found_later_is_not_shown(store):
    with store.transaction(durable=True):
        (run,) = store.runs.add([new_run("a", number=5, attempt=2)], folder)
    assert store.attempts.add(run, "f" * 16, 0, "gpu2", attempt=1) == 1
    assert store.runs.get(run).attempt == 2
    assert [known.node for known in store.attempts.of_run(run)] == ["gpu2", "gpu1"]


def test_unfinished_attempts_are_listed_by_node(store):
    one, two = submit(store, "a", "b")
    store.attempts.add(one, "f" * 16, 0, "gpu2")
    end(store, two)
    assert [(known.run, known.attempt) for known in store.attempts.unfinished()] == [(one, 1), (one, 2)]
    assert [(known.run, known.attempt) for known in store.attempts.unfinished("gpu2")] == [(one, 2)]
    assert [known.run for known in store.attempts.of_batch(TOKEN)] == [one, two]


def test_an_ended_attempt_has_its_points_put_together(store, run):
    for begin in range(0, 2000, 50):
        store.points.add(run, 1, 0, records(range(begin, begin + 50), start=10 * begin))
    before = len(store.points.raw())
    end(store, run)
    assert before > 10
    assert len(store.points.raw()) == 1
    assert list(store.points.read(run, "loss").value) == list(range(2000))
