"""Runs, their numbers and names, and what was run before."""

from __future__ import annotations

from store_tools import SNAPSHOT, end, folder, new_run, records, submit, undone

from neronet.store.runs import point_key


def test_numbers_ascend_in_the_order_of_the_submission(store):
    assert submit(store, "a", "b", "c") == [1, 2, 3]
    assert submit(store, "d", token="f" * 16) == [4]
    assert [run.name for run in store.runs.find()] == ["a", "b", "c", "d"]


def test_a_run_comes_back_as_it_was_submitted(store):
    parameters = {"lr": "1e-3", "text": "ä\n'\"\ud800"}
    argv = ("python", "main.py", "", "ü\x00")
    with store.transaction(durable=True):
        (number,) = store.runs.add(
            [new_run("exp/lr=1e-3", 4, parameters=parameters, argv=argv, note="a note", priority=3)], folder
        )
    run = store.runs.get(number)
    assert run.parameters == parameters
    assert run.argv == argv
    assert (run.name, run.experiment, run.collections, run.snapshot) == (
        "exp/lr=1e-3",
        "lang",
        ("group",),
        SNAPSHOT,
    )
    assert (run.note, run.priority, run.submitted, run.results) == (
        "a note",
        3,
        1000.0,
        "results/exp/lr=1e-3",
    )
    assert (run.node, run.token, run.idx, run.attempt) == ("gpu1", "0123456789abcdef", 4, 1)
    assert (run.state, run.reported_state, run.reason) == ("submitting", "submitting", "")
    assert (run.exit_status, run.started, run.ended) == (None, None, None)


def test_a_name_that_is_taken_gets_a_number_of_its_own(store):
    submit(store, "a", "a", "b")
    submit(store, "a", "b", "a@2", token="f" * 16)
    names = [run.name for run in store.runs.find()]
    assert names == ["a", "a@2", "b", "a@3", "b@2", "a@2@2"]
    assert [run.results for run in store.runs.find()] == [f"results/{name}" for name in names]


def test_names_that_only_look_alike_do_not_count(store):
    submit(store, "a@7", "A", "a", "ab", "a@x", "a%_")
    submit(store, "a", "a%_", token="f" * 16)
    assert [run.name for run in store.runs.find()][-2:] == ["a@2", "a%_@2"]


def test_a_submission_is_stored_whole_or_not_at_all(store):
    submit(store, "a")
    with undone(store, durable=True):
        store.runs.add([new_run("b", 0, "f" * 16)], folder)
    assert [run.name for run in store.runs.find()] == ["a"]
    assert submit(store, "c", token="f" * 16) == [2]


def test_a_rebuilt_run_gets_its_number_back_unless_another_has_it(store):
    submit(store, "new")
    runs = [new_run("old", 0, "f" * 16, number=17, attempt=2), new_run("older", 1, "f" * 16, number=1)]
    with store.transaction(durable=True):
        assert store.runs.add(runs, folder) == [17, 18]
    assert store.runs.get(17).attempt == 2
    assert submit(store, "next", token="e" * 16) == [19]


def test_what_was_run_before_is_found_by_one_question(store):
    numbers = submit(store, *map(str, range(50)))
    keys = [run.point_key for run in store.runs.find()]
    assert len(set(keys)) == 50
    with store.transaction(durable=True):
        (again,) = store.runs.add([new_run("7", 7, "f" * 16)], folder)
    other = point_key("lang", {"x": "7"}, ("python", "7"), "6" * 64)
    assert store.runs.ran_before([other]) == {}
    found = store.runs.ran_before([*keys, other])
    assert {key: run.number for key, run in found.items()} == {
        **dict(zip(keys, numbers, strict=True)), keys[7]: again
    }  # fmt: skip


def test_a_run_is_the_same_when_experiment_parameters_command_and_files_are():
    same = ("lang", {"x": "1", "y": "2"}, ("a", "b"), SNAPSHOT)
    assert point_key(*same) == point_key("lang", {"y": "2", "x": "1"}, ("a", "b"), SNAPSHOT)
    others = [
        ("other", {"x": "1", "y": "2"}, ("a", "b"), SNAPSHOT),
        ("lang", {"x": "2", "y": "1"}, ("a", "b"), SNAPSHOT),
        ("lang", {"x": "1", "y": "2"}, ("a b",), SNAPSHOT),
        ("lang", {"x": "1", "y": "2"}, ("a", "b"), "6" * 64),
        ("lang", {"x": "\ud800"}, ("ä",), SNAPSHOT),
    ]
    assert len({point_key(*what) for what in [same, *others]}) == 6


def test_some_runs_are_found_by_their_numbers_in_order(store):
    submit(store, "a", "b", "c")
    assert [run.number for run in store.runs.find([3, 1, 99])] == [1, 3]
    assert store.runs.find([]) == []
    assert store.runs.get(99) is None


def test_a_priority_is_changed(store):
    numbers = submit(store, "a", "b")
    store.runs.set_priority(numbers[:1], 5)
    assert [run.priority for run in store.runs.find()] == [5, 0]


def test_a_reader_is_told_which_runs_changed(store):
    one, two, three = submit(store, "a", "b", "c")
    now, changed = store.runs.changed_since(0)
    assert changed == [one, two, three]
    assert store.runs.changed_since(now) == (now, [])
    store.points.add(two, 1, 0, records([1.0]))
    then, changed = store.runs.changed_since(now)
    assert changed == [two]
    with store.transaction():
        store.attempts.report(one, 1, "running")
        store.points.add(three, 1, 0, records([1.0]))
    last, changed = store.runs.changed_since(then)
    assert changed == [one, three]
    assert store.runs.changed_since(now) == (last, [one, two, three])
    store.runs.set_priority([two], 1)
    assert store.runs.changed_since(last)[1] == [two]


def test_points_that_were_known_change_nothing(store):
    (run,) = submit(store, "a")
    store.points.add(run, 1, 0, records([1.0]))
    now, _ = store.runs.changed_since(0)
    store.points.add(run, 1, 0, records([1.0]))
    assert store.runs.changed_since(now) == (now, [])


def test_a_run_shows_its_last_attempt(store):
    (run,) = submit(store, "a")
    end(store, run, exit_status=3, reason="exit code 3", state="failed", ended=9.0)
    assert store.runs.get(run).state == "failed"
    store.attempts.add(run, "f" * 16, 5, "gpu2")
    shown = store.runs.get(run)
    assert (shown.attempt, shown.state, shown.node, shown.token, shown.idx) == (
        2,
        "submitting",
        "gpu2",
        "f" * 16,
        5,
    )
    assert (shown.exit_status, shown.reason, shown.started, shown.ended) == (None, "", None, None)


def test_an_event_is_news_also_when_the_last_run_was_deleted(store):
    (run,) = submit(store, "a")
    store.events.add(1.0, "failed", "exit code 3", run=run, attempt=1)
    seen = store.outbox.last_event()
    store.runs.delete([run])
    (again,) = submit(store, "a", token="1" * 16)
    store.events.add(2.0, "failed", "exit code 4", run=again, attempt=1)
    assert [event.text for event in store.events.find(after=seen)] == ["exit code 4"]
