"""What users are promised wherever runs are started: on this machine, on one reached by SSH, by Slurm, by Grid Engine,
by a scheduler of which Neronet knows three commands.  The same tests for each."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from neronet import Neroman
from neronet.api import RunSet
from neronet.errors import InputError
from tests.cluster.clusters import COUNTS, sweep, told, until, wait
from tests.cluster.places import EXAMPLE, OWN, Place, command
from tests.testbed.fixtures import NodeFactory

pytestmark = pytest.mark.real


def counts(runs: RunSet) -> list[int]:
    return [run.points.get("n", 0) for run in runs]


def is_whole(runs: RunSet) -> bool:
    """Whether every point of each run came once and in order."""
    points = runs.points("n")
    each = [list(points[points["run"] == run.number]["value"]) for run in runs]
    return all(values == [float(n + 1) for n in range(len(values))] for values in each)


def test_a_sweep_comes_back_as_one_frame(place: Place, neroman: Neroman, tmp_path: Path) -> None:
    place.add(neroman)
    more = "outputs: out/*.txt\nenv: {GREETING: 'a b $HOME é'}\nsetup: ['export SET=up']\n"
    script = 'echo loss 0.$1\nprintf "%s %s" "$GREETING" $SET >&2\nmkdir out; cp data.txt out/\nexit $(( $1 == 3 ))\n'
    folder = sweep(tmp_path / "s", script, 10, more=more)
    (folder / "data.txt").write_text("data\n")
    runs = neroman.submit(folder, place.id)
    assert wait(runs) == {"finished": 9, "failed": 1}
    frame = runs.frame()
    assert list(frame["loss"]) == [float(f"0.{n}") for n in range(1, 11)]
    assert list(frame["reason"]) == ["exit code 1" if n == 3 else "" for n in range(1, 11)]
    for run in runs:
        assert (run.results / "stderr.log").read_text() == "a b $HOME é up"
        assert (run.results / "out/data.txt").read_text() == "data\n"
    assert sorted(place.starts(), key=int) == [str(n) for n in range(1, 11)]
    assert place.submits() in (None, 1), "a sweep is one job"
    assert place.gateway is None or not place.gateway.processes("nerokid"), "runs are on the login node"
    assert not list(neroman.submit(folder, place.id, wait=0.0)), "what was run is not run again"
    assert wait(neroman.rerun(runs, failed=True)) == {"failed": 1}
    assert [row.state for row in neroman.store.attempts.of_run(3)] == ["failed", "failed"]


def test_a_setup_line_that_fails_is_named(place: Place, neroman: Neroman, tmp_path: Path) -> None:
    place.add(neroman)
    runs = neroman.submit(sweep(tmp_path / "s", "echo 1\n", more="setup: ['true', '(exit 3)']\n"), place.id)
    assert wait(runs) == {"failed": 1}
    assert [run.reason for run in runs] == ["setup line 2: (exit 3) (exit code 3)"]
    assert place.starts() == []


def test_a_run_is_ended_at_its_time_limit(place: Place, neroman: Neroman, tmp_path: Path) -> None:
    place.add(neroman)
    runs = neroman.submit(sweep(tmp_path / "s", "echo a 1\nsleep 100\n", more="time: 2 seconds\n"), place.id)
    assert wait(runs) == {"timeout": 1}
    assert [run.metrics for run in runs] == [{"a": 1.0}]


def test_all_that_a_run_has_started_is_ended_with_it(place: Place, neroman: Neroman, tmp_path: Path) -> None:
    place.add(neroman)
    script = f"trap '' TERM\nsetsid sleep {place.mark} &\nsleep {place.mark}\n"
    runs = neroman.submit(sweep(tmp_path / "s", script, 12, more="grace: 1\n"), place.id)
    until(lambda: runs.states.get("running") == place.slots, lambda: told(runs))
    until(lambda: len(place.marked()) >= 2 * place.slots, place.marked)
    neroman.terminate(runs)
    assert wait(runs, 30) == {"terminated": 12}
    assert not place.marked()
    assert len(place.starts()) == place.slots


def test_runs_that_are_held_wait_until_they_are_released(
    place: Place, neroman: Neroman, tmp_path: Path
) -> None:
    place.add(neroman)
    runs = neroman.submit(sweep(tmp_path / "s", COUNTS, place.slots + 2), place.id)
    until(lambda: runs.states.get("running") == place.slots, lambda: told(runs))
    held = neroman.hold([run.number for run in runs if run.state == "queued"])
    until(lambda: {run.reason for run in held} == {"held"}, lambda: [run.reason for run in held])
    place.run("touch stop")
    until(lambda: runs.states.get("finished") == place.slots, lambda: told(runs))
    assert held.states == {"queued": 2}, told(runs)
    neroman.release(held)
    assert wait(runs) == {"finished": place.slots + 2}
    assert len(place.starts()) == place.slots + 2


def test_a_watcher_that_is_killed_is_followed_by_another(
    place: Place, neroman: Neroman, tmp_path: Path
) -> None:
    place.add(neroman)
    script = f"sleep {place.mark} &\n{COUNTS}kill $!\nexit 7\n"
    runs = neroman.submit(sweep(tmp_path / "s", script), place.id)
    until(lambda: min(counts(runs)) > 5, lambda: told(runs))
    os.kill(place.watcher_of(next(iter(place.marked()))), signal.SIGKILL)
    [before] = counts(runs)
    until(lambda: min(counts(runs)) > before + 10, "its points come no more")
    place.run("touch stop")
    assert wait(runs) == {"failed": 1}
    assert [run.reason for run in runs] == ["exit code 7"] and place.starts() == ["1"]
    assert is_whole(runs) and [run.attempt for run in runs] == [1]


def test_runs_go_on_without_a_connection(place: Place, tmp_path: Path) -> None:
    with Neroman(tmp_path / "home") as neroman:
        place.add(neroman)
        runs = neroman.submit(sweep(tmp_path / "s", COUNTS, 2), place.id)
        until(lambda: min(counts(runs)) > 3, lambda: told(runs))
    if place.gateway is not None:
        until(lambda: not place.gateway.processes("nero"), "something of ours stays on the login node")
    place.run("touch stop")
    with Neroman(tmp_path / "home") as neroman:
        assert wait(neroman.runs()) == {"finished": 2}
        assert is_whole(neroman.runs()) and sorted(place.starts()) == ["1", "2"]


def test_an_adapter_of_another_package_is_sent_along(
    node_factory: NodeFactory, neroman: Neroman, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the example was installed: its module, and what an installer writes of its entry points."""
    project = (EXAMPLE / "pyproject.toml").read_text()
    [(group, name, module)] = re.findall(r'entry-points\."(.+)"\]\n(\w+) = "(\w+)"', project)
    info = tmp_path / "site/neronet_tsp-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: neronet-tsp\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {module}\n")
    with pytest.raises(InputError, match="'tsp' is unknown here"):
        neroman.add_node("other", "x", type="tsp")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.syspath_prepend(str(EXAMPLE))
    place = command(node_factory())
    place.fields = {**{k: v for k, v in place.fields.items() if k not in OWN}, "type": "tsp"}
    place.add(neroman)
    runs = neroman.submit(sweep(tmp_path / "s", COUNTS, 6), place.id)
    until(lambda: runs.states.get("running") == place.slots, lambda: told(runs))
    neroman.terminate(runs[4:])
    place.run("touch stop")
    assert wait(runs) == {"finished": 4, "terminated": 2}
    assert len(place.starts()) == 4 and is_whole(runs)


NASTY = [
    "$(touch hit)",
    "`touch hit`",
    "a b",
    "'",
    '"',
    "\\",
    "é\n#SBATCH --wrap=x",
    "; touch hit",
    "-x",
    "%s",
    "*",
]


def test_values_reach_the_program_as_they_are(place: Place, neroman: Neroman, tmp_path: Path) -> None:
    place.add(neroman)
    folder = sweep(tmp_path / "s", 'printf "%s" "$2" >&2\n')
    quoted = ", ".join("'" + value.replace("'", "''").replace("\n", "\n\n") + "'" for value in NASTY)
    config = (folder / "config.yaml").read_text()
    config = config.replace("'{x}'", "'{x} {text}'").replace(
        "parameters:", f"parameters:\n    text: [{quoted}]"
    )
    (folder / "config.yaml").write_text(f"custom_msg: '$(touch hit)'\n{config}")
    runs = neroman.submit(folder, place.id)
    assert wait(runs) == {"finished": len(NASTY)}
    assert sorted((run.results / "stderr.log").read_text() for run in runs) == sorted(NASTY)
    assert "hit" not in place.run("find . -name hit")
