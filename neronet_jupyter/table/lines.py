"""What a page gets of the lines that it sees: JSON in short arrays."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from neronet.wire import states
from neronet_jupyter import format as say
from neronet_jupyter.table.arrange import METRIC, PARAMETER, Line
from neronet_jupyter.table.columns import Layout, text_width
from neronet_jupyter.table.entry import WAITING, Entry
from neronet_jupyter.table.model import Table
from neronet_jupyter.table.text import plain, shown
from neronet_jupyter.table.why import Why

BUDGET = 16_000  # bytes of lines in one message; a page asks again for what did not fit
KEPT = 200  # rows above and below what is seen that a page keeps
MARGIN = 240  # pixels to the left and right of what is seen
Json = list[Any]


@dataclass
class Window:
    """What one page sees: `top` and `rows` in rows, `left` and `width` in pixels; and what it was sent."""

    top: int = 0
    rows: int = 40
    left: float = 0.0
    width: int = 300
    cursor: Line | None = None  # the line that the keyboard is at
    anchor: Line | None = None  # the first line that is seen: it stays where it is when others come above
    version: object = None  # of the order, the columns and the cells that it has
    shape: dict[str, Any] | None = None  # the columns that it has
    sent: dict[int, str] = field(default_factory=dict)  # the lines that it has, by place


class Painter:
    """Makes the lines of one page at one moment."""

    def __init__(
        self, table: Table, layout: Layout, window: Window, now: float, selected: set[int], why: Callable[[Entry], Why],
        last: Callable[[Entry], str],
    ) -> None:  # fmt: skip
        self._table, self._layout, self._now, self._selected = table, layout, now, selected
        self._why, self._last = why, last
        seen = layout.between(window.left - MARGIN, window.left + window.width + MARGIN)
        self.cells = (layout.frozen, seen.start, seen.stop)
        self._columns = (*layout.columns[: layout.frozen], *(layout.columns[place] for place in seen))
        self._group = ""

    def line(self, line: Line) -> Json:
        if isinstance(line, int):
            return self._run(line)
        kind, key = line[0], line[2:]
        if kind == "g":
            return self._head(key)
        return self._waiting(key) if kind == "w" else self._reason(int(key))

    # -- a run

    def _run(self, number: int) -> Json:
        entry = self._table.entries.get(number)
        if entry is None:
            return ["r", number, "", 0, []]
        group = self._table.group(entry)
        best = self._table.summary(group).best == number
        marks = (
            (number in self._selected)
            + 2 * best
            + 4 * (entry.row.reason == states.HELD and entry.stage == WAITING)
        )
        return [
            "r",
            number,
            entry.row.state,
            marks,
            [self._cell(entry, one.key, group) for one in self._columns],
        ]

    def _cell(self, entry: Entry, key: str, group: str) -> str:
        row = entry.row
        if key in ("check", "state"):
            return ""
        if key == "spark":
            return self._table.spark(entry, group)
        if key.startswith(PARAMETER):
            return shown(row.parameters.get(key[2:], ""), 60)
        if key.startswith(METRIC):
            return self._widen(key, say.number(entry.value(self._table.ids.get(key[2:], -1))))
        if key == "merged":
            return shown(" ".join(self._table.own_values(entry)), 120)
        if key == "age":
            age = entry.age(self._now)
            return "" if age is None or entry.stage == WAITING else say.age(age, self._now)
        if key == "number":
            return f"{row.number}" if self._layout.main else f"#{row.number}"
        if key == "note":
            return note(entry)
        if key == "tags":
            return shown(" ".join(row.tags), 160)
        text = {"name": row.name, "experiment": row.experiment, "node": row.node}[key]
        return self._widen(key, shown(text, 120))

    def _widen(self, key: str, text: str) -> str:
        """A column is as wide as the widest cell that was seen of it."""
        width = text_width(text)
        if width > self._table.widths.get(key, 0):
            self._table.widen(key, width)
        return text

    # -- other lines

    def _head(self, key: str) -> Json:
        group = self._table.arrangement.groups[key]
        found = self._table.summary(key)
        best = f"best {say.number(found.value)}" if found.value is not None else ""
        if best and self._layout.main:
            best = f"{shown(self._table.metric)}: {best}, median {say.number(found.median)}"
        is_open = self._table.opened(f"g:{key}", False)
        return [
            "g",
            f"g:{key}",
            shown(group.title),
            len(group.numbers),
            list(found.kinds.items()),
            best,
            is_open,
        ]

    def _waiting(self, key: str) -> Json:
        entries = [self._table.entries[number] for number in self._table.numbers_waiting(key)]
        text = waiting(entries, self._layout.merged, self._layout.main)
        return ["w", f"w:{key}", text, self._table.opened(f"w:{key}", False)]

    def _reason(self, number: int) -> Json:
        entry = self._table.entries[number]
        found = self._why(entry)
        return ["y", number, plain(found.cause), plain(found.rest), self._last(entry), found.rerun]


def note(entry: Entry) -> str:
    """The user's note, else why it is in its state."""
    row = entry.row
    if row.note or not row.reason:
        return shown(row.note, 160)
    return shown(f"{row.state}: {row.reason}", 160)


def waiting(entries: Sequence[Entry], short: bool, main: bool) -> str:
    """`18 wait: 12 on gpu, 6 on triton`; with reasons where there is room, without "on" where there is little."""
    on = Counter(entry.row.node for entry in entries)
    if main:
        reasons: dict[str, Counter[str]] = {}
        for entry in entries:
            why = f"{entry.row.state}: {entry.row.reason}" if entry.row.reason else ""
            reasons.setdefault(entry.row.node, Counter())[why] += 1
        parts = []
        for node, count in on.items():
            why = ", ".join(text for text in reasons[node] if text)
            parts.append(f"{count} on {node}" + (f" ({why})" if why else ""))
        return shown(f"{len(entries):,} wait: {', '.join(parts)}", 300)
    word = "" if short else "on "
    if len(on) == 1:
        return shown(f"{len(entries):,} wait on {next(iter(on))}", 120)
    return shown(f"{len(entries):,} wait: " + ", ".join(f"{n} {word}{node}" for node, n in on.items()), 160)


def view(table: Table, layout: Layout, window: Window, painter: Painter) -> dict[str, Any] | None:
    """What to send to a page: all that it sees when the order or the columns are others than what it has; else the
    lines that it does not have as they are now. None when it has all."""
    arrangement = table.arrangement
    version = (table.version, layout, painter.cells, table.wish.order, table.metric)
    whole = window.version != version
    # The page forgets the same lines.
    first, end = window.top - KEPT, window.top + window.rows + KEPT
    kept = {} if whole else window.sent
    window.sent = {
        place: text for place, text in kept.items() if first <= arrangement.top(place, layout.tall) < end
    }
    lines: list[list[Any]] = []
    budget = BUDGET
    table.begin_window()
    for place in arrangement.within(window.top, window.rows, layout.tall):
        line = painter.line(arrangement.lines[place])
        text = json.dumps(line)
        if window.sent.get(place) == text:
            continue
        budget -= len(text)  # all of it is ASCII
        if budget < 0 and lines:
            break
        window.sent[place] = text
        lines.append([place, arrangement.top(place, layout.tall), *line])
    if not whole:
        return {"version": table.version, "lines": lines, "kept": [first, end]} if lines else None
    message: dict[str, Any] = {
        "version": table.version,
        "lines": lines,
        "kept": [first, end],
        "height": arrangement.height(layout.tall),
        "count": len(arrangement.lines),
        "cells": list(painter.cells),
        "cursor": None if window.cursor is None else arrangement.places.get(window.cursor),
        "anchor": None,
        "whole": True,
    }
    if window.anchor in arrangement.places:
        message["anchor"] = arrangement.top(arrangement.places[window.anchor], layout.tall)
    shape = to_json(layout, table)
    if window.shape != shape:
        message["layout"] = window.shape = shape
    window.version = version
    return message


def to_json(layout: Layout, table: Table) -> dict[str, Any]:
    sort = table.wish.order
    return {
        "columns": [
            [
                one.key,
                shown(one.title),
                one.width,
                one.left,
                one.right,
                one.key not in ("check", "spark", "merged"),
            ]
            for one in layout.columns
        ],
        "width": layout.width,
        "main": layout.main,
        "tall": layout.tall,
        "frozen": layout.frozen,
        "metric": METRIC + table.metric,
        "sort": sort.sort,
        "down": sort.down,
    }
