"""The table of runs: as much of it as a page sees, in an order that does not change under the pointer."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from traitlets import Unicode

from neronet.api.progress import tail
from neronet.api.runset import RunSet, folder_of
from neronet.wire import states
from neronet_jupyter.memory import recall, remember
from neronet_jupyter.table.acts import Acts
from neronet_jupyter.table.arrange import EXPERIMENT, KINDS, PARAMETER, Line, Order, spans
from neronet_jupyter.table.columns import choices, layout
from neronet_jupyter.table.entry import ENDED, WAITING, Entry
from neronet_jupyter.table.export import key_title
from neronet_jupyter.table.lines import Painter, Window, view
from neronet_jupyter.table.model import Table, Wish
from neronet_jupyter.table.text import plain, shown
from neronet_jupyter.table.why import EXPLAINED, Why, explain

if TYPE_CHECKING:
    from neronet import Neroman

TAGS = 40  # of the selected runs that are shown while they are edited
TOUCHED = 5.0  # seconds for which the order stays after the pointer moved


class RunsTable(Acts):
    """All runs of a home, or those of a RunSet.

    `selected` are the numbers of the runs that the user has chosen; `on_selection` tells when they change; `show`
    filters from outside. `wide`: with the controls of a tab. `on_duplicate`, `on_plot` and `on_compare` are called
    with what the user wants to see elsewhere.
    """

    _view_name = Unicode("RunsView").tag(sync=True)
    tick = 1.0  # ages grow

    def __init__(
        self, runs: RunSet | None = None, neroman: Neroman | None = None, wide: bool = False
    ) -> None:
        self._numbers = None if runs is None else runs.numbers
        self._wide = wide
        self._guard = threading.RLock()  # pages ask on other threads than the one that renders
        self._table: Table | None = None
        self._windows: dict[str, Window] = {}
        self._touched: dict[str, float] = {}
        self._changed_runs: set[int] = set()
        self._stored = False  # the store has changed
        self._wanted = True  # the user has asked for another order
        self._selected: set[int] = set()
        self._from: int | None = None  # where a range of selected runs begins
        self._callbacks: list[Callable[[tuple[int, ...]], object]] = []
        self._chip = ""
        self._news: dict[str, Any] = {"id": 0, "text": ""}
        self._last_lines: dict[tuple[int, int], str] = {}
        self.on_duplicate: Callable[[int], object] | None = None
        super().__init__(runs._neroman if runs is not None else neroman)

    # -- for others

    @property
    def selected(self) -> tuple[int, ...]:
        """The numbers of the selected runs, ascending."""
        return tuple(sorted(self._selected))

    def on_selection(self, callback: Callable[[tuple[int, ...]], object]) -> Callable[[], None]:
        """Calls `callback` with the selected numbers, on another thread, whenever they change; what is returned ends
        it."""
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback) if callback in self._callbacks else None

    def show(self, numbers: Iterable[int] | None, what: str = "") -> None:
        """Shows only these runs until the user takes the filter away; None takes it away. `what` names it."""
        with self._guard:
            self.table.only = None if numbers is None else frozenset(numbers)
            self._chip = "" if self.table.only is None else what or f"{len(self.table.only):,} chosen"
            self._wish()
        self.changed()

    @property
    def table(self) -> Table:
        """What is known of the runs; read when it is asked for first."""
        with self._guard:
            if self._table is None:
                wish = Wish.from_json(
                    {} if self._numbers is not None else recall(self.neroman.home, self._part)
                )
                self._table = Table(self.neroman.store, wish, self._numbers)
            return self._table

    # -- for View

    def runs_changed(self, numbers: set[int]) -> None:
        self._changed_runs |= numbers

    def stale(self) -> None:
        self._stored = True
        super().stale()

    def render(self) -> dict[str, Any]:
        with self._guard:
            table = self.table
            if self._stored or self._changed_runs:
                self._tell_failures(table.take(self._changed_runs))
                self._stored, self._changed_runs = False, set()
                if gone := self._selected - table.entries.keys():
                    self._choose(self._selected - gone)
            if table.pending and (self._wanted or table.urgent or not self._frozen()):
                self._wanted = False
                table.order()
            for page in list(self._windows):
                if page not in self.pages:
                    del self._windows[page]
                elif message := self._view(self._windows[page]):
                    self.tell(page, {"table": message})
            return self._state()

    def _frozen(self) -> bool:
        now = time.monotonic()
        return bool(self._selected) or any(
            now - self._touched.get(page, -TOUCHED) < TOUCHED for page in self.pages
        )

    def _view(self, window: Window) -> dict[str, Any] | None:
        table = self.table
        columns = layout(
            window.width, table.known(), table.wish.asked["main" if window.width >= 700 else "panel"]
        )
        painter = Painter(table, columns, window, time.time(), self._selected, self._why, self._last_line)
        message = view(table, columns, window, painter)
        if table.curves_left:
            self.changed()
        return message

    def _state(self) -> dict[str, Any]:
        table, wish = self.table, self.table.wish
        kinds = table.kinds()
        return {
            "total": len(table.entries),
            "shown": len(table.arrangement.shown),
            "kinds": [[kind, kinds[kind]] for kind in KINDS if kind in kinds],
            "filter": wish.filter,
            "chosen": sorted(wish.kinds),
            "chip": self._chip,
            "group": wish.order.group,
            "sort": wish.order.sort,
            "down": wish.order.down,
            "metric": shown(table.metric),
            "small": table.small,
            "selected": self._selection(),
            "fresh": self._fresh(),
            "news": self._news,
            "problem": self.live.problem,
            "wide": self._wide,
            "duplicate": self.on_duplicate is not None,
        }

    def _fresh(self) -> str:
        """What the order that is held does not show yet."""
        if not self.table.pending:
            return ""
        new = self.table.new()
        return f"{new:,} new" if new else "New order"

    def _selection(self) -> dict[str, Any]:
        entries = [self.table.entries[number] for number in self.selected]
        tags = Counter(tag for entry in entries for tag in entry.row.tags)
        one = entries[0].row if len(entries) == 1 else None
        return {
            "count": len(entries),
            "open": sum(entry.stage != ENDED for entry in entries),
            "waiting": sum(entry.stage == WAITING and entry.row.reason != states.HELD for entry in entries),
            "held": sum(entry.stage == WAITING and entry.row.reason == states.HELD for entry in entries),
            "ended": sum(entry.stage == ENDED for entry in entries),
            "failed": sum(entry.stage == ENDED and entry.row.state != states.FINISHED for entry in entries),
            "tags": [[tag, count] for tag, count in tags.items()][:TAGS],
            "runs": spans(self._selected)[:200],
            "one": None if one is None else one.number,
            "folder": "" if one is None else str(folder_of(self.neroman.home, one)),
            "note": "" if one is None else one.note[:2000],
        }

    def _tell_failures(self, moved: list[Entry]) -> None:
        failed = [entry.row for entry in moved if entry.row.state in EXPLAINED]
        if failed:
            text = f"#{failed[0].number} {failed[0].state}: {failed[0].reason}" if len(failed) == 1 else ""
            self._news = {"id": self._news["id"] + 1, "text": plain(text or f"{len(failed)} runs failed")}

    def _why(self, entry: Entry) -> Why:
        table = self.table
        lines = tail(folder_of(self.neroman.home, entry.row) / "stderr.log")
        self._last_lines[entry.row.number, entry.row.attempt] = next(
            (x for x in reversed(lines) if x.strip()), ""
        )
        return explain(entry, lines, shown(table.metric), entry.value(table.metric_id))

    def _last_line(self, entry: Entry) -> str:
        return plain(
            self._last_lines.get((entry.row.number, entry.row.attempt), "").split("\r")[-1].strip(), 200
        )

    # -- what the user does with the table; what with the runs is in Acts

    def act_look(
        self, page: str, top: int, rows: int, left: float, width: int, cursor: Line | None, anchor: Line | None,
        again: bool = False,
    ) -> None:  # fmt: skip
        """Sends the lines of a page that sees `rows` rows from `top`, and of these the cells between `left` and `width`
        pixels further; `again`: it has nothing of what it was sent before."""
        with self._guard:
            window = self._windows.setdefault(page, Window())
            if again:
                window.shape = window.version = None
            window.top, window.rows = max(0, int(top)), min(200, max(1, int(rows)))
            window.left, window.width = float(left), min(10_000, max(100, int(width)))
            window.cursor, window.anchor = cursor, anchor
            if self.table.pending and self._wanted:
                self._wanted = False
                self.table.order()
            # Not as the answer, which is sent later: it would undo what is sent meanwhile.
            if message := self._view(window):
                self.tell(page, {"table": message})

    def act_touch(self, page: str, on: bool) -> None:
        """The pointer moves over the table, or has left it."""
        self._touched[page] = time.monotonic() if on else -TOUCHED

    def act_reorder(self) -> None:
        self._wanted = True

    def act_open(self, line: str, on: bool) -> None:
        with self._guard:
            self.table.wish.opened[line] = on
            self.table.pending = self._wanted = True

    def act_why(self, number: int, on: bool) -> None:
        """Shows, or takes away, why a run failed."""
        with self._guard:
            table = self.table
            (table.why_opened if on else table.why_closed).add(number)
            (table.why_closed if on else table.why_opened).discard(number)
            table.pending = self._wanted = True

    def act_filter(self, text: str) -> None:
        with self._guard:
            self.table.wish.filter = text[:1000]
            self._wish()

    def act_kinds(self, kinds: list[str]) -> None:
        with self._guard:
            self.table.wish.kinds = frozenset(kind for kind in kinds if kind in KINDS)
            self._wish()

    def act_order(self, group: str | None = None, sort: str | None = None, down: bool = False) -> None:
        with self._guard:
            order = self.table.wish.order
            by = order.sort if sort is None else sort
            self.table.wish.order = Order(
                order.group if group is None else group, by, order.down if sort is None else down
            )
            self._wish()

    def act_metric(self, name: str | None = None, small: bool | None = None) -> None:
        """Another metric; or whether less of it is better."""
        with self._guard:
            wish = self.table.wish
            wish.metric, wish.small = (wish.metric if name is None else name), small
            self.table.wished_metric()
            self._wish()

    def act_column(self, key: str, on: bool, main: bool) -> None:
        with self._guard:
            self.table.wish.asked["main" if main else "panel"][key] = on
            self._wish()

    def act_columns_reset(self, main: bool) -> None:
        with self._guard:
            self.table.wish.asked["main" if main else "panel"] = {}
            self._wish()

    def act_unchip(self) -> None:
        self.show(None)

    def act_menu(self, main: bool) -> dict[str, Any]:
        """What there is to choose from: groups, metrics and columns, each as [key, name, ...]."""
        with self._guard:
            table = self.table
            known = table.known()
            asked = table.wish.asked["main" if main else "panel"]
            groups = [[EXPERIMENT, EXPERIMENT], ["", "nothing"]]
            groups += [[PARAMETER + name, shown(name)] for name in [*known.varying, *known.zipped]]
            columns = [
                [key, shown(key_title(key)), asked.get(key, default)] for key, default in choices(known, main)
            ]
            return {
                "groups": groups,
                "metrics": [[name, shown(name)] for name in known.metrics][:200],
                "columns": columns[:200],
                "sorts": [["", "state"], *([key, name] for key, name, _ in columns[:200] if key != "spark")],
            }

    def act_select(self, how: str, number: int | None = None) -> None:
        """`one`, `toggle`, `range` (from the last one to this), `all` that the filter shows, `none`; `some`: this one
        unless others are selected, of which a page may not have heard yet."""
        with self._guard:
            table = self.table
            if how == "all":
                chosen = set(table.arrangement.shown)
            elif how == "none" or number is None:
                chosen = set()
            elif how == "some" and self._selected:
                chosen = self._selected
            elif (
                how == "range"
                and self._from in table.arrangement.places
                and number in table.arrangement.places
            ):
                ends = sorted(
                    table.arrangement.places[one] for one in (self._from, number) if one is not None
                )
                lines = table.arrangement.lines[ends[0] : ends[1] + 1]
                chosen = {line for line in lines if isinstance(line, int)}
            else:
                self._from = number
                chosen = self._selected ^ {number} if how == "toggle" else {number}
            self._choose(chosen & table.entries.keys())

    def _choose(self, chosen: set[int]) -> None:
        if chosen != self._selected:
            self._selected = chosen
            for callback in list(self._callbacks):
                self.live.soon(lambda call=callback: call(self.selected))  # type: ignore[misc]

    def _wish(self) -> None:
        """The user has wished for something: it is shown at once, and remembered."""
        self.table.pending = self._wanted = True
        if self._numbers is None:
            remember(self.neroman.home, self._part, self.table.wish.to_json())

    @property
    def _part(self) -> str:
        return "runs-wide" if self._wide else "runs"

    def _entries(self) -> list[Entry]:
        with self._guard:
            return [self.table.entries[number] for number in self.selected if number in self.table.entries]
