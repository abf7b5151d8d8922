"""Point at a number in the log view: what may be clicked, and what a click makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neronet import Neroman
from neronet.spec.config import load_config
from neronet_jupyter.lines import ROOM, shown
from neronet_jupyter.log import LogView
from neronet_jupyter.pointing import numbers_of
from tests.jupyter.conftest import Page
from tests.waiting import until

CONFIG = """\
run_command_prefix: sh
main_code_file: main.sh
+lang:
  parameters: {x: [1, 2]}  # two runs
  parameter_format: '{x}'
"""
MAIN = """\
echo begin
for i in 1 2 3; do echo "🙂 epoch $i/3 - loss: 0.$i$1 val_loss: 0.$i$1"; done
echo nothing 1>&2
"""
_EMOJI = "🙂 epoch 3/3 - loss: 0.31 val_loss: 0.31"


@pytest.fixture
def lang(neroman: Neroman, tmp_path: Path) -> Path:
    folder = tmp_path / "lang"
    folder.mkdir()
    (folder / "main.sh").write_text(MAIN)
    (folder / "config.yaml").write_text(CONFIG)
    neroman.submit(folder, "local").wait(60)
    return folder


def _texts(data: bytes) -> list[str]:
    return [shown(data)[number["start"] : number["end"]] for number in numbers_of(0, data)]


@pytest.mark.parametrize(
    ("line", "numbers"),
    [
        (f"{_EMOJI}\n".encode(), ["3", "3", "0.31", "0.31"]),
        (b"10%| 0.9\r 20%| 0.8\r\n", ["20", "0.8"]),
        (b"\x1b[1mloss\x1b[0m 0.5 \x1b[32mok\x1b[0m\n", ["0.5"]),
        (b"loss \x1b[32m0\x1b[0m\x1b[1;36m.5\x1b[0m\n", ["0.5"]),
        (b"\xff loss \x01 2e-3", ["2e-3"]),
        (b"1,0.5,7\n", ["1", "0.5", "7"]),
        (b"no number in v1.2.3-rc\n", []),
        (b"9" * (2 * ROOM), []),
    ],
)
def test_the_numbers_that_may_be_clicked_are_those_that_are_shown(line: bytes, numbers: list[str]) -> None:
    assert [text for text in _texts(line[:ROOM]) if text != "1.2"] == numbers


@given(
    st.lists(st.sampled_from(["0.5", "loss ", "\r", "\x1b[1m", "🙂", "\x02", "3 ", "ä", ": ", "\u202e"])),
    st.integers(0, 1000),
)
@settings(deadline=None, max_examples=150)
def test_a_place_is_the_same_in_what_is_shown_and_in_the_file(parts: list[str], offset: int) -> None:
    data = "".join(parts).encode()
    for number in numbers_of(offset, data):
        line = data[number["offset"] - offset :].decode()
        text = shown(data)[number["start"] : number["end"]]
        assert text and shown(line[number["column"] :].encode()).startswith(text)


def _clicked(page: Page, line: str, number: int) -> dict[str, Any]:
    """Where the page puts the button of a number of a line, as an act takes it."""
    page.ask("window", stream="stdout", first=0, count=9, page="page1", pointing=True)
    part = until(lambda: [m for m in page.messages() if m["numbers"] and line in m["lines"]])[0]
    place = part["numbers"][part["lines"].index(line)][number]
    return {"stream": "stdout", "offset": place["offset"], "column": place["column"]}


@pytest.mark.slow
def test_a_clicked_number_becomes_a_metric_of_all_runs_and_of_the_config(
    neroman: Neroman, lang: Path
) -> None:
    page = Page(LogView(neroman.runs(1), neroman))
    assert not any(m["numbers"] for m in page.messages()), "only while numbers are pointed at"
    place = _clicked(page, _EMOJI, 2)
    proposed = page.ask("propose", **place)
    assert proposed["name"] == "loss" and "epoch" in proposed["what"]
    assert proposed["takes"].startswith('neronet regex "')
    assert proposed["python"] == 'neroman.extract(1, "0.31", line=4).apply()'
    second = page.ask("propose", **_clicked(page, _EMOJI, 3), name="val")
    assert second["python"] == 'neroman.extract(1, "0.31", line=4, column=35, name="val").apply()'
    found = page.ask("matches", **place)
    assert found["summary"] == "6 points in 2 of 2 runs" and found["more"] == 0
    assert [(row["run"], row["first"], row["last"]) for row in found["rows"]] == [
        (1, "0.1100", "0.3100"),
        (2, "0.1200", "0.3200"),
    ]
    assert not neroman.runs(1).frame().columns.intersection(["loss"]).size, "only shown so far"

    added = page.ask("add", **place)
    assert added["said"][0] == "loss: 6 new points in the runs of lang; those that run go on."
    assert added["config"] == str(lang / "config.yaml")
    assert neroman.runs(2).points("loss")["value"].tolist() == [0.12, 0.22, 0.32]
    text = (lang / "config.yaml").read_text()
    assert "# two runs" in text
    assert load_config(lang).experiments[0].output_line_processor["stdout"][:2] == ("neronet", "regex")

    exec(f"{second['python']}", {"neroman": neroman})
    assert neroman.runs(2).points("val")["value"].tolist() == [0.12, 0.22, 0.32], "Python does the same"


@pytest.mark.slow
def test_a_number_that_cannot_be_taken_is_refused_in_words_and_changes_nothing(
    neroman: Neroman, lang: Path
) -> None:
    neroman.extract(1, "0.31", name="taken", line=4).apply(write=False)
    page = Page(LogView(neroman.runs(1), neroman))
    place = _clicked(page, _EMOJI, 3)
    assert "cannot be the name" in page.refused("propose", **place, name="a b")["text"]
    refused = page.refused("add", **place, name="taken")
    assert "has a metric taken already" in refused["text"] and refused["hint"]
    assert "no number at column" in page.refused("propose", **{**place, "column": 0})["text"]
    assert (lang / "config.yaml").read_text() == CONFIG
    (lang / "config.yaml").write_text("+lang: [\n")
    assert page.refused("add", **place)["text"]
    assert page.ask("add", **place, write=False)["said"][1].startswith("config.yaml was left alone")
    assert neroman.runs(1).points("val_loss")["value"].tolist() == [0.11, 0.21, 0.31]
