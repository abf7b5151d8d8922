"""A node that is rebooted: everything dies at once, and the next contact finds another boot id."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import pytest

from tests.faults.faults import PROGRAM, close_all, read_pid, runs
from tests.node.mum import Mum, leave_nothing, processes_of
from tests.waiting import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may give processes a boot id of their own"),
]


class Machine:
    """Processes with a boot id and a process table of their own; `reboot` ends them all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "boot_id"
        self.mums: list[Mum] = []

    def connect(self, **options: object) -> Mum:
        """The first contact after a boot."""
        self.file = self.folder / f"boot{len(self.mums)}"
        self.file.write_text(str(uuid.uuid4()) + "\n")
        inside = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c"]
        script = f'mount --bind {self.file} /proc/sys/kernel/random/boot_id && exec "$@"'
        before = self.mums[-1] if self.mums else None
        self.mums.append(Mum(self.folder / "root", inside=[*inside, script, "sh"], before=before, **options))  # type: ignore[arg-type]
        assert self.mums[-1].facts["boot"] == self.file.read_text().strip()
        return self.mums[-1]

    def reboot(self) -> None:
        self.mums[-1].kill()
        until(lambda: not processes_of(self.folder / "root"), "something is left")


def test_after_a_reboot_running_runs_are_lost_and_the_others_run(tmp_path: Path) -> None:
    machine, notes = Machine(tmp_path), tmp_path / "notes"
    argvs = runs(notes, 4, 50, every=10, rest=0.01)
    argvs[0] = [
        "sh",
        "main.sh",
        str(notes / "0"),
        "1000000",
        "3",
        "1",
        "0.05",
    ]  # runs at the time of the reboot
    try:
        first = machine.connect(limits={"slots": 1})
        token = first.submit(argvs, {"main.sh": PROGRAM})
        first.follow(token)
        first.until(lambda: len(first.points(0)) > 3)
        machine.reboot()
        second = machine.connect(limits={"slots": 1})
        second.follow(token)
        second.until(lambda: len(second.ended()) == 4)
        lost = second.ended()[0]
        assert (lost["state"], lost["status"]) == ("lost", None)
        assert lost["reason"].startswith("the node was rebooted at 20")
        values = [value for _, value, *_ in second.points(0)]
        assert values == list(range(len(values)))
        assert len(values) > 3
        for index in (1, 2, 3):
            assert (second.ended()[index]["status"], second.ended()[index]["state"]) == (index + 3, "failed")
        for index in range(4):
            assert len((notes / str(index)).read_text().split()) == 1
    finally:
        close_all(machine.mums)
    leave_nothing(tmp_path / "root")


@pytest.mark.parametrize("step", ["taken", "renamed", "claimed", "prepared"])
def test_a_run_that_was_claimed_but_not_started_runs_after_the_reboot(tmp_path: Path, step: str) -> None:
    machine, notes = Machine(tmp_path), tmp_path / "notes"
    try:
        first = machine.connect(limits={"slots": 1}, env={"NERONET_PAUSE": f"{step}:60:{tmp_path}/{step}"})
        token = first.submit(runs(notes, 1, 50), {"main.sh": PROGRAM})
        first.follow(token)
        read_pid(tmp_path / step)
        machine.reboot()
        second = machine.connect(limits={"slots": 1})
        second.follow(token)
        second.until(lambda: bool(second.ended()))
        assert second.ended()[0]["status"] == 3
        assert len((notes / "0").read_text().split()) == 1
        assert [value for _, value, *_ in second.points(0)] == list(range(50))
    finally:
        close_all(machine.mums)
    leave_nothing(tmp_path / "root")


def test_a_run_that_had_ended_keeps_its_status_though_nobody_recorded_it_before_the_reboot(
    tmp_path: Path,
) -> None:
    machine, notes = Machine(tmp_path), tmp_path / "notes"
    try:
        first = machine.connect(limits={"slots": 1}, env={"NERONET_PAUSE": f"ended:60:{tmp_path}/ended"})
        token = first.submit(runs(notes, 1, 50), {"main.sh": PROGRAM})
        first.follow(token)
        read_pid(tmp_path / "ended")
        machine.reboot()
        second = machine.connect(limits={"slots": 1})
        second.follow(token)
        second.until(lambda: bool(second.ended()))
        assert (second.ended()[0]["state"], second.ended()[0]["status"]) == ("failed", 3)
        assert [value for _, value, *_ in second.points(0)] == list(range(50))
    finally:
        close_all(machine.mums)
    leave_nothing(tmp_path / "root")


STRANGER = """\
echo $(($1 - 1)) >/proc/sys/kernel/ns_last_pid
setsid sh -c 'echo pid $$; exec env -i sleep 61' &
wait
"""


def test_a_stranger_with_the_pid_of_a_wrapper_is_left_alone(tmp_path: Path) -> None:
    """After a reboot pids come again; who terminates the lost run must not end what has its number now."""
    machine = Machine(tmp_path)
    try:
        first = machine.connect(limits={"slots": 1})
        token = first.submit([["sleep", "60"]])
        first.follow(token)
        first.until_started()
        pid = int((tmp_path / "root/batches" / token / "run/0.1/start").read_text().split()[1]) + 1000
        start = tmp_path / "root/batches" / token / "run/0.1/start"
        start.write_text(start.read_text().replace(f" {pid - 1000} (", f" {pid} (", 1))
        machine.reboot()
        second = machine.connect(limits={"slots": 2}, place="place2")
        spare = second.submit([["sh", "-c", STRANGER, "sh", str(pid)]])
        second.follow(spare)
        second.until(lambda: bool(second.points(0)))
        assert second.points(0)[0][1] == pid
        second.act(token, "terminate", [[0, 0]])
        second.say({"m": "place", "place": "place1", "limits": {"slots": 2}})
        second.follow(token)
        second.until(lambda: any(record["state"] == "lost" for record in second.of("ended")))
        second.sync()
        assert not [record for record in second.of("ended") if record["state"] != "lost"], (
            "the stranger was ended"
        )
        assert "sleep 61" in {line.strip() for line in all_lines()}
    finally:
        close_all(machine.mums)
    leave_nothing(tmp_path / "root")
    assert "sleep 61" not in {line.strip() for line in all_lines()}


def all_lines() -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except OSError:
                continue
    return found
