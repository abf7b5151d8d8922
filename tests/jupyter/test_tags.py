"""Tags of runs in the panel: a column, words of the filter, and what a user adds and takes away."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neronet import Neroman
from neronet_jupyter.run import RunHead
from neronet_jupyter.runs import RunsTable
from neronet_jupyter.table.columns import MOST_TAGS, Known, layout, tags_width
from tests.jupyter.conftest import Page
from tests.jupyter.table.stores import add, end, say, start
from tests.jupyter.test_runs import Screen
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("swift")


@pytest.fixture
def three(neroman: Neroman) -> list[int]:
    """Three runs that have finished."""
    numbers = add(neroman.store, "net", [{"lr": f"0.{i}"} for i in range(3)])
    for number in numbers:
        start(neroman.store, number, 5000.0)
        say(neroman.store, number, loss=[1.0 / number])
        end(neroman.store, number, at=6000.0 - number)
    return numbers


def test_selected_runs_are_tagged_shown_and_found(neroman: Neroman, three: list[int]) -> None:
    screen = Screen(RunsTable(neroman=neroman), width=1200)
    assert "tags" not in screen.columns
    screen.ask("select", how="one", number=1)
    screen.ask("select", how="toggle", number=2)
    screen.ask("tag", add=["Good", "paper/v1"], remove=[])
    until(lambda: "tags" in screen.columns and screen.cells(2)["tags"] == "Good paper/v1")
    assert screen.columns[-2:] == ["tags", "note"]
    assert screen.cells(3)["tags"] == ""
    assert neroman.runs("tag:Good").numbers == (1, 2)
    neroman.tag(1, remove=["paper/v1"])
    assert screen.until(lambda state: state["selected"]["tags"] == [["Good", 2], ["paper/v1", 1]])
    assert screen.ask("tags") == ["Good", "paper/v1"]
    assert screen.ask("text").splitlines()[1].split("\t")[-1] == "Good"
    assert screen.refused("tag", add=["two words"], remove=[])["hint"].startswith("use letters")
    screen.ask("select", how="none")
    for text, found in (("good", [1, 2]), ("-good", [3]), ("tag:good", [1, 2]), ("tag:goo", []), ("v1", [2])):
        screen.ask("filter", text=text)
        until(lambda found=found: screen.runs == found)
    neroman.tag("1-2", remove=["Good", "paper/v1"])
    until(lambda: screen.runs == [])
    screen.ask("filter", text="")
    until(lambda: screen.runs == [1, 2, 3] and "tags" not in screen.columns)


def test_a_table_sorted_by_tags_moves_with_them(neroman: Neroman, three: list[int]) -> None:
    neroman.tag(3, ["a"])
    screen = Screen(RunsTable(neroman=neroman), width=1200)
    screen.ask("order", sort="tags")
    until(lambda: screen.runs == [3, 1, 2])
    neroman.tag(2, ["A"])
    neroman.tag(3, ["b"], ["a"])
    until(lambda: screen.runs == [2, 3, 1])


def test_the_tab_of_a_run_shows_its_tags_and_changes_them(neroman: Neroman, three: list[int]) -> None:
    page = Page(RunHead(neroman.runs(2), neroman))
    assert page.until(lambda state: "tags" in state)["tags"] == []
    page.ask("tag", add=["good", "old"], remove=[])
    page.ask("tag", add=["better"], remove=["old"])
    assert page.until(lambda state: state["tags"] == ["good", "better"])
    neroman.tag(2, remove=["good"])
    assert page.until(lambda state: state["tags"] == ["better"])


@given(st.integers(200, 2000), st.lists(st.text("abcXW", min_size=1, max_size=20), max_size=12, unique=True))
def test_tags_take_no_room_from_the_parameters_of_a_panel(width: int, names: list[str]) -> None:
    known = Known(names, metrics=["m"], metric="m")
    plain = layout(width, known, {})
    tagged = layout(width, Known(names, metrics=["m"], metric="m", widths={"tags": 900}, tags=True), {})
    assert tagged.merged == plain.merged
    assert tagged.width <= max(plain.width, width) or tagged.main
    shown = [column for column in tagged.columns if column.key == "tags"]
    assert shown or not tagged.main
    assert all(column.width <= MOST_TAGS for column in shown if not tagged.main)


def test_the_column_is_as_wide_as_the_chips() -> None:
    assert tags_width(()) == 0
    assert tags_width(("good", "paper")) > tags_width(("good",)) + tags_width(("paper",))
