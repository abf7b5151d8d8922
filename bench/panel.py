"""From a program's flushed print on a node to what JupyterLab shows, and what that costs.

Twenty runs behind a real sshd print a clock ten times a second each; the panel and, in a notebook, a figure with a
line for each of the twenty are open in Chromium.  A point's age is taken in the frame in which its line, or its cell
of the table, shows it or a later one.  `--seconds 1800` shows whether memory grows.  Chromium and the installed
labextension are needed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from playwright.sync_api import Page, sync_playwright

from bench.common import PATIENCE, Bed, arguments, emit, percentile, say, write_folder
from neronet import Neroman
from tests.browser.jupyter_server import JupyterServer
from tests.browser.pages import execute, launch, make_notebook, ready, show

RUNS, RATE = 20, 10
WATCHED = 30  # seconds in which ages are taken; looking at each frame costs, so what it costs is measured afterwards
PROGRAM = """\
import itertools, os, time
begin = float(os.environ["BEGIN"])
for n in itertools.count():
    rest = begin + n / RATE - time.time()
    if rest > 0:
        time.sleep(rest)
    print("clock", round(time.time() - begin, 4), flush=True)
    if os.path.exists(os.path.expanduser("~/stop")):
        break
"""
CONFIG = """\
run_command_prefix: python3
main_code_file: main.py
env: {BEGIN: 'CLOCK'}
+clocks:
  parameters: {run: {from: 1, to: RUNS}}
  conditions: {}
"""
# [when, newest value] whenever a line of the figure or a cell of the table has changed.
WATCH = """begin => {
    window.seen = {on: true, figure: {}, table: {}};
    const now = () => Date.now() / 1000 - begin;
    const lines = () => {
        // All lines are one path; a point that is nothing ends each.
        const values = document.querySelector('.jp-OutputArea .bqplot path.line')?.__data__?.values ?? [];
        let line = 0;
        values.forEach((point, i) => {
            if (i === values.length - 1 || !Number.isFinite(values[i + 1].y)) {
                if (Number.isFinite(point.y)) take('figure', line++, point.y);
            }
        });
        document.querySelectorAll('#neronet-panel [data-run]').forEach(row =>
            take('table', row.dataset.run, Number(row.lastElementChild.textContent)));
        if (window.seen.on) requestAnimationFrame(lines);
    };
    const take = (where, which, value) => {
        const all = window.seen[where][which] ??= [];
        if (!Number.isNaN(value) && (!all.length || all[all.length - 1][1] !== value)) all.push([now(), value]);
    };
    requestAnimationFrame(lines);
}"""


def ages(seen: dict[str, list[list[float]]]) -> list[float]:
    """Seconds for each printed point: until the first frame that shows it or a later one."""
    found = []
    for changes in seen.values():
        for (_, old), (when, new) in pairwise(changes):
            printed = [old + (i + 1) / RATE for i in range(round((new - old) * RATE))]
            found += [when - min(value, new) for value in printed]
    return found


def watched(server: JupyterServer, page: Page, seconds: int, begin: float) -> dict[str, Any]:
    page.goto(server.url)
    ready(page)
    show(page)
    page.locator("#neronet-panel [data-run]").nth(5).wait_for(timeout=60_000)
    cell = "from neronet_jupyter import LiveFigure\nLiveFigure('clocks', 'clock', show='runs')"
    make_notebook(page, server, cell)
    execute(page, "notebook:run-all-cells")
    page.locator(".jp-OutputArea .bqplot path.line").first.wait_for(state="attached", timeout=60_000)
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable")
    kernel = server.panel_kernel()

    def now() -> dict[str, float]:
        devtools.send("HeapProfiler.collectGarbage")
        told = {one["name"]: one["value"] for one in devtools.send("Performance.getMetrics")["metrics"]}
        times = kernel.cpu_times()
        return {
            "at": time.monotonic(),
            "page_s": told["TaskDuration"],
            "kernel_s": times.user + times.system,
            "page_mb": told["JSHeapUsedSize"] / 1e6,
            "kernel_mb": kernel.memory_info().rss / 1e6,
        }

    page.wait_for_timeout(10_000)
    page.evaluate(WATCH, begin)
    page.wait_for_timeout(1000 * min(seconds, WATCHED))
    seen = page.evaluate("() => { window.seen.on = false; return window.seen }")
    marks = [now()]
    for _ in range(4):
        page.wait_for_timeout(250 * seconds)
        marks.append(now())
        say(str({name: round(value, 1) for name, value in marks[-1].items()}))
    first, last = marks[0], marks[-1]
    wall = last["at"] - first["at"]
    return {
        **{
            f"{where}_ms": {f"p{part}": 1000 * percentile(found, part / 100) for part in (50, 95, 99)}
            for where in ("figure", "table")
            if (found := ages(seen[where]))
        },
        "page_busy": (last["page_s"] - first["page_s"]) / wall,
        "kernel_busy": (last["kernel_s"] - first["kernel_s"]) / wall,
        "page_mb": [mark["page_mb"] for mark in marks],
        "kernel_mb": [mark["kernel_mb"] for mark in marks],
    }


def main(argv: Sequence[str] | None = None) -> int:
    given = arguments(__doc__, 1, argv, seconds=60)
    with Bed(given.memory, slots=RUNS) as bed, sync_playwright() as playwright:
        server = JupyterServer(bed.folder / "lab", NERONET_HOME=str(bed.neroman.home))
        browser = launch(playwright)
        try:
            server.start()
            begin = time.time() + 3
            config = CONFIG.replace("CLOCK", repr(begin)).replace("RUNS", str(RUNS))
            folder = write_folder(
                bed.folder / "clocks", config, {"main.py": PROGRAM.replace("RATE", str(RATE))}
            )
            bed.neroman.close()
            with Neroman(bed.neroman.home, background=True) as neroman:
                runs = neroman.submit(folder, "node1", wait=PATIENCE)
                page = browser.new_page(viewport={"width": 1280, "height": 800})
                found = watched(server, page, 5 if given.small else given.seconds, begin)
                bed.ssh("touch stop")
                runs.wait(PATIENCE)
                neroman.stop_engine()
        finally:
            browser.close()
            server.close()
    emit("panel", given, **found, goals={"figure_p95_ms": 300, "page_busy": 0.35, "kernel_busy": 0.15})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
