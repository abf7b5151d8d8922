"""The runs table as a widget: what a page gets, what stays where it is, and what the user can do."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from neronet import Neroman
from neronet.wire import states
from neronet_jupyter.memory import recall
from neronet_jupyter.runs import RunsTable
from tests.jupyter.conftest import Page
from tests.jupyter.table.stores import add, define, end, say, start
from tests.waiting import until

pytestmark = pytest.mark.slow


class Screen(Page):
    """A page that keeps the lines that it was sent, as the component does."""

    def __init__(self, part: RunsTable, name: str = "page1", width: int = 300, rows: int = 40) -> None:
        super().__init__(part, name)
        self.at = {"top": 0, "rows": rows, "left": 0, "width": width, "cursor": None, "anchor": None}
        self.look(again=True)

    def look(self, **changes: Any) -> None:
        self.at |= changes
        self.ask("look", **{"page": self.name, **self.at})

    @property
    def tables(self) -> list[dict[str, Any]]:
        return [message["table"] for message in self.messages() if "table" in message]

    @property
    def lines(self) -> list[list[Any]]:
        """What is on the screen now."""
        found: dict[int, list[Any]] = {}
        version = -1
        for table in self.tables:
            if table.get("whole"):
                found, version = {}, table["version"]
            if table["version"] == version:
                found.update((line[0], line) for line in table["lines"])
        return [found[place] for place in sorted(found)]

    @property
    def runs(self) -> list[int]:
        return [line[3] for line in self.lines if line[2] == "r"]

    @property
    def columns(self) -> list[str]:
        layouts = [table["layout"] for table in self.tables if "layout" in table]
        return [column[0] for column in layouts[-1]["columns"]]

    def cells(self, number: int) -> dict[str, str]:
        table = next(table for table in reversed(self.tables) if table.get("whole"))
        frozen, first, last = table["cells"]
        shown = [*self.columns[:frozen], *self.columns[first:last]]
        line = next(line for line in self.lines if line[2] == "r" and line[3] == number)
        return dict(zip(shown, line[6], strict=True))


@pytest.fixture
def sweep(neroman: Neroman) -> list[int]:
    """Ten runs: 1 to 3 have finished, 4 has failed, 5 and 6 run, 7 to 10 wait."""
    store = neroman.store
    define(store, "net", zips=[["depth", "batch"]])
    parameters = [
        {"lr": str(10.0**-i), "depth": str(i % 2), "batch": str(i % 2), "epochs": "9"} for i in range(10)
    ]
    numbers = add(store, "net", parameters)
    for number in numbers[:6]:
        start(store, number, 5000.0)
        say(store, number, val_error=[9.0 - number, 5.0 - number / 10], accuracy=[0.5])
    say(store, 1, first=2, val_error=[4.9] * 4)
    for number in numbers[:3]:
        end(store, number, at=6000.0 + number)
    end(store, 4, states.FAILED, "exit code 3", at=6002.5)
    return numbers


def test_running_runs_are_first_then_a_line_for_all_that_wait_then_ended_ones(
    neroman: Neroman, sweep: list[int]
) -> None:
    screen = Screen(RunsTable(neroman=neroman))
    assert [line[2:4] if line[2] != "w" else ["w", line[4]] for line in screen.lines] == [
        ["g", "g:net"], ["r", 5], ["r", 6], ["w", "4 wait on gpu1"], ["r", 3], ["r", 4], ["y", 4], ["r", 2], ["r", 1],
    ]  # fmt: skip
    head = screen.lines[0]
    assert head[5] == 10
    assert dict(map(tuple, head[6])) == {"running": 2, "waiting": 4, "finished": 3, "failed": 1}
    assert head[7] == "best 4.400"
    assert screen.columns == ["state", "p:lr", "p:depth", "spark", "m:val_error"]
    assert screen.cells(3)["p:lr"] == "0.01"
    assert screen.cells(3)["m:val_error"] == "4.700"
    state = screen.until(lambda state: state["total"] == 10)
    assert dict(map(tuple, state["kinds"])) == {"running": 2, "waiting": 4, "finished": 3, "failed": 1}


def test_a_failed_run_explains_itself_until_it_is_dismissed(neroman: Neroman, sweep: list[int]) -> None:
    folder = neroman.runs("4")[0].results
    folder.mkdir(parents=True)
    (folder / "stderr.log").write_text("Traceback\nValueError: \x1b[31mno such <b>file</b>\n\n")
    screen = Screen(RunsTable(neroman=neroman))
    why = next(line for line in screen.lines if line[2] == "y")
    assert why[3:] == [4, "Ended with exit code 3", " on gpu1 after 16 min 42 s. Last val_error 4.600.",
                       "ValueError: ␛[31mno such <b>file</b>", True]  # fmt: skip
    screen.ask("why", number=4, on=False)
    until(lambda: not any(line[2] == "y" for line in screen.lines))
    screen.ask("why", number=4, on=True)
    until(lambda: any(line[2] == "y" for line in screen.lines))


def test_a_new_point_sends_only_the_line_that_changed(neroman: Neroman, sweep: list[int]) -> None:
    screen = Screen(RunsTable(neroman=neroman))
    screen.until(lambda state: state["total"])
    time.sleep(0.5)
    before = len(screen.tables)
    say(neroman.store, 5, first=2, val_error=[4.45])
    until(lambda: screen.cells(5)["m:val_error"] == "4.450")
    news = screen.tables[before:]
    assert not any(table.get("whole") for table in news)
    assert {line[3] for table in news for line in table["lines"]} == {5}
    assert len(json.dumps(news)) < 1000
    say(neroman.store, 5, first=3, val_error=[1.25])
    until(lambda: screen.lines[0][7] == "best 1.250")


def test_what_changes_out_of_sight_sends_nothing(neroman: Neroman, sweep: list[int]) -> None:
    screen = Screen(RunsTable(neroman=neroman), rows=1)
    screen.look(top=6, rows=2)
    screen.until(lambda state: state["total"])
    time.sleep(0.5)
    before = len(screen.tables)
    say(neroman.store, 6, first=2, accuracy=[0.75])
    time.sleep(0.6)
    assert screen.tables[before:] == []


def test_a_run_that_ends_moves_unless_something_is_selected(neroman: Neroman, sweep: list[int]) -> None:
    part = RunsTable(neroman=neroman)
    screen = Screen(part)
    screen.ask("select", how="one", number=2)
    order = screen.runs
    end(neroman.store, 5)
    state = screen.until(lambda state: state["fresh"])
    assert state["fresh"] == "New order"
    assert screen.runs == order
    until(lambda: next(line for line in screen.lines if line[3] == 5)[4] == "finished")
    add(neroman.store, "net", [{"lr": "7"}] * 2)
    screen.until(lambda state: state["fresh"] == "2 new")
    assert screen.runs == order
    screen.ask("select", how="none")
    until(lambda: screen.runs == [6, 5, 3, 4, 2, 1])
    assert screen.until(lambda state: not state["fresh"])


def test_nothing_moves_under_the_pointer(neroman: Neroman, sweep: list[int]) -> None:
    part = RunsTable(neroman=neroman)
    screen = Screen(part)
    screen.ask("touch", page=screen.name, on=True)
    order = screen.runs
    end(neroman.store, 5)
    screen.until(lambda state: state["fresh"])
    assert screen.runs == order
    screen.ask("touch", page=screen.name, on=False)
    until(lambda: screen.runs == [6, 5, 3, 4, 2, 1])


def test_the_order_can_be_asked_for_while_it_is_held(neroman: Neroman, sweep: list[int]) -> None:
    screen = Screen(RunsTable(neroman=neroman))
    screen.ask("select", how="one", number=2)
    end(neroman.store, 5)
    screen.until(lambda state: state["fresh"])
    screen.ask("reorder")
    until(lambda: screen.runs == [6, 5, 3, 4, 2, 1])


def test_selecting_as_lists_do(neroman: Neroman, sweep: list[int]) -> None:
    part = RunsTable(neroman=neroman)
    heard: list[tuple[int, ...]] = []
    end_it = part.on_selection(heard.append)
    screen = Screen(part)
    screen.ask("select", how="one", number=6)
    screen.ask("select", how="range", number=4)
    assert part.selected == (3, 4, 6)
    screen.ask("select", how="toggle", number=1)
    assert part.selected == (1, 3, 4, 6)
    state = screen.until(lambda state: state["selected"]["count"] == 4)
    assert state["selected"] | {"folder": ""} == {
        "count": 4, "open": 1, "waiting": 0, "held": 0, "ended": 3, "failed": 1, "runs": "1,3-4,6", "one": None,
        "folder": "", "note": "", "tags": [],
    }  # fmt: skip
    until(lambda: [line[5] & 1 for line in screen.lines if line[2] == "r"] == [0, 1, 1, 1, 0, 1])
    screen.ask("select", how="all")
    assert part.selected == tuple(range(1, 11))
    until(lambda: heard[-1] == tuple(range(1, 11)))
    end_it()
    screen.ask("select", how="some", number=2)
    assert part.selected == tuple(range(1, 11))
    screen.ask("select", how="none")
    assert part.selected == ()
    time.sleep(0.1)
    assert heard[-1] == tuple(range(1, 11))


def test_filters_find_runs_and_others_can_set_one(neroman: Neroman, sweep: list[int]) -> None:
    part = RunsTable(neroman=neroman)
    screen = Screen(part)
    screen.ask("filter", text="lr>=0.01")
    until(lambda: screen.runs == [3, 2, 1])
    screen.ask("filter", text="")
    screen.ask("kinds", kinds=["failed", "running"])
    until(lambda: screen.runs == [5, 6, 4])
    screen.ask("kinds", kinds=[])
    part.show([2, 5], "from Compare")
    until(lambda: screen.runs == [5, 2])
    assert screen.until(lambda state: state["chip"])["chip"] == "from Compare"
    screen.ask("unchip")
    until(lambda: len(screen.runs) == 6)


def test_groups_sorts_metrics_and_columns_are_chosen_and_remembered(
    neroman: Neroman, sweep: list[int]
) -> None:
    screen = Screen(RunsTable(neroman=neroman))
    screen.ask("order", group="p:depth")
    until(lambda: [line[4] for line in screen.lines if line[2] == "g"] == ["depth = 0", "depth = 1"])
    screen.ask("order", group="", sort="m:val_error", down=True)
    until(lambda: screen.runs == [1, 2, 3, 4, 5, 6])
    screen.ask("metric", name="accuracy")
    until(lambda: "m:accuracy" in screen.columns)
    assert screen.until(lambda state: state["metric"] == "accuracy")["small"] is False
    screen.ask("column", key="p:depth", on=False, main=False)
    until(lambda: "p:depth" not in screen.columns)
    menu = screen.ask("menu", main=False)
    assert ["p:depth", "depth", False] in menu["columns"]
    assert ["p:lr", "lr"] in menu["groups"]
    assert recall(neroman.home, "runs")["sort"] == "m:val_error"
    other = Screen(RunsTable(neroman=neroman), "page2")
    assert other.runs == [1, 2, 3, 4, 5, 6]
    assert other.columns == screen.columns
    screen.ask("columns_reset", main=False)
    until(lambda: "p:depth" in screen.columns)


def test_the_line_of_those_that_wait_opens(neroman: Neroman, sweep: list[int]) -> None:
    screen = Screen(RunsTable(neroman=neroman), width=1200)
    assert [line[4] for line in screen.lines if line[2] == "w"] == ["4 wait: 4 on gpu1"]
    screen.ask("open", line="w:net", on=True)
    until(lambda: screen.runs[:6] == [5, 6, 7, 8, 9, 10])
    screen.ask("open", line="g:net", on=False)
    until(lambda: [line[2] for line in screen.lines] == ["g"])


def test_each_page_has_a_window_of_its_own(neroman: Neroman, sweep: list[int]) -> None:
    part = RunsTable(neroman=neroman)
    narrow, wide = Screen(part, "a", 250), Screen(part, "b", 1200, rows=3)
    assert "merged" in narrow.columns
    assert narrow.cells(3)["merged"] == "0.01 0"
    assert {"check", "node", "p:batch", "m:accuracy", "note"} <= set(wide.columns)
    assert wide.runs == [5, 6]
    wide.look(top=5)
    assert 2 in wide.runs or 4 in wide.runs


def test_deleted_runs_are_gone(neroman: Neroman, sweep: list[int]) -> None:
    part = RunsTable(neroman=neroman)
    screen = Screen(part)
    screen.ask("select", how="one", number=1)
    screen.ask("select", how="toggle", number=5)
    screen.ask("delete")
    until(lambda: 1 not in screen.runs)
    assert part.selected == (5,)
    assert screen.until(lambda state: state["total"] == 9)
    assert [run.number for run in neroman.runs()] == list(range(2, 11))


def test_a_note_is_kept_and_shown(neroman: Neroman, sweep: list[int]) -> None:
    screen = Screen(RunsTable(neroman=neroman), width=1200)
    assert screen.cells(4)["note"] == "failed: exit code 3"
    screen.ask("note", number=3, text="baseline\x1b for the paper")
    until(lambda: screen.cells(3)["note"] == "baseline␛ for the paper")
    screen.ask("select", how="one", number=4)
    screen.ask("note", text="look at this")
    until(lambda: screen.cells(4)["note"] == "look at this")


def test_selected_runs_leave_as_text_python_and_files(neroman: Neroman, sweep: list[int]) -> None:
    screen = Screen(RunsTable(neroman=neroman))
    screen.ask("select", how="one", number=6)
    screen.ask("select", how="range", number=3)
    assert screen.ask("python") == 'neroman.runs("3,6")'
    head, *rows = [line.split("\t") for line in screen.ask("text").splitlines()]
    assert head == ["number", "name", "experiment", "state", "reason", "node", "lr", "depth", "batch", "epochs",
                    "val_error", "accuracy", "note"]  # fmt: skip
    assert dict(zip(head, rows[1], strict=True)) | {"name": ""} == {
        "number": "6", "name": "", "experiment": "net", "state": "running", "reason": "", "node": "gpu1", "lr": "1e-05",
        "depth": "1", "batch": "1", "epochs": "9", "val_error": "4.4", "accuracy": "0.5", "note": "",
    }  # fmt: skip
    path = neroman.home / "exports/two.json"
    assert screen.ask("export", name="two.json") == str(path)
    assert [run["number"] for run in json.loads(path.read_text())] == [3, 6]
    assert "already" in screen.refused("export", name="two.json")["text"]
    assert screen.ask("export", name="two.csv").endswith("two.csv")
    for name in ("../x.csv", "x.txt", "", "a/b.csv", ".csv"):
        assert screen.refused("export", name=name)["hint"]
    assert sorted(path.name for path in (neroman.home / "exports").iterdir()) == ["two.csv", "two.json"]


def test_acts_refuse_when_nothing_is_selected(neroman: Neroman, sweep: list[int]) -> None:
    screen = Screen(RunsTable(neroman=neroman))
    for act in ("terminate", "rerun", "hold", "release", "delete"):
        assert screen.refused(act)["text"] == "no run is selected"


def test_duplicating_is_for_whoever_offers_it(neroman: Neroman, sweep: list[int]) -> None:
    part = RunsTable(neroman=neroman)
    screen = Screen(part)
    assert not screen.until(lambda state: state["total"])["duplicate"]
    asked: list[int] = []
    part.on_duplicate = asked.append
    screen.ask("select", how="one", number=3)
    screen.until(lambda state: state["duplicate"])
    screen.ask("duplicate")
    assert asked == [3]


def test_only_new_failures_are_told_to_those_who_listen(neroman: Neroman, sweep: list[int]) -> None:
    screen = Screen(RunsTable(neroman=neroman))
    assert screen.until(lambda state: state["total"])["news"]["text"] == ""
    end(neroman.store, 5)
    end(neroman.store, 6, states.FAILED, "exit code 7")
    assert screen.until(lambda state: state["news"]["text"])["news"]["text"] == "#6 failed: exit code 7"


def test_a_table_of_some_runs_has_only_these(neroman: Neroman, sweep: list[int]) -> None:
    screen = Screen(RunsTable(neroman.runs("2-3,5")))
    assert screen.runs == [5, 3, 2]
    end(neroman.store, 6)
    end(neroman.store, 5)
    until(lambda: screen.runs == [5, 3, 2] and screen.lines[1][4] == "finished")
    assert screen.until(lambda state: state["total"] == 3)
    screen.ask("order", sort="number")
    assert recall(neroman.home, "runs") == {}


def test_no_runs_yet(neroman: Neroman) -> None:
    screen = Screen(RunsTable(neroman=neroman))
    assert screen.lines == []
    assert screen.until(lambda state: "total" in state)["total"] == 0
    add(neroman.store, "first", [{}])
    screen.ask("open", line="w:first", on=True)
    until(lambda: screen.runs == [1])


def test_an_update_is_small_whatever_the_texts_are(neroman: Neroman) -> None:
    store = neroman.store
    long = "<img src=x onerror=alert(1)>" * 400
    numbers = add(store, "big", [{f"p{j}": f"{i}{long}" for j in range(40)} for i in range(80)], note=long)
    for number in numbers[:60]:
        start(store, number)
        end(store, number, states.FAILED, f"exit code {number % 7} {long}")
    for width in (250, 420, 2000):
        screen = Screen(RunsTable(neroman=neroman), f"page{width}", width, rows=80)
        for top in (0, 40, 80):
            screen.look(top=top)
        time.sleep(0.5)
        assert all(len(json.dumps(message)) < 20_000 for message in screen.messages())
        assert len(json.dumps(screen.part.state)) < 20_000
