"""Nodes that lie: nothing leaves their results folder, nobody else suffers, each lie is told in one sentence."""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from neronet import Neroman
from neronet.engine.holder import holder
from neronet.wire import states
from tests.e2e.cli import Cli
from tests.hostile.liar import make
from tests.hostile.lies import LIES

pytestmark = pytest.mark.slow

CONFIG = """\
run_command_prefix: sh
main_code_file: main.sh
+{name}:
  outputs: '*'
"""
MEMORY = 250  # MiB that the engine's process may have had at most


@dataclass
class Field:
    """A user's home, an honest node and all liars at once, with one engine in a process of its own."""

    folder: Path
    neroman: Neroman
    names: dict[str, str] = field(default_factory=dict)  # lie -> id of its node and experiment
    before: dict[str, str] = field(default_factory=dict)
    pid: int = 0

    @property
    def home(self) -> Path:
        return self.neroman.home

    def experiment(self, name: str) -> Path:
        folder = self.folder / "experiments" / name
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text(CONFIG.format(name=name))
        (folder / "main.sh").write_text("echo honest 1\n")
        return folder

    def reason(self, lie: str) -> str:
        row = self.neroman.store.nodes.get(self.names[lie])
        return row.reason if row is not None else ""

    def said(self, lie: str) -> str:
        """All that its node ever made us say."""
        events = [event.text for event in self.neroman.history() if event.node == self.names[lie]]
        return "\n".join([self.reason(lie), *events])


def tree(folder: Path) -> dict[str, str]:
    """Path -> what is there, for everything but what the engine itself writes."""
    found = {}
    for place, folders, files in os.walk(folder):
        if Path(place).name in ("node", "experiments"):
            folders.clear()
            continue
        for name in [*folders, *files]:
            path = Path(place, name)
            if not re.match(r"neronet\.db|engine\.|neroman\.log|nodes\.yaml\.lock", name):
                plain = path.is_file() and not path.is_symlink()
                what = (
                    hashlib.sha256(path.read_bytes()).hexdigest()
                    if plain
                    else os.readlink(path)
                    if path.is_symlink()
                    else ""
                )
                found[str(path.relative_to(folder))] = what
    return found


@pytest.fixture(scope="module")
def liars(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "outside").mkdir()
    (folder / "outside/secret").write_text("a secret")
    with Neroman(folder / "home", background=True) as neroman:
        found = Field(folder, neroman)
        honest = neroman.submit(found.experiment("honest"), "local").wait(30)
        assert honest.states == {"finished": 1}
        found.pid = holder(neroman.home).pid  # type: ignore[union-attr]
        for number, (lie, (text, _)) in enumerate(LIES.items()):
            name = found.names[lie] = f"liar{number}"
            program = make(folder, name, text.replace("OUTSIDE", str(folder / "outside")[1:]))
            neroman.add_node(name, "", type="local", python=str(program), slots=1)
            found.experiment(name)
        found.before = tree(folder)
        for name in found.names.values():
            neroman.submit(folder / "experiments" / name, name, wait=0.0)
        end = time.monotonic() + 60
        while time.monotonic() < end and not all(ready(found, lie) for lie in LIES):
            time.sleep(0.2)
        yield found
        neroman.stop_engine()


def ready(found: Field, lie: str) -> bool:
    """Whether the lie has had its effect."""
    text, sentence = LIES[lie]
    if sentence:
        return re.search(sentence, found.said(lie)) is not None
    if "outputs(" in text or "reason=E" in text:
        return bool(found.neroman.runs(found.names[lie]).states.keys() & states.ENDED)
    row = found.neroman.store.nodes.get(found.names[lie])
    return row is not None and bool(row.reachable)


def test_no_lie_writes_outside_of_its_results_folder(liars: Field) -> None:
    mine = tuple(f"home/results/{name}" for name in liars.names.values())
    after = {
        path: what for path, what in tree(liars.folder).items() if not path.startswith((*mine, "home/files"))
    }
    before = {path: what for path, what in liars.before.items() if not path.startswith("home/files")}
    assert after == before
    assert not [path for path in liars.home.rglob("*") if path.is_symlink()]
    assert not [path for path in Path(liars.folder).rglob("*escape*") if "results/liar" not in str(path)]


def test_no_lie_ends_the_engine_or_takes_much_memory(liars: Field) -> None:
    now = holder(liars.home)
    assert now is not None
    assert now.pid == liars.pid
    peak = int(re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{liars.pid}/status").read_text())[1]) // 1024  # type: ignore[index]
    print(f"the engine of {len(LIES)} hostile nodes had {peak} MiB at most")
    assert peak < MEMORY
    log = (liars.home / "neroman.log").read_text()
    assert "Traceback" not in log, log


def test_an_honest_node_goes_on_beside_them(liars: Field) -> None:
    assert liars.neroman.submit("honest", "local", again=True).wait(30).states == {"finished": 1}


def test_the_store_is_whole(liars: Field) -> None:
    with sqlite3.connect(f"file:{liars.home / 'neronet.db'}?mode=ro", uri=True) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    honest = liars.neroman.runs("honest")
    assert set(honest.states) == {"finished"}
    assert honest[0].metrics == {"honest": 1.0}
    assert len(liars.neroman.runs("liar*")) == len(LIES)
    assert liars.neroman.runs().frame().shape[0] == len(liars.neroman.runs())


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_ignored_or_ends_its_connection_with_a_sentence(lie: str, liars: Field) -> None:
    _, sentence = LIES[lie]
    if sentence:
        assert re.search(sentence, liars.said(lie)), liars.said(lie)
        assert "an error in Neronet" not in liars.said(lie), liars.said(lie)
    else:
        assert liars.neroman.store.nodes.get(liars.names[lie]).reachable, liars.said(lie)  # type: ignore[union-attr]


def test_no_bad_name_becomes_a_file_but_all_good_ones(liars: Field) -> None:
    def files(lie: str) -> list[str]:
        folder = liars.home / "results" / liars.names[lie]
        found = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
        return sorted(path for path in found if not path.startswith(".part-"))

    for lie in (
        "an absolute path",
        "a way up",
        "a way to other results",
        "names of Windows",
        "names of control signs",
        "an endless name",
    ):
        assert files(lie) == [], lie
        assert liars.neroman.runs(liars.names[lie]).states == {"finished": 1}, lie
    assert files("names of our own") == ["output-stdout.log"]
    assert len(files("a file where a folder is")) == 1
    assert files("ten gigabytes announced") == []


def test_what_they_say_cannot_steer_a_terminal(liars: Field) -> None:
    cli = Cli(liars.home)
    name = liars.names["texts that steer a terminal"]
    facts = liars.names["facts that are none"]
    for other in set(liars.names.values()) - {name, facts}:  # nobody waits for these any more
        liars.neroman.remove_node(other, force=True)
    commands = (
        ["status"], ["status", "nodes"], ["status", name], ["history", name], ["doctor", name], ["doctor", facts],
        ["status", facts], ["logs", name],
    )  # fmt: skip
    for command in commands:
        done = cli.run(*command)
        said = done.stdout + done.stderr
        assert "Traceback" not in said and "has a fault" not in said, said
        if command[0] != "logs":  # a log goes into a file or a pipe as it is
            assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", said), (command, said)
    assert "<script>" in cli.run("history", name).stdout  # shown, as text
    log = (liars.home / "results" / name / "stdout.log").read_bytes()
    assert b"\x1b" in log  # a log stays what it was
