"""News that are worth a notification, and counts for the status bar."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from neronet import Neroman
from neronet.store.events import Event
from neronet.store.runs import RunRow
from neronet_jupyter.station import Station, counts, decided, news
from tests.jupyter.conftest import Page
from tests.waiting import until


def row(
    number: int, state: str, reason: str = "", experiment: str = "mnist", submitted: float = 1.0
) -> RunRow:
    known: dict[str, Any] = dict.fromkeys(RunRow._fields)
    known.update(
        number=number, name=f"{experiment}/lr={number}", state=state, reason=reason, experiment=experiment
    )
    known.update(submitted=submitted, ended=100.0)
    return RunRow(**known)


def test_a_failure_is_told_once_with_its_reason() -> None:
    rows = [row(1, "failed", "exit code 3"), row(2, "running")]
    told = news({1: "running", 2: "running"}, rows[:1], rows)
    assert [(one.kind, one.run) for one in told] == [("failed", 1)]
    assert told[0].text == "mnist/lr=1 (#1) failed: exit code 3."
    assert news({1: "failed", 2: "running"}, rows[:1], rows) == []


def test_many_failures_are_one_sentence() -> None:
    rows = [row(n, "failed", "exit code 1") for n in range(9)] + [row(9, "running")]
    told = news(dict.fromkeys(range(10), "running"), rows[:9], rows)
    assert len(told) == 1
    assert told[0].text == "9 runs of mnist failed. The first: exit code 1."


def test_only_conditions_that_terminate_are_news() -> None:
    rows = [
        row(1, "terminated", "condition high, 67 > 50"),
        row(2, "terminated", "by the user"),
        row(3, "running"),
    ]
    told = news({1: "running", 2: "running"}, rows[:2], rows)
    assert [(one.kind, one.run) for one in told] == [("terminated", 1)]


def test_what_rules_decide_and_conditions_are_to_tell_is_news() -> None:
    def event(kind: str, run: int | None, action: str = "") -> Event:
        return Event(1, 100.0, run, 1, None, kind, "loss 3 > 2", {"action": action}, "mnist/lr=1")

    told = decided(
        [
            event("condition", 1, "notify"),
            event("condition", 2, "warn"),
            event("rule", None),
            event("note", 1),
        ]
    )
    assert [(one.text, one.run) for one in told] == [
        ("mnist/lr=1 (#1): loss 3 > 2.", 1),
        ("loss 3 > 2.", None),
    ]
    assert len(decided([event("rule", 1)] * 9)) == 1


def test_a_sweep_that_ended_is_told_when_its_last_run_ends() -> None:
    rows = [row(1, "finished"), row(2, "failed", "exit code 1"), row(3, "running", submitted=2.0)]
    told = news({1: "finished", 2: "running"}, rows[1:2], rows)
    assert told[-1].kind == "ended"
    assert told[-1].text == "The sweep mnist has ended: 1 finished, 1 failed."
    single = [row(4, "finished", submitted=5.0)]
    assert news({4: "running"}, single, single) == []


def test_failures_count_for_a_day() -> None:
    rows = [row(1, "failed"), row(2, "running"), row(3, "queued"), row(4, "finished")]
    assert counts(rows, 200.0) == {"running": 1, "waiting": 1, "failed": 1}
    assert counts(rows, 100.0 + 90000) == {"running": 1, "waiting": 1, "failed": 0}


@pytest.mark.slow
def test_pages_are_told_what_happens_on_a_node(neroman: Neroman, tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    folder.mkdir()
    (folder / "config.yaml").write_text(
        "run_command_prefix: sh\nmain_code_file: main.sh\n+two:\n  parameters:\n    code: [0, 3]\n  parameter_format: '{code}'\n"
    )
    (folder / "main.sh").write_text("exit $1\n")
    station = Station(neroman)
    page = Page(station)
    page.until(lambda state: state == {"running": 0, "waiting": 0, "failed": 0})
    neroman.submit(folder, "local").wait(30)
    page.until(lambda state: state["failed"] == 1)

    def told() -> list[str]:
        sent = [data["content"] for data in station.comm.sent if data.get("method") == "custom"]
        return [content["news"]["kind"] for content in sent if "news" in content]

    until(lambda: sorted(told()) == ["ended", "failed"])
