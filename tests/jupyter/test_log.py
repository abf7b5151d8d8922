"""The log: any line at once, the end as it grows, nothing that acts."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neronet import Neroman
from neronet.errors import InputError
from neronet_jupyter.lines import WIDTH, Lines, shown
from neronet_jupyter.log import LogView
from tests.jupyter.conftest import Page
from tests.waiting import until


@given(st.lists(st.binary(max_size=40), max_size=30), st.integers(0, 40), st.integers(1, 40))
@settings(deadline=None, max_examples=150)
def test_lines_are_those_of_the_file_however_it_grew(pieces: list[bytes], first: int, count: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        lines = Lines(path)
        whole = b""
        for piece in pieces:
            whole += piece
            path.write_bytes(whole)
            lines.look()
        expected = whole.split(b"\n")
        if expected[-1] == b"":
            expected.pop()
        assert lines.count == len(expected)
        assert lines.window(first, count) == [shown(line) for line in expected[first : first + count]]


def test_a_file_that_begins_anew_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("a\nb\nc\n")
    lines = Lines(path)
    assert lines.look()
    assert not lines.look()
    path.write_text("d\n")
    assert lines.look()
    assert lines.window(0, 9) == ["d"]
    path.unlink()
    assert lines.look()
    assert lines.count == 0
    assert lines.window(0, 9) == []


def test_a_line_that_was_written_over_shows_what_stands_there() -> None:
    assert shown(b" 10 %\r 20 %\r 30 %\n") == " 30 %"
    assert shown(b"plain\r\n") == "plain"


@pytest.mark.parametrize(
    "evil",
    [
        b"\x1b[31mred\x1b[0m",
        b"\x1b]0;title\x07x",
        b"\x00\x07\x08",
        "\u202egnp.exe".encode(),
        b"\xff\xfe",
        b"\x9b31m",
    ],
)
def test_nothing_in_a_line_acts(evil: bytes) -> None:
    text = shown(evil)
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or 0x202A <= ord(c) <= 0x202E for c in text)


def test_a_line_of_a_hundred_megabytes_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as file:
        file.write(b"begin")
        file.seek(10**8)
        file.write(b"x\nnext\n")
    lines = Lines(path)
    lines.look()
    assert lines.count == 2
    assert lines.window(0, 2)[0].startswith("begin")
    assert len(lines.window(0, 2)[0]) == WIDTH + 1
    assert lines.window(1, 1) == ["next"]


@pytest.mark.slow
def test_a_million_lines_open_at_once(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"".join(b"step %d loss 0.%d\n" % (n, n) for n in range(1_000_000)))
    lines = Lines(path)
    began = time.monotonic()
    lines.look()
    assert lines.window(999_999, 5) == ["step 999999 loss 0.999999"]
    opened = time.monotonic() - began
    began = time.monotonic()
    assert lines.search("STEP 777777 ") == [777_777]
    print(f"opened in {opened:.3f} s, searched in {time.monotonic() - began:.3f} s")
    assert opened < 2.0


@pytest.mark.slow
def test_a_page_gets_the_end_as_it_grows(neroman: Neroman, tmp_path: Path) -> None:
    folder = tmp_path / "talk"
    folder.mkdir()
    (folder / "config.yaml").write_text("run_command_prefix: sh\nmain_code_file: main.sh\n+talk: {}\n")
    (folder / "main.sh").write_text(
        "for n in 1 2 3 4 5; do echo line $n; sleep 0.3; done; echo oops >&2; exit 3\n"
    )
    runs = neroman.submit(folder, "local")
    page = Page(LogView(runs, neroman))
    page.ask("window", stream="stdout", first=-1, count=3, page="page1")
    last = until(lambda: [m for m in page.messages() if m["lines"][-1:] == ["line 5"]])[0]
    assert last["first"] == 2
    assert last["lines"] == ["line 3", "line 4", "line 5"]
    assert len(page.messages()) >= 3
    page.ask("window", stream="stdout", first=0, count=2, page="page1")
    assert until(
        lambda: [m for m in page.messages() if m["first"] == 0 and m["lines"] == ["line 1", "line 2"]]
    )
    assert page.ask("search", stream="stdout", text="LINE 3") == [2]
    state = page.until(lambda state: state["ended"])
    assert state["state"] == "failed"
    assert state["streams"]["stderr"]["count"] == 1
    assert "no stream" in page.refused("window", stream="x", first=0, count=1, page="page1")["text"]


def test_a_log_is_of_one_run(neroman: Neroman) -> None:
    with pytest.raises(InputError):
        LogView("nothing", neroman)
