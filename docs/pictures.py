"""Makes the pictures of docs/pictures/ anew: a real JupyterLab, two SSH nodes of the demo, a sweep of fifteen runs.

    python docs/pictures.py

It needs what the tests need (Chromium), and takes about two minutes.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Page, expect, sync_playwright  # noqa: E402

from neronet import Neroman  # noqa: E402
from neronet_jupyter.demo_nodes import DemoNodes  # noqa: E402
from tests.browser.jupyter_server import JupyterServer  # noqa: E402
from tests.browser.pages import begin, darken, launch, ready, show, widen  # noqa: E402

PICTURES = ROOT / "docs/pictures"
CONFIG = """\
run_command_prefix: python3
main_code_file: train.py
outputs: model.pt
steps: 60
+resnet:
  parameters:
    lr: [0.1, 0.01, 0.001]
    opt: [adamw, sgd]
    seed: {from: 1, to: 3}
  parameter_format: '--lr {lr} --opt {opt} --seed {seed}'
  exclude: opt == adamw and lr == 0.1
  conditions:
    too_high: {variablename: val_error, killvalue: 50, comparator: gt, when: time 0.05, action: kill}
"""
# Behaves as a training does: better and worse settings, one that diverges, one that runs out of memory.
TRAIN = """\
import argparse, math, random, sys, time

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--opt")
parser.add_argument("--seed", type=int)
args = parser.parse_args()
random.seed(args.seed)
floor = 6 + 3 * (math.log10(args.lr) + 2) ** 2 + 2 * (args.opt == "sgd")
for epoch in range(60):
    error = floor + (60 - floor) * math.exp(-epoch / 12) + random.gauss(0, 1)
    if args.lr == 0.1 and args.seed == 1:
        error = 40 + epoch * 2
    print("epoch", epoch)
    print("train_loss", round(error / 20, 4))
    print("val_error", round(error, 3), flush=True)
    if (args.lr, args.opt, args.seed, epoch) == (0.01, "adamw", 2, 30):
        sys.exit("CUDA out of memory")
    time.sleep(0.25)
open("model.pt", "w").write("x" * 5000)
"""
SHOWN = {
    "run": ("neronet:open-run", {"number": 3}, ".nn-runview .bqplot .curve"),
    "compare": ("neronet:compare", {}, ".nn-compare .nn-cap"),
}


def panel(page: Page, width: int, name: str) -> None:
    widen(page, width)
    page.wait_for_timeout(1500)
    page.locator("#neronet-panel").screenshot(path=PICTURES / f"panel-{width}-{name}.png")


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="neronet-pictures"))
    with DemoNodes(place / "demo") as nodes, sync_playwright() as playwright:
        server = JupyterServer(place / "lab", NERONET_HOME=str(nodes.home))
        try:
            folder = server.root / "resnet"
            folder.mkdir()
            (folder / "config.yaml").write_text(CONFIG)
            (folder / "train.py").write_text(TRAIN)
            server.start()
            browser = launch(playwright)
            with Neroman(nodes.home, background=True) as neroman:
                runs = neroman.submit(folder, "lab")
                for name in ("light", "dark"):
                    page = browser.new_page(viewport={"width": 1280, "height": 860}, device_scale_factor=1.5)
                    page.goto(server.url)
                    ready(page)
                    if name == "dark":
                        darken(page)
                    show(page)
                    rows = page.locator("#neronet-panel [data-run]")
                    rows.nth(8).wait_for(timeout=60_000)
                    begin(page, "neronet:submit-folder", path=str(folder))
                    expect(page.locator(".nn-sweep .nn-count")).to_contain_text("15 runs", timeout=30_000)
                    page.wait_for_timeout(3000)
                    panel(page, 400, name)
                    panel(page, 250, name)
                    page.get_by_role("region", name="Neronet").get_by_role(
                        "button", name="Sweep", exact=True
                    ).click()
                    widen(page, 340)
                    for what, (command, args, ready_when) in SHOWN.items():
                        begin(page, command, **args)
                        page.locator(ready_when).first.wait_for(timeout=30_000)
                        page.wait_for_timeout(4000)
                        page.screenshot(path=PICTURES / f"{what}-{name}.png")
                    page.close()
                runs.wait(120)
            browser.close()
        finally:
            server.close()
    shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main()
