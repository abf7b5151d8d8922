"""The lines of the table: everything that the filter shows is there once, in the order that was asked for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from neronet.wire import states
from neronet_jupyter.table import query
from neronet_jupyter.table.arrange import Arrangement, Line, Order, arrange, group_of, part, spans, summarize
from neronet_jupyter.table.entry import ENDED, RUNNING, WAITING, Entry
from neronet_jupyter.table.text import sort_key
from tests.jupyter.table.stores import row

VALUES = st.sampled_from(["1", "2", "10", "0.5", "1e-3", "nan", "sgd", "adamw", "ß", ""])
ROWS = st.lists(
    st.builds(
        lambda state, experiment, a, b, ended, priority, note: {
            "state": state, "experiment": experiment, "parameters": {"a": a, "b": b} if b else {"a": a},
            "ended": ended, "priority": priority, "note": note,
        },
        st.sampled_from(states.STATES), st.sampled_from(["one", "two", "three"]), VALUES, VALUES,
        st.one_of(st.none(), st.floats(0, 100)), st.integers(0, 2), st.sampled_from(["", "good", "lr bad"]),
    ),
    max_size=30,
)  # fmt: skip
ORDERS = st.builds(
    Order,
    st.sampled_from(["experiment", "", "p:a", "p:b", "p:none"]),
    st.sampled_from(["", "number", "age", "state", "node", "note", "p:a", "p:b", "m:none"]),
    st.booleans(),
)


def entries_of(found: list[dict[str, object]]) -> list[Entry]:
    return [Entry(row(number + 1, **changes)) for number, changes in enumerate(found)]


def everything(line: str, default: bool) -> bool:
    return True


@given(ROWS, ORDERS)
def test_every_run_is_there_once_when_all_is_open(found: list[dict[str, object]], order: Order) -> None:
    entries = entries_of(found)
    lines = arrange(entries, order, {}, everything).lines
    assert sorted(line for line in lines if isinstance(line, int)) == list(range(1, len(entries) + 1))
    assert len(set(lines)) == len(lines)


@given(ROWS, ORDERS)
def test_groups_stay_together_and_running_comes_before_waiting_before_ended(
    found: list[dict[str, object]], order: Order
) -> None:
    entries = entries_of(found)
    of = {entry.row.number: entry for entry in entries}
    made = arrange(entries, order, {}, everything)
    groups = [group_of(of[line], order.group) for line in made.lines if isinstance(line, int)]
    assert len([1 for i, group in enumerate(groups) if i == 0 or group != groups[i - 1]]) == len(set(groups))
    for group in set(groups):
        stages = [
            of[n].stage for n in made.lines if isinstance(n, int) and group_of(of[n], order.group) == group
        ]
        ranks = {RUNNING: 0, WAITING: 1, ENDED: 2} if not order.sort else {RUNNING: 0, ENDED: 0, WAITING: 1}
        assert [ranks[stage] for stage in stages] == sorted(ranks[stage] for stage in stages)


@given(ROWS, st.booleans())
def test_a_column_orders_as_a_naive_sort_does_and_what_is_missing_comes_last(
    found: list[dict[str, object]], down: bool
) -> None:
    entries = [entry for entry in entries_of(found) if entry.stage != WAITING]
    lines = arrange(entries, Order("", "p:b", down), {}, everything).lines
    keys = {entry.row.number: sort_key(entry.row.parameters.get("b")) for entry in entries}
    there = [number for number in keys if keys[number][0] < 2]
    naive = sorted(there, key=lambda number: (keys[number], number), reverse=down)
    assert lines[: len(there)] == naive
    assert all(keys[line][0] >= 2 for line in lines[len(there) :] if isinstance(line, int))


@given(ROWS, ORDERS, st.integers(0, 80), st.integers(1, 60), st.sampled_from([1, 2, 5]))
def test_a_window_has_exactly_the_lines_that_it_touches(
    found: list[dict[str, object]], order: Order, top: int, rows: int, tall: int
) -> None:
    entries = entries_of(found)
    why = {entry.row.number for entry in entries if entry.row.state == states.FAILED}
    made = arrange(entries, order, {}, everything, why)
    edges, y = [], 0
    for line in made.lines:
        size = tall if isinstance(line, str) and line.startswith("y:") else 1
        edges.append((y, y + size))
        y += size
    assert made.height(tall) == y
    assert [made.top(place, tall) for place in range(len(edges))] == [edge[0] for edge in edges]
    naive = [place for place, (first, last) in enumerate(edges) if first < top + rows and last > top]
    assert list(made.within(top, rows, tall)) == naive


def test_all_that_wait_are_one_line_that_opens() -> None:
    entries = [
        Entry(row(1, state=states.RUNNING)),
        *(Entry(row(n, state=states.QUEUED)) for n in range(2, 500)),
    ]
    closed: list[Line] = ["g:one", 1, "w:one"]
    assert arrange(entries, Order(), {}, lambda line, default: default).lines == closed
    opened = arrange(entries, Order(), {}, everything)
    assert opened.lines[:4] == [*closed, 2]
    assert len(opened.lines) == 3 + 498
    assert opened.groups["one"].waiting == list(range(2, 500))


def test_ended_runs_are_newest_first_and_experiments_too() -> None:
    entries = [Entry(row(n, experiment="old" if n < 3 else "new", ended=float(n % 3))) for n in range(1, 6)]
    made = arrange(entries, Order(), {}, everything)
    assert made.lines == ["g:new", 5, 4, 3, "g:old", 2, 1]


def test_an_ended_experiment_begins_closed_unless_it_is_the_newest() -> None:
    entries = [Entry(row(n, experiment=f"e{n}")) for n in (1, 2, 3)]
    entries.append(Entry(row(4, experiment="e1", state=states.RUNNING)))
    assert arrange(entries, Order(), {}, lambda line, default: default).lines == [
        "g:e1",
        4,
        1,
        "g:e3",
        "g:e2",
    ]


def test_the_reason_of_a_failure_follows_its_row() -> None:
    entries = [Entry(row(1)), Entry(row(2, state=states.FAILED, ended=1.0))]
    assert arrange(entries, Order(), {}, everything, {2}).lines == ["g:one", 1, 2, "y:2"]


@given(
    ROWS,
    st.sampled_from(
        ["sgd", "a=1", "a>1", "-good", "b<=2 one", "#3", '"lr bad"', "a!=sgd", "running", "wait"]
    ),
)
def test_the_filter_agrees_with_a_naive_one(found: list[dict[str, object]], text: str) -> None:
    entries = entries_of(found)
    kept = {entry.row.number for entry in query.select(entries, query.parse(text), {})}
    for entry in entries:
        parameters = entry.row.parameters
        naive = {
            "sgd": lambda e=entry: "sgd" in e.words,
            "a=1": lambda p=parameters: p["a"] == "1",
            "a>1": lambda p=parameters: p["a"] in ("2", "10"),
            "-good": lambda e=entry: e.row.note != "good",
            "b<=2 one": lambda p=parameters, e=entry: (
                p.get("b") in ("1", "2", "0.5", "1e-3") and "one" in e.words
            ),
            "#3": lambda e=entry: e.row.number == 3,
            '"lr bad"': lambda e=entry: e.row.note == "lr bad",
            "a!=sgd": lambda p=parameters: p["a"] != "sgd",
            "running": lambda e=entry: e.row.state == states.RUNNING,
            "wait": lambda e=entry: e.stage == WAITING,
        }[text]()
        assert (entry.row.number in kept) == naive, (text, entry.row)


@given(st.lists(st.integers(1, 60)))
def test_spans_name_exactly_these_numbers(numbers: list[int]) -> None:
    found: set[int] = set()
    for span in spans(numbers).split(",") if numbers else []:
        first, _, last = span.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    assert found == set(numbers)


def test_few_that_went_astray_do_not_flatten_the_others() -> None:
    assert part(sorted([*map(float, range(100)), 1e30]), 0.9) == 90.0
    assert part([1.0, 1e30], 0.9) == 1e30
    assert part([], 0.9) != part([], 0.9)
    found = summarize([Entry(row(1)), Entry(row(2, state=states.QUEUED))], 1, True)
    assert (found.kinds, found.best, found.value) == ({"waiting": 1, "finished": 1}, None, None)


def test_nothing_has_no_lines() -> None:
    assert arrange([], Order(), {}, everything).lines == []
    assert list(Arrangement().within(0, 50, 5)) == []
