"""Which columns a table of some width shows, and how wide they are (pure)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import accumulate

from neronet.wire.samples import is_sample
from neronet_jupyter.table.arrange import METRIC, PARAMETER

NUMBER_FROM, MAIN_FROM = 400, 700  # pixels: from where numbers and ages are shown; what a tab has
MERGED_BELOW = 280
SPARK, SPARK_MAIN, SPARK_MERGED = 44, 96, 46
MOST = 220  # pixels of a column, whatever is in it
LEAST_TAGS, MOST_TAGS, MOST_TAGS_MAIN = 40, 100, 160
CHIP, BETWEEN = 10, 4  # pixels of a tag besides its text, and between two
FROZEN = ("check", "state", "number")

_NARROW, _BROAD = frozenset("ijl.,:;|!'` tfrI()[]"), frozenset("mwMW@%&")


def text_width(text: str) -> int:
    """Pixels of a text of 12 px, in the broadest font that a user is likely to have."""
    width = 0.0
    for sign in text:
        if "0" <= sign <= "9":
            width += 7.64
        elif sign in _NARROW:
            width += 4.8
        elif sign in _BROAD:
            width += 11.6
        else:
            width += 13.0 if ord(sign) > 0x2E7F else 8.6 if sign.isupper() else 7.5
    return math.ceil(width)


@lru_cache(maxsize=65536)
def tags_width(tags: tuple[str, ...]) -> int:
    """Pixels of the tags of a run, in letters of 11 px; 0 for none."""
    return sum(math.ceil(text_width(tag) * 11 / 12) + CHIP + BETWEEN for tag in tags) - BETWEEN if tags else 0


@dataclass(frozen=True)
class Column:
    """`key`: check, state, number, name, experiment, node, age, tags, note, spark, merged, p:NAME, m:NAME; `left` and
    `width` in pixels; `asked`: it is shown because the user wants it."""

    key: str
    title: str
    width: int
    left: int = 0
    right: bool = False  # aligned
    asked: bool = False


@dataclass(frozen=True)
class Layout:
    columns: tuple[Column, ...]
    width: int  # of all; more than the page's scrolls sideways
    main: bool  # as in a tab
    merged: bool  # the parameters are one text
    tall: int  # rows that a reason takes

    @property
    def frozen(self) -> int:
        """How many columns stay when the others scroll."""
        count = next((i for i, one in enumerate(self.columns) if one.key not in FROZEN), len(self.columns))
        return count if self.main else 0

    def between(self, left: float, right: float) -> range:
        """The places of the columns that scroll of which something lies between two lines, in pixels."""
        places = [
            place
            for place, one in enumerate(self.columns)
            if place >= self.frozen and one.left < right and one.left + one.width > left
        ]
        return range(places[0], places[-1] + 1) if places else range(self.frozen, self.frozen)


@dataclass(frozen=True)
class Known:
    """What may be shown: names in the order of the columns, with the width of what is in them."""

    varying: Sequence[
        str
    ] = ()  # parameters that differ in the groups that are shown, of a zip only the first
    others: Sequence[str] = ()  # the other parameters
    zipped: Sequence[str] = ()  # those among them that vary, with the first of their zip
    metrics: Sequence[str] = ()
    metric: str = ""  # the one that is chosen
    widths: Mapping[str, int] = field(default_factory=dict)  # of the contents, by key
    tags: bool = False  # some run has one


def choices(known: Known, main: bool) -> list[tuple[str, bool]]:
    """(key, whether it is shown unless the user says otherwise) of every column that may be hidden."""
    tags = [("tags", True)] if known.tags else []
    return [
        ("number", main),
        ("name", False),
        ("experiment", False),
        *((PARAMETER + name, True) for name in known.varying),
        *((PARAMETER + name, main) for name in known.zipped),
        *((PARAMETER + name, False) for name in known.others),
        *(() if main else tags),
        ("node", main),
        ("spark", True),
        *(
            (METRIC + name, name == known.metric or (main and not is_sample(name)))
            for name in first(known.metric, known.metrics)
        ),
        ("age", main),
        *(tags if main else ()),
        ("note", main),
    ]


def first(name: str, names: Sequence[str]) -> list[str]:
    return [name, *(other for other in names if other != name)] if name else list(names)


TITLES = {"number": "#", "name": "name", "experiment": "experiment", "node": "node", "age": "age", "tags": "tags",
          "note": "note", "spark": "", "state": "", "check": ""}  # fmt: skip
_FIXED = {"check": 14, "state": 14, "spark": SPARK, "age": 48, "note": 60}
_RIGHT = ("age",)


def layout(width: int, known: Known, asked: Mapping[str, bool]) -> Layout:
    """The columns of a table of `width` pixels; `asked`: key -> whether the user wants to see it."""
    main = width >= MAIN_FROM
    gap, left, right = (10, 10, 10) if main else (5, 6, 8)
    wanted = [
        (key, asked.get(key) is True)
        for key, default in choices(known, main)
        if asked.get(key, default or (key in ("number", "age") and width >= NUMBER_FROM))
    ]
    columns = [Column("state", "", _FIXED["state"])]
    if main:
        columns.insert(0, Column("check", "", _FIXED["check"]))
    columns += [_column(key, known, main, asked) for key, asked in wanted]
    if not any(one.key == METRIC + known.metric for one in columns):
        columns = [one for one in columns if one.key != "spark"]
    if not main:
        over = _total(columns, gap, left, right) - width
        columns = _without_tags(columns, over if width >= MERGED_BELOW else MOST_TAGS)
    merged = not main and (width < MERGED_BELOW or _total(columns, gap, left, right) > width)
    if merged and not any(one.asked for one in columns):
        columns = _merge(columns, width, gap, left, right)
    else:
        merged = False
        columns = _stretch(columns, width - _total(columns, gap, left, right))
    places = accumulate((one.width + gap for one in columns), initial=left)
    placed = tuple(replace(one, left=place) for one, place in zip(columns, places, strict=False))
    return Layout(
        placed,
        max(width, _total(columns, gap, left, right)),
        main,
        merged,
        2 if main else 4 if width >= NUMBER_FROM else 5,
    )


def _column(key: str, known: Known, main: bool, asked: bool) -> Column:
    name = key[2:] if key.startswith((PARAMETER, METRIC)) else ""
    title = name or TITLES[key]
    if key == "spark":
        return Column(key, known.metric, SPARK_MAIN if main else SPARK, asked=asked)
    if key == METRIC + known.metric and main:
        title = "last"
    measured = known.widths.get(key, _FIXED.get(key, 40))
    least = math.ceil(text_width(title) * 11 / 12)
    is_metric = key.startswith(METRIC)
    # The head of the chosen metric may reach over its sparkline, which has none of its own there.
    needed = max(measured, 40 if is_metric else 14, least if main or not is_metric else 0)
    most = MOST if key != "tags" else MOST_TAGS_MAIN if main else MOST_TAGS
    return Column(key, title, min(most, needed), right=is_metric or key in _RIGHT, asked=asked)


def _total(columns: Sequence[Column], gap: int, left: int, right: int) -> int:
    return left + right + sum(one.width + gap for one in columns) - gap


def _without_tags(columns: Sequence[Column], pixels: int) -> list[Column]:
    """So many pixels less: the tags are the first to give way, first some of their width."""
    found = []
    for one in columns:
        if one.key != "tags" or pixels <= 0:
            found.append(one)
        elif one.asked or one.width - pixels >= LEAST_TAGS:
            found.append(replace(one, width=max(LEAST_TAGS, one.width - pixels)))
    return found


def _stretch(columns: list[Column], spare: int) -> list[Column]:
    """What is left over goes to the note, else to the sparkline, else to the last text."""
    if spare <= 0:
        return columns
    for key in ("note", "spark", "name"):
        if any(one.key == key for one in columns):
            return [replace(one, width=one.width + spare) if one.key == key else one for one in columns]
    return columns


def _merge(columns: list[Column], width: int, gap: int, left: int, right: int) -> list[Column]:
    """The parameters as one text, which gets what the others leave."""
    kept: list[Column] = []
    for one in columns:
        if not one.key.startswith(PARAMETER):
            kept.append(replace(one, width=SPARK_MERGED) if one.key == "spark" else one)
        elif not any(other.key == "merged" for other in kept):
            names = [other.title for other in columns if other.key.startswith(PARAMETER)]
            kept.append(Column("merged", " ".join(names), 0))
    spare = width - _total(kept, gap, left, right)
    if not any(one.key == "merged" for one in kept):
        return _stretch(kept, spare)
    return [replace(one, width=max(40, spare)) if one.key == "merged" else one for one in kept]
