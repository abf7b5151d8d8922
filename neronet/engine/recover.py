"""Rebuilds what a lost database knew from what the nodes keep."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neronet.engine.work import LOCAL
from neronet.errors import ProtocolError
from neronet.store.batches import Batch
from neronet.store.runs import NewRun
from neronet.store.store import Store
from neronet.sweep import folder_name

if TYPE_CHECKING:
    from neronet.engine.link import Session


async def recover(session: Session, store: Store, node: str, home_id: str) -> list[int]:
    """Stores every batch of this home that the node has and the database does not; the numbers of its runs.

    Their states, points and logs come as for any batch that is followed from its beginning.
    """
    listed = (await session.ask({"m": "list"}, "batches", ""))["items"]
    numbers: list[int] = []
    try:
        unknown = [item for item in listed if item["home"] == home_id and store.batches.get(str(item["token"])) is None]
        for item in sorted(unknown, key=lambda item: float(item["created"])):
            token = str(item["token"])
            spec = json.loads(await session.content("batch", token))
            lines = (await session.content("runs", token)).splitlines()
            numbers += _store(store, node, token, spec, [json.loads(line) for line in lines], len(b"\n".join(lines)) + 1)
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError(f"{node} keeps a batch that cannot be read: {error!r}") from error
    return numbers


def _store(store: Store, node: str, token: str, spec: dict[str, Any], runs: list[dict[str, Any]], size: int) -> list[int]:
    numbers = []
    content = {key: value for key, value in spec.items() if key != "token"}
    content[LOCAL] = {"folder": str(Path.home()), "runs_size": size}
    with store.transaction(durable=True):
        batch = Batch(token, node, spec["place"], spec["experiment"], spec["manifest"], 1, "accepted", time.time())
        store.batches.add(batch, content)
        for index, run in enumerate(runs):
            known = store.runs.get(int(run["number"]))
            if int(run["attempt"]) > 1 and known is not None:
                store.attempts.add(known.number, token, index, node, int(run["attempt"]))
                numbers.append(known.number)
                continue
            new = NewRun(
                name=str(run["name"]), experiment=str(spec["experiment"]), collections=tuple(spec["collections"]),
                parameters=dict(run["parameters"]), argv=tuple(run["argv"]), snapshot=str(spec["manifest"]), token=token,
                idx=index, node=node, submitted=float(spec["created"]), note=str(spec["note"]),
                priority=int(spec["priority"]), number=int(run["number"]),
            )  # fmt: skip
            numbers += store.runs.add([new], folder_name)
    return numbers
