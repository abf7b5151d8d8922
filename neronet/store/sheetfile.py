"""A table of results as a file: .csv, .json, .xlsx or .parquet.

Texts come from programs, nodes and configurations, and spreadsheets take a text that begins with = + - @ for a
formula: in CSV such a text gets an apostrophe before it, in Excel's format its cell says that it is a text.
Numbers stay numbers.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from neronet.errors import InputError, NeronetError
from neronet.store.sheet import TIMES, Sheet

_FORMULA = re.compile(r"[=+\-@\t\r\n]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # what XML cannot hold
CELL = 32_767  # characters that a cell of Excel takes
SIDES = (1_048_576, 16_384)  # rows and columns of a sheet of Excel


def write(sheet: Sheet, path: Path) -> None:
    """Replaces the file as a whole, or leaves it as it is. Raises InputError for an ending that is not known, or a
    library that is not installed, and NeronetError when it cannot be written."""
    make = writer(path)
    place = Path(os.path.realpath(path))  # a link stays a link
    part = place.with_name(f".{place.name}.{secrets.token_hex(4)}.part")
    try:
        data = make(sheet)
        try:
            with open(part, "xb") as file:
                file.write(data)
            os.replace(part, place)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise NeronetError(
            f"{path} cannot be written: {error.strerror or error}",
            "is there such a folder, is there room, is the file open in another program?",
        ) from error


def writer(path: Path) -> Callable[[Sheet], bytes]:
    """What makes a file of this ending. Raises InputError."""
    try:
        return WRITERS[path.suffix.lower()]
    except KeyError:
        raise InputError(
            f"{path}: the ending says what to write", f"end it in {', '.join(WRITERS)}"
        ) from None


def as_csv(sheet: Sheet) -> str:
    """UTF-8 by RFC 4180, but for the ends of lines; times are ISO 8601 UTC."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow([_plain(title) for title in sheet.columns])
    lines.writerows([_plain(value) for value in row] for row in sheet.rows)
    return text.getvalue()


def as_json(sheet: Sheet) -> str:
    """A list of objects, one in each line; nan and infinities are null."""
    lines = ",\n ".join(
        json.dumps(
            {name: _json(value) for name, value in record.items()}, allow_nan=False, ensure_ascii=False
        )
        for record in sheet.records()
    )
    return f"[{lines}]\n"


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, str):
        # A lone surrogate is a byte of a name that is no text; csv does not quote a lone \r, which ends a line.
        text = value.encode("utf-8", "replace").decode().replace("\r\n", "\n").replace("\r", "\n")
        return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text
    return value


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _xlsx(sheet: Sheet) -> bytes:
    """One sheet, with titles that stay in sight; times are UTC, nan and infinities are texts."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    if len(sheet.rows) >= SIDES[0] or len(sheet.columns) > SIDES[1]:
        raise InputError(
            f"{len(sheet.rows):,} runs with {len(sheet.columns):,} columns are more than a sheet of Excel holds",
            "write a .csv or a .parquet",
        )
    book = Workbook(write_only=True)
    page = book.create_sheet("runs")
    page.freeze_panes = "C2"
    for index, title in enumerate(sheet.columns, 1):
        page.column_dimensions[_letters(index)].width = min(40, max(10, len(title) + 2))

    def cell(value: Any, bold: bool = False) -> Any:
        if value is None or value == "":
            return None
        if isinstance(value, datetime):
            made = WriteOnlyCell(page, value.replace(tzinfo=None))  # Excel knows no zones
            made.number_format = "yyyy-mm-dd hh:mm:ss"
        elif isinstance(value, str) or (isinstance(value, float) and not math.isfinite(value)):
            text = _ILLEGAL.sub("\ufffd", str(value))
            made = WriteOnlyCell(page, text if len(text) <= CELL else f"{text[: CELL - 3]}...")
            made.data_type = "s"  # also what looks like a formula
            if _FORMULA.match(text):
                made.style = "Normal"
                made.quotePrefix = True  # also once somebody has edited it
        elif isinstance(value, int) and abs(value) >= 2**53:
            return cell(str(value))  # Excel would round it
        else:
            return value
        if bold:
            made.font = Font(bold=True)
        return made

    page.append([cell(f"{title} (UTC)" if title in TIMES else title, bold=True) for title in sheet.columns])
    for row in sheet.rows:
        page.append([cell(value) for value in row])
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def _letters(index: int) -> str:
    from openpyxl.utils import get_column_letter

    return get_column_letter(index)


def _parquet(sheet: Sheet) -> bytes:
    import pandas as pd

    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise InputError(
            "parquet needs pyarrow, which is not installed", "pip install neronet[tables]"
        ) from None
    columns = {name: [row[place] for row in sheet.rows] for place, name in enumerate(sheet.columns)}
    made: dict[str, Any] = {}
    for name, values in columns.items():
        if name in TIMES:
            made[name] = pd.Series(values, dtype="datetime64[ms, UTC]")
        elif any(isinstance(value, str) for value in values):
            made[name] = pd.Series(
                [None if value is None else _json(str(value)) for value in values], dtype=object
            )
        else:
            made[name] = pd.Series(values)
    data = io.BytesIO()
    pd.DataFrame(made).to_parquet(data, index=False)
    return data.getvalue()


WRITERS: dict[str, Callable[[Sheet], bytes]] = {
    ".csv": lambda sheet: as_csv(sheet).encode("utf-8"),
    ".json": lambda sheet: as_json(sheet).encode("utf-8"),
    ".xlsx": _xlsx,
    ".parquet": _parquet,
}
