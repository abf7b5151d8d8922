"""What `doctor` gets to know of a cluster: by a scheduler of three lines of sh."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from neronet.node import clusterfacts, jobs
from neronet.node.runs import Root
from neronet.node.wardens.slurm import Slurm

SCONTROL = "#!/bin/sh\necho asked >>$0.calls\necho 'SLURM_VERSION = 22.05.8'\n"
SINFO = "#!/bin/sh\necho 'debug*|up|infinite|10:00|2|4|8000|(null)'\n"


@pytest.fixture
def cluster(tmp_path: Path) -> SimpleNamespace:
    """A cluster without runs, whose scheduler's programs lie in bin/."""
    root = Root(str(tmp_path / "root")).prepare()
    folder = tmp_path / "root/places/p.jobs"
    folder.mkdir()
    program(tmp_path, "scontrol", SCONTROL)
    program(tmp_path, "sinfo", SINFO)
    login = {"PATH": f"{tmp_path}/bin"}  # without the machine's own Slurm
    return SimpleNamespace(root=root, place="p", folder=str(folder), warden=Slurm(), login=login, waits={})


def program(folder: Path, name: str, text: str) -> None:
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "bin" / name).write_text(text)
    (folder / "bin" / name).chmod(0o755)


def look(cluster: SimpleNamespace) -> dict[str, Any]:
    """What one look finds."""
    looking = clusterfacts.Look(cluster)
    end = time.monotonic() + 20
    while looking.found is None:
        assert time.monotonic() < end, "the look does not end"
        time.sleep(0.01)
    found: dict[str, Any] = looking.found
    return found


def test_a_scheduler_is_asked_once_however_often_somebody_looks(
    cluster: SimpleNamespace, tmp_path: Path
) -> None:
    for _ in range(3):
        found = look(cluster)
        assert (found["version"], found["problem"], found["barren"]) == ("22.05.8", "", "")
        assert [queue["name"] for queue in found["queues"]] == ["debug"] and "task" not in found
    assert (tmp_path / "bin/scontrol.calls").read_text() == "asked\n"


def test_one_that_never_answers_is_given_up_and_what_it_said_before_is_kept(
    cluster: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusterfacts, "PATIENCE", 0.3)
    monkeypatch.setattr(clusterfacts, "ENOUGH", 0.0)
    at = look(cluster)["at"]
    program(tmp_path, "scontrol", "#!/bin/sh\nexec /bin/sleep 60\n")
    found = look(cluster)
    assert (found["problem"], found["version"], found["at"]) == ("scontrol does not answer", "22.05.8", at)
    (tmp_path / "bin/scontrol").unlink()
    assert look(cluster)["problem"] == "scontrol: No such file or directory"


def test_what_tasks_said_that_could_not_begin_is_told(cluster: SimpleNamespace) -> None:
    cluster.waits = {"a": "waits in Slurm", "b": jobs.BARREN + ": python3: not found"}
    assert look(cluster)["barren"] == "its tasks end before they begin a run: python3: not found"


def test_a_task_that_began_a_run_is_remembered_when_its_batch_is_gone(cluster: SimpleNamespace) -> None:
    batch = Path(cluster.root.batch("00112233aabbccdd"))
    kid = {"host": "c1", "pid": 7, "start": 1}
    (batch / "run/3.1").mkdir(parents=True)
    (batch / "kids").mkdir()
    (batch / "batch.json").write_text(json.dumps({"place": "p"}))
    (batch / "run/3.1/claim.json").write_text(json.dumps({"kid": kid, "task": "x.3"}))
    (batch / "kids/c1-7-1.log").write_text(json.dumps({"e": "kid", "python": "3.6.8"}) + "\n")
    assert look(cluster)["task"] == {"host": "c1", "python": "3.6.8"}
    batch.rename(batch.parent.parent / "gone")
    assert look(cluster)["task"] == {"host": "c1", "python": "3.6.8"}


def test_what_cannot_be_kept_is_told_all_the_same(cluster: SimpleNamespace) -> None:
    Path(cluster.folder, "about").mkdir()
    assert look(cluster)["version"] == "22.05.8"
