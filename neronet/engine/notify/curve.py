"""A small curve as a PNG, without a library: a message must not need one (pure)."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Sequence
from itertools import pairwise

from neronet import words

WIDTH, HEIGHT = 480, 160
LEFT, RIGHT, TOP, BOTTOM = 60, 10, 10, 22  # room around the curve
_LINE = (31, 111, 184)
_GRID = (225, 228, 232)
_INK = (90, 96, 104)
_THICK = 1.8
_COLUMN = 3  # dots
# 5 x 7 signs, a row a number, the leftmost point its highest bit.
_SIGNS = {
    "0": (14, 17, 19, 21, 25, 17, 14), "1": (4, 12, 4, 4, 4, 4, 14), "2": (14, 17, 1, 2, 4, 8, 31),
    "3": (31, 2, 4, 2, 1, 17, 14), "4": (2, 6, 10, 18, 31, 2, 2), "5": (31, 16, 30, 1, 1, 17, 14),
    "6": (6, 8, 16, 30, 17, 17, 14), "7": (31, 1, 2, 4, 8, 8, 8), "8": (14, 17, 17, 14, 17, 17, 14),
    "9": (14, 17, 17, 15, 1, 2, 12), ".": (0, 0, 0, 0, 0, 12, 12), "-": (0, 0, 0, 31, 0, 0, 0),
    "+": (0, 4, 4, 31, 4, 4, 0), "e": (0, 0, 14, 17, 31, 16, 14),
}  # fmt: skip


def curve(steps: Sequence[float], values: Sequence[float]) -> bytes | None:
    """The values over the steps as a PNG of 480 x 160; None when less than two of them are finite numbers."""
    points = [
        (step, value)
        for step, value in zip(steps, values, strict=True)
        if math.isfinite(step) and math.isfinite(value)
    ]
    if len(points) < 2:
        return None
    x0, x1 = min(x for x, _ in points), max(x for x, _ in points)
    y0, y1 = _range(min(y for _, y in points), max(y for _, y in points))
    picture = _Picture()
    for tick in _ticks(y0, y1, 4):
        y = _place(tick, y0, y1, HEIGHT - BOTTOM, TOP)
        picture.horizontal(round(y), _GRID)
        label = words.number(tick)
        picture.write(label, LEFT - 6 - 6 * len(label), round(y) - 3)
    for tick in _ticks(x0, x1, 5) if x1 > x0 else [x0]:
        x = _place(tick, x0, x1, LEFT, WIDTH - RIGHT)
        label = words.number(tick)
        left = round(x) - 3 * len(label)
        picture.write(label, min(max(0, left), WIDTH - 6 * len(label)), HEIGHT - BOTTOM + 8)
    line = [
        (_place(x, x0, x1, LEFT, WIDTH - RIGHT), _place(y, y0, y1, HEIGHT - BOTTOM, TOP)) for x, y in points
    ]
    picture.draw(_thin(line))
    return picture.png()


def _range(low: float, high: float) -> tuple[float, float]:
    if low == high:
        room = abs(low) * 0.1 or 1.0
        return low - room, high + room
    return low, high


def _place(value: float, low: float, high: float, start: float, end: float) -> float:
    part = 0.5 if high == low else value / (high - low) - low / (high - low)
    return start + min(1.0, max(0.0, part)) * (end - start)


def _ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers between the two."""
    rough = high / most - low / most
    if not (math.isfinite(rough) and rough > 0):
        return [low]
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((power * factor for factor in (1, 2, 5, 10) if power * factor >= rough), power * 10)
    if not step or not math.isfinite(high / step):
        return [low]
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    if last - first > 2 * most:  # numbers too close to each other for their size
        return [low]
    return [n * step for n in range(first, last + 1)] or [low]


def _thin(line: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Of many points in a narrow column the lowest and the highest: it looks nearly the same, and is drawn at once."""
    if len(line) <= WIDTH:
        return list(line)
    columns: dict[int, list[tuple[float, float]]] = {}
    for point in line:
        columns.setdefault(int(point[0] / _COLUMN), []).append(point)
    thin = [line[0]]
    for column in columns.values():
        ends = {min(column, key=lambda point: point[1]), max(column, key=lambda point: point[1])}
        thin += sorted(ends, key=column.index)
    return [*thin, line[-1]]


class _Picture:
    def __init__(self) -> None:
        self._rows = [bytearray(b"\xff" * (3 * WIDTH)) for _ in range(HEIGHT)]
        self._cover: dict[tuple[int, int], float] = {}

    def horizontal(self, y: int, colour: tuple[int, int, int]) -> None:
        self._rows[y][3 * LEFT : 3 * (WIDTH - RIGHT)] = bytes(colour) * (WIDTH - RIGHT - LEFT)

    def write(self, text: str, x: int, y: int) -> None:
        for place, sign in enumerate(text):
            for row, bits in enumerate(_SIGNS.get(sign, ())):
                for column in range(5):
                    if bits >> (4 - column) & 1:
                        at = 3 * (x + 6 * place + column)
                        if 0 <= at < 3 * WIDTH and 0 <= y + row < HEIGHT:
                            self._rows[y + row][at : at + 3] = bytes(_INK)

    def draw(self, line: Sequence[tuple[float, float]]) -> None:
        """A line through the points with smooth edges: how much of a dot is covered follows from its distance."""
        for (ax, ay), (bx, by) in pairwise(line):
            dx, dy = bx - ax, by - ay
            length = dx * dx + dy * dy
            for y in range(max(0, int(min(ay, by) - 2)), min(HEIGHT, int(max(ay, by) + 3))):
                for x in range(max(0, int(min(ax, bx) - 2)), min(WIDTH, int(max(ax, bx) + 3))):
                    along = ((x - ax) * dx + (y - ay) * dy) / length if length else 0.0
                    along = min(1.0, max(0.0, along))
                    distance = math.hypot(x - ax - along * dx, y - ay - along * dy)
                    cover = min(1.0, _THICK / 2 + 0.5 - distance)
                    if cover > self._cover.get((x, y), 0.0):
                        self._cover[x, y] = cover
        for (x, y), cover in self._cover.items():
            at = 3 * x
            for part in range(3):
                under = self._rows[y][at + part]
                self._rows[y][at + part] = round(under + (_LINE[part] - under) * cover)

    def png(self) -> bytes:
        data = zlib.compress(b"".join(b"\0" + row for row in self._rows), 9)
        head = struct.pack(">2I5B", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
        parts = ((b"IHDR", head), (b"IDAT", data), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
            for name, body in parts
        )
