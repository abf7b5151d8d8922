"""What the runs table costs with 10,000 runs of 40 columns: in the kernel, and in a page that scrolls through it.

`--page` also opens JupyterLab in a browser (Chromium and the installed labextension are needed): how long from the
cell to the rows, frames a second while it scrolls, and from a click on a column's head to the rows in that order.
Runs are put into the store as the engine does; no node takes part.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from neronet import Neroman
from neronet.store.store import Store
from neronet_jupyter.table.arrange import Order
from neronet_jupyter.table.columns import layout
from neronet_jupyter.table.lines import Painter, Window, view
from neronet_jupyter.table.model import Table, Wish
from neronet_jupyter.table.why import Why
from tests.jupyter.table.stores import many, say

PARAMETERS, METRICS = 24, 16
GOALS = {"open_s": "< 1", "sort_s": "< 0.3", "update_bytes": "< 20,000", "frames_per_s": "> 50"}
CELL = """from neronet_jupyter import RunsTable
from ipywidgets import Layout, VBox
VBox([RunsTable(wide=True)], layout=Layout(width='1200px', height='700px'))"""


def seconds(work: Callable[[], object], times: int = 1) -> dict[str, float]:
    found = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return {"min": min(found), "median": statistics.median(found), "max": max(found)}


def paint(table: Table, window: Window) -> dict[str, Any] | None:
    columns = layout(window.width, table.known(), {})
    painter = Painter(table, columns, window, time.time(), set(), lambda _: Why("", "", False), lambda _: "")
    return view(table, columns, window, painter)


def kernel(store: Store, numbers: Sequence[int], rounds: int) -> dict[str, Any]:
    def open_it() -> Table:
        table = Table(store, Wish())
        table.order()
        paint(table, Window(rows=60, width=1200))
        return table

    found: dict[str, Any] = {"open_s": seconds(open_it, rounds)}
    table, window = open_it(), Window(rows=60, width=1200)
    whole = paint(table, window)

    def wish(**changes: Any) -> None:
        for name, value in changes.items():
            setattr(table.wish, name, value)
        table.pending = True
        table.order()
        paint(table, window)

    for by in ("p:p3", "m:metric2", "age"):
        found[f"sort_s by {by}"] = seconds(lambda by=by: wish(order=Order(sort=by)), rounds)  # type: ignore[misc]
    found["group_s by p:p3"] = seconds(lambda: wish(order=Order("p:p3")), rounds)
    wish(order=Order())
    found["filter_s"] = seconds(lambda: wish(filter="p3>0.5 metric2<1 wide"), rounds)
    wish(filter="")
    found["scroll_s"] = seconds(lambda: paint(table, Window(top=5000, rows=60, width=1200)), rounds)
    sizes, spent = [], []
    for _ in range(rounds):
        for number in numbers[-20:]:
            say(store, number, first=4, **{f"metric{j}": [time.time() % 5] for j in range(METRICS)})
        began = time.perf_counter()
        table.take(numbers[-20:])
        update = paint(table, window)
        spent.append(time.perf_counter() - began)
        sizes.append(len(json.dumps(update)))
    return {
        **found,
        "update_of_20_runs_s": {"min": min(spent), "median": statistics.median(spent), "max": max(spent)},
        "update_bytes": max(sizes),
        "whole_window_bytes": len(json.dumps(whole)),
    }


def page(folder: Path, runs: int, length: int) -> dict[str, Any]:
    from playwright.sync_api import sync_playwright

    from tests.browser.jupyter_server import JupyterServer
    from tests.browser.pages import execute, launch, make_notebook, ready, until_idle

    server = JupyterServer(folder)
    try:
        server.start()
        with Neroman(server.neronet_home) as neroman:
            many(neroman.store, "wide", runs, PARAMETERS, METRICS)
        with sync_playwright() as playwright:
            browser = launch(playwright)
            tab = browser.new_page(viewport={"width": 1700, "height": 1000})
            tab.goto(server.url)
            ready(tab)
            make_notebook(tab, server, "import neronet_jupyter.runs", CELL)
            execute(tab, "notebook:run-cell-and-select-next")
            until_idle(tab)
            found: dict[str, Any] = tab.evaluate(_OPEN)
            metrics = tab.context.new_cdp_session(tab)
            metrics.send("Performance.enable")

            def spent() -> float:
                told = {
                    one["name"]: one["value"] for one in metrics.send("Performance.getMetrics")["metrics"]
                }
                return 1000 * float(told["ThreadTime"])

            still = tab.evaluate(_SCROLL, [length, 0])
            before = spent()
            moving = tab.evaluate(_SCROLL, [length, 40])
            moving["cpu_ms_per_frame"] = (spent() - before) / moving["frames"]
            found |= {"still": still, "scrolling": moving, **tab.evaluate(_SORT)}
            browser.close()
            return found
    finally:
        server.close()


_HELP = """
  const frame = () => new Promise(requestAnimationFrame);
  const until = async true_ => { while (!true_()) { await frame(); } };
  const grid = () => document.querySelector('.nn-grid');
"""
_OPEN = f"""async () => {{ {_HELP}
  const began = performance.now();
  window.jupyterapp.commands.execute('notebook:run-cell');
  await until(() => document.querySelectorAll('.nn-grid [data-run]').length > 20);
  return {{open_s: (performance.now() - began) / 1000}};
}}"""
# What a frame costs the page's main thread is told by the processor's time: others on the machine slow frames down.
_SCROLL = f"""async ([length, step]) => {{ {_HELP}
  const gaps = [];
  let blank = 0, last = performance.now();
  const end = last + 1000 * length;
  while (last < end) {{
    grid().scrollTop += step;
    await frame();
    const now = performance.now();
    gaps.push(now - last);
    last = now;
    const box = grid().getBoundingClientRect();
    const there = document.elementFromPoint(box.left + 200, box.top + box.height / 2);
    blank += there?.closest('.nn-tr') ? 0 : 1;
  }}
  gaps.sort((a, b) => a - b);
  return {{
    frames_per_s: 1000 * gaps.length / gaps.reduce((a, b) => a + b), frame_ms_p95: gaps[Math.floor(0.95 * gaps.length)],
    frames: gaps.length, frames_without_rows: blank,
  }};
}}"""
_SORT = f"""async () => {{ {_HELP}
  grid().scrollTop = 0;
  await new Promise(done => setTimeout(done, 1000));
  const before = document.querySelector('.nn-lines').textContent;
  const began = performance.now();
  [...document.querySelectorAll('[role=columnheader]')].find(e => e.textContent === 'p3').click();
  await until(() => document.querySelector('[aria-sort]') && document.querySelector('.nn-lines').textContent !== before);
  return {{sort_s: (performance.now() - began) / 1000}};
}}"""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--page", action="store_true", help="also in a browser")
    parser.add_argument("--small", action="store_true", help="tiny amounts, to see that it works")
    given = parser.parse_args(argv)
    if given.small:
        given.runs, given.rounds = 200, 2
    with tempfile.TemporaryDirectory() as folder, Neroman(Path(folder, "home")) as neroman:
        numbers = many(neroman.store, "wide", given.runs, PARAMETERS, METRICS)
        found: dict[str, Any] = {"kernel": kernel(neroman.store, numbers, given.rounds)}
        if given.page:
            found["page"] = page(Path(folder, "jupyter"), given.runs, 2 if given.small else 10)
    print(json.dumps({"bench": "table", "runs": given.runs, **found, "goal": GOALS}, default=str))
    return 0


if __name__ == "__main__":
    sys.exit(main())
