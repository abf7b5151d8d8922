"""Every order and every cut of what a correct node sends ends with the same files, points and states.

NERONET_ORDERS sets how many are tried (default 80).
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neronet.store import Store
from tests.engine.model_node import TOKEN, ModelNode, collector, ended, points, record, submitted

ORDERS = int(os.environ.get("NERONET_ORDERS", "80"))

TEXT = st.binary(min_size=1, max_size=12)
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("print"), st.integers(0, 1), st.integers(0, 1), TEXT),
        st.tuples(st.just("point"), st.integers(0, 1), st.floats(allow_nan=False, width=32)),
        st.tuples(st.just("send"), st.integers(0, 9), st.integers(1, 9)),
        st.tuples(st.just("twice"), st.integers(0, 9), st.integers(1, 9)),
        st.tuples(st.just("reconnect")),
        st.tuples(st.just("adopt")),
        st.tuples(st.just("end"), st.integers(0, 1), st.sampled_from(["finished", "failed", "lost"])),
    ),
    max_size=40,
)


@settings(max_examples=ORDERS, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ACTIONS)
def test_whatever_the_order_all_arrives_once(actions: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder)) as store:
        run_model(actions, store, Path(folder))


def run_model(actions: list[Any], store: Store, home: Path) -> None:
    numbers = submitted(store)
    node, kid = ModelNode(), 0
    values: dict[int, list[float]] = {0: [], 1: []}
    over: dict[int, str] = {}
    taker = collector(store, home)
    node.obey(taker.follow(TOKEN))
    for index in (0, 1):
        node.write("kid0.log", record("claimed", index, host="h", gpus=[]), record("started", index))

    def send(which: int, size: int, again: bool = False) -> None:
        if sources := node.sources():
            piece = node.send(sources[which % len(sources)], size)
            node.obey(taker.take([piece]))
            if again and piece[0]["m"] == "log":  # the channel never repeats, an answer to an older wish does
                node.obey(taker.take([piece]))

    for action in actions:
        match action:
            case "print", index, stream, data if index not in over:
                node.print(index, stream, data)
            case "point", index, value if index not in over:
                node.write(f"kid{kid}.log", points([value], 10 * len(values[index]), index))
                values[index].append(value)
            case "send", which, size:
                send(which, size)
            case "twice", which, size:
                send(which, size, again=True)
            case ("adopt",):
                kid += 1
            case ("reconnect",):
                node.hang_up()
                taker = collector(store, home)
                node.obey(taker.follow(TOKEN))
            case "end", index, state if over.get(index) in (None, "lost") and state != over.get(index):
                node.print(index, 0, b"last words")
                node.outputs[index, "out"] = b"result"
                node.write(
                    f"kid{kid}.log", ended(node.sizes(index), index, state=state, outputs=[["out", 6, 0]])
                )
                over[index] = state
                if TOKEN not in str(store.batches.find(states=("accepted",))):
                    return  # a correction after everything was final is not looked at any more
    for index in {0, 1} - set(over):
        node.write(f"kid{kid}.log", ended(node.sizes(index), index))
        over[index] = "finished"
    while sources := node.sources():
        node.obey(taker.take([node.send(sources[0], 7)]))
    for index, number in enumerate(numbers):
        run = store.runs.get(number)
        assert run is not None
        assert list(store.points.read(number, "loss").value) == values[index]
        for stream, name in enumerate(("stdout.log", "stderr.log")):
            file = home / "results" / run.results / name
            assert (file.read_bytes() if file.exists() else b"") == node.logs.get((index, stream), b"")
        assert run.state == over[index], (run.state, over)
        if (index, "out") in node.outputs:
            assert (home / "results" / run.results / "out").read_bytes() == b"result"
    assert store.batches.get(TOKEN).state == "final"  # type: ignore[union-attr]
