"""What a submission would do is known without doing it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from neronet import Neroman
from neronet.errors import InputError
from tests.bad_input.conftest import experiment, nothing_happened

SWEEP = "run_command_prefix: sh\nmain_code_file: main.sh\n+lang:\n  parameters: {x: [1, 2, 3]}\n"


@pytest.mark.slow
def test_a_plan_says_what_a_submission_does_and_stores_nothing(neroman: Neroman, tmp_path: Path) -> None:
    folder = experiment(tmp_path / "lang", "echo loss $2\n", SWEEP, data=b"d" * 1000)
    plan = neroman.plan_submission(folder, "local")
    nothing_happened(neroman)
    assert not (neroman.home / "files").exists()
    assert plan.ready
    assert (plan.total, plan.before, [run.name for run in plan.runs]) == (
        3,
        0,
        ["lang/x=1", "lang/x=2", "lang/x=3"],
    )
    sizes = [path.stat().st_size for path in folder.iterdir()]
    assert (plan.files, plan.bytes) == (3, sum(sizes))
    place = plan.places[0]
    assert (place.node, place.files, place.bytes, place.reachable) == ("local", 3, sum(sizes), None)
    runs = neroman.submit(folder, "local").wait(20)
    assert [run.name for run in plan.runs] == [run.name for run in runs]
    plan = neroman.plan_submission("lang", "local")
    assert (plan.total, plan.before, plan.runs) == (3, 3, ())
    assert (plan.files, plan.places[0].files, plan.places[0].bytes) == (3, 0, 0)
    assert plan.places[0].reachable
    again = neroman.plan_submission("lang", "local", again=True)
    assert (again.total, again.before, len(again.runs)) == (3, 3, 3)
    (folder / "config.yaml").write_text(SWEEP.replace("[1, 2, 3]", "[1, 2, 3, 4]"))
    plan = neroman.plan_submission("lang", "local")
    assert (plan.total, plan.before, [run.parameters["x"] for run in plan.runs]) == (4, 3, ["4"])
    assert "has changed since it was added" in plan.notes[0]
    assert plan.places[0].files == 1  # config.yaml
    assert len(neroman.submit("lang", "local")) == 1


def test_a_plan_tells_all_that_speaks_against_it(neroman: Neroman, tmp_path: Path) -> None:
    def said(target: str | Path, node: str | None = "local") -> list[str]:
        plan = neroman.plan_submission(target, node)
        assert not plan.ready
        return [problem.text for problem in plan.problems]

    folder = experiment(tmp_path / "lang", "true\n", SWEEP + "  outputz: x\n  cpus: many\n")
    wrong = neroman.plan_submission(folder, "local")
    assert len(wrong.problems) == len(set(wrong.problems)) == 2
    assert {problem.line for problem in wrong.problems} == {5, 6}
    assert (wrong.total, wrong.runs, len(wrong.places)) == (0, (), 1)
    (folder / "config.yaml").write_text(SWEEP)
    (folder / "secret").symlink_to("/etc/passwd")
    assert said(folder, "nowhere") == [
        f"links that leave {folder} are not followed: secret",
        "there is no node or group nowhere",
    ]
    assert neroman.plan_submission(folder, "local").total == 3
    assert said("nothing") == ["nothing is no experiment, collection, folder or run"]
    assert said(tmp_path / "none") == [f"{tmp_path / 'none'} is not a folder"]
    assert said(tmp_path, None)[1].startswith("no node is named")
    nothing_happened(neroman)


@pytest.mark.slow
def test_a_plan_refuses_what_comes_after_nothing_as_submit_does(neroman: Neroman, tmp_path: Path) -> None:
    folder = experiment(tmp_path / "lang", "true\n", f"{SWEEP}  after: other\n")
    (problem,) = neroman.plan_submission(folder, "local").problems
    with pytest.raises(InputError) as refused:
        neroman.submit(folder, "local")
    assert (problem.text, problem.hint) == (str(refused.value), refused.value.hint)
    assert problem.severity == "error" and neroman.awaited(folder) == ["other"]
    nothing_happened(neroman)
    both = experiment(tmp_path / "both", "true\n", f"{SWEEP}  after: other\n+other: {{}}\n")
    assert neroman.plan_submission(both, "local").ready and neroman.awaited(both) == []
    neroman.add_experiment(both)
    assert not neroman.plan_submission("lang", "local").ready and neroman.awaited("lang") == ["other"]
    neroman.submit("other", "local")
    assert neroman.plan_submission("lang", "local").ready and neroman.awaited("lang") == []
    assert len(neroman.submit("lang", "local")) == 3


def test_a_plan_of_a_huge_sweep_only_counts(neroman: Neroman, tmp_path: Path) -> None:
    folder = experiment(tmp_path / "lang", "true\n", SWEEP.replace("[1, 2, 3]", "{from: 1, to: 900000}"))
    began = time.monotonic()
    plan = neroman.plan_submission(folder, "local")
    assert time.monotonic() - began < 5
    assert (plan.total, plan.before, plan.runs, plan.ready) == (900_000, None, (), True)
    (folder / "config.yaml").write_text(SWEEP.replace("[1, 2, 3]", "{from: 1, to: 20000}"))
    plan = neroman.plan_submission(folder, "local")
    assert (plan.total, plan.before, plan.runs) == (20_000, None, ())
    assert plan.files == 2


@pytest.mark.slow
def test_unchanged_files_are_not_read_again_by_a_plan_and_then_by_the_submission_kept(
    neroman: Neroman, tmp_path: Path
) -> None:
    folder = experiment(tmp_path / "lang", "cat data | wc -c\n", SWEEP, data=b"d" * 5_000_000)

    def read() -> int:
        """Bytes that this process has read so far."""
        return int(Path("/proc/self/io").read_text().split()[1])

    time.sleep(0.15)  # files that were written just now are read again
    before = read()
    neroman.plan_submission(folder, "local")
    assert read() - before > 5_000_000
    before = read()
    assert neroman.plan_submission(folder, "local").bytes > 5_000_000
    assert read() - before < 1_000_000
    assert neroman.submit(folder, "local").wait(20)[:1].log().strip() == "5000000"
