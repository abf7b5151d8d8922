"""What a user changes of runs and nodes after the fact: notes, deletions, fields of nodes."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from neronet import Neroman
from neronet.errors import ConfigError, InputError
from neronet.transport.base import Question
from neronet.wire import states
from tests.bad_input.conftest import experiment
from tests.e2e.conftest import MakeNeroman
from tests.waiting import until

pytestmark = pytest.mark.slow

SWEEP = (
    "run_command_prefix: sh\nmain_code_file: main.sh\n+lang:\n  outputs: out\n  parameters: {x: [1, 2, 3]}\n"
)
ONE = "run_command_prefix: sh\nmain_code_file: main.sh\n+lang: {custom_msg: first}\n"


def test_a_note_is_changed_and_watchers_are_told(neroman: Neroman, tmp_path: Path) -> None:
    runs = neroman.submit(experiment(tmp_path / "lang", "true\n", ONE), "local").wait(20)
    assert runs[0].note == "first"
    told = threading.Event()
    runs.on_change(told.set)
    assert neroman.set_note("lang", "second \N{SNOWMAN}").numbers == runs.numbers
    assert told.wait(5)
    assert runs[0].note == "second \N{SNOWMAN}"
    assert runs.rows()[0].note == "second \N{SNOWMAN}"
    with pytest.raises(InputError):
        neroman.set_note("nothing", "x")


def test_deleted_runs_are_gone_with_their_results_and_never_come_back(
    make_neroman: MakeNeroman, tmp_path: Path
) -> None:
    neroman = make_neroman()
    go = tmp_path / "go"
    main = f"echo loss $2; echo x >out; [ $2 = 3 ] || exit 0; until [ -e {go} ]; do sleep 0.05; done\n"
    folder = experiment(tmp_path / "lang", main, SWEEP)
    runs = neroman.submit(folder, "local")
    until(lambda: runs.states.get("finished") == 2 and runs[2].metrics)
    one, two, three = runs
    with pytest.raises(InputError, match="lang/x=3 has not ended"):
        neroman.delete_runs("lang")
    assert len(neroman.runs()) == 3
    assert one.results.is_dir()
    first = neroman.runs(1)
    neroman.delete_runs("lang/x=1")
    assert not one.results.exists()
    assert [run.name for run in neroman.runs()] == ["lang/x=2", "lang/x=3"]
    assert list(first) == first.rows() == []
    with pytest.raises(InputError, match="run 1 was deleted"):
        first[0]
    assert [run.number for run in runs] == [2, 3]  # a set that was made before
    assert set(neroman.store.points.last([1, 2, 3])) == {2, 3}
    assert [event.text for event in neroman.history() if event.kind == "deleted"] == [
        "deleted by the user: lang/x=1"
    ]
    go.touch()
    assert neroman.runs().wait(20).states == {"finished": 2}
    neroman.fetch()
    neroman.close()
    again = make_neroman()
    again.fetch()
    assert again.recover("local").numbers == ()
    assert [run.number for run in again.runs()] == [2, 3]
    assert again.runs(3).frame()["loss"].tolist() == [3.0]
    again.delete_runs("lang")
    assert len(again.runs()) == 0
    new = again.submit(folder, "local").wait(20)  # none of them was run before, as far as is known
    assert new.numbers == (4, 5, 6)
    assert [run.name for run in new] == ["lang/x=1", "lang/x=2", "lang/x=3"]
    assert new.frame()["loss"].tolist() == [1.0, 2.0, 3.0]
    assert new[0].results == one.results
    assert two.results.is_dir() and three.results.is_dir()
    again.tidy()


def test_a_deleted_run_of_a_plain_experiment_leaves_its_sweep_alone(neroman: Neroman, tmp_path: Path) -> None:
    folder = experiment(tmp_path / "lang", "echo $2\n", ONE)
    plain = neroman.submit(folder, "local").wait(20)
    neroman.rerun(plain).wait(20)
    (folder / "config.yaml").write_text(SWEEP)
    sweep = neroman.submit(folder, "local").wait(20)
    folders = [run.results for run in sweep]
    neroman.rerun(sweep[:1]).wait(20)
    neroman.delete_runs("1")
    assert [run.results.parent.name for run in sweep] == ["lang"] * 3
    assert all(folder.is_dir() for folder in folders)  # also that of the first attempt
    assert sweep[0].results.is_dir()
    assert not (neroman.home / "results/lang/stdout.log").exists()
    assert not (neroman.home / "results/lang.attempt-2").exists()


def test_what_a_node_says_of_a_deleted_run_is_ignored(tmp_path: Path) -> None:
    from neronet.engine.collect import Collector
    from neronet.store import Store
    from tests.engine.model_node import TOKEN, submitted

    with Store(tmp_path) as store:
        submitted(store, 2)
        store.batches.set_state(TOKEN, "accepted", 0.0)
        collector = Collector(store, tmp_path, "gpu1", 1000, lambda: None)
        collector.follow(TOKEN)
        ended = (
            b'{"e":"ended","i":0,"a":1,"t":2.0,"state":"lost","reason":"gone","status":null,"started":1.0,'
            b'"ended":2.0,"sizes":[0,0,0],"outputs":[]}\n'
        )
        point = b'{"e":"p","i":0,"a":1,"t":3.0,"s":0,"v":[["loss",1.0,0,null]]}\n'
        other = point.replace(b'"i":0', b'"i":1')

        def journal(offset: int, data: bytes) -> None:
            collector.take(
                [
                    (
                        {"m": "journal", "token": TOKEN, "name": "k", "offset": offset, "reset": False},
                        data,
                    )
                ]
            )

        journal(0, ended)
        assert store.runs.find([1])[0].state == states.LOST
        store.runs.delete([1])
        late = ended.replace(b'"lost"', b'"finished"') + point + other
        journal(len(ended), late)
        assert [row.number for row in store.runs.find()] == [2]
        assert store.points.last() == {2: store.points.last()[2]}
        assert store.points.last()[2].values == {"loss": 1.0}
        assert store.attempts.of_run(1) == []
        assert store.events.find([1]) == []


def test_a_question_that_was_answered_elsewhere_is_taken_back(make_neroman: MakeNeroman) -> None:
    first, second = make_neroman(), make_neroman()
    withdrawn: list[str] = []
    shown, release = threading.Event(), threading.Event()

    def wait(_: Question) -> str:
        shown.set()
        release.wait(20)
        return "too late"

    first.on_question(wait, lambda question: withdrawn.append(question.text))
    second.on_question(lambda question: f"answer to {question.text}" if shown.wait(10) else None)
    first.engine_client.ensure()
    second.engine_client.ensure()
    engine = first.engine_client._engine
    assert engine is not None and engine._loop is not None
    until(lambda: len(engine._bell.clients) == 2)
    question = Question("code", "gpu1", "Code:", True)
    asked = asyncio.run_coroutine_threadsafe(engine._questions.ask(question), engine._loop)
    assert asked.result(10) == "answer to Code:"
    until(lambda: withdrawn == ["Code:"])
    release.set()


# -- nodes


NODES = """\
# the machines
nodes:
  gpu1:  # mine
    ssh_address: me@gpu1   # by name
    slots: 2  # not more
    setup:
      - module load cuda
      - true
    # a remark about the next one
  gpu2: {ssh_address: gpu2, slots: 4, owner: Ann}
groups:
  gpu: [gpu1, gpu2]
"""


@pytest.mark.parametrize(
    ("node", "changes", "old", "new"),
    [
        ("gpu1", {"slots": 3}, "slots: 2  # not more", "slots: 3  # not more"),
        ("gpu1", {"slots": None}, "    slots: 2  # not more\n", ""),
        ("gpu1", {"ssh_address": "gpu1:2222"}, "me@gpu1   # by", "'gpu1:2222'   # by"),
        ("gpu1", {"root": "/scratch"}, "      - true\n", "      - true\n    root: /scratch\n"),
        ("gpu1", {"setup": ["ml x"]}, "setup:\n      - module load cuda\n      - true", "setup: [ml x]"),
        ("gpu1", {"setup": None}, "    setup:\n      - module load cuda\n      - true\n", ""),
        ("gpu1", {"python": None}, "", ""),
        ("gpu2", {"slots": 8, "gpus": 1}, "slots: 4, owner: Ann}", "slots: 8, owner: Ann, gpus: 1}"),
        ("gpu2", {"owner": None, "slots": None}, ", slots: 4, owner: Ann", ""),
        ("local", {"slots": 1}, "owner: Ann}\n", "owner: Ann}\n  local:\n    slots: 1\n"),
        ("gpu2", {"env": {"A": "1"}}, "owner: Ann", "owner: Ann, env: {A: 1}"),
    ],
)
def test_fields_of_a_node_change_and_all_else_stays(
    neroman: Neroman, node: str, changes: dict[str, object], old: str, new: str
) -> None:
    path = neroman.home / "nodes.yaml"
    path.write_text(NODES)
    neroman.edit_node(node, **changes)
    assert path.read_text() == NODES.replace(old, new, 1)
    assert {each.id for each in neroman.nodes()} == {"gpu1", "gpu2", "local"}


def test_what_was_said_of_the_local_node_is_taken_back(neroman: Neroman) -> None:
    for text in ("nodes:\n  local:\n    slots: 1\n", "nodes: {local: {slots: 1}}\n", "nodes:\n  local:\n"):
        (neroman.home / "nodes.yaml").write_text(text)
        neroman.edit_node("local", slots=2)
        assert next(each for each in neroman.nodes() if each.id == "local").slots == 2
        neroman.edit_node("local", slots=None)
        assert [each.id for each in neroman.nodes()] == ["local"]


@pytest.mark.parametrize(
    ("node", "changes", "said"),
    [
        ("gpu3", {"slots": 1}, "there is no node 'gpu3'"),
        ("gpu1", {"slots": "many"}, "many"),
        ("gpu1", {"ssh_address": None}, "has no ssh_address"),
        ("gpu2", {"ssh_address": None, "slots": None, "owner": None}, "nothing would be left"),
        ("gpu1", {"ssh_address": "-oProxyCommand=x"}, "is not an address"),
    ],
)
def test_a_change_that_does_not_fit_leaves_the_file_alone(
    neroman: Neroman, node: str, changes: dict[str, object], said: str
) -> None:
    path = neroman.home / "nodes.yaml"
    path.write_text(NODES)
    with pytest.raises(InputError, match=said):
        neroman.edit_node(node, **changes)
    assert path.read_text() == NODES
    path.write_text("nodes: [")
    with pytest.raises(ConfigError):
        neroman.edit_node("local", slots=1)


def test_hosts_of_the_ssh_configuration_are_listed_without_patterns(
    neroman: Neroman, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert neroman.ssh_hosts() == []
    folder = tmp_path / ".ssh"
    folder.mkdir()
    (folder / "more").mkdir()
    (folder / "more/work").write_text("Host triton kosh\n  User me\nHost gpu1\nInclude ~/.ssh/config\n")
    (folder / "config").write_text(
        'Host *\n  User x\nhost=gpu1 gpu? *.example.org !bad "quoted"\nHost "unclosed\n'
        "Match host y\n  Include more/*\n# Host no\nHost last\nInclude nothing\n"
    )
    assert neroman.ssh_hosts() == ["gpu1", "quoted", "triton", "kosh", "last"]
