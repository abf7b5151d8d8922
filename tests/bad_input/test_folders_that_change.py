"""What users do to their folders and files while Neronet works with them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from neronet import Neroman
from neronet.errors import ConfigError, InputError
from tests.bad_input.conftest import CONFIG, MAIN, add, experiment, nothing_happened
from tests.e2e.cli import NEROCLI, Cli
from tests.testbed.fixtures import NodeFactory
from tests.waiting import until

ONE = "run_command_prefix: sh\nmain_code_file: main.sh\n+lang: {}\n"


@pytest.mark.slow
def test_a_configuration_that_changed_since_it_was_added_is_used_as_it_is_now(
    neroman: Neroman, lang: Path
) -> None:
    neroman.add_experiment(lang)
    (lang / "config.yaml").write_text(CONFIG.replace("[1, 2]", "[7, 8, 9]"))
    runs = neroman.submit("lang", "local")
    assert runs.notes == [f"{lang / 'config.yaml'} has changed since it was added; it is used as it is now"]
    assert [run.parameters["x"] for run in runs] == ["7", "8", "9"]
    assert neroman.submit("lang", "local").notes == ["3 of 3 were run before; --again runs them again"]
    runs.wait(20)


def test_a_configuration_that_was_broken_since_it_was_added_changes_nothing(
    neroman: Neroman, lang: Path
) -> None:
    neroman.add_experiment(lang)
    before = neroman.experiments()
    (lang / "config.yaml").write_text(CONFIG.replace("[1, 2]", "[1, 2") + "what: ever\n")
    with pytest.raises(ConfigError) as raised:
        neroman.submit("lang", "local")
    assert raised.value.problems[0].line in (4, 5, 6)
    assert "config.yaml" in str(raised.value)
    assert not len(neroman.runs())
    assert neroman.experiments() == before


def test_an_experiment_that_its_file_no_longer_has_is_refused(neroman: Neroman, lang: Path) -> None:
    neroman.add_experiment(lang)
    (lang / "config.yaml").write_text(CONFIG.replace("+lang", "+other"))
    with pytest.raises(InputError, match="no longer has the experiment lang") as raised:
        neroman.submit("lang", "local")
    assert raised.value.hint == "it has other"
    assert not len(neroman.runs())


def test_one_bad_folder_of_several_keeps_all_from_being_submitted(
    neroman: Neroman, lang: Path, tmp_path: Path
) -> None:
    bad = experiment(
        tmp_path / "bad", config=CONFIG.replace("+lang", "+bad").replace("main.sh", "missing.sh")
    )
    with pytest.raises((ConfigError, InputError), match=r"missing\.sh"):
        neroman.submit([lang, bad], "local")
    nothing_happened(neroman)


def test_too_many_runs_are_not_submitted_by_mistake(neroman: Neroman, tmp_path: Path) -> None:
    config = CONFIG.replace("[1, 2]", "{from: 1, to: 10001}")
    folder = experiment(tmp_path / "many", config=config)
    with pytest.raises(InputError, match="these are 10001 runs") as raised:
        neroman.submit(folder, "local")
    assert "--yes" in raised.value.hint
    nothing_happened(neroman)


@pytest.mark.slow
def test_the_same_id_in_two_folders_is_refused_by_name(neroman: Neroman, lang: Path, tmp_path: Path) -> None:
    neroman.add_experiment(lang)
    other = experiment(tmp_path / "other")
    for do in (lambda: neroman.submit(other, "local"), lambda: neroman.preview(other)):
        with pytest.raises(InputError, match=f"another experiment lang, in {lang}") as raised:
            do()
        assert "delexp lang" in raised.value.hint
    assert neroman.experiments()[0].folder == lang
    assert not len(neroman.runs())
    lang.rename(tmp_path / "moved")  # a folder that was moved is no other experiment
    assert neroman.submit(tmp_path / "moved", "local").wait(20).states == {"finished": 2}


@pytest.mark.slow
def test_a_file_where_a_results_folder_should_be_does_not_keep_other_runs_from_ending(
    neroman: Neroman, lang: Path, tmp_path: Path
) -> None:
    (neroman.home / "results").mkdir()
    (neroman.home / "results" / "lang").write_text("mine")
    other = experiment(tmp_path / "other", MAIN, CONFIG.replace("+lang", "+other"))
    runs = neroman.submit([lang, other], "local").wait(20)
    assert runs.states == {"finished": 4}
    assert (neroman.home / "results" / "lang").read_text() == "mine"
    assert (neroman.home / "results/other/x=1/out").read_text() == "x=1\n"
    said = [event.text for event in neroman.history("lang") if event.kind == "warning"]
    assert said
    assert all(str(neroman.home / "results") in text for text in said)


@pytest.mark.real
def test_files_that_are_edited_while_runs_wait_do_not_reach_them(
    neroman: Neroman, node_factory: NodeFactory, tmp_path: Path
) -> None:
    node = node_factory("gpu1")
    add(neroman, node)
    node.unplug()
    folder = experiment(tmp_path / "lang", "sha256sum main.sh data | cut -c -64\n", ONE, data=b"old")
    sums = subprocess.run(
        ["sha256sum", "main.sh", "data"], cwd=folder, capture_output=True, text=True, check=True
    ).stdout
    runs = neroman.submit(folder, "gpu1", wait=0.5)
    (folder / "main.sh").write_text("echo new code\n")
    (folder / "data").unlink()
    (folder / "config.yaml").write_text("broken")
    node.plug()
    neroman.fetch()
    assert runs.wait(30).states == {"finished": 1}
    assert runs.log().split() == [line.split()[0] for line in sums.splitlines()]


@pytest.mark.real
def test_a_large_file_that_changed_before_it_was_sent_fails_the_runs_and_is_named(
    neroman: Neroman, node_factory: NodeFactory, tmp_path: Path
) -> None:
    node = node_factory("gpu1")
    add(neroman, node)
    node.unplug()
    folder = experiment(tmp_path / "lang", config=CONFIG, data=b"x" * (11 * 2**20))
    runs = neroman.submit(folder, "gpu1", wait=0.5)
    with open(folder / "data", "ab") as file:
        file.write(b"more")
    node.plug()
    neroman.fetch()
    assert runs.wait(30).states == {"failed": 2}
    assert all(f"{folder / 'data'} was changed or removed" in run.reason for run in runs), runs[0].reason
    assert neroman.submit(folder, "gpu1").wait(30).states == {"finished": 2}
    assert neroman.store.batches.find(states=("sending", "accepted")) == []


@pytest.mark.slow
def test_two_commands_at_once_lose_and_double_nothing(cli: Cli, tmp_path: Path) -> None:
    folders = [experiment(tmp_path / name, MAIN, CONFIG.replace("+lang", f"+{name}").replace("[1, 2]", "{from: 1, to: 30}"))
               for name in ("one", "two")]  # fmt: skip
    processes = [
        subprocess.Popen(
            [NEROCLI, "submit", folder, "local"],
            env=cli.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for folder in folders * 2
    ]
    said = [process.communicate(timeout=60)[0].decode() for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, said
    runs = cli.json("status")["runs"]
    assert [run["number"] for run in runs] == list(range(1, 61)), said
    assert len({run["name"] for run in runs}) == 60
    assert not [run["name"] for run in runs if "@" in run["name"]]
    until(lambda: {run["state"] for run in cli.json("status")["runs"]} == {"finished"}, timeout=60)
    assert sum("30 of 30 were run before" in text for text in said) == 2
