"""A node that is asked what it still has of a lost database, and lies."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from neronet import Neroman
from neronet.errors import NeronetError
from tests.hostile.liar import make

pytestmark = pytest.mark.slow

# `batch` and `runs` are what the node keeps, `items` what it lists.
FORGED = """\
node.hello()
home = node.until("hello")["home"]
token = "00112233aabbccdd"
batch = {"home": home, "place": "abc", "created": 1000.0, "experiment": "lang", "collections": [], "note": "",
         "manifest": "5" * 64, "runs": "6" * 64, "priority": 0, "token": token}
run = {"number": 900, "name": "forged", "attempt": 1, "argv": ["x"], "parameters": {"x": "1"}}
items = [{"token": token, "home": home, "place": "abc", "created": 1000.0}]
runs = [run]
LIE
node.until("list")
node.say("batches", items=items)
while True:
    message = node.until("read", "sync")
    if message["m"] == "read":
        data = json.dumps(batch).encode() if message["what"] == "batch" else b"".join(json.dumps(r).encode() + b"\\n" for r in runs)
        for start in range(0, len(data) + 1, 200000):
            part = data[start:start + 200000]
            node.say("content", part, what=message["what"], key=message["key"], offset=start, end=len(part) < 200000)
    else:
        node.say("synced", id=message["id"])
"""
LIES = {
    "a token of a path": 'items[0]["token"] = "../../../x"',
    "a token of a number": 'items[0]["token"] = 17',
    "a home of nobody": "items = [17]",
    "a time of nan": 'items[0]["created"] = float("nan")',
    "a batch of a list": "batch = [1]",
    "a batch without its runs": 'del batch["runs"]',
    "an experiment of a list": 'batch["experiment"] = ["x"]',
    "a priority of a float": 'batch["priority"] = 1.5',
    "a number as large as a number can be": 'run["number"] = 2**62',
    "a number of a float": 'run["number"] = 1.0',
    "a negative number": 'run["number"] = -1',
    "an attempt of a million": 'run["attempt"] = 10**6',
    "an argv of a text": 'run["argv"] = "rm -rf"',
    "an argv of numbers": 'run["argv"] = [1]',
    "parameters of a list": 'run["parameters"] = ["x"]',
    "parameters of numbers": 'run["parameters"] = {"x": 1}',
    "a name of a number": 'run["name"] = 7',
    "a run without a name": 'del run["name"]',
    "the same attempt twice": "runs = [run, dict(run, attempt=2), dict(run, attempt=2)]",
}


@pytest.fixture
def neroman(tmp_path: Path) -> Iterator[Neroman]:
    with Neroman(tmp_path / "home") as neroman:
        folder = tmp_path / "honest"
        folder.mkdir()
        (folder / "config.yaml").write_text("run_command_prefix: sh\nmain_code_file: main.sh\n+honest: {}\n")
        (folder / "main.sh").write_text("echo honest 1\n")
        assert neroman.submit(folder, "local").wait(30).states == {"finished": 1}
        yield neroman


def liar(neroman: Neroman, lie: str) -> str:
    name = f"liar{len(neroman.nodes())}"
    program = make(neroman.home.parent, name, FORGED.replace("LIE", lie))
    neroman.add_node(name, "", type="local", python=str(program))
    return name


def test_forged_submissions_are_refused_whole(neroman: Neroman) -> None:
    before = neroman.runs().rows()
    for lie, text in LIES.items():
        with pytest.raises(NeronetError, match="keeps a submission that cannot be read"):
            print(lie, neroman.recover(liar(neroman, text)))
        assert neroman.runs().rows() == before, lie
        assert len(neroman.store.batches.find()) == 1, lie
    with sqlite3.connect(f"file:{neroman.home / 'neronet.db'}?mode=ro", uri=True) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_true_story_is_believed(neroman: Neroman) -> None:
    (run,) = neroman.recover(liar(neroman, 'run["name"] = "../../up"'))
    assert (run.number, run.name, run.node, run.command) == (900, "../../up", "liar1", ("x",))
    assert run.results.resolve().is_relative_to(neroman.home / "results")


def test_a_node_cannot_take_over_runs_of_another(neroman: Neroman) -> None:
    (honest,) = neroman.runs("honest")
    (forged,) = neroman.recover(
        liar(neroman, f'run["number"], run["attempt"], run["name"] = {honest.number}, 2, "honest"')
    )
    assert forged.number != honest.number
    assert forged.name == "honest@2"
    assert neroman.runs("honest")[0] == honest


def test_submissions_of_other_homes_and_other_places_are_left_alone(neroman: Neroman) -> None:
    from neronet.engine.placement import place_of

    assert not neroman.recover(liar(neroman, 'items[0]["home"] = "somebody"'))
    assert not neroman.recover(liar(neroman, f'items[0]["place"] = "{place_of(neroman.home_id, "local")}"'))
