"""A part of the panel: it renders what is seen, when something changed, and answers what pages ask."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from neronet import Neroman
from neronet.errors import InputError
from neronet_jupyter import format as say
from neronet_jupyter.memory import recall, remember
from neronet_jupyter.widget import View, slow
from tests.jupyter.conftest import Page
from tests.waiting import until

pytestmark = pytest.mark.slow


class Part(View):
    def __init__(self, neroman: Neroman) -> None:
        self.count = 0
        super().__init__(neroman)

    def render(self) -> dict[str, Any]:
        self.count += 1
        return {"count": self.count, "runs": len(self.neroman.runs())}

    def act_add(self, a: int, b: int) -> int:
        return a + b

    def act_refuse(self) -> None:
        raise InputError("there is no such thing", "look again")

    def act_break(self) -> None:
        raise ZeroDivisionError

    def act_thread(self) -> str:
        return threading.current_thread().name

    @slow
    def act_wait(self, seconds: float) -> str:
        time.sleep(seconds)
        return "waited"


def test_a_part_that_no_page_shows_is_not_rendered(neroman: Neroman) -> None:
    part = Part(neroman)
    time.sleep(0.3)
    assert part.count == 0
    page = Page(part)
    page.until(lambda state: state["count"])
    page.say("unseen")
    seen = part.count
    part.changed()
    time.sleep(0.4)
    assert part.count == seen


def test_a_page_that_comes_is_told_also_what_has_not_changed(
    neroman: Neroman, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have made its widget from what was so a moment before, and have missed what was sent meanwhile."""
    part = Part(neroman)
    monkeypatch.setattr(Part, "render", lambda self: {"as": "before"})

    def told() -> int:
        return sum(
            "state" in data.get("state", {}) for data in part.comm.sent if data.get("method") == "update"
        )

    first = Page(part)
    first.until(bool)
    until(lambda: told() == 1)
    Page(part, "page2")
    until(lambda: told() == 2)
    first.say("seen")
    part.changed()
    time.sleep(0.6)
    assert told() == 2


def test_many_changes_are_one_rendering(neroman: Neroman) -> None:
    part = Part(neroman)
    page = Page(part)
    page.until(lambda state: state["count"])
    before, began = part.count, time.monotonic()
    while time.monotonic() < began + 1.0:
        part.changed()
        time.sleep(0.002)
    assert 2 <= part.count - before <= 8


def test_a_change_of_the_store_is_seen_soon(neroman: Neroman, tmp_path: Any) -> None:
    folder = tmp_path / "sweep"
    folder.mkdir()
    (folder / "config.yaml").write_text("run_command_prefix: sh\nmain_code_file: main.sh\n+one: {}\n")
    (folder / "main.sh").write_text("echo loss 1\n")
    part = Part(neroman)
    page = Page(part)
    neroman.submit(folder, "local")
    page.until(lambda state: state["runs"] == 1)


def test_acts_are_answered_on_another_thread(neroman: Neroman) -> None:
    page = Page(Part(neroman))
    assert page.ask("add", a=2, b=3) == 5
    assert page.ask("thread").startswith("neronet-act")


def test_a_slow_act_does_not_hold_up_the_others(neroman: Neroman) -> None:
    part = Part(neroman)
    page, other = Page(part), Page(part, "page2")
    page.say("wait", args={"seconds": 3.0}, id=99)
    assert other.ask("add", a=1, b=1) == 2
    assert not [m for m in page._custom() if m.get("answer") == 99]
    until(lambda: [m for m in page._custom() if m.get("answer") == 99])


def test_a_refusal_says_what_to_do(neroman: Neroman) -> None:
    page = Page(Part(neroman))
    assert page.refused("refuse") == {"text": "there is no such thing", "hint": "look again"}
    assert "ZeroDivisionError" in page.refused("break")["text"]
    assert "does not know how to fly" in page.refused("fly")["text"]
    assert page.ask("add", a=1, b=2) == 3


def test_what_is_remembered_outlives_the_kernel(neroman: Neroman) -> None:
    remember(neroman.home, "runs", {"columns": ["lr"]})
    remember(neroman.home, "nodes", {"x": 1})
    assert recall(neroman.home, "runs") == {"columns": ["lr"]}
    assert recall(neroman.home, "nothing") == {}
    (neroman.home / "panel.json").write_text("{")
    assert recall(neroman.home, "runs") == {}


@pytest.mark.parametrize(
    ("value", "text"),
    [(7.2144, "7.214"), (67.01, "67.01"), (0.000412, "0.0004120"), (12040000.0, "1.204e7"), (float("nan"), "nan"),
     (float("-inf"), "-inf"), (None, ""), (0.0, "0"), (3.0, "3"), (0.5, "0.5000"), (-0.25, "-0.2500"), (123456.7, "123457"),
     (9999.96, "10000"), (1e-7, "1.000e-7")],
)  # fmt: skip
def test_numbers_have_four_digits(value: float | None, text: str) -> None:
    assert say.number(value) == text


def test_ages_durations_and_sizes_are_short() -> None:
    assert [say.age(s) for s in (3, 500, 7300, 432000)] == ["3 s", "8 min", "2 h", "5 d"]
    assert [say.duration(s) for s in (12, 200, 3720, 187200)] == [
        "12 s",
        "3 min 20 s",
        "1 h 2 min",
        "2 d 4 h",
    ]
    assert [say.size(n) for n in (12, 31000, 1100000, 999.6e3)] == ["12 bytes", "31 kB", "1.1 MB", "1.0 MB"]
    assert [say.memory(n) for n in (2**34, 9.8 * 2**30, 2**27)] == ["16 GiB", "9.8 GiB", "128 MiB"]
    assert say.count(1912, "run") == "1,912 runs"
