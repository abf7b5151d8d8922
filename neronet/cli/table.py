"""Tables without lines: columns two spaces apart, made to fit a width or as wide as they are.  Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from neronet.cli.text import SHAPES, STATE_STYLES, columns, harmless

# A text, or a text with a style: strong quiet good bad warn live odd.
Piece = str | tuple[str, str]
Line = list[Piece]
Cell = Piece | Line

GAP = "  "


@dataclass(frozen=True)
class Column:
    title: str
    right: bool = False
    shrink: int = 0  # the least width it may be cut to; 0: never cut
    tail: bool = False  # its end says more than its beginning: cut at the left
    wrap: bool = False  # a text: what does not fit goes on in the next line instead of being cut
    drop: int = 0  # where the width is short, the column with the highest goes first; 0: it stays


@dataclass
class Table:
    columns: list[Column]
    rows: list[list[Cell]] = field(default_factory=list)

    def add(self, *cells: Cell) -> None:
        self.rows.append(list(cells))


def state_piece(state: str, unicode: bool = True) -> Piece:
    """The state as shape, colour and word."""
    shape, letter = SHAPES.get(state, ("·", "."))
    return (f"{shape if unicode else letter} {state}", STATE_STYLES.get(state, "quiet"))


def pieces(cell: Cell) -> list[tuple[str, str]]:
    """The cell as (harmless text, style) pairs."""
    line = cell if isinstance(cell, list) else [cell]
    pairs = ((piece, "") if isinstance(piece, str) else piece for piece in line)
    return [(harmless(text), style) for text, style in pairs]


def width_of(cell: Cell) -> int:
    return sum(columns(text) for text, _ in pieces(cell))


def layout(table: Table, width: int | None = None, ellipsis: str = "…") -> tuple[list[Line], list[str]]:
    """The lines of the table, at most `width` columns wide, and the titles of the columns left out."""
    kept = list(range(len(table.columns)))
    natural = [
        max([columns(column.title), *(width_of(row[index]) for row in table.rows)])
        for index, column in enumerate(table.columns)
    ]
    widths = dict(enumerate(natural))
    if width is not None:
        while _shrink(table.columns, kept, widths, natural, width) > 0:
            droppable = [index for index in kept if table.columns[index].drop]
            if not droppable:
                break
            kept.remove(max(droppable, key=lambda index: (table.columns[index].drop, index)))
    lines: list[Line] = []
    if any(table.columns[index].title for index in kept):
        titles: list[Cell] = [(column.title, "quiet") for column in table.columns]
        lines.append(_join(table.columns, titles, kept, widths, ellipsis))
    for row in table.rows:
        folded = _fold(table.columns, row, kept, widths)
        lines.extend(_join(table.columns, cells, kept, widths, ellipsis) for cells in folded)
    return lines, [column.title for index, column in enumerate(table.columns) if index not in kept]


def _shrink(
    all_columns: list[Column], kept: list[int], widths: dict[int, int], natural: list[int], width: int
) -> int:
    """Cut the columns that may be cut, the widest first; what is still too much."""
    widths.update({index: natural[index] for index in kept})
    excess = sum(widths[index] for index in kept) + len(GAP) * (len(kept) - 1) - width
    while excess > 0:
        able = [index for index in kept if 0 < all_columns[index].shrink < widths[index]]
        if not able:
            break
        widest = max(able, key=lambda index: widths[index])
        widths[widest] -= 1
        excess -= 1
    return excess


def _fold(
    all_columns: list[Column], row: list[Cell], kept: list[int], widths: dict[int, int]
) -> list[list[Cell]]:
    """The row, and below it what of its texts that wrap does not fit."""
    rows = [list(row)]
    for index in kept:
        if not all_columns[index].wrap or width_of(row[index]) <= widths[index]:
            continue
        ((text, style),) = pieces(row[index])
        for place, part in enumerate(fold(text, widths[index])):
            if place == len(rows):
                rows.append([""] * len(row))
            rows[place][index] = (part, style)
    return rows


def fold(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` columns, broken at blanks where there are any."""
    lines = [""]
    for word in text.split():
        if lines[-1] and columns(f"{lines[-1]} {word}") > width:
            lines.append("")
        elif lines[-1]:
            word = f" {word}"
        for sign in word:
            if columns(lines[-1] + sign) > width:
                lines.append("")
            lines[-1] += sign
    return lines


def _join(
    all_columns: list[Column], cells: list[Cell], kept: list[int], widths: dict[int, int], ellipsis: str
) -> Line:
    line: list[Piece] = []
    for place, index in enumerate(kept):
        cell = (cut_left if all_columns[index].tail else cut)(pieces(cells[index]), widths[index], ellipsis)
        padding = " " * (widths[index] - sum(columns(text) for text, _ in cell))
        line.append(GAP if place else "")
        line.extend([padding, *cell] if all_columns[index].right else [*cell, padding])
    while line and isinstance(line[-1], str) and not line[-1].strip():
        line.pop()  # no blanks at the end of a line
    return line


def cut(cell: list[tuple[str, str]], width: int, ellipsis: str = "…") -> list[tuple[str, str]]:
    """The pieces cut to `width` columns, the cut marked."""
    if sum(columns(text) for text, _ in cell) <= width:
        return cell
    room = max(0, width - len(ellipsis))
    shorter: list[tuple[str, str]] = []
    for text, style in cell:
        while columns(text) > room:
            text = text[:-1]
        shorter.append((text, style))
        room -= columns(text)
        if room <= 0:
            break
    return [*shorter, (ellipsis[:width], "quiet")]


def cut_left(cell: list[tuple[str, str]], width: int, ellipsis: str = "…") -> list[tuple[str, str]]:
    """The same with the beginning cut away."""
    mirrored = [(text[::-1], style) for text, style in reversed(cell)]
    return [(text[::-1], style) for text, style in reversed(cut(mirrored, width, ellipsis))]
