"""Nodes that are not there, or do not let us in: one sentence, nothing lost, and it goes on by itself once mended."""

from __future__ import annotations

import re
import time
from collections import Counter
from pathlib import Path

import pytest

from neronet import Neroman
from neronet.errors import InputError
from tests.bad_input.conftest import add, experiment, note, nothing_happened
from tests.e2e.cli import Cli
from tests.testbed.fixtures import NodeFactory
from tests.waiting import until

pytestmark = pytest.mark.real

SLOW = "run_command_prefix: sh\nmain_code_file: main.sh\n+slow: {}\n"
SWEEP_OF_SIX = (
    "run_command_prefix: sh\nmain_code_file: main.sh\n+lang:\n  parameters: {x: {from: 1, to: 6}}\n"
)


def test_an_unknown_node_is_refused_and_nothing_happens(neroman: Neroman, lang: Path) -> None:
    neroman.add_node("gpu1", "gpu1")
    with pytest.raises(InputError, match="there is no node or group gpu2") as raised:
        neroman.submit(lang, "gpu2")
    assert raised.value.hint == "did you mean gpu1?"
    with pytest.raises(InputError, match="no default node"):
        neroman.submit(lang)
    nothing_happened(neroman)


def test_a_node_that_is_away_gets_its_runs_when_it_is_back(
    cli: Cli, node_factory: NodeFactory, lang: Path
) -> None:
    node = node_factory("gpu1")
    node.unplug()
    options = node.ssh_options()
    said = cli("addnode", "gpu1", node.ssh_address(), "--identity-file", options["identity_file"],
               "--known-hosts", options["known_hosts"])  # fmt: skip
    assert "gpu1 is kept, but nothing can run there yet" in said
    assert "refused the connection" in said
    said = cli("submit", lang, "gpu1")
    assert "submitting: gpu1 does not answer; sent at the next contact" in said.replace("\n", " ")
    status = cli.json("status")
    assert {run["state"] for run in status["runs"]} == {"submitting"}
    assert all("gpu1 does not answer" in run["reason"] for run in status["runs"])
    node.plug()
    cli("fetch")
    until(lambda: {run["state"] for run in cli.json("status")["runs"]} == {"finished"})


@pytest.mark.parametrize("trouble", ["key", "changed", "unknown"])
def test_a_login_that_fails_says_why_and_is_tried_again_after_it_was_mended(
    trouble: str, neroman: Neroman, node_factory: NodeFactory, lang: Path, tmp_path: Path
) -> None:
    node, other = node_factory("gpu1"), tmp_path / "known_hosts"
    options = {**node.ssh_options(), "known_hosts": str(other)}
    good = node.known_hosts_line()
    texts = {
        "key": "does not let us in", "changed": "the host key has changed", "unknown": "the host key of .* is not known",
    }  # fmt: skip
    if trouble == "key":
        options = {**node.ssh_options(), "identity_file": str(node.lab.key("bob"))}
    elif trouble == "changed":
        words = good.split()
        strange = Path(str(node.lab.key("bob")) + ".pub").read_text().split()[1]
        other.write_text(f"{words[0]} {words[1]} {strange}\n")
    else:
        other.write_text("")
    neroman.add_node("gpu1", node.ssh_address(), ssh_options=options)
    runs = neroman.submit(lang, "gpu1", wait=1.0)
    until(lambda: runs[0].reason)
    assert runs.states == {"submitting": 2}
    until(lambda: re.search(texts[trouble], runs[0].reason), what=runs[0].reason)
    (check,) = neroman.doctor("gpu1")
    assert check.ok is False
    assert check.hint
    assert re.search(texts[trouble], check.text)
    time.sleep(2.0)  # what the doctor began may still come in
    tries = node.log().count("Connection from")
    time.sleep(2.0)
    assert node.log().count("Connection from") == tries, (
        "what only the user can mend is not tried again and again"
    )
    neroman.remove_node("gpu1", force=True)
    neroman.add_node("gpu1", node.ssh_address(), ssh_options=node.ssh_options())
    assert neroman.submit(lang, "gpu1", again=True).wait(30).states == {"finished": 2}


def test_a_host_key_that_the_user_confirms_is_the_end_of_the_question(
    neroman: Neroman, node_factory: NodeFactory, lang: Path, tmp_path: Path
) -> None:
    node = node_factory("gpu1")
    known = tmp_path / "known_hosts"
    known.write_text("")
    neroman.on_question(lambda question: "yes" if question.kind == "host_key" else None)
    neroman.add_node(
        "gpu1", node.ssh_address(), ssh_options={**node.ssh_options(), "known_hosts": str(known)}
    )
    assert neroman.submit(lang, "gpu1").wait(30).states == {"finished": 2}
    assert known.read_text().split()[2] == node.known_hosts_line().split()[2]


def test_a_group_shares_its_work_and_a_member_that_is_away_gets_none(
    neroman: Neroman, node_factory: NodeFactory, tmp_path: Path
) -> None:
    config = "run_command_prefix: sh\nmain_code_file: main.sh\n+many:\n  parameters: {x: {from: 1, to: 12}}\n"
    folder = experiment(tmp_path / "many", "sleep 0.05\n", config)
    one, two = node_factory("one"), node_factory("two")
    add(neroman, one, slots=1)
    add(neroman, two, slots=3)
    nodes = neroman.home / "nodes.yaml"
    nodes.write_text(nodes.read_text() + "groups: {pair: [one, two]}\n")
    runs = neroman.submit(folder, "pair")
    assert runs.notes == []
    assert Counter(run.node for run in runs) == {"one": 3, "two": 9}
    one.unplug()
    until(lambda: {"one": False}.items() <= {node.id: node.reachable for node in neroman.nodes()}.items())
    again = neroman.submit(folder, "pair", again=True)
    assert Counter(run.node for run in again) == {"two": 12}
    assert note(again) == "one does not answer and gets none of these runs"
    one.plug()
    assert neroman.runs().wait(60).states == {"finished": 24}


def test_a_group_that_nobody_has_spoken_to_yet_is_asked_before_it_gets_runs(
    neroman: Neroman, node_factory: NodeFactory, lang: Path
) -> None:
    add(neroman, node_factory("here"))
    neroman.add_node("gone", "127.0.0.1:1")
    nodes = neroman.home / "nodes.yaml"
    nodes.write_text(nodes.read_text() + "groups: {pair: [gone, here]}\n")
    runs = neroman.submit(lang, "pair").wait(30)
    assert {run.node for run in runs} == {"here"}
    assert runs.states == {"finished": 2}
    assert note(runs) == "gone does not answer and gets none of these runs"


def test_a_node_with_open_runs_is_not_forgotten_unless_it_is_meant(neroman: Neroman, lang: Path) -> None:
    neroman.add_node("gone", "127.0.0.1:1")
    runs = neroman.submit(lang, "gone", wait=0.5)
    before = (neroman.home / "nodes.yaml").read_text()
    with pytest.raises(InputError, match="2 runs on gone are not at their end") as raised:
        neroman.remove_node("gone")
    assert "--force" in raised.value.hint
    assert (neroman.home / "nodes.yaml").read_text() == before
    assert (
        raised.value.hint == "`nerocli terminate 1-2` ends them; `nerocli delnode gone --force` gives them up"
    )
    neroman.remove_node("gone", force=True)
    assert [(run.state, run.reason) for run in runs] == [("lost", "node gone was removed")] * 2
    with pytest.raises(InputError, match="there is no node gone"):
        neroman.remove_node("gone")


def test_runs_that_were_never_sent_to_a_silent_node_end_at_once_and_it_can_be_removed(
    neroman: Neroman, lang: Path
) -> None:
    neroman.add_node("gone", "127.0.0.1:1")
    runs = neroman.submit(lang, "gone", wait=0.5)
    assert neroman.terminate(runs[:1]).notes == []
    assert runs.states == {"submitting": 1, "terminated": 1}
    assert runs[0].reason.startswith("by ")
    assert runs[0].ended is not None
    began = time.monotonic()
    assert neroman.terminate(runs).notes == ["1 had ended before"]
    assert time.monotonic() - began < 2
    assert runs.states == {"terminated": 2}
    neroman.remove_node("gone")
    assert neroman.rerun(runs[:0]).numbers == ()


def test_who_cannot_end_runs_of_a_silent_node_is_told_how_to_give_them_up(
    neroman: Neroman, node_factory: NodeFactory, tmp_path: Path
) -> None:
    node = node_factory("gpu1")
    add(neroman, node)
    runs = neroman.submit(experiment(tmp_path / "slow", "sleep 60\n", SLOW), "gpu1")
    until(lambda: runs[0].state == "running")
    with pytest.raises(InputError, match="1 run on gpu1 is not at its end") as raised:
        neroman.remove_node("gpu1")
    assert (
        raised.value.hint == "`nerocli terminate 1` ends them; `nerocli delnode gpu1 --force` gives them up"
    )
    node.unplug()
    until(lambda: {each.id: each.reachable for each in neroman.nodes()}["gpu1"] is False)
    with pytest.raises(InputError) as raised:
        neroman.remove_node("gpu1")
    assert (
        "gpu1 does not answer, so they cannot be ended now; `nerocli delnode gpu1 --force`"
        in raised.value.hint
    )
    node.plug()
    neroman.terminate(runs)
    assert runs.wait(30).states == {"terminated": 1}


def test_whoever_is_first_ends_or_sends_a_run_and_never_both(neroman: Neroman, tmp_path: Path) -> None:
    folder = experiment(tmp_path / "lang", f"echo $2 >>{tmp_path / 'ran'}; exec sleep 30\n", SWEEP_OF_SIX)
    for turn in range(6):
        runs = neroman.submit(folder, "local", again=True, wait=0.0 if turn < 5 else 10.0)
        time.sleep(turn * 0.018)
        neroman.terminate(runs[:3])
        neroman.terminate(runs[3:])
        assert runs.wait(20).states == {"terminated": 6}
    assert {batch.state for batch in neroman.store.batches.find()} == {"tidied", "final"}  # both have won
    begun = {run.number for run in neroman.runs() if run.started is not None}
    ran = (tmp_path / "ran").read_text().split() if (tmp_path / "ran").exists() else []
    assert len(ran) <= len(begun)
    assert neroman.store.attempts.unfinished() == []


def test_a_group_is_not_a_node_to_be_removed_and_a_cluster_is(neroman: Neroman) -> None:
    neroman.add_node("gpu1", "gpu1")
    neroman.add_node("cluster", "cluster", type="gridengine")
    nodes = neroman.home / "nodes.yaml"
    nodes.write_text(nodes.read_text() + "groups: {pair: [gpu1]}\n")
    with pytest.raises(InputError, match="there is no node pair"):
        neroman.remove_node("pair")
    (check,) = neroman.doctor("cluster")
    assert check.ok is False
    assert check.subject == "connection"
    neroman.remove_node("cluster")
    assert "cluster" not in [node.id for node in neroman.nodes()]
