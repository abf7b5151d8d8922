"""Only messages of the agreed shape are acted on."""

from __future__ import annotations

from typing import Any

import pytest

from neronet.wire import messages
from neronet.wire.frames import Malformed
from neronet.wire.messages import TO_NODE, TO_USER, check

SHA = "a" * 64
RUN = {"token": "0123456789abcdef", "index": 0, "attempt": 1}
BATCH = {"home": "h", "place": "p", "created": 1.5, "manifest": SHA, "runs": SHA}
ACT = {
    "m": "act",
    "id": "x",
    "do": "hold",
    "token": RUN["token"],
    "runs": [[0, 3]],
    "who": "",
    "why": "",
    "priority": -5,
}
GOOD: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"m": "hello", "protocol": 1, "version": "1", "home": "h"}, TO_NODE),
    ({"m": "batch", "token": RUN["token"], "batch": BATCH}, TO_NODE),
    ({"m": "log", **RUN, "stream": 2, "offset": 0, "until": -1}, TO_NODE),
    ({"m": "follow", "token": RUN["token"], "offsets": {"host-1-2.log": 5}}, TO_NODE),
    ({"m": "have", "shas": [SHA] * 10}, TO_NODE),
    (ACT, TO_NODE),
    ({"m": "place", "place": "p", "limits": {}}, TO_NODE),
    (
        {"m": "journal", "token": RUN["token"], "name": "a.log", "offset": 0, "reset": False, "size": 3},
        TO_USER,
    ),
    ({"m": "batches", "items": []}, TO_USER),
    ({"m": "done", "id": "x", "result": {}}, TO_USER),
    ({"m": "pong", "id": 3}, TO_USER),
]


@pytest.mark.parametrize(
    ("message", "table"), GOOD, ids=lambda value: value.get("m", "") if "m" in value else ""
)
def test_a_right_message_passes_and_needs_each_of_its_fields(
    message: dict[str, Any], table: dict[str, Any]
) -> None:
    assert check(message, table) is message
    for field in message:
        with pytest.raises(Malformed):
            check({name: value for name, value in message.items() if name != field}, table)


@pytest.mark.parametrize(
    "changes",
    [
        {"token": "0123456789ABCDEF"},
        {"token": "../../../../etc/"},
        {"token": 5},
        {"token": "0123456789abcdef\n"},
        {"id": "../x"},
        {"id": ".x"},
        {"id": ""},
        {"id": "x" * 201},
        {"runs": [[3, 0]]},
        {"runs": [[-1, 0]]},
        {"runs": [[0]]},
        {"runs": [[0, True]]},
        {"runs": {"0": 1}},
        {"runs": [[0, 2**62]]},
        {"why": "x" * 70_000},
        {"why": None},
        {"priority": 1.5},
        {"priority": 2**60},
    ],
    ids=repr,
)
def test_a_wish_with_a_wrong_field_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="no usable"):
        check({**ACT, **changes}, TO_NODE)


@pytest.mark.parametrize(
    "changes",
    [{"stream": 3}, {"stream": -1}, {"offset": -1}, {"index": -1}, {"until": -2}, {"offset": 0.0}],
    ids=repr,
)
def test_no_offset_or_number_is_out_of_bounds(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        check({"m": "log", **RUN, "stream": 0, "offset": 0, "until": 5, **changes}, TO_NODE)


@pytest.mark.parametrize("field", BATCH)
def test_a_batch_says_whose_it_is_and_what_it_holds(field: str) -> None:
    for value in (None, "../x", ["x"], {}):
        with pytest.raises(Malformed):
            check({"m": "batch", "token": RUN["token"], "batch": {**BATCH, field: value}}, TO_NODE)


def test_names_of_journals_are_file_names() -> None:
    for name in ("../x", "/etc/passwd", "a/b", "", ".", "..", "a\0b", "-x"):
        assert not messages.name(name)
    assert messages.name("host.example-12-345.log")


@pytest.mark.parametrize("kind", [None, 5, "", "Hello", "nothing", "x" * 30, ["hello"], {}], ids=repr)
def test_an_unknown_kind_is_refused(kind: object) -> None:
    with pytest.raises(Malformed, match="unknown"):
        check({"m": kind}, TO_USER)


def test_one_question_asks_for_a_bounded_number_of_files() -> None:
    with pytest.raises(Malformed):
        check({"m": "have", "shas": [SHA] * (messages.MAX_HASHES + 1)}, TO_NODE)
    with pytest.raises(Malformed):
        check({"m": "have", "shas": ["A" * 64]}, TO_NODE)
