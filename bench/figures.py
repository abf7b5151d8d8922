"""What a figure costs: one refresh in the kernel, and on the page's main thread, while runs go on.

Twenty runs that print ten points a second each, fifty runs of 10,000 points, and 2,000 runs compared.  `--page` also
opens JupyterLab in a browser, whose main thread is watched (Chromium and the installed labextension are needed).
Points are put into the store as the engine does; no node takes part.  Times are milliseconds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neronet import Neroman
from tests.jupyter.figures.made_runs import Printed, make_runs

RATE = 10  # points a second of each run
GOAL = 0.35  # the part of a page's main thread that figures may take


def walk(n: int, seed: int) -> list[float]:
    found: list[float] = np.cumsum(np.random.default_rng(seed).normal(size=n)).tolist()
    return found


def milliseconds(work: Callable[[], object], times: int) -> dict[str, float]:
    found = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        found.append(1000 * (time.perf_counter() - began))
    return {"min": min(found), "median": statistics.median(found), "max": max(found)}


def kernel(home: Path, rounds: int, long: int) -> dict[str, Any]:
    """Refreshes of widgets whose page is not there: what is sent is made, and nobody takes it."""
    from neronet_jupyter.figures import Compare, LiveFigure

    with Neroman(home) as neroman:
        store = neroman.store
        twenty = make_runs(store, [{"seed": i} for i in range(20)], experiment="twenty")
        printed = Printed(store)
        for number in twenty:
            printed.add(number, "loss", walk(400, number))
        fifty = make_runs(store, [{"lr": i % 5, "seed": i} for i in range(50)], experiment="fifty")
        for number in fifty:
            printed.add(number, "loss", walk(long, number))
        many = make_runs(
            store, [{"lr": i % 5, "width": 2 ** (i % 7), "seed": i} for i in range(2000)], experiment="many"
        )
        with store.transaction():
            for number in many:
                printed.add(number, "loss", [float(number % 5)])
        found: dict[str, Any] = {}
        for name, numbers, options in (
            ("20 runs, band", twenty, {"selected": twenty[:5]}),
            ("20 runs, lines", twenty, {"show": "runs"}),
            ("50 long runs, band", fifty, {"selected": fifty[:2]}),
            ("50 long runs, lines", fifty, {"show": "runs"}),
            ("50 long runs, smoothed bands", fifty, {"by": "lr", "smooth": 0.9}),
        ):
            figure = LiveFigure(numbers, "loss", neroman=neroman, **options)

            def refresh(figure: LiveFigure = figure, numbers: Sequence[int] = numbers) -> None:
                figure.runs_changed(set(numbers))
                figure.render()

            spent = []
            for _ in range(rounds):
                for number in numbers:
                    printed.add(number, "loss", [1.0, 2.0])
                spent.append(milliseconds(refresh, 1)["median"])
            found[name] = {"min": min(spent), "median": statistics.median(spent), "max": max(spent)}
        compare = Compare(many, "loss", neroman=neroman)
        found["2,000 runs compared"] = milliseconds(compare.render, rounds)
        found["one brush on 2,000 runs"] = milliseconds(lambda: compare.act_brush("lr", 0.2, 0.7), rounds)
    return found


def page(folder: Path, seconds: int, long: int) -> dict[str, Any]:
    """The part of the main thread that was busy while a figure was updated, and the longest pause between frames."""
    from playwright.sync_api import sync_playwright

    from tests.browser.jupyter_server import JupyterServer
    from tests.browser.pages import launch

    server = JupyterServer(folder)
    found: dict[str, Any] = {}
    try:
        server.start()
        with Neroman(server.neronet_home) as neroman, sync_playwright() as playwright:
            browser = launch(playwright)
            for name, runs, before, options in (
                ("idle", 0, 0, ""),
                ("20 runs, band and 5 lines", 20, 400, "selected=range(1, 6)"),
                ("20 runs, lines", 20, 400, "show='runs'"),
                ("50 long runs, band", 50, long, ""),
                ("50 long runs, lines", 50, long, "show='runs'"),
            ):
                numbers = make_runs(
                    neroman.store, [{"seed": i} for i in range(runs)], experiment=f"page{len(found)}"
                )
                printed = Printed(neroman.store)
                for number in numbers:
                    printed.add(number, "loss", walk(before, number))
                options = options.replace("range(1, 6)", str(numbers[:5]))
                code = f"from neronet_jupyter import LiveFigure\nLiveFigure({numbers}, 'loss', {options})"
                found[name] = _watched(browser, server, code if runs else "1", numbers, printed, seconds)
            browser.close()
    finally:
        server.close()
    return found


def _watched(
    browser: Any, server: Any, cell: str, numbers: Sequence[int], printed: Printed, seconds: int
) -> dict[str, float]:
    from tests.browser.pages import execute, make_notebook, ready

    tab = browser.new_page(viewport={"width": 1280, "height": 800})
    tab.goto(server.url)
    ready(tab)
    make_notebook(tab, server, cell)
    execute(tab, "notebook:run-all-cells")
    if numbers:
        tab.wait_for_selector(".nn-fig-over", timeout=60_000)
    tab.wait_for_timeout(2000)
    metrics = tab.context.new_cdp_session(tab)
    metrics.send("Performance.enable")

    def busy() -> float:
        return next(
            m["value"]
            for m in metrics.send("Performance.getMetrics")["metrics"]
            if m["name"] == "TaskDuration"
        )

    tab.evaluate(
        "() => { window.gaps = []; let last = performance.now();"
        " const tick = now => { window.gaps.push(now - last); last = now; requestAnimationFrame(tick); };"
        " requestAnimationFrame(tick); }"
    )
    stop = threading.Event()

    def prints() -> None:
        while numbers and not stop.wait(1 / RATE):
            for number in numbers:
                printed.add(number, "loss", [float(np.sin(time.time()))])

    thread = threading.Thread(target=prints)
    before, began = busy(), time.monotonic()
    thread.start()
    tab.wait_for_timeout(1000 * seconds)
    part = (busy() - before) / (time.monotonic() - began)
    gap = tab.evaluate("Math.max(...window.gaps)")
    stop.set()
    thread.join()
    tab.close()
    return {"busy": round(part, 3), "longest_gap_ms": round(gap)}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--seconds", type=int, default=15, help="for which a page is watched (default 15)")
    parser.add_argument("--page", action="store_true", help="also in a browser")
    parser.add_argument("--small", action="store_true", help="tiny amounts, to see that it works")
    given = parser.parse_args(argv)
    rounds, long = (2, 500) if given.small else (given.rounds, 10_000)
    with tempfile.TemporaryDirectory() as folder:
        found: dict[str, Any] = {"kernel_ms": kernel(Path(folder) / "home", rounds, long)}
        if given.page:
            seconds = 3 if given.small else given.seconds
            found["page"] = page(Path(folder) / "jupyter", seconds, long)
            found["goal_busy"] = GOAL
    print(json.dumps(found, default=lambda value: round(float(value), 3)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
