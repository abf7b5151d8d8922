"""Kill -9 of Neromum and of kids at random moments, while four runs print 10,000 numbered points each.

NERONET_KILLS sets how many moments (20), NERONET_SEED which ones.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from tests.faults.faults import check, close_all, kill, runs, submit
from tests.node.mum import Mum, kids_of, leave_nothing

pytestmark = pytest.mark.slow

RUNS, POINTS, EVERY = 4, 10_000, 100
KILLS = int(os.environ.get("NERONET_KILLS", "20"))
PAUSE = 0.2  # seconds between two moments, on average


@pytest.mark.timeout(120 + 3 * KILLS)
def test_random_kills_lose_nothing_and_start_nothing_twice(root: Path, tmp_path: Path) -> None:
    seed = int(os.environ.get("NERONET_SEED", str(random.randrange(10**6))))
    chance = random.Random(seed)
    print(f"\n{KILLS} moments, NERONET_SEED={seed}")
    # Or else the node would soon leave the runs unwatched, and adoption would not be tried.
    patient = {"DEATHS, DEATH_SPAN = 3, 60.0": "DEATHS, DEATH_SPAN = 100000, 60.0"}
    notes = tmp_path / "notes"
    mums = [Mum(root, limits={"slots": RUNS}, change=patient)]
    killed = {"kid": 0, "mum": 0}
    try:
        rest = max(0.04, KILLS * PAUSE * 2.6 / (POINTS / EVERY))
        token = submit(mums[-1], runs(notes, RUNS, POINTS, EVERY, rest))
        for _ in range(KILLS):
            until = time.monotonic() + chance.expovariate(1 / PAUSE)
            while time.monotonic() < until:
                mums[-1].receive(max(0.0, until - time.monotonic()))
            kids = kids_of(root)
            victims = chance.sample(kids, chance.randint(0, len(kids)))
            for pid in victims:
                kill(pid)
            killed["kid"] += len(victims)
            if not victims or chance.random() < 0.5:
                killed["mum"] += 1
                mums[-1].kill()
                mums.append(Mum(root, limits={"slots": RUNS}, change=patient, before=mums[-1]))
                mums[-1].follow(token)
            else:
                mums[-1].say({"m": "place", "place": "place1", "limits": {"slots": RUNS}})
        print(
            f"killed {killed['kid']} kids and {killed['mum']} Neromums; {len(mums[-1].ended())} runs had ended"
        )
        check(mums[-1], notes, RUNS, POINTS, f"seed {seed}", timeout=60 + KILLS)
        adopted = len(mums[-1].of("adopted"))
        print(f"{adopted} times another kid took over")
        assert adopted or KILLS < 5
    finally:
        close_all(mums)
    leave_nothing(root)
