"""Writes to the store of the home argv[1] until it is killed; goes on where the one before was killed."""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

from store_tools import TOKEN, folder, new_run, records

from neronet.store import Store

with Store(Path(sys.argv[1])) as store:
    store.start_writing()
    print("ready", flush=True)
    for step in count(store.offsets.journals(TOKEN).get("kid.log", 0)):
        with store.transaction():
            values = [3.0 * step + i for i in range(3)]
            # A journal is read from some place before the last record: the first points were stored before.
            store.points.add(1, 1, 0, records([values[0] - 1, *values], start=30 * step - 10))
            store.offsets.set_journal(TOKEN, "kid.log", step + 1)
            store.events.add(step, "read", "")
            if step % 5 == 0:
                store.runs.add([new_run(f"run{step}", step)], folder)
            if step % 7 == 0:
                store.points.compact(1, 1)
