"""Reading a metric out of whole logs, by what pointing at a number proposes: every style of tests/extract, 10 MB of each.

The peer is a loop over `finditer` with the very same pattern and `float` of its groups; of logs with colours, after
`re.sub` has taken these out.  Processor seconds for a GB.

python -m bench.extract [--small] [--rounds N] [--megabytes N]
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.common import alternate, arguments, emit, ratio, say, spread, spreads
from neronet.extract import words
from neronet.extract.propose import propose
from neronet.extract.reading import read_log
from neronet.wire import printed, readers
from tests.extract.styles import LOGS, STYLES

GOAL = 1.5  # times the peer, for patterns with a step


def patterns() -> dict[str, tuple[str, tuple[str, ...]]]:
    """What is proposed for each style, but for numbers with commas, which `float` does not read: {name: (log,
    arguments)}."""
    found = {}
    for style in STYLES:
        lines, index, column = style.place()
        proposed = propose(lines, index, column=column).arguments
        if proposed[1] != "regex":
            continue
        match = readers._compiled(proposed[2]).search(
            lines[index] if printed.asks_for_escapes(proposed[2]) else words.plain(lines[index])
        )
        if match and not any("," in group for group in match.groups() if group):
            found[style.id] = style.file, proposed
    return found


def bare(path: Path, written: str, last_only: bool) -> int:
    """The points of a log as one would find them by hand."""
    compiled = readers._compiled(written)
    pattern = re.compile(compiled.pattern, compiled.flags | re.MULTILINE)
    step = compiled.groupindex.get("step")
    value = next(group for group in range(1, compiled.groups + 1) if group != step)
    points: list[tuple[float, float]] = []
    text = path.read_text("utf-8", "replace")
    if not printed.asks_for_escapes(written) and "\x1b" in text:
        text = re.sub(printed.ESCAPE, "", text)
    last = 0.0
    for match in pattern.finditer(text):
        if match[value] is None:  # the step of what follows
            last = float(match[step])
        else:
            said = match[step] if step else len(points)
            point = float(match[value]), last if said is None else float(said)
            if last_only and points and points[-1][1] == point[1]:
                points.pop()
            points.append(point)
    return len(points)


def ours(path: Path, proposed: Sequence[str]) -> int:
    return sum(len(found.values) for found in read_log(path.read_bytes(), proposed).values())


def timed(read: Callable[[], int], size: int, counts: list[int]) -> dict[str, float]:
    """Processor seconds for a GB; how many points there are goes to `counts`."""
    begun = time.process_time()
    counts.append(read())
    return {"seconds_per_gb": (time.process_time() - begun) / size * 1e9}


def lengthened(file: str, path: Path, size: int) -> Path:
    """`path`, a log of at least `size` bytes now: one of tests/extract again and again."""
    part = (LOGS / file).read_bytes()
    path.write_bytes(part * (size // len(part) + 1))
    return path


def measure(folder: Path, size: int, rounds: int) -> dict[str, Any]:
    found = {}
    for name, (file, proposed) in patterns().items():
        path = lengthened(file, folder / file, size)
        say(f"{name}: {' '.join(proposed)}")
        found[name] = compare(path, proposed, rounds)
    return found


def compare(path: Path, proposed: Sequence[str], rounds: int) -> dict[str, Any]:
    size = path.stat().st_size
    counts: list[int] = []
    sides = alternate(
        rounds,
        {
            "neronet": lambda: timed(lambda: ours(path, proposed), size, counts),
            "finditer": lambda: timed(
                lambda: bare(path, proposed[2], readers.KEEP in proposed), size, counts
            ),
        },
    )
    if len(set(counts)) != 1:
        raise RuntimeError(f"{path.name}: the two sides found {sorted(set(counts))} points")
    return {
        "step": "<step>" in proposed[2],
        "points": counts[0],
        **{side: each["seconds_per_gb"] for side, each in spreads(sides).items()},
        "ratio": ratio(sides, "seconds_per_gb", "finditer"),
    }


def main(argv: Sequence[str] | None = None) -> None:
    given = arguments(__doc__, 5, argv, megabytes=10)
    size = 20_000 if given.small else given.megabytes * 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), size, given.rounds)
    ratios = {
        kind: spread(
            each["ratio"]["median"] for each in found.values() if each["step"] == (kind == "with a step")
        )
        for kind in ("with a step", "without")
    }
    emit("extract", given, goal=GOAL, ratios=ratios, styles=found)


if __name__ == "__main__":
    main()
