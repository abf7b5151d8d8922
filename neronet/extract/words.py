"""The parts of a line around a number: what names it, what counts, what is punctuation.  Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from neronet.wire import printed

NUMBER = re.compile(rf"(?<![\w.])(?<!\d[:-])(?<![^\W\d_]-)(?:{printed.NUMBER})")
BEFORE = r"(?<![\w./-])"  # nothing that a longer name could end with
BEHIND = r"(?![\w/])"  # nothing that one could go on with

_WORD = r"[^\W\d][\w./%'@^-]*(?:\([\w.,%/-]{1,20}\))?"  # also `TEMP(K)`
_PHRASE = re.compile(rf"{_WORD}(?: (?:{_WORD}|\((?:[^()\d]{{1,20}}|[^\W\d][^()=:]{{0,19}})\))){{0,3}}$")
_GAP = re.compile(
    r"[\s:=~<>(\[{'\"|,/%;-]*(?:\b(?:tensor|array|float\d*|(?:np|numpy|torch|jnp)\.\w+)\([\[(]*)?$",
    re.IGNORECASE,
)
_UNIT = re.compile(r" ?(?:%|[^\W\d_]{1,10}(?:/[^\W\d_]{1,10})?(?:\^?-?\d)?)(?![\w=:(/]| *[=:]| [-+]?\d)")
_SPACED_UNIT = re.compile(
    r" (?:%|[^\W\d_]+/[^\W\d_]+|[mun\u00b5]?s|secs?|seconds?|min|minutes?|h|hours?|[kKMGT]?i?B|[mk]?eV|K|Hz|W)"
)
_SPECIAL = re.compile(r"[.^$*+?{}\[\]|()\\]")
_LEVELS = frozenset(("DEBUG", "INFO", "WARNING", "WARN", "ERROR", "CRITICAL", "NOTICE", "TRACE"))
_DATES = re.compile(
    r"(?i)(?:mon|tue|wed|thu|fri|sat|sun|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|am|pm|utc|gmt|eta)$"
)
# What stands between a name and its number, and is no part of the name.
_FILLERS = frozenset(
    ("is", "was", "are", "of", "at", "the", "a", "an", "to", "equals", "now", "reached", "on")
)
_COUNTERS = (
    "epochs?|global[ _]steps?|steps?|iterations?|iters?|it|rounds?|generations?|gen|episodes?|trials?|"
    "updates?|batch|cycles?|sweeps?|time ?steps?|durchlauf|lauf|runde|schritt|epoche|\u00e9poque|t|time"
)
_COUNTER = re.compile(
    rf"(?<![\w./-])(?:{_COUNTERS})\.?(?P<gap>['\"]?[ \t]*(?:[=:#]|-(?=[ \t]))?[ \t]*[\[(]?[ \t]*)"
    r"(?P<count>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![.:]?\d|%|\w)",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    r"(?<![\w./-])[^\W\d][\w-]*(?P<gap>[ \t]*[=:#]?[ \t]*[\[(]?[ \t]*)(?P<count>\d+)(?![.:,]?\d|%|\w)"
)
_AMOUNT = re.compile(r"[ \t]*[=:][ \t]*\d+ [^\W\d]+ *(?:[,;.|)]|$)")  # `Running: 3 jobs,`
_TIME = re.compile(r"(?<![\w.:])\d+(?::\d\d)+(?:\.\d+)?(?![\w:])")
_NUMBERED = re.compile(r"(?P<count>\d)[ \t]$")
_COMMA = re.compile(r"[ \t]*[,;]|[ \t]{2}|\t")
_ASSIGNED = re.compile(r"[ \t]*[=:]")
_NOUN = re.compile(r" ([^\W\d][\w/-]*(?: [^\W\d][\w/-]*){0,2})(?=[,;]|$)")
_SIGN = re.compile(r"[ \t]*([!*>#+=~@$&]{1,3})[ \t]")  # before a line that is another than its likes
_JOINED = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:(?:-\d+(?:\.\d+)?)+|/\d+/\d+)(?![\w/])")  # a date or a range
_BAR = re.compile("[ ]*(?:[\u2500-\u259f]|[=#]{3,})[\u2500-\u259f=#>. -]*")
_BRACKETED = re.compile(r"(?<!\S)\[[ \t]*(?P<count>\d+)(?:[ \t]*/[ \t]*\d+)?[ \t]*\]")
_OF = re.compile(r"(?<![\w./-])(?P<count>\d+) ?/ ?\d+(?![\w./]*/)(?![\w.])")
_LEADING = re.compile(r"[ \t]*(?:#|[*+>!@|#]+[ \t]+)?(?P<count>\d+)(?=[ \t,;:|])(?![:,]\d)")
_ELAPSED = re.compile(r"[ \t]*\[[ \t]*(?P<count>\d+(?:\.\d+)?)[ \t]*s(?:ec)?[ \t]*\]")
_LEADING_CELL = re.compile(r"[ \t]*(?P<count>\d+)(?=,)")
# What only the last update of a progress bar shows, as text and as pattern; some tell it by their colours only.
_FULL_BARS = (
    (re.compile("(?<!\\d)100% +[\u2501\u2588]+ "), "100% +[\u2501\u2588]+"),
    (re.compile(r"(?<!\d)100%\|"), r"100%\|"),
    (re.compile(r"\[=+\]"), r"\[=+\]"),
    (re.compile("\u2501(?:\x1b\\[0m\x1b\\[37m\x1b\\[0m)"), "\u2501\\x1b\\[0m\\x1b\\[37m\\x1b\\[0m"),
)
_ESCAPE = re.compile(printed.ESCAPE)


class Piece(NamedTuple):
    """Some characters of the line, and the pattern that finds them in others."""

    start: int
    end: int
    pattern: str


class Label(NamedTuple):
    """What names a number: the characters, and the name that it makes."""

    start: int
    end: int
    name: str


def plain(raw: str) -> str:
    """A line without its colours and all else that a terminal obeys."""
    return _ESCAPE.sub("", raw) if "\x1b" in raw else raw


def plain_columns(raw: str) -> Sequence[int]:
    """Where in `raw` each character of `plain(raw)` stands."""
    if "\x1b" not in raw:
        return range(len(raw))
    columns: list[int] = []
    at = 0
    for escape in _ESCAPE.finditer(raw):
        columns += range(at, escape.start())
        at = escape.end()
    return [*columns, *range(at, len(raw))]


def numbers(line: str) -> list[tuple[int, int]]:
    """The places of all numbers of a line."""
    return [match.span() for match in NUMBER.finditer(line)]


def escaped(text: str) -> str:
    """The pattern for `text`; where it is aligned with blanks, elsewhere there may be more or fewer of them."""
    found = []
    for part in re.findall(r"[ \t]+|[^ \t]+", text):
        if part == " " or part == "\t":
            found.append(part.replace("\t", r"\t"))
        elif part.isspace():
            found.append(r"[ \t]+" if "\t" in part else " +")
        else:
            plain = _SPECIAL.sub(r"\\\g<0>", part).replace("'", ".")  # one less to quote in config.yaml
            found.append("".join(s if s.isprintable() else f"\\x{ord(s):02x}" for s in plain))
    return "".join(found)


def template(text: str) -> str:
    """The same with any number, time, date, range or bar in the place of one."""
    places = [(*match.span(), ".*?") for match in _BAR.finditer(text)]
    places += [(*match.span(), r"[\d:.]+") for match in _TIME.finditer(text)]
    places += [(*match.span(), r"[\d./-]+") for match in _JOINED.finditer(text)]
    places += [
        (start, end, "{number}")
        for start, end in numbers(text)
        if not any(first <= start < last for first, last, _ in places)
    ]
    found, position = [], 0
    for start, end, pattern in sorted(places):
        found += [escaped(text[position:start]), pattern]
        position = end
    return "".join([*found, escaped(text[position:])])


def between(text: str) -> str:
    """The pattern for what stands between a name and its number: blanks behind signs may be missing."""
    pattern = template(text)
    if not text.strip(" "):
        return " +" if text else ""
    return re.sub(r" \+?$", "", pattern) + " *" if pattern[-1:] in " +:=" else pattern


def label(line: str, at: int) -> Label | None:
    """The words that name the number that begins at `at`: those before it, numbers between left out."""
    end = at
    while True:
        end = _GAP.search(line, 0, end).start()  # type: ignore[union-attr]
        before = [span for span in numbers(line[:end]) if span[1] == end]
        phrase = _PHRASE.search(line[:end])
        if phrase is None or (before and phrase.start() > before[0][0]):  # `e-01` is no word
            counter = next((c for c in counters(line[:end]) if c.end >= end > c.start), None)
            if counter is not None:
                end = counter.start
            elif before:
                end = before[0][0]
            else:
                return None
            continue
        words = _own(phrase.group().split(" "))
        start = phrase.end() - len(" ".join(words))
        unit = start and line[start - 1].isdigit()
        if unit and len(words) > 1:  # of the number before: `0.13s best:247`
            start, words, unit = start + len(words[0]) + 1, words[1:], False
        unit = unit or _is_noun(line, start, phrase.end())
        if re.fullmatch(
            r"[ \t]*\|[ \t]*", line[phrase.end() : at]
        ):  # a column of its own: `45.6% of peak | 212 tok/s`
            unit = unit or re.search(r"\d[ \t]?%?[ \t]$", line[:start]) is not None
        named = [word for word in words if word.lower() not in _FILLERS and word not in _LEVELS]
        if unit or not named:
            return None
        return Label(start, phrase.end(), name_of(" ".join(named)))


def _is_noun(line: str, start: int, end: int) -> bool:
    """Whether a word says what the number before it counts: `copied, 3 s, 204 MB/s`."""
    before = _NUMBERED.search(line, 0, start)
    if before is None or _ASSIGNED.match(line, end) or not _COMMA.match(line, end):
        return False
    return not any(match.end() >= before.end("count") for match in _COUNTER.finditer(line, 0, start))


def _own(words: list[str]) -> list[str]:
    """Without the level of a logger."""
    levels = [place for place, word in enumerate(words) if word in _LEVELS]
    return words[levels[-1] + 1 :] if levels and levels[-1] + 1 < len(words) else words


def name_of(text: str) -> str:
    """A metric's name for these words: `Test accuracy` becomes `test_accuracy`, `TotEng` stays; "" for none."""
    plain = text.replace("'s", "").replace(". ", " ").strip(" .,:;'\"")
    if " " in plain or plain.istitle():
        plain = plain.lower()
    name = printed.metric_name(plain) or "" if plain else ""
    return "step_value" if name.lower() == "step" else name  # `step` is what counts


def unit(line: str, at: int) -> str:
    """The unit right behind a number that ends at `at`, with the blank before it; "" when there is none."""
    match = _UNIT.match(line, at)
    if match is None or (match.group()[0] == " " and not _SPACED_UNIT.fullmatch(match.group())):
        return ""
    return match.group()


def noun(line: str, at: int) -> str:
    """The words right behind a number up to a comma or the end, which say what it counts; "" when there are none."""
    match = _NOUN.match(line, at)
    return match[1] if match else ""


def counters(line: str) -> list[Piece]:
    """What may count the steps in a line, the likeliest first."""
    named = list(_COUNTER.finditer(line))
    found = [*named, *_BRACKETED.finditer(line), *_OF.finditer(line)]
    if first := leading(line):
        found.append(first)
    if elapsed := _ELAPSED.match(line):
        found.append(elapsed)
    pieces: list[Piece] = []
    for match in found:
        start, end = match.span("count")
        if any(piece.start <= start < piece.end for piece in pieces):
            continue
        first_at = match.start() - (2 if line[: match.start()].endswith("][") else 0)  # [3][20/50]
        head = between(line[first_at:start])
        if match is first:
            mark = line[:start].strip()
            head = r"^[ \t]*[*+>!@|#]*[ \t]*" if mark else "^ *"
        whole = match.group("count").isdigit() and match.re is not _ELAPSED
        tail = template(line[end : match.end()])
        pieces.append(
            Piece(first_at, match.end(), f"{head}(?P<step>{'{int}' if whole else '{number}'}){tail}")
        )
    return pieces


def is_counter(word: str) -> bool:
    """Whether a word names what counts steps."""
    return re.fullmatch(_COUNTERS, word, re.IGNORECASE) is not None


def leading(line: str) -> re.Match[str] | None:
    """The whole number that a line begins with, if other columns follow."""
    return (_LEADING_CELL if len(re.findall(r",(?=\S)", line)) > 1 else _LEADING).match(line)


def full_bar(raw: str) -> Piece | None:
    """The sign that a progress bar is complete, in a line with its colours; its place is that without them."""
    for pattern, written in _FULL_BARS:
        line = raw if printed.asks_for_escapes(written) else plain(raw)
        if match := pattern.search(line):
            start, end = (len(plain(line[:at])) for at in match.span())
            return Piece(start, end, written)
    return None


def context(line: str, until: int) -> list[Piece]:
    """The words before `until` that name no number, the nearest first: they tell lines of one form apart.  The first
    word of a line may, too."""
    counting = counters(line)
    found = []
    for match in re.finditer(r"(?<![\w.])[^\W\d][\w/%'@^-]*", line[:until]):
        start, end = match.span()
        first = not line[:start].strip()
        if not first and any(piece.start <= start < piece.end for piece in counting):
            continue
        if not first and NUMBER.match(line, re.compile(r"[\s:=]*").match(line, end).end()):  # type: ignore[union-attr]
            continue
        word = match.group()
        if word in _LEVELS or word.lower() in _FILLERS or _DATES.match(word):
            continue
        found.append(Piece(start, end, rf"{BEFORE}{escaped(match.group())}{BEHIND}"))
    if found and not line[: found[0].start].strip():  # where a longer line ends with the same words
        start, end, pattern = found[0]
        found.insert(0, Piece(start, end, rf"^[ \t]*{pattern.removeprefix(BEFORE)}"))
    if sign := _SIGN.match(line, 0, until):
        found.insert(0, Piece(*sign.span(), rf"^[ \t]*{escaped(sign[1])}[ \t]"))
    return found[::-1]


def whole_numbers(line: str) -> list[Piece]:
    """Any word with a whole number that has no unit: what counts the steps in a program's own words."""
    return [
        Piece(*match.span(), between(match[0][: match.start("count") - match.start()]) + "(?P<step>{int})")
        for match in _COUNTED.finditer(line)
        if not unit(line, match.end()) and not _AMOUNT.match(line, match.start("gap"))
    ]
