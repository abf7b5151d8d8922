"""The table that people keep: every row whole, numbers as numbers, and no text that a spreadsheet would run."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from neronet.errors import InputError, NeronetError
from neronet.spec.preferences import TABLES
from neronet.store import Store, sheetfile
from neronet.store.batches import LOCAL, Batch
from neronet.store.sheet import Sheet, sheet
from neronet.store.sheetfile import as_csv, write
from tests.store.store_tools import SNAPSHOT, end, new_run, records

EVIL = '=HYPERLINK("http://evil.example","x")'
COMMIT = "ab" * 20


@pytest.fixture
def table(store: Store) -> Sheet:
    """Three runs: finished with a note that is a formula, diverged, and waiting."""
    local = {"folder": "/f", "git": {"commit": COMMIT, "branch": "main", "dirty": True}}
    with store.transaction(durable=True):
        store.batches.add(Batch("t", "gpu1", "p", "lang", SNAPSHOT, 1, "sending", 1.0), {LOCAL: local})
        new = [
            new_run(
                f"lang/lr={lr}", idx, "t", parameters={"lr": lr, "opt": opt, "note": "-5"},
                argv=("python", "a b.py", f"--lr={lr}"), submitted=1773500966.5,
            )
            for idx, (lr, opt) in enumerate([("1e-3", "@sum"), ("0.1", "adam"), ("10", "+1+1")])
        ]  # fmt: skip
        store.runs.add(new, str)
    store.points.add(1, 1, 0, records([2.0, 0.25], "loss") + records([-1.5], "gain", start=100))
    store.points.add(2, 1, 0, records([math.nan], "loss"))
    store.points.add(1, 1, 3, records([1e6], "node.memory"))
    end(store, 1, ended=4.25)
    store.runs.set_note([1], EVIL)
    store.runs.set_tags([1], ["good", "paper"])
    store.runs.set_tags([1, 2], ["second"], ["paper"])
    return sheet(store)


def test_a_row_tells_all_of_a_run(table: Sheet) -> None:
    first = table.records()[0]
    assert first["tags"] == "good, second"
    assert (first["lr"], first["loss"], first["gain"], first["duration"]) == (0.001, 0.25, -1.5, 3.25)
    assert (first["code"], first["commit"]) == (SNAPSHOT[:12], f"{COMMIT}-dirty")
    assert first["command"] == "python 'a b.py' --lr=1e-3"
    assert (first["note"], first["param.note"]) == (EVIL, -5)
    assert table.records()[2]["loss"] is None
    assert table.columns[:3] == ["number", "name", "experiment"]
    assert not [name for name in table.columns if name.startswith("node.")]


def test_excel_reads_numbers_dates_and_texts_and_no_formula(table: Sheet, tmp_path: Path) -> None:
    file = tmp_path / "runs.xlsx"
    write(table, file)
    page = openpyxl.load_workbook(file).active
    assert page is not None
    assert not [cell for row in page.iter_rows() for cell in row if cell.data_type == "f"]
    titles = [cell.value for cell in page[1]]
    assert titles[6] == "submitted (UTC)"
    values = dict(zip(titles, [cell.value for cell in page[2]]))
    assert values["note"] == EVIL
    assert (values["lr"], values["loss"], values["opt"]) == (0.001, 0.25, "@sum")
    assert values["submitted (UTC)"].isoformat() == "2026-03-14T15:09:26.500000"
    frame = pd.read_excel(file)
    assert frame["loss"].tolist()[0] == 0.25 and math.isnan(frame["loss"][1]) and frame["lr"].sum() == 10.101
    cell = page.cell(2, titles.index("note") + 1)
    assert cell.quotePrefix, "once edited it must stay a text"


def test_csv_and_json_and_parquet_have_the_same_values(table: Sheet, tmp_path: Path) -> None:
    for ending in ("csv", "json", "parquet"):
        write(table, tmp_path / f"runs.{ending}")
    frames = [
        pd.read_csv(tmp_path / "runs.csv"),
        pd.DataFrame(json.loads((tmp_path / "runs.json").read_text())),
        pd.read_parquet(tmp_path / "runs.parquet"),
    ]
    for frame in frames:
        assert frame["number"].tolist() == [1, 2, 3]
        assert frame["lr"].tolist() == [0.001, 0.1, 10.0]
        assert frame["gain"][0] == -1.5 and pd.isna(frame["gain"][1])
        assert pd.to_datetime(frame["submitted"])[0] == pd.Timestamp("2026-03-14T15:09:26.500Z")
    assert frames[1]["note"][0] == frames[2]["note"][0] == EVIL
    assert frames[0]["note"][0] == f"'{EVIL}"


def test_no_cell_of_a_csv_can_become_a_formula() -> None:
    texts = ["=1+1", "+1+1", "-1-1", "@sum", "\t=1", "\r=1", "-1.5e3", "+2", "-", "plain"]
    text = as_csv(Sheet(["text", "=title"], [[each, -1.5] for each in texts]))
    rows = pd.read_csv(io.StringIO(text, newline=""), dtype=str)
    assert rows["text"].tolist() == [
        "'=1+1", "'+1+1", "'-1-1", "'@sum", "'\t=1", "'\n=1", "-1.5e3", "+2", "'-", "plain",
    ]  # fmt: skip
    assert list(rows.columns) == ["text", "'=title"]
    assert set(rows["'=title"]) == {"-1.5"}


def test_texts_that_excel_cannot_hold_are_cut_or_marked(tmp_path: Path) -> None:
    odd = Sheet(["number", "name", "value"], [[2**60, "a\x00\x1b\ud800b" + "x" * 40_000, math.inf]])
    for ending in ("xlsx", "csv", "json", "parquet"):
        write(odd, tmp_path / f"odd.{ending}")
    row = [cell.value for cell in openpyxl.load_workbook(tmp_path / "odd.xlsx").worksheets[0][2]]
    assert row[0] == str(2**60) and row[2] == "inf"
    assert row[1].startswith("a\ufffd\ufffd\ufffdbxxx") and len(row[1]) == 32_767


def test_a_file_is_replaced_as_a_whole_or_stays(table: Sheet, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    real, link = tmp_path / "disk" / "runs.csv", tmp_path / "runs.csv"
    link.symlink_to(real)
    write(table, link)
    assert link.is_symlink() and real.read_text().startswith("number,")
    with pytest.raises(InputError, match="the ending says"):
        write(table, tmp_path / "runs.ods")
    with pytest.raises(NeronetError, match="cannot be written"):
        write(table, tmp_path / "none" / "runs.csv")
    assert sorted(path.name for path in tmp_path.rglob("*.part")) == []


def test_a_table_without_runs_has_its_titles(store: Store, tmp_path: Path) -> None:
    for ending in ("csv", "xlsx", "parquet", "json"):
        write(sheet(store), tmp_path / f"none.{ending}")
    assert len(pd.read_parquet(tmp_path / "none.parquet")) == 0
    assert "command" in pd.read_excel(tmp_path / "none.xlsx").columns


def test_the_preferences_know_what_can_be_written() -> None:
    assert tuple(sheetfile.WRITERS) == TABLES
